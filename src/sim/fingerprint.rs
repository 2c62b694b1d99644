//! Which records enter the fingerprint of a run, and how.

use crate::kernel::{Fingerprint, Time};
use crate::model::node::Leadership;
use crate::model::task::Slot;
use crate::model::update::{UpdateMessage, UpdateStatus};
use crate::observe::{Record, TaskRecord};

/// Adds a record to the fingerprint: every one but the errors' texts, the ends of processes and what updaters say of
/// themselves, and nothing of traffic.
pub(super) fn add(fingerprint: &mut Fingerprint, now: Time, record: &Record) {
    let (kind, a, b) = match *record {
        Record::Command { index } => (1, u64::from(index), 0),
        Record::CommandError { index, .. } => (2, u64::from(index), 0),
        Record::Spec { service, desired, image, cause, .. } => {
            (3, pair(service.0, image.0), pair(desired, cause as u32))
        }
        Record::ServiceRemoved { service } => (4, u64::from(service.0), 0),
        Record::UpdateStatus { service, status } => (5, u64::from(service.0), status.map_or(0, update_status)),
        Record::Task(task) => (6, pair(task.task.0, task.service.0), task_state(&task)),
        Record::TaskRemoved { task, .. } => (7, u64::from(task.0), 0),
        Record::Rotation { task, entered, .. } => (8, u64::from(task.0), u64::from(entered)),
        Record::Desired { service, desired } => (9, u64::from(service.0), u64::from(desired)),
        Record::Node { node, state, .. } => (10, u64::from(node.0), state.map_or(0, |state| state as u64 + 1)),
        Record::CommandResumed { index } => (22, u64::from(index), 0),
        Record::Leadership(leadership) => (20, 0, self::leadership(leadership)),
        Record::Manager { node, reachability } => {
            (21, u64::from(node.0), reachability.map_or(0, |known| known as u64 + 1))
        }
        Record::ProcessEnded { .. } | Record::Updater { .. } => return,
    };
    fingerprint.add([now.as_nanos(), kind, a, b]);
}

fn pair(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn leadership(leadership: Leadership) -> u64 {
    match leadership {
        Leadership::NoQuorum => 0,
        Leadership::NoLeader => 1,
        Leadership::Leader(node) => u64::from(node.0) + 2,
    }
}

fn update_status(status: UpdateStatus) -> u64 {
    let (message, task) = match status.message {
        UpdateMessage::InProgress => (1, 0),
        UpdateMessage::Paused(task) => (2, task.0),
        UpdateMessage::RollbackPaused(task) => (3, task.0),
        UpdateMessage::RolledBack(task) => (4, task.0),
        UpdateMessage::ManualRollback => (5, 0),
        UpdateMessage::Completed => (6, 0),
        UpdateMessage::RollbackCompleted => (7, 0),
    };
    pair(status.state as u32 + 1, task) << 4 | message
}

/// State, desired state, slot and node in 8, 8, 24 and 24 bits.
fn task_state(task: &TaskRecord) -> u64 {
    let slot = match task.slot {
        Slot::Replica(number) => number,
        Slot::Node(node) => node.0,
    };
    let node = task.node.map_or(0, |node| node.0 + 1);
    (task.status.state as u64) << 56
        | (task.desired as u64) << 48
        | u64::from(slot & 0xff_ffff) << 24
        | u64::from(node & 0xff_ffff)
}
