//! The updater: one update or rollback of one service.
//!
//! Source: manager/orchestrator/update/updater.go (control-plane sections 4.2 to 4.5).

use std::rc::Rc;

use super::{SlotTask, Slots};
use crate::kernel::{IdVec, Span, Time};
use crate::manager::orchestrator::restart::Restarts;
use crate::manager::orchestrator::task::{Wanted, is_dirty};
use crate::manager::store::{NewTask, Service};
use crate::manager::{Cx, Wake};
use crate::model::decision::{Decision, NoRollback, SkipCause, StopCause, Verdict};
use crate::model::service::{FailureAction, Order, ServiceSpec, UpdateConfig};
use crate::model::task::{Creator, TaskState};
use crate::model::update::{UpdateMessage, UpdateState, UpdateStatus};
use crate::model::{ServiceId, TaskId, defaults};

/// By how much the last watch exceeds a delay that is not shorter than the monitor period.
///
/// Source: `Run` (control-plane U14).
pub const MONITOR_BEYOND_DELAY: Span = Span::from_secs(1);

/// What an updater remembers of a task that it made or kept.
///
/// Source: `updatedTasks`, `failedTasks` (control-plane U25).
#[derive(Clone, Copy, Debug)]
pub(super) struct Handled {
    /// The updater.
    epoch: u32,
    /// Its worker.
    worker: u32,
    /// Whether the updater made the task; only then its end can count.
    made: bool,
    /// When its worker saw it running or ended.
    noted: Option<Time>,
    /// Whether its failure has been counted.
    counted: bool,
}

/// What updaters remember, by task.
pub(super) type HandledTasks = IdVec<TaskId, Option<Handled>>;

/// One update or rollback of one service.
#[derive(Debug)]
pub(super) struct Updater {
    pub(super) epoch: u32,
    pub(super) service: ServiceId,
    pub(super) spec: Rc<ServiceSpec>,
    wanted: Wanted,
    /// Whether the update status said so when the updater was made; what it says later is not seen.
    pub(super) is_rollback: bool,
    config: UpdateConfig,
    /// How long after it was noted a task's end still counts.
    monitor: Span,
    slots: Slots,
    /// Indices of the slots that were dirty at the start.
    dirty: Vec<u32>,
    /// How many of them have been handed out.
    handed_out: usize,
    workers: Vec<Worker>,
    /// Those that are idle. Which of them takes the next slot makes no difference.
    idle: Vec<u32>,
    phase: Phase,
    /// Paused or rolled back.
    stopped: bool,
    failures: u32,
    /// Ends of tasks that are looked at only when the workers have finished (control-plane U13).
    unseen_failures: Vec<TaskId>,
}

/// One of the `parallelism` hands of an update.
///
/// Source: `worker`, `updateTask` (control-plane U16 to U22).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Worker {
    /// Takes the next slot, if there is one.
    Idle,
    /// Waits until the new task may start: stop-first, until its predecessor has stopped. What the new task did meanwhile
    /// is kept for later.
    AwaitStart { slot: u32, task: TaskId, came_up: Option<TaskState> },
    /// Waits until a kept task may start, and for nothing else.
    AwaitKept { task: TaskId },
    /// Waits, without any timeout, until the new task runs or has ended.
    AwaitRunning { slot: u32, task: TaskId },
    /// Rests for `delay` before it takes the next slot.
    Delay,
}

/// How far an updater is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The update status was written: the orchestrator hears of it, and reconciles the service once more, before slots are handed
    /// out.
    Announced,
    /// Slots are handed out.
    HandOut,
    /// No slot is handed out any more; workers finish theirs, with their delay.
    Finish,
    /// All workers have finished; failures are still counted.
    Monitor,
    /// Nothing more to do.
    Ended,
}

