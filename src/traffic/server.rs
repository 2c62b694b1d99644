//! The tasks that work on requests.

use std::collections::VecDeque;

use super::lanes::Lanes;
use super::request::Attempt;
use crate::kernel::rng::split;
use crate::kernel::{IdVec, Span, Time};
use crate::model::image::{Application, Condition};
use crate::model::request::{Cause, Request, RequestOutcome};
use crate::model::{EntryId, ImageId, ServiceId, TaskId};

/// All tasks that have requests or may get some.
///
/// A task begins with requests in the order of their arrival, so that the end of a request is known when it arrives: it starts then
/// or when the task can, whichever is later (Lindley's recursion). Only a request that ends after the instant up to which
/// traffic is advanced is kept, since only such a request can still be cut off.
#[derive(Debug)]
pub(super) struct Servers {
    applications: IdVec<ImageId, Application>,
    rows: IdVec<TaskId, Server>,
    /// Tasks that have requests in flight, each once, and when the first of these ends.
    busy: Vec<(TaskId, Time)>,
    /// Buffers of tasks that ended, for those that come.
    spare: Vec<VecDeque<InFlight>>,
    /// What requests do to tasks from some instant on, by that instant.
    notices: VecDeque<(Time, Notice)>,
}

/// What requests do to a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The task.
    pub task: TaskId,
    /// What becomes of it.
    pub what: Reaction,
}

/// What becomes of a task by requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Probes of its health check meet another condition.
    Condition(Condition),
    /// Its process crashes.
    Crash,
}

/// A request that a task works on and will answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) attempt: Attempt,
    pub(super) entry: EntryId,
    /// When it ends if its task lives.
    pub(super) end: Time,
}

/// What a task that listens does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// It answers it, at this instant.
    Answer(Time),
    /// It answers it with an error, at this instant.
    Error(Time),
    /// It has no place for it.
    Full,
}

/// A task as a queue.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) service: ServiceId,
    pub(super) image: ImageId,
    pub(super) state: State,
    lanes: Lanes,
    /// Whether all that counts of a request is how long it takes.
    is_plain: bool,
    /// Requests that it has begun with or will begin with.
    taken: u64,
    /// When the last of these begin, as many as may wait, if that is limited.
    starts: VecDeque<Time>,
    /// When those end that have not ended, if the task holds only so many.
    ends: VecDeque<Time>,
    /// Until when it has no place for another request.
    full_until: Time,
    /// Whether too many requests make it crash.
    is_crashing: bool,
    /// In the order of their ends.
    in_flight: VecDeque<InFlight>,
}

/// How a task meets a connection (data-plane rule 83).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Its process does not listen yet.
    Booting,
    /// It listens.
    Serving,
    /// It has got its stop signal and listens no longer.
    Draining,
    /// Its process has ended, for this reason; its address still answers.
    Ended(Cause),
    /// Its address is gone.
    Removed,
    /// Its node is gone.
    Lost,
}

impl Server {
    fn new(
        service: ServiceId,
        image: ImageId,
        state: State,
        application: &Application,
        in_flight: VecDeque<InFlight>,
    ) -> Server {
        let has_errors = application.error_share > 0.0 || !application.leak.is_zero();
        Server {
            service,
            image,
            state,
            lanes: Lanes::new(application.concurrency),
            is_plain: !has_errors && !application.reacts_to_requests(),
            taken: 0,
            starts: VecDeque::new(),
            ends: VecDeque::new(),
            full_until: Time::ZERO,
            is_crashing: false,
            in_flight,
        }
    }

