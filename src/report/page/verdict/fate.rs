//! What became of the tasks that each update brought, and of all others.

use super::super::super::names;
use super::grouped;
use crate::kernel::{IdVec, Time};
use crate::metrics::summary::{ServiceSummary, StatusChange, Update, UpdateKind, UpdateOutcome};
use crate::metrics::task_log::TaskChange;
use crate::model::task::{Status, TaskError, TaskState};
use crate::model::update::UpdateState;
use crate::model::{ServiceId, TaskId};
use crate::sim::Plan;

/// The updates of a service with the fate of their tasks.
#[derive(Debug)]
pub(super) struct History<'a> {
    /// In order.
    pub(super) rollouts: Vec<Rollout<'a>>,
    /// Of the tasks that no update brought.
    pub(super) outside: Fate,
}

/// An update with the fate of its tasks: those of its image that were created since it began, by whomever, and before another
/// update to this image.
#[derive(Debug)]
pub(super) struct Rollout<'a> {
    pub(super) update: &'a Update,
    pub(super) fate: Fate,
    /// The status with which Swarm stopped it.
    pub(super) sign: Option<&'a StatusChange>,
    /// When its service was removed, if that is what ended it.
    pub(super) removed: Option<Time>,
}

/// What became of tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// Whether one of them reached RUNNING.
    ran: bool,
    /// How many ended though they were meant to run.
    pub(super) ended: u32,
    /// How many ended by themselves when they had just been told to stop.
    dying: u32,
    /// How one of these ended.
    way: Option<End>,
    /// Whether another one ended in another way.
    mixed: bool,
    /// When the first ended that was meant to run.
    first: Option<Time>,
    /// Whether no node took one of them.
    unplaced: bool,
}

/// How a task ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    Unhealthy,
    Pull,
    Prepare,
    Start,
    Exit(u8),
    Failed,
    Rejected,
}

/// What is remembered of a task.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// Index of the update that brought it.
    rollout: Option<usize>,
    is_over: bool,
}

impl<'a> History<'a> {
    /// Of this service, `id` in the plan, in a run until `end`.
    pub(super) fn of(
        service: &'a ServiceSummary,
        id: ServiceId,
        plan: &Plan,
        tasks: &[TaskChange],
        end: Time,
    ) -> History<'a> {
        let [_, removed] = service.window;
        let rollout = |update: &'a Update| Rollout {
            update,
            fate: Fate::default(),
            sign: sign(service, update),
            removed: Some(removed).filter(|at| *at < end && update.outcome == UpdateOutcome::Unfinished),
        };
        let mut rollouts: Vec<Rollout<'_>> = service.updates.iter().map(rollout).collect();
        let mut outside = Fate::default();
        let mut seen: IdVec<TaskId, Seen> = IdVec::new();
        for TaskChange { at, task, .. } in tasks.iter().filter(|change| change.task.service == id && !change.removed) {
            let seen = seen.entry(task.task, Seen::default());
            if task.created.is_some() {
                let image = &plan.images[task.image].name;
                let brought = |rollout: &Rollout<'_>| rollout.update.start <= *at && rollout.update.to == *image;
                seen.rollout = rollouts.iter().rposition(brought);
            }
            if !seen.is_over {
                let fate = seen.rollout.map_or(&mut outside, |index| &mut rollouts[index].fate);
                seen.is_over = fate.note(*at, task.status, task.desired);
            }
        }
        History { rollouts, outside }
    }

    /// The updates that went badly.
    pub(super) fn bad(&self) -> impl Iterator<Item = &Rollout<'a>> {
        self.rollouts.iter().filter(|rollout| rollout.is_bad())
    }

    /// The tasks that ended by themselves, and not in an update: how many, and when the first.
    pub(super) fn ended(&self) -> Option<(u32, Time)> {
        let later = self.rollouts.iter().filter(|rollout| rollout.ended_later()).map(|rollout| rollout.fate);
        let fate = later.fold(self.outside, Fate::with);
        Some((fate.ended, fate.first?))
    }
}

/// The status with which Swarm stopped the update, if it did.
fn sign<'a>(service: &'a ServiceSummary, update: &Update) -> Option<&'a StatusChange> {
    let is_within = |at: Time| match update.end {
        Some(end) if update.outcome == UpdateOutcome::Superseded => at < end,
        end => end.is_none_or(|end| at <= end),
    };
    let is_sign = |state| match update.kind {
        UpdateKind::Update => {
            matches!(state, UpdateState::Paused | UpdateState::RollbackStarted | UpdateState::RollbackPaused)
        }
        UpdateKind::Rollback => state == UpdateState::RollbackPaused,
    };
    service
        .update_status
        .iter()
        .find(|status| status.at >= update.start && is_within(status.at) && is_sign(status.state))
}

