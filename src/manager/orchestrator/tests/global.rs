//! The global orchestrator (upstream: manager/orchestrator/global).

use super::*;
use crate::manager::fixture::{API, global};
use crate::model::command::Command;
use crate::model::node::Availability;
use crate::model::{NodeId, TaskId};

const GONE: TaskState = TaskState::Shutdown;
const WANTED: TaskState = TaskState::Running;

fn any() -> ServiceSpec {
    restarting(global(), RestartCondition::Any, 0)
}

/// Nodes and services, in either order.
#[test]
fn each_service_has_one_task_on_each_node() {
    let mut cluster = Cluster::of(2);
    cluster.remove_node(1).create(WEB, any()).create(API, any()).advance(50);
    assert_eq!((cluster.spread(WEB), cluster.spread(API)), (vec![1, 0], vec![1, 0]));
    cluster.register(1).advance(50);
    assert_eq!((cluster.spread(WEB), cluster.spread(API)), (vec![1, 1], vec![1, 1]));
}

#[test]
fn a_removed_node_takes_its_tasks_along_and_a_removed_service_stops_its_own() {
    let mut cluster = running(2, any());
    cluster.remove_node(1);
    assert_eq!(desired(&cluster), [WANTED]);
    cluster.command(Command::ServiceRemove { service: WEB });
    assert_eq!(desired(&cluster), [TaskState::Remove]);
}

#[test]
fn a_drained_node_has_no_task_until_it_is_active_again() {
    let mut cluster = running(1, any());
    assert_eq!(desired(cluster.set_availability(0, Availability::Drain)), [GONE]);
    assert_eq!(desired(cluster.update(no_change())), [GONE]);
    assert_eq!(desired(cluster.set_availability(0, Availability::Active)), [GONE, WANTED]);
}

#[test]
fn a_task_that_failed_on_a_paused_node_is_not_created_by_an_update() {
    let mut cluster = running(1, any());
    cluster.set_availability(0, Availability::Pause).report(TaskState::Failed, &[0]).update(no_change());
    assert_eq!(desired(&cluster), [GONE]);
}

#[test]
fn a_lost_node_has_no_task_until_it_is_back() {
    let mut cluster = running(1, any());
    cluster.lose_node(0).update(no_change());
    assert_eq!(desired(&cluster), [GONE]);
    assert_eq!(desired(cluster.register(0)), [GONE, WANTED]);
}

/// Control-plane G2.
#[test]
fn a_task_deleted_from_the_store_is_not_created_again() {
    let mut cluster = running(1, any());
    assert_eq!(cluster.write(|store, _| store.remove_task(TaskId(0))).tasks(), "");
}

#[test]
fn a_failed_task_is_replaced_on_its_node_if_the_policy_says_so() {
    let mut cluster = running(2, any());
    cluster.report(TaskState::Failed, &[1]);
    assert_eq!(desired(&cluster), [WANTED, GONE, WANTED]);
    assert_eq!(wanted(&cluster)[1].node, Some(NodeId(1)));
    let mut cluster = running(2, restarting(global(), RestartCondition::None, 0));
    cluster.report(TaskState::Failed, &[1]).update(no_change());
    assert_eq!(desired(&cluster), [WANTED, GONE]);
    cluster.update(new_image()).obey(10_000, |_| false);
    assert_eq!(wanted_images(&cluster), [1, 1]);
}
