//! The replicated orchestrator (upstream: manager/orchestrator/replicated).

use super::*;
use crate::manager::fixture::replicated;
use crate::model::command::Command;
use crate::model::node::{Availability, NodeSpec};
use crate::model::{NodeId, TaskId};

fn scale(replicas: u32) -> SpecChange {
    SpecChange { replicas: Some(replicas), ..SpecChange::default() }
}

#[test]
fn tasks_come_and_go_with_the_service() {
    let mut cluster = running(2, replicated(2));
    assert_eq!(desired(cluster.update(scale(4))), [TaskState::Running; 4]);
    cluster.obey(100, |_| false).update(scale(1));
    assert_eq!(desired(&cluster).iter().filter(|desired| **desired == TaskState::Remove).count(), 3);
    cluster.command(Command::ServiceRemove { service: WEB });
    assert_eq!(desired(&cluster), [TaskState::Remove; 4]);
}

/// Control-plane O2.
#[test]
fn a_task_deleted_from_the_store_is_created_again() {
    let mut cluster = running(1, replicated(1));
    cluster.write(|store, _| store.remove_task(TaskId(0)));
    assert_eq!(cluster.tasks(), "1 slot 1: pending, desired running, on -\n");
}

/// Control-plane O8: first what has no node, then the later copies on a node and what does not run.
#[test]
fn scaling_down_takes_what_is_missed_least() {
    let memory = |bytes| NodeSpec { memory: Some(bytes), ..NodeSpec::default() };
    let mut cluster = Cluster::new([memory(3), memory(2), memory(1)]);
    let mut spec = replicated(7);
    spec.task.resources.reserve_memory = 1;
    cluster.create(WEB, spec).obey(100, |_| false);
    let spread = |cluster: &Cluster| {
        let rows = wanted(cluster);
        let on = |node| rows.iter().filter(|task| task.node == Some(NodeId(node))).count();
        [0, 1, 2].map(on)
    };
    assert_eq!((spread(&cluster), wanted(&cluster).len()), ([3, 2, 1], 7));
    cluster.update(scale(6)).obey(100, |_| false);
    assert_eq!((spread(&cluster), wanted(&cluster).len()), ([3, 2, 1], 6));
    cluster.update(scale(5)).obey(100, |_| false);
    assert_eq!(spread(&cluster), [2, 2, 1]);
    cluster.update(scale(3)).obey(100, |_| false);
    assert_eq!(spread(&cluster), [1, 1, 1]);
}

/// Control-plane O8.
#[test]
fn scaling_down_keeps_what_runs() {
    let mut cluster = Cluster::of(1);
    cluster.create(WEB, replicated(2)).advance(50).report(TaskState::Running, &[1]).update(scale(1));
    assert_eq!(desired(&cluster), [TaskState::Remove, TaskState::Running]);
}

/// Control-plane O8: a slot in the middle of an update goes before one that is whole.
#[test]
fn scaling_down_takes_a_slot_of_several_tasks_first() {
    let mut cluster = running(3, replicated(3));
    cluster.write(|store, now| add_task(store, now, Slot::Replica(1), TaskState::Running)).obey(100, |_| false);
    cluster.update(scale(2));
    assert_eq!(desired(&cluster), [TaskState::Remove, TaskState::Running, TaskState::Running, TaskState::Remove]);
}

/// Control-plane O10, O11.
#[test]
fn tasks_leave_nodes_that_are_drained_or_removed_and_stay_on_paused_ones() {
    for (node, command) in [
        (0, Command::NodeRemove { node: NodeId(0), force: true }),
        (1, availability(1, Availability::Drain)),
        (2, availability(2, Availability::Pause)),
    ] {
        let mut cluster = running(3, replicated(3));
        let on_node = |cluster: &Cluster| wanted(cluster).iter().filter(|task| task.node == Some(NodeId(node))).count();
        assert_eq!(on_node(&cluster), 1);
        let stays = matches!(command, Command::NodeUpdate { availability: Some(Availability::Pause), .. });
        cluster.command(command);
        assert_eq!(on_node(&cluster), usize::from(stays));
        assert_eq!(wanted(&cluster).len(), 3);
    }
}

fn availability(node: u32, availability: Availability) -> Command {
    let (label_add, label_rm) = (Vec::new(), Vec::new());
    Command::NodeUpdate { node: NodeId(node), role: None, availability: Some(availability), label_add, label_rm }
}

/// Control-plane O10: a task that is found on a node that is down is not left there.
#[test]
fn a_task_on_a_lost_node_is_replaced() {
    let mut cluster = running(2, restarting(replicated(2), RestartCondition::Any, 0));
    cluster.lose_node(0).advance(50);
    let lost = cluster.manager.store.tasks_on_node(NodeId(0)).map(|(id, _)| id).collect::<Vec<TaskId>>();
    assert!(lost.iter().all(|task| cluster.manager.store.task_ever(*task).desired == TaskState::Shutdown));
    assert!(wanted(&cluster).iter().all(|task| task.node == Some(NodeId(1))));
}
