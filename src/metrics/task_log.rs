//! Every change of every task: what `tasks.csv` is made of.

use crate::kernel::{IdVec, Time};
use crate::model::request::Request;
use crate::model::{ServiceId, TaskId};
use crate::observe::{Observer, Record, TaskRecord};

/// A change of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskChange {
    /// When.
    pub at: Time,
    /// The task after the change; if it was deleted, as it stood last.
    pub task: TaskRecord,
    /// Whether it was deleted from the store.
    pub removed: bool,
}

/// Keeps every change of every task, in order.
#[derive(Clone, Debug, Default)]
pub struct TaskLog {
    changes: Vec<TaskChange>,
    /// Index of each task's last change.
    last: IdVec<TaskId, usize>,
}

impl TaskLog {
    /// No changes yet.
    pub fn new() -> TaskLog {
        TaskLog::default()
    }

    /// The changes, in order.
    pub fn changes(&self) -> &[TaskChange] {
        &self.changes
    }
}

impl Observer for TaskLog {
    fn record(&mut self, now: Time, record: &Record) {
        match *record {
            Record::Task(task) => {
                *self.last.entry(task.task, 0) = self.changes.len();
                self.changes.push(TaskChange { at: now, task, removed: false });
            }
            Record::TaskRemoved { task, .. } => {
                let last = self.changes[self.last[task]];
                self.changes.push(TaskChange { at: now, removed: true, ..last });
            }
            _ => {}
        }
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Feed, NEW, OLD};
    use super::*;
    use crate::model::task::TaskState;

    #[test]
    fn a_deleted_task_is_told_as_it_stood_last() {
        let mut feed = Feed::new(TaskLog::new());
        feed.create(OLD).create(NEW).at(100).state(0, TaskState::Running).at(200).remove_task(0);
        let log = feed.end(300);
        let told =
            |change: &TaskChange| (change.at.as_millis(), change.task.task.0, change.task.status.state, change.removed);
        let expected = [
            (0, 0, TaskState::New, false),
            (0, 1, TaskState::New, false),
            (100, 0, TaskState::Running, false),
            (200, 0, TaskState::Running, true),
        ];
        assert_eq!(log.changes().iter().map(told).collect::<Vec<_>>(), expected);
    }
}
