//! The panels below the lanes: tasks in rotation against desired ones, and requests per second.

use super::super::font;
use super::super::picture::{Align, Picture, Point};
use super::axis::{TimeAxis, ValueAxis};
use super::brush::Look;
use super::legend::{self, Sample};
use super::palette::{BAD, GOOD, GREY, GRID, HEADING, INK, SMALL};
use crate::kernel::Time;
use crate::metrics::timeline::Row;

/// Height of a panel with its heading.
pub(super) const HEIGHT: i32 = 126;
const PLOT: i32 = 84;
/// From the top of a panel to its plot.
const ABOVE: i32 = legend::ROW + 8;

/// Top and bottom of the plot of the panel at `top`.
pub(super) fn plot(top: i32) -> (i32, i32) {
    (top + ABOVE, top + ABOVE + PLOT)
}

/// Draws how many tasks are in rotation and how many are desired.
pub(super) fn rotation(picture: &mut Picture, axis: &TimeAxis, top: i32, rows: &[&Row]) {
    let (missing, down) = (BAD.tint(0.25), BAD.tint(0.65));
    let key = [
        (Sample::Line(INK), "in rotation".to_owned()),
        (Sample::Dashes(GREY), "desired".to_owned()),
        (Sample::Bar(Look::Full, missing), "missing".to_owned()),
        (Sample::Bar(Look::Full, down), "none at all".to_owned()),
    ];
    let most = rows.iter().map(|row| row.desired.max(row.in_rotation)).max().unwrap_or(0);
    let values = frame(picture, axis, top, ("Tasks in rotation", &key), (f64::from(most), true));
    let y = |count: u32| values.y(f64::from(count));
    for (row, left, right) in self::missing(rows, axis) {
        let color = if row.in_rotation == 0 { down } else { missing };
        picture.fill((left, y(row.desired)), (right, y(row.in_rotation)), color);
    }
    let desired = steps(rows, axis, |row| y(row.desired));
    for line in desired.windows(2) {
        let (from, to) = (line[0].min(line[1]), line[0].max(line[1]));
        picture.dashes(from, to, 2, GREY);
    }
    picture.path(steps(rows, axis, |row| y(row.in_rotation)), 2, INK);
}

/// The rows at which replicas are missing, each from its pixel to that of the next. What was never there is not missing: a service
/// is measured from when all its replicas are in rotation for the first time; one that never gets there, from its creation.
pub(super) fn missing<'a>(rows: &[&'a Row], axis: &TimeAxis) -> impl Iterator<Item = (&'a Row, i32, i32)> {
    let ready = rows.iter().position(|row| row.desired > 0 && row.in_rotation >= row.desired).unwrap_or(0);
    let ends = rows[ready..].iter().skip(1).map(|next| axis.x(next.at)).chain([axis.right]);
    let stretches = rows[ready..].iter().zip(ends).map(|(row, right)| (*row, axis.x(row.at), right));
    stretches.filter(|(row, left, right)| row.in_rotation < row.desired && left < right)
}

/// Draws how many requests ended well and how many failed, per second.
pub(super) fn requests(picture: &mut Picture, axis: &TimeAxis, top: i32, rows: &[&Row]) {
    let key = [(Sample::Bar(Look::Full, GOOD), "ok".to_owned()), (Sample::Bar(Look::Full, BAD), "failed".to_owned())];
    let (width, bins) = per_second(rows, axis);
    let heading = match width {
        1 => "Requests per second".to_owned(),
        _ => format!("Requests per second, mean of {width} s"),
    };
    let most = bins.iter().map(|(ok, failed)| ok.max(*failed)).fold(0.0, f64::max);
    let values = frame(picture, axis, top, (&heading, &key), (most, most >= 4.0));
    let zero = values.y(0.0);
    let second = |number: usize| axis.x(Time::from_millis(1_000 * width * number as u64));
    for (number, (ok, failed)) in bins.iter().enumerate() {
        let (left, right) = (second(number), second(number + 1));
        picture.fill((left, values.y(*ok)), (right, zero), GOOD);
        if *failed > 0.0 {
            let gap = if right - left > 4 { 1 } else { 0 };
            picture.fill((left, values.y(*failed).min(zero - 2)), (right - gap, zero), BAD);
        }
    }
}

