//! Decisions in words.

use super::super::names::{counted, of_image_in_short, of_slot};
use super::super::story::seconds;
use super::known::Known;
use crate::kernel::{Span, Time};
use crate::model::decision::{
    CreateCause, Decision, DeleteCause, NoRollback, Refusal, RejectCause, RestartCause, SkipCause, StartCause,
    StopCause, Unfit, Verdict,
};
use crate::model::service::{Order, UpdateConfig};
use crate::model::task::{Slot, Status, TaskState};
use crate::model::{NodeId, ServiceId, TaskId, defaults};
use crate::sim::Plan;

/// What was decided, about what, and because of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The task that it is about.
    pub task: Option<TaskId>,
    /// What was decided.
    pub what: String,
    /// The event that led to it, or what the rule asks for; empty where nothing but the chain itself says so.
    pub because: String,
}

/// Speaks of tasks and nodes by their names.
pub(super) struct Speaker<'a> {
    pub plan: &'a Plan,
    pub known: &'a Known,
}

/// A decision in words, with what is known of tasks by then.
pub fn of_decision(plan: &Plan, known: &Known, service: ServiceId, decision: &Decision) -> Words {
    let (what, because) = Speaker { plan, known }.decision(service, decision);
    Words { task: subject(decision), what, because }
}

/// The task that a decision is about.
fn subject(decision: &Decision) -> Option<TaskId> {
    match *decision {
        Decision::Replaces { new: task, .. }
        | Decision::Keeps { task, .. }
        | Decision::SlotDone { task, .. }
        | Decision::Failure { task, .. }
        | Decision::Stops { task, .. }
        | Decision::Starts { task, .. }
        | Decision::Restarts { new: task, .. }
        | Decision::RestartsLater { task, .. }
        | Decision::NotReplaced { task, .. }
        | Decision::Creates { task, .. }
        | Decision::Assigns { task, .. }
        | Decision::Rejects { task, .. }
        | Decision::EndsUnplaced { task }
        | Decision::Deletes { task, .. } => Some(task),
        Decision::UpdateBegins { .. }
        | Decision::NothingToUpdate
        | Decision::UpdateCancelled { .. }
        | Decision::Skips { .. }
        | Decision::LastWatch { .. }
        | Decision::CannotRollBack { .. } => None,
    }
}

