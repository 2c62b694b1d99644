//! Rolling updates and rollbacks: the supervisor and the updater.
//!
//! An updater is given the slots of a service. Those that are dirty it hands out, one after another, to `parallelism`
//! workers. A worker replaces the tasks of its slot by one of the new specification, waits until that runs, rests for
//! `delay`, and takes the next slot: there are no batches. Meanwhile the updater counts failures of the tasks it made;
//! too many of them pause the update or roll it back. When all slots are done it goes on watching for `monitor`, and then
//! writes `completed`.
//!
//! Source: manager/orchestrator/update/updater.go (control-plane section 4).

mod race;
mod updater;

use std::rc::Rc;

use updater::{HandledTasks, Updater};

use super::restart::Restarts;
use crate::manager::Cx;
use crate::manager::store::{Store, Task};
use crate::manager::ties::Ties;
use crate::model::change::Change;
use crate::model::task::{Slot, TaskState};
use crate::model::{ServiceId, TaskId};

/// The slots of a service as the orchestrator saw them when it called: a snapshot.
#[derive(Debug, Default)]
pub struct Slots {
    /// Each slot, and where its tasks end in `tasks`.
    slots: Vec<(Slot, usize)>,
    tasks: Vec<SlotTask>,
}

/// A task of a slot, and how it stood when the snapshot was taken.
#[derive(Clone, Copy, Debug)]
struct SlotTask {
    id: TaskId,
    then: Task,
}

impl Slots {
    /// Adds a slot with its tasks.
    ///
    /// Tie (control-plane X15): the tasks stand in an order that has nothing to do with their age, as those of random ids do.
    pub fn push(&mut self, slot: Slot, tasks: &[TaskId], store: &Store, ties: &Ties) {
        let start = self.tasks.len();
        self.tasks.extend(tasks.iter().map(|&id| SlotTask { id, then: *store.task_ever(id) }));
        self.tasks[start..].sort_unstable_by_key(|task| ties.place(task.id.0));
        self.slots.push((slot, self.tasks.len()));
    }

    fn tasks(&self, index: usize) -> &[SlotTask] {
        let start = index.checked_sub(1).map_or(0, |before| self.slots[before].1);
        &self.tasks[start..self.slots[index].1]
    }
}

/// Keeps at most one updater per service.
#[derive(Debug, Default)]
pub struct Supervisor {
    updaters: Vec<Updater>,
    /// What updaters remember of the tasks that they made or kept.
    handled: HandledTasks,
    /// Handled tasks that were written while they ran or after they had ended, with their state.
    came_up: Vec<(TaskId, TaskState)>,
    /// Those of them that had ended.
    failed: Vec<TaskId>,
    ended_starts: Vec<TaskId>,
    /// Services that were written since the last look, or whose update may begin.
    announced: Vec<ServiceId>,
}

impl Supervisor {
    /// Updates the slots that are dirty, unless that is being done already. Slots are handed out when the orchestrator has done all
    /// else that it has to do ([`Supervisor::begin_announced`]).
    ///
    /// Source: `Supervisor.Update` (control-plane U1 to U4).
    pub fn update(&mut self, service: ServiceId, slots: Slots, restarts: &mut Restarts, cx: &mut Cx<'_>) {
        let Some(row) = cx.store.service(service) else { return };
        if let Some(index) = self.updaters.iter().position(|updater| updater.service == service) {
            let running = &self.updaters[index].spec;
            if Rc::ptr_eq(running, &row.spec) || **running == *row.spec {
                return;
            }
            self.cancel(index, restarts, cx);
        }
        // What was written before is not what this updater announces.
        self.announced.retain(|other| *other != service);
        let epoch = cx.next_epoch();
        if let Some(updater) = Updater::start(epoch, service, slots, cx) {
            self.announced.extend(Some(service).filter(|_| updater.can_go_on()));
            self.keep(updater, cx);
        }
    }

    /// Whether this updater still runs.
    pub fn runs(&self, epoch: u32) -> bool {
        self.updaters.iter().any(|updater| updater.epoch == epoch)
    }

    /// Notices what becomes of the tasks that updaters handle, and that an update was announced.
    pub fn on_change(&mut self, change: &Change) {
        match *change {
            Change::TaskUpdated { task, new, .. } if new.state >= TaskState::Running => {
                if matches!(self.handled.get(task), Some(Some(_))) {
                    self.came_up.push((task, new.state));
                    self.failed.extend(Some(task).filter(|_| new.state.is_terminal()));
                }
            }
            Change::ServiceUpdated(service) => self.announced.push(service),
            _ => {}
        }
    }

