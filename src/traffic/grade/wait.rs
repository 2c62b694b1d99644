//! Requests that wait for something to happen to them, those of one step together.

use crate::kernel::Time;
use crate::model::client::Access;
use crate::model::request::{Cause, Failure};
use crate::model::{ClientId, EntryId, TaskId};

use super::super::request::{next_packet, next_retransmission};
use super::super::server::State;
use super::rotation::Rotations;
use super::{Bulk, Parcel, fate};

/// Requests that wait for the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cohort {
    /// When what they wait for happens by itself.
    pub(super) at: Time,
    pub(super) parcel: Parcel,
    pub(super) entry: Option<EntryId>,
    pub(super) task: Option<TaskId>,
    pub(super) what: Wait,
}

/// What requests wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The next packet that asks for a connection is due, or patience is over.
    Connection,
    /// A task had them that is gone without a word; patience will be over.
    Silence,
    /// Likewise, and their connection will break.
    Break,
    /// They failed; the next attempt is due.
    Retry,
}

/// All of them, by time; those of one instant in the order in which they began to wait.
#[derive(Debug, Default)]
pub(super) struct Cohorts(std::collections::VecDeque<Cohort>);

impl Cohorts {
    /// Takes those to which something happens next, if that is before `horizon`.
    fn pop(&mut self, horizon: Time) -> Option<Cohort> {
        self.0.front().filter(|cohort| cohort.at < horizon)?;
        self.0.pop_front()
    }

    /// Requests begin to wait.
    pub(super) fn push(&mut self, cohort: Cohort) {
        let place = self.0.partition_point(|other| other.at <= cohort.at);
        self.0.insert(place, cohort);
    }

    /// How many requests of a client wait.
    pub(super) fn count(&self, client: ClientId) -> f64 {
        self.0.iter().filter(|cohort| cohort.parcel.client == client).map(|cohort| cohort.parcel.count).sum()
    }
}

impl Bulk {
    /// What is due before `horizon` happens.
    pub(super) fn wake<N: Rotations>(&mut self, horizon: Time, network: &N) {
        while let Some(Cohort { at, parcel, entry, task, what }) = self.cohorts.pop(horizon) {
            let image = task.and_then(|task| Some(self.tasks.get(task)?.image));
            match (what, entry) {
                (Wait::Silence, _) => self.fail(parcel, image, Failure::Timeout, Cause::NodeLost, at),
                (Wait::Break, _) => self.fail(parcel, image, Failure::Reset, Cause::NodeLost, at),
                (Wait::Connection, Some(entry)) => self.ask(parcel, entry, task, at, network),
                (Wait::Retry, _) | (Wait::Connection, None) => self.send(parcel, at),
            }
        }
    }

    /// The next packet is due of those that ask for a connection, or patience is over.
    fn ask<N: Rotations>(&mut self, parcel: Parcel, entry: EntryId, task: Option<TaskId>, at: Time, network: &N) {
        if at >= self.clients[parcel.client].patience.connection_ends(parcel.sent) {
            let backend = task.and_then(|task| self.tasks.get(task));
            let is_removed = backend.is_some_and(|backend| backend.state == State::Removed);
            let is_stale = is_removed && task.is_some_and(|task| network.connects(entry, task));
            let cause = if is_stale { Cause::StaleEntry } else { Cause::NodeLost };
            let image = backend.map(|backend| backend.image);
            return self.fail(parcel, image, Failure::Timeout, cause, at);
        }
        let is_held = |task: &TaskId| match network.access(entry) {
            Access::DnsRoundRobin | Access::HostPort => true,
            Access::Direct | Access::Vip => network.is_pinned(entry, *task),
        };
        match task.filter(is_held) {
            Some(task) => {
                let fate = fate(entry, task, &self.tasks, &self.works, network);
                self.meet(parcel, entry, fate, at);
            }
            None => self.enter(parcel, entry, at),
        }
    }

    /// Nobody answers packets that ask for a connection: the next are sent in time, or patience ends.
    pub(super) fn ask_again(&mut self, parcel: Parcel, entry: EntryId, task: Option<TaskId>) {
        let patience = &self.clients[parcel.client].patience;
        let at = next_packet(parcel.sent, parcel.packets).min(patience.connection_ends(parcel.sent));
        let parcel = Parcel { packets: parcel.packets + 1, rate: 0.0, ..parcel };
        if parcel.count > 0.0 {
            self.cohorts.push(Cohort { at, parcel, entry: Some(entry), task, what: Wait::Connection });
        }
    }

    /// A load balancer has lost a backend at `now`: connections through it to a task that is silent break with the next packet that
    /// is sent on them (data-plane rules 69, 84).
    pub(super) fn forget<N: Rotations>(&mut self, now: Time, entry: EntryId, task: TaskId, network: &N) {
        let is_direct = network.access(entry) == Access::Direct;
        let mut broken = Vec::new();
        self.cohorts.0.retain(|cohort| {
            let hangs = cohort.what == Wait::Silence && (cohort.entry, cohort.task) == (Some(entry), Some(task));
            if hangs {
                broken.push(*cohort);
            }
            !hangs
        });
        for cohort in broken {
            let at = if is_direct { now } else { next_retransmission(cohort.parcel.sent, now) };
            let breaks = at < cohort.at;
            let what = if breaks { Wait::Break } else { Wait::Silence };
            self.cohorts.push(Cohort { at: at.min(cohort.at), what, ..cohort });
        }
    }
}
