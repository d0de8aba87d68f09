//! Schemes: how a leaf commits to a key, and how a response follows from all leaves.
//!
//! One file a scheme. [`owned`] is what new sets have; [`bound`] and [`keyed`] are those of sets
//! made before, which stay readable; [`shared`] is the paper's single response.

pub mod bound;
pub mod keyed;
pub mod owned;
pub mod shared;

use std::sync::RwLock;

use super::alphabet::Alphabet;
use super::challenge::Challenge;
use super::seed::{KEY_BYTES, SetKey};
use crate::merkle::{self, Hash};

/// A way to bind responses to keys.
pub trait Scheme: Sync {
    /// Its name in keyrings.
    fn kind(&self) -> &'static str;

    /// What users call its responses.
    fn response(&self) -> &'static str {
        "unique"
    }

    /// Its name in claims; `None` where nobody but the publisher can recompute its responses.
    fn claimed(&self) -> Option<&'static str>;

    /// Whether its leaves and responses are bound to the publisher's key.
    fn is_owned(&self) -> bool {
        false
    }

    /// What a checker should know that it does not bind.
    fn warning(&self) -> Option<&'static str> {
        None
    }

    /// Whether its responses are drawn for each key, so that ranks prove something.
    fn proves(&self) -> bool {
        true
    }

    /// The leaf of one fingerprint in the set's Merkle tree.
    fn leaf(&self, publisher: &[u8; 32], salt: &[u8; KEY_BYTES], challenge: &Challenge) -> Hash;

    /// Places of one response in the alphabet, from what a checker sees.
    fn places(&self, at: &Place<'_>, alphabet: &Alphabet) -> Vec<usize>;

    /// Places of all responses of a set, at its publisher's.
    fn all_places(&self, parts: &Parts<'_>, leaves: &[Hash]) -> Vec<Vec<usize>> {
        let root = merkle::root(leaves);
        let place = |(index, challenge)| {
            let (publisher, salt) = (parts.publisher, &parts.salts[index]);
            let at = Place { publisher, root: &root, index: index as u64, salt, challenge };
            self.places(&at, parts.alphabet)
        };
        parts.challenges.iter().enumerate().map(place).collect()
    }

    /// The leaves of a set, in order.
    fn leaves(&self, parts: &Parts<'_>) -> Vec<Hash> {
        let pairs = parts.salts.iter().zip(parts.challenges);
        pairs.map(|(salt, challenge)| self.leaf(parts.publisher, salt, challenge)).collect()
    }

    /// The response that some places spell.
    fn spell(&self, alphabet: &Alphabet, places: &[usize]) -> String {
        alphabet.spell(places)
    }
}

/// One key of a set, as whoever is shown it sees it.
pub struct Place<'p> {
    /// The publisher's Ed25519 key.
    pub publisher: &'p [u8; 32],
    /// The set's Merkle root.
    pub root: &'p Hash,
    /// The key's place in the set.
    pub index: u64,
    /// Its salt.
    pub salt: &'p [u8; KEY_BYTES],
    /// The key.
    pub challenge: &'p Challenge,
}

/// A whole set, as its publisher has it.
pub struct Parts<'p> {
    /// The publisher's Ed25519 key.
    pub publisher: &'p [u8; 32],
    /// The keys, in order.
    pub challenges: &'p [Challenge],
    /// Their salts.
    pub salts: &'p [[u8; KEY_BYTES]],
    /// What responses are drawn from.
    pub alphabet: &'p Alphabet,
    pub(crate) set_key: &'p SetKey,
    /// What stands before and after each key in its challenge.
    pub(crate) around: (usize, usize),
}

/// The schemes of this crate.
static OWN: [&dyn Scheme; 4] = [&owned::Owned, &bound::Bound, &keyed::Keyed, &shared::Shared];

/// Schemes from outside.
static OTHERS: RwLock<Vec<&'static dyn Scheme>> = RwLock::new(Vec::new());

/// Adds a scheme from outside; keyrings and claims that name it are then read.
pub fn register(scheme: &'static dyn Scheme) {
    OTHERS.write().unwrap_or_else(std::sync::PoisonError::into_inner).push(scheme);
}

/// The first scheme, of this crate or from outside, for which something holds.
pub(crate) fn find(is: impl Fn(&dyn Scheme) -> bool) -> Option<&'static dyn Scheme> {
    let others = OTHERS.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    OWN.iter().chain(others.iter()).copied().find(|scheme| is(*scheme))
}
