//! Traffic: clients that send requests to services, and the tasks that work on them.
//!
//! Requests are no events of the queue. Between two changes of the system nothing but time decides what becomes of them, so
//! [`Traffic::advance`] runs through all requests of such a stretch at once, exact to the single request. Its caller advances
//! to each change before it is told: at one instant, changes come before the requests that are sent at it.

mod backend;
mod client;

use crate::kernel::id::Id;
use crate::kernel::winner_tree::WinnerTree;
use crate::kernel::{Dist, IdVec, Span, Streams, Time};
use crate::model::client::ClientSpec;
use crate::model::request::{Request, RequestOutcome};
use crate::model::{ClientId, ImageId, ServiceId, TaskId};

use backend::Backends;
use client::Client;

/// All clients and the tasks that they call.
///
/// Requests are sent in order of time, those of one instant by client, then by user. A request is told to the sink once, when
/// its end is known to be certain; what is told in one call is in no particular order. Requests that are unfinished at the end
/// of the run are never told.
#[derive(Debug)]
pub struct Traffic {
    clients: IdVec<ClientId, Client>,
    /// For each client when it sends next.
    order: WinnerTree,
    backends: Backends,
}

impl Traffic {
    /// The clients of a plan, the service times of its images and the number of its services.
    ///
    /// A client sends its first request at `from` if it is a closed loop or its gap is constant, else one gap later. Gaps, think
    /// times and service times come from streams of the client's own, one number of each for each request: the k-th request
    /// of an open loop is sent at the same time and is the same work whatever the tasks do.
    pub fn new(
        clients: &IdVec<ClientId, ClientSpec>,
        service_times: IdVec<ImageId, Dist>,
        services: usize,
        streams: &Streams,
    ) -> Traffic {
        let mut order = WinnerTree::new(clients.len());
        let clients: IdVec<ClientId, Client> =
            clients.iter().map(|(id, spec)| Client::new(id, spec, streams)).collect();
        for (id, client) in clients.iter() {
            order.set(id.index(), order_key(client.next(), id.0));
        }
        Traffic { clients, order, backends: Backends::new(service_times, services) }
    }

    /// Whether there are no clients: nothing will ever happen.
    pub fn is_idle(&self) -> bool {
        self.clients.is_empty()
    }

    /// Requests that were sent and have not ended, by service, at the instant to which traffic was advanced.
    pub fn in_flight(&self) -> &IdVec<ServiceId, u32> {
        self.backends.in_flight()
    }

    /// Sends all requests before `now`, and tells `sink` of all that end up to and including `now`.
    pub fn advance(&mut self, now: Time, sink: &mut impl FnMut(&Request)) {
        self.backends.retire(now, sink);
        while self.order.min() < order_key(now, 0) {
            let id = ClientId(key_index(self.order.min()));
            // It may go on alone until another client's request comes first.
            self.order.set(id.index(), WinnerTree::EMPTY);
            let rival = self.order.min();
            let first_at_tie = Span::from_nanos(u64::from(id.0 < key_index(rival)));
            let horizon = key_time(rival).saturating_add(first_at_tie).min(now);
            let client = &mut self.clients[id];
            client.send_before(horizon, now, &mut self.backends, sink);
            self.order.set(id.index(), order_key(client.next(), id.0));
        }
    }

    /// A task enters rotation: it gets requests from now on. It may have left before, but its process has not ended.
    pub fn enter(&mut self, service: ServiceId, task: TaskId, image: ImageId) {
        self.backends.enter(service, task, image);
    }

    /// A task leaves rotation, if it is in it: it gets no new requests, those that it has go on.
    pub fn leave(&mut self, service: ServiceId, task: TaskId) {
        self.backends.leave(service, task);
    }

    /// The process of a task ended at `now`, up to which traffic was advanced: what it has not finished is reset, and the users
    /// of a closed loop who wait for it think from now on.
    ///
    /// Until it leaves rotation too, its requests are refused. Of a task that was never in rotation nothing follows.
    pub fn kill(&mut self, now: Time, task: TaskId, sink: &mut impl FnMut(&Request)) {
        let Some(mut remains) = self.backends.kill(task) else { return };
        for request in remains.unfinished.drain(..) {
            sink(&Request {
                client: request.client,
                service: remains.service,
                task: Some((task, remains.image)),
                sent: request.sent,
                ended: now,
                outcome: RequestOutcome::Reset,
            });
            let client = &mut self.clients[request.client];
            client.ended_early(request.user, request.end - now);
            self.order.set(request.client.index(), order_key(client.next(), request.client.0));
        }
        self.backends.recycle(remains.unfinished);
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
