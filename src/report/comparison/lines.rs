//! `compare.csv`: a line for each metric of each service under each policy.

use std::io;

use super::super::columns::COMPARE;
use super::super::estimate::Estimate;
use super::super::seeds::unit;
use crate::experiment::compare::{Cell, Comparison};
use crate::metrics::path::Kind;

/// A line of `compare.csv`: a metric under one policy.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Line {
    /// The policy.
    pub(in crate::report) policy: String,
    /// The service; empty: the metric is a node's.
    pub(in crate::report) service: String,
    /// The metric's name.
    pub(in crate::report) metric: String,
    /// What its values are.
    pub(in crate::report) kind: Kind,
    /// How many runs have the value, or any number.
    pub(in crate::report) runs: usize,
    /// What it is: a word, of which there may be several lines, or numbers.
    pub(in crate::report) value: LineValue,
}

/// What a metric is under one policy.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) enum LineValue {
    /// A word.
    Word(String),
    /// Numbers, as they are written.
    Numbers {
        /// Mean over the seeds.
        mean: Estimate,
        /// Least, median and greatest of the seeds.
        spread: [f64; 3],
        /// Mean of the differences to the first policy, seed by seed.
        difference: Option<Estimate>,
    },
}

impl LineValue {
    /// The mean, if it is a number.
    pub(super) fn mean(&self) -> Option<f64> {
        match self {
            LineValue::Numbers { mean, .. } => Some(mean.value),
            LineValue::Word(_) => None,
        }
    }
}

/// What `compare.csv` says of a comparison.
pub(super) fn lines(comparison: &Comparison) -> Vec<Line> {
    let as_written = |estimate: Estimate| estimate.map(rounded);
    let mut lines = Vec::new();
    for row in &comparison.rows {
        for (policy, cell) in comparison.policies.iter().zip(&row.cells) {
            let mut line = |runs: usize, value: LineValue| {
                let (policy, service, metric) = (policy.clone(), row.service.clone(), row.metric.clone());
                lines.push(Line { policy, service, metric, kind: row.kind, runs, value });
            };
            match cell {
                Cell::None => {}
                Cell::Words(words) => {
                    words.iter().for_each(|(word, runs)| line(*runs, LineValue::Word(word.clone())));
                }
                Cell::Number { values, difference } => {
                    let mean = as_written(Estimate::of(values));
                    let spread = [values.min, values.median, values.max].map(rounded);
                    let difference = difference.as_ref().map(Estimate::of).map(as_written);
                    line(values.count, LineValue::Numbers { mean, spread, difference });
                }
            }
        }
    }
    lines
}

/// A number with at most nine decimals, which reads again as it is written.
fn rounded(number: f64) -> f64 {
    // A sum with 0 is never minus zero, which files would have as `-0`.
    libm::round(number * 1e9) / 1e9 + 0.0
}

/// Writes `compare.csv`. Durations are in milliseconds. A word has a row of its own: it stands in `value`, and `runs` counts those
/// that ended so.
pub(super) fn write_csv(lines: &[Line], out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(COMPARE.header())?;
    let estimate = |estimate: Option<&Estimate>| {
        let [low, high] = estimate.and_then(|e| e.interval).map_or([None; 2], |bounds| bounds.map(Some));
        [estimate.map(|e| e.value), low, high]
    };
    for Line { policy, service, metric, kind, runs, value } in lines {
        let (word, numbers) = match value {
            LineValue::Word(word) => (&**word, [None; 9]),
            LineValue::Numbers { mean, spread: [min, median, max], difference } => {
                let [mean, low, high] = estimate(Some(mean));
                let [by, by_low, by_high] = estimate(difference.as_ref());
                ("", [mean, low, high, Some(*min), Some(*median), Some(*max), by, by_low, by_high])
            }
        };
        let texts = [policy, service, metric, unit(*kind), word].map(str::to_owned);
        let numbers = numbers.map(|number| number.map_or(String::new(), |number| number.to_string()));
        csv.write_record(texts.into_iter().chain([runs.to_string()]).chain(numbers))?;
    }
    csv.flush()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{comparison, numbers, words};
    use super::*;

    #[test]
    fn words_of_a_comparison_have_rows_of_their_own() {
        let outcomes = [words(&[("completed", 2), ("paused", 1)]), Cell::None];
        let peaks = [numbers(&[1.0, 2.0], &[]), numbers(&[2.0, 2.0], &[1.0, 0.0])];
        let comparison = comparison([("web", "update.outcome", outcomes), ("web", "peak_tasks", peaks)]);
        let mut bytes = Vec::new();
        write_csv(&lines(&comparison), &mut bytes).expect("written");
        insta::assert_snapshot!(String::from_utf8(bytes).expect("text"), @r"
        policy,service,metric,unit,value,runs,mean,mean_low,mean_high,min,median,max,difference,difference_low,difference_high
        a,web,update.outcome,,completed,2,,,,,,,,,
        a,web,update.outcome,,paused,1,,,,,,,,,
        a,web,peak_tasks,count,,2,1.5,-4.853,7.853,1,1,2,,,
        b,web,peak_tasks,count,,2,2,2,2,2,2,2,0.5,-5.853,6.853
        ");
    }

    #[test]
    fn no_number_is_minus_zero() {
        assert_eq!(rounded(-1e-12).to_string(), "0");
    }
}
