//! A new leader and the tasks that it finds (upstream: replicated/task_init tests, global_test.go `TestInitialization...`).

use super::*;
use crate::kernel::Time;
use crate::manager::fixture::{API, global, replicated, with_restart_delay};
use crate::manager::store::Store;
use crate::model::node::{Availability, NodeState};
use crate::model::task::Slot;
use crate::model::{NodeId, ServiceId};

const GONE: TaskState = TaskState::Shutdown;
const WANTED: TaskState = TaskState::Running;
const HELD: TaskState = TaskState::Ready;

/// A new leader finds what `change` makes of the cluster.
fn found(mut cluster: Cluster, change: impl FnOnce(&mut Store, Time)) -> Cluster {
    cluster.manager.lose_leader();
    cluster.write(change).elect();
    cluster
}

/// Control-plane I3.
#[test]
fn tasks_that_have_ended_are_replaced_and_others_stay() {
    for ended in [TaskState::Rejected, TaskState::Failed] {
        for spec in [replicated(2), global()] {
            let cluster =
                found(running(2, with_restart_delay(spec, 100)), |store, now| set_state(store, now, 0, ended));
            assert_eq!(desired(&cluster), [GONE, WANTED, HELD]);
        }
    }
}

/// Control-plane I3, M8.
#[test]
fn tasks_on_nodes_that_are_down_or_drained_are_replaced_and_on_paused_ones_stay() {
    let spec = with_restart_delay(replicated(3), 100);
    let cluster = found(running(3, spec), |store, _| {
        store.update_node(NodeId(0), |node| node.state = NodeState::Down);
        store.update_node(NodeId(1), |node| node.spec.availability = Availability::Drain);
        store.update_node(NodeId(2), |node| node.spec.availability = Availability::Pause);
    });
    let on = |node| wanted(&cluster).iter().filter(|task| task.node == Some(NodeId(node))).count();
    assert_eq!(([0, 1, 2].map(on), wanted(&cluster).len()), ([0, 0, 1], 3));
}

#[test]
fn a_global_task_on_a_drained_or_unknown_node_is_shut_down() {
    let drained = found(running(2, global()), |store, _| {
        store.update_node(NodeId(1), |node| node.spec.availability = Availability::Drain);
    });
    assert_eq!(desired(&drained), [WANTED, GONE]);
    let removed = found(running(2, global()), |store, _| store.remove_node(NodeId(1)));
    assert_eq!(wanted(&removed).len(), 1);
}

/// Of two tasks of a global service on one node one is shut down.
#[test]
fn a_surplus_task_is_shut_down() {
    let cluster = found(running(1, global()), |store, now| {
        add_task(store, now, Slot::Node(NodeId(0)), WANTED);
    });
    assert_eq!(wanted(&cluster).len(), 1);
    assert_eq!(desired(&cluster).len(), 2);
}

#[test]
fn services_are_looked_at_one_by_one() {
    let mut cluster = running(1, restarting(global(), RestartCondition::Any, 0));
    cluster.create(API, restarting(global(), RestartCondition::Any, 0)).obey(100, |_| false);
    let mut cluster = found(cluster, |_, _| {});
    assert_eq!(desired(&cluster), [WANTED, WANTED]);
    cluster.update(new_image()).obey(1_000, |_| false);
    let of = |cluster: &Cluster, service: ServiceId| {
        let tasks = cluster.manager.store.tasks();
        tasks.filter(|(_, task)| task.service == service).count()
    };
    assert_eq!((of(&cluster, WEB), of(&cluster, API)), (2, 1));
}

/// Control-plane I6: of the newest version all tasks but the first were restarts.
#[test]
fn restarts_of_the_past_count() {
    let mut cluster = running(1, restarting(replicated(1), RestartCondition::Any, 2));
    cluster.report(TaskState::Failed, &[0]).advance(50);
    let mut cluster = found(cluster, |_, _| {});
    cluster.report(TaskState::Failed, &[1]).advance(50);
    assert_eq!(desired(&cluster), [GONE, GONE, WANTED]);
    assert_eq!(wanted(cluster.report(TaskState::Failed, &[2])).len(), 0);
}
