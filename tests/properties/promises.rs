//! What Swarm promises, watched from outside.

use std::collections::BTreeMap;

use rollsim::kernel::{IdVec, Time};
use rollsim::model::request::{Request, RequestOutcome};
use rollsim::model::task::TaskState;
use rollsim::model::update::UpdateState;
use rollsim::model::{ServiceId, TaskId};
use rollsim::observe::{Observer, Record, TaskRecord};

/// Looks on and notes every promise that was broken.
#[derive(Default)]
pub struct Promises {
    now: Time,
    tasks: IdVec<TaskId, TaskRecord>,
    removed: Vec<TaskId>,
    /// When each task entered rotation and when it left.
    rotations: BTreeMap<TaskId, (Time, Option<Time>)>,
    statuses: BTreeMap<ServiceId, Option<UpdateState>>,
    /// What was broken, in order.
    pub broken: Vec<String>,
}

impl Promises {
    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            let line = format!("{}: {}", self.now.since_start(), what());
            self.broken.push(line);
        }
    }

    /// A task is created once, keeps its place, never goes back, and is not written once it was deleted.
    fn task(&mut self, new: TaskRecord) {
        let Some(old) = self.tasks.get(new.task).copied() else {
            self.expect(new.created && new.task.0 as usize == self.tasks.len(), || format!("{new:?} out of turn"));
            self.tasks.push(new);
            return;
        };
        let place = |task: &TaskRecord| (task.service, task.slot, task.image);
        self.expect(!new.created && place(&old) == place(&new), || format!("{old:?} moved to {new:?}"));
        self.expect(old.node.is_none() || old.node == new.node, || format!("{old:?} changed its node: {new:?}"));
        self.expect(old.status.state <= new.status.state, || format!("{old:?} went back to {new:?}"));
        self.expect(old.desired <= new.desired, || format!("{old:?} is wanted again: {new:?}"));
        self.expect(!self.removed.contains(&new.task), || format!("{new:?} was deleted"));
        let runs = matches!(new.status.state, TaskState::Starting | TaskState::Running);
        self.expect(!runs || new.node.is_some(), || format!("{new:?} runs nowhere"));
        self.tasks[new.task] = new;
    }

    /// Source: control-plane U34, U29, U38, U47.
    fn status(&mut self, service: ServiceId, new: Option<UpdateState>) {
        use UpdateState::{Completed, Paused, RollbackCompleted, RollbackPaused, RollbackStarted, Updating};
        let old = self.statuses.insert(service, new).flatten();
        let allowed: &[UpdateState] = match old {
            None => &[Updating, RollbackStarted],
            Some(Updating) => &[Paused, Completed, RollbackStarted],
            // Completed after a second failure in a rollback whose failure action is rollback (U29).
            Some(Paused) => &[RollbackStarted, Completed],
            Some(RollbackStarted) => &[RollbackStarted, RollbackPaused, RollbackCompleted],
            Some(RollbackPaused) => &[RollbackStarted, Paused, Completed],
            Some(Completed | RollbackCompleted) => &[RollbackStarted, Paused, Completed],
        };
        self.expect(new.is_none_or(|new| allowed.contains(&new)), || format!("status {old:?} became {new:?}"));
    }
}

impl Observer for Promises {
    fn record(&mut self, now: Time, record: &Record) {
        self.expect(self.now <= now, || format!("time went back to {now}"));
        self.now = now;
        match *record {
            Record::Task(task) => self.task(task),
            Record::TaskRemoved { task, .. } => {
                self.expect(!self.removed.contains(&task), || format!("{task:?} was deleted twice"));
                self.removed.push(task);
            }
            Record::Rotation { task, entered: true, .. } => {
                let before = self.rotations.insert(task, (now, None));
                self.expect(before.is_none(), || format!("{task:?} entered rotation again"));
            }
            Record::Rotation { task, entered: false, .. } => {
                let rotation = self.rotations.get_mut(&task).filter(|(_, left)| left.is_none());
                let was_in = rotation.map(|(_, left)| *left = Some(now)).is_some();
                self.expect(was_in, || format!("{task:?} left rotation, in which it was not"));
            }
            Record::UpdateStatus { service, status } => self.status(service, status.map(|status| status.state)),
            Record::Command { .. }
            | Record::CommandError { .. }
            | Record::Spec { .. }
            | Record::Desired { .. }
            | Record::Node { .. }
            | Record::Leadership(_)
            | Record::Manager { .. }
            | Record::ProcessEnded { .. }
            | Record::ServiceRemoved { .. } => {}
        }
    }

    /// A request reaches only tasks in rotation; only one that reached none is refused.
    fn request(&mut self, request: &Request) {
        self.expect(request.sent <= request.ended, || format!("{request:?} ended before it was sent"));
        let Some((task, image)) = request.task else {
            self.expect(request.outcome == RequestOutcome::Refused, || format!("{request:?} reached nobody"));
            return;
        };
        self.expect(request.outcome != RequestOutcome::Refused, || format!("{request:?} was refused by a task"));
        let was_in = self
            .rotations
            .get(&task)
            .is_some_and(|(entered, left)| *entered <= request.sent && left.is_none_or(|left| request.sent <= left));
        self.expect(was_in, || format!("{request:?} was sent to a task out of rotation"));
        let fits = self.tasks.get(task).is_some_and(|task| (task.service, task.image) == (request.service, image));
        self.expect(fits, || format!("{request:?} reached a task of another service or image"));
    }

    fn instant(&mut self, now: Time, _in_flight: &IdVec<ServiceId, u32>) {
        self.expect(self.now <= now, || format!("time went back to {now}"));
        self.now = now;
    }
}

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
