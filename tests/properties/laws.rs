//! Laws of experiments: what comparing, sweeping and repeating must never change.

use rollsim::diag::SourceFile;
use rollsim::experiment::compare::{Cell, Comparison, Variant, compare};
use rollsim::experiment::measure;
use rollsim::experiment::sweep::{Axis, Point, grid, sweep};
use rollsim::metrics::Summary;
use rollsim::scenario::overlay::Overlay;
use rollsim::scenario::{self, Loaded};

/// Chance in arrivals, work, durations and outcomes.
const CHANCE: &str = r#"{
  "rollsim": 1, "name": "chance", "seed": 3, "duration": "60s", "cluster": {"workers": 3},
  "images": {
    "app:1": {"prepare": {"uniform": ["1s", "3s"]}, "start": {"exponential": "500ms"}, "service_time": {"exponential": "20ms"}},
    "app:2": {"like": "app:1", "outcome": {"exit": {"after": {"exponential": "5s"}, "code": 1}}, "fail_share": 0.5}
  },
  "services": {"web": {"image": "app:1", "ports": ["80:80"],
    "deploy": {"replicas": 3, "update_config": {"parallelism": 2, "delay": "2s", "failure_action": "rollback"}}}},
  "traffic": {"clients": {"users": {"service": "web", "rate": "30/s", "arrivals": "poisson"}}},
  "timeline": [{"at": "20s", "run": "docker service update --image app:2 web"}]
}"#;

/// No chance at all.
const NO_CHANCE: &str = r#"{
  "rollsim": 1, "name": "no-chance", "seed": 3, "duration": "60s",
  "images": {"app:1": {"prepare": "1s", "service_time": "5ms"}, "app:2": {"like": "app:1", "outcome": "fail-start"}},
  "services": {"web": {"image": "app:1", "deploy": {"replicas": 2, "update_config": {"failure_action": "rollback"}}}},
  "traffic": {"clients": {"users": {"service": "web", "rate": "20/s", "arrivals": "constant"}}},
  "timeline": [{"at": "20s", "run": "docker service update --image app:2 web"}]
}"#;

fn load(text: &str, settings: &[&str]) -> Loaded {
    let overlays: Vec<Overlay> = settings.iter().map(|setting| Overlay::set(setting)).collect();
    let source = SourceFile { name: "law.json".to_owned(), text: text.to_owned() };
    scenario::load(&source, &overlays).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn variant(name: &str, settings: &[&str]) -> Variant {
    Variant { name: name.to_owned(), scenario: load(CHANCE, settings) }
}

fn points(axes: &[&str]) -> Vec<Point> {
    let axes: Vec<Axis> = axes.iter().map(|axis| Axis::parse(axis).expect("an axis")).collect();
    let point = |values: Vec<String>| {
        let settings: Vec<String> =
            axes.iter().zip(&values).map(|(axis, value)| format!("{}={value}", axis.path)).collect();
        let scenario = load(CHANCE, &settings.iter().map(String::as_str).collect::<Vec<_>>());
        Point { values, scenario }
    };
    grid(&axes).into_iter().map(point).collect()
}

fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be started");
    pool.install(work)
}

/// The numbers of differences to the first policy: each is nothing, or a mean, with its interval.
fn differences(comparison: &Comparison) -> Vec<(f64, Option<f64>, f64, f64)> {
    let cells = comparison.rows.iter().flat_map(|row| &row.cells);
    let statistics = cells.filter_map(|cell| match cell {
        Cell::Number { difference, .. } => *difference,
        Cell::None | Cell::Words(_) => None,
    });
    statistics.map(|it| (it.mean, it.half_width, it.min, it.max)).collect()
}

#[test]
fn a_policy_compared_with_itself_differs_by_exactly_nothing() {
    let comparison = compare(&[variant("a", &[]), variant("b", &[])], 5, &|| ());
    let differences = differences(&comparison);
    assert!(differences.len() > 10, "{} numbers were compared", differences.len());
    assert!(differences.iter().all(|difference| *difference == (0.0, Some(0.0), 0.0, 0.0)), "{differences:?}");
}

