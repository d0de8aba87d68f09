//! A fingerprint set: keys, responses and prompts made together.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::FingerprintError;
use super::alphabet::Alphabet;
use super::challenge::{Challenge, MAX_CHALLENGES, TEXT};
use super::choices::{self, Asked};
use super::lists::Alphabets;
use super::media::pair;
use super::modality::Modality;
use super::response::ResponseKind;
use super::scheme::{Parts, Place};
use super::seed::{Context, KEY_BYTES, Seed, SetKey};
use super::signal::{self, Family, domains};
use super::source::{Draft, Drawing, Source, Unit};
use super::stream::Stream;
use super::template::Template;
use crate::merkle::{self, Hash};

/// The most fingerprints that one set may hold.
pub const MAX_FINGERPRINTS: usize = 100_000;

/// How many candidates for one key are tried before giving up.
const MAX_ATTEMPTS: u32 = 1_000;

/// No two keys of a set share a run of this many choices (48 bits and more).
const LONGEST_SHARED_RUN: usize = 6;

/// What names the streams of keys.
const KEY: &[u8] = b"key";

/// The longest name of a set, in characters.
const MAX_NAME: usize = 128;

/// Decides which of the candidate keys can be used with a tokenizer.
pub type Check<'c> = dyn FnMut(&[String]) -> Result<Vec<bool>, FingerprintError> + Send + 'c;

/// Everything that, with the seed, determines a set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetSpec {
    /// The set's name, unique in its keyring.
    pub name: String,
    /// How many fingerprints.
    pub n: usize,
    /// Where the keys come from.
    pub source: Source,
    /// How a key becomes a prompt.
    pub template: Template,
    /// How responses are chosen.
    pub response: ResponseKind,
    /// What tells this derivation from another of the same name.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// What it is for, where that is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modality: Option<Modality>,
}

impl SetSpec {
    /// Whether such a set can be.
    pub(crate) fn validate(&self) -> Result<(), FingerprintError> {
        if !(1..=MAX_FINGERPRINTS).contains(&self.n) {
            return Err(FingerprintError::Count { n: self.n });
        }
        let length = self.name.chars().count();
        if !(1..=MAX_NAME).contains(&length) || self.name.chars().any(char::is_control) {
            return Err(FingerprintError::Name);
        }
        let is_bare = self.template == Template::Bare;
        let Some(modality) = &self.modality else {
            let is_text = self.source.is_text() && !is_bare;
            return if is_text { Ok(()) } else { Err(FingerprintError::Modality) };
        };
        if modality.is_choices() {
            let is_chat = matches!(self.template, Template::Chat { .. });
            if self.source != Source::Natural || !(is_bare || is_chat) {
                return Err(FingerprintError::Choices);
            }
        } else if modality.is_signal() {
            let is_chat = matches!(self.template, Template::Chat { .. });
            if self.source != Source::Domain || !(is_bare || is_chat) {
                return Err(FingerprintError::Signal);
            }
            if self.n > domains::DOMAINS.len() {
                return Err(FingerprintError::Domains { n: self.n });
            }
        } else if !is_bare {
            return Err(FingerprintError::Modality);
        }
        if !self.response.proves() {
            return Err(FingerprintError::Modality);
        }
        modality.drawing(self.source)?;
        let fits = self.n * modality.most() <= MAX_CHALLENGES && modality.alphabet.affords(self.n);
        if fits { Ok(()) } else { Err(FingerprintError::Large) }
    }

    /// What responses are drawn from.
    pub fn alphabet(&self) -> Alphabet {
        self.modality.as_ref().map_or_else(Alphabet::default, |given| given.alphabet.clone())
    }

    /// Whether keys are questions with natural answers.
    pub fn is_choices(&self) -> bool {
        self.modality.as_ref().is_some_and(Modality::is_choices)
    }

    /// Whether keys are domains.
    pub fn is_signal(&self) -> bool {
        self.modality.as_ref().is_some_and(Modality::is_signal)
    }

