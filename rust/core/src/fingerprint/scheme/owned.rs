//! Scheme v3: responses bound to the whole set and to the publisher's key.
//!
//! As in [`super::bound`], every response is a public function of the set's Merkle root and of
//! what is revealed of its own key. Here the publisher's Ed25519 key is part of every leaf and of
//! the label of every response: a root that somebody copies from another's public claim is worth
//! nothing under their own key, because no revealed salt and prompt lead to it. A leaf also names
//! what kind of thing its key is, so that one string of bytes is never two keys.

use super::{Place, Scheme};
use crate::fingerprint::alphabet::Alphabet;
use crate::fingerprint::challenge::Challenge;
use crate::fingerprint::seed::KEY_BYTES;
use crate::merkle::{self, Hash};

/// Responses bound to the set and to the publisher's key.
pub struct Owned;

impl Scheme for Owned {
    fn kind(&self) -> &'static str {
        "owned"
    }

    fn claimed(&self) -> Option<&'static str> {
        Some("ifrs/scheme/v3")
    }

    fn is_owned(&self) -> bool {
        true
    }

    /// `SHA-256(0x00 ‖ len‖"ifrs/v3/leaf" ‖ len‖publisher ‖ len‖media ‖ len‖salt ‖ len‖challenge)`.
    ///
    /// Lengths are eight bytes, big end first. The challenge of a text key is its prompt in UTF-8.
    fn leaf(&self, publisher: &[u8; 32], salt: &[u8; KEY_BYTES], challenge: &Challenge) -> Hash {
        let media = challenge.media().as_bytes();
        merkle::leaf_of_lengths(&[b"ifrs/v3/leaf", publisher, media, salt, challenge.bytes()])
    }

    /// One choice from the stream of `HMAC-SHA256` keyed by the salt, labelled
    /// `("ifrs/v3/response", publisher, root, index, challenge)`: exactly uniform, and
    /// unpredictable without the salt.
    fn places(&self, at: &Place<'_>, alphabet: &Alphabet) -> Vec<usize> {
        let index = at.index.to_be_bytes();
        let label: [&[u8]; 5] =
            [b"ifrs/v3/response", at.publisher, at.root, &index, at.challenge.bytes()];
        alphabet.draw(at.salt, &label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(publisher: &[u8; 32], media: &str, salt: &[u8; 32], challenge: &[u8]) -> Hash {
        Owned.leaf(publisher, salt, &Challenge::of(media, challenge.to_vec()))
    }

    fn words(publisher: u8, root: u8, index: u64, salt: u8, challenge: &[u8]) -> Vec<usize> {
        let challenge = &Challenge::of("text/plain", challenge.to_vec());
        let (publisher, root, salt) = (&[publisher; 32], &[root; 32], &[salt; 32]);
        let at = Place { publisher, root, index, salt, challenge };
        Owned.places(&at, &Alphabet::default())
    }

    #[test]
    fn a_leaf_is_of_one_publisher_one_medium_and_one_key() {
        let one = leaf(&[1; 32], "text/plain", &[2; 32], b"ab");
        assert_eq!(one, leaf(&[1; 32], "text/plain", &[2; 32], b"ab"));
        assert_ne!(one, leaf(&[9; 32], "text/plain", &[2; 32], b"ab"));
        assert_ne!(one, leaf(&[1; 32], "image/x-rgb", &[2; 32], b"ab"));
        assert_ne!(one, leaf(&[1; 32], "text/plain", &[9; 32], b"ab"));
        assert_ne!(one, leaf(&[1; 32], "text/plain", &[2; 32], b"a"));
        let text = Challenge::text("ab".into());
        assert_ne!(one, super::super::bound::Bound.leaf(&[1; 32], &[2; 32], &text));
    }

    #[test]
    fn the_encoding_is_the_documented_one() {
        use sha2::{Digest, Sha256};
        let mut data = vec![0];
        for part in [&b"ifrs/v3/leaf"[..], &[1; 32], b"text/plain", &[2; 32], b"ab"] {
            data.extend((part.len() as u64).to_be_bytes());
            data.extend(part);
        }
        let expected: Hash = Sha256::digest(&data).into();
        assert_eq!(leaf(&[1; 32], "text/plain", &[2; 32], b"ab"), expected);
    }

    #[test]
    fn everything_that_is_committed_changes_a_response() {
        let one = words(7, 1, 0, 2, b"p");
        assert_eq!(one, words(7, 1, 0, 2, b"p"));
        assert_ne!(one, words(8, 1, 0, 2, b"p"));
        assert_ne!(one, words(7, 9, 0, 2, b"p"));
        assert_ne!(one, words(7, 1, 1, 2, b"p"));
        assert_ne!(one, words(7, 1, 0, 9, b"p"));
        assert_ne!(one, words(7, 1, 0, 2, b"q"));
    }
}
