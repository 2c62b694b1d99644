//! Status of an update, and why a command is refused.

use std::fmt;

use super::ids::{NodeId, ServiceId, TaskId};

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

impl UpdateMessage {
    /// The managers' text; `name` says what a task is called in it.
    pub fn text(self, name: impl FnOnce(TaskId) -> String) -> String {
        let due_to = "due to failure or early termination of task";
        match self {
            UpdateMessage::InProgress => "update in progress".to_owned(),
            UpdateMessage::Paused(task) => format!("update paused {due_to} {}", name(task)),
            UpdateMessage::RollbackPaused(task) => format!("rollback paused {due_to} {}", name(task)),
            UpdateMessage::RolledBack(task) => format!("update rolled back {due_to} {}", name(task)),
            UpdateMessage::ManualRollback => "manually requested rollback".to_owned(),
            UpdateMessage::Completed => "update completed".to_owned(),
            UpdateMessage::RollbackCompleted => "rollback completed".to_owned(),
        }
    }
}

impl fmt::Display for UpdateMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(|task| task.0.to_string()))
    }
}

/// Why the managers refused a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// Of a fault: everything is so already.
    NoEffect,
    /// A rollback without a previous specification (control-plane A4).
    NoPreviousSpec(ServiceId),
    /// The service does not exist at that moment.
    ServiceNotFound(ServiceId),
    /// The node is not a member of the cluster at that moment.
    NodeNotFound(NodeId),
    /// A manager cannot be removed (control-plane A12).
    NodeIsManager(NodeId),
    /// A node that is up cannot be removed without force (control-plane A12).
    NodeNotDown(NodeId),
    /// No manager leads (control-plane Q6).
    NoLeader,
    /// The machines of all managers are off.
    NoDaemon,
    /// The node is the only manager (control-plane A11).
    LastManager,
    /// The node is no member of raft, although it is a manager (control-plane A11, Q15).
    NotInMemberlist,
    /// Too few of the other managers are reachable (control-plane A11, Q13).
    LossOfQuorum,
}

impl CommandError {
    /// The managers' text, with the names of services and nodes in place of their ids.
    pub fn text<'a>(self, service: impl Fn(ServiceId) -> &'a str, node: impl Fn(NodeId) -> &'a str) -> String {
        match self {
            CommandError::NoEffect => "no effect: everything is so already".to_owned(),
            CommandError::NoPreviousSpec(id) => format!("service {} does not have a previous spec", service(id)),
            CommandError::ServiceNotFound(id) => format!("service {} not found", service(id)),
            CommandError::NodeNotFound(id) => format!("node {} not found", node(id)),
            CommandError::NodeIsManager(id) => format!(
                "node {} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal",
                node(id)
            ),
            CommandError::NodeNotDown(id) => format!("node {} is not down and can't be removed", node(id)),
            CommandError::NoDaemon => {
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
                    .to_owned()
            }
            CommandError::LastManager => "attempting to demote the last manager of the swarm".to_owned(),
            CommandError::NotInMemberlist => "can't find manager in raft memberlist".to_owned(),
            CommandError::LossOfQuorum => {
                "can't remove member from the raft: this would result in a loss of quorum".to_owned()
            }
            CommandError::NoLeader => {
                "The swarm does not have a leader. It's possible that too few managers are online. \
                                       Make sure more than half of the managers are online."
                    .to_owned()
            }
        }
    }
}
