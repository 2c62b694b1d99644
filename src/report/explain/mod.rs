//! Why things happened: the decisions of the managers, each with the event that led to it and the rule by which it was taken.

mod chain;
mod rollback;
mod waits;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::{IdVec, Time};
use crate::model::decision::Decision;
use crate::model::node::{Leadership, NodeState};
use crate::model::request::Request;
use crate::model::task::{Slot, Status, TaskState};
use crate::model::update::{CommandError, UpdateStatus};
use crate::model::{NodeId, ServiceId, TaskId};
use crate::observe::{Observer, Record, SpecCause, TaskRecord};
use crate::sim::Plan;

pub use words::{Words, of_decision};

/// Collects what a run must tell to be explained.
#[derive(Clone, Debug)]
pub struct Explain<'p> {
    plan: &'p Plan,
    events: Vec<(Time, Event)>,
    tasks: Tasks,
    /// Nodes that have not always been ready, as they are now.
    nodes: BTreeMap<NodeId, Option<NodeState>>,
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
    /// A specification was written.
    Spec(ServiceId, SpecCause),
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

/// What is known of tasks, so that one can be spoken of.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    rows: IdVec<TaskId, Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    /// As it was created.
    first: TaskRecord,
    /// As it is now.
    last: TaskRecord,
    /// Since when it is in its state.
    since: Time,
    /// When it reached RUNNING.
    ran: Option<Time>,
    ended: Option<End>,
}

/// The end of a task.
#[derive(Clone, Copy, Debug)]
struct End {
    at: Time,
    status: Status,
    /// Whether nobody had asked for it.
    by_itself: bool,
}

impl<'p> Explain<'p> {
    /// For a run of this plan.
    pub fn new(plan: &'p Plan) -> Explain<'p> {
        Explain { plan, events: Vec::new(), tasks: Tasks::default(), nodes: BTreeMap::new() }
    }

    /// The slots in which a service had tasks.
    pub fn slots(&self, service: ServiceId) -> BTreeSet<Slot> {
        let of_service = self.tasks.rows.values().filter(|row| row.first.service == service);
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

impl Tasks {
    /// Takes notice of a task; whether it is new or more has changed than what is desired of it.
    pub fn note(&mut self, now: Time, record: &TaskRecord) -> bool {
        let is_new = self.rows.get(record.task).is_none();
        let row =
            self.rows.entry(record.task, Row { first: *record, last: *record, since: now, ran: None, ended: None });
        let (before, status) = (row.last.status, record.status);
        row.last = *record;
        if before.state != status.state {
            row.since = now;
        }
        if status.state == TaskState::Running {
            row.ran.get_or_insert(now);
        }
        if status.state.is_terminal() && row.ended.is_none() {
            row.ended = Some(End { at: now, status, by_itself: record.desired <= TaskState::Running });
        }
        is_new || (before.state, before.err) != (status.state, status.err)
    }

    fn get(&self, task: TaskId) -> Option<&Row> {
        self.rows.get(task)
    }
}

impl Observer for Explain<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        let event = match *record {
            Record::Command { index } => Event::Command(index),
            Record::CommandError { error, .. } => Event::Refused(error),
            Record::Spec { service, cause, .. } => Event::Spec(service, cause),
            Record::UpdateStatus { service, status } => Event::Status(service, status),
            Record::Updater { run, begins: false, .. } => Event::UpdaterEnds(run),
            Record::Task(ref task) if self.tasks.note(now, task) => Event::Task(*task),
            Record::Node { node, state, .. } => {
                match self.nodes.insert(node, state).unwrap_or(Some(NodeState::Ready)) {
                    before if before == state => return,
                    before => Event::Node(node, before, state),
                }
            }
            Record::Leadership(leadership) => Event::Leadership(leadership),
            Record::ServiceRemoved { service } => Event::ServiceRemoved(service),
            Record::Task(_)
            | Record::CommandResumed { .. }
            | Record::Updater { .. }
            | Record::Desired { .. }
            | Record::Manager { .. }
            | Record::TaskRemoved { .. }
            | Record::ProcessEnded { .. }
            | Record::Rotation { .. } => return,
        };
        self.events.push((now, event));
    }

    fn decision(&mut self, now: Time, service: ServiceId, decision: &Decision) {
        // An updater looks at every write to a task that has ended, and finds the same again.
        if let Decision::Failure { task, verdict, .. } = decision {
            let of_now = self.events.iter().rev().take_while(|(at, _)| *at == now);
            let is_same = |event: &Event| match event {
                Event::Decision(_, Decision::Failure { task: of, verdict: known, .. }) => {
                    (of, known) == (task, verdict)
                }
                _ => false,
            };
            if of_now.into_iter().any(|(_, event)| is_same(event)) {
                return;
            }
        }
        self.events.push((now, Event::Decision(service, *decision)));
    }

    fn wants_decisions(&self) -> bool {
        true
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}
