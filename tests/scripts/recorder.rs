//! Turns the records of a run into lines.

use std::collections::BTreeMap;

use rollsim::kernel::{IdVec, Time};
use rollsim::model::node::{Leadership, NodeState, Reachability};
use rollsim::model::request::Request;
use rollsim::model::task::{Slot, TaskState};
use rollsim::model::{ServiceId, TaskId};
use rollsim::observe::{Observer, Record, SpecCause, TaskRecord};
use rollsim::sim::Plan;

/// A line, or the beginning of a command.
pub struct Entry {
    pub at: Time,
    pub text: String,
    /// Index of the command that begins here.
    pub command: Option<u32>,
}

/// Collects lines. Tasks wait until the instant or the command is over, so that each is told once.
pub struct Recorder<'p> {
    plan: &'p Plan,
    entries: Vec<Entry>,
    /// Tasks written since the last line, in the order of their first writing.
    written: Vec<(Time, TaskRecord)>,
    /// State and desired state as last told.
    told: BTreeMap<TaskId, (TaskState, TaskState)>,
}

impl<'p> Recorder<'p> {
    pub fn new(plan: &'p Plan) -> Self {
        Recorder { plan, entries: Vec::new(), written: Vec::new(), told: BTreeMap::new() }
    }

    /// All lines, in order.
    pub fn entries(mut self) -> Vec<Entry> {
        self.tell_tasks();
        self.entries
    }

    fn tell_tasks(&mut self) {
        for (at, task) in std::mem::take(&mut self.written) {
            let seen = (task.status.state, task.desired);
            if self.told.insert(task.task, seen) != Some(seen) {
                self.entries.push(Entry { at, text: self.task(&task), command: None });
            }
        }
    }

    fn task(&self, task: &TaskRecord) -> String {
        let service = &self.plan.services[task.service];
        let slot = match task.slot {
            Slot::Replica(number) => number.to_string(),
            Slot::Node(node) => self.plan.nodes[node].name.clone(),
        };
        let (number, image) = (task.task.0, &self.plan.images[task.image].name);
        let error = task.status.err.map_or(String::new(), |error| format!(" ({error})"));
        format!("{service}.{slot} #{number} {image} {}{error}, desired {}", task.status.state, task.desired)
    }

    fn tell(&mut self, at: Time, text: String) {
        self.tell_tasks();
        self.entries.push(Entry { at, text, command: None });
    }
}

impl Observer for Recorder<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        if self.written.first().is_some_and(|(at, _)| *at < now) {
            self.tell_tasks();
        }
        let service = |id: ServiceId| &self.plan.services[id];
        match *record {
            Record::Command { index } => {
                self.tell_tasks();
                self.entries.push(Entry { at: now, text: String::new(), command: Some(index) });
            }
            Record::CommandError { error, .. } => {
                self.tell(
                    now,
                    format!("refused: {}", error.text(|id| &self.plan.services[id], |id| &self.plan.nodes[id].name)),
                );
            }
            Record::Spec { service: id, desired, image, cause: SpecCause::AutomaticRollback, .. } => {
                let image = &self.plan.images[image].name;
                self.tell(now, format!("{} is {desired} of {image} again", service(id)));
            }
            Record::UpdateStatus { service: id, status } => {
                let status = status.map_or("no update status".to_owned(), |status| {
                    format!("{}: {}", status.state.name(), status.message)
                });
                self.tell(now, format!("{} {status}", service(id)));
            }
            Record::Task(task) => match self.written.iter_mut().find(|(_, written)| written.task == task.task) {
                Some((_, written)) => *written = task,
                None => self.written.push((now, task)),
            },
            Record::TaskRemoved { task, service: id } => {
                self.tell(now, format!("{} #{} deleted", service(id), task.0));
            }
            Record::ServiceRemoved { service: id } => self.tell(now, format!("{} removed", service(id))),
            Record::Desired { service: id, desired } => self.tell(now, format!("{} wants {desired}", service(id))),
            Record::Node { node, state, .. } => {
                let state = match state {
                    None => "removed",
                    Some(NodeState::Down) => "down",
                    Some(NodeState::Ready) => "ready",
                    Some(NodeState::Unknown) => "unknown",
                };
                self.tell(now, format!("{} {state}", self.plan.nodes[node].name));
            }
            Record::Leadership(Leadership::Leader(node)) => {
                self.tell(now, format!("{} leads", self.plan.nodes[node].name));
            }
            Record::Leadership(Leadership::NoLeader) => self.tell(now, "no leader".to_owned()),
            Record::Leadership(Leadership::NoQuorum) => self.tell(now, "no quorum".to_owned()),
            Record::Manager { node, reachability } => {
                let known = match reachability {
                    None => "no manager",
                    Some(Reachability::Reachable) => "reachable",
                    Some(Reachability::Unreachable) => "unreachable",
                };
                self.tell(now, format!("{} {known}", self.plan.nodes[node].name));
            }
            Record::Spec { .. }
            | Record::CommandResumed { .. }
            | Record::Updater { .. }
            | Record::Rotation { .. }
            | Record::ProcessEnded { .. } => {}
        }
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}
