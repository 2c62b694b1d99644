//! `timeline.csv` and `tasks.csv`: RFC 4180 with a header, times in milliseconds, lines end in a line feed.

use std::io;

use crate::metrics::task_log::TaskChange;
use crate::metrics::timeline::Row;
use crate::model::task::Slot;
use crate::sim::Plan;

/// Writes `timeline.csv`.
///
/// # Errors
/// What `out` fails with.
pub fn timeline(rows: &[Row], plan: &Plan, out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["t_ms", "service", "desired", "in_rotation", "running", "in_flight", "ok", "failed"])?;
    for row in rows {
        csv.serialize((
            row.at.to_string(),
            &plan.services[row.service],
            row.desired,
            row.in_rotation,
            row.running,
            row.in_flight,
            row.ok,
            row.failed,
        ))?;
    }
    csv.flush()
}

/// Writes `tasks.csv`: a row for each change of a task.
///
/// `slot` is empty for a task of a global service, whose place is its node. `state` is `removed` when the task is deleted from the
/// store; the other columns then say how it stood last.
///
/// # Errors
/// What `out` fails with.
pub fn tasks(changes: &[TaskChange], plan: &Plan, out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["t_ms", "service", "slot", "task", "image", "node", "state", "desired", "message", "err"])?;
    for TaskChange { at, task, removed } in changes {
        let slot = match task.slot {
            Slot::Replica(slot) => Some(slot),
            Slot::Node(_) => None,
        };
        csv.serialize((
            at.to_string(),
            &plan.services[task.service],
            slot,
            task.task.0,
            &plan.images[task.image].name,
            task.node.map(|node| &plan.nodes[node].name),
            if *removed { "removed" } else { task.status.state.name() },
            task.desired.name(),
            task.status.message.text(),
            task.status.err.map(|err| err.to_string()),
        ))?;
    }
    csv.flush()
}
