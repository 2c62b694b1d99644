//! The hash of a run's control-plane events, to see that two runs are the same.

use xxhash_rust::xxh3::Xxh3Default;

/// Folds the sequence of events of a run into one number.
#[derive(Clone, Default)]
pub struct Fingerprint {
    hash: Xxh3Default,
}

impl Fingerprint {
    /// An empty fingerprint.
    pub fn new() -> Fingerprint {
        Fingerprint::default()
    }

    /// Adds one event, given as numbers.
    #[inline]
    pub fn add(&mut self, words: [u64; 4]) {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        self.hash.update(&bytes);
    }

    /// The hash of all that was added so far, as 16 hexadecimal digits.
    pub fn digest(&self) -> String {
        format!("{:016x}", self.hash.digest())
    }
}
