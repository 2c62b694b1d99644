//! `rollsim sweep`: a scenario over a grid of settings.

use std::path::{Path, PathBuf};

use clap::Args;

use super::input::{self, Inputs};
use super::{Failure, Outcome, Terminal, progress};
use crate::experiment::sweep::{self, Axis, Point};
use crate::metrics::MetricPath;
use crate::report::repeated::Repeated;
use crate::report::{disk, files, sweeps};
use crate::scenario::overlay::Overlay;
use crate::sim::Plan;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The scenario; `-` is standard input.
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// A setting and its values: PATH=V1,V2,... or PATH=A..B/STEP, such as update.delay=0s,5s or deploy.replicas=1..10/1; may
    /// be repeated, for every combination.
    #[arg(long, required = true, value_name = "PATH=VALUES")]
    vary: Vec<String>,
    #[command(flatten)]
    changes: input::Changes,
    /// Run each point with this many seeds, from the scenario's own on.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
    /// The metrics in the table; the chart shows the first that is a number. All are in sweep.csv.
    #[arg(long = "metric", value_name = "NAME")]
    metrics: Vec<String>,
    /// Folder for sweep.csv and the chart instead of reports/NAME.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write no file.
    #[arg(long)]
    no_report: bool,
}

pub(super) fn sweep(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    let axes = parse_all(&options.vary, |text| Axis::parse(text).map_err(|error| error.to_string()))?;
    sweep::all_differ(&axes).map_err(|error| Failure::Input(format!("error: {error}")))?;
    let asked = parse_all(&options.metrics, metric)?;
    let mut inputs = Inputs::new(&options.changes, terminal);
    let source = inputs.read(&options.scenario)?;
    let mut points = Vec::new();
    for values in sweep::grid(&axes) {
        let settings = axes.iter().zip(&values).map(|(axis, value)| Overlay::set(&format!("{}={value}", axis.path)));
        let loaded = source.as_ref().and_then(|source| inputs.load(source, settings));
        points.extend(loaded.map(|scenario| Point { values, scenario }));
    }
    inputs.finish()?;
    check_nodes(&asked, &points[0].scenario.plan)?;
    terminal.warnings(&points[0].scenario.warnings);
    let total = points.len() as u64 * u64::from(options.seeds);
    let bar = progress::bar(total, "{bar:40} {pos} of {len} runs", terminal);
    let results = sweep::sweep(&points, options.seeds as usize, &|| bar.inc(1));
    bar.finish_and_clear();
    let metrics = if asked.is_empty() { sweeps::telling(&results) } else { asked };
    let plan = &points[0].scenario.plan;
    let about = Repeated::of(plan, options.seeds.into());
    let table = sweeps::table(&axes, &points, &results, &metrics);
    terminal.result(&format!("{}: {}\n\n{table}", plan.name, about.on_seeds()))?;
    if !options.no_report {
        let folder = options.out.clone().unwrap_or_else(|| Path::new("reports").join(&plan.name));
        let contents = sweeps::files(&about, &axes, (&points, &results), &metrics);
        let contents = contents.map_err(|error| Failure::Io(format!("error: {error}")))?;
        disk::write_folder(&folder, files::OF_SWEEP, &contents)
            .map_err(|error| Failure::Io(format!("error: {error}")))?;
        let names: Vec<&str> = contents.iter().map(|(name, _)| *name).collect();
        terminal.note(&format!("report: {}: {}", folder.display(), names.join(", ")));
    }
    Ok(Outcome::Done)
}

/// The metric of this name, or what is wrong with it.
pub(super) fn metric(name: &str) -> Result<MetricPath, String> {
    MetricPath::parse(name).map_err(|error| match &error.suggestion {
        Some(suggestion) => format!("{error}; did you mean `{suggestion}`?"),
        None => error.to_string(),
    })
}

/// Refuses metrics of nodes that the scenario does not have.
fn check_nodes(metrics: &[MetricPath], plan: &Plan) -> Result<(), Failure> {
    let is_known = |name: &str| plan.nodes.values().any(|node| node.name == name);
    let unknown = metrics.iter().filter(|metric| metric.node().is_some_and(|node| !is_known(node)));
    let errors: Vec<String> =
        unknown.map(|metric| format!("error: `{metric}` is of no node of the scenario")).collect();
    if errors.is_empty() { Ok(()) } else { Err(Failure::Input(errors.join("\n"))) }
}

/// Reads all arguments of a kind, or tells everything that is wrong with them.
fn parse_all<T>(texts: &[String], parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, Failure> {
    let results: Vec<Result<T, String>> = texts.iter().map(|text| parse(text)).collect();
    let errors: Vec<String> =
        results.iter().filter_map(|result| result.as_ref().err()).map(|error| format!("error: {error}")).collect();
    if errors.is_empty() { Ok(results.into_iter().flatten().collect()) } else { Err(Failure::Input(errors.join("\n"))) }
}
