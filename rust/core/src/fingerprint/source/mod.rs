//! Where the characters of a key come from.

pub(crate) mod bytes;
mod image;
pub(crate) mod observation;
mod question;
mod sound;

use serde::{Deserialize, Serialize};

use super::FingerprintError;
use super::lists::{self, Alphabets};
use super::media::netpbm::Shape;
use super::media::npy::Array;
use super::media::wav::Sound;
use super::seed::SetKey;
use super::stream::Stream;
use observation::Bounds;

/// Entropy that every key has at least, in bits.
pub const MIN_ENTROPY_BITS: f64 = 128.0;

/// The shortest list that a key may be chosen from: shorter ones make keys long and alike.
const MIN_ALPHABET: usize = 128;

/// Where the characters of a set's keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Characters of classical Chinese.
    Chinese,
    /// Japanese names.
    Japanese,
    /// Rarely used entries of the model's own vocabulary.
    Vocab,
    /// Plausible English questions.
    Natural,
    /// Chinese characters, Japanese names and, with a tokenizer, rare vocabulary.
    Mixed,
    /// Uniform bytes, of which a kind of model makes something else than text.
    Bytes,
    /// Images: a coarse field of random colours, enlarged.
    Image,
    /// Observations of an agent: numbers within bounds.
    Observation,
    /// Sounds: a row of chords.
    Sound,
    /// Domains that a model is asked in.
    Domain,
    /// Pairs of an image and a text.
    #[serde(rename = "image+text")]
    Pair,
}

impl std::str::FromStr for Source {
    type Err = FingerprintError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "chinese" => Ok(Self::Chinese),
            "japanese" => Ok(Self::Japanese),
            "vocab" => Ok(Self::Vocab),
            "natural" => Ok(Self::Natural),
            "mixed" => Ok(Self::Mixed),
            "bytes" => Ok(Self::Bytes),
            "image" => Ok(Self::Image),
            "observation" => Ok(Self::Observation),
            "sound" => Ok(Self::Sound),
            "domain" => Ok(Self::Domain),
            "image+text" => Ok(Self::Pair),
            _ => Err(FingerprintError::UnknownSource(name.into())),
        }
    }
}

/// A list that a unit of a key is chosen from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum List {
    Chinese,
    Family,
    Given,
    Vocab,
    Adjective,
    Noun,
    Verb,
    Name,
    Place,
}

/// One choice: the list and the place in it.
pub(crate) type Unit = (u8, u32);

/// A key and the choices that made it.
pub(crate) struct Draft {
    pub(crate) text: String,
    pub(crate) units: Vec<Unit>,
}

impl Source {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chinese => "chinese",
            Self::Japanese => "japanese",
            Self::Vocab => "vocab",
            Self::Natural => "natural",
            Self::Mixed => "mixed",
            Self::Bytes => "bytes",
            Self::Image => "image",
            Self::Observation => "observation",
            Self::Sound => "sound",
            Self::Domain => "domain",
            Self::Pair => "image+text",
        }
    }

    /// Whether its keys are texts of random words.
    pub(crate) fn is_text(self) -> bool {
        use Source::{Bytes, Domain, Image, Observation, Pair, Sound};
        !matches!(self, Bytes | Image | Observation | Sound | Pair | Domain)
    }

    /// The lists of a key's units, in order; long enough for [`MIN_ENTROPY_BITS`].
    fn plan(self, alphabets: &Alphabets) -> Result<Vec<List>, FingerprintError> {
        match self {
            Self::Natural => Ok(question::lists().collect()),
            Self::Chinese => filled(vec![], List::Chinese, alphabets),
            Self::Japanese => {
                let name = bits(List::Family, alphabets)? + bits(List::Given, alphabets)?;
                let names = (MIN_ENTROPY_BITS / name).ceil() as usize;
                Ok([List::Family, List::Given].repeat(names))
            }
            Self::Bytes
            | Self::Image
            | Self::Observation
            | Self::Sound
            | Self::Pair
            | Self::Domain => Err(FingerprintError::Modality),
            Self::Vocab if alphabets.vocab.is_empty() => Err(FingerprintError::NeedsTokenizer),
            Self::Vocab => filled(vec![], List::Vocab, alphabets),
            Self::Mixed => {
                let start = vec![List::Chinese, List::Chinese, List::Family, List::Given];
                let rest = if alphabets.vocab.is_empty() { List::Chinese } else { List::Vocab };
                let mut plan = filled(start, rest, alphabets)?;
                // Chinese characters and vocabulary alternate, so that no half of a key is of
                // one kind.
                plan.swap(1, 4);
                Ok(plan)
            }
        }
    }

    /// Draws one key.
    pub(crate) fn draw(
        self,
        stream: &mut Stream<'_>,
        alphabets: &Alphabets,
    ) -> Result<Draft, FingerprintError> {
        let plan = self.plan(alphabets)?;
        let mut words = Vec::with_capacity(plan.len());
        let mut units = Vec::with_capacity(plan.len());
        for list in plan {
            let size = size_of(list, alphabets);
            let place = stream.below(size as u64) as usize;
            words.push(entry(list, place, alphabets));
            units.push((list as u8, place as u32));
        }
        let text = match self {
            Self::Natural => question::fill(&words),
            _ => words.concat(),
        };
        Ok(Draft { text, units })
    }
}

