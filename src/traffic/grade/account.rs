//! What is known of the requests of one client: those that tasks have, and those that ended and are not told yet.

use crate::kernel::{IdVec, Time};
use crate::model::request::{Batch, RequestOutcome};
use crate::model::{ClientId, ImageId, ServiceId};

use super::backend::Work;

/// Requests a second; less is no change but the rounding of sums.
const LEAST_CHANGE: f64 = 1e-6;

/// The books of one client. Only whole requests are told; what is left of one stays for the next time.
#[derive(Debug, Default)]
pub(super) struct Account {
    owed: Vec<Owed>,
    taken: Vec<Taken>,
}

/// Requests that have ended alike.
#[derive(Debug)]
struct Owed {
    image: Option<ImageId>,
    outcome: RequestOutcome,
    count: f64,
    /// When the first of them was sent.
    sent: Time,
}

/// Requests that tasks of an image will answer.
#[derive(Debug)]
struct Taken {
    image: ImageId,
    count: f64,
    /// So many come in a second, as far as they have come in this step.
    rate: f64,
    /// So many came in a second in the last step that is over.
    last_rate: f64,
    /// By how much that changed, and when, as long as it counts for what tasks have.
    changes: Vec<(f64, Time)>,
    /// So many wait in tasks that have more to do than they can.
    waiting: f64,
    /// When the first of them was sent.
    sent: Time,
}

impl Account {
    /// So many requests have ended, sent at `sent` or later.
    pub(super) fn end(&mut self, image: Option<ImageId>, outcome: RequestOutcome, count: f64, sent: Time) {
        if count <= 0.0 {
            return;
        }
        match self.owed.iter_mut().find(|owed| owed.image == image && owed.outcome == outcome) {
            Some(owed) => {
                owed.sent = if owed.count > 0.0 { owed.sent.min(sent) } else { sent };
                owed.count += count;
            }
            None => self.owed.push(Owed { image, outcome, count, sent }),
        }
    }

    /// Tasks of an image take so many requests, which they will answer.
    pub(super) fn take(&mut self, image: ImageId, count: f64, rate: f64, sent: Time) {
        match self.taken.iter_mut().find(|taken| taken.image == image) {
            Some(taken) => {
                taken.sent = if taken.count > 0.0 { taken.sent } else { sent };
                taken.count += count;
                taken.rate += rate;
            }
            None => {
                let (last_rate, changes, waiting) = (0.0, Vec::new(), 0.0);
                self.taken.push(Taken { image, count, rate, last_rate, changes, waiting, sent });
            }
        }
    }

    /// So many requests wait in a task of an image.
    pub(super) fn hold(&mut self, image: ImageId, count: f64) {
        if let Some(taken) = self.taken.iter_mut().find(|taken| taken.image == image) {
            taken.waiting += count;
        }
    }

    /// Tasks of an image lose as many of the requests that they have, if they have so many; returns how many. They came at this
    /// rate until some instant.
    pub(super) fn lose(&mut self, image: ImageId, count: f64, rate: f64, until: Time) -> f64 {
        let Some(taken) = self.taken.iter_mut().find(|taken| taken.image == image) else { return 0.0 };
        let lost = count.min(taken.count);
        taken.count -= lost;
        taken.changes.push((rate, until));
        lost
    }

    /// Requests that tasks have.
    pub(super) fn in_hand(&self) -> f64 {
        self.taken.iter().map(|taken| taken.count).sum()
    }

    /// All that tasks took in a step that began at `began` is known; what waits in them will be said.
    pub(super) fn add_up(&mut self, began: Time) {
        for taken in &mut self.taken {
            taken.waiting = 0.0;
            let rate = std::mem::take(&mut taken.rate);
            let change = rate - std::mem::replace(&mut taken.last_rate, rate);
            if change.abs() > LEAST_CHANGE {
                taken.changes.push((change, began));
            }
        }
    }

    /// By `now`, when the last step ends, which began at `began`, tasks have answered all but what they still have: at an even rate
    /// what comes in the mean time of a request (Little's law); where the rate changed, what came before and takes longer is still
    /// there instead of as much that comes now.
    pub(super) fn answer(&mut self, began: Time, now: Time, works: &IdVec<ImageId, Work>) {
        for place in 0..self.taken.len() {
            let taken = &mut self.taken[place];
            let work = &works[taken.image];
            let mut held = taken.last_rate * work.mean + taken.waiting;
            taken.changes.retain(|(change, at)| {
                let excess = work.excess(now.saturating_since(*at).as_secs_f64());
                held -= change * excess;
                excess > 0.0
            });
            let answered = taken.count - held;
            if answered > 0.0 {
                taken.count -= answered;
                let (image, sent) = (taken.image, std::mem::replace(&mut taken.sent, began));
                self.end(Some(image), RequestOutcome::Ok, answered, sent);
            }
        }
    }

    /// Tells what has ended by `now`, to the nearest whole request.
    pub(super) fn tell(&mut self, client: ClientId, service: ServiceId, now: Time, sink: &mut impl FnMut(&Batch)) {
        for owed in &mut self.owed {
            let whole = libm::floor(owed.count + 0.5);
            if whole >= 1.0 {
                owed.count -= whole;
                let Owed { image, outcome, sent, .. } = *owed;
                sink(&Batch { client, service, image, outcome, count: whole as u64, sent, ended: now });
            }
        }
    }
}
