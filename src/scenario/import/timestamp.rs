//! Docker's timestamps.

use crate::kernel::Span;

/// The time since 1970 of a timestamp such as `2026-11-21T14:56:07.123456789Z`; `None` if it is none, or lies before.
pub(super) fn parse(text: &str) -> Option<Span> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hours, minutes, seconds] = numbers(clock, ':')?;
    if !(1970..=2500).contains(&year)
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hours > 23
        || minutes > 59
    {
        return None;
    }
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let nanos: u64 = format!("{fraction:0<9}").parse().ok()?;
    let seconds = days(year, month, day) * 86_400 + hours * 3_600 + minutes * 60 + seconds;
    Some(Span::from_nanos(seconds * 1_000_000_000 + nanos))
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. The year begins in March, so that the leap day is its last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month > 2 { year } else { year - 1 };
    let month = (month + 9) % 12;
    let before = year * 365 + year / 4 - year / 100 + year / 400;
    before + (month * 306 + 5) / 10 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_count_from_1970() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("2026-11-21T14:56:07Z", 1_795_272_967),
        ] {
            assert_eq!(parse(text), Some(Span::from_secs(seconds)), "{text}");
        }
        let nanos = parse("1970-01-01T00:00:01.5Z").map(Span::as_nanos);
        assert_eq!(nanos, Some(1_500_000_000));
        assert_eq!(parse("1970-01-01T00:00:00.000000007Z").map(Span::as_nanos), Some(7));
    }

    #[test]
    fn what_is_no_timestamp_is_none() {
        for text in ["", "0001-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-21", "2026-11-21T14:56Z", "now"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
