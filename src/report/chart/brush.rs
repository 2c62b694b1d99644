//! Bars whose look tells a task's state, the signs for how it ended, and marks of values.

use super::super::picture::{Color, Picture, Point};
use super::palette::{BAD, INK};

/// How a bar looks, from a task that is far from running to one that is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Outline only: not yet with an agent's executor.
    Empty,
    /// Light.
    Light,
    /// Half light.
    Half,
    /// The full colour.
    Full,
    /// Diagonal lines.
    Hatched,
}

/// A sign for an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A cross: FAILED, REJECTED, ORPHANED.
    Cross,
    /// A ring: COMPLETE.
    Ring,
}

/// A shape of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A circle.
    Disc,
    /// A square.
    Square,
    /// A square on its corner.
    Diamond,
    /// A triangle that points up.
    Up,
    /// A triangle that points down.
    Down,
}

/// A bar in the rectangle from `from` to before `to`.
pub(super) fn bar(picture: &mut Picture, from: Point, to: Point, look: Look, color: Color) {
    let ground = match look {
        Look::Full => color,
        Look::Half => color.tint(0.55),
        Look::Light => color.tint(0.25),
        Look::Empty => Color::WHITE,
        Look::Hatched => color.tint(0.12),
    };
    let outlined = look != Look::Full && to.1 - from.1 >= 5 && to.0 - from.0 >= 3;
    let (mut inner_from, mut inner_to) = (from, to);
    if outlined {
        picture.fill(from, to, color);
        (inner_from, inner_to) = ((from.0 + 1, from.1 + 1), (to.0 - 1, to.1 - 1));
    }
    picture.fill(inner_from, inner_to, ground);
    if look == Look::Hatched {
        hatch(picture, inner_from, inner_to, color);
    }
}

/// Diagonal lines, cut off at the rectangle; those of neighbouring rectangles meet.
fn hatch(picture: &mut Picture, from: Point, to: Point, color: Color) {
    const GAP: i32 = 6;
    let (right, bottom) = (to.0 - 1, to.1 - 1);
    // On each diagonal the sum of the coordinates is the same.
    let first = (from.0 + from.1 + GAP - 1) / GAP * GAP;
    for sum in (first..=right + bottom).step_by(GAP as usize) {
        let (start, end) = ((sum - bottom).max(from.0), (sum - from.1).min(right));
        picture.path(vec![(start, sum - start), (end, sum - end)], 1, color);
    }
}

/// The light ground of a sign around a point, which sets it off from a bar. It reaches a little beyond the sign.
pub(super) fn halo(picture: &mut Picture, at: Point, half: i32, sign: Sign) {
    match sign {
        Sign::Cross => cross(picture, at, 2, half + 1, Color::WHITE),
        Sign::Ring => picture.disc(at, half.max(2) as u32 + 2, Color::WHITE),
    }
}

/// A sign around a point, `half` pixels to each side.
pub(super) fn sign(picture: &mut Picture, at: Point, half: i32, sign: Sign) {
    match sign {
        Sign::Cross => cross(picture, at, 1, half, sign.color()),
        Sign::Ring => {
            let radius = half.max(2) as u32;
            picture.disc(at, radius + 1, sign.color());
            picture.disc(at, radius - 1, Color::WHITE);
        }
    }
}

/// A band as wide as 2 × `w` pixels along each diagonal.
fn cross(picture: &mut Picture, (x, y): Point, w: i32, half: i32, color: Color) {
    for up in [1, -1] {
        let corner = |dx: i32, dy: i32| (x + dx, y + up * dy);
        let points = vec![
            corner(-half - w, -half + w),
            corner(-half + w, -half - w),
            corner(half + w, half - w),
            corner(half - w, half + w),
        ];
        picture.polygon(points, color);
    }
}

/// A mark around a point with a dark outline; a hollow one has a white middle.
pub(super) fn mark(picture: &mut Picture, at: Point, shape: Shape, color: Color, hollow: bool) {
    shape.fill(picture, at, 6, INK);
    shape.fill(picture, at, 5, color);
    if hollow {
        shape.fill(picture, at, 3, Color::WHITE);
    }
}

impl Shape {
    /// The shape of the mark with this number; they repeat after five.
    pub(super) fn of(number: usize) -> Shape {
        const SHAPES: [Shape; 5] = [Shape::Disc, Shape::Square, Shape::Diamond, Shape::Up, Shape::Down];
        SHAPES[number % SHAPES.len()]
    }

    /// Fills the shape, about `half` pixels to each side of a point.
    fn fill(self, picture: &mut Picture, (x, y): Point, half: i32, color: Color) {
        let points: &[Point] = match self {
            Shape::Disc => return picture.disc((x, y), half as u32, color),
            Shape::Square => &[(-half, -half), (half, -half), (half, half), (-half, half)],
            Shape::Diamond => &[(0, -half - 2), (half + 2, 0), (0, half + 2), (-half - 2, 0)],
            Shape::Up => &[(0, -half - 2), (half + 1, half), (-half - 1, half)],
            Shape::Down => &[(0, half + 2), (half + 1, -half), (-half - 1, -half)],
        };
        picture.polygon(points.iter().map(|(dx, dy)| (x + dx, y + dy)).collect(), color);
    }
}

impl Sign {
    /// Its colour.
    pub(super) fn color(self) -> Color {
        match self {
            Sign::Cross => BAD,
            Sign::Ring => INK,
        }
    }
}
