//! Rates that change over time, and the instants at which events come of them.

use super::time::Span;

/// Most steps of the search for an instant, which doubles its precision with nearly every one.
const MOST_STEPS: u32 = 64;

/// An instant is known well enough when the search moves it by less than this, in seconds.
const PRECISION: f64 = 1e-8;

/// How many events are to be expected in a second, over time from the start of the curve on.
#[derive(Clone, Debug, PartialEq)]
pub enum Curve {
    /// Straight pieces, one after the other.
    Pieces(Pieces),
    /// A smooth wave.
    Wave(Wave),
}

/// A curve of straight pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct Pieces {
    pieces: Vec<Piece>,
    /// Seconds, and events that are to be expected, before each piece; those of all pieces at the end.
    before: Vec<(f64, f64)>,
    repeats: bool,
}

/// A straight piece of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// How long it is; more than nothing, unless the rate jumps.
    pub length: Span,
    /// Events a second at its begin.
    pub begin: f64,
    /// Events a second at its end.
    pub end: f64,
}

/// A rate that swings between two values like a cosine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wave {
    /// Fewest events a second.
    pub low: f64,
    /// Most events a second.
    pub high: f64,
    /// When it is highest, for the first time or another.
    pub peak: Span,
    /// From one peak to the next; more than nothing.
    pub period: Span,
}

impl Curve {
    /// Pieces after which the rate is that of the last end for ever, or which begin again. At least one.
    pub fn of_pieces(pieces: Vec<Piece>, repeats: bool) -> Curve {
        let mut before = vec![(0.0, 0.0)];
        let (mut seconds, mut events) = (0.0, 0.0);
        for piece in &pieces {
            seconds += piece.length.as_secs_f64();
            events += piece.events(piece.length.as_secs_f64());
            before.push((seconds, events));
        }
        Curve::Pieces(Pieces { pieces, before, repeats })
    }

    /// Events a second at an instant; where it jumps, after the jump.
    pub fn rate(&self, at: Span) -> f64 {
        let at = at.as_secs_f64();
        match self {
            Curve::Pieces(pieces) => pieces.rate(at),
            Curve::Wave(wave) => wave.rate(at),
        }
    }

    /// Events that are to be expected before an instant.
    pub fn events(&self, at: Span) -> f64 {
        let at = at.as_secs_f64();
        match self {
            Curve::Pieces(pieces) => pieces.events(at),
            Curve::Wave(wave) => wave.events(at),
        }
    }

    /// The last instant before which no more than so many events are to be expected, to the microsecond; `None`: there is none.
    ///
    /// It is the inverse of [`Curve::events`]: if the counts are those of a Poisson process of rate 1, the instants are those of a
    /// Poisson process of this rate.
    pub fn instant(&self, events: f64) -> Option<Span> {
        let seconds = match self {
            Curve::Pieces(pieces) => pieces.instant(events)?,
            Curve::Wave(wave) => wave.instant(events)?,
        };
        Some(Span::from_micros((seconds * 1e6 + 0.5) as u64))
    }
}

impl Piece {
    /// How much the rate grows in a second.
    fn slope(&self) -> f64 {
        if self.length.is_zero() { 0.0 } else { (self.end - self.begin) / self.length.as_secs_f64() }
    }

    fn rate(&self, at: f64) -> f64 {
        self.begin + self.slope() * at
    }

    fn events(&self, at: f64) -> f64 {
        (self.begin + self.slope() * at / 2.0) * at
    }

    /// When so many events were to be expected, by the form of the solution that loses no digits.
    fn instant(&self, events: f64) -> f64 {
        let root = libm::sqrt((self.begin * self.begin + 2.0 * events * self.slope()).max(0.0));
        if events > 0.0 { 2.0 * events / (self.begin + root) } else { 0.0 }
    }
}

impl Pieces {
    /// Seconds and events of all pieces.
    fn whole(&self) -> (f64, f64) {
        self.before[self.pieces.len()]
    }

    /// Events before the round in which this instant lies, and the instant within it.
    fn round(&self, at: f64) -> (f64, f64) {
        let (length, events) = self.whole();
        if !self.repeats {
            return (0.0, at);
        }
        let rounds = libm::floor(at / length);
        (rounds * events, (at - rounds * length).max(0.0))
    }

    /// The piece in which an instant of the first round lies, and the instant within it; `None`: behind the last one.
    fn piece(&self, at: f64) -> Option<(usize, f64)> {
        let place = self.before.partition_point(|(seconds, _)| *seconds <= at) - 1;
        (place < self.pieces.len()).then(|| (place, at - self.before[place].0))
    }

    fn last_rate(&self) -> f64 {
        self.pieces.last().map_or(0.0, |piece| piece.end)
    }

    fn rate(&self, at: f64) -> f64 {
        self.piece(self.round(at).1).map_or(self.last_rate(), |(place, at)| self.pieces[place].rate(at))
    }

    fn events(&self, at: f64) -> f64 {
        let (rounds, at) = self.round(at);
        let (length, events) = self.whole();
        rounds
            + match self.piece(at) {
                Some((place, at)) => self.before[place].1 + self.pieces[place].events(at),
                None => events + (at - length) * self.last_rate(),
            }
    }

