//! Colours and text sizes of all charts.
//!
//! Source: Okabe and Ito, Color Universal Design, <https://jfly.uni-koeln.de/color/>.

use super::super::picture::{Color, Font};

/// Text and lines that matter.
pub(super) const INK: Color = Color(0x22, 0x22, 0x22);
/// Text that explains.
pub(super) const GREY: Color = Color(0x66, 0x66, 0x66);
/// Lines that help to read.
pub(super) const GRID: Color = Color(0xdd, 0xdd, 0xdd);
/// Ground of a lane.
pub(super) const GROUND: Color = Color(0xf3, 0xf3, 0xf3);
/// What went wrong (vermillion). Not a colour of a version.
pub(super) const BAD: Color = Color(0xd5, 0x5e, 0x00);
/// What went well, as an area.
pub(super) const GOOD: Color = Color(0xc9, 0xdd, 0xe9);

/// Versions, in order of their first use; neighbours differ in brightness too.
const VERSIONS: [Color; 6] = [
    Color(0x00, 0x72, 0xb2), // blue
    Color(0xe6, 0x9f, 0x00), // orange
    Color(0x00, 0x9e, 0x73), // bluish green
    Color(0xf0, 0xe4, 0x42), // yellow
    Color(0xcc, 0x79, 0xa7), // reddish purple
    Color(0x56, 0xb4, 0xe9), // sky blue
];

/// Title.
pub(super) const TITLE: Font = Font { size: 21, bold: true };
/// Names of groups and panels.
pub(super) const HEADING: Font = Font { size: 15, bold: true };
/// Everything else.
pub(super) const LABEL: Font = Font { size: 14, bold: false };
/// Text within bars and cells.
pub(super) const SMALL: Font = Font { size: 13, bold: false };

/// The colour of the version with this number; they repeat after six.
pub(super) fn version(number: usize) -> Color {
    VERSIONS[number % VERSIONS.len()]
}

/// A sequential scale for values from 0 (light) to 1 (dark).
pub(super) fn shade(share: f64) -> Color {
    const SCALE: [Color; 3] = [Color(0xf1, 0xf7, 0xfb), Color(0x56, 0xb4, 0xe9), Color(0x00, 0x2f, 0x4f)];
    if share < 0.5 { SCALE[0].towards(SCALE[1], share * 2.0) } else { SCALE[1].towards(SCALE[2], share * 2.0 - 1.0) }
}

/// Black or white, whichever reads better on `ground`.
pub(super) fn text_on(ground: Color) -> Color {
    if ground.is_dark() { Color::WHITE } else { INK }
}
