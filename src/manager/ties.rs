//! Where Swarm leaves an order to chance: one documented order, or another one in each run.
//!
//! Swarm's components are goroutines that race, walk maps, and sort by random ids (control-plane section 18). Whoever has such
//! a choice to make asks [`Ties`].

use crate::kernel::StreamRng;
use crate::kernel::id::scattered;

/// How ties are broken in this run.
#[derive(Debug)]
pub struct Ties {
    /// `None`: everything stands in its documented order.
    rng: Option<StreamRng>,
    /// What makes the order of random ids another one.
    salt: u32,
}

impl Ties {
    /// Every tie goes the way that is documented where it arises.
    pub fn fixed() -> Ties {
        Ties { rng: None, salt: 0 }
    }

    /// Every tie is drawn from `rng`.
    pub fn shuffled(mut rng: StreamRng) -> Ties {
        let salt = rng.draw() as u32;
        Ties { rng: Some(rng), salt }
    }

    /// Whether ties are drawn.
    pub fn are_shuffled(&self) -> bool {
        self.rng.is_some()
    }

    /// One of `count` alternatives, which must not be none: the first, or any.
    pub fn pick(&mut self, count: usize) -> usize {
        self.rng.as_mut().map_or(0, |rng| below(rng, count))
    }

    /// Puts items into the order in which a map is walked: leaves them as they are, or in any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        if let Some(rng) = &mut self.rng {
            for last in (1..items.len()).rev() {
                items.swap(last, below(rng, last + 1));
            }
        }
    }

    /// Where the object with this number stands among others that are sorted by their random ids: always the same in one run.
    pub fn place(&self, number: u32) -> u32 {
        scattered(number ^ self.salt)
    }
}

/// A number below `count`, by the high part of a product: off by less than 2^-32 from even.
fn below(rng: &mut StreamRng, count: usize) -> usize {
    ((u128::from(rng.draw()) * count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Stream, Streams};

    fn shuffled(seed: u64) -> Ties {
        Ties::shuffled(Streams::new(seed).of(Stream::Ties, 0))
    }

    #[test]
    fn a_shuffled_order_keeps_all_items_and_comes_from_the_seed() {
        let order = |seed| {
            let mut items: Vec<u32> = (0..50).collect();
            shuffled(seed).shuffle(&mut items);
            items
        };
        let mut sorted = order(1);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<u32>>());
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn every_alternative_comes_up() {
        let mut ties = shuffled(1);
        let mut seen = [0; 3];
        (0..300).for_each(|_| seen[ties.pick(3)] += 1);
        assert!(seen.iter().all(|count| *count > 60), "{seen:?}");
        assert_eq!(Ties::fixed().pick(3), 0);
    }
}
