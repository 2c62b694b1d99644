//! The task reaper: deletes tasks that nobody needs any more.
//!
//! Source: manager/orchestrator/taskreaper/task_reaper.go (control-plane section 10).

use std::collections::BTreeSet;

use crate::kernel::Span;
use crate::manager::store::{Store, Task};
use crate::manager::{Cx, Wake};
use crate::model::change::{Change, TaskView};
use crate::model::decision::{Decision, DeleteCause};
use crate::model::task::{Slot, TaskState};
use crate::model::{ServiceId, TaskId};

/// Time from the first event to the next round.
///
/// Source: `reaperBatchingInterval` (control-plane T3).
pub const BATCHING_INTERVAL: Span = Span::from_millis(250);

/// With more entries than this it acts at once.
///
/// Source: `maxDirty` (control-plane T3).
pub const MAX_DIRTY: usize = 1000;

/// Deletes tasks beyond the history limit, and those that are to be removed and have stopped.
#[derive(Debug, Default)]
pub struct TaskReaper {
    /// Tasks kept per slot, the current one included; `None`: all.
    history_limit: Option<u32>,
    /// Slots to look at.
    dirty: BTreeSet<(ServiceId, Slot)>,
    /// Tasks to delete.
    cleanup: Vec<TaskId>,
    /// Whether a round is due after [`BATCHING_INTERVAL`].
    armed: bool,
    /// Tells the armed round from one that was overtaken.
    epoch: u32,
    doomed: Vec<TaskId>,
}

impl TaskReaper {
    /// A reaper that keeps `history_limit` tasks per slot. Those that have stopped and are to be removed it deletes at once.
    ///
    /// Source: `Run` (control-plane T9).
    pub fn start(history_limit: Option<u32>, cx: &mut Cx<'_>) -> TaskReaper {
        let cleanup = cx.store.tasks().filter(|(_, task)| is_removable(task.view())).map(|(id, _)| id).collect();
        let mut reaper = TaskReaper { history_limit, cleanup, ..TaskReaper::default() };
        reaper.tick(cx);
        reaper
    }

    /// Notes slots and tasks to look at.
    pub fn on_change(&mut self, change: &Change, cx: &mut Cx<'_>) {
        match *change {
            Change::TaskCreated(id) => {
                let task = cx.store.task_ever(id);
                self.dirty.insert((task.service, task.slot));
            }
            Change::TaskUpdated { task, new, .. } => {
                if is_removable(new) {
                    self.cleanup.push(task);
                }
            }
            // The removal of a node is noted in the cluster object, and a write to that sets the timer too.
            Change::NodeRemoved(_) => {}
            Change::TaskRemoved { .. }
            | Change::ServiceCreated(_)
            | Change::ServiceUpdated(_)
            | Change::ServiceRemoved(_)
            | Change::NodeCreated(_)
            | Change::NodeUpdated(_)
            | Change::Commit => return,
        }
        if self.dirty.len() + self.cleanup.len() > MAX_DIRTY {
            self.armed = false;
            self.tick(cx);
        } else if !self.armed {
            self.armed = true;
            self.epoch = cx.next_epoch();
            cx.wake_after(BATCHING_INTERVAL, Wake::Reaper { epoch: self.epoch });
        }
    }

    /// Whether this batching interval still counts.
    pub fn awaits(&self, epoch: u32) -> bool {
        self.armed && self.epoch == epoch
    }

    /// The batching interval is over.
    pub fn wake(&mut self, epoch: u32, cx: &mut Cx<'_>) {
        if self.armed && self.epoch == epoch {
            self.armed = false;
            self.tick(cx);
        }
    }

    /// Source: `tick` (control-plane T4 to T7).
    fn tick(&mut self, cx: &mut Cx<'_>) {
        self.doomed.append(&mut self.cleanup);
        let (doomed, default_limit) = (&mut self.doomed, self.history_limit);
        self.dirty.retain(|&(service, slot)| stays_dirty(cx.store, service, slot, default_limit, doomed));
        for task in self.doomed.drain(..) {
            let is_removed = cx.store.task_ever(task).desired == TaskState::Remove;
            let cause = if is_removed { DeleteCause::Removed } else { DeleteCause::History };
            cx.store.decide_on(task, Decision::Deletes { task, cause });
            cx.store.remove_task(task);
        }
        cx.store.commit();
    }
}

/// Whether the task is to be removed, and no agent has anything to stop for it.
fn is_removable(task: TaskView) -> bool {
    let has_stopped = task.state < TaskState::Assigned || task.state >= TaskState::Complete;
    task.desired == TaskState::Remove && has_stopped
}

/// Picks the tasks of a slot to delete; returns whether the slot must be looked at again.
fn stays_dirty(store: &Store, service: ServiceId, slot: Slot, limit: Option<u32>, doomed: &mut Vec<TaskId>) -> bool {
    let Some(row) = store.service(service) else { return false };
    let attempts = row.spec.task.restart.map_or(0, |policy| policy.max_attempts);
    let limit = if attempts > 0 { Some(attempts.saturating_add(1)) } else { limit };
    let tasks = store.tasks_in_slot(service, slot);
    let Some(mut excess) = limit.and_then(|limit| tasks.len().checked_sub(limit as usize)).filter(|n| *n > 0) else {
        return false;
    };
    let mut oldest_first = tasks.to_vec();
    oldest_first.sort_by_key(|task| store.task_ever(*task).status_at);
    let mut running = 0;
    for id in oldest_first {
        if is_deletable(store.task_ever(id)) {
            doomed.push(id);
            excess -= 1;
            if excess == 0 {
                break;
            }
        } else {
            running += 1;
        }
    }
    running > 1
}

/// Whether the task has ended, or never will run.
fn is_deletable(task: &Task) -> bool {
    task.status.state.is_terminal() || (task.status.state < TaskState::Assigned && task.desired > TaskState::Running)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::fixture::{Cluster, WEB, replicated};
    use crate::model::TaskId;

    /// Control-plane T7, T9.
    #[test]
    fn only_what_is_to_be_removed_and_has_stopped_is_removable() {
        let is_removable = |state, desired| is_removable(TaskView { state, desired, node: None });
        for state in [TaskState::Pending, TaskState::Complete, TaskState::Shutdown, TaskState::Orphaned] {
            assert!(is_removable(state, TaskState::Remove) && !is_removable(state, TaskState::Shutdown), "{state}");
        }
        for state in [TaskState::Assigned, TaskState::Running] {
            assert!(!is_removable(state, TaskState::Remove), "{state}");
        }
    }

    /// Control-plane T5.
    #[test]
    fn only_what_has_ended_or_never_began_is_deletable() {
        let mut cluster = Cluster::of(1);
        let mut task = *cluster.create(WEB, replicated(1)).manager.store.task_ever(TaskId(0));
        for state in [TaskState::New, TaskState::Pending, TaskState::Assigned, TaskState::Running, TaskState::Complete]
        {
            for desired in [TaskState::Ready, TaskState::Running, TaskState::Shutdown, TaskState::Remove] {
                (task.status.state, task.desired) = (state, desired);
                let never_began = state < TaskState::Assigned && desired > TaskState::Running;
                assert_eq!(is_deletable(&task), state.is_terminal() || never_began, "{state}, to be {desired}");
            }
        }
    }
}