    /// How the keys are drawn where they are texts that a template surrounds.
    fn drafts<'d>(&'d self, alphabets: &'d Alphabets) -> Box<Draw<'d>> {
        if self.is_choices() {
            return Box::new(|stream| Ok(choices::draw(stream)));
        }
        Box::new(|stream| self.source.draw(stream, alphabets))
    }

    /// What stands between a prompt and its response.
    pub fn lead(&self) -> &'static str {
        let bare = self.template == Template::Bare;
        if bare && self.is_choices() { " " } else { self.template.lead() }
    }

    /// The media type of keys.
    pub fn media(&self) -> &str {
        self.modality.as_ref().map_or(TEXT, |modality| &modality.media)
    }
}

/// Keys and responses of one release or licensee. No `Debug`, no `Clone`; wiped when dropped.
pub struct FingerprintSet {
    spec: SetSpec,
    alphabet: Alphabet,
    challenges: Vec<Challenge>,
    places: Vec<Vec<usize>>,
    responses: Vec<String>,
    salts: Vec<[u8; KEY_BYTES]>,
    leaves: Vec<Hash>,
    /// The Ed25519 key of the keyring that the set was made in.
    publisher: [u8; 32],
    /// What licensees' codewords are drawn under.
    licences: SetKey,
    /// Whether copies left whose codewords follow from that alone.
    earlier_code: bool,
}

impl FingerprintSet {
    /// Derives a set from the seed; `check` says which keys survive the tokenizer in use.
    pub fn derive(
        seed: &Seed,
        spec: SetSpec,
        alphabets: &Alphabets,
        check: Option<&mut Check<'_>>,
    ) -> Result<Self, FingerprintError> {
        let set_key = seed.set_key(&spec.name, &spec.context);
        Self::derive_with(&set_key, seed.public_key(), spec, alphabets, check)
    }

    /// Derives a set from its own key.
    pub(crate) fn derive_with(
        set_key: &SetKey,
        publisher: [u8; 32],
        spec: SetSpec,
        alphabets: &Alphabets,
        check: Option<&mut Check<'_>>,
    ) -> Result<Self, FingerprintError> {
        spec.validate()?;
        if let Some(modality) = spec.modality.as_ref().filter(|given| !given.is_written()) {
            let keys = draw_any(set_key, spec.source, modality, spec.n)?;
            let media = &modality.media;
            let challenges = keys.into_iter().map(|key| Challenge::of(media, key)).collect();
            return Ok(Self::bind(set_key, publisher, spec, challenges));
        }
        let keys = match spec.is_signal() {
            true => draw_domains(set_key, spec.n),
            false => draw_keys(set_key, &*spec.drafts(alphabets), spec.n, check)?,
        };
        Self::bind_texts(set_key, publisher, spec, keys)
    }

    /// Restores a set whose rendered keys were stored because a tokenizer took part.
    pub fn restore(
        seed: &Seed,
        spec: SetSpec,
        keys: Vec<String>,
    ) -> Result<Self, FingerprintError> {
        let set_key = seed.set_key(&spec.name, &spec.context);
        Self::restore_with(&set_key, seed.public_key(), spec, keys)
    }

    /// Restores a set from its own key and its rendered keys.
    pub(crate) fn restore_with(
        set_key: &SetKey,
        publisher: [u8; 32],
        spec: SetSpec,
        keys: Vec<String>,
    ) -> Result<Self, FingerprintError> {
        spec.validate()?;
        Self::bind_texts(set_key, publisher, spec, keys)
    }

    fn bind_texts(
        set_key: &SetKey,
        publisher: [u8; 32],
        spec: SetSpec,
        mut keys: Vec<String>,
    ) -> Result<Self, FingerprintError> {
        if spec.is_choices() && !keys.iter().all(|key| Asked::read(key).is_some()) {
            return Err(FingerprintError::Question);
        }
        if spec.is_signal() && !keys.iter().all(|key| domains::named(key).is_some()) {
            return Err(FingerprintError::Signal);
        }
        let prompts = keys.iter().map(|key| Challenge::text(spec.template.render(key))).collect();
        keys.zeroize();
        Ok(Self::bind(set_key, publisher, spec, prompts))
    }

