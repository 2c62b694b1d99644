//! What an orchestrator of a new leader does with the tasks that it finds.
//!
//! Source: manager/orchestrator/taskinit/init.go (control-plane section 9).

use super::restart::{Restarts, restart_delay};
use crate::kernel::Span;
use crate::manager::Cx;
use crate::manager::store::{Store, Task};
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
        restarts.start_now(id, cx);
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
