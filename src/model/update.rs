//! Status of an update, and why a command is refused.

use std::fmt;

use super::ids::{ServiceId, TaskId};

/// Status of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateStatus {
    /// How far it is.
    pub state: UpdateState,
    /// What is said of it.
    pub message: UpdateMessage,
}

/// State of an update.
///
/// Source: api/types.proto `UpdateStatus`; moby: api/types/swarm/service.go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateState {
    /// `updating`
    Updating,
    /// `paused`
    Paused,
    /// `completed`
    Completed,
    /// `rollback_started`
    RollbackStarted,
    /// `rollback_paused`
    RollbackPaused,
    /// `rollback_completed`
    RollbackCompleted,
}

impl UpdateState {
    /// All states.
    pub const ALL: [UpdateState; 6] = [
        UpdateState::Updating,
        UpdateState::Paused,
        UpdateState::Completed,
        UpdateState::RollbackStarted,
        UpdateState::RollbackPaused,
        UpdateState::RollbackCompleted,
    ];

    /// The engine's name.
    pub const fn name(self) -> &'static str {
        match self {
            UpdateState::Updating => "updating",
            UpdateState::Paused => "paused",
            UpdateState::Completed => "completed",
            UpdateState::RollbackStarted => "rollback_started",
            UpdateState::RollbackPaused => "rollback_paused",
            UpdateState::RollbackCompleted => "rollback_completed",
        }
    }
}

/// Message of an update's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateMessage {
    /// `update in progress`
    InProgress,
    /// `update paused due to failure or early termination of task N`
    Paused(TaskId),
    /// `rollback paused due to failure or early termination of task N`
    RollbackPaused(TaskId),
    /// `update rolled back due to failure or early termination of task N`
    RolledBack(TaskId),
    /// `manually requested rollback`
    ManualRollback,
    /// `update completed`
    Completed,
    /// `rollback completed`
    RollbackCompleted,
}

impl fmt::Display for UpdateMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let due_to = "due to failure or early termination of task";
        match self {
            UpdateMessage::InProgress => f.write_str("update in progress"),
            UpdateMessage::Paused(task) => write!(f, "update paused {due_to} {}", task.0),
            UpdateMessage::RollbackPaused(task) => write!(f, "rollback paused {due_to} {}", task.0),
            UpdateMessage::RolledBack(task) => write!(f, "update rolled back {due_to} {}", task.0),
            UpdateMessage::ManualRollback => f.write_str("manually requested rollback"),
            UpdateMessage::Completed => f.write_str("update completed"),
            UpdateMessage::RollbackCompleted => f.write_str("rollback completed"),
        }
    }
}

/// Why the managers refused a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// A rollback without a previous specification (control-plane A4).
    NoPreviousSpec(ServiceId),
    /// The service does not exist at that moment.
    ServiceNotFound(ServiceId),
}

impl CommandError {
    /// The service that the command was for.
    pub const fn service(self) -> ServiceId {
        match self {
            CommandError::NoPreviousSpec(service) | CommandError::ServiceNotFound(service) => service,
        }
    }

    /// The managers' text, with the name of the service in place of its id.
    pub fn text(self, service: &str) -> String {
        match self {
            CommandError::NoPreviousSpec(_) => format!("service {service} does not have a previous spec"),
            CommandError::ServiceNotFound(_) => format!("service {service} not found"),
        }
    }
}