    fn instant(&self, events: f64) -> Option<f64> {
        let (length, all) = self.whole();
        let rounds = if self.repeats { libm::floor(events / all) } else { 0.0 };
        let events = (events - rounds * all).max(0.0);
        let place = self.before.partition_point(|(_, before)| *before <= events) - 1;
        let within = match self.pieces.get(place) {
            Some(piece) => self.before[place].0 + piece.instant(events - self.before[place].1),
            None if self.last_rate() > 0.0 => length + (events - all) / self.last_rate(),
            None => return None,
        };
        Some(rounds * length + within)
    }
}

impl Wave {
    /// The angle at an instant, and how many seconds make one radian.
    fn angle(&self, at: f64) -> (f64, f64) {
        let radian = self.period.as_secs_f64() / std::f64::consts::TAU;
        ((at - self.peak.as_secs_f64()) / radian, radian)
    }

    fn mean(&self) -> f64 {
        (self.low + self.high) / 2.0
    }

    fn rate(&self, at: f64) -> f64 {
        self.mean() + (self.high - self.low) / 2.0 * libm::cos(self.angle(at).0)
    }

    fn events(&self, at: f64) -> f64 {
        let (angle, radian) = self.angle(at);
        let swing = libm::sin(angle) - libm::sin(self.angle(0.0).0);
        self.mean() * at + (self.high - self.low) / 2.0 * radian * swing
    }

    /// By Newton's method within one period, held to an interval that shrinks around the solution.
    fn instant(&self, events: f64) -> Option<f64> {
        let period = self.period.as_secs_f64();
        if self.mean() <= 0.0 {
            return None;
        }
        let rounds = libm::floor(events / (self.mean() * period));
        let events = events - rounds * self.mean() * period;
        let (mut low, mut high, mut at) = (0.0, period, events / self.mean());
        for _ in 0..MOST_STEPS {
            let excess = self.events(at) - events;
            if excess > 0.0 {
                high = at
            } else {
                low = at
            }
            let newton = at - excess / self.rate(at);
            let next = if low < newton && newton < high { newton } else { (low + high) / 2.0 };
            let step = next - at;
            at = next;
            if step.abs() < PRECISION {
                break;
            }
        }
        Some(rounds * period + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(seconds: u64, begin: f64, end: f64) -> Piece {
        Piece { length: Span::from_secs(seconds), begin, end }
    }

    /// A step of 10 a second, nothing, and a ramp up to 40 a second.
    fn pieces(repeats: bool) -> Curve {
        Curve::of_pieces(vec![piece(10, 10.0, 10.0), piece(5, 0.0, 0.0), piece(20, 0.0, 40.0)], repeats)
    }

    fn day(low: f64) -> Curve {
        let (peak, period) = (Span::from_secs(14 * 3_600), Span::from_secs(24 * 3_600));
        Curve::Wave(Wave { low, high: 200.0, peak, period })
    }

    fn ms(millis: u64) -> Span {
        Span::from_millis(millis)
    }

    #[test]
    fn the_rate_is_that_of_the_piece() {
        let at = |curve: &Curve| [0, 9_999, 10_000, 15_000, 25_000, 35_000, 50_000].map(|at| curve.rate(ms(at)));
        assert_eq!(at(&pieces(false)), [10.0, 10.0, 0.0, 0.0, 20.0, 40.0, 40.0]);
        assert_eq!(at(&pieces(true)), [10.0, 10.0, 0.0, 0.0, 20.0, 10.0, 0.0]);
    }

    #[test]
    fn the_rate_of_a_wave_is_highest_at_its_peak() {
        let hours = |hours: u64| day(20.0).rate(Span::from_secs(hours * 3_600));
        assert!((hours(14) - 200.0).abs() < 1e-9 && (hours(2) - 20.0).abs() < 1e-9 && (hours(8) - 110.0).abs() < 1e-9);
        assert!((hours(38) - 200.0).abs() < 1e-9);
    }

    #[test]
    fn events_are_the_area_below_the_rate() {
        for curve in [pieces(false), pieces(true), day(0.0), day(20.0)] {
            let (mut sum, step) = (0.0, ms(50));
            for steps in 0..4_000 {
                assert!((curve.events(step * steps) - sum).abs() < 1e-6 * (1.0 + sum), "{curve:?} after {steps} steps");
                let middle = step * steps + Span::from_nanos(step.as_nanos() / 2);
                sum += curve.rate(middle) * step.as_secs_f64();
            }
        }
    }

    #[test]
    fn an_instant_is_the_inverse_of_events() {
        for curve in [pieces(false), pieces(true), day(0.0), day(20.0)] {
            for events in 0..3_000 {
                let events = f64::from(events) * 7.3;
                let at = curve.instant(events).expect("there is one");
                let error = curve.events(at) - events;
                assert!(error.abs() < 1e-3, "{curve:?}: {error} of {events} at {at}");
            }
        }
    }

    #[test]
    fn nothing_comes_while_the_rate_is_zero() {
        let curve = pieces(false);
        assert_eq!(curve.instant(99.0), Some(ms(9_900)));
        assert_eq!(curve.instant(100.0), Some(ms(15_000)));
        let curve = Curve::of_pieces(vec![piece(3, 0.0, 0.0), piece(2, 5.0, 5.0), piece(0, 0.0, 0.0)], false);
        assert_eq!(
            [0.0, 9.0, 10.0, 11.0].map(|events| curve.instant(events)),
            [Some(ms(3_000)), Some(ms(4_800)), None, None]
        );
    }
}
