//! The JSON inside a keyring; docs/reference/formats.md is its specification.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::SetSummary;
use super::error::KeyringError;
use super::journal::{Entry, Event, Journal};
use super::licences::{self, Ledger};
use crate::encoding::{hex, now, secret_hex, unhex};
use crate::fingerprint::choices::Asked;
use crate::fingerprint::seed::{KEY_BYTES, SetKey};
use crate::fingerprint::{FingerprintError, FingerprintSet, Seed, SetSpec, Source};
use crate::memory::{Buffer, Count};

/// The format of a keyring with copies whose codewords can be recomputed; of one with sets of
/// signals; of one with sets of natural answers; of one with licences; of one with sets whose keys
/// are pairs; of one with sets whose keys are other files of a medium, or texts with responses
/// that are no words; of one with other sets that are not for text; and of any other. Each is written
/// where it must be: earlier versions read the rest.
const FORMAT: &str = "ifrs/keyring/v10";
const SIGNAL_FORMAT: &str = "ifrs/keyring/v9";
const CHOICES_FORMAT: &str = "ifrs/keyring/v8";
const LICENCES_FORMAT: &str = "ifrs/keyring/v7";
const PAIRS_FORMAT: &str = "ifrs/keyring/v6";
const DRAWN_FORMAT: &str = "ifrs/keyring/v5";
const BYTES_FORMAT: &str = "ifrs/keyring/v4";
const TEXT_FORMAT: &str = "ifrs/keyring/v3";

/// The formats before: the second had no sets of scheme v3, the first also no journal, no
/// generation and no recipients.
const EARLIER: [&str; 9] = [
    SIGNAL_FORMAT,
    CHOICES_FORMAT,
    LICENCES_FORMAT,
    PAIRS_FORMAT,
    DRAWN_FORMAT,
    BYTES_FORMAT,
    TEXT_FORMAT,
    "ifrs/keyring/v2",
    "ifrs/keyring/v1",
];

/// The longest key, in bytes of UTF-8.
const MAX_KEY: usize = 16 << 10;

/// The most that a template may put around a key, in bytes of UTF-8.
const MAX_AROUND: usize = 64 << 10;

/// More writings than there can have been; counting on from here never overflows.
const MAX_GENERATION: u64 = u64::MAX / 2;

/// What a keyring holds.
pub(super) struct Payload {
    pub(super) created: String,
    pub(super) generation: u64,
    pub(super) seed: Seed,
    pub(super) recipients: Vec<String>,
    pub(super) journal: Journal,
    pub(super) licences: Vec<Ledger>,
    // Shared, so that a change can be taken back without copying secrets.
    sets: Vec<Arc<SetRecord>>,
    places: HashMap<String, usize>,
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
    /// Present when the set came from another keyring; else it is derived from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set_key: Option<Zeroizing<String>>,
    /// The Ed25519 key of the keyring that an imported set was made in, where its responses are
    /// bound to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    publisher: Option<String>,
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
    generation: u64,
    recipients: &'p [String],
    seed: &'p str,
    sets: Vec<&'p SetRecord>,
    journal: &'p Journal,
    #[serde(skip_serializing_if = "<[Ledger]>::is_empty")]
    licences: &'p [Ledger],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "format")]
    _format: String,
    created: String,
    #[serde(default)]
    generation: u64,
    #[serde(default)]
    recipients: Vec<String>,
    seed: Zeroizing<String>,
    sets: Vec<SetRecord>,
    #[serde(default)]
    journal: Journal,
    #[serde(default)]
    licences: Vec<Ledger>,
}

/// What a failed change restores.
pub(super) struct Before {
    generation: u64,
    recipients: Vec<String>,
    sets: Vec<Arc<SetRecord>>,
    entries: usize,
    licences: licences::Before,
}

