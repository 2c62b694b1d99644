//! `trace.json`: the run in Chrome's trace-event form, which ui.perfetto.dev shows.
//!
//! A process stands for a node and a thread for a slot on it; tasks that overlap have threads of their own, for the spans of one
//! thread must nest. In the span of a task lie those of its states. Arrows lead from a task to the one that replaces it. Commands
//! and update statuses are shown by a process of the managers, numbers over time by one for each service. Times are whole
//! microseconds.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::lanes::{Mark, MarkKind};
use super::names::{of_image_in_short, of_slot};
use crate::kernel::id::Id;
use crate::kernel::{IdVec, Span, Time};
use crate::metrics::request_series::RequestBins;
use crate::metrics::task_log::TaskChange;
use crate::metrics::timeline::Row;
use crate::model::request::RequestOutcome;
use crate::model::task::{Creator, Slot, TaskState};
use crate::model::update::UpdateState;
use crate::model::{NodeId, ServiceId, TaskId};
use crate::observe::TaskRecord;
use crate::sim::Plan;

/// Process of the managers.
const MANAGERS: usize = 1;
/// Process of tasks that never got a node.
const NOWHERE: usize = 2;
/// Thread of the operator's commands; the update status of a service has the thread behind it that the service's number says.
const OPERATOR: usize = 1;

/// What a trace is made of.
#[derive(Clone, Copy, Debug)]
pub struct TraceData<'a> {
    /// The plan of the run.
    pub plan: &'a Plan,
    /// Last instant of the run.
    pub end: Time,
    /// Changes of tasks, in order.
    pub tasks: &'a [TaskChange],
    /// Rows over time.
    pub rows: &'a [Row],
    /// Requests over time.
    pub requests: &'a RequestBins,
    /// Commands and update statuses, in order.
    pub marks: &'a [Mark],
}

/// A task from its creation to its end.
struct Life {
    first: TaskRecord,
    from: Time,
    to: Time,
    /// Its node, once it had one.
    node: Option<NodeId>,
    /// States with their beginnings, none as long as the one before; the last one has ended the task, unless it lasts.
    states: Vec<(Time, TaskRecord)>,
    /// Process and thread.
    place: (usize, usize),
}

/// The text of `trace.json`.
pub fn json(data: &TraceData<'_>) -> String {
    let mut trace = Trace { data, events: Vec::new() };
    let lives = trace.lives();
    trace.name_processes();
    trace.commands_and_statuses();
    for (id, life) in lives.iter() {
        trace.life(id, life);
    }
    trace.arrows(&lives);
    trace.counters();
    let other = json!({"scenario": data.plan.name, "seed": data.plan.seed, "rollsim": env!("CARGO_PKG_VERSION")});
    let events = trace.events.join(",\n");
    format!("{{\"displayTimeUnit\":\"ms\",\"otherData\":{other},\"traceEvents\":[\n{events}\n]}}\n")
}

struct Trace<'a> {
    data: &'a TraceData<'a>,
    /// Each as text.
    events: Vec<String>,
}

