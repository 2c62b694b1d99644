//! `rollsim run`: one scenario, told, measured and drawn.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::input::{self, Inputs};
use super::progress::{self, Watch};
use super::watch::{self, Player};
use super::{Failure, Outcome, Terminal, report};
use crate::diag::{Code, Diagnostic};
use crate::experiment::{self, pool};
use crate::metrics::summary::{UpdateOutcome, Vain};
use crate::metrics::{RequestLog, Summary};
use crate::model::client::Grade;
use crate::report::columns::SEEDS;
use crate::report::docker::watch::Watch as Display;
use crate::report::files::{self, Recorder, RequestRows};
use crate::report::ndjson::Records;
use crate::report::seeds::{self, Group};
use crate::report::story::{self, Story};
use crate::report::{console, json};
use crate::scenario::Loaded;
use crate::sim::plan::Image;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Scenario files (JSON or YAML) or stack files; `-` is standard input.
    #[arg(required_unless_present = "compose_file", value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Stack file to run without a scenario, as docker stack deploy -c takes it; may be repeated, later files over earlier ones.
    #[arg(short, long, value_name = "FILE", value_delimiter = ',', conflicts_with = "scenarios")]
    compose_file: Vec<String>,
    #[command(flatten)]
    changes: input::Changes,
    /// Run this many seeds, from the scenario's own on: shows how the metrics are spread, and reports the worst run.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    seeds: Option<u32>,
    /// Folder of the report instead of reports/NAME.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write no report.
    #[arg(long)]
    no_report: bool,
    /// Which requests requests.csv has a row for: all, a sample, or none.
    #[arg(long, value_enum, default_value_t = Requests::Sample)]
    requests: Requests,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Show what docker's client would show while it waits for each command of the timeline, in the pace of a clock on a terminal.
    #[arg(long, conflicts_with = "seeds")]
    watch: bool,
    /// How much faster than a clock --watch is.
    #[arg(long, value_name = "FACTOR", requires = "watch", default_value_t = 1.0, value_parser = watch::speed)]
    speed: f64,
    /// Let the exit code tell how the last update ended: 10 paused, 11 rolled back, 12 rollback paused, 13 unfinished.
    #[arg(long)]
    outcome_exit_code: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The story and a table.
    Human,
    /// Exactly summary.json.
    Json,
    /// All records of the run, an object a line; requests as --requests says.
    Ndjson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Requests {
    /// All.
    Full,
    /// All if they are few, else a sample; the column weight says how many requests a row stands for.
    Sample,
    /// None: there is no such file.
    None,
}

impl From<Requests> for RequestRows {
    fn from(requests: Requests) -> RequestRows {
        match requests {
            Requests::Full => RequestRows::Full,
            Requests::Sample => RequestRows::Sample,
            Requests::None => RequestRows::None,
        }
    }
}

pub(super) fn run(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    if options.out.is_some() && options.scenarios.len() > 1 {
        return Err(Failure::Input("error: --out names one folder, but there are several scenarios".to_owned()));
    }
    if options.watch && options.format != Format::Human {
        return Err(Failure::Input("error: --watch is for people, and this --format for programs".to_owned()));
    }
    let mut inputs = Inputs::new(&options.changes, terminal);
    let mut scenarios = Vec::new();
    for path in &options.scenarios {
        scenarios.extend(inputs.scenario(path)?.map(|scenario| (path, scenario)));
    }
    if let Some(first) = options.compose_file.first() {
        scenarios.extend(inputs.stack(&options.compose_file)?.map(|scenario| (first, scenario)));
    }
    inputs.finish()?;
    if !options.no_report {
        refuse_same_names(&scenarios)?;
    }
    let mut code = 0;
    for (path, mut scenario) in scenarios {
        terminal.warnings(&scenario.warnings);
        note_assumptions(&scenario, terminal);
        let runs = options.seeds.map(|seeds| run_seeds(path, &mut scenario, seeds, options.format, terminal));
        let summary = run_one(&scenario, runs.transpose()?.as_deref(), options, terminal)?;
        code = code.max(outcome_code(&summary));
    }
    Ok(if options.outcome_exit_code && code > 0 { Outcome::Update(code) } else { Outcome::Done })
}

/// Refuses scenarios of one name: the report of one would take the place of the other's.
fn refuse_same_names(scenarios: &[(&String, Loaded)]) -> Result<(), Failure> {
    for (number, (path, Loaded { plan, .. })) in scenarios.iter().enumerate() {
        if let Some((first, _)) = scenarios[..number].iter().find(|(_, first)| first.plan.name == plan.name) {
            return Err(Failure::Input(format!(
                "error: `{first}` and `{path}` are both named `{}`, and so their reports are; run them by themselves with \
                 --out, or use --no-report",
                plan.name
            )));
        }
    }
    Ok(())
}