impl Payload {
    pub(super) fn new(seed: Seed) -> Self {
        let mut journal = Journal::default();
        journal.append(Entry::new(Event::Created));
        Self {
            created: now(),
            generation: 0,
            seed,
            recipients: Vec::new(),
            journal,
            licences: Vec::new(),
            sets: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// What names the keyring in public.
    pub(super) fn id(&self) -> String {
        hex(&self.seed.public_id())
    }

    pub(super) fn sets(&self) -> &[Arc<SetRecord>] {
        &self.sets
    }

    pub(super) fn find(&self, name: &str) -> Result<&SetRecord, KeyringError> {
        match self.places.get(name) {
            Some(&place) => Ok(&self.sets[place]),
            None => Err(KeyringError::NoSet(name.to_owned())),
        }
    }

    pub(super) fn add(&mut self, record: SetRecord) -> Result<(), KeyringError> {
        if self.places.contains_key(&record.spec.name) {
            return Err(KeyringError::SetExists(record.spec.name.clone()));
        }
        self.places.insert(record.spec.name.clone(), self.sets.len());
        self.sets.push(Arc::new(record));
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<(), KeyringError> {
        self.find(name)?;
        self.sets.retain(|record| record.spec.name != name);
        self.places = places(&self.sets);
        Ok(())
    }

    pub(super) fn before(&self) -> Before {
        Before {
            generation: self.generation,
            recipients: self.recipients.clone(),
            sets: self.sets.clone(),
            entries: self.journal.entries().len(),
            licences: licences::before(&self.licences),
        }
    }

    pub(super) fn take_back(&mut self, before: Before) {
        self.generation = before.generation;
        self.recipients = before.recipients;
        self.sets = before.sets;
        self.places = places(&self.sets);
        self.journal.truncate(before.entries);
        licences::take_back(&mut self.licences, before.licences);
    }

    /// A set, with the code that its licensees' copies have.
    pub(super) fn set(&self, name: &str) -> Result<FingerprintSet, KeyringError> {
        let record = self.find(name)?;
        let (set, id) = (record.restore(&self.seed)?, record.id(&self.seed));
        let earlier = licences::of_earlier_code(&self.licences, &id);
        Ok(if earlier { set.of_earlier_code() } else { set })
    }

    /// The earliest format that has such sets, and licences if there are any.
    fn format(&self) -> &'static str {
        if !licences::all_earlier(&self.licences) {
            FORMAT
        } else if self.sets.iter().any(|set| set.is_signal()) {
            SIGNAL_FORMAT
        } else if self.sets.iter().any(|set| set.is_choices()) {
            CHOICES_FORMAT
        } else if !self.licences.is_empty() {
            LICENCES_FORMAT
        } else if self.sets.iter().any(|set| set.is_pair()) {
            PAIRS_FORMAT
        } else if self.sets.iter().any(|set| set.is_drawn()) {
            DRAWN_FORMAT
        } else if self.sets.iter().all(|set| set.is_text()) {
            TEXT_FORMAT
        } else {
            BYTES_FORMAT
        }
    }

    pub(super) fn to_json(&self) -> Buffer {
        let seed = secret_hex(self.seed.expose());
        write_json(&Written {
            format: self.format(),
            created: &self.created,
            generation: self.generation,
            recipients: &self.recipients,
            seed: &seed,
            sets: self.sets.iter().map(|record| &**record).collect(),
            journal: &self.journal,
            licences: &self.licences,
        })
    }

    pub(super) fn from_json(path: &Path, json: &[u8]) -> Result<Self, KeyringError> {
        // serde's own message may quote the payload, so it is not passed on.
        let corrupt = |reason: &str| KeyringError::Corrupt {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        let head: Head =
            serde_json::from_slice(json).map_err(|_| corrupt("its payload is not a keyring's"))?;
        if head.format != FORMAT && !EARLIER.contains(&head.format.as_str()) {
            return Err(KeyringError::Version { path: path.to_owned(), format: head.format });
        }
        let read: Read = serde_json::from_slice(json)
            .map_err(|_| corrupt("its payload is not of the documented form"))?;
        let mut bytes = unhex(&read.seed).ok_or_else(|| corrupt("its seed is malformed"))?;
        if let Some(reason) = read.sets.iter().find_map(SetRecord::fault) {
            return Err(corrupt(reason));
        }
        if let Some(reason) = licences::fault(&read.licences) {
            return Err(corrupt(reason));
        }
        if read.generation > MAX_GENERATION {
            return Err(corrupt("its generation is out of range"));
        }
        if let Some(number) = read.journal.broken() {
            return Err(corrupt(&format!("its journal was altered at entry {number}")));
        }
        let sets: Vec<Arc<SetRecord>> = read.sets.into_iter().map(Arc::new).collect();
        let places = places(&sets);
        if places.len() != sets.len() {
            return Err(corrupt("two sets have one name"));
        }
        Ok(Self {
            created: read.created,
            generation: read.generation,
            seed: Seed::from_bytes(&mut bytes),
            recipients: read.recipients,
            journal: read.journal,
            licences: read.licences,
            sets,
            places,
        })
    }
}

fn places(sets: &[Arc<SetRecord>]) -> HashMap<String, usize> {
    sets.iter().enumerate().map(|(place, record)| (record.spec.name.clone(), place)).collect()
}

/// Reads a payload, for the fuzzer: never a panic.
pub fn read_payload(json: &[u8]) -> bool {
    Payload::from_json(Path::new("fuzz"), json).is_ok()
}

/// JSON in locked memory, made to measure.
pub(super) fn write_json(value: &impl Serialize) -> Buffer {
    let mut count = Count::default();
    serde_json::to_writer_pretty(&mut count, value).expect("plain data is always JSON");
    let mut buffer = Buffer::with_capacity(count.0);
    serde_json::to_writer_pretty(&mut buffer, value).expect("the buffer was made to measure");
    buffer
}

impl SetRecord {
    pub(super) fn of(set: &FingerprintSet, store_keys: bool) -> Self {
        let keys = store_keys.then(|| set.keys());
        Self { spec: set.spec().clone(), created: now(), keys, set_key: None, publisher: None }
    }

    /// The set as it leaves the keyring: with its own key, which says nothing of the seed.
    pub(super) fn detached(&self, seed: &Seed) -> Self {
        Self {
            spec: self.spec.clone(),
            created: self.created.clone(),
            keys: self.keys.clone(),
            set_key: Some(secret_hex(self.key(seed).expose())),
            publisher: self.is_owned().then(|| hex(&self.publisher(seed))),
        }
    }

    /// The same set under another name; the derivation keeps the name it was made with.
    pub(super) fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.spec.name);
        self
    }

    pub(super) fn restore(&self, seed: &Seed) -> Result<FingerprintSet, FingerprintError> {
        let (key, publisher, spec) = (self.key(seed), self.publisher(seed), self.spec.clone());
        match &self.keys {
            Some(keys) => FingerprintSet::restore_with(&key, publisher, spec, keys.clone()),
            None => FingerprintSet::derive_with(&key, publisher, spec, &Default::default(), None),
        }
    }

    /// The key of the keyring that the set was made in.
    fn publisher(&self, seed: &Seed) -> [u8; 32] {
        let stated = self.publisher.as_ref().and_then(|text| unhex(text));
        stated.unwrap_or_else(|| seed.public_key())
    }

    /// What names the set in public.
    pub(super) fn id(&self, seed: &Seed) -> String {
        hex(&self.key(seed).public_id())
    }

    pub(super) fn summary(&self) -> SetSummary {
        SetSummary {
            spec: self.spec.clone(),
            created: self.created.clone(),
            stored: self.keys.is_some(),
            imported: self.set_key.is_some(),
        }
    }

    fn key(&self, seed: &Seed) -> SetKey {
        match self.set_key.as_ref().and_then(|text| unhex(text)) {
            Some(mut bytes) => SetKey::from_bytes(&mut bytes),
            None => seed.set_key(&self.spec.name, &self.spec.context),
        }
    }

    fn is_owned(&self) -> bool {
        self.spec.response.is_owned()
    }

    /// Whether its keys are prompts, and responses words.
    pub(super) fn is_text(&self) -> bool {
        self.spec.modality.is_none()
    }

    /// Whether a kind of model has a source for its keys, so that they are more than bytes.
    pub(super) fn is_drawn(&self) -> bool {
        !self.is_text() && self.spec.source != Source::Bytes
    }

    /// Whether its keys are pairs of an image and a text.
    pub(super) fn is_pair(&self) -> bool {
        self.spec.source == Source::Pair
    }

    /// Whether its keys are questions with natural answers.
    pub(super) fn is_choices(&self) -> bool {
        self.spec.is_choices()
    }

    /// Whether its keys are domains.
    pub(super) fn is_signal(&self) -> bool {
        self.spec.is_signal()
    }

    /// Why no keyring takes such a set.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.spec.validate().is_err()
            || self.set_key.as_ref().is_some_and(|key| unhex(key).is_none())
            || self.publisher.as_ref().is_some_and(|key| unhex(key).is_none())
            // Bound to a key, it is of this keyring or says of which.
            || self.publisher.is_some() != (self.is_detached() && self.is_owned())
            // Bytes follow from the set's key alone.
            || (self.keys.is_some() && !self.is_text() && !self.is_choices())
        {
            return Some("a set is malformed");
        }
        let (before, after) = self.spec.template.around();
        if before.len() + after.len() > MAX_AROUND {
            return Some("a set's template puts more than 64 KiB around each key");
        }
        let keys = self.keys.as_deref()?;
        if keys.len() != self.spec.n {
            return Some("a set has another number of keys than it says");
        }
        if keys.iter().any(|key| key.is_empty() || key.len() > MAX_KEY) {
            return Some("a set has a key that is empty or longer than 16 KiB");
        }
        if self.is_choices() && !keys.iter().all(|key| Asked::read(key).is_some()) {
            return Some("a set has a key that is no question with listed answers");
        }
        let distinct: HashSet<&String> = keys.iter().collect();
        (distinct.len() != keys.len()).then_some("a set has a key twice")
    }