/// Draws heading, key and grid of a panel for values up to `max`, counts or not, and returns its axis of values.
pub(super) fn frame(
    picture: &mut Picture,
    axis: &TimeAxis,
    top: i32,
    (heading, key): (&str, &[(Sample, String)]),
    (max, whole): (f64, bool),
) -> ValueAxis {
    picture.text((axis.left, top + legend::ROW / 2), heading, HEADING, Align::Left, INK);
    let beside = axis.left + font::width(heading, HEADING) * 11 / 10 + 24;
    legend::draw(picture, (beside, top), axis.right, key);
    let (upper, lower) = plot(top);
    let values = ValueAxis::new(max, upper, lower, whole);
    for (x, _) in axis.ticks() {
        picture.line((x, upper), (x, lower), 1, GRID);
    }
    for (y, text) in values.ticks() {
        picture.line((axis.left, y), (axis.right, y), 1, GRID);
        picture.text((axis.left - 8, y), text, SMALL, Align::Right, GREY);
    }
    values
}

/// A line of steps through the rows: each value holds until the next row. Within one pixel only the extremes are kept.
pub(super) fn steps(rows: &[&Row], axis: &TimeAxis, y: impl Fn(&Row) -> i32) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut push = |point: Point| match points.as_mut_slice() {
        [.., last] if *last == point => {}
        [.., before, last] if before.1 == last.1 && last.1 == point.1 => *last = point,
        _ => points.push(point),
    };
    let mut last = None;
    for column in rows.chunk_by(|a, b| axis.x(a.at) == axis.x(b.at)) {
        let x = axis.x(column[0].at);
        let end = y(column[column.len() - 1]);
        let start = last.unwrap_or_else(|| y(column[0]));
        let (low, high) =
            column.iter().map(|row| y(row)).fold((start, start), |(low, high), y| (low.min(y), high.max(y)));
        let [near, far] = if end - low < high - end { [low, high] } else { [high, low] };
        [start, far, near, end].into_iter().for_each(|y| push((x, y)));
        last = Some(end);
    }
    last.into_iter().for_each(|y| push((axis.right, y)));
    points
}

/// Requests that ended well and that failed, per second, in bins of whole seconds that are at least 3 pixels wide; the width
/// of a bin in seconds stands first.
fn per_second(rows: &[&Row], axis: &TimeAxis) -> (u64, Vec<(f64, f64)>) {
    const SECOND: u64 = 1_000_000_000;
    let end = axis.end.as_nanos();
    let most = (axis.right - axis.left) as u64 / 3;
    let round = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600];
    let width = round.into_iter().find(|width| end.div_ceil(width * SECOND) <= most).unwrap_or(86_400);
    let mut bins = vec![(0.0, 0.0); end.div_ceil(width * SECOND) as usize];
    for row in rows {
        // What a row counts ended before it, so a full second closes its bin.
        let number = row.at.as_nanos().saturating_sub(1) / (width * SECOND);
        if let Some((ok, failed)) = bins.get_mut(number as usize) {
            *ok += row.ok as f64;
            *failed += row.failed as f64;
        }
    }
    for (number, (ok, failed)) in (0..).zip(&mut bins) {
        let seconds = (end - number * width * SECOND).min(width * SECOND) as f64 / SECOND as f64;
        (*ok, *failed) = (*ok / seconds, *failed / seconds);
    }
    (width, bins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServiceId;

    fn row(at_ms: u64, in_rotation: u32, ok: u64) -> Row {
        Row {
            at: Time::from_millis(at_ms),
            service: ServiceId(0),
            desired: 2,
            in_rotation,
            running: in_rotation,
            in_flight: 0,
            ok,
            failed: 0,
        }
    }

    #[test]
    fn a_value_holds_until_the_next_row() {
        let axis = TimeAxis { left: 0, right: 100, end: Time::from_millis(100) };
        let rows = [row(0, 0, 0), row(20, 2, 0), row(30, 1, 0)];
        let points = steps(&rows.iter().collect::<Vec<_>>(), &axis, |row| row.in_rotation as i32);
        assert_eq!(points, [(0, 0), (20, 0), (20, 2), (30, 2), (30, 1), (100, 1)]);
    }

    #[test]
    fn requests_count_in_the_second_in_which_they_ended() {
        let axis = TimeAxis { left: 0, right: 1_000, end: Time::from_millis(2_500) };
        let rows = [row(400, 2, 3), row(1_000, 2, 5), row(2_000, 2, 7), row(2_500, 2, 2)];
        let (width, bins) = per_second(&rows.iter().collect::<Vec<_>>(), &axis);
        assert_eq!((width, bins), (1, vec![(8.0, 0.0), (7.0, 0.0), (4.0, 0.0)]));
    }
}