impl Speaker<'_> {
    /// What was decided, and because of what.
    fn decision(&self, service: ServiceId, decision: &Decision) -> (String, String) {
        match *decision {
            Decision::UpdateBegins { dirty, slots, workers, ref config, is_rollback, is_follow_up, .. } => (
                update_begins(dirty, slots, workers, config, is_rollback),
                self.out_of_date(service, is_rollback, is_follow_up),
            ),
            Decision::NothingToUpdate => ("nothing is to be updated".to_owned(), self.up_to_date(service)),
            Decision::UpdateCancelled { .. } => {
                let since = self.since(service, " since");
                ("the update in progress ends".to_owned(), format!("the service has another specification{since}"))
            }
            Decision::LastWatch { monitor, .. } => (
                format!("the update watches for failures for a last {monitor}"),
                "all slots that were handed out are done".to_owned(),
            ),
            Decision::CannotRollBack { cause, .. } => {
                ("nothing is rolled back".to_owned(), no_rollback(cause).to_owned())
            }
            Decision::Replaces { run, worker, new, order } => {
                (format!("{} is made, {}", self.task(new), how(order)), self.takes(service, run, worker))
            }
            Decision::Keeps { task, .. } => {
                let because = "it is up to date already; it is not monitored";
                (format!("{} is kept", self.task(task)), because.to_owned())
            }
            Decision::Skips { slot, cause, .. } => {
                let because = self.skip(service, slot, cause);
                (format!("{} is left alone by the update", of_slot(self.plan, service, slot)), because)
            }
            Decision::SlotDone { task, state, delay, .. } => {
                let rests = if delay.is_zero() { String::new() } else { format!("; the worker rests for {delay}") };
                (format!("{} is done{rests}", self.slot(task)), self.came_up(task, state))
            }
            Decision::Failure { task, verdict, .. } => {
                let (what, because) = self.verdict(task, verdict);
                (format!("the end of {} {what}", self.task(task)), because)
            }
            Decision::Stops { task, cause } => self.stop(service, task, cause),
            Decision::Starts { task, cause } => (format!("{} may start", self.task(task)), self.start(task, cause)),
            Decision::Restarts { task, new, cause, delay, waits } => {
                let what = format!("{} is made in its place{}", self.task(new), held_back(delay, waits));
                (what, self.restart(task, cause))
            }
            Decision::RestartsLater { task, cause } => {
                let held = "it is held back, and is replaced when it could have started";
                (format!("{} is replaced later", self.task(task)), format!("{}; {held}", self.restart(task, cause)))
            }
            Decision::NotReplaced { task, cause, refusal: why } => {
                let because = format!("{}, and {}", self.restart(task, cause), refusal(why));
                (format!("{} is not replaced", self.task(task)), because)
            }
            Decision::Creates { task, cause } => {
                (format!("{} is made", self.task(task)), self.create(service, task, cause))
            }
            Decision::Assigns { task, node, is_preassigned } => {
                (format!("{} is put on {}", self.task(task), self.node(node)), chosen(is_preassigned).to_owned())
            }
            Decision::Rejects { task, node, cause } => {
                let because = format!("{} does not meet {} any more", self.node(node), unmet(cause));
                (format!("{} is rejected", self.task(task)), because)
            }
            Decision::EndsUnplaced { task } => (
                format!("{} ends without a node", self.task(task)),
                "no node takes it, and its service has gone on".to_owned(),
            ),
            Decision::Deletes { task, cause } => {
                (format!("{} is forgotten", self.task(task)), deletion(cause).to_owned())
            }
        }
    }

    /// `web.2 task 3 (web:2)`.
    pub fn task(&self, task: TaskId) -> String {
        let Some(row) = self.known.task(task) else { return format!("task {}", task.0) };
        let image = of_image_in_short(&self.plan.images[row.first.image].name);
        format!("{} task {} ({image})", self.slot(task), task.0)
    }

    /// `web.2`.
    pub fn slot(&self, task: TaskId) -> String {
        self.known.task(task).map_or_else(String::new, |row| of_slot(self.plan, row.first.service, row.first.slot))
    }

    pub fn node(&self, node: NodeId) -> &str {
        &self.plan.nodes[node].name
    }

    /// Who leads since after the specification of the service was written.
    fn new_leader(&self, service: ServiceId) -> Option<String> {
        self.known.new_leader(service).map(|leader| self.leader(leader))
    }

    fn leader(&self, (node, since): (NodeId, Time)) -> String {
        format!("{}, which leads since {}", self.node(node), seconds(since))
    }

    /// When the specification of the service was written, after `word`.
    fn since(&self, service: ServiceId, word: &str) -> String {
        self.known.service(service).map_or_else(String::new, |wanted| format!("{word} {}", seconds(wanted.since)))
    }

    /// How many replicas the service wants, and since when.
    fn wants(&self, service: ServiceId) -> String {
        let wanted = self.known.service(service);
        let (desired, since) = (wanted.map_or(0, |wanted| wanted.desired), self.since(service, " since"));
        format!("the service wants {}{since}", counted(desired, "replica"))
    }

    fn removed(&self, service: ServiceId) -> String {
        let at = self.known.service(service).and_then(|wanted| wanted.removed);
        format!("the service was removed{}", at.map_or_else(String::new, |at| format!(" at {}", seconds(at))))
    }

    fn node_of(&self, task: TaskId) -> &str {
        let node = self.known.task(task).and_then(|row| match row.first.slot {
            Slot::Node(node) => Some(node),
            Slot::Replica(_) => row.last.node,
        });
        node.map_or("its node", |node| self.node(node))
    }

    /// Why a worker of an updater takes a slot that is out of date.
    fn takes(&self, service: ServiceId, run: u32, worker: u32) -> String {
        let free = match self.known.slot_before(run, worker) {
            None => "the update has begun".to_owned(),
            Some((slot, Span::ZERO)) => format!("its worker is done with {}", of_slot(self.plan, service, slot)),
            Some((slot, delay)) => {
                format!("its worker has rested for {delay} since {} was done", of_slot(self.plan, service, slot))
            }
        };
        format!("its slot is out of date, and {free}")
    }

    /// Who has shut down the tasks of a slot before an updater came to it.
    fn too_late(&self, service: ServiceId, slot: Slot) -> String {
        match self.known.newest(service, slot) {
            Some(row) if row.is_restart() => {
                let (task, at) = (self.task(row.first.task), seconds(row.made));
                format!("the restart supervisor had made {task} there at {at}")
            }
            _ => "its tasks were to stop already".to_owned(),
        }
    }

    /// Why an updater begins.
    fn out_of_date(&self, service: ServiceId, is_rollback: bool, is_follow_up: bool) -> String {
        if is_follow_up {
            return "they were out of date, or had several tasks, when the update before had ended".to_owned();
        }
        match self.new_leader(service) {
            Some(leader) => format!("{leader}, found them out of date"),
            None => {
                let written = if is_rollback { "brought back" } else { "written" };
                format!("they are not of the specification that was {written}{}", self.since(service, " at"))
            }
        }
    }

    /// Why no updater begins.
    fn up_to_date(&self, service: ServiceId) -> String {
        match self.new_leader(service) {
            Some(leader) => format!("{leader}, found no slot out of date"),
            None => {
                let since = self.since(service, " at");
                format!("the specification that was written{since} leaves no slot out of date")
            }
        }
    }

    /// Why an updater leaves a slot alone.
    fn skip(&self, service: ServiceId, slot: Slot, cause: SkipCause) -> String {
        match cause {
            SkipCause::TooLate => self.too_late(service, slot),
            SkipCause::ServiceRemoved => self.removed(service),
        }
    }

    /// What the worker of an updater has waited for.
    fn came_up(&self, task: TaskId, state: TaskState) -> String {
        let came_up = if state == TaskState::Running { "runs".to_owned() } else { format!("has ended: {state}") };
        format!("{} {came_up}", self.task(task))
    }

    /// What an updater does with the end of a task, and why.
    pub fn verdict(&self, task: TaskId, verdict: Verdict) -> (&'static str, String) {
        let row = self.known.task(task);
        let ran = row.and_then(|row| row.ran).zip(row.and_then(|row| row.ended)).map(|(ran, end)| end.at - ran);
        let ended = ran.map_or("it ended before it ran".to_owned(), |ran| format!("it ended {ran} after it ran"));
        match verdict {
            Verdict::Counts { failures, dirty, ratio, acts } => {
                let (relation, then) = if acts { (">", "") } else { ("is not above", ", so the update goes on") };
                let (share, of) = (f64::from(failures) / f64::from(dirty), counted(dirty, "slot"));
                let sum = format!("{failures} of {of}, {share:.3} {relation} max_failure_ratio {ratio}{then}");
                ("counts", format!("the update made it, and {ended}: {sum}"))
            }
            Verdict::ActionIsContinue => ("is not looked at", "failure_action is continue".to_owned()),
            Verdict::NotMade => ("does not count", "the update had found it up to date and only kept it".to_owned()),
            Verdict::Late { after, monitor } => {
                let seen = if ran == Some(after) { String::new() } else { format!(" and was looked at {after} after") };
                ("does not count", format!("{ended}{seen}, later than the monitor of {monitor}"))
            }
            Verdict::NotYet => {
                let why = "all slots are handed out; until the workers have finished nothing is looked at";
                ("is not looked at yet", why.to_owned())
            }
            Verdict::Over => ("does not count", "the update has been paused or rolled back already".to_owned()),
        }
    }

    fn stop(&self, service: ServiceId, task: TaskId, cause: StopCause) -> (String, String) {
        let what = match cause {
            StopCause::NotRestarted(_) => "is not replaced",
            _ if self.known.task(task).is_none_or(|row| row.ended.is_none()) => "is to stop",
            StopCause::ServiceRemoved | StopCause::ScaledDown => "is to be removed",
            _ => "is not wanted any more",
        };
        (format!("{} {what}", self.task(task)), self.stop_cause(service, task, cause))
    }

    fn stop_cause(&self, service: ServiceId, task: TaskId, cause: StopCause) -> String {
        match cause {
            StopCause::StopFirst => "its slot is updated, stop-first".to_owned(),
            StopCause::StartFirst(new) => format!("{} runs in its place", self.task(new)),
            StopCause::Kept(kept) => format!("{} has its slot, and is up to date", self.task(kept)),
            StopCause::ScaledDown => self.wants(service),
            StopCause::ServiceRemoved => self.removed(service),
            StopCause::NodeUnfit(why) | StopCause::NodeInvalid(why) => {
                format!("{} {}", self.node_of(task), misfit(why))
            }
            StopCause::NotRestarted(why) => format!("it has ended, and {} {}", self.node_of(task), misfit(why)),
            StopCause::Outdated => format!("{} has changed, and it is out of date there", self.node_of(task)),
            StopCause::Surplus => format!("{} has changed, and another there is up to date too", self.node_of(task)),
        }
    }

    fn create(&self, service: ServiceId, task: TaskId, cause: CreateCause) -> String {
        match cause {
            CreateCause::Replica => format!("{}, and has fewer", self.wants(service)),
            CreateCause::DeadSlot => "its slot had ended for good, and the service is rolled back".to_owned(),
            CreateCause::OnNode => format!("the service is global, and has none on {}", self.node_of(task)),
            CreateCause::NodeChanged => {
                format!("{} has changed, and has no task of the service that is up to date", self.node_of(task))
            }
        }
    }

    fn start(&self, task: TaskId, cause: StartCause) -> String {
        match cause {
            StartCause::AtOnce => "there is nothing to wait for".to_owned(),
            StartCause::DelayOver => {
                let delay = self.known.task(task).map_or(Span::ZERO, |row| row.delay);
                format!("its delay of {delay} is over")
            }
            StartCause::Stopped(old) => {
                let end = self.known.task(old).and_then(|row| row.ended);
                let at = end.map_or_else(String::new, |end| format!(" at {}", seconds(end.at)));
                format!("{} has stopped{at}", self.task(old))
            }
            StartCause::NodeGone(node) => format!("{}, where the task before it was, is down or gone", self.node(node)),
            StartCause::Timeout => format!("the task before it has not stopped within {}", defaults::OLD_TASK_TIMEOUT),
            StartCause::NewLeader => {
                let leader = self.known.leader().map_or_else(|| "a new leader".to_owned(), |of| self.leader(of));
                format!("{leader}, found its delay over")
            }
        }
    }

    fn restart(&self, task: TaskId, cause: RestartCause) -> String {
        let of = self.task(task);
        match cause {
            RestartCause::Ended(_) => {
                let status = self.known.task(task).map(|row| row.last.status);
                format!("{of} has ended: {}", status.map_or_else(String::new, ended))
            }
            RestartCause::Drained(node) => format!("{of} is on {}, which is drained", self.node(node)),
            RestartCause::NodeDown(node) => format!("{of} is on {}, which is down", self.node(node)),
            RestartCause::NodeCameBack => format!("the node of {of} was down or drained while it was held back"),
        }
    }
}

