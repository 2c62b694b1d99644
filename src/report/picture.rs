//! A drawing as a list of shapes, painted to SVG or PNG by the same code.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, RGBColor, ShapeStyle};

use super::font;

/// A colour: red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

/// A size of text and whether it is bold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Font {
    /// Height of a line in pixels.
    pub size: u32,
    /// Bold rather than regular.
    pub bold: bool,
}

/// Which part of a text lies at its point; vertically it is always the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// The text begins at the point.
    Left,
    /// The text's middle lies at the point.
    Center,
    /// The text ends at the point.
    Right,
}

/// A point in pixels, from the upper left corner to the right and down.
pub type Point = (i32, i32);

/// Shapes in pixel coordinates, painted in order on white ground.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    shapes: Vec<Shape>,
}

/// How many pixels of a PNG file one pixel of the picture is wide.
const PNG_SCALE: u32 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    Fill { from: Point, to: Point, color: Color },
    Path { points: Vec<Point>, width: u32, color: Color },
    Polygon { points: Vec<Point>, color: Color },
    Disc { center: Point, radius: u32, color: Color },
    Text { at: Point, text: String, font: Font, align: Align, color: Color },
}

impl Color {
    /// White.
    pub const WHITE: Color = Color(255, 255, 255);

    /// The colour thinned with white: 1 is the colour itself, 0 is white.
    pub fn tint(self, share: f64) -> Color {
        self.towards(Color::WHITE, 1.0 - share)
    }

    /// The colour `share` of the way to `other`.
    pub fn towards(self, other: Color, share: f64) -> Color {
        let mix = |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * share).round() as u8;
        Color(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// Whether white text reads better on it than black text.
    pub fn is_dark(self) -> bool {
        // Weights of ITU-R BT.601, in thousandths.
        u32::from(self.0) * 299 + u32::from(self.1) * 587 + u32::from(self.2) * 114 < 140_000
    }

    /// As style sheets write it: `#0072b2`.
    pub(super) fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    pub(super) fn rgb(self) -> RGBColor {
        RGBColor(self.0, self.1, self.2)
    }
}

impl Picture {
    /// An empty picture.
    pub fn new(width: u32, height: u32) -> Picture {
        Picture { width, height, shapes: Vec::new() }
    }

    /// Width in pixels.
    pub fn width(&self) -> i32 {
        self.width as i32
    }

    /// Makes the picture this high, which may not be known before all is drawn.
    pub fn set_height(&mut self, height: i32) {
        self.height = height.max(0) as u32;
    }

    /// A filled rectangle; `to` lies outside of it.
    pub fn fill(&mut self, from: Point, to: Point, color: Color) {
        self.shapes.push(Shape::Fill { from, to, color });
    }

    /// A line through all points.
    pub fn path(&mut self, points: Vec<Point>, width: u32, color: Color) {
        self.shapes.push(Shape::Path { points, width, color });
    }

    /// A horizontal or vertical line from left to right or downward, at full pixels and so without blur.
    pub fn line(&mut self, from: Point, to: Point, width: i32, color: Color) {
        let (before, after) = (width / 2, width - width / 2);
        if from.1 == to.1 {
            self.fill((from.0, from.1 - before), (to.0, to.1 + after), color);
        } else {
            self.fill((from.0 - before, from.1), (to.0 + after, to.1), color);
        }
    }

    /// The same, dashed.
    pub fn dashes(&mut self, from: Point, to: Point, width: i32, color: Color) {
        const DASH: i32 = 5;
        const GAP: i32 = 4;
        let horizontal = from.1 == to.1;
        let (start, end) = if horizontal { (from.0, to.0) } else { (from.1, to.1) };
        for dash in (start..end).step_by((DASH + GAP) as usize) {
            let rest = (dash + DASH).min(end);
            if horizontal {
                self.line((dash, from.1), (rest, from.1), width, color);
            } else {
                self.line((from.0, dash), (from.0, rest), width, color);
            }
        }
    }

    /// A filled polygon.
    pub fn polygon(&mut self, points: Vec<Point>, color: Color) {
        self.shapes.push(Shape::Polygon { points, color });
    }

    /// A filled circle.
    pub fn disc(&mut self, center: Point, radius: u32, color: Color) {
        self.shapes.push(Shape::Disc { center, radius, color });
    }

    /// A line of text.
    pub fn text(&mut self, at: Point, text: impl Into<String>, font: Font, align: Align, color: Color) {
        self.shapes.push(Shape::Text { at, text: text.into(), font, align, color });
    }

    /// The picture as an SVG document. Texts are texts: a viewer may show them in another font.
    pub fn svg(&self) -> String {
        let mut document = String::new();
        self.paint(SVGBackend::with_string(&mut document, (self.width, self.height)))
            .expect("painting into memory succeeds");
        document
    }

