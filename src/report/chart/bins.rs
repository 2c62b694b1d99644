//! The bins of requests along the axis of time.

use super::super::picture::Point;
use super::axis::TimeAxis;
use crate::kernel::{Span, Time};
use crate::metrics::request_series::RequestBin;
use crate::metrics::summary::Latency;

/// The requests of a service over time, and where they are drawn.
pub(super) struct Bins<'a> {
    pub(super) bins: &'a [RequestBin],
    /// Width of a bin.
    pub(super) width: Span,
    pub(super) axis: &'a TimeAxis,
}

/// A bin with its place.
pub(super) struct Column<'a> {
    pub(super) bin: &'a RequestBin,
    /// Pixel of its beginning.
    pub(super) left: i32,
    /// Pixel of its end.
    pub(super) right: i32,
    seconds: f64,
}

impl<'a> Bins<'a> {
    /// The bins with their places, in order.
    pub(super) fn columns(&self) -> impl Iterator<Item = Column<'a>> {
        let start = |number: u64| (Time::ZERO + self.width * number).min(self.axis.end);
        (0..).zip(self.bins).map(move |(number, bin)| {
            let (from, to) = (start(number), start(number + 1));
            Column { bin, left: self.axis.x(from), right: self.axis.x(to), seconds: (to - from).as_secs_f64() }
        })
    }

    /// Lines of steps through a percentile of the latency of answers, broken where there are none.
    pub(super) fn lines(&self, y: impl Fn(&Latency) -> i32) -> Vec<Vec<Point>> {
        let mut lines: Vec<Vec<Point>> = Vec::new();
        let mut is_open = false;
        for Column { bin, left, right, .. } in self.columns() {
            if let Some(latency) = &bin.latency {
                let y = y(latency);
                if !is_open {
                    lines.push(Vec::new());
                }
                lines.last_mut().into_iter().for_each(|line| line.extend([(left, y), (right, y)]));
            }
            is_open = bin.latency.is_some();
        }
        lines
    }

    /// Whether there are answers.
    pub(super) fn has_answers(&self) -> bool {
        self.bins.iter().any(|bin| bin.latency.is_some())
    }

    /// The highest 99th percentile of the latency of answers in milliseconds.
    pub(super) fn p99_ms_max(&self) -> f64 {
        self.bins.iter().filter_map(|bin| bin.latency).map(|latency| millis(latency.p99)).fold(0.0, f64::max)
    }

    /// `mean of 10 s`, if the bins are not a second wide.
    pub(super) fn note(&self, of: &str) -> Option<String> {
        (self.width != Span::from_secs(1)).then(|| format!("{of} of {}", self.width))
    }
}

impl Column<'_> {
    /// So many requests of it, per second.
    pub(super) fn per_second(&self, count: u64) -> f64 {
        if self.seconds > 0.0 { count as f64 / self.seconds } else { 0.0 }
    }
}

/// Milliseconds with a fraction.
pub(super) fn millis(span: Span) -> f64 {
    span.as_nanos() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::RequestSeries;
    use crate::metrics::fixture::{OK, WEB, request};
    use crate::observe::Observer;

    #[test]
    fn a_line_is_broken_where_nothing_was_answered() {
        let axis = TimeAxis { left: 0, right: 100, end: Time::from_millis(10_000) };
        let mut series = RequestSeries::new(2);
        for second in [1, 2, 5] {
            series.request(&request(0, second * 1_000 - 500, second * 1_000 - 400, Some(0), OK));
        }
        let requests = series.finish();
        let bins = Bins { bins: &requests.services[WEB], width: requests.width, axis: &axis };
        let lines: Vec<Vec<i32>> =
            bins.lines(|_| 0).iter().map(|line| line.iter().map(|(x, _)| *x).collect()).collect();
        assert_eq!(lines, [vec![0, 10, 10, 20], vec![40, 50]]);
    }

    #[test]
    fn the_last_bin_ends_with_the_run() {
        let axis = TimeAxis { left: 0, right: 100, end: Time::from_millis(2_500) };
        let mut series = RequestSeries::new(2);
        for ended in [1_000, 2_500] {
            series.request(&request(0, ended - 100, ended, Some(0), OK));
        }
        let requests = series.finish();
        let bins = Bins { bins: &requests.services[WEB], width: requests.width, axis: &axis };
        let columns: Vec<_> = bins.columns().map(|column| (column.left, column.right, column.per_second(1))).collect();
        assert_eq!(columns, [(0, 40, 1.0), (40, 80, 1.0), (80, 100, 2.0)]);
    }
}
