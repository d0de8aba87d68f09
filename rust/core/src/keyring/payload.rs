//! The JSON inside a keyring; docs/formats.md is its specification.

use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{KeyringError, SetSummary};
use crate::fingerprint::seed::KEY_BYTES;
use crate::fingerprint::{FingerprintError, FingerprintSet, Seed, SetSpec};

/// The format that this version writes and reads.
const FORMAT: &str = "ifrs/keyring/v1";

/// What a keyring holds.
pub(super) struct Payload {
    pub(super) created: String,
    pub(super) seed: Seed,
    pub(super) sets: Vec<SetRecord>,
}

/// One set as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct SetRecord {
    #[serde(flatten)]
    pub(super) spec: SetSpec,
    created: String,
    /// Present when a tokenizer took part, so that the set never depends on its later versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<String>>,
}

impl Drop for SetRecord {
    fn drop(&mut self) {
        self.keys.zeroize();
    }
}

#[derive(Deserialize)]
struct Head {
    format: String,
}

/// The payload as JSON; borrowed for writing, so that no secret is copied.
#[derive(Serialize)]
struct Written<'p> {
    format: &'static str,
    created: &'p str,
    seed: &'p str,
    sets: &'p [SetRecord],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "format")]
    _format: String,
    created: String,
    seed: Zeroizing<String>,
    sets: Vec<SetRecord>,
}

impl Payload {
    pub(super) fn new(seed: Seed) -> Self {
        Self { created: now(), seed, sets: Vec::new() }
    }

    pub(super) fn find(&self, name: &str) -> Option<&SetRecord> {
        self.sets.iter().find(|record| record.spec.name == name)
    }

    pub(super) fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let seed = to_hex(self.seed.expose());
        let written =
            Written { format: FORMAT, created: &self.created, seed: &seed, sets: &self.sets };
        Zeroizing::new(serde_json::to_vec_pretty(&written).expect("plain data is always JSON"))
    }

    pub(super) fn from_json(path: &Path, json: &[u8]) -> Result<Self, KeyringError> {
        // serde's own message may quote the payload, so it is not passed on.
        let corrupt = |reason: &str| KeyringError::Corrupt {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        let head: Head =
            serde_json::from_slice(json).map_err(|_| corrupt("its payload is not a keyring's"))?;
        if head.format != FORMAT {
            return Err(KeyringError::Version { path: path.to_owned(), format: head.format });
        }
        let read: Read = serde_json::from_slice(json)
            .map_err(|_| corrupt("its payload is not of the documented form"))?;
        let mut bytes = from_hex(&read.seed).ok_or_else(|| corrupt("its seed is malformed"))?;
        if read.sets.iter().any(|record| !record.is_whole()) {
            return Err(corrupt("a set has another number of keys than it says"));
        }
        let seed = Seed::from_bytes(&mut bytes);
        Ok(Self { created: read.created, seed, sets: read.sets })
    }
}

impl SetRecord {
    pub(super) fn of(set: &FingerprintSet, store_keys: bool) -> Self {
        let keys = store_keys.then(|| set.keys().to_vec());
        Self { spec: set.spec().clone(), created: now(), keys }
    }

    pub(super) fn restore(&self, seed: &Seed) -> Result<FingerprintSet, FingerprintError> {
        let spec = self.spec.clone();
        match &self.keys {
            Some(keys) => FingerprintSet::restore(seed, spec, keys.clone()),
            None => FingerprintSet::derive(seed, spec, &Default::default(), None),
        }
    }

    pub(super) fn summary(&self) -> SetSummary {
        SetSummary {
            spec: self.spec.clone(),
            created: self.created.clone(),
            stored: self.keys.is_some(),
        }
    }

    fn is_whole(&self) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.len() == self.spec.n)
    }
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

fn to_hex(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).expect("a nibble is below 16"));
        }
    }
    text
}

fn from_hex(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut bytes = [0; KEY_BYTES];
    if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> KeyringError {
        Payload::from_json(Path::new("k"), json.as_bytes()).err().unwrap()
    }

    #[test]
    fn round_trip() {
        let payload = Payload::new(Seed::random().unwrap());
        let again = Payload::from_json(Path::new("k"), &payload.to_json()).unwrap();
        assert_eq!(payload.seed.expose(), again.seed.expose());
        assert_eq!(payload.created, again.created);
    }

    #[test]
    fn other_formats_and_forms_are_refused_without_quoting_them() {
        assert!(matches!(refused(r#"{"format":"ifrs/keyring/v9"}"#), KeyringError::Version { .. }));
        for json in [
            "",
            "[]",
            "{}",
            r#"{"format":"ifrs/keyring/v1"}"#,
            r#"{"format":"ifrs/keyring/v1","created":"","seed":"s3cret","sets":[]}"#,
        ] {
            let error = refused(json);
            assert!(matches!(error, KeyringError::Corrupt { .. }), "{json}");
            assert!(!error.to_string().contains("s3cret"));
        }
    }
}
