//! The report of a comparison.

use std::path::Path;

use csv::StringRecord;

use super::super::columns::COMPARE;
use super::super::comparison::{self, Line, LineValue};
use super::super::estimate::Estimate;
use super::super::files::{self, File};
use super::super::repeated;
use super::lines::Lines;
use super::{Json, ReadError};
use crate::metrics::MetricPath;

/// The chart of a comparison.
pub(super) fn charts(folder: &Path) -> Result<[File; 2], ReadError> {
    let json = Json::read(folder, files::COMPARE_JSON, repeated::SCHEMA_VERSION)?;
    let policies = json.list("/policies", |policy| policy["name"].as_str().map(str::to_owned))?;
    let lines = Lines::read(folder, COMPARE.name, COMPARE.header())?;
    let columns = Columns::of(&lines);
    let read = lines.records.iter().map(|line| read(&lines, &columns, line, &policies));
    let read = read.collect::<Result<Vec<Line>, _>>()?;
    Ok(comparison::drawn(&json.repeated()?, &policies, &read))
}

/// Where the columns stand.
struct Columns {
    /// Of policy, service, metric, value and runs.
    words: [usize; 5],
    /// Of the mean and the ends of its interval.
    mean: [usize; 3],
    /// Of the least, the median and the greatest.
    spread: [usize; 3],
    /// Of the difference and the ends of its interval.
    difference: [usize; 3],
}

impl Columns {
    fn of(lines: &Lines) -> Columns {
        Columns {
            words: lines.columns(["policy", "service", "metric", "value", "runs"]),
            mean: lines.columns(["mean", "mean_low", "mean_high"]),
            spread: lines.columns(["min", "median", "max"]),
            difference: lines.columns(["difference", "difference_low", "difference_high"]),
        }
    }
}

fn read(lines: &Lines, columns: &Columns, line: &StringRecord, policies: &[String]) -> Result<Line, ReadError> {
    let [policy, service, metric, word, runs] = columns.words;
    if !policies.iter().any(|known| *known == line[policy]) {
        return Err(lines.damaged(line, policy));
    }
    let kind = MetricPath::parse(&line[metric]).map_err(|_| lines.damaged(line, metric))?.kind();
    let value = if kind.is_numeric() {
        lines.amount(line, columns.mean[0])?;
        let mean = estimate(lines, line, columns.mean)?;
        let [min, median, max] = columns.spread.map(|column| lines.amount(line, column));
        let difference = match &line[columns.difference[0]] {
            "" => None,
            _ => Some(estimate(lines, line, columns.difference)?),
        };
        LineValue::Numbers { mean, spread: [min?, median?, max?], difference }
    } else {
        LineValue::Word(line[word].to_owned())
    };
    let runs = lines.number(line, runs)?;
    let [policy, service, metric] = [policy, service, metric].map(|column| line[column].to_owned());
    Ok(Line { policy, service, metric, kind, runs, value })
}

/// A value and the interval around it, if there is one.
fn estimate(lines: &Lines, line: &StringRecord, [value, low, high]: [usize; 3]) -> Result<Estimate, ReadError> {
    let number = lines.possible(line, value)?;
    if line[low].is_empty() {
        return Ok(Estimate { value: number, interval: None });
    }
    let interval = [lines.possible(line, low)?, lines.possible(line, high)?];
    let is_inside = interval[0] <= number && number <= interval[1];
    if is_inside { Ok(Estimate { value: number, interval: Some(interval) }) } else { Err(lines.damaged(line, value)) }
}
