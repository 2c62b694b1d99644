//! Random clusters: nodes and services that differ, and everything that can happen to both. Each feature is absent from some of
//! them.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rollsim::kernel::{Span, Time};
use rollsim::model::client::{Access, BackendCheck, Balancer, Choice, Connect};
use rollsim::model::command::{Command, Edit, Fault, SpecChange};
use rollsim::model::node::{Availability, NodeSpec, Role};
use rollsim::model::service::{Mode, PortConfig, PublishMode, ServiceSpec};
use rollsim::model::{NodeId, ServiceId};
use rollsim::sim::Plan;
use rollsim::sim::plan::{Node, TimedCommand};

use super::plans::{self, LAST_COMMAND_MS};

const NODES: u32 = 5;
const CONSTRAINTS: [&str; 4] =
    ["node.labels.zone==a", "node.labels.zone!=b", "node.role==worker", "node.hostname!=node2"];

/// What happens to a node.
type NodeCommand = fn(NodeId) -> Command;

/// Any plan, of a cluster whose nodes are labelled, scarce, drained, paused or not there yet, that fail, come back, join, go and
/// change; of services that are global, constrained, spread, that reserve, publish on their nodes or allow few replicas on one; and
/// of managers that change; and of clients that reach the services in every way.
pub fn any_cluster() -> impl Strategy<Value = Plan> {
    let acts = vec((0..LAST_COMMAND_MS, act()), 0..10);
    let connects = vec(connect(), 2);
    (plans::any_plan(), vec(node(), 1..=NODES as usize), vec(placed(), 3), acts, connects).prop_map(
        |(mut plan, nodes, placed, acts, connects)| {
            plan.nodes =
                (1..).zip(nodes).map(|(number, node)| Node { name: format!("node{number}"), ..node }).collect();
            let (nodes, services) = (plan.nodes.len() as u32, plan.services.len() as u32);
            for (timed, place) in plan.commands.iter_mut().zip(placed) {
                if let Command::ServiceCreate { spec, .. } = &mut timed.command {
                    place.apply(spec);
                }
            }
            for (client, mut connect) in plan.clients.values_mut().zip(connects) {
                connect.nodes.retain(|node| node.0 < nodes);
                client.connect = connect;
            }
            let timed = |(at, act): (u64, Act)| {
                let command = act.command(nodes, services);
                TimedCommand { at: Time::from_millis(at), line: String::new(), command }
            };
            plan.commands.extend(acts.into_iter().map(timed));
            plan.commands.sort_by_key(|timed| timed.at);
            keep_possible_losses(&mut plan);
            plan
        },
    )
}

/// A proxy that asks for tasks, or knows its nodes, and checks them or not.
fn balancer() -> impl Strategy<Value = Balancer> {
    let check = (1..10_000u64, 1..10_000u64, 1..4u32, 1..4u32).prop_map(|(interval, timeout, rise, fall)| {
        let timeout = Span::from_millis(timeout.min(interval));
        BackendCheck { interval: Span::from_millis(interval), timeout, rise, fall }
    });
    let refresh = option::of((1..30_000u64).prop_map(Span::from_millis));
    (refresh, option::of(check)).prop_map(|(refresh, check)| Balancer { refresh, check })
}

/// A way into a service, with whatever patience, by nodes of which some may not be there.
fn connect() -> impl Strategy<Value = Connect> {
    let access = prop::sample::select(vec![Access::Direct, Access::Vip, Access::DnsRoundRobin, Access::HostPort]);
    let choice = prop::sample::select(vec![Choice::RoundRobin, Choice::Random]);
    let entries = prop::sample::subsequence((0..NODES).map(NodeId).collect::<Vec<_>>(), 0..=2);
    let timeout = || option::of((1..20_000u64).prop_map(Span::from_millis));
    let retries = (0..3u32, 1..2_000u64);
    let keeps = (any::<bool>(), any::<bool>());
    (access, entries, choice, timeout(), timeout(), retries, keeps, option::of(balancer())).prop_map(
        |(
            access,
            nodes,
            choice,
            connect_timeout,
            request_timeout,
            (retries, backoff),
            (keep_alive, dns_cache),
            proxy,
        )| {
            let balancer = proxy.filter(|_| access != Access::Direct);
            // Where tasks are, one place knows.
            let asks = balancer.is_some_and(|balancer| balancer.refresh.is_some());
            let access = if asks { Access::DnsRoundRobin } else { access };
            let nodes = if asks { Vec::new() } else { nodes };
            let keeps = balancer.is_none();
            let (keep_alive, dns_cache) = (keep_alive && keeps, dns_cache && keeps);
            Connect {
                balancer,
                access,
                nodes: if access == Access::Direct { Vec::new() } else { nodes },
                choice,
                connect_timeout,
                request_timeout,
                retries,
                backoff: Span::from_millis(backoff),
                keep_alive,
                dns_cache,
            }
        },
    )
}