    /// Whether its process runs.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Booting | State::Serving | State::Draining)
    }

    /// Whether its process is on its way down because of too many requests.
    pub(super) fn is_crashing(&self) -> bool {
        self.is_crashing
    }

    /// Whether a request that arrives at `at` finds so many waiting that it has no place.
    fn is_full(&self, at: Time, backlog: u32) -> bool {
        match backlog {
            0 => self.lanes.first_free() > at,
            backlog => self.starts.len() == backlog as usize && self.starts.front().is_some_and(|start| *start > at),
        }
    }

    /// Works on a request where it counts what the task has done and what it holds.
    fn work_with_care(
        &mut self,
        application: &Application,
        at: Time,
        draw: u64,
        time: Span,
        notes: &mut Notes<'_>,
    ) -> Work {
        if application.backlog.is_some_and(|backlog| self.is_full(at, backlog)) {
            return Work::Full;
        }
        let start = at.max(self.lanes.first_free());
        let leaked = match application.leak {
            Span::ZERO => Span::ZERO,
            leak => leak * (self.taken - self.lanes.busy_after(start)),
        };
        let end = self.lanes.take(at, time + leaked);
        let is_broken = application.breaks_after_requests.is_some_and(|limit| self.taken >= limit);
        self.taken += 1;
        if application.breaks_after_requests == Some(self.taken) {
            notes.add(end, Reaction::Condition(Condition::Broken));
        }
        if let Some(backlog) = application.backlog {
            self.note_start(start, backlog);
            if self.is_full(at, backlog) && !is_broken {
                if self.full_until <= at {
                    notes.add(at, Reaction::Condition(Condition::Overloaded));
                }
                self.full_until = self.room_at(backlog);
                notes.add(self.full_until, Reaction::Condition(Condition::Fine));
            }
        }
        let holds_too_many = application.crashes_above.is_some_and(|most| self.hold(at, end) > most as usize);
        if holds_too_many && !std::mem::replace(&mut self.is_crashing, true) {
            notes.add(at, Reaction::Crash);
        }
        if is_broken || is_struck(draw, application.error_share) { Work::Error(end) } else { Work::Answer(end) }
    }

    /// When there is a place again, if there is none now.
    fn room_at(&self, backlog: u32) -> Time {
        match backlog {
            0 => self.lanes.first_free(),
            _ => self.starts.front().copied().unwrap_or(Time::ZERO),
        }
    }

    fn note_start(&mut self, start: Time, backlog: u32) {
        self.starts.push_back(start);
        if self.starts.len() > backlog as usize {
            self.starts.pop_front();
        }
    }

    /// Takes notice of a request that arrives at `at`, and returns how many the task holds with it.
    fn hold(&mut self, at: Time, end: Time) -> usize {
        while self.ends.front().is_some_and(|end| *end <= at) {
            self.ends.pop_front();
        }
        let place = self.ends.partition_point(|other| *other <= end);
        self.ends.insert(place, end);
        self.ends.len()
    }
}

impl Servers {
    pub(super) fn new(applications: IdVec<ImageId, Application>) -> Servers {
        let (rows, busy, spare, notices) = (IdVec::new(), Vec::new(), Vec::new(), VecDeque::new());
        Servers { applications, rows, busy, spare, notices }
    }

    /// Whether requests do anything to tasks.
    pub(super) fn react(&self) -> bool {
        self.applications.values().any(Application::reacts_to_requests)
    }

    /// A task, if it ever was one that may get requests.
    #[inline]
    pub(super) fn get(&self, task: TaskId) -> Option<&Server> {
        self.rows.get(task)
    }

    /// The process of a task is up, and listens or not.
    pub(super) fn come_up(&mut self, task: TaskId, service: ServiceId, image: ImageId, state: State) {
        let application = &self.applications[image];
        let unknown = Server::new(service, image, State::Removed, application, VecDeque::new());
        let server = self.rows.entry(task, unknown);
        match server.state {
            State::Serving => {}
            State::Booting => server.state = state,
            State::Draining | State::Ended(_) | State::Removed | State::Lost => {
                *server = Server::new(service, image, state, application, self.spare.pop().unwrap_or_default());
            }
        }
    }

    /// A task meets connections otherwise from now on, if it is there.
    pub(super) fn set_state(&mut self, task: TaskId, state: State) {
        if let Some(server) = self.rows.get_mut(task) {
            server.state = state;
        }
    }

    /// Takes all that a task would have answered, in the order of their ends.
    pub(super) fn take_in_flight(&mut self, task: TaskId) -> VecDeque<InFlight> {
        self.busy.retain(|(busy, _)| *busy != task);
        std::mem::take(&mut self.rows[task].in_flight)
    }