impl Updater {
    /// Source: `Run`, up to the workers (control-plane U5 to U10).
    pub(super) fn start(epoch: u32, service: ServiceId, slots: Slots, cx: &mut Cx<'_>) -> Option<Updater> {
        let row = cx.store.service(service)?;
        let state = row.update_status.map(|status| status.state);
        if matches!(state, Some(UpdateState::Paused | UpdateState::RollbackPaused)) {
            return None;
        }
        let (spec, wanted) = (Rc::clone(&row.spec), Wanted::from(row));
        let is_rollback = state == Some(UpdateState::RollbackStarted);
        let is_dirty_slot = |index: &u32| match slots.tasks(*index as usize) {
            [task] => is_dirty(cx.store, wanted, &task.then),
            tasks => tasks.len() > 1,
        };
        let dirty: Vec<u32> = (0..slots.slots.len() as u32).filter(is_dirty_slot).collect();
        if dirty.is_empty() {
            let is_in_progress = matches!(state, Some(UpdateState::Updating | UpdateState::RollbackStarted));
            if is_in_progress || (state.is_none() && !slots.slots.is_empty()) {
                cx.store.decide(service, Decision::NothingToUpdate);
            }
            if is_in_progress {
                write_completed(service, cx);
            }
            return None;
        }
        let mut phase = Phase::HandOut;
        if state.is_none() {
            let status = UpdateStatus { state: UpdateState::Updating, message: UpdateMessage::InProgress };
            write_status(service, cx, |row| row.update_status.is_none().then_some(status));
            phase = if cx.ties.are_shuffled() { Phase::HandOut } else { Phase::Announced };
        }
        cx.store.note_updater(service, epoch, is_rollback, true);
        let section = if is_rollback { spec.rollback } else { spec.update };
        let config = section.unwrap_or(defaults::UPDATE_CONFIG);
        let parallelism = if config.parallelism == 0 { dirty.len() } else { config.parallelism as usize };
        // Workers beyond the number of slots would never get one.
        let workers = parallelism.min(dirty.len());
        cx.store.decide(
            service,
            Decision::UpdateBegins {
                run: epoch,
                dirty: dirty.len() as u32,
                slots: slots.slots.len() as u32,
                workers: workers as u32,
                config,
                is_rollback,
                is_follow_up: matches!(state, Some(UpdateState::Completed | UpdateState::RollbackCompleted)),
            },
        );
        Some(Updater {
            epoch,
            service,
            wanted,
            is_rollback,
            config,
            monitor: config.monitor.unwrap_or(defaults::MONITOR),
            slots,
            workers: vec![Worker::Idle; workers],
            idle: (0..workers as u32).collect(),
            dirty,
            handed_out: 0,
            phase,
            stopped: false,
            failures: 0,
            unseen_failures: Vec::new(),
            spec,
        })
    }

    /// The orchestrator has heard that the update began.
    pub(super) fn was_announced(&mut self) {
        if self.phase == Phase::Announced {
            self.phase = Phase::HandOut;
        }
    }

    /// A worker has rested.
    pub(super) fn has_rested(&mut self, worker: u32) {
        self.workers[worker as usize] = Worker::Idle;
        self.idle.push(worker);
    }

    /// Whether nothing is left to do.
    pub(super) fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Hands out slots to free workers, and goes on to the next phase when it is time. In a race it does so step by step, each in
    /// its turn.
    ///
    /// Source: `Run`, from the workers on (control-plane U12 to U15).
    pub(super) fn proceed(&mut self, handled: &mut HandledTasks, restarts: &mut Restarts, cx: &mut Cx<'_>) {
        while !cx.ties.are_shuffled() && self.can_go_on() {
            self.go_on(handled, restarts, cx);
        }
    }

    /// Whether a slot waits and a worker is free, or all workers have finished.
    pub(super) fn can_go_on(&self) -> bool {
        match self.phase {
            Phase::HandOut => !self.idle.is_empty(),
            Phase::Finish => self.idle.len() == self.workers.len(),
            Phase::Announced | Phase::Monitor | Phase::Ended => false,
        }
    }

    /// Hands out a slot, or begins the last watch.
    pub(super) fn go_on(&mut self, handled: &mut HandledTasks, restarts: &mut Restarts, cx: &mut Cx<'_>) {
        if self.phase == Phase::Finish {
            return self.monitor(handled, cx);
        }
        let Some(worker) = self.idle.pop() else { return };
        let slot = self.dirty[self.handed_out];
        self.handed_out += 1;
        if self.handed_out == self.dirty.len() {
            self.phase = Phase::Finish;
        }
        self.take_slot(worker as usize, slot, handled, restarts, cx);
    }

    /// Whether this updater made or keeps the task.
    pub(super) fn handles(&self, task: TaskId, handled: &HandledTasks) -> bool {
        matches!(handled.get(task), Some(Some(note)) if note.epoch == self.epoch)
    }

