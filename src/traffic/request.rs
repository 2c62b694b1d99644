//! One request's life: from its client through the network to a task, and what may go wrong on the way.

use super::Routing;
use super::server::{InFlight, Servers, State, Work};
use super::waiting::{Wait, Waiter, Waiting};
use crate::kernel::rng::split;
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

/// A pause before another attempt doubles at most so often.
const MOST_DOUBLINGS: u32 = 16;

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
    /// The next attempt of the same request, at `at`: other work, drawn anew.
    fn again(self, at: Time) -> Attempt {
        Attempt { tries: self.tries + 1, at, draw: split(self.draw, 1), ..self }
    }

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
    /// It was there, and nobody on the way remembers it.
    Forgotten(TaskId),
    /// The load balancer thinks none of its backends well, for this reason.
    Nowhere(Cause),
}

/// What a load balancer's check says of a backend.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// It answers.
    Well,
    /// It does not, and says so.
    Fails(Cause),
    /// There is no answer.
    Silent(Cause),
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
pub(super) struct Patience {
    pub(super) service: ServiceId,
    connect: Span,
    pub(super) request: Option<Span>,
    pub(super) retries: u32,
    backoff: Span,
}

impl Patience {
    pub(super) fn of(client: &ClientSpec) -> Patience {
        let kernel = FIRST_CONNECTION_WAIT * ((1 << CONNECTION_PACKETS) - 1);
        Patience {
            service: client.service,
            connect: client.connect.connect_timeout.map_or(kernel, |timeout| timeout.min(kernel)),
            request: client.connect.request_timeout,
            retries: client.connect.retries,
            backoff: client.connect.backoff,
        }
    }

    /// When a client gives up an attempt that began at `at` and has no connection.
    pub(super) fn connection_ends(&self, at: Time) -> Time {
        at.saturating_add(self.request.map_or(self.connect, |request| request.min(self.connect)))
    }

    /// When it gives up an attempt that began at `at` and has one.
    pub(super) fn request_ends(&self, at: Time) -> Time {
        self.request.map_or(Time::MAX, |timeout| at.saturating_add(timeout))
    }

    /// When it tries again what failed at `at` after so many attempts before; `None`: it gives up.
    pub(super) fn next_try(&self, at: Time, tries: u32) -> Option<Time> {
        (tries < self.retries).then(|| at.saturating_add(self.backoff * (1 << tries.min(MOST_DOUBLINGS))))
    }
}

/// All requests that have been sent, and the tasks that work on them.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) servers: Servers,
    pub(super) waiting: Waiting,
    pub(super) in_flight: IdVec<ServiceId, u32>,
    patience: IdVec<ClientId, Patience>,
}

/// The world in which requests are sent.
pub(super) struct Cx<'a, N, S> {
    /// What is answered by this instant is told at once: nothing will change before.
    pub(super) certain: Time,
    pub(super) network: &'a mut N,
    pub(super) sink: &'a mut S,
}

impl Requests {
    pub(super) fn new(clients: &IdVec<ClientId, ClientSpec>, servers: Servers, services: usize) -> Requests {
        Requests {
            servers,
            waiting: Waiting::default(),
            in_flight: IdVec::filled(services, 0),
            patience: clients.values().map(Patience::of).collect(),
        }
    }

    /// Whether a client calls the service.
    pub(super) fn are_called(&self, service: ServiceId) -> bool {
        self.patience.values().any(|patience| patience.service == service)
    }

    /// Tells the requests that are answered up to and including `now`.
    pub(super) fn retire(&mut self, now: Time, sink: &mut impl FnMut(&Request)) {
        self.servers.retire(now, &mut self.in_flight, sink);
    }

    /// The instant before which nothing happens to a task by requests, or to a request that waits.
    #[inline]
    pub(super) fn next_interruption(&self) -> Time {
        self.servers.next_notice().min(self.waiting.next().saturating_add(Span::from_nanos(1)))
    }

    /// Sends a request. `draw` gives a number by chance to the name's resolver.
    #[inline]
    pub(super) fn send<N: Routing, S: FnMut(&Request)>(
        &mut self,
        attempt: Attempt,
        way: Way,
        draw: impl FnOnce() -> u64,
        cx: &mut Cx<'_, N, S>,
    ) -> Sent {
        let at = attempt.at;
        match way {
            Way::Enter(entry) => {
                let route = cx.network.route(entry, draw);
                self.follow(attempt, entry, route, at, 0, cx)
            }
            Way::Known(entry, task) => self.follow(attempt, entry, Route::Task(task), at, 0, cx),
            Way::Open(entry, task) => self.reuse(attempt, entry, task, cx),
            Way::Nowhere(cause) => self.fail(attempt, None, at, Failure::NoBackend, cause, cx.sink),
            Way::Forgotten(task) => self.fail(attempt, Some(task), at, Failure::Reset, Cause::StaleEntry, cx.sink),
        }
    }

