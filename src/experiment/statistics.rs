//! What many values of one metric say: mean with a 95 % interval, and quantiles.

/// A sample's mean and how sure it is, and where its values lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Number of values; at least 1.
    pub count: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Half the width of the 95 % confidence interval of the mean, by Student's t; `None` for a single value.
    pub half_width: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// 5th percentile, nearest rank.
    pub p5: f64,
    /// Median, nearest rank.
    pub median: f64,
    /// 95th percentile, nearest rank.
    pub p95: f64,
    /// Largest value.
    pub max: f64,
}

impl Statistics {
    /// Of these finite values; `None` if there are none.
    pub fn of(values: &[f64]) -> Option<Statistics> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let count = sorted.len();
        // Differences to the first value keep a constant sample exactly constant.
        let mean = min + sorted.iter().map(|value| value - min).sum::<f64>() / count as f64;
        let squares: f64 = sorted.iter().map(|value| (value - mean) * (value - mean)).sum();
        let half_width = (count > 1).then(|| {
            let degrees = count - 1;
            student_t_975(degrees) * libm::sqrt(squares / degrees as f64 / count as f64)
        });
        let rank = |share: f64| sorted[(libm::ceil(share * count as f64) as usize).clamp(1, count) - 1];
        Some(Statistics { count, mean, half_width, min, p5: rank(0.05), median: rank(0.5), p95: rank(0.95), max })
    }
}

/// Quantile 0.975 of Student's t distribution, to three digits after the point.
///
/// Source: the published table for up to 4 degrees of freedom; from there on the expansion about the normal quantile
/// (Abramowitz and Stegun, 26.7.5).
fn student_t_975(degrees: usize) -> f64 {
    const SMALL: [f64; 4] = [12.706, 4.303, 3.182, 2.776];
    const Z: f64 = 1.959_963_984_540_054;
    if let Some(quantile) = SMALL.get(degrees - 1) {
        return *quantile;
    }
    let n = degrees as f64;
    // The precision of `powi` differs between platforms, that of a product does not.
    const Z2: f64 = Z * Z;
    const Z4: f64 = Z2 * Z2;
    let (z3, z5, z7, z9) = (Z2 * Z, Z4 * Z, Z4 * Z2 * Z, Z4 * Z4 * Z);
    let first = (z3 + Z) / 4.0;
    let second = (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / 96.0;
    let third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / 384.0;
    let fourth = (79.0 * z9 + 776.0 * z7 + 1482.0 * z5 - 1920.0 * z3 - 945.0 * Z) / 92_160.0;
    Z + (first + (second + (third + fourth / n) / n) / n) / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_quantiles_meet_the_published_table() {
        for (degrees, quantile) in
            [(1, 12.706), (4, 2.776), (5, 2.571), (6, 2.447), (10, 2.228), (30, 2.042), (120, 1.980)]
        {
            assert!((student_t_975(degrees) - quantile).abs() < 2e-3, "{degrees}: {}", student_t_975(degrees));
        }
    }

    #[test]
    fn the_interval_is_that_of_a_textbook() {
        // Mean 3, standard deviation 1.5811, t(4) 2.776: half width 2.776 * 1.5811 / sqrt(5).
        let statistics = Statistics::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).expect("values");
        assert_eq!((statistics.mean, statistics.median, statistics.p5, statistics.p95), (3.0, 3.0, 1.0, 5.0));
        assert!((statistics.half_width.expect("more than one value") - 1.9629).abs() < 1e-3);
    }

    #[test]
    fn a_constant_sample_has_no_width() {
        let statistics = Statistics::of(&[0.1, 0.1, 0.1]).expect("values");
        assert_eq!((statistics.mean, statistics.half_width), (0.1, Some(0.0)));
        assert_eq!(Statistics::of(&[]), None);
    }
}
