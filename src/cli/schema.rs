//! `rollsim schema`: the form of scenarios, for editors, and of results, for tools.

use clap::{Args, ValueEnum};

use super::{Failure, Outcome, Terminal};
use crate::report::json;
use crate::scenario;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Of what.
    #[arg(long, value_enum, default_value_t = Kind::Scenario)]
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Scenarios.
    Scenario,
    /// summary.json.
    Summary,
}

pub(super) fn schema(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    match options.kind {
        Kind::Scenario => terminal.result(&scenario::json_schema())?,
        Kind::Summary => terminal.result(json::SUMMARY_SCHEMA)?,
    }
    Ok(Outcome::Done)
}
