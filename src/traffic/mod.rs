//! Traffic: clients that send requests to services, and the tasks that work on them.
//!
//! Requests are no events of the queue. Between two changes of the system nothing but time decides what becomes of them, so
//! [`Traffic::advance`] runs through all requests of such a stretch at once, exact to the single request. Its caller advances
//! to each change before it is told: at one instant, changes come before the requests that are sent at it. Only where requests
//! change the system itself does it stop on the way ([`Traffic::take_notice`]).

mod balancer;
#[cfg(test)]
mod behavior;
mod client;
mod grade;
mod lanes;
#[cfg(test)]
mod reference;
mod request;
mod server;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod theory;
mod waiting;

use crate::kernel::id::Id;
use crate::kernel::winner_tree::WinnerTree;
use crate::kernel::{IdVec, Span, Streams, Time};
use crate::model::client::{Access, ClientSpec};
use crate::model::image::Application;
use crate::model::request::{Cause, Request, Route, Weight};
use crate::model::{ClientId, EntryId, ImageId, ServiceId, TaskId};

pub use grade::{Bulk, Rotations};
pub use server::{Notice, Reaction};

use client::Client;
use request::{Cx, Requests};
use server::{Servers, State};
use waiting::Wait;

/// What traffic asks of the network.
pub trait Routing {
    /// Where the next connection that enters here goes; `draw` gives a number by chance.
    fn route(&mut self, entry: EntryId, draw: impl FnOnce() -> u64) -> Route;
    /// Whether packets that enter here arrive at the node of a task.
    fn connects(&self, entry: EntryId, task: TaskId) -> bool;
    /// Whether a connection that entered here still leads to the task.
    fn is_pinned(&self, entry: EntryId, task: TaskId) -> bool;
    /// Tasks that get connections which enter here.
    fn backends(&self, entry: EntryId) -> &[TaskId];
    /// What kind of load balancer this is.
    fn access(&self, entry: EntryId) -> Access;
}

/// All clients and the tasks that they call.
///
/// Requests are sent in order of time, those of one instant by client, then by user, then those that were sent before and try
/// again. A request is told to the sink once, when its end is known to be certain; what is told in one call is in no particular
/// order. Requests that are unfinished at the end of the run are never told.
#[derive(Debug)]
pub struct Traffic {
    clients: IdVec<ClientId, Client>,
    /// For each client when it sends next.
    order: WinnerTree,
    requests: Requests,
    /// When an external load balancer looks at its backends next.
    next_look: Time,
    /// Whether requests change what becomes of tasks.
    reacts: bool,
}

impl Traffic {
    /// The clients of a plan and where their connections enter, what its images do with requests, and the number of its services.
    ///
    /// A client sends its first request at `from` if it is a closed loop or its gap is constant, else one gap later. Gaps, think
    /// times and service times come from streams of the client's own, one number of each for each request: the k-th request
    /// of an open loop is sent at the same time and is the same work whatever the tasks do.
    pub fn new(
        clients: &IdVec<ClientId, ClientSpec>,
        entries: IdVec<ClientId, Vec<EntryId>>,
        applications: IdVec<ImageId, Application>,
        services: usize,
        streams: &Streams,
    ) -> Traffic {
        let servers = Servers::new(applications);
        let reacts = servers.react();
        let requests = Requests::new(clients, servers, services);
        let mut order = WinnerTree::new(clients.len());
        let of = |((id, spec), entries)| Client::new(id, spec, entries, streams);
        let clients: IdVec<ClientId, Client> = clients.iter().zip(entries.into_values()).map(of).collect();
        for (id, client) in clients.iter() {
            order.set(id.index(), order_key(client.next(), id.0));
        }
        let mut traffic = Traffic { clients, order, requests, next_look: Time::MAX, reacts };
        traffic.await_look();
        traffic
    }

    /// Whether there are no clients: nothing will ever happen.
    pub fn is_idle(&self) -> bool {
        self.clients.is_empty()
    }

    /// Whether a client that ends after so many requests still has some to send, or waits for an answer.
    pub fn is_unfinished(&self) -> bool {
        let waits = !self.requests.waiting.is_empty();
        self.clients.values().any(|client| client.is_bounded() && (waits || client.next() < Time::MAX))
    }

    /// Requests that were sent and have not ended, by service, at the instant to which traffic was advanced.
    pub fn in_flight(&self) -> &IdVec<ServiceId, u32> {
        &self.requests.in_flight
    }

    /// Sends all requests before `now`, and tells `sink` of all that end up to and including `now`. Returns the instant that it got
    /// to: `now`, or an earlier one at which requests do something to a task; its caller takes notice of that first.
    pub fn advance<N: Routing, S: FnMut(&Request)>(&mut self, now: Time, network: &mut N, sink: &mut S) -> Time {
        loop {
            let stop = now.min(self.next_look);
            let reached = self.send_before(stop, network, sink);
            if reached < stop || stop == now {
                return reached;
            }
            for client in self.clients.values_mut() {
                client.look(stop, &self.requests, network);
            }
            self.await_look();
        }
    }

    fn await_look(&mut self) {
        self.next_look = self.clients.values().map(Client::next_look).min().unwrap_or(Time::MAX);
    }

