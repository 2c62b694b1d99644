//! Restarts by policy (upstream: manager/orchestrator/replicated/restart_test.go).

use super::*;
use crate::kernel::Span;
use crate::manager::fixture::{replicated, with_restart_delay};

/// Two tasks, of which the first fails and the second completes.
fn ended(condition: RestartCondition) -> Cluster {
    let mut cluster = running(1, restarting(replicated(2), condition, 0));
    cluster.report(TaskState::Failed, &[0]).report(TaskState::Complete, &[1]);
    cluster
}

fn force() -> SpecChange {
    SpecChange { force: true, ..SpecChange::default() }
}

const GONE: TaskState = TaskState::Shutdown;
const WANTED: TaskState = TaskState::Running;

#[test]
fn any_replaces_what_failed_and_what_completed() {
    assert_eq!(desired(&ended(RestartCondition::Any)), [GONE, GONE, WANTED, WANTED]);
}

#[test]
fn on_failure_replaces_what_failed_until_something_changes() {
    let mut cluster = ended(RestartCondition::OnFailure);
    assert_eq!(desired(&cluster), [GONE, GONE, WANTED]);
    cluster.update(no_change()).obey(100, |_| false);
    assert_eq!(desired(&cluster), [GONE, GONE, WANTED]);
    cluster.update(force()).obey(10_000, |_| false);
    assert_eq!((wanted(&cluster).len(), status(&cluster)), (2, Some(UpdateState::Completed)));
}

/// The update replaces the ended tasks, the second only when the first new one runs.
#[test]
fn none_replaces_nothing_until_something_changes() {
    let mut cluster = ended(RestartCondition::None);
    assert_eq!(desired(cluster.update(no_change())), [GONE, GONE]);
    cluster.update(force()).advance(50);
    assert_eq!(desired(&cluster), [GONE, GONE, WANTED]);
    cluster.report(TaskState::Running, &[2]);
    assert_eq!(desired(&cluster), [GONE, GONE, WANTED, WANTED]);
}

#[test]
fn a_replacement_is_ready_until_its_delay_is_over() {
    let mut cluster = running(1, with_restart_delay(replicated(1), 100));
    cluster.report(TaskState::Failed, &[0]);
    assert_eq!(desired(cluster.advance(99)), [GONE, TaskState::Ready]);
    assert_eq!(desired(cluster.advance(1)), [GONE, WANTED]);
}

/// Control-plane R7, R9: attempts are counted by slot and by version of the specification.
#[test]
fn attempts_are_limited_until_the_specification_changes() {
    let mut cluster = running(1, restarting(replicated(2), RestartCondition::Any, 1));
    cluster.report(TaskState::Failed, &[0, 1]);
    assert_eq!(desired(&cluster), [GONE, GONE, WANTED, WANTED]);
    cluster.advance(50).report(TaskState::Failed, &[2, 3]);
    assert_eq!(wanted(&cluster).len(), 0);
    // The update's own tasks are no restarts; each may be restarted once again.
    cluster.update(force()).obey(1_000, |_| false);
    let tasks: Vec<u32> = live(&cluster);
    cluster.report(TaskState::Failed, &tasks);
    assert_eq!(wanted(&cluster).len(), 2);
    let tasks: Vec<u32> = live(cluster.advance(50));
    cluster.report(TaskState::Failed, &tasks);
    assert_eq!(wanted(&cluster).len(), 0);
}

/// Control-plane R8.
#[test]
fn attempts_outside_the_window_do_not_count() {
    let mut spec = restarting(replicated(1), RestartCondition::Any, 1);
    spec.task.restart = spec.task.restart.map(|policy| RestartPolicy { window: Some(Span::from_secs(5)), ..policy });
    let second_failure_after = |ms| {
        let mut cluster = running(1, spec.clone());
        cluster.report(TaskState::Failed, &[0]).advance(ms).report(TaskState::Failed, &[1]);
        wanted(&cluster).len()
    };
    assert_eq!(second_failure_after(4_999), 0);
    assert_eq!(second_failure_after(5_000), 1);
}

fn live(cluster: &Cluster) -> Vec<u32> {
    let tasks = cluster.manager.store.tasks();
    tasks.filter(|(_, task)| task.desired <= TaskState::Running).map(|(id, _)| id.0).collect()
}