    /// What a check at `at` says of a task, or of whatever the entry leads to.
    pub(super) fn probe<N: Routing>(&self, entry: EntryId, task: Option<TaskId>, at: Time, network: &mut N) -> Verdict {
        let task = match task.map_or_else(|| network.route(entry, || 0), Route::Task) {
            Route::Task(task) => task,
            Route::Nobody => return Verdict::Fails(Cause::NoTask),
            Route::Refused => return Verdict::Fails(Cause::NodeLost),
            Route::Silence => return Verdict::Silent(Cause::NodeLost),
        };
        match self.servers.get(task).map_or(State::Removed, |server| server.state) {
            _ if !network.connects(entry, task) => Verdict::Silent(Cause::NodeLost),
            State::Serving => self.servers.ailment(task, at).map_or(Verdict::Well, Verdict::Fails),
            State::Booting => Verdict::Fails(Cause::Booting),
            State::Draining => Verdict::Fails(Cause::Stopping),
            State::Ended(cause) => Verdict::Fails(cause),
            State::Removed => Verdict::Silent(Cause::StaleEntry),
            State::Lost => Verdict::Silent(Cause::NodeLost),
        }
    }

    /// A packet that asks for a connection, after so many others, takes this route at `at`.
    #[inline]
    fn follow<N: Routing, S: FnMut(&Request)>(
        &mut self,
        attempt: Attempt,
        entry: EntryId,
        route: Route,
        at: Time,
        packets: u32,
        cx: &mut Cx<'_, N, S>,
    ) -> Sent {
        let (failure, cause) = match route {
            Route::Task(task) => return self.knock(attempt, entry, task, at, packets, cx),
            Route::Silence => return self.ask_again(attempt, entry, None, packets),
            Route::Refused => (Failure::Refused, Cause::NodeLost),
            Route::Nobody if cx.network.access(entry) == Access::DnsRoundRobin => (Failure::NoBackend, Cause::NoTask),
            Route::Nobody => (Failure::Refused, Cause::NoTask),
        };
        self.fail(attempt, None, at, failure, cause, cx.sink)
    }

    /// A packet that asks for a connection comes to the address of a task (data-plane rule 83).
    #[inline]
    fn knock<N: Routing, S: FnMut(&Request)>(
        &mut self,
        attempt: Attempt,
        entry: EntryId,
        task: TaskId,
        at: Time,
        packets: u32,
        cx: &mut Cx<'_, N, S>,
    ) -> Sent {
        let state = self.servers.get(task).map_or(State::Removed, |server| server.state);
        let cause = match state {
            _ if !cx.network.connects(entry, task) => return self.ask_again(attempt, entry, Some(task), packets),
            State::Serving => return self.accept(attempt, entry, task, at, cx),
            State::Removed | State::Lost => return self.ask_again(attempt, entry, Some(task), packets),
            State::Booting => Cause::Booting,
            State::Draining => Cause::Stopping,
            State::Ended(cause) => cause,
        };
        self.fail(attempt, Some(task), at, Failure::Refused, cause, cx.sink)
    }

    /// A task that listens takes a request at `at`.
    #[inline]
    fn accept<N, S: FnMut(&Request)>(
        &mut self,
        attempt: Attempt,
        entry: EntryId,
        task: TaskId,
        at: Time,
        cx: &mut Cx<'_, N, S>,
    ) -> Sent {
        let patience = &self.patience[attempt.client];
        let deadline = patience.request_ends(attempt.at);
        let (at, failure, cause) = match self.servers.work(task, at, attempt.draw) {
            Work::Answer(end) if end <= deadline => return self.answer(attempt, entry, task, end, cx),
            Work::Error(end) if end <= deadline => (end, Failure::HttpError, Cause::Application),
            Work::Full => return self.fail(attempt, Some(task), at, Failure::Refused, Cause::Overload, cx.sink),
            Work::Answer(end) | Work::Error(end) => {
                // What it would have taken alone is the application's own fault.
                let alone = self.servers.service_time(task, attempt.draw);
                let is_slow = deadline.saturating_sub(alone) < at;
                debug_assert!(deadline < end);
                (deadline, Failure::Timeout, if is_slow { Cause::Application } else { Cause::Overload })
            }
        };
        self.wait(Waiter { at, attempt, entry, task: Some(task), what: Wait::Failure(failure, cause) });
        Sent { end: None, taken: Some((entry, task)) }
    }

