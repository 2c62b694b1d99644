//! What became of each slot: an observer that keeps the stretches which the timeline chart draws.

use std::collections::BTreeMap;

use crate::kernel::{IdVec, Time};
use crate::model::node::NodeState;
use crate::model::request::Request;
use crate::model::task::{Slot, TaskState};
use crate::model::update::UpdateState;
use crate::model::{ImageId, NodeId, ServiceId, TaskId};
use crate::observe::{Observer, Record, TaskRecord};

/// Collects the tasks of every slot, and the moments that deserve a mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lanes {
    lanes: BTreeMap<(ServiceId, Slot), Lane>,
    marks: Vec<Mark>,
    open: IdVec<TaskId, Option<Open>>,
    /// Whether a task was lost with its node: what is said of it later is no news.
    lost: IdVec<TaskId, bool>,
}

/// All tasks of a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// What the tasks were, in order of beginning.
    pub stretches: Vec<Stretch>,
    /// How tasks ended that were not asked to, and those that ended badly.
    pub ends: Vec<TaskEnd>,
}

/// A time in which a task stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The task.
    pub task: TaskId,
    /// Its image.
    pub image: ImageId,
    /// Its observed state, RUNNING at most.
    pub state: TaskState,
    /// Whether it is to stop: its desired state is past RUNNING.
    pub stopping: bool,
    /// Beginning.
    pub from: Time,
    /// End; [`Time::MAX`] while it lasts.
    pub to: Time,
}

/// A task reached COMPLETE, FAILED, REJECTED or ORPHANED.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskEnd {
    /// The task.
    pub task: TaskId,
    /// Its image.
    pub image: ImageId,
    /// The state.
    pub state: TaskState,
    /// When.
    pub at: Time,
}

/// What lanes tell of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskView {
    pub(super) task: TaskId,
    pub(super) service: ServiceId,
    pub(super) slot: Slot,
    pub(super) image: ImageId,
    pub(super) node: Option<NodeId>,
    /// Observed state.
    pub(super) state: TaskState,
    /// Desired state.
    pub(super) desired: TaskState,
}

impl TaskView {
    fn of(record: &TaskRecord) -> TaskView {
        let TaskRecord { task, service, slot, image, node, desired, .. } = *record;
        TaskView { task, service, slot, image, node, state: record.status.state, desired }
    }
}

/// A moment that is kept for its own sake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    pub at: Time,
    /// What happened.
    pub kind: MarkKind,
}

/// What happened at a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkKind {
    /// An operator's command; its index in the plan.
    Command(u32),
    /// A service's update status was written.
    Status(ServiceId, UpdateState),
    /// The managers see a node in another state, or no longer.
    Node(NodeId, Option<NodeState>),
}

/// Where the last stretch of a task that has not ended stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    service: ServiceId,
    slot: Slot,
    node: Option<NodeId>,
    index: usize,
}

impl Lanes {
    /// The lanes of a service, by slot.
    pub fn of(&self, service: ServiceId) -> impl Iterator<Item = (Slot, &Lane)> {
        let slots = (service, Slot::Replica(0))..(ServiceId(service.0 + 1), Slot::Replica(0));
        self.lanes.range(slots).map(|((_, slot), lane)| (*slot, lane))
    }

    /// The marks in order of time.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// A task is as it was not before.
    pub(super) fn task(&mut self, now: Time, view: TaskView) {
        let TaskView { task, service, slot, image, node, state, desired } = view;
        let stopping = desired > TaskState::Running;
        if *self.lost.entry(task, false) {
            return;
        }
        let open = *self.open.entry(task, None);
        let lane = self.lanes.entry((service, slot)).or_default();
        if let Some(Open { index, .. }) = open {
            let last = &mut lane.stretches[index];
            if (last.state, last.stopping) == (state, stopping) {
                return;
            }
            if last.from == now && !state.is_terminal() {
                (last.state, last.stopping) = (state, stopping);
                return;
            }
            last.to = now;
        }
        if !state.is_terminal() {
            let index = lane.stretches.len();
            lane.stretches.push(Stretch { task, image, state, stopping, from: now, to: Time::MAX });
            self.open[task] = Some(Open { service, slot, node, index });
        } else if self.open[task].take().is_some() && state != TaskState::Shutdown {
            lane.ends.push(TaskEnd { task, image, state, at: now });
        }
    }

    /// Something happened that deserves a mark.
    pub(super) fn mark(&mut self, at: Time, kind: MarkKind) {
        self.marks.push(Mark { at, kind });
        if let MarkKind::Node(node, None | Some(NodeState::Down)) = kind {
            self.node_lost(at, node);
        }
    }

    /// The managers know that the node, and what ran on it, is gone.
    fn node_lost(&mut self, now: Time, node: NodeId) {
        let is_there = |open: &Option<Open>| open.is_some_and(|open| open.node == Some(node));
        let lost: Vec<TaskId> = self.open.iter().filter(|(_, open)| is_there(open)).map(|(task, _)| task).collect();
        for task in lost {
            self.removed(now, task);
            self.lost[task] = true;
        }
    }

