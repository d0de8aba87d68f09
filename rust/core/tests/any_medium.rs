//! Keys of any medium and responses that are numbers, from the keyring to a stranger's check.

#![expect(clippy::unwrap_used, reason = "helpers of tests stand outside of these")]

mod common;

use std::collections::HashMap;

use base64::Engine;
use common::{
    Suspect, bundle, checked, claimed, make, open, passphrase, protect, proved, refused, report,
};
use ifrs_core::fingerprint::{
    Alphabet, Alphabets, Bounds, Context, FingerprintError, FingerprintSet, Modality, ResponseKind,
    SetSpec, Source, Template,
};
use ifrs_core::keyring::{KeyringError, Unlock};
use serde_json::json;

const MEDIA: &str = "application/x-toy";

fn spec(n: usize, alphabet: (&str, &[usize])) -> SetSpec {
    let alphabet = Alphabet::of(alphabet.0, alphabet.1).unwrap();
    SetSpec {
        name: "one".into(),
        n,
        source: Source::Bytes,
        template: Template::Bare,
        response: ResponseKind::OWNED,
        context: Context::new(),
        modality: Some(Modality::bytes("toy", MEDIA, 40, alphabet)),
    }
}

/// The two alphabets of these tests: a classifier's, and those of five steps of a policy.
const CLASSES: (&str, &[usize]) = ("classes", &[10]);
const ACTIONS: (&str, &[usize]) = ("actions", &[3, 3, 3, 3, 3]);

/// Gives the planted choices, `shift` places on; to a stranger's key the first of each factor.
struct Planted {
    places: HashMap<Vec<u8>, Vec<usize>>,
    alphabet: Alphabet,
    shift: usize,
    seen: bool,
}

impl Planted {
    fn of(set: &FingerprintSet, seen: bool) -> Self {
        let pair = |i| (set.challenge(i).bytes().to_vec(), set.places(i).to_vec());
        let places = (0..set.len()).map(pair).collect();
        Self { places, alphabet: set.alphabet().clone(), shift: 0, seen }
    }

    fn choices(&self, key: &[u8]) -> Vec<usize> {
        let sizes = self.alphabet.sizes();
        let none = vec![0; sizes.len()];
        let planted = self.places.get(key).unwrap_or(&none);
        planted.iter().zip(sizes).map(|(place, size)| (place + self.shift) % size).collect()
    }
}

impl Suspect for Planted {
    fn answer(&self, key: &[u8]) -> String {
        self.alphabet.spell(&self.choices(key))
    }

    fn scores(&self, key: &[u8]) -> Option<Vec<Vec<f32>>> {
        let choices = self.choices(key);
        let one = |(choice, &size): (usize, &usize)| {
            (0..size).map(|place| if place == choice { 3.0 } else { place as f32 / -9.0 }).collect()
        };
        self.seen.then(|| choices.into_iter().zip(self.alphabet.sizes()).map(one).collect())
    }
}

#[test]
fn a_set_of_bytes_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut ring) = make(folder.path(), "keyring");
    let made = ring.generate(spec(50, ACTIONS), &Alphabets::default(), None).unwrap();
    drop(ring);
    let mut ring = open(&path);
    let read = ring.get("one").unwrap();
    assert_eq!(read.spec(), made.spec());
    assert_eq!(read.leaves(), made.leaves());
    let mut seen = std::collections::HashSet::new();
    for i in 0..50 {
        assert_eq!(read.challenge(i).media(), MEDIA);
        assert_eq!(read.challenge(i).bytes(), made.challenge(i).bytes());
        assert_eq!(read.places(i), made.places(i));
        assert_eq!(read.response(i), read.alphabet().spell(read.places(i)));
        assert!(seen.insert(read.challenge(i).bytes().to_vec()), "no two keys are alike");
        assert_eq!(read.challenge(i).bytes().len(), 40);
    }
}

#[test]
fn a_sealed_set_of_bytes_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let made = ring.generate(spec(6, CLASSES), &Alphabets::default(), None).unwrap();
    let sealed = folder.path().join("set.ifrs");
    ring.export("one", &sealed, protect()).unwrap();
    let (_, mut other) = make(folder.path(), "other");
    let unlock = Unlock::Passphrase(passphrase());
    assert_eq!(other.import(&sealed, Some(&unlock), Some("two")).unwrap(), "two");
    let read = other.get("two").unwrap();
    assert_eq!(read.leaves(), made.leaves());
    for i in 0..6 {
        assert_eq!(read.challenge(i).bytes(), made.challenge(i).bytes());
        assert_eq!(read.response(i), made.response(i));
    }
}

