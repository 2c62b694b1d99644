//! Failures that befall nodes and their links.

use super::Sim;
use super::event::Event;
use super::managers::Parting;
use super::plan::Plan;
use crate::agent::Power;
use crate::kernel::{Phase, Time};
use crate::manager::raft::Raft;
use crate::manager::store::Node;
use crate::model::NodeId;
use crate::model::command::Fault;
use crate::model::node::Role;
use crate::observe::Observer;

impl<O: Observer> Sim<'_, O> {
    /// Something befalls a machine. False if everything is so already.
    pub(super) fn fault(&mut self, fault: &Fault) -> bool {
        let mut all = |act: fn(&mut Self, NodeId) -> bool| {
            let managers = self.managers().into_iter();
            managers.filter(|node| act(self, *node)).count() > 0
        };
        match *fault {
            Fault::NodeCrash(node) => self.crash(node),
            Fault::NodeStop(node) => self.stop(node),
            Fault::NodeStart(node) => self.boot(node),
            Fault::ManagersCrash => all(Self::crash),
            Fault::ManagersStop => all(Self::stop),
            Fault::ManagersStart => all(Self::boot),
            Fault::LinkDown(ref nodes) => self.part(nodes),
            Fault::LinkUp(ref nodes) => self.rejoin(nodes),
            Fault::LeaderLost { gap } => {
                let was_led = self.manager.lose_leader();
                if was_led {
                    self.lose_all_sessions(true);
                    self.leaderless_since = Some(self.now);
                    self.queue.push(self.now.saturating_add(gap), Phase::Election, Event::Elect);
                }
                was_led
            }
        }
    }

    /// Nodes that are managers now, those included whose machines are off.
    pub(super) fn managers(&self) -> Vec<NodeId> {
        let managers = self.manager.store.nodes().filter(|(_, node)| node.role == Role::Manager);
        managers.map(|(id, _)| id).collect()
    }

    /// A daemon that was stopped may still have containers, and answers for its node.
    fn crash(&mut self, node: NodeId) -> bool {
        let had_power = self.booting[node].take().is_some() || !self.network.is_dark(node);
        self.manager.raft.set_up(self.now, node, false);
        self.follow_raft(Parting::Silent);
        self.lose_contact(node);
        self.network.crash(self.now, node);
        self.agents.power_off(self.now, node, &mut self.agents_out);
        had_power
    }

    fn stop(&mut self, node: NodeId) -> bool {
        if self.booting[node].take().is_none() && self.agents.power(node) == Power::Off {
            return false;
        }
        self.manager.raft.set_up(self.now, node, false);
        self.follow_raft(Parting::Told);
        self.lose_contact(node);
        self.network.stop(self.now, node);
        self.agents.shut_down(self.now, node, &mut self.agents_out);
        true
    }

    /// A machine gets power, unless it has; its daemon needs some time.
    fn boot(&mut self, node: NodeId) -> bool {
        if self.agents.power(node) == Power::On {
            return false;
        }
        let up = self.now + self.plan.latencies.daemon_start;
        self.booting[node] = Some(up);
        match up == self.now {
            true => self.start(node),
            false => self.queue.push(up, Phase::Operator, Event::Boot(node)),
        }
        true
    }

    /// Whether the node's daemon is up now, and not stopped or started again since its machine got power.
    pub(super) fn is_booting(&self, node: NodeId, now: Time) -> bool {
        self.booting[node] == Some(now)
    }

    /// The daemon of a node is up.
    pub(super) fn start(&mut self, node: NodeId) {
        self.booting[node] = None;
        self.network.start(self.now, node);
        self.agents.power_on(node, &mut self.agents_out);
        self.manager.raft.set_up(self.now, node, true);
        self.follow_raft(Parting::Told);
        if self.is_in_contact(node) && self.manager.is_led() {
            self.open_session(node);
        } else if !self.sessions.is_open(node) {
            self.sessions.lose(node, self.now, false);
        }
    }

    /// Nodes are by themselves from now on. False if they are already.
    fn part(&mut self, nodes: &[NodeId]) -> bool {
        let raft = &self.manager.raft;
        let side = nodes.first().map_or(Raft::MAIN_SIDE, |node| raft.side(*node));
        let are_together = self.plan.nodes.ids().all(|node| (raft.side(node) == side) == nodes.contains(&node));
        if side != Raft::MAIN_SIDE && are_together {
            return false;
        }
        self.set_side(nodes, raft.free_side());
        true
    }

    /// Nodes are among the others again. False if they are already.
    fn rejoin(&mut self, nodes: &[NodeId]) -> bool {
        let is_cut_off = nodes.iter().any(|node| self.manager.raft.side(*node) != Raft::MAIN_SIDE);
        if is_cut_off {
            self.set_side(nodes, Raft::MAIN_SIDE);
        }
        is_cut_off
    }

    fn set_side(&mut self, nodes: &[NodeId], side: u32) {
        self.network.set_side(self.now, nodes, side);
        self.manager.raft.set_side(self.now, nodes, side);
        self.follow_raft(Parting::Silent);
        for node in self.plan.nodes.ids() {
            if self.is_in_contact(node) {
                self.connect(node);
            } else {
                self.lose_contact(node);
            }
        }
    }

    /// The machine of a node is no part of the cluster any more, by a command.
    pub(super) fn expel(&mut self, node: NodeId) {
        self.manager.raft.set_up(self.now, node, false);
        self.sessions.lose(node, Time::MAX, false);
        self.network.crash(self.now, node);
        self.agents.power_off(self.now, node, &mut self.agents_out);
    }

    /// Whether the node and the leader hear each other. In a plan without managers the leader is somewhere else.
    pub(super) fn is_in_contact(&self, node: NodeId) -> bool {
        let raft = &self.manager.raft;
        match raft.lead() {
            Some((leader, _)) => raft.connects(leader, node) && !raft.is_left_behind(node),
            None => !raft.has_members() && self.agents.power(node) == Power::On && raft.side(node) == Raft::MAIN_SIDE,
        }
    }
}

/// A node as the managers know it when it joins.
pub(super) fn node(plan: &Plan, id: NodeId) -> Node {
    let node = &plan.nodes[id];
    Node::new(node.name.clone(), node.spec.clone())
}
