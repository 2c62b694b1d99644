//! Tests of traffic as a whole, against a simulation by events among others.

use super::reference::{self, Case, Change, Rotation};
use super::*;
use crate::kernel::curve::Piece;
use crate::kernel::{Curve, Dist};
use crate::model::client::{Connect, Load};
use crate::model::request::{Failure, RequestOutcome};
use proptest::prelude::*;

pub(super) const WEB: ServiceId = ServiceId(0);
pub(super) const IMAGE: ImageId = ImageId(0);

fn ms(millis: u64) -> Span {
    Span::from_millis(millis)
}

fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

pub(super) fn client(from: u64, until: u64, load: Load) -> ClientSpec {
    ClientSpec {
        name: String::from("client"),
        service: WEB,
        from: at(from),
        until: at(until),
        load,
        connect: Connect::default(),
    }
}

fn open(gap: Dist) -> Load {
    Load::Open { gap }
}

fn closed(concurrency: u32, think: Span, client_time: Span) -> Load {
    Load::Closed { concurrency, requests: None, think: Dist::Constant(think), client_time }
}

const REFUSED: RequestOutcome = RequestOutcome::Failed(Failure::Refused, Cause::NoTask);

pub(super) fn application(service_time: Dist) -> Application {
    Application { service_time, ..Application::default() }
}

/// One client of a service whose `tasks` are in rotation from the start, at the end.
pub(super) fn case(tasks: u32, service_time: Dist, client: ClientSpec, end: u64) -> Case {
    Case {
        clients: [client].into_iter().collect(),
        applications: [application(service_time)].into_iter().collect(),
        services: 1,
        changes: (0..tasks).map(|task| (Time::ZERO, Change::Enter(WEB, TaskId(task), IMAGE))).collect(),
        seed: 1,
        end: at(end),
    }
}

/// All requests of the case that ended and how many did not, with stops at `stops` on the way.
fn run_with_stops(case: &Case, stops: &[Time]) -> (Vec<Request>, IdVec<ServiceId, u32>) {
    let mut world = World::new(case);
    let mut stops = stops.iter().copied().peekable();
    for &(now, change) in &case.changes {
        while let Some(stop) = stops.next_if(|stop| *stop <= now) {
            world.advance(stop);
        }
        world.advance(now);
        world.change(now, change);
    }
    for stop in stops {
        world.advance(stop);
    }
    world.advance(case.end);
    (world.ended, world.traffic.in_flight().clone())
}

/// Traffic, and a rotation for each service that knows of every change at once.
struct World {
    traffic: Traffic,
    rotations: Rotations,
    ended: Vec<Request>,
}

/// The entry of a service has its number.
struct Rotations(Vec<Rotation>);

impl Routing for Rotations {
    fn route(&mut self, entry: EntryId, _draw: impl FnOnce() -> u64) -> Route {
        self.0[entry.index()].next().map_or(Route::Nobody, Route::Task)
    }

    fn connects(&self, _entry: EntryId, _task: TaskId) -> bool {
        true
    }

    fn is_pinned(&self, _entry: EntryId, _task: TaskId) -> bool {
        true
    }

    fn backends(&self, _entry: EntryId) -> &[TaskId] {
        &[]
    }

    fn access(&self, _entry: EntryId) -> Access {
        Access::Direct
    }
}

impl World {
    fn new(case: &Case) -> World {
        let entries = case.clients.values().map(|client| vec![EntryId(client.service.0)]).collect();
        let streams = Streams::new(case.seed);
        let traffic = Traffic::new(&case.clients, entries, case.applications.clone(), case.services, &streams);
        World { traffic, rotations: Rotations(vec![Rotation::default(); case.services]), ended: Vec::new() }
    }

    fn advance(&mut self, now: Time) {
        let reached = self.traffic.advance(now, &mut self.rotations, &mut |request| self.ended.push(*request));
        assert_eq!(reached, now, "no task reacts to requests");
    }

    fn change(&mut self, now: Time, change: Change) {
        match change {
            Change::Enter(service, task, image) => {
                self.traffic.listen(task, service, image);
                self.rotations.0[service.index()].enter(task);
            }
            Change::Leave(service, task) => self.rotations.0[service.index()].leave(task),
            Change::Kill(task) => {
                self.traffic.kill(now, task, Cause::Application, &mut |request| self.ended.push(*request));
            }
        }
    }
}

pub(super) fn run(case: &Case) -> Vec<Request> {
    sorted(run_with_stops(case, &[]).0)
}

fn sorted(mut requests: Vec<Request>) -> Vec<Request> {
    requests.sort_by_key(|r| (r.sent, r.client, r.ended, r.task, r.outcome.kind()));
    requests
}