/// How keys that are no texts are drawn.
pub(crate) enum Drawing {
    /// Uniform bytes of a length.
    Bytes(usize),
    /// Images of a shape.
    Image(Shape),
    /// Observations within bounds.
    Observation(Bounds, Array),
    /// Sounds of a rate and a length.
    Sound(Sound),
}

impl Drawing {
    /// So many keys, of streams that `what` names; each holds so much that no two are alike.
    pub(crate) fn keys(&self, set_key: &SetKey, what: &[u8], n: usize) -> Vec<Vec<u8>> {
        let key = |index: usize| {
            let label: [&[u8]; 3] = [what, &(index as u64).to_be_bytes(), &0_u32.to_be_bytes()];
            self.draw(&mut Stream::new(set_key, &label))
        };
        (0..n).map(key).collect()
    }

    fn draw(&self, stream: &mut Stream<'_>) -> Vec<u8> {
        match self {
            Self::Bytes(length) => stream.bytes(*length),
            Self::Image(shape) => image::draw(stream, *shape),
            Self::Observation(bounds, array) => bounds.draw(stream, array),
            Self::Sound(sound) => sound::draw(stream, *sound),
        }
    }
}

/// Appends choices from `list` to a plan until the entropy is enough.
fn filled(
    mut plan: Vec<List>,
    list: List,
    alphabets: &Alphabets,
) -> Result<Vec<List>, FingerprintError> {
    let mut total = 0.0;
    for &list in &plan {
        total += bits(list, alphabets)?;
    }
    let each = bits(list, alphabets)?;
    while total < MIN_ENTROPY_BITS {
        plan.push(list);
        total += each;
    }
    Ok(plan)
}

/// The entropy of one choice from `list`.
fn bits(list: List, alphabets: &Alphabets) -> Result<f64, FingerprintError> {
    let found = size_of(list, alphabets);
    if found < MIN_ALPHABET {
        let list = label(list);
        return Err(FingerprintError::PoorAlphabet { list, found, needed: MIN_ALPHABET });
    }
    Ok((found as f64).log2())
}

fn label(list: List) -> &'static str {
    match list {
        List::Chinese => "chinese",
        List::Family | List::Given => "japanese",
        List::Vocab => "vocab",
        _ => "natural",
    }
}

fn bundled(list: List) -> &'static [&'static str] {
    match list {
        List::Adjective => lists::adjectives(),
        List::Noun => lists::nouns(),
        List::Verb => lists::verbs(),
        List::Name => lists::names(),
        List::Place => lists::places(),
        List::Chinese | List::Family | List::Given | List::Vocab => &[],
    }
}

fn given(list: List, alphabets: &Alphabets) -> Option<&[String]> {
    match list {
        List::Chinese => Some(&alphabets.chinese),
        List::Family => Some(&alphabets.family),
        List::Given => Some(&alphabets.given),
        List::Vocab => Some(&alphabets.vocab),
        _ => None,
    }
}

fn size_of(list: List, alphabets: &Alphabets) -> usize {
    given(list, alphabets).map_or_else(|| bundled(list).len(), <[String]>::len)
}

fn entry(list: List, place: usize, alphabets: &Alphabets) -> &str {
    match given(list, alphabets) {
        Some(entries) => &entries[place],
        None => bundled(list)[place],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::seed::{Context, KEY_BYTES, Seed};

    fn vocabulary() -> Alphabets {
        let vocab = (0..512).map(|i| format!("v{i:03}")).collect();
        Alphabets { vocab, ..Alphabets::default() }
    }

    fn entropy(source: Source, alphabets: &Alphabets) -> f64 {
        let plan = source.plan(alphabets).unwrap();
        plan.iter().map(|&list| (size_of(list, alphabets) as f64).log2()).sum()
    }

    #[test]
    fn every_source_has_enough_entropy_and_is_not_wasteful() {
        use Source::{Chinese, Japanese, Mixed, Natural, Vocab};
        let with = vocabulary();
        for source in [Chinese, Japanese, Vocab, Natural, Mixed] {
            let bits = entropy(source, &with);
            assert!((128.0..=150.0).contains(&bits), "{}: {bits} bits", source.name());
        }
        assert!(entropy(Mixed, &Alphabets::default()) >= 128.0);
    }

    #[test]
    fn keys_look_like_their_source() {
        let key = Seed::from_bytes(&mut [5; KEY_BYTES]).set_key("s", &Context::new());
        let mut stream = Stream::new(&key, &[b"key"]);
        let question = Source::Natural.draw(&mut stream, &Alphabets::default()).unwrap();
        assert!(question.text.starts_with("Why was the ") && question.text.ends_with('?'));
        assert!(!question.text.contains('%'));
        assert_eq!(question.units.len(), 18);
        let chinese = Source::Chinese.draw(&mut stream, &Alphabets::default()).unwrap();
        assert!(chinese.text.chars().all(|c| lists::chinese().contains(&&*c.to_string())));
    }

    #[test]
    fn a_poor_vocabulary_is_refused() {
        let mut alphabets = Alphabets::default();
        let key = Seed::from_bytes(&mut [5; KEY_BYTES]).set_key("s", &Context::new());
        let mut stream = Stream::new(&key, &[b"key"]);
        let error = Source::Vocab.draw(&mut stream, &alphabets).err().unwrap();
        assert!(matches!(error, FingerprintError::NeedsTokenizer));
        alphabets.vocab = vec!["a".into(); 5];
        let error = Source::Vocab.draw(&mut stream, &alphabets).err().unwrap();
        assert!(matches!(error, FingerprintError::PoorAlphabet { found: 5, .. }));
    }
}
