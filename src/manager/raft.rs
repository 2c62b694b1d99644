//! Raft among the managers: who leads, and whether a majority hears it.
//!
//! Messages and entries are not followed one by one. What a leader writes while a majority hears it is committed at once; what it
//! would write without one never is. A manager hears all others whose machines run and that are on its side of a partition.
//!
//! Source: manager/state/raft/raft.go, go.etcd.io/raft (control-plane Q1 to Q4, Q8, Q12 to Q15).
//!
//! Assumed: ticks are counted from the instant at which a manager heard the leader last, so that two that wait for as many ticks
//! stand for election at the same instant, and may split the votes. Managers that hear each other have the same term.

use crate::kernel::{IdVec, Span, Stream, Streams, Time};
use crate::model::NodeId;
use crate::model::node::{Leadership, Reachability};

/// The unit of all of raft's timeouts.
///
/// Source: manager/state/raft/raft.go `NewNode` (control-plane Q2).
pub const TICK: Span = Span::from_secs(1);

/// Least time without a leader before a manager stands for election. As long a leader that no majority hears goes on, and as long
/// managers refuse their vote to others after they have heard a leader; then clients are no longer asked to wait.
///
/// Source: manager/state/raft/raft.go `DefaultNodeConfig` `ElectionTick`, `lostQuorumTimeout` (control-plane Q2, Q3, Q6).
pub const ELECTION_TIMEOUT: Span = Span::from_secs(10);

/// So many ticks more than [`ELECTION_TIMEOUT`] a manager waits, or fewer.
///
/// Source: go.etcd.io/raft `resetRandomizedElectionTimeout` (control-plane Q2).
const RANDOM_TICKS: u64 = 10;

/// A manager is unreachable when a message to it was not sent for so long.
///
/// Source: manager/state/raft/raft.go `NewNode` `SendTimeout` (control-plane Q14).
///
/// Assumed: counted from when it was cut off, without the part of a tick until the next message.
pub const SEND_TIMEOUT: Span = Span::from_secs(2);

/// The managers of a cluster, as members of raft.
#[derive(Clone, Debug)]
pub struct Raft {
    streams: Streams,
    machines: IdVec<NodeId, Machine>,
    /// In the order of their nodes.
    members: Vec<Member>,
    lead: Option<Lead>,
    /// Members of the cluster in place of which another one was forced.
    left_behind: Vec<NodeId>,
    /// Number of entries that were committed.
    committed: u64,
    version: u64,
}

/// The machine of a node.
#[derive(Clone, Copy, Debug)]
struct Machine {
    up: bool,
    /// Messages pass between machines of one side only.
    side: u32,
    /// Since when it has not been up and on the side of the majority.
    cut: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    node: NodeId,
    term: u32,
    /// Term and number of its last entry when it heard a leader last.
    log: (u32, u64),
    /// Whether it hears the leader.
    hears: bool,
    /// Since when it hears this leader.
    since: Time,
    /// When it stands for election, unless it hears a leader before.
    timeout: Time,
    /// Until when it refuses its vote.
    lease: Time,
    /// How many numbers it has drawn.
    draws: u32,
}

/// A member that takes itself for the leader.
#[derive(Clone, Copy, Debug)]
struct Lead {
    node: NodeId,
    term: u32,
    /// Since when no majority has heard it.
    quorum_lost: Option<Time>,
}

impl Raft {
    /// The side of a partition on which all nodes begin.
    pub const MAIN_SIDE: u32 = 0;

    /// The managers of a cluster that runs: the first one leads, all others have heard it. `up`: which nodes have power.
    pub fn new(up: IdVec<NodeId, bool>, managers: impl Iterator<Item = NodeId>, streams: Streams) -> Raft {
        let machine = |up: &bool| Machine { up: *up, side: Raft::MAIN_SIDE, cut: (!up).then_some(Time::ZERO) };
        let machines = up.values().map(machine).collect();
        let members: Vec<Member> = managers.map(Member::new).collect();
        let mut raft =
            Raft { streams, machines, members, lead: None, left_behind: Vec::new(), committed: 0, version: 0 };
        raft.lead = raft.members.first().map(|first| Lead { node: first.node, term: 1, quorum_lost: None });
        raft.settle(Time::ZERO);
        raft
    }

    /// Notes how much the leader has written.
    pub fn commit(&mut self, entries: u64) {
        self.committed = entries;
    }

    /// A number that grows whenever something may have changed.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether there are managers at all.
    pub fn has_members(&self) -> bool {
        !self.members.is_empty()
    }

