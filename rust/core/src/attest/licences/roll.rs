//! A roll of licensees: what a publisher signs about all copies. It shows no key, no response, no
//! licensee and no codeword.
//!
//! An in-toto Statement v1 in a DSSE envelope, as a claim is, and with a time stamp like it.

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use super::super::AttestError;
use super::super::claim::{
    Named, STATEMENT, Sha256Digest, Subject, is_name, is_template, template,
};
use super::super::signed::{Signed, SignedFile};
use super::leaves::{Copy, Trees};
use crate::encoding::{hex, now, unhex};
use crate::fingerprint::FingerprintSet;
use crate::fingerprint::codeword::MAX_COALITION;
use crate::fingerprint::set::MAX_FINGERPRINTS;
use crate::merkle::{self, Hash};

/// What the statement's predicate says.
const PREDICATE: &str = "urn:ifrs:licences:v1";
/// How everything in it is derived.
const SCHEME: &str = "ifrs/licences/v1";
const MAX_LICENSEES: usize = 10_000_000;

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    /// The copies as one: the model's name, and the root over the licensees.
    pub subject: [Subject; 1],
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// What is claimed of them.
    pub predicate: Predicate,
}

/// What is claimed of all copies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predicate {
    /// How everything below is derived.
    pub scheme: String,
    /// When the publisher says that it was signed (RFC 3339, UTC).
    pub created: String,
    /// For coalitions of up to how many licensees the code is made.
    pub coalition: u8,
    /// What stands around a key.
    pub template: Named,
    /// The tree over all positions.
    pub positions: Tree,
    /// The tree over all licensees.
    pub licensees: Tree,
    /// How many copies left.
    pub copies: usize,
    /// The Ed25519 key that signs, in hexadecimal.
    pub publisher: String,
}

/// How many leaves, and their Merkle root in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// The number of leaves.
    pub n: usize,
    /// The root.
    pub root: String,
}

/// A roll that was read or made; its form is sound, its signature not yet verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Roll {
    signed: Signed,
    statement: Statement,
    positions: Hash,
    licensees: Hash,
    publisher: [u8; 32],
}

impl Roll {
    /// Makes and signs the roll of a set whose copies left in this order.
    pub(crate) fn sign(
        set: &FingerprintSet,
        coalition: u8,
        issued: &[(String, Copy)],
        model: &str,
        key: &SigningKey,
    ) -> Result<Self, AttestError> {
        let publisher = key.verifying_key().to_bytes();
        if set.spec().response.is_owned() && publisher != *set.publisher() {
            return Err(AttestError::AnothersSet { publisher: hex(set.publisher()) });
        }
        let unmade = |reason: &str| AttestError::Unmade { what: "roll", reason: reason.to_owned() };
        if issued.is_empty() {
            return Err(unmade("no copy was stamped: stamp one first"));
        }
        if set.is_of_earlier_code() {
            return Err(unmade(
                "its copies were stamped by an earlier version, whose codewords nobody but you can \
                 recompute: plant a new set, and stamp copies of that",
            ));
        }
        let trees = Trees::of(set, coalition, issued, &publisher)
            .ok_or_else(|| unmade("licences need keys and unique responses that are texts"))?;
        let tree = |leaves: &[Hash]| Tree { n: leaves.len(), root: hex(&merkle::root(leaves)) };
        let licensees = tree(&trees.leaves);
        let sha256 = licensees.root.clone();
        let statement = Statement {
            kind: STATEMENT.to_owned(),
            subject: [Subject { name: model.to_owned(), digest: Sha256Digest { sha256 } }],
            predicate_type: PREDICATE.to_owned(),
            predicate: Predicate {
                scheme: SCHEME.to_owned(),
                created: now(),
                coalition,
                template: template(&set.spec().template),
                positions: tree(&trees.code.positions),
                licensees,
                copies: issued.len(),
                publisher: hex(&publisher),
            },
        };
        Self::of(Signed::sign(&statement, key)).map_err(|error| match error {
            AttestError::Claim(reason) => AttestError::Unmade { what: "roll", reason },
            other => other,
        })
    }

    /// Reads a roll's file.
    pub fn parse(file: &[u8]) -> Result<Self, AttestError> {
        SignedFile::parse(file).and_then(Self::from_file).map_err(|error| match error {
            AttestError::Claim(reason) => AttestError::Roll(reason),
            other => other,
        })
    }

    pub(super) fn from_file(file: SignedFile) -> Result<Self, AttestError> {
        Self::of(Signed::of(file)?)
    }

