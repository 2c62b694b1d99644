//! The agents' sessions with the leader: lost, noticed to be lost, and tried for until there is one again.
//!
//! Source: agent/agent.go, agent/session.go (control-plane W20). Heartbeats that arrive change nothing and are not followed.

use crate::kernel::{Dist, IdVec, Span, Stream, Streams, Time};
use crate::model::NodeId;

/// After so long without an answer a call to the managers has failed.
///
/// Source: agent/session.go `dispatcherRPCTimeout` (control-plane W20).
pub const RPC_TIMEOUT: Span = Span::from_secs(5);

/// The first wait between attempts is below this, and every further bound is by as much more than twice the one before.
///
/// Source: agent/agent.go `initialSessionFailureBackoff` (control-plane W20).
const BACKOFF: Span = Span::from_millis(100);

/// No wait between attempts is longer.
///
/// Source: agent/agent.go `maxSessionFailureBackoff` (control-plane W20).
const MAX_BACKOFF: Span = Span::from_secs(8);

/// The sessions of all agents.
#[derive(Clone, Debug)]
pub struct Sessions {
    streams: Streams,
    rows: IdVec<NodeId, Session>,
    lost: usize,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    is_open: bool,
    /// When the agent notices, or has noticed, that its session is lost.
    noticed: Time,
    /// Whether it goes on if the agent is heard of before.
    may_resume: bool,
    /// The next attempt to get one.
    next: Time,
    backoff: Span,
    attempts: u32,
}

impl Sessions {
    /// Sessions of a cluster that runs; `open`: which nodes have one.
    pub fn new(open: impl Iterator<Item = bool>, streams: Streams) -> Sessions {
        let (noticed, next) = (Time::ZERO, Time::ZERO);
        let session = |is_open| Session { is_open, noticed, may_resume: false, next, backoff: Span::ZERO, attempts: 0 };
        let rows: IdVec<NodeId, Session> = open.map(session).collect();
        let lost = rows.values().filter(|row| !row.is_open).count();
        Sessions { streams, rows, lost }
    }

    /// Whether the agent and the leader hear each other.
    pub fn is_open(&self, node: NodeId) -> bool {
        self.rows[node].is_open
    }

    /// Whether all agents have a session.
    pub fn are_all_open(&self) -> bool {
        self.lost == 0
    }

    /// The agent and the leader hear each other again.
    pub fn open(&mut self, node: NodeId) {
        if !std::mem::replace(&mut self.rows[node].is_open, true) {
            self.lost -= 1;
        }
    }

    /// The agent and the leader hear each other no more. The agent notices at `noticed`; if `may_resume` the session is lost only
    /// then.
    pub fn lose(&mut self, node: NodeId, noticed: Time, may_resume: bool) {
        let row = &mut self.rows[node];
        if std::mem::take(&mut row.is_open) {
            self.lost += 1;
        }
        (row.noticed, row.may_resume, row.next, row.backoff) = (noticed, may_resume, noticed, Span::ZERO);
        self.wait(node);
    }

    /// The leader of the session is no more.
    pub fn forget(&mut self, node: NodeId) {
        self.rows[node].may_resume = false;
    }

    /// Whether the session goes on when the agent and the leader hear each other again at `now`.
    pub fn may_resume(&self, now: Time, node: NodeId) -> bool {
        let Session { is_open, may_resume, noticed, .. } = self.rows[node];
        !is_open && may_resume && now < noticed
    }

    /// The first attempt not before `from`; those before it have failed.
    ///
    /// Assumed: an attempt fails at once if no leader can be reached.
    pub fn next_attempt(&mut self, node: NodeId, from: Time) -> Time {
        while self.rows[node].next < from {
            self.wait(node);
        }
        self.rows[node].next
    }

    /// Whether the agent tries to get a session at `now`.
    pub fn is_tried_for(&self, node: NodeId, now: Time) -> bool {
        !self.rows[node].is_open && self.rows[node].next == now
    }

    /// The agent waits after a failure.
    fn wait(&mut self, node: NodeId) {
        let row = &mut self.rows[node];
        row.backoff = (BACKOFF + row.backoff * 2).min(MAX_BACKOFF);
        let drawn = self.streams.keyed(Stream::Session, node.0, row.attempts);
        row.attempts += 1;
        let shortest = Span::from_micros(1);
        row.next = row.next.saturating_add(Dist::Uniform { low: shortest, high: row.backoff }.sample(drawn));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(0);

    fn lost(seed: u64) -> Sessions {
        let mut sessions = Sessions::new([true].into_iter(), Streams::new(seed));
        sessions.lose(NODE, Time::from_millis(5_000), true);
        sessions
    }

    /// Control-plane W20.
    #[test]
    fn the_waits_between_attempts_grow_to_eight_seconds() {
        let mut longest = [Span::ZERO; 9];
        for seed in 0..400 {
            let (mut sessions, mut before) = (lost(seed), Time::from_millis(5_000));
            for longest in &mut longest {
                let next = sessions.next_attempt(NODE, before + Span::from_nanos(1));
                *longest = (*longest).max(next - before);
                before = next;
            }
        }
        let bounds = [100, 300, 700, 1_500, 3_100, 6_300, 8_000, 8_000, 8_000];
        for (longest, bound) in longest.into_iter().zip(bounds) {
            let bound = Span::from_millis(bound);
            assert!(longest <= bound && longest * 100 > bound * 95, "{longest} of {bound}");
        }
    }

    #[test]
    fn a_session_goes_on_if_nobody_has_noticed() {
        let mut sessions = lost(1);
        assert!(sessions.may_resume(Time::from_millis(4_999), NODE));
        assert!(!sessions.may_resume(Time::from_millis(5_000), NODE));
        sessions.forget(NODE);
        assert!(!sessions.may_resume(Time::from_millis(4_999), NODE), "its leader is gone");
        assert!(!sessions.is_open(NODE) && !sessions.are_all_open());
        sessions.open(NODE);
        assert!(sessions.is_open(NODE) && sessions.are_all_open());
    }
}
