//! What a sweep shows: a table with a row for each point, and a chart when one or two settings vary.

use std::io;

use serde_json::json;

use super::chart::sweep::{HeatMap, Series, Setting, heat_map, series};
use super::columns::{self, SWEEP};
use super::estimate::Estimate;
use super::files::{self, File};
use super::repeated::Repeated;
use super::seeds::{self, Group, scale};
use super::table::Table;
use crate::experiment::statistics::Statistics;
use crate::experiment::sweep::{Axis, Point};
use crate::metrics::{MetricPath, Summary};

/// Metrics that a table shows unless others are asked for, in this order; the first that differs between points is drawn.
const SHOWN: [&str; 9] = [
    "requests.failed",
    "requests.failed_share",
    "downtime.total",
    "update.outcome",
    "update.duration",
    "update.detect",
    "update.restore",
    "degraded",
    "missing_replica",
];

/// The metrics worth showing: those that some run has, first of all one that differs between the points.
pub fn telling(results: &[Vec<Summary>]) -> Vec<MetricPath> {
    let known = SHOWN.iter().filter_map(|name| MetricPath::parse(name).ok());
    let mut shown: Vec<MetricPath> = known.filter(|metric| results.iter().any(|runs| has(metric, runs))).collect();
    let differs = |metric: &MetricPath| {
        let mut means = results.iter().map(|runs| estimate(metric, runs).map(|estimate| estimate.value));
        let first = means.next();
        means.any(|mean| Some(mean) != first)
    };
    if let Some(first) = shown.iter().position(|metric| metric.kind().is_numeric() && differs(metric)) {
        shown[..=first].rotate_right(1);
    }
    shown
}

/// A row for each point: its settings, then the means of the metrics. Each service is a row of its own.
pub fn table(axes: &[Axis], points: &[Point], results: &[Vec<Summary>], metrics: &[MetricPath]) -> Table {
    let services = results.iter().flatten().map(|run| run.services.len()).max().unwrap_or(0);
    let service_head = (services > 1).then_some("service");
    let heads = axes.iter().map(|axis| &*axis.path).chain(service_head);
    let mut table = Table::new(heads.map(str::to_owned).chain(metrics.iter().map(ToString::to_string)));
    for (point, runs) in points.iter().zip(results) {
        for service in runs.first().map_or(&[][..], |run| &run.services) {
            let named = (services > 1).then(|| service.name.clone());
            let cells = metrics.iter().map(|metric| seeds::cell(metric, &service.name, runs));
            table.row(point.values.iter().cloned().chain(named).chain(cells));
        }
    }
    table
}

/// The files of a sweep: `sweep.csv` with every metric of every run, `sweep.json` with what was run, and a chart of the first of
/// `metrics` that is a number, if one or two settings vary.
///
/// # Errors
/// None that can be met in practice: the contents are written to memory.
pub fn files(
    about: &Repeated,
    axes: &[Axis],
    (points, results): (&[Point], &[Vec<Summary>]),
    metrics: &[MetricPath],
) -> io::Result<Vec<File>> {
    let heads: Vec<&str> = axes.iter().map(|axis| &*axis.path).collect();
    let groups: Vec<Group<'_>> =
        points.iter().zip(results).map(|(point, runs)| Group { keys: &point.values, runs }).collect();
    let mut csv = Vec::new();
    seeds::tidy(&heads, &groups, &mut csv)?;
    let setting = |axis: &Axis| json!({"path": axis.path, "values": axis.values});
    let json = about.json([
        ("settings", axes.iter().map(setting).collect()),
        ("digests", points.iter().map(|point| &*point.scenario.digest).collect()),
        ("metrics", metrics.iter().map(ToString::to_string).collect()),
    ]);
    let mut files = vec![(SWEEP.name, csv), (files::SWEEP_JSON, json.into_bytes())];
    if let Some(metric) = first_number(metrics) {
        let estimates: Vec<Option<Estimate>> = results.iter().map(|runs| estimate(metric, runs)).collect();
        files.extend(drawn(about, axes, metric, &estimates).into_iter().flatten());
    }
    files.push((files::COLUMNS, columns::json().into_bytes()));
    Ok(files)
}

/// The metric that is drawn: the first that is a number.
pub fn first_number(metrics: &[MetricPath]) -> Option<&MetricPath> {
    metrics.iter().find(|metric| metric.kind().is_numeric())
}

/// Why a sweep has no chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undrawn {
    /// No metric that could be drawn was asked for.
    #[error("its metrics are words")]
    Words,
    /// The metric has no value at any point.
    #[error("no run has a value of its metric")]
    NoValue,
    /// There is no plane to draw on.
    #[error("not one or two of its settings vary")]
    Settings,
}

/// The chart of a metric with an estimate for each point of the grid, as files: a heat map when two settings vary, a line when one
/// does.
///
/// # Errors
/// If there is nothing to draw.
pub fn drawn(
    about: &Repeated,
    axes: &[Axis],
    metric: &MetricPath,
    estimates: &[Option<Estimate>],
) -> Result<[File; 2], Undrawn> {
    if estimates.iter().all(Option::is_none) {
        return Err(Undrawn::NoValue);
    }
    let setting = |axis: &Axis| Setting { name: axis.path.clone(), values: axis.values.clone() };
    let varying: Vec<&Axis> = axes.iter().filter(|axis| axis.values.len() > 1).collect();
    let (factor, unit) = scale(metric.kind());
    let scaled = |estimate: &Option<Estimate>| Some((*estimate)?.not_negative().map(|number| number * factor));
    let estimates = estimates.iter().map(scaled);
    let (title, unit) = (metric.to_string(), unit.to_owned());
    let about = format!("{}, {}", about.scenario, about.on_seeds());
    let picture = match varying[..] {
        [x] => series(&Series { title, unit, about, x: setting(x), values: estimates.collect() }),
        [y, x] => {
            let means: Vec<Option<f64>> = estimates.map(|estimate| estimate.map(|e| e.value)).collect();
            let values = means.chunks(x.values.len()).map(<[_]>::to_vec).collect();
            heat_map(&HeatMap { title, unit, about, x: setting(x), y: setting(y), values })
        }
        _ => return Err(Undrawn::Settings),
    };
    Ok(files::in_both_forms(&picture, files::SWEEP_CHART))
}

fn has(metric: &MetricPath, runs: &[Summary]) -> bool {
    runs.iter().any(|run| run.services.iter().any(|service| metric.value_in(run, &service.name).is_some()))
}

/// The values of a metric over the runs of a point as files have them: of the node that it names, or of the first service that has
/// one.
fn estimate(metric: &MetricPath, runs: &[Summary]) -> Option<Estimate> {
    let of =
        |run: &Summary| run.services.iter().find_map(|service| seeds::number(metric.value_in(run, &service.name)?));
    Statistics::of(&runs.iter().filter_map(of).collect::<Vec<f64>>()).as_ref().map(Estimate::of)
}
