//! What the cluster view plays: every task's states, so that the script can show the cluster at any instant.

use serde::Serialize;

use super::super::chart::markup::Charts;
use crate::kernel::{IdVec, Span, Time};
use crate::metrics::Summary;
use crate::metrics::node_log::NodeStatus;
use crate::metrics::request_series::{RequestBin, RequestBins};
use crate::metrics::timeline::Row;
use crate::model::node::Availability;
use crate::model::request::{Request, RequestOutcome};
use crate::model::task::TaskState;
use crate::model::update::UpdateState;
use crate::model::{ImageId, ServiceId, TaskId};
use crate::observe::{Observer, Record, TaskRecord};
use crate::sim::Plan;

/// Most changes that a page holds. If a run has more, the view shows how it stands at every full step of time, and what comes and
/// goes between two is left out.
const MOST: usize = 120_000;
/// These steps, and after the last one its doubles.
const STEPS: [Span; 8] = [
    Span::from_micros(1),
    Span::from_millis(100),
    Span::from_secs(1),
    Span::from_secs(2),
    Span::from_secs(5),
    Span::from_secs(10),
    Span::from_secs(30),
    Span::from_secs(60),
];

/// How long at most a task that ended badly stays in view: a sixtieth of a run that is shorter than ten minutes.
const LINGER: Span = Span::from_secs(10);

/// Added to the number of a state: the task is to stop.
const STOPPING: u8 = 16;
/// Added to the number of a state: the task is in rotation.
const IN_ROTATION: u8 = 32;
/// The task is deleted.
const REMOVED: u8 = 64;

/// Keeps how each task looks, and when that changes.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    tasks: IdVec<TaskId, Option<TaskRecord>>,
    looks: IdVec<TaskId, Look>,
    changes: Vec<Change>,
}

/// How a task looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    /// Number of its state, and what is added to it.
    code: u8,
    /// Index of its last change.
    last: Option<usize>,
}

/// A task looks different from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    at: Time,
    task: TaskId,
    code: u8,
}

/// What the script reads. Times are in milliseconds, those of changes in steps of `step`.
#[derive(Debug, Serialize)]
pub(super) struct Script<'a> {
    end: f64,
    /// Where the view begins.
    start: f64,
    step: f64,
    /// How long a task that ended badly stays in view.
    linger: f64,
    states: Vec<&'static str>,
    versions: Vec<&'a str>,
    /// Of the versions.
    colors: Vec<String>,
    services: Vec<ServiceScript<'a>>,
    nodes: Vec<NodeScript<'a>>,
    /// Task, service, slot (0: a global service), version and node (from 1; 0: none), one task after the other.
    tasks: Vec<u32>,
    /// Steps since the change before, index of the task in `tasks`, and code, one change after the other.
    changes: Vec<u64>,
    /// Width of a bin of requests.
    bin: f64,
}

#[derive(Debug, Serialize)]
struct ServiceScript<'a> {
    name: &'a str,
    /// When, update state and message.
    status: Vec<(f64, &'static str, &'a str)>,
    /// When, desired, in rotation.
    rows: Vec<(f64, u32, u32)>,
    bins: Vec<BinScript>,
}

