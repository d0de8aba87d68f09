//! The published list from which responses are drawn: a name, and the sizes of its factors.

use std::collections::{BTreeSet, HashSet};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::choices;
use super::lists::response_words;
use super::seed::{KEY_BYTES, SetKey, length};
use super::signal::{self, COLOURINGS, SIGNAL};
use super::stream::Stream;

/// The published name of the words; a changed list gets a new name.
pub const WORDS: &str = "ifrs-words-2048-v1";

/// Words in the list.
const LISTED: usize = 2048;

/// Tokens of an answer in two words, of one in a sentence, and of one that words are counted in.
const ROOM: u64 = 8;
const SENTENCE: u64 = 32;
const TALK: u64 = 40;

/// The number of ordered pairs of distinct words.
const PAIRS: u64 = LISTED as u64 * (LISTED as u64 - 1);

/// The most factors, and the most choices of all factors together.
const MAX_FACTORS: usize = 1_024;
const MAX_CHOICES: usize = 1 << 20;

/// The most sizes that differ: each takes a table of its own, and a part of the exact tail.
const MAX_SIZES: usize = 8;

/// The most choices that all responses of a set are made of: more take too long to weigh.
const MAX_PLACES: usize = 1 << 20;

/// From what a response is drawn: one choice of each factor, uniformly.
///
/// `words` are two distinct words of a list of 2,048: the second one counts along the list with the
/// first one taken out. Any other alphabet is its name and the sizes of independent factors: the
/// classes of a classifier, the actions of a policy at each of some steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alphabet {
    name: String,
    sizes: Vec<usize>,
}

impl Default for Alphabet {
    fn default() -> Self {
        Self { name: WORDS.to_owned(), sizes: vec![LISTED, LISTED - 1] }
    }
}

impl Alphabet {
    /// An alphabet of independent factors; `None` if there can be no such one.
    pub fn of(name: &str, sizes: &[usize]) -> Option<Self> {
        let alphabet = Self { name: name.to_owned(), sizes: sizes.to_vec() };
        alphabet.is_sound().then_some(alphabet)
    }

    /// The alphabet of natural answers.
    pub fn choices() -> Self {
        Self { name: choices::CHOICES.to_owned(), sizes: vec![choices::LISTED] }
    }

    /// The alphabet of colourings.
    pub fn signal() -> Self {
        Self { name: SIGNAL.to_owned(), sizes: vec![COLOURINGS] }
    }

