//! What a sweep found: a heat map where two settings vary, points with intervals where one does.

use std::collections::BTreeSet;

use super::super::estimate::Estimate;
use super::super::font;
use super::super::picture::{Align, Color, Picture, Point};
use super::axis::ValueAxis;
use super::head;
use super::palette::{self, GREY, GRID, GROUND, HEADING, INK, LABEL, SMALL};

const MARGIN: i32 = head::MARGIN;
const HEAD: i32 = head::HEIGHT;
/// Room that the text of a cell leaves on both sides together.
const CELL_PADDING: i32 = 6;

/// A setting that varies, and its values as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Name of the setting.
    pub name: String,
    /// Its values in order.
    pub values: Vec<String>,
}

/// A value for each pair of two settings.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// What the values are.
    pub title: String,
    /// Their unit; empty for plain numbers.
    pub unit: String,
    /// What was run: scenario and seeds.
    pub about: String,
    /// The setting from left to right.
    pub x: Setting,
    /// The setting from top to bottom.
    pub y: Setting,
    /// A row for each value of `y`, with a value for each of `x`; `None`: there is none.
    pub values: Vec<Vec<Option<f64>>>,
}

/// A value for each value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What the values are.
    pub title: String,
    /// Their unit; empty for plain numbers.
    pub unit: String,
    /// What was run: scenario and seeds.
    pub about: String,
    /// The setting.
    pub x: Setting,
    /// The values, not negative, for each of `x`; `None`: there is none.
    pub values: Vec<Option<Estimate>>,
}

/// Draws a heat map: the darker a cell, the larger its value, which is written into it where there is room.
pub fn heat_map(map: &HeatMap) -> Picture {
    let (columns, rows) = (map.x.values.len().max(1) as i32, map.y.values.len().max(1) as i32);
    let (width, height) = ((960 / columns).clamp(12, 110), (560 / rows).clamp(12, 40));
    let labels = map.y.values.iter().map(|value| font::width(value, LABEL)).max().unwrap_or(0);
    let labels = labels.max(font::width(&map.y.name, HEADING) * 11 / 10);
    let (left, top) = (MARGIN + labels + 12, HEAD + 34);
    let (right, bottom) = (left + columns * width, top + rows * height);
    let numbers: Vec<f64> = map.values.iter().flatten().flatten().copied().collect();
    let (low, high) =
        (numbers.iter().copied().fold(f64::MAX, f64::min), numbers.iter().copied().fold(f64::MIN, f64::max));
    let decimals = decimals(&numbers, width - CELL_PADDING);
    let beside = beside(&map.unit, &map.about);
    let mut picture = Picture::new((right + 130).max(head::width(&map.title, &beside)) as u32, (bottom + 66) as u32);
    head::draw(&mut picture, &map.title, &beside);
    picture.text((left - 10, top - 16), map.y.name.as_str(), HEADING, Align::Right, INK);
    picture.text(((left + right) / 2, bottom + 46), map.x.name.as_str(), HEADING, Align::Center, INK);
    x_labels(&mut picture, &map.x.values, bottom + 16, |column| left + column * width + width / 2, width);
    let every = (18 + height - 1) / height;
    for (row, label) in (0..).zip(&map.y.values).filter(|(row, _)| row % every == 0) {
        picture.text((left - 10, top + row * height + height / 2), label.as_str(), LABEL, Align::Right, GREY);
    }
    for (row, values) in (0..).zip(&map.values) {
        for (column, value) in (0..).zip(values) {
            let from = (left + column * width, top + row * height);
            let (ground, text) = match value {
                Some(value) => (shade(*value, low, high), format!("{value:.decimals$}")),
                None => (GROUND, "–".to_owned()),
            };
            cell(&mut picture, from, (from.0 + width - 1, from.1 + height - 1), ground, &text);
        }
    }
    if !numbers.is_empty() {
        let scale = ((right + 30, top), (right + 48, (top + 160).min(bottom.max(top + 80))));
        let ends = [high, low].map(|value| format!("{value:.decimals$}"));
        shade_scale(&mut picture, scale, &ends);
    }
    picture
}

