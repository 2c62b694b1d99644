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
    /// All states, in order.
    pub const ALL: [TaskState; 14] = [
        TaskState::New,
        TaskState::Pending,
        TaskState::Assigned,
        TaskState::Accepted,
        TaskState::Preparing,
        TaskState::Ready,
        TaskState::Starting,
        TaskState::Running,
        TaskState::Complete,
        TaskState::Shutdown,
        TaskState::Failed,
        TaskState::Rejected,
        TaskState::Remove,
        TaskState::Orphaned,
    ];

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

impl Slot {
    /// Its number; `None` for a task of a global service, whose place is its node.
    pub const fn number(self) -> Option<u32> {
        match self {
            Slot::Replica(number) => Some(number),
            Slot::Node(_) => None,
        }
    }
}

/// Who created a task, and from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Who.
    pub by: Creator,
    /// Version of the service's specification from which the task was made.
    pub spec_version: u64,
}

/// Those who create tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creator {
    /// An orchestrator, for a slot or a node that has none (control-plane O6, G4, G6).
    Orchestrator,
    /// The restart supervisor, for one that ended or lost its node (control-plane R4).
    RestartSupervisor,
    /// An updater, for one that is out of date (control-plane U19).
    Updater {
        /// Which one.
        run: u32,
    },
}

impl Creator {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Creator::Orchestrator => "orchestrator",
            Creator::RestartSupervisor => "restart supervisor",
            Creator::Updater { .. } => "updater",
        }
    }
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
    /// `task rejected by constraint enforcer`
    RejectedByEnforcer,
    /// `Task belonged to a node that has been deleted`
    NodeDeleted,
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
            Message::RejectedByEnforcer => "task rejected by constraint enforcer",
            Message::NodeDeleted => "Task belonged to a node that has been deleted",
        }
    }
}

/// Error of a task's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskError {
    /// `no suitable node (...)`: no node passes the scheduler's filters.
    NoSuitableNode(Explanation),
    /// The bare explanation: the one node on which a task of a global service can run does not pass the scheduler's filters.
    UnsuitableNode(Explanation),
    /// `assigned node no longer meets constraints`
    ConstraintsNotMet,
    /// The image could not be pulled, and the node does not have it.
    PullFailed,
    /// The container could not be created.
    PrepareFailed,
    /// The container could not be started.
    StartFailed,
    /// The process ended by itself with this code.
    Exit(u8),
    /// The process was stopped because it was unhealthy, and ended with this code.
    Unhealthy(u8),
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskError::NoSuitableNode(Explanation { failures: [0, 0, 0, 0, 0] }) => f.write_str("no suitable node"),
            TaskError::NoSuitableNode(explanation) => write!(f, "no suitable node ({explanation})"),
            TaskError::UnsuitableNode(explanation) => explanation.fmt(f),
            TaskError::ConstraintsNotMet => f.write_str("assigned node no longer meets constraints"),
            TaskError::PullFailed => f.write_str("pulling image failed"),
            TaskError::PrepareFailed => f.write_str("preparing container failed"),
            TaskError::StartFailed => f.write_str("starting container failed"),
            TaskError::Exit(code) => write!(f, "task: non-zero exit ({code})"),
            TaskError::Unhealthy(code) => {
                write!(f, "task: non-zero exit ({code}): dockerexec: unhealthy container")
            }
        }
    }
}

/// What the scheduler asks of a node, in the order in which it asks.
///
/// Source: manager/scheduler/filter.go (control-plane section 12.2). Plugins, platforms and volumes are not modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The node is up and active.
    Ready,
    /// The reservations fit into what is left of the node.
    Resource,
    /// The placement constraints hold.
    Constraint,
    /// The host ports are free.
    HostPort,
    /// There are fewer tasks of the service than it allows on a node.
    MaxReplicas,
}

impl Filter {
    /// All filters in order.
    pub const ALL: [Filter; 5] =
        [Filter::Ready, Filter::Resource, Filter::Constraint, Filter::HostPort, Filter::MaxReplicas];
}

/// Why no node takes a task: how many nodes failed at each filter, in the order of [`Filter::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Number of nodes.
    pub failures: [u32; Filter::ALL.len()],
}

impl fmt::Display for Explanation {
    /// Filters at which nodes failed, the most frequent first.
    ///
    /// Source: manager/scheduler/pipeline.go `Explain` (control-plane S7).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut failed: Vec<(Filter, u32)> = Filter::ALL.into_iter().zip(self.failures).collect();
        failed.retain(|(_, nodes)| *nodes > 0);
        failed.sort_by_key(|(_, nodes)| std::cmp::Reverse(*nodes));
        for (index, (filter, nodes)) in failed.into_iter().enumerate() {
            f.write_str(if index > 0 { "; " } else { "" })?;
            let s = if nodes == 1 { "" } else { "s" };
            match filter {
                Filter::Ready => write!(f, "{nodes} node{s} not available for new tasks")?,
                Filter::Resource => write!(f, "insufficient resources on {nodes} node{s}")?,
                Filter::Constraint => write!(f, "scheduling constraints not satisfied on {nodes} node{s}")?,
                Filter::HostPort => write!(f, "host-mode port already in use on {nodes} node{s}")?,
                Filter::MaxReplicas => f.write_str("max replicas per node limit exceed")?,
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explanation_names_the_most_frequent_filter_first() {
        let error = |failures| TaskError::NoSuitableNode(Explanation { failures }).to_string();
        assert_eq!(error([0; 5]), "no suitable node");
        assert_eq!(
            error([1, 2, 0, 0, 0]),
            "no suitable node (insufficient resources on 2 nodes; 1 node not available for new tasks)"
        );
        assert_eq!(
            error([0, 0, 1, 1, 3]),
            "no suitable node (max replicas per node limit exceed; scheduling constraints not satisfied on 1 node; \
             host-mode port already in use on 1 node)"
        );
    }

    /// Control-plane section 12.2.
    #[test]
    fn each_filter_has_its_text_for_one_node_and_for_several() {
        for (filter, one, two) in [
            (Filter::Ready, "1 node not available for new tasks", "2 nodes not available for new tasks"),
            (Filter::Resource, "insufficient resources on 1 node", "insufficient resources on 2 nodes"),
            (
                Filter::Constraint,
                "scheduling constraints not satisfied on 1 node",
                "scheduling constraints not satisfied on 2 nodes",
            ),
            (Filter::HostPort, "host-mode port already in use on 1 node", "host-mode port already in use on 2 nodes"),
            (Filter::MaxReplicas, "max replicas per node limit exceed", "max replicas per node limit exceed"),
        ] {
            for (nodes, text) in [(1, one), (2, two)] {
                let mut explanation = Explanation::default();
                explanation.failures[filter as usize] = nodes;
                assert_eq!(explanation.to_string(), text);
            }
        }
    }

    #[test]
    fn a_global_task_shows_the_bare_explanation() {
        let explanation = Explanation { failures: [1, 0, 0, 0, 0] };
        assert_eq!(TaskError::UnsuitableNode(explanation).to_string(), "1 node not available for new tasks");
    }
}
