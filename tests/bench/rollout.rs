//! Whole runs: through the public API, with the observers that `rollsim run` uses.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use rollsim::kernel::{Dist, IdVec, Span, Time};
use rollsim::metrics::{Metrics, RunFacts};
use rollsim::model::client::{Access, ClientSpec, Connect, Grade, Load};
use rollsim::model::command::{Command, SpecChange};
use rollsim::model::engine::Engine;
use rollsim::model::image::ImageBehavior;
use rollsim::model::latencies::Latencies;
use rollsim::model::request::{Batch, Request};
use rollsim::model::service::{HealthCheck, PortConfig, Protocol, PublishMode, ServiceSpec, UpdateConfig};
use rollsim::model::{ImageId, NodeId, ServiceId, defaults};
use rollsim::observe::{Observer, Record};
use rollsim::report::files::{self, Recorder, RequestRows};
use rollsim::report::{Story, disk};
use rollsim::sim::plan::{End, Image, Node, TieOrder, TimedCommand};
use rollsim::sim::{Plan, run};

use super::case::Case;
use super::trace;

/// A performance case: first deployment and a rolling update, no latencies.
pub fn plan(name: &str) -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/conformance/perf/{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let case: Case = serde_json::from_str(&text).expect("a case");
    super::plan::plan(&case).expect("a case that can be simulated")
}

/// Changes of tasks, removals and update statuses in the run, as swarmkit's recorder counts them.
pub fn changes(plan: &Plan) -> usize {
    run(plan, trace::Recorder::new(plan)).observer.events.len()
}

/// One run for its numbers, as in a sweep.
pub fn measured(plan: &Plan) {
    black_box(run(plan, Metrics::new(plan)).observer);
}

/// One run with everything that `rollsim run` collects for its report.
pub fn observed(plan: &Plan) {
    black_box(run(plan, (Metrics::new(plan), (Story::new(plan), Recorder::new(plan, RequestRows::Sample)))).observer);
}

/// One run and its report with every request by itself, written into this folder.
pub fn reported(plan: &Plan, folder: &Path) {
    let finished = run(plan, (Metrics::new(plan), (Story::new(plan), Recorder::new(plan, RequestRows::Full))));
    let (metrics, (story, recorder)) = finished.observer;
    let (digest, warnings) = (String::new(), Vec::new());
    let summary = metrics.finish(RunFacts { digest, fingerprint: finished.fingerprint, end: finished.end, warnings });
    let files = recorder.files(&summary, &story.finish(summary.end)).expect("memory takes all");
    disk::write_folder(folder, files::OF_RUN, &files).expect("the folder can be written");
}

/// Requests that end in the run.
pub fn requests(plan: &Plan) -> u64 {
    struct Count(u64);
    impl Observer for Count {
        fn record(&mut self, _now: Time, _record: &Record) {}
        fn request(&mut self, _request: &Request) {
            self.0 += 1;
        }
        fn requests(&mut self, batch: &Batch) {
            self.0 += batch.count;
        }
        fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
    }
    run(plan, Count(0)).observer.0
}

/// 100 replicas with health checks on 50 nodes, 1,000 requests a second for ten minutes, and a rolling update in the middle.
pub fn ten_minutes(grade: Grade) -> Plan {
    let update = UpdateConfig { parallelism: 5, delay: Span::from_secs(5), ..defaults::UPDATE_CONFIG };
    with_traffic(deployed_and_updated(100, 50, update), 600, Span::from_millis(1), Span::from_millis(50), grade)
}

/// 1,000 replicas with health checks on 100 nodes, a million requests a second for an hour, and a rolling update in the middle.
pub fn one_hour(grade: Grade) -> Plan {
    let update = UpdateConfig { parallelism: 10, delay: Span::from_secs(5), ..defaults::UPDATE_CONFIG };
    with_traffic(deployed_and_updated(1_000, 100, update), 3_600, Span::from_micros(1), Span::from_micros(500), grade)
}

/// Requests at random that enter at three nodes, to a service with a published port and a health check.
fn with_traffic(mut plan: Plan, seconds: u64, gap: Span, service_time: Span, grade: Grade) -> Plan {
    for image in plan.images.values_mut() {
        image.behavior.application.service_time = Dist::Exponential { mean: service_time };
        let test = ["CMD".to_owned(), "check".to_owned()].to_vec();
        let interval = Some(Span::from_secs(5));
        image.behavior.healthcheck = Some(HealthCheck { test, interval, ..HealthCheck::default() });
    }
    if let Command::ServiceCreate { spec, .. } = &mut plan.commands[0].command {
        let (protocol, mode) = (Protocol::Tcp, PublishMode::Ingress);
        spec.endpoint.ports = [PortConfig { target: 80, published: 80, protocol, mode }].to_vec();
    }
    let load = Load::Open { gap: Dist::Exponential { mean: gap } };
    let (name, service) = ("users".to_owned(), ServiceId(0));
    let nodes = [NodeId(0), NodeId(1), NodeId(2)].to_vec();
    let connect = Connect { access: Access::Vip, nodes, ..Connect::default() };
    plan.clients.push(ClientSpec { name, service, from: Time::ZERO, until: Time::MAX, load, connect });
    plan.end = End::At(Time::ZERO + Span::from_secs(seconds));
    Plan { grade, ..plan }
}

/// Replicas on a tenth as many nodes are deployed, and then updated 100 at a time, until nothing is left to do.
pub fn large(replicas: u32) -> Plan {
    let update = UpdateConfig { parallelism: 100, ..defaults::UPDATE_CONFIG };
    deployed_and_updated(replicas, replicas / 10, update)
}

/// One service without clients, an update to another image after a minute, and all of Swarm's latencies.
fn deployed_and_updated(replicas: u32, nodes: u32, update: UpdateConfig) -> Plan {
    let image = |name: &str| Image { name: name.to_owned(), behavior: ImageBehavior::default() };
    let spec = ServiceSpec { update: Some(update), ..ServiceSpec::replicated(ImageId(0), replicas) };
    let change = SpecChange { image: Some(ImageId(1)), ..SpecChange::default() };
    let service = ServiceId(0);
    let command = |at, command| TimedCommand { at: Time::from_millis(at), line: String::new(), command };
    Plan {
        name: "bench".to_owned(),
        seed: 1,
        end: End::WhenQuiet { quiet: Span::from_secs(30), limit: Time::MAX },
        nodes: (1..=nodes)
            .map(|node| Node {
                name: format!("n{node}"),
                spec: Default::default(),
                is_member: true,
                staleness: Span::ZERO,
            })
            .collect(),
        images: [image("app:1"), image("app:2")].into_iter().collect(),
        services: ["web".to_owned()].into_iter().collect(),
        clients: IdVec::new(),
        commands: vec![
            command(0, Command::ServiceCreate { service, spec: Box::new(spec) }),
            command(60_000, Command::ServiceUpdate { service, change: Box::new(change) }),
        ],
        engine: Engine::Current,
        latencies: Latencies::SWARM,
        ties: TieOrder::Fixed,
        task_history_limit: Some(defaults::TASK_HISTORY_LIMIT),
        grade: Default::default(),
        measure_from: None,
        slo: IdVec::filled(1, None),
    }
}
