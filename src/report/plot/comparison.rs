//! The report of a comparison.

use std::path::Path;

use csv::StringRecord;

use super::super::columns::COMPARE;
use super::super::comparison::{self, Line, LineValue};
use super::super::estimate::Estimate;
use super::super::files::{self, File};
use super::lines::Lines;
use super::{Json, ReadError};
use crate::metrics::MetricPath;

/// The chart of a comparison.
pub(super) fn charts(folder: &Path) -> Result<[File; 2], ReadError> {
    let json = Json::read(folder, files::COMPARE_JSON)?;
    let policies = json.list("/policies", |policy| policy["name"].as_str().map(str::to_owned))?;
    let lines = Lines::read(folder, COMPARE.name, COMPARE.header())?;
    let read = lines.records.iter().map(|line| read(&lines, line, &policies)).collect::<Result<Vec<Line>, _>>()?;
    Ok(comparison::drawn(&json.repeated()?, &policies, &read))
}

fn read(lines: &Lines, line: &StringRecord, policies: &[String]) -> Result<Line, ReadError> {
    if !policies.iter().any(|policy| *policy == line[0]) {
        return Err(lines.damaged(line, 0));
    }
    let kind = MetricPath::parse(&line[2]).map_err(|_| lines.damaged(line, 2))?.kind();
    let value = if kind.is_numeric() {
        let mean = Estimate { value: lines.amount(line, 6)?, interval: interval(lines, line, 7)? };
        let difference = match &line[12] {
            "" => None,
            _ => Some(Estimate { value: lines.finite(line, 12)?, interval: interval(lines, line, 13)? }),
        };
        let spread = [lines.amount(line, 9)?, lines.amount(line, 10)?, lines.amount(line, 11)?];
        LineValue::Numbers { mean, spread, difference }
    } else {
        LineValue::Word(line[4].to_owned())
    };
    let [policy, service, metric] = [0, 1, 2].map(|column| line[column].to_owned());
    Ok(Line { policy, service, metric, kind, runs: lines.number(line, 5)?, value })
}

/// The ends of an interval in this column and the next, if there is one.
fn interval(lines: &Lines, line: &StringRecord, column: usize) -> Result<Option<[f64; 2]>, ReadError> {
    if line[column].is_empty() {
        return Ok(None);
    }
    Ok(Some([lines.finite(line, column)?, lines.finite(line, column + 1)?]))
}
