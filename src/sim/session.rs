//! Which agents have a session with the leader, and when those that lost it have one again.

use super::event::Event;
use super::{Sim, fault};
use crate::agent::session::RPC_TIMEOUT;
use crate::kernel::{Dist, Phase, Span, Stream, Streams};
use crate::manager::dispatcher::{GRACE_PERIODS, HEARTBEAT_EPSILON, UNKNOWN_GRACE_PERIODS};
use crate::model::NodeId;
use crate::model::node::NodeState;
use crate::observe::Observer;

impl<O: Observer> Sim<'_, O> {
    /// Another leader has taken over. It learns what became of the nodes meanwhile, and then from the agents what became of tasks.
    pub(super) fn meet_new_leader(&mut self) {
        for node in self.plan.nodes.ids() {
            let Some(state) = self.manager.store.node(node).map(|row| row.state) else { continue };
            if state != NodeState::Down {
                self.expect_registration(node);
            }
            if !self.is_in_contact(node) {
                self.sessions.forget(node);
            } else if self.has_heartbeats() {
                self.connect(node);
            } else {
                self.sessions.open(node);
                if state != NodeState::Ready {
                    self.register(node);
                }
            }
        }
        if !self.has_heartbeats() {
            self.agents.report_all(&mut self.agents_out);
        }
    }

    /// The leader is gone: nobody has a session any more.
    pub(super) fn lose_all_sessions(&mut self, are_told: bool) {
        for node in self.plan.nodes.ids() {
            if self.sessions.is_open(node) {
                let missed = if are_told { None } else { Some(self.miss_heartbeat(node)) };
                let noticed = missed.map_or(self.now, |missed| self.now.saturating_add(missed.until_noticed));
                self.sessions.lose(node, noticed, false);
            } else {
                self.sessions.forget(node);
            }
        }
    }

    /// Node and leader do not hear each other any more. Both notice when a heartbeat has failed.
    pub(super) fn lose_contact(&mut self, node: NodeId) {
        if self.sessions.is_open(node) {
            let missed = self.miss_heartbeat(node);
            self.sessions.lose(node, self.now.saturating_add(missed.until_noticed), true);
            self.manager.lose_node(self.now, node, missed.until_down, &mut self.manager_out);
        }
    }

    /// Node and leader hear each other again: a session goes on if nobody has noticed, else there is one with the agent's next
    /// attempt.
    pub(super) fn connect(&mut self, node: NodeId) {
        if self.sessions.is_open(node) || !self.manager.is_led() || self.manager.store.node(node).is_none() {
            return;
        }
        if self.sessions.may_resume(self.now, node) {
            self.sessions.open(node);
            self.manager.resume_node(self.now, node, &mut self.manager_out);
            self.agents.report_node(node, &mut self.agents_out);
        } else if self.has_heartbeats() {
            let next = self.sessions.next_attempt(node, self.now);
            self.queue.push(next, Phase::Election, Event::Session(node));
        } else {
            self.open_session(node);
        }
    }

    /// An agent asks for a session.
    pub(super) fn try_session(&mut self, node: NodeId) {
        if self.manager.is_led() && self.is_in_contact(node) {
            self.open_session(node);
        }
    }

    /// An agent gets its session, tells all that it has to tell (control-plane W18), and is told all its tasks.
    pub(super) fn open_session(&mut self, node: NodeId) {
        self.sessions.open(node);
        self.register(node);
        self.agents.report_node(node, &mut self.agents_out);
    }

    fn register(&mut self, node: NodeId) {
        let joining = fault::node(self.plan, node);
        self.manager.register_node(self.now, node, joining, &mut self.manager_out);
    }

    /// A new leader gives the agent of a node so long to ask for a session (control-plane N9).
    fn expect_registration(&mut self, node: NodeId) {
        if self.has_heartbeats() {
            let term = self.manager.raft.lead().map_or(0, |(_, term)| term);
            let drawn = Streams::new(self.plan.seed).keyed(Stream::Grace, node.0, term);
            let grace = period(self.plan.latencies.heartbeat_period).sample(drawn) * UNKNOWN_GRACE_PERIODS;
            self.manager.lose_node(self.now, node, grace, &mut self.manager_out);
        } else if !self.is_in_contact(node) {
            self.manager.lose_node(self.now, node, Span::ZERO, &mut self.manager_out);
        }
    }

    /// Without heartbeats everything is noticed at once.
    fn has_heartbeats(&self) -> bool {
        !self.plan.latencies.heartbeat_period.is_zero()
    }

    fn miss_heartbeat(&mut self, node: NodeId) -> Missed {
        let ordinal = self.losses[node];
        self.losses[node] += 1;
        match self.has_heartbeats() {
            true => {
                let mean = self.plan.latencies.heartbeat_period;
                Missed::draw(&Streams::new(self.plan.seed), node, ordinal, mean)
            }
            false => Missed { until_noticed: Span::ZERO, until_down: Span::ZERO },
        }
    }
}

/// How long it takes until a failure is noticed that lies anywhere between two heartbeats.
#[derive(Clone, Copy, Debug)]
struct Missed {
    /// By the agent: until its next heartbeat, and until that has failed (control-plane W20).
    until_noticed: Span,
    /// By the dispatcher (control-plane N3).
    until_down: Span,
}

impl Missed {
    /// For the failure of a node with this ordinal among its failures.
    fn draw(streams: &Streams, node: NodeId, ordinal: u32, mean: Span) -> Missed {
        let draw = |key| streams.keyed(Stream::Heartbeat, node.0, key);
        let period = period(mean).sample(draw(ordinal * 2));
        let passed = Dist::Uniform { low: Span::ZERO, high: period }.sample(draw(ordinal * 2 + 1));
        let until_noticed = period.saturating_sub(passed) + RPC_TIMEOUT;
        Missed { until_noticed, until_down: period * GRACE_PERIODS - passed }
    }
}

/// The period of a heartbeat (control-plane N1).
fn period(mean: Span) -> Dist {
    Dist::Uniform { low: mean.saturating_sub(HEARTBEAT_EPSILON), high: mean + HEARTBEAT_EPSILON }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::latencies::Latencies;

    #[test]
    fn a_failure_is_noticed_between_two_and_three_periods_later() {
        let mean = Latencies::SWARM.heartbeat_period;
        let missed = |seed, ordinal| Missed::draw(&Streams::new(seed), NodeId(1), ordinal, mean);
        let all: Vec<Missed> = (0..1_000).map(|seed| missed(seed, 0)).collect();
        let within = |span: fn(&Missed) -> Span, low: [u64; 2], high: [u64; 2]| {
            let least = all.iter().map(span).min().map(Span::as_millis);
            let most = all.iter().map(span).max().map(Span::as_millis);
            assert!(least.is_some_and(|least| low[0] <= least && least <= low[1]), "{least:?}");
            assert!(most.is_some_and(|most| high[0] <= most && most <= high[1]), "{most:?}");
        };
        within(|missed| missed.until_down, [9_000, 9_500], [16_000, 16_500]);
        within(|missed| missed.until_noticed, [5_000, 5_100], [10_000, 10_500]);
        assert_ne!(missed(1, 0).until_down, missed(1, 1).until_down, "every failure has its own");
    }
}
