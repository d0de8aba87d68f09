//! Scheme v1: responses under the set's own key, bound to every key of the set.
//!
//! The binding is that of Chain & Hash (Russinovich & Salem, arXiv 2407.10887): to choose one
//! response freely a forger has to redo the whole set. Nobody but the publisher can recompute
//! them, so such sets make no claims.

use sha2::{Digest, Sha256};

use super::{Parts, Place, Scheme, bound};
use crate::fingerprint::alphabet::Alphabet;
use crate::fingerprint::challenge::Challenge;
use crate::fingerprint::seed::{KEY_BYTES, length};
use crate::merkle::Hash;

/// Responses under the set's own key.
pub struct Keyed;

impl Scheme for Keyed {
    fn kind(&self) -> &'static str {
        "unique"
    }

    fn claimed(&self) -> Option<&'static str> {
        None
    }

    fn leaf(&self, publisher: &[u8; 32], salt: &[u8; KEY_BYTES], challenge: &Challenge) -> Hash {
        bound::Bound.leaf(publisher, salt, challenge)
    }

    fn places(&self, _at: &Place<'_>, _alphabet: &Alphabet) -> Vec<usize> {
        unreachable!("no claim is of this scheme")
    }

    fn all_places(&self, parts: &Parts<'_>, _leaves: &[Hash]) -> Vec<Vec<usize>> {
        let (before, after) = parts.around;
        let keys =
            || parts.challenges.iter().map(|one| &one.bytes()[before..one.bytes().len() - after]);
        let digest = digest_of_keys(keys());
        let place = |(index, key): (usize, &[u8])| {
            let index = (index as u64).to_be_bytes();
            let label: [&[u8]; 4] = [b"response", &digest, &index, key];
            parts.alphabet.draw(parts.set_key.expose(), &label)
        };
        keys().enumerate().map(place).collect()
    }
}

/// SHA-256 over all rendered keys of a set, each prefixed with its length.
fn digest_of_keys<'a>(keys: impl Iterator<Item = &'a [u8]>) -> [u8; KEY_BYTES] {
    let mut hash = Sha256::new();
    for key in keys {
        hash.update(length(key));
        hash.update(key);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::seed::{Context, Seed};

    fn places(keys: [&str; 3]) -> Vec<Vec<usize>> {
        let key = Seed::from_bytes(&mut [1; KEY_BYTES]).set_key("s", &Context::new());
        let challenges = keys.map(|key| Challenge::text(format!("<{key}>")));
        let parts = Parts {
            publisher: &[0; 32],
            challenges: &challenges,
            salts: &[[0; 32]; 3],
            alphabet: &Alphabet::default(),
            set_key: &key,
            around: (1, 1),
        };
        Keyed.all_places(&parts, &[])
    }

    #[test]
    fn any_key_of_the_set_changes_every_response() {
        assert_eq!(places(["a", "b", "c"]), places(["a", "b", "c"]));
        assert_ne!(places(["a", "b", "c"])[0], places(["a", "b", "d"])[0]);
        let digest = |keys: &[&'static str]| digest_of_keys(keys.iter().map(|key| key.as_bytes()));
        assert_ne!(digest(&["a", "b", "c"]), digest(&["ab", "c"]));
    }
}