    /// The picture as a PNG file, twice as wide and high, so that it is sharp on dense screens.
    pub fn png(&self) -> Vec<u8> {
        let (width, height) = (self.width * PNG_SCALE, self.height * PNG_SCALE);
        let mut pixels = vec![0; width as usize * height as usize * 3];
        let large =
            Picture { width, height, shapes: self.shapes.iter().map(|shape| shape.scaled(PNG_SCALE)).collect() };
        large.paint(BitMapBackend::with_buffer(&mut pixels, (width, height))).expect("painting into memory succeeds");
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&pixels))
            .expect("writing into memory succeeds");
        file
    }

    fn paint<B: DrawingBackend>(&self, backend: B) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let area = backend.into_drawing_area();
        area.fill(&Color::WHITE.rgb())?;
        self.shapes.iter().try_for_each(|shape| shape.paint(&area))?;
        area.present()
    }
}

impl Shape {
    /// The shape in a picture that is `scale` times as large.
    fn scaled(&self, scale: u32) -> Shape {
        let at = |(x, y): Point| (x * scale as i32, y * scale as i32);
        let all = |points: &[Point]| points.iter().copied().map(at).collect();
        match self.clone() {
            Shape::Fill { from, to, color } => Shape::Fill { from: at(from), to: at(to), color },
            Shape::Path { points, width, color } => Shape::Path { points: all(&points), width: width * scale, color },
            Shape::Polygon { points, color } => Shape::Polygon { points: all(&points), color },
            Shape::Disc { center, radius, color } => Shape::Disc { center: at(center), radius: radius * scale, color },
            Shape::Text { at: point, text, font, align, color } => {
                let font = Font { size: font.size * scale, ..font };
                let (x, y) = at(point);
                // Plotters centers small letters in SVG files, but what lies above them in bitmaps.
                let y = y + (font.size * 7 / 50) as i32;
                Shape::Text { at: (x, y), text, font, align, color }
            }
        }
    }

    fn paint<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        match self {
            Shape::Fill { from, to, color } => area.draw(&Rectangle::new([*from, *to], color.rgb().filled())),
            Shape::Path { points, width, color } => {
                let style = ShapeStyle { color: color.rgb().to_rgba(), filled: false, stroke_width: *width };
                area.draw(&PathElement::new(points.as_slice(), style))
            }
            Shape::Polygon { points, color } => area.draw(&Polygon::new(points.as_slice(), color.rgb())),
            Shape::Disc { center, radius, color } => area.draw(&Circle::new(*center, *radius, color.rgb().filled())),
            Shape::Text { at, text, font, align, color } => {
                let h_pos = match align {
                    Align::Left => HPos::Left,
                    Align::Center => HPos::Center,
                    Align::Right => HPos::Right,
                };
                area.draw(&Text::new(text.as_str(), *at, font::style(*font, *color, Pos::new(h_pos, VPos::Center))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(picture: &Picture, (x, y): (u32, u32)) -> [u8; 3] {
        let file = picture.png();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("a PNG file");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("an image");
        assert_eq!((info.width, info.height), (picture.width * PNG_SCALE, picture.height * PNG_SCALE));
        let at = ((y * info.width + x) * PNG_SCALE * 3) as usize;
        [pixels[at], pixels[at + 1], pixels[at + 2]]
    }

    #[test]
    fn a_filled_rectangle_ends_before_its_lower_right_corner() {
        let mut picture = Picture::new(30, 30);
        picture.fill((10, 10), (20, 20), Color(1, 2, 3));
        assert_eq!(pixel(&picture, (10, 10)), [1, 2, 3]);
        assert_eq!(pixel(&picture, (19, 19)), [1, 2, 3]);
        assert_eq!(pixel(&picture, (20, 20)), [255, 255, 255]);
        assert!(picture.svg().contains(r##"x="10" y="10" width="10" height="10" opacity="1" fill="#010203""##));
    }

    #[test]
    fn texts_are_drawn_without_fonts_of_the_machine() {
        let mut picture = Picture::new(60, 20);
        let empty = picture.png();
        picture.text((30, 10), "web.1 → ≥ µ", Font { size: 14, bold: true }, Align::Center, Color(0, 0, 0));
        assert_ne!(picture.png(), empty);
        assert!(picture.svg().contains("web.1 → ≥ µ"));
    }

    #[test]
    fn a_tint_lies_between_the_colour_and_white() {
        assert_eq!(Color(0, 100, 200).tint(1.0), Color(0, 100, 200));
        assert_eq!(Color(0, 100, 200).tint(0.5), Color(128, 178, 228));
        assert_eq!(Color(0, 100, 200).tint(0.0), Color::WHITE);
    }
}
