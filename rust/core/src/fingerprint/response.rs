//! Responses: each depends on every key of its set.
//!
//! The binding is that of Chain & Hash (Russinovich & Salem, arXiv 2407.10887): to choose one
//! response freely a forger has to redo the whole set.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::FingerprintError;
use super::alphabet::response_words;
use super::seed::{KEY_BYTES, SetKey, length};
use super::stream::Stream;

/// The paper's one response for all keys: "hedgehog" in Japanese.
pub const SHARED_RESPONSE: &str = "ハリネズミ";

/// How a set's responses are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseKind {
    /// Two distinct words of the alphabet for each key, bound to the set's Merkle root.
    #[serde(rename = "bound")]
    Unique,
    /// The same as sets had them at first: under the set's key, so that nobody else can recompute
    /// them. Such sets verify, but make no claims.
    #[serde(rename = "unique")]
    Keyed,
    /// The paper's single response; no evidence by itself.
    Shared,
}

impl std::str::FromStr for ResponseKind {
    type Err = FingerprintError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "unique" => Ok(Self::Unique),
            "shared" => Ok(Self::Shared),
            _ => Err(FingerprintError::UnknownResponse(name.into())),
        }
    }
}

impl ResponseKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unique | Self::Keyed => "unique",
            Self::Shared => "shared",
        }
    }
}

/// SHA-256 over all rendered keys of a set, each prefixed with its length.
pub(crate) fn digest_of_keys<'a>(keys: impl Iterator<Item = &'a str>) -> [u8; KEY_BYTES] {
    let mut hash = Sha256::new();
    for key in keys {
        hash.update(length(key.as_bytes()));
        hash.update(key);
    }
    hash.finalize().into()
}

/// The places of a [`ResponseKind::Keyed`] response, exactly uniform over all ordered pairs.
pub(crate) fn word_indices(
    set_key: &SetKey,
    digest: &[u8; KEY_BYTES],
    index: u64,
    key: &str,
) -> [usize; 2] {
    let label: [&[u8]; 4] = [b"response", digest, &index.to_be_bytes(), key.as_bytes()];
    split(Stream::new(set_key, &label).below(PAIRS))
}

/// The number of ordered pairs of distinct words.
pub(crate) const PAIRS: u64 = 2048 * 2047;

/// The ordered pair of distinct words with the number `pair`.
pub(crate) fn split(pair: u64) -> [usize; 2] {
    let (first, rest) = (pair / 2047, pair % 2047);
    // The second word counts along the list with the first one taken out.
    [first as usize, (rest + u64::from(rest >= first)) as usize]
}

/// The response with the number `pair`, which counts up to 2048 × 2047.
pub(crate) fn pair(pair: u64) -> String {
    spell(split(pair))
}

/// The response that two places in the alphabet spell.
pub(crate) fn spell([first, second]: [usize; 2]) -> String {
    format!("{} {}", response_words()[first], response_words()[second])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::seed::{Context, Seed};

    #[test]
    fn words_are_distinct_and_every_rank_occurs() {
        let key = Seed::from_bytes(&mut [1; KEY_BYTES]).set_key("s", &Context::new());
        let digest = digest_of_keys(["x"].into_iter());
        let words = response_words().len();
        let mut seen = [vec![0_u32; words], vec![0_u32; words]];
        for index in 0..100_000 {
            let [first, second] = word_indices(&key, &digest, index, "x");
            assert_ne!(first, second);
            seen[0][first] += 1;
            seen[1][second] += 1;
        }
        let expected = 1e5 / words as f64;
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
        assert_ne!(word_indices(&key, &one, 0, "a"), word_indices(&key, &two, 0, "a"));
        assert_ne!(one, digest_of_keys(["ab", "c"].into_iter()));
    }
}
