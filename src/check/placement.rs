//! What nodes may have: tasks that pass their filters, and no tasks once they are drained.

use super::view::{NodeView, TaskView, View};
use super::{Findings, Promise, task_name};
use crate::kernel::{Span, Time};
use crate::model::node::{Availability, NodeState, Role};
use crate::model::service::{Protocol, PublishMode, ServiceSpec};
use crate::model::task::TaskState;
use crate::model::{NodeId, TaskId, defaults};
use crate::observe::Record;
use crate::sim::Plan;

/// Longest wait of a new task for its predecessor to stop, within which a restart is put off too (control-plane R1, R14).
const LONGEST_WAIT: Span = Span::from_secs(60);

/// Most batches of assignments that a steady stream of changes can hold back (control-plane N14).
const MOST_BATCHES: u64 = 100;

const NODE_LABELS: &str = "node.labels.";

/// Looks at assignments, and at drained nodes.
#[derive(Default)]
pub(super) struct Placement {
    /// The task that the record at hand assigns.
    assigned: Option<TaskId>,
    /// Tasks that stayed on a drained node and were told.
    told: Vec<TaskId>,
}

impl Placement {
    /// Looks at a record before it is taken note of.
    pub(super) fn before(&mut self, view: &View<'_>, record: &Record) {
        let Record::Task(task) = record else { return };
        let was_free = view.tasks.get(task.task).is_some_and(|row| row.record.status.state < TaskState::Assigned);
        self.assigned = (was_free && task.status.state == TaskState::Assigned).then_some(task.task);
    }

    /// Looks at a record that was taken note of.
    pub(super) fn after(&mut self, view: &View<'_>, findings: &mut Findings) {
        let Some(task) = self.assigned.take() else { return };
        let Some(node) = view.tasks[task].record.node else { return };
        if let Some(filter) = failed_filter(view, &view.tasks[task], node) {
            let (name, node) = (task_name(view, task), &view.plan.nodes[node].name);
            findings.expect(Promise::Filters, false, || format!("{name} is assigned to {node}, which fails {filter}"));
        }
    }

    /// The instant is over.
    pub(super) fn instant(&mut self, view: &View<'_>, findings: &mut Findings) {
        for (node, row) in view.nodes.iter() {
            let Some(drained) = row.drained_since else { continue };
            for &task in &row.tasks {
                if view.now > deadline(view, &view.tasks[task], drained) && !self.told.contains(&task) {
                    self.told.push(task);
                    let (name, node) = (task_name(view, task), &view.plan.nodes[node].name);
                    let what = || format!("{name} is still on {node}, drained since {drained}");
                    findings.expect(Promise::DrainedIsEmpty, false, what);
                }
            }
        }
    }
}

/// When the task must have stopped. An updater that keeps a task begins its wait anew (control-plane R13, U18).
fn deadline(view: &View<'_>, task: &TaskView, drained: Time) -> Time {
    let service = &view.services[task.record.service];
    let latencies = &view.plan.latencies;
    let grace = view.spec_of(task).task.container.stop_grace_period.unwrap_or(defaults::STOP_GRACE_PERIOD);
    let wait = LONGEST_WAIT.max(service.longest_restart_delay());
    let batches = latencies.assignment_batch * MOST_BATCHES + latencies.status_batch;
    let stop = latencies.agent_retry + latencies.load_balancer_settle + latencies.sandbox_teardown + grace;
    let Some(heard) = view.heard_since() else { return Time::MAX };
    drained.max(heard).max(service.touched).saturating_add(wait + batches + stop)
}

