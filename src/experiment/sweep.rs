//! A grid of settings, each point run on the same seeds.

use super::pool;
use super::run::{measure, seed};
use crate::metrics::Summary;
use crate::scenario::Loaded;

/// A setting that varies, and the values that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Its path, as in `--set`.
    pub path: String,
    /// Its values, as they would be written.
    pub values: Vec<String>,
}

/// A way of writing an axis that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AxisError {
    /// There is no `=`.
    #[error("`{0}` has no values: write PATH=V1,V2,... or PATH=A..B/STEP")]
    NoValues(String),
    /// A range whose ends or step are not of one kind, or that never ends.
    #[error("`{0}` is no range: write numbers or durations A..B/STEP with a step above zero and A not above B")]
    Range(String),
    /// The seed, which is no setting: what it changes is chance.
    #[error("`{0}` varies the seed: use --seeds")]
    Seed(String),
    /// Two axes of one setting.
    #[error("`{0}` varies twice: give all its values at once")]
    Twice(String),
    /// A range of more values than anybody will look at.
    #[error("`{0}` has more than {MAX_VALUES} values")]
    TooMany(String),
}

/// Most values of an axis.
pub const MAX_VALUES: usize = 10_000;

impl Axis {
    /// Reads `PATH=V1,V2,...` or `PATH=A..B/STEP`, both ends included.
    ///
    /// # Errors
    /// If there are no values or the range makes no sense.
    pub fn parse(text: &str) -> Result<Axis, AxisError> {
        let (path, values) = text
            .split_once('=')
            .filter(|(_, values)| !values.is_empty())
            .ok_or_else(|| AxisError::NoValues(text.to_owned()))?;
        let path = path.trim();
        if path == "seed" {
            return Err(AxisError::Seed(text.to_owned()));
        }
        let values = match values.split_once("..") {
            Some((from, rest)) => {
                let (to, step) = rest.split_once('/').unwrap_or((rest, "1"));
                range(from, to, step, text)?
            }
            None => values.split(',').map(|value| value.trim().to_owned()).collect(),
        };
        Ok(Axis { path: path.to_owned(), values })
    }
}

/// Checks that no setting has two axes: the second would undo what the first sets.
///
/// # Errors
/// Names the first setting that has.
pub fn all_differ(axes: &[Axis]) -> Result<(), AxisError> {
    let twice =
        axes.iter().enumerate().find(|(number, axis)| axes[..*number].iter().any(|other| other.path == axis.path));
    twice.map_or(Ok(()), |(_, axis)| Err(AxisError::Twice(axis.path.clone())))
}

/// Values from `from` to `to`: whole numbers, decimal numbers or durations.
fn range(from: &str, to: &str, step: &str, text: &str) -> Result<Vec<String>, AxisError> {
    let unit = |value: f64| {
        let rounded = libm::round(value * 1e9) / 1e9;
        format!("{rounded}")
    };
    let numbers = [from, to, step].map(|value| value.trim().parse::<f64>().ok());
    let spans = [from, to, step].map(|value| crate::scenario::duration::parse_span(value.trim()).ok());
    let ([Some(from), Some(to), Some(step)], is_duration) = (match numbers {
        [Some(_), Some(_), Some(_)] => (numbers, false),
        _ => (spans.map(|span| span.map(|span| span.as_secs_f64())), true),
    }) else {
        return Err(AxisError::Range(text.to_owned()));
    };
    if !(from.is_finite() && to.is_finite() && step > 0.0 && from <= to) {
        return Err(AxisError::Range(text.to_owned()));
    }
    // A step that lacks a billionth of itself to the end still counts.
    let steps = libm::floor((to - from) / step + 1e-9);
    if steps >= MAX_VALUES as f64 {
        return Err(AxisError::TooMany(text.to_owned()));
    }
    let suffix = if is_duration { "s" } else { "" };
    Ok((0..=steps as u32).map(|number| unit(from + f64::from(number) * step) + suffix).collect())
}

/// One point of the grid.
#[derive(Debug)]
pub struct Point {
    /// Value of each axis.
    pub values: Vec<String>,
    /// The scenario with these values.
    pub scenario: Loaded,
}

/// All combinations of the axes' values, the last axis fastest.
pub fn grid(axes: &[Axis]) -> Vec<Vec<String>> {
    axes.iter().fold(vec![Vec::new()], |points, axis| {
        let pairs = points.iter().flat_map(|point| axis.values.iter().map(move |value| (point, value)));
        pairs.map(|(point, value)| point.iter().chain([value]).cloned().collect()).collect()
    })
}

/// Runs every point on the same `seeds` seeds from the scenario's own on; the results by point, then by seed.
pub fn sweep(points: &[Point], seeds: usize, done: &(dyn Fn() + Sync)) -> Vec<Vec<Summary>> {
    let mut runs = pool::in_order(
        points.len() * seeds,
        |number| {
            let scenario = &points[number / seeds].scenario;
            measure(scenario, seed(scenario, number % seeds))
        },
        done,
    )
    .into_iter();
    points.iter().map(|_| runs.by_ref().take(seeds).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        Axis::parse(text).expect("an axis").values
    }

    #[test]
    fn axes_are_lists_or_ranges_of_numbers_or_durations() {
        assert_eq!(values("update.parallelism=1,2, 5"), ["1", "2", "5"]);
        assert_eq!(values("deploy.replicas=1..5/2"), ["1", "3", "5"]);
        assert_eq!(values("deploy.replicas=2..4"), ["2", "3", "4"]);
        assert_eq!(values("update.max_failure_ratio=0..0.3/0.1"), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(values("update.delay=0s..1m/30s"), ["0s", "30s", "60s"]);
        assert_eq!(values("update.delay=0s..1s/500ms"), ["0s", "0.5s", "1s"]);
    }

    #[test]
    fn what_makes_no_axis_is_refused() {
        for text in ["update.delay", "update.delay=", "a=5..1/1", "a=1..5/0", "a=1..5s/1", "a=x..y/z", "seed=1,2"] {
            assert!(Axis::parse(text).is_err(), "{text}");
        }
        assert!(matches!(Axis::parse("a=0..1/0.00000001"), Err(AxisError::TooMany(_))));
    }

    #[test]
    fn a_setting_has_one_axis() {
        let axes = ["a=1,2", "b=1", "a =3"].map(|text| Axis::parse(text).expect("an axis"));
        assert_eq!(all_differ(&axes), Err(AxisError::Twice("a".into())));
        assert_eq!(all_differ(&axes[..2]), Ok(()));
    }

    #[test]
    fn the_grid_runs_the_last_axis_fastest() {
        let axes = [Axis::parse("a=1,2").expect("an axis"), Axis::parse("b=x,y").expect("an axis")];
        assert_eq!(grid(&axes), [["1", "x"], ["1", "y"], ["2", "x"], ["2", "y"]]);
    }
}
