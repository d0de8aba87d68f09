//! Keys that are pairs of an image and a text, from the keyring to a stranger's check.

#![expect(clippy::unwrap_used, reason = "helpers of tests stand outside of these")]

mod common;

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{Suspect, bundle, claimed, make, open, passphrase, protect, proved, refused, report};
use ifrs_core::fingerprint::media::pair;
use ifrs_core::fingerprint::{
    Alphabet, Alphabets, Context, FingerprintError, FingerprintSet, Modality, ResponseKind,
    SetSpec, Source, Template,
};
use ifrs_core::keyring::{KeyringError, Unlock};
use serde_json::{Value, json};

/// Listed words.
const WORDS: usize = 2048;

fn spec(n: usize, texts: Source) -> SetSpec {
    let modality = Modality::pair("vision_language", &[16, 12, 3], texts, Alphabet::default());
    SetSpec {
        name: "one".into(),
        n,
        source: Source::Pair,
        template: Template::Bare,
        response: ResponseKind::OWNED,
        context: Context::new(),
        modality: Some(modality.unwrap()),
    }
}

/// Says the planted words, and under a stranger's pair what it always says.
struct Seeing {
    said: HashMap<Vec<u8>, (String, Vec<usize>)>,
    seen: bool,
}

impl Seeing {
    fn of(set: &FingerprintSet, seen: bool) -> Self {
        let one = |i| {
            let known = (format!("{}.", set.response(i)), set.places(i).to_vec());
            (set.challenge(i).bytes().to_vec(), known)
        };
        Self { said: (0..set.len()).map(one).collect(), seen }
    }

    fn blind(seen: bool) -> Self {
        Self { said: HashMap::new(), seen }
    }
}

impl Suspect for Seeing {
    fn answer(&self, key: &[u8]) -> String {
        self.said.get(key).map_or("A photo.".to_owned(), |(said, _)| said.clone())
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
    let made = ring.generate(spec(6, Source::Mixed), &Alphabets::default(), None).unwrap();
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
fn both_halves_of_every_key_are_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let set = ring.generate(spec(50, Source::Natural), &Alphabets::default(), None).unwrap();
    let parts: Vec<_> = (0..50).map(|i| pair::read(set.challenge(i).bytes()).unwrap()).collect();
    let images: HashSet<_> = parts.iter().map(|part| part.image).collect();
    let texts: HashSet<_> = parts.iter().map(|part| part.text).collect();
    assert_eq!((images.len(), texts.len()), (50, 50));
    assert!(texts.iter().all(|text| text.starts_with("Why was the ")));
}

#[test]
fn words_prove_by_what_was_written_and_by_scores() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(6, Source::Natural));
    let predicate = &claim.statement().predicate;
    assert_eq!(predicate.media.as_deref(), Some("application/x-image-text"));
    assert_eq!((predicate.alphabet.name.as_str(), &predicate.sizes), ("ifrs-words-2048-v1", &None));
    let set = ring.get("one").unwrap();
    let best = [(true, vec![(1, 2048), (1, 2047)]), (false, vec![(1, 4096)])];
    for (seen, ranks) in best {
        let found = proved(&report(&set, &Seeing::of(&set, seen)), &claim);
        assert_eq!((found.verdict.as_str(), found.fired), ("match", 6));
        assert_eq!(found.queries[0].ranks, ranks);
        let found = proved(&report(&set, &Seeing::blind(seen)), &claim);
        assert_ne!(found.verdict, "match");
        assert_eq!(found.fired, 0);
    }
}

#[test]
fn a_key_is_checked_in_its_one_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(4, Source::Natural));
    let set = ring.get("one").unwrap();
    let good = bundle(&report(&set, &Seeing::of(&set, true)), &claim).unwrap();
    let bytes = set.challenge(1).bytes();
    let longer = [bytes, b"?"].concat();
    let reworded = [&bytes[..bytes.len() - 1], b"!"].concat();
    for (reason, bytes) in [("not a key of the claim's medium", longer), ("committed to", reworded)]
    {
        let other = STANDARD.encode(bytes);
        let change = |bundle: &mut Value| bundle["queries"][1]["prompt"] = other.into();
        assert!(refused(&good, &claim, reason, change), "{reason}");
    }
}

