//! A tournament over a fixed set of slots: the smallest key is known at any time, and one change costs one walk to the root.

/// For each of a power of two of slots one key; the root knows the smallest.
///
/// Removing and moving cost the same as setting, and no tombstones are left. The walk is free of branches that a processor
/// could predict wrongly, which is what heaps of this size spend their time on.
#[derive(Clone, Debug)]
pub struct WinnerTree {
    /// A binary heap layout: node `i` has the children `2i` and `2i + 1`; the leaves are the upper half.
    keys: Vec<u128>,
}

impl WinnerTree {
    /// The key of an empty slot: larger than every key in use.
    pub const EMPTY: u128 = u128::MAX;

    /// A tree of at least `slots` slots, all empty.
    pub fn new(slots: usize) -> WinnerTree {
        WinnerTree { keys: vec![Self::EMPTY; 2 * slots.next_power_of_two().max(2)] }
    }

    /// Number of slots.
    pub fn slots(&self) -> usize {
        self.keys.len() / 2
    }

    /// The smallest key, [`WinnerTree::EMPTY`] if all slots are empty.
    #[inline]
    pub fn min(&self) -> u128 {
        self.keys[1]
    }

    /// The key of a slot.
    pub fn key(&self, slot: usize) -> u128 {
        self.keys[self.slots() + slot]
    }

    /// Sets the key of a slot.
    #[inline]
    pub fn set(&mut self, slot: usize, key: u128) {
        let mut node = self.slots() + slot;
        let mut winner = key;
        self.keys[node] = key;
        while node > 1 {
            let sibling = self.keys[node ^ 1];
            winner = std::hint::select_unpredictable(sibling < winner, sibling, winner);
            node /= 2;
            self.keys[node] = winner;
        }
    }

    /// Doubles the number of slots; keys stay where they are.
    pub fn grow(&mut self) {
        let slots = self.slots();
        let mut bigger = WinnerTree::new(2 * slots);
        bigger.keys[2 * slots..3 * slots].copy_from_slice(&self.keys[slots..]);
        for node in (1..2 * slots).rev() {
            bigger.keys[node] = bigger.keys[2 * node].min(bigger.keys[2 * node + 1]);
        }
        *self = bigger;
    }
}
