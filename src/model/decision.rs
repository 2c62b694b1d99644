//! Decisions of the managers, each with the event that led to it and the rule by which it was taken.
//!
//! The managers note them only when somebody listens. They change nothing: what a decision writes is told by records of its own.

use super::ids::{NodeId, TaskId};
use super::rule::Rule;
use super::service::{Order, UpdateConfig};
use super::task::{Slot, TaskState};
use crate::kernel::Span;

/// Something that a manager decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    /// An updater begins, because slots are out of date.
    UpdateBegins {
        /// The updater.
        run: u32,
        /// Slots that are out of date.
        dirty: u32,
        /// All slots that it was given.
        slots: u32,
        /// How many it works on at once.
        workers: u32,
        /// The configuration that it goes by.
        config: UpdateConfig,
        /// Whether it goes by the rollback configuration.
        is_rollback: bool,
        /// Whether it began with the update status of an update that had ended: its own writes are seen only at its end.
        is_follow_up: bool,
    },
    /// Nothing is out of date: if an update was in progress, it is complete.
    NothingToUpdate,
    /// An updater is ended before its time, because the service has another specification now.
    UpdateCancelled {
        /// The updater.
        run: u32,
    },
    /// A worker of an updater takes a slot and makes a new task in it.
    Replaces {
        /// The updater.
        run: u32,
        /// Which of its workers.
        worker: u32,
        /// The new task.
        new: TaskId,
        /// Whether the old one is stopped first.
        order: Order,
    },
    /// A worker takes a slot that has a task which is up to date already.
    Keeps {
        /// The updater.
        run: u32,
        /// Which of its workers.
        worker: u32,
        /// That task.
        task: TaskId,
    },
    /// A worker takes a slot and leaves it alone.
    Skips {
        /// The updater.
        run: u32,
        /// Which of its workers.
        worker: u32,
        /// The slot.
        slot: Slot,
        /// Why.
        cause: SkipCause,
    },
    /// A worker has done its slot, because its new task has come up or has ended.
    SlotDone {
        /// The updater.
        run: u32,
        /// Which of its workers.
        worker: u32,
        /// The task.
        task: TaskId,
        /// Its state.
        state: TaskState,
        /// How long the worker rests now.
        delay: Span,
    },
    /// An updater looks at the end of a task.
    Failure {
        /// The updater.
        run: u32,
        /// The task.
        task: TaskId,
        /// What it makes of it.
        verdict: Verdict,
    },
    /// All slots are done: the updater watches for a last time.
    LastWatch {
        /// The updater.
        run: u32,
        /// For how long.
        monitor: Span,
    },
    /// An updater is to roll back, and nothing comes of it.
    CannotRollBack {
        /// The updater.
        run: u32,
        /// Why.
        cause: NoRollback,
    },
    /// A task is to stop.
    Stops {
        /// The task.
        task: TaskId,
        /// Why.
        cause: StopCause,
    },
    /// A task that was held back may start.
    Starts {
        /// The task.
        task: TaskId,
        /// Why now.
        cause: StartCause,
    },
    /// The restart supervisor replaces a task.
    Restarts {
        /// The task.
        task: TaskId,
        /// The one in its place.
        new: TaskId,
        /// Why.
        cause: RestartCause,
        /// How long the new one is held back at least.
        delay: Span,
        /// Whether it waits for the old one to stop, too.
        waits: bool,
    },
    /// The restart supervisor replaces a task only when its delayed start has ended.
    RestartsLater {
        /// The task.
        task: TaskId,
        /// Why it is to be replaced.
        cause: RestartCause,
    },
    /// A task is not replaced.
    NotReplaced {
        /// The task.
        task: TaskId,
        /// Why it was to be replaced.
        cause: RestartCause,
        /// Why it is not.
        refusal: Refusal,
    },
    /// An orchestrator makes a task where there is none.
    Creates {
        /// The task.
        task: TaskId,
        /// Why there.
        cause: CreateCause,
    },
    /// The scheduler gives a task to a node.
    Assigns {
        /// The task.
        task: TaskId,
        /// The node.
        node: NodeId,
        /// Whether no other was asked for.
        is_preassigned: bool,
    },
    /// A task is rejected, because its node does not fit any more.
    Rejects {
        /// The task.
        task: TaskId,
        /// Its node.
        node: NodeId,
        /// What it does not meet.
        cause: RejectCause,
    },
    /// A task that nobody could place and nobody wants ends.
    EndsUnplaced {
        /// The task.
        task: TaskId,
    },
    /// A task is deleted from the store.
    Deletes {
        /// The task.
        task: TaskId,
        /// Why.
        cause: DeleteCause,
    },
}

