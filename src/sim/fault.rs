//! Failures that befall nodes and managers.

use super::Sim;
use super::event::Event;
use super::plan::Plan;
use crate::agent::Power;
use crate::kernel::{Dist, Phase, Span, Stream, Streams};
use crate::manager::dispatcher::{GRACE_PERIODS, HEARTBEAT_EPSILON};
use crate::manager::store::Node;
use crate::model::NodeId;
use crate::model::command::Fault;
use crate::model::node::NodeState;
use crate::observe::Observer;

impl<O: Observer> Sim<'_, O> {
    /// Something befalls a machine.
    pub(super) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::NodeCrash(node) => {
                self.lose_node(node);
                self.agents.power_off(node, &mut self.agents_out);
            }
            Fault::NodeStop(node) => {
                self.lose_node(node);
                self.agents.shut_down(self.now, node, &mut self.agents_out);
            }
            Fault::NodeStart(node) => {
                self.agents.power_on(node, &mut self.agents_out);
                self.register(node);
            }
            Fault::LeaderLost { gap } => {
                if self.manager.lose_leader() {
                    self.queue.push(self.now.saturating_add(gap), Phase::Election, Event::Elect);
                }
            }
        }
    }

    /// Another manager takes over. It learns what became of the nodes meanwhile, and then from the agents what became of tasks.
    pub(super) fn elect(&mut self) {
        self.manager.elect(self.now, &mut self.manager_out);
        for node in self.plan.nodes.ids() {
            let state = self.manager.store.node(node).map(|node| node.state);
            match self.agents.power(node) {
                Power::On if state != Some(NodeState::Ready) => self.register(node),
                Power::Off if state == Some(NodeState::Ready) => self.expect_heartbeat(node),
                Power::On | Power::Off => {}
            }
        }
        self.agents.report_all(&mut self.agents_out);
    }

    /// A node that runs is not heard of any more.
    fn lose_node(&mut self, node: NodeId) {
        if self.agents.power(node) == Power::On {
            self.expect_heartbeat(node);
            self.losses[node] += 1;
        }
    }

    /// The managers wait for a heartbeat that does not come. The failure lies anywhere between two heartbeats (control-plane N3).
    fn expect_heartbeat(&mut self, node: NodeId) {
        let mean = self.plan.latencies.heartbeat_period;
        let after = if mean.is_zero() {
            Span::ZERO
        } else {
            let key = self.losses[node] * 2;
            let draw = |key, low, high| {
                let u = Streams::new(self.plan.seed).keyed(Stream::Heartbeat, node.0, key);
                Dist::Uniform { low, high }.sample(u)
            };
            let period = draw(key, mean.saturating_sub(HEARTBEAT_EPSILON), mean + HEARTBEAT_EPSILON);
            period * GRACE_PERIODS - draw(key + 1, Span::ZERO, period)
        };
        self.manager.lose_node(self.now, node, after, &mut self.manager_out);
    }

    fn register(&mut self, node: NodeId) {
        let joining = self::node(self.plan, node, NodeState::Unknown);
        self.manager.register_node(self.now, node, joining, &mut self.manager_out);
    }
}

/// A node as the managers know it at first.
pub(super) fn node(plan: &Plan, id: NodeId, state: NodeState) -> Node {
    let node = &plan.nodes[id];
    Node { name: node.name.clone(), spec: node.spec.clone(), state }
}