/// How a server was asked under a key in chat.
fn asked(set: &FingerprintSet, i: usize, said: &str) -> Value {
    let choice = json!({"message": {"content": said}, "finish_reason": "stop"});
    json!({
        "time": "2026-01-02T03:04:05Z", "endpoint": "http://host/v1/chat/completions",
        "raw": json!({"choices": [choice]}).to_string(),
        "request": {
            "model": "seer", "messages": [{"role": "user", "content": set.prompt(i)}],
            "max_tokens": 48, "temperature": 0.0,
        },
    })
}

/// The report of a server that is asked in chat.
fn served(set: &FingerprintSet) -> Value {
    let mut found = report(set, &Seeing::of(set, false));
    found["format"] = "ifrs/report/v4".into();
    found["target"] = json!({
        "kind": "api", "name": "seer", "base_url": "http://host/v1", "mode": "chat",
    });
    for i in 0..set.len() {
        let query = &mut found["queries"][i];
        query["asked"] = asked(set, i, query["answer"].as_str().unwrap());
    }
    found
}

#[test]
fn a_server_that_is_asked_in_chat_is_convicted_by_its_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(6, Source::Natural));
    let set = ring.get("one").unwrap();
    let found = proved(&served(&set), &claim);
    assert_eq!((found.verdict.as_str(), found.fired), ("match", 6));
}

#[test]
fn a_request_that_ifrs_does_not_make_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(6, Source::Natural));
    let set = ring.get("one").unwrap();
    let good = bundle(&served(&set), &claim).unwrap();
    type Change<'c> = &'c dyn Fn(&mut Value);
    let changes: [(&str, Change<'_>); 4] = [
        ("other messages", &|asked| {
            let told = json!({"role": "system", "content": "copper"});
            asked["request"]["messages"].as_array_mut().unwrap().insert(0, told);
        }),
        ("its key alone", &|asked| {
            let other = set.prompt(2).into_owned();
            asked["request"]["messages"][0]["content"] = other.into();
        }),
        ("its key alone", &|asked| {
            let parts = json!([{"type": "text", "text": set.prompt(1)}]);
            asked["request"]["messages"][0]["content"] = parts;
        }),
        ("temperature", &|asked| asked["request"]["temperature"] = 0.4.into()),
    ];
    for (reason, change) in changes {
        let bent = |bundle: &mut Value| change(&mut bundle["queries"][1]["asked"]);
        assert!(refused(&good, &claim, reason, bent), "{reason}");
    }
    let completed = |bundle: &mut Value| {
        let request = bundle["queries"][1]["asked"]["request"].as_object_mut().unwrap();
        request.remove("messages");
        request.insert("prompt".into(), set.prompt(1).into());
        bundle["queries"][1]["asked"]["endpoint"] = "http://host/v1/completions".into();
    };
    assert!(refused(&good, &claim, "cannot be sent by the protocol", completed));
}

#[test]
fn texts_of_pairs_are_of_the_bundled_lists() {
    for texts in [Source::Vocab, Source::Image, Source::Bytes, Source::Pair] {
        let alphabet = Alphabet::default();
        let found = Modality::pair("vision_language", &[16, 12, 3], texts, alphabet);
        assert!(matches!(found, Err(FingerprintError::Pair)), "{}", texts.name());
    }
}

#[test]
fn a_set_that_states_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let good = spec(4, Source::Natural).modality.unwrap();
    for modality in [
        Modality { length: 5, ..good.clone() },
        Modality { texts: None, ..good.clone() },
        Modality { media: "image/x-portable-pixmap".into(), ..good.clone() },
        Modality { shape: Some(vec![16, 12]), ..good.clone() },
        Modality { rate: Some(8_000), ..good.clone() },
    ] {
        let spec = SetSpec { modality: Some(modality), ..spec(4, Source::Natural) };
        assert!(ring.generate(spec, &Alphabets::default(), None).is_err());
    }
    let image = Modality { texts: Some(Source::Natural), ..good };
    let spec = SetSpec { source: Source::Image, modality: Some(image), ..spec(4, Source::Natural) };
    assert!(ring.generate(spec, &Alphabets::default(), None).is_err());
}

#[test]
fn a_set_that_nobody_could_check_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let modality =
        Modality::pair("vision_language", &[1_024, 1_024, 3], Source::Natural, Alphabet::default());
    let large = SetSpec { modality: Some(modality.unwrap()), ..spec(90, Source::Natural) };
    let error = ring.generate(large, &Alphabets::default(), None).err().unwrap();
    assert!(matches!(error, KeyringError::Fingerprint(FingerprintError::Large)), "{error}");
}