/// Why a slot is left alone by an updater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipCause {
    /// Somebody else has shut down its tasks meanwhile.
    TooLate,
    /// The service was removed.
    ServiceRemoved,
}

/// What an updater makes of the end of a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// It counts: so many of so many slots have failed.
    Counts {
        /// Failures until now.
        failures: u32,
        /// Slots that were out of date when the updater began.
        dirty: u32,
        /// Share of failures that it bears.
        ratio: f32,
        /// Whether that is exceeded, so that the updater acts now.
        acts: bool,
    },
    /// The failure action is `continue`: no failure is looked at.
    ActionIsContinue,
    /// The updater only kept the task.
    NotMade,
    /// It came too late after the task had come up.
    Late {
        /// How long after.
        after: Span,
        /// Within which time it would have counted.
        monitor: Span,
    },
    /// All slots are handed out: it is looked at when the workers have finished.
    NotYet,
    /// The updater has paused or rolled back already.
    Over,
}

/// Why nothing comes of a rollback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRollback {
    /// There is no earlier specification to return to.
    NoPrevious,
    /// The update status is cleared: an operator has written the service since, although as it was.
    StatusCleared,
    /// The service was removed.
    ServiceRemoved,
}

/// Why a task is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// Its slot is updated stop-first.
    StopFirst,
    /// Its slot is updated start-first, and this new task runs.
    StartFirst(TaskId),
    /// Its slot has this task, which is up to date.
    Kept(TaskId),
    /// The service wants fewer replicas.
    ScaledDown,
    /// The service is removed.
    ServiceRemoved,
    /// Its global service was written, and its node does not suit it.
    NodeUnfit(Unfit),
    /// Its global service is not to run on its node, which was written, or found so by a new leader.
    NodeInvalid(Unfit),
    /// It has ended, and is not replaced on its node.
    NotRestarted(Unfit),
    /// On the node of a global service that has come back or changed it is out of date.
    Outdated,
    /// On the node of a global service that has come back or changed it is one too many.
    Surplus,
}

/// Why a node does not suit a global service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is no member of the cluster any more.
    Gone,
    /// It is down.
    Down,
    /// It is drained.
    Drained,
    /// It is paused.
    Paused,
    /// It does not meet the constraints.
    Constraints,
}

/// Why an orchestrator makes a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateCause {
    /// The service wants more replicas than it has slots.
    Replica,
    /// Its slot had ended for good, and the service is rolled back.
    DeadSlot,
    /// Its global service, which was written, has no task on this node.
    OnNode,
    /// Its global service has no task that is up to date on this node, which was written.
    NodeChanged,
}

/// Why a task that was held back may start now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartCause {
    /// There was nothing to wait for.
    AtOnce,
    /// Its delay is over.
    DelayOver,
    /// This task before it has stopped.
    Stopped(TaskId),
    /// The node of the task before it is down or gone.
    NodeGone(NodeId),
    /// The task before it took longer than anybody waits.
    Timeout,
    /// A new leader found that its delay was over.
    NewLeader,
}

/// Why a task is replaced by the restart supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartCause {
    /// It has ended.
    Ended(TaskState),
    /// Its node is drained.
    Drained(NodeId),
    /// Its node is down.
    NodeDown(NodeId),
    /// Its node was down or drained while the task was held back, and is not any more.
    NodeCameBack,
}

/// Why a task is not replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The restart condition is `none`.
    Never,
    /// The restart condition is `on-failure`, and it did not fail.
    NoFailure,
    /// So many attempts are allowed, and were made.
    AttemptsUsed(u32),
}

/// What a node does not meet any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectCause {
    /// The constraints of the service.
    Constraints,
    /// The reservations of the task, beside those of the tasks that stay.
    Reservations,
}

/// Why a task is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteCause {
    /// There are more tasks in its slot than are kept.
    History,
    /// It was to be removed and has stopped.
    Removed,
    /// Its slot is not in use.
    DeadSlot,
    /// Its service is gone.
    ServiceGone,
    /// Its node is gone, and its service global.
    NodeGone,
}