    fn bind(
        set_key: &SetKey,
        publisher: [u8; 32],
        spec: SetSpec,
        challenges: Vec<Challenge>,
    ) -> Self {
        let numbers = 0..challenges.len() as u64;
        let salts: Vec<_> = numbers.map(|i| set_key.mac(&[b"salt", &i.to_be_bytes()])).collect();
        let (alphabet, scheme) = (spec.alphabet(), spec.response);
        let (before, after) = spec.template.around();
        let parts = Parts {
            publisher: &publisher,
            challenges: &challenges,
            salts: &salts,
            alphabet: &alphabet,
            set_key,
            around: (before.len(), after.len()),
        };
        let leaves = scheme.leaves(&parts);
        let places = scheme.all_places(&parts, &leaves);
        let spell = |(places, challenge): (&Vec<usize>, &Challenge)| {
            if !alphabet.is_choices() {
                return scheme.spell(&alphabet, places);
            }
            let prompt = challenge.form();
            let asked = Asked::read(&prompt[before.len()..prompt.len() - after.len()]);
            asked.expect("keys are questions").spell(places[0])
        };
        let responses = places.iter().zip(&challenges).map(spell).collect();
        let licences = SetKey::from_bytes(&mut set_key.mac(&[b"licences"]));
        Self {
            spec,
            alphabet,
            challenges,
            places,
            responses,
            salts,
            leaves,
            publisher,
            licences,
            earlier_code: false,
        }
    }

    /// The same keys with their second responses: what a copy answers where its codeword has a one.
    ///
    /// `None` for a set whose responses are no words, or shared. The second response follows from
    /// the set's key and the key's salt, and no word of it is one of the first.
    pub fn second(&self) -> Option<Self> {
        if !self.spec.response.proves() || !self.alphabet.is_words() {
            return None;
        }
        let apart = |(salt, first): (&[u8; KEY_BYTES], &Vec<usize>)| {
            let mut stream = Stream::new(&self.licences, &[b"response", salt]);
            let mut draws = std::iter::from_fn(|| Some(self.alphabet.next(&mut stream)));
            draws
                .find(|places| places.iter().all(|place| !first.contains(place)))
                .expect("a stream never ends, and hardly any draw shares a word")
        };
        let places: Vec<_> = self.salts.iter().zip(&self.places).map(apart).collect();
        let responses = places.iter().map(|places| self.alphabet.spell(places)).collect();
        Some(Self {
            spec: self.spec.clone(),
            alphabet: self.alphabet.clone(),
            challenges: self.challenges.iter().map(Challenge::again).collect(),
            places,
            responses,
            salts: self.salts.clone(),
            leaves: self.leaves.clone(),
            publisher: self.publisher,
            licences: SetKey::from_bytes(&mut { *self.licences.expose() }),
            earlier_code: self.earlier_code,
        })
    }

    /// The same set whose copies have codewords of the set's key alone, which nobody can recompute.
    pub(crate) fn of_earlier_code(self) -> Self {
        let mut set = self;
        set.earlier_code = true;
        set
    }

    /// Whether its copies' codewords are such ones.
    pub(crate) fn is_of_earlier_code(&self) -> bool {
        self.earlier_code
    }

    /// What licensees' codewords are drawn under.
    pub(crate) fn licences(&self) -> &SetKey {
        &self.licences
    }

    /// What determined the set.
    pub fn spec(&self) -> &SetSpec {
        &self.spec
    }

    /// What responses are drawn from.
    pub fn alphabet(&self) -> &Alphabet {
        &self.alphabet
    }

    /// The number of fingerprints.
    pub fn len(&self) -> usize {
        self.challenges.len()
    }

    /// Whether there are none, which [`SetSpec`] rules out.
    pub fn is_empty(&self) -> bool {
        self.challenges.is_empty()
    }

    /// The key at `index` as it is asked.
    pub fn challenge(&self, index: usize) -> &Challenge {
        &self.challenges[index]
    }

