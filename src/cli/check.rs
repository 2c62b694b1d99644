//! `rollsim check`: are these scenarios right?

use clap::Args;

use super::input::{self, Inputs};
use super::{Failure, Outcome, Terminal};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Scenario files, or folders of them; `-` is standard input.
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<String>,
    #[command(flatten)]
    changes: input::Changes,
}

pub(super) fn check(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    let mut inputs = Inputs::new(&options.changes, terminal);
    for file in input::scenario_files(&options.scenarios)? {
        if let Some(scenario) = inputs.scenario(&file)? {
            terminal.warnings(&scenario.warnings);
            terminal.result(&format!("{file}: ok\n"))?;
        }
    }
    inputs.finish()?;
    Ok(Outcome::Done)
}
