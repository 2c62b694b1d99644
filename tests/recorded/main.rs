//! Timelines recorded from a real swarm, against the same scenarios simulated.
//!
//! `cargo test --test recorded` compares all recordings below tests/recorded/runs, and those in the directory that
//! RECORDED_CASES names. An argument picks the recordings whose name contains it; `--verbose` prints both courses. Recordings that
//! do not match yet are listed in known_gaps.txt; a listed one that matches fails the test just as one that is not listed and does
//! not match.

mod adapter;
mod course;
mod latencies;
mod recording;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use adapter::{Chance, ClientRun};
use course::{Course, Recorder};
use recording::{Action, Recording};
use rollsim::scenario::Loaded;

/// Seeds over which the loss of a node and the return of its agent, which are chance, must reach what was recorded.
const SEEDS: u64 = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let verbose = arguments.iter().any(|argument| argument == "--verbose");
    let picks: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded");
    let gaps = fs::read_to_string(here.join("known_gaps.txt")).expect("the list of known gaps");
    let gaps: BTreeSet<&str> = gaps.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut all_as_expected = true;
    let (mut matching, mut total) = (0, 0);
    for (name, courses) in recordings() {
        if !picks.is_empty() && !picks.iter().any(|pick| name.contains(*pick)) {
            continue;
        }
        total += courses.len();
        // Of two courses that a race may take, either may be met.
        let differences: Vec<String> =
            courses.iter().filter_map(|recording| differs(recording, verbose).err()).collect();
        let matches = differences.len() < courses.len();
        match (matches, gaps.contains(name.as_str())) {
            (true, false) | (false, true) => {}
            (true, true) => println!("{name}: matches, but is on the list of known gaps"),
            (false, false) => println!("{name}: {}", differences[0]),
        }
        all_as_expected &= matches != gaps.contains(name.as_str());
        matching += if matches { courses.len() } else { 0 };
    }
    if picks.is_empty() {
        total += 1;
        match compare_latencies(&here.join("latencies.json")) {
            Ok(()) => matching += 1,
            Err(difference) => {
                println!("latencies: {difference}");
                all_as_expected = false;
            }
        }
    }
    println!("recorded: {matching} of {total} match");
    if all_as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// All recordings by name, each with its variants.
fn recordings() -> BTreeMap<String, Vec<Recording>> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/runs")];
    folders.extend(std::env::var_os("RECORDED_CASES").map(PathBuf::from));
    let mut recordings: BTreeMap<String, Vec<Recording>> = BTreeMap::new();
    for folder in folders {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
            let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let value: serde_json::Value = serde_json::from_str(&text).expect("a recording is JSON");
            // Texts and statistics lie in the same folders.
            if value.get("actions").is_some() {
                let recording =
                    serde_json::from_value(value).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let name = path.file_stem().unwrap_or_default().to_string_lossy().replace(".variant", "");
                recordings.entry(name).or_default().push(recording);
            }
        }
    }
    recordings
}

/// Compares the medians of the phases of a task, over all recordings in which no node is lost.
fn compare_latencies(path: &Path) -> Result<(), String> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let measured = serde_json::from_str(&text).expect("the measured latencies are JSON");
    let mut phases = latencies::Phases::new();
    for recording in recordings().into_values().flatten() {
        if recording.actions.iter().all(|action| action.fault.is_none()) {
            let chance = chances(&recording).next().ok_or("there is a first chance")?;
            let loaded = adapter::scenario(&recording, &chance, None)?;
            let meter = rollsim::sim::run(&loaded.plan, latencies::Meter::default()).observer;
            let networked = recording.actions.iter().any(|action| action.argv.iter().any(|word| word == "--network"));
            meter.add_to(&mut phases, networked);
        }
    }
    latencies::compare(&phases, &measured)
}

/// Simulates the recording with all that it leaves to chance until it takes the recorded course.
fn differs(recording: &Recording, verbose: bool) -> Result<(), String> {
    let recorded = Course::of(recording);
    let mut causes: Vec<f64> = recording.actions.iter().map(|action| action.t).collect();
    causes.extend(recorded.nodes.iter().map(|(time, ..)| *time));
    let mut first = None;
    for chance in chances(recording) {
        let mut simulated = simulate(recording, &recorded, &chance)?;
        simulated.shift(-chance.phase);
        // Some recorders stopped at the last command.
        if recorded.has_running_tasks() {
            simulated.cut(recording.actions.iter().map(Action::at).fold(0.0, f64::max));
        }
        let Err(difference) = course::compare(&recorded, &simulated, &causes) else { return Ok(()) };
        if first.is_none() && verbose {
            println!("recorded:\n{}simulated:\n{}", listing(&recorded), listing(&simulated));
        }
        first.get_or_insert(difference);
    }
    Err(first.unwrap_or_default())
}

