//! From times and values to pixels, with ticks at round numbers.

use crate::kernel::Time;

/// Time from left to right.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeAxis {
    /// Pixel of the start of the run.
    pub(super) left: i32,
    /// Pixel of its end.
    pub(super) right: i32,
    /// End of the run, after its start.
    pub(super) end: Time,
}

/// Values from 0 at the bottom upwards.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueAxis {
    top: i32,
    bottom: i32,
    step: f64,
    steps: u32,
    decimals: usize,
}

/// Values from left to right, 0 among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignedAxis {
    left: i32,
    right: i32,
    step: f64,
    first: i32,
    last: i32,
    decimals: usize,
}

/// A tick of a [`SignedAxis`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedTick {
    /// How many ticks to the right of that at 0.
    pub(super) number: i32,
    /// Its pixel.
    pub(super) x: i32,
    /// What is written at it.
    pub(super) text: String,
}

/// A pixel and what is written at it.
pub(super) type Tick = (i32, String);

impl TimeAxis {
    /// The pixel of a time; times past the end lie at the end.
    pub(super) fn x(&self, time: Time) -> i32 {
        let share = u128::from(time.min(self.end).as_nanos()) * (self.right - self.left) as u128;
        self.left + (share / u128::from(self.end.as_nanos())) as i32
    }

    /// Ticks at round numbers of seconds, a dozen at most.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        const MOST: u64 = 12;
        const ROUND_MS: [u64; 21] = [
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000,
            600_000, 1_800_000, 3_600_000,
        ];
        let end_ms = self.end.as_millis();
        let round = ROUND_MS.into_iter().find(|step| end_ms / step <= MOST);
        let step = round.unwrap_or_else(|| end_ms.div_ceil(MOST * 3_600_000) * 3_600_000);
        let tick = |ms: u64| (self.x(Time::from_millis(ms)), (ms as f64 / 1_000.0).to_string());
        (0..=end_ms / step).map(|n| tick(n * step)).collect()
    }
}

impl ValueAxis {
    /// An axis up to `max`, in the pixels from `top` to `bottom`; `whole`: values are counts.
    pub(super) fn new(max: f64, top: i32, bottom: i32, whole: bool) -> ValueAxis {
        let (step, decimals) = round_step(max, whole);
        let steps = ((max / step).ceil() as u32).max(1);
        ValueAxis { top, bottom, step, steps, decimals }
    }

    /// The pixel of a value.
    pub(super) fn y(&self, value: f64) -> i32 {
        let share = value / (self.step * f64::from(self.steps));
        self.bottom - (share * f64::from(self.bottom - self.top)).round() as i32
    }

    /// Ticks from 0 up.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let tick = |n: u32| {
            let value = self.step * f64::from(n);
            (self.y(value), format!("{value:.0$}", self.decimals))
        };
        (0..=self.steps).map(tick).collect()
    }
}

impl SignedAxis {
    /// An axis from `low`, at most 0, to `high`, at least 0, between two pixels; `whole`: values are counts.
    pub(super) fn new([low, high]: [f64; 2], [left, right]: [i32; 2], whole: bool) -> SignedAxis {
        let (step, decimals) = round_step(high - low, whole);
        let (first, last) = ((low / step).floor() as i32, (high / step).ceil() as i32);
        SignedAxis { left, right, step, first, last: if first == last { first + 1 } else { last }, decimals }
    }

    /// The pixel of a value.
    pub(super) fn x(&self, value: f64) -> i32 {
        let share = (value / self.step - f64::from(self.first)) / f64::from(self.last - self.first);
        self.left + (share * f64::from(self.right - self.left)).round() as i32
    }

    /// Ticks from left to right.
    pub(super) fn ticks(&self) -> Vec<SignedTick> {
        let tick = |number: i32| {
            let value = self.step * f64::from(number);
            let text = format!("{value:.0$}", self.decimals).replace('-', "−");
            SignedTick { number, x: self.x(value), text }
        };
        (self.first..=self.last).map(tick).collect()
    }
}

/// The least of 1, 2 and 5 times a power of ten of which four reach as far as `length`, and how many decimals it has; `whole`: not
/// below 1.
fn round_step(length: f64, whole: bool) -> (f64, usize) {
    const MOST: f64 = 4.0;
    let mut decimals = if whole { 0 } else { 6 };
    let mut decade = if whole { 1.0 } else { 1e-6 };
    loop {
        for round in [1.0, 2.0, 5.0] {
            let step = round * decade;
            if length <= step * MOST {
                return (step, decimals);
            }
        }
        decimals = usize::saturating_sub(decimals, 1);
        decade *= 10.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(end_ms: u64) -> Vec<String> {
        let axis = TimeAxis { left: 100, right: 1_100, end: Time::from_millis(end_ms) };
        axis.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn time_ticks_are_few_and_round() {
        assert_eq!(seconds(120_000).join(" "), "0 10 20 30 40 50 60 70 80 90 100 110 120");
        assert_eq!(seconds(3_600_000).join(" "), "0 300 600 900 1200 1500 1800 2100 2400 2700 3000 3300 3600");
        assert_eq!(seconds(1_200).join(" "), "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1 1.1 1.2");
        assert_eq!(seconds(1).join(" "), "0 0.001");
        assert!(seconds(1_000 * 86_400_000).len() <= 13);
    }

    #[test]
    fn value_ticks_reach_the_largest_value() {
        let texts = |max, whole| -> Vec<String> {
            ValueAxis::new(max, 0, 100, whole).ticks().into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(texts(10.0, true), ["0", "5", "10"]);
        assert_eq!(texts(2.0, true), ["0", "1", "2"]);
        assert_eq!(texts(0.0, true), ["0", "1"]);
        assert_eq!(texts(0.3, false), ["0.0", "0.1", "0.2", "0.3"]);
        assert_eq!(texts(1_234.0, true), ["0", "500", "1000", "1500"]);
        assert_eq!(ValueAxis::new(10.0, 0, 100, true).y(10.0), 0);
        assert_eq!(ValueAxis::new(10.0, 0, 100, true).y(0.0), 100);
    }

    #[test]
    fn an_axis_of_differences_has_0_at_a_tick() {
        let told = |low, high, whole| {
            let axis = SignedAxis::new([low, high], [100, 400], whole);
            let texts: Vec<String> = axis.ticks().into_iter().map(|tick| tick.text).collect();
            (texts.join(" "), axis.x(low), axis.x(0.0), axis.x(high))
        };
        assert_eq!(told(-20.0, 60.0, false), ("−20 0 20 40 60".into(), 100, 175, 400));
        assert_eq!(told(-0.3, 0.0, false), ("−0.3 −0.2 −0.1 0.0".into(), 100, 400, 400));
        assert_eq!(told(0.0, 0.0, true), ("0 1".into(), 100, 100, 100));
    }
}
