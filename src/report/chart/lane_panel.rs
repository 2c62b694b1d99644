//! The lanes: a row per slot, its tasks as bars in the colour of their version.

use super::super::font;
use super::super::lanes::{Lane, Stretch, TaskEnd};
use super::super::picture::{Align, Color, Picture};
use super::axis::TimeAxis;
use super::brush::{self, Look, Sign};
use super::palette::{GREY, GROUND, LABEL, SMALL, text_on};
use crate::kernel::Time;
use crate::model::ImageId;
use crate::model::task::TaskState;

/// How images are shown: colour and text of each.
pub(super) trait Versions {
    /// Colour of an image's bars.
    fn color(&self, image: ImageId) -> Color;
    /// What is written into its bars.
    fn label(&self, image: ImageId) -> &str;
}

/// A part of a stretch in which equally many tasks share the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    stretch: Stretch,
    from: Time,
    to: Time,
    /// Which part of the lane's height it has, from the top.
    part: i32,
    /// Of how many parts.
    parts: i32,
}

/// Pixels from one lane to the next, for this many lanes.
pub(super) fn pitch(lanes: usize) -> i32 {
    const HEIGHT: i32 = 640;
    (HEIGHT / lanes.max(1) as i32).clamp(4, 26)
}

/// Draws the lanes from `top` on; each has its label's text.
pub(super) fn draw(
    picture: &mut Picture,
    axis: &TimeAxis,
    top: i32,
    pitch: i32,
    lanes: &[(String, &Lane)],
    versions: &impl Versions,
) {
    let gap = if pitch >= 10 { 4 } else { 1 };
    let labelled = (17 + pitch - 1) / pitch;
    for (number, (label, lane)) in (0..).zip(lanes) {
        let (upper, lower) = (top + number * pitch, top + (number + 1) * pitch - gap);
        let middle = (upper + lower) / 2;
        picture.fill((axis.left, upper), (axis.right, lower), GROUND);
        if number % labelled == 0 {
            picture.text((axis.left - 8, middle), label.as_str(), LABEL, Align::Right, GREY);
        }
        for piece in pieces(lane, axis.end) {
            piece.draw(picture, axis, (upper, lower), versions);
        }
        for TaskEnd { state, at, .. } in &lane.ends {
            let sign = if *state == TaskState::Complete { Sign::Ring } else { Sign::Cross };
            brush::sign(picture, (axis.x(*at), middle), ((lower - upper) / 2 - 2).clamp(3, 4), sign);
        }
    }
}

impl Piece {
    fn draw(&self, picture: &mut Picture, axis: &TimeAxis, (upper, lower): (i32, i32), versions: &impl Versions) {
        let height = lower - upper;
        let from = (axis.x(self.from), upper + height * self.part / self.parts);
        let to = (axis.x(self.to).max(from.0 + 1), upper + height * (self.part + 1) / self.parts);
        let color = versions.color(self.stretch.image);
        let look = look(&self.stretch);
        brush::bar(picture, from, to, look, color);
        let label = versions.label(self.stretch.image);
        if look == Look::Full && to.1 - from.1 >= 14 && to.0 - from.0 >= font::width(label, SMALL) * 5 / 4 + 8 {
            picture.text((from.0 + 5, (from.1 + to.1) / 2), label, SMALL, Align::Left, text_on(color));
        }
    }
}

/// How a stretch looks.
fn look(stretch: &Stretch) -> Look {
    match stretch.state {
        _ if stretch.stopping => Look::Hatched,
        TaskState::New | TaskState::Pending | TaskState::Assigned | TaskState::Accepted => Look::Empty,
        TaskState::Preparing | TaskState::Ready => Look::Light,
        TaskState::Starting => Look::Half,
        _ => Look::Full,
    }
}

/// Cuts the stretches where the number of tasks in the slot changes: those of one time share the lane's height, the oldest
/// task on top.
fn pieces(lane: &Lane, end: Time) -> Vec<Piece> {
    let clipped = |stretch: &Stretch| (stretch.from, stretch.to.min(end));
    let mut times: Vec<Time> = lane.stretches.iter().flat_map(|s| <[Time; 2]>::from(clipped(s))).collect();
    times.sort_unstable();
    times.dedup();
    let mut pieces: Vec<Piece> = Vec::new();
    // The stretches of the moment, by task, each with its last piece.
    let mut active: Vec<(Stretch, Option<usize>)> = Vec::new();
    let mut coming = lane.stretches.iter().peekable();
    for window in times.windows(2) {
        let [from, to] = [window[0], window[1]];
        active.retain(|(stretch, _)| stretch.to > from);
        while let Some(stretch) = coming.next_if(|stretch| stretch.from <= from) {
            if stretch.to > from {
                active.push((*stretch, None));
            }
        }
        active.sort_unstable_by_key(|(stretch, _)| stretch.task);
        let parts = active.len() as i32;
        for (part, (stretch, last)) in (0..).zip(&mut active) {
            match last.map(|last| &mut pieces[last]) {
                Some(piece) if (piece.part, piece.parts) == (part, parts) => piece.to = to,
                _ => {
                    *last = Some(pieces.len());
                    pieces.push(Piece { stretch: *stretch, from, to, part, parts });
                }
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TaskId;

    fn stretch(task: u32, state: TaskState, from: u64, to: Option<u64>) -> Stretch {
        let to = to.map_or(Time::MAX, Time::from_millis);
        Stretch { task: TaskId(task), image: ImageId(0), state, stopping: false, from: Time::from_millis(from), to }
    }

    #[test]
    fn two_tasks_of_one_time_share_the_lane() {
        let old = stretch(0, TaskState::Running, 0, Some(30));
        let stretches =
            vec![old, stretch(1, TaskState::Preparing, 10, Some(20)), stretch(1, TaskState::Running, 20, None)];
        let pieces = pieces(&Lane { stretches, ends: Vec::new() }, Time::from_millis(50));
        let shown: Vec<_> =
            pieces.iter().map(|p| (p.stretch.task.0, p.from.as_millis(), p.to.as_millis(), p.part, p.parts)).collect();
        assert_eq!(
            shown,
            [(0, 0, 10, 0, 1), (0, 10, 30, 0, 2), (1, 10, 20, 1, 2), (1, 20, 30, 1, 2), (1, 30, 50, 0, 1)]
        );
    }

    #[test]
    fn many_lanes_are_thin() {
        assert_eq!([1, 10, 40, 100, 200].map(pitch), [26, 26, 16, 6, 4]);
    }
}
