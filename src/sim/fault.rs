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
                self.agents.power_off(self.now, node, &mut self.agents_out);
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
        let after = match mean.is_zero() {
            true => Span::ZERO,
            false => time_to_notice(&Streams::new(self.plan.seed), node, self.losses[node], mean),
        };
        self.manager.lose_node(self.now, node, after, &mut self.manager_out);
    }

    fn register(&mut self, node: NodeId) {
        let joining = self::node(self.plan, node);
        self.manager.register_node(self.now, node, joining, &mut self.manager_out);
    }
}

/// How long the failure of a node with this ordinal among its failures stays unnoticed: so many periods after its last heartbeat, since
/// which a part of one period has passed.
fn time_to_notice(streams: &Streams, node: NodeId, ordinal: u32, mean: Span) -> Span {
    let draw = |key, low, high| Dist::Uniform { low, high }.sample(streams.keyed(Stream::Heartbeat, node.0, key));
    let period = draw(ordinal * 2, mean.saturating_sub(HEARTBEAT_EPSILON), mean + HEARTBEAT_EPSILON);
    period * GRACE_PERIODS - draw(ordinal * 2 + 1, Span::ZERO, period)
}

/// A node as the managers know it when it joins.
pub(super) fn node(plan: &Plan, id: NodeId) -> Node {
    let node = &plan.nodes[id];
    Node { name: node.name.clone(), spec: node.spec.clone(), state: NodeState::Ready }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::latencies::Latencies;

    #[test]
    fn a_failure_is_noticed_between_two_and_three_periods_later() {
        let mean = Latencies::SWARM.heartbeat_period;
        let noticed = |seed, ordinal| time_to_notice(&Streams::new(seed), NodeId(1), ordinal, mean);
        let all: Vec<Span> = (0..1_000).map(|seed| noticed(seed, 0)).collect();
        let (least, most) = (all.iter().min().copied(), all.iter().max().copied());
        let within = |span: Option<Span>, from, to| {
            span.is_some_and(|span| Span::from_millis(from) <= span && span <= Span::from_millis(to))
        };
        assert!(within(least, 9_000, 9_500), "{least:?}");
        assert!(within(most, 16_000, 16_500), "{most:?}");
        assert_ne!(noticed(1, 0), noticed(1, 1), "every failure has its own");
    }
}
