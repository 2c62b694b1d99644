//! Policies side by side: for each metric the value under every policy, and how far it is from that under the first.

use super::super::estimate::Estimate;
use super::super::font;
use super::super::picture::{Align, Color, Font, Picture, Point};
use super::axis::SignedAxis;
use super::brush::{self, Shape};
use super::head;
use super::palette::{self, GREY, GRID, GROUND, HEADING, INK, LABEL, SMALL};

const MARGIN: i32 = head::MARGIN;
/// Height of a policy's row.
const ROW: i32 = 24;
/// Width of a plot, of which there are two side by side.
const PLOT: i32 = 280;
/// From the top of a panel to its rows.
const ABOVE: i32 = 28;
/// From the last row of a panel to the next panel.
const BELOW: i32 = 18;
/// What the texts of ticks take below the last row.
const TICKS: i32 = 20;

/// What the chart shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Policies {
    /// What was run: the scenario.
    pub title: String,
    /// On which seeds.
    pub about: String,
    /// Names of the policies; all others are compared with the first.
    pub names: Vec<String>,
    /// What differs.
    pub panels: Vec<Panel>,
    /// What is to be said below.
    pub note: Option<String>,
}

/// A metric under every policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// The metric.
    pub title: String,
    /// Whose, and the unit of its values.
    pub beside: String,
    /// Whether values are counts.
    pub whole: bool,
    /// What it is under each policy.
    pub cells: Vec<Cell>,
}

/// A metric under one policy.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// There is no value.
    None,
    /// It is no number.
    Words(String),
    /// Its mean, and its difference to the first policy.
    Number(Labelled, Option<Labelled>),
}

/// A number as it is drawn, and as it is written beside.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// Where it is drawn.
    pub estimate: Estimate,
    /// What is written.
    pub text: String,
}

/// Where the columns of all panels are.
struct Columns {
    /// Left ends of the two plots.
    plots: [i32; 2],
    /// Right ends of the texts beside them.
    texts: [i32; 2],
}

/// Draws the comparison.
pub fn compare(data: &Policies) -> Picture {
    let columns = Columns::of(data);
    let has_intervals = data.panels.iter().any(Panel::has_intervals);
    let mut texts = Vec::new();
    let mut y = head::HEIGHT;
    if let Some(first) = data.names.first().filter(|_| !data.panels.is_empty()) {
        let (value, interval) = if has_intervals { ("mean", ", with 95 % intervals") } else { ("value", "") };
        let heads = [format!("{value}{interval}"), format!("difference to {first}{interval}")];
        texts.extend(columns.plots.into_iter().zip(heads).map(|(x, head)| ((x, y + 6), head)));
        y += 20;
    }
    let panels = y;
    y += data.panels.iter().map(Panel::height).sum::<i32>();
    let mut signs = Vec::new();
    if has_intervals {
        for (hollow, text) in [(false, "the interval leaves out 0"), (true, "the interval reaches 0: it may be chance")]
        {
            signs.push(((columns.plots[1] + 6, y + 6), hollow));
            texts.push(((columns.plots[1] + 20, y + 6), text.to_owned()));
            y += 22;
        }
        y += 4;
    }
    if let Some(note) = &data.note {
        texts.push(((MARGIN, y + 6), note.clone()));
        y += 26;
    }
    let ends = texts.iter().map(|((x, _), text)| x + width(text, LABEL));
    let ends = ends.chain(data.panels.iter().map(|panel| panel.right(&columns))).chain([columns.texts[1]]);
    let right = ends.max().unwrap_or(0) + MARGIN;
    let size = right.max(head::width(&data.title, &data.about));
    let mut picture = Picture::new(size as u32, (y + 8) as u32);
    head::draw(&mut picture, &data.title, &data.about);
    for (at, text) in texts {
        picture.text(at, text, LABEL, Align::Left, GREY);
    }
    for (at, hollow) in signs {
        brush::mark(&mut picture, at, Shape::Disc, GREY, hollow);
    }
    data.panels.iter().fold(panels, |y, panel| {
        panel.draw(&mut picture, &columns, y, &data.names);
        y + panel.height()
    });
    picture
}

/// Width of a text, with room for viewers whose font is wider than ours.
fn width(text: &str, font: Font) -> i32 {
    font::width(text, font) * 11 / 10
}

