//! `cluster`: the nodes of a scenario.

use crate::diag::Code;
use crate::kernel::Span;
use crate::model::node::{Availability, NodeSpec, Role};
use crate::sim::plan::Node as PlanNode;

use super::read::{Fields, Named, Problems, Read, named, pairs, refuse, word};
use super::source::{Node, Spanned};
use super::units::{read_bytes, read_nano_cpus};

/// Most nodes of a cluster.
const MOST_NODES: u32 = 100_000;

/// The nodes of a scenario, in order; at least one of them is a manager.
#[derive(Debug)]
pub(super) struct Cluster {
    /// The nodes.
    pub(super) nodes: Vec<PlanNode>,
}

impl Default for Cluster {
    /// One manager.
    fn default() -> Self {
        Cluster { nodes: numbered("manager", Role::Manager, 1).collect() }
    }
}

/// Either `nodes` by name, or numbers of `managers` and `workers`; those are called `manager1`, ..., `worker1`, ...
impl Read for Cluster {
    fn read(node: &Node, problems: &mut Problems) -> Option<Cluster> {
        let mut fields = Fields::of(node, problems)?;
        fields.exclude("nodes", &["managers", "workers"]);
        let managers = fields.read_with("managers", read_count).unwrap_or(1);
        let workers = fields.read_with("workers", read_count).unwrap_or(0);
        let nodes = match fields.node("nodes") {
            Some(nodes) => read_nodes(nodes, fields.problems),
            None => {
                let managers = numbered("manager", Role::Manager, managers);
                Some(managers.chain(numbered("worker", Role::Worker, workers)).collect())
            }
        };
        fields.finish();
        let nodes = nodes?;
        if !nodes.iter().any(|node| node.spec.role == Role::Manager) {
            return refuse(Code::OutOfRange, &node.place, "a cluster needs at least one manager", problems);
        }
        Some(Cluster { nodes })
    }
}

/// Nodes by name; `None` if one of them was wrong, for it may have been the manager.
fn read_nodes(node: &Node, problems: &mut Problems) -> Option<Vec<PlanNode>> {
    let nodes: Named<Described> = named(node, problems)?;
    let plan_node = |(name, node): (Spanned<String>, Option<Described>)| {
        let Described { spec, is_member, staleness } = node?;
        Some(PlanNode { name: name.value, spec, is_member, staleness })
    };
    nodes.into_iter().map(plan_node).collect()
}

fn numbered(prefix: &'static str, role: Role, count: u32) -> impl Iterator<Item = PlanNode> {
    (1..=count).map(move |i| PlanNode {
        name: format!("{prefix}{i}"),
        spec: NodeSpec { role, ..NodeSpec::default() },
        is_member: true,
        staleness: Span::ZERO,
    })
}

fn read_count(node: &Node, problems: &mut Problems) -> Option<u32> {
    let count = u32::read(node, problems)?;
    if count > MOST_NODES {
        return refuse(Code::OutOfRange, &node.place, format!("at most {MOST_NODES} nodes"), problems);
    }
    Some(count)
}

/// A node as a scenario describes it.
struct Described {
    spec: NodeSpec,
    /// Whether it is a member of the cluster from the start; else it joins when it is started.
    is_member: bool,
    staleness: Span,
}

impl Read for Described {
    fn read(node: &Node, problems: &mut Problems) -> Option<Described> {
        let mut fields = Fields::of(node, problems)?;
        let is_member = fields.read_with("member", bool::read).unwrap_or(true);
        let role = match fields.node("role") {
            Some(role) => {
                let roles = [("worker", Role::Worker), ("manager", Role::Manager)];
                word(role, "role", &roles, fields.problems)
            }
            None => Some(Role::default()),
        };
        let availability = fields.read_with("availability", read_availability);
        let labels = fields.read_with("labels", pairs);
        let (nano_cpus, memory) = fields.read_with("resources", read_resources).unwrap_or_default();
        let staleness = fields.read("staleness").unwrap_or_default();
        fields.finish();
        if !is_member && role == Some(Role::Manager) {
            return refuse(Code::OutOfRange, &node.place, "a node that joins later joins as a worker", problems);
        }
        let (availability, labels) = (availability.unwrap_or_default(), labels.unwrap_or_default());
        Some(Described {
            spec: NodeSpec { role: role?, availability, labels, nano_cpus, memory },
            is_member,
            staleness,
        })
    }
}

fn read_availability(node: &Node, problems: &mut Problems) -> Option<Availability> {
    let words = [("active", Availability::Active), ("pause", Availability::Pause), ("drain", Availability::Drain)];
    word(node, "availability", &words, problems)
}

fn read_resources(node: &Node, problems: &mut Problems) -> Option<(Option<u64>, Option<u64>)> {
    let mut fields = Fields::of(node, problems)?;
    let cpus = fields.read_with("cpus", read_nano_cpus);
    let memory = fields.read_with("memory", read_bytes);
    fields.finish();
    Some((cpus, memory))
}
