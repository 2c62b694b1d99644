//! The timeline of a run: lanes of slots, tasks in rotation and requests, over one axis of time.

use std::collections::BTreeMap;

use super::super::lanes::{Lane, Lanes};
use super::super::picture::{Align, Color, Picture};
use super::super::{Names, font, names};
use super::axis::TimeAxis;
use super::brush::{Look, Sign};
use super::lane_panel::{self, Versions};
use super::legend::{self, Sample};
use super::palette::{self, GREY, HEADING, INK, LABEL, TITLE};
use super::{marks, panels};
use crate::kernel::Time;
use crate::metrics::timeline::Row;
use crate::model::{ImageId, TaskId};

/// Width of the chart in pixels.
const WIDTH: u32 = 1_200;
const MARGIN: i32 = 24;
/// Most lanes that are drawn, over all services.
const LANES: usize = 200;
/// Most services that are drawn.
const SERVICES: usize = 8;

/// What the chart shows.
#[derive(Clone, Copy, Debug)]
pub struct TimelineData<'a> {
    /// Names of everything, and the seed.
    pub names: &'a Names,
    /// End of the run.
    pub end: Time,
    /// What became of the slots.
    pub lanes: &'a Lanes,
    /// Counts of all services in order of time.
    pub rows: &'a [Row],
}

/// A service's part of the chart.
struct Group<'a> {
    name: &'a str,
    lanes: Vec<(String, &'a Lane)>,
    /// Slots of which no lane is drawn.
    hidden: usize,
    rows: Vec<&'a Row>,
}

/// The images of the run, in order of their first tasks.
pub(super) struct Images<'a> {
    names: &'a Names,
    pub(super) used: Vec<ImageId>,
}

/// Draws the timeline chart of a run.
pub fn timeline(data: &TimelineData<'_>) -> Picture {
    let mut picture = Picture::new(WIDTH, 0);
    let groups = groups(data);
    let images = Images::new(data);
    let labels = groups.iter().flat_map(|group| &group.lanes).map(|(label, _)| font::width(label, LABEL));
    let left = MARGIN + labels.max().unwrap_or(0).max(56) + 8;
    let end = data.end.max(Time::from_millis(1));
    let axis = TimeAxis { left, right: picture.width() - MARGIN, end };
    let mut y = header(&mut picture, &images);
    let marks = marks::place(data.lanes.marks(), data.names, &axis);
    y += marks::height(&marks) + 4;
    let top = y;
    let mut plots = Vec::new();
    let pitch = lane_panel::pitch(groups.iter().map(|group| group.lanes.len()).sum());
    let titled = data.names.services.len() > 1;
    for group in groups.iter().take(SERVICES) {
        y = group.draw(&mut picture, &axis, y, &mut plots, (pitch, titled), &images);
    }
    for (x, text) in axis.ticks() {
        picture.text((x, y + 4), text, LABEL, Align::Center, GREY);
    }
    picture.text(((axis.left + axis.right) / 2, y + 24), "seconds since the start", LABEL, Align::Center, GREY);
    marks::draw(&mut picture, &marks, top, &plots);
    y += 44;
    if groups.len() > SERVICES {
        let note = format!("{} more services are not shown", groups.len() - SERVICES);
        picture.text((MARGIN, y), note, LABEL, Align::Left, GREY);
        y += 20;
    }
    picture.set_height(y);
    picture
}

/// Title and legend; returns the height used.
fn header(picture: &mut Picture, images: &Images<'_>) -> i32 {
    let names = images.names;
    let seed = MARGIN + font::width(&names.scenario, TITLE) * 11 / 10 + 16;
    picture.text((MARGIN, 28), names.scenario.as_str(), TITLE, Align::Left, INK);
    picture.text((seed, 29), format!("seed {}", names.seed), LABEL, Align::Left, GREY);
    if images.used.is_empty() {
        return 56;
    }
    let versions: Vec<_> = images
        .used
        .iter()
        .map(|image| (Sample::Bar(Look::Full, images.color(*image)), names.images[*image].clone()))
        .collect();
    let state = |look, text: &str| (Sample::Bar(look, GREY), text.to_owned());
    let states = [
        state(Look::Empty, "waiting"),
        state(Look::Light, "preparing, ready"),
        state(Look::Half, "starting"),
        state(Look::Full, "running"),
        state(Look::Hatched, "stopping"),
        (Sample::Sign(Sign::Cross), "failed, rejected".to_owned()),
        (Sample::Sign(Sign::Ring), "complete".to_owned()),
    ];
    let right = picture.width() - MARGIN;
    let mut y = 50;
    y += legend::draw(picture, (MARGIN, y), right, &versions);
    y += legend::draw(picture, (MARGIN, y), right, &states);
    y + 10
}

/// The services that have lanes or rows, in the plan's order.
fn groups<'a>(data: &TimelineData<'a>) -> Vec<Group<'a>> {
    let mut room = LANES;
    let mut groups = Vec::new();
    for (service, name) in data.names.services.iter() {
        let mut lanes: Vec<_> =
            data.lanes.of(service).map(|(slot, lane)| (data.names.slot(service, slot), lane)).collect();
        let hidden = lanes.len().saturating_sub(room);
        lanes.truncate(room);
        room -= lanes.len();
        let rows: Vec<_> = data.rows.iter().filter(|row| row.service == service).collect();
        if !lanes.is_empty() || !rows.is_empty() {
            groups.push(Group { name, lanes, hidden, rows });
        }
    }
    groups
}