/// How a task has ended: `failed: task: non-zero exit (1)`.
pub(super) fn ended(status: Status) -> String {
    match status.err {
        Some(err) => format!("{}: {err}", status.state),
        None => status.state.to_string(),
    }
}

/// What an updater sets out to do.
fn update_begins(dirty: u32, slots: u32, workers: u32, config: &UpdateConfig, is_rollback: bool) -> String {
    let kind = if is_rollback { "the rollback" } else { "the update" };
    let UpdateConfig { order, delay, monitor, failure_action, max_failure_ratio, .. } = config;
    format!(
        "{kind} begins with {dirty} of {}: {} at a time, {}, delay {delay}, monitor {}, failure_action {}, \
         max_failure_ratio {max_failure_ratio}",
        counted(slots, "slot"),
        counted(workers, "slot"),
        order.name(),
        monitor.unwrap_or(defaults::MONITOR),
        failure_action.name(),
    )
}

/// Why nothing comes of a rollback.
pub(super) fn no_rollback(cause: NoRollback) -> &'static str {
    match cause {
        NoRollback::NoPrevious => "there is no previous specification",
        NoRollback::StatusCleared => "an operator wrote the service meanwhile, which cleared the update status",
        NoRollback::ServiceRemoved => "the service was removed",
    }
}

