//! Numbers with units: sizes, CPUs, shares, rates and durations by chance.

use crate::diag::{Code, Diagnostic, Place};
use crate::kernel::{Dist, Span};

use super::docker::values::{cpus, memory};
use super::read::{Fields, Problems, Read, checked, items, one_of, refuse, text_of, wrong_type};
use super::source::{Node, Value};

/// No draw lies further from the median of a log-normal distribution, in standard deviations of the logarithm.
const MOST_SIGMAS: f64 = 8.3;

/// Longest draw of a distribution, far from what [`crate::kernel::Time`] can tell.
const LONGEST_DRAW: Span = Span::from_secs(50 * 8_760 * 3_600);

/// Reads a size. Docker wants a string here.
pub(super) fn read_bytes(node: &Node, problems: &mut Problems) -> Option<u64> {
    let text = text_of(node, problems)?;
    checked(memory(text), &node.place, problems)
}

/// Reads a number of CPUs. Docker wants a string here; an empty one says nothing (cli: cli/compose/convert/service.go
/// `convertResources`).
pub(super) fn read_nano_cpus(node: &Node, problems: &mut Problems) -> Option<u64> {
    let text = text_of(node, problems)?;
    if text.is_empty() {
        return Some(0);
    }
    checked(cpus(text), &node.place, problems)
}

/// A share from 0 to 1: a number, or a text such as `99.9%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share(pub f64);

/// The number before a `%`, as a share.
pub(super) fn parse_percent(text: &str) -> Option<f64> {
    // Moves the decimal point in the text, so that 99.9% and 0.999 are the same number.
    format!("{}e-2", text.strip_suffix('%')?.trim_end()).parse().ok()
}

impl Read for Share {
    fn read(node: &Node, problems: &mut Problems) -> Option<Share> {
        let share = match &node.value {
            Value::Integer(value) => *value as f64,
            Value::Float(value) => *value,
            Value::String(text) => match parse_percent(text) {
                Some(share) => share,
                None => return refuse(Code::Malformed, &node.place, format!("`{text}` is no percentage"), problems),
            },
            _ => return wrong_type(node, "a share such as `0.999` or `99.9%`", problems),
        };
        check_share(share, &node.to_string(), &node.place, problems).map(Share)
    }
}

/// The share, or a problem if it is impossible. `text`: how it is written.
pub(super) fn check_share(share: f64, text: &str, place: &Place, problems: &mut Problems) -> Option<f64> {
    if (0.0..=1.0).contains(&share) {
        return Some(share);
    }
    let message = "a share lies between 0 and 1, or 0% and 100%";
    let percent =
        (share > 1.0 && share <= 100.0 && !text.ends_with('%')).then(|| format!("a percentage is written `{text}%`"));
    problems.push(Diagnostic::new(Code::OutOfRange, place, message).help(percent));
    None
}

/// How often something happens, as the mean time between two times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    /// Mean time between two times, at least a microsecond.
    pub(super) gap: Span,
    /// How often in a second.
    per_second: f64,
}

/// How often something happens in a second, or that it does not happen at all: a rate, or `0/s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PerSecond(pub(super) f64);

