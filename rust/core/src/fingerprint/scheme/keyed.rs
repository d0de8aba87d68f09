//! Scheme v1: responses under the set's own key, bound to every key of the set.
//!
//! The binding is that of Chain & Hash (Russinovich & Salem, arXiv 2407.10887): to choose one
//! response freely a forger has to redo the whole set. Nobody but the publisher can recompute
//! them, so such sets make no claims.

use sha2::{Digest, Sha256};

use super::super::response::{PAIRS, split};
use super::super::seed::{KEY_BYTES, SetKey, length};
use super::super::stream::Stream;

/// SHA-256 over all rendered keys of a set, each prefixed with its length.
pub(crate) fn digest_of_keys<'a>(keys: impl Iterator<Item = &'a str>) -> [u8; KEY_BYTES] {
    let mut hash = Sha256::new();
    for key in keys {
        hash.update(length(key.as_bytes()));
        hash.update(key);
    }
    hash.finalize().into()
}

/// The places of a `keyed` response, exactly uniform over all ordered pairs.
pub(crate) fn words(
    set_key: &SetKey,
    digest: &[u8; KEY_BYTES],
    index: u64,
    key: &str,
) -> [usize; 2] {
    let label: [&[u8]; 4] = [b"response", digest, &index.to_be_bytes(), key.as_bytes()];
    split(Stream::new(set_key, &label).below(PAIRS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::alphabet::response_words;
    use crate::fingerprint::seed::{Context, Seed};

    #[test]
    fn words_are_distinct_and_every_rank_occurs() {
        let key = Seed::from_bytes(&mut [1; KEY_BYTES]).set_key("s", &Context::new());
        let digest = digest_of_keys(["x"].into_iter());
        let listed = response_words().len();
        let mut seen = [vec![0_u32; listed], vec![0_u32; listed]];
        for index in 0..100_000 {
            let [first, second] = words(&key, &digest, index, "x");
            assert_ne!(first, second);
            seen[0][first] += 1;
            seen[1][second] += 1;
        }
        let expected = 1e5 / listed as f64;
        for counts in seen {
            let chi: f64 =
                counts.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
            // 2,047 degrees of freedom: mean 2,047, standard deviation 64; five of them.
            assert!((1727.0..2367.0).contains(&chi), "chi-squared {chi}");
        }
    }

    #[test]
    fn any_key_of_the_set_changes_every_response() {
        let key = Seed::from_bytes(&mut [1; KEY_BYTES]).set_key("s", &Context::new());
        let one = digest_of_keys(["a", "b", "c"].into_iter());
        let two = digest_of_keys(["a", "b", "d"].into_iter());
        assert_ne!(words(&key, &one, 0, "a"), words(&key, &two, 0, "a"));
        assert_ne!(one, digest_of_keys(["ab", "c"].into_iter()));
    }
}
