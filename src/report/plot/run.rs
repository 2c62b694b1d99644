//! The report of a run.

use std::collections::BTreeMap;
use std::path::Path;

use csv::StringRecord;
use serde_json::Value;

use super::super::chart::TimelineData;
use super::super::columns::{BINS, EVENTS, TASKS, TIMELINE, Table};
use super::super::files::{self, File};
use super::super::lanes::{Mark, MarkKind, TaskView};
use super::super::{Lanes, Names};
use super::lines::{Lines, millis};
use super::{Json, ReadError};
use crate::kernel::id::Id;
use crate::kernel::{IdVec, Span, Time};
use crate::metrics::request_series::{self, Outcomes, RequestBin, RequestBins};
use crate::metrics::summary::{Latency, SCHEMA_VERSION};
use crate::metrics::timeline::Row;
use crate::model::node::NodeState;
use crate::model::request::RequestOutcome;
use crate::model::task::{Slot, TaskState};
use crate::model::update::UpdateState;
use crate::model::{ImageId, NodeId, ServiceId, TaskId};

/// The charts of a run.
pub(super) fn charts(folder: &Path) -> Result<Vec<File>, ReadError> {
    let mut known = summary(&Json::read(folder, files::SUMMARY, SCHEMA_VERSION)?)?;
    let read = |table: Table| Lines::read(folder, table.name, table.header());
    let rows = timeline(&read(TIMELINE)?, &known)?;
    let marks = marks(&read(EVENTS)?, &mut known)?;
    let lanes = lanes(marks, changes(&read(TASKS)?, &mut known)?);
    let requests = bins(&read(BINS)?, &mut known)?;
    Ok(files::drawn(&TimelineData { names: &known.names, end: known.end, lanes: &lanes, rows: &rows }, &requests))
}

/// A later end cannot be that of a run: charts need room behind it, to round it up.
const LATEST: Time = Time::from_nanos(u64::MAX / 2);

/// The names in a report with what they stand for, and the end of the run.
struct Known {
    names: Names,
    end: Time,
    services: BTreeMap<String, ServiceId>,
    nodes: BTreeMap<String, NodeId>,
    images: BTreeMap<String, ImageId>,
}

impl Known {
    /// The id of an image, which is the next one if it was not met before.
    fn image(&mut self, name: &str) -> ImageId {
        *self.images.entry(name.to_owned()).or_insert_with(|| self.names.images.push(name.to_owned()))
    }
}

/// The names of scenario, services and nodes, and the end of the run.
fn summary(json: &Json) -> Result<Known, ReadError> {
    fn ids<I: Id>(names: &IdVec<I, String>) -> BTreeMap<String, I> {
        names.iter().map(|(id, name)| (name.clone(), id)).collect()
    }
    let keys = |name: &str| json.get(name, |value| Some(value.as_object()?.keys().cloned().collect::<Vec<String>>()));
    let names = Names {
        scenario: json.get("/scenario/name", |value| value.as_str().map(str::to_owned))?,
        seed: json.get("/seed", Value::as_u64)?,
        nodes: keys("/nodes")?.into_iter().collect(),
        images: IdVec::new(),
        services: keys("/services")?.into_iter().collect(),
        commands: Vec::new(),
    };
    let end = json.get("/end_ms", |value| millis(&value.to_string()).filter(|end| *end <= LATEST))?;
    let (services, nodes) = (ids(&names.services), ids(&names.nodes));
    Ok(Known { names, end, services, nodes, images: BTreeMap::new() })
}

fn timeline(lines: &Lines, known: &Known) -> Result<Vec<Row>, ReadError> {
    let [at, service, desired, in_rotation, running, in_flight, ok, failed] =
        lines.columns(["t_ms", "service", "desired", "in_rotation", "running", "in_flight", "ok", "failed"]);
    let row = |(line, at): (&StringRecord, Time)| {
        Ok(Row {
            at,
            service: lines.id(line, service, &known.services)?,
            desired: lines.number(line, desired)?,
            in_rotation: lines.number(line, in_rotation)?,
            running: lines.number(line, running)?,
            in_flight: lines.number(line, in_flight)?,
            ok: lines.count(line, ok)?,
            failed: lines.count(line, failed)?,
        })
    };
    lines.records.iter().zip(lines.times(at, known.end)?).map(row).collect()
}

/// The lanes with their marks. Of one instant events come before the changes of tasks: managers first, then agents.
fn lanes(marks: Vec<Mark>, changes: Vec<Change>) -> Lanes {
    let mut lanes = Lanes::default();
    let mut marks = marks.into_iter().peekable();
    for Change { at, task, view } in changes {
        while let Some(mark) = marks.next_if(|mark| mark.at <= at) {
            lanes.mark(mark.at, mark.kind);
        }
        match view {
            Some(view) => lanes.task(at, view),
            None => lanes.removed(at, task),
        }
    }
    marks.for_each(|mark| lanes.mark(mark.at, mark.kind));
    lanes
}

