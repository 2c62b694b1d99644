//! The queue of future events, in total order.

use super::time::Time;
use super::winner_tree::WinnerTree;

/// What comes first within one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// What the managers do by themselves: all their timers that are due.
    Manager,
    /// Steps of the agents that take no time.
    AgentStep,
    /// Steps of the agents that are due now.
    AgentDue,
    /// A manager becomes the leader.
    Election,
    /// Commands of the operator.
    Operator,
}

const SEQUENCE_BITS: u32 = 37;
const SLOT_BITS: u32 = 24;

/// Future events, delivered by (time, phase, sequence of insertion).
///
/// The event at the head stays in its slot until the next operation, so that "take one, insert one", which is what timers
/// do, costs a single walk through the tree.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    /// Keys: time, phase, sequence, slot, from the highest bit down.
    tree: WinnerTree,
    events: Vec<E>,
    free: Vec<u32>,
    /// Slot of the event that was taken last, still in the tree.
    taken: Option<u32>,
    sequence: u64,
    len: usize,
}

impl<E: Copy> EventQueue<E> {
    /// An empty queue.
    pub fn new() -> EventQueue<E> {
        EventQueue { tree: WinnerTree::new(64), events: Vec::new(), free: Vec::new(), taken: None, sequence: 0, len: 0 }
    }

    /// Number of pending events.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Inserts an event. Events of the same time and phase are delivered in the order of their insertion.
    #[inline]
    pub fn push(&mut self, time: Time, phase: Phase, event: E) {
        let slot = match self.taken.take() {
            Some(slot) => slot,
            None => self.free.pop().unwrap_or_else(|| self.new_slot(event)),
        };
        self.events[slot as usize] = event;
        let order = (phase as u64) << (SEQUENCE_BITS + SLOT_BITS) | self.sequence << SLOT_BITS | u64::from(slot);
        debug_assert!(self.sequence < 1 << SEQUENCE_BITS);
        self.sequence += 1;
        self.len += 1;
        self.tree.set(slot as usize, u128::from(time.as_nanos()) << 64 | u128::from(order));
    }

    /// Time of the next event, and the event.
    #[inline]
    pub fn head(&mut self) -> Option<(Time, E)> {
        self.settle();
        let key = self.tree.min();
        (key != WinnerTree::EMPTY).then(|| (time_of(key), self.events[slot_of(key)]))
    }

    /// Time and phase of the next event.
    #[inline]
    pub fn peek(&mut self) -> Option<(Time, Phase)> {
        self.settle();
        let key = self.tree.min();
        (key != WinnerTree::EMPTY).then(|| (time_of(key), phase_of(key)))
    }

    /// Takes the next event, if there is one that is not later than `end`.
    #[inline]
    pub fn pop(&mut self, end: Time) -> Option<(Time, E)> {
        self.settle();
        let key = self.tree.min();
        if key == WinnerTree::EMPTY || time_of(key) > end {
            return None;
        }
        let slot = slot_of(key);
        self.taken = Some(slot as u32);
        self.len -= 1;
        Some((time_of(key), self.events[slot]))
    }

    /// Takes the event out of the tree that was delivered last.
    #[inline]
    fn settle(&mut self) {
        if let Some(slot) = self.taken.take() {
            self.tree.set(slot as usize, WinnerTree::EMPTY);
            self.free.push(slot);
        }
    }

    fn new_slot(&mut self, event: E) -> u32 {
        let slot = self.events.len();
        assert!(slot < 1 << SLOT_BITS, "more than 2^{SLOT_BITS} events pending");
        self.events.push(event);
        if slot == self.tree.slots() {
            self.tree.grow();
        }
        slot as u32
    }
}

impl<E: Copy> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue::new()
    }
}

fn time_of(key: u128) -> Time {
    Time::from_nanos((key >> 64) as u64)
}

fn slot_of(key: u128) -> usize {
    (key as u32 & ((1 << SLOT_BITS) - 1)) as usize
}

fn phase_of(key: u128) -> Phase {
    match (key as u64) >> (SEQUENCE_BITS + SLOT_BITS) {
        0 => Phase::Manager,
        1 => Phase::AgentStep,
        2 => Phase::AgentDue,
        3 => Phase::Election,
        _ => Phase::Operator,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any interleaving of insertions and deliveries gives the order of a sorted list.
        #[test]
        fn delivers_like_a_sorted_list(steps in prop::collection::vec((0u64..20, 0u8..5, 0u8..3), 1..400)) {
            let phases = [Phase::Manager, Phase::AgentStep, Phase::AgentDue, Phase::Election, Phase::Operator];
            let mut queue = EventQueue::new();
            let mut list: Vec<(u64, u8, usize)> = Vec::new();
            for (number, (time, phase, pops)) in steps.into_iter().enumerate() {
                queue.push(Time::from_nanos(time), phases[phase as usize], number);
                list.push((time, phase, number));
                list.sort_unstable();
                for _ in 0..pops.min(list.len() as u8) {
                    let (time, phase, number) = list.remove(0);
                    prop_assert_eq!(queue.peek(), Some((Time::from_nanos(time), phases[phase as usize])));
                    prop_assert_eq!(queue.pop(Time::MAX), Some((Time::from_nanos(time), number)));
                }
                prop_assert_eq!(queue.len(), list.len());
            }
        }
    }

    #[test]
    fn leaves_what_is_later_than_the_end() {
        let mut queue = EventQueue::new();
        queue.push(Time::from_millis(5), Phase::Manager, 'a');
        assert_eq!(queue.pop(Time::from_millis(4)), None);
        assert_eq!(queue.pop(Time::from_millis(5)), Some((Time::from_millis(5), 'a')));
        assert_eq!(queue.pop(Time::MAX), None);
    }
}
