//! `rollsim test`: do scenarios still come out as they expect?

use clap::Args;

use super::input::{self, Inputs};
use super::{Failure, Outcome, Terminal, progress};
use crate::experiment::{self, pool};
use crate::scenario::Loaded;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Scenario files, or folders of them; `-` is standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    #[command(flatten)]
    changes: input::Changes,
    /// Every expectation must hold for this many seeds, from the scenario's own on.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
}

pub(super) fn test(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    let mut inputs = Inputs::new(&options.changes, terminal);
    let mut scenarios = Vec::new();
    for file in input::scenario_files(&options.paths)? {
        if let Some(scenario) = inputs.scenario(&file)? {
            scenarios.push((file, scenario));
        }
    }
    let seeds = options.seeds as usize;
    let runs = scenarios.len() * seeds;
    let bar = progress::bar(runs as u64, "{bar:40} {pos} of {len} runs", terminal);
    let verdicts = pool::in_order(
        runs,
        |number| {
            let (_, scenario) = &scenarios[number / seeds];
            let seed = experiment::seed(scenario, number % seeds);
            (seed, experiment::failures(scenario, &experiment::measure(scenario, seed)))
        },
        &|| bar.inc(1),
    );
    bar.finish_and_clear();
    let mut failed = 0;
    for ((file, scenario), verdicts) in scenarios.iter().zip(verdicts.chunks(seeds)) {
        terminal.warnings(&scenario.warnings);
        let (line, holds) = line(file, scenario, verdicts, &options.changes);
        failed += usize::from(!holds);
        terminal.result(&line)?;
    }
    if !scenarios.is_empty() {
        let aimless = scenarios.iter().filter(|(_, scenario)| scenario.expectations.is_empty()).count();
        let aimless = if aimless > 0 { format!("; {aimless} without expectations") } else { String::new() };
        terminal.note(&format!("{} passed, {failed} failed{aimless}", scenarios.len() - failed));
    }
    inputs.finish()?;
    Ok(if failed == 0 { Outcome::Done } else { Outcome::ExpectationFailed })
}

/// The line of one scenario, with one more for each expectation that does not hold; and whether all hold.
fn line(file: &str, scenario: &Loaded, verdicts: &[(u64, Vec<String>)], changes: &input::Changes) -> (String, bool) {
    let count = match scenario.expectations.len() {
        0 => "no expectations".to_owned(),
        1 => "1 expectation".to_owned(),
        count => format!("{count} expectations"),
    };
    match verdicts.iter().find(|(_, failures)| !failures.is_empty()) {
        None if verdicts.len() == 1 => (format!("ok    {file}: {count}, seed {}\n", verdicts[0].0), true),
        None => (format!("ok    {file}: {count}, {} seeds from {}\n", verdicts.len(), verdicts[0].0), true),
        Some((seed, failures)) => {
            let set: String = changes.set.iter().map(|assignment| format!(" --set '{assignment}'")).collect();
            let again = format!("rollsim run {file} --seed {seed}{set}");
            let lines: String = failures.iter().map(|failure| format!("      {failure}\n")).collect();
            (format!("FAIL  {file}: {} of {count}, seed {seed}; again with: {again}\n{lines}", failures.len()), false)
        }
    }
}
