//! What is known of a run by an instant, so that what is decided can be told with the event before it.

use std::collections::BTreeMap;

use super::Event;
use crate::kernel::{IdVec, Span, Time};
use crate::model::decision::Decision;
use crate::model::node::{Leadership, NodeState};
use crate::model::task::{Creation, Creator, Slot, Status, TaskState};
use crate::model::{NodeId, ServiceId, TaskId};
use crate::observe::{Record, TaskRecord};

/// What is known of a run so far.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub(super) tasks: IdVec<TaskId, Row>,
    services: BTreeMap<ServiceId, Wanted>,
    /// Nodes that have not always been ready, as they are now.
    nodes: BTreeMap<NodeId, Option<NodeState>>,
    /// Who took the lead last, and when.
    leader: Option<(NodeId, Time)>,
    updaters: BTreeMap<u32, Updater>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// As it was created, and when.
    pub first: TaskRecord,
    pub made: Time,
    /// As it is now.
    pub last: TaskRecord,
    /// Since when it is in its state.
    pub since: Time,
    /// When it reached RUNNING.
    pub ran: Option<Time>,
    pub ended: Option<End>,
    /// For how long the restart supervisor holds it back at least.
    pub delay: Span,
}

/// The end of a task.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub at: Time,
    pub status: Status,
    /// Whether nobody had asked for it.
    pub by_itself: bool,
}

/// What a service is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Tasks that it wants.
    pub desired: u32,
    /// When its specification was written.
    pub since: Time,
    /// When it was removed.
    pub removed: Option<Time>,
}

#[derive(Clone, Debug)]
struct Updater {
    delay: Span,
    /// The slot that each of its workers had last.
    last_slots: BTreeMap<u32, Slot>,
}

impl Known {
    /// Takes notice of a record.
    pub fn record(&mut self, now: Time, record: &Record) {
        _ = self.event(now, record);
    }

    /// Takes notice of a decision.
    pub fn decision(&mut self, decision: &Decision) {
        match *decision {
            Decision::UpdateBegins { run, config, .. } => {
                self.updaters.insert(run, Updater { delay: config.delay, last_slots: BTreeMap::new() });
            }
            Decision::Skips { run, worker, slot, .. } => self.note_slot(run, worker, Some(slot)),
            Decision::Keeps { run, worker, task } | Decision::SlotDone { run, worker, task, .. } => {
                self.note_slot(run, worker, self.task(task).map(|row| row.first.slot));
            }
            Decision::Restarts { new, delay, .. } => {
                if let Some(row) = self.tasks.get_mut(new) {
                    row.delay = delay;
                }
            }
            _ => {}
        }
    }

    /// Takes notice of a record, and makes an event of it if it tells anything new that explanations speak of.
    pub(super) fn event(&mut self, now: Time, record: &Record) -> Option<Event> {
        let event = match *record {
            Record::Command { index } => Event::Command(index),
            Record::CommandError { error, .. } => Event::Refused(error),
            Record::Spec { service, desired, cause, .. } => Event::Spec { service, desired, cause },
            Record::UpdateStatus { service, status } => Event::Status(service, status),
            Record::Updater { run, begins: false, .. } => Event::UpdaterEnds(run),
            Record::Task(task) => Event::Task(task),
            Record::Node { node, state, .. } => {
                Event::Node(node, self.nodes.get(&node).copied().unwrap_or(Some(NodeState::Ready)), state)
            }
            Record::Leadership(leadership) => Event::Leadership(leadership),
            Record::ServiceRemoved { service } => Event::ServiceRemoved(service),
            Record::CommandResumed { .. }
            | Record::Updater { .. }
            | Record::Desired { .. }
            | Record::Manager { .. }
            | Record::TaskRemoved { .. }
            | Record::ProcessEnded { .. }
            | Record::Rotation { .. } => return None,
        };
        self.note(now, &event).then_some(event)
    }

    /// Takes notice of an event; whether it tells anything new.
    pub(super) fn note(&mut self, now: Time, event: &Event) -> bool {
        match *event {
            Event::Task(ref task) => return self.note_task(now, task),
            Event::Node(node, before, state) => {
                self.nodes.insert(node, state);
                return before != state;
            }
            Event::Spec { service, desired, .. } => {
                self.services.insert(service, Wanted { desired, since: now, removed: None });
            }
            Event::ServiceRemoved(service) => {
                if let Some(wanted) = self.services.get_mut(&service) {
                    wanted.removed = Some(now);
                }
            }
            Event::Leadership(Leadership::Leader(node)) => self.leader = Some((node, now)),
            Event::Decision(_, ref decision) => self.decision(decision),
            Event::Leadership(_)
            | Event::Command(_)
            | Event::Refused(_)
            | Event::Status(..)
            | Event::UpdaterEnds(_) => {}
        }
        true
    }

    /// Takes notice of a task; whether it is new or more has changed than what is desired of it.
    fn note_task(&mut self, now: Time, record: &TaskRecord) -> bool {
        let is_new = self.tasks.get(record.task).is_none();
        let (first, last, delay) = (*record, *record, Span::ZERO);
        let row = Row { first, made: now, last, since: now, ran: None, ended: None, delay };
        let row = self.tasks.entry(record.task, row);
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

    fn note_slot(&mut self, run: u32, worker: u32, slot: Option<Slot>) {
        if let (Some(updater), Some(slot)) = (self.updaters.get_mut(&run), slot) {
            updater.last_slots.insert(worker, slot);
        }
    }

    pub(super) fn task(&self, task: TaskId) -> Option<&Row> {
        self.tasks.get(task)
    }

    pub(super) fn service(&self, service: ServiceId) -> Option<Wanted> {
        self.services.get(&service).copied()
    }

    /// Who leads, and since when, if that is not so since before the specification of the service was written.
    pub(super) fn new_leader(&self, service: ServiceId) -> Option<(NodeId, Time)> {
        let wanted = self.service(service)?;
        self.leader.filter(|(_, since)| *since > wanted.since)
    }

    /// Who leads, and since when, if others led before.
    pub(super) fn leader(&self) -> Option<(NodeId, Time)> {
        self.leader
    }

    /// The slot that a worker of an updater had before, if any, and how long it rested then.
    pub(super) fn slot_before(&self, run: u32, worker: u32) -> Option<(Slot, Span)> {
        let updater = self.updaters.get(&run)?;
        updater.last_slots.get(&worker).map(|slot| (*slot, updater.delay))
    }

    /// The newest task of a slot.
    pub(super) fn newest(&self, service: ServiceId, slot: Slot) -> Option<&Row> {
        let is_there = |row: &&Row| row.first.service == service && row.first.slot == slot;
        self.tasks.values().rfind(is_there)
    }
}

impl Row {
    /// Whether the restart supervisor made it.
    pub fn is_restart(&self) -> bool {
        matches!(self.first.created, Some(Creation { by: Creator::RestartSupervisor, .. }))
    }
}