    /// A task will have answered a request at `end`.
    #[inline]
    fn answer<N, S: FnMut(&Request)>(
        &mut self,
        attempt: Attempt,
        entry: EntryId,
        task: TaskId,
        end: Time,
        cx: &mut Cx<'_, N, S>,
    ) -> Sent {
        let service = self.patience[attempt.client].service;
        if end <= cx.certain {
            let image = self.servers.get(task).map(|server| (task, server.image));
            (cx.sink)(&attempt.ended(service, image, end, RequestOutcome::Ok));
        } else {
            self.servers.keep(task, InFlight { attempt, entry, end });
            self.in_flight[service] += 1;
        }
        Sent { end: Some(end), taken: Some((entry, task)) }
    }

    /// A request is sent on a connection that is there (data-plane rule 84). It breaks the connection if the load balancer does not
    /// have the task any more, be it because the task is gone or because a partition hid it (rule 69).
    fn reuse<N: Routing, S: FnMut(&Request)>(
        &mut self,
        attempt: Attempt,
        entry: EntryId,
        task: TaskId,
        cx: &mut Cx<'_, N, S>,
    ) -> Sent {
        if !self.is_held(entry, task, cx.network) {
            return self.fail(attempt, Some(task), attempt.at, Failure::Reset, Cause::NodeLost, cx.sink);
        }
        let is_lost = self.servers.get(task).is_some_and(|server| server.state == State::Lost);
        if !is_lost && cx.network.connects(entry, task) {
            return self.accept(attempt, entry, task, attempt.at, cx);
        }
        self.hang(attempt, entry, task);
        Sent { end: None, taken: None }
    }

    /// Whether a connection leads to the same task still.
    fn is_held<N: Routing>(&self, entry: EntryId, task: TaskId, network: &N) -> bool {
        match network.access(entry) {
            // The client itself has the address of the task.
            Access::DnsRoundRobin | Access::HostPort => true,
            Access::Direct | Access::Vip => network.is_pinned(entry, task),
        }
    }

    /// Nobody answers a packet that asks for a connection, after so many others: the next is sent in time, or patience ends.
    fn ask_again(&mut self, attempt: Attempt, entry: EntryId, task: Option<TaskId>, packets: u32) -> Sent {
        let next = next_packet(attempt.at, packets);
        let packets = packets + 1;
        self.wait(Waiter {
            at: next.min(self.patience_ends(&attempt)),
            attempt,
            entry,
            task,
            what: Wait::Connection { packets },
        });
        Sent { end: None, taken: None }
    }

    /// When a client gives up an attempt that has no connection.
    fn patience_ends(&self, attempt: &Attempt) -> Time {
        self.patience[attempt.client].connection_ends(attempt.at)
    }

    /// A task has a request, and will never say anything more.
    fn hang(&mut self, attempt: Attempt, entry: EntryId, task: TaskId) {
        let at = self.patience[attempt.client].request_ends(attempt.at);
        self.wait(Waiter { at, attempt, entry, task: Some(task), what: Wait::Silence });
    }

    fn wait(&mut self, waiter: Waiter) {
        self.in_flight[self.patience[waiter.attempt.client].service] += 1;
        self.waiting.push(waiter);
    }

    /// An attempt fails at `at`: its client tries again after a pause, or gives up.
    fn fail(
        &mut self,
        attempt: Attempt,
        task: Option<TaskId>,
        at: Time,
        failure: Failure,
        cause: Cause,
        sink: &mut impl FnMut(&Request),
    ) -> Sent {
        let patience = &self.patience[attempt.client];
        if let Some(next) = patience.next_try(at, attempt.tries) {
            let attempt = attempt.again(next);
            self.wait(Waiter { at: attempt.at, attempt, entry: EntryId(0), task: None, what: Wait::Retry });
            return Sent { end: None, taken: None };
        }
        let task = task.and_then(|task| Some((task, self.servers.get(task)?.image)));
        sink(&attempt.ended(patience.service, task, at, RequestOutcome::Failed(failure, cause)));
        Sent { end: Some(at), taken: None }
    }
}

