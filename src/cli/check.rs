//! `rollsim check`: are these scenarios right?

use clap::Args;

use super::{Failure, Outcome, Terminal, input};
use crate::scenario;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Scenario files, or folders of them; `-` is standard input.
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<String>,
    #[command(flatten)]
    changes: input::Changes,
}

pub(super) fn check(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    let overlays = options.changes.overlays();
    let mut problems = Vec::new();
    let files = input::scenario_files(&options.scenarios)?;
    for file in &files {
        match scenario::load(&input::read(file)?, &overlays) {
            Ok(loaded) => {
                terminal.warnings(&loaded.warnings);
                terminal.result(&format!("{file}: ok\n"))?;
            }
            Err(diagnostics) => problems.extend(diagnostics),
        }
    }
    if problems.is_empty() { Ok(Outcome::Done) } else { Err(Failure::Input(input::render_all(&problems, terminal))) }
}
