//! `rollsim compare`: policies side by side.

use std::path::{Path, PathBuf};

use clap::Args;

use super::input::{self, Inputs};
use super::{Failure, Outcome, Terminal, progress};
use crate::experiment::compare::{self, Variant};
use crate::report::repeated::Repeated;
use crate::report::{comparison, disk, files};
use crate::scenario::overlay::Overlay;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The scenario; `-` is standard input.
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// A policy with its name: a file with a part of a service, laid over the scenario's service. At least two; the others are
    /// compared with the first. A name without a file stands for the scenario as it is.
    #[arg(long = "policy", required = true, value_name = "NAME=FILE")]
    policies: Vec<String>,
    #[command(flatten)]
    changes: input::Changes,
    /// Run this many seeds, from the scenario's own on; every policy meets the same.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
    /// Folder for compare.csv and the chart instead of reports/NAME.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write no file.
    #[arg(long)]
    no_report: bool,
}

pub(super) fn compare(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    let variants = variants(options, terminal)?;
    let total = u64::from(options.seeds) * variants.len() as u64;
    let bar = progress::bar(total, "{bar:40} {pos} of {len} runs", terminal);
    let compared = compare::compare(&variants, options.seeds as usize, &|| bar.inc(1));
    bar.finish_and_clear();
    let plan = &variants[0].scenario.plan;
    let about = Repeated::of(plan, options.seeds.into());
    let intervals = if options.seeds == 1 { "" } else { ", paired differences with 95 % intervals" };
    let table = comparison::table(&compared);
    terminal.result(&format!("{}: {}{intervals}\n\n{table}", plan.name, about.on_seeds()))?;
    if !options.no_report {
        let folder = options.out.clone().unwrap_or_else(|| Path::new("reports").join(&plan.name));
        let digests: Vec<&str> = variants.iter().map(|variant| &*variant.scenario.digest).collect();
        let contents = comparison::files(&about, &compared, &digests);
        let contents = contents.map_err(|error| Failure::Io(format!("error: {error}")))?;
        disk::write_folder(&folder, files::OF_COMPARISON, &contents)
            .map_err(|error| Failure::Io(format!("error: {error}")))?;
        let names: Vec<&str> = contents.iter().map(|(name, _)| *name).collect();
        terminal.note(&format!("report: {}: {}", folder.display(), names.join(", ")));
    }
    Ok(Outcome::Done)
}

/// Refuses policies that a table could not tell apart.
fn check_names(policies: &[(&str, &str)]) -> Result<(), Failure> {
    let mut errors = Vec::new();
    if policies.len() < 2 {
        errors.push(
            "error: there must be at least two policies to compare; `--policy NAME` is the scenario as it is"
                .to_owned(),
        );
    }
    for (number, (name, _)) in policies.iter().enumerate() {
        if name.trim().is_empty() || name.contains(char::is_control) {
            errors.push(format!("error: the name {name:?} of a policy is no line of text"));
        } else if policies[..number].iter().any(|(known, _)| known == name) {
            errors.push(format!("error: two policies are named `{name}`"));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Failure::Input(errors.join("\n"))) }
}

/// The scenario under each policy.
fn variants(options: &Options, terminal: &Terminal) -> Result<Vec<Variant>, Failure> {
    let policies: Vec<(&str, &str)> =
        options.policies.iter().map(|policy| policy.split_once('=').unwrap_or((policy, ""))).collect();
    check_names(&policies)?;
    let mut inputs = Inputs::new(&options.changes, terminal);
    let source = inputs.read(&options.scenario)?;
    let mut variants = Vec::new();
    for (name, file) in policies {
        let policy = if file.is_empty() { None } else { inputs.read(file)? };
        let loaded = source.as_ref().and_then(|source| inputs.load(source, policy.map(Overlay::policy)));
        variants.extend(loaded.map(|scenario| Variant { name: name.to_owned(), scenario }));
    }
    inputs.finish()?;
    for Variant { scenario, .. } in &variants {
        terminal.warnings(&scenario.warnings);
    }
    Ok(variants)
}