/// How long until Docker notices the exit of a process, in seconds: 1 to 360 ms were recorded.
const NOTICES: [f64; 4] = [0.03, 0.11, 0.17, 0.005];

/// The nodes in every order, the managers' periodic work at every hundredth of a second of its 100 ms, exits that are noticed soon
/// or late; then the same with the managers' ties shuffled.
fn chances(recording: &Recording) -> impl Iterator<Item = Chance> {
    let nodes = recording.cluster.nodes.len();
    let orders = if recording.names_nodes() { orders(nodes) } else { vec![(0..nodes).collect()] };
    let times = NOTICES.into_iter().flat_map(|notice| (0..10).map(move |tick| (notice, f64::from(tick) * 0.01)));
    let fixed = times.flat_map({
        let orders = orders.clone();
        move |(notice, phase)| orders.clone().into_iter().map(move |order| Chance { order, ties: None, notice, phase })
    });
    let shuffled = (0..SEEDS).map(move |seed| Chance {
        order: orders[seed as usize % orders.len()].clone(),
        ties: Some(seed),
        notice: NOTICES[seed as usize % NOTICES.len()],
        phase: (seed / 4 % 10) as f64 * 0.01,
    });
    fixed.chain(shuffled)
}

/// All orders of so many things.
fn orders(len: usize) -> Vec<Vec<usize>> {
    let Some(last) = len.checked_sub(1) else { return vec![Vec::new()] };
    let shorter = orders(last);
    (0..len)
        .rev()
        .flat_map(|place| {
            shorter.iter().map(move |order| {
                let mut order = order.clone();
                order.insert(place, last);
                order
            })
        })
        .collect()
}

fn simulate(recording: &Recording, recorded: &Course, chance: &Chance) -> Result<Course, String> {
    let mut loaded = adapter::scenario(recording, chance, None)?;
    if !recorded.nodes.is_empty() {
        loaded.plan.seed = likeliest_seed(&loaded, recorded)?;
    }
    if !recording.requests.is_empty() {
        // The client is a task itself. It sends from its own start on; the recorder looks until the services are removed.
        let served = run(&loaded).1;
        let client = loaded.plan.services.iter().find(|(_, name)| *name == "client").map(|(id, _)| id);
        let (from, _) = client.and_then(|client| served[client.0 as usize]).ok_or("the client never ran")?;
        let removal = recording.actions.iter().find(|action| action.argv.iter().any(|word| word == "rm"));
        let until = removal.map_or(recording.end(), |action| action.t) + chance.phase;
        loaded = adapter::scenario(recording, chance, Some(ClientRun { from, until }))?;
    }
    Ok(run(&loaded).0)
}

/// The course, and for each service when it was first and last in rotation.
fn run(loaded: &Loaded) -> (Course, Vec<Option<(f64, f64)>>) {
    let recorder = rollsim::sim::run(&loaded.plan, Recorder::new(&loaded.plan)).observer;
    (recorder.course, recorder.served.values().copied().collect())
}

/// The seed whose nodes are lost and come back closest to when they did. What was recorded must lie within the range of all seeds.
fn likeliest_seed(loaded: &Loaded, recorded: &Course) -> Result<u64, String> {
    let mut loaded = loaded.clone();
    let mut best = (f64::MAX, 0);
    let mut ranges = vec![(f64::MAX, 0.0_f64); recorded.nodes.len()];
    for seed in 0..SEEDS {
        loaded.plan.seed = seed;
        let simulated = run(&loaded).0.nodes;
        let mut distance = 0.0;
        for (index, (time, node, state)) in recorded.nodes.iter().enumerate() {
            let alike = |change: &&(f64, String, String)| (&change.1, &change.2) == (node, state);
            let (other, ..) = simulated.iter().find(alike).ok_or(format!("{node} is never {state}"))?;
            ranges[index] = (ranges[index].0.min(*other), ranges[index].1.max(*other));
            distance = f64::max(distance, (time - other).abs());
        }
        if distance < best.0 {
            best = (distance, seed);
        }
    }
    for ((time, node, state), (least, most)) in recorded.nodes.iter().zip(ranges) {
        if state == "down" && (*time < least || *time > most) {
            return Err(format!("{node} is {state} at {time:.3} s, outside of {least:.3} to {most:.3} s"));
        }
    }
    Ok(best.1)
}

fn listing(course: &Course) -> String {
    let listed =
        course.updates.iter().chain(&course.nodes).map(|(time, of, state)| format!("  {time:.3} {of} {state}\n"));
    listed.chain(course.tasks.iter().map(|task| format!("  {}\n", task.line()))).collect()
}
