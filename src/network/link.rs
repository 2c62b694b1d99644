//! Which nodes can talk to each other.

use crate::kernel::IdVec;
use crate::model::NodeId;

/// Power, daemons and cables of the nodes.
#[derive(Clone, Debug)]
pub(super) struct Links {
    nodes: IdVec<NodeId, Link>,
    /// Whether all nodes that run can talk to each other.
    whole: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link {
    state: Machine,
    /// Packets pass between nodes of one side only.
    side: u32,
}

/// How a machine answers those who call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// Its daemon runs.
    Up,
    /// Its daemon is shut down: connections to its ports are refused.
    Stopped,
    /// It has no power: nothing answers.
    Crashed,
}

impl Links {
    /// All cables are in place; `runs` says which nodes do.
    pub(super) fn new(runs: &IdVec<NodeId, bool>) -> Links {
        let state = |runs: bool| if runs { Machine::Up } else { Machine::Crashed };
        Links { nodes: runs.values().map(|runs| Link { state: state(*runs), side: 0 }).collect(), whole: true }
    }

    /// All nodes.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        self.nodes.ids()
    }

    /// How a machine answers.
    pub(super) fn machine(&self, node: NodeId) -> Machine {
        self.nodes[node].state
    }

    pub(super) fn set_machine(&mut self, node: NodeId, state: Machine) {
        self.nodes[node].state = state;
    }

    /// Puts nodes on this side of a partition; all begin on side 0.
    pub(super) fn set_side(&mut self, nodes: &[NodeId], side: u32) {
        nodes.iter().for_each(|node| self.nodes[*node].side = side);
        self.whole = self.nodes.values().all(|other| other.side == side);
    }

    /// Whether packets of one node arrive at another, whatever runs there.
    #[inline]
    pub(super) fn connects(&self, one: NodeId, other: NodeId) -> bool {
        self.whole || self.nodes[one].side == self.nodes[other].side
    }

    /// Whether the daemons of two nodes hear each other.
    pub(super) fn talk(&self, one: NodeId, other: NodeId) -> bool {
        self.connects(one, other) && [one, other].iter().all(|node| self.machine(*node) == Machine::Up)
    }

    /// Nodes that are there and can talk to this one.
    pub(super) fn peers(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.nodes.ids().filter(move |other| *other != node && self.talk(node, *other))
    }
}