    /// The private key at `index`, as text: the part of a prompt that is its own.
    pub fn key(&self, index: usize) -> Cow<'_, str> {
        let (before, after) = self.spec.template.around();
        match self.prompt(index) {
            Cow::Borrowed(prompt) => prompt[before.len()..prompt.len() - after.len()].into(),
            whole => whole,
        }
    }

    /// All keys, in order.
    pub fn keys(&self) -> Vec<String> {
        (0..self.len()).map(|index| self.key(index).into_owned()).collect()
    }

    /// The secret response at `index`.
    pub fn response(&self, index: usize) -> &str {
        &self.responses[index]
    }

    /// The key at `index` in its template, as text.
    pub fn prompt(&self, index: usize) -> Cow<'_, str> {
        self.challenges[index].form()
    }

    /// The response's place in each factor of the alphabet; none for a shared response.
    pub fn places(&self, index: usize) -> &[usize] {
        &self.places[index]
    }

    /// The leaves of the set's Merkle tree, in order: they give nothing away.
    pub fn leaves(&self) -> &[Hash] {
        &self.leaves
    }

    /// The question at `index`, where responses are natural answers.
    pub fn asked<T>(&self, index: usize, of: impl FnOnce(&Asked<'_>) -> T) -> Option<T> {
        if !self.alphabet.is_choices() {
            return None;
        }
        Asked::read(&self.key(index)).as_ref().map(of)
    }

    /// The colourings of the domain at `index`, where responses are such ones.
    pub fn family(&self, index: usize) -> Option<Family> {
        let root = &merkle::root(&self.leaves);
        let (publisher, salt) = (&self.publisher, &self.salts[index]);
        let challenge = &self.challenges[index];
        let at = Place { publisher, root, index: index as u64, salt, challenge };
        self.alphabet.is_signal().then(|| Family::of(&at))
    }

    /// All questions of the domain at `index`, where keys are such ones: those that are asked come
    /// first.
    pub fn questions(&self, index: usize) -> Option<Vec<&'static str>> {
        if !self.alphabet.is_signal() {
            return None;
        }
        domains::named(&self.key(index)).map(|domain| signal::questions(&self.salts[index], domain))
    }

    /// The Ed25519 key of the keyring that the set was made in: the one that can claim it.
    pub fn publisher(&self) -> &[u8; 32] {
        &self.publisher
    }

    /// `HMAC(K, "salt" ‖ index)`: what keeps a leaf from being guessed, and its response secret.
    pub fn salt(&self, index: usize) -> &[u8; KEY_BYTES] {
        &self.salts[index]
    }
}

impl Drop for FingerprintSet {
    fn drop(&mut self) {
        self.responses.zeroize();
        self.places.zeroize();
        self.salts.zeroize();
    }
}

/// Fresh keys of the same look that belong to no set: negatives, and guesses of a stranger.
///
/// They are public, so a plain number seeds them.
pub fn look_alikes(
    source: Source,
    n: usize,
    seed: u64,
    alphabets: &Alphabets,
    check: Option<&mut Check<'_>>,
) -> Result<Vec<String>, FingerprintError> {
    draw_keys(&public_key(seed), &|stream| source.draw(stream, alphabets), n, check)
}

/// The same of keys that are uniform bytes.
pub fn look_alike_bytes(length: usize, n: usize, seed: u64) -> Vec<Vec<u8>> {
    Drawing::Bytes(length).keys(&public_key(seed), KEY, n)
}

/// The same of keys of any medium.
pub fn look_alike_keys(
    source: Source,
    modality: &Modality,
    n: usize,
    seed: u64,
) -> Result<Vec<Vec<u8>>, FingerprintError> {
    draw_any(&public_key(seed), source, modality, n)
}

/// What look-alikes are drawn under.
fn public_key(seed: u64) -> SetKey {
    let mut root = Sha256::new_with_prefix(b"ifrs/v1/look-alikes");
    root.update(seed.to_be_bytes());
    let seed = Seed::from_bytes(&mut root.finalize().into());
    seed.set_key("look-alikes", &Context::new())
}