fn count(requests: &[Request], kind: usize) -> usize {
    requests.iter().filter(|request| request.outcome.kind() == kind).count()
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

/// A second of nothing, a second of 100 requests, and a ramp of a second from there to 300 a second, where it stays.
fn ramp(is_poisson: bool) -> Load {
    let piece = |begin, end| Piece { length: ms(1_000), begin, end };
    let pieces = vec![piece(0.0, 0.0), piece(100.0, 100.0), piece(100.0, 300.0)];
    Load::Varying { rate: Curve::of_pieces(pieces, false), is_poisson }
}

#[test]
fn a_rate_that_changes_is_kept_to_evenly() {
    let sent = sent_ms(&run(&case(1, Dist::default(), client(500, 4_500, ramp(false)), 5_000)));
    let between = |from: u64, to: u64| sent.iter().filter(|at| (from..to).contains(at)).count();
    assert_eq!(sent[..3], [1_500, 1_510, 1_520], "after a second of nothing, which begins with the client");
    assert_eq!([between(1_500, 2_500), between(2_500, 3_500), between(3_500, 4_500)], [100, 200, 300]);
    assert!(sent[101..300].windows(3).all(|next| next[2] - next[1] <= next[1] - next[0] + 1), "ever faster");
}

#[test]
fn poisson_arrivals_of_a_rate_that_changes_have_its_mean_and_variance() {
    let counts = (0..400).map(|seed| {
        let case = Case { seed, ..case(1, Dist::default(), client(0, 3_000, ramp(true)), 5_000) };
        run(&case).iter().filter(|request| request.sent >= at(2_000)).count() as f64
    });
    let counts: Vec<f64> = counts.collect();
    let mean = counts.iter().sum::<f64>() / 400.0;
    let variance = counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / 399.0;
    // 200 are to be expected in the ramp: four standard deviations of the mean are 2.8, and of the variance 57.
    assert!((mean - 200.0).abs() < 2.8 && (variance - 200.0).abs() < 57.0, "{mean} and {variance}");
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
    let refused: Vec<Request> = requests.into_iter().filter(|request| request.outcome == REFUSED).collect();
    assert_eq!(sent_ms(&refused), [0, 10, 40, 50]);
    assert!(refused.iter().all(|request| request.task.is_none() && request.latency() == Span::ZERO));
}

#[test]
fn requests_go_on_after_their_task_left_rotation() {
    let mut case = case(1, Dist::Constant(ms(30)), client(0, 15, open(Dist::Constant(ms(10)))), 100);
    case.changes.push((at(15), Change::Leave(WEB, TaskId(0))));
    let requests = run(&case);
    assert_eq!(ended_ms(&requests), [30, 60]);
    assert_eq!(count(&requests, RequestOutcome::Ok.kind()), 2);
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
    assert!(count(&other, REFUSED.kind()) > 0);
    for (a, b) in one.iter().zip(&other) {
        assert_eq!(a.sent, b.sent);
        // There are so many tasks that no request waits: a latency is a service time.
        assert!(b.outcome == REFUSED || a.latency() == b.latency());
    }
}

#[test]
fn a_retry_is_other_work_and_meets_errors_as_if_it_were_the_first() {
    let mut spec = client(0, 100_000, open(Dist::Constant(ms(10))));
    (spec.connect.retries, spec.connect.backoff) = (1, ms(1));
    let mut case = case(1, Dist::Exponential { mean: ms(1) }, spec, 200_000);
    case.applications[IMAGE].error_share = 0.3;
    case.applications[IMAGE].concurrency = 100;
    let requests = run(&case);
    let failed = requests.iter().filter(|request| request.outcome != RequestOutcome::Ok).count();
    // 900 of 10,000 by the binomial law, whose standard deviation is 28.6.
    assert!((800..1_000).contains(&failed), "{failed}");
    let first = |request: &&Request| request.latency() < ms(1);
    let again: Vec<&Request> = requests.iter().filter(|request| !first(request)).collect();
    let mean = again.iter().map(|request| request.latency().as_secs_f64()).sum::<f64>() / again.len() as f64;
    assert!(mean < 4e-3, "the work of both attempts and a pause of 1 ms: {mean}");
}

#[test]
fn without_clients_nothing_happens() {
    let mut traffic = Traffic::new(&IdVec::new(), IdVec::new(), IdVec::new(), 1, &Streams::new(1));
    assert!(traffic.is_idle());
    traffic.advance(Time::MAX, &mut Rotations(Vec::new()), &mut |_| panic!("a request of nobody"));
}

/// Whole milliseconds, so that instants coincide, and among them distributions.
fn spans(least: u64, most: u64) -> impl Strategy<Value = Dist> {
    prop_oneof![
        (least..=most).prop_map(|span| Dist::Constant(ms(span))),
        (1..=most).prop_map(|mean| Dist::Exponential { mean: ms(mean) }),
        Just(Dist::Empirical([ms(least), ms(most)].into())),
    ]
}

fn loads() -> impl Strategy<Value = Load> {
    let closed = (1..5u32, proptest::option::of(1..20u64), spans(0, 4), 0..3u64);
    let pieces = prop::collection::vec((0..15u64, 0..3u32, 0..3u32), 1..4);
    let varying = (pieces, any::<bool>(), any::<bool>()).prop_map(|(pieces, repeats, is_poisson)| {
        let piece = |(length, begin, end): (u64, u32, u32)| Piece {
            length: ms(length),
            begin: f64::from(begin) * 200.0,
            end: f64::from(end) * 200.0,
        };
        let last = Piece { length: ms(5), begin: 100.0, end: 0.0 };
        let pieces = pieces.into_iter().map(piece).chain([last]).collect();
        Load::Varying { rate: Curve::of_pieces(pieces, repeats), is_poisson }
    });
    prop_oneof![
        spans(1, 5).prop_map(open),
        varying,
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
    let applications = prop::collection::vec(spans(0, 6).prop_map(application), 2);
    let tasks = prop::collection::vec(lives(), 0..7);
    (clients, applications, tasks, any::<u64>()).prop_map(|(clients, applications, tasks, seed)| {
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
        let (clients, applications) = (clients.into_iter().collect(), applications.into_iter().collect());
        Case { clients, applications, services: 2, changes, seed, end: at(70) }
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
