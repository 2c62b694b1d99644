//! Vertical marks: commands and update status, with labels that do not cover each other.

use super::super::lanes::{Mark, MarkKind};
use super::super::picture::{Align, Color, Picture};
use super::super::{Names, font, names};
use super::axis::TimeAxis;
use super::palette::{BAD, GREY, INK, SMALL};
use crate::model::update::UpdateState;

/// Height of a row of labels.
pub(super) const ROW: i32 = 18;
/// Rows of labels; a mark whose label finds none keeps its line.
const ROWS: usize = 8;
/// Longest label in characters.
const LABEL_LENGTH: usize = 44;

/// A mark with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) x: i32,
    pub(super) text: String,
    pub(super) look: MarkLook,
    /// Left end and width of the label, and its row, counted from the bottom; `None`: no room.
    pub(super) label: Option<(i32, i32, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkLook {
    /// What the operator did, or a fault.
    Command,
    /// An update status that is well.
    Good,
    /// One that is not.
    Bad,
}

/// Finds a place for the label of each mark.
pub(super) fn place(marks: &[Mark], names: &Names, axis: &TimeAxis) -> Vec<Placed> {
    let mut placed: Vec<Placed> = Vec::new();
    for mark in marks {
        let Some((text, look)) = describe(mark.kind, names) else { continue };
        let x = axis.x(mark.at);
        // A line with several commands is one mark.
        if placed.last().is_none_or(|last| (last.x, &last.text) != (x, &text)) {
            placed.push(Placed { x, text, look, label: None });
        }
    }
    // From right to left, each above what it covers: so no line runs through a label further right.
    let mut tops: Vec<(i32, i32, usize)> = Vec::new();
    for mark in placed.iter_mut().rev() {
        let width = font::width(&mark.text, SMALL) * 11 / 10 + 12;
        let left = if mark.x + width <= axis.right { mark.x } else { mark.x - width };
        let covered =
            tops.iter().filter(|(other, width_of_other, _)| left < other + width_of_other && *other < left + width);
        let row = covered.map(|(_, _, row)| row + 1).max().unwrap_or(0);
        if row < ROWS {
            mark.label = Some((left, width, row));
            tops.push((left, width, row));
        }
    }
    placed
}

/// Height of the labels' rows.
pub(super) fn height(marks: &[Placed]) -> i32 {
    marks.iter().filter_map(|mark| mark.label).map(|(_, _, row)| (row as i32 + 1) * ROW).max().unwrap_or(0)
}

/// Draws the labels, whose lowest row ends at `top`, and the lines from them through the plots, each with its top and bottom.
pub(super) fn draw(picture: &mut Picture, marks: &[Placed], top: i32, plots: &[(i32, i32)]) {
    for mark in marks {
        let label =
            mark.label.map(|(_, _, row)| (top - row as i32 * ROW - ROW / 2, plots.first().map_or(top, |p| p.0)));
        for (upper, lower) in label.into_iter().chain(plots.iter().copied()) {
            match mark.look {
                MarkLook::Command => picture.line((mark.x, upper), (mark.x, lower), 1, INK),
                MarkLook::Good | MarkLook::Bad => {
                    picture.dashes((mark.x, upper), (mark.x, lower), 1, mark.look.color())
                }
            }
        }
    }
    for mark in marks {
        let Some((left, width, row)) = mark.label else { continue };
        let middle = top - row as i32 * ROW - ROW / 2;
        let color = mark.look.color();
        picture.fill((left, middle - ROW / 2), (left + width, middle + ROW / 2), Color::WHITE);
        picture.fill((mark.x - 1, middle - ROW / 2 + 2), (mark.x + 2, middle + ROW / 2), color);
        picture.text((left + 6, middle), mark.text.as_str(), SMALL, Align::Left, color);
    }
}

impl MarkLook {
    fn color(self) -> Color {
        match self {
            MarkLook::Command => INK,
            MarkLook::Good => GREY,
            MarkLook::Bad => BAD.towards(INK, 0.35),
        }
    }
}

/// Text and look of a mark; `None`: what happens is seen without.
fn describe(kind: MarkKind, names: &Names) -> Option<(String, MarkLook)> {
    match kind {
        MarkKind::Command(index) => {
            let line = names.commands.get(index as usize)?.trim();
            let line = line.strip_prefix("docker ").unwrap_or(line);
            let line = line.strip_prefix("service ").unwrap_or(line);
            (!line.is_empty()).then(|| (shortened(line), MarkLook::Command))
        }
        MarkKind::Node(..) => None,
        MarkKind::Status(service, state) => {
            let look = match state {
                UpdateState::Updating => return None,
                UpdateState::Completed | UpdateState::RollbackCompleted => MarkLook::Good,
                UpdateState::Paused | UpdateState::RollbackStarted | UpdateState::RollbackPaused => MarkLook::Bad,
            };
            let name = if names.services.len() > 1 { format!("{}: ", names.services[service]) } else { String::new() };
            Some((format!("{name}{}", state.name()), look))
        }
    }
}

/// The line without paths before the names of images, cut off with `…` if it is still too long for a label.
fn shortened(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().map(names::of_image_in_short).collect();
    let line = words.join(" ");
    if line.chars().count() <= LABEL_LENGTH {
        return line;
    }
    let start: String = line.chars().take(LABEL_LENGTH - 1).collect();
    start + "…"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::metrics::fixture::{WEB, plan};

    fn placed(times_ms: &[u64]) -> Vec<Placed> {
        let axis = TimeAxis { left: 100, right: 1_100, end: Time::from_millis(10_000) };
        let mark = |at: &u64| Mark { at: Time::from_millis(*at), kind: MarkKind::Status(WEB, UpdateState::Paused) };
        place(&times_ms.iter().map(mark).collect::<Vec<_>>(), &Names::of(&plan()), &axis)
    }

    #[test]
    fn labels_do_not_cover_each_other() {
        let marks = placed(&[1_000, 1_100, 5_000, 9_800, 9_990]);
        let labels: Vec<_> = marks.iter().filter_map(|mark| mark.label).collect();
        assert_eq!(labels.len(), 5);
        for (number, (left, width, row)) in labels.iter().enumerate() {
            assert!(left + width <= 1_100);
            for (other, other_width, _) in labels[..number].iter().filter(|(_, _, other_row)| other_row == row) {
                assert!(other + other_width <= *left || left + width <= *other);
            }
        }
    }

    #[test]
    fn a_crowd_of_marks_keeps_its_lines_but_not_all_labels() {
        let marks = placed(&[1_000, 1_010, 1_020, 1_030, 1_040, 1_050, 1_060, 1_070, 1_080, 1_090]);
        assert_eq!((marks.len(), marks.iter().filter(|mark| mark.label.is_some()).count()), (10, ROWS));
    }

    #[test]
    fn long_command_lines_are_shortened() {
        assert_eq!(shortened("update --image registry.example.com/team/app:2 web"), "update --image app:2 web");
        let long = shortened("update --update-parallelism 2 --update-delay 10s --image app:2 web");
        assert_eq!(long, "update --update-parallelism 2 --update-dela…");
    }
}
