//! Dates that stand in YAML without quotes: docker's parser takes them for points in time.

/// The text that docker makes of a date, `2024-01-05 00:00:00 +0000 UTC` of `2024-1-5`; `None` if it is none.
///
/// Source: go.yaml.in/yaml/v3 resolve.go `parseTimestamp`; Go: time/format.go `(Time).String`.
pub(super) fn spelled_out(text: &str) -> Option<String> {
    let (date, time) = text.split_at(text.find(['T', 't', ' ']).unwrap_or(text.len()));
    let (clock, zone) = match time.split_at_checked(1) {
        None => ("0:0:0", "Z"),
        Some((" ", clock)) => (clock, "Z"),
        Some((_, clock)) => clock.split_at(clock.find(['Z', '+', '-'])?),
    };
    let [year, month, day] = numbers(date, '-', 4)?;
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, digits)| (clock, Some(digits)));
    let [hour, minute, second] = numbers(clock, ':', 2)?;
    if date.find('-') != Some(4) || !(1..=days(year, month)?).contains(&day) || hour > 23 || minute > 59 || second > 59
    {
        return None;
    }
    let fraction = match fraction {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!(".{}", digits.get(..9).unwrap_or(digits)).trim_end_matches(['.', '0']).to_owned()
        }
        Some(_) => return None,
        None => String::new(),
    };
    let zone = zone_of(zone)?;
    Some(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction} {zone}"))
}

/// Three numbers: the first of at most so many digits, the others of two.
fn numbers(text: &str, separator: char, first: usize) -> Option<[u32; 3]> {
    let digits = |(part, most): (&str, usize)| {
        part.parse().ok().filter(|_| part.len() <= most && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut parts = text.split(separator).zip([first, 2, 2]).map(digits);
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    (text.matches(separator).count() == 2).then_some(numbers)
}

/// Days of a month; `None` if there is no such month.
fn days(year: u32, month: u32) -> Option<u32> {
    let is_leap_year = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    Some(match month {
        2 => 28 + u32::from(is_leap_year),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    })
}

/// `+0000 UTC` of `Z`, and `+0200 +0200`, as it has no name, of `+02:00`.
fn zone_of(text: &str) -> Option<String> {
    if matches!(text, "Z" | "+00:00" | "-00:00") {
        return Some("+0000 UTC".to_owned());
    }
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let is_number = |part: &str| part.len() == 2 && part.parse().is_ok_and(|number: u8| number < 60);
    let zone = format!("{}{hours}{minutes}", &text[..1]);
    (text.starts_with(['+', '-']) && is_number(hours) && is_number(minutes)).then(|| format!("{zone} {zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_spelled_out_as_go_does() {
        for (text, said) in [
            ("2024-01-01", "2024-01-01 00:00:00 +0000 UTC"),
            ("2024-1-5", "2024-01-05 00:00:00 +0000 UTC"),
            ("2024-02-29 10:00:00", "2024-02-29 10:00:00 +0000 UTC"),
            ("2024-01-01T10:00:00Z", "2024-01-01 10:00:00 +0000 UTC"),
            ("2024-01-01t1:2:3.250Z", "2024-01-01 01:02:03.25 +0000 UTC"),
            ("2024-01-01T10:00:00+02:00", "2024-01-01 10:00:00 +0200 +0200"),
            ("2024-01-01T10:00:00.000-00:00", "2024-01-01 10:00:00 +0000 UTC"),
        ] {
            assert_eq!(spelled_out(text).as_deref(), Some(said), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_stays_a_text() {
        for text in [
            "",
            "2024",
            "2024-01",
            "24-01-01",
            "2024-13-01",
            "2023-02-29",
            "2024-01-00",
            "2024-01-01T10:00:00",
            "2024-01-01 24:00:00",
            "2024-01-01 10:00:00Z",
            "2024-01-01T10:00:00.Z",
            "2024-01-01T10:00:00+2:00",
            "2024-01-01é",
            "2024-+1-01",
            "2024-01-001",
        ] {
            assert_eq!(spelled_out(text), None, "{text}");
        }
    }
}
