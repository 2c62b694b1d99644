//! Recorded traces of swarmkit's own orchestration code, against the same cases simulated.
//!
//! `cargo test --test conformance` runs all cases below tests/conformance/swarmkit, and those in the directory that
//! CONFORMANCE_CASES names. `-- --verbose NAME` prints the recorded and the simulated trace of one case; any other argument
//! picks the cases whose name contains it. Cases that do not match yet are listed in known_gaps.txt; a listed one that matches
//! fails the test just as one that is not listed and does not match. All of this is with the fixed order of ties; [`ties`] looks
//! at shuffled ones.

mod canon;
mod case;
mod plan;
mod ties;
mod trace;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use case::Case;
use rollsim::check::Promises;
use trace::Recorder;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(name) = arguments.iter().skip_while(|argument| *argument != "--verbose").nth(1) {
        return print_both(name);
    }
    let picks: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let gaps = fs::read_to_string(here.join("known_gaps.txt")).expect("the list of known gaps");
    let gaps: BTreeSet<&str> = gaps.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut all_as_expected = true;
    let (mut matching, mut total) = (0, 0);
    for path in case_files() {
        let case = read(&path);
        if !picks.is_empty() && !picks.iter().any(|pick| case.name.contains(*pick)) {
            continue;
        }
        total += 1;
        let is_gap = gaps.contains(case.name.as_str());
        match compare(&case) {
            Ok(()) => {
                matching += 1;
                if is_gap {
                    println!("{}: matches, but is on the list of known gaps", case.name);
                    all_as_expected = false;
                }
            }
            Err(_) if is_gap => {}
            Err(difference) => {
                println!("{}: {difference}", case.name);
                all_as_expected = false;
            }
        }
    }
    let ties_hold = !picks.is_empty() || ties::hold(&here.join("swarmkit"));
    println!("conformance: {matching} of {total} cases match");
    if all_as_expected && ties_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the case and compares it with what was recorded.
fn compare(case: &Case) -> Result<(), String> {
    let plan = plan::plan(case)?;
    let (recorder, promises) = rollsim::sim::run(&plan, (Recorder::new(&plan), Promises::new(&plan))).observer;
    if let Some(broken) = promises.broken().first() {
        return Err(format!("breaks a promise: {broken}"));
    }
    let classes = canon::node_classes(case);
    let recorded: Vec<canon::Canon> =
        case.recorded_outcomes().iter().map(|events| canon::canon(&classes, events)).collect();
    let got = canon::canon(&classes, &recorder.events);
    let distinct = &case.agreement.as_ref().ok_or("the case has no recorded trace")?.distinct;
    canon::first_difference(&got, &recorded, distinct).map_or(Ok(()), |difference| Err(difference.to_string()))
}

fn print_both(name: &str) -> ExitCode {
    let Some(case) = case_files().iter().map(|path| read(path)).find(|case| case.name == name) else {
        println!("no case is called {name}");
        return ExitCode::FAILURE;
    };
    for (number, events) in case.recorded_outcomes().iter().enumerate() {
        println!("recorded, outcome {number}:");
        events.iter().for_each(|event| println!("{}", event.line()));
    }
    match plan::plan(&case) {
        Ok(plan) => {
            println!("simulated:");
            let recorder = rollsim::sim::run(&plan, Recorder::new(&plan)).observer;
            recorder.events.iter().for_each(|event| println!("{}", event.line()));
        }
        Err(reason) => println!("not simulated: {reason}"),
    }
    ExitCode::SUCCESS
}

fn case_files() -> Vec<PathBuf> {
    let mut files = cases_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/swarmkit"));
    files.extend(std::env::var_os("CONFORMANCE_CASES").map_or_else(Vec::new, |folder| cases_in(Path::new(&folder))));
    files.sort();
    files
}

/// The files of the cases in a folder, sorted.
fn cases_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> Case {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