/// Takes out the losses of a leader that cannot be: where managers elect one, and while there is none.
fn keep_possible_losses(plan: &mut Plan) {
    let may_elect = |timed: &TimedCommand| match timed.command {
        Command::NodeUpdate { role, .. } => role == Some(Role::Manager),
        _ => false,
    };
    let has_managers =
        plan.nodes.values().any(|node| node.spec.role == Role::Manager) || plan.commands.iter().any(may_elect);
    let mut led_from = Time::ZERO;
    plan.commands.retain(|timed| match timed.command {
        Command::Fault(Fault::LeaderLost { gap }) => {
            let is_possible = !has_managers && timed.at >= led_from;
            if is_possible {
                led_from = timed.at.saturating_add(gap);
            }
            is_possible
        }
        _ => true,
    });
}

fn node() -> impl Strategy<Value = Node> {
    let availability =
        prop_oneof![6 => Just(Availability::Active), 1 => Just(Availability::Pause), 1 => Just(Availability::Drain)];
    let zone = option::of(prop::sample::select(vec!["a", "b"]));
    let is_manager = prop::bool::weighted(0.3);
    (availability, zone, option::of(1..4u64), prop::bool::weighted(0.85), is_manager).prop_map(
        |(availability, zone, cpus, is_member, is_manager)| {
            let role = if is_manager && is_member { Role::Manager } else { Role::Worker };
            let labels = zone.into_iter().map(|zone| ("zone".to_owned(), zone.to_owned())).collect();
            let spec = NodeSpec { role, availability, labels, nano_cpus: cpus, ..NodeSpec::default() };
            Node { name: String::new(), spec, is_member, staleness: Span::ZERO }
        },
    )
}

/// Where the tasks of a service may run.
#[derive(Clone, Debug)]
struct Placed {
    is_global: bool,
    constraint: Option<&'static str>,
    is_spread: bool,
    max_replicas_per_node: u32,
    reserve_nano_cpus: u64,
    host_port: bool,
}

fn placed() -> impl Strategy<Value = Placed> {
    let constraint = option::of(prop::sample::select(CONSTRAINTS.to_vec()));
    let rarely = || prop::bool::weighted(0.25);
    let limit = prop_oneof![3 => Just(0), 1 => 1..3u32];
    (rarely(), constraint, any::<bool>(), limit, prop_oneof![2 => Just(0), 1 => Just(1u64)], rarely()).prop_map(
        |(is_global, constraint, is_spread, max_replicas_per_node, reserve_nano_cpus, host_port)| Placed {
            is_global,
            constraint,
            is_spread,
            max_replicas_per_node,
            reserve_nano_cpus,
            host_port,
        },
    )
}

impl Placed {
    fn apply(self, spec: &mut ServiceSpec) {
        if self.is_global {
            spec.mode = Mode::Global;
        }
        let placement = &mut spec.task.placement;
        placement.constraints.extend(self.constraint.map(str::to_owned));
        placement.preferences.extend(self.is_spread.then(|| "node.labels.zone".to_owned()));
        placement.max_replicas_per_node = self.max_replicas_per_node;
        spec.task.resources.reserve_nano_cpus = self.reserve_nano_cpus;
        let mode = PublishMode::Host;
        let port = PortConfig { target: 90, published: 90, protocol: Default::default(), mode };
        spec.endpoint.ports.extend(self.host_port.then_some(port));
    }
}