impl Columns {
    fn of(data: &Policies) -> Columns {
        const GAP: i32 = 14;
        let numbers = || data.panels.iter().flat_map(Panel::numbers);
        let names = data.names.iter().map(|name| width(name, LABEL)).max();
        let values = numbers().map(|(value, _)| width(&value.text, LABEL)).max();
        let differences = numbers().filter_map(|(_, difference)| Some(width(&difference?.text, LABEL))).max();
        let first = MARGIN + names.unwrap_or(0) + GAP;
        let value = first + PLOT + GAP + values.unwrap_or(0);
        let second = value + 2 * GAP;
        Columns { plots: [first, second], texts: [value, second + PLOT + GAP + differences.unwrap_or(0)] }
    }
}

impl Panel {
    /// The cells that are numbers.
    pub fn numbers(&self) -> impl Iterator<Item = (&Labelled, Option<&Labelled>)> {
        self.cells.iter().filter_map(|cell| match cell {
            Cell::Number(value, difference) => Some((value, difference.as_ref())),
            Cell::None | Cell::Words(_) => None,
        })
    }

    fn has_intervals(&self) -> bool {
        self.numbers().any(|(value, _)| value.estimate.interval.is_some())
    }

    /// Height with the distance to what comes below.
    fn height(&self) -> i32 {
        let ticks = if self.numbers().next().is_some() { TICKS } else { 0 };
        ABOVE + ROW * self.cells.len() as i32 + ticks + BELOW
    }

    /// Where the texts that are in no column end.
    fn right(&self, columns: &Columns) -> i32 {
        let words = self.cells.iter().map(|cell| match cell {
            Cell::Words(words) => columns.plots[0] + width(words, LABEL),
            Cell::None | Cell::Number(..) => 0,
        });
        words.fold(self.beside_at() + width(&self.beside, LABEL), i32::max)
    }

    fn beside_at(&self) -> i32 {
        MARGIN + width(&self.title, HEADING) + 10
    }

    fn draw(&self, picture: &mut Picture, columns: &Columns, y: i32, names: &[String]) {
        picture.text((MARGIN, y + 14), self.title.as_str(), HEADING, Align::Left, INK);
        picture.text((self.beside_at(), y + 14), self.beside.as_str(), LABEL, Align::Left, GREY);
        let (top, bottom) = (y + ABOVE, y + ABOVE + ROW * self.cells.len() as i32);
        for row in (top..bottom).step_by(2 * ROW as usize) {
            picture.fill((MARGIN, row), (columns.texts[1] + 4, row + ROW), GROUND);
        }
        let axes = self.axes(columns);
        for axis in axes.iter().flatten() {
            draw_axis(picture, axis, top, bottom);
        }
        for (number, (cell, name)) in self.cells.iter().zip(names).enumerate() {
            let middle = top + number as i32 * ROW + ROW / 2;
            picture.text((MARGIN + 4, middle), name.as_str(), LABEL, Align::Left, INK);
            cell.draw(picture, columns, &axes, (middle, number));
        }
    }

    /// The axes of values and differences, as far as there are any.
    fn axes(&self, columns: &Columns) -> [Option<SignedAxis>; 2] {
        let axis = |left: i32, estimates: Vec<Estimate>| {
            let bounds = estimates.iter().flat_map(|estimate| estimate.interval.unwrap_or([estimate.value; 2]));
            let [low, high] = bounds.fold([0.0_f64; 2], |[low, high], bound| [low.min(bound), high.max(bound)]);
            (!estimates.is_empty()).then(|| SignedAxis::new([low, high], [left, left + PLOT], self.whole))
        };
        let values = self.numbers().map(|(value, _)| value.estimate).collect();
        let differences = self.numbers().filter_map(|(_, difference)| Some(difference?.estimate)).collect();
        [axis(columns.plots[0], values), axis(columns.plots[1], differences)]
    }
}

