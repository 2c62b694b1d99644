//! The dispatcher: carries assignments to agents, and what agents report into the store, both in batches.
//!
//! Source: manager/dispatcher/dispatcher.go (control-plane section 14). Only the heartbeat that a node misses is
//! modelled: those before it change nothing.

use super::store::{Node, Task};
use super::{Cx, Wake};
use crate::kernel::{IdVec, Span, Time};
use crate::model::change::Change;
use crate::model::latencies::Latencies;
use crate::model::node::NodeState;
use crate::model::task::{Status, TaskState};
use crate::model::wire::{Assignment, Report};
use crate::model::{NodeId, TaskId};

/// So many changes are sent at once, however soon the last one came.
///
/// Source: `modificationBatchLimit` (control-plane N14).
pub const MODIFICATION_BATCH_LIMIT: usize = 100;

/// Most by which a heartbeat's period differs from its mean.
///
/// Source: `defaultHeartBeatEpsilon` (control-plane N1).
pub const HEARTBEAT_EPSILON: Span = Span::from_millis(500);

/// A node is DOWN when nothing was heard of it for so many periods.
///
/// Source: `defaultGracePeriodMultiplier` (control-plane N1).
pub const GRACE_PERIODS: u64 = 3;

/// A node that is UNKNOWN is DOWN when nothing was heard of it for so many periods.
///
/// Source: `gracePeriodMultiplierUnknown` (control-plane N9).
pub const UNKNOWN_GRACE_PERIODS: u64 = 6;

/// When a node was DOWN for so long, its tasks are given up.
///
/// Source: `defaultNodeDownPeriod` (control-plane N19).
pub const NODE_DOWN_PERIOD: Span = Span::from_secs(24 * 60 * 60);

/// Batches what managers and agents say to each other.
#[derive(Debug)]
pub struct Dispatcher {
    latencies: Latencies,
    /// Tells this dispatcher's wakes from those of a former leader's.
    epoch: u32,
    started: Time,
    /// Assignments that wait for quiet, by node.
    streams: IdVec<NodeId, Stream>,
    /// Latest report of each task since the last write.
    reports: IdVec<TaskId, Option<Status>>,
    /// Tasks with a report, in order of their first one.
    reported: Vec<TaskId>,
    /// Nodes whose agents wait for their session, and what they are if they join.
    registering: Vec<(NodeId, Node)>,
    /// The heartbeat timer of each node that is not heard of any more.
    missed: IdVec<NodeId, Option<u32>>,
    /// The timer of each node that is DOWN and whose tasks are not given up yet.
    down: IdVec<NodeId, Option<u32>>,
    /// Nodes to be marked DOWN.
    lost: Vec<NodeId>,
    /// Whether a write of reports is due.
    armed: bool,
}

/// The assignments of one node.
#[derive(Clone, Debug, Default)]
struct Stream {
    changed: Vec<TaskId>,
    changes: usize,
    due: Time,
    armed: bool,
}

impl Dispatcher {
    /// The dispatcher of a leader. If it takes over from another one, no agent has a session with it yet: all nodes that are not
    /// DOWN are UNKNOWN, and those that are DOWN are so from now on. Without heartbeats all agents have a session at once.
    ///
    /// Source: `markNodesUnknown` (control-plane N8, N19).
    pub fn start(latencies: Latencies, takes_over: bool, cx: &mut Cx<'_>) -> Dispatcher {
        let mut dispatcher = Dispatcher {
            latencies,
            epoch: cx.next_epoch(),
            started: cx.now,
            streams: IdVec::filled(cx.store.node_ids(), Stream::default()),
            reports: IdVec::new(),
            reported: Vec::new(),
            registering: Vec::new(),
            missed: IdVec::filled(cx.store.node_ids(), None),
            down: IdVec::filled(cx.store.node_ids(), None),
            lost: Vec::new(),
            armed: false,
        };
        let have_sessions = !takes_over || latencies.heartbeat_period.is_zero();
        let nodes: Vec<(NodeId, NodeState)> = cx.store.nodes().map(|(id, node)| (id, node.state)).collect();
        for (node, state) in nodes {
            if state == NodeState::Down {
                dispatcher.begin_down_period(node, cx);
            }
            if have_sessions {
                send_all(node, cx);
            } else if state != NodeState::Down {
                cx.store.update_node(node, |row| row.state = NodeState::Unknown);
            }
        }
        cx.store.commit();
        dispatcher
    }

