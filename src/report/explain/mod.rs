//! Why things happened: the decisions of the managers, each with the event that led to it and the rule by which it was taken.

mod chain;
mod known;
mod rollback;
mod waits;
mod words;

use std::collections::BTreeSet;

use crate::kernel::{IdVec, Time};
use crate::model::decision::Decision;
use crate::model::node::{Leadership, NodeState};
use crate::model::request::Request;
use crate::model::task::Slot;
use crate::model::update::{CommandError, UpdateStatus};
use crate::model::{NodeId, ServiceId};
use crate::observe::{Observer, Record, SpecCause, TaskRecord};
use crate::sim::Plan;

pub use known::Known;
pub use words::{Words, of_decision};

/// Collects what a run must tell to be explained.
#[derive(Clone, Debug)]
pub struct Explain<'p> {
    plan: &'p Plan,
    events: Vec<(Time, Event)>,
    /// What is known at the end.
    known: Known,
}

/// What to explain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope {
    /// Only this service.
    pub service: Option<ServiceId>,
    /// Only this slot of it.
    pub slot: Option<Slot>,
    /// Only from the first to the second.
    pub between: Option<(Time, Time)>,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Command(u32),
    Refused(CommandError),
    /// A specification was written, which wants so many tasks.
    Spec {
        service: ServiceId,
        desired: u32,
        cause: SpecCause,
    },
    /// An update status was written; `None`: cleared.
    Status(ServiceId, Option<UpdateStatus>),
    Decision(ServiceId, Decision),
    /// An updater has ended.
    UpdaterEnds(u32),
    /// A task is there, or its state or its error has changed.
    Task(TaskRecord),
    /// The state of a node has changed, from one to another; `None`: it is no member of the cluster.
    Node(NodeId, Option<NodeState>, Option<NodeState>),
    Leadership(Leadership),
    ServiceRemoved(ServiceId),
}

impl Event {
    /// The service that it befalls, if it is a matter of one.
    fn service(&self) -> Option<ServiceId> {
        match *self {
            Event::Spec { service, .. }
            | Event::Status(service, _)
            | Event::Decision(service, _)
            | Event::ServiceRemoved(service) => Some(service),
            Event::Task(ref task) => Some(task.service),
            Event::Command(_) | Event::Refused(_) | Event::UpdaterEnds(_) | Event::Node(..) | Event::Leadership(_) => {
                None
            }
        }
    }
}

impl<'p> Explain<'p> {
    /// For a run of this plan.
    pub fn new(plan: &'p Plan) -> Explain<'p> {
        Explain { plan, events: Vec::new(), known: Known::default() }
    }

    /// The slots in which a service had tasks.
    pub fn slots(&self, service: ServiceId) -> BTreeSet<Slot> {
        let of_service = self.known.tasks.values().filter(|row| row.first.service == service);
        of_service.map(|row| row.first.slot).collect()
    }

    /// What was decided and why, in order of time, and what an update waits for at the end.
    pub fn chain(&self, scope: &Scope, end: Time) -> String {
        chain::text(self, scope, end)
    }

    /// Why services were not rolled back, or that they were.
    pub fn why_no_rollback(&self, service: Option<ServiceId>, end: Time) -> String {
        rollback::text(self, service, end)
    }
}

impl Observer for Explain<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        if let Some(event) = self.known.event(now, record) {
            self.events.push((now, event));
        }
    }

    fn decision(&mut self, now: Time, service: ServiceId, decision: &Decision) {
        // An updater looks at every write to a task that has ended, and finds the same again.
        if let Decision::Failure { task, verdict, .. } = decision {
            let mut of_now = self.events.iter().rev().take_while(|(at, _)| *at == now).map(|(_, event)| event);
            let is_same = |event: &Event| match event {
                Event::Decision(_, Decision::Failure { task: of, verdict: known, .. }) => {
                    (of, known) == (task, verdict)
                }
                _ => false,
            };
            if of_now.any(is_same) {
                return;
            }
        }
        self.known.decision(decision);
        self.events.push((now, Event::Decision(service, *decision)));
    }

    fn wants_decisions(&self) -> bool {
        true
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}
