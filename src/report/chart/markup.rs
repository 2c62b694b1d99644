//! The charts of a service as paths with classes, for the report page: its style sheet gives them colours and patterns.
//!
//! A class names a version by its number (`v0`) and what is drawn of it (`running`, `stopping`), so that one rule holds on light and on
//! dark ground.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::super::font;
use super::super::lanes::{Lane, Mark, MarkKind};
use super::axis::{TimeAxis, ValueAxis};
use super::brush::{Look, Sign};
use super::lane_panel::{self, Bar, Versions as _};
use super::marks::{self, MarkLook, Placed};
use super::palette::{self, LABEL};
use super::panels;
use super::timeline::{Images, TimelineData};
use crate::kernel::{Span, Time};
use crate::metrics::request_series::{RequestBin, RequestBins};
use crate::metrics::summary::Latency;
use crate::metrics::timeline::Row;
use crate::model::request::RequestOutcome;
use crate::model::{ImageId, ServiceId};

/// Width of all panels.
const WIDTH: i32 = 1_200;
/// From the right end of the plot to that of the panel.
const MARGIN: i32 = 14;
/// Height of the plot of a panel of values.
const PLOT: i32 = 96;
/// From the top of a panel of values to its plot.
const ABOVE: i32 = 8;
/// Room below a plot for the numbers of its axis.
const BELOW: i32 = 24;
/// Most lanes of a service.
const LANES: usize = 200;

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

/// A version, by its number in the classes.
#[derive(Debug, Serialize)]
pub struct Version {
    /// Its class: `v0`.
    pub class: String,
    /// Its image's name.
    pub name: String,
    /// Its colour, as `#rrggbb`.
    pub color: String,
    /// The colour of text on it.
    pub ink: String,
}

/// All that the panels of a run have in common.
pub struct Charts<'a> {
    data: TimelineData<'a>,
    requests: &'a RequestBins,
    images: Images<'a>,
    axis: TimeAxis,
}

/// Paths that are gathered by class.
#[derive(Default)]
struct Paths(BTreeMap<String, String>);

