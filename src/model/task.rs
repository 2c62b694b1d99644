//! Tasks: states, places and what is said of them.

use std::fmt;

use super::ids::NodeId;

/// Observed or desired state of a task, in Swarm's order. What is observed only grows.
///
/// Source: api/types.proto `TaskState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TaskState {
    /// Created by an orchestrator.
    New,
    /// Waits for a node.
    Pending,
    /// Has a node.
    Assigned,
    /// The agent has it.
    Accepted,
    /// Image is pulled, container created.
    Preparing,
    /// Could start; waits for desired RUNNING.
    Ready,
    /// Container is starting, or not yet healthy.
    Starting,
    /// Up.
    Running,
    /// Exited with 0.
    Complete,
    /// Stopped on request.
    Shutdown,
    /// Failed when starting or later.
    Failed,
    /// Failed before it was started.
    Rejected,
    /// Only desired: to be stopped, then forgotten.
    Remove,
    /// Its node is gone.
    Orphaned,
}

impl TaskState {
    /// Swarm's name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            TaskState::New => "new",
            TaskState::Pending => "pending",
            TaskState::Assigned => "assigned",
            TaskState::Accepted => "accepted",
            TaskState::Preparing => "preparing",
            TaskState::Ready => "ready",
            TaskState::Starting => "starting",
            TaskState::Running => "running",
            TaskState::Complete => "complete",
            TaskState::Shutdown => "shutdown",
            TaskState::Failed => "failed",
            TaskState::Rejected => "rejected",
            TaskState::Remove => "remove",
            TaskState::Orphaned => "orphaned",
        }
    }

    /// Whether the task has ended: past RUNNING.
    pub const fn is_terminal(self) -> bool {
        self as u8 > TaskState::Running as u8
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A service's place for one running task: the slot number of a replicated service (from 1), the node of a global one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Slot number, from 1.
    Replica(u32),
    /// Node of a global service.
    Node(NodeId),
}

/// What a task's status says beside its state.
///
/// Source: the texts of manager and agent (control-plane M2, W1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// `created`
    Created,
    /// `pending task scheduling`
    PendingScheduling,
    /// `scheduler assigned task to node`
    SchedulerAssigned,
    /// `scheduler confirmed task can run on preassigned node`
    SchedulerConfirmed,
    /// `accepted`
    Accepted,
    /// `preparing`
    Preparing,
    /// `prepared`
    Prepared,
    /// `starting`
    Starting,
    /// `started`
    Started,
    /// `finished`
    Finished,
    /// `shutdown`
    Shutdown,
}

impl Message {
    /// The text.
    pub const fn text(self) -> &'static str {
        match self {
            Message::Created => "created",
            Message::PendingScheduling => "pending task scheduling",
            Message::SchedulerAssigned => "scheduler assigned task to node",
            Message::SchedulerConfirmed => "scheduler confirmed task can run on preassigned node",
            Message::Accepted => "accepted",
            Message::Preparing => "preparing",
            Message::Prepared => "prepared",
            Message::Starting => "starting",
            Message::Started => "started",
            Message::Finished => "finished",
            Message::Shutdown => "shutdown",
        }
    }
}

/// Error of a task's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskError {
    /// `no suitable node`: no node passes the scheduler's filters.
    NoSuitableNode,
    /// The image could not be pulled or the container not created.
    PrepareFailed,
    /// The container could not be started, or did not become healthy.
    StartFailed,
    /// The process ended by itself with this code.
    Exit(u8),
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::NoSuitableNode => f.write_str("no suitable node"),
            TaskError::PrepareFailed => f.write_str("preparing container failed"),
            TaskError::StartFailed => f.write_str("starting container failed"),
            TaskError::Exit(code) => write!(f, "task: non-zero exit ({code})"),
        }
    }
}

/// Observed status of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Observed state.
    pub state: TaskState,
    /// What was done last.
    pub message: Message,
    /// What went wrong.
    pub err: Option<TaskError>,
}
