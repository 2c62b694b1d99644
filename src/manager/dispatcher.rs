//! The dispatcher: carries assignments to agents, and what agents report into the store, both in batches.
//!
//! Source: manager/dispatcher/dispatcher.go (control-plane section 14). Sessions and heartbeats are not modelled yet: all nodes
//! are there throughout.

use super::{Cx, Wake};
use crate::kernel::{IdVec, Span, Time};
use crate::model::change::Change;
use crate::model::latencies::Latencies;
use crate::model::task::{Status, TaskState};
use crate::model::wire::{Assignment, Report};
use crate::model::{NodeId, TaskId};

/// So many changes are sent at once, however soon the last one came.
///
/// Source: `modificationBatchLimit` (control-plane N14).
pub const MODIFICATION_BATCH_LIMIT: usize = 100;

/// Batches what managers and agents say to each other.
#[derive(Debug)]
pub struct Dispatcher {
    latencies: Latencies,
    /// Assignments that wait for quiet, by node.
    streams: IdVec<NodeId, Stream>,
    /// Latest report of each task since the last write.
    reports: IdVec<TaskId, Option<Status>>,
    /// Tasks with a report, in order of their first one.
    reported: Vec<TaskId>,
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
    /// A dispatcher for this many nodes.
    pub fn new(nodes: usize, latencies: Latencies) -> Dispatcher {
        Dispatcher {
            latencies,
            streams: IdVec::filled(nodes, Stream::default()),
            reports: IdVec::new(),
            reported: Vec::new(),
            armed: false,
        }
    }

    /// Notices what agents must be told (control-plane N13).
    pub fn on_change(&mut self, change: &Change, cx: &mut Cx<'_>) {
        let (task, node) = match *change {
            Change::TaskUpdated { task, old, new }
                if old.desired != new.desired || new.state <= TaskState::Assigned =>
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
            cx.wake_after(self.latencies.assignment_batch, Wake::Assignments { node });
        }
    }

    /// A node's assignments may have been quiet for long enough.
    pub fn wake_assignments(&mut self, node: NodeId, cx: &mut Cx<'_>) {
        let stream = &mut self.streams[node];
        stream.armed = false;
        if stream.changed.is_empty() {
            return;
        }
        if stream.due > cx.now {
            stream.armed = true;
            cx.wake_after(stream.due - cx.now, Wake::Assignments { node });
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
        let batch = self.latencies.status_batch;
        if batch.is_zero() {
            self.write_reports(cx);
        } else if !self.armed && !self.reported.is_empty() {
            self.armed = true;
            // The writer's timer runs all the time, from the start of the leader on.
            let since_last = Span::from_nanos(cx.now.as_nanos() % batch.as_nanos());
            cx.wake_after(batch - since_last, Wake::Reports);
        }
    }

    /// Writes what was reported, in one transaction. A status does not go back (control-plane M11).
    pub fn write_reports(&mut self, cx: &mut Cx<'_>) {
        self.armed = false;
        for task in self.reported.drain(..) {
            let Some(status) = self.reports[task].take() else { continue };
            if cx.store.task(task).is_some_and(|row| row.status.state < status.state) {
                cx.store.set_status(cx.now, task, status);
            }
        }
        cx.store.commit();
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