/// The gap of a rate such as `50/s`, `30/m` or `1.5/h`; `None` if it is no rate, or faster than once in a microsecond or
/// slower than once in a year.
fn parse_rate(text: &str) -> Option<Rate> {
    let (number, unit) = text.split_once('/')?;
    let unit = match unit.trim() {
        "s" => Span::from_secs(1),
        "m" => Span::from_secs(60),
        "h" => Span::from_secs(3_600),
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok()?;
    let gap = libm::round(unit.as_nanos() as f64 / number);
    (1e3..=Span::from_secs(8_760 * 3_600).as_nanos() as f64)
        .contains(&gap)
        .then(|| Rate { gap: Span::from_nanos(gap as u64), per_second: number / unit.as_secs_f64() })
}

impl Read for Rate {
    fn read(node: &Node, problems: &mut Problems) -> Option<Rate> {
        let text = node.to_string();
        match (&node.value, parse_rate(&text)) {
            (Value::String(_), Some(rate)) => Some(rate),
            (Value::String(_) | Value::Integer(_) | Value::Float(_), _) => {
                problems.push(
                    Diagnostic::new(Code::Malformed, &node.place, format!("`{text}` is no rate"))
                        .label("a rate is written `50/s`, `30/m` or `10/h`"),
                );
                None
            }
            _ => wrong_type(node, "a rate such as `50/s`", problems),
        }
    }
}

impl Read for PerSecond {
    fn read(node: &Node, problems: &mut Problems) -> Option<PerSecond> {
        match &node.value {
            Value::String(text) if text == "0/s" => Some(PerSecond(0.0)),
            _ => Rate::read(node, problems).map(|rate| PerSecond(rate.per_second)),
        }
    }
}

/// A constant duration, or a mapping that names a distribution.
impl Read for Dist {
    fn read(node: &Node, problems: &mut Problems) -> Option<Dist> {
        let Value::Map(entries) = &node.value else {
            return Span::read(node, problems).map(Dist::Constant);
        };
        const KINDS: [&str; 4] = ["exponential", "uniform", "lognormal", "empirical"];
        let mut fields = Fields::of(node, problems)?;
        let dist = fields
            .read("exponential")
            .map(|mean| Dist::Exponential { mean })
            .or_else(|| fields.read_with("uniform", read_uniform))
            .or_else(|| fields.read_with("lognormal", read_log_normal))
            .or_else(|| fields.read_with("empirical", read_empirical));
        for kind in KINDS {
            fields.node(kind);
        }
        fields.finish();
        if entries.len() != 1 {
            let message = format!("a distribution is a mapping with one key: {}", one_of(KINDS.into_iter()));
            return refuse(Code::Malformed, &node.place, message, problems);
        }
        dist
    }
}

fn read_uniform(node: &Node, problems: &mut Problems) -> Option<Dist> {
    let [low, high] = items(node, problems)? else {
        return refuse(Code::Malformed, &node.place, "`uniform` is a list of two durations", problems);
    };
    let (low, high) = (Span::read(low, problems), Span::read(high, problems));
    let (low, high) = (low?, high?);
    if low > high {
        return refuse(Code::OutOfRange, &node.place, format!("{low} is longer than {high}"), problems);
    }
    Some(Dist::Uniform { low, high })
}

fn read_log_normal(node: &Node, problems: &mut Problems) -> Option<Dist> {
    let mut fields = Fields::of(node, problems)?;
    let (median, p99) = (fields.require::<Span>("median"), fields.require::<Span>("p99"));
    fields.finish();
    let (median, p99) = (median?, p99?);
    if median.is_zero() || p99 < median {
        return refuse(Code::OutOfRange, &node.place, "`median` must be above 0, and `p99` not below it", problems);
    }
    let dist = Dist::log_normal(median, p99);
    if let Dist::LogNormal { mu, sigma } = dist
        && mu + sigma * MOST_SIGMAS > libm::log(LONGEST_DRAW.as_micros() as f64)
    {
        return refuse(Code::OutOfRange, &node.place, "`p99` is too far from `median`", problems);
    }
    Some(dist)
}

fn read_empirical(node: &Node, problems: &mut Problems) -> Option<Dist> {
    let items = items(node, problems)?;
    if items.is_empty() {
        return refuse(Code::OutOfRange, &node.place, "`empirical` needs at least one duration", problems);
    }
    let read: Vec<Option<Span>> = items.iter().map(|item| Span::read(item, problems)).collect();
    read.into_iter().collect::<Option<_>>().map(Dist::Empirical)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::SourceFile;
    use crate::scenario::source;
    use std::sync::Arc;

    fn read<T: Read>(text: &str) -> Result<T, String> {
        let file = Arc::new(SourceFile { name: "t".to_owned(), text: text.to_owned() });
        let node = source::parse(&file).expect("the text is YAML");
        let mut problems = Problems::default();
        let value = T::read(&node, &mut problems);
        let said: Vec<String> = problems.into_sorted("t").iter().map(ToString::to_string).collect();
        value.ok_or(said.join("\n"))
    }

    #[test]
    fn rates_are_numbers_in_a_unit_of_time() {
        let gap = |text: &str| read::<Rate>(&format!("\"{text}\"")).map(|rate| rate.gap);
        assert_eq!(gap("50/s"), Ok(Span::from_millis(20)));
        assert_eq!(gap("30 / m"), Ok(Span::from_secs(2)));
        assert_eq!(gap("0.5/h"), Ok(Span::from_secs(7_200)));
        for text in ["50", "50/d", "0/s", "-1/s", "x/s", "1e10/s", "NaN/s"] {
            assert_eq!(gap(text), Err(format!("t:1:1: error[R0106]: `{text}` is no rate")));
        }
    }

    #[test]
    fn shares_are_numbers_or_percentages() {
        assert_eq!(read("0.25"), Ok(Share(0.25)));
        assert_eq!(read("25%"), Ok(Share(0.25)));
        assert_eq!(read("1"), Ok(Share(1.0)));
        assert_eq!(read::<Share>("99.9%"), read("0.999"));
        assert!(read::<Share>("25").is_err() && read::<Share>("'-1%'").is_err() && read::<Share>("many").is_err());
    }

    #[test]
    fn a_duration_may_be_a_distribution() {
        let ms = Span::from_millis;
        assert_eq!(read("1.5s"), Ok(Dist::Constant(ms(1_500))));
        assert_eq!(read("exponential: 20ms"), Ok(Dist::Exponential { mean: ms(20) }));
        assert_eq!(read("uniform: [1s, 2s]"), Ok(Dist::Uniform { low: ms(1_000), high: ms(2_000) }));
        assert_eq!(read("lognormal: {median: 1s, p99: 4s}"), Ok(Dist::log_normal(ms(1_000), ms(4_000))));
        assert_eq!(read("empirical: [1s, 2s, 2s]"), Ok(Dist::Empirical([ms(1_000), ms(2_000), ms(2_000)].into())));
    }

    #[test]
    fn impossible_distributions_are_refused() {
        for (text, problem) in [
            ("uniform: [2s, 1s]", "t:1:10: error[R0107]: 2s is longer than 1s"),
            ("uniform: [2s]", "t:1:10: error[R0106]: `uniform` is a list of two durations"),
            ("empirical: []", "t:1:12: error[R0107]: `empirical` needs at least one duration"),
            ("gamma: 1s", "t:1:1: error[R0101]: unknown field `gamma`"),
            ("10", "t:1:1: error[R0105]: time: missing unit in duration \"10\""),
            ("9000h", "t:1:1: error[R0107]: 9000h is longer than a year"),
            ("lognormal: {median: 1ms, p99: 8760h}", "t:1:12: error[R0107]: `p99` is too far from `median`"),
            (
                "lognormal: {median: 2s, p99: 1s}",
                "t:1:12: error[R0107]: `median` must be above 0, and `p99` not below it",
            ),
        ] {
            assert_eq!(read::<Dist>(text), Err(problem.to_owned()), "{text}");
        }
    }
}
