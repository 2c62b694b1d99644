//! Many runs of a scenario: tables for the terminal, and tidy rows for tools.

use std::io;

use super::console::readable;
use super::table::Table;
use crate::experiment::compare::{Cell, Comparison, Row, words};
use crate::experiment::statistics::Statistics;
use crate::kernel::Span;
use crate::metrics::path::{Kind, MetricPath, Value};
use crate::metrics::{ServiceSummary, Summary};

/// How the values of each metric are spread over runs with different seeds: a table for each service.
pub fn distribution(runs: &[Summary]) -> String {
    let services = runs.first().map_or(&[][..], |run| &run.services);
    let tables = services.iter().map(|service| {
        let heads = [&*service.name, "mean", "± 95 %", "min", "5 %", "median", "95 %", "max"];
        let mut table = Table::new(heads);
        for metric in MetricPath::all().filter(|metric| metric.kind().is_numeric()) {
            let of = |run: &Summary| run.service(&service.name).and_then(|service| metric.value(service)?.number());
            let values: Vec<f64> = runs.iter().filter_map(of).collect();
            let Some(statistics) = Statistics::of(&values) else { continue };
            let Statistics { mean, half_width, min, p5, median, p95, max, .. } = statistics;
            let cell = |value| amount(metric.kind(), value);
            let half_width = half_width.map_or("–".to_owned(), cell);
            let name = metric.to_string();
            table.row([name, cell(mean), half_width, cell(min), cell(p5), cell(median), cell(p95), cell(max)]);
        }
        table.to_string()
    });
    tables.collect::<Vec<String>>().join("\n")
}

/// The worst of the runs: most failed requests, then longest downtime, then most missing replicas; the first of equals.
pub fn worst(runs: &[Summary]) -> Option<usize> {
    let badness = |run: &Summary| {
        let failed = run.totals.requests.as_ref().map_or(0, |requests| requests.failed);
        (failed, run.totals.downtime.total, run.totals.missing_replica)
    };
    (0..runs.len()).rev().max_by_key(|run| badness(&runs[*run]))
}

/// A comparison of policies: a column for each, and for each but the first its difference to the first on the same seeds.
pub fn comparison(comparison: &Comparison) -> String {
    let differs = |cell: &Cell| match cell {
        Cell::Number { difference, .. } => difference.is_some_and(|difference| !is_nothing(&difference)),
        Cell::None | Cell::Words(_) => false,
    };
    let same_words = |row: &Row| {
        row.cells.iter().all(|cell| match (cell, &row.cells[0]) {
            (Cell::Words(words), Cell::Words(first)) => words == first,
            (Cell::None, Cell::None) | (Cell::Number { .. }, Cell::Number { .. }) => true,
            _ => false,
        })
    };
    let verdict = if comparison.rows.iter().all(|row| same_words(row) && !row.cells.iter().any(differs)) {
        "\nno difference: every run is the same under all policies\n"
    } else {
        ""
    };
    comparison_tables(comparison) + verdict
}

fn comparison_tables(comparison: &Comparison) -> String {
    let mut services: Vec<&str> = comparison.rows.iter().map(|row| &*row.service).collect();
    services.dedup();
    let tables = services.iter().map(|service| {
        let mut heads = vec![(*service).to_owned()];
        for (number, policy) in comparison.policies.iter().enumerate() {
            heads.push(policy.clone());
            if number > 0 {
                heads.push(format!("{policy} − {}", comparison.policies[0]));
            }
        }
        let mut table = Table::new(heads);
        for row in comparison.rows.iter().filter(|row| row.service == *service) {
            table.row(comparison_row(row));
        }
        table.to_string()
    });
    tables.collect::<Vec<String>>().join("\n")
}

fn comparison_row(row: &Row) -> Vec<String> {
    let mut cells = vec![row.metric.clone()];
    for (number, cell) in row.cells.iter().enumerate() {
        let difference = match cell {
            Cell::None => {
                cells.push("–".to_owned());
                String::new()
            }
            Cell::Words(words) => {
                cells.push(counted_words(words));
                String::new()
            }
            Cell::Number { values, difference } => {
                cells.push(amount(row.kind, values.mean));
                difference.map_or(String::new(), |difference| signed(row.kind, &difference))
            }
        };
        if number > 0 {
            cells.push(difference);
        }
    }
    cells
}

/// A metric of a service over several runs for people: the mean, or the words.
pub fn cell(metric: &MetricPath, service: &str, runs: &[Summary]) -> String {
    let of = |run: &Summary| run.service(service).and_then(|service| metric.value(service)?.number());
    if let Some(statistics) = Statistics::of(&runs.iter().filter_map(of).collect::<Vec<f64>>()) {
        return amount(metric.kind(), statistics.mean);
    }
    let words = words(service, metric, runs);
    if words.is_empty() { "–".to_owned() } else { counted_words(&words) }
}