/// Runs the scenario once, prints what came of it and writes its report.
fn run_one(
    scenario: &Loaded,
    runs: Option<&[Summary]>,
    options: &Options,
    terminal: &Terminal,
) -> Result<Summary, Failure> {
    let plan = &scenario.plan;
    if options.requests == Requests::Full && plan.grade != Grade::Exact {
        terminal.note(
            "warning: there is no requests.csv: in this traffic mode requests are counted and not told one by one",
        );
    }
    let recorder = (!options.no_report).then(|| Recorder::new(plan, options.requests.into()));
    let rows = RequestRows::from(options.requests);
    let records = (options.format == Format::Ndjson).then(|| (Records::new(plan), rows.into_log(plan)));
    let bar = (!options.watch).then(|| Watch::new(plan, terminal));
    let display = options.watch.then(|| Display::new(plan, Player::new(options.speed, terminal)));
    let observer = ((Story::new(plan), recorder), (records, (bar, display)));
    let (summary, ((story, recorder), (records, (bar, display)))) = experiment::observe(scenario, observer);
    drop(bar);
    if let Some(display) = display {
        display.finish(summary.end).finish()?;
        terminal.result("\n")?;
    }
    let story = story.finish(summary.end);
    if let Some((records, requests)) = records {
        let (requests, weight) = requests.map_or_else(Default::default, RequestLog::finish);
        terminal.result(&records.finish(requests, weight))?;
    }
    match options.format {
        Format::Json => terminal.result(&json::summary(&summary))?,
        Format::Ndjson => {}
        Format::Human => {
            let story = story::text(&story);
            let tables = console::summary(&summary);
            terminal.result(&format!("{}\n{story}\n{tables}\n{}", headline(scenario), failures(scenario, &summary)))?;
        }
    }
    // Those warnings that the run itself gave, after the scenario's own.
    for warning in &summary.warnings[scenario.warnings.len()..] {
        terminal.note(&format!("warning: {warning}"));
    }
    for Vain { command, text } in &summary.vain {
        let place = scenario.places.get(*command as usize).and_then(Option::as_ref);
        terminal
            .warnings(&place.map(|place| Diagnostic::new(Code::NoEffect, place, text)).into_iter().collect::<Vec<_>>());
    }
    if let Some(recorder) = recorder {
        let mut contents = recorder.files(&summary, &story).map_err(|error| Failure::Io(format!("error: {error}")))?;
        if let Some(runs) = runs {
            let mut csv = Vec::new();
            seeds::tidy(&[], &[Group { keys: &[], runs }], &mut csv)
                .map_err(|error| Failure::Io(format!("error: {error}")))?;
            contents.push((SEEDS.name, csv));
        }
        report::write(options.out.as_deref(), &plan.name, files::OF_RUN, &contents, terminal)?;
    }
    terminal.note(&format!(
        "rollsim {}, digest {}, seed {}, fingerprint {}",
        env!("CARGO_PKG_VERSION"),
        summary.digest,
        summary.seed,
        summary.fingerprint
    ));
    Ok(summary)
}

/// Runs many seeds, prints how they are spread, and leaves the scenario with the worst one.
fn run_seeds(
    path: &str,
    scenario: &mut Loaded,
    seeds: u32,
    format: Format,
    terminal: &Terminal,
) -> Result<Vec<Summary>, Failure> {
    let (first, last) = (scenario.plan.seed, experiment::seed(scenario, seeds as usize - 1));
    let bar = progress::bar(seeds.into(), "{bar:40} {pos} of {len} seeds", terminal);
    let runs = pool::in_order(
        seeds as usize,
        |number| experiment::measure(scenario, experiment::seed(scenario, number)),
        &|| bar.inc(1),
    );
    bar.finish_and_clear();
    let Some(worst) = seeds::worst(&runs) else { return Ok(runs) };
    scenario.plan.seed = runs[worst.run].seed;
    if format == Format::Human {
        let (seed, why) = (scenario.plan.seed, worst.why);
        terminal.result(&format!(
            "{} seeds from {first} to {last}\n\n{}\nworst seed: {seed}, {why}; told below; again with: rollsim run {path} --seed {seed}\n\n",
            runs.len(),
            seeds::distribution(&runs)
        ))?;
    }
    Ok(runs)
}

/// What it is about, before the story.
fn headline(scenario: &Loaded) -> String {
    let mut text = format!("{}, seed {}\n", scenario.plan.name, scenario.plan.seed);
    text += &wrapped(&scenario.about, WIDTH);
    text
}

/// What the scenario expects and did not come, below the tables; nothing if all holds.
fn failures(scenario: &Loaded, summary: &Summary) -> String {
    let failures = experiment::failures(scenario, summary);
    let lines: String = failures.iter().map(|failure| format!("{failure}\n")).collect();
    if lines.is_empty() { lines } else { lines + "\n" }
}

/// Width of running text.
const WIDTH: usize = 100;

/// Breaks a text between words into lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        let separator = match used {
            0 => "",
            used if used + 1 + length > width => "\n",
            _ => " ",
        };
        used = if separator == " " { used + 1 + length } else { length };
        lines += separator;
        lines += word;
    }
    if used > 0 { lines + "\n" } else { lines }
}

/// Tells the behaviour of images that the scenario does not describe by name, where no warning does.
fn note_assumptions(scenario: &Loaded, terminal: &Terminal) {
    for assumption in &scenario.assumptions {
        terminal.note(&format!("assumed: {assumption}"));
    }
    for image in &scenario.assumed_images {
        let Image { name, behavior } = &scenario.plan.images[*image];
        terminal.note(&format!("note: the scenario does not describe image `{name}`; assumed: {behavior}"));
    }
}

/// Exit code for the worst end of the services' last updates.
fn outcome_code(summary: &Summary) -> u8 {
    let code = |outcome| match outcome {
        UpdateOutcome::Completed | UpdateOutcome::Superseded => 0,
        UpdateOutcome::Paused => 10,
        UpdateOutcome::RollbackCompleted => 11,
        UpdateOutcome::RollbackPaused => 12,
        UpdateOutcome::Unfinished => 13,
    };
    let last = summary.services.iter().filter_map(|service| service.updates.last());
    last.map(|update| code(update.outcome)).max().unwrap_or(0)
}
