//! How many requests a task works on at a time.

use super::{key_index, key_time, order_key};
use crate::kernel::winner_tree::WinnerTree;
use crate::kernel::{Span, Time};

/// The places at which a task works on requests, and when each of them is free.
#[derive(Clone, Debug)]
pub(super) enum Lanes {
    /// One.
    One(Time),
    /// Several.
    Many(WinnerTree),
}

impl Lanes {
    /// So many, all free.
    pub(super) fn new(count: u32) -> Lanes {
        if count <= 1 {
            return Lanes::One(Time::ZERO);
        }
        let mut lanes = WinnerTree::new(count as usize);
        (0..count).for_each(|lane| lanes.set(lane as usize, order_key(Time::ZERO, lane)));
        Lanes::Many(lanes)
    }

    /// When one of them is free.
    pub(super) fn first_free(&self) -> Time {
        match self {
            Lanes::One(free) => *free,
            Lanes::Many(lanes) => key_time(lanes.min()),
        }
    }

    /// How many of them are busy beyond this instant.
    pub(super) fn busy_after(&self, at: Time) -> u64 {
        match self {
            Lanes::One(free) => u64::from(*free > at),
            Lanes::Many(lanes) => {
                let keys = (0..lanes.slots()).map(|lane| lanes.key(lane));
                keys.filter(|key| *key != WinnerTree::EMPTY && key_time(*key) > at).count() as u64
            }
        }
    }

    /// The first that is free takes a request that arrives at `at` and takes so long; returns when it ends.
    #[inline]
    pub(super) fn take(&mut self, at: Time, time: Span) -> Time {
        match self {
            Lanes::One(free) => {
                *free = at.max(*free).saturating_add(time);
                *free
            }
            Lanes::Many(lanes) => {
                let (free, lane) = (key_time(lanes.min()), key_index(lanes.min()));
                let end = at.max(free).saturating_add(time);
                lanes.set(lane as usize, order_key(end, lane));
                end
            }
        }
    }
}
