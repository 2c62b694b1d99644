//! One request's life: from its client through the network to a task, and what may go wrong on the way.

use super::Routing;
use super::server::{InFlight, Servers, State};
use super::waiting::{Wait, Waiter, Waiting};
use crate::kernel::{IdVec, Span, Time};
use crate::model::client::{Access, ClientSpec};
use crate::model::request::{Cause, Failure, Request, RequestOutcome, Route};
use crate::model::{ClientId, EntryId, ImageId, ServiceId, TaskId};

/// Wait after the first packet that asks for a connection; each further one is twice as long (data-plane rule 83).
const FIRST_CONNECTION_WAIT: Span = Span::from_secs(1);

/// Packets after which the kernel asks no more: the first and `tcp_syn_retries`.
///
/// Source: linux: include/net/tcp.h `TCP_SYN_RETRIES`.
const CONNECTION_PACKETS: u32 = 7;

/// Wait before the first retransmission on a connection; each further one is twice as long.
///
/// Source: linux: include/net/tcp.h `TCP_RTO_MIN`. `Assumed:` the round trip is short beside it.
const FIRST_RETRANSMISSION: Span = Span::from_millis(200);

/// One attempt of a client to get an answer to a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// When the request was sent first.
    pub(super) first: Time,
    /// When this attempt began.
    pub(super) at: Time,
    /// The uniform number from which the service time is made.
    pub(super) draw: u64,
    pub(super) client: ClientId,
    /// Which of the users of a closed loop; 0 for an open one.
    pub(super) user: u32,
    /// Attempts before this one.
    pub(super) tries: u32,
}

impl Attempt {
    /// What is told of the request.
    #[inline]
    pub(super) fn ended(
        &self,
        service: ServiceId,
        task: Option<(TaskId, ImageId)>,
        ended: Time,
        outcome: RequestOutcome,
    ) -> Request {
        Request { client: self.client, service, task, sent: self.first, ended, outcome }
    }
}

/// How a connection leaves its client.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// It enters here.
    Enter(EntryId),
    /// It enters here, to the address of this task, which the client knows.
    Known(EntryId, TaskId),
    /// It is there already, and leads to this task.
    Open(EntryId, TaskId),
}

/// What became of an attempt at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    /// When the request ends; `None`: that will be seen.
    pub(super) end: Option<Time>,
    /// The task that has or had it, if one took it.
    pub(super) taken: Option<(EntryId, TaskId)>,
}

/// What a client does about failures.
#[derive(Clone, Copy, Debug)]
struct Patience {
    service: ServiceId,
    connect: Span,
    request: Option<Span>,
    retries: u32,
    backoff: Span,
}

/// All requests that have been sent, and the tasks that work on them.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) servers: Servers,
    pub(super) waiting: Waiting,
    pub(super) in_flight: IdVec<ServiceId, u32>,
    patience: IdVec<ClientId, Patience>,
}

impl Requests {
    pub(super) fn new(clients: &IdVec<ClientId, ClientSpec>, servers: Servers, services: usize) -> Requests {
        let kernel = FIRST_CONNECTION_WAIT * ((1 << CONNECTION_PACKETS) - 1);
        let patience = |client: &ClientSpec| Patience {
            service: client.service,
            connect: client.connect.connect_timeout.map_or(kernel, |timeout| timeout.min(kernel)),
            request: client.connect.request_timeout,
            retries: client.connect.retries,
            backoff: client.connect.backoff,
        };
        Requests {
            servers,
            waiting: Waiting::default(),
            in_flight: IdVec::filled(services, 0),
            patience: clients.values().map(patience).collect(),
        }
    }

    /// Tells the requests that are answered up to and including `now`.
    pub(super) fn retire(&mut self, now: Time, sink: &mut impl FnMut(&Request)) {
        self.servers.retire(now, &mut self.in_flight, sink);
    }

    /// Sends a request; if it is answered by `now`, it is told at once.
    #[inline]
    pub(super) fn send<N: Routing>(
        &mut self,
        attempt: Attempt,
        way: Way,
        now: Time,
        draw: impl FnOnce() -> u64,
        network: &mut N,
        sink: &mut impl FnMut(&Request),
    ) -> Sent {
        let (entry, route) = match way {
            Way::Enter(entry) => (entry, network.route(entry, draw)),
            Way::Known(entry, task) => (entry, Route::Task(task)),
            Way::Open(entry, task) => return self.reuse(attempt, entry, task, now, network, sink),
        };
        match route {
            Route::Task(task) => self.connect(attempt, entry, task, attempt.at, 0, now, network, sink),
            Route::Nobody => {
                let failure = match network.access(entry) {
                    Access::DnsRoundRobin => Failure::NoBackend,
                    Access::Direct | Access::Vip | Access::HostPort => Failure::Refused,
                };
                self.fail(attempt, None, attempt.at, failure, Cause::NoTask, sink)
            }
            Route::Refused => self.fail(attempt, None, attempt.at, Failure::Refused, Cause::NodeLost, sink),
            Route::Silence => self.ask_again(attempt, entry, None, 0),
        }
    }
}
