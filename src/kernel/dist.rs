//! Distributions of durations. One draw takes exactly one uniform number, so that streams stay in step.

use std::fmt;
use std::sync::Arc;

use super::time::Span;

/// How long something takes: a constant or a distribution.
///
/// Every sample is the inverse of the distribution function at one uniform 64-bit number (so two runs that draw the same
/// number for the same thing differ only by their distributions), rounded to whole microseconds; a constant is kept as it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    /// Always the same.
    Constant(Span),
    /// Exponential with this mean.
    Exponential {
        /// Mean.
        mean: Span,
    },
    /// Evenly between the bounds.
    Uniform {
        /// Shortest.
        low: Span,
        /// Longest; not below `low`.
        high: Span,
    },
    /// Log-normal: the logarithm of the duration in microseconds is normal.
    LogNormal {
        /// Mean of the logarithm of the microseconds.
        mu: f64,
        /// Standard deviation of that logarithm.
        sigma: f64,
    },
    /// One of these values, each as likely; never empty.
    Empirical(Arc<[Span]>),
}

impl Dist {
    /// A log-normal distribution with this median and 99th percentile (`p99 >= median > 0`).
    pub fn log_normal(median: Span, p99: Span) -> Dist {
        let mu = libm::log(median.as_nanos() as f64 / 1e3);
        let sigma = (libm::log(p99.as_nanos() as f64 / 1e3) - mu) / standard_normal_quantile(0.99);
        Dist::LogNormal { mu, sigma }
    }

    /// The sample that belongs to the uniform number `u`.
    pub fn sample(&self, u: u64) -> Span {
        match self {
            Dist::Constant(span) => *span,
            Dist::Exponential { mean } => nearest_micros(-libm::log(open_unit(u)) * (mean.as_nanos() as f64 * 1e-3)),
            Dist::Uniform { low, high } => {
                let (low, high) = (low.as_micros(), high.as_micros());
                let width = u128::from(high - low) + 1;
                Span::from_micros(low + ((u128::from(u) * width) >> 64) as u64)
            }
            Dist::LogNormal { mu, sigma } => {
                nearest_micros(libm::exp(mu + sigma * standard_normal_quantile(open_unit(u))))
            }
            Dist::Empirical(values) => values[((u128::from(u) * values.len() as u128) >> 64) as usize],
        }
    }

    /// Whether every sample is the same.
    pub fn is_constant(&self) -> bool {
        match self {
            Dist::Constant(_) => true,
            Dist::Exponential { mean } => mean.is_zero(),
            Dist::Uniform { low, high } => low == high,
            Dist::LogNormal { sigma, .. } => *sigma == 0.0,
            Dist::Empirical(values) => values.iter().all(|v| *v == values[0]),
        }
    }

    /// What 99 of 100 samples do not exceed; of single values the longest.
    pub fn p99(&self) -> Span {
        const HUNDREDTH: u64 = u64::MAX / 100;
        match self {
            // Its samples fall with the number that is drawn; those of the others rise.
            Dist::Exponential { .. } => self.sample(HUNDREDTH),
            Dist::Empirical(values) => values.iter().copied().max().unwrap_or(Span::ZERO),
            _ => self.sample(99 * HUNDREDTH),
        }
    }

    /// Mean of the distribution.
    pub fn mean(&self) -> Span {
        match self {
            Dist::Constant(span) => *span,
            Dist::Exponential { mean } => *mean,
            Dist::Uniform { low, high } => Span::from_nanos((low.as_nanos() + high.as_nanos()) / 2),
            Dist::LogNormal { mu, sigma } => {
                Span::from_nanos(libm::round(libm::exp(mu + sigma * sigma / 2.0) * 1e3) as u64)
            }
            Dist::Empirical(values) => {
                let sum: u128 = values.iter().map(|v| u128::from(v.as_nanos())).sum();
                Span::from_nanos((sum / values.len() as u128) as u64)
            }
        }
    }
}

