//! The report of a run.

use std::collections::BTreeMap;
use std::path::Path;

use csv::StringRecord;
use serde_json::Value;

use super::super::chart::TimelineData;
use super::super::columns::{BINS, EVENTS, TASKS, TIMELINE, Table};
use super::super::files::{self, File};
use super::super::lanes::{MarkKind, TaskView};
use super::super::{Lanes, Names};
use super::lines::{Lines, millis};
use super::{Json, ReadError};
use crate::kernel::id::Id;
use crate::kernel::{IdVec, Span, Time};
use crate::metrics::request_series::{Outcomes, RequestBin, RequestBins};
use crate::metrics::summary::Latency;
use crate::metrics::timeline::Row;
use crate::model::node::NodeState;
use crate::model::task::{Slot, TaskState};
use crate::model::update::UpdateState;
use crate::model::{ImageId, NodeId, ServiceId, TaskId};

/// The charts of a run.
pub(super) fn charts(folder: &Path) -> Result<Vec<File>, ReadError> {
    let (mut known, end) = summary(&Json::read(folder, files::SUMMARY)?)?;
    let read = |table: Table| Lines::read(folder, table.name, table.header());
    let rows = timeline(&read(TIMELINE)?, &known)?;
    let lanes = lanes(&read(EVENTS)?, &read(TASKS)?, &mut known)?;
    let requests = bins(&read(BINS)?, &mut known)?;
    Ok(files::drawn(&TimelineData { names: &known.names, end, lanes: &lanes, rows: &rows }, &requests))
}

/// The names in a report, and what they stand for.
struct Known {
    names: Names,
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
fn summary(json: &Json) -> Result<(Known, Time), ReadError> {
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
    let end = json.get("/end_ms", |value| millis(&value.to_string()))?;
    let (services, nodes) = (ids(&names.services), ids(&names.nodes));
    Ok((Known { names, services, nodes, images: BTreeMap::new() }, end))
}

fn timeline(lines: &Lines, known: &Known) -> Result<Vec<Row>, ReadError> {
    let row = |line: &StringRecord| {
        let number = |column| lines.number(line, column);
        Ok(Row {
            at: lines.time(line, 0)?,
            service: lines.id(line, 1, &known.services)?,
            desired: number(2)?,
            in_rotation: number(3)?,
            running: number(4)?,
            in_flight: number(5)?,
            ok: lines.number(line, 6)?,
            failed: lines.number(line, 7)?,
        })
    };
    lines.records.iter().map(row).collect()
}

/// The lanes with their marks. Of one instant events come before the changes of tasks: managers first, then agents.
fn lanes(events: &Lines, tasks: &Lines, known: &mut Known) -> Result<Lanes, ReadError> {
    let mut lanes = Lanes::default();
    let mut events_left = events.records.iter().peekable();
    for line in &tasks.records {
        let at = tasks.time(line, 0)?;
        while let Some(event) = events_left.peek() {
            if events.time(event, 0)? > at {
                break;
            }
            mark(events, event, known, &mut lanes)?;
            events_left.next();
        }
        change(tasks, line, known, &mut lanes)?;
    }
    events_left.try_for_each(|event| mark(events, event, known, &mut lanes))?;
    Ok(lanes)
}

fn mark(events: &Lines, line: &StringRecord, known: &mut Known, lanes: &mut Lanes) -> Result<(), ReadError> {
    let kind = match &line[1] {
        "command" => {
            known.names.commands.push(line[4].to_owned());
            MarkKind::Command(known.names.commands.len() as u32 - 1)
        }
        "update_status" => MarkKind::Status(
            events.id(line, 2, &known.services)?,
            events.word(line, 4, UpdateState::ALL, UpdateState::name)?,
        ),
        "node" => {
            let state = match &line[4] {
                "removed" => None,
                _ => Some(events.word(line, 4, NodeState::ALL, NodeState::name)?),
            };
            MarkKind::Node(events.id(line, 3, &known.nodes)?, state)
        }
        _ => return Err(events.damaged(line, 1)),
    };
    lanes.mark(events.time(line, 0)?, kind);
    Ok(())
}

fn change(tasks: &Lines, line: &StringRecord, known: &mut Known, lanes: &mut Lanes) -> Result<(), ReadError> {
    let (at, task) = (tasks.time(line, 0)?, TaskId(tasks.number(line, 3)?));
    if &line[6] == "removed" {
        lanes.removed(at, task);
        return Ok(());
    }
    let node = if line[5].is_empty() { None } else { Some(tasks.id(line, 5, &known.nodes)?) };
    let slot = match (&line[2], node) {
        ("", Some(node)) => Slot::Node(node),
        _ => Slot::Replica(tasks.number(line, 2)?),
    };
    let view = TaskView {
        task,
        service: tasks.id(line, 1, &known.services)?,
        slot,
        image: known.image(&line[4]),
        node,
        state: tasks.word(line, 6, TaskState::ALL, TaskState::name)?,
        desired: tasks.word(line, 7, TaskState::ALL, TaskState::name)?,
    };
    lanes.task(at, view);
    Ok(())
}

fn bins(lines: &Lines, known: &mut Known) -> Result<RequestBins, ReadError> {
    let mut services = IdVec::<ServiceId, Vec<RequestBin>>::filled(known.services.len(), Vec::new());
    let mut width = Span::from_secs(1);
    for line in &lines.records {
        width = lines.time(line, 1)?.since_start();
        if width.is_zero() {
            return Err(lines.damaged(line, 1));
        }
        let number = (lines.time(line, 0)?.as_nanos() / width.as_nanos()) as usize;
        let bins = &mut services[lines.id(line, 2, &known.services)?];
        if number < bins.len().saturating_sub(1) || number >= MOST_BINS {
            return Err(lines.damaged(line, 0));
        }
        bins.resize(number + 1, RequestBin::default());
        let image = if line[3].is_empty() { None } else { Some(known.image(&line[3])) };
        let mut outcomes = Outcomes::default();
        for (kind, count) in outcomes.iter_mut().enumerate() {
            *count = lines.number(line, 4 + kind)?;
        }
        let span = |column: usize| lines.time(line, 4 + outcomes.len() + column).map(Time::since_start);
        let latency = match &line[4 + outcomes.len()] {
            "" => None,
            _ => Some(Latency { p50: span(0)?, p90: span(1)?, p99: span(2)?, p99_9: span(3)?, max: span(4)? }),
        };
        bins[number].versions.push((image, outcomes));
        bins[number].latency = latency;
    }
    Ok(RequestBins { width, services })
}

/// More bins than any report has: beyond it a time must be wrong.
const MOST_BINS: usize = 10_000;