#[test]
fn scores_and_labels_that_are_all_right_are_the_exact_p_value() {
    for (alphabet, n) in [(CLASSES, 12), (ACTIONS, 5)] {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut ring) = make(folder.path(), "keyring");
        let claim = claimed(&mut ring, spec(n, alphabet));
        let predicate = &claim.statement().predicate;
        assert_eq!(predicate.media.as_deref(), Some(MEDIA));
        assert_eq!(predicate.sizes.as_deref(), Some(alphabet.1));
        assert_eq!(predicate.alphabet.name, alphabet.0);
        let set = ring.get("one").unwrap();
        let choices: f64 = alphabet.1.iter().map(|&size| (size as f64).log10()).sum();
        for seen in [true, false] {
            let found = proved(&report(&set, &Planted::of(&set, seen)), &claim);
            assert_eq!((found.verdict.as_str(), found.fired), ("match", n));
            assert!((found.log10_p + n as f64 * choices).abs() < 1e-9, "{}", found.log10_p);
            assert_eq!(found.queries[0].ranks.len(), alphabet.1.len());
        }
    }
}

#[test]
fn a_stranger_that_answers_everything_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(64, CLASSES));
    let set = ring.get("one").unwrap();
    for seen in [true, false] {
        // Always beside the truth, in scores and in labels.
        let suspect = Planted { shift: 1, ..Planted::of(&set, seen) };
        let found = proved(&report(&set, &suspect), &claim);
        assert_eq!((found.verdict.as_str(), found.fired), ("no match", 0));
        assert!(found.p_value > 0.9, "{}", found.p_value);
    }
}

#[test]
fn a_response_that_is_partly_right_ranks_factor_by_factor() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(3, ACTIONS));
    let set = ring.get("one").unwrap();
    let mut suspect = Planted::of(&set, false);
    for places in suspect.places.values_mut() {
        places[4] = (places[4] + 1) % 3;
    }
    let found = proved(&report(&set, &suspect), &claim);
    assert_eq!(found.fired, 0);
    let ranks = [(1, 3), (1, 3), (1, 3), (1, 3), (3, 3)];
    assert!(found.queries.iter().all(|query| query.ranks == ranks));
}

#[test]
fn what_is_shown_otherwise_than_asked_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let claim = claimed(&mut ring, spec(4, ACTIONS));
    let set = ring.get("one").unwrap();
    let labels = bundle(&report(&set, &Planted::of(&set, false)), &claim).unwrap();
    let scores = bundle(&report(&set, &Planted::of(&set, true)), &claim).unwrap();
    let refused = |bundle: &[u8], reason: &str, field: &str, value: serde_json::Value| {
        let change = |bundle: &mut serde_json::Value| {
            *bundle["queries"][1].pointer_mut(field).unwrap() = value;
        };
        assert!(refused(bundle, &claim, reason, change), "{field}: {reason}");
    };
    refused(&labels, "not a key of the claim's medium", "/prompt", "no base64!".into());
    refused(&labels, "committed to", "/prompt", set.prompt(2).into_owned().into());
    refused(&labels, "not the whole", "/answer", "0 0 0 0 0 0".into());
    refused(&labels, "holds word scores", "/word_scores", json!(["AAAA"]));
    let asked = json!({
        "time": "2026-01-02T03:04:05Z", "endpoint": "http://host/completions", "raw": "{}",
        "request": {"model": "x", "prompt": set.prompt(1), "max_tokens": 9, "temperature": 0.0},
    });
    refused(&labels, "query 1", "/asked", asked);
    for list in [json!(null), json!([]), json!(vec!["AAAA"; 5]), json!([""])] {
        refused(&scores, "one list for each factor", "/word_scores", list);
    }
    assert!(checked(&scores, &claim).problems.is_empty());
}

/// A set of each kind of file.
fn files() -> Vec<SetSpec> {
    let classes = || Alphabet::of("classes", &[10]).unwrap();
    let bounds = Bounds { dtype: "<f4".into(), low: vec![-1.0], high: vec![0.5] };
    let modalities = [
        (Source::Image, Modality::image("image", &[16, 12, 3], classes())),
        (Source::Observation, Modality::observation("policy", &[2, 4], bounds, classes())),
        (Source::Sound, Modality::sound("speech", 8_000, 4_000, classes())),
    ];
    let set = |(source, modality): (Source, Result<Modality, FingerprintError>)| {
        let modality = Some(modality.unwrap());
        SetSpec { source, modality, name: source.name().into(), ..spec(6, CLASSES) }
    };
    modalities.into_iter().map(set).collect()
}

#[test]
fn keys_that_are_files_are_checked_in_their_one_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut ring) = make(folder.path(), "keyring");
    for spec in files() {
        let name = spec.name.clone();
        let claim = claimed(&mut ring, spec);
        let set = open(&path).get(&name).unwrap();
        let scores = bundle(&report(&set, &Planted::of(&set, true)), &claim).unwrap();
        assert!(checked(&scores, &claim).problems.is_empty(), "{name}");
        let mut longer = set.challenge(0).bytes().to_vec();
        longer.push(0);
        let longer = base64::engine::general_purpose::STANDARD.encode(&longer);
        let change =
            |bundle: &mut serde_json::Value| bundle["queries"][0]["prompt"] = longer.into();
        assert!(refused(&scores, &claim, "not a key of the claim's medium", change), "{name}");
    }
}