/// What comes first in a slot.
fn how(order: Order) -> String {
    let first = match order {
        Order::StopFirst => "it starts when the old one has stopped",
        Order::StartFirst => "the old one stops when it runs",
    };
    format!("{}: {first}", order.name())
}

/// For how long the restart supervisor holds a task back.
fn held_back(delay: Span, waits: bool) -> String {
    match (delay.is_zero(), waits) {
        (true, false) => String::new(),
        (true, true) => ", to start when the old one has stopped".to_owned(),
        (false, false) => format!(", to start in {delay}"),
        (false, true) => format!(", to start in {delay} when the old one has stopped"),
    }
}

/// Why a task comes to its node.
fn chosen(is_preassigned: bool) -> &'static str {
    match is_preassigned {
        true => "the node takes it, and its service is global",
        false => "it comes first of the nodes that take it",
    }
}

/// What a node does not meet any more.
fn unmet(cause: RejectCause) -> &'static str {
    match cause {
        RejectCause::Constraints => "the constraints of its service",
        RejectCause::Reservations => "its reservations",
    }
}

/// Why a node does not suit a global service.
fn misfit(why: Unfit) -> &'static str {
    match why {
        Unfit::Gone => "is gone",
        Unfit::Down => "is down",
        Unfit::Drained => "is drained",
        Unfit::Paused => "is paused",
        Unfit::Constraints => "does not meet the constraints of the service",
    }
}

/// Why a task is not replaced.
fn refusal(cause: Refusal) -> String {
    match cause {
        Refusal::Never => "its restart condition is none".to_owned(),
        Refusal::NoFailure => "it did not fail, and its restart condition is on-failure".to_owned(),
        Refusal::AttemptsUsed(attempts) => format!("its max_attempts of {attempts} are used up"),
    }
}

/// Why a task is deleted.
fn deletion(cause: DeleteCause) -> &'static str {
    match cause {
        DeleteCause::History => "there are more tasks in its slot than are kept",
        DeleteCause::Removed => "it was to be removed, and has stopped",
        DeleteCause::DeadSlot => "its slot is not in use",
        DeleteCause::ServiceGone => "its service is gone",
        DeleteCause::NodeGone => "its node is gone",
    }
}