impl<'a> Charts<'a> {
    /// Of this run.
    pub fn new(data: TimelineData<'a>, requests: &'a RequestBins) -> Charts<'a> {
        let slots =
            data.names.services.ids().flat_map(|service| data.lanes.of(service).map(move |(slot, _)| (service, slot)));
        let labels = slots.map(|(service, slot)| font::width(&data.names.slot(service, slot), LABEL));
        let left = labels.max().unwrap_or(0).max(56) * 11 / 10 + 10;
        let axis = TimeAxis { left, right: WIDTH - MARGIN, end: data.end.max(Time::from_millis(1)) };
        Charts { images: Images::new(&data), data, requests, axis }
    }

    /// The versions of the run in the order of their numbers.
    pub fn versions(&self) -> Vec<Version> {
        let version = |image: &ImageId| {
            let color = self.images.color(*image);
            Version {
                class: self.class(*image),
                name: self.data.names.images[*image].clone(),
                color: color.hex(),
                ink: palette::text_on(color).hex(),
            }
        };
        self.images.used.iter().map(version).collect()
    }

    /// The images of the versions, in the order of their numbers.
    pub fn images(&self) -> &[ImageId] {
        &self.images.used
    }

    /// Number of an image that a task has.
    pub fn number(&self, image: ImageId) -> usize {
        self.images.number(image)
    }

    /// The panels of a service, those left out that would be empty.
    pub fn panels(&self, service: ServiceId) -> Vec<Panel> {
        let lanes: Vec<_> = self.data.lanes.of(service).collect();
        let rows: Vec<&Row> = self.data.rows.iter().filter(|row| row.service == service).collect();
        let bins = &self.requests.services[service][..];
        let marks = self.marks(service);
        let mut panels = Vec::new();
        if !lanes.is_empty() {
            let named = lanes.iter().map(|(slot, lane)| (self.data.names.slot(service, *slot), *lane));
            panels.push(self.lanes(&named.collect::<Vec<(String, &Lane)>>(), &marks));
        }
        if rows.iter().any(|row| row.desired > 0 || row.in_rotation > 0) {
            panels.push(self.rotation(&rows, &marks));
        }
        if !bins.is_empty() {
            panels.push(self.requests(bins, &marks));
        }
        if bins.iter().any(|bin| bin.latency.is_some()) {
            panels.push(self.latency(bins, &marks));
        }
        panels
    }

    /// Commands and faults, and what became of the service's update status.
    fn marks(&self, service: ServiceId) -> Vec<Placed> {
        let of_service = |mark: &&Mark| !matches!(mark.kind, MarkKind::Status(other, _) if other != service);
        let marks: Vec<Mark> = self.data.lanes.marks().iter().filter(of_service).copied().collect();
        marks::place(&marks, self.data.names, &self.axis)
    }

    /// `v0`: the class of an image's version.
    fn class(&self, image: ImageId) -> String {
        format!("v{}", self.images.number(image))
    }

    /// A row for each slot, with its tasks as bars.
    fn lanes(&self, lanes: &[(String, &Lane)], marks: &[Placed]) -> Panel {
        let shown = &lanes[..lanes.len().min(LANES)];
        let pitch = lane_panel::pitch(shown.len());
        let top = marks::height(marks) + 6;
        let bottom = top + pitch * shown.len() as i32;
        let (mut paths, mut texts) = (Paths::default(), Vec::new());
        let (mut grounds, mut signs) = (Paths::default(), Paths::default());
        for ((label, lane), (band, is_labelled)) in shown.iter().zip(lane_panel::bands(top, pitch)) {
            let (upper, lower) = band;
            grounds.rectangle("ground", (self.axis.left, upper), (self.axis.right, lower));
            if is_labelled {
                texts.push(Text::new((self.axis.left - 8, (upper + lower) / 2), "end", label));
            }
            for bar in lane_panel::bars(lane, &self.axis, band) {
                self.bar(&bar, &mut paths, &mut texts);
            }
            for ending in lane_panel::gathered(&lane.ends, &self.axis, band) {
                signs.sign(ending.sign, ending.at, ending.half);
                let at = (ending.at.0 + ending.half + 4, ending.at.1);
                texts.extend(ending.label().map(|count| Text::new(at, "count", &count)));
            }
        }
        let hidden = lanes.len() - shown.len();
        let note =
            if hidden > 0 { format!("the first {} of {} slots", shown.len(), lanes.len()) } else { String::new() };
        let legend = self.versions_of(lanes).chain(LANE_LEGEND.map(|(class, text)| Entry::new(class, text))).collect();
        let mut panel = Panel::new("lanes", "Slots and their tasks", bottom, legend);
        panel.note = note;
        panel.texts = texts;
        panel.paths.extend(grounds.finish());
        panel.paths.extend(paths.finish());
        self.finish(&mut panel, (top, bottom), marks);
        panel.paths.extend(signs.finish());
        let labels = marks.iter().filter_map(|mark| mark.label.map(|place| (mark, place)));
        panel.texts.extend(labels.map(|(mark, (left, _, row))| {
            Text::new((left + 6, top - 4 - row as i32 * marks::ROW - marks::ROW / 2), class_of(mark.look), &mark.text)
        }));
        panel
    }

    /// A bar of a lane, and what is written into it.
    fn bar(&self, bar: &Bar, paths: &mut Paths, texts: &mut Vec<Text>) {
        let class = self.class(bar.stretch.image);
        paths.rectangle(&format!("{class} {}", class_of_look(bar.look())), bar.from, bar.to);
        let label = self.images.label(bar.stretch.image);
        if bar.has_room(label) {
            texts.push(Text::new((bar.from.0 + 6, (bar.from.1 + bar.to.1) / 2), &format!("{class} inside"), label));
        }
    }

    /// Legend of the versions that tasks of these lanes have.
    fn versions_of(&self, lanes: &[(String, &Lane)]) -> impl Iterator<Item = Entry> + use<'_> {
        let mut used: Vec<ImageId> =
            lanes.iter().flat_map(|(_, lane)| &lane.stretches).map(|stretch| stretch.image).collect();
        used.sort_unstable();
        used.dedup();
        used.into_iter()
            .map(|image| Entry::new(&format!("{} running", self.class(image)), &self.data.names.images[image]))
    }

    /// Tasks in rotation against desired ones.
    fn rotation(&self, rows: &[&Row], marks: &[Placed]) -> Panel {
        let most = rows.iter().map(|row| row.desired.max(row.in_rotation)).max().unwrap_or(0);
        let values = values(f64::from(most), true);
        let y = |count: u32| values.y(f64::from(count));
        let mut areas = Paths::default();
        // What was never there is not missing: a service is measured from when all its replicas are in rotation for the first time.
        let ready = rows.iter().position(|row| row.in_rotation >= row.desired && row.desired > 0);
        for (number, row) in rows.iter().enumerate().skip(ready.unwrap_or(rows.len())) {
            let (left, right) =
                (self.axis.x(row.at), rows.get(number + 1).map_or(self.axis.right, |next| self.axis.x(next.at)));
            if row.in_rotation < row.desired && left < right {
                let class = if row.in_rotation == 0 { "none" } else { "missing" };
                areas.rectangle(class, (left, y(row.desired)), (right, y(row.in_rotation)));
            }
        }
        let line = |of: fn(&Row) -> u32| trace(&panels::steps(rows, &self.axis, |row| y(of(row))));
        let legend = ROTATION_LEGEND.map(|(class, text)| Entry::new(class, text)).into();
        let mut panel = Panel::new("rotation", "Tasks in rotation", ABOVE + PLOT, legend);
        panel.paths.extend(areas.finish());
        self.frame(&mut panel, &values, marks);
        panel.paths.push(Path { class: "line desired".to_owned(), d: line(|row| row.desired) });
        panel.paths.push(Path { class: "line rotation".to_owned(), d: line(|row| row.in_rotation) });
        panel
    }

    /// Requests per second: those answered by version, and on them those that failed, by how.
    fn requests(&self, bins: &[RequestBin], marks: &[Placed]) -> Panel {
        let total = |bin: &RequestBin| bin.outcomes().iter().sum::<u64>();
        let rates = bins.iter().enumerate().map(|(number, bin)| total(bin) as f64 / self.seconds(number));
        let most = rates.fold(0.0, f64::max);
        let values = values(most, most >= 4.0);
        let mut bars = Paths::default();
        let mut used = BTreeMap::new();
        for (number, bin) in bins.iter().enumerate() {
            let (left, right) = (self.axis.x(self.start(number)), self.axis.x(self.start(number + 1)));
            let mut below = 0.0;
            let mut bar = |order: (usize, usize), class: &str, text: &str, count: u64| {
                let base = values.y(below);
                below += count as f64 / self.seconds(number);
                // A failure is seen, however few there are.
                let top = if order.0 > 0 { values.y(below).min(base - 2) } else { values.y(below) };
                if count > 0 {
                    bars.rectangle(class, (left, top), (right.max(left + 1), base));
                    used.entry(order).or_insert_with(|| Entry::new(class, text));
                }
            };
            for (image, outcomes) in &bin.versions {
                let Some(image) = image else { continue };
                let (class, name) = (format!("{} ok", self.class(*image)), &self.data.names.images[*image]);
                bar((0, self.images.number(*image)), &class, &format!("answered by {name}"), outcomes[0]);
            }
            for ((kind, name), count) in RequestOutcome::names().enumerate().zip(bin.outcomes()).skip(1) {
                bar((1, kind), &format!("failed {name}"), name, count);
            }
        }
        let mut panel = Panel::new("requests", "Requests per second", ABOVE + PLOT, used.into_values().collect());
        panel.note = self.note_of_bins("mean");
        panel.paths.extend(bars.finish());
        self.frame(&mut panel, &values, marks);
        panel
    }

    /// Percentiles of the latency of answers.
    fn latency(&self, bins: &[RequestBin], marks: &[Placed]) -> Panel {
        let millis = |span: Span| span.as_nanos() as f64 / 1e6;
        let most = bins.iter().filter_map(|bin| bin.latency).map(|latency| millis(latency.p99)).fold(0.0, f64::max);
        let values = values(most, false);
        let line = |of: fn(&Latency) -> Span| {
            let mut d = String::new();
            let mut is_open = false;
            for (number, bin) in bins.iter().enumerate() {
                let (left, right) = (self.axis.x(self.start(number)), self.axis.x(self.start(number + 1)));
                if let Some(latency) = &bin.latency {
                    let y = values.y(millis(of(latency)));
                    let lead = if is_open { format!("V{y}") } else { format!("M{left} {y}") };
                    write!(d, "{lead}H{right}").expect("a string takes all");
                }
                is_open = bin.latency.is_some();
            }
            d
        };
        let legend = LATENCY_LEGEND.map(|(class, text)| Entry::new(class, text)).into();
        let mut panel = Panel::new("latency", "Latency of answers in milliseconds", ABOVE + PLOT, legend);
        panel.note = self.note_of_bins("percentiles");
        self.frame(&mut panel, &values, marks);
        let lines = [("line p50", line(|l| l.p50)), ("line p90", line(|l| l.p90)), ("line p99", line(|l| l.p99))];
        panel.paths.extend(lines.map(|(class, d)| Path { class: class.to_owned(), d }));
        panel
    }

    /// `mean of 10 s`, if the bins are wider than a second.
    fn note_of_bins(&self, what: &str) -> String {
        let width = self.requests.width;
        if width == Span::from_secs(1) { String::new() } else { format!("{what} of {width}") }
    }

    /// When the bin of this number begins.
    fn start(&self, number: usize) -> Time {
        (Time::ZERO + Span::from_nanos(self.requests.width.as_nanos() * number as u64)).min(self.axis.end)
    }

    /// How long that bin is.
    fn seconds(&self, number: usize) -> f64 {
        (self.start(number + 1) - self.start(number)).as_secs_f64()
    }

    /// Grid, axis of values, marks and axis of time of a panel of values.
    fn frame(&self, panel: &mut Panel, values: &ValueAxis, marks: &[Placed]) {
        let mut grid = Paths::default();
        for (y, text) in values.ticks() {
            grid.line("grid", (self.axis.left, y), (self.axis.right, y));
            panel.texts.push(Text::new((self.axis.left - 8, y), "end", &text));
        }
        panel.paths.splice(0..0, grid.finish());
        self.finish(panel, (ABOVE, ABOVE + PLOT), marks);
    }

    /// Marks, and the axis of time below a plot.
    fn finish(&self, panel: &mut Panel, (top, bottom): (i32, i32), marks: &[Placed]) {
        let mut paths = Paths::default();
        for (x, text) in self.axis.ticks() {
            paths.line("tick", (x, bottom), (x, bottom + 4));
            panel.texts.push(Text::new((x, bottom + 13), "middle", &text));
        }
        for mark in marks {
            let above = if panel.kind == "lanes" {
                mark.label.map_or(0, |(_, _, row)| row as i32 * marks::ROW + 12)
            } else {
                0
            };
            paths.line(&format!("mark {}", class_of(mark.look)), (mark.x, top - above), (mark.x, bottom));
        }
        panel.plot = [self.axis.left, self.axis.right];
        panel.height = bottom + BELOW;
        panel.paths.extend(paths.finish());
    }
}

