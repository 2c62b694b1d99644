//! The lanes: a row per slot, its tasks as bars in the colour of their version.

use super::super::font;
use super::super::lanes::{Lane, Stretch, TaskEnd};
use super::super::picture::{Align, Color, Picture, Point};
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

/// A bar of a lane; `to` lies outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) stretch: Stretch,
    pub(super) from: Point,
    pub(super) to: Point,
}

/// The sign for one or more ends of tasks in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// Middle of the sign: the first of the ends.
    pub(super) at: Point,
    /// Pixels to each side.
    pub(super) half: i32,
    pub(super) sign: Sign,
    /// Number of ends.
    count: u32,
    /// Whether the lane has room for a number.
    counted: bool,
}

/// Pixels from one lane to the next, for this many lanes.
pub(super) fn pitch(lanes: usize) -> i32 {
    const HEIGHT: i32 = 640;
    (HEIGHT / lanes.max(1) as i32).clamp(4, 26)
}

/// Top and bottom of each lane from `top` on, and whether there is room for its label.
pub(super) fn bands(top: i32, pitch: i32) -> impl Iterator<Item = ((i32, i32), bool)> {
    let gap = if pitch >= 10 { 4 } else { 1 };
    let labelled = (17 + pitch - 1) / pitch;
    (0..).map(move |number| ((top + number * pitch, top + (number + 1) * pitch - gap), number % labelled == 0))
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
    let mut endings = Vec::new();
    for ((label, lane), (band, is_labelled)) in lanes.iter().zip(bands(top, pitch)) {
        let (upper, lower) = band;
        picture.fill((axis.left, upper), (axis.right, lower), GROUND);
        if is_labelled {
            picture.text((axis.left - 8, (upper + lower) / 2), label.as_str(), LABEL, Align::Right, GREY);
        }
        for bar in bars(lane, axis, band) {
            bar.draw(picture, versions);
        }
        endings.extend(gathered(&lane.ends, axis, band));
    }
    // All halos come first, so that none cuts into a sign.
    for ending in &endings {
        ending.draw_halo(picture);
    }
    for ending in &endings {
        ending.draw(picture);
    }
}

/// Ends that would cover each other in one lane are one sign: that of the worst, with their number beside it.
pub(super) fn gathered(ends: &[TaskEnd], axis: &TimeAxis, (upper, lower): (i32, i32)) -> Vec<Ending> {
    let (half, counted) = (((lower - upper) / 2 - 2).clamp(3, 4), lower - upper >= 10);
    let mut endings: Vec<Ending> = Vec::new();
    for TaskEnd { state, at, .. } in ends {
        let sign = if *state == TaskState::Complete { Sign::Ring } else { Sign::Cross };
        let next = Ending { at: (axis.x(*at), (upper + lower) / 2), half, sign, count: 1, counted };
        match endings.last_mut() {
            Some(last) if next.left() < last.right() => {
                last.count += 1;
                last.sign = if sign == Sign::Cross { sign } else { last.sign };
            }
            _ => endings.push(next),
        }
    }
    endings
}

impl Ending {
    /// Where the sign with its halo begins.
    fn left(&self) -> i32 {
        self.at.0 - self.half - 2
    }

    /// Where the sign and what stands beside it end.
    fn right(&self) -> i32 {
        let label = self.label().map_or(0, |label| font::width(&label, SMALL) * 11 / 10 + 3);
        self.at.0 + self.half + 2 + label
    }

    /// The number, if there is more than one and room for it.
    pub(super) fn label(&self) -> Option<String> {
        (self.count > 1 && self.counted).then(|| self.count.to_string())
    }

    fn draw_halo(&self, picture: &mut Picture) {
        brush::halo(picture, self.at, self.half, self.sign);
        if self.label().is_some() {
            picture.fill((self.at.0, self.at.1 - 6), (self.right(), self.at.1 + 6), Color::WHITE);
        }
    }

    fn draw(&self, picture: &mut Picture) {
        brush::sign(picture, self.at, self.half, self.sign);
        if let Some(label) = self.label() {
            let left = self.at.0 + self.half + 3;
            picture.text((left, self.at.1), label, SMALL, Align::Left, self.sign.color());
        }
    }
}

impl Bar {
    fn draw(&self, picture: &mut Picture, versions: &impl Versions) {
        let color = versions.color(self.stretch.image);
        brush::bar(picture, self.from, self.to, self.look(), color);
        let label = versions.label(self.stretch.image);
        if self.has_room(label) {
            let middle = (self.from.1 + self.to.1) / 2;
            picture.text((self.from.0 + 5, middle), label, SMALL, Align::Left, text_on(color));
        }
    }

    fn width(&self) -> i32 {
        self.to.0 - self.from.0
    }

    /// How it looks: by its task's state.
    pub(super) fn look(&self) -> Look {
        match self.stretch.state {
            _ if self.stretch.stopping => Look::Hatched,
            TaskState::New | TaskState::Pending | TaskState::Assigned | TaskState::Accepted => Look::Empty,
            TaskState::Preparing | TaskState::Ready => Look::Light,
            TaskState::Starting => Look::Half,
            _ => Look::Full,
        }
    }

    /// Whether the label is written into it.
    pub(super) fn has_room(&self, label: &str) -> bool {
        let is_high = self.to.1 - self.from.1 >= 14;
        self.look() == Look::Full && is_high && self.width() >= font::width(label, SMALL) * 5 / 4 + 8
    }
}