/// The bytes of keys of any medium.
fn draw_any(
    set_key: &SetKey,
    source: Source,
    modality: &Modality,
    n: usize,
) -> Result<Vec<Vec<u8>>, FingerprintError> {
    let lists = Alphabets::default();
    if modality.is_signal() {
        return Err(FingerprintError::Modality);
    }
    if modality.is_choices() {
        let texts = draw_keys(set_key, &|stream| Ok(choices::draw(stream)), n, None)?;
        return Ok(texts.into_iter().map(String::into_bytes).collect());
    }
    let texts = |from: Source| draw_keys(set_key, &|stream| from.draw(stream, &lists), n, None);
    let Some(drawing) = modality.drawing(source)? else {
        return Ok(texts(source)?.into_iter().map(String::into_bytes).collect());
    };
    let Some(from) = modality.texts else {
        return Ok(drawing.keys(set_key, KEY, n));
    };
    // Of another stream than the text: the one says nothing of the other.
    let images = drawing.keys(set_key, b"image", n);
    let pair = |(image, text): (Vec<u8>, String)| pair::write(&image, &text);
    Ok(images.into_iter().zip(texts(from)?).map(pair).collect())
}

/// The domains of a set.
fn draw_domains(set_key: &SetKey, n: usize) -> Vec<String> {
    domains::draw(&mut Stream::new(set_key, &[b"domains"]), n)
}

/// Draws one key from a stream of its own.
type Draw<'d> = dyn Fn(&mut Stream<'_>) -> Result<Draft, FingerprintError> + 'd;

fn draw_keys(
    set_key: &SetKey,
    draw: &Draw<'_>,
    n: usize,
    mut check: Option<&mut Check<'_>>,
) -> Result<Vec<String>, FingerprintError> {
    let mut keys = vec![String::new(); n];
    let mut runs = HashSet::new();
    let mut open: Vec<usize> = (0..n).collect();
    for attempt in 0..MAX_ATTEMPTS {
        let drafts = open
            .iter()
            .map(|&index| draw_key(set_key, draw, index, attempt))
            .collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<String> = drafts.iter().map(|draft| draft.text.clone()).collect();
        let accepted = match check.as_deref_mut() {
            Some(check) => check(&texts)?,
            None => vec![true; texts.len()],
        };
        if accepted.len() != texts.len() {
            return Err(FingerprintError::Check);
        }
        let mut refused = Vec::new();
        for (((index, draft), text), fine) in open.iter().zip(&drafts).zip(texts).zip(accepted) {
            if fine && claim_runs(&draft.units, &mut runs) {
                keys[*index] = text;
            } else {
                refused.push(*index);
            }
        }
        if refused.is_empty() {
            return Ok(keys);
        }
        open = refused;
    }
    Err(FingerprintError::Unstable { attempts: MAX_ATTEMPTS })
}

fn draw_key(
    set_key: &SetKey,
    draw: &Draw<'_>,
    index: usize,
    attempt: u32,
) -> Result<Draft, FingerprintError> {
    let label: [&[u8]; 3] = [KEY, &(index as u64).to_be_bytes(), &attempt.to_be_bytes()];
    draw(&mut Stream::new(set_key, &label))
}