/// For people: `1.5s`, `exponential with mean 20ms`.
impl fmt::Display for Dist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dist::Constant(span) => write!(f, "{span}"),
            Dist::Exponential { mean } => write!(f, "exponential with mean {mean}"),
            Dist::Uniform { low, high } => write!(f, "uniform from {low} to {high}"),
            Dist::LogNormal { .. } => write!(f, "log-normal with mean {}", self.mean()),
            Dist::Empirical(values) => write!(f, "one of {} values with mean {}", values.len(), self.mean()),
        }
    }
}

impl Default for Dist {
    fn default() -> Self {
        Dist::Constant(Span::ZERO)
    }
}

/// The nearest whole number of microseconds of a duration that is not negative.
fn nearest_micros(micros: f64) -> Span {
    // Truncation is one instruction everywhere; rounding is a call where the processor may lack it. A tail beyond what can be
    // told is cut off at 500 years.
    Span::from_micros((micros + 0.5).min(1.6e16) as u64)
}

/// Maps 64 uniform bits to the open interval (0, 1): the middle of one of 2^52 equal parts.
///
/// It sets the bits of a number in [1, 2). Converting an integer would be as short, but on x86-64 that instruction waits for
/// the register's last value, which makes each draw wait for the one before.
pub(crate) fn open_unit(u: u64) -> f64 {
    f64::from_bits(1.0f64.to_bits() | u >> 12) - (1.0 - f64::EPSILON / 2.0)
}

/// Quantile of the standard normal distribution for `0 < p < 1`, relative error below 1.2e-9.
///
/// Source: P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function" (2003): the
/// coefficients of his rational approximations.
pub(crate) fn standard_normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    const LOW: f64 = 0.02425;

    let horner = |coefficients: &[f64], x: f64| coefficients.iter().fold(0.0, |sum, c| sum * x + c);
    let tail = |p: f64| {
        let q = libm::sqrt(-2.0 * libm::log(p));
        horner(&C, q) / (horner(&D, q) * q + 1.0)
    };
    if p < LOW {
        tail(p)
    } else if p > 1.0 - LOW {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / (horner(&B, r) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_quantile_meets_published_values() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959_963_985), (0.99, 2.326_347_874), (0.001, -3.090_232_306)] {
            assert!((standard_normal_quantile(p) - z).abs() < 1e-8, "{p}");
        }
    }

    #[test]
    fn the_unit_interval_is_open_and_even() {
        assert_eq!(open_unit(0), f64::EPSILON / 2.0);
        assert_eq!(open_unit(u64::MAX), 1.0 - f64::EPSILON / 2.0);
        assert_eq!(open_unit(1 << 63), 0.5 + f64::EPSILON / 2.0);
    }

    #[test]
    fn samples_meet_the_stated_quantiles() {
        let at = |p: f64| libm::ldexp(p, 64) as u64;
        let ms = Span::from_millis;
        let log_normal = Dist::log_normal(ms(1000), ms(4000));
        assert_eq!(log_normal.sample(at(0.5)).as_millis(), 1000);
        assert_eq!(log_normal.sample(at(0.99)).as_millis(), 4000);
        // The sampler takes small numbers for long durations: the median is mean * ln 2.
        assert_eq!(Dist::Exponential { mean: ms(1000) }.sample(at(0.5)).as_micros(), 693_147);
        let uniform = Dist::Uniform { low: ms(1), high: ms(2) };
        assert_eq!((uniform.sample(0), uniform.sample(u64::MAX)), (ms(1), ms(2)));
        let empirical = Dist::Empirical([ms(1), ms(5)].into());
        assert_eq!((empirical.sample(0), empirical.sample(u64::MAX)), (ms(1), ms(5)));
    }

    #[test]
    fn the_99th_percentile_is_that_of_the_samples() {
        let ms = Span::from_millis;
        assert_eq!(Dist::Constant(ms(7)).p99(), ms(7));
        assert_eq!(Dist::Exponential { mean: ms(1000) }.p99().as_millis(), 4605);
        assert_eq!(Dist::Uniform { low: ms(0), high: ms(100) }.p99().as_millis(), 99);
        assert_eq!(Dist::log_normal(ms(1000), ms(4000)).p99().as_millis(), 4000);
        assert_eq!(Dist::Empirical([ms(5), ms(1)].into()).p99(), ms(5));
    }
}
