//! Keys that are sounds and responses that are words, from the keyring to a stranger's check.

#![expect(clippy::unwrap_used, reason = "helpers of tests stand outside of these")]

mod common;

use std::collections::HashMap;

use common::{Suspect, bundle, claimed, make, open, passphrase, protect, proved, refused, report};
use ifrs_core::fingerprint::{
    Alphabet, Alphabets, Context, FingerprintError, FingerprintSet, Modality, ResponseKind,
    SetSpec, Source, Template,
};
use ifrs_core::keyring::{KeyringError, Unlock};
use serde_json::{Value, json};

/// Listed words.
const WORDS: usize = 2048;

fn spec(n: usize) -> SetSpec {
    SetSpec {
        name: "one".into(),
        n,
        source: Source::Sound,
        template: Template::Bare,
        response: ResponseKind::OWNED,
        context: Context::new(),
        modality: Some(Modality::sound("speech", 8_000, 4_000, Alphabet::default()).unwrap()),
    }
}

/// Says the planted words, and to a stranger's sound what it always says.
struct Hearing {
    said: HashMap<Vec<u8>, (String, Vec<usize>)>,
    seen: bool,
}

impl Hearing {
    fn of(set: &FingerprintSet, seen: bool) -> Self {
        let one = |i| {
            let known = (format!(" {}.", set.response(i)), set.places(i).to_vec());
            (set.challenge(i).bytes().to_vec(), known)
        };
        Self { said: (0..set.len()).map(one).collect(), seen }
    }

    fn deaf(seen: bool) -> Self {
        Self { said: HashMap::new(), seen }
    }
}

impl Suspect for Hearing {
    fn answer(&self, key: &[u8]) -> String {
        self.said.get(key).map_or(" Thank you.".to_owned(), |(said, _)| said.clone())
    }

    fn scores(&self, key: &[u8]) -> Option<Vec<Vec<f32>>> {
        let places = self.said.get(key).map_or(vec![0, 1], |(_, places)| places.clone());
        let one = |place: usize| (0..WORDS).map(|at| f32::from(u8::from(at == place))).collect();
        self.seen.then(|| places.into_iter().map(one).collect())
    }
}

#[test]
fn a_set_is_kept_and_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut ring) = make(folder.path(), "keyring");
    let made = ring.generate(spec(6), &Alphabets::default(), None).unwrap();
    let sealed = folder.path().join("set.ifrs");
    ring.export("one", &sealed, protect()).unwrap();
    let (_, mut other) = make(folder.path(), "other");
    other.import(&sealed, Some(&Unlock::Passphrase(passphrase())), None).unwrap();
    for read in [open(&path).get("one").unwrap(), other.get("one").unwrap()] {
        assert_eq!(read.leaves(), made.leaves());
        for i in 0..6 {
            assert_eq!(read.challenge(i).bytes(), made.challenge(i).bytes());
            assert_eq!(read.response(i), made.response(i));
            assert_eq!(read.response(i).split(' ').count(), 2);
        }
    }
}

#[test]
fn words_prove_by_what_was_heard_and_by_scores() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(6));
    let predicate = &claim.statement().predicate;
    assert_eq!(predicate.media.as_deref(), Some("audio/wav"));
    assert_eq!((predicate.alphabet.name.as_str(), &predicate.sizes), ("ifrs-words-2048-v1", &None));
    let set = ring.get("one").unwrap();
    let best = [(true, vec![(1, 2048), (1, 2047)]), (false, vec![(1, 4096)])];
    for (seen, ranks) in best {
        let found = proved(&report(&set, &Hearing::of(&set, seen)), &claim);
        assert_eq!((found.verdict.as_str(), found.fired), ("match", 6));
        assert_eq!(found.queries[0].ranks, ranks);
        let found = proved(&report(&set, &Hearing::deaf(seen)), &claim);
        assert_ne!(found.verdict, "match");
        assert_eq!(found.fired, 0);
    }
}

/// How a server that transcribes was asked under a key.
fn asked(set: &FingerprintSet, i: usize, said: &str) -> Value {
    json!({
        "time": "2026-01-02T03:04:05Z", "endpoint": "http://host/v1/audio/transcriptions",
        "raw": json!({"text": said}).to_string(),
        "request": {
            "model": "whisper", "file": set.prompt(i), "response_format": "json",
            "language": "en", "temperature": 0.0,
        },
    })
}

/// The report of a server that transcribes.
fn served(set: &FingerprintSet) -> Value {
    let mut found = report(set, &Hearing::of(set, false));
    found["format"] = "ifrs/report/v4".into();
    found["target"] = json!({
        "kind": "api", "name": "whisper", "base_url": "http://host/v1", "mode": "transcriptions",
    });
    for i in 0..set.len() {
        let query = &mut found["queries"][i];
        query["asked"] = asked(set, i, query["answer"].as_str().unwrap());
    }
    found
}

#[test]
fn a_server_that_transcribes_is_convicted_by_its_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(6));
    let set = ring.get("one").unwrap();
    let found = proved(&served(&set), &claim);
    assert_eq!((found.verdict.as_str(), found.fired), ("match", 6));
}

#[test]
fn a_request_that_no_transcription_is_made_by_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(6));
    let set = ring.get("one").unwrap();
    let good = bundle(&served(&set), &claim).unwrap();
    type Change<'c> = &'c dyn Fn(&mut Value);
    let changes: [(&str, Change<'_>); 7] = [
        ("favour an answer (prompt)", &|asked| asked["request"]["prompt"] = "copper".into()),
        ("language", &|asked| asked["request"]["language"] = "fox".into()),
        ("response_format", &|asked| asked["request"]["response_format"] = "text".into()),
        ("its key alone", &|asked| asked["request"]["file"] = set.prompt(2).into_owned().into()),
        ("temperature", &|asked| asked["request"]["temperature"] = 0.4.into()),
        ("another suspect", &|asked| asked["endpoint"] = "http://host/v1/completions".into()),
        ("not of the transcriptions protocol", &|asked| asked["raw"] = "{\"text\": 5}".into()),
    ];
    for (reason, change) in changes {
        let bent = |bundle: &mut Value| change(&mut bundle["queries"][1]["asked"]);
        assert!(refused(&good, &claim, reason, bent), "{reason}");
    }
    let completed = |bundle: &mut Value| {
        let request = bundle["queries"][1]["asked"]["request"].as_object_mut().unwrap();
        let key = request.remove("file").unwrap();
        request.remove("language");
        request.remove("response_format");
        request.insert("prompt".into(), key);
        bundle["queries"][1]["asked"]["endpoint"] = "http://host/v1/completions".into();
    };
    assert!(refused(&good, &claim, "cannot be sent by the protocol", completed));
}

#[test]
fn words_are_of_texts_and_sounds_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let image = Modality::image("image", &[16, 12, 3], Alphabet::default()).unwrap();
    let spec = SetSpec { source: Source::Image, modality: Some(image), ..spec(4) };
    let error = ring.generate(spec, &Alphabets::default(), None).err().unwrap();
    assert!(matches!(error, KeyringError::Fingerprint(FingerprintError::Modality)), "{error}");
}