const LANE_LEGEND: [(&str, &str); 7] = [
    ("state waiting", "waiting"),
    ("state preparing", "preparing, ready"),
    ("state starting", "starting"),
    ("state running", "running"),
    ("state stopping", "stopping"),
    ("sign cross", "failed, rejected"),
    ("sign ring", "complete"),
];

const ROTATION_LEGEND: [(&str, &str); 4] =
    [("line rotation", "in rotation"), ("line desired", "desired"), ("missing", "missing"), ("none", "none at all")];

const LATENCY_LEGEND: [(&str, &str); 3] = [("line p50", "median"), ("line p90", "p90"), ("line p99", "p99")];

fn values(most: f64, whole: bool) -> ValueAxis {
    ValueAxis::new(most, ABOVE, ABOVE + PLOT, whole)
}

/// A line through all points.
fn trace(points: &[(i32, i32)]) -> String {
    let mut d = String::new();
    for (number, (x, y)) in points.iter().enumerate() {
        write!(d, "{}{x} {y}", if number == 0 { 'M' } else { 'L' }).expect("a string takes all");
    }
    d
}

fn class_of_look(look: Look) -> &'static str {
    match look {
        Look::Empty => "waiting",
        Look::Light => "preparing",
        Look::Half => "starting",
        Look::Full => "running",
        Look::Hatched => "stopping",
    }
}