#[derive(Debug, Serialize)]
struct BinScript {
    /// Number of a version, and requests answered by it.
    ok: Vec<(usize, u64)>,
    /// How requests failed, and how many.
    failed: Vec<(&'static str, u64)>,
    /// p50, p90 and p99; empty if there is none.
    latency: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct NodeScript<'a> {
    name: &'a str,
    /// When, and what `docker node ls` says: status, availability, manager status.
    status: Vec<(f64, &'static str, &'static str, &'static str)>,
}

impl Replay {
    fn change(&mut self, now: Time, task: TaskId, code: impl FnOnce(u8) -> u8) {
        let look = self.looks.entry(task, Look { code: 0, last: None });
        let before = look.code;
        look.code = code(before);
        match look.last.map(|last| &mut self.changes[last]) {
            Some(change) if change.at == now => change.code = look.code,
            Some(_) if look.code == before => {}
            _ => {
                look.last = Some(self.changes.len());
                self.changes.push(Change { at: now, task, code: look.code });
            }
        }
    }

    /// The finest step at which there are not too many changes, and these.
    fn shown(&self) -> (Span, Vec<Shown>) {
        let mut step = STEPS[0];
        loop {
            let shown = self.at_steps(step);
            if shown.len() <= MOST {
                return (step, shown);
            }
            let next = STEPS.into_iter().find(|next| *next > step);
            step = next.unwrap_or_else(|| Span::from_nanos(step.as_nanos() * 2));
        }
    }

    /// The changes as they are seen at full steps: of each task the last one up to each. A task that is over when it would be seen
    /// for the first time is left out.
    fn at_steps(&self, step: Span) -> Vec<Shown> {
        let mut later: IdVec<TaskId, u64> = IdVec::filled(self.tasks.len(), u64::MAX);
        let mut shown: Vec<Shown> = Vec::new();
        for Change { at, task, code } in self.changes.iter().rev() {
            let step = at.as_nanos().div_ceil(step.as_nanos());
            if std::mem::replace(&mut later[*task], step) != step {
                shown.push(Shown { step, task: *task, code: *code });
            }
        }
        shown.reverse();
        let mut is_seen: IdVec<TaskId, bool> = IdVec::filled(self.tasks.len(), false);
        shown.retain(|change| {
            is_seen[change.task] |= change.is_there();
            is_seen[change.task]
        });
        shown
    }

    /// What the script plays.
    pub(super) fn script<'a>(
        &self,
        plan: &'a Plan,
        summary: &'a Summary,
        charts: &Charts<'_>,
        rows: &[Row],
        requests: &RequestBins,
    ) -> Script<'a> {
        let number = |image| charts.number(image);
        let (step, shown) = self.shown();
        let (mut tasks, mut changes) = (Vec::new(), Vec::with_capacity(shown.len() * 3));
        let mut index: IdVec<TaskId, Option<u64>> = IdVec::filled(self.tasks.len(), None);
        let mut before = 0;
        for Shown { step, task, code } in shown {
            let index = *index[task].get_or_insert_with(|| {
                let TaskRecord { service, slot, image, node, .. } =
                    self.tasks[task].expect("a task that changes is known");
                let slot = slot.number().unwrap_or(0);
                tasks.extend([task.0, service.0, slot, number(image) as u32, node.map_or(0, |node| node.0 + 1)]);
                tasks.len() as u64 / 5 - 1
            });
            changes.extend([step - before, index, code.into()]);
            before = step;
        }
        let services = plan.services.iter().map(|(id, name)| {
            let status = summary.service(name).map_or(&[][..], |service| &service.update_status);
            ServiceScript {
                name,
                status: status.iter().map(|s| (millis(s.at), s.state.name(), s.message.as_str())).collect(),
                rows: levels(rows.iter().filter(|row| row.service == id), step),
                bins: requests.services[id].iter().map(|bin| bin_script(bin, number)).collect(),
            }
        });
        let nodes = summary.nodes.iter().map(|node| NodeScript {
            name: &node.name,
            status: node.log.changes().iter().map(|(at, status)| node_status(*at, status)).collect(),
        });
        Script {
            end: millis(summary.end),
            start: millis(start(summary)),
            step: span(step),
            linger: (millis(summary.end) / 60.0).min(span(LINGER)).max(span(step)),
            states: TaskState::ALL.map(TaskState::name).to_vec(),
            versions: charts.images().iter().map(|image| plan.images[*image].name.as_str()).collect(),
            colors: charts.versions().into_iter().map(|version| version.color).collect(),
            services: services.collect(),
            nodes: nodes.collect(),
            tasks,
            changes,
            bin: span(requests.width),
        }
    }
}

/// A change that the script is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    /// Number of the step at which it is seen.
    step: u64,
    task: TaskId,
    code: u8,
}

impl Shown {
    /// Whether the task is there, or is to be.
    fn is_there(&self) -> bool {
        self.code < REMOVED && self.code % STOPPING < TaskState::Complete as u8
    }
}

/// Where the view begins: when an update fails, else when a service is down, else in the middle of an update, else at the end.
fn start(summary: &Summary) -> Time {
    let services = || summary.services.iter();
    let is_sign = |state| matches!(state, UpdateState::Paused | UpdateState::RollbackStarted);
    let mut signs = services().flat_map(|service| &service.update_status).filter(|status| is_sign(status.state));
    let mut down = services().flat_map(|service| &service.downtime.intervals).map(|[from, _]| *from);
    let mut updates = services().flat_map(|service| &service.updates).map(|update| {
        let end = update.end.unwrap_or(summary.end);
        update.start + Span::from_nanos((end - update.start).as_nanos() / 2)
    });
    signs.next().map(|status| status.at).or_else(|| down.next()).or_else(|| updates.next()).unwrap_or(summary.end)
}

/// Desired and in rotation, each time that one of them changes; as tasks are, they are seen at full steps.
fn levels<'a>(rows: impl Iterator<Item = &'a Row>, step: Span) -> Vec<(f64, u32, u32)> {
    let mut levels: Vec<(Time, u32, u32)> = Vec::new();
    for row in rows {
        let at = Time::ZERO + step * row.at.as_nanos().div_ceil(step.as_nanos());
        match levels.last_mut() {
            Some((last, desired, in_rotation)) if *last == at => {
                (*desired, *in_rotation) = (row.desired, row.in_rotation)
            }
            _ => levels.push((at, row.desired, row.in_rotation)),
        }
    }
    levels.dedup_by_key(|(_, desired, in_rotation)| (*desired, *in_rotation));
    levels.into_iter().map(|(at, desired, in_rotation)| (millis(at), desired, in_rotation)).collect()
}

