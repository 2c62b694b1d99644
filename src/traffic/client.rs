//! Clients: when each sends its next request, and which way.

use super::balancer::Balancer;
use super::request::{Attempt, Cx, Requests, Sent, Way};
use super::server::State;
use super::{Routing, key_index, key_time, order_key};
use crate::kernel::dist::open_unit;
use crate::kernel::winner_tree::WinnerTree;
use crate::kernel::{Curve, Dist, Span, Stream, StreamRng, Streams, Time};
use crate::model::client::{Access, Choice, ClientSpec, Load};
use crate::model::request::Request;
use crate::model::{ClientId, EntryId, TaskId};

/// Least pause of a user after a request that took no time at all, if `client_time` does not pace the client either.
///
/// Without it a closed loop without think time would send for ever within one instant, to a service without tasks (all
/// requests are refused at once) or with a service time of zero.
/// `Assumed:` about what a refused connection costs a client in a network.
const RETRY_PAUSE: Span = Span::from_millis(1);

/// How long an answer of the name's resolver holds.
///
/// Source: moby: daemon/libnetwork/resolver.go `respTTL` (data-plane rule 80).
const DNS_TTL: Span = Span::from_secs(600);

/// How long IPVS remembers a connection without packets.
///
/// Source: linux: net/netfilter/ipvs/ip_vs_proto_tcp.c `tcp_timeouts` (data-plane rule 84).
const CONNECTION_MEMORY: Span = Span::from_secs(900);

/// One client and where it stands.
#[derive(Debug)]
pub(super) struct Client {
    id: ClientId,
    until: Time,
    /// When it sends its next request if nothing changes until then; [`Time::MAX`]: never again.
    next: Time,
    /// Numbers for the service times, one for each request whatever becomes of it: the k-th request of a client is the same
    /// work under every policy.
    work: StreamRng,
    ways: Ways,
    pace: Pace,
}

/// What decides when the next request is sent.
#[derive(Debug)]
enum Pace {
    Open { gap: Dist, arrivals: StreamRng },
    Varying(Varying),
    Closed(Users),
}

/// The arrivals of a rate that changes.
#[derive(Debug)]
struct Varying {
    rate: Curve,
    /// When the rate begins.
    from: Time,
    /// Requests that were to be expected before the next one: each adds 1, or as much as between two events of a Poisson process of
    /// rate 1.
    expected: f64,
    /// Numbers for the arrivals, one for each request; `None`: they come evenly.
    arrivals: Option<StreamRng>,
}

/// Where the connections of a client enter.
#[derive(Debug)]
struct Ways {
    entries: Vec<EntryId>,
    choice: Choice,
    turn: usize,
    picks: StreamRng,
    /// The proxy that chooses for it.
    balancer: Option<Balancer>,
    resolver: StreamRng,
    /// Whether it keeps the address that a name resolved to.
    keeps_address: bool,
    address: Option<(EntryId, TaskId, Time)>,
}

/// The users of a closed loop.
///
/// One thread serves them, in the order in which they become ready, and spends `client_time` on each request before it is
/// sent; with `client_time` zero it is no bound. A latency counts from the sending, so it excludes the wait for the thread.
#[derive(Debug)]
struct Users {
    /// For each user when it is ready to send; nothing while the end of its last request is not known.
    ready: WinnerTree,
    think: Dist,
    /// Numbers for the think times, one for each request.
    thoughts: StreamRng,
    /// How long each user thinks after its last request.
    pauses: Vec<Span>,
    /// The connection that each user keeps, and when it sent a request on it; empty if they keep none.
    connections: Vec<Option<Connection>>,
    client_time: Span,
    thread_free: Time,
    /// Requests that may still be sent.
    left: u64,
    /// Whether it ends after so many requests.
    is_bounded: bool,
}

/// A connection that is kept.
#[derive(Clone, Copy, Debug)]
struct Connection {
    entry: EntryId,
    task: TaskId,
    used: Time,
}

