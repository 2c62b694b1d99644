//! The title of a chart, and what stands beside it.

use super::super::font;
use super::super::picture::{Align, Picture};
use super::palette::{GREY, INK, LABEL, TITLE};

/// What charts leave free on all sides.
pub(super) const MARGIN: i32 = 24;
/// Height of the title.
pub(super) const HEIGHT: i32 = 60;

/// Draws a title and what stands beside it.
pub(super) fn draw(picture: &mut Picture, title: &str, beside: &str) {
    picture.text((MARGIN, 28), title, TITLE, Align::Left, INK);
    let left = MARGIN + font::width(title, TITLE) * 11 / 10 + 16;
    picture.text((left, 29), beside, LABEL, Align::Left, GREY);
}

/// Width of a picture that has room for them.
pub(super) fn width(title: &str, beside: &str) -> i32 {
    2 * MARGIN + font::width(title, TITLE) * 11 / 10 + 16 + font::width(beside, LABEL) * 11 / 10
}
