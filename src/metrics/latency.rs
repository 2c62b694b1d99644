//! Percentiles of latencies.

use hdrhistogram::Histogram;

use super::summary::Latency;
use crate::kernel::Span;

/// Significant decimal digits that the histogram keeps.
const SIGNIFICANT_DIGITS: u8 = 3;
/// Those of one among many.
const COARSE_DIGITS: u8 = 2;

/// Latencies, counted in whole microseconds.
///
/// A percentile is the value at its nearest rank. Below 2,048 µs it is exact, above it is at most 0.1 % too long, and never
/// beyond the longest that was seen; that one, and latencies that are all alike, are exact at any length.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    histogram: Histogram<u64>,
    max: u64,
}

impl Latencies {
    /// None yet.
    pub(super) fn new() -> Latencies {
        Latencies::with_digits(SIGNIFICANT_DIGITS)
    }

    /// None yet, for one of many: takes an eighth of the memory, and a percentile may be 1 % too long.
    pub(super) fn coarse() -> Latencies {
        Latencies::with_digits(COARSE_DIGITS)
    }

    fn with_digits(digits: u8) -> Latencies {
        let histogram = Histogram::new(digits).expect("the number of digits is one that is allowed");
        Latencies { histogram, max: 0 }
    }

    /// Counts one latency.
    #[inline]
    pub(super) fn record(&mut self, latency: Span) {
        let micros = latency.as_micros();
        self.histogram.record(micros).expect("a histogram that resizes itself takes every value");
        self.max = self.max.max(micros);
    }

    /// Forgets all latencies.
    pub(super) fn clear(&mut self) {
        self.histogram.reset();
        self.max = 0;
    }

    /// Counts all latencies of `other` too.
    pub(super) fn merge(&mut self, other: &Latencies) {
        self.histogram.add(&other.histogram).expect("a histogram that resizes itself takes every value");
        self.max = self.max.max(other.max);
    }

    /// The percentiles; `None` if there is no latency.
    pub(super) fn percentiles(&self) -> Option<Latency> {
        (!self.histogram.is_empty()).then(|| Latency {
            p50: self.per_mille(500),
            p90: self.per_mille(900),
            p99: self.per_mille(990),
            p99_9: self.per_mille(999),
            max: Span::from_micros(self.max),
        })
    }

    /// The value at the nearest rank of this many thousandths.
    fn per_mille(&self, per_mille: u64) -> Span {
        let count = self.histogram.len();
        let rank = u128::from(count) * u128::from(per_mille);
        let rank = rank.div_ceil(1_000) as f64;
        // Half a rank less, so that the histogram's own rounding up gives this rank and not the next by a float's last bit.
        let micros = self.histogram.value_at_quantile((rank - 0.5) / count as f64);
        Span::from_micros(micros.min(self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(micros: impl Iterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::new();
        micros.for_each(|micros| latencies.record(Span::from_micros(micros)));
        latencies
    }

    #[test]
    fn percentiles_are_the_values_at_the_nearest_rank() {
        let percentiles = latencies(1..=1_000).percentiles().unwrap();
        let micros = [percentiles.p50, percentiles.p90, percentiles.p99, percentiles.p99_9, percentiles.max];
        assert_eq!(micros.map(Span::as_micros), [500, 900, 990, 999, 1_000]);
        let percentiles = latencies([10, 20, 30].into_iter()).percentiles().unwrap();
        assert_eq!([percentiles.p50, percentiles.p90].map(Span::as_micros), [20, 30]);
    }

    #[test]
    fn latencies_that_are_all_alike_are_exact() {
        let percentiles = latencies(std::iter::repeat_n(12_345_678, 5)).percentiles().unwrap();
        assert_eq!([percentiles.p50, percentiles.max].map(Span::as_micros), [12_345_678; 2]);
    }

    #[test]
    fn long_latencies_are_at_most_a_thousandth_too_long() {
        let percentiles = latencies((1..=10_000).map(|ms| ms * 1_000)).percentiles().unwrap();
        let p90 = percentiles.p90.as_micros();
        assert!((9_000_000..=9_009_000).contains(&p90), "{p90}");
    }

    #[test]
    fn merging_and_clearing() {
        let mut both = latencies(1..=500);
        both.merge(&latencies(501..=1_000));
        assert_eq!(both.percentiles(), latencies(1..=1_000).percentiles());
        both.clear();
        assert_eq!(both.percentiles(), None);
    }
}
