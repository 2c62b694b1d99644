//! Clients: when each sends its next request.

use super::backend::{Backends, Sending};
use super::{key_index, key_time, order_key};
use crate::kernel::winner_tree::WinnerTree;
use crate::kernel::{Dist, Span, Stream, StreamRng, Streams, Time};
use crate::model::client::{ClientSpec, Load};
use crate::model::request::Request;
use crate::model::{ClientId, ServiceId};

/// Least pause of a user after a request that took no time at all, if `client_time` does not pace the client either.
///
/// Without it a closed loop without think time would send for ever within one instant, to a service without tasks (all
/// requests are refused at once) or with a service time of zero.
/// `Assumed:` about what a refused connection costs a client in a network.
const RETRY_PAUSE: Span = Span::from_millis(1);

/// One client and where it stands.
#[derive(Debug)]
pub(super) struct Client {
    id: ClientId,
    service: ServiceId,
    until: Time,
    /// When it sends its next request if nothing changes until then; [`Time::MAX`]: never again.
    next: Time,
    /// Numbers for the service times, one for each request whatever becomes of it: the k-th request of a client is the same
    /// work under every policy.
    work: StreamRng,
    pace: Pace,
}

/// What decides when the next request is sent.
#[derive(Debug)]
enum Pace {
    Open { gap: Dist, arrivals: StreamRng },
    Closed(Users),
}

/// The users of a closed loop.
///
/// One thread serves them, in the order in which they become ready, and spends `client_time` on each request before it is
/// sent; with `client_time` zero it is no bound. A latency counts from the sending, so it excludes the wait for the thread.
#[derive(Debug)]
struct Users {
    /// For each user when it is ready to send, which is known as soon as its last request is sent.
    ready: WinnerTree,
    think: Dist,
    /// Numbers for the think times, one for each request.
    thoughts: StreamRng,
    client_time: Span,
    thread_free: Time,
    /// Requests that may still be sent.
    left: u64,
    /// Whether it ends after so many requests.
    is_bounded: bool,
}

impl Client {
    pub(super) fn new(id: ClientId, spec: &ClientSpec, streams: &Streams) -> Client {
        let (next, pace) = match &spec.load {
            Load::Open { gap } => {
                let mut arrivals = streams.of(Stream::Arrivals, id.0);
                let wait = if gap.is_constant() { Span::ZERO } else { gap.sample(arrivals.draw()) };
                (spec.from.saturating_add(wait), Pace::Open { gap: gap.clone(), arrivals })
            }
            Load::Closed { concurrency, requests, think, client_time } => {
                let users = Users {
                    ready: everybody_at(spec.from, *concurrency),
                    think: think.clone(),
                    thoughts: streams.of(Stream::Think, id.0),
                    client_time: *client_time,
                    thread_free: spec.from,
                    left: requests.unwrap_or(u64::MAX),
                    is_bounded: requests.is_some(),
                };
                (users.next(), Pace::Closed(users))
            }
        };
        let work = streams.of(Stream::Service, id.0);
        Client { id, service: spec.service, until: spec.until, next, work, pace }
    }

    /// The service that it calls.
    pub(super) fn service(&self) -> ServiceId {
        self.service
    }

    /// When it sends its next request if nothing changes until then; [`Time::MAX`]: never again.
    pub(super) fn next(&self) -> Time {
        if self.next < self.until { self.next } else { Time::MAX }
    }

    /// Whether it ends after so many requests.
    pub(super) fn is_bounded(&self) -> bool {
        matches!(&self.pace, Pace::Closed(users) if users.is_bounded)
    }

    /// Sends all requests before `horizon`; those that end up to and including `now` are told.
    pub(super) fn send_before(
        &mut self,
        horizon: Time,
        now: Time,
        backends: &mut Backends,
        sink: &mut impl FnMut(&Request),
    ) {
        let Client { id: client, service, work, .. } = self;
        let horizon = horizon.min(self.until);
        let mut send = |at, user| {
            let sending = Sending { at, client: *client, user, draw: work.draw() };
            backends.send(*service, sending, now, sink)
        };
        match &mut self.pace {
            Pace::Open { gap, arrivals } => {
                while self.next < horizon {
                    send(self.next, 0);
                    self.next = self.next.saturating_add(gap.sample(arrivals.draw()));
                }
            }
            Pace::Closed(users) => {
                while self.next < horizon {
                    let user = users.first();
                    let end = send(self.next, user);
                    users.sent(user, self.next, end);
                    self.next = users.next();
                }
            }
        }
    }

    /// A request of `user` ended `early`: that much sooner than was said when it was sent.
    pub(super) fn ended_early(&mut self, user: u32, early: Span) {
        if let Pace::Closed(users) = &mut self.pace {
            users.ended_early(user, early);
            self.next = users.next();
        }
    }
}

impl Users {
    /// The user whose turn it is.
    fn first(&self) -> u32 {
        key_index(self.ready.min())
    }

    /// When the next request is sent.
    ///
    /// It needs no state of its own between the choice of a user and the sending: whoever becomes ready later than the choice
    /// comes after the chosen one in the order of readiness.
    fn next(&self) -> Time {
        if self.left == 0 {
            return Time::MAX;
        }
        key_time(self.ready.min()).max(self.thread_free).saturating_add(self.client_time)
    }

    fn sent(&mut self, user: u32, at: Time, end: Time) {
        let think = self.think.sample(self.thoughts.draw());
        let stuck = end == at && self.client_time.is_zero();
        let pause = if stuck { think.max(RETRY_PAUSE) } else { think };
        self.ready.set(user as usize, order_key(end.saturating_add(pause), user));
        self.thread_free = at;
        self.left -= 1;
    }

    fn ended_early(&mut self, user: u32, early: Span) {
        let ready = key_time(self.ready.key(user as usize));
        self.ready.set(user as usize, order_key(ready.saturating_sub(early), user));
    }
}

/// All users ready at `from`.
fn everybody_at(from: Time, users: u32) -> WinnerTree {
    let mut ready = WinnerTree::new(users as usize);
    for user in 0..users {
        ready.set(user as usize, order_key(from, user));
    }
    ready
}
