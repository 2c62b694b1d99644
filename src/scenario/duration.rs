//! Durations as Go writes them, which is how docker reads them.

use crate::kernel::Span;

/// Nanoseconds of the longest negative duration; the longest positive one is one shorter.
const LIMIT: u64 = 1 << 63;

/// Nanoseconds of a Go duration such as `1m30s`, `.5s`, `-1.5h` or `0`.
///
/// # Errors
/// Go's own text: `time: invalid duration "abc"`, `time: missing unit in duration "10"`, `time: unknown unit "d" in
/// duration "1d"`. What 64 bits cannot hold is invalid.
///
/// Source: Go's time/format.go `ParseDuration`.
pub fn parse_go_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if unsigned == "0" {
        return Ok(0);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let (number, after) = Number::read(rest).ok_or_else(invalid)?;
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let Some(nanos) = nanos_of(unit) else {
            return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(text)));
        };
        let part = number.times(nanos).ok_or_else(invalid)?;
        total = total.checked_add(part).filter(|total| *total <= LIMIT).ok_or_else(invalid)?;
        rest = after;
    }
    if negative {
        return Ok(0i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| invalid())
}

/// A Go duration that is not negative.
///
/// # Errors
/// As [`parse_go_duration`], and docker's `duration cannot be negative`.
///
/// Source: cli: opts/duration.go `PositiveDurationOpt`.
pub fn parse_span(text: &str) -> Result<Span, String> {
    let nanos = parse_go_duration(text)?;
    u64::try_from(nanos).map(Span::from_nanos).map_err(|_| "duration cannot be negative".to_owned())
}

/// A decimal number: `whole + fraction / scale`.
struct Number {
    whole: u64,
    fraction: u64,
    scale: f64,
}

impl Number {
    /// Reads a number off the front of `text`; `None` if there is none or it is too large.
    fn read(text: &str) -> Option<(Number, &str)> {
        let (digits, rest) = split_digits(text);
        let mut number = Number { whole: 0, fraction: 0, scale: 1.0 };
        for digit in digits.bytes() {
            let next = number.whole.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            number.whole = (next <= LIMIT).then_some(next)?;
        }
        let Some(rest) = rest.strip_prefix('.') else {
            return (!digits.is_empty()).then_some((number, rest));
        };
        let (decimals, rest) = split_digits(rest);
        for digit in decimals.bytes() {
            // Digits beyond what 63 bits hold are too small to matter.
            let next = number.fraction.checked_mul(10).and_then(|f| f.checked_add(u64::from(digit - b'0')));
            let Some(next) = next.filter(|next| *next <= LIMIT) else { break };
            number.fraction = next;
            number.scale *= 10.0;
        }
        (!digits.is_empty() || !decimals.is_empty()).then_some((number, rest))
    }

    /// The number of nanoseconds in this many units of `nanos` each, rounded down; `None` if too large.
    fn times(&self, nanos: u64) -> Option<u64> {
        let whole = self.whole.checked_mul(nanos)?;
        let part = (self.fraction as f64 * (nanos as f64 / self.scale)) as u64;
        whole.checked_add(part).filter(|sum| *sum <= LIMIT)
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

fn nanos_of(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        // The micro sign and the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// As Go's time package quotes: control and non-ASCII bytes as `\xNN`.
fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=0x7f => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        const MS: i64 = 1_000_000;
        for (text, nanos) in [
            ("0", 0),
            ("-0", 0),
            ("+0", 0),
            ("0s", 0),
            ("10s", 10_000 * MS),
            ("500ms", 500 * MS),
            ("1m30s", 90_000 * MS),
            ("30s1m", 90_000 * MS),
            ("1h2m3.5s", 3_723_500 * MS),
            ("1.5h", 5_400_000 * MS),
            (".5s", 500 * MS),
            ("5.s", 5_000 * MS),
            ("-5s", -5_000 * MS),
            ("+5s", 5_000 * MS),
            ("1us", 1_000),
            ("1\u{b5}s", 1_000),
            ("1\u{3bc}s", 1_000),
            ("1.9ns", 1),
            ("0.3333333333333333333h", 1_200_000 * MS),
            ("0.100000000000000000000h", 360_000 * MS),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(parse_go_duration(text), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_with_its_text() {
        for (text, message) in [
            ("", r#"time: invalid duration """#),
            ("abc", r#"time: invalid duration "abc""#),
            ("-", r#"time: invalid duration "-""#),
            (".s", r#"time: invalid duration ".s""#),
            ("+-5s", r#"time: invalid duration "+-5s""#),
            (" 5s", r#"time: invalid duration " 5s""#),
            ("10", r#"time: missing unit in duration "10""#),
            ("1m30", r#"time: missing unit in duration "1m30""#),
            ("1d", r#"time: unknown unit "d" in duration "1d""#),
            ("1 m", r#"time: unknown unit " m" in duration "1 m""#),
            ("1m 30s", r#"time: unknown unit "m " in duration "1m 30s""#),
            ("5S", r#"time: unknown unit "S" in duration "5S""#),
            ("1e3s", r#"time: unknown unit "e" in duration "1e3s""#),
            ("1ä", r#"time: unknown unit "\xc3\xa4" in duration "1\xc3\xa4""#),
            ("1\"", r#"time: unknown unit "\"" in duration "1\"""#),
            ("9223372036854775808ns", r#"time: invalid duration "9223372036854775808ns""#),
            ("-9223372036854775809ns", r#"time: invalid duration "-9223372036854775809ns""#),
            ("9223372036854775807h", r#"time: invalid duration "9223372036854775807h""#),
            ("2562048h", r#"time: invalid duration "2562048h""#),
            ("99999999999999999999s", r#"time: invalid duration "99999999999999999999s""#),
        ] {
            assert_eq!(parse_go_duration(text), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_span_is_not_negative() {
        assert_eq!(parse_span("1.5s"), Ok(Span::from_millis(1_500)));
        assert_eq!(parse_span("-0s"), Ok(Span::ZERO));
        assert_eq!(parse_span("-1s"), Err("duration cannot be negative".to_owned()));
    }

    #[test]
    fn every_case_of_docker_is_read_as_go_reads_it() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/compose/durations.json")).expect("cases");
        for case in cases.as_array().expect("cases") {
            let expected = match case["error"].as_str() {
                Some(error) => Err(error.to_owned()),
                None => Ok(case["ns"].as_i64().expect("nanoseconds")),
            };
            assert_eq!(parse_go_duration(case["in"].as_str().expect("a text")), expected, "{case}");
        }
    }
}
