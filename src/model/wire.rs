//! What managers and agents say to each other.

use super::ids::{NodeId, TaskId};
use super::task::{Status, TaskState};

/// What the dispatcher tells an agent of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The agent's node.
    pub node: NodeId,
    /// The task.
    pub task: TaskId,
    /// Desired state; `None`: the task was deleted, its container is to go.
    pub desired: Option<TaskState>,
}

/// What an agent reports of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The task.
    pub task: TaskId,
    /// Its status now.
    pub status: Status,
}
