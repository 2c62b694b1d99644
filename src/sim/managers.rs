//! Who leads: what raft decides is carried to the managers, to the agents' sessions and to the operator who waits.

use super::Sim;
use super::event::Event;
use crate::agent::Power;
use crate::kernel::{IdVec, Phase, Time};
use crate::manager::raft::{ELECTION_TIMEOUT, Raft};
use crate::model::NodeId;
use crate::model::node::{Leadership, Reachability};
use crate::model::update::CommandError;
use crate::observe::{Observer, Record};

/// How agents learn that their leader is none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parting {
    /// It has closed their sessions.
    Told,
    /// It does not answer.
    Silent,
}

/// What the simulation has carried on of raft.
#[derive(Debug)]
pub(super) struct Followed {
    /// How far.
    version: u64,
    /// The leader and its term.
    lead: Option<(NodeId, u32)>,
    /// When raft does something next.
    due: Option<Time>,
    leadership: Leadership,
    reachability: IdVec<NodeId, Option<Reachability>>,
}

impl Followed {
    /// At the start of a plan: its first manager leads, and all are reachable.
    pub(super) fn new(raft: &Raft, nodes: usize) -> Followed {
        let mut reachability = IdVec::filled(nodes, None);
        raft.members().for_each(|node| reachability[node] = Some(Reachability::Reachable));
        let (version, lead, leadership) = (raft.version(), raft.lead(), raft.leadership());
        Followed { version, lead, due: None, leadership, reachability }
    }
}

impl<O: Observer> Sim<'_, O> {
    /// Whether raft does something now.
    pub(super) fn awaits_raft(&self, time: Time) -> bool {
        self.followed.due == Some(time)
    }

    /// What is due of raft.
    pub(super) fn act_raft(&mut self) {
        self.manager.raft.act(self.now);
        self.follow_raft(Parting::Told);
    }

    /// Carries on what has changed among the managers. In a plan without them nothing does.
    pub(super) fn follow_raft(&mut self, parting: Parting) {
        let version = self.manager.raft.version();
        if !self.manager.raft.has_members() || self.followed.version == version {
            return;
        }
        self.followed.version = version;
        let was_led = self.manager.is_led();
        let (lead, has_quorum) = (self.manager.raft.lead(), self.manager.raft.has_quorum());
        if lead != self.followed.lead {
            self.followed.lead = lead;
            if self.manager.lose_leader() {
                self.lose_all_sessions(parting == Parting::Told);
            }
            self.tell_managers();
            if lead.is_some() {
                self.elect();
            }
        } else if was_led && !has_quorum {
            self.manager.hold_up();
        } else if !was_led && has_quorum {
            self.manager.go_on(self.now, &mut self.manager_out);
            for node in self.plan.nodes.ids() {
                if self.is_in_contact(node) {
                    self.connect(node);
                }
            }
            self.agents.report_all(&mut self.agents_out);
        }
        self.tell_managers();
        if !self.manager.is_led() {
            self.leaderless_since = self.leaderless_since.or(Some(self.now));
        } else {
            self.serve_waiting();
        }
        let due = self.manager.raft.due(self.now);
        if due != self.followed.due {
            self.followed.due = due;
            due.into_iter().for_each(|due| self.queue.push(due, Phase::Election, Event::Raft));
        }
    }

    /// A manager takes over.
    pub(super) fn elect(&mut self) {
        self.manager.elect(self.now, &mut self.manager_out);
        self.meet_new_leader();
    }

    /// There is a leader: carries out the commands that waited for one.
    pub(super) fn serve_waiting(&mut self) {
        self.leaderless_since = None;
        for index in std::mem::take(&mut self.waiting) {
            self.emit(Record::CommandResumed { index });
            self.execute(index);
        }
    }

    /// Carries out a command, or lets the operator wait for a leader: not longer than until there has been none for ten ticks.
    ///
    /// Source: manager/state/raft/raft.go `LeaderConn` (control-plane Q6).
    pub(super) fn order(&mut self, index: u32) {
        let give_up = self.leaderless_since.map(|since| since.saturating_add(ELECTION_TIMEOUT));
        if self.manager.is_led() {
            self.execute(index);
        } else if self.manager.raft.has_members() && self.managers_up().next().is_none() {
            self.emit(Record::CommandError { index, error: CommandError::NoDaemon });
        } else if let Some(give_up) = give_up.filter(|give_up| self.now < *give_up) {
            if self.waiting.is_empty() {
                self.queue.push(give_up, Phase::Operator, Event::GiveUp);
            }
            self.waiting.push(index);
        } else {
            self.emit(Record::CommandError { index, error: CommandError::NoLeader });
        }
    }

    /// There has been no leader for so long that nobody waits for one any more.
    pub(super) fn give_up(&mut self) {
        for index in std::mem::take(&mut self.waiting) {
            self.emit(Record::CommandError { index, error: CommandError::NoLeader });
        }
    }

    /// A manager makes itself the only one.
    ///
    /// Assumed: it has heard of everything that was ever committed.
    pub(super) fn force_new_cluster(&mut self, index: u32) {
        let survivor = self.managers_up().next();
        match survivor {
            Some(survivor) => {
                self.manager.raft.force_new_cluster(self.now, survivor);
                self.follow_raft(Parting::Told);
            }
            None => self.emit(Record::CommandError { index, error: CommandError::NoDaemon }),
        }
    }

    /// Members of raft whose machines are on.
    fn managers_up(&self) -> impl Iterator<Item = NodeId> {
        self.manager.raft.members().filter(|node| self.agents.power(*node) == Power::On)
    }

    fn tell_managers(&mut self) {
        let leadership = self.manager.raft.leadership();
        if std::mem::replace(&mut self.followed.leadership, leadership) != leadership {
            self.emit(Record::Leadership(leadership));
        }
        for node in self.plan.nodes.ids() {
            let reachability = self.manager.raft.reachability(node, self.now);
            if std::mem::replace(&mut self.followed.reachability[node], reachability) != reachability {
                self.emit(Record::Manager { node, reachability });
            }
        }
    }
}