    /// On which side of a partition the node is.
    pub fn side(&self, node: NodeId) -> u32 {
        self.machines[node].side
    }

    /// A side on which no node is.
    pub fn free_side(&self) -> u32 {
        1 + self.machines.values().map(|machine| machine.side).max().unwrap_or(Raft::MAIN_SIDE)
    }

    /// The manager that takes itself for the leader, and its term. It acts only with [`Raft::has_quorum`].
    pub fn lead(&self) -> Option<(NodeId, u32)> {
        self.lead.map(|lead| (lead.node, lead.term))
    }

    /// Whether a majority hears the leader: what it writes is committed.
    pub fn has_quorum(&self) -> bool {
        self.lead.is_some_and(|lead| lead.quorum_lost.is_none())
    }

    /// Who leads, for those who look on.
    pub fn leadership(&self) -> Leadership {
        match self.lead {
            Some(Lead { node, quorum_lost: None, .. }) => Leadership::Leader(node),
            _ if self.members.iter().any(|member| self.is_in_majority(member)) => Leadership::NoLeader,
            _ => Leadership::NoQuorum,
        }
    }

    /// Whether the node is a member.
    pub fn is_member(&self, node: NodeId) -> bool {
        self.members.iter().any(|member| member.node == node)
    }

    /// The nodes that are members.
    pub fn members(&self) -> impl Iterator<Item = NodeId> {
        self.members.iter().map(|member| member.node)
    }

    /// Whether messages to the member arrive; `None`: it is none (control-plane Q14).
    pub fn reachability(&self, node: NodeId, now: Time) -> Option<Reachability> {
        let is_lost = |cut: Time| cut.saturating_add(SEND_TIMEOUT) <= now;
        // One that runs does not miss itself.
        let others = || self.members().any(|other| other != node && self.machines[other].up);
        let is_missed = || !self.machines[node].up || others();
        self.is_member(node).then(|| match self.machines[node].cut.is_some_and(is_lost) && is_missed() {
            true => Reachability::Unreachable,
            false => Reachability::Reachable,
        })
    }

    /// Whether the machines of two nodes hear each other.
    pub fn connects(&self, a: NodeId, b: NodeId) -> bool {
        let (from, to) = (self.machines[a], self.machines[b]);
        from.up && to.up && from.side == to.side
    }

    /// Whether the member may be taken out: then a majority of the others must be reachable.
    ///
    /// Source: manager/state/raft/raft.go `CanRemoveMember` (control-plane Q13).
    pub fn can_remove(&self, node: NodeId, now: Time) -> bool {
        let leads = |other: NodeId| self.lead.is_some_and(|lead| lead.node == other);
        let is_there = |other: &NodeId| {
            *other != node && (leads(*other) || self.reachability(*other, now) == Some(Reachability::Reachable))
        };
        let others = self.members.len().saturating_sub(1);
        self.members().filter(is_there).count() > others / 2
    }

    /// The machine of a node starts, or stops.
    pub fn set_up(&mut self, now: Time, node: NodeId, up: bool) {
        if self.machines[node].up == up {
            return;
        }
        self.stand_in_vain(now);
        self.machines[node].up = up;
        if let Some(index) = self.index_of(node)
            && up
        {
            self.members[index].lease = Time::ZERO;
            self.wait(now, index);
        }
        self.settle(now);
    }

    /// Nodes are on this side of a partition from now on.
    pub fn set_side(&mut self, now: Time, nodes: &[NodeId], side: u32) {
        self.stand_in_vain(now);
        nodes.iter().for_each(|node| self.machines[*node].side = side);
        self.settle(now);
    }

    /// Whether the node was a member when another one forced a new cluster: it does not know of that one, nor find its own.
    pub fn is_left_behind(&self, node: NodeId) -> bool {
        self.left_behind.contains(&node)
    }

    /// The node has left the cluster, and may join it like any other.
    pub fn forget(&mut self, node: NodeId) {
        self.left_behind.retain(|other| *other != node);
    }

    /// A node becomes a member, if it is none and the leader reaches it.
    pub fn join(&mut self, now: Time, node: NodeId) {
        let is_reached = self.lead.is_some_and(|lead| self.connects(lead.node, node));
        if !is_reached || self.is_left_behind(node) {
            return;
        }
        if let Err(index) = self.members.binary_search_by_key(&node, |member| member.node) {
            self.members.insert(index, Member::new(node));
            self.wait(now, index);
            self.settle(now);
        }
    }

