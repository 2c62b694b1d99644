//! The tasks that work on requests.

use std::collections::VecDeque;

use super::request::Attempt;
use crate::kernel::{Dist, IdVec, Time};
use crate::model::request::{Cause, Request, RequestOutcome};
use crate::model::{EntryId, ImageId, ServiceId, TaskId};

/// All tasks that have requests or may get some.
///
/// A task works on one request at a time, in order of arrival, so that the end of a request is known when it is sent: it
/// starts when it arrives or when the task is free, whichever is later (Lindley's recursion). Only a request that ends after
/// the instant up to which traffic is advanced is kept, since only such a request can still be cut off.
#[derive(Debug)]
pub(super) struct Servers {
    service_times: IdVec<ImageId, Dist>,
    rows: IdVec<TaskId, Server>,
    /// Tasks that have requests in flight, each once, and when the first of these ends.
    busy: Vec<(TaskId, Time)>,
    /// Buffers of tasks that ended, for those that come.
    spare: Vec<VecDeque<InFlight>>,
}

/// A request that a task works on and will answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) attempt: Attempt,
    pub(super) entry: EntryId,
    /// When it ends if its task lives.
    pub(super) end: Time,
}

/// A task as a queue.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) service: ServiceId,
    pub(super) image: ImageId,
    pub(super) state: State,
    /// When it has done all that it has.
    free_at: Time,
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
    /// A task of which nothing is known yet.
    const UNKNOWN: Server = Server {
        service: ServiceId(0),
        image: ImageId(0),
        state: State::Removed,
        free_at: Time::ZERO,
        in_flight: VecDeque::new(),
    };
}

impl Servers {
    pub(super) fn new(service_times: IdVec<ImageId, Dist>) -> Servers {
        Servers { service_times, rows: IdVec::new(), busy: Vec::new(), spare: Vec::new() }
    }

    /// A task, if it ever was one that may get requests.
    #[inline]
    pub(super) fn get(&self, task: TaskId) -> Option<&Server> {
        self.rows.get(task)
    }

    /// The process of a task has come up, and listens or not.
    pub(super) fn come_up(&mut self, task: TaskId, service: ServiceId, image: ImageId, state: State) {
        let server = self.rows.entry(task, Server::UNKNOWN);
        if let State::Serving | State::Booting = server.state {
            server.state = if server.state == State::Serving { State::Serving } else { state };
        } else {
            let in_flight = self.spare.pop().unwrap_or_default();
            *server = Server { service, image, state, free_at: Time::ZERO, in_flight };
        }
    }

    /// A task that is there meets connections otherwise from now on. False if it is not there.
    pub(super) fn set_state(&mut self, task: TaskId, state: State) -> bool {
        match self.rows.get_mut(task).filter(|server| !matches!(server.state, State::Removed | State::Lost)) {
            Some(server) => {
                server.state = state;
                true
            }
            None => false,
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

    /// A task that listens begins with a request that arrives at `at` as soon as it can; returns when it will have answered it.
    #[inline]
    pub(super) fn work(&mut self, task: TaskId, at: Time, draw: u64) -> Time {
        let server = &mut self.rows[task];
        let end = at.max(server.free_at).saturating_add(self.service_times[server.image].sample(draw));
        server.free_at = end;
        end
    }

    /// Keeps a request until it ends.
    #[inline]
    pub(super) fn keep(&mut self, task: TaskId, request: InFlight) {
        let all = &mut self.rows[task].in_flight;
        if all.is_empty() {
            self.busy.push((task, request.end));
        }
        all.push_back(request);
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