/// The first filter that the node fails, with the task on it already.
///
/// Source: manager/scheduler/filter.go (control-plane 12.2, S9).
fn failed_filter(view: &View<'_>, task: &TaskView, node: NodeId) -> Option<&'static str> {
    let (row, spec) = (&view.nodes[node], view.spec_of(task));
    let others = || row.tasks.iter().map(|other| &view.tasks[*other]);
    if row.state != Some(NodeState::Ready) || row.spec.availability != Availability::Active {
        return Some("Ready");
    }
    let reserved = others().map(|other| view.spec_of(other).task.resources);
    let sum = reserved.fold((0u64, 0u64), |(nano_cpus, memory), resources| {
        (nano_cpus.saturating_add(resources.reserve_nano_cpus), memory.saturating_add(resources.reserve_memory))
    });
    let own = spec.task.resources;
    let is_full =
        |own: u64, sum: u64, capacity: Option<u64>| own > 0 && capacity.is_some_and(|capacity| sum > capacity);
    if is_full(own.reserve_nano_cpus, sum.0, row.spec.nano_cpus) || is_full(own.reserve_memory, sum.1, row.spec.memory)
    {
        return Some("Resource");
    }
    if !meets_constraints(view.plan, &spec.task.placement.constraints, node, row) {
        return Some("Constraint");
    }
    let uses = |other: &TaskView, port| host_ports(view.spec_of(other)).any(|used| used == port);
    let before = || others().filter(|other| other.record.task != task.record.task);
    if before().any(|other| host_ports(spec).any(|port| uses(other, port))) {
        return Some("HostPort");
    }
    let active = before().filter(|other| other.record.service == task.record.service && other.is_wanted()).count();
    let most = spec.task.placement.max_replicas_per_node as usize;
    (most > 0 && active >= most).then_some("MaxReplicas")
}

fn host_ports(spec: &ServiceSpec) -> impl Iterator<Item = (Protocol, u16)> {
    let ports = spec.endpoint.ports.iter().filter(|port| port.mode == PublishMode::Host && port.published != 0);
    ports.map(|port| (port.protocol, port.published))
}

/// Whether all constraints hold. A list of which one cannot be read counts as empty.
///
/// Source: manager/constraint/constraint.go (control-plane S8).
fn meets_constraints(plan: &Plan, constraints: &[String], node: NodeId, row: &NodeView) -> bool {
    let split = |text: &String| {
        let (equal, (key, value)) = match text.split_once("==") {
            Some(parts) => (true, parts),
            None => (false, text.split_once("!=")?),
        };
        (!value.trim().is_empty()).then(|| (key.trim().to_owned(), equal, value.trim().to_lowercase()))
    };
    let Some(read) = constraints.iter().map(split).collect::<Option<Vec<_>>>() else { return true };
    read.into_iter().all(|(key, equal, value)| {
        let actual = match key.to_lowercase().as_str() {
            "node.role" if row.role == Role::Manager => "manager",
            "node.role" => "worker",
            "node.hostname" => &plan.nodes[node].name,
            lower if lower.starts_with(NODE_LABELS) => {
                row.spec.labels.get(&key[NODE_LABELS.len()..]).map_or("", String::as_str)
            }
            // What nodes do not have here is empty.
            "node.id" | "node.platform.os" | "node.platform.arch" => "",
            lower if lower.starts_with("engine.labels.") => "",
            _ => return false,
        };
        (actual.to_lowercase() == value) == equal
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{Forged, WEB, replicated};
    use crate::model::command::{Command, Fault};
    use crate::model::service::{PortConfig, Protocol};
    use crate::model::task::Creator;
    use crate::model::update::UpdateState;

    /// A service of two tasks without nodes, of which this is said.
    fn two_tasks(change: impl FnOnce(&mut ServiceSpec)) -> Forged {
        let mut spec = replicated(2);
        change(&mut spec);
        let mut forged = Forged::new(spec);
        forged.create(1, Creator::Orchestrator, 0).create(2, Creator::Orchestrator, 0);
        forged
    }

    #[test]
    fn an_assignment_to_a_node_that_is_paused_drained_down_or_gone_is_seen() {
        assert_eq!(two_tasks(|_| {}).assign(0, 0).assign(1, 0).broken(), []);
        for availability in [Availability::Pause, Availability::Drain] {
            let mut forged = two_tasks(|_| {});
            assert_eq!(forged.set_availability(0, availability).assign(0, 0).broken(), [Promise::Filters]);
        }
        for state in [Some(NodeState::Down), None] {
            let node = Record::Node { node: NodeId(0), state, role: Role::Worker };
            assert_eq!(two_tasks(|_| {}).record(node).assign(0, 0).broken(), [Promise::Filters]);
        }
    }

    #[test]
    fn an_assignment_to_a_node_that_misses_a_constraint_is_seen() {
        let broken = |constraint: &str| {
            let mut forged = two_tasks(|spec| spec.task.placement.constraints = vec![constraint.to_owned()]);
            let label_add = vec![("zone".to_owned(), "a".to_owned())];
            let node = NodeId(0);
            forged.command(Command::NodeUpdate {
                node,
                role: None,
                availability: None,
                label_add,
                label_rm: Vec::new(),
            });
            forged
                .record(Record::Node { node, state: Some(NodeState::Ready), role: Role::Worker })
                .assign(0, 0)
                .broken()
        };
        for met in ["node.labels.zone == A", "node.hostname!=n2", "Node.Role==worker", "no constraint at all"] {
            assert_eq!(broken(met), [], "{met}");
        }
        for missed in ["node.labels.zone!=a", "node.labels.Zone==a", "node.hostname==n2", "node.colour!=red"] {
            assert_eq!(broken(missed), [Promise::Filters], "{missed}");
        }
    }

    #[test]
    fn two_tasks_on_a_node_that_forbids_the_second_are_seen() {
        let port = PortConfig { target: 80, published: 80, protocol: Protocol::Tcp, mode: PublishMode::Host };
        let limits: [&dyn Fn(&mut ServiceSpec); 2] =
            [&|spec| spec.endpoint.ports = vec![port], &|spec| spec.task.placement.max_replicas_per_node = 1];
        for limit in limits {
            assert_eq!(two_tasks(limit).assign(0, 0).assign(1, 1).broken(), []);
            assert_eq!(two_tasks(limit).assign(0, 0).assign(1, 0).broken(), [Promise::Filters]);
        }
    }

    #[test]
    fn more_reserved_than_a_node_has_is_seen() {
        let mut forged = two_tasks(|spec| spec.task.resources.reserve_memory = 3);
        forged.give_memory(0, 5).assign(0, 0);
        assert_eq!(forged.broken(), []);
        assert_eq!(forged.assign(1, 0).broken(), [Promise::Filters]);
    }

    /// A task that runs on n1, which is drained after 10 s.
    fn drained() -> Forged {
        let mut forged = Forged::new(replicated(1));
        forged.create(1, Creator::Orchestrator, 0).assign(0, 0).state(0, TaskState::Running);
        forged.at(10_000).set_availability(0, Availability::Drain);
        forged
    }

    #[test]
    fn a_task_left_on_a_drained_node_is_seen_once_the_time_has_passed() {
        // 60 s and a grace period of 10 s.
        assert_eq!(drained().at(80_000).updater(1, false, false).at(80_000).broken(), []);
        assert_eq!(drained().at(80_001).rotate(0, true).broken(), [Promise::DrainedIsEmpty]);
        assert_eq!(drained().at(20_000).state(0, TaskState::Shutdown).at(90_000).rotate(0, true).broken(), []);
    }

    #[test]
    fn a_node_that_does_not_run_and_a_cluster_without_a_leader_have_more_time() {
        let faults = [Fault::NodeCrash(NodeId(0)), Fault::LeaderLost { gap: Span::from_secs(60) }];
        for fault in faults {
            let mut forged = drained();
            assert_eq!(forged.command(Command::Fault(fault)).at(80_001).rotate(0, true).broken(), []);
        }
    }

    #[test]
    fn a_new_updater_may_begin_the_wait_anew() {
        let status = Record::UpdateStatus { service: WEB, status: None };
        assert_eq!(drained().at(11_000).record(status).at(81_000).rotate(0, true).broken(), []);
        let mut forged = drained();
        forged.at(11_000).status(Some(UpdateState::Updating));
        assert_eq!(forged.at(81_001).rotate(0, true).broken(), [Promise::DrainedIsEmpty]);
    }
}
