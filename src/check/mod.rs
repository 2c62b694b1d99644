//! Swarm's promises, verified from outside.
//!
//! [`Promises`] looks on at a run and notes each promise that is broken. It knows the plan and the records, and nothing that the
//! managers keep for themselves: what a filter forbids or which slots are live it works out anew. Where Swarm itself makes an
//! exception, so does the promise, and names the rule.

#[cfg(test)]
mod fixture;
mod placement;
mod requests;
mod slots;
mod states;
mod updates;
mod view;

use std::fmt;

use view::View;

use crate::kernel::{IdVec, Time};
use crate::model::request::Request;
use crate::model::task::Slot;
use crate::model::{ServiceId, TaskId};
use crate::observe::{Observer, Record, Shift};
use crate::sim::Plan;

/// Something that holds in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// A task is created once, in order, and keeps its slot and its node; what is observed and desired of it never goes back, and
    /// nothing is written of it once it was deleted.
    StatesNeverGoBack,
    /// An update status follows only those that it can follow.
    StatusesFollow,
    /// An updater has at most `parallelism` slots in work, the rest of `delay` after each included. What orchestrators and the
    /// restart supervisor create is outside (O6, R4, U48).
    Parallelism,
    /// When a rollback has completed, each slot that its updater replaced holds the restored specification. While a follow-up run
    /// works (U47), or when one was stopped by a failure, it need not.
    RolledBack,
    /// A replicated service has as many live slots as replicas. While a slot is dead by its restart policy, or holds tasks that are
    /// not to be restarted when they have stopped, it need not (O3); nor, when such a slot is gone, until the next reconcile, which
    /// its going does not cause (O2).
    LiveSlots,
    /// A task is assigned only to a node that passes all its filters at that instant, whatever is desired of it (S4).
    Filters,
    /// A drained node has no task left once 60 s and the time to stop have passed. A node that is down or does not run is not heard
    /// of (N18), and without a leader nothing is decided (Q6).
    DrainedIsEmpty,
    /// A request is answered by a task of its service and image, before its process has ended.
    Rotation,
    /// No request goes to a task after its entry node has removed it. A client that keeps the address behind a name asks no entry
    /// (data-plane rule 80), and a connection that is kept lasts until its load balancer has forgotten the task (rules 69, 84).
    Entry,
}

impl Promise {
    /// In one sentence, with the rules that it rests on.
    pub const fn text(self) -> &'static str {
        match self {
            Promise::StatesNeverGoBack => "states never go back (control-plane M2, M11)",
            Promise::StatusesFollow => "an update status follows those that it can follow (control-plane U34)",
            Promise::Parallelism => "at most `parallelism` workers of an updater hold a slot (control-plane U10, U16)",
            Promise::RolledBack => {
                "what a completed rollback replaced holds the restored specification (control-plane U33)"
            }
            Promise::LiveSlots => "live slots equal replicas (control-plane O4)",
            Promise::Filters => "no task is assigned to a node that its filters forbid (control-plane 12.2)",
            Promise::DrainedIsEmpty => "a drained node is empty after stop time and 60 s (control-plane O17, R14)",
            Promise::Rotation => {
                "tasks enter and leave rotation in turn, and answer while their process is there (data-plane rules 63 to 66)"
            }
            Promise::Entry => {
                "no request goes to a task after its entry node has removed it (data-plane rules 64, 65, 67)"
            }
        }
    }
}

/// A promise that was broken.
#[derive(Clone, Debug)]
pub struct Broken {
    /// When.
    pub at: Time,
    /// Which.
    pub promise: Promise,
    /// Whose it was, and what was seen.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; but {}", self.at.since_start(), self.what, self.promise.text())
    }
}

/// Looks on at a run and notes what was broken.
pub struct Promises<'p> {
    view: View<'p>,
    findings: Findings,
    placement: placement::Placement,
    requests: requests::Rotations,
    slots: slots::Slots,
    updates: updates::Updates,
}

/// What was broken until now, and when now is.
#[derive(Default)]
struct Findings {
    now: Time,
    broken: Vec<Broken>,
}

impl Findings {
    /// Notes that the promise was broken, unless it holds.
    fn expect(&mut self, promise: Promise, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(Broken { at: self.now, promise, what: what() });
        }
    }
}

impl<'p> Promises<'p> {
    /// An onlooker at a run of `plan`.
    pub fn new(plan: &'p Plan) -> Promises<'p> {
        Promises {
            view: View::new(plan),
            findings: Findings::default(),
            placement: placement::Placement::default(),
            requests: requests::Rotations::default(),
            slots: slots::Slots::new(plan.services.len()),
            updates: updates::Updates::new(plan.services.len()),
        }
    }

    /// What was broken, in order.
    pub fn broken(&self) -> &[Broken] {
        &self.findings.broken
    }

    /// Makes sure that every promise was kept.
    ///
    /// # Panics
    /// With all promises that were broken.
    pub fn assert_kept(&self) {
        let lines: Vec<String> = self.broken().iter().map(Broken::to_string).collect();
        assert!(lines.is_empty(), "the run broke what Swarm promises:\n{}", lines.join("\n"));
    }
}

impl Observer for Promises<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        (self.view.now, self.findings.now) = (now, now);
        states::before(&self.view, record, &mut self.findings);
        self.placement.before(&self.view, record);
        self.updates.before(&self.view, record, &mut self.findings);
        self.view.apply(record);
        self.placement.after(&self.view, &mut self.findings);
        self.slots.after(&self.view, record);
        self.requests.record(&self.view, record, &mut self.findings);
    }

    fn shift(&mut self, now: Time, shift: &Shift) {
        self.requests.shift(now, shift);
    }

    fn request(&mut self, request: &Request) {
        self.requests.request(&self.view, request, &mut self.findings);
    }

    fn instant(&mut self, now: Time, _in_flight: &IdVec<ServiceId, u32>) {
        (self.view.now, self.findings.now) = (now, now);
        self.placement.instant(&self.view, &mut self.findings);
        if self.view.has_leader() {
            self.slots.instant(&self.view, &mut self.findings);
            self.updates.instant(&self.view, &mut self.findings);
        }
    }
}

/// The task as a reader would look for it.
fn task_name(view: &View<'_>, task: TaskId) -> String {
    let Some(row) = view.tasks.get(task) else { return format!("task {}", task.0) };
    format!("{} task {}", slot_name(view, row.record.service, row.record.slot), task.0)
}

/// The slot as a reader would look for it.
fn slot_name(view: &View<'_>, service: ServiceId, slot: Slot) -> String {
    let service = &view.plan.services[service];
    match slot {
        Slot::Replica(number) => format!("{service}.{number}"),
        Slot::Node(node) => format!("{service}.{}", view.plan.nodes[node].name),
    }
}
