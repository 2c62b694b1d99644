//! The constraint enforcer: rejects tasks on nodes that have changed so that the tasks do not fit any more.
//!
//! Source: manager/orchestrator/constraintenforcer/constraint_enforcer.go (control-plane C1 to C5).

use crate::manager::Cx;
use crate::manager::constraint;
use crate::manager::store::{Node, Store, Task};
use crate::manager::ties::Ties;
use crate::model::change::Change;
use crate::model::decision::{Decision, RejectCause};
use crate::model::node::Availability;
use crate::model::task::{Message, Status, TaskError, TaskState};
use crate::model::{NodeId, TaskId};

/// Watches for changes of nodes.
#[derive(Debug, Default)]
pub struct ConstraintEnforcer {
    /// Nodes to look at, in order of notice.
    changed: Vec<NodeId>,
}

impl ConstraintEnforcer {
    /// Looks at all nodes.
    pub fn start(cx: &mut Cx<'_>) -> ConstraintEnforcer {
        let changed = cx.store.nodes().map(|(id, _)| id).collect();
        let mut enforcer = ConstraintEnforcer { changed };
        enforcer.on_commit(cx);
        enforcer
    }

    /// Notes nodes that were written.
    pub fn on_change(&mut self, change: &Change) {
        if let Change::NodeUpdated(node) = *change {
            self.changed.push(node);
        }
    }

    /// Rejects what does not fit any more. The observed state is written, so that the orchestrator restarts by policy.
    ///
    /// Source: `rejectNoncompliantTasks` (control-plane C2, C3).
    pub fn on_commit(&mut self, cx: &mut Cx<'_>) {
        for node in self.changed.drain(..) {
            for (task, cause) in cx.store.node(node).map_or_else(Vec::new, |row| misfits(node, row, cx.store, cx.ties))
            {
                let row = cx.store.task_ever(task);
                // Restarts go by the time of the agent's last report, if there was one.
                let at = if row.status.state > TaskState::Assigned { row.status_at } else { cx.now };
                let (message, err) = (Message::RejectedByEnforcer, Some(TaskError::ConstraintsNotMet));
                cx.store.decide_on(task, Decision::Rejects { task, node, cause });
                cx.store.set_status(at, task, Status { state: TaskState::Rejected, message, err });
            }
            cx.store.commit();
        }
    }
}

