//! What a sweep shows: a table with a row for each point, and a chart when one or two settings vary.

use super::chart::sweep::{Estimate, HeatMap, Series, Setting, heat_map, series};
use super::picture::Picture;
use super::seeds;
use super::table::Table;
use crate::experiment::statistics::Statistics;
use crate::experiment::sweep::{Axis, Point};
use crate::metrics::path::Kind;
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
        let mut means = results.iter().map(|runs| estimate(metric, runs).map(|statistics| statistics.mean));
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

/// A chart of one metric, of the node that it names or the first service that has it: a heat map when two settings vary, a line when one does.
/// `about` names what was run.
pub fn chart(axes: &[Axis], results: &[Vec<Summary>], metric: &MetricPath, about: &str) -> Option<Picture> {
    let setting = |axis: &Axis| Setting { name: axis.path.clone(), values: axis.values.clone() };
    let varying: Vec<&Axis> = axes.iter().filter(|axis| axis.values.len() > 1).collect();
    let estimates: Vec<Option<Statistics>> = results.iter().map(|runs| estimate(metric, runs)).collect();
    let (scale, unit) = match metric.kind() {
        Kind::Duration => (1e-3, "s"),
        Kind::Share => (100.0, "%"),
        Kind::Rate => (1.0, "per second"),
        Kind::Count | Kind::Text | Kind::Bool => (1.0, ""),
    };
    let (title, unit, about) = (metric.to_string(), unit.to_owned(), about.to_owned());
    match varying[..] {
        [x] => {
            let values = estimates.iter().map(|statistics| {
                let Statistics { mean: value, half_width, .. } = (*statistics)?;
                let interval =
                    half_width.map(|half| [(value - half).max(0.0), value + half].map(|bound| bound * scale));
                Some(Estimate { value: value * scale, interval })
            });
            Some(series(&Series { title, unit, about, x: setting(x), values: values.collect() }))
        }
        [y, x] => {
            let means: Vec<Option<f64>> =
                estimates.iter().map(|statistics| statistics.map(|s| s.mean * scale)).collect();
            let values = means.chunks(x.values.len()).map(<[_]>::to_vec).collect();
            Some(heat_map(&HeatMap { title, unit, about, x: setting(x), y: setting(y), values }))
        }
        _ => None,
    }
}

fn has(metric: &MetricPath, runs: &[Summary]) -> bool {
    runs.iter().any(|run| run.services.iter().any(|service| metric.value_in(run, &service.name).is_some()))
}

/// The values of a metric over the runs of a point, of the first service that has one.
fn estimate(metric: &MetricPath, runs: &[Summary]) -> Option<Statistics> {
    let of = |run: &Summary| run.services.iter().find_map(|service| metric.value_in(run, &service.name)?.number());
    Statistics::of(&runs.iter().filter_map(of).collect::<Vec<f64>>())
}
