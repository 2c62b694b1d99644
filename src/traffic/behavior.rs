//! Tests of how tasks work on requests: backlog, errors, leaks, and what too many requests do to them.

use super::tests::{application, case, client};
use super::*;
use crate::kernel::Dist;
use crate::model::client::Load;
use crate::model::image::Condition;
use crate::model::request::{Failure, RequestOutcome};

const TASK: TaskId = TaskId(0);

/// Sends everybody to one task.
struct Only;

impl Routing for Only {
    fn route(&mut self, _entry: EntryId, _draw: impl FnOnce() -> u64) -> Route {
        Route::Task(TASK)
    }
    fn connects(&self, _entry: EntryId, _task: TaskId) -> bool {
        true
    }
    fn is_pinned(&self, _entry: EntryId, _task: TaskId) -> bool {
        true
    }
    fn backends(&self, _entry: EntryId) -> &[TaskId] {
        &[TASK]
    }
    fn access(&self, _entry: EntryId) -> Access {
        Access::Vip
    }
}

/// What a task did: when it ended requests and how, and what they did to it.
#[derive(Default)]
struct Course {
    requests: Vec<Request>,
    reactions: Vec<(u64, Reaction)>,
}

impl Course {
    /// Milliseconds at which those requests were sent that ended like this.
    fn sent(&self, outcome: RequestOutcome) -> Vec<u64> {
        let mut sent: Vec<u64> =
            self.requests.iter().filter(|r| r.outcome == outcome).map(|r| r.sent.as_millis()).collect();
        sent.sort();
        sent
    }

    /// Milliseconds that answers took, in the order in which the requests were sent.
    fn latencies(&self) -> Vec<u64> {
        let mut all: Vec<&Request> = self.requests.iter().collect();
        all.sort_by_key(|request| request.sent);
        all.iter().map(|request| request.latency().as_millis()).collect()
    }
}

const OVERLOAD: RequestOutcome = RequestOutcome::Failed(Failure::Refused, Cause::Overload);
const ERROR: RequestOutcome = RequestOutcome::Failed(Failure::HttpError, Cause::Application);

/// Traffic is advanced so far at a time, as by the full seconds of a run.
const STRIDE: Span = Span::from_millis(1_200);

/// One task, work of `work_ms` for each request, one request each `gap_ms` before `until_ms`; all are over after a minute. A crash
/// ends the process.
fn run(work_ms: u64, gap_ms: u64, until_ms: u64, change: impl FnOnce(&mut Application)) -> Course {
    let gap = Dist::Constant(Span::from_millis(gap_ms));
    let case = case(0, Dist::default(), client(0, until_ms, Load::Open { gap }), 60_000);
    let mut image = application(Dist::Constant(Span::from_millis(work_ms)));
    change(&mut image);
    let entries = [vec![EntryId(0)]].into_iter().collect();
    let mut traffic = Traffic::new(&case.clients, entries, [image].into_iter().collect(), 1, &Streams::new(1));
    traffic.listen(TASK, ServiceId(0), ImageId(0));
    let mut course = Course::default();
    let mut stop = Time::ZERO;
    loop {
        let Course { requests, reactions } = &mut course;
        let mut keep = |request: &Request| requests.push(*request);
        let reached = traffic.advance(stop, &mut Only, &mut keep);
        while let Some(Notice { what, .. }) = traffic.take_notice(reached) {
            reactions.push((reached.as_millis(), what));
            if what == Reaction::Crash {
                traffic.kill(reached, TASK, Cause::Application, &mut keep);
            }
        }
        if reached == case.end {
            return course;
        }
        if reached == stop {
            stop = case.end.min(stop + STRIDE);
        }
    }
}

#[test]
fn a_backlog_has_place_for_so_many_beside_those_worked_on() {
    let course = run(25, 10, 81, |image| image.backlog = Some(2));
    // Work begins at 0, 25, 50, 75, 100 and 125.
    assert_eq!(course.sent(RequestOutcome::Ok), [0, 10, 20, 30, 50, 80]);
    assert_eq!(course.sent(OVERLOAD), [40, 60, 70]);
    let two = run(25, 10, 81, |image| (image.backlog, image.concurrency) = (Some(0), 2));
    assert_eq!(two.sent(OVERLOAD), [20, 50, 80], "no backlog: who finds both busy is refused");
}

#[test]
fn a_full_backlog_is_told_when_it_fills_and_when_it_has_place_again() {
    let course = run(25, 10, 81, |image| image.backlog = Some(2));
    let (full, fine) = (Reaction::Condition(Condition::Overloaded), Reaction::Condition(Condition::Fine));
    let expected = [(20, full), (25, fine), (30, full), (50, fine), (50, full), (75, fine), (80, full), (100, fine)];
    assert_eq!(course.reactions, expected);
}

#[test]
fn each_request_that_a_leaking_task_has_answered_makes_the_next_longer() {
    let leak = |image: &mut Application| image.leak = Span::from_millis(5);
    assert_eq!(run(10, 100, 401, leak).latencies(), [10, 15, 20, 25, 30]);
    // Of the four before, two are being worked on when the third begins.
    let two = run(250, 100, 301, |image| (image.leak, image.concurrency) = (Span::from_millis(5), 2));
    assert_eq!(two.latencies(), [250, 250, 305, 310]);
}

#[test]
fn a_task_that_breaks_answers_so_many_requests_and_errors_ever_after() {
    let course = run(30, 10, 61, |image| image.breaks_after_requests = Some(3));
    assert_eq!(course.sent(RequestOutcome::Ok), [0, 10, 20]);
    assert_eq!(course.sent(ERROR), [30, 40, 50, 60]);
    let broken = Reaction::Condition(Condition::Broken);
    assert_eq!(course.reactions, [(90, broken)], "when it has answered the last");
}

#[test]
fn a_task_crashes_when_it_would_hold_one_request_too_many() {
    let course = run(1_000, 500, 10_001, |image| image.crashes_above = Some(2));
    // Two wait or are worked on from 500 on; at 1,000 the first is over, and another one comes.
    assert_eq!(course.reactions, [(1_500, Reaction::Crash)]);
    assert_eq!(course.sent(RequestOutcome::Ok), [0]);
    assert_eq!(course.sent(RequestOutcome::Failed(Failure::Reset, Cause::Overload)), [500, 1_000, 1_500]);
    let abreast = run(1_000, 500, 10_001, |image| (image.crashes_above, image.concurrency) = (Some(2), 2));
    assert_eq!(abreast.reactions, []);
}

#[test]
fn as_many_answers_are_errors_as_its_share_says() {
    let course = run(1, 2, 40_000, |image| image.error_share = 0.25);
    let errors = course.sent(ERROR).len();
    assert!((4_800..5_200).contains(&errors), "{errors} of 20,000");
}