impl Cell {
    /// Draws the cell of the policy with this number around `y`.
    fn draw(
        &self,
        picture: &mut Picture,
        columns: &Columns,
        axes: &[Option<SignedAxis>; 2],
        (y, number): (i32, usize),
    ) {
        let left = (columns.plots[0], y);
        match self {
            Cell::None => picture.text(left, "–", LABEL, Align::Left, GREY),
            Cell::Words(words) => picture.text(left, words.as_str(), LABEL, Align::Left, INK),
            Cell::Number(value, difference) => {
                let of_policy = (Shape::of(number), palette::version(number));
                if let [Some(axis), _] = axes {
                    value.draw(picture, axis, (columns.texts[0], y), of_policy, false);
                }
                if let ([_, Some(axis)], Some(difference)) = (axes, difference) {
                    let hollow = difference.estimate.reaches_zero();
                    difference.draw(picture, axis, (columns.texts[1], y), of_policy, hollow);
                }
            }
        }
    }
}

impl Labelled {
    /// Draws the interval and the mark, and the text so that it ends at `end`.
    fn draw(&self, picture: &mut Picture, axis: &SignedAxis, end: Point, (shape, color): (Shape, Color), hollow: bool) {
        if let Some([low, high]) = self.estimate.interval {
            let ends = [low, high].map(|bound| axis.x(bound));
            picture.line((ends[0], end.1), (ends[1], end.1), 2, INK);
            for x in ends {
                picture.line((x, end.1 - 5), (x, end.1 + 5), 2, INK);
            }
        }
        brush::mark(picture, (axis.x(self.estimate.value), end.1), shape, color, hollow);
        picture.text(end, self.text.as_str(), LABEL, Align::Right, INK);
    }
}

/// Draws the lines of an axis from `top` to `bottom`, and below them what they stand for, as often as there is room.
fn draw_axis(picture: &mut Picture, axis: &SignedAxis, top: i32, bottom: i32) {
    let ticks = axis.ticks();
    let apart = ticks.windows(2).map(|pair| pair[1].x - pair[0].x).min().unwrap_or(1);
    let widest = ticks.iter().map(|tick| width(&tick.text, SMALL)).max().unwrap_or(0) + 8;
    let every = (widest + apart - 1) / apart;
    for tick in ticks {
        let is_zero = tick.number == 0;
        picture.line((tick.x, top), (tick.x, bottom), if is_zero { 2 } else { 1 }, if is_zero { GREY } else { GRID });
        if tick.number % every == 0 {
            picture.text((tick.x, bottom + 11), tick.text, SMALL, Align::Center, GREY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: f64, interval: Option<[f64; 2]>) -> Labelled {
        Labelled { estimate: Estimate { value, interval }, text: format!("{value} apples") }
    }

    fn picture(difference: Labelled) -> Picture {
        let cells = vec![Cell::Number(number(3.0, None), None), Cell::Number(number(4.0, None), Some(difference))];
        let panel = Panel { title: "peak_tasks".into(), beside: "of web".into(), whole: true, cells };
        let (title, about) = ("shop".into(), "seed 1".into());
        let names = vec!["first".into(), "<second>".into()];
        compare(&Policies { title, about, names, panels: vec![panel], note: Some("that is all".into()) })
    }

    #[test]
    fn values_and_differences_stand_beside_their_marks() {
        let svg = picture(number(1.0, None)).svg();
        let texts =
            ["shop", "seed 1", "value", "difference to first", "peak_tasks", "of web", "&lt;second&gt;", "3 apples"];
        for text in texts.into_iter().chain(["4 apples", "1 apples", "that is all"]) {
            assert!(svg.contains(&format!(">\n{text}\n<")), "{text} is missing");
        }
    }

    #[test]
    fn a_difference_that_may_be_chance_is_hollow() {
        let white = |low| {
            let svg = picture(number(1.0, Some([low, 2.0]))).svg();
            svg.lines().filter(|line| line.contains("<polygon") && line.contains("fill=\"#FFFFFF\"")).count()
        };
        assert_eq!((white(0.5), white(-0.5)), (0, 1));
    }

    #[test]
    fn long_names_and_no_panels_are_no_fault() {
        let empty = Policies {
            title: String::new(),
            about: String::new(),
            names: vec!["long ".repeat(100), "b".into()],
            panels: Vec::new(),
            note: None,
        };
        compare(&empty).png();
        let panel = Panel { title: "t".into(), beside: String::new(), whole: false, cells: vec![Cell::None; 2] };
        let wide = compare(&Policies { panels: vec![panel], ..empty.clone() });
        assert!(wide.width() > font::width(&empty.names[0], LABEL) * 2);
        wide.png();
    }
}
