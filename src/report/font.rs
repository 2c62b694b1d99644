//! The embedded font: charts look the same on every machine, whatever fonts it has.
//!
//! A subset of DejaVu Sans 2.37 (Latin-1, arrows, dashes, quotes, a few mathematical signs) without hints, made with
//! `pyftsubset`; its licence lies beside it.

use plotters::style::text_anchor::Pos;
use plotters::style::{Color as _, FontDesc, FontFamily, FontStyle, TextStyle, register_font};

use super::picture::{Color, Font};

const FAMILY: &str = "sans-serif";
const REGULAR: &[u8] = include_bytes!("font/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("font/DejaVuSans-Bold.ttf");

/// Makes the font known to plotters. Doing it again changes nothing.
fn register() {
    for (style, bytes) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, BOLD)] {
        assert!(register_font(FAMILY, style, bytes).is_ok(), "the embedded font can be read");
    }
}

fn describe(font: Font) -> FontDesc<'static> {
    register();
    let style = if font.bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::SansSerif, f64::from(font.size), style)
}

/// The font in plotters' words.
pub(super) fn style(font: Font, color: Color, pos: Pos) -> TextStyle<'static> {
    TextStyle { font: describe(font), color: color.rgb().to_backend_color(), pos }
}

/// Width of `text` in pixels, as the embedded font has it. Who views an SVG may see another font.
pub(super) fn width(text: &str, font: Font) -> i32 {
    let (width, _) = describe(font).box_size(text).expect("the embedded font is registered");
    i32::try_from(width).expect("a text is narrower than 2^31 pixels")
}