/// Draws the values as points with their intervals as bars, joined by a line.
pub fn series(series: &Series) -> Picture {
    const WIDTH: i32 = 900;
    const HEIGHT: i32 = 320;
    let estimates = || series.values.iter().flatten();
    let most = estimates().map(|e| e.interval.map_or(e.value, |[_, high]| high.max(e.value))).fold(0.0, f64::max);
    let axis = ValueAxis::new(most, HEAD, HEAD + HEIGHT, false);
    let labels = axis.ticks().iter().map(|(_, text)| font::width(text, LABEL)).max().unwrap_or(0);
    let (left, right) = (MARGIN + labels + 12, WIDTH - MARGIN);
    let width = (right - left) / series.x.values.len().max(1) as i32;
    let middle = |column: i32| left + column * width + width / 2;
    let beside = beside(&series.unit, &series.about);
    let size = WIDTH.max(head::width(&series.title, &beside)) as u32;
    let mut picture = Picture::new(size, (HEAD + HEIGHT + 66) as u32);
    head::draw(&mut picture, &series.title, &beside);
    for (y, text) in axis.ticks() {
        picture.line((left, y), (right, y), 1, GRID);
        picture.text((left - 8, y), text, LABEL, Align::Right, GREY);
    }
    x_labels(&mut picture, &series.x.values, HEAD + HEIGHT + 16, middle, width);
    picture.text(((left + right) / 2, HEAD + HEIGHT + 46), series.x.name.as_str(), HEADING, Align::Center, INK);
    let color = palette::version(0);
    let points: Vec<Option<Point>> = (0..)
        .zip(&series.values)
        .map(|(column, estimate)| estimate.map(|estimate| (middle(column), axis.y(estimate.value))))
        .collect();
    for line in points.split(Option::is_none) {
        picture.path(line.iter().copied().flatten().collect(), 2, color.tint(0.5));
    }
    for (point, estimate) in points.iter().flatten().zip(estimates()) {
        if let Some([low, high]) = estimate.interval {
            let (upper, lower) = ((point.0, axis.y(high)), (point.0, axis.y(low.max(0.0))));
            picture.line(upper, lower, 2, INK);
            for end in [upper, lower] {
                picture.line((end.0 - 6, end.1), (end.0 + 6, end.1), 2, INK);
            }
        }
        picture.disc(*point, 5, color);
    }
    picture
}