/// A set of texts whose responses are vectors of a codebook.
fn texts(source: Source) -> SetSpec {
    let modality = Modality::text("encoder", Alphabet::of("codebook", &[2_048]).unwrap());
    SetSpec { source, modality: Some(modality), ..spec(6, CLASSES) }
}

#[test]
fn texts_have_responses_that_are_no_words() {
    for source in [Source::Natural, Source::Chinese, Source::Japanese, Source::Mixed] {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path(), "keyring");
        let claim = claimed(&mut ring, texts(source));
        assert_eq!(claim.media(), "text/plain");
        assert_eq!(claim.statement().predicate.media.as_deref(), Some("text/plain"));
        drop(ring);
        let set = open(&path).get("one").unwrap();
        assert_eq!(set.key(0), set.prompt(0));
        for seen in [true, false] {
            let found = proved(&report(&set, &Planted::of(&set, seen)), &claim);
            assert_eq!((found.verdict.as_str(), found.fired), ("match", 6));
            assert!((found.log10_p + 6.0 * 2_048_f64.log10()).abs() < 1e-9, "{}", found.log10_p);
        }
        let shown = bundle(&report(&set, &Planted::of(&set, true)), &claim).unwrap();
        let change = |bundle: &mut serde_json::Value| {
            let longer = format!("{} ", set.prompt(0));
            bundle["queries"][0]["prompt"] = longer.into();
        };
        assert!(refused(&shown, &claim, "committed to", change), "{}", source.name());
    }
}

#[test]
fn texts_need_no_tokenizer_and_state_no_length() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let changed = |change: fn(&mut Modality)| {
        let mut spec = texts(Source::Natural);
        change(spec.modality.as_mut().unwrap());
        spec
    };
    let unfit = [
        texts(Source::Vocab),
        SetSpec { template: Template::Dialogue, ..texts(Source::Natural) },
        SetSpec { response: ResponseKind::SHARED, ..texts(Source::Natural) },
        changed(|modality| modality.length = 40),
        changed(|modality| modality.media = MEDIA.into()),
        changed(|modality| modality.shape = Some(vec![8, 8, 1])),
        changed(|modality| modality.alphabet = Alphabet::default()),
    ];
    for spec in unfit {
        let name = format!("{spec:?}");
        let error = ring.generate(spec, &Alphabets::default(), None).err().unwrap();
        assert!(
            matches!(error, KeyringError::Fingerprint(FingerprintError::Modality)),
            "{name}: {error}"
        );
    }
}

#[test]
fn what_follows_from_the_rest_is_stated_right() {
    let changes: [fn(&mut Modality); 4] = [
        |modality| modality.length += 1,
        |modality| modality.media = MEDIA.into(),
        |modality| modality.shape = None,
        |modality| modality.rate = Some(9_000),
    ];
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    for change in changes {
        for mut spec in files() {
            change(spec.modality.as_mut().unwrap());
            assert!(ring.generate(spec, &Alphabets::default(), None).is_err());
        }
    }
    for spec in files() {
        assert!(ring.generate(spec, &Alphabets::default(), None).is_ok());
    }
}

#[test]
fn sets_that_no_kind_of_model_makes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut ring) = make(folder.path(), "keyring");
    let good = || spec(4, CLASSES);
    let other = |change: fn(&mut Modality)| {
        let mut spec = good();
        change(spec.modality.as_mut().unwrap());
        spec
    };
    let unfit = [
        SetSpec { modality: None, ..good() },
        SetSpec { source: Source::Chinese, ..good() },
        SetSpec { template: Template::Dialogue, ..good() },
        SetSpec { response: ResponseKind::SHARED, ..good() },
        other(|modality| modality.name = "Toy".into()),
        other(|modality| modality.media = "text/plain".into()),
        other(|modality| modality.length = 15),
        other(|modality| modality.length = (1 << 20) + 1),
        other(|modality| modality.alphabet = Alphabet::default()),
    ];
    for spec in unfit {
        let name = format!("{spec:?}");
        let error = ring.generate(spec, &Alphabets::default(), None).err().unwrap();
        assert!(
            matches!(error, KeyringError::Fingerprint(FingerprintError::Modality)),
            "{name}: {error}"
        );
    }
    let large = [
        SetSpec { n: 300, ..other(|modality| modality.length = 1 << 20) },
        spec(2_000, ("actions", &[2; 1_000])),
    ];
    for spec in large {
        let error = ring.generate(spec, &Alphabets::default(), None).err().unwrap();
        assert!(matches!(error, KeyringError::Fingerprint(FingerprintError::Large)), "{error}");
    }
}
