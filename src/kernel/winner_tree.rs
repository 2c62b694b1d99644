//! A tournament over a fixed set of slots: the smallest key is known at any time, and one change costs one walk to the root.

use std::hint::select_unpredictable;

/// For each of a power of two of slots one key; the root knows the smallest.
///
/// Removing and moving cost the same as setting, and no tombstones are left. The walk is free of branches that a processor
/// could predict wrongly, which is what heaps of this size spend their time on.
#[derive(Clone, Debug)]
pub struct WinnerTree {
    /// Upper and lower halves of the keys, in a binary heap layout: node `i` has the children `2i` and `2i + 1`; the leaves
    /// are the upper half. Apart they are, because a key that is written in halves and read as a whole stalls the processor.
    high: Vec<u64>,
    low: Vec<u64>,
}

impl WinnerTree {
    /// The key of an empty slot: larger than every key in use.
    pub const EMPTY: u128 = u128::MAX;

    /// A tree of at least `slots` slots, all empty.
    pub fn new(slots: usize) -> WinnerTree {
        let nodes = 2 * slots.next_power_of_two().max(2);
        WinnerTree { high: vec![u64::MAX; nodes], low: vec![u64::MAX; nodes] }
    }

    /// Number of slots.
    pub fn slots(&self) -> usize {
        self.high.len() / 2
    }

    /// The smallest key, [`WinnerTree::EMPTY`] if all slots are empty.
    #[inline]
    pub fn min(&self) -> u128 {
        self.node(1)
    }

    /// The key of a slot.
    #[inline]
    pub fn key(&self, slot: usize) -> u128 {
        self.node(self.slots() + slot)
    }

    /// Sets the key of a slot.
    #[inline]
    pub fn set(&mut self, slot: usize, key: u128) {
        let nodes = self.high.len();
        let (high, low) = (&mut self.high[..nodes], &mut self.low[..nodes]);
        let mut node = nodes / 2 + slot;
        let (mut winner_high, mut winner_low) = ((key >> 64) as u64, key as u64);
        (high[node], low[node]) = (winner_high, winner_low);
        while node > 1 {
            let (sibling_high, sibling_low) = (high[node ^ 1], low[node ^ 1]);
            let loses = (sibling_high < winner_high) | ((sibling_high == winner_high) & (sibling_low < winner_low));
            winner_high = select_unpredictable(loses, sibling_high, winner_high);
            winner_low = select_unpredictable(loses, sibling_low, winner_low);
            node /= 2;
            (high[node], low[node]) = (winner_high, winner_low);
        }
    }

    /// Doubles the number of slots; keys stay where they are.
    pub fn grow(&mut self) {
        let slots = self.slots();
        let mut bigger = WinnerTree::new(2 * slots);
        for slot in 0..slots {
            bigger.set(slot, self.key(slot));
        }
        *self = bigger;
    }

    #[inline]
    fn node(&self, node: usize) -> u128 {
        u128::from(self.high[node]) << 64 | u128::from(self.low[node])
    }
}
