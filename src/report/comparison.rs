//! Policies side by side: a table for the terminal, `compare.csv`, and a chart, which is drawn from what stands there.

use std::io;

use serde_json::json;

use super::chart;
use super::columns::{self, COMPARE};
use super::estimate::Estimate;
use super::files::{self, File};
use super::repeated::Repeated;
use super::seeds::amount;
use crate::experiment::compare::Comparison;
use crate::metrics::path::Kind;

#[cfg(test)]
mod fixture;
mod lines;
mod panels;
mod table;

pub(super) use lines::{Line, LineValue};
pub use table::table;

/// The files of a comparison: `compare.csv`, `compare.json` with the digests of the policies, and the chart.
///
/// # Errors
/// None that can be met in practice: the contents are written to memory.
pub fn files(about: &Repeated, comparison: &Comparison, digests: &[&str]) -> io::Result<Vec<File>> {
    let lines = lines::lines(comparison);
    let mut csv = Vec::new();
    lines::write_csv(&lines, &mut csv)?;
    let policy = |(name, digest)| json!({"name": name, "digest": digest});
    let json = about.json([("policies", comparison.policies.iter().zip(digests).map(policy).collect())]);
    let mut files = vec![(COMPARE.name, csv), (files::COMPARE_JSON, json.into_bytes())];
    files.extend(drawn(about, &comparison.policies, &lines));
    files.push((files::COLUMNS, columns::json().into_bytes()));
    Ok(files)
}

/// The chart of a comparison, as files.
pub(super) fn drawn(about: &Repeated, policies: &[String], lines: &[Line]) -> [File; 2] {
    let picture = chart::compare(&panels::shown(about, policies, lines));
    files::in_both_forms(&picture, files::COMPARE_CHART)
}

/// A difference with its interval: `+1.20 s ± 0.30 s`; `0` where every run is alike.
fn signed(kind: Kind, difference: &Estimate) -> String {
    if difference.is_nothing() {
        return "0".to_owned();
    }
    let amount = |value| match kind {
        // A difference of shares is no share: 2 % and 1 % differ by one point.
        Kind::Share => format!("{:.3} points", value * 100.0),
        _ => amount(kind, value),
    };
    let mean = amount(difference.value.abs());
    // What is too small to be told apart from 0 has no side either.
    let sign = match mean.contains(|digit| ('1'..='9').contains(&digit)) {
        false => "",
        true if difference.value < 0.0 => "−",
        true => "+",
    };
    let interval = difference.half_width().map_or(String::new(), |width| format!(" ± {}", amount(width)));
    format!("{sign}{mean}{interval}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_0_as_it_is_written_has_a_sign() {
        let told = |kind, value: f64, half: f64| {
            signed(kind, &Estimate { value, interval: Some([value - half, value + half]) })
        };
        assert_eq!(told(Kind::Duration, -0.02, 0.0), "0.0 ms ± 0 s");
        assert_eq!(told(Kind::Duration, -1_200.0, 300.0), "−1.20 s ± 300.0 ms");
        assert_eq!(told(Kind::Duration, 1_200.0, 300.0), "+1.20 s ± 300.0 ms");
        assert_eq!(told(Kind::Share, -1e-9, 0.01), "0.000 points ± 1.000 points");
        assert_eq!(told(Kind::Count, 0.0, 0.0), "0");
    }
}
