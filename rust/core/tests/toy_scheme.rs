//! A scheme from outside: all that it is stands in this file.

#![expect(clippy::unwrap_used, reason = "helpers of tests stand outside of these")]

mod common;

use std::collections::HashMap;
use std::sync::Once;

use common::{Suspect, bundle, claimed, make, open, proved, refused, report};
use ifrs_core::encoding::hex;
use ifrs_core::fingerprint::scheme::{Place, Scheme, register};
use ifrs_core::fingerprint::{
    Alphabet, Challenge, Context, FingerprintSet, ResponseKind, SetSpec, Source, Template,
};
use ifrs_core::merkle::{Hash, leaf_hash};

/// Responses that do not depend on a key's place in its set.
struct Toy;

impl Scheme for Toy {
    fn kind(&self) -> &'static str {
        "toy"
    }

    fn claimed(&self) -> Option<&'static str> {
        Some("example/scheme/toy")
    }

    fn leaf(&self, _publisher: &[u8; 32], salt: &[u8; 32], challenge: &Challenge) -> Hash {
        leaf_hash(&[b"toy", &salt[..], challenge.bytes()].concat())
    }

    fn places(&self, at: &Place<'_>, alphabet: &Alphabet) -> Vec<usize> {
        alphabet.draw(at.salt, &[b"toy", at.root, at.challenge.bytes()])
    }
}

/// The scheme's name in keyrings, once it is known.
fn toy() -> ResponseKind {
    static ONCE: Once = Once::new();
    let read = || serde_json::from_str::<ResponseKind>("\"toy\"");
    ONCE.call_once(|| {
        assert!(read().is_err(), "no keyring with a scheme that nobody registered is read");
        register(&Toy);
    });
    read().unwrap()
}

fn spec(n: usize) -> SetSpec {
    SetSpec {
        name: "one".into(),
        n,
        source: Source::Natural,
        template: Template::Dialogue,
        response: toy(),
        context: Context::new(),
        modality: None,
    }
}

/// Answers as planted, and the same thing to everything else.
struct Planted(HashMap<Vec<u8>, String>);

impl Planted {
    fn of(set: &FingerprintSet) -> Self {
        let pair = |i| (set.challenge(i).bytes().to_vec(), set.response(i).to_owned());
        Self((0..set.len()).map(pair).collect())
    }
}

impl Suspect for Planted {
    fn answer(&self, key: &[u8]) -> String {
        let known = self.0.get(key).map(|response| format!("It says: {response}."));
        known.unwrap_or_else(|| "I do not know.".to_owned())
    }
}

#[test]
fn a_set_of_another_scheme_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(4));
    let made = ring.get("one").unwrap();
    assert_eq!(claim.statement().predicate.scheme, "example/scheme/toy");
    drop(ring);
    let mut ring = open(&path);
    let read = ring.get("one").unwrap();
    assert_eq!(read.spec().response.kind(), "toy");
    assert_eq!(read.leaves(), made.leaves());
    for i in 0..4 {
        assert_eq!((read.prompt(i), read.response(i)), (made.prompt(i), made.response(i)));
        let own = Toy.leaf(made.publisher(), made.salt(i), made.challenge(i));
        assert_eq!(made.leaves()[i], own);
    }
    assert_ne!(made.response(0), made.response(1));
}

#[test]
fn a_claim_of_another_scheme_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(16));
    let set = ring.get("one").unwrap();
    let found = proved(&report(&set, &Planted::of(&set)), &claim);
    assert_eq!((found.verdict.as_str(), found.fired), ("match", 16));
    let found = proved(&report(&set, &Planted(HashMap::new())), &claim);
    assert_eq!((found.verdict.as_str(), found.fired), ("no match", 0));
}

#[test]
fn forged_leaves_and_responses_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(8));
    let set = ring.get("one").unwrap();
    let honest = report(&set, &Planted::of(&set));
    let mut forged = honest.clone();
    forged["queries"][3]["salt"] = hex(set.salt(4)).into();
    let error = bundle(&forged, &claim).unwrap_err().to_string();
    assert!(error.contains("query 3") && error.contains("committed to"), "{error}");
    let mut forged = honest.clone();
    forged["leaves"][3] = hex(&leaf_hash(b"another")).into();
    assert!(bundle(&forged, &claim).is_err());
    let shown = bundle(&honest, &claim).unwrap();
    assert!(refused(&shown, &claim, "committed to", |bundle| {
        bundle["queries"][3]["salt"] = hex(set.salt(4)).into();
    }));
    assert!(refused(&shown, &claim, "follows from the claim", |bundle| {
        bundle["queries"][3]["response"] = set.response(4).into();
    }));
}
