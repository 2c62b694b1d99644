//! What docker printed, read back into cells.

use std::collections::BTreeMap;

use rollsim::kernel::Span;
use rollsim::model::task::TaskState;

/// A row: its cells by the names of their columns, without the blanks that fill them up.
pub type Row = BTreeMap<String, String>;

/// The rows of a table. A column begins where its name does, and two blanks are no part of a name.
pub fn rows(text: &str) -> Vec<Row> {
    let mut lines = text.lines().map(|line| line.chars().collect::<Vec<char>>());
    let head = lines.next().expect("a table has a head");
    let begins = |at: &usize| head[*at] != ' ' && (*at == 0 || head[..*at].ends_with(&[' ', ' ']));
    let starts: Vec<usize> = (0..head.len()).filter(begins).collect();
    let cells = |line: &[char]| -> Vec<String> {
        let ends = starts.iter().skip(1).copied().chain([usize::MAX]);
        let cell = |(start, end): (&usize, usize)| line[(*start).min(line.len())..end.min(line.len())].iter().collect();
        starts.iter().zip(ends).map(cell).map(|cell: String| cell.trim_end().to_owned()).collect()
    };
    let names = cells(&head);
    lines.map(|line| names.iter().cloned().zip(cells(&line)).collect()).collect()
}

/// The state of a word such as `Running`.
pub fn state(word: &str) -> TaskState {
    let state = TaskState::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(word));
    state.unwrap_or_else(|| panic!("`{word}` is no state"))
}

/// The shortest time of which docker says so: `33 seconds ago`, `About a minute ago`.
pub fn age(text: &str) -> Span {
    let words: Vec<&str> =
        text.strip_suffix(" ago").unwrap_or_else(|| panic!("`{text}` is no age")).split(' ').collect();
    let (number, unit) = match words[..] {
        ["Less" | "less", "than", "a", "second"] => (0, "second"),
        ["About" | "about", "a" | "an", unit] => (1, unit),
        [number, unit] => (number.parse().expect("a number"), unit),
        _ => panic!("`{text}` is no age"),
    };
    let unit = match unit.trim_end_matches('s') {
        "second" => 1,
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        "week" => 7 * 86_400,
        "month" => 30 * 86_400,
        "year" => 365 * 86_400,
        _ => panic!("`{text}` is no age"),
    };
    let seconds: u64 = number * unit;
    Span::from_secs(seconds)
}
