//! Uniform choices from a key: HMAC-SHA256 in counter mode, then rejection sampling.

use zeroize::Zeroize;

use super::seed::{KEY_BYTES, SetKey};

/// A deterministic stream of uniform choices, labelled so that no two streams share bytes.
pub(crate) struct Stream<'k> {
    key: &'k SetKey,
    label: Vec<u8>,
    counter: u64,
    block: [u8; KEY_BYTES],
    used: usize,
}

impl<'k> Stream<'k> {
    /// The stream of `key` under a label of several parts.
    pub(crate) fn new(key: &'k SetKey, parts: &[&[u8]]) -> Self {
        let mut label = Vec::new();
        for part in parts {
            label.extend_from_slice(&super::seed::length(part));
            label.extend_from_slice(part);
        }
        Self { key, label, counter: 0, block: [0; KEY_BYTES], used: KEY_BYTES }
    }

    fn next_u64(&mut self) -> u64 {
        if self.used == KEY_BYTES {
            self.block = self.key.mac(&[&self.label, &self.counter.to_be_bytes()]);
            self.counter += 1;
            self.used = 0;
        }
        let mut word = [0; 8];
        word.copy_from_slice(&self.block[self.used..self.used + 8]);
        self.used += 8;
        u64::from_be_bytes(word)
    }

    /// So many uniform bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut found = Vec::with_capacity(length.next_multiple_of(8));
        while found.len() < length {
            found.extend(self.next_u64().to_be_bytes());
        }
        found.truncate(length);
        found
    }

    /// A number in `0..bound`, exactly uniform: values of the incomplete last cycle are redrawn.
    ///
    /// # Panics
    /// If `bound` is zero: there is nothing to choose from.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a choice among nothing");
        let limit = u64::MAX - (u64::MAX % bound + 1) % bound;
        loop {
            let word = self.next_u64();
            if word <= limit {
                return word % bound;
            }
        }
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        self.block.zeroize();
        self.label.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::seed::{Context, Seed};

    fn key() -> SetKey {
        Seed::from_bytes(&mut [3; KEY_BYTES]).set_key("s", &Context::new())
    }

    #[test]
    fn labels_separate_streams() {
        let key = key();
        let draw = |parts: &[&[u8]]| Stream::new(&key, parts).below(u64::MAX);
        assert_eq!(draw(&[b"a", b"b"]), draw(&[b"a", b"b"]));
        assert_ne!(draw(&[b"a", b"b"]), draw(&[b"ab", b""]));
    }

    #[test]
    fn choices_are_uniform() {
        let key = key();
        let mut stream = Stream::new(&key, &[b"uniform"]);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        // Chi-squared with 6 degrees of freedom: 22.5 is its 99.9 % point.
        let chi: f64 = counts.iter().map(|&c| (f64::from(c) - 1e4).powi(2) / 1e4).sum();
        assert!(chi < 22.5, "chi-squared {chi}");
    }

    #[test]
    fn bounds_at_the_edges() {
        let key = key();
        let mut stream = Stream::new(&key, &[b"edges"]);
        assert_eq!(stream.below(1), 0);
        // With this bound half of all words are redrawn.
        for _ in 0..100 {
            assert!(stream.below((1 << 63) + 1) <= 1 << 63);
        }
    }
}