/// What stands beside the title.
fn beside(unit: &str, about: &str) -> String {
    let parts: Vec<&str> = [unit, about].into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// Writes the values of a setting below its columns, as many as fit beside each other.
fn x_labels(picture: &mut Picture, values: &[String], y: i32, middle: impl Fn(i32) -> i32, width: i32) {
    let widest = values.iter().map(|value| font::width(value, LABEL)).max().unwrap_or(0) + 10;
    let every = (widest + width - 1) / width.max(1);
    for (column, value) in (0..).zip(values).filter(|(column, _)| column % every.max(1) == 0) {
        picture.text((middle(column), y), value.as_str(), LABEL, Align::Center, GREY);
    }
}

fn cell(picture: &mut Picture, from: Point, to: Point, ground: Color, text: &str) {
    picture.fill(from, to, ground);
    if to.1 - from.1 >= 14 && to.0 - from.0 >= font::width(text, SMALL) + CELL_PADDING - 1 {
        let middle = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
        picture.text(middle, text, SMALL, Align::Center, palette::text_on(ground));
    }
}

/// The scale of shades, dark at the top, with what stands beside its ends.
fn shade_scale(picture: &mut Picture, ((left, top), (right, bottom)): (Point, Point), [high, low]: &[String; 2]) {
    for y in top..bottom {
        let share = f64::from(bottom - y) / f64::from(bottom - top);
        picture.fill((left, y), (right, y + 1), palette::shade(share));
    }
    picture.text((right + 8, top + 6), high.as_str(), SMALL, Align::Left, GREY);
    picture.text((right + 8, bottom - 6), low.as_str(), SMALL, Align::Left, GREY);
}

/// The shade of a value between the lowest and the highest.
fn shade(value: f64, low: f64, high: f64) -> Color {
    palette::shade(if high > low { (value - low) / (high - low) } else { 0.0 })
}

/// How many decimals are written: about three digits of the largest value, none if all are whole; up to three more as long as
/// they tell more values apart and the texts are not wider than `room`.
fn decimals(numbers: &[f64], room: i32) -> usize {
    let most = numbers.iter().fold(0.0, |most: f64, number| most.max(number.abs()));
    let least = match most {
        _ if numbers.iter().all(|number| number.fract() == 0.0) => return 0,
        most if most >= 100.0 => 0,
        most if most >= 10.0 => 1,
        most if most >= 1.0 => 2,
        _ => 3,
    };
    let texts = |decimals: usize| numbers.iter().map(move |number| format!("{number:.decimals$}"));
    let told_apart = |decimals| texts(decimals).collect::<BTreeSet<String>>().len();
    let fits = |decimals: &usize| texts(*decimals).all(|text| font::width(&text, SMALL) <= room);
    let more = (least + 1..=least + 3).filter(fits);
    more.fold(least, |best, more| if told_apart(more) > told_apart(best) { more } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, values: &[&str]) -> Setting {
        Setting { name: name.into(), values: values.iter().map(|value| (*value).to_owned()).collect() }
    }

    fn map() -> HeatMap {
        HeatMap {
            title: "downtime.total".into(),
            unit: "s".into(),
            about: "hello, seed 1".into(),
            x: setting("update.delay", &["0s", "5s", "10s"]),
            y: setting("update.parallelism", &["1", "2"]),
            values: vec![vec![Some(0.0), Some(1.25), Some(2.5)], vec![Some(4.0), None, Some(12.0)]],
        }
    }

    #[test]
    fn a_heat_map_writes_its_values_into_the_cells() {
        let svg = heat_map(&map()).svg();
        for text in
            ["downtime.total", "s · hello, seed 1", "update.delay", "update.parallelism", "10s", "2.5", "12.0", "–"]
        {
            assert!(svg.contains(&format!(">\n{text}\n<")), "{text} is missing");
        }
        assert_eq!(svg, heat_map(&map()).svg());
    }

    #[test]
    fn a_series_draws_intervals_where_it_has_them() {
        let estimate = |value: f64, interval| Some(Estimate { value, interval });
        let series_of = |interval| Series {
            title: "requests.failed_share".into(),
            unit: "%".into(),
            about: String::new(),
            x: setting("deploy.replicas", &["1", "2", "3"]),
            values: vec![estimate(3.0, interval), None, estimate(1.0, None)],
        };
        let (without, with) = (series(&series_of(None)), series(&series_of(Some([2.0, 4.0]))));
        assert_ne!(without.png(), with.png());
    }

    #[test]
    fn nothing_to_show_is_no_fault() {
        let empty = setting("x", &[]);
        let values = Vec::new();
        heat_map(&HeatMap { x: empty.clone(), y: empty.clone(), values, ..map() }).png();
        let (title, unit, about) = ("t".into(), String::new(), String::new());
        series(&Series { title, unit, about, x: empty, values: Vec::new() }).png();
    }

    #[test]
    fn decimals_follow_the_largest_value() {
        let decimals = |numbers: &[f64]| decimals(numbers, 100);
        assert_eq!(decimals(&[0.0, 3.0, 1_000.0]), 0);
        assert_eq!(decimals(&[0.5, 120.0]), 0);
        assert_eq!(decimals(&[0.5, 12.0]), 1);
        assert_eq!(decimals(&[0.5, 1.0]), 2);
        assert_eq!(decimals(&[0.5]), 3);
    }

    #[test]
    fn decimals_tell_values_apart_where_there_is_room() {
        assert_eq!(decimals(&[120.25, 120.31, 120.25], 100), 1);
        assert_eq!(decimals(&[120.254, 120.251], 100), 3);
        assert_eq!(decimals(&[120.254, 120.251], 20), 0);
        assert_eq!(decimals(&[1.0, 1.000_000_1], 100), 2);
    }
}