impl Trace<'_> {
    fn push(&mut self, event: &Value) {
        self.events.push(event.to_string());
    }

    /// What became of each task, with threads that are handed out in order of creation.
    fn lives(&mut self) -> IdVec<TaskId, Life> {
        let mut lives: IdVec<TaskId, Life> = IdVec::new();
        for TaskChange { at, task, removed } in self.data.tasks {
            if task.task.index() == lives.len() {
                let (states, to) = (vec![(*at, *task)], self.data.end);
                lives.push(Life { first: *task, from: *at, to, node: task.node, states, place: (NOWHERE, 0) });
                continue;
            }
            let life = &mut lives[task.task];
            if life.to < self.data.end || life.has_ended() {
                continue;
            }
            life.node = life.node.or(task.node);
            if *removed || task.status.state.is_terminal() {
                life.to = *at;
            }
            let (_, last) = life.states[life.states.len() - 1];
            if (last.status.state, is_stopping(&last)) != (task.status.state, is_stopping(task)) {
                life.states.push((*at, *task));
            }
        }
        self.place(&mut lives);
        lives
    }

    /// Gives every task the first thread of its slot on its node that is free, and names the threads.
    fn place(&mut self, lives: &mut IdVec<TaskId, Life>) {
        // The threads of a slot: until when each is taken, and by which tasks.
        type Taken = Vec<(Time, Vec<TaskId>)>;
        let mut threads: BTreeMap<(usize, ServiceId, Slot), Taken> = BTreeMap::new();
        for (id, life) in lives.iter() {
            let process = life.node.map_or(NOWHERE, process);
            let taken = threads.entry((process, life.first.service, life.first.slot)).or_default();
            match taken.iter_mut().find(|(until, _)| *until <= life.from) {
                Some((until, tasks)) => {
                    *until = life.to;
                    tasks.push(id);
                }
                None => taken.push((life.to, vec![id])),
            }
        }
        let mut thread = 0;
        for ((process, service, slot), taken) in threads {
            let name = of_slot(self.data.plan, service, slot);
            for (number, (_, tasks)) in taken.into_iter().enumerate() {
                thread += 1;
                let name = if number == 0 { name.clone() } else { format!("{name} ({})", number + 1) };
                self.name_thread(process, thread, &name);
                tasks.into_iter().for_each(|task| lives[task].place = (process, thread));
            }
        }
    }

    fn name_processes(&mut self) {
        let plan = self.data.plan;
        let nodes = plan.nodes.iter().map(|(id, node)| (process(id), format!("node {}", node.name)));
        let services = plan.services.iter().map(|(id, name)| (self.counters_of(id), format!("service {name}")));
        let managers = [(MANAGERS, "managers".to_owned()), (NOWHERE, "tasks without a node".to_owned())];
        for (process, name) in managers.into_iter().chain(nodes).chain(services).collect::<Vec<_>>() {
            self.push(&json!({"ph": "M", "name": "process_name", "pid": process, "args": {"name": name}}));
            let sort_index = json!({"sort_index": process});
            self.push(&json!({"ph": "M", "name": "process_sort_index", "pid": process, "args": sort_index}));
        }
        self.name_thread(MANAGERS, OPERATOR, "operator");
        for (id, name) in plan.services.iter() {
            self.name_thread(MANAGERS, status_thread(id), &format!("{name} update status"));
        }
    }

    fn name_thread(&mut self, process: usize, thread: usize, name: &str) {
        let of =
            |kind: &str, args: Value| json!({"ph": "M", "name": kind, "pid": process, "tid": thread, "args": args});
        self.push(&of("thread_name", json!({"name": name})));
        self.push(&of("thread_sort_index", json!({"sort_index": thread})));
    }

    fn commands_and_statuses(&mut self) {
        let mut open: IdVec<ServiceId, Option<(Time, UpdateState)>> =
            IdVec::filled(self.data.plan.services.len(), None);
        for Mark { at, kind } in self.data.marks {
            match *kind {
                MarkKind::Command(index) => {
                    let line = &self.data.plan.commands[index as usize].line;
                    if !line.is_empty() {
                        self.instant(line, *at, (MANAGERS, OPERATOR), "g");
                    }
                }
                MarkKind::Node(..) => {}
                MarkKind::Status(service, state) => {
                    if let Some((from, before)) = open[service].replace((*at, state)) {
                        self.span(before.name(), from, *at, (MANAGERS, status_thread(service)), None);
                    }
                    self.instant(state.name(), *at, (MANAGERS, status_thread(service)), "p");
                }
            }
        }
        for (service, last) in open.iter() {
            if let Some((from, state)) = *last {
                self.span(state.name(), from, self.data.end, (MANAGERS, status_thread(service)), None);
            }
        }
    }

    fn life(&mut self, id: TaskId, life: &Life) {
        let Life { first, from, to, states, place, .. } = life;
        let image = &self.data.plan.images[first.image].name;
        let slot = of_slot(self.data.plan, first.service, first.slot);
        let created_by = first.created.map(|created| created.by.name());
        let args = json!({"task": id.0, "image": image, "created_by": created_by});
        self.span(&format!("{slot} task {} ({})", id.0, of_image_in_short(image)), *from, *to, *place, Some(args));
        for (index, (at, record)) in states.iter().enumerate() {
            let state = record.status.state;
            if !state.is_terminal() {
                let until = states.get(index + 1).map_or(*to, |(next, _)| *next);
                let name = if is_stopping(record) { format!("{state}, to stop") } else { state.to_string() };
                self.span(&name, *at, until, *place, None);
            } else if let Some(err) = record.status.err {
                self.instant(&format!("{state}: {err}"), *at, *place, "t");
            } else {
                self.instant(state.name(), *at, *place, "t");
            }
        }
    }

    /// From each task to the one that was made to take its place.
    fn arrows(&mut self, lives: &IdVec<TaskId, Life>) {
        let mut before: BTreeMap<(ServiceId, Slot), TaskId> = BTreeMap::new();
        for (id, life) in lives.iter() {
            let old = before.insert((life.first.service, life.first.slot), id);
            let replaces = life.first.created.is_some_and(|created| created.by != Creator::Orchestrator);
            let Some(old) = old.filter(|_| replaces).map(|old| &lives[old]) else { continue };
            // An arrow begins within the span that it comes from.
            let leaves = micros(life.from).min(micros(old.to).saturating_sub(1)).max(micros(old.from));
            for (kind, at, (process, thread)) in [("s", leaves, old.place), ("f", micros(life.from), life.place)] {
                let name = "replaced by";
                let mut arrow = json!({
                    "ph": kind, "id": id.0, "name": name, "cat": name, "ts": at, "pid": process, "tid": thread
                });
                if kind == "f" {
                    arrow["bp"] = "e".into();
                }
                self.push(&arrow);
            }
        }
    }

    fn counters(&mut self) {
        let mut before: IdVec<ServiceId, [Option<u32>; 3]> = IdVec::filled(self.data.plan.services.len(), [None; 3]);
        for row in self.data.rows {
            let (process, ts) = (self.counters_of(row.service), micros(row.at));
            let tasks = [("desired", row.desired), ("in rotation", row.in_rotation), ("running", row.running)];
            for ((name, value), before) in tasks.into_iter().zip(&mut before[row.service]) {
                // A counter keeps its value.
                if before.replace(value) != Some(value) {
                    self.push(&json!({"ph": "C", "name": name, "ts": ts, "pid": process, "args": {"tasks": value}}));
                }
            }
        }
        let RequestBins { width, services } = self.data.requests;
        for (service, bins) in services.iter() {
            for (kind, name) in RequestOutcome::names().enumerate() {
                let counts: Vec<u64> = bins.iter().map(|bin| bin.outcomes()[kind]).collect();
                if counts.iter().any(|count| *count > 0) {
                    // Requests that stopped coming are 0 in a bin behind the last one.
                    let rates = counts.into_iter().map(|count| count as f64 / width.as_secs_f64()).chain([0.0]);
                    self.rate(service, name, *width, rates);
                }
            }
        }
    }

    /// A rate over time, from bin to bin.
    fn rate(&mut self, service: ServiceId, outcome: &str, width: Span, rates: impl Iterator<Item = f64>) {
        let (process, name) = (self.counters_of(service), format!("requests: {outcome}"));
        for (number, rate) in (0..).zip(rates) {
            let ts = (width * number).as_micros();
            if ts <= micros(self.data.end) {
                self.push(&json!({"ph": "C", "name": name, "ts": ts, "pid": process, "args": {"per second": rate}}));
            }
        }
    }

    /// A span, unless it has no length.
    fn span(&mut self, name: &str, from: Time, to: Time, (process, thread): (usize, usize), args: Option<Value>) {
        let length = micros(to) - micros(from);
        if length > 0 {
            let mut span = json!({
                "ph": "X", "name": name, "ts": micros(from), "dur": length, "pid": process, "tid": thread
            });
            if let Some(args) = args {
                span["args"] = args;
            }
            self.push(&span);
        }
    }

    /// An instant that is drawn across a thread (`t`), a process (`p`) or all (`g`).
    fn instant(&mut self, name: &str, at: Time, (process, thread): (usize, usize), scope: &str) {
        self.push(&json!({"ph": "i", "s": scope, "name": name, "ts": micros(at), "pid": process, "tid": thread}));
    }

    /// Process of the counters of a service.
    fn counters_of(&self, service: ServiceId) -> usize {
        NOWHERE + 1 + self.data.plan.nodes.len() + service.index()
    }
}

impl Life {
    fn has_ended(&self) -> bool {
        self.states.last().is_some_and(|(_, last)| last.status.state.is_terminal())
    }
}

/// Process of a node.
fn process(node: NodeId) -> usize {
    NOWHERE + 1 + node.index()
}

/// Thread of a service's update status, in the process of the managers.
fn status_thread(service: ServiceId) -> usize {
    OPERATOR + 1 + service.index()
}

fn is_stopping(task: &TaskRecord) -> bool {
    task.desired > TaskState::Running
}

fn micros(time: Time) -> u64 {
    time.since_start().as_micros()
}
