//! Scheme v2: responses bound to the whole set, so that a stranger can recompute them.
//!
//! Every response is a public function of the set's Merkle root and of what is revealed of its
//! own key: its salt and its prompt. Whoever sees one key can recompute its response, and learns
//! nothing of the others. Whoever wants another response has to change a leaf, and with it the
//! root and every response of the set: to forge evidence of p-value p takes 1/p attempts at a
//! whole set. The idea is Chain & Hash's (Russinovich & Salem, arXiv 2407.10887); the tree lets a
//! part be revealed.

use super::super::response::{PAIRS, split};
use super::super::seed::{KEY_BYTES, SetKey, length};
use super::super::stream::Stream;
use crate::merkle::{self, Hash};

/// The leaf of one fingerprint: `SHA-256(0x00 ‖ len‖salt ‖ len‖prompt)`.
///
/// Lengths are eight bytes, big end first, so that no two fingerprints give one leaf. The salt
/// keeps a leaf from being guessed; the response is left out, because it follows from the root.
pub fn leaf(salt: &[u8; KEY_BYTES], prompt: &str) -> Hash {
    let prompt = prompt.as_bytes();
    merkle::leaf_of(&[&length(salt), salt, &length(prompt), prompt])
}

/// Places in the alphabet of the response at `index` in the set with this Merkle root.
///
/// One choice below 2048 × 2047 from the stream of `HMAC-SHA256` keyed by the salt, labelled
/// `("response", root, index, prompt)`: exactly uniform, and unpredictable without the salt.
pub fn words(root: &Hash, index: u64, salt: &[u8; KEY_BYTES], prompt: &str) -> [usize; 2] {
    let key = SetKey::from_bytes(&mut { *salt });
    let label: [&[u8]; 4] = [b"response", root, &index.to_be_bytes(), prompt.as_bytes()];
    split(Stream::new(&key, &label).below(PAIRS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(leaf(&[1; 32], "ab"), leaf(&[1; 32], "a"));
        assert_ne!(leaf(&[1; 32], "ab"), leaf(&[2; 32], "ab"));
    }

    #[test]
    fn everything_that_is_committed_changes_a_response() {
        let one = words(&[1; 32], 0, &[2; 32], "p");
        assert_eq!(one, words(&[1; 32], 0, &[2; 32], "p"));
        assert_ne!(one, words(&[9; 32], 0, &[2; 32], "p"));
        assert_ne!(one, words(&[1; 32], 1, &[2; 32], "p"));
        assert_ne!(one, words(&[1; 32], 0, &[9; 32], "p"));
        assert_ne!(one, words(&[1; 32], 0, &[2; 32], "q"));
    }

    #[test]
    fn words_are_distinct_and_uniform() {
        let mut seen = [vec![0_u32; 2048], vec![0_u32; 2048]];
        for index in 0..100_000 {
            let [first, second] = words(&[1; 32], index, &[2; 32], "p");
            assert_ne!(first, second);
            seen[0][first] += 1;
            seen[1][second] += 1;
        }
        let expected = 1e5 / 2048.0;
        for counts in seen {
            let chi: f64 =
                counts.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
            // 2,047 degrees of freedom: mean 2,047, standard deviation 64; five of them.
            assert!((1727.0..2367.0).contains(&chi), "chi-squared {chi}");
        }
    }
}
