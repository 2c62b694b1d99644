//! Requests that no task will answer as they stand, and what each waits for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::request::Attempt;
use crate::kernel::Time;
use crate::model::request::{Cause, Failure};
use crate::model::{EntryId, TaskId};

/// A request that waits for something to happen to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiter {
    /// When what it waits for happens by itself.
    pub(super) at: Time,
    pub(super) attempt: Attempt,
    pub(super) entry: EntryId,
    pub(super) task: Option<TaskId>,
    pub(super) what: Wait,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Nobody answered so many packets that ask for a connection; the next one is due, or patience is over.
    Connection { packets: u32 },
    /// A task has it, and it will fail so.
    Failure(Failure, Cause),
    /// A task had it that is gone without a word; patience will be over.
    Silence,
    /// It failed; the next attempt is due.
    Retry,
}

/// Requests by the time of what they wait for; those of one instant in the order in which they began to wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    rows: Vec<Option<(u64, Waiter)>>,
    free: Vec<usize>,
    due: BinaryHeap<Reverse<(Time, u64, usize)>>,
    begun: u64,
}

impl Waiting {
    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.len() == self.free.len()
    }

    /// When something happens to a request next; [`Time::MAX`]: never.
    pub(super) fn next(&self) -> Time {
        self.due.peek().map_or(Time::MAX, |Reverse((at, ..))| *at)
    }

    /// A request begins to wait.
    pub(super) fn push(&mut self, waiter: Waiter) {
        self.begun += 1;
        let row = Some((self.begun, waiter));
        let place = match self.free.pop() {
            Some(place) => {
                self.rows[place] = row;
                place
            }
            None => {
                self.rows.push(row);
                self.rows.len() - 1
            }
        };
        self.due.push(Reverse((waiter.at, self.begun, place)));
    }

    /// Takes the request to which something happens next, if that is before `horizon`.
    pub(super) fn pop(&mut self, horizon: Time) -> Option<Waiter> {
        while self.next() < horizon {
            let Reverse((_, number, place)) = self.due.pop()?;
            if self.rows[place].is_some_and(|(begun, _)| begun == number)
                && let Some((_, waiter)) = self.rows[place].take()
            {
                self.free.push(place);
                return Some(waiter);
            }
        }
        None
    }

    /// Takes all requests that `is_meant`, in the order in which they began to wait.
    pub(super) fn take(&mut self, is_meant: impl Fn(&Waiter) -> bool) -> Vec<Waiter> {
        let mut taken = Vec::new();
        for (place, row) in self.rows.iter_mut().enumerate() {
            if let Some(found) = row.take_if(|(_, waiter)| is_meant(waiter)) {
                taken.push(found);
                self.free.push(place);
            }
        }
        taken.sort_by_key(|(begun, _)| *begun);
        taken.into_iter().map(|(_, waiter)| waiter).collect()
    }
}
