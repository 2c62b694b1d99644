//! A report read back from its files, as far as its charts show it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use csv::StringRecord;
use serde_json::Value;

use super::chart::TimelineData;
use super::columns::{BINS, EVENTS, TASKS, TIMELINE, Table};
use super::lanes::{MarkKind, TaskView};
use super::{Lanes, Names, files};
use crate::kernel::id::Id;
use crate::kernel::{IdVec, Span, Time};
use crate::metrics::request_series::{Outcomes, RequestBin, RequestBins};
use crate::metrics::summary::Latency;
use crate::metrics::timeline::Row;
use crate::model::node::NodeState;
use crate::model::task::{Slot, TaskState};
use crate::model::update::UpdateState;
use crate::model::{ImageId, ServiceId, TaskId};

/// Why a report cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file is not there.
    #[error("{} is not there: is this the folder of a report of `rollsim run`, of this version?", .0.display())]
    Missing(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// A file does not say what it should: where, and what is wrong.
    #[error("{}:{}: {}", .0.display(), .1, .2)]
    Damaged(PathBuf, u64, String),
}

/// The charts of the report in this folder, as files: the same bytes as the run wrote.
///
/// # Errors
/// If a file of the report is missing, cannot be read, or is damaged.
pub fn redraw(folder: &Path) -> Result<Vec<(&'static str, Vec<u8>)>, ReadError> {
    let (mut names, end) = summary(&folder.join("summary.json"))?;
    let rows = timeline(&Lines::read(folder, TIMELINE)?, &names)?;
    let lanes = lanes(&Lines::read(folder, EVENTS)?, &Lines::read(folder, TASKS)?, &mut names)?;
    let requests = bins(&Lines::read(folder, BINS)?, &mut names)?;
    Ok(files::drawn(&TimelineData { names: &names, end, lanes: &lanes, rows: &rows }, &requests))
}

fn text(path: &Path) -> Result<String, ReadError> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadError::Missing(path.to_owned()),
        io::ErrorKind::InvalidData => ReadError::Damaged(path.to_owned(), 1, "this is no text".to_owned()),
        _ => ReadError::Unreadable(path.to_owned(), error),
    })
}

/// Names of the scenario, its services and nodes, and the end of the run.
fn summary(path: &Path) -> Result<(Names, Time), ReadError> {
    let damaged = |line: usize, what: String| ReadError::Damaged(path.to_owned(), line as u64, what);
    let summary: Value =
        serde_json::from_str(&text(path)?).map_err(|error| damaged(error.line(), error.to_string()))?;
    let missing = |what: &str| damaged(1, format!("there is no {what}"));
    let keys = |key: &str| Some(summary[key].as_object()?.keys().cloned().collect::<Vec<String>>());
    let names = Names {
        scenario: summary["scenario"]["name"].as_str().ok_or_else(|| missing("scenario.name"))?.to_owned(),
        seed: summary["seed"].as_u64().ok_or_else(|| missing("seed"))?,
        nodes: keys("nodes").ok_or_else(|| missing("nodes"))?.into_iter().collect(),
        images: IdVec::new(),
        services: keys("services").ok_or_else(|| missing("services"))?.into_iter().collect(),
        commands: Vec::new(),
    };
    let end = millis(&summary["end_ms"].to_string()).ok_or_else(|| missing("end_ms"))?;
    Ok((names, end))
}