    /// All workers have finished: watches for a last period, which begins with what was not looked at until now.
    fn monitor(&mut self, handled: &mut HandledTasks, cx: &mut Cx<'_>) {
        if self.stopped {
            self.phase = Phase::Ended;
            return;
        }
        self.phase = Phase::Monitor;
        if self.config.delay >= self.monitor {
            self.monitor = self.config.delay + MONITOR_BEYOND_DELAY;
        }
        cx.store.decide(self.service, Decision::LastWatch { run: self.epoch, monitor: self.monitor });
        cx.wake_after(self.monitor, Wake::UpdateMonitor { epoch: self.epoch });
        for task in std::mem::take(&mut self.unseen_failures) {
            self.on_failed(task, handled, cx);
        }
    }

    /// Source: `worker` (control-plane U17 to U19).
    fn take_slot(
        &mut self,
        worker: usize,
        slot: u32,
        handled: &mut HandledTasks,
        restarts: &mut Restarts,
        cx: &mut Cx<'_>,
    ) {
        let tasks = self.slots.tasks(slot as usize);
        let is_clean = |task: &&SlotTask| !is_dirty(cx.store, self.wanted, &task.then);
        let mut clean = tasks.iter().filter(is_clean);
        let running = clean.clone().find(|task| task.then.desired == TaskState::Running);
        let kept = running.or_else(|| clean.rfind(|task| task.then.desired < TaskState::Running)).copied();
        self.workers[worker] = match kept {
            Some(kept) => self.keep_task(worker, slot, kept, restarts, cx),
            None => self.replace_tasks(worker, slot, restarts, cx),
        };
        if let Worker::AwaitStart { task, .. } | Worker::AwaitKept { task } = self.workers[worker] {
            let made = kept.is_none();
            let note = Handled { epoch: self.epoch, worker: worker as u32, made, noted: None, counted: false };
            *handled.entry(task, None) = Some(note);
        }
        // A task that need not wait for anybody is wanted to run at once, in a transaction of its own.
        restarts.start_due(cx);
        if self.workers[worker] == Worker::Idle {
            self.rest(worker, cx);
        }
    }

    /// Keeps a task of the slot that is up to date already, and shuts down the others.
    ///
    /// Source: `useExistingTask` (control-plane U18).
    fn keep_task(&self, worker: usize, slot: u32, kept: SlotTask, restarts: &mut Restarts, cx: &mut Cx<'_>) -> Worker {
        let keeps = Decision::Keeps { run: self.epoch, worker: worker as u32, task: kept.id };
        cx.store.decide(self.service, keeps);
        let others = self.slots.tasks(slot as usize).iter().filter(|task| task.id != kept.id);
        let Ok(old) = shut_down(others, StopCause::Kept(kept.id), cx) else { return Worker::Idle };
        let mut worker = Worker::Idle;
        if kept.then.desired != TaskState::Running {
            restarts.delay_start(kept.id, predecessor(old), Span::ZERO, cx);
            worker = Worker::AwaitKept { task: kept.id };
        }
        cx.store.commit();
        worker
    }

    /// Creates a task of the new specification in the slot; stop-first shuts down the old ones in the same transaction.
    ///
    /// Source: `updateTask` (control-plane U19 to U21, U23, U24).
    fn replace_tasks(&self, worker: usize, slot: u32, restarts: &mut Restarts, cx: &mut Cx<'_>) -> Worker {
        let (run, worker, place) = (self.epoch, worker as u32, self.slots.slots[slot as usize].0);
        let skips = |cause| Decision::Skips { run, worker, slot: place, cause };
        if cx.store.service(self.service).is_none() {
            cx.store.decide(self.service, skips(SkipCause::ServiceRemoved));
            return Worker::Idle;
        }
        let mut old = None;
        if self.config.order == Order::StopFirst {
            // An error here, as when the restart supervisor was faster, gives up the whole transaction.
            let Ok(stopped) = shut_down(self.slots.tasks(slot as usize).iter(), StopCause::StopFirst, cx) else {
                cx.store.decide(self.service, skips(SkipCause::TooLate));
                return Worker::Idle;
            };
            old = stopped;
        }
        let task = cx.store.create_task(
            cx.now,
            NewTask {
                service: self.service,
                slot: place,
                spec: self.wanted.spec,
                spec_version: self.wanted.spec_version,
                desired: TaskState::Ready,
                by: Creator::Updater { run },
            },
        );
        cx.store.decide(self.service, Decision::Replaces { run, worker, new: task, order: self.config.order });
        restarts.delay_start(task, predecessor(old), Span::ZERO, cx);
        cx.store.commit();
        Worker::AwaitStart { slot, task, came_up: None }
    }