fn class_of(look: MarkLook) -> &'static str {
    match look {
        MarkLook::Command => "command",
        MarkLook::Good => "good",
        MarkLook::Bad => "bad",
    }
}

impl Panel {
    fn new(kind: &'static str, title: &str, height: i32, legend: Vec<Entry>) -> Panel {
        let (title, note) = (title.to_owned(), String::new());
        Panel { kind, title, note, width: WIDTH, height, plot: [0; 2], paths: Vec::new(), texts: Vec::new(), legend }
    }
}

impl Text {
    fn new((x, y): (i32, i32), class: &str, text: &str) -> Text {
        Text { x, y, class: class.to_owned(), text: text.to_owned() }
    }
}

impl Entry {
    fn new(class: &str, text: &str) -> Entry {
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
    fn rectangle(&mut self, class: &str, from: (i32, i32), to: (i32, i32)) {
        let ((x, y), (width, height)) = (from, (to.0 - from.0, to.1 - from.1));
        write!(self.d(class), "M{x} {y}h{width}v{height}h-{width}z").expect("a string takes all");
    }

    fn line(&mut self, class: &str, from: (i32, i32), to: (i32, i32)) {
        write!(self.d(class), "M{} {}L{} {}", from.0, from.1, to.0, to.1).expect("a string takes all");
    }

    /// A sign around a point, `half` pixels to each side.
    fn sign(&mut self, sign: Sign, (x, y): (i32, i32), half: i32) {
        let (side, left, top) = (2 * half, x - half, y - half);
        match sign {
            Sign::Cross => write!(self.d("sign cross"), "M{left} {top}l{side} {side}m0-{side}l-{side} {side}"),
            Sign::Ring => {
                write!(self.d("sign ring"), "M{left} {y}a{half} {half} 0 1 0 {side} 0a{half} {half} 0 1 0-{side} 0")
            }
        }
        .expect("a string takes all");
    }

    fn finish(self) -> impl Iterator<Item = Path> {
        self.0.into_iter().map(|(class, d)| Path { class, d })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Names;
    use super::*;
    use crate::metrics::fixture::{Feed, NEW, OK, OLD, REFUSED, WEB, plan, request};
    use crate::metrics::{RequestSeries, Timeline};
    use crate::model::task::TaskState;
    use crate::observe::SpecCause;
    use crate::report::Lanes;

    type Observers = ((Lanes, Timeline), RequestSeries);

    /// The panels of web for a run of 20 s.
    fn panels(tell: impl FnOnce(&mut Feed<Observers>)) -> Vec<Panel> {
        let (plan, end) = (plan(), Time::from_millis(20_000));
        let observers = ((Lanes::default(), Timeline::new(2)), RequestSeries::new(2));
        let mut feed = Feed::new(observers);
        tell(&mut feed);
        let ((lanes, rows), requests) = feed.end(20_000);
        let (rows, requests) = (rows.finish(end), requests.finish());
        let data = TimelineData { names: &Names::of(&plan), end, lanes: &lanes, rows: &rows };
        Charts::new(data, &requests).panels(WEB)
    }

    fn path<'a>(panels: &'a [Panel], kind: &str, class: &str) -> &'a str {
        let panel = panels.iter().find(|panel| panel.kind == kind).expect("the panel is drawn");
        &panel.paths.iter().find(|path| path.class == class).unwrap_or_else(|| panic!("{class}: {panel:?}")).d
    }

