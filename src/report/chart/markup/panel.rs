//! A chart as paths and texts, which the template of the page puts together.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::super::super::picture::Point;
use super::super::brush::Sign;
use super::WIDTH;

/// A chart over the time of the run. Pixels count from its upper left corner.
#[derive(Debug, Serialize)]
pub struct Panel {
    /// Which one it is.
    pub kind: &'static str,
    /// Heading.
    pub title: String,
    /// What stands beside the heading.
    pub note: String,
    /// Size in pixels.
    pub width: i32,
    /// Size in pixels.
    pub height: i32,
    /// Where the run begins and ends.
    pub plot: [i32; 2],
    /// In the order in which they are painted.
    pub paths: Vec<Path>,
    /// Painted over the paths.
    pub texts: Vec<Text>,
    /// What the classes mean.
    pub legend: Vec<Entry>,
}

/// Shapes of one class.
#[derive(Debug, Serialize)]
pub struct Path {
    /// Class or classes.
    pub class: String,
    /// What SVG calls path data.
    pub d: String,
}

/// A line of text; its vertical middle lies at `y`.
#[derive(Debug, Serialize)]
pub struct Text {
    /// Pixel from the left.
    pub x: i32,
    /// Pixel from the top.
    pub y: i32,
    /// Class or classes.
    pub class: String,
    /// The text.
    pub text: String,
}

/// A line of the legend.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Class or classes.
    pub class: String,
    /// What it means.
    pub text: String,
}

/// Paths that are gathered by class.
#[derive(Default)]
pub(super) struct Paths(BTreeMap<String, String>);

impl Panel {
    /// One that holds nothing yet but its legend.
    pub(super) fn new(kind: &'static str, title: &str, height: i32, legend: Vec<Entry>) -> Panel {
        let (title, note) = (title.to_owned(), String::new());
        Panel { kind, title, note, width: WIDTH, height, plot: [0; 2], paths: Vec::new(), texts: Vec::new(), legend }
    }
}

impl Text {
    pub(super) fn new((x, y): Point, class: &str, text: &str) -> Text {
        Text { x, y, class: class.to_owned(), text: text.to_owned() }
    }
}

impl Entry {
    pub(super) fn new(class: &str, text: &str) -> Entry {
        Entry { class: class.to_owned(), text: text.to_owned() }
    }
}

impl Paths {
    fn d(&mut self, class: &str) -> &mut String {
        if !self.0.contains_key(class) {
            self.0.insert(class.to_owned(), String::new());
        }
        self.0.get_mut(class).expect("it was just put there")
    }

    /// A rectangle; `to` lies outside of it.
    pub(super) fn rectangle(&mut self, class: &str, from: Point, to: Point) {
        let ((x, y), (width, height)) = (from, (to.0 - from.0, to.1 - from.1));
        write!(self.d(class), "M{x} {y}h{width}v{height}h-{width}z").expect("a string takes all");
    }

    /// A line from one point to another.
    pub(super) fn line(&mut self, class: &str, from: Point, to: Point) {
        write!(self.d(class), "M{} {}L{} {}", from.0, from.1, to.0, to.1).expect("a string takes all");
    }

    /// A line through all points, of which those of a step lie beside or above each other.
    pub(super) fn steps(&mut self, class: &str, points: &[Point]) {
        let d = self.d(class);
        let mut last = None;
        for &(x, y) in points {
            match last.replace((x, y)) {
                None => write!(d, "M{x} {y}"),
                Some(last) if last == (x, y) => Ok(()),
                Some((_, last)) if last == y => write!(d, "H{x}"),
                Some((last, _)) if last == x => write!(d, "V{y}"),
                Some(_) => write!(d, "L{x} {y}"),
            }
            .expect("a string takes all");
        }
    }

    /// A sign around a point, `half` pixels to each side.
    pub(super) fn sign(&mut self, sign: Sign, (x, y): Point, half: i32) {
        let (side, left, top) = (2 * half, x - half, y - half);
        match sign {
            Sign::Cross => write!(self.d("sign cross"), "M{left} {top}l{side} {side}m0-{side}l-{side} {side}"),
            Sign::Ring => {
                write!(self.d("sign ring"), "M{left} {y}a{half} {half} 0 1 0 {side} 0a{half} {half} 0 1 0-{side} 0")
            }
        }
        .expect("a string takes all");
    }

    /// All paths, by class.
    pub(super) fn finish(self) -> impl Iterator<Item = Path> {
        self.0.into_iter().map(|(class, d)| Path { class, d })
    }
}