    /// Whether this version knows such an alphabet.
    pub(crate) fn is_sound(&self) -> bool {
        if self.is_words() {
            return *self == Self::default();
        }
        if self.is_choices() {
            return self.sizes == [choices::LISTED];
        }
        if self.is_signal() {
            return self.sizes == [COLOURINGS];
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let sum = self.sizes.iter().try_fold(0_usize, |sum, &size| sum.checked_add(size));
        (1..=32).contains(&self.name.len())
            && self.name.chars().all(plain)
            && (1..=MAX_FACTORS).contains(&self.sizes.len())
            && self.sizes.iter().all(|&size| size >= 2)
            && sum.is_some_and(|sum| sum <= MAX_CHOICES)
            && self.sizes.iter().collect::<BTreeSet<_>>().len() <= MAX_SIZES
    }

    /// Whether so many responses can be weighed together.
    pub(crate) fn affords(&self, n: usize) -> bool {
        let few = !self.is_signal() || n <= signal::domains::DOMAINS.len();
        few && n.saturating_mul(self.sizes.len()) <= MAX_PLACES
    }

    /// Its published name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many candidates each factor's truth is ranked among.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Whether it is the one of words, whose responses are texts.
    pub fn is_words(&self) -> bool {
        self.name == WORDS
    }

    /// Whether it is the one of natural answers, whose responses are sentences about their keys.
    pub fn is_choices(&self) -> bool {
        self.name == choices::CHOICES
    }

    /// Whether it is the one of colourings, whose keys are domains.
    pub fn is_signal(&self) -> bool {
        self.name == SIGNAL
    }

    /// Tokens that an answer must have room for before its silence says anything: for two words, a
    /// sentence, or a number of each factor.
    pub fn room(&self) -> u64 {
        match self.sizes.len() as u64 {
            _ if self.is_choices() => SENTENCE,
            _ if self.is_signal() => TALK,
            _ if self.is_words() => ROOM,
            factors => factors.min(ROOM),
        }
    }

    /// How many scores a suspect gives for a factor: one for every listed word.
    pub fn width(&self, factor: usize) -> usize {
        if self.is_words() { LISTED } else { self.sizes[factor] }
    }

    /// The place that no response with these places can have in a factor: the word before.
    pub fn excluded(&self, factor: usize, places: &[usize]) -> Option<usize> {
        (self.is_words() && factor > 0).then(|| places[factor - 1])
    }

    /// SHA-256 of the published list: of the words, each on a line, of all that [`choices`] or
    /// [`signal`] publish, or of name and sizes.
    pub fn sha256(&self) -> [u8; 32] {
        if self.is_choices() {
            return choices::sha256();
        }
        if self.is_signal() {
            return signal::domains::sha256();
        }
        let mut hash = Sha256::new();
        if self.is_words() {
            for word in response_words() {
                hash.update(word.as_bytes());
                hash.update(b"\n");
            }
        } else {
            let name = self.name.as_bytes();
            hash.update(b"ifrs/alphabet/v1");
            hash.update(length(name));
            hash.update(name);
            for &size in &self.sizes {
                hash.update((size as u64).to_be_bytes());
            }
        }
        hash.finalize().into()
    }

    /// Places of a response, from the stream of `HMAC-SHA256` under `key`, labelled by some parts:
    /// exactly uniform.
    pub fn draw(&self, key: &[u8; KEY_BYTES], label: &[&[u8]]) -> Vec<usize> {
        let key = SetKey::from_bytes(&mut { *key });
        self.next(&mut Stream::new(&key, label))
    }

    /// Places of the next response of a stream.
    pub(crate) fn next(&self, stream: &mut Stream<'_>) -> Vec<usize> {
        if self.is_words() {
            return pair(stream.below(PAIRS)).to_vec();
        }
        self.sizes.iter().map(|&size| stream.below(size as u64) as usize).collect()
    }

    /// The response that some places spell: two words, or numbers with spaces between. Natural answers
    /// are spelt by [`choices::Asked::spell`], which knows the question.
    pub fn spell(&self, places: &[usize]) -> String {
        let part = |&place: &usize| match self.is_words() {
            true => response_words()[place].to_owned(),
            false => place.to_string(),
        };
        places.iter().map(part).collect::<Vec<_>>().join(" ")
    }

    /// The places that an answer of numbers names; `None` if it is no response of such an alphabet.
    pub fn parse(&self, answer: &str) -> Option<Vec<usize>> {
        let places: Vec<usize> =
            answer.split_ascii_whitespace().map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let fits = places.iter().zip(&self.sizes).all(|(place, size)| place < size);
        (!self.is_words() && fits && places.len() == self.sizes.len()).then_some(places)
    }
}

/// The ordered pair of distinct words with this number.
fn pair(number: u64) -> [usize; 2] {
    let (first, rest) = (number / (PAIRS / LISTED as u64), number % (PAIRS / LISTED as u64));
    // The second word counts along the list with the first one taken out.
    [first as usize, (rest + u64::from(rest >= first)) as usize]
}

/// Whether these are two responses of two words each, all listed, and all different.
pub(crate) fn are_apart(responses: [&str; 2]) -> bool {
    static LISTED_WORDS: OnceLock<HashSet<&'static str>> = OnceLock::new();
    let known = LISTED_WORDS.get_or_init(|| response_words().iter().copied().collect());
    let words = responses.map(|response| response.split_once(' '));
    let [Some((a, b)), Some((c, d))] = words else { return false };
    let words = HashSet::from([a, b, c, d]);
    words.len() == 4 && words.iter().all(|word| known.contains(word))
}

/// A pair of words from 64 random bits; `None` where these lie in the incomplete last cycle.
pub(crate) fn pair_of_bits(bits: u64) -> Option<[usize; 2]> {
    let limit = u64::MAX - (u64::MAX % PAIRS + 1) % PAIRS;
    (bits <= limit).then(|| pair(bits % PAIRS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_distinct_and_uniform() {
        let words = Alphabet::default();
        let mut seen = [vec![0_u32; LISTED], vec![0_u32; LISTED]];
        for index in 0..100_000_u64 {
            let places = words.draw(&[2; 32], &[b"x", &index.to_be_bytes()]);
            assert_ne!(places[0], places[1]);
            seen[0][places[0]] += 1;
            seen[1][places[1]] += 1;
        }
        let expected = 1e5 / LISTED as f64;
        for counts in seen {
            let chi: f64 =
                counts.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
            // 2,047 degrees of freedom: mean 2,047, standard deviation 64; five of them.
            assert!((1727.0..2367.0).contains(&chi), "chi-squared {chi}");
        }
    }

    #[test]
    fn every_factor_is_uniform_and_none_follows_another() {
        let actions = Alphabet::of("actions", &[3, 3]).unwrap();
        let mut seen = [0_u32; 9];
        for index in 0..90_000_u64 {
            let places = actions.draw(&[2; 32], &[&index.to_be_bytes()]);
            seen[3 * places[0] + places[1]] += 1;
        }
        let chi: f64 = seen.iter().map(|&c| (f64::from(c) - 1e4).powi(2) / 1e4).sum();
        // Chi-squared with 8 degrees of freedom: 26.1 is its 99.9 % point.
        assert!(chi < 26.1, "chi-squared {chi}");
    }

    #[test]
    fn the_lists_digest_names_the_alphabet() {
        let ten = Alphabet::of("classes", &[10]).unwrap();
        for other in [
            Alphabet::default(),
            Alphabet::of("classes", &[11]).unwrap(),
            Alphabet::of("labels", &[10]).unwrap(),
        ] {
            assert_ne!(ten.sha256(), other.sha256());
        }
    }

    #[test]
    fn alphabets_that_cannot_be() {
        for (name, sizes) in [
            ("", &[10][..]),
            ("classes", &[]),
            ("classes", &[1]),
            ("Classes", &[10]),
            ("classes", &[MAX_CHOICES + 1]),
            ("classes", &[usize::MAX, 2]),
            ("actions", &[2, 3, 4, 5, 6, 7, 8, 9, 10]),
            (WORDS, &[2048, 2048]),
        ] {
            assert_eq!(Alphabet::of(name, sizes), None, "{name} {sizes:?}");
        }
    }

    #[test]
    fn pairs_of_bits_are_the_pairs() {
        assert_eq!(pair_of_bits(0), Some([0, 1]));
        assert_eq!(pair_of_bits(PAIRS - 1), Some([LISTED - 1, LISTED - 2]));
        assert_eq!(pair_of_bits(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn a_spelling_is_read_back(sizes in prop::collection::vec(2_usize..50, 1..6), seed: u64) {
            let alphabet = Alphabet::of("some", &sizes).unwrap();
            let places = alphabet.draw(&[1; 32], &[&seed.to_be_bytes()]);
            prop_assert!(places.iter().zip(&sizes).all(|(place, size)| place < size));
            prop_assert_eq!(alphabet.parse(&alphabet.spell(&places)), Some(places));
        }

        #[test]
        fn what_is_no_response_is_not_read(answer in "[0-9a-z .-]{0,12}") {
            let found = Alphabet::of("classes", &[10]).unwrap().parse(&answer);
            prop_assert!(found.is_none_or(|places| places.len() == 1 && places[0] < 10));
        }
    }
}