    /// Notices what agents must be told (control-plane N13).
    pub fn on_change(&mut self, change: &Change, cx: &mut Cx<'_>) {
        let (task, node) = match *change {
            Change::TaskUpdated { task, old, new }
                if new.state == TaskState::Assigned
                    || (new.state > TaskState::Assigned && old.desired != new.desired) =>
            {
                (task, new.node)
            }
            Change::TaskRemoved { task, old } => (task, old.node),
            _ => return,
        };
        let Some(node) = node else { return };
        let stream = &mut self.streams[node];
        if !stream.changed.contains(&task) {
            stream.changed.push(task);
        }
        stream.changes += 1;
        if self.latencies.assignment_batch.is_zero() || stream.changes >= MODIFICATION_BATCH_LIMIT {
            self.send(node, cx);
            return;
        }
        stream.due = cx.now + self.latencies.assignment_batch;
        if !stream.armed {
            stream.armed = true;
            cx.wake_at(stream.due, Wake::Assignments { node, epoch: self.epoch });
        }
    }

    /// A node's assignments may have been quiet for long enough.
    pub fn wake_assignments(&mut self, node: NodeId, epoch: u32, cx: &mut Cx<'_>) {
        let stream = &mut self.streams[node];
        if epoch != self.epoch {
            return;
        }
        stream.armed = false;
        if stream.changed.is_empty() {
            return;
        }
        if stream.due > cx.now {
            stream.armed = true;
            cx.wake_at(stream.due, Wake::Assignments { node, epoch });
        } else {
            self.send(node, cx);
        }
    }

    /// Takes what agents report at one instant. Only the latest status of a task is kept (control-plane N10).
    pub fn report(&mut self, reports: &mut Vec<Report>, cx: &mut Cx<'_>) {
        for Report { task, status } in reports.drain(..) {
            if self.reports.entry(task, None).replace(status).is_none() {
                self.reported.push(task);
            }
        }
        self.write_soon(cx);
    }

    /// An agent asks for a session. It gets it, and all its tasks, when that is written (control-plane N1, N12).
    /// A node that is no member of the cluster joins it as `node`.
    pub fn register(&mut self, id: NodeId, node: Node, cx: &mut Cx<'_>) {
        (self.missed[id], self.down[id]) = (None, None);
        self.lost.retain(|other| *other != id);
        self.registering.push((id, node));
        self.write_soon(cx);
    }

    /// An agent whose session has not ended is heard of again. It gets what it missed.
    pub fn resume(&mut self, node: NodeId, cx: &mut Cx<'_>) {
        self.missed[node] = None;
        send_all(node, cx);
    }

    /// An agent is gone. Its session ends when its heartbeat is overdue, `after` from now (control-plane N4).
    pub fn lose(&mut self, node: NodeId, after: Span, cx: &mut Cx<'_>) {
        self.registering.retain(|(other, _)| *other != node);
        let epoch = cx.next_epoch();
        self.missed[node] = Some(epoch);
        if after.is_zero() {
            self.wake_heartbeat(node, epoch, cx);
        } else {
            cx.wake_after(after, Wake::Heartbeat { node, epoch });
        }
    }

    /// Whether the node's agent has not come back since.
    pub fn awaits_heartbeat(&self, node: NodeId, epoch: u32) -> bool {
        self.missed[node] == Some(epoch)
    }

    /// A node was not heard of for too long, unless its agent has come back.
    pub fn wake_heartbeat(&mut self, node: NodeId, epoch: u32, cx: &mut Cx<'_>) {
        if self.awaits_heartbeat(node, epoch) {
            self.missed[node] = None;
            self.lost.push(node);
            self.begin_down_period(node, cx);
            self.write_soon(cx);
        }
    }

    fn begin_down_period(&mut self, node: NodeId, cx: &mut Cx<'_>) {
        let epoch = cx.next_epoch();
        self.down[node] = Some(epoch);
        cx.wake_after(NODE_DOWN_PERIOD, Wake::DownPeriod { node, epoch });
    }

    /// Whether the node was DOWN ever since, and its tasks are not given up yet.
    pub fn awaits_down_period(&self, node: NodeId, epoch: u32) -> bool {
        self.down[node] == Some(epoch)
    }

