//! Scheme v3: responses bound to the whole set and to the publisher's key.
//!
//! As in [`super::bound`], every response is a public function of the set's Merkle root and of
//! what is revealed of its own key. Here the publisher's Ed25519 key is part of every leaf and of
//! the label of every response: a root that somebody copies from another's public claim is worth
//! nothing under their own key, because no revealed salt and prompt lead to it. A leaf also names
//! what kind of thing its key is, so that one string of bytes is never two keys.

use super::super::response::{PAIRS, split};
use super::super::seed::{KEY_BYTES, SetKey, length};
use super::super::stream::Stream;
use crate::merkle::{self, Hash};

/// The media type of keys that are prompts.
pub const TEXT: &str = "text/plain";

/// The leaf of one fingerprint:
/// `SHA-256(0x00 ‖ len‖"ifrs/v3/leaf" ‖ len‖publisher ‖ len‖media ‖ len‖salt ‖ len‖challenge)`.
///
/// Lengths are eight bytes, big end first. The challenge of a text key is its prompt in UTF-8.
pub fn leaf(publisher: &[u8; 32], media: &str, salt: &[u8; KEY_BYTES], challenge: &[u8]) -> Hash {
    let parts: [&[u8]; 5] = [b"ifrs/v3/leaf", publisher, media.as_bytes(), salt, challenge];
    let lengths = parts.map(length);
    let data: [&[u8]; 10] = std::array::from_fn(|i| match i % 2 {
        0 => &lengths[i / 2][..],
        _ => parts[i / 2],
    });
    merkle::leaf_of(&data)
}

/// Places in the alphabet of the response at `index` in the publisher's set with this root.
///
/// One choice below 2048 × 2047 from the stream of `HMAC-SHA256` keyed by the salt, labelled
/// `("ifrs/v3/response", publisher, root, index, challenge)`: exactly uniform, and unpredictable
/// without the salt.
pub fn words(
    publisher: &[u8; 32],
    root: &Hash,
    index: u64,
    salt: &[u8; KEY_BYTES],
    challenge: &[u8],
) -> [usize; 2] {
    let key = SetKey::from_bytes(&mut { *salt });
    let label: [&[u8]; 5] = [b"ifrs/v3/response", publisher, root, &index.to_be_bytes(), challenge];
    split(Stream::new(&key, &label).below(PAIRS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_of_one_publisher_one_medium_and_one_key() {
        let one = leaf(&[1; 32], TEXT, &[2; 32], b"ab");
        assert_eq!(one, leaf(&[1; 32], TEXT, &[2; 32], b"ab"));
        assert_ne!(one, leaf(&[9; 32], TEXT, &[2; 32], b"ab"));
        assert_ne!(one, leaf(&[1; 32], "image/x-rgb", &[2; 32], b"ab"));
        assert_ne!(one, leaf(&[1; 32], TEXT, &[9; 32], b"ab"));
        assert_ne!(one, leaf(&[1; 32], TEXT, &[2; 32], b"a"));
        assert_ne!(one, super::super::bound::leaf(&[2; 32], "ab"));
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
        assert_eq!(leaf(&[1; 32], TEXT, &[2; 32], b"ab"), expected);
    }

    #[test]
    fn everything_that_is_committed_changes_a_response() {
        let one = words(&[7; 32], &[1; 32], 0, &[2; 32], b"p");
        assert_eq!(one, words(&[7; 32], &[1; 32], 0, &[2; 32], b"p"));
        assert_ne!(one, words(&[8; 32], &[1; 32], 0, &[2; 32], b"p"));
        assert_ne!(one, words(&[7; 32], &[9; 32], 0, &[2; 32], b"p"));
        assert_ne!(one, words(&[7; 32], &[1; 32], 1, &[2; 32], b"p"));
        assert_ne!(one, words(&[7; 32], &[1; 32], 0, &[9; 32], b"p"));
        assert_ne!(one, words(&[7; 32], &[1; 32], 0, &[2; 32], b"q"));
        assert_ne!(one, super::super::bound::words(&[1; 32], 0, &[2; 32], "p"));
    }
}