    /// A node is a member no more; it does not lead.
    pub fn remove(&mut self, now: Time, node: NodeId) {
        self.members.retain(|member| member.node != node);
        self.settle(now);
    }

    /// The leader hands over to the member that has heard it for longest, if a majority can vote for that one. Returns whether it
    /// did.
    ///
    /// Source: manager/state/raft/raft.go `TransferLeadership`, `longestActive` (control-plane Q8, Q12).
    ///
    /// Assumed: it takes no time. Of several, the first in the order of the nodes.
    pub fn transfer(&mut self, now: Time) -> bool {
        let Some(lead) = self.lead.filter(|lead| lead.quorum_lost.is_none()) else { return false };
        let others = self.members.iter().filter(|member| member.hears && member.node != lead.node);
        let Some(next) = others.min_by_key(|member| member.since).map(|member| member.node) else { return false };
        self.end_lead(now);
        self.win(now, next, lead.term + 1);
        true
    }

    /// The node becomes the only member, and leads.
    ///
    /// Source: manager/state/raft/storage.go `loadAndStart` (control-plane Q15).
    pub fn force_new_cluster(&mut self, now: Time, survivor: NodeId) {
        self.stand_in_vain(now);
        self.end_lead(now);
        self.left_behind.extend(self.members().filter(|member| *member != survivor).collect::<Vec<_>>());
        self.members.retain(|member| member.node == survivor);
        self.settle(now);
    }

    /// When something happens by itself, later than now.
    pub fn due(&self, now: Time) -> Option<Time> {
        let step_down = self.step_down();
        let lost = self.members.iter().filter_map(|member| self.machines[member.node].cut);
        let lost = lost.map(|cut| cut.saturating_add(SEND_TIMEOUT)).filter(|time| *time > now);
        step_down.into_iter().chain(self.next_election()).chain(lost).min()
    }

    /// Does what is due by now.
    pub fn act(&mut self, now: Time) {
        self.version += 1;
        if self.step_down().is_some_and(|due| due <= now) {
            self.end_lead(now);
        }
        if self.next_election().is_some_and(|due| due <= now) {
            self.hold_election(now);
        }
    }

    /// When the leader gives up, because no majority hears it (control-plane Q3).
    fn step_down(&self) -> Option<Time> {
        self.lead?.quorum_lost.map(|lost| lost.saturating_add(ELECTION_TIMEOUT))
    }

    /// When a member that may win stands for election.
    fn next_election(&self) -> Option<Time> {
        let free = self.members.iter().filter(|member| !member.hears && self.is_in_majority(member));
        free.map(|member| member.timeout).min()
    }

    /// Whether the member hears, and is heard by, so many as make a quorum (control-plane Q1).
    fn is_in_majority(&self, member: &Member) -> bool {
        let heard = self.members.iter().filter(|other| self.connects(member.node, other.node)).count();
        heard > self.members.len() / 2
    }

    /// All whose time has come stand; everybody else votes for one whose log is not behind the own, and for the first of several
    /// that asks. Without a majority for anybody all wait anew (control-plane Q3).
    fn hold_election(&mut self, now: Time) {
        let stands = |member: &Member| !member.hears && member.timeout <= now && self.is_in_majority(member);
        let candidates: Vec<Member> = self.members.iter().copied().filter(stands).collect();
        let is_near = |node| self.connects(candidates[0].node, node);
        let near: Vec<usize> = (0..self.members.len()).filter(|index| is_near(self.members[*index].node)).collect();
        let term = 1 + near.iter().map(|index| self.members[*index].term).max().unwrap_or(0);
        let mut votes = vec![0; candidates.len()];
        for index in near {
            let voter = self.members[index];
            if let Some(own) = candidates.iter().position(|candidate| candidate.node == voter.node) {
                votes[own] += 1;
            } else if voter.lease > now {
                continue;
            } else {
                let fits = |candidate: &usize| candidates[*candidate].log >= voter.log;
                let fitting: Vec<usize> = (0..candidates.len()).filter(fits).collect();
                match fitting[..] {
                    [] => {}
                    [only] => votes[only] += 1,
                    _ => votes[fitting[self.draw(index, fitting.len() as u64) as usize]] += 1,
                }
            }
            self.members[index].term = term;
            self.wait(now, index);
        }
        let winner = votes.iter().position(|votes| *votes > self.members.len() / 2);
        if let Some(winner) = winner {
            self.win(now, candidates[winner].node, term);
        }
    }

    fn win(&mut self, now: Time, node: NodeId, term: u32) {
        self.lead = Some(Lead { node, term, quorum_lost: None });
        self.settle(now);
    }

