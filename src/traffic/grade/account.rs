//! What is known of the requests of one client: those that tasks have, and those that ended and are not told yet.

use crate::kernel::Time;
use crate::model::request::{Batch, RequestOutcome};
use crate::model::{ClientId, ImageId, ServiceId};

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
    /// So many come in a second.
    rate: f64,
    /// So many came to tasks that get no more.
    past: f64,
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
            None => self.taken.push(Taken { image, count, rate, past: 0.0, sent }),
        }
    }

    /// So many requests are still with tasks of an image that get no more.
    pub(super) fn hold(&mut self, image: ImageId, count: f64) {
        if let Some(taken) = self.taken.iter_mut().find(|taken| taken.image == image) {
            taken.past += count;
        }
    }

    /// Tasks of an image lose as many of the requests that they have, if they have so many; returns how many.
    pub(super) fn lose(&mut self, image: ImageId, count: f64) -> f64 {
        let Some(taken) = self.taken.iter_mut().find(|taken| taken.image == image) else { return 0.0 };
        let lost = count.min(taken.count);
        taken.count -= lost;
        lost
    }

    /// Requests that tasks have.
    pub(super) fn in_hand(&self) -> f64 {
        self.taken.iter().map(|taken| taken.count).sum()
    }

    /// At the end of a step that began at `began` tasks have what comes in the mean time of a request (Little's law), and have answered all
    /// else. `mean`: that time, in seconds.
    pub(super) fn answer(&mut self, began: Time, mean: impl Fn(ImageId) -> f64) {
        for place in 0..self.taken.len() {
            let taken = &mut self.taken[place];
            let answered = taken.count - taken.rate * mean(taken.image) - taken.past;
            (taken.rate, taken.past) = (0.0, 0.0);
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
