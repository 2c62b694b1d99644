//! The three grades of traffic: the same control plane, and counts that agree over many seeds as far as README says that they do.

use std::collections::BTreeMap;

use rollsim::diag::{Code, Severity, SourceFile};
use rollsim::kernel::{IdVec, Time};
use rollsim::model::ServiceId;
use rollsim::model::request::{Batch, Request, RequestOutcome};
use rollsim::observe::{Observer, Record};
use rollsim::scenario;
use rollsim::sim;

/// Seeds over which counts are compared.
const SEEDS: u64 = 24;

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
    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
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
/// request.
fn agree(text: &str) {
    for grade in ["aggregate", "expected"] {
        let mut exact_sum = Counts::new();
        let mut differences: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        for seed in 1..=SEEDS {
            let ((exact, fingerprint), (counts, same)) = (run(text, "exact", seed), run(text, grade, seed));
            assert_eq!(fingerprint, same, "{grade}, seed {seed}");
            for key in exact.keys().chain(counts.keys()).collect::<std::collections::BTreeSet<_>>() {
                let of = |counts: &Counts| counts.get(key).copied().unwrap_or(0.0);
                let row = differences.entry(key.clone()).or_insert_with(|| vec![0.0; SEEDS as usize]);
                row[seed as usize - 1] = of(&counts) - of(&exact);
                *exact_sum.entry(key.clone()).or_default() += of(&exact);
            }
        }
        for (key, row) in &differences {
            let (mean, half) = interval(row);
            let exact = exact_sum[key] / SEEDS as f64;
            assert!(mean.abs() <= half + 1.0, "{grade} {key:?}: {exact}, differs by {mean} +- {half}");
        }
    }
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
    let (exact, counts) = (run(&text, "exact", 1).0, run(&text, "aggregate", 1).0);
    let errors = (Some(1), "http-error application".to_owned());
    let (exact, errors) = (exact[&errors], counts[&errors]);
    assert!(exact > 1_000.0 && (exact - errors).abs() < 0.02 * exact, "{exact} and {errors}");
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