    /// Takes back an emptied buffer.
    pub(super) fn recycle(&mut self, buffer: VecDeque<InFlight>) {
        self.spare.push(buffer);
    }

    /// What a task that listens does with a request that arrives at `at`.
    #[inline]
    pub(super) fn work(&mut self, task: TaskId, at: Time, draw: u64) -> Work {
        let server = &mut self.rows[task];
        let application = &self.applications[server.image];
        let time = application.service_time.sample(draw);
        if server.is_plain {
            return Work::Answer(server.lanes.take(at, time));
        }
        server.work_with_care(application, at, draw, time, &mut Notes { task, notices: &mut self.notices })
    }

    /// Why a task that listens would not answer a check at `at`, if it would not.
    pub(super) fn ailment(&self, task: TaskId, at: Time) -> Option<Cause> {
        let server = &self.rows[task];
        let Application { backlog, breaks_after_requests, .. } = self.applications[server.image];
        if breaks_after_requests.is_some_and(|limit| server.taken >= limit) {
            return Some(Cause::Application);
        }
        backlog.filter(|backlog| server.is_full(at, *backlog)).map(|_| Cause::Overload)
    }

    /// How long a task would work on a request.
    pub(super) fn service_time(&self, task: TaskId, draw: u64) -> Span {
        self.applications[self.rows[task].image].service_time.sample(draw)
    }

    /// When requests do something to a task next; [`Time::MAX`]: never.
    #[inline]
    pub(super) fn next_notice(&self) -> Time {
        self.notices.front().map_or(Time::MAX, |(at, _)| *at)
    }

    /// What requests do to tasks by `now`. What was overtaken is left out: a task that is gone, or has no place again.
    pub(super) fn take_notice(&mut self, now: Time) -> Option<Notice> {
        while self.next_notice() <= now {
            let (at, notice) = self.notices.pop_front()?;
            let server = &self.rows[notice.task];
            let is_full = notice.what == Reaction::Condition(Condition::Fine) && server.full_until > at;
            if server.is_up() && !is_full {
                return Some(notice);
            }
        }
        None
    }

    /// Keeps a request until it ends.
    #[inline]
    pub(super) fn keep(&mut self, task: TaskId, request: InFlight) {
        let all = &mut self.rows[task].in_flight;
        match all.front().map(|first| first.end) {
            None => self.busy.push((task, request.end)),
            Some(first) if request.end < first => {
                self.busy.iter_mut().filter(|(busy, _)| *busy == task).for_each(|(_, end)| *end = request.end);
            }
            Some(_) => {}
        }
        if all.back().is_none_or(|last| last.end <= request.end) {
            all.push_back(request);
        } else {
            let place = all.partition_point(|other| other.end <= request.end);
            all.insert(place, request);
        }
    }

    /// Tells the requests that are answered up to and including `now`.
    pub(super) fn retire(&mut self, now: Time, in_flight: &mut IdVec<ServiceId, u32>, sink: &mut impl FnMut(&Request)) {
        let Servers { rows, busy, .. } = self;
        busy.retain_mut(|(task, first_end)| {
            if *first_end > now {
                return true;
            }
            let server = &mut rows[*task];
            while let Some(&InFlight { attempt, end, .. }) = server.in_flight.front() {
                if end > now {
                    *first_end = end;
                    return true;
                }
                server.in_flight.pop_front();
                in_flight[server.service] -= 1;
                sink(&attempt.ended(server.service, Some((*task, server.image)), end, RequestOutcome::Ok));
            }
            false
        });
    }
}

/// Takes down what requests do to one task.
struct Notes<'a> {
    task: TaskId,
    notices: &'a mut VecDeque<(Time, Notice)>,
}

impl Notes<'_> {
    /// Keeps the order of time.
    fn add(&mut self, at: Time, what: Reaction) {
        let place = self.notices.partition_point(|(other, _)| *other <= at);
        self.notices.insert(place, (at, Notice { task: self.task, what }));
    }
}

/// Whether a request is one of this share, by the number from which its service time is made.
fn is_struck(draw: u64, share: f64) -> bool {
    ((split(draw, 0) >> 11) as f64) < share * (1u64 << 53) as f64
}
