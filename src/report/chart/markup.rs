//! The charts of a service as paths with classes, for the report page: its style sheet gives them colours and patterns.
//!
//! A class names a version by its number (`v0`) and what is drawn of it (`running`, `stopping`), so that one rule holds on light
//! and on dark ground.

mod panel;
mod values;

use serde::Serialize;

use super::super::font;
use super::super::lanes::{Lane, Mark, MarkKind};
use super::axis::TimeAxis;
use super::bins::Bins;
use super::brush::Look;
use super::lane_panel::{self, Bar, Versions as _};
use super::marks::{self, MarkLook, Placed};
use super::palette::{self, LABEL};
use super::timeline::{Images, TimelineData};
use crate::kernel::Time;
use crate::metrics::request_series::RequestBins;
use crate::metrics::timeline::Row;
use crate::model::{ImageId, ServiceId};
pub use panel::Panel;
use panel::{Entry, Paths, Text};

/// Width of all panels.
const WIDTH: i32 = 1_200;
/// From the right end of the plot to that of the panel.
const MARGIN: i32 = 14;
/// From the top of a panel of values to its plot.
const ABOVE: i32 = 8;
/// Room below a plot for the numbers of its axis.
const BELOW: i32 = 24;
/// Most lanes of a service.
const LANES: usize = 200;

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
        let RequestBins { width, services } = self.requests;
        let bins = Bins { bins: &services[service], width: *width, axis: &self.axis };
        let marks = self.marks(service);
        let mut panels = Vec::new();
        if !lanes.is_empty() {
            let named = lanes.iter().map(|(slot, lane)| (self.data.names.slot(service, *slot), *lane));
            panels.push(self.lanes(&named.collect::<Vec<(String, &Lane)>>(), &marks));
        }
        if rows.iter().any(|row| row.desired > 0 || row.in_rotation > 0) {
            panels.push(self.rotation(&rows, &marks));
        }
        if !bins.bins.is_empty() {
            panels.push(self.requests(&bins, &marks));
        }
        if bins.has_answers() {
            panels.push(self.latency(&bins, &marks));
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

    /// Marks, and the axis of time below a plot.
    fn finish(&self, panel: &mut Panel, (top, bottom): (i32, i32), marks: &[Placed]) {
        let mut paths = Paths::default();
        for (x, text) in self.axis.ticks() {
            paths.line("tick", (x, bottom), (x, bottom + 4));
            let fits = x + font::width(&text, LABEL) / 2 <= WIDTH;
            let (x, align) = if fits { (x, "middle") } else { (WIDTH, "end") };
            panel.texts.push(Text::new((x, bottom + 13), align, &text));
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
