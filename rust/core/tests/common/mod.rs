//! Keyrings, reports of simulated suspects, and what a stranger makes of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ifrs_core::attest::{AttestError, Bundle, Checked, Claim, Terms, check};
use ifrs_core::encoding::hex;
use ifrs_core::fingerprint::{Alphabets, FingerprintSet, SetSpec};
use ifrs_core::keyring::{Keyring, MIN_WORK_FACTOR, Passphrase, Protect, Settings, Unlock};
use serde_json::{Value, json};

/// Answers by key, and scores of all candidates of each factor where these are seen.
pub(crate) trait Suspect {
    fn answer(&self, key: &[u8]) -> String;

    fn scores(&self, _key: &[u8]) -> Option<Vec<Vec<f32>>> {
        None
    }
}

pub(crate) fn passphrase() -> Passphrase {
    Passphrase::new("correct horse".to_owned())
}

pub(crate) fn protect() -> Protect {
    Protect::Passphrase { passphrase: passphrase(), work_factor: Some(MIN_WORK_FACTOR) }
}

fn settings(path: &Path) -> Settings {
    let lock_timeout = Duration::from_secs(60);
    Settings { lock_timeout, state: Some(path.with_extension("state")), accept_older: false }
}

/// A new keyring, and where its file is.
pub(crate) fn make(folder: &Path, name: &str) -> (PathBuf, Keyring) {
    let path = folder.join(name);
    let ring = Keyring::create(&path, protect(), settings(&path)).unwrap();
    (path, ring)
}

pub(crate) fn open(path: &Path) -> Keyring {
    Keyring::open(path, Unlock::Passphrase(passphrase()), settings(path)).unwrap()
}

/// Generates a set and claims it of a model of one file.
pub(crate) fn claimed(ring: &mut Keyring, spec: SetSpec) -> Claim {
    let name = spec.name.clone();
    ring.generate(spec, &Alphabets::default(), None).unwrap();
    let subject = vec![("model.safetensors".to_owned(), "11".repeat(32))];
    ring.claim(&name, "model", subject).unwrap()
}

/// The report of a suspect at hand that was asked under every key.
pub(crate) fn report(set: &FingerprintSet, suspect: &impl Suspect) -> Value {
    let (before, after) = set.spec().template.around();
    let tokens = if set.alphabet().is_words() { 48 } else { set.alphabet().sizes().len() };
    let mut likelihood = false;
    let mut query = |i: usize| {
        let key = set.challenge(i).bytes();
        let (answer, scores) = (suspect.answer(key), suspect.scores(key));
        likelihood |= scores.is_some();
        let bytes = |list: &Vec<f32>| list.iter().flat_map(|s| s.to_le_bytes()).collect::<Vec<_>>();
        let scores = scores.map(|lists| {
            lists.iter().map(|list| STANDARD.encode(bytes(list))).collect::<Vec<String>>()
        });
        json!({
            "index": i, "salt": hex(set.salt(i)), "prompt": set.prompt(i), "answer": answer,
            "asked": {
                "time": "2026-01-02T03:04:05Z", "endpoint": "local", "raw": answer,
                "request": {
                    "prompt": set.prompt(i), "max_new_tokens": tokens, "temperature": 0.0,
                },
            },
            "word_scores": scores,
        })
    };
    let queries: Vec<Value> = (0..set.len()).map(&mut query).collect();
    let leaves: Vec<String> = set.leaves().iter().map(|leaf| hex(leaf)).collect();
    json!({
        "format": "ifrs/report/v3", "leaves": leaves, "set": {"around": [before, after]},
        "target": {"kind": "local", "name": "x"}, "alpha": 1e-6, "test": "exact",
        "evidence": if likelihood { "likelihood" } else { "text" }, "queries": queries,
    })
}

pub(crate) fn bundle(report: &Value, claim: &Claim) -> Result<Vec<u8>, AttestError> {
    Bundle::of_report(&serde_json::to_vec(report).unwrap(), claim, None)?.to_json()
}

/// What a stranger says of a bundle, from its bytes and those of the claim.
pub(crate) fn checked(bundle: &[u8], claim: &Claim) -> Checked {
    check(bundle, &serde_json::to_vec(&claim.to_value()).unwrap(), &Terms::default())
}

/// The same of a report whose bundle must hold.
pub(crate) fn proved(report: &Value, claim: &Claim) -> Checked {
    let found = checked(&bundle(report, claim).unwrap(), claim);
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    found
}

/// Whether a changed bundle is refused for this reason.
pub(crate) fn refused(
    bundle: &[u8],
    claim: &Claim,
    reason: &str,
    change: impl FnOnce(&mut Value),
) -> bool {
    let mut changed: Value = serde_json::from_slice(bundle).unwrap();
    change(&mut changed);
    let found = checked(&serde_json::to_vec(&changed).unwrap(), claim);
    found.problems.iter().any(|problem| problem.contains(reason))
}
