//! What the store announces to its watchers.

use super::ids::{NodeId, ServiceId, TaskId};
use super::task::TaskState;

/// One change of the store, or the end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A service was created.
    ServiceCreated(ServiceId),
    /// A service's specification or update status was written.
    ServiceUpdated(ServiceId),
    /// A service was deleted.
    ServiceRemoved(ServiceId),
    /// A node joined the cluster.
    NodeCreated(NodeId),
    /// A node's specification or state was written.
    NodeUpdated(NodeId),
    /// A node was removed from the cluster.
    NodeRemoved(NodeId),
    /// A task was created.
    TaskCreated(TaskId),
    /// A task was written.
    TaskUpdated {
        /// The task.
        task: TaskId,
        /// Before.
        old: TaskView,
        /// After.
        new: TaskView,
    },
    /// A task was deleted; what it was when it went.
    TaskRemoved {
        /// The task.
        task: TaskId,
        /// Before.
        old: TaskView,
    },
    /// The transaction is complete; it changed something.
    Commit,
}

/// What watchers look at in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskView {
    /// Observed state.
    pub state: TaskState,
    /// Desired state.
    pub desired: TaskState,
    /// Its node.
    pub node: Option<NodeId>,
}
