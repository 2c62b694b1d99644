//! Gossip between nodes: how long news of a backend take, and how long a node that is gone is believed to be there.
//!
//! Source: moby: daemon/libnetwork/networkdb; memberlist state.go, suspicion.go (data-plane rules 70 to 78).

use crate::kernel::{Dist, Span, Stream, Streams};
use crate::model::latencies::Latencies;
use crate::model::{NodeId, TaskId};

/// Nodes that one hop of gossip reaches: a node tells three others at a time.
///
/// Source: memberlist config.go `GossipNodes` (data-plane rules 70, 71).
const FAN_OUT: u32 = 3;

/// Suspicion lasts at least so many probe intervals, in a cluster of ten nodes or fewer.
///
/// Source: memberlist config.go `SuspicionMult` (data-plane rule 75).
const SUSPICION_MULT: f64 = 4.0;

/// The longest suspicion, as a multiple of the shortest.
///
/// Source: memberlist config.go `SuspicionMaxTimeoutMult` (data-plane rule 75).
const SUSPICION_MAX_MULT: f64 = 6.0;

/// Confirmations by others that make suspicion as short as can be.
///
/// Source: memberlist state.go `suspectNode`: `SuspicionMult - 2` (data-plane rule 75).
const CONFIRMATIONS: usize = 2;

/// Rounds of gossip in which a node that leaves says so (data-plane rule 78).
const LEAVE_ROUNDS: u64 = 2;

/// Draws how long news take.
#[derive(Clone, Debug)]
pub(super) struct NetworkDb {
    streams: Streams,
    gossip_interval: Span,
    probe_interval: Span,
    nodes: u32,
}

impl NetworkDb {
    /// Gossip in a cluster of so many nodes.
    ///
    /// `Assumed:` all of them are on every network, as they are on the ingress network.
    pub(super) fn new(latencies: &Latencies, nodes: usize, streams: &Streams) -> NetworkDb {
        let Latencies { gossip_interval, gossip_probe_interval: probe_interval, .. } = *latencies;
        NetworkDb { streams: streams.clone(), gossip_interval, probe_interval, nodes: nodes as u32 }
    }

    /// How long news of a task's backend, the `ordinal`-th of at most four, are on their way to a node: up to an interval for each
    /// hop, of which there are as many as it takes to reach all nodes.
    pub(super) fn delay(&self, to: NodeId, task: TaskId, ordinal: u32) -> Span {
        const MOST_HOPS: u32 = 32;
        if self.gossip_interval.is_zero() {
            return Span::ZERO;
        }
        let first = (task.0 << 2 | ordinal).wrapping_mul(MOST_HOPS);
        let mut draws = self.streams.from_key(Stream::Gossip, to.0, first);
        let hop = Dist::Uniform { low: Span::ZERO, high: self.gossip_interval };
        (0..self.hops()).fold(Span::ZERO, |sum, _| sum + hop.sample(draws.draw()))
    }

    /// One for up to four nodes, else the logarithm of their number to the base of three (data-plane rule 71).
    fn hops(&self) -> u32 {
        let mut hops = 1;
        while self.nodes > 4 && FAN_OUT.saturating_pow(hops) < self.nodes {
            hops += 1;
        }
        hops
    }

    /// How long a node is believed to be there that fell silent for the `ordinal`-th time, by so many others who can talk to each
    /// other: until the first of them probes it in vain, and until its suspicion is over, which others who probed it in vain
    /// cut short (data-plane rules 75, 77). The news spread like others.
    pub(super) fn time_to_miss(&self, silent: NodeId, ordinal: u32, believers: usize) -> Span {
        let interval = self.probe_interval;
        // Each probes one of its fellows in an interval, all in turn.
        let round = interval * u64::from(self.nodes.saturating_sub(1));
        let key = ordinal.wrapping_mul(1 << 16);
        let draw = |believer| self.within(round, Stream::Probe, silent, key.wrapping_add(believer));
        let mut suspicions: Vec<Span> = (0..believers as u32).map(|believer| draw(believer) + interval).collect();
        suspicions.sort();
        let Some(first) = suspicions.first().copied() else { return Span::ZERO };
        let timeouts = self.suspicion_timeouts();
        let ends = timeouts.iter().enumerate().map(|(confirmations, timeout)| {
            let confirmed = suspicions.get(confirmations);
            confirmed.map_or(Span::from_nanos(u64::MAX), |confirmed| (*confirmed).max(first + *timeout))
        });
        ends.min().unwrap_or_default()
            + self.within(self.gossip_interval * LEAVE_ROUNDS, Stream::Probe, silent, key + 0xffff)
    }

