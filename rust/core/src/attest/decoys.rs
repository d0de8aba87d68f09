//! Decoys: responses that could have been the true one.
//!
//! Uniform over the alphabet as the true response is, so that under H0 the two cannot be told
//! apart. They are drawn under the salt of the key's leaf, which nobody but the publisher knows
//! before the key is shown: a suspect that knew them could write an answer that fits few of them.

use sha2::{Digest, Sha256};

use crate::fingerprint::alphabet::{Alphabet, pair_of_bits};
use crate::fingerprint::seed::{KEY_BYTES, SetKey};
use crate::fingerprint::stream::Stream;

/// `count` responses for query `index`, from the stream of `HMAC-SHA256` keyed by the leaf's salt
/// and labelled `("ifrs/v3/decoys", label, index)`; `label` is a claim's digest.
///
/// Whoever is shown the key draws the same ones.
pub fn decoys(salt: &[u8; KEY_BYTES], label: &[u8], index: u64, count: usize) -> Vec<String> {
    let key = SetKey::from_bytes(&mut { *salt });
    let mut stream = Stream::new(&key, &[b"ifrs/v3/decoys", label, &index.to_be_bytes()]);
    let words = Alphabet::default();
    (0..count).map(|_| words.spell(&words.next(&mut stream))).collect()
}

/// Decoys as bundles had them at first: from SHA-256 of the public `label` alone.
///
/// A suspect that knows the claim can draw them before it answers.
pub(super) fn public_decoys(label: &[u8], index: u64, count: usize) -> Vec<String> {
    let words = Alphabet::default();
    let mut decoys = Vec::with_capacity(count);
    for counter in 0_u64.. {
        if decoys.len() == count {
            break;
        }
        let mut hash = Sha256::new_with_prefix(b"ifrs/v1/decoys");
        hash.update((label.len() as u64).to_be_bytes());
        hash.update(label);
        hash.update(index.to_be_bytes());
        hash.update(counter.to_be_bytes());
        for word in hash.finalize().chunks_exact(8) {
            let draw = u64::from_be_bytes(word.try_into().expect("chunks of eight bytes"));
            // Values of the incomplete last cycle are redrawn: the choice is exactly uniform.
            if let Some(pair) = pair_of_bits(draw).filter(|_| decoys.len() < count) {
                decoys.push(words.spell(&pair));
            }
        }
    }
    decoys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::lists::response_words;

    #[test]
    fn everyone_who_is_shown_the_key_draws_the_same() {
        let salt = [3; 32];
        assert_eq!(decoys(&salt, b"claim", 0, 9), decoys(&salt, b"claim", 0, 9));
        assert_eq!(decoys(&salt, b"claim", 0, 9)[..5], decoys(&salt, b"claim", 0, 5)[..]);
        for other in [
            decoys(&[4; 32], b"claim", 0, 9),
            decoys(&salt, b"claimx", 0, 9),
            decoys(&salt, b"claim", 1, 9),
            public_decoys(b"claim", 0, 9),
        ] {
            assert_ne!(other, decoys(&salt, b"claim", 0, 9));
        }
    }

    #[test]
    fn public_decoys_are_those_of_earlier_bundles() {
        assert_eq!(public_decoys(b"claim", 0, 9), public_decoys(b"claim", 0, 9));
        assert_ne!(public_decoys(b"claim", 0, 9), public_decoys(b"claim", 1, 9));
        assert_eq!(public_decoys(b"claim", 0, 9)[..5], public_decoys(b"claim", 0, 5)[..]);
    }

    #[test]
    fn decoys_are_responses() {
        for decoy in
            [decoys(&[3; 32], b"claim", 7, 4095), public_decoys(b"claim", 7, 4095)].concat()
        {
            let (one, two) = decoy.split_once(' ').unwrap();
            assert_ne!(one, two);
            assert!(response_words().contains(&one) && response_words().contains(&two));
        }
    }
}