impl Decision {
    /// The rule by which it was taken.
    pub const fn rule(&self) -> Rule {
        match self {
            Decision::UpdateBegins { is_follow_up: true, .. } => Rule::FollowUp,
            Decision::UpdateBegins { .. } => Rule::UpdateDirty,
            Decision::NothingToUpdate => Rule::NothingDirty,
            Decision::UpdateCancelled { .. } => Rule::Cancel,
            Decision::Replaces { order: Order::StopFirst, .. } => Rule::StopFirst,
            Decision::Replaces { order: Order::StartFirst, .. } => Rule::StartFirst,
            Decision::Keeps { .. } => Rule::Keep,
            Decision::Skips { cause: SkipCause::TooLate, .. } => Rule::TooLate,
            Decision::Skips { cause: SkipCause::ServiceRemoved, .. } => Rule::ServiceDeleted,
            Decision::SlotDone { delay, .. } if delay.is_zero() => Rule::AwaitRunning,
            Decision::SlotDone { .. } => Rule::Delay,
            Decision::Failure { verdict, .. } => verdict.rule(),
            Decision::LastWatch { .. } => Rule::LastWatch,
            Decision::CannotRollBack { .. } => Rule::RollBack,
            Decision::Stops { cause, .. } => cause.rule(),
            Decision::Starts { cause, .. } => cause.rule(),
            Decision::Restarts { cause: RestartCause::Ended(_), .. } => Rule::Restart,
            Decision::Restarts { cause: RestartCause::Drained(_), .. } => Rule::Drain,
            Decision::Restarts { cause: RestartCause::NodeDown(_), .. } => Rule::NodeLost,
            Decision::Restarts { cause: RestartCause::NodeCameBack, .. } => Rule::RestartLater,
            Decision::RestartsLater { .. } => Rule::RestartLater,
            Decision::NotReplaced { .. } => Rule::RestartCondition,
            Decision::Creates { cause, .. } => cause.rule(),
            Decision::Assigns { is_preassigned: true, .. } => Rule::Confirm,
            Decision::Assigns { .. } => Rule::Choose,
            Decision::Rejects { .. } => Rule::Enforce,
            Decision::EndsUnplaced { .. } => Rule::Superseded,
            Decision::Deletes { cause, .. } => cause.rule(),
        }
    }
}

impl Verdict {
    /// The rule by which it was found.
    pub const fn rule(self) -> Rule {
        match self {
            Verdict::Counts { acts: true, .. } => Rule::TooManyFailures,
            Verdict::Counts { .. } | Verdict::NotMade | Verdict::Late { .. } => Rule::Failure,
            Verdict::ActionIsContinue => Rule::Continue,
            Verdict::NotYet | Verdict::Over => Rule::WorkersFinish,
        }
    }
}

impl StopCause {
    const fn rule(self) -> Rule {
        match self {
            StopCause::StopFirst => Rule::StopFirst,
            StopCause::StartFirst(_) => Rule::StartFirst,
            StopCause::Kept(_) => Rule::Keep,
            StopCause::ScaledDown => Rule::ScaleDown,
            StopCause::ServiceRemoved => Rule::ServiceRemoved,
            StopCause::NodeUnfit(_) => Rule::GlobalService,
            StopCause::NodeInvalid(_) | StopCause::Outdated | StopCause::Surplus => Rule::GlobalNode,
            StopCause::NotRestarted(_) => Rule::GlobalRestart,
        }
    }
}

impl CreateCause {
    const fn rule(self) -> Rule {
        match self {
            CreateCause::Replica => Rule::ScaleUp,
            CreateCause::DeadSlot => Rule::DeadSlotInRollback,
            CreateCause::OnNode => Rule::GlobalService,
            CreateCause::NodeChanged => Rule::GlobalNode,
        }
    }
}

impl StartCause {
    const fn rule(self) -> Rule {
        match self {
            StartCause::NewLeader => Rule::HeldBack,
            StartCause::AtOnce
            | StartCause::DelayOver
            | StartCause::Stopped(_)
            | StartCause::NodeGone(_)
            | StartCause::Timeout => Rule::DelayedStart,
        }
    }
}

impl DeleteCause {
    const fn rule(self) -> Rule {
        match self {
            DeleteCause::History => Rule::History,
            DeleteCause::Removed => Rule::Reap,
            DeleteCause::DeadSlot => Rule::DeadSlot,
            DeleteCause::ServiceGone => Rule::ServiceGone,
            DeleteCause::NodeGone => Rule::GlobalNodeGone,
        }
    }
}
