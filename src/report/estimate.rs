//! A mean and how sure it is, as files and charts have it.

use crate::experiment::statistics::Statistics;

/// A value and the interval in which it lies with a confidence of 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// The interval, if there is more than one run.
    pub interval: Option<[f64; 2]>,
}

impl Estimate {
    /// The mean of a sample.
    pub fn of(statistics: &Statistics) -> Estimate {
        let Statistics { mean, half_width, .. } = *statistics;
        Estimate { value: mean, interval: half_width.map(|half| [mean - half, mean + half]) }
    }

    /// Half the width of the interval.
    pub fn half_width(&self) -> Option<f64> {
        self.interval.map(|[low, high]| (high - low) / 2.0)
    }

    /// The same with all numbers changed alike.
    pub fn map(self, change: impl Fn(f64) -> f64) -> Estimate {
        Estimate { value: change(self.value), interval: self.interval.map(|bounds| bounds.map(change)) }
    }

    /// The same with an interval that ends at 0.
    pub fn not_negative(self) -> Estimate {
        Estimate { interval: self.interval.map(|bounds| bounds.map(|bound| bound.max(0.0))), ..self }
    }

    /// Whether it is exactly 0, as differences are where every run is alike.
    pub fn is_nothing(&self) -> bool {
        self.value == 0.0 && self.interval.is_none_or(|bounds| bounds == [0.0; 2])
    }

    /// Whether the interval reaches 0, or the value is 0 itself.
    pub fn reaches_zero(&self) -> bool {
        let [low, high] = self.interval.unwrap_or([self.value; 2]);
        low <= 0.0 && 0.0 <= high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_may_be_nothing_or_chance_or_neither() {
        let told = |values: &[f64]| {
            let estimate = Estimate::of(&Statistics::of(values).expect("values"));
            (estimate.is_nothing(), estimate.reaches_zero())
        };
        assert_eq!(told(&[0.0, 0.0, 0.0]), (true, true));
        assert_eq!(told(&[-1.0, 0.0, 1.0]), (false, true));
        assert_eq!(told(&[1.0, 1.1, 1.2]), (false, false));
        assert_eq!((told(&[0.0]), told(&[-2.0])), ((true, true), (false, false)));
    }
}