    /// The same, while no external load balancer looks at its backends.
    fn send_before<N: Routing, S: FnMut(&Request)>(&mut self, now: Time, network: &mut N, sink: &mut S) -> Time {
        let certain = if self.reacts { Time::ZERO } else { now };
        let cx = &mut Cx { certain, network, sink };
        loop {
            let horizon = now.min(self.requests.servers.next_notice());
            let again = self.requests.waiting.next();
            if key_time(self.order.min()) <= again && self.order.min() < order_key(horizon, 0) {
                self.send_from_next_client(horizon, cx);
            } else if again < horizon {
                self.wake_next(horizon, cx);
            } else {
                self.requests.retire(horizon, cx.sink);
                return horizon;
            }
        }
    }

    /// Lets the client send whose turn it is, until another one comes first.
    fn send_from_next_client<N: Routing, S: FnMut(&Request)>(&mut self, horizon: Time, cx: &mut Cx<'_, N, S>) {
        let id = ClientId(key_index(self.order.min()));
        self.order.set(id.index(), WinnerTree::EMPTY);
        let rival = self.order.min();
        let first_at_tie = Span::from_nanos(u64::from(id.0 < key_index(rival)));
        let until = key_time(rival).saturating_add(first_at_tie).min(horizon);
        let client = &mut self.clients[id];
        client.send_before(until, &mut self.requests, cx);
        self.order.set(id.index(), order_key(client.next(), id.0));
    }

    /// Lets the request go on whose waiting is over first.
    fn wake_next<N: Routing, S: FnMut(&Request)>(&mut self, horizon: Time, cx: &mut Cx<'_, N, S>) {
        let Some(waiter) = self.requests.waiting.pop(horizon) else { return };
        self.requests.release(&waiter);
        let attempt = waiter.attempt;
        let client = &mut self.clients[attempt.client];
        let sent = match waiter.what {
            Wait::Retry => client.retry(attempt, &mut self.requests, cx),
            _ => self.requests.wake(waiter, || client.draw_address(), cx),
        };
        client.follow_up(&attempt, sent);
        self.order.set(attempt.client.index(), order_key(client.next(), attempt.client.0));
    }

    /// What requests do to a task at `now`, up to which traffic was advanced.
    pub fn take_notice(&mut self, now: Time) -> Option<Notice> {
        self.requests.servers.take_notice(now)
    }

    /// The process of a task is up. It need not listen yet. Tasks that no client calls are not kept.
    pub fn boot(&mut self, task: TaskId, service: ServiceId, image: ImageId) {
        if self.requests.are_called(service) {
            self.requests.servers.come_up(task, service, image, State::Booting);
        }
    }

    /// The process of a task listens: it works on requests.
    pub fn listen(&mut self, task: TaskId, service: ServiceId, image: ImageId) {
        if self.requests.are_called(service) {
            self.requests.servers.come_up(task, service, image, State::Serving);
        }
    }

    /// A task has got its stop signal and listens no longer; what it has goes on.
    pub fn drain(&mut self, task: TaskId) {
        if self.requests.servers.get(task).is_some_and(|server| server.is_up()) {
            self.requests.servers.set_state(task, State::Draining);
        }
    }

    /// The process of a task ended at `now`, up to which traffic was advanced: what it has not finished is reset, and the users of
    /// a closed loop who wait for it think from now on.
    ///
    /// Until load balancers know, its requests are refused. `cause`: why it ended, unless it had too much to do.
    pub fn kill(&mut self, now: Time, task: TaskId, cause: Cause, sink: &mut impl FnMut(&Request)) {
        let Some(server) = self.requests.servers.get(task).filter(|server| server.is_up()) else { return };
        let cause = if server.is_crashing() { Cause::Overload } else { cause };
        self.requests.servers.set_state(task, State::Ended(cause));
        let Traffic { clients, order, requests, .. } = self;
        requests.cut_off(now, task, cause, sink, &mut |attempt, sent| {
            let client = &mut clients[attempt.client];
            client.follow_up(attempt, sent);
            order.set(attempt.client.index(), order_key(client.next(), attempt.client.0));
        });
    }

    /// The address of a task is gone: packets to it are lost.
    pub fn remove(&mut self, task: TaskId) {
        self.requests.servers.set_state(task, State::Removed);
    }

    /// A task is gone at `now` with its node, without a word: clients wait for what it has not finished until they lose patience or
    /// their load balancer misses the node.
    pub fn lose(&mut self, now: Time, task: TaskId) {
        if self.requests.servers.get(task).is_none_or(|server| !server.is_up()) {
            return self.requests.servers.set_state(task, State::Lost);
        }
        self.requests.servers.set_state(task, State::Lost);
        let Traffic { clients, order, requests, .. } = self;
        requests.lose(now, task, &mut |attempt, sent| {
            let client = &mut clients[attempt.client];
            client.follow_up(attempt, sent);
            order.set(attempt.client.index(), order_key(client.next(), attempt.client.0));
        });
    }

    /// A load balancer does this with a task from `now` on. What it does with connections the network is asked for each.
    pub fn shift<N: Routing>(&mut self, now: Time, entry: EntryId, task: TaskId, weight: Weight, network: &N) {
        if weight == Weight::Gone {
            self.requests.forget(now, entry, task, network);
        }
    }
}

/// Orders by time, then by index.
fn order_key(at: Time, index: u32) -> u128 {
    u128::from(at.as_nanos()) << 32 | u128::from(index)
}

/// Whose turn it is in an [`order_key`].
fn key_index(key: u128) -> u32 {
    key as u32
}

/// When it is, in an [`order_key`].
fn key_time(key: u128) -> Time {
    Time::from_nanos((key >> 32) as u64)
}
