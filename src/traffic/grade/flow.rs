//! How many requests a client sends in a time.

use crate::kernel::{Curve, Span, Time};
use crate::model::client::{ClientSpec, Load};

use super::chance::Chance;

/// What a client sends.
#[derive(Debug)]
pub(super) struct Flow {
    from: Time,
    until: Time,
    rate: Rate,
    is_even: bool,
}

#[derive(Debug)]
enum Rate {
    /// Nothing of it is counted.
    None,
    /// Mean time between two requests.
    Gap(Span),
    /// From the first instant on.
    Varying(Curve),
}

impl Flow {
    pub(super) fn of(spec: &ClientSpec) -> Flow {
        let (rate, is_even) = match &spec.load {
            _ if !spec.is_told_in_bulk() => (Rate::None, true),
            Load::Open { gap } => (Rate::Gap(gap.mean()), gap.is_constant()),
            Load::Varying { rate, is_poisson } => (Rate::Varying(rate.clone()), !is_poisson),
            Load::Closed { .. } => (Rate::None, true),
        };
        Flow { from: spec.from, until: spec.until, rate, is_even }
    }

    /// So many requests are to be sent from `from` to before `to`.
    pub(super) fn arrivals(&self, from: Time, to: Time, chance: &mut Chance) -> f64 {
        let (before, after) = (self.expected(from), self.expected(to));
        // Those that come evenly are sent whenever the number is whole, from 0 on.
        if self.is_even { libm::ceil(after) - libm::ceil(before) } else { chance.poisson(after - before) }
    }

    /// Requests that are to be expected before `at`.
    fn expected(&self, at: Time) -> f64 {
        let past = at.min(self.until).saturating_since(self.from);
        match &self.rate {
            Rate::None => 0.0,
            Rate::Gap(gap) => past.as_nanos() as f64 / gap.as_nanos() as f64,
            Rate::Varying(rate) => rate.events(past),
        }
    }

    /// Requests a second just before `at`.
    pub(super) fn rate(&self, at: Time) -> f64 {
        match &self.rate {
            _ if at <= self.from || self.until < at => 0.0,
            Rate::None => 0.0,
            Rate::Gap(gap) => 1.0 / gap.as_secs_f64(),
            Rate::Varying(rate) => rate.rate(at - self.from),
        }
    }
}