    #[test]
    fn what_would_be_empty_is_left_out() {
        assert!(panels(|_| ()).is_empty());
        let kinds = |panels: &[Panel]| panels.iter().map(|panel| panel.kind).collect::<Vec<_>>().join(" ");
        let idle = panels(|feed| {
            feed.spec(SpecCause::Create, 1, OLD).start(OLD);
        });
        assert_eq!(kinds(&idle), "lanes rotation");
        let refused = panels(|feed| {
            feed.spec(SpecCause::Create, 1, OLD).start(OLD).request(request(0, 500, 500, None, REFUSED));
        });
        assert_eq!(kinds(&refused), "lanes rotation requests");
    }

    #[test]
    fn the_state_of_a_task_is_its_class() {
        let panels = panels(|feed| {
            feed.spec(SpecCause::Create, 1, OLD).create(OLD).at(5_000).state(0, TaskState::Running);
            feed.at(10_000).create(NEW).desire(0, TaskState::Shutdown).at(15_000).state(1, TaskState::Failed);
        });
        for class in ["v0 waiting", "v0 running", "v0 stopping", "v1 waiting", "sign cross"] {
            assert!(!path(&panels, "lanes", class).is_empty());
        }
    }

    #[test]
    fn a_single_failure_among_many_answers_is_seen() {
        let panels = panels(|feed| {
            feed.spec(SpecCause::Create, 1, OLD).start(OLD);
            for sent in 0..900 {
                feed.request(request(0, sent, sent + 1, Some(0), OK));
            }
            feed.request(request(0, 500, 500, None, REFUSED));
        });
        assert!(path(&panels, "requests", "failed refused").contains("v2"));
        let legend: Vec<&str> = panels[2].legend.iter().map(|entry| entry.text.as_str()).collect();
        assert_eq!(legend, ["answered by app:1", "refused"]);
    }

    #[test]
    fn a_second_without_answers_has_no_latency() {
        let panels = panels(|feed| {
            feed.spec(SpecCause::Create, 1, OLD).start(OLD);
            for sent in [100, 1_100, 3_100] {
                feed.request(request(0, sent, sent + 20, Some(0), OK));
            }
        });
        let line = path(&panels, "latency", "line p50");
        assert_eq!([line.matches('M').count(), line.matches('H').count()], [2, 3], "{line}");
    }

    #[test]
    fn bars_that_are_too_narrow_to_be_seen_do_not_pile_up() {
        let panels = panels(|feed| {
            feed.spec(SpecCause::Create, 1, OLD).create(OLD);
            for turn in 0..5_000 {
                let state = if turn % 2 == 0 { TaskState::Starting } else { TaskState::Running };
                feed.at(turn + 1).state(0, state);
            }
        });
        let bars = |class| path(&panels, "lanes", class).matches('M').count();
        assert!(bars("v0 starting") + bars("v0 running") < 400);
    }
}
