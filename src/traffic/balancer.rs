//! External load balancers: proxies that send each request to the next of their backends which they think well.

use super::Routing;
use super::request::{Requests, Verdict, Way};
use crate::kernel::{Dist, Span, Stream, Streams, Time};
use crate::model::client::{BackendCheck, Balancer as Spec};
use crate::model::request::Cause;
use crate::model::{ClientId, EntryId, TaskId};

/// An external load balancer.
///
/// Its checks and questions come at an interval, from a first one whose time within the interval is drawn. A backend that is new is
/// taken to be well until its checks say otherwise.
///
/// Source: haproxy: doc/configuration.txt `check`, `inter`, `rise`, `fall`, `timeout check`. `Assumed:` a check costs a task no
/// work, and sends one packet to ask for a connection; what the proxy meets with a request its client meets.
#[derive(Debug)]
pub(super) struct Balancer {
    client: ClientId,
    /// Where its connections enter.
    entries: Vec<EntryId>,
    /// How often it asks which tasks there are, and when it does next.
    refresh: Option<(Span, Time)>,
    check: Option<BackendCheck>,
    backends: Vec<Backend>,
    turn: usize,
    /// Why a check failed last.
    cause: Cause,
    streams: Streams,
}

/// A backend: a task, or whatever an entry leads to.
#[derive(Debug)]
struct Backend {
    entry: EntryId,
    task: Option<TaskId>,
    is_well: bool,
    /// How many checks on end have said otherwise.
    doubts: u32,
    /// When it is checked next, or a check without an answer is over.
    due: Time,
    /// Why a check will fail that has no answer, and when the one after it begins.
    silent: Option<(Cause, Time)>,
}

impl Balancer {
    /// A load balancer whose connections enter here. If it asks for tasks that is one place.
    pub(super) fn new(client: ClientId, spec: &Spec, entries: &[EntryId], streams: &Streams) -> Balancer {
        let mut balancer = Balancer {
            client,
            entries: entries.to_vec(),
            refresh: None,
            check: spec.check,
            backends: Vec::new(),
            turn: 0,
            cause: Cause::NoTask,
            streams: streams.clone(),
        };
        match spec.refresh {
            Some(every) => balancer.refresh = Some((every, Time::ZERO + balancer.phase(every, 0))),
            None => {
                let backend = |(key, entry): (u32, &EntryId)| balancer.backend(Time::ZERO, *entry, None, key);
                balancer.backends = (1..).zip(entries).map(backend).collect();
            }
        }
        balancer
    }

    /// When it asks or checks next; [`Time::MAX`]: never.
    pub(super) fn next(&self) -> Time {
        let checks = self.backends.iter().map(|backend| backend.due);
        checks.chain(self.refresh.map(|(_, due)| due)).min().unwrap_or(Time::MAX)
    }

    /// Asks and checks what is due at `now`.
    pub(super) fn act<N: Routing>(&mut self, now: Time, requests: &Requests, network: &mut N) {
        if let Some((every, due)) = self.refresh
            && due <= now
        {
            self.refresh = Some((every, due.saturating_add(every)));
            self.ask(now, network);
        }
        let Balancer { check: Some(check), backends, cause, .. } = self else { return };
        for backend in backends {
            while backend.due <= now {
                backend.check(check, requests, network, cause);
            }
        }
    }

    /// The way of the next request.
    pub(super) fn way(&mut self) -> Way {
        for _ in 0..self.backends.len() {
            self.turn = (self.turn + 1) % self.backends.len();
            let Backend { entry, task, is_well, .. } = self.backends[self.turn];
            if is_well {
                return task.map_or(Way::Enter(entry), |task| Way::Known(entry, task));
            }
        }
        Way::Nowhere(if self.backends.is_empty() { Cause::NoTask } else { self.cause })
    }

    /// Learns which tasks there are.
    fn ask<N: Routing>(&mut self, now: Time, network: &N) {
        for entry in self.entries.clone() {
            let tasks = network.backends(entry);
            self.backends.retain(|backend| backend.task.is_some_and(|task| tasks.contains(&task)));
            for task in tasks {
                if !self.backends.iter().any(|backend| backend.task == Some(*task)) {
                    let backend = self.backend(now, entry, Some(*task), task.0.wrapping_add(1));
                    self.backends.push(backend);
                }
            }
        }
    }

    fn backend(&self, now: Time, entry: EntryId, task: Option<TaskId>, key: u32) -> Backend {
        let due = self.check.map_or(Time::MAX, |check| now + self.phase(check.interval, key));
        Backend { entry, task, is_well: true, doubts: 0, due, silent: None }
    }

    /// When within an interval something begins.
    fn phase(&self, interval: Span, key: u32) -> Span {
        let uniform = Dist::Uniform { low: Span::ZERO, high: interval };
        uniform.sample(self.streams.keyed(Stream::Balancer, self.client.0, key))
    }
}

impl Backend {
    /// Begins the check that is due, or ends one without an answer.
    fn check<N: Routing>(&mut self, check: &BackendCheck, requests: &Requests, network: &mut N, last: &mut Cause) {
        let next = self.due.saturating_add(check.interval);
        let (failed, next) = match self.silent.take() {
            Some((cause, next)) => (Some(cause), next),
            None => match requests.probe(self.entry, self.task, self.due, network) {
                Verdict::Well => (None, next),
                Verdict::Fails(cause) => (Some(cause), next),
                Verdict::Silent(cause) => {
                    self.silent = Some((cause, next));
                    self.due = self.due.saturating_add(check.timeout);
                    return;
                }
            },
        };
        self.due = next;
        self.doubts = if failed.is_none() == self.is_well { 0 } else { self.doubts + 1 };
        if self.doubts >= if self.is_well { check.fall } else { check.rise } {
            (self.is_well, self.doubts) = (!self.is_well, 0);
        }
        *last = failed.unwrap_or(*last);
    }
}
