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
    pub fn add<const N: usize>(&mut self, words: [u64; N]) {
        for word in words {
            self.hash.update(&word.to_le_bytes());
        }
    }

    /// Adds a text, its length first.
    pub fn add_text(&mut self, text: &str) {
        self.add([text.len() as u64]);
        self.hash.update(text.as_bytes());
    }

    /// The hash of all that was added so far, as 16 hexadecimal digits.
    pub fn digest(&self) -> String {
        format!("{:016x}", self.hash.digest())
    }
}
