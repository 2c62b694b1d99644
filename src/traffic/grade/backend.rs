//! A task as one of many: how it meets connections, what it has in hand, and what becomes of it where requests count.

use crate::kernel::{Span, Time};
use crate::model::image::{Application, Condition};
use crate::model::request::Cause;
use crate::model::{ClientId, EntryId, ImageId, ServiceId};

use super::super::server::{Reaction, State};

/// Number of equal parts of the service times by which their distribution is known.
const PARTS: u32 = 256;

/// How tasks of an image work on requests.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) application: Application,
    /// Mean service time in seconds.
    pub(super) mean: f64,
    /// The service time in the middle of each of [`PARTS`] equal parts, in seconds, the longest first.
    parts: Vec<f64>,
    /// Sums of so many of them.
    sums: Vec<f64>,
}

impl Work {
    pub(super) fn new(application: Application) -> Work {
        let time = &application.service_time;
        let middle = |part: u32| time.sample((u64::from(part) << 1 | 1) << (64 - 1 - PARTS.ilog2())).as_secs_f64();
        let count = if time.is_constant() { 1 } else { PARTS };
        let mut parts: Vec<f64> = (0..count).map(middle).collect();
        parts.sort_by(|a, b| b.total_cmp(a));
        let mut sum = 0.0;
        let mut add = |part: &f64| {
            sum += part;
            sum
        };
        let sums: Vec<f64> = std::iter::once(0.0).chain(parts.iter().map(&mut add)).collect();
        Work { mean: sums[parts.len()] / f64::from(count), parts, sums, application }
    }

    /// Share of the requests that are answered as they should be, if none but this share is given up.
    pub(super) fn answered(&self, too_slow: f64) -> f64 {
        (1.0 - too_slow) * (1.0 - self.application.error_share)
    }

    /// Share of the requests that take longer than this.
    pub(super) fn longer_than(&self, time: Span) -> f64 {
        let time = time.as_secs_f64();
        self.parts.partition_point(|part| *part > time) as f64 / self.parts.len() as f64
    }

    /// Seconds by which requests take longer than this, in the mean over all.
    pub(super) fn excess(&self, seconds: f64) -> f64 {
        let longer = self.parts.partition_point(|part| *part > seconds);
        (self.sums[longer] - seconds * longer as f64) / self.parts.len() as f64
    }
}

/// A task.
#[derive(Clone, Debug)]
pub(super) struct Backend {
    pub(super) service: ServiceId,
    pub(super) image: ImageId,
    pub(super) state: State,
    /// What it took until it was sent nothing more.
    pub(super) past: Vec<Inflow>,
    reacting: Reacting,
}

/// Requests that came to a task by one way until some instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inflow {
    pub(super) client: ClientId,
    pub(super) entry: EntryId,
    /// Requests a second.
    pub(super) rate: f64,
    pub(super) until: Time,
}

/// What requests have done to a task.
#[derive(Clone, Copy, Debug, Default)]
struct Reacting {
    /// Requests that it took.
    taken: f64,
    /// Requests that wait.
    waiting: f64,
    /// Requests that it can still end within the step.
    room: f64,
    /// Requests that it took within the step.
    came: f64,
    /// Whether some found no place within the step.
    overflows: bool,
    /// Whether it is within a step.
    has_begun: bool,
    is_full: bool,
    is_broken: bool,
    is_crashing: bool,
}

/// What becomes of requests that reach a task: their numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fates {
    pub(super) answered: f64,
    pub(super) errors: f64,
    pub(super) refused: f64,
}

impl Backend {
    pub(super) fn new(service: ServiceId, image: ImageId, state: State) -> Backend {
        Backend { service, image, state, past: Vec::new(), reacting: Reacting::default() }
    }

    /// How many requests wait for others to end.
    pub(super) fn waiting(&self) -> f64 {
        self.reacting.waiting
    }

    /// Whether its process runs.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Booting | State::Serving | State::Draining)
    }

    /// Why it ends, if `cause` is not what counts.
    pub(super) fn end_cause(&self, cause: Cause) -> Cause {
        if self.reacting.is_crashing { Cause::Overload } else { cause }
    }

    /// A step of so many seconds begins: what waits is worked on first. False if it has begun already.
    pub(super) fn begin_step(&mut self, work: &Work, seconds: f64) -> bool {
        let row = &mut self.reacting;
        if std::mem::replace(&mut row.has_begun, true) {
            return false;
        }
        let room =
            if work.mean > 0.0 { f64::from(work.application.concurrency) * seconds / work.mean } else { f64::MAX };
        let ended = row.waiting.min(room);
        (row.waiting, row.room) = (row.waiting - ended, room - ended);
        (row.came, row.overflows) = (0.0, false);
        true
    }

    /// So many requests come within the step, of an image that reacts to requests.
    pub(super) fn take(&mut self, application: &Application, count: f64) -> Fates {
        let row = &mut self.reacting;
        let places = application.backlog.map_or(f64::MAX, |backlog| row.room + f64::from(backlog) - row.waiting);
        let taken = count.min(places.max(0.0));
        let ended = taken.min(row.room);
        (row.room, row.waiting) = (row.room - ended, row.waiting + taken - ended);
        (row.came, row.overflows) = (row.came + taken, row.overflows || taken < count);
        let left = application.breaks_after_requests.map_or(f64::MAX, |limit| (limit as f64 - row.taken).max(0.0));
        row.taken += taken;
        let answered = taken.min(left);
        Fates { answered, errors: taken - answered, refused: count - taken }
    }

    /// What requests of the step, so many seconds long, have done to it.
    pub(super) fn end_step(&mut self, work: &Work, seconds: f64, mut note: impl FnMut(Reaction)) {
        let row = &mut self.reacting;
        row.has_begun = false;
        let Application { concurrency, breaks_after_requests, crashes_above, .. } = work.application;
        let breaks = breaks_after_requests.is_some_and(|limit| row.taken >= limit as f64);
        if breaks && !std::mem::replace(&mut row.is_broken, true) {
            note(Reaction::Condition(Condition::Broken));
        }
        if !row.is_broken && std::mem::replace(&mut row.is_full, row.overflows) != row.overflows {
            note(Reaction::Condition(if row.overflows { Condition::Overloaded } else { Condition::Fine }));
        }
        let held = row.waiting + (row.came * work.mean / seconds).min(f64::from(concurrency));
        if crashes_above.is_some_and(|most| held > f64::from(most)) && !std::mem::replace(&mut row.is_crashing, true) {
            note(Reaction::Crash);
        }
    }
}