impl Group<'_> {
    /// Draws the group from `y` on, with lanes `pitch` apart; adds its plots and returns where the next thing begins.
    fn draw(
        &self,
        picture: &mut Picture,
        axis: &TimeAxis,
        mut y: i32,
        plots: &mut Vec<(i32, i32)>,
        (pitch, titled): (i32, bool),
        images: &Images<'_>,
    ) -> i32 {
        if titled {
            picture.text((MARGIN, y + 12), self.name, HEADING, Align::Left, INK);
            y += 26;
        }
        lane_panel::draw(picture, axis, y, pitch, &self.lanes, images);
        let lower = y + pitch * self.lanes.len() as i32;
        plots.push((y, lower));
        y = lower;
        if self.hidden > 0 {
            let note = format!("the first {} of {} slots", self.lanes.len(), self.lanes.len() + self.hidden);
            picture.text((axis.left, y + 12), note, LABEL, Align::Left, GREY);
            y += 22;
        }
        y += 8;
        if self.rows.iter().any(|row| row.desired > 0 || row.in_rotation > 0) {
            panels::rotation(picture, axis, y, &self.rows);
            plots.push(panels::plot(y));
            y += panels::HEIGHT;
        }
        if self.rows.iter().any(|row| row.ok > 0 || row.failed > 0) {
            panels::requests(picture, axis, y, &self.rows);
            plots.push(panels::plot(y));
            y += panels::HEIGHT;
        }
        y + 8
    }
}

impl<'a> Images<'a> {
    pub(super) fn new(data: &TimelineData<'a>) -> Images<'a> {
        let lanes = data.names.services.ids().flat_map(|service| data.lanes.of(service));
        let mut first: BTreeMap<ImageId, TaskId> = BTreeMap::new();
        for stretch in lanes.flat_map(|(_, lane)| &lane.stretches) {
            let task = first.entry(stretch.image).or_insert(stretch.task);
            *task = stretch.task.min(*task);
        }
        let mut used: Vec<ImageId> = first.keys().copied().collect();
        used.sort_by_key(|image| first[image]);
        Images { names: data.names, used }
    }

    /// Number of an image that a task has, from 0.
    pub(super) fn number(&self, image: ImageId) -> usize {
        self.used.iter().position(|used| *used == image).expect("an image of a task is known")
    }
}

impl Versions for Images<'_> {
    fn color(&self, image: ImageId) -> Color {
        palette::version(self.number(image))
    }

    fn label(&self, image: ImageId) -> &str {
        names::of_image_in_short(&self.names.images[image])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Timeline;
    use crate::metrics::fixture::{Feed, NEW, OLD, REFUSED, WEB, plan, request};
    use crate::model::task::{Message, Slot, Status, TaskState};
    use crate::model::update::{UpdateMessage, UpdateState};
    use crate::observe::{Record, SpecCause, TaskRecord};
    use crate::sim::Plan;

    fn drawn(plan: &Plan, end: u64, tell: impl FnOnce(&mut Feed<(Lanes, Timeline)>)) -> Picture {
        let mut feed = Feed::new((Lanes::default(), Timeline::new(plan.services.len())));
        tell(&mut feed);
        let (lanes, rows) = feed.end(end);
        let end = Time::from_millis(end);
        timeline(&TimelineData { names: &Names::of(plan), end, lanes: &lanes, rows: &rows.finish(end) })
    }

    fn rollout(feed: &mut Feed<(Lanes, Timeline)>) {
        feed.spec(SpecCause::Create, 1, OLD).at(2_000).start(OLD);
        feed.at(10_000).spec(SpecCause::Update, 1, NEW).status(UpdateState::Updating, UpdateMessage::InProgress);
        feed.stop(0).create(NEW).at(11_000).request(request(0, 11_000, 11_000, None, REFUSED));
        feed.at(12_000).state(1, TaskState::Starting).at(13_000).state(1, TaskState::Failed);
        feed.status(UpdateState::Paused, UpdateMessage::Paused(TaskId(1)));
    }

    #[test]
    fn the_same_run_gives_the_same_bytes() {
        let [one, two] = [(); 2].map(|()| drawn(&plan(), 20_000, rollout));
        assert_eq!(one.svg(), two.svg());
        assert_eq!(one.png(), two.png());
    }

    #[test]
    fn what_happens_is_in_the_chart() {
        let svg = drawn(&plan(), 20_000, rollout).svg();
        for text in
            ["test", "seed 7", "app:1", "app:2", "web.1", "web: paused", "Tasks in rotation", "Requests per second"]
        {
            assert!(svg.contains(&format!(">\n{text}\n<")), "{text} is missing");
        }
        assert!(!svg.contains("app:3"), "an image that no task has is not in the legend");
    }

    #[test]
    fn panels_without_content_are_left_out() {
        let empty = drawn(&plan(), 0, |_| ());
        assert!(!empty.png().is_empty());
        assert!(!empty.svg().contains("Tasks in rotation"));
        let idle = drawn(&plan(), 5_000, |feed| {
            feed.spec(SpecCause::Create, 1, OLD).start(OLD);
        });
        assert!(idle.svg().contains("Tasks in rotation"));
        assert!(!idle.svg().contains("Requests per second"));
    }

    #[test]
    fn lanes_beyond_two_hundred_are_counted() {
        let picture = drawn(&plan(), 5_000, |feed| {
            feed.spec(SpecCause::Create, 1_000, OLD);
            for slot in 1..=1_000 {
                feed.record(Record::Task(TaskRecord {
                    task: TaskId(slot),
                    service: WEB,
                    slot: Slot::Replica(slot),
                    image: OLD,
                    node: None,
                    status: Status { state: TaskState::Running, message: Message::Started, err: None },
                    status_at: Time::ZERO,
                    desired: TaskState::Running,
                    created: None,
                }));
            }
        });
        assert!(picture.svg().contains("the first 200 of 1000 slots"));
    }
}