fn bin_script(bin: &RequestBin, number: impl Fn(ImageId) -> usize) -> BinScript {
    let ok = bin.versions.iter().filter_map(|(image, outcomes)| Some((number((*image)?), outcomes[0])));
    let failed = RequestOutcome::names().zip(bin.outcomes()).skip(1);
    BinScript {
        ok: ok.filter(|(_, count)| *count > 0).collect(),
        failed: failed.filter(|(_, count)| *count > 0).collect(),
        latency: bin
            .latency
            .map_or_else(Vec::new, |latency| [latency.p50, latency.p90, latency.p99].map(span).to_vec()),
    }
}

fn node_status(at: Time, status: &NodeStatus) -> (f64, &'static str, &'static str, &'static str) {
    let state = status.state.map_or("not a member", |state| state.name());
    let availability = match status.availability {
        Availability::Active => "active",
        Availability::Pause => "pause",
        Availability::Drain => "drain",
    };
    (millis(at), state, availability, status.manager.map_or("", |manager| manager.name()))
}

fn millis(time: Time) -> f64 {
    span(time.since_start())
}

fn span(span: Span) -> f64 {
    span.as_micros() as f64 / 1e3
}

impl Observer for Replay {
    fn record(&mut self, now: Time, record: &Record) {
        match record {
            Record::Task(task) => {
                *self.tasks.entry(task.task, None) = Some(*task);
                let state = task.status.state;
                let is_stopping = task.desired > TaskState::Running && !state.is_terminal();
                let code = state as u8 + if is_stopping { STOPPING } else { 0 };
                self.change(now, task.task, |before| code | before & IN_ROTATION);
            }
            Record::Rotation { task, entered, .. } => {
                self.change(now, *task, |before| if *entered { before | IN_ROTATION } else { before & !IN_ROTATION });
            }
            Record::TaskRemoved { task, .. } => self.change(now, *task, |_| REMOVED),
            _ => {}
        }
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::fixture::{Feed, NEW, OLD, WEB};

    fn replay(tell: impl FnOnce(&mut Feed<Replay>)) -> Replay {
        let mut feed = Feed::new(Replay::default());
        tell(&mut feed);
        feed.end(60_000)
    }

    fn seen(replay: &Replay, step: Span) -> Vec<(u64, u32, u8)> {
        replay.at_steps(step).into_iter().map(|shown| (shown.step, shown.task.0, shown.code)).collect()
    }

    #[test]
    fn of_each_instant_only_its_end_is_seen() {
        let replay = replay(|feed| {
            feed.start(OLD).at(1_500).desire(0, TaskState::Shutdown).rotate(0, false);
            feed.at(2_500).state(0, TaskState::Shutdown).at(9_000).remove_task(0);
        });
        let running = TaskState::Running as u8;
        let expected = [
            (0, 0, running | IN_ROTATION),
            (1_500, 0, running | STOPPING),
            (2_500, 0, TaskState::Shutdown as u8),
            (9_000, 0, REMOVED),
        ];
        assert_eq!(seen(&replay, Span::from_millis(1)), expected);
    }

    #[test]
    fn at_wider_steps_what_came_and_went_between_two_is_not_seen() {
        let replay = replay(|feed| {
            feed.at(1_000).create(OLD).at(1_400).state(0, TaskState::Starting).at(2_000).state(0, TaskState::Running);
            feed.at(12_000).create(NEW).at(13_000).state(1, TaskState::Failed).at(14_000).remove_task(1);
            feed.at(20_000).state(0, TaskState::Failed);
        });
        let [running, failed] = [TaskState::Running, TaskState::Failed].map(|state| state as u8);
        assert_eq!(seen(&replay, Span::from_secs(10)), [(1, 0, running), (2, 0, failed)]);
        assert_eq!(seen(&replay, Span::from_secs(1)).len(), 6);
    }

    #[test]
    fn replicas_in_rotation_are_seen_at_the_same_steps_as_tasks() {
        let row = |(ms, in_rotation)| Row {
            at: Time::from_millis(ms),
            service: WEB,
            desired: 2,
            in_rotation,
            running: 2,
            in_flight: 0,
            ok: 0,
            failed: 0,
        };
        let rows = [(0, 0), (1_200, 1), (1_300, 2), (2_000, 1), (4_500, 1), (5_500, 0)].map(row);
        assert_eq!(
            levels(rows.iter(), STEPS[0]),
            [(0.0, 2, 0), (1_200.0, 2, 1), (1_300.0, 2, 2), (2_000.0, 2, 1), (5_500.0, 2, 0)]
        );
        assert_eq!(levels(rows.iter(), Span::from_secs(2)), [(0.0, 2, 0), (2_000.0, 2, 1), (6_000.0, 2, 0)]);
    }

    #[test]
    fn a_run_with_too_many_changes_is_seen_at_wider_steps() {
        let replay = replay(|feed| {
            feed.create(OLD);
            for turn in 0..MOST as u64 {
                let state = if turn % 2 == 0 { TaskState::Starting } else { TaskState::Running };
                feed.at(turn + 1).state(0, state);
            }
        });
        let (step, shown) = replay.shown();
        assert_eq!((step, shown.len()), (Span::from_millis(100), MOST / 100 + 1));
    }
}