    /// A node was DOWN for too long: what it had to do is ORPHANED. Message and time of the status stay.
    ///
    /// Source: `moveTasksToOrphaned` (control-plane N19).
    pub fn wake_down_period(&mut self, node: NodeId, epoch: u32, cx: &mut Cx<'_>) {
        if !self.awaits_down_period(node, epoch) {
            return;
        }
        self.down[node] = None;
        let is_there = |task: &Task| (TaskState::Assigned..=TaskState::Running).contains(&task.status.state);
        let tasks = cx.store.tasks_on_node(node).filter(|(_, task)| is_there(task));
        for (id, task) in tasks.map(|(id, task)| (id, *task)).collect::<Vec<_>>() {
            cx.store.set_status(task.status_at, id, Status { state: TaskState::Orphaned, ..task.status });
        }
        cx.store.commit();
    }

    fn write_soon(&mut self, cx: &mut Cx<'_>) {
        let batch = self.latencies.status_batch;
        let is_idle = self.reported.is_empty() && self.registering.is_empty() && self.lost.is_empty();
        if batch.is_zero() {
            self.write(cx);
        } else if !is_idle && !self.armed {
            self.armed = true;
            // The writer's timer runs all the time, from the start of the leader on.
            let since_last = Span::from_nanos((cx.now - self.started).as_nanos() % batch.as_nanos());
            cx.wake_after(batch - since_last, Wake::Reports { epoch: self.epoch });
        }
    }

    /// Reports are to be written.
    pub fn wake_reports(&mut self, epoch: u32, cx: &mut Cx<'_>) {
        if epoch == self.epoch {
            self.write(cx);
        }
    }

    /// Writes what was reported, in one transaction. A status does not go back (control-plane M11).
    fn write(&mut self, cx: &mut Cx<'_>) {
        self.armed = false;
        for (id, node) in &self.registering {
            match cx.store.node(*id) {
                Some(_) => cx.store.update_node(*id, |row| row.state = NodeState::Ready),
                None => cx.store.create_node(*id, node.clone()),
            }
        }
        for node in self.lost.drain(..) {
            cx.store.update_node(node, |row| row.state = NodeState::Down);
        }
        cx.ties.shuffle(&mut self.reported);
        for task in self.reported.drain(..) {
            let Some(status) = self.reports[task].take() else { continue };
            if cx.store.task(task).is_some_and(|row| row.status.state < status.state) {
                cx.store.set_status(cx.now, task, status);
            }
        }
        cx.store.commit();
        for (node, _) in self.registering.drain(..) {
            send_all(node, cx);
        }
    }

    fn send(&mut self, node: NodeId, cx: &mut Cx<'_>) {
        let stream = &mut self.streams[node];
        stream.changes = 0;
        for task in stream.changed.drain(..) {
            let desired = cx.store.task(task).map(|row| row.desired);
            cx.assignments.push(Assignment { node, task, desired });
        }
    }
}

