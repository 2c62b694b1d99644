//! The scenario file: its top level, the timeline and the objectives.

use crate::diag::{Code, Diagnostic};
use crate::kernel::{Span, Time};
use crate::model::engine::Engine;
use crate::model::latencies::Latencies;
use crate::sim::plan::TieOrder;

use super::cluster::Cluster;
use super::compose::Service;
use super::expect::Expect;
use super::image::Image;
use super::read::{Fields, Named, Problems, Read, named, refuse, word};
use super::source::{Node, Spanned, Value};
use super::stack::Stack;
use super::traffic::Traffic;
use super::units::Share;

/// The version of the scenario format.
pub(super) const FORMAT: u64 = 1;

/// Seed of a scenario that names none.
const DEFAULT_SEED: u64 = 1;

/// A scenario as its file says it, with names instead of ids.
#[derive(Debug)]
pub(super) struct Scenario {
    /// Its name, if it says so.
    pub(super) name: Option<String>,
    /// What to look for.
    pub(super) about: String,
    /// Seed of all chance.
    pub(super) seed: u64,
    /// How long it runs; `None`: until nothing is pending.
    pub(super) duration: Option<Spanned<Span>>,
    /// When measurement begins, if the scenario says so.
    pub(super) measure_from: Option<Spanned<Span>>,
    /// The nodes.
    pub(super) cluster: Cluster,
    /// How containers behave.
    pub(super) images: Named<Image>,
    /// The services that exist at time 0; `None` if they could not be read at all.
    pub(super) services: Option<Named<Service>>,
    /// Who sends requests.
    pub(super) traffic: Traffic,
    /// Which Docker Engine the nodes run.
    pub(super) engine: Engine,
    /// Latencies of Swarm's machinery.
    pub(super) latencies: Latencies,
    /// How what Swarm leaves to chance is decided.
    pub(super) ties: TieOrder,
    /// What operators do, in the order of the file.
    pub(super) timeline: Vec<Event>,
    /// What services promise.
    pub(super) slo: Named<Objective>,
    /// What must hold after the run.
    pub(super) expect: Vec<Expect>,
}

/// Something that an operator does, or that befalls a machine.
#[derive(Debug)]
pub(super) struct Event {
    /// When; `None` if the file does not say it right.
    pub(super) at: Option<Spanned<Time>>,
    /// What.
    pub(super) act: Act,
}

/// What happens at a point of the timeline.
#[derive(Debug)]
pub(super) enum Act {
    /// A docker command line.
    Run(Spanned<String>),
    /// Something befalls a machine.
    Fault(Spanned<String>),
}

/// What a service promises.
#[derive(Debug)]
pub(super) struct Objective {
    /// Share of its requests that it answers, below 1.
    pub(super) availability: Option<f64>,
}

impl Read for Scenario {
    fn read(node: &Node, problems: &mut Problems) -> Option<Scenario> {
        let mut fields = Fields::of(node, problems)?;
        fields.allow_extensions();
        for key in ["rollsim", "$schema"] {
            fields.node(key);
        }
        let has_services = fields.node("services").is_some();
        let services = fields.read_with("services", named);
        // A stack whose files could be read has become services; what is wrong with any other was told then.
        fields.read::<Stack>("stack");
        let scenario = Scenario {
            name: fields.read_with("name", read_name),
            about: fields.read("about").unwrap_or_default(),
            seed: fields.read("seed").unwrap_or(DEFAULT_SEED),
            duration: fields.read("duration"),
            measure_from: fields.read("measure_from"),
            cluster: fields.read("cluster").unwrap_or_default(),
            images: fields.read_with("images", named).unwrap_or_default(),
            services: services.or((!has_services).then(Vec::new)),
            traffic: fields.read("traffic").unwrap_or_default(),
            engine: fields.read("engine").unwrap_or_default(),
            latencies: fields.read("latencies").unwrap_or(Latencies::SWARM),
            ties: fields.read("ties").unwrap_or_default(),
            timeline: fields.read("timeline").unwrap_or_default(),
            slo: fields.read_with("slo", named).unwrap_or_default(),
            expect: fields.read("expect").unwrap_or_default(),
        };
        fields.finish();
        Some(scenario)
    }
}

