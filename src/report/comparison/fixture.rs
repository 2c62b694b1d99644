//! Comparisons for tests.

use crate::experiment::compare::{Cell, Comparison, Row};
use crate::experiment::statistics::Statistics;
use crate::metrics::MetricPath;

pub(super) fn words(words: &[(&str, usize)]) -> Cell {
    Cell::Words(words.iter().map(|(word, runs)| ((*word).to_owned(), *runs)).collect())
}

pub(super) fn numbers(values: &[f64], differences: &[f64]) -> Cell {
    Cell::Number { values: Statistics::of(values).expect("values"), difference: Statistics::of(differences) }
}

/// Of two policies, `a` and `b`; a row is a service, a metric, and what it is under each.
pub(super) fn comparison(rows: impl IntoIterator<Item = (&'static str, &'static str, [Cell; 2])>) -> Comparison {
    let row = |(service, metric, cells): (&str, &str, [Cell; 2])| {
        let kind = MetricPath::parse(metric).expect("a metric").kind();
        Row { service: service.into(), metric: metric.into(), kind, cells: cells.into() }
    };
    Comparison { policies: vec!["a".into(), "b".into()], rows: rows.into_iter().map(row).collect() }
}
