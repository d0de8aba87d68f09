//! Scheme v2: responses bound to the whole set, so that a stranger can recompute them.
//!
//! Every response is a public function of the set's Merkle root and of what is revealed of its
//! own key: its salt and its prompt. Whoever sees one key can recompute its response, and learns
//! nothing of the others. Whoever wants another response has to change a leaf, and with it the
//! root and every response of the set: to forge evidence of p-value p takes 1/p attempts at a
//! whole set. The idea is Chain & Hash's (Russinovich & Salem, arXiv 2407.10887); the tree lets a
//! part be revealed.

use super::{Place, Scheme};
use crate::fingerprint::alphabet::Alphabet;
use crate::fingerprint::challenge::Challenge;
use crate::fingerprint::seed::{KEY_BYTES, length};
use crate::merkle::{self, Hash};

/// Responses bound to the set.
pub struct Bound;

impl Scheme for Bound {
    fn kind(&self) -> &'static str {
        "bound"
    }

    fn claimed(&self) -> Option<&'static str> {
        Some("ifrs/scheme/v2")
    }

    fn warning(&self) -> Option<&'static str> {
        Some(
            "the claim is of scheme v2, whose keys and responses are not bound to the publisher's \
             key: whoever copies its Merkle root into a claim of their own can show the keys that \
             were revealed as theirs, so compare the signing key with the announced one, and the \
             dates",
        )
    }

    /// `SHA-256(0x00 ‖ len‖salt ‖ len‖prompt)`.
    ///
    /// Lengths are eight bytes, big end first, so that no two fingerprints give one leaf. The salt
    /// keeps a leaf from being guessed; the response is left out, because it follows from the root.
    fn leaf(&self, _publisher: &[u8; 32], salt: &[u8; KEY_BYTES], challenge: &Challenge) -> Hash {
        let prompt = challenge.bytes();
        merkle::leaf_of(&[&length(salt), salt, &length(prompt), prompt])
    }

    /// One choice from the stream of `HMAC-SHA256` keyed by the salt, labelled
    /// `("response", root, index, prompt)`: exactly uniform, and unpredictable without the salt.
    fn places(&self, at: &Place<'_>, alphabet: &Alphabet) -> Vec<usize> {
        let index = at.index.to_be_bytes();
        let label: [&[u8]; 4] = [b"response", at.root, &index, at.challenge.bytes()];
        alphabet.draw(at.salt, &label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(salt: u8, prompt: &str) -> Hash {
        Bound.leaf(&[0; 32], &[salt; 32], &Challenge::text(prompt.into()))
    }

    fn words(root: u8, index: u64, salt: u8, prompt: &str) -> Vec<usize> {
        let challenge = &Challenge::text(prompt.into());
        let (publisher, root, salt) = (&[0; 32], &[root; 32], &[salt; 32]);
        let at = Place { publisher, root, index, salt, challenge };
        Bound.places(&at, &Alphabet::default())
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(leaf(1, "ab"), leaf(1, "a"));
        assert_ne!(leaf(1, "ab"), leaf(2, "ab"));
    }

    #[test]
    fn everything_that_is_committed_changes_a_response() {
        let one = words(1, 0, 2, "p");
        assert_eq!(one, words(1, 0, 2, "p"));
        assert_ne!(one, words(9, 0, 2, "p"));
        assert_ne!(one, words(1, 1, 2, "p"));
        assert_ne!(one, words(1, 0, 9, "p"));
        assert_ne!(one, words(1, 0, 2, "q"));
    }
}
