//! How many of many: counts that are drawn in bulk, or the mean of what would be drawn.

use crate::kernel::StreamRng;
use crate::kernel::dist::{open_unit, standard_normal_quantile};

/// Above this variance a count is drawn by its normal quantile, below it exactly.
const NORMAL_ABOVE: f64 = 100.0;

/// What decides about counts.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a run has one of them")]
pub(super) enum Chance {
    /// Nothing is left to it: every count is its mean.
    Mean,
    /// Counts are drawn, each from one number.
    Drawn(StreamRng),
}

impl Chance {
    /// Events of a Poisson process in a time in which this many are to be expected.
    pub(super) fn poisson(&mut self, mean: f64) -> f64 {
        match self {
            Chance::Drawn(rng) if mean > 0.0 => poisson(mean, open_unit(rng.draw())),
            Chance::Mean | Chance::Drawn(_) => mean,
        }
    }

    /// How many of `count` it befalls, each with this probability. Of a fraction of a request it befalls a fraction.
    pub(super) fn binomial(&mut self, count: f64, probability: f64) -> f64 {
        let whole = libm::floor(count);
        match self {
            Chance::Drawn(rng) if whole > 0.0 && probability > 0.0 && probability < 1.0 => {
                binomial(whole, probability, open_unit(rng.draw())) + (count - whole) * probability
            }
            Chance::Mean | Chance::Drawn(_) => count * probability,
        }
    }
}

/// Quantile of the Poisson distribution.
fn poisson(mean: f64, u: f64) -> f64 {
    if mean > NORMAL_ABOVE {
        return by_normal(mean, mean, 1.0, u).max(0.0);
    }
    by_steps(libm::exp(-mean), f64::MAX, u, |k| mean / (k + 1.0))
}

/// Quantile of the binomial distribution. `count` is whole, and the probability between 0 and 1.
fn binomial(count: f64, probability: f64, u: f64) -> f64 {
    if probability > 0.5 {
        return count - binomial(count, 1.0 - probability, 1.0 - u);
    }
    let (mean, rest) = (count * probability, 1.0 - probability);
    if mean * rest > NORMAL_ABOVE {
        return by_normal(mean, mean * rest, rest - probability, u).clamp(0.0, count);
    }
    let none = libm::exp(count * libm::log1p(-probability));
    by_steps(none, count, u, |k| (count - k) / (k + 1.0) * (probability / rest))
}

/// Quantile of a count: goes through its probabilities from that of 0, each of which follows from the one before.
fn by_steps(none: f64, most: f64, u: f64, ratio: impl Fn(f64) -> f64) -> f64 {
    let (mut count, mut probability, mut below) = (0.0, none, none);
    // Beyond the last place of the sum it would go on for ever.
    while below < u && count < most && below + probability > below {
        probability *= ratio(count);
        below += probability;
        count += 1.0;
    }
    count
}

/// Quantile of a count with so great a variance that it is nearly normal. `skew`: third central moment over the variance.
///
/// Source: the expansion of E. A. Cornish and R. A. Fisher, "Moments and cumulants in the specification of distributions" (1938),
/// to the third moment.
fn by_normal(mean: f64, variance: f64, skew: f64, u: f64) -> f64 {
    let z = standard_normal_quantile(u);
    libm::round(mean + z * libm::sqrt(variance) + (z * z - 1.0) / 6.0 * skew)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Stream, Streams};

    /// Mean and variance of many draws.
    fn moments(draws: u32, mut draw: impl FnMut(&mut Chance) -> f64) -> (f64, f64) {
        let chance = &mut Chance::Drawn(Streams::new(1).of(Stream::Counts, 0));
        let counts: Vec<f64> = (0..draws).map(|_| draw(chance)).collect();
        let mean = counts.iter().sum::<f64>() / f64::from(draws);
        (mean, counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / f64::from(draws - 1))
    }

    #[test]
    fn poisson_counts_have_their_mean_as_variance() {
        for expected in [0.3, 7.0, 99.0, 101.0, 1e6] {
            let (mean, variance) = moments(20_000, |chance| chance.poisson(expected));
            assert!((mean - expected).abs() < 4.0 * libm::sqrt(expected / 20_000.0), "{mean} for {expected}");
            assert!((variance / expected - 1.0).abs() < 0.06, "{variance} for {expected}");
        }
    }

    #[test]
    fn binomial_counts_have_their_mean_and_variance() {
        for (count, p) in [(1.0, 0.3), (40.0, 0.9), (1e6, 1e-6), (1e6, 0.25), (1e4, 0.999)] {
            let (mean, variance) = moments(20_000, |chance| chance.binomial(count, p));
            let expected = count * p * (1.0 - p);
            assert!((mean - count * p).abs() < 4.0 * libm::sqrt(expected / 20_000.0), "{mean} for {count}, {p}");
            assert!((variance / expected - 1.0).abs() < 0.06, "{variance} for {count}, {p}");
        }
    }

    #[test]
    fn both_ways_to_draw_meet_at_their_border() {
        for u in [0.001, 0.2, 0.5, 0.9, 0.999] {
            let exact = by_steps(libm::exp(-NORMAL_ABOVE), f64::MAX, u, |k| NORMAL_ABOVE / (k + 1.0));
            assert!((exact - by_normal(NORMAL_ABOVE, NORMAL_ABOVE, 1.0, u)).abs() <= 1.0, "{u}");
        }
    }

    #[test]
    fn certain_and_impossible_things_are_not_drawn() {
        let chance = &mut Chance::Drawn(Streams::new(1).of(Stream::Counts, 0));
        assert_eq!([chance.binomial(5.5, 1.0), chance.binomial(5.5, 0.0), chance.poisson(0.0)], [5.5, 0.0, 0.0]);
        let mean = &mut Chance::Mean;
        assert_eq!([mean.binomial(5.5, 0.5), mean.poisson(0.25)], [2.75, 0.25]);
    }
}
