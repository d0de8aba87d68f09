//! Responses: which kinds there are, and how one is numbered and spelled.

use serde::{Deserialize, Serialize};

use super::FingerprintError;
use super::alphabet::response_words;

/// The paper's one response for all keys: "hedgehog" in Japanese.
pub const SHARED_RESPONSE: &str = "ハリネズミ";

/// How a set's responses are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseKind {
    /// Two distinct words of the alphabet for each key, bound to the set's Merkle root and to the
    /// publisher's key (scheme v3).
    Owned,
    /// The same, bound to the root alone: sets of scheme v2.
    Bound,
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
            "unique" => Ok(Self::Owned),
            "shared" => Ok(Self::Shared),
            _ => Err(FingerprintError::UnknownResponse(name.into())),
        }
    }
}

impl ResponseKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owned | Self::Bound | Self::Keyed => "unique",
            Self::Shared => "shared",
        }
    }
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
