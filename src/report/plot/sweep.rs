//! The report of a sweep.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::super::columns::SWEEP;
use super::super::estimate::Estimate;
use super::super::files::{self, File};
use super::super::repeated;
use super::super::sweeps::{self, Undrawn};
use super::lines::Lines;
use super::{Json, ReadError};
use crate::experiment::statistics::Statistics;
use crate::experiment::sweep::{self, Axis};
use crate::metrics::MetricPath;

/// The chart of a sweep, of this metric or of the one that was drawn, or why there is none.
pub(super) fn charts(folder: &Path, metric: Option<&MetricPath>) -> Result<Result<[File; 2], Undrawn>, ReadError> {
    let json = Json::read(folder, files::SWEEP_JSON, repeated::SCHEMA_VERSION)?;
    let about = json.repeated()?;
    let axes = json.list("/settings", axis)?;
    let metrics = json.list("/metrics", |name| MetricPath::parse(name.as_str()?).ok())?;
    let points = axes.iter().try_fold(1, |points: usize, axis| points.checked_mul(axis.values.len()));
    json.get("/digests", |digests| (Some(digests.as_array()?.len()) == points).then_some(()))?;
    let heads = axes.iter().map(|axis| &*axis.path).chain(SWEEP.header());
    let lines = Lines::read(folder, SWEEP.name, heads)?;
    let Some(drawn) = metric.or(sweeps::first_number(&metrics)) else { return Ok(Err(Undrawn::Words)) };
    let estimates = estimates(&lines, &axes, drawn)?;
    if metric.is_some() && estimates.iter().all(Option::is_none) {
        return Err(ReadError::NoValue(lines.path, drawn.to_string()));
    }
    Ok(sweeps::drawn(&about, &axes, drawn, &estimates))
}

fn axis(setting: &Value) -> Option<Axis> {
    let values = setting["values"].as_array()?.iter().map(|value| value.as_str().map(str::to_owned));
    Some(Axis { path: setting["path"].as_str()?.to_owned(), values: values.collect::<Option<_>>()? })
}

/// The mean of a metric at each point of the grid: in each run of the first service that has it.
fn estimates(lines: &Lines, axes: &[Axis], metric: &MetricPath) -> Result<Vec<Option<Estimate>>, ReadError> {
    let known: Vec<BTreeSet<&str>> = axes.iter().map(|axis| axis.values.iter().map(String::as_str).collect()).collect();
    let [seed, name, value] = lines.columns(["seed", "metric", "value"]);
    let mut runs: BTreeMap<Vec<&str>, BTreeMap<u64, f64>> = BTreeMap::new();
    for line in lines.records.iter().filter(|line| line[name] == *metric.to_string()) {
        if let Some(column) = (0..axes.len()).find(|column| !known[*column].contains(&line[*column])) {
            return Err(lines.damaged(line, column));
        }
        let point = runs.entry(line.iter().take(axes.len()).collect()).or_default();
        let number = lines.amount(line, value)?;
        point.entry(lines.number(line, seed)?).or_insert(number);
    }
    let estimate = |point: Vec<String>| {
        let runs = runs.get(&point.iter().map(String::as_str).collect::<Vec<&str>>())?;
        Statistics::of(&runs.values().copied().collect::<Vec<f64>>()).as_ref().map(Estimate::of)
    };
    Ok(sweep::grid(axes).into_iter().map(estimate).collect())
}
