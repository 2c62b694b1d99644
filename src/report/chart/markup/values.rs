//! The panels of values: tasks in rotation, requests and the latency of answers over time.

use std::collections::BTreeMap;

use super::super::axis::ValueAxis;
use super::super::bins::{Bins, millis};
use super::super::marks::Placed;
use super::super::panels;
use super::panel::{Entry, Panel, Paths, Text};
use super::{ABOVE, Charts};
use crate::kernel::Span;
use crate::metrics::summary::Latency;
use crate::metrics::timeline::Row;
use crate::model::request::RequestOutcome;

/// Height of the plot.
const PLOT: i32 = 96;

const ROTATION_LEGEND: [(&str, &str); 4] =
    [("line rotation", "in rotation"), ("line desired", "desired"), ("missing", "missing"), ("none", "none at all")];

const LATENCY_LEGEND: [(&str, &str); 3] = [("line p50", "median"), ("line p90", "p90"), ("line p99", "p99")];

impl Charts<'_> {
    /// Tasks in rotation against desired ones.
    pub(super) fn rotation(&self, rows: &[&Row], marks: &[Placed]) -> Panel {
        let most = rows.iter().map(|row| row.desired.max(row.in_rotation)).max().unwrap_or(0);
        let values = values(f64::from(most), true);
        let y = |count: u32| values.y(f64::from(count));
        let (mut areas, mut lines) = (Paths::default(), Paths::default());
        for (row, left, right) in panels::missing(rows, &self.axis) {
            let class = if row.in_rotation == 0 { "none" } else { "missing" };
            areas.rectangle(class, (left, y(row.desired)), (right, y(row.in_rotation)));
        }
        lines.steps("line desired", &panels::steps(rows, &self.axis, |row| y(row.desired)));
        lines.steps("line rotation", &panels::steps(rows, &self.axis, |row| y(row.in_rotation)));
        let legend = ROTATION_LEGEND.map(|(class, text)| Entry::new(class, text)).into();
        let mut panel = Panel::new("rotation", "Tasks in rotation", ABOVE + PLOT, legend);
        panel.paths.extend(areas.finish());
        self.frame(&mut panel, &values, marks);
        panel.paths.extend(lines.finish());
        panel
    }

    /// Requests per second: those answered by version, and on them those that failed, by how.
    pub(super) fn requests(&self, bins: &Bins<'_>, marks: &[Placed]) -> Panel {
        let rates = bins.columns().map(|column| column.per_second(column.bin.outcomes().iter().sum()));
        let most = rates.fold(0.0, f64::max);
        let values = values(most, most >= 4.0);
        let mut bars = Paths::default();
        let mut used = BTreeMap::new();
        for column in bins.columns() {
            let mut below = 0.0;
            let mut bar = |order: (usize, usize), class: &str, text: &str, count: u64| {
                let base = values.y(below);
                below += column.per_second(count);
                // A failure is seen, however few there are.
                let top = if order.0 > 0 { values.y(below).min(base - 2) } else { values.y(below) };
                if count > 0 {
                    bars.rectangle(class, (column.left, top), (column.right.max(column.left + 1), base));
                    used.entry(order).or_insert_with(|| Entry::new(class, text));
                }
            };
            for (image, outcomes) in &column.bin.versions {
                let Some(image) = image else { continue };
                let (class, name) = (format!("{} ok", self.class(*image)), &self.data.names.images[*image]);
                bar((0, self.images.number(*image)), &class, &format!("answered by {name}"), outcomes[0]);
            }
            for ((kind, name), count) in RequestOutcome::names().enumerate().zip(column.bin.outcomes()).skip(1) {
                bar((1, kind), &format!("failed {name}"), name, count);
            }
        }
        let mut panel = Panel::new("requests", "Requests per second", ABOVE + PLOT, used.into_values().collect());
        panel.note = bins.note("mean").unwrap_or_default();
        panel.paths.extend(bars.finish());
        self.frame(&mut panel, &values, marks);
        panel
    }

    /// Percentiles of the latency of answers.
    pub(super) fn latency(&self, bins: &Bins<'_>, marks: &[Placed]) -> Panel {
        let values = values(bins.p99_ms_max(), false);
        let mut lines = Paths::default();
        let mut steps = |class: &str, of: fn(&Latency) -> Span| {
            for line in bins.lines(|latency| values.y(millis(of(latency)))) {
                lines.steps(class, &line);
            }
        };
        steps("line p50", |latency| latency.p50);
        steps("line p90", |latency| latency.p90);
        steps("line p99", |latency| latency.p99);
        let legend = LATENCY_LEGEND.map(|(class, text)| Entry::new(class, text)).into();
        let mut panel = Panel::new("latency", "Latency of answers in milliseconds", ABOVE + PLOT, legend);
        panel.note = bins.note("percentiles").unwrap_or_default();
        self.frame(&mut panel, &values, marks);
        panel.paths.extend(lines.finish());
        panel
    }

    /// Grid, axis of values, marks and axis of time of a panel of values.
    fn frame(&self, panel: &mut Panel, values: &ValueAxis, marks: &[Placed]) {
        let mut grid = Paths::default();
        for (y, text) in values.ticks() {
            grid.line("grid", (self.axis.left, y), (self.axis.right, y));
            panel.texts.push(Text::new((self.axis.left - 8, y), "end", &text));
        }
        panel.paths.splice(0..0, grid.finish());
        self.finish(panel, (ABOVE, ABOVE + PLOT), marks);
    }
}

fn values(most: f64, whole: bool) -> ValueAxis {
    ValueAxis::new(most, ABOVE, ABOVE + PLOT, whole)
}
