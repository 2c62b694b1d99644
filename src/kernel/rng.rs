//! Chance: one independent ChaCha8 stream for each entity, and draws by key.

use rand::SeedableRng;
use rand::rand_core::Rng;
use rand_chacha::ChaCha8Rng;

/// What a stream of random numbers is for. The discriminant is part of every drawn number: never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// Gaps between the arrivals of an open-loop client; index: client.
    Arrivals = 1,
    /// Service times of the requests of a client; index: client.
    Service = 2,
    /// Think times of a closed-loop client; index: client.
    Think = 3,
    /// Fate of a task; index: image, key: ordinal of the task among the image's tasks.
    Fate = 4,
    /// PREPARING to READY; index and key as for [`Stream::Fate`].
    Prepare = 5,
    /// STARTING to process up; index and key as for [`Stream::Fate`].
    Start = 6,
    /// Stop signal to exit; index and key as for [`Stream::Fate`].
    Stop = 7,
    /// RUNNING to the exit of a task that ends by itself; index and key as for [`Stream::Fate`].
    Exit = 8,
    /// Heartbeat of a node that fails; index: node, key: twice the ordinal of the failure for the period, one more for its phase.
    Heartbeat = 9,
    /// Process up to listening; index and key as for [`Stream::Fate`].
    Boot = 10,
    /// Pull of an image by a node; index: image, key: node.
    Pull = 11,
    /// Ticks that a manager waits before it stands for election, and its vote where several stand; index: node, key: ordinal.
    Election = 20,
    /// Waits of an agent between its attempts to get a session; index: node, key: ordinal of the attempt.
    Session = 21,
    /// Period by which a new leader reckons the grace of a node; index: node, key: term of the leader.
    Grace = 22,
    /// What Swarm leaves to chance in the managers, if ties are shuffled; index 0.
    Ties = 30,
    /// Hops of news between nodes; index: node that hears them, key: task, ordinal of the news and hop.
    Gossip = 40,
    /// How a node that falls silent is missed, and noticed when it is back; index: node, key: ordinal of the silence and who
    /// probes.
    Probe = 41,
    /// Node at which a connection of a client enters; index: client.
    Entry = 42,
    /// Order of the addresses in an answer to a client; index: client.
    Resolve = 43,
    /// When an external load balancer asks or checks first; index: client, key: 0 or one more than the ordinal of the backend.
    Balancer = 45,
    /// Counts of requests that are drawn in bulk; index 0.
    Counts = 44,
    /// Digits of a service's id; index: service.
    ServiceId = 50,
    /// Digits of a task's id; index: task.
    TaskId = 51,
    /// Digits of a node's id; index: node.
    NodeId = 52,
}

/// All random numbers of one run, made from its seed.
///
/// What must be alike in runs that are compared is drawn by key ([`Streams::keyed`]): the k-th task of an image has the same
/// fate under every policy. What comes in sequence has a stream of its own ([`Streams::of`]).
#[derive(Clone, Debug)]
pub struct Streams {
    /// The stream with number 0, at its start: to make it from the seed costs as much as a block of numbers.
    seeded: ChaCha8Rng,
}

impl Streams {
    /// The random numbers that belong to `seed`.
    pub fn new(seed: u64) -> Streams {
        Streams { seeded: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The stream of one entity, from its start.
    pub fn of(&self, stream: Stream, index: u32) -> StreamRng {
        let mut rng = self.seeded.clone();
        rng.set_stream(u64::from(stream as u32) << 32 | u64::from(index));
        StreamRng { rng }
    }

    /// The stream of one entity, from the number with ordinal `key` on.
    pub fn from_key(&self, stream: Stream, index: u32, key: u32) -> StreamRng {
        let mut rng = self.of(stream, index);
        rng.rng.set_word_pos(u128::from(key) * 2);
        rng
    }

    /// The number with ordinal `key` of one entity's stream, whatever was drawn before.
    pub fn keyed(&self, stream: Stream, index: u32, key: u32) -> u64 {
        self.from_key(stream, index, key).draw()
    }
}

/// The number with ordinal `key` of those that are made from a uniform number. They are as independent of it, and of each other, as
/// if they were drawn.
///
/// Source: SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014).
pub fn split(u: u64, key: u64) -> u64 {
    let u = u.wrapping_add(key.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let u = (u ^ u >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let u = (u ^ u >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    u ^ u >> 31
}

/// An endless sequence of uniform 64-bit numbers.
#[derive(Clone, Debug)]
pub struct StreamRng {
    rng: ChaCha8Rng,
}

impl StreamRng {
    /// The next number.
    #[inline]
    pub fn draw(&mut self) -> u64 {
        self.rng.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyed_draw_is_the_same_number_of_the_stream() {
        let streams = Streams::new(7);
        let mut rng = streams.of(Stream::Fate, 3);
        for key in 0..100 {
            assert_eq!(rng.draw(), streams.keyed(Stream::Fate, 3, key));
        }
    }

    #[test]
    fn streams_are_stable_across_versions_and_platforms() {
        let streams = Streams::new(42);
        assert_eq!(streams.keyed(Stream::Arrivals, 0, 0), 10_517_904_778_964_690_192);
        assert_eq!(streams.keyed(Stream::Think, 5, 1000), 10607263796016132127);
    }
}