impl Rollout<'_> {
    /// Whether it did not do what the operator wanted, or its tasks ended while it was under way.
    pub(super) fn is_bad(&self) -> bool {
        self.sign.is_some() || self.words().is_some()
    }

    /// Whether it was carried out, and its tasks began to end only after that.
    pub(super) fn ended_later(&self) -> bool {
        let Update { end, outcome, kind, .. } = self.update;
        let is_done = match kind {
            UpdateKind::Update => *outcome == UpdateOutcome::Completed,
            UpdateKind::Rollback => matches!(outcome, UpdateOutcome::Completed | UpdateOutcome::RollbackCompleted),
        };
        is_done && self.fate.first > *end
    }

    /// What befell its tasks while it was under way; `None`: they ran.
    pub(super) fn words(&self) -> Option<String> {
        let image = names::of_image_in_short(&self.update.to);
        let is_stuck = matches!(self.update.outcome, UpdateOutcome::Superseded | UpdateOutcome::Unfinished);
        match self.fate {
            Fate { ended: 0, ran: true, unplaced: true, .. } if is_stuck => {
                Some(format!("not all tasks of {image} found a suitable node"))
            }
            _ if self.ended_later() => None,
            fate => fate.words(image),
        }
    }
}

impl Fate {
    /// Takes notice of a task as it stands now; `true`: it has ended.
    fn note(&mut self, now: Time, status: Status, desired: TaskState) -> bool {
        self.ran |= status.state == TaskState::Running;
        self.unplaced |= matches!(status.err, Some(TaskError::NoSuitableNode(_) | TaskError::UnsuitableNode(_)));
        if let Some(end) = End::of(status) {
            if desired <= TaskState::Running {
                self.ended += 1;
                self.first.get_or_insert(now);
            } else {
                self.dying += 1;
            }
            self.mixed |= *self.way.get_or_insert(end) != end;
        }
        status.state.is_terminal()
    }

    /// Of both.
    pub(super) fn with(self, other: Fate) -> Fate {
        Fate {
            ran: self.ran || other.ran,
            ended: self.ended + other.ended,
            dying: self.dying + other.dying,
            way: self.way.or(other.way),
            mixed: self.mixed || other.mixed || self.way.zip(other.way).is_some_and(|(one, two)| one != two),
            first: [self.first, other.first].into_iter().flatten().min(),
            unplaced: self.unplaced || other.unplaced,
        }
    }

    /// What befell the tasks of an image or of a service; `None`: they ran.
    pub(super) fn words(self, of: &str) -> Option<String> {
        let ended = self.ended + self.dying;
        let some = format!("{} task{} of {of}", grouped(ended.into()), if ended == 1 { "" } else { "s" });
        match self.way.filter(|_| self.ended > 0) {
            None if self.unplaced && !self.ran => Some(format!("{of} found no suitable node")),
            None => None,
            Some(_) if self.mixed => Some(format!("{some} ended, in several ways")),
            Some(End::Unhealthy) if !self.ran => Some(format!("{of} never became healthy")),
            Some(End::Unhealthy) => Some(format!("{some} became unhealthy")),
            Some(End::Pull) if !self.ran => Some(format!("{of} could not be pulled")),
            Some(End::Pull) => Some(format!("{some} could not pull the image")),
            Some(End::Prepare) => Some(format!("containers of {of} could not be created")),
            Some(End::Start) => Some(format!("containers of {of} could not be started")),
            Some(End::Exit(code)) => Some(format!("{some} exited with code {code}")),
            Some(End::Complete) if ended == 1 => Some(format!("{some} ended by itself")),
            Some(End::Complete) => Some(format!("{some} ended by themselves")),
            Some(End::Failed) => Some(format!("{some} failed")),
            Some(End::Rejected) => Some(format!("{some} ended as rejected")),
        }
    }
}

impl End {
    /// `None`: the task has not ended, or it was ended: by the operator, by Swarm, or with its node.
    fn of(status: Status) -> Option<End> {
        Some(match (status.state, status.err) {
            (TaskState::Complete, _) => End::Complete,
            (_, Some(TaskError::ConstraintsNotMet)) => return None,
            (TaskState::Failed | TaskState::Rejected, Some(TaskError::Unhealthy(_))) => End::Unhealthy,
            (TaskState::Failed | TaskState::Rejected, Some(TaskError::PullFailed)) => End::Pull,
            (TaskState::Failed | TaskState::Rejected, Some(TaskError::PrepareFailed)) => End::Prepare,
            (TaskState::Failed | TaskState::Rejected, Some(TaskError::StartFailed)) => End::Start,
            (TaskState::Failed | TaskState::Rejected, Some(TaskError::Exit(code))) => End::Exit(code),
            (TaskState::Failed, _) => End::Failed,
            (TaskState::Rejected, _) => End::Rejected,
            _ => return None,
        })
    }
}
