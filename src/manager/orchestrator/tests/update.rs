//! The updater (upstream: manager/orchestrator/update, replicated/update_test.go).

use super::*;
use crate::kernel::Span;
use crate::manager::fixture::replicated;
use crate::model::command::Edit;
use crate::model::defaults;
use crate::model::service::{FailureAction, Order, UpdateConfig};

fn with_update(replicas: u32, update: UpdateConfig) -> ServiceSpec {
    ServiceSpec { update: Some(update), ..restarting(replicated(replicas), RestartCondition::Any, 0) }
}

fn is_new(task: &Task) -> bool {
    task.image == NEW
}

#[test]
fn every_slot_ends_on_the_new_image() {
    for parallelism in [0, 1, 2] {
        for delay in [0, 1_000] {
            for order in [Order::StopFirst, Order::StartFirst] {
                let delay = Span::from_millis(delay);
                let config = UpdateConfig { parallelism, delay, order, ..defaults::UPDATE_CONFIG };
                let mut cluster = running(2, with_update(3, config));
                cluster.update(new_image()).obey(15_000, |_| false);
                assert_eq!(wanted_images(&cluster), [1, 1, 1], "{config:?}");
                assert_eq!(status(&cluster), Some(UpdateState::Completed), "{config:?}");
            }
        }
    }
}

/// Control-plane D2.
#[test]
fn a_placement_that_all_nodes_meet_replaces_no_task() {
    let mut cluster = running(2, replicated(3));
    let before = cluster.tasks();
    let edits = vec![Edit::ConstraintAdd("node.role==worker".to_owned())];
    cluster.update(SpecChange { edits, ..SpecChange::default() }).obey(1_000, |_| false);
    assert_eq!(cluster.tasks(), before);
    assert_eq!(status(&cluster), None);
}

/// Control-plane U6, U27: a paused service is left alone by a new leader's updater too.
#[test]
fn the_first_failure_pauses_and_nothing_goes_on_by_itself() {
    let mut cluster = running(2, with_update(3, defaults::UPDATE_CONFIG));
    cluster.update(new_image()).obey(5_000, is_new);
    assert_eq!(status(&cluster), Some(UpdateState::Paused));
    let images = wanted_images(&cluster);
    assert_eq!(images.iter().filter(|image| **image == NEW.0).count(), 1, "{images:?}");
    cluster.manager.lose_leader();
    cluster.elect().obey(5_000, is_new);
    assert_eq!((status(&cluster), wanted_images(&cluster)), (Some(UpdateState::Paused), images));
}

/// Control-plane U30.
#[test]
fn with_continue_all_slots_are_replaced_although_all_fail() {
    let config = UpdateConfig { failure_action: FailureAction::Continue, ..defaults::UPDATE_CONFIG };
    let mut cluster = running(2, with_update(3, config));
    cluster.update(new_image()).obey(10_000, is_new);
    assert_eq!((status(&cluster), wanted_images(&cluster)), (Some(UpdateState::Completed), vec![1, 1, 1]));
}

/// Control-plane R14.
#[test]
fn a_new_task_waits_60_s_for_one_that_never_stops() {
    let mut cluster = running(1, with_update(1, defaults::UPDATE_CONFIG));
    cluster.update(new_image()).advance(59_999);
    assert_eq!(desired(&cluster), [TaskState::Shutdown, TaskState::Ready]);
    cluster.advance(1);
    assert_eq!(desired(&cluster), [TaskState::Shutdown, TaskState::Running]);
}

/// Control-plane U18, R16: the slot has a task on a node that the new constraint allows, which is to be READY until now.
#[test]
fn a_task_that_is_kept_waits_for_the_others_of_its_slot_to_stop() {
    let mut cluster = running(2, with_update(1, defaults::UPDATE_CONFIG));
    cluster.write(|store, now| add_task(store, now, Slot::Replica(1), TaskState::Ready)).advance(50);
    let edits = vec![Edit::ConstraintAdd("node.hostname==n2".to_owned())];
    cluster.update(SpecChange { edits, ..SpecChange::default() }).advance(50);
    assert_eq!(desired(&cluster), [TaskState::Shutdown, TaskState::Ready]);
    cluster.report(TaskState::Shutdown, &[0]);
    assert_eq!(desired(&cluster), [TaskState::Shutdown, TaskState::Running]);
}

/// Control-plane U21.
#[test]
fn start_first_leaves_twice_as_many_running_when_old_ones_never_stop() {
    let config = UpdateConfig { order: Order::StartFirst, ..defaults::UPDATE_CONFIG };
    let mut cluster = running(2, with_update(2, config));
    cluster.update(new_image());
    for task in [2, 3] {
        cluster.advance(50).report(TaskState::Running, &[task]);
    }
    let (down, up) = (TaskState::Shutdown, TaskState::Running);
    assert_eq!(desired(&cluster), [down, down, up, up]);
    assert!(cluster.manager.store.tasks().all(|(_, task)| task.status.state == TaskState::Running));
}

/// Control-plane U26, U28, U29: with a ratio of 0.4 the second failure of four is one too many.
#[test]
fn too_many_failures_roll_back_and_a_rollback_that_fails_does_what_it_says() {
    let config = UpdateConfig { max_failure_ratio: 0.4, ..defaults::UPDATE_CONFIG };
    let update = UpdateConfig { failure_action: FailureAction::Rollback, ..config };
    let every_other_new = |task: &Task| task.image == NEW && task.ordinal.is_multiple_of(2);
    let and_restored = |task: &Task| task.image == NEW || task.ordinal >= 4;
    for (failure_action, fails, ends) in [
        (FailureAction::Pause, every_other_new as fn(&Task) -> bool, UpdateState::RollbackCompleted),
        (FailureAction::Pause, and_restored, UpdateState::RollbackPaused),
        (FailureAction::Continue, and_restored, UpdateState::RollbackCompleted),
    ] {
        let rollback = Some(UpdateConfig { failure_action, max_failure_ratio: 0.0, ..config });
        let mut cluster = running(2, ServiceSpec { rollback, ..with_update(4, update) });
        cluster.update(new_image());
        let seen: Vec<_> = (0..200).map(|_| status(cluster.obey(50, fails))).collect();
        let at = |state| seen.iter().position(|seen| *seen == Some(state));
        let (started, ended) = (at(UpdateState::RollbackStarted), at(ends));
        assert!(started.is_some() && started < ended, "{failure_action:?}: {started:?}, {ended:?}");
        if ends == UpdateState::RollbackCompleted {
            assert_eq!(wanted_images(&cluster), [0, 0, 0, 0]);
        }
    }
}