    /// How long a suspicion lasts that nobody, one and two others confirmed.
    fn suspicion_timeouts(&self) -> [Span; CONFIRMATIONS + 1] {
        let nodes = f64::from(self.nodes);
        let least = SUSPICION_MULT * libm::log10(nodes).max(1.0);
        let most = least * SUSPICION_MAX_MULT;
        let needed = if self.nodes > CONFIRMATIONS as u32 + 1 { CONFIRMATIONS } else { 0 };
        std::array::from_fn(|confirmations| {
            let share =
                if needed == 0 { 1.0 } else { libm::log(1.0 + confirmations as f64) / libm::log(1.0 + needed as f64) };
            let intervals = most - share * (most - least);
            Span::from_nanos(libm::round(self.probe_interval.as_nanos() as f64 * intervals) as u64)
        })
    }

    /// How long the news are on their way that a node leaves (data-plane rule 78).
    pub(super) fn time_to_hear_of_leave(&self, leaves: NodeId, ordinal: u32) -> Span {
        self.within(self.gossip_interval * LEAVE_ROUNDS, Stream::Probe, leaves, ordinal.wrapping_mul(1 << 16))
    }

    /// How long it takes until a node that is back is noticed: others look for it once in an interval (data-plane rule 74).
    pub(super) fn time_to_reconnect(&self, back: NodeId, ordinal: u32) -> Span {
        self.within(self.probe_interval, Stream::Probe, back, ordinal.wrapping_mul(1 << 16) + 0xfffe)
    }

    fn within(&self, most: Span, stream: Stream, node: NodeId, key: u32) -> Span {
        match most {
            Span::ZERO => Span::ZERO,
            high => Dist::Uniform { low: Span::ZERO, high }.sample(self.streams.keyed(stream, node.0, key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networkdb(nodes: usize, seed: u64) -> NetworkDb {
        NetworkDb::new(&Latencies::SWARM, nodes, &Streams::new(seed))
    }

    /// Shortest, mean and longest, in milliseconds, over a thousand seeds.
    fn spread(draw: impl Fn(u64) -> Span) -> [u64; 3] {
        let all: Vec<u64> = (0..1_000).map(|seed| draw(seed).as_millis()).collect();
        let sum: u64 = all.iter().sum();
        [*all.iter().min().unwrap(), sum / 1_000, *all.iter().max().unwrap()]
    }

    #[test]
    fn rule_71_news_take_up_to_200_ms_a_hop() {
        for (nodes, hops) in [(2, 1), (4, 1), (5, 2), (9, 2), (10, 3), (50, 4)] {
            assert_eq!(networkdb(nodes, 1).hops(), hops, "{nodes} nodes");
        }
        let [least, mean, most] = spread(|seed| networkdb(3, seed).delay(NodeId(1), TaskId(5), 0));
        assert!(least < 5 && (90..110).contains(&mean) && (195..=200).contains(&most), "{least} {mean} {most}");
        let mean_of_two = spread(|seed| networkdb(9, seed).delay(NodeId(1), TaskId(5), 0))[1];
        assert!((190..210).contains(&mean_of_two), "{mean_of_two}");
    }

    #[test]
    fn rule_75_confirmations_shorten_suspicion() {
        let seconds = |nodes| networkdb(nodes, 1).suspicion_timeouts().map(|span| span.as_millis() / 100);
        assert_eq!(seconds(3), [40, 40, 40]);
        assert_eq!(seconds(4), [240, 113, 40]);
        assert_eq!(seconds(100), [480, 227, 80]);
    }

    #[test]
    fn rule_77_a_crash_is_noticed_after_5_to_8_seconds_in_small_clusters() {
        for nodes in [3, 4, 5, 9] {
            let [least, mean, most] = spread(|seed| networkdb(nodes, seed).time_to_miss(NodeId(0), 0, nodes - 1));
            assert!(
                least >= 5_000 && (5_500..7_500).contains(&mean) && most <= 10_500,
                "{nodes}: {least} {mean} {most}"
            );
        }
    }

    #[test]
    fn rule_75_without_confirmations_suspicion_lasts_24_seconds() {
        let [least, _, most] = spread(|seed| networkdb(4, seed).time_to_miss(NodeId(0), 0, 1));
        assert!(least >= 25_000 && most <= 28_400, "{least} {most}");
    }

    #[test]
    fn rule_78_a_leave_is_heard_within_two_rounds() {
        let [_, _, most] = spread(|seed| networkdb(4, seed).time_to_hear_of_leave(NodeId(0), 0));
        assert!((390..=400).contains(&most), "{most}");
    }
}