    /// Whether the set with this first salt has this one's keys.
    pub(super) fn has_salt(&self, seed: &Seed, salt: &[u8; KEY_BYTES]) -> bool {
        self.key(seed).mac(&[b"salt", &0_u64.to_be_bytes()]) == *salt
    }

    /// Whether the time when it was made is one.
    pub(super) fn is_dated(&self) -> bool {
        humantime::parse_rfc3339(&self.created).is_ok()
    }

    pub(super) fn is_detached(&self) -> bool {
        self.set_key.is_some()
    }
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
        assert_eq!(payload.journal.head(), again.journal.head());
    }

    #[test]
    fn the_first_format_is_read() {
        let seed = "07".repeat(KEY_BYTES);
        let json = format!(
            r#"{{"format":"ifrs/keyring/v1","created":"2026-01-01T00:00:00Z","seed":"{seed}","sets":[]}}"#
        );
        let payload = Payload::from_json(Path::new("k"), json.as_bytes()).unwrap();
        assert_eq!((payload.generation, payload.journal.entries().len()), (0, 0));
    }

    #[test]
    fn a_format_that_earlier_versions_do_not_read_is_written_only_where_it_must_be() {
        let derive = |spec: serde_json::Value, seed: &Seed| {
            let spec = serde_json::from_value(spec).unwrap();
            FingerprintSet::derive(seed, spec, &Default::default(), None).unwrap()
        };
        let mut payload = Payload::new(Seed::random().unwrap());
        let written = |payload: &Payload| {
            let json: serde_json::Value = serde_json::from_slice(&payload.to_json()).unwrap();
            json
        };
        let text = serde_json::json!({
            "name": "text", "n": 2, "source": "chinese", "template": {"name": "simple"},
            "response": "owned",
        });
        let text = derive(text, &payload.seed);
        payload.add(SetRecord::of(&text, false)).unwrap();
        assert_eq!(written(&payload)["format"], "ifrs/keyring/v3");
        assert!(written(&payload)["sets"][0].get("modality").is_none());
        let bytes = serde_json::json!({
            "name": "bytes", "n": 2, "source": "bytes", "template": {"name": "bare"},
            "response": "owned",
            "modality": {
                "name": "toy", "media": "application/x-toy", "length": 16,
                "alphabet": {"name": "classes", "sizes": [10]},
            },
        });
        let bytes = derive(bytes, &payload.seed);
        payload.add(SetRecord::of(&bytes, false)).unwrap();
        assert_eq!(written(&payload)["format"], "ifrs/keyring/v4");
        let again = Payload::from_json(Path::new("k"), &payload.to_json()).unwrap();
        let read = again.find("bytes").unwrap().restore(&again.seed).unwrap();
        assert_eq!(read.leaves(), bytes.leaves());
        let image = serde_json::json!({
            "name": "image", "n": 2, "source": "image", "template": {"name": "bare"},
            "response": "owned",
            "modality": {
                "name": "image", "media": "image/x-portable-graymap", "length": 75, "shape": [8, 8, 1],
                "alphabet": {"name": "classes", "sizes": [10]},
            },
        });
        let image = derive(image, &payload.seed);
        payload.add(SetRecord::of(&image, false)).unwrap();
        assert_eq!(written(&payload)["format"], "ifrs/keyring/v5");
        let pair = serde_json::json!({
            "name": "pair", "n": 2, "source": "image+text", "template": {"name": "bare"},
            "response": "owned",
            "modality": {
                "name": "vision_language", "media": "application/x-image-text",
                "shape": [8, 8, 3], "texts": "natural",
                "alphabet": {"name": "ifrs-words-2048-v1", "sizes": [2048, 2047]},
            },
        });
        let pair = derive(pair, &payload.seed);
        payload.add(SetRecord::of(&pair, false)).unwrap();
        assert_eq!(written(&payload)["format"], "ifrs/keyring/v6");
        let again = Payload::from_json(Path::new("k"), &payload.to_json()).unwrap();
        let read = again.find("pair").unwrap().restore(&again.seed).unwrap();
        assert_eq!(read.leaves(), pair.leaves());
        payload.remove("pair").unwrap();
        payload.remove("image").unwrap();
        let codes = serde_json::json!({
            "name": "codes", "n": 2, "source": "natural", "template": {"name": "bare"},
            "response": "owned",
            "modality": {
                "name": "encoder", "media": "text/plain",
                "alphabet": {"name": "codebook", "sizes": [2048]},
            },
        });
        let codes = derive(codes, &payload.seed);
        payload.add(SetRecord::of(&codes, false)).unwrap();
        assert_eq!(written(&payload)["format"], "ifrs/keyring/v5");
        assert!(written(&payload)["sets"][2]["modality"].get("length").is_none());
        payload.remove("codes").unwrap();
        assert_eq!(written(&payload)["format"], "ifrs/keyring/v4");
        payload.remove("bytes").unwrap();
        assert_eq!(written(&payload)["format"], "ifrs/keyring/v3");
    }

    #[test]
    fn other_formats_and_forms_are_refused_without_quoting_them() {
        assert!(matches!(
            refused(r#"{"format":"ifrs/keyring/v11"}"#),
            KeyringError::Version { .. }
        ));
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

    fn with_keys(n: usize, keys: &[&str], prefix: &str) -> Option<&'static str> {
        let set = serde_json::json!({
            "name": "one", "n": n, "source": "mixed", "response": "bound",
            "template": {"name": "chat", "prefix": prefix, "suffix": ""},
            "created": "2026-01-01T00:00:00Z", "keys": keys,
        });
        serde_json::from_value::<SetRecord>(set).unwrap().fault()
    }

    #[test]
    fn sets_that_no_version_makes_are_faulty() {
        let long = "a".repeat(MAX_KEY);
        assert_eq!(with_keys(2, &["a", &long], &"b".repeat(MAX_AROUND)), None);
        for (n, keys, around, says) in [
            (2, vec!["a", ""], 0, "empty"),
            (3, vec!["a", "b", "a"], 0, "twice"),
            (2, vec!["a"], 0, "another number"),
            (1, vec![&*format!("{long}a")], 0, "longer"),
            (1, vec!["a"], MAX_AROUND + 1, "around"),
            (0, vec![], 0, "malformed"),
        ] {
            let fault = with_keys(n, &keys, &"b".repeat(around)).unwrap();
            assert!(fault.contains(says), "{fault}");
        }
    }
}