fn marks(lines: &Lines, known: &mut Known) -> Result<Vec<Mark>, ReadError> {
    let [at, kind, service, node, text] = lines.columns(["t_ms", "kind", "service", "node", "text"]);
    let times = lines.times(at, known.end)?;
    let mark = |(line, at): (&StringRecord, Time)| {
        let kind = match &line[kind] {
            "command" => {
                known.names.commands.push(line[text].to_owned());
                MarkKind::Command(known.names.commands.len() as u32 - 1)
            }
            "update_status" => {
                let state = lines.word(line, text, UpdateState::ALL, UpdateState::name)?;
                MarkKind::Status(lines.id(line, service, &known.services)?, state)
            }
            "node" => {
                let state = match &line[text] {
                    "removed" => None,
                    _ => Some(lines.word(line, text, NodeState::ALL, NodeState::name)?),
                };
                MarkKind::Node(lines.id(line, node, &known.nodes)?, state)
            }
            _ => return Err(lines.damaged(line, kind)),
        };
        Ok(Mark { at, kind })
    };
    lines.records.iter().zip(times).map(mark).collect()
}

/// A task is as it was not before, or is removed.
struct Change {
    at: Time,
    task: TaskId,
    /// How it is; `None`: it is removed.
    view: Option<TaskView>,
}

/// The changes of tasks. Every task has a line at least, and stays a task of one service and slot.
fn changes(lines: &Lines, known: &mut Known) -> Result<Vec<Change>, ReadError> {
    let [at, service, slot, task, image, node, state, desired] =
        lines.columns(["t_ms", "service", "slot", "task", "image", "node", "state", "desired"]);
    let times = lines.times(at, known.end)?;
    let mut places = IdVec::<TaskId, Option<(ServiceId, Slot)>>::filled(lines.records.len(), None);
    let change = |(line, at): (&StringRecord, Time)| {
        let id = TaskId(lines.number(line, task)?);
        let Some(place) = places.get_mut(id) else { return Err(lines.damaged(line, task)) };
        if &line[state] == "removed" {
            return Ok(Change { at, task: id, view: None });
        }
        let on_node = if line[node].is_empty() { None } else { Some(lines.id(line, node, &known.nodes)?) };
        let of_service = lines.id(line, service, &known.services)?;
        let in_slot = match (&line[slot], on_node) {
            ("", Some(node)) => Slot::Node(node),
            _ => Slot::Replica(lines.number(line, slot)?),
        };
        match place.get_or_insert((of_service, in_slot)) {
            (first, _) if *first != of_service => return Err(lines.damaged(line, service)),
            (_, first) if *first != in_slot => return Err(lines.damaged(line, slot)),
            _ => {}
        }
        let view = TaskView {
            task: id,
            service: of_service,
            slot: in_slot,
            image: known.image(&line[image]),
            node: on_node,
            state: lines.word(line, state, TaskState::ALL, TaskState::name)?,
            desired: lines.word(line, desired, TaskState::ALL, TaskState::name)?,
        };
        Ok(Change { at, task: id, view: Some(view) })
    };
    lines.records.iter().zip(times).map(change).collect()
}

fn bins(lines: &Lines, known: &mut Known) -> Result<RequestBins, ReadError> {
    let [start, width, service, image] = lines.columns(["t_ms", "width_ms", "service", "image"]);
    let kinds: Vec<usize> = RequestOutcome::names().flat_map(|name| lines.columns([name])).collect();
    let percentiles = lines.columns(["p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms"]);
    let of_first = lines.records.first().map(|line| lines.time(line, width)).transpose()?;
    let of_all = of_first.map_or(Span::from_secs(1), Time::since_start);
    let mut services = IdVec::<ServiceId, Vec<RequestBin>>::filled(known.services.len(), Vec::new());
    for line in &lines.records {
        if of_all.is_zero() || lines.time(line, width)?.since_start() != of_all {
            return Err(lines.damaged(line, width));
        }
        let at = lines.time(line, start)?;
        let number = (at.as_nanos() / of_all.as_nanos()) as usize;
        let bins = &mut services[lines.id(line, service, &known.services)?];
        let is_next = at == Time::ZERO + of_all * number as u64 && number + 1 >= bins.len();
        if !is_next || at > known.end || number >= request_series::MOST {
            return Err(lines.damaged(line, start));
        }
        bins.resize(number + 1, RequestBin::default());
        let image = if line[image].is_empty() { None } else { Some(known.image(&line[image])) };
        let mut outcomes = Outcomes::default();
        for (count, column) in outcomes.iter_mut().zip(&kinds) {
            *count = lines.count(line, *column)?;
        }
        bins[number].versions.push((image, outcomes));
        bins[number].latency = latency(lines, line, percentiles)?;
    }
    Ok(RequestBins { width: of_all, services })
}

/// The percentiles in these columns; `None`: nothing was answered.
fn latency(lines: &Lines, line: &StringRecord, columns: [usize; 5]) -> Result<Option<Latency>, ReadError> {
    if line[columns[0]].is_empty() {
        return Ok(None);
    }
    let [p50, p90, p99, p99_9, max] = columns.map(|column| lines.time(line, column).map(Time::since_start));
    Ok(Some(Latency { p50: p50?, p90: p90?, p99: p99?, p99_9: p99_9?, max: max? }))
}
