//! The lines of a CSV file, and what may stand in a column.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use csv::{Position, StringRecord};

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
        // Lines of any length are read, so that what is said of them is said here.
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let unreadable = |error: csv::Error| damaged(error.position().map_or(1, Position::line), error.to_string());
        if reader.headers().map_err(unreadable)? != header {
            return Err(damaged(1, format!("the columns are not {}", header.join(","))));
        }
        let records = reader.records().collect::<Result<Vec<StringRecord>, _>>().map_err(unreadable)?;
        if let Some(record) = records.iter().find(|record| record.len() != header.len()) {
            let what = format!("there are {} values for {} columns", record.len(), header.len());
            return Err(damaged(number(record), what));
        }
        Ok(Lines { path, header, records })
    }

    /// Where the columns of these names stand.
    ///
    /// # Panics
    /// If there is no such column.
    pub(super) fn columns<const N: usize>(&self, names: [&str; N]) -> [usize; N] {
        // Before the columns of a table there may be others, of any name.
        let column = |name: &str| self.header.iter().rposition(|known| known == name);
        names.map(|name| column(name).unwrap_or_else(|| panic!("{} has no column {name}", self.path.display())))
    }

    pub(super) fn damaged(&self, line: &StringRecord, column: usize) -> ReadError {
        let what = format!("`{}` cannot be the {}", &line[column], self.header[column]);
        ReadError::Damaged(self.path.clone(), number(line), what)
    }

    /// The times of all lines, each not before the one above it and not after the end of the run.
    pub(super) fn times(&self, column: usize, end: Time) -> Result<Vec<Time>, ReadError> {
        let mut last = Time::ZERO;
        let time = |line: &StringRecord| {
            let before = std::mem::replace(&mut last, self.time(line, column)?);
            if (before..=end).contains(&last) { Ok(last) } else { Err(self.damaged(line, column)) }
        };
        self.records.iter().map(time).collect()
    }

    pub(super) fn time(&self, line: &StringRecord, column: usize) -> Result<Time, ReadError> {
        millis(&line[column]).ok_or_else(|| self.damaged(line, column))
    }

    pub(super) fn number<T: std::str::FromStr>(&self, line: &StringRecord, column: usize) -> Result<T, ReadError> {
        line[column].parse().map_err(|_| self.damaged(line, column))
    }

    /// A number that may stand in every line: all of them together can still be counted.
    pub(super) fn count(&self, line: &StringRecord, column: usize) -> Result<u64, ReadError> {
        let count = self.number(line, column)?;
        if count > u64::MAX / self.records.len() as u64 { Err(self.damaged(line, column)) } else { Ok(count) }
    }

    /// A number that a run can have: it counts things, or nanoseconds as milliseconds, both in 64 bits.
    pub(super) fn possible(&self, line: &StringRecord, column: usize) -> Result<f64, ReadError> {
        let number: f64 = self.number(line, column)?;
        if number.abs() <= u64::MAX as f64 { Ok(number) } else { Err(self.damaged(line, column)) }
    }

    /// Such a number that is not below 0.
    pub(super) fn amount(&self, line: &StringRecord, column: usize) -> Result<f64, ReadError> {
        let number = self.possible(line, column)?;
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

/// The number of a line in its file.
fn number(line: &StringRecord) -> u64 {
    line.position().map_or(1, Position::line)
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
    fn times_are_read_as_they_are_written() {
        for micros in [0, 1, 10, 999, 1_000, 1_250_500, 86_400_000_000] {
            let time = Time::from_nanos(micros * 1_000);
            assert_eq!(millis(&time.to_string()), Some(time));
        }
        for wrong in ["", ".5", "5.", "-1", "1e3", "1.2345", "99999999999999999999"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }
}
