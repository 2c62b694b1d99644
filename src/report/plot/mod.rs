//! A report read back from its files, as far as its charts show it.

mod comparison;
mod lines;
mod run;
mod sweep;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::files::{self, File};
use super::repeated::Repeated;
use super::sweeps::Undrawn;
use crate::metrics::MetricPath;

/// Why a report cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file is not there.
    #[error("{} is not there, but the report needs it", .0.display())]
    Missing(PathBuf),
    /// No file tells what was run.
    #[error("{} holds no report of this version: there is no {}, {} or {}", .0.display(), files::SUMMARY, files::SWEEP_JSON,
        files::COMPARE_JSON)]
    NoReport(PathBuf),
    /// There is a metric to be drawn, but no sweep.
    #[error("--metric is for the chart of a sweep; {} holds none", .0.display())]
    NoSweep(PathBuf),
    /// A file has no value of a metric that is to be drawn.
    #[error("{} has no value of `{}`", .0.display(), .1)]
    NoValue(PathBuf, String),
    /// A file cannot be read.
    #[error("cannot read {}: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// A file is of a version that cannot be read: which, and which can.
    #[error("{} has schema_version {}; this rollsim reads version {}", .0.display(), .1, .2)]
    Version(PathBuf, u64, u32),
    /// A file is no JSON: line, column, and why not.
    #[error("{}:{}:{}: {}", .0.display(), .1, .2, .3)]
    NoJson(PathBuf, usize, usize, String),
    /// A file does not say what it should: where, and what is wrong.
    #[error("{}:{}: {}", .0.display(), .1, .2)]
    Damaged(PathBuf, u64, String),
}

/// Charts that were drawn again.
#[derive(Debug, Default)]
pub struct Redrawn {
    /// The charts: the same bytes as the command wrote that ran it all.
    pub charts: Vec<File>,
    /// Names of all charts that such a report may have.
    pub names: Vec<&'static str>,
    /// Why there is no chart of the sweep, if there is a sweep.
    pub undrawn: Option<Undrawn>,
}

/// The charts of all reports in this folder: of a run, a sweep and a comparison. `metric` is what the sweep's chart shows instead
/// of the metric that it shows already.
///
/// # Errors
/// If there is no report, no sweep although there is a metric, or no value of the metric; if a file of a report is missing, is of
/// another version, cannot be read, or is damaged.
pub fn redraw(folder: &Path, metric: Option<&MetricPath>) -> Result<Redrawn, ReadError> {
    let has = |name: &str| {
        let path = folder.join(name);
        path.try_exists().map_err(|error| ReadError::Unreadable(path, error))
    };
    let mut redrawn = Redrawn::default();
    if has(files::SUMMARY)? {
        redrawn.charts.extend(run::charts(folder)?);
        redrawn.names.extend(files::CHARTS_OF_RUN);
    }
    if has(files::SWEEP_JSON)? {
        match sweep::charts(folder, metric)? {
            Ok(charts) => redrawn.charts.extend(charts),
            Err(why) => redrawn.undrawn = Some(why),
        }
        redrawn.names.extend(files::SWEEP_CHART);
    } else if metric.is_some() {
        return Err(ReadError::NoSweep(folder.to_owned()));
    }
    if has(files::COMPARE_JSON)? {
        redrawn.charts.extend(comparison::charts(folder)?);
        redrawn.names.extend(files::COMPARE_CHART);
    }
    if redrawn.names.is_empty() { Err(ReadError::NoReport(folder.to_owned())) } else { Ok(redrawn) }
}

fn text(path: &Path) -> Result<String, ReadError> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadError::Missing(path.to_owned()),
        io::ErrorKind::InvalidData => ReadError::Damaged(path.to_owned(), 1, "this is no text".to_owned()),
        _ => ReadError::Unreadable(path.to_owned(), error),
    })
}

/// A JSON file.
struct Json {
    path: PathBuf,
    value: Value,
}

impl Json {
    /// Reads a file whose `schema_version` must be this one.
    fn read(folder: &Path, name: &str, version: u32) -> Result<Json, ReadError> {
        let path = folder.join(name);
        let value = serde_json::from_str(&text(&path)?).map_err(|error: serde_json::Error| {
            let what = error.to_string();
            // The text ends with the place.
            let what = what.split_once(" at line ").map_or(&*what, |(what, _)| what).to_owned();
            ReadError::NoJson(path.clone(), error.line(), error.column(), what)
        })?;
        let json = Json { path, value };
        match json.get("/schema_version", Value::as_u64)? {
            found if found == u64::from(version) => Ok(json),
            found => Err(ReadError::Version(json.path, found, version)),
        }
    }

    /// The value at a JSON pointer, as far as it is what it should be.
    fn get<T>(&self, pointer: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<T, ReadError> {
        let damaged = || {
            let what = format!("`{}` is missing or makes no sense", pointer[1..].replace('/', "."));
            ReadError::Damaged(self.path.clone(), 1, what)
        };
        self.value.pointer(pointer).and_then(read).ok_or_else(damaged)
    }

    /// The values of the array at a JSON pointer.
    fn list<T>(&self, pointer: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, ReadError> {
        self.get(pointer, |value| value.as_array()?.iter().map(read).collect())
    }

    /// What the files of sweeps and comparisons begin with.
    fn repeated(&self) -> Result<Repeated, ReadError> {
        Ok(Repeated {
            scenario: self.get("/scenario/name", |value| value.as_str().map(str::to_owned))?,
            seed: self.get("/seed", Value::as_u64)?,
            seeds: self.get("/seeds", Value::as_u64)?,
        })
    }
}
