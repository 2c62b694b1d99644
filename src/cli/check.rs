//! `rollsim check`: are these scenarios right, and is what they say wise?

use clap::{Args, ValueEnum};

use super::input::{self, Inputs};
use super::{Failure, Outcome, Terminal};
use crate::diag::{Diagnostic, Severity};
use crate::report::diagnostics;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Scenario files, or folders of them; `-` is standard input.
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<String>,
    #[command(flatten)]
    changes: input::Changes,
    /// Make errors of these.
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// How to print what is found.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// What is right by the letter and likely to go wrong, and keys that Swarm ignores.
    Lints,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the lines that it is about, on standard error.
    Human,
    /// A list of objects, on standard output.
    Json,
    /// Annotations of a workflow on GitHub, on standard output.
    Github,
}

pub(super) fn check(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    let mut inputs = Inputs::new(&options.changes, terminal);
    let files = input::scenario_files(&options.scenarios)?;
    let mut accepted = Vec::new();
    for file in &files {
        let Some(scenario) = inputs.scenario(file)? else { continue };
        let mut found = scenario.warnings;
        found.extend(scenario.lints);
        if options.deny == Some(Deny::Lints) {
            found = found.into_iter().map(Diagnostic::deny_lint).collect();
        }
        if found.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
            inputs.refuse(file, found);
            continue;
        }
        if options.format == Format::Human {
            terminal.warnings(&found);
            terminal.result(&format!("{file}: ok\n"))?;
        }
        accepted.extend(found);
    }
    let print = match options.format {
        Format::Human => {
            inputs.finish()?;
            return Ok(Outcome::Done);
        }
        Format::Json => diagnostics::json,
        Format::Github => diagnostics::github,
    };
    let mut found: Vec<&Diagnostic> = inputs.diagnostics().chain(&accepted).collect();
    // In the order of the files; what stands in arguments last.
    let number = |name: &String| files.iter().position(|file| file == name).unwrap_or(files.len());
    found.sort_by_key(|diagnostic| number(&diagnostic.place.file.name));
    terminal.result(&print(&found))?;
    inputs.finish_printed()?;
    Ok(Outcome::Done)
}
