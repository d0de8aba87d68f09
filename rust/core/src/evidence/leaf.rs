//! The leaf of a claim's Merkle tree that one fingerprint makes.

use sha2::{Digest, Sha256};

/// `SHA-256(0x00 ‖ len‖salt ‖ len‖prompt ‖ len‖response)`.
///
/// The zero byte tells a leaf from a node (RFC 6962, section 2.1); lengths are eight bytes, big
/// end first, so that no two fingerprints give one leaf.
pub fn leaf(salt: &[u8], prompt: &str, response: &str) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix([0]);
    for part in [salt, prompt.as_bytes(), response.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(leaf(b"s", "ab", "c"), leaf(b"s", "a", "bc"));
        assert_ne!(leaf(b"sa", "b", "c"), leaf(b"s", "ab", "c"));
        assert_eq!(leaf(b"s", "a", "b"), leaf(b"s", "a", "b"));
    }
}
