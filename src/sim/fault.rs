//! Failures that befall nodes and managers.

use super::Sim;
use super::event::Event;
use super::plan::Plan;
use crate::agent::Power;
use crate::kernel::Phase;
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
                self.agents.power_off(node, &mut self.agents_out);
                self.manager.lose_node(self.now, node, &mut self.manager_out);
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
                Power::Off if state == Some(NodeState::Ready) => {
                    self.manager.lose_node(self.now, node, &mut self.manager_out);
                }
                Power::On | Power::Off => {}
            }
        }
        self.agents.report_all(&mut self.agents_out);
    }

    fn register(&mut self, node: NodeId) {
        let joining = self::node(self.plan, node);
        self.manager.register_node(self.now, node, joining, &mut self.manager_out);
    }
}

/// A node as the managers know it when it joins.
pub(super) fn node(plan: &Plan, id: NodeId) -> Node {
    let node = &plan.nodes[id];
    Node { name: node.name.clone(), spec: node.spec.clone(), state: NodeState::Ready }
}