/// The wanted tasks of an active node whose service's constraints, as they are now, or whose reservations it does not meet.
///
/// Tie (control-plane X8): with scarce resources older tasks stay, or, where ties are shuffled, those with lower random ids.
fn misfits(id: NodeId, node: &Node, store: &Store, ties: &Ties) -> Vec<(TaskId, RejectCause)> {
    let mut misfits = Vec::new();
    if node.spec.availability != Availability::Active {
        return misfits;
    }
    let (mut nano_cpus, mut memory) = (node.spec.nano_cpus.unwrap_or(u64::MAX), node.spec.memory.unwrap_or(u64::MAX));
    let mut tasks: Vec<(TaskId, &Task)> = store.tasks_on_node(id).collect();
    if ties.are_shuffled() {
        tasks.sort_unstable_by_key(|(task, _)| ties.place(task.0));
    }
    for (task, row) in tasks {
        let is_wanted = (TaskState::Assigned..=TaskState::Complete).contains(&row.desired);
        if !is_wanted || row.status.state >= TaskState::Complete {
            continue;
        }
        let own = &store.specs().get(row.spec).task;
        let placement = store.service(row.service).map_or(&own.placement, |service| &service.spec.task.placement);
        let (cpus_left, memory_left) =
            (nano_cpus.checked_sub(own.resources.reserve_nano_cpus), memory.checked_sub(own.resources.reserve_memory));
        if !constraint::node_matches(&constraint::of_placement(placement), node) {
            misfits.push((task, RejectCause::Constraints));
        } else if let (Some(cpus), Some(rest)) = (cpus_left, memory_left) {
            (nano_cpus, memory) = (cpus, rest);
        } else {
            misfits.push((task, RejectCause::Reservations));
        }
    }
    misfits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::fixture::{Cluster, WEB, constrained, labelled, replicated};
    use crate::model::command::{Command, Edit, SpecChange};
    use crate::model::node::NodeSpec;

    /// Control-plane C3, R4: the replacement has its restart delay, but does not wait for the old task to stop.
    #[test]
    fn a_task_whose_node_loses_its_label_is_rejected_and_replaced_elsewhere() {
        let mut cluster = Cluster::new([labelled("disk", "ssd"), labelled("disk", "ssd")]);
        cluster.create(WEB, constrained(replicated(1), "node.labels.disk==ssd")).advance(50);
        cluster.report(TaskState::Running, &[0]).set_label(0, "disk", "hdd").advance(5_000);
        insta::assert_snapshot!(cluster.tasks(), @r"
        0 slot 1: rejected, desired shutdown, on n1: assigned node no longer meets constraints
        1 slot 1: assigned, desired running, on n2
        ");
    }

    /// Control-plane C1: a new leader looks at all nodes.
    #[test]
    fn a_node_that_shrinks_or_changed_without_a_leader_loses_what_does_not_fit() {
        let mut spec = replicated(2);
        spec.task.resources.reserve_memory = 2;
        let node = NodeSpec { memory: Some(4), ..NodeSpec::default() };
        let rejected = |cluster: &Cluster| {
            let tasks = cluster.manager.store.tasks();
            tasks.filter(|(_, task)| task.status.state == TaskState::Rejected).map(|(id, _)| id.0).collect::<Vec<_>>()
        };
        let shrink = |store: &mut Store, _| store.update_node(NodeId(0), |node| node.spec.memory = Some(3));
        for has_leader in [true, false] {
            let mut cluster = Cluster::new([node.clone()]);
            cluster.create(WEB, spec.clone()).advance(50).report(TaskState::Running, &[0, 1]);
            if !has_leader {
                cluster.manager.lose_leader();
            }
            cluster.write(shrink);
            if !has_leader {
                cluster.elect();
            }
            assert_eq!(rejected(&cluster), [1], "{}", cluster.tasks());
        }
    }

    /// Control-plane C1.
    #[test]
    fn what_does_not_fit_a_paused_or_drained_node_is_not_rejected() {
        for (availability, desired) in
            [(Availability::Active, "shutdown"), (Availability::Pause, "running"), (Availability::Drain, "shutdown")]
        {
            let mut cluster = Cluster::new([labelled("disk", "ssd")]);
            cluster.create(WEB, constrained(replicated(1), "node.labels.disk==ssd")).advance(50);
            cluster.report(TaskState::Running, &[0]).command(Command::NodeUpdate {
                node: NodeId(0),
                role: None,
                availability: Some(availability),
                label_add: vec![("disk".to_owned(), "hdd".to_owned())],
                label_rm: Vec::new(),
            });
            let state = if availability == Availability::Active { "rejected" } else { "running" };
            let line = format!("0 slot 1: {state}, desired {desired}, on n1");
            assert!(cluster.tasks().starts_with(&line), "{availability:?}: {}", cluster.tasks());
        }
    }

    /// Control-plane C2: the task itself was made without a constraint.
    #[test]
    fn the_constraints_of_the_service_count_and_not_those_of_the_task() {
        let mut cluster = Cluster::new([labelled("disk", "ssd")]);
        cluster.create(WEB, replicated(1)).advance(50).report(TaskState::Running, &[0]);
        let edits = vec![Edit::ConstraintAdd("node.labels.disk==ssd".to_owned())];
        cluster.update(SpecChange { edits, ..SpecChange::default() });
        assert!(cluster.tasks().starts_with("0 slot 1: running, desired running"), "{}", cluster.tasks());
        cluster.set_label(0, "disk", "hdd");
        assert!(cluster.tasks().starts_with("0 slot 1: rejected, desired shutdown"), "{}", cluster.tasks());
    }
}