    /// A delayed start has ended: the worker that waits for it goes on.
    pub(super) fn on_start_ended(&mut self, task: TaskId, handled: &mut HandledTasks, cx: &mut Cx<'_>) {
        let Some(note) = self.note(task, handled) else { return };
        let worker = note.worker as usize;
        match self.workers[worker] {
            Worker::AwaitKept { task: kept } if kept == task => self.rest(worker, cx),
            Worker::AwaitStart { slot, task: new, came_up } if new == task => {
                self.workers[worker] = Worker::AwaitRunning { slot, task };
                if let Some(state) = came_up {
                    self.on_came_up(task, state, handled, cx);
                }
            }
            _ => {}
        }
    }

    /// A new task runs or has ended: notes the time, and start-first now shuts down the old tasks.
    ///
    /// Source: `updateTask`, the final loop (control-plane U21, U22).
    pub(super) fn on_came_up(&mut self, task: TaskId, state: TaskState, handled: &mut HandledTasks, cx: &mut Cx<'_>) {
        let Some(note) = self.note(task, handled) else { return };
        let worker = note.worker as usize;
        match &mut self.workers[worker] {
            Worker::AwaitStart { task: new, came_up, .. } if *new == task => {
                came_up.get_or_insert(state);
            }
            Worker::AwaitRunning { slot, task: new } if *new == task => {
                note.noted = Some(cx.now);
                let (run, delay) = (self.epoch, self.config.delay);
                let done = Decision::SlotDone { run, worker: worker as u32, task, state, delay };
                cx.store.decide(self.service, done);
                if self.config.order == Order::StartFirst && state == TaskState::Running {
                    // Old tasks that somebody else has shut down already are none of our business.
                    let _ = shut_down(self.slots.tasks(*slot as usize).iter(), StopCause::StartFirst(task), cx);
                    cx.store.commit();
                }
                self.rest(worker, cx);
            }
            _ => {}
        }
    }

    /// What this updater remembers of a task.
    fn note<'h>(&self, task: TaskId, handled: &'h mut HandledTasks) -> Option<&'h mut Handled> {
        handled.get_mut(task)?.as_mut().filter(|note| note.epoch == self.epoch)
    }

    /// The worker has done its slot: it rests for `delay`, if there is one.
    fn rest(&mut self, worker: usize, cx: &mut Cx<'_>) {
        let (epoch, number) = (self.epoch, worker as u32);
        if self.config.delay.is_zero() {
            self.has_rested(number);
        } else {
            self.workers[worker] = Worker::Delay;
            cx.wake_after(self.config.delay, Wake::UpdateWorker { epoch, worker: number });
        }
    }

    /// A task that this updater made has ended: counts it, and acts if that is one too many.
    ///
    /// Source: `failureTriggersAction` (control-plane U25 to U30).
    pub(super) fn on_failed(&mut self, task: TaskId, handled: &mut HandledTasks, cx: &mut Cx<'_>) {
        let Some(note) = self.note(task, handled) else { return };
        let Some(verdict) = self.judge(task, note, cx.now) else { return };
        cx.store.decide(self.service, Decision::Failure { run: self.epoch, task, verdict });
        if !matches!(verdict, Verdict::Counts { acts: true, .. }) {
            return;
        }
        match self.config.failure_action {
            FailureAction::Rollback if self.is_rollback => {
                // A rollback is never rolled back. It is paused, but goes on to its end as if nothing had happened.
                write_paused(self.service, UpdateMessage::RollbackPaused(task), cx);
                match self.phase {
                    Phase::HandOut => self.phase = Phase::Finish,
                    _ => self.complete(cx),
                }
                return;
            }
            FailureAction::Rollback => {
                if let Err(cause) = write_rolled_back(self.service, task, cx) {
                    cx.store.decide(self.service, Decision::CannotRollBack { run: self.epoch, cause });
                }
            }
            FailureAction::Pause | FailureAction::Continue => {
                write_paused(self.service, UpdateMessage::Paused(task), cx);
            }
        }
        self.stopped = true;
        self.phase = if self.phase == Phase::HandOut { Phase::Finish } else { Phase::Ended };
    }

    /// What is to be made of the end of a task, which is remembered; nothing if it has been counted.
    fn judge(&mut self, task: TaskId, note: &mut Handled, now: Time) -> Option<Verdict> {
        if note.counted {
            return None;
        }
        if self.config.failure_action == FailureAction::Continue {
            return Some(Verdict::ActionIsContinue);
        }
        if self.stopped || self.phase == Phase::Ended {
            return Some(Verdict::Over);
        }
        if !note.made {
            return Some(Verdict::NotMade);
        }
        if self.phase == Phase::Finish {
            self.unseen_failures.push(task);
            return Some(Verdict::NotYet);
        }
        if let Some(after) = note.noted.map(|noted| now - noted).filter(|after| *after > self.monitor) {
            return Some(Verdict::Late { after, monitor: self.monitor });
        }
        note.counted = true;
        self.failures += 1;
        let (failures, dirty, ratio) = (self.failures, self.dirty.len() as u32, self.config.max_failure_ratio);
        Some(Verdict::Counts { failures, dirty, ratio, acts: failures as f32 / dirty as f32 > ratio })
    }

    pub(super) fn complete(&mut self, cx: &mut Cx<'_>) {
        self.phase = Phase::Ended;
        write_completed(self.service, cx);
    }
}