    /// Lets updaters begin whose update was announced.
    ///
    /// Tie (control-plane X3): Swarm's workers are not held back, but are slower than the orchestrator. In a race nobody waits.
    pub fn begin_announced(&mut self, restarts: &mut Restarts, cx: &mut Cx<'_>) {
        if cx.ties.are_shuffled() {
            return self.announced.clear();
        }
        for service in std::mem::take(&mut self.announced) {
            if let Some(index) = self.updaters.iter().position(|updater| updater.service == service) {
                let mut updater = self.updaters.remove(index);
                updater.was_announced();
                updater.proceed(&mut self.handled, restarts, cx);
                self.keep(updater, cx);
            }
        }
    }

    /// Whether updaters have something to do in which they are ahead of an orchestrator that acts at the end of the transaction, as
    /// they see each change at once: anything but tasks that have ended.
    ///
    /// Tie (control-plane X12): so it was in most recorded runs of such races.
    pub fn is_ahead(&self) -> bool {
        self.came_up.iter().any(|(_, state)| !state.is_terminal())
    }

    /// Lets the updaters act on what they noticed: workers whose task may start or has come up, then failures, then free
    /// workers.
    ///
    /// Tie (control-plane X2): with a failure and a free worker at one instant, the failure comes first. In a race each acts in its
    /// turn ([`Supervisor::race`]).
    pub fn act(&mut self, restarts: &mut Restarts, cx: &mut Cx<'_>) {
        if cx.ties.are_shuffled() {
            return;
        }
        restarts.take_ended(&mut self.ended_starts);
        let (came_up, ended_starts) = (std::mem::take(&mut self.came_up), std::mem::take(&mut self.ended_starts));
        let failed = std::mem::take(&mut self.failed);
        self.act_on(&ended_starts, &came_up, &failed, restarts, cx);
        (self.came_up, self.failed, self.ended_starts) = (came_up, failed, ended_starts);
        self.came_up.clear();
        self.failed.clear();
        self.ended_starts.clear();
    }

    /// Lets only those workers go on whose task runs.
    pub fn act_on_running(&mut self, restarts: &mut Restarts, cx: &mut Cx<'_>) {
        let is_running = |(_, state): &mut (TaskId, TaskState)| *state == TaskState::Running;
        let running: Vec<(TaskId, TaskState)> = self.came_up.extract_if(.., is_running).collect();
        self.act_on(&[], &running, &[], restarts, cx);
    }

    fn act_on(
        &mut self,
        ended_starts: &[TaskId],
        came_up: &[(TaskId, TaskState)],
        failed: &[TaskId],
        restarts: &mut Restarts,
        cx: &mut Cx<'_>,
    ) {
        if came_up.is_empty() && ended_starts.is_empty() {
            return;
        }
        for mut updater in std::mem::take(&mut self.updaters) {
            for &task in ended_starts {
                updater.on_start_ended(task, &mut self.handled, cx);
            }
            for &(task, state) in came_up {
                updater.on_came_up(task, state, &mut self.handled, cx);
            }
            for &task in failed {
                updater.on_failed(task, &mut self.handled, cx);
            }
            updater.proceed(&mut self.handled, restarts, cx);
            self.keep(updater, cx);
        }
    }

    /// A worker has rested.
    pub fn wake_worker(&mut self, epoch: u32, worker: u32, restarts: &mut Restarts, cx: &mut Cx<'_>) {
        self.with(epoch, cx, |updater, handled, cx| {
            updater.has_rested(worker);
            updater.proceed(handled, restarts, cx);
        });
    }

    /// The last watch of an updater is over.
    pub fn wake_monitor(&mut self, epoch: u32, cx: &mut Cx<'_>) {
        self.with(epoch, cx, |updater, _, cx| updater.complete(cx));
    }

    fn with(&mut self, epoch: u32, cx: &mut Cx<'_>, act: impl FnOnce(&mut Updater, &mut HandledTasks, &mut Cx<'_>)) {
        if let Some(index) = self.updaters.iter().position(|updater| updater.epoch == epoch) {
            let mut updater = self.updaters.remove(index);
            act(&mut updater, &mut self.handled, cx);
            self.keep(updater, cx);
        }
    }

    /// An updater that has ended is forgotten.
    ///
    /// Tie (control-plane X14): always before its last write is seen, also where ties are shuffled: it was so in every recorded
    /// run.
    fn keep(&mut self, updater: Updater, cx: &mut Cx<'_>) {
        if updater.has_ended() {
            note_end(&updater, cx);
        } else {
            self.updaters.push(updater);
        }
    }
}

fn note_end(updater: &Updater, cx: &mut Cx<'_>) {
    cx.store.note_updater(updater.service, updater.epoch, updater.is_rollback, false);
}
