//! The three grades of traffic: the same control plane, and counts that agree over many seeds as far as README says that they do.

use std::collections::{BTreeMap, BTreeSet};

use rollsim::diag::{Code, Severity, SourceFile};
use rollsim::kernel::{IdVec, Time};
use rollsim::model::ServiceId;
use rollsim::model::request::{Batch, Request, RequestOutcome};
use rollsim::observe::{Observer, Record};
use rollsim::scenario;
use rollsim::sim;

/// Seeds over which counts are compared.
const SEEDS: u64 = 24;

/// In bulk a request that fails is told when that is certain, up to 20 ms (the timeouts below) before its client knows; at 300 a
/// second.
const UNFINISHED: f64 = 6.0;

/// Requests by image and what became of them.
type Counts = BTreeMap<(Option<u32>, String), f64>;

/// Counts requests, however they are told.
#[derive(Default)]
struct Counter(Counts);

impl Counter {
    fn add(&mut self, image: Option<u32>, outcome: RequestOutcome, count: f64) {
        let name = match outcome {
            RequestOutcome::Ok => "ok".to_owned(),
            RequestOutcome::Failed(failure, cause) => format!("{} {}", failure.name(), cause.name()),
        };
        *self.0.entry((image, name)).or_default() += count;
    }
}

impl Observer for Counter {
    fn record(&mut self, _now: Time, _record: &Record) {}
    fn request(&mut self, request: &Request) {
        self.add(request.task.map(|(_, image)| image.0), request.outcome, 1.0);
    }
    fn requests(&mut self, batch: &Batch) {
        self.add(batch.image.map(|image| image.0), batch.outcome, batch.count as f64);
    }
    fn instant(&mut self, _now: Time, in_flight: &IdVec<ServiceId, u32>) {
        let unfinished = in_flight.values().map(|count| f64::from(*count)).sum();
        self.0.insert((None, "unfinished".to_owned()), unfinished);
    }
}