    /// A task is deleted.
    pub(super) fn removed(&mut self, now: Time, task: TaskId) {
        let Some(open) = self.open.get_mut(task).and_then(Option::take) else { return };
        let lane = self.lanes.entry((open.service, open.slot)).or_default();
        lane.stretches[open.index].to = now;
    }
}

impl Observer for Lanes {
    fn record(&mut self, now: Time, record: &Record) {
        match record {
            Record::Task(task) => self.task(now, TaskView::of(task)),
            Record::TaskRemoved { task, .. } => self.removed(now, *task),
            Record::Node { node, state, .. } => self.mark(now, MarkKind::Node(*node, *state)),
            Record::Command { index } => self.mark(now, MarkKind::Command(*index)),
            Record::UpdateStatus { service, status: Some(status) } => {
                self.mark(now, MarkKind::Status(*service, status.state));
            }
            Record::UpdateStatus { status: None, .. }
            | Record::Leadership(_)
            | Record::Manager { .. }
            | Record::Desired { .. }
            | Record::ProcessEnded { .. }
            | Record::CommandResumed { .. }
            | Record::CommandError { .. }
            | Record::Spec { .. }
            | Record::ServiceRemoved { .. }
            | Record::Updater { .. }
            | Record::Rotation { .. } => {}
        }
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::node::Role;
    use crate::model::task::{Message, Status};
    use TaskState::{Failed, Preparing, Ready, Running, Shutdown, Starting};

    fn record(task: u32, state: TaskState, desired: TaskState) -> Record {
        Record::Task(TaskRecord {
            task: TaskId(task),
            service: ServiceId(0),
            slot: Slot::Replica(1),
            image: ImageId(task),
            node: None,
            status: Status { state, message: Message::Created, err: None },
            status_at: Time::ZERO,
            desired,
            created: None,
        })
    }

    fn lane(records: &[(u64, u32, TaskState, TaskState)]) -> Lane {
        let mut lanes = Lanes::default();
        for (at_ms, task, state, desired) in records {
            lanes.record(Time::from_millis(*at_ms), &record(*task, *state, *desired));
        }
        lanes.of(ServiceId(0)).next().expect("a lane").1.clone()
    }

    fn shown(lane: &Lane) -> Vec<String> {
        let end = |to: Time| if to == Time::MAX { "".to_owned() } else { to.to_string() };
        let stretch = |s: &Stretch| {
            let stopping = if s.stopping { " stopping" } else { "" };
            format!("{}..{} {} {}{stopping}", s.from, end(s.to), s.task.0, s.state)
        };
        let ended = |e: &TaskEnd| format!("{} {} {}", e.at, e.task.0, e.state);
        lane.stretches.iter().map(stretch).chain(lane.ends.iter().map(ended)).collect()
    }

    #[test]
    fn start_first_overlaps_and_stop_is_no_bad_end() {
        let lane = lane(&[
            (0, 0, Running, Running),
            (100, 1, Preparing, Running),
            (200, 1, Starting, Running),
            (300, 1, Running, Running),
            (300, 0, Running, Shutdown),
            (400, 0, Shutdown, Shutdown),
        ]);
        let expected = [
            "0..300 0 running",
            "100..200 1 preparing",
            "200..300 1 starting",
            "300.. 1 running",
            "300..400 0 running stopping",
        ];
        assert_eq!(shown(&lane), expected);
    }

    #[test]
    fn a_failure_ends_the_stretch_and_is_kept() {
        let lane = lane(&[(0, 0, Ready, Ready), (5, 0, Failed, Running), (9, 0, Failed, Shutdown)]);
        assert_eq!(shown(&lane), ["0..5 0 ready", "5 0 failed"]);
    }

    #[test]
    fn states_of_one_instant_leave_one_stretch() {
        let lane = lane(&[(0, 0, Preparing, Running), (7, 0, Ready, Running), (7, 0, Starting, Running)]);
        assert_eq!(shown(&lane), ["0..7 0 preparing", "7.. 0 starting"]);
    }

    #[test]
    fn a_task_is_over_with_its_node() {
        let mut lanes = Lanes::default();
        let on_node = |state, desired| match record(0, state, desired) {
            Record::Task(task) => Record::Task(TaskRecord { node: Some(NodeId(1)), ..task }),
            other => other,
        };
        lanes.record(Time::ZERO, &on_node(Running, Running));
        let state = |state| Record::Node { node: NodeId(1), state: Some(state), role: Role::Worker };
        lanes.record(Time::from_millis(3), &state(NodeState::Ready));
        lanes.record(Time::from_millis(7), &state(NodeState::Down));
        lanes.record(Time::from_millis(7), &on_node(Running, Shutdown));
        lanes.record(Time::from_millis(9), &on_node(Failed, Shutdown));
        let (_, lane) = lanes.of(ServiceId(0)).next().expect("a lane");
        assert_eq!(shown(lane), ["0..7 0 running"]);
    }

    #[test]
    fn a_removed_task_is_over() {
        let mut lanes = Lanes::default();
        lanes.record(Time::ZERO, &record(0, Running, Running));
        lanes.record(Time::from_millis(3), &Record::TaskRemoved { task: TaskId(0), service: ServiceId(0) });
        let (_, lane) = lanes.of(ServiceId(0)).next().expect("a lane");
        assert_eq!(shown(lane), ["0..3 0 running"]);
    }
}