/// The name becomes that of a folder, so it is one word of letters, digits, `.`, `-` and `_`.
fn read_name(node: &Node, problems: &mut Problems) -> Option<String> {
    let name = String::read(node, problems)?;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        let message = "a name is made of letters, digits, `.`, `-` and `_`, and does not begin with `.`";
        return refuse(Code::Malformed, &node.place, message, problems);
    }
    Some(name)
}

impl Read for TieOrder {
    fn read(node: &Node, problems: &mut Problems) -> Option<TieOrder> {
        word(node, "ties", &[("fixed", TieOrder::Fixed), ("shuffled", TieOrder::Shuffled)], problems)
    }
}

impl Read for Engine {
    fn read(node: &Node, problems: &mut Problems) -> Option<Engine> {
        word(node, "engine", &[("29.7", Engine::Current), ("20.10", Engine::V20_10)], problems)
    }
}

/// `swarm`, `none`, or single values over those of `swarm`.
impl Read for Latencies {
    fn read(node: &Node, problems: &mut Problems) -> Option<Latencies> {
        if let Value::String(_) = node.value {
            return word(node, "latencies", &[("swarm", Latencies::SWARM), ("none", Latencies::NONE)], problems);
        }
        let mut fields = Fields::of(node, problems)?;
        let swarm = Latencies::SWARM;
        let latencies = Latencies {
            assignment_batch: fields.read("assignment_batch").unwrap_or(swarm.assignment_batch),
            status_batch: fields.read("status_batch").unwrap_or(swarm.status_batch),
            agent_retry: fields.read("agent_retry").unwrap_or(swarm.agent_retry),
            load_balancer_settle: fields.read("load_balancer_settle").unwrap_or(swarm.load_balancer_settle),
            sandbox_teardown: fields.read("sandbox_teardown").unwrap_or(swarm.sandbox_teardown),
            daemon_start: fields.read("daemon_start").unwrap_or(swarm.daemon_start),
            heartbeat_period: fields.read("heartbeat_period").unwrap_or(swarm.heartbeat_period),
            gossip_interval: fields.read("gossip_interval").unwrap_or(swarm.gossip_interval),
            gossip_probe_interval: fields.read("gossip_probe_interval").unwrap_or(swarm.gossip_probe_interval),
        };
        fields.finish();
        Some(latencies)
    }
}

impl Read for Time {
    fn read(node: &Node, problems: &mut Problems) -> Option<Time> {
        Span::read(node, problems).map(|span| Time::ZERO + span)
    }
}

impl Read for Event {
    fn read(node: &Node, problems: &mut Problems) -> Option<Event> {
        let mut fields = Fields::of(node, problems)?;
        fields.exclude("run", &["fault"]);
        let at = fields.require("at");
        let run: Option<Spanned<String>> = fields.read("run");
        // A block of YAML ends in a line break, which is no part of the command.
        let run =
            run.map(|run| Spanned { value: run.value.trim_matches(['\r', '\n']).to_owned(), ..run }).map(Act::Run);
        let fault = fields.read("fault").map(Act::Fault);
        if fields.node("run").is_none() && fields.node("fault").is_none() {
            let message = "missing field `run` or `fault`";
            fields.problems.push(Diagnostic::new(Code::MissingKey, &node.place, message));
        }
        fields.finish();
        Some(Event { at, act: run.or(fault)? })
    }
}

impl Read for Objective {
    fn read(node: &Node, problems: &mut Problems) -> Option<Objective> {
        let mut fields = Fields::of(node, problems)?;
        let availability = fields.read_with("availability", |node, problems| {
            let Share(share) = Share::read(node, problems)?;
            if share == 1.0 {
                return refuse(Code::OutOfRange, &node.place, "a promise of 100% leaves no error budget", problems);
            }
            Some(share)
        });
        fields.finish();
        Some(Objective { availability })
    }
}