/// The bars of a lane between these pixels, in the order in which they are painted. Those that later ones cover are left out; so
/// where more happens than pixels can show, each shows how things stand at its end.
pub(super) fn bars(lane: &Lane, axis: &TimeAxis, (upper, lower): (i32, i32)) -> Vec<Bar> {
    let height = lower - upper;
    // In a lower lane nobody tells narrower bars apart: they are one.
    let narrow = if height < 8 { 3 } else { 1 };
    // Of each column of pixels, as bits, the rows that later bars cover.
    let mut covered = vec![0_u32; (axis.right - axis.left) as usize];
    let mut bars: Vec<Bar> = Vec::new();
    for Piece { stretch, from, to, part, parts } in pieces(lane, axis.end).into_iter().rev() {
        let [top, bottom] = [part, part + 1].map(|part| height * part / parts);
        let left = axis.x(from);
        let right = axis.x(to).max(left + 1);
        let rows = (1 << bottom) - (1 << top);
        let columns = &mut covered[(left - axis.left) as usize..(right - axis.left) as usize];
        if columns.iter().all(|column| column & rows == rows) {
            continue;
        }
        columns.iter_mut().for_each(|column| *column |= rows);
        let bar = Bar { stretch, from: (left, upper + top), to: (right, upper + bottom) };
        match bars.last_mut() {
            Some(next)
                if (bar.to.0, bar.from.1, bar.to.1) == (next.from.0, next.from.1, next.to.1)
                    && bar.width().max(next.width()) < narrow =>
            {
                next.from.0 = left
            }
            _ => bars.push(bar),
        }
    }
    bars.reverse();
    bars
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
    use crate::kernel::Span;
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

    /// From where to where the bars of these stretches reach, and whose they are; a pixel is a millisecond wide.
    fn columns(stretches: &[Stretch], height: i32) -> Vec<(i32, i32, u32)> {
        let axis = TimeAxis { left: 0, right: 100, end: Time::from_millis(100) };
        let lane = Lane { stretches: stretches.to_vec(), ends: Vec::new() };
        bars(&lane, &axis, (0, height)).iter().map(|bar| (bar.from.0, bar.to.0, bar.stretch.task.0)).collect()
    }

    #[test]
    fn of_the_bars_in_one_pixel_the_last_is_drawn() {
        let micros = |task, from, to| Stretch {
            from: Time::ZERO + Span::from_micros(from),
            to: Time::ZERO + Span::from_micros(to),
            ..stretch(task, TaskState::Running, 0, None)
        };
        let stretches =
            [micros(0, 0, 10_000), micros(1, 10_000, 10_300), micros(2, 10_300, 10_900), micros(3, 10_900, 11_100)];
        assert_eq!(columns(&stretches, 22), [(0, 10, 0), (10, 11, 3)]);
        let beside = [micros(0, 0, 50_000), micros(1, 10_000, 40_000), micros(2, 40_000, 40_300)];
        assert_eq!(columns(&beside, 22), [(0, 10, 0), (10, 40, 0), (10, 40, 1), (40, 50, 0)]);
    }

    #[test]
    fn in_a_low_lane_narrow_bars_are_one() {
        let all = |ends: &[u64]| -> Vec<Stretch> {
            let ends = [&[0], ends].concat();
            let each = (0..).zip(ends.windows(2));
            each.map(|(task, ends)| stretch(task, TaskState::Running, ends[0], Some(ends[1]))).collect()
        };
        let stretches = all(&[40, 41, 42, 43, 44, 45, 46, 80]);
        assert_eq!(columns(&stretches, 22).len(), 8);
        assert_eq!(columns(&stretches, 3), [(0, 40, 0), (40, 43, 3), (43, 46, 6), (46, 80, 7)]);
    }

    #[test]
    fn ends_that_would_cover_each_other_are_one_sign_with_their_number() {
        let axis = TimeAxis { left: 0, right: 1_000, end: Time::from_millis(1_000) };
        let end = |(ms, state)| TaskEnd { task: TaskId(0), image: ImageId(0), state, at: Time::from_millis(ms) };
        let shown = |ends: &[(u64, TaskState)], height| {
            let ends: Vec<TaskEnd> = ends.iter().copied().map(end).collect();
            let endings = gathered(&ends, &axis, (0, height)).into_iter();
            endings.map(|ending| (ending.at.0, ending.sign, ending.label())).collect::<Vec<_>>()
        };
        let (failed, complete) = (TaskState::Failed, TaskState::Complete);
        let apart = [(100, Sign::Ring, None), (120, Sign::Cross, None)];
        assert_eq!(shown(&[(100, complete), (120, failed)], 22), apart);
        let two = Some("2".to_owned());
        assert_eq!(
            shown(&[(100, complete), (105, failed), (200, failed)], 22),
            [(100, Sign::Cross, two), (200, Sign::Cross, None)]
        );
        assert_eq!(shown(&[(100, failed), (105, failed)], 5), [(100, Sign::Cross, None)]);
        // A task that fails again and again keeps its times.
        let often: Vec<_> = (0..100).map(|number| (number * 10, failed)).collect();
        assert!(shown(&often, 22).len() > 20, "{:?}", shown(&often, 22));
    }

    #[test]
    fn many_lanes_are_thin() {
        assert_eq!([1, 10, 40, 100, 200].map(pitch), [26, 26, 16, 6, 4]);
    }
}
