//! How many tasks there are at each instant of a run.

use std::collections::BTreeMap;

use rollsim::kernel::{IdVec, Time};
use rollsim::model::request::Request;
use rollsim::model::task::TaskState;
use rollsim::model::update::UpdateState;
use rollsim::model::{ServiceId, TaskId};
use rollsim::observe::{Observer, Record, TaskRecord};

/// How many tasks there are at each instant, and how they stand at the end.
#[derive(Default)]
pub struct Census {
    /// Tasks that are in the store.
    pub tasks: BTreeMap<TaskId, TaskRecord>,
    /// The counts at the end of each instant.
    pub counts: Vec<Count>,
    /// The last update status.
    pub status: Option<UpdateState>,
}

/// Tasks at the end of an instant.
#[derive(Clone, Copy)]
pub struct Count {
    pub at: Time,
    /// In state RUNNING.
    pub running: u32,
    /// Not to be stopped.
    pub wanted: u32,
}

impl Census {
    /// Tasks that are wanted.
    pub fn live(&self) -> impl Iterator<Item = &TaskRecord> {
        self.tasks.values().filter(|task| task.desired <= TaskState::Running)
    }
}

impl Observer for Census {
    fn record(&mut self, _now: Time, record: &Record) {
        match *record {
            Record::Task(task) => _ = self.tasks.insert(task.task, task),
            Record::TaskRemoved { task, .. } => _ = self.tasks.remove(&task),
            Record::UpdateStatus { status, .. } => self.status = status.map(|status| status.state),
            _ => {}
        }
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, now: Time, _in_flight: &IdVec<ServiceId, u32>) {
        let running = self.tasks.values().filter(|task| task.status.state == TaskState::Running).count();
        let count = Count { at: now, running: running as u32, wanted: self.live().count() as u32 };
        self.counts.push(count);
    }
}