/// `completed`, or `completed 7, paused 3` when runs differ.
fn counted_words(words: &[(String, usize)]) -> String {
    match words {
        [(word, _)] => word.clone(),
        words => words.iter().map(|(word, count)| format!("{word} {count}")).collect::<Vec<String>>().join(", "),
    }
}

/// A difference with its interval: `+1.20 s ± 0.30 s`; `0` where every run is alike.
fn signed(kind: Kind, difference: &Statistics) -> String {
    if is_nothing(difference) {
        return "0".to_owned();
    }
    let sign = if difference.mean < 0.0 { "−" } else { "+" };
    let amount = |value| match kind {
        // A difference of shares is no share: 2 % and 1 % differ by one point.
        Kind::Share => format!("{:.3} points", value * 100.0),
        _ => amount(kind, value),
    };
    let mean = amount(difference.mean.abs());
    let interval = difference.half_width.map_or(String::new(), |width| format!(" ± {}", amount(width)));
    format!("{sign}{mean}{interval}")
}

/// Whether a metric is the same on every seed.
fn is_nothing(difference: &Statistics) -> bool {
    difference.min == 0.0 && difference.max == 0.0
}

/// A mean or a quantile of a metric, not negative, for people.
fn amount(kind: Kind, value: f64) -> String {
    match kind {
        Kind::Duration => readable(Some(Value::Duration(Span::from_nanos((value * 1e6) as u64)))),
        Kind::Share => readable(Some(Value::Share(value))),
        Kind::Rate => readable(Some(Value::Rate(value))),
        Kind::Count if value.fract() == 0.0 => format!("{value:.0}"),
        Kind::Count | Kind::Text | Kind::Bool => format!("{value:.1}"),
    }
}

/// Runs of one point of a grid, or of one policy.
#[derive(Debug)]
pub struct Group<'a> {
    /// What tells it from the other groups.
    pub keys: &'a [String],
    /// Its runs.
    pub runs: &'a [Summary],
}

/// Writes a row for each value of each metric: the keys of the group, seed, service, metric, unit, value. Durations are in
/// milliseconds; words are values too.
///
/// # Errors
/// What `out` fails with.
pub fn tidy(heads: &[&str], groups: &[Group<'_>], out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(heads.iter().copied().chain(["seed", "service", "metric", "unit", "value"]))?;
    for Group { keys, runs } in groups {
        for run in *runs {
            let seed = run.seed.to_string();
            for service in &run.services {
                for metric in MetricPath::all() {
                    let Some(value) = value_text(&metric, service) else { continue };
                    let name = metric.to_string();
                    let row = [&seed, &service.name, &name, unit(metric.kind()), &value];
                    csv.write_record(keys.iter().map(String::as_str).chain(row.map(|cell: &str| cell)))?;
                }
            }
        }
    }
    csv.flush()
}

/// Unit of a metric's values in files.
fn unit(kind: Kind) -> &'static str {
    match kind {
        Kind::Duration => "ms",
        Kind::Share => "share",
        Kind::Count => "count",
        Kind::Rate => "per second",
        Kind::Text | Kind::Bool => "",
    }
}

fn value_text(metric: &MetricPath, service: &ServiceSummary) -> Option<String> {
    Some(match metric.value(service)? {
        Value::Duration(span) => (crate::kernel::Time::ZERO + span).to_string(),
        Value::Share(number) => format!("{:.9}", number),
        Value::Rate(number) => format!("{:.3}", number),
        Value::Count(count) => count.to_string(),
        Value::Text(text) => text.to_owned(),
        Value::Bool(truth) => truth.to_string(),
    })
}

/// Writes a comparison: a row for each metric of each service under each policy, with the paired difference to the first policy.
/// Durations are in milliseconds.
///
/// # Errors
/// What `out` fails with.
pub fn comparison_csv(comparison: &Comparison, out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let difference = ["difference", "difference_low", "difference_high"];
    let heads = ["policy", "service", "metric", "unit", "runs", "mean", "min", "median", "max"];
    csv.write_record(heads.iter().chain(&difference))?;
    let number = |value: f64| format!("{}", libm::round(value * 1e9) / 1e9);
    for row in &comparison.rows {
        for (policy, cell) in comparison.policies.iter().zip(&row.cells) {
            let Cell::Number { values, difference } = cell else { continue };
            let mut record = vec![policy.clone(), row.service.clone(), row.metric.clone(), unit(row.kind).to_owned()];
            record.push(values.count.to_string());
            record.extend([values.mean, values.min, values.median, values.max].map(number));
            record.extend(match difference {
                None => [const { String::new() }; 3],
                Some(Statistics { mean, half_width, .. }) => {
                    let bound = |width: f64| half_width.map_or(String::new(), |half| number(mean + width * half));
                    [number(*mean), bound(-1.0), bound(1.0)]
                }
            });
            csv.write_record(&record)?;
        }
    }
    csv.flush()
}
