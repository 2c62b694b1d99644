//! The task reaper (upstream: manager/orchestrator/taskreaper).

use super::*;
use crate::manager::fixture::replicated;
use crate::manager::orchestrator::taskreaper::MAX_DIRTY;
use crate::model::command::Command;
use crate::model::latencies::Latencies;
use crate::model::node::NodeSpec;
use crate::model::task::Slot;

const WANTED: TaskState = TaskState::Running;

fn any(replicas: u32) -> ServiceSpec {
    restarting(replicated(replicas), RestartCondition::Any, 0)
}

fn with_history_limit(limit: u32) -> Cluster {
    Cluster::with(limit, Latencies::NONE, [NodeSpec::default()])
}

fn scale(replicas: u32) -> SpecChange {
    SpecChange { replicas: Some(replicas), ..SpecChange::default() }
}

/// Control-plane T4, T5: of those that have ended the oldest go.
#[test]
fn as_many_tasks_of_a_slot_stay_as_the_limit_says() {
    let mut cluster = with_history_limit(2);
    cluster.create(WEB, any(2)).obey(100, |_| false);
    for task in 0..4 {
        cluster.report(TaskState::Failed, &[task]).obey(300, |_| false);
    }
    let slots: Vec<Slot> = cluster.manager.store.tasks().map(|(_, task)| task.slot).collect();
    assert_eq!(slots.iter().filter(|slot| **slot == Slot::Replica(1)).count(), 2, "{}", cluster.tasks());
    assert_eq!(slots.len(), 4);
    assert!(cluster.manager.store.tasks().next().is_some_and(|(id, _)| id.0 >= 2), "the oldest are gone");
}

/// Control-plane T7.
#[test]
fn what_is_to_be_removed_goes_when_its_agent_says_that_it_has_stopped() {
    let scaled_down = |cluster: &mut Cluster| _ = cluster.update(scale(0));
    let removed = |cluster: &mut Cluster| _ = cluster.command(Command::ServiceRemove { service: WEB });
    for act in [scaled_down as fn(&mut Cluster), removed] {
        let mut cluster = running(1, replicated(2));
        act(&mut cluster);
        assert_eq!(desired(cluster.advance(1_000)), [TaskState::Remove; 2]);
        assert_eq!(desired(cluster.report(TaskState::Shutdown, &[0, 1]).advance(250)), []);
    }
}

/// Control-plane T7.
#[test]
fn what_has_ended_before_its_service_is_removed_goes_with_it() {
    let mut cluster = running(1, restarting(replicated(2), RestartCondition::None, 0));
    cluster.report(TaskState::Complete, &[0, 1]).command(Command::ServiceRemove { service: WEB });
    assert_eq!(desired(cluster.advance(250)), []);
}

/// Control-plane T5: no agent has ever heard of it.
#[test]
fn a_task_that_never_had_a_node_goes_when_its_slot_has_another() {
    let mut cluster = with_history_limit(1);
    cluster.create(WEB, crate::manager::fixture::constrained(any(1), "node.hostname==n9")).advance(300);
    cluster.update(SpecChange { force: true, ..SpecChange::default() }).advance(300);
    assert_eq!(desired(&cluster), [WANTED], "{}", cluster.tasks());
}

/// Control-plane T3.
#[test]
fn the_reaper_waits_250_ms_unless_there_is_too_much_to_do() {
    let mut cluster = running(1, replicated(1));
    cluster.advance(1_000).update(scale(0)).report(TaskState::Shutdown, &[0]);
    assert_eq!(desired(cluster.advance(249)).len(), 1);
    assert_eq!(desired(cluster.advance(1)).len(), 0);
    let many = MAX_DIRTY as u32 + 1;
    let mut cluster = running(1, replicated(many));
    let all: Vec<u32> = (0..many).collect();
    cluster.advance(1_000).update(scale(0)).report(TaskState::Shutdown, &all);
    assert_eq!(desired(&cluster).len(), 0);
}