/// Shuts down those of the tasks that were not to be shut down already; returns the last one.
///
/// # Errors
/// If none was shut down, and one was gone or shut down by somebody else meanwhile. Then nothing is written.
///
/// Source: `removeOldTasks` (control-plane U23).
fn shut_down<'a>(
    tasks: impl Iterator<Item = &'a SlotTask>,
    cause: StopCause,
    cx: &mut Cx<'_>,
) -> Result<Option<SlotTask>, AlreadyShutDown> {
    let mut last = None;
    let mut missed = false;
    for task in tasks.filter(|task| task.then.desired <= TaskState::Running) {
        if cx.store.task(task.id).is_some_and(|row| row.desired <= TaskState::Running) {
            cx.store.decide_on(task.id, Decision::Stops { task: task.id, cause });
            cx.store.set_desired(task.id, TaskState::Shutdown);
            last = Some(*task);
        } else {
            missed = true;
        }
    }
    if missed && last.is_none() { Err(AlreadyShutDown) } else { Ok(last) }
}

/// The old task that a new one has to wait for: none if it had stopped already.
fn predecessor(old: Option<SlotTask>) -> Option<TaskId> {
    old.filter(|old| !old.then.status.state.is_terminal()).map(|old| old.id)
}

/// All tasks of a slot were shut down by somebody else.
struct AlreadyShutDown;

/// Writes the update status that `next` gives, if it gives one.
fn write_status(service: ServiceId, cx: &mut Cx<'_>, next: impl FnOnce(&Service) -> Option<UpdateStatus>) {
    cx.store.update_service(service, |row| {
        let status = next(row);
        row.update_status = status.or(row.update_status);
        status.is_some()
    });
    cx.store.commit();
}

/// Source: `pauseUpdate` (control-plane U31).
fn write_paused(service: ServiceId, message: UpdateMessage, cx: &mut Cx<'_>) {
    write_status(service, cx, |row| {
        let state = match row.update_status?.state {
            UpdateState::RollbackStarted => UpdateState::RollbackPaused,
            _ => UpdateState::Paused,
        };
        Some(UpdateStatus { state, message })
    });
}

/// Source: `completeUpdate` (control-plane U33).
fn write_completed(service: ServiceId, cx: &mut Cx<'_>) {
    write_status(service, cx, |row| {
        Some(match row.update_status?.state {
            UpdateState::RollbackStarted => {
                UpdateStatus { state: UpdateState::RollbackCompleted, message: UpdateMessage::RollbackCompleted }
            }
            _ => UpdateStatus { state: UpdateState::Completed, message: UpdateMessage::Completed },
        })
    });
}

/// Returns to the previous specification, or says why not.
///
/// Source: `rollbackUpdate` (control-plane U32).
fn write_rolled_back(service: ServiceId, task: TaskId, cx: &mut Cx<'_>) -> Result<(), NoRollback> {
    let mut rolled_back = Err(NoRollback::ServiceRemoved);
    cx.store.update_service(service, |row| {
        rolled_back = roll_back(row, task);
        rolled_back.is_ok()
    });
    if rolled_back.is_ok() {
        cx.store.note_rolled_back(service);
    }
    cx.store.commit();
    rolled_back
}

fn roll_back(row: &mut Service, task: TaskId) -> Result<(), NoRollback> {
    row.update_status.ok_or(NoRollback::StatusCleared)?;
    (row.spec, row.spec_version) = row.previous.take().ok_or(NoRollback::NoPrevious)?;
    let message = UpdateMessage::RolledBack(task);
    row.update_status = Some(UpdateStatus { state: UpdateState::RollbackStarted, message });
    Ok(())
}
