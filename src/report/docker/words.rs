//! Words as docker's client puts them.

use std::cmp::Ordering;

use crate::kernel::Span;

/// How long something took or is past, roughly: `Less than a second`, `3 minutes`.
///
/// Source: docker/go-units duration.go `HumanDuration` (cli-and-compose c.2). Hours are rounded, all else is cut.
pub fn human_duration(span: Span) -> String {
    let seconds = span.as_millis() / 1000;
    let minutes = seconds / 60;
    let hours = (seconds + 1800) / 3600;
    match (seconds, minutes, hours) {
        (0, ..) => "Less than a second".to_owned(),
        (1, ..) => "1 second".to_owned(),
        (2..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".to_owned(),
        (_, 2..60, _) => format!("{minutes} minutes"),
        (_, _, 1) => "About an hour".to_owned(),
        (_, _, 2..48) => format!("{hours} hours"),
        (_, _, 48..336) => format!("{} days", hours / 24),
        (_, _, 336..1_440) => format!("{} weeks", hours / 24 / 7),
        (_, _, 1_440..17_520) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

/// With a capital first letter.
///
/// Source: cli: cli/command/formatter/displayutils.go `PrettyPrint`.
pub(super) fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

/// At most `most` characters, the last of which is `…` if something is left out.
///
/// Source: cli: cli/command/formatter/displayutils.go `Ellipsis`.
pub(super) fn ellipsis(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// An image as tables show it: without digest, and without the registry and the path that docker assumes.
///
/// Source: cli: cli/command/task/formatter.go `Image`; distribution/reference `FamiliarString` (cli-and-compose c.2).
pub(super) fn familiar_image(image: &str) -> &str {
    let tagged = image.split_once('@').map_or(image, |(tagged, _)| tagged);
    if !tagged.rsplit('/').next().is_some_and(|last| last.contains(':')) {
        return image;
    }
    let path = tagged.strip_prefix("docker.io/").unwrap_or(tagged);
    path.strip_prefix("library/").filter(|name| !name.contains('/')).unwrap_or(path)
}

/// An image as docker stores it: with the tag that a reference lacks.
///
/// Source: moby: client/service_create.go `imageWithTagString`.
pub(super) fn tagged_image(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

/// The order of names in which numbers within them count as numbers: `web.9` before `web.10`, digits before all else.
///
/// Source: fvbommel/sortorder natsort.go `NaturalLess`.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while let (Some(first), Some(second)) = (a.chars().next(), b.chars().next()) {
        let order = if first.is_ascii_digit() && second.is_ascii_digit() {
            let ((number, a_rest), (other, b_rest)) = (leading_number(a), leading_number(b));
            (a, b) = (a_rest, b_rest);
            number.cmp(&other)
        } else {
            (a, b) = (&a[first.len_utf8()..], &b[second.len_utf8()..]);
            (!first.is_ascii_digit(), first).cmp(&(!second.is_ascii_digit(), second))
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// The number at the beginning of a text, as what it is compared by (length, digits, zeros before them), and the rest.
fn leading_number(text: &str) -> ((usize, &str, usize), &str) {
    let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number = digits.trim_start_matches('0');
    ((number.len(), number, digits.len() - number.len()), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cli-and-compose c.2.
    #[test]
    fn durations_are_told_roughly() {
        let (minute, hour, day) = (60, 3_600, 86_400);
        for (seconds, text) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (minute, "About a minute"),
            (2 * minute - 1, "About a minute"),
            (2 * minute, "2 minutes"),
            (hour - 1, "59 minutes"),
            (hour, "About an hour"),
            (hour + 30 * minute, "2 hours"),
            (47 * hour, "47 hours"),
            (48 * hour, "2 days"),
            (14 * day, "2 weeks"),
            (60 * day, "2 months"),
            (2 * 365 * day, "2 years"),
        ] {
            assert_eq!(human_duration(Span::from_secs(seconds)), text, "{seconds}");
        }
        assert_eq!(human_duration(Span::from_millis(1_999)), "1 second");
    }

    #[test]
    fn numbers_within_names_count_as_numbers() {
        for (less, more) in [
            ("web.9", "web.10"),
            ("web.1", "web.01"),
            ("web", "web.1"),
            ("a1b", "aab"),
            ("web.1", "worker.1"),
            ("a2", "a2x"),
        ] {
            assert_eq!(natural_order(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(natural_order(more, less), Ordering::Greater, "{more} {less}");
        }
        assert_eq!(natural_order("web.10", "web.10"), Ordering::Equal);
    }

    #[test]
    fn images_are_shown_without_digest_and_what_docker_assumes() {
        for (image, shown) in [
            ("nginx:1.27@sha256:0123", "nginx:1.27"),
            ("nginx@sha256:0123", "nginx@sha256:0123"),
            ("docker.io/library/nginx:1", "nginx:1"),
            ("docker.io/team/app:1", "team/app:1"),
            ("localhost:5000/library/app:1", "localhost:5000/library/app:1"),
        ] {
            assert_eq!(familiar_image(image), shown);
        }
        assert_eq!(tagged_image("localhost:5000/app"), "localhost:5000/app:latest");
        assert_eq!(tagged_image("app:1"), "app:1");
    }

    #[test]
    fn what_is_too_long_ends_with_an_ellipsis() {
        assert_eq!((ellipsis("abc", 3).as_str(), ellipsis("abcd", 3).as_str()), ("abc", "ab…"));
        assert_eq!(capitalised("ready"), "Ready");
    }
}