/// The scenario in this grade and with this seed.
fn source(text: &str, grade: &str, seed: u64) -> SourceFile {
    let text = text.replacen("{", &format!(r#"{{"seed": {seed}, "#), 1);
    let text = text.replace(r#""traffic": {"#, &format!(r#""traffic": {{"mode": "{grade}", "#));
    SourceFile { name: "test.json".to_owned(), text }
}

/// Counts and fingerprint of one run.
fn run(text: &str, grade: &str, seed: u64) -> (Counts, String) {
    let loaded = scenario::load(&source(text, grade, seed), &[]).unwrap_or_else(|problems| panic!("{problems:?}"));
    let finished = sim::run(&loaded.plan, Counter::default());
    (finished.observer.0, finished.fingerprint)
}

/// Three nodes and 300 requests a second from 10 s on to `service`, which is `web` with `app:1`, and is updated to `app:2` at 20 s.
fn scenario(image: &str, service: &str, client: &str, timeline: &str) -> String {
    format!(
        r#"{{"rollsim": 1, "duration": "50s",
          "cluster": {{"nodes": {{"manager": {{"role": "manager", "availability": "drain"}}, "node1": {{}}, "node2": {{}}}}}},
          "images": {{"app:1": {{"service_time": {{"exponential": "8ms"}} {image}}}, "app:2": {{"like": "app:1"}}}},
          "services": {{"web": {{"image": "app:1", {service}}}}},
          "traffic": {{"clients": {{"users": {{"service": "web", "rate": "300/s", "from": "10s" {client}}}}}}},
          "timeline": [{timeline} {{"at": "20s", "run": "docker service update --image app:2 web"}}]}}"#
    )
}

/// Eight replicas behind the routing mesh.
const EIGHT: &str = r#""ports": ["80:80"], "deploy": {"replicas": 8}"#;

/// Mean of the differences, and half of a 99.99 % confidence interval around it.
fn interval(differences: &[f64]) -> (f64, f64) {
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / (count - 1.0);
    (mean, 4.9 * (variance / count).sqrt())
}

/// Holds the grades to each other: equal fingerprints, and every count within the confidence interval of the exact one, but for one
/// request; and so the share of those that failed.
fn agree(text: &str) {
    let exact: Vec<(Counts, String)> = (1..=SEEDS).map(|seed| run(text, "exact", seed)).collect();
    for grade in ["aggregate", "expected"] {
        let mut shares = Vec::new();
        let mut differences: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        for (row, (exact, fingerprint)) in exact.iter().enumerate() {
            let (counts, same) = run(text, grade, row as u64 + 1);
            assert_eq!(*fingerprint, same, "{grade}, seed {}", row + 1);
            shares.push(failed_share(&counts) - failed_share(exact));
            for key in exact.keys().chain(counts.keys()).collect::<BTreeSet<_>>() {
                let of = |counts: &Counts| counts.get(key).copied().unwrap_or(0.0);
                differences.entry(key.clone()).or_insert_with(|| vec![0.0; SEEDS as usize])[row] =
                    of(&counts) - of(exact);
            }
        }
        for (key, row) in &differences {
            let (mean, half) = interval(row);
            let slack = if key.1 == "unfinished" { UNFINISHED } else { 1.0 };
            assert!(mean.abs() <= half + slack, "{grade} {key:?} differs by {mean} +- {half}");
        }
        let (mean, half) = interval(&shares);
        assert!(mean.abs() <= half + 1e-4, "{grade}: the failed share differs by {mean} +- {half}");
    }
}

/// Share of the requests that ended which were not answered as they should be.
fn failed_share(counts: &Counts) -> f64 {
    let ended = |(_, name): &&(Option<u32>, String)| name != "unfinished";
    let sum = |wanted: &dyn Fn(&str) -> bool| -> f64 {
        counts.iter().filter(|(key, _)| ended(key) && wanted(&key.1)).map(|(_, count)| count).sum()
    };
    sum(&|name| name != "ok") / sum(&|_| true).max(1.0)
}

#[test]
fn an_update_without_health_check_refuses_as_many_in_all_grades() {
    agree(&scenario(r#", "boot": "2s""#, EIGHT, "", ""));
}

#[test]
fn as_many_requests_are_cut_off_when_tasks_stop() {
    let text = scenario(r#", "stop": "100ms", "concurrency": 100"#, r#""deploy": {"replicas": 4}"#, "", "");
    agree(&text.replace("8ms", "200ms"));
}

#[test]
fn as_many_requests_fail_when_a_node_crashes() {
    for client in [r#", "entry": "all""#, r#", "entry": ["manager", "node2"], "connect_timeout": "2s", "retries": 2"#] {
        let crash = r#"{"at": "15s", "fault": "node crash node1"},"#;
        agree(&scenario("", EIGHT, client, crash));
    }
    let crash = r#"{"at": "15s", "fault": "node crash node1"},"#;
    agree(&scenario(r#", "concurrency": 1000"#, EIGHT, "", crash).replace("8ms", "500ms"));
}

#[test]
fn as_many_requests_are_too_slow_or_end_in_errors() {
    let again = r#", "request_timeout": "15ms", "retries": 2, "backoff": "50ms""#;
    for client in [r#", "request_timeout": "20ms""#, r#", "retries": 1, "backoff": "50ms""#, again] {
        agree(&scenario(r#", "error_share": 0.05, "concurrency": 50"#, EIGHT, client, ""));
    }
}

#[test]
fn names_lead_to_as_many_tasks_that_boot() {
    let service = r#""networks": ["back"], "deploy": {"replicas": 8, "endpoint_mode": "dnsrr"}"#;
    agree(&scenario(r#", "boot": "1s", "concurrency": 10"#, service, "", ""));
}

#[test]
fn connections_that_enter_anywhere_by_chance_fare_alike() {
    let client = r#", "entry": ["node1", "node2"], "choice": "random", "connect_timeout": "300ms""#;
    agree(&scenario(r#", "boot": "1s""#, EIGHT, client, r#"{"at": "15s", "fault": "node crash node1"},"#));
}

#[test]
fn host_ports_lead_to_as_many_tasks() {
    let service = r#""ports": [{"target": 80, "published": 80, "mode": "host"}], "deploy": {"replicas": 2}"#;
    let client = r#", "entry": ["node1", "node2"], "connect_timeout": "1s""#;
    let image = r#", "boot": "1s", "concurrency": 10"#;
    agree(&scenario(image, service, client, ""));
    agree(&scenario(image, service, client, r#"{"at": "15s", "fault": "node crash node1"},"#));
}

#[test]
fn as_many_requests_are_lost_between_the_sides_of_a_partition() {
    let faults = r#"{"at": "15s", "fault": "link down node1"}, {"at": "40s", "fault": "link up node1"},"#;
    agree(&scenario("", EIGHT, r#", "entry": "all", "connect_timeout": "2s""#, faults));
}

#[test]
fn a_service_that_comes_late_shrinks_to_nothing_and_goes_refuses_as_many() {
    let text = scenario(r#", "concurrency": 10"#, r#""deploy": {"replicas": 2}"#, "", "");
    let text = text.replace(
        r#""at": "20s", "run": "docker service update --image app:2 web""#,
        r#""at": "20s", "run": "docker service scale web=0""#,
    );
    agree(&text);
    let gone = text
        .replace("service scale web=0", "service rm web")
        .replace("8ms", "100ms")
        .replace("\"concurrency\": 10", "\"concurrency\": 100");
    agree(&gone);
    let late = text.replace(r#""services": {"web""#, r#""services": {"other""#);
    let create = r#""at": "20s", "run": "docker service create --name web --replicas 2 app:1""#;
    agree(&late.replace(r#""at": "20s", "run": "docker service scale web=0""#, create));
}

#[test]
fn as_many_requests_are_unfinished_in_the_end() {
    agree(&scenario(r#", "concurrency": 1000"#, EIGHT, "", "").replace("8ms", "2s"));
    let cut = scenario(r#", "stop": "100ms", "concurrency": 1000"#, r#""deploy": {"replicas": 4}"#, "", "");
    agree(&cut.replace("8ms", "1s").replace("20s", "49300ms"));
}

#[test]
fn a_backlog_is_as_full_in_aggregate() {
    let image = r#", "backlog": 5"#;
    let text = scenario(image, r#""deploy": {"replicas": 2}"#, "", "").replace("8ms", "10ms");
    assert_near(&text, (Some(0), "refused overload"), 0.03);
    let bearable = text.replace("300/s", "100/s");
    let (exact, counts) = (run(&bearable, "exact", 1).0, run(&bearable, "aggregate", 1).0);
    let refused = |counts: &Counts| counts.get(&(Some(0), "refused overload".to_owned())).copied().unwrap_or(0.0);
    let (exact, seen) = (refused(&exact), refused(&counts));
    assert!(exact > 5.0 && seen < exact / 2.0, "of bursts shorter than a step little is seen: {seen} of {exact}");
}

#[test]
fn tasks_crash_as_often_under_load_in_aggregate() {
    let text = scenario(r#", "crashes_above": 100"#, r#""deploy": {"replicas": 2}"#, "", "").replace("8ms", "10ms");
    let text = text.replace("--image app:2", "--label-add a=b");
    assert_near(&text, (Some(0), "reset overload"), 0.15);
}

#[test]
fn users_who_wait_for_answers_are_counted_in_exact_mode_only() {
    let text = scenario("", EIGHT, r#", "keep_alive": true"#, "");
    let text = text.replace(r#""rate": "300/s""#, r#""concurrency": 4, "think": "20ms""#);
    assert!(failed_share(&run(&text, "exact", 1).0) < 0.01 && run(&text, "exact", 1).0.len() > 1);
    for grade in ["aggregate", "expected"] {
        let loaded = scenario::load(&source(&text, grade, 1), &[]).expect("a scenario");
        let warnings: Vec<Code> = loaded.warnings.iter().map(|problem| problem.code).collect();
        assert_eq!(warnings, [Code::NoEffect], "{grade}");
        let counts = run(&text, grade, 1).0;
        assert!(counts.values().all(|count| *count == 0.0), "{counts:?}");
    }
}

#[test]
fn what_is_drawn_in_aggregate_spreads_as_single_requests_do() {
    let errors = scenario(r#", "error_share": 0.05, "concurrency": 50"#, EIGHT, r#", "arrivals": "constant""#, "");
    assert_spread(&errors, (Some(0), "http-error application"), 0.05);
    let half = r#", "arrivals": "constant", "entry": ["node1", "node2"], "choice": "random", "connect_timeout": "1s""#;
    let crash = r#"{"at": "15s", "fault": "node crash node1"},"#;
    assert_spread(&scenario("", EIGHT, half, crash), (None, "timeout node-lost"), 0.5);
    let update = r#""update_config": {"parallelism": 4, "delay": "60s"}"#;
    let names = format!(r#""networks": ["back"], "deploy": {{"replicas": 8, "endpoint_mode": "dnsrr", {update}}}"#);
    assert_spread(&scenario("", &names, r#", "arrivals": "constant""#, ""), (Some(1), "ok"), 0.5);
    let cut = scenario(r#", "stop": "100ms", "concurrency": 100"#, r#""deploy": {"replicas": 4}"#, "", "");
    assert_spread(&cut.replace("8ms", "200ms").replace("300/s", "3000/s"), (Some(0), "reset stopping"), 0.0);
}

/// Holds the variance of a count over seeds to that of a binomial count with this probability, within a 99.99 % interval for so
/// many seeds.
fn assert_spread(text: &str, (image, name): (Option<u32>, &str), probability: f64) {
    let key = (image, name.to_owned());
    let counts: Vec<f64> =
        (1..=SEEDS).map(|seed| run(text, "aggregate", seed).0.get(&key).copied().unwrap_or(0.0)).collect();
    let mean = counts.iter().sum::<f64>() / SEEDS as f64;
    let variance = counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / (SEEDS - 1) as f64;
    let ratio = variance / (mean * (1.0 - probability));
    assert!(mean > 100.0 && (0.25..2.4).contains(&ratio), "{name}: {mean} with variance {variance}");
}

/// Holds the mean of a count to that of the exact one, but for this part of it.
fn assert_near(text: &str, (image, name): (Option<u32>, &str), part: f64) {
    const SEEDS: u64 = 8;
    let key = (image, name.to_owned());
    let of = |grade, seed| run(text, grade, seed).0.get(&key).copied().unwrap_or(0.0);
    let mean = |grade| (1..=SEEDS).map(|seed| of(grade, seed)).sum::<f64>() / SEEDS as f64;
    let (exact, counted) = (mean("exact"), mean("aggregate"));
    assert!(exact > 100.0 && (exact - counted).abs() < part * exact, "{name}: {exact} and {counted}");
}

#[test]
fn rates_that_change_send_as_many() {
    let steps = r#"[{"for": "5s", "rate": "50/s"}, {"for": "10s", "to": "500/s"}, {"for": "1s", "rate": "0/s"}, {"rate": "200/s"}]"#;
    let day = r#"{"day": {"low": "20/s", "high": "400/s", "peak": "9s", "period": "17s"}}"#;
    for (rate, arrivals) in [(steps, "poisson"), (day, "poisson"), (day, "constant")] {
        let client = format!(r#", "arrivals": "{arrivals}""#);
        let text = scenario(r#", "boot": "2s""#, EIGHT, &client, "");
        agree(&text.replace(r#""300/s""#, rate));
    }
}

#[test]
fn tasks_that_break_break_in_aggregate_too() {
    let image = r#", "breaks_after_requests": 2000, "concurrency": 10"#;
    let text = scenario(image, r#""deploy": {"replicas": 2}"#, r#", "arrivals": "constant""#, "");
    assert_near(&text, (Some(1), "http-error application"), 0.02);
}

#[test]
fn images_that_react_are_refused_where_nothing_is_drawn() {
    let text = scenario(r#", "breaks_after_requests": 100"#, r#""deploy": {"replicas": 2}"#, "", "");
    let load = |grade: &str| scenario::load(&source(&text, grade, 1), &[]);
    let problems = load("expected").expect_err("it cannot be told");
    let errors: Vec<Code> = problems.iter().filter(|p| p.severity == Severity::Error).map(|p| p.code).collect();
    assert_eq!(errors, [Code::Conflict, Code::Conflict], "one for each image");
    assert!(load("aggregate").is_ok() && load("exact").is_ok());
}
