//! Policies side by side, on the same seeds.

use super::pool;
use super::run::{measure, seed};
use super::statistics::Statistics;
use crate::metrics::Summary;
use crate::metrics::path::{Kind, MetricPath, Value};
use crate::scenario::Loaded;

/// A scenario under one policy.
#[derive(Debug)]
pub struct Variant {
    /// Name of the policy.
    pub name: String,
    /// The scenario with the policy laid over it.
    pub scenario: Loaded,
}

/// What came of a comparison.
#[derive(Debug)]
pub struct Comparison {
    /// Names of the policies.
    pub policies: Vec<String>,
    /// A row for each metric that some run has a value of, by service; then those of the nodes.
    pub rows: Vec<Row>,
}

/// One metric of one service or node under every policy.
#[derive(Debug)]
pub struct Row {
    /// The service; empty: the metric is a node's, which its name tells.
    pub service: String,
    /// The metric's name.
    pub metric: String,
    /// What its values are.
    pub kind: Kind,
    /// Its values under each policy.
    pub cells: Vec<Cell>,
}

/// A metric under one policy.
#[derive(Debug)]
pub enum Cell {
    /// No run has a value.
    None,
    /// A number in each run that has one.
    Number {
        /// Over all seeds.
        values: Statistics,
        /// Differences to the first policy on the same seed; `None` for the first itself.
        difference: Option<Statistics>,
    },
    /// Words, each with the number of runs that ended so, in the order of their first run.
    Words(Vec<(String, usize)>),
}

/// Runs every policy on the same `seeds` seeds from the scenario's own on. Seeds decide on arrivals, durations and bad
/// containers by client, image and ordinal, so that all policies meet the same.
pub fn compare(variants: &[Variant], seeds: usize, done: &(dyn Fn() + Sync)) -> Comparison {
    let runs = pool::in_order(
        variants.len() * seeds,
        |number| {
            let scenario = &variants[number / seeds].scenario;
            measure(scenario, seed(scenario, number % seeds))
        },
        done,
    );
    let by_policy: Vec<&[Summary]> = runs.chunks(seeds).collect();
    let mut rows = Vec::new();
    let services = runs.first().map_or(&[][..], |run| &run.services);
    for service in services {
        rows.extend(MetricPath::all().map(|metric| row(&service.name, &metric, &by_policy)));
    }
    rows.extend(MetricPath::of_nodes(&runs).map(|metric| row("", &metric, &by_policy)));
    rows.retain(|row| row.cells.iter().any(|cell| !matches!(cell, Cell::None)));
    Comparison { policies: variants.iter().map(|variant| variant.name.clone()).collect(), rows }
}

fn row(service: &str, metric: &MetricPath, by_policy: &[&[Summary]]) -> Row {
    let value = |run: &Summary| metric.value_in(run, service).and_then(Value::number);
    let first: Vec<Option<f64>> = by_policy[0].iter().map(value).collect();
    let cells = by_policy.iter().enumerate().map(|(policy, runs)| {
        if !metric.kind().is_numeric() {
            let words = words(service, metric, runs);
            return if words.is_empty() { Cell::None } else { Cell::Words(words) };
        }
        let values: Vec<Option<f64>> = runs.iter().map(value).collect();
        let differences = values.iter().zip(&first).filter_map(|(value, first)| Some((*value)? - (*first)?));
        let difference = Statistics::of(&differences.collect::<Vec<f64>>()).filter(|_| policy > 0);
        match Statistics::of(&values.into_iter().flatten().collect::<Vec<f64>>()) {
            Some(values) => Cell::Number { values, difference },
            None => Cell::None,
        }
    });
    Row { service: service.to_owned(), metric: metric.to_string(), kind: metric.kind(), cells: cells.collect() }
}

/// The words that a metric has in several runs, each with the number of runs, in the order of their first.
pub fn words(service: &str, metric: &MetricPath, runs: &[Summary]) -> Vec<(String, usize)> {
    let mut words: Vec<(String, usize)> = Vec::new();
    for run in runs {
        let word = match metric.value_in(run, service) {
            Some(Value::Text(word)) => word.to_owned(),
            Some(Value::Bool(truth)) => truth.to_string(),
            _ => continue,
        };
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => words.push((word, 1)),
        }
    }
    words
}
