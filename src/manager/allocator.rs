//! The allocator: NEW becomes PENDING.
//!
//! Source: manager/allocator/network.go (control-plane L1, L4). Networks and ports are not modelled, so that every task is
//! allocated at the first commit after its creation.

use super::Cx;
use super::store::Task;
use crate::model::TaskId;
use crate::model::change::Change;
use crate::model::task::{Message, Status, TaskState};

/// Moves new tasks on to the scheduler.
#[derive(Debug, Default)]
pub struct Allocator {
    pending: Vec<TaskId>,
}

impl Allocator {
    /// Takes over what is in the store.
    pub fn start(cx: &mut Cx<'_>) -> Allocator {
        let pending = cx.store.tasks().filter(|(_, task)| is_new(task)).map(|(id, _)| id).collect();
        let mut allocator = Allocator { pending };
        allocator.on_commit(cx);
        allocator
    }

    /// Notes new tasks.
    pub fn on_change(&mut self, change: &Change) {
        if let Change::TaskCreated(task) = *change {
            self.pending.push(task);
        }
    }

    /// Allocates what is pending, in one transaction. A task that has ended meanwhile stays as it is.
    pub fn on_commit(&mut self, cx: &mut Cx<'_>) {
        let status = Status { state: TaskState::Pending, message: Message::PendingScheduling, err: None };
        for task in self.pending.drain(..) {
            if cx.store.task(task).is_some_and(is_new) {
                cx.store.set_status(cx.now, task, status);
            }
        }
        cx.store.commit();
    }
}

fn is_new(task: &Task) -> bool {
    task.status.state == TaskState::New
}
