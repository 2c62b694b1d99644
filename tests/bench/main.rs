//! How fast the simulator is: the event queue beside std's heap, a rolling update of 1,000 replicas, 600,000 requests, and how the
//! time grows from 1,000 over 10,000 to 100,000 replicas.
//!
//! `cargo bench` prints the minimum of many runs, which is what a quiet core does; `cargo bench -- --short` only shows that the
//! benches run. With `--once REPLICAS|TRAFFIC` one of them runs, for the script `instructions`, which counts what it takes.
//!
//! The number of changes grows with the replicas, and so does all that follows a change. What grows faster: each time the scheduler
//! acts it looks at all nodes, as Swarm's does (control-plane S14), and with `parallelism` held it acts the more often the more
//! replicas there are.

#[path = "../conformance/case.rs"]
#[allow(dead_code, reason = "performance cases have no recorded trace to compare with")]
mod case;
mod hold;
#[path = "../conformance/plan.rs"]
mod plan;
mod rollout;
#[path = "../conformance/trace.rs"]
#[allow(dead_code, reason = "changes are counted, not shown")]
mod trace;

use std::process::Command;
use std::time::{Duration, Instant};

use rollsim::model::client::Grade;
use rollsim::sim::Plan;

/// How often each bench runs.
const RUNS: u32 = 40;

/// How often each of the large ones does.
const LARGE_RUNS: u32 = 5;

/// Replicas of the large ones, each on a tenth as many nodes.
const LARGE: [u32; 3] = [1_000, 10_000, 100_000];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments[..] {
        [] => all(RUNS, LARGE_RUNS, &LARGE, 500_000),
        [short] if short == "--short" => all(1, 1, &LARGE[..2], 10_000),
        [once, name] if once == "--once" => {
            let plan = traffic().into_iter().find_map(|(known, plan)| (known == name).then_some(plan));
            rollout::measured(&plan.unwrap_or_else(|| rollout::large(number(name))));
            if let Some(kib) = peak_memory_kib() {
                println!("{kib}");
            }
        }
        _ => panic!("--short or --once REPLICAS|TRAFFIC, not {arguments:?}"),
    }
}

/// Runs whose requests take most of the time, by name.
fn traffic() -> [(&'static str, Plan); 3] {
    [
        ("ten-minutes-exact", rollout::ten_minutes(Grade::Exact)),
        ("ten-minutes-expected", rollout::ten_minutes(Grade::Expected)),
        ("one-hour-aggregate", rollout::one_hour(Grade::Aggregate)),
    ]
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn all(runs: u32, large_runs: u32, large: &[u32], operations: u32) {
    println!("minimum of {runs} runs, of the large ones of {large_runs}");
    for pending in [100, 1_000, 10_000] {
        let per_event = |time: Duration| time.as_nanos() as f64 / f64::from(operations);
        let ours = per_event(minimum(runs, || hold::ours(pending, operations)));
        let std = per_event(minimum(runs, || hold::std_heap(pending, operations)));
        println!("hold model, {pending} pending: {ours:.1} ns/event; std BinaryHeap {std:.1} ns/event");
    }
    for name in ["perf-1000-p10", "perf-1000-p100"] {
        let plan = rollout::plan(name);
        let changes = rollout::changes(&plan);
        assert_eq!(changes, 19_002, "as many as swarmkit's own code made");
        let metrics = minimum(runs, || rollout::measured(&plan));
        let all = minimum(runs, || rollout::observed(&plan));
        println!(
            "{name}, {changes} changes: {:.2} ms measured, {:.0} ns/change, {:.0} runs/s; {:.2} ms with all that a report needs",
            millis(metrics),
            metrics.as_nanos() as f64 / changes as f64,
            1.0 / metrics.as_secs_f64(),
            millis(all),
        );
    }
    for (name, plan) in traffic() {
        let requests = rollout::requests(&plan);
        let time = minimum(runs, || rollout::measured(&plan));
        println!(
            "{name}, {requests} requests during an update: {:.2} ms, {:.4} ns/request; peak memory of one run: {}",
            millis(time),
            time.as_nanos() as f64 / requests as f64,
            memory(peak_memory_of(name)),
        );
    }
    let (name, plan) = traffic().into_iter().next().expect("a run in which every request is told");
    let folder = tempfile::tempdir().expect("a folder");
    let time = minimum(large_runs, || rollout::reported(&plan, folder.path()));
    println!("{name}, with its report, all requests by themselves: {:.0} ms", millis(time));
    for &replicas in large {
        let plan = rollout::large(replicas);
        let time = minimum(large_runs, || rollout::measured(&plan));
        let memory = memory(peak_memory_kib());
        let changes = rollout::changes(&plan);
        println!(
            "rolling update of {replicas} replicas, {changes} changes: {:.2} ms, {:.0} ns/change; peak memory so far: {memory}",
            millis(time),
            time.as_nanos() as f64 / changes as f64,
        );
    }
}

/// The shortest time that `work` takes in this many runs.
fn minimum(runs: u32, mut work: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..runs).map(time).min().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Largest resident set of a process that does nothing but one of the runs with traffic, in KiB.
fn peak_memory_of(name: &str) -> Option<u64> {
    let output = Command::new(std::env::current_exe().ok()?).args(["--once", name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn memory(kib: Option<u64>) -> String {
    kib.map_or("not told".to_owned(), |kib| format!("{:.1} MB", kib as f64 / 1024.0))
}

/// Largest resident set of this process so far, where Linux tells it.
fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