/// Tells an agent all its tasks, and which of those that it had are gone.
///
/// Source: `Assignments`, the first message (control-plane N12).
fn send_all(node: NodeId, cx: &mut Cx<'_>) {
    let has_it = |task: &Task| task.status.state >= TaskState::Assigned;
    for (task, row) in cx.store.tasks_ever_on_node(node).filter(|(_, row)| has_it(row)) {
        cx.assignments.push(Assignment { node, task, desired: row.exists.then_some(row.desired) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::fixture::{Cluster, WEB, global, new_image, replicated};
    use crate::manager::orchestrator::taskreaper::BATCHING_INTERVAL;
    use crate::model::command::Command;
    use crate::model::node::NodeSpec;
    use crate::model::task::Message;

    const NOBODY: [u32; 0] = [];

    fn with_latencies() -> Cluster {
        Cluster::with(5, Latencies::SWARM, [NodeSpec::default()])
    }

    /// Control-plane N14: 100 ms after the last change.
    #[test]
    fn changes_for_a_node_go_out_together() {
        let mut cluster = with_latencies();
        cluster.create(WEB, replicated(3)).advance(149);
        assert_eq!(cluster.take_told(), NOBODY);
        let mut told = cluster.advance(1).take_told();
        told.sort_unstable();
        assert_eq!(told, [0, 1, 2]);
    }

    /// Control-plane N13.
    #[test]
    fn a_task_is_sent_when_it_is_assigned_and_not_when_it_is_created() {
        let mut cluster = Cluster::of(1);
        assert_eq!(cluster.create(WEB, global()).advance(49).take_told(), NOBODY);
        assert_eq!(cluster.advance(1).take_told(), [0]);
    }

    /// Control-plane N13.
    #[test]
    fn what_agents_said_themselves_is_not_sent_back() {
        let mut cluster = Cluster::of(1);
        cluster.create(WEB, replicated(1)).advance(50).take_told();
        assert_eq!(cluster.report(TaskState::Running, &[0]).advance(1_000).take_told(), NOBODY);
        assert_eq!(cluster.update(new_image()).take_told(), [0]);
    }

    /// Control-plane N10, M11.
    #[test]
    fn the_latest_report_counts_and_none_goes_back() {
        let mut cluster = with_latencies();
        cluster.create(WEB, replicated(1)).advance(50);
        let state = |cluster: &Cluster| cluster.manager.store.task_ever(TaskId(0)).status.state;
        cluster.report(TaskState::Preparing, &[0]).report(TaskState::Starting, &[0]).advance(49);
        assert_eq!(state(&cluster), TaskState::Assigned);
        assert_eq!(state(cluster.advance(1)), TaskState::Starting);
        assert_eq!(state(cluster.report(TaskState::Ready, &[0]).advance(100)), TaskState::Starting);
    }

    /// Control-plane N12.
    #[test]
    fn a_session_begins_with_all_tasks_of_the_node() {
        let mut cluster = Cluster::of(1);
        cluster.create(WEB, replicated(2)).advance(50).report(TaskState::Running, &[0]).take_told();
        assert_eq!(cluster.register(0).take_told(), [0, 1]);
    }

    const DAY: u64 = NODE_DOWN_PERIOD.as_millis();

    /// One task, on a node that is DOWN, and how it was found in the end: its state, its message and since when it has that.
    fn after_down(course: impl FnOnce(&mut Cluster) -> &mut Cluster) -> (TaskState, Message, Time) {
        let mut cluster = Cluster::of(1);
        cluster.create(WEB, replicated(1)).advance(50).report(TaskState::Running, &[0]).advance(950).lose_node(0);
        course(&mut cluster);
        let task = cluster.manager.store.task_ever(TaskId(0));
        (task.status.state, task.status.message, task.status_at)
    }

    /// Control-plane N19.
    #[test]
    fn tasks_of_a_node_that_is_down_for_a_day_are_orphaned() {
        let since = Time::from_millis(50);
        let until = |ms| after_down(|cluster| cluster.advance(ms));
        assert_eq!(until(DAY - 1), (TaskState::Running, Message::Started, since));
        assert_eq!(until(DAY), (TaskState::Orphaned, Message::Started, since));
    }

    /// Control-plane N20.
    #[test]
    fn a_node_that_was_back_meanwhile_keeps_its_tasks() {
        let (state, ..) = after_down(|cluster| cluster.advance(DAY - 1).register(0).advance(DAY));
        assert_eq!(state, TaskState::Running);
        let (state, ..) =
            after_down(|cluster| cluster.advance(DAY - 1).register(0).advance(10).lose_node(0).advance(DAY - 1));
        assert_eq!(state, TaskState::Running, "its day begins anew");
    }

    /// Control-plane N19, Q10.
    #[test]
    fn a_day_down_begins_anew_with_a_new_leader() {
        let until = |ms| after_down(|cluster| cluster.advance(DAY - 1).elect().advance(ms)).0;
        assert_eq!((until(DAY - 1), until(DAY)), (TaskState::Running, TaskState::Orphaned));
    }

    /// Control-plane T10: no agent says that it has stopped.
    #[test]
    fn a_removed_task_of_a_node_that_is_down_stays_until_it_is_orphaned() {
        let mut cluster = Cluster::of(1);
        cluster.create(WEB, replicated(1)).advance(50).report(TaskState::Running, &[0]).lose_node(0);
        cluster.command(Command::ServiceRemove { service: WEB }).advance(DAY - 1);
        assert!(cluster.manager.store.task(TaskId(0)).is_some());
        cluster.advance(1 + BATCHING_INTERVAL.as_millis());
        assert!(cluster.manager.store.task(TaskId(0)).is_none());
    }
}