    /// Those who hear no leader and are too few stand again and again; all that comes of it is that their terms grow.
    fn stand_in_vain(&mut self, now: Time) {
        for index in 0..self.members.len() {
            let member = self.members[index];
            let is_alone = self.machines[member.node].up && !member.hears && !self.is_in_majority(&member);
            while is_alone && self.members[index].timeout <= now {
                let timeout = self.members[index].timeout;
                self.members[index].term += 1;
                self.wait(timeout, index);
            }
        }
    }

    /// Finds out who hears the leader now, and whether it stays one.
    fn settle(&mut self, now: Time) {
        self.version += 1;
        let majority = self.members.iter().find(|member| self.is_in_majority(member));
        let seen_from = majority.map_or(Raft::MAIN_SIDE, |member| self.side(member.node));
        for machine in self.machines.values_mut() {
            let is_cut = !machine.up || machine.side != seen_from;
            machine.cut = machine.cut.or(Some(now)).filter(|_| is_cut);
        }
        if let Some(lead) = self.lead
            && (!self.machines[lead.node].up || self.is_deposed(lead))
        {
            self.end_lead(now);
        }
        if let [only] = self.members[..]
            && self.lead.is_none()
            && self.machines[only.node].up
        {
            // Source: manager/state/raft/raft.go `Run`: the only member does not wait.
            self.lead = Some(Lead { node: only.node, term: only.term + 1, quorum_lost: None });
        }
        let Some(lead) = self.lead else { return };
        for index in 0..self.members.len() {
            let hears = self.connects(lead.node, self.members[index].node);
            if self.members[index].hears && !hears {
                self.lose_leader(now, lead, index);
            } else if hears && !self.members[index].hears {
                let member = &mut self.members[index];
                (member.hears, member.term, member.since) = (true, lead.term, now);
            }
        }
        let heard = self.members.iter().filter(|member| member.hears).count();
        let has_quorum = heard > self.members.len() / 2;
        let quorum_lost = if has_quorum { None } else { lead.quorum_lost.or(Some(now)) };
        self.lead = Some(Lead { quorum_lost, ..lead });
    }

    /// Whether the leader hears of a higher term: one that was cut off has stood for election meanwhile, and there is no vote in
    /// advance that would have kept it from that.
    ///
    /// Source: go.etcd.io/raft `Step`, on a message with a lower term while `checkQuorum` is on and `preVote` is not (control-plane
    /// Q3).
    fn is_deposed(&self, lead: Lead) -> bool {
        let is_ahead = |member: &&Member| !member.hears && member.term > lead.term;
        self.members.iter().filter(is_ahead).any(|member| self.connects(lead.node, member.node))
    }

    fn end_lead(&mut self, now: Time) {
        let Some(lead) = self.lead.take() else { return };
        for index in (0..self.members.len()).filter(|index| self.members[*index].hears).collect::<Vec<_>>() {
            self.lose_leader(now, lead, index);
        }
    }

    /// The member heard this leader for the last time.
    fn lose_leader(&mut self, now: Time, lead: Lead, index: usize) {
        let member = &mut self.members[index];
        member.hears = false;
        member.log = (lead.term, self.committed);
        member.lease = if member.node == lead.node { Time::ZERO } else { now.saturating_add(ELECTION_TIMEOUT) };
        self.wait(now, index);
    }

    /// From now on the member waits for 10 to 19 ticks before it stands for election.
    fn wait(&mut self, now: Time, index: usize) {
        let ticks = self.draw(index, RANDOM_TICKS);
        self.members[index].timeout = now.saturating_add(ELECTION_TIMEOUT + TICK * ticks);
    }

    /// A number below `end`, of the member's own stream.
    fn draw(&mut self, index: usize, end: u64) -> u64 {
        let member = &mut self.members[index];
        let drawn = self.streams.keyed(Stream::Election, member.node.0, member.draws);
        member.draws += 1;
        ((u128::from(drawn) * u128::from(end)) >> 64) as u64
    }

    fn index_of(&self, node: NodeId) -> Option<usize> {
        self.members.binary_search_by_key(&node, |member| member.node).ok()
    }
}

impl Member {
    fn new(node: NodeId) -> Member {
        let (since, timeout, lease) = (Time::ZERO, Time::ZERO, Time::ZERO);
        Member { node, term: 0, log: (0, 0), hears: false, since, timeout, lease, draws: 0 }
    }
}

#[cfg(test)]
mod tests;
