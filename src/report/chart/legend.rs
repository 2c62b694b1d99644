//! The legend: what colours, shades and signs mean, in rows that break where the chart ends.

use super::super::font;
use super::super::picture::{Align, Color, Picture, Point};
use super::brush::{self, Look, Sign};
use super::palette::{INK, LABEL};

/// Height of a row of the legend.
pub(super) const ROW: i32 = 22;
const SAMPLE: i32 = 26;

/// What stands before an entry's text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sample {
    /// A bar.
    Bar(Look, Color),
    /// A line.
    Line(Color),
    /// A dashed line.
    Dashes(Color),
    /// A sign.
    Sign(Sign),
}

/// Draws the entries from `at` on, no further than `right`. Returns the height used.
pub(super) fn draw(picture: &mut Picture, at: Point, right: i32, entries: &[(Sample, String)]) -> i32 {
    let (mut x, mut y) = at;
    for (sample, text) in entries {
        let width = SAMPLE + 6 + font::width(text, LABEL);
        if x > at.0 && x + width > right {
            (x, y) = (at.0, y + ROW);
        }
        sample.draw(picture, (x, y));
        picture.text((x + SAMPLE + 6, y + ROW / 2), text.as_str(), LABEL, Align::Left, INK);
        x += width + 20;
    }
    y + ROW - at.1
}

impl Sample {
    fn draw(self, picture: &mut Picture, (x, y): Point) {
        let (end, middle) = (x + SAMPLE, y + ROW / 2);
        match self {
            Sample::Bar(look, color) => brush::bar(picture, (x, y + 4), (end, y + ROW - 4), look, color),
            Sample::Line(color) => picture.line((x, middle), (end, middle), 2, color),
            Sample::Dashes(color) => picture.dashes((x, middle), (end, middle), 2, color),
            Sample::Sign(sign) => brush::sign(picture, (x + SAMPLE / 2, middle), 4, sign),
        }
    }
}
