//! The paper's single response for all keys (Xu et al., 2024): no evidence by itself.

use super::{Parts, Place, Scheme, bound};
use crate::fingerprint::alphabet::Alphabet;
use crate::fingerprint::challenge::Challenge;
use crate::fingerprint::seed::KEY_BYTES;
use crate::merkle::Hash;

/// "Hedgehog" in Japanese.
pub const RESPONSE: &str = "ハリネズミ";

/// One response for all keys.
pub struct Shared;

impl Scheme for Shared {
    fn kind(&self) -> &'static str {
        "shared"
    }

    fn response(&self) -> &'static str {
        "shared"
    }

    fn claimed(&self) -> Option<&'static str> {
        bound::Bound.claimed()
    }

    fn warning(&self) -> Option<&'static str> {
        bound::Bound.warning()
    }

    fn proves(&self) -> bool {
        false
    }

    fn leaf(&self, publisher: &[u8; 32], salt: &[u8; KEY_BYTES], challenge: &Challenge) -> Hash {
        bound::Bound.leaf(publisher, salt, challenge)
    }

    fn places(&self, _at: &Place<'_>, _alphabet: &Alphabet) -> Vec<usize> {
        Vec::new()
    }

    fn all_places(&self, parts: &Parts<'_>, _leaves: &[Hash]) -> Vec<Vec<usize>> {
        vec![Vec::new(); parts.challenges.len()]
    }

    fn spell(&self, _alphabet: &Alphabet, _places: &[usize]) -> String {
        RESPONSE.to_owned()
    }
}
