//! Nodes of the cluster.

use std::collections::BTreeMap;

use super::ids::NodeId;

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
/// Source: api/types.proto `NodeStatus` (control-plane M7). DISCONNECTED is never seen (N8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Missed its heartbeats.
    Down,
    /// Its agent has a session.
    Ready,
    /// Its agent has no session with the new leader yet: it keeps its tasks and gets no others (control-plane N8, N9).
    Unknown,
}

impl NodeState {
    /// All states.
    pub const ALL: [NodeState; 3] = [NodeState::Down, NodeState::Ready, NodeState::Unknown];

    /// As `docker node ls` says it, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            NodeState::Down => "down",
            NodeState::Ready => "ready",
            NodeState::Unknown => "unknown",
        }
    }
}

/// Whether anybody decides for the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// This manager leads, and a majority hears it.
    Leader(NodeId),
    /// Nobody leads, but enough managers are there to elect one.
    NoLeader,
    /// Too few managers hear each other: nobody decides anything.
    NoQuorum,
}

/// Whether the other managers reach a manager.
///
/// Source: api/types.proto `RaftMemberStatus` (control-plane Q14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachability {
    /// Messages to it arrive.
    Reachable,
    /// They do not.
    Unreachable,
}

/// What is said of a manager: MANAGER STATUS of `docker node ls`.
///
/// Source: cli: cli/command/node/formatter.go (cli-and-compose c.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagerStatus {
    /// It leads, and a majority hears it.
    Leader,
    /// It does not lead; the others reach it.
    Reachable,
    /// The others do not reach it.
    Unreachable,
}

impl ManagerStatus {
    /// All of them.
    pub const ALL: [ManagerStatus; 3] = [ManagerStatus::Leader, ManagerStatus::Reachable, ManagerStatus::Unreachable];

    /// The client's word, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            ManagerStatus::Leader => "leader",
            ManagerStatus::Reachable => "reachable",
            ManagerStatus::Unreachable => "unreachable",
        }
    }
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

impl Availability {
    /// Docker's word.
    pub const fn name(self) -> &'static str {
        match self {
            Availability::Active => "active",
            Availability::Pause => "pause",
            Availability::Drain => "drain",
        }
    }
}