#[test]
fn a_policy_compared_with_another_differs() {
    let comparison = compare(&[variant("a", &[]), variant("b", &["update.order=start-first"])], 5, &|| ());
    assert!(differences(&comparison).iter().any(|(mean, ..)| *mean != 0.0));
}

#[test]
fn the_order_of_policies_only_turns_the_sign_of_their_difference() {
    let ranges = |first: &[&str], second: &[&str]| {
        let comparison = compare(&[variant("a", first), variant("b", second)], 5, &|| ());
        differences(&comparison).iter().map(|(_, _, min, max)| (*min, *max)).collect::<Vec<_>>()
    };
    let (there, back) = (ranges(&[], &["update.delay=5s"]), ranges(&["update.delay=5s"], &[]));
    assert_eq!(there, back.iter().map(|(min, max)| (0.0 - max, 0.0 - min)).collect::<Vec<_>>());
}

#[test]
fn a_sweep_of_one_point_is_a_run() {
    let results = sweep(&points(&["update.delay=3s"]), 3, &|| ());
    let scenario = load(CHANCE, &["update.delay=3s"]);
    let runs: Vec<Summary> = (3..6).map(|seed| measure(&scenario, seed)).collect();
    assert_eq!(results, [runs]);
}

#[test]
fn the_seed_after_the_greatest_is_zero() {
    let points = [Point { values: Vec::new(), scenario: load(CHANCE, &[&format!("seed={}", u64::MAX)]) }];
    let seeds: Vec<u64> = sweep(&points, 2, &|| ())[0].iter().map(|run| run.seed).collect();
    assert_eq!(seeds, [u64::MAX, 0]);
}

#[test]
fn the_number_of_threads_is_seen_in_no_result() {
    let points = points(&["update.order=stop-first,start-first", "update.parallelism=0..2"]);
    let results = [1, 2, 5].map(|threads| with_threads(threads, || sweep(&points, 4, &|| ())));
    assert_eq!(results[0].iter().map(Vec::len).sum::<usize>(), 24);
    assert!(results[1] == results[0] && results[2] == results[0]);
}

#[test]
fn without_chance_another_seed_changes_only_the_seed() {
    let scenario = load(NO_CHANCE, &[]);
    let other = measure(&scenario, 4);
    assert_eq!(Summary { seed: 3, ..other }, measure(&scenario, 3));
}

#[test]
fn with_chance_another_seed_changes_more_than_the_seed() {
    let scenario = load(CHANCE, &[]);
    let other = measure(&scenario, 4);
    let own = measure(&scenario, 3);
    assert_ne!(other.fingerprint, own.fingerprint);
    assert_ne!(other.totals.requests, own.totals.requests);
    assert_eq!(other.digest, own.digest);
}

#[test]
fn what_comes_to_nothing_is_told() {
    let text = r#"{
        "rollsim": 1, "duration": "10s", "cluster": {"nodes": {"node1": {"role": "manager"}, "node2": {}}},
        "services": {"web": {"image": "web:1"}},
        "timeline": [
            {"at": "1s", "fault": "node start node1"}, {"at": "2s", "fault": "node crash node2"},
            {"at": "3s", "fault": "node crash node2"}, {"at": "4s", "fault": "node stop node2"},
            {"at": "5s", "fault": "link up node2"}, {"at": "6s", "fault": "link down node2"},
            {"at": "7s", "fault": "managers start"}, {"at": "8s", "run": "docker service rollback web"},
            {"at": "9s", "fault": "node stop node1"}
        ]}"#;
    let scenario = load(text, &[]);
    let run = measure(&scenario, 1);
    let told: Vec<&str> = run.vain.iter().map(|vain| vain.text.as_str()).collect();
    assert_eq!(
        told,
        [
            "`node start node1` at 1s: no effect: everything is so already",
            "`node crash node2` at 3s: no effect: everything is so already",
            "`node stop node2` at 4s: no effect: everything is so already",
            "`link up node2` at 5s: no effect: everything is so already",
            "`managers start` at 7s: no effect: everything is so already",
            "`docker service rollback web` at 8s: refused: service web does not have a previous spec",
        ]
    );
    let place = scenario.places[run.vain[5].command as usize].as_ref().expect("it stands in the timeline");
    assert_eq!(&text[place.span.clone()], r#""docker service rollback web""#);
}
