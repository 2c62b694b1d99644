//! `rate`: how often a client of an open loop sends, always the same or over time.

use crate::diag::{Code, Diagnostic};
use crate::kernel::curve::{Curve, Piece, Wave};
use crate::kernel::{Dist, Span};
use crate::model::client::Load;

use super::read::{Fields, Problems, Read, list, refuse};
use super::source::{Node, Spanned, Value};
use super::units::{PerSecond, Rate};

/// From one peak of a day to the next.
const DAY: Span = Span::from_secs(24 * 3_600);

/// A step of a rate.
struct Step {
    length: Option<Span>,
    what: What,
}

/// What a rate does in a step.
enum What {
    /// It is this.
    Stays(f64),
    /// It goes from what it was to this.
    GoesTo(f64),
}

/// The load of a client whose `rate` this is. `is_poisson`: its requests come by chance, else evenly.
pub(super) fn read_rate(node: &Node, is_poisson: bool, problems: &mut Problems) -> Option<Load> {
    let rate = match &node.value {
        Value::Seq(_) => read_steps(node, false, problems)?,
        Value::Map(_) => read_curve(node, problems)?,
        _ => {
            let Rate { gap, .. } = Rate::read(node, problems)?;
            let gap = if is_poisson { Dist::Exponential { mean: gap } } else { Dist::Constant(gap) };
            return Some(Load::Open { gap });
        }
    };
    Some(Load::Varying { rate, is_poisson })
}

/// `{"steps": [...], "repeat": true}` or `{"day": {...}}`
fn read_curve(node: &Node, problems: &mut Problems) -> Option<Curve> {
    let mut fields = Fields::of(node, problems)?;
    fields.exclude("day", &["steps", "repeat"]);
    let repeats = fields.read("repeat").unwrap_or_default();
    let (day, steps) = (fields.node("day"), fields.node("steps"));
    fields.finish();
    match (day, steps) {
        (Some(day), _) => read_day(day, problems),
        (None, Some(steps)) => read_steps(steps, repeats, problems),
        (None, None) => refuse(Code::MissingKey, &node.place, "missing field `steps` or `day`", problems),
    }
}

/// `{"low": "20/s", "high": "200/s", "peak": "14h", "period": "24h"}`
fn read_day(node: &Node, problems: &mut Problems) -> Option<Curve> {
    let mut fields = Fields::of(node, problems)?;
    let (low, high) = (fields.require::<PerSecond>("low"), fields.require::<Spanned<PerSecond>>("high"));
    let period: Option<Spanned<Span>> = fields.read("period");
    let peak = fields.read("peak");
    fields.finish();
    let (PerSecond(low), high) = (low?, high?);
    let PerSecond(highest) = high.value;
    if let Some(period) = period.as_ref().filter(|period| period.value.is_zero()) {
        return refuse(Code::OutOfRange, &period.place, "`period` is longer than 0", problems);
    }
    if highest < low || highest == 0.0 {
        return refuse(Code::OutOfRange, &high.place, "`high` is above 0 and not below `low`", problems);
    }
    let period = period.map_or(DAY, |period| period.value);
    let peak = peak.unwrap_or(Span::from_nanos(period.as_nanos() / 2));
    Some(Curve::Wave(Wave { low, high: highest, peak, period }))
}

/// `[{"for": "60s", "rate": "20/s"}, {"for": "30s", "to": "200/s"}, {"rate": "200/s"}]`
fn read_steps(node: &Node, repeats: bool, problems: &mut Problems) -> Option<Curve> {
    let errors = problems.errors();
    let steps: Vec<Spanned<Step>> = list(node, problems, Spanned::read)?;
    let last = steps.len().checked_sub(1);
    let mut rate = 0.0;
    let mut pieces = Vec::new();
    for (place, Spanned { value: step, place: at }) in steps.iter().enumerate() {
        if step.length.is_none() && (repeats || Some(place) != last) {
            problems.push(Diagnostic::new(Code::MissingKey, at, "missing field `for`: only the last step goes on"));
        }
        let (begin, end) = match step.what {
            What::Stays(rate) => (rate, rate),
            What::GoesTo(to) => (rate, to),
        };
        pieces.push(Piece { length: step.length.unwrap_or_default(), begin, end });
        rate = end;
    }
    let sends = |piece: &Piece| !piece.length.is_zero() && piece.begin.max(piece.end) > 0.0;
    let goes_on = !repeats && rate > 0.0;
    if problems.errors() == errors && !goes_on && !pieces.iter().any(sends) {
        return refuse(Code::OutOfRange, &node.place, "a rate must be above 0 for some time", problems);
    }
    (problems.errors() == errors).then(|| Curve::of_pieces(pieces, repeats))
}

impl Read for Step {
    fn read(node: &Node, problems: &mut Problems) -> Option<Step> {
        let mut fields = Fields::of(node, problems)?;
        fields.exclude("rate", &["to"]);
        let has_length = fields.node("for").is_some();
        let length = fields.read("for");
        let to = fields.read("to").map(|PerSecond(rate)| What::GoesTo(rate));
        let rate = fields.read("rate").map(|PerSecond(rate)| What::Stays(rate));
        let says = ["rate", "to"].map(|key| fields.node(key).is_some());
        fields.finish();
        if says == [false, false] {
            return refuse(Code::MissingKey, &node.place, "missing field `rate` or `to`", problems);
        }
        if says[1] && !has_length {
            return refuse(
                Code::MissingKey,
                &node.place,
                "missing field `for`: how long it takes to get there",
                problems,
            );
        }
        Some(Step { length, what: rate.or(to)? })
    }
}
