//! Traffic: clients that send requests to services, and the tasks that work on them.
//!
//! Requests are no events of the queue. Between two changes of the system nothing but time decides what becomes of them, so
//! [`Traffic::advance`] runs through all requests of such a stretch at once, exact to the single request. Its caller advances
//! to each change before it is told: at one instant, changes come before the requests that are sent at it.

mod backend;
mod client;
#[cfg(test)]
mod reference;

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

    /// Whether a client that ends after so many requests still has some to send.
    pub fn is_unfinished(&self) -> bool {
        self.clients.values().any(|client| client.is_bounded() && client.next() < Time::MAX)
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
    ///
    /// The rotation of a service that no client calls is not kept.
    pub fn enter(&mut self, service: ServiceId, task: TaskId, image: ImageId) {
        if self.clients.values().any(|client| client.service() == service) {
            self.backends.enter(service, task, image);
        }
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

#[cfg(test)]
mod tests {
    use super::reference::{self, Case, Change};
    use super::*;
    use crate::model::client::Load;
    use proptest::prelude::*;

    const WEB: ServiceId = ServiceId(0);
    const IMAGE: ImageId = ImageId(0);

    fn ms(millis: u64) -> Span {
        Span::from_millis(millis)
    }

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    fn client(from: u64, until: u64, load: Load) -> ClientSpec {
        ClientSpec { name: String::from("client"), service: WEB, from: at(from), until: at(until), load }
    }

    fn open(gap: Dist) -> Load {
        Load::Open { gap }
    }

    fn closed(concurrency: u32, think: Span, client_time: Span) -> Load {
        Load::Closed { concurrency, requests: None, think: Dist::Constant(think), client_time }
    }

    /// One client of a service whose `tasks` are in rotation from the start, at the end.
    fn case(tasks: u32, service_time: Dist, client: ClientSpec, end: u64) -> Case {
        Case {
            clients: [client].into_iter().collect(),
            service_times: [service_time].into_iter().collect(),
            services: 1,
            changes: (0..tasks).map(|task| (Time::ZERO, Change::Enter(WEB, TaskId(task), IMAGE))).collect(),
            seed: 1,
            end: at(end),
        }
    }

    /// All requests of the case that ended and how many did not, with stops at `stops` on the way.
    fn run_with_stops(case: &Case, stops: &[Time]) -> (Vec<Request>, IdVec<ServiceId, u32>) {
        let streams = Streams::new(case.seed);
        let mut traffic = Traffic::new(&case.clients, case.service_times.clone(), case.services, &streams);
        let mut ended = Vec::new();
        let mut sink = |request: &Request| ended.push(*request);
        let mut stops = stops.iter().copied().peekable();
        for &(now, change) in &case.changes {
            while let Some(stop) = stops.next_if(|stop| *stop <= now) {
                traffic.advance(stop, &mut sink);
            }
            traffic.advance(now, &mut sink);
            match change {
                Change::Enter(service, task, image) => traffic.enter(service, task, image),
                Change::Leave(service, task) => traffic.leave(service, task),
                Change::Kill(task) => traffic.kill(now, task, &mut sink),
            }
        }
        for stop in stops {
            traffic.advance(stop, &mut sink);
        }
        traffic.advance(case.end, &mut sink);
        (ended, traffic.in_flight().clone())
    }

    fn run(case: &Case) -> Vec<Request> {
        sorted(run_with_stops(case, &[]).0)
    }

    fn sorted(mut requests: Vec<Request>) -> Vec<Request> {
        requests.sort_by_key(|r| (r.sent, r.client, r.ended, r.task, r.outcome as u8));
        requests
    }

    fn count(requests: &[Request], outcome: RequestOutcome) -> usize {
        requests.iter().filter(|request| request.outcome == outcome).count()
    }

    fn sent_ms(requests: &[Request]) -> Vec<u64> {
        requests.iter().map(|request| request.sent.as_millis()).collect()
    }

    fn ended_ms(requests: &[Request]) -> Vec<u64> {
        requests.iter().map(|request| request.ended.as_millis()).collect()
    }

    #[test]
    fn constant_arrivals_begin_at_from_and_end_before_until() {
        let requests = run(&case(1, Dist::default(), client(30, 60, open(Dist::Constant(ms(10)))), 100));
        assert_eq!(sent_ms(&requests), [30, 40, 50]);
    }

    #[test]
    fn poisson_arrivals_begin_one_gap_after_from() {
        let gap = Dist::Exponential { mean: ms(10) };
        let requests = run(&case(1, Dist::default(), client(30, 1_000_000, open(gap.clone())), 1_000_000));
        let mut draws = Streams::new(1).of(crate::kernel::Stream::Arrivals, 0);
        assert_eq!(requests[0].sent, at(30) + gap.sample(draws.draw()));
        assert_eq!(requests[1].sent, requests[0].sent + gap.sample(draws.draw()));
        assert!((99_000..101_000).contains(&requests.len()), "{}", requests.len());
    }

    #[test]
    fn a_task_works_on_one_request_at_a_time_in_order_of_arrival() {
        let requests = run(&case(2, Dist::Constant(ms(25)), client(0, 60, open(Dist::Constant(ms(10)))), 200));
        assert_eq!(sent_ms(&requests), [0, 10, 20, 30, 40, 50]);
        assert_eq!(ended_ms(&requests), [25, 35, 50, 60, 75, 85]);
        let tasks: Vec<u32> = requests.iter().filter_map(|request| request.task).map(|(task, _)| task.0).collect();
        assert_eq!(tasks, [0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn a_request_with_no_task_in_rotation_is_refused_at_once() {
        let mut case = case(0, Dist::Constant(ms(5)), client(0, 60, open(Dist::Constant(ms(10)))), 100);
        case.changes = vec![(at(20), Change::Enter(WEB, TaskId(0), IMAGE)), (at(40), Change::Leave(WEB, TaskId(0)))];
        let requests = run(&case);
        // Changes come before the requests of their instant.
        let refused: Vec<Request> =
            requests.into_iter().filter(|request| request.outcome == RequestOutcome::Refused).collect();
        assert_eq!(sent_ms(&refused), [0, 10, 40, 50]);
        assert!(refused.iter().all(|request| request.task.is_none() && request.latency() == Span::ZERO));
    }

    #[test]
    fn requests_go_on_after_their_task_left_rotation() {
        let mut case = case(1, Dist::Constant(ms(30)), client(0, 15, open(Dist::Constant(ms(10)))), 100);
        case.changes.push((at(15), Change::Leave(WEB, TaskId(0))));
        let requests = run(&case);
        assert_eq!(ended_ms(&requests), [30, 60]);
        assert_eq!(count(&requests, RequestOutcome::Ok), 2);
    }

    #[test]
    fn the_end_of_a_process_resets_what_it_has_not_finished() {
        let mut case = case(1, Dist::Constant(ms(20)), client(0, 50, open(Dist::Constant(ms(10)))), 100);
        case.changes.push((at(40), Change::Kill(TaskId(0))));
        let requests = run(&case);
        assert_eq!(ended_ms(&requests), [20, 40, 40, 40, 40]);
        // An end at the very instant is an answer; in rotation without a process is a refusal.
        let outcomes: Vec<&str> = requests.iter().map(|request| request.outcome.name()).collect();
        assert_eq!(outcomes, ["ok", "ok", "reset", "reset", "refused"]);
        assert_eq!(requests[2].task, Some((TaskId(0), IMAGE)));
    }

    #[test]
    fn users_whose_requests_are_reset_think_and_send_again() {
        let mut case = case(1, Dist::Constant(ms(20)), client(0, 100, closed(2, ms(5), Span::ZERO)), 45);
        case.changes.push((at(10), Change::Leave(WEB, TaskId(0))));
        case.changes.push((at(10), Change::Enter(WEB, TaskId(1), IMAGE)));
        case.changes.push((at(10), Change::Kill(TaskId(0))));
        let (requests, in_flight) = run_with_stops(&case, &[]);
        let requests = sorted(requests);
        assert_eq!(sent_ms(&requests), [0, 0, 15]);
        assert_eq!(ended_ms(&requests), [10, 10, 35]);
        assert_eq!(in_flight[WEB], 2, "sent at 15 and 40");
    }

    #[test]
    fn a_refused_user_pauses_before_it_tries_again() {
        let requests = run(&case(0, Dist::default(), client(0, 100, closed(2, Span::ZERO, Span::ZERO)), 3));
        assert_eq!(sent_ms(&requests), [0, 0, 1, 1, 2, 2]);
        let instant = run(&case(1, Dist::default(), client(0, 100, closed(1, Span::ZERO, Span::ZERO)), 3));
        assert_eq!(sent_ms(&instant), [0, 1, 2], "work that takes no time");
    }

    #[test]
    fn a_closed_loop_ends_after_its_requests() {
        let load = Load::Closed { concurrency: 3, requests: Some(7), think: Dist::default(), client_time: Span::ZERO };
        let requests = run(&case(1, Dist::Constant(ms(1)), client(0, 1000, load), 1000));
        assert_eq!(ended_ms(&requests), [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn throughput_of_a_closed_loop_is_users_by_the_time_of_a_round() {
        let requests = run(&case(4, Dist::Constant(ms(30)), client(0, 10_000, closed(4, ms(20), Span::ZERO)), 10_000));
        assert_eq!(requests.len(), 4 * 10_000 / 50);
    }

    #[test]
    fn throughput_of_a_closed_loop_is_bounded_by_tasks_and_by_client_time() {
        let service_time = Dist::Constant(Span::from_nanos(382_700));
        for (tasks, client_time, per_second) in [(1, 0, 2_613), (5, 182_180, 5_489)] {
            let load = closed(30, Span::ZERO, Span::from_nanos(client_time));
            let requests = run(&case(tasks, service_time.clone(), client(0, 100_000, load), 10_000));
            let rate = requests.len() as f64 / 10.0;
            assert!((rate - f64::from(per_second)).abs() < 1.0, "{tasks} tasks: {rate}/s");
        }
    }

    #[test]
    fn latency_excludes_the_time_of_the_client() {
        let load = closed(3, Span::ZERO, ms(2));
        let requests = run(&case(1, Dist::Constant(ms(1)), client(0, 100, load), 7));
        assert_eq!(sent_ms(&requests), [2, 4, 6]);
        assert_eq!(ended_ms(&requests), [3, 5, 7]);
    }

    #[test]
    fn requests_of_a_client_are_the_same_under_every_policy() {
        let spec = client(0, 10_000, open(Dist::Exponential { mean: ms(10) }));
        let one = case(100, Dist::Exponential { mean: ms(5) }, spec, 20_000);
        let mut other = one.clone();
        other.changes.truncate(60);
        for (time, _) in &mut other.changes {
            *time = at(100);
        }
        let (one, other) = (run(&one), run(&other));
        assert_eq!(one.len(), other.len());
        assert!(count(&other, RequestOutcome::Refused) > 0);
        for (a, b) in one.iter().zip(&other) {
            assert_eq!(a.sent, b.sent);
            // There are so many tasks that no request waits: a latency is a service time.
            assert!(b.outcome == RequestOutcome::Refused || a.latency() == b.latency());
        }
    }

    #[test]
    fn without_clients_nothing_happens() {
        let mut traffic = Traffic::new(&IdVec::new(), IdVec::new(), 1, &Streams::new(1));
        assert!(traffic.is_idle());
        traffic.advance(Time::MAX, &mut |_| panic!("a request of nobody"));
    }

    /// Whole milliseconds, so that instants coincide, and among them distributions.
    fn spans(least: u64, most: u64) -> impl Strategy<Value = Dist> {
        prop_oneof![
            (least..=most).prop_map(|span| Dist::Constant(ms(span))),
            (1..=most).prop_map(|mean| Dist::Exponential { mean: ms(mean) }),
            Just(Dist::Empirical(vec![ms(least), ms(most)])),
        ]
    }

    fn loads() -> impl Strategy<Value = Load> {
        let closed = (1..5u32, proptest::option::of(1..20u64), spans(0, 4), 0..3u64);
        prop_oneof![
            spans(1, 5).prop_map(open),
            closed.prop_map(|(concurrency, requests, think, client_time)| {
                Load::Closed { concurrency, requests, think, client_time: ms(client_time) }
            }),
        ]
    }

    /// A task that enters, and perhaps leaves, enters again and dies.
    fn lives() -> impl Strategy<Value = Vec<(u64, Change)>> {
        let later = || proptest::option::of(0..20u64);
        (0..2u32, 0..2u32, 0..30u64, later(), later(), later()).prop_map(|(service, image, enter, stay, gone, live)| {
            let (service, image, task) = (ServiceId(service), ImageId(image), TaskId(0));
            let mut changes = vec![(enter, Change::Enter(service, task, image))];
            changes.extend(live.map(|live| (enter + live, Change::Kill(task))));
            if let Some(stay) = stay {
                changes.push((enter + stay, Change::Leave(service, task)));
                let gone = gone.filter(|gone| live.is_none_or(|live| stay + gone < live));
                changes.extend(gone.map(|gone| (enter + stay + gone, Change::Enter(service, task, image))));
            }
            changes
        })
    }

    fn cases() -> impl Strategy<Value = Case> {
        let client = (0..2u32, 0..10u64, 0..60u64, loads()).prop_map(|(service, from, length, load)| ClientSpec {
            service: ServiceId(service),
            ..client(from, from + length, load)
        });
        let clients = prop::collection::vec(client, 1..4);
        let service_times = prop::collection::vec(spans(0, 6), 2);
        let tasks = prop::collection::vec(lives(), 0..7);
        (clients, service_times, tasks, any::<u64>()).prop_map(|(clients, service_times, tasks, seed)| {
            let mut changes = Vec::new();
            for (ordinal, life) in tasks.into_iter().enumerate() {
                let task = TaskId::from_index(ordinal);
                changes.extend(life.into_iter().map(|(millis, change)| {
                    let change = match change {
                        Change::Enter(service, _, image) => Change::Enter(service, task, image),
                        Change::Leave(service, _) => Change::Leave(service, task),
                        Change::Kill(_) => Change::Kill(task),
                    };
                    (at(millis), change)
                }));
            }
            changes.sort_by_key(|(at, _)| *at);
            let (clients, service_times) = (clients.into_iter().collect(), service_times.into_iter().collect());
            Case { clients, service_times, services: 2, changes, seed, end: at(70) }
        })
    }

    proptest! {
        #[test]
        fn requests_are_those_of_an_event_simulation(case in cases()) {
            let (requests, in_flight) = run_with_stops(&case, &[]);
            let (expected, expected_in_flight) = reference::run(&case);
            prop_assert_eq!(sorted(requests), sorted(expected));
            prop_assert_eq!(in_flight, expected_in_flight);
        }

        #[test]
        fn many_steps_give_the_requests_of_one(case in cases(), stops in prop::collection::vec(0..70_000u64, 1..50)) {
            let mut stops: Vec<Time> = stops.into_iter().map(|micros| Time::ZERO + Span::from_micros(micros)).collect();
            stops.sort();
            let (requests, in_flight) = run_with_stops(&case, &[]);
            let (stepped, stepped_in_flight) = run_with_stops(&case, &stops);
            prop_assert_eq!(sorted(stepped), sorted(requests));
            prop_assert_eq!(stepped_in_flight, in_flight);
        }
    }
}
