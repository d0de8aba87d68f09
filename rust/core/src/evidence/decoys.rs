//! Decoys: responses that could have been the true one, drawn from public randomness.

use sha2::{Digest, Sha256};

use crate::fingerprint::response::{PAIRS, pair};

/// `count` responses for query `index`, drawn from SHA-256 of a public `label`.
///
/// Uniform over the alphabet as the true response is, so that under H0 the two cannot be told
/// apart; anyone who knows the label draws the same ones.
pub fn decoys(label: &[u8], index: u64, count: usize) -> Vec<String> {
    // Values of the incomplete last cycle are redrawn: the choice is exactly uniform.
    let limit = u64::MAX - (u64::MAX % PAIRS + 1) % PAIRS;
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
            if draw <= limit && decoys.len() < count {
                decoys.push(pair(draw % PAIRS));
            }
        }
    }
    decoys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::alphabet::response_words;

    #[test]
    fn public_and_reproducible() {
        assert_eq!(decoys(b"claim", 0, 9), decoys(b"claim", 0, 9));
        assert_ne!(decoys(b"claim", 0, 9), decoys(b"claim", 1, 9));
        assert_ne!(decoys(b"claim", 0, 9), decoys(b"claimx", 0, 9));
        assert_eq!(decoys(b"claim", 0, 9)[..5], decoys(b"claim", 0, 5)[..]);
    }

    #[test]
    fn decoys_are_responses() {
        for decoy in decoys(b"claim", 7, 4095) {
            let (one, two) = decoy.split_once(' ').unwrap();
            assert_ne!(one, two);
            assert!(response_words().contains(&one) && response_words().contains(&two));
        }
    }
}