/// Takes the runs of a key's choices, unless an earlier key of the set has one of them.
///
/// Across sets no bookkeeping is needed: two keys of 100,000 share such a run by chance in less
/// than one keyring of a thousand.
fn claim_runs(units: &[Unit], runs: &mut HashSet<Vec<Unit>>) -> bool {
    let windows = || units.windows(LONGEST_SHARED_RUN);
    if windows().any(|run| runs.contains(run)) {
        return false;
    }
    runs.extend(windows().map(<[Unit]>::to_vec));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::scheme::shared::RESPONSE;
    use crate::fingerprint::seed::ContextValue;

    fn spec(n: usize, source: Source) -> SetSpec {
        SetSpec {
            name: "release".into(),
            n,
            source,
            template: Template::Dialogue,
            response: ResponseKind::OWNED,
            context: Context::new(),
            modality: None,
        }
    }

    fn seed(byte: u8) -> Seed {
        Seed::from_bytes(&mut [byte; KEY_BYTES])
    }

    fn derive(byte: u8, spec: SetSpec) -> FingerprintSet {
        FingerprintSet::derive(&seed(byte), spec, &Alphabets::default(), None).unwrap()
    }

    #[test]
    fn derivation_is_deterministic_and_keyed() {
        let one = derive(1, spec(5, Source::Mixed));
        let two = derive(1, spec(5, Source::Mixed));
        let other = derive(2, spec(5, Source::Mixed));
        for i in 0..5 {
            assert_eq!(one.key(i), two.key(i));
            assert_eq!(one.response(i), two.response(i));
            assert_ne!(one.key(i), other.key(i));
            assert!(one.prompt(i).contains(&*one.key(i)));
        }
        let mut licensed = spec(5, Source::Mixed);
        licensed.context.insert("licensee".into(), ContextValue::Text("acme".into()));
        assert_ne!(one.key(0), derive(1, licensed).key(0));
    }

    #[test]
    fn restoring_gives_the_same_responses() {
        let set = derive(1, spec(5, Source::Natural));
        let again = FingerprintSet::restore(&seed(1), set.spec().clone(), set.keys()).unwrap();
        for i in 0..5 {
            assert_eq!(set.response(i), again.response(i));
            assert_eq!(set.places(i), again.places(i));
            assert_eq!(set.salt(i), again.salt(i));
            assert_ne!(set.salt(i), set.salt((i + 1) % 5));
        }
    }

    #[test]
    fn any_key_of_the_set_changes_every_response() {
        let spec = spec(8, Source::Chinese);
        let keys: Vec<String> = (0..8).map(|i| format!("key {i}")).collect();
        let one = FingerprintSet::restore(&seed(1), spec.clone(), keys.clone()).unwrap();
        let mut changed = keys.clone();
        changed[7].push('!');
        let other = FingerprintSet::restore(&seed(1), spec.clone(), changed).unwrap();
        assert!((0..8).all(|i| one.places(i) != other.places(i)));
        assert!((0..8).all(|i| one.salt(i) == other.salt(i)));
        for response in [ResponseKind::KEYED, ResponseKind::BOUND] {
            let earlier = SetSpec { response, ..spec.clone() };
            let earlier = FingerprintSet::restore(&seed(1), earlier, keys.clone()).unwrap();
            assert!((0..8).all(|i| one.places(i) != earlier.places(i)));
        }
    }

    #[test]
    fn the_publisher_changes_every_leaf_and_response_of_a_new_set_alone() {
        let set_key = seed(1).set_key("release", &Context::new());
        let keys: Vec<String> = (0..8).map(|i| format!("key {i}")).collect();
        let made = |response, publisher| {
            let spec = SetSpec { response, ..spec(8, Source::Chinese) };
            FingerprintSet::restore_with(&set_key, publisher, spec, keys.clone()).unwrap()
        };
        let [one, other] = [[1; 32], [2; 32]].map(|key| made(ResponseKind::OWNED, key));
        assert!((0..8).all(|i| one.places(i) != other.places(i)));
        assert!(one.leaves().iter().zip(other.leaves()).all(|(a, b)| a != b));
        let [one, other] = [[1; 32], [2; 32]].map(|key| made(ResponseKind::BOUND, key));
        assert!((0..8).all(|i| one.places(i) == other.places(i)));
        assert_eq!(one.leaves(), other.leaves());
    }

    #[test]
    fn no_two_keys_share_a_long_run() {
        let set = derive(3, spec(2_000, Source::Japanese));
        let mut seen = HashSet::new();
        for key in set.keys() {
            let characters: Vec<char> = key.chars().collect();
            for run in characters.windows(20) {
                assert!(seen.insert(run.to_vec()), "a run of 20 characters occurs twice");
            }
        }
    }

    #[test]
    fn refused_keys_are_drawn_again() {
        let mut refusals = 0;
        let mut check = |keys: &[String]| {
            let fine: Vec<bool> = keys.iter().map(|key| key.len() % 3 == 0).collect();
            refusals += fine.iter().filter(|&&fine| !fine).count();
            Ok(fine)
        };
        let set = FingerprintSet::derive(
            &seed(4),
            spec(50, Source::Natural),
            &Alphabets::default(),
            Some(&mut check),
        )
        .unwrap();
        assert!(set.keys().iter().all(|key| key.len() % 3 == 0));
        assert!(refusals > 0);
    }

    #[test]
    fn a_tokenizer_that_refuses_everything_ends_the_search() {
        let mut check = |keys: &[String]| Ok(vec![false; keys.len()]);
        let result = FingerprintSet::derive(
            &seed(4),
            spec(1, Source::Chinese),
            &Alphabets::default(),
            Some(&mut check),
        );
        assert!(matches!(result, Err(FingerprintError::Unstable { .. })));
    }

    #[test]
    fn counts_and_names_are_checked() {
        for n in [0, MAX_FINGERPRINTS + 1] {
            let result = FingerprintSet::derive(
                &seed(1),
                spec(n, Source::Chinese),
                &Alphabets::default(),
                None,
            );
            assert!(matches!(result, Err(FingerprintError::Count { .. })));
        }
        for name in ["", "a\nb", &"x".repeat(129)] {
            let named = SetSpec { name: name.into(), ..spec(1, Source::Chinese) };
            let result = FingerprintSet::derive(&seed(1), named, &Alphabets::default(), None);
            assert!(matches!(result, Err(FingerprintError::Name)));
        }
    }

    #[test]
    fn look_alikes_are_seeded_and_strange() {
        let set = derive(1, spec(20, Source::Mixed));
        let alphabets = Alphabets::default();
        let draw = |seed| look_alikes(Source::Mixed, 20, seed, &alphabets, None).unwrap();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(1).iter().all(|key| !set.keys().contains(key)));
    }

    fn natural(n: usize) -> SetSpec {
        let modality = Some(Modality::choices());
        SetSpec { template: Template::Bare, modality, ..spec(n, Source::Natural) }
    }

    #[test]
    fn natural_answers_are_sentences_about_their_questions() {
        let set = derive(6, natural(50));
        for i in 0..50 {
            let said = set.asked(i, |asked| choices::mentioned(asked, set.response(i))).unwrap();
            assert_eq!(said, set.places(i));
            assert!(set.response(i).ends_with('.') && set.key(i) == set.prompt(i));
        }
        let chat = Template::Chat { prefix: "<user>".into(), suffix: "</user>".into() };
        let put = derive(6, SetSpec { template: chat, ..natural(3) });
        assert_eq!(put.key(0), set.key(0));
        assert!(put.prompt(0).starts_with("<user>On ") && put.prompt(0).ends_with("?</user>"));
        let keys = set.keys();
        let again = FingerprintSet::restore(&seed(6), natural(50), keys).unwrap();
        assert_eq!((again.leaves(), again.response(7)), (set.leaves(), set.response(7)));
    }

    #[test]
    fn natural_answers_need_their_questions() {
        let refused = |spec| {
            FingerprintSet::derive(&seed(1), spec, &Alphabets::default(), None).err().unwrap()
        };
        for template in [Template::Dialogue, Template::Simple] {
            let error = refused(SetSpec { template, ..natural(1) });
            assert!(matches!(error, FingerprintError::Choices));
        }
        let other = SetSpec { source: Source::Chinese, ..natural(1) };
        assert!(matches!(refused(other), FingerprintError::Choices));
        let named = Modality::text("encoder", Alphabet::choices());
        let other = SetSpec { modality: Some(named), ..natural(1) };
        assert!(matches!(refused(other), FingerprintError::Modality));
        let keys = vec!["Why is the sky blue?".to_owned()];
        let restored = FingerprintSet::restore(&seed(1), natural(1), keys);
        assert!(matches!(restored, Err(FingerprintError::Question)));
    }

    #[test]
    fn the_shared_response_is_the_papers() {
        let shared = SetSpec { response: ResponseKind::SHARED, ..spec(3, Source::Chinese) };
        let set = derive(1, shared);
        assert!((0..3).all(|i| set.response(i) == RESPONSE && set.places(i).is_empty()));
    }
}