impl Client {
    /// A client whose connections enter here, at least one.
    pub(super) fn new(id: ClientId, spec: &ClientSpec, entries: Vec<EntryId>, streams: &Streams) -> Client {
        let (next, pace) = match &spec.load {
            Load::Open { gap } => {
                let mut arrivals = streams.of(Stream::Arrivals, id.0);
                let wait = if gap.is_constant() { Span::ZERO } else { gap.sample(arrivals.draw()) };
                (spec.from.saturating_add(wait), Pace::Open { gap: gap.clone(), arrivals })
            }
            Load::Varying { rate, is_poisson } => {
                let arrivals = is_poisson.then(|| streams.of(Stream::Arrivals, id.0));
                let mut varying = Varying { rate: rate.clone(), from: spec.from, expected: 0.0, arrivals };
                let first = if *is_poisson { varying.advance() } else { varying.next() };
                (first, Pace::Varying(varying))
            }
            Load::Closed { concurrency, requests, think, client_time } => {
                let kept = if spec.connect.keep_alive { *concurrency } else { 0 };
                let users = Users {
                    ready: everybody_at(spec.from, *concurrency),
                    think: think.clone(),
                    thoughts: streams.of(Stream::Think, id.0),
                    pauses: vec![Span::ZERO; *concurrency as usize],
                    connections: vec![None; kept as usize],
                    client_time: *client_time,
                    thread_free: spec.from,
                    left: requests.unwrap_or(u64::MAX),
                    is_bounded: requests.is_some(),
                };
                (users.next(), Pace::Closed(users))
            }
        };
        let balancer = spec.connect.balancer.as_ref().map(|spec| Balancer::new(id, spec, &entries, streams));
        let ways = Ways {
            entries,
            balancer,
            choice: spec.connect.choice,
            turn: 0,
            picks: streams.of(Stream::Entry, id.0),
            resolver: streams.of(Stream::Resolve, id.0),
            keeps_address: spec.connect.dns_cache && spec.connect.access == Access::DnsRoundRobin,
            address: None,
        };
        let work = streams.of(Stream::Service, id.0);
        Client { id, until: spec.until, next, work, ways, pace }
    }

    /// When it sends its next request if nothing changes until then; [`Time::MAX`]: never again.
    pub(super) fn next(&self) -> Time {
        if self.next < self.until { self.next } else { Time::MAX }
    }

    /// When its load balancer looks at its backends next; [`Time::MAX`]: never.
    pub(super) fn next_look(&self) -> Time {
        self.ways.balancer.as_ref().map_or(Time::MAX, Balancer::next)
    }

    /// Its load balancer looks at its backends, if that is due.
    pub(super) fn look<N: Routing>(&mut self, now: Time, requests: &Requests, network: &mut N) {
        if let Some(balancer) = &mut self.ways.balancer {
            balancer.act(now, requests, network);
        }
    }

    /// Whether it ends after so many requests.
    pub(super) fn is_bounded(&self) -> bool {
        matches!(&self.pace, Pace::Closed(users) if users.is_bounded)
    }

    /// Sends all requests before `horizon`, or until something else happens to a request or a task.
    pub(super) fn send_before<N: Routing, S: FnMut(&Request)>(
        &mut self,
        horizon: Time,
        requests: &mut Requests,
        cx: &mut Cx<'_, N, S>,
    ) {
        let Client { id: client, work, ways, .. } = self;
        let horizon = horizon.min(self.until);
        let mut attempt = |at, user| Attempt { first: at, at, draw: work.draw(), client: *client, user, tries: 0 };
        match &mut self.pace {
            Pace::Open { gap, arrivals } => {
                while self.next < horizon.min(requests.next_interruption()) {
                    ways.send(attempt(self.next, 0), requests, cx);
                    self.next = self.next.saturating_add(gap.sample(arrivals.draw()));
                }
            }
            Pace::Varying(varying) => {
                while self.next < horizon.min(requests.next_interruption()) {
                    ways.send(attempt(self.next, 0), requests, cx);
                    self.next = varying.advance();
                }
            }
            Pace::Closed(users) => {
                while self.next < horizon.min(requests.next_interruption()) {
                    let user = users.first();
                    let attempt = attempt(self.next, user);
                    let sent = match users.open_connection(user, self.next, requests, cx.network) {
                        Some(way) => requests.send(attempt, way, || 0, cx),
                        None => ways.send(attempt, requests, cx),
                    };
                    users.sent(&attempt, sent);
                    self.next = users.next();
                }
            }
        }
    }

