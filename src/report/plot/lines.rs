//! The lines of a CSV file, and what may stand in a column.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use csv::StringRecord;

use super::{ReadError, text};
use crate::kernel::Time;

/// The lines of a CSV file.
pub(super) struct Lines {
    pub(super) path: PathBuf,
    header: Vec<String>,
    pub(super) records: Vec<StringRecord>,
}

impl Lines {
    /// Reads a file that must have these columns.
    pub(super) fn read<'a>(
        folder: &Path,
        name: &str,
        columns: impl IntoIterator<Item = &'a str>,
    ) -> Result<Lines, ReadError> {
        let path = folder.join(name);
        let header: Vec<String> = columns.into_iter().map(str::to_owned).collect();
        let text = text(&path)?;
        let damaged = |line: u64, what: String| ReadError::Damaged(path.clone(), line, what);
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let place = |error: &csv::Error| error.position().map_or(1, csv::Position::line);
        let found = reader.headers().map_err(|error| damaged(place(&error), error.to_string()))?;
        if found != header {
            return Err(damaged(1, format!("the columns are not {}", header.join(","))));
        }
        let records = reader.records().collect::<Result<_, _>>();
        let records = records.map_err(|error| damaged(place(&error), error.to_string()))?;
        Ok(Lines { path, header, records })
    }

    pub(super) fn damaged(&self, line: &StringRecord, column: usize) -> ReadError {
        let what = format!("`{}` cannot be the {}", &line[column], self.header[column]);
        ReadError::Damaged(self.path.clone(), line.position().map_or(1, csv::Position::line), what)
    }

    pub(super) fn time(&self, line: &StringRecord, column: usize) -> Result<Time, ReadError> {
        millis(&line[column]).ok_or_else(|| self.damaged(line, column))
    }

    pub(super) fn number<T: std::str::FromStr>(&self, line: &StringRecord, column: usize) -> Result<T, ReadError> {
        line[column].parse().map_err(|_| self.damaged(line, column))
    }

    /// A number that is not infinite.
    pub(super) fn finite(&self, line: &StringRecord, column: usize) -> Result<f64, ReadError> {
        self.number(line, column)
            .and_then(|number: f64| if number.is_finite() { Ok(number) } else { Err(self.damaged(line, column)) })
    }

    /// A number that is not infinite and not below 0.
    pub(super) fn amount(&self, line: &StringRecord, column: usize) -> Result<f64, ReadError> {
        let number = self.finite(line, column)?;
        if number < 0.0 { Err(self.damaged(line, column)) } else { Ok(number) }
    }

    /// The id of a name that was told before.
    pub(super) fn id<I: Copy>(
        &self,
        line: &StringRecord,
        column: usize,
        ids: &BTreeMap<String, I>,
    ) -> Result<I, ReadError> {
        ids.get(&line[column]).copied().ok_or_else(|| self.damaged(line, column))
    }

    pub(super) fn word<T: Copy, const N: usize>(
        &self,
        line: &StringRecord,
        column: usize,
        all: [T; N],
        name: fn(T) -> &'static str,
    ) -> Result<T, ReadError> {
        all.into_iter().find(|word| name(*word) == &line[column]).ok_or_else(|| self.damaged(line, column))
    }
}

/// A time as files write it: milliseconds with up to three decimals.
pub(super) fn millis(text: &str) -> Option<Time> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 3 {
        return None;
    }
    let micros = format!("{decimals:0<3}").parse::<u64>().ok()?;
    let nanos = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros * 1_000)?;
    Some(Time::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    pub(super) fn times_are_read_as_they_are_written() {
        for micros in [0, 1, 10, 999, 1_000, 1_250_500, 86_400_000_000] {
            let time = Time::from_nanos(micros * 1_000);
            assert_eq!(millis(&time.to_string()), Some(time));
        }
        for wrong in ["", ".5", "5.", "-1", "1e3", "1.2345", "99999999999999999999"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }
}