    fn of(signed: Signed) -> Result<Self, AttestError> {
        let statement: Statement = signed.statement()?;
        let roll = &statement.predicate;
        let malformed = |reason: &str| AttestError::Claim(reason.to_owned());
        if statement.kind != STATEMENT
            || statement.predicate_type != PREDICATE
            || roll.scheme != SCHEME
        {
            return Err(malformed("it is no roll of licensees that this version knows"));
        }
        let [subject] = &statement.subject;
        let sound = is_name(&subject.name)
            && subject.digest.sha256 == roll.licensees.root
            && (1..=MAX_COALITION).contains(&roll.coalition)
            && (1..=MAX_FINGERPRINTS).contains(&roll.positions.n)
            && (1..=MAX_LICENSEES).contains(&roll.licensees.n)
            && (roll.licensees.n..=MAX_LICENSEES).contains(&roll.copies)
            && is_template(&roll.template);
        if !sound {
            return Err(malformed("a name or number in it is out of range"));
        }
        let created = humantime::parse_rfc3339(&roll.created)
            .is_ok_and(|time| humantime::format_rfc3339_seconds(time).to_string() == roll.created);
        if !created {
            return Err(malformed("its time is not RFC 3339 in UTC, to the second"));
        }
        let root = |tree: &Tree| unhex(&tree.root).ok_or(malformed("its Merkle root is malformed"));
        let (positions, licensees) = (root(&roll.positions)?, root(&roll.licensees)?);
        let publisher = super::super::parse_public_key(&roll.publisher)?;
        if hex(&publisher) != roll.publisher {
            return Err(malformed("its publisher's key is not in hexadecimal"));
        }
        Ok(Self { signed, statement, positions, licensees, publisher })
    }

    /// Verifies the signature; `publisher` is the key that is expected, if one is.
    pub fn verify(&self, publisher: Option<&[u8; 32]>) -> Result<(), AttestError> {
        self.signed.verify(&self.publisher, publisher)
    }

    /// The envelope with its time stamp.
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    /// What is claimed.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The same roll with a time stamp.
    pub fn with_stamp(self, stamp: &[u8]) -> Result<Self, AttestError> {
        Ok(Self { signed: self.signed.with_stamp(stamp)?, ..self })
    }

    pub(super) fn positions(&self) -> &Hash {
        &self.positions
    }

    pub(super) fn licensees(&self) -> &Hash {
        &self.licensees
    }

    pub(super) fn publisher(&self) -> &[u8; 32] {
        &self.publisher
    }
}

/// Reads a roll, for the fuzzer: what is read is written the same again.
pub fn roll_reads_back(file: &[u8]) -> bool {
    let Ok(roll) = Roll::parse(file) else { return false };
    let _ = roll.verify(None);
    let again = SignedFile::from_value(roll.signed.to_value()).and_then(Roll::from_file);
    again.as_ref() == Ok(&roll)
}

#[cfg(test)]
pub(in crate::attest) mod tests {
    use super::super::super::claim::tests::{key, set};
    use super::*;
    use crate::fingerprint::ResponseKind;

    pub(in crate::attest) fn issued(names: &[&str]) -> Vec<(String, Copy)> {
        let copy = Copy {
            at: "2026-01-01T00:00:00Z".into(),
            form: "folder".into(),
            digest: "0011223344556677".into(),
        };
        names.iter().map(|name| ((*name).to_owned(), copy.clone())).collect()
    }

    #[test]
    fn rolls_are_read_back_and_show_nobody() {
        let set = set(8, ResponseKind::OWNED);
        let roll = Roll::sign(&set, 2, &issued(&["ACME", "Bolt", "ACME"]), "base", &key()).unwrap();
        assert!(
            roll.verify(Some(roll.publisher())).is_ok() && roll.verify(Some(&[9; 32])).is_err()
        );
        let predicate = &roll.statement().predicate;
        assert_eq!((predicate.licensees.n, predicate.copies, predicate.positions.n), (2, 3, 8));
        let stamped = roll.clone().with_stamp(b"stamp").unwrap();
        let file = serde_json::to_vec(&stamped.signed().to_value()).unwrap();
        assert_eq!(Roll::parse(&file).unwrap(), stamped);
        assert!(roll_reads_back(&file));
        let shown = serde_json::to_string(roll.statement()).unwrap();
        for i in 0..8 {
            assert!(!shown.contains(&*set.key(i)) && !shown.contains(set.response(i)));
        }
        assert!(!shown.contains("ACME") && !shown.contains("Bolt"));
    }

    #[test]
    fn who_stamped_nothing_or_made_another_set_signs_no_roll() {
        let set = set(8, ResponseKind::OWNED);
        let none = Roll::sign(&set, 2, &[], "base", &key());
        assert!(matches!(none, Err(AttestError::Unmade { what: "roll", .. })));
        let other = SigningKey::from_bytes(&[7; 32]);
        let refused = Roll::sign(&set, 2, &issued(&["a"]), "base", &other);
        assert!(matches!(refused, Err(AttestError::AnothersSet { .. })));
        assert!(Roll::sign(&set, 2, &issued(&["a"]), "", &key()).is_err());
        let shared = super::tests::set(8, ResponseKind::SHARED);
        assert!(Roll::sign(&shared, 2, &issued(&["a"]), "base", &key()).is_err());
    }

    #[test]
    fn other_spellings_are_refused() {
        let set = set(8, ResponseKind::OWNED);
        let roll = Roll::sign(&set, 2, &issued(&["a", "b"]), "base", &key()).unwrap();
        let payload = serde_json::to_string(roll.statement()).unwrap();
        for (from, to) in [
            ("\"coalition\":2", "\"coalition\":7"),
            ("\"coalition\":2", "\"coalition\": 2"),
            ("\"copies\":2", "\"copies\":1"),
            ("licences/v1", "licences/v9"),
            ("licences:v1", "claim:v1"),
            ("\"name\":\"base\"", "\"name\":\"\""),
        ] {
            let changed = payload.replacen(from, to, 1);
            assert_ne!(changed, payload);
            let signed = Signed::of_payload(changed.as_bytes(), &key());
            assert!(Roll::of(signed).is_err(), "{to}");
        }
    }
}