    /// Sends another attempt of a request that failed.
    pub(super) fn retry<N: Routing, S: FnMut(&Request)>(
        &mut self,
        attempt: Attempt,
        requests: &mut Requests,
        cx: &mut Cx<'_, N, S>,
    ) -> Sent {
        self.ways.send(attempt, requests, cx)
    }

    /// A number by chance for the name's resolver.
    pub(super) fn draw_address(&mut self) -> u64 {
        self.ways.resolver.draw()
    }

    /// It is known now what becomes of an attempt that was sent before.
    pub(super) fn follow_up(&mut self, attempt: &Attempt, sent: Sent) {
        if let Pace::Closed(users) = &mut self.pace {
            users.settle(attempt, sent);
            self.next = users.next();
        }
    }
}

impl Varying {
    /// When the next request is sent; [`Time::MAX`]: never.
    fn next(&self) -> Time {
        self.rate.instant(self.expected).map_or(Time::MAX, |at| self.from.saturating_add(at))
    }

    /// Goes on to the request after it, and returns when that is sent.
    fn advance(&mut self) -> Time {
        self.expected += self.arrivals.as_mut().map_or(1.0, |arrivals| -libm::log(open_unit(arrivals.draw())));
        self.next()
    }
}

impl Ways {
    /// Sends a request by a new connection.
    #[inline]
    fn send<N: Routing, S: FnMut(&Request)>(
        &mut self,
        attempt: Attempt,
        requests: &mut Requests,
        cx: &mut Cx<'_, N, S>,
    ) -> Sent {
        if let Some((entry, task, until)) = self.address
            && attempt.at < until
        {
            return requests.send(attempt, Way::Known(entry, task), || 0, cx);
        }
        if let Some(balancer) = &mut self.balancer {
            return requests.send(attempt, balancer.way(), || 0, cx);
        }
        let entry = self.entry();
        let sent = requests.send(attempt, Way::Enter(entry), || self.resolver.draw(), cx);
        if self.keeps_address {
            self.address = sent.taken.map(|(entry, task)| (entry, task, attempt.at.saturating_add(DNS_TTL)));
        }
        sent
    }

    /// Where the next connection enters.
    #[inline]
    fn entry(&mut self) -> EntryId {
        if let [only] = self.entries[..] {
            return only;
        }
        let count = self.entries.len();
        let place = match self.choice {
            Choice::RoundRobin => {
                let turn = self.turn;
                self.turn = (turn + 1) % count;
                turn
            }
            Choice::Random => ((u128::from(self.picks.draw()) * count as u128) >> 64) as usize,
        };
        self.entries[place]
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
        if self.left == 0 || self.ready.min() == WinnerTree::EMPTY {
            return Time::MAX;
        }
        key_time(self.ready.min()).max(self.thread_free).saturating_add(self.client_time)
    }

    /// The connection that a user has kept, unless the other end closed it. IPVS has forgotten one that was idle for too long.
    fn open_connection<N: Routing>(&self, user: u32, at: Time, requests: &Requests, network: &N) -> Option<Way> {
        let Connection { entry, task, used } = (*self.connections.get(user as usize)?)?;
        let state = requests.servers.get(task)?.state;
        let is_forgotten = network.access(entry) == Access::Vip && at.saturating_since(used) >= CONNECTION_MEMORY;
        matches!(state, State::Serving | State::Lost).then_some(match is_forgotten {
            true => Way::Forgotten(task),
            false => Way::Open(entry, task),
        })
    }

    fn sent(&mut self, attempt: &Attempt, sent: Sent) {
        let user = attempt.user as usize;
        self.pauses[user] = self.think.sample(self.thoughts.draw());
        self.thread_free = attempt.at;
        self.left -= 1;
        self.settle(attempt, sent);
    }

    /// The user is ready when it has thought about the end of its request, once that is known.
    fn settle(&mut self, attempt: &Attempt, sent: Sent) {
        let user = attempt.user as usize;
        if let Some(connection) = self.connections.get_mut(user) {
            *connection = sent.taken.map(|(entry, task)| Connection { entry, task, used: attempt.at });
        }
        let ready = sent.end.map_or(WinnerTree::EMPTY, |end| {
            let stuck = end == attempt.first && self.client_time.is_zero();
            let pause = if stuck { self.pauses[user].max(RETRY_PAUSE) } else { self.pauses[user] };
            order_key(end.saturating_add(pause), attempt.user)
        });
        self.ready.set(user, ready);
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