/// What befalls requests that have been sent.
impl Requests {
    /// What a request waits for happens by itself. `draw`: as for [`Requests::send`]; a retry is sent by its client.
    pub(super) fn wake<N: Routing, S: FnMut(&Request)>(
        &mut self,
        waiter: Waiter,
        draw: impl FnOnce() -> u64,
        cx: &mut Cx<'_, N, S>,
    ) -> Sent {
        let Waiter { at, attempt, entry, task, what } = waiter;
        let packets = match what {
            Wait::Failure(failure, cause) => return self.fail(attempt, task, at, failure, cause, cx.sink),
            Wait::Silence => return self.fail(attempt, task, at, Failure::Timeout, Cause::NodeLost, cx.sink),
            Wait::Retry => 0,
            Wait::Connection { packets } => packets,
        };
        if what != Wait::Retry && at >= self.patience_ends(&attempt) {
            let is_removed = |task| self.servers.get(task).is_some_and(|server| server.state == State::Removed);
            let is_stale = task.is_some_and(|task| cx.network.connects(entry, task) && is_removed(task));
            let cause = if is_stale { Cause::StaleEntry } else { Cause::NodeLost };
            return self.fail(attempt, task, at, Failure::Timeout, cause, cx.sink);
        }
        match task.filter(|task| self.is_held(entry, *task, cx.network)) {
            Some(task) => self.knock(attempt, entry, task, at, packets, cx),
            None => {
                let route = cx.network.route(entry, draw);
                self.follow(attempt, entry, route, at, packets, cx)
            }
        }
    }

    /// Takes the request of a waiter, which waits no longer.
    pub(super) fn release(&mut self, waiter: &Waiter) {
        self.in_flight[self.patience[waiter.attempt.client].service] -= 1;
    }

    /// The process of a task ended at `now` for this reason: what it has not answered breaks. Tells `follow_up` what becomes of
    /// each attempt.
    pub(super) fn cut_off(
        &mut self,
        now: Time,
        task: TaskId,
        cause: Cause,
        sink: &mut impl FnMut(&Request),
        follow_up: &mut impl FnMut(&Attempt, Sent),
    ) {
        let mut unanswered = self.servers.take_in_flight(task);
        for InFlight { attempt, .. } in unanswered.drain(..) {
            self.in_flight[self.patience[attempt.client].service] -= 1;
            let sent = self.fail(attempt, Some(task), now, Failure::Reset, cause, sink);
            follow_up(&attempt, sent);
        }
        self.servers.recycle(unanswered);
        let has_it = |waiter: &Waiter| matches!(waiter.what, Wait::Failure(..)) && waiter.at > now;
        for waiter in self.waiting.take(|waiter| waiter.task == Some(task) && has_it(waiter)) {
            self.release(&waiter);
            let sent = self.fail(waiter.attempt, Some(task), now, Failure::Reset, cause, sink);
            follow_up(&waiter.attempt, sent);
        }
    }

    /// A task is gone with its node: nobody hears of what it has not answered.
    pub(super) fn lose(&mut self, now: Time, task: TaskId, follow_up: &mut impl FnMut(&Attempt, Sent)) {
        let mut unanswered = self.servers.take_in_flight(task);
        for InFlight { attempt, entry, .. } in unanswered.drain(..) {
            self.in_flight[self.patience[attempt.client].service] -= 1;
            self.hang(attempt, entry, task);
            follow_up(&attempt, Sent { end: None, taken: None });
        }
        self.servers.recycle(unanswered);
        let has_it = |waiter: &Waiter| matches!(waiter.what, Wait::Failure(Failure::HttpError, _)) && waiter.at > now;
        for waiter in self.waiting.take(|waiter| waiter.task == Some(task) && has_it(waiter)) {
            self.release(&waiter);
            self.hang(waiter.attempt, waiter.entry, task);
        }
    }

    /// A load balancer has forgotten a task: a connection through it to a task that is silent breaks with the next packet that is
    /// sent on it (data-plane rules 69, 84).
    pub(super) fn forget<N: Routing>(&mut self, now: Time, entry: EntryId, task: TaskId, network: &N) {
        let is_direct = network.access(entry) == Access::Direct;
        let hangs =
            |waiter: &Waiter| waiter.what == Wait::Silence && (waiter.entry, waiter.task) == (entry, Some(task));
        for waiter in self.waiting.take(hangs) {
            let broken = if is_direct { now } else { next_retransmission(waiter.attempt.at, now) };
            let waiter = match broken < waiter.at {
                true => Waiter { at: broken, what: Wait::Failure(Failure::Reset, Cause::NodeLost), ..waiter },
                false => waiter,
            };
            self.waiting.push(waiter);
        }
    }
}

/// When a client that asks for a connection since `sent`, and has sent so many packets before the last, sends the next.
pub(super) fn next_packet(sent: Time, packets: u32) -> Time {
    sent.saturating_add(FIRST_CONNECTION_WAIT * ((2 << packets) - 1))
}

/// When what was sent at `sent` is sent again, at `now` or later.
pub(super) fn next_retransmission(sent: Time, now: Time) -> Time {
    let mut wait = FIRST_RETRANSMISSION;
    let mut next = sent + wait;
    while next < now {
        wait = wait * 2;
        next = next.saturating_add(wait);
    }
    next
}
