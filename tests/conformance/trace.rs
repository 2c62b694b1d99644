//! Events of a trace, recorded or simulated.

use std::collections::BTreeMap;

use rollsim::kernel::{IdVec, Time};
use rollsim::model::request::Request;
use rollsim::model::task::{Slot, TaskState};
use rollsim::model::{NodeId, ServiceId, TaskId};
use rollsim::observe::{Observer, Record, TaskRecord};
use rollsim::sim::Plan;
use serde_json::Value;

/// One event of a trace.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Task {
        at: u64,
        task: u64,
        service: String,
        slot: Option<u64>,
        image: String,
        node: Option<String>,
        state: String,
        desired: String,
    },
    Removed {
        at: u64,
        task: u64,
    },
    Status {
        at: u64,
        service: String,
        state: String,
        message: String,
    },
    Error {
        at: u64,
        action: u64,
        message: String,
    },
}

impl Event {
    /// Reads an event of a recorded trace.
    pub fn read(value: &Value) -> Event {
        let at = value["t_ms"].as_u64().expect("an event has a time");
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let number = |key: &str| value[key].as_u64().unwrap_or_default();
        match value["kind"].as_str() {
            Some("task") => Event::Task {
                at,
                task: number("task"),
                service: text("service"),
                slot: value["slot"].as_u64(),
                image: text("image"),
                node: value["node"].as_str().map(str::to_owned),
                state: text("state"),
                desired: text("desired"),
            },
            Some("task-removed") => Event::Removed { at, task: number("task") },
            Some("update-status") => {
                Event::Status { at, service: text("service"), state: text("state"), message: text("message") }
            }
            Some("action-error") => Event::Error { at, action: number("action"), message: text("message") },
            other => panic!("unknown kind of event {other:?}"),
        }
    }

    /// One line for a person.
    pub fn line(&self) -> String {
        match self {
            Event::Task { at, task, service, slot, image, node, state, desired } => {
                let slot = slot.map_or(String::new(), |slot| format!(".{slot}"));
                let node = node.as_deref().unwrap_or("-");
                format!("{at:>7} {service}{slot} task {task} ({image}) {state}, desired {desired}, on {node}")
            }
            Event::Removed { at, task } => format!("{at:>7} task {task} removed"),
            Event::Status { at, service, state, message } => format!("{at:>7} {service} {state}: {message}"),
            Event::Error { at, action, message } => format!("{at:>7} action {action} refused: {message}"),
        }
    }
}

/// Collects the events of a run as a recorder of swarmkit's store would.
pub struct Recorder<'p> {
    plan: &'p Plan,
    pub events: Vec<Event>,
    last: IdVec<TaskId, Option<(TaskState, TaskState, Option<NodeId>)>>,
    has_status: BTreeMap<ServiceId, bool>,
}

impl<'p> Recorder<'p> {
    pub fn new(plan: &'p Plan) -> Self {
        Recorder { plan, events: Vec::new(), last: IdVec::new(), has_status: BTreeMap::new() }
    }

    fn task(&mut self, at: u64, record: &TaskRecord) {
        let seen = Some((record.status.state, record.desired, record.node));
        let last = self.last.entry(record.task, None);
        if std::mem::replace(last, seen) == seen {
            return;
        }
        let slot = match record.slot {
            Slot::Replica(number) => Some(u64::from(number)),
            Slot::Node(_) => None,
        };
        self.events.push(Event::Task {
            at,
            task: u64::from(record.task.0),
            service: self.plan.services[record.service].clone(),
            slot,
            image: self.plan.images[record.image].name.clone(),
            node: record.node.map(|node| self.plan.nodes[node].name.clone()),
            state: record.status.state.to_string(),
            desired: record.desired.to_string(),
        });
    }
}

impl Observer for Recorder<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        let at = now.as_millis();
        match record {
            Record::Task(task) => self.task(at, task),
            Record::TaskRemoved { task, .. } => self.events.push(Event::Removed { at, task: u64::from(task.0) }),
            Record::UpdateStatus { service, status } => {
                let had_status = self.has_status.insert(*service, status.is_some()).unwrap_or(false);
                let (state, message) = match status {
                    Some(status) => (status.state.name().to_owned(), status.message.to_string()),
                    None if had_status => ("none".to_owned(), String::new()),
                    None => return,
                };
                self.events.push(Event::Status { at, service: self.plan.services[*service].clone(), state, message });
            }
            Record::CommandError { index, error } => {
                let action = u64::from(*index) - self.plan.services.len() as u64;
                let message = error.text(&self.plan.services[error.service()]);
                self.events.push(Event::Error { at, action, message });
            }
            _ => {}
        }
    }

    fn request(&mut self, _request: &Request) {}
    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}