/// Something that happens to the cluster; of nodes and services by number, counted round.
#[derive(Clone, Debug)]
enum Act {
    Node(u32, NodeCommand),
    Label(u32, Option<&'static str>),
    Constrain { service: u32, constraint: &'static str, adds: bool },
    Scale { service: u32, replicas: u32 },
    LoseLeader { gap: Span },
}

fn act() -> impl Strategy<Value = Act> {
    let constraint = prop::sample::select(CONSTRAINTS.to_vec());
    prop_oneof![
        6 => (0..NODES, node_command()).prop_map(|(node, command)| Act::Node(node, command)),
        2 => (0..NODES).prop_map(|node| Act::Node(node, drain)),
        2 => (0..NODES, option::of(prop::sample::select(vec!["a", "b"]))).prop_map(|(node, zone)| Act::Label(node, zone)),
        2 => (0..3u32, constraint, any::<bool>())
            .prop_map(|(service, constraint, adds)| Act::Constrain { service, constraint, adds }),
        2 => (0..3u32, 0..8u32).prop_map(|(service, replicas)| Act::Scale { service, replicas }),
        1 => (0..8_000u64).prop_map(|gap| Act::LoseLeader { gap: Span::from_millis(gap) }),
    ]
}

impl Act {
    fn command(self, nodes: u32, services: u32) -> Command {
        let update = |service: u32, change| Command::ServiceUpdate {
            service: ServiceId(service % services),
            change: Box::new(change),
        };
        match self {
            Act::Node(node, command) => command(NodeId(node % nodes)),
            Act::Label(node, zone) => Command::NodeUpdate {
                node: NodeId(node % nodes),
                role: None,
                availability: None,
                label_add: zone.into_iter().map(|zone| ("zone".to_owned(), zone.to_owned())).collect(),
                label_rm: if zone.is_none() { vec!["zone".to_owned()] } else { Vec::new() },
            },
            Act::Constrain { service, constraint, adds } => {
                let edit = if adds { Edit::ConstraintAdd } else { Edit::ConstraintRm };
                update(service, SpecChange { edits: vec![edit(constraint.to_owned())], ..SpecChange::default() })
            }
            Act::Scale { service, replicas } => {
                update(service, SpecChange { replicas: Some(replicas), ..SpecChange::default() })
            }
            Act::LoseLeader { gap } => Command::Fault(Fault::LeaderLost { gap }),
        }
    }
}

fn update(node: NodeId, availability: Availability) -> Command {
    let (label_add, label_rm) = (Vec::new(), Vec::new());
    Command::NodeUpdate { node, role: None, availability: Some(availability), label_add, label_rm }
}

fn drain(node: NodeId) -> Command {
    update(node, Availability::Drain)
}

fn node_command() -> impl Strategy<Value = NodeCommand> {
    fn role(node: NodeId, role: Role) -> Command {
        let (label_add, label_rm) = (Vec::new(), Vec::new());
        Command::NodeUpdate { node, role: Some(role), availability: None, label_add, label_rm }
    }
    let commands: [NodeCommand; 15] = [
        |node| update(node, Availability::Active),
        |node| update(node, Availability::Pause),
        drain,
        |node| Command::Fault(Fault::NodeCrash(node)),
        |node| Command::Fault(Fault::NodeStop(node)),
        |node| Command::Fault(Fault::NodeStart(node)),
        |node| Command::NodeRemove { node, force: true },
        |node| Command::Fault(Fault::LinkDown(vec![node])),
        |node| Command::Fault(Fault::LinkDown((0..=node.0).map(NodeId).collect())),
        |node| Command::Fault(Fault::LinkUp(vec![node])),
        |node| role(node, Role::Manager),
        |node| role(node, Role::Worker),
        |_| Command::Fault(Fault::ManagersStop),
        |_| Command::Fault(Fault::ManagersStart),
        |_| Command::ForceNewCluster,
    ];
    prop::sample::select(commands.to_vec())
}
