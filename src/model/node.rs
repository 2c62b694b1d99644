//! Nodes of the cluster.

use std::collections::BTreeMap;

/// Specification of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSpec {
    /// Manager or worker.
    pub role: Role,
    /// Whether tasks may run on it.
    pub availability: Availability,
    /// Labels (`node.labels.X`).
    pub labels: BTreeMap<String, String>,
    /// CPU in billionths of a core; `None`: more than anybody asks for.
    pub nano_cpus: Option<u64>,
    /// Memory in bytes; `None`: more than anybody asks for.
    pub memory: Option<u64>,
}

/// What the managers know of a node's agent.
///
/// Source: api/types.proto `NodeStatus` (control-plane M7). UNKNOWN, which is what a leader knows at first, is not modelled, and
/// DISCONNECTED is never seen (N8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Missed its heartbeats.
    Down,
    /// Its agent has a session.
    Ready,
}

/// Manager or worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Runs tasks.
    #[default]
    Worker,
    /// Takes part in raft, and runs tasks unless drained.
    Manager,
}

/// Whether tasks may run on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// Takes tasks.
    #[default]
    Active,
    /// Keeps its tasks, takes no new ones.
    Pause,
    /// Gives up its tasks and takes no new ones.
    Drain,
}