fn timeline(lines: &Lines, names: &Names) -> Result<Vec<Row>, ReadError> {
    let row = |line: &StringRecord| {
        let number = |column| lines.number(line, column);
        Ok(Row {
            at: lines.time(line, 0)?,
            service: lines.id(line, 1, &names.services)?,
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
fn lanes(events: &Lines, tasks: &Lines, names: &mut Names) -> Result<Lanes, ReadError> {
    let mut lanes = Lanes::default();
    let mut events_left = events.records.iter().peekable();
    for line in &tasks.records {
        let at = tasks.time(line, 0)?;
        while let Some(event) = events_left.peek() {
            if events.time(event, 0)? > at {
                break;
            }
            mark(events, event, names, &mut lanes)?;
            events_left.next();
        }
        change(tasks, line, names, &mut lanes)?;
    }
    events_left.try_for_each(|event| mark(events, event, names, &mut lanes))?;
    Ok(lanes)
}

fn mark(events: &Lines, line: &StringRecord, names: &mut Names, lanes: &mut Lanes) -> Result<(), ReadError> {
    let kind = match &line[1] {
        "command" => {
            names.commands.push(line[4].to_owned());
            MarkKind::Command(names.commands.len() as u32 - 1)
        }
        "update_status" => MarkKind::Status(
            events.id(line, 2, &names.services)?,
            events.word(line, 4, UpdateState::ALL, UpdateState::name)?,
        ),
        "node" => {
            let state = match &line[4] {
                "removed" => None,
                _ => Some(events.word(line, 4, NodeState::ALL, NodeState::name)?),
            };
            MarkKind::Node(events.id(line, 3, &names.nodes)?, state)
        }
        _ => return Err(events.damaged(line, 1)),
    };
    lanes.mark(events.time(line, 0)?, kind);
    Ok(())
}

fn change(tasks: &Lines, line: &StringRecord, names: &mut Names, lanes: &mut Lanes) -> Result<(), ReadError> {
    let (at, task) = (tasks.time(line, 0)?, TaskId(tasks.number(line, 3)?));
    if &line[6] == "removed" {
        lanes.removed(at, task);
        return Ok(());
    }
    let node = if line[5].is_empty() { None } else { Some(tasks.id(line, 5, &names.nodes)?) };
    let slot = match (&line[2], node) {
        ("", Some(node)) => Slot::Node(node),
        _ => Slot::Replica(tasks.number(line, 2)?),
    };
    let view = TaskView {
        task,
        service: tasks.id(line, 1, &names.services)?,
        slot,
        image: image(&line[4], names),
        node,
        state: tasks.word(line, 6, TaskState::ALL, TaskState::name)?,
        desired: tasks.word(line, 7, TaskState::ALL, TaskState::name)?,
    };
    lanes.task(at, view);
    Ok(())
}

/// The id of an image, which is the next one if it was not met before.
fn image(name: &str, names: &mut Names) -> ImageId {
    let known = names.images.iter().find(|(_, known)| *known == name).map(|(id, _)| id);
    known.unwrap_or_else(|| names.images.push(name.to_owned()))
}

fn bins(lines: &Lines, names: &mut Names) -> Result<RequestBins, ReadError> {
    let mut services = IdVec::<ServiceId, Vec<RequestBin>>::filled(names.services.len(), Vec::new());
    let mut width = Span::from_secs(1);
    for line in &lines.records {
        width = lines.time(line, 1)?.since_start();
        if width.is_zero() {
            return Err(lines.damaged(line, 1));
        }
        let number = (lines.time(line, 0)?.as_nanos() / width.as_nanos()) as usize;
        let bins = &mut services[lines.id(line, 2, &names.services)?];
        if number < bins.len().saturating_sub(1) || number >= MOST_BINS {
            return Err(lines.damaged(line, 0));
        }
        bins.resize(number + 1, RequestBin::default());
        let image = if line[3].is_empty() { None } else { Some(image(&line[3], names)) };
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

/// The lines of a CSV file.
struct Lines {
    path: PathBuf,
    header: Vec<&'static str>,
    records: Vec<StringRecord>,
}

impl Lines {
    fn read(folder: &Path, table: Table) -> Result<Lines, ReadError> {
        let (path, header) = (folder.join(table.name), table.header());
        let text = text(&path)?;
        let damaged = |line: u64, what: String| ReadError::Damaged(path.clone(), line, what);
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let place = |error: &csv::Error| error.position().map_or(1, csv::Position::line);
        let found = reader.headers().map_err(|error| damaged(place(&error), error.to_string()))?;
        if found != header {
            return Err(damaged(1, format!("the columns are not {}", header.join(","))));
        }
        let records = reader.records().collect::<Result<_, _>>();
        let records = records.map_err(|error| damaged(place(&error), error.to_string()))?;
        Ok(Lines { path, header, records })
    }

    fn damaged(&self, line: &StringRecord, column: usize) -> ReadError {
        let what = format!("`{}` cannot be the {}", &line[column], self.header[column]);
        ReadError::Damaged(self.path.clone(), line.position().map_or(1, csv::Position::line), what)
    }

    fn time(&self, line: &StringRecord, column: usize) -> Result<Time, ReadError> {
        millis(&line[column]).ok_or_else(|| self.damaged(line, column))
    }

    fn number<T: std::str::FromStr>(&self, line: &StringRecord, column: usize) -> Result<T, ReadError> {
        line[column].parse().map_err(|_| self.damaged(line, column))
    }

    /// The id of a name that the summary knows.
    fn id<I: Id>(&self, line: &StringRecord, column: usize, names: &IdVec<I, String>) -> Result<I, ReadError> {
        let known = names.iter().find(|(_, name)| **name == line[column]);
        known.map(|(id, _)| id).ok_or_else(|| self.damaged(line, column))
    }

    fn word<T: Copy, const N: usize>(
        &self,
        line: &StringRecord,
        column: usize,
        all: [T; N],
        name: fn(T) -> &'static str,
    ) -> Result<T, ReadError> {
        all.into_iter().find(|word| name(*word) == &line[column]).ok_or_else(|| self.damaged(line, column))
    }
}

/// A time as files write it: milliseconds with up to three decimals.
fn millis(text: &str) -> Option<Time> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 3 {
        return None;
    }
    let micros = format!("{decimals:0<3}").parse::<u64>().ok()?;
    let nanos = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros * 1_000)?;
    Some(Time::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for micros in [0, 1, 10, 999, 1_000, 1_250_500, 86_400_000_000] {
            let time = Time::from_nanos(micros * 1_000);
            assert_eq!(millis(&time.to_string()), Some(time));
        }
        for wrong in ["", ".5", "5.", "-1", "1e3", "1.2345", "99999999999999999999"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }
}
