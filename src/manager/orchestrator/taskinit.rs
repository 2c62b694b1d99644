//! What an orchestrator of a new leader does with the tasks that it finds.
//!
//! Source: manager/orchestrator/taskinit/init.go (control-plane section 9).

use super::restart::{Restarts, restart_delay};
use crate::kernel::Span;
use crate::manager::Cx;
use crate::manager::store::{Store, Task};
use crate::model::decision::{Decision, DeleteCause, StartCause};
use crate::model::task::{Slot, TaskState};
use crate::model::{ServiceId, TaskId};

/// Goes through all tasks: deletes those whose service is gone, lets `fix` look at those of the orchestrator's own services, for
/// whose slots `is_related` says yes, starts again the clock of those that are held back, and remembers past restarts.
///
/// Source: `CheckTasks` (control-plane I2 to I4, I6).
pub fn check_tasks(
    restarts: &mut Restarts,
    is_related: fn(Slot) -> bool,
    mut fix: impl FnMut(TaskId, &mut Cx<'_>),
    cx: &mut Cx<'_>,
) {
    let tasks: Vec<(TaskId, Task)> = cx.store.tasks().map(|(id, task)| (id, *task)).collect();
    for (id, task) in tasks {
        if cx.store.service(task.service).is_none() {
            cx.store.decide_on(id, Decision::Deletes { task: id, cause: DeleteCause::ServiceGone });
            cx.store.remove_task(id);
        } else if is_related(task.slot) {
            fix(id, cx);
            if task.desired == TaskState::Ready && task.status.state <= TaskState::Complete {
                start_again(id, &task, restarts, cx);
            }
        }
    }
    cx.store.commit();
    let services: Vec<ServiceId> = cx.store.services().map(|(id, _)| id).collect();
    for service in services {
        for tasks in cx.store.slots(service) {
            remember_restarts(tasks, is_related, restarts, cx.store);
        }
    }
}

/// A task that is held back starts when its restart delay is over, counted from when its status was written. A predecessor is
/// not waited for any more.
fn start_again(id: TaskId, task: &Task, restarts: &mut Restarts, cx: &mut Cx<'_>) {
    let delay = restart_delay(cx.store, task);
    let passed = cx.now - task.status_at;
    let left = Span::from_nanos(delay.as_nanos().saturating_sub(passed.as_nanos()));
    if left.is_zero() {
        restarts.start_now(id, StartCause::NewLeader, cx);
    } else {
        restarts.delay_start(id, None, left, cx);
    }
}

/// Of the tasks of the newest version in a slot, all but the first count as restarts.
fn remember_restarts(tasks: &[TaskId], is_related: fn(Slot) -> bool, restarts: &mut Restarts, store: &Store) {
    let rows = || tasks.iter().map(|task| store.task_ever(*task)).filter(|task| is_related(task.slot));
    let newest = rows().map(|task| task.spec_version).max();
    for task in rows().filter(|task| Some(task.spec_version) == newest).skip(1) {
        restarts.record(store, task);
    }
}

#[cfg(test)]
mod tests {
    use crate::manager::fixture::{Cluster, WEB, replicated, with_restart_delay};
    use crate::model::command::Command;
    use crate::model::task::TaskState;

    /// Control-plane I4: the clock of a restart goes on under a new leader. A timer of the former leader finds nobody.
    #[test]
    fn a_restart_delay_counts_from_when_the_status_was_written() {
        let mut cluster = Cluster::of(1);
        cluster.create(WEB, with_restart_delay(replicated(1), 5_000)).advance(50).report(TaskState::Failed, &[0]);
        cluster.advance(2_000).report(TaskState::Ready, &[1]).manager.lose_leader();
        let held_back = cluster.advance(3_000).elect().advance(1_999).tasks();
        insta::assert_snapshot!(held_back, @r"
        0 slot 1: failed, desired shutdown, on n1
        1 slot 1: ready, desired ready, on n1
        ");
        insta::assert_snapshot!(cluster.advance(1).tasks(), @r"
        0 slot 1: failed, desired shutdown, on n1
        1 slot 1: ready, desired running, on n1
        ");
    }

    /// Control-plane I2.
    #[test]
    fn tasks_of_a_service_that_is_gone_are_deleted() {
        let mut cluster = Cluster::of(1);
        cluster.create(WEB, replicated(1)).advance(50).report(TaskState::Running, &[0]);
        cluster.command(Command::ServiceRemove { service: WEB }).manager.lose_leader();
        assert_eq!(cluster.elect().tasks(), "");
    }
}
