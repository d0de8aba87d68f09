//! Drawing a question, and reading one back: nothing but what can be drawn is a question.

use super::super::source::{Draft, Unit};
use super::super::stream::Stream;
use super::KINDS;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Days that every month has.
const DAYS: u64 = 28;
const YEARS: std::ops::Range<u64> = 1_100..1_900;
const MANY: std::ops::Range<u64> = 500..1_000;
const FEW: std::ops::Range<u64> = 100..500;

/// How the syllables of names begin, go on and end: 256, each of which can be told from the next.
const ONSETS: [&str; 16] =
    ["b", "d", "f", "g", "h", "k", "l", "m", "n", "r", "s", "t", "v", "z", "th", "br"];
const VOWELS: [&str; 4] = ["a", "e", "i", "o"];
const CODAS: [&str; 4] = ["l", "n", "r", "m"];
const SYLLABLES: u64 = 256;
/// Syllables of a name.
const IN_A_NAME: usize = 3;

/// What fills a slot of a question.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A day between 1100 and 1899.
    Date,
    /// A number from 500 to 999.
    Many,
    /// A number from 100 to 499.
    Few,
    /// An invented name.
    Name,
}

/// The slots of every question, by their letters.
pub(crate) const SLOTS: [(u8, Slot); 7] = [
    (b't', Slot::Date),
    (b'm', Slot::Many),
    (b'k', Slot::Few),
    (b'a', Slot::Name),
    (b'b', Slot::Name),
    (b'c', Slot::Name),
    (b'd', Slot::Name),
];

impl Slot {
    fn of(letter: u8) -> Option<Self> {
        SLOTS.iter().find(|(known, _)| *known == letter).map(|(_, slot)| *slot)
    }

    /// From how many things each of its choices is drawn.
    pub(crate) fn sizes(self) -> Vec<u64> {
        let of = |range: std::ops::Range<u64>| range.end - range.start;
        match self {
            Self::Date => vec![DAYS, MONTHS.len() as u64, of(YEARS)],
            Self::Many => vec![of(MANY)],
            Self::Few => vec![of(FEW)],
            Self::Name => vec![SYLLABLES; IN_A_NAME],
        }
    }

    fn write(self, places: &[u64]) -> String {
        match self {
            Self::Date => {
                let [day, month, year] = [places[0] + 1, places[1], places[2] + YEARS.start];
                format!("{day} {} {year}", MONTHS[month as usize])
            }
            Self::Many => (places[0] + MANY.start).to_string(),
            Self::Few => (places[0] + FEW.start).to_string(),
            Self::Name => {
                let name: String = places.iter().map(|&place| syllable(place)).collect();
                name[..1].to_uppercase() + &name[1..]
            }
        }
    }

    /// Whether this is what [`Self::write`] writes of some choices.
    fn is_written(self, text: &str) -> bool {
        match self {
            Self::Date => is_date(text).unwrap_or_default(),
            Self::Many => is_number(text, &MANY),
            Self::Few => is_number(text, &FEW),
            Self::Name => is_name(text),
        }
    }
}

fn syllable(place: u64) -> String {
    let place = place as usize;
    let (onset, vowel, coda) = (place / 16, place / 4 % 4, place % 4);
    format!("{}{}{}", ONSETS[onset], VOWELS[vowel], CODAS[coda])
}

fn is_number(text: &str, range: &std::ops::Range<u64>) -> bool {
    text.parse().is_ok_and(|number: u64| range.contains(&number) && number.to_string() == text)
}

fn is_date(text: &str) -> Option<bool> {
    let (day, rest) = text.split_once(' ')?;
    let (month, year) = rest.split_once(' ')?;
    let known = MONTHS.contains(&month) && is_number(day, &(1..DAYS + 1));
    Some(known && is_number(year, &YEARS))
}

fn is_name(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let one = |rest: &str| {
        // The longer beginnings first: they are no other's.
        let onset = ONSETS.iter().rev().find(|onset| rest.starts_with(**onset))?;
        let rest = &rest[onset.len()..];
        let known = |list: &[&str], at: usize| rest.get(at..=at).is_some_and(|c| list.contains(&c));
        (known(&VOWELS, 0) && known(&CODAS, 1)).then(|| onset.len() + 2)
    };
    let mut rest = &*lower;
    for _ in 0..IN_A_NAME {
        let Some(length) = one(rest) else { return false };
        rest = &rest[length..];
    }
    let capital = text.bytes().next().is_some_and(|first| first.is_ascii_uppercase());
    rest.is_empty() && capital && text[1..].bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Draws one question: 2.6 bits of its kind, 131.6 of what never happened.
pub(crate) fn draw(stream: &mut Stream<'_>) -> Draft {
    let kind = stream.below(KINDS.len() as u64) as usize;
    let mut parts = KINDS[kind].question.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    let mut units: Vec<Unit> = Vec::new();
    for part in parts {
        let letter = part.as_bytes()[0];
        let slot = Slot::of(letter).expect("questions have known slots alone");
        let places: Vec<u64> = slot.sizes().into_iter().map(|size| stream.below(size)).collect();
        text.push_str(&slot.write(&places));
        text.push_str(&part[1..]);
        units.extend(places.iter().map(|&place| (letter, place as u32)));
    }
    Draft { text, units }
}

/// The names in a question of some wording, in the order of their letters; `None` if it is not of it.
pub(super) fn names_in<'q>(wording: &str, question: &'q str) -> Option<[&'q str; 4]> {
    let mut parts = wording.split('%');
    let mut rest = question.strip_prefix(parts.next()?)?;
    let mut names = [""; 4];
    for part in parts {
        let (letter, literal) = (part.as_bytes()[0], &part[1..]);
        let end = rest.find(literal)?;
        let slot = Slot::of(letter)?;
        if !slot.is_written(&rest[..end]) {
            return None;
        }
        if slot == Slot::Name {
            names[usize::from(letter - b'a')] = &rest[..end];
        }
        rest = &rest[end + literal.len()..];
    }
    rest.is_empty().then_some(names)
}

#[cfg(test)]
mod tests {
    use super::super::tests::questions;
    use super::super::{Asked, LISTED};
    use super::*;
    use crate::fingerprint::source::MIN_ENTROPY_BITS;
    use std::collections::HashSet;

    #[test]
    fn every_question_has_enough_entropy() {
        for kind in &KINDS {
            let letters: Vec<u8> =
                kind.question.split('%').skip(1).map(|part| part.as_bytes()[0]).collect();
            assert_eq!(letters.iter().collect::<HashSet<_>>().len(), SLOTS.len());
            let sizes = letters.iter().flat_map(|&letter| Slot::of(letter).unwrap().sizes());
            let bits: f64 = sizes.map(|size| (size as f64).log2()).sum();
            assert!((MIN_ENTROPY_BITS..140.0).contains(&bits), "{}: {bits} bits", kind.name);
        }
    }

    #[test]
    fn syllables_are_distinct_and_read_in_one_way() {
        let all: HashSet<String> = (0..SYLLABLES).map(syllable).collect();
        assert_eq!(all.len() as u64, SYLLABLES);
        // A syllable ends with a consonant after its vowel, and the next one holds one vowel.
        for one in &all {
            let vowels = one.chars().filter(|c| VOWELS.contains(&&*c.to_string())).count();
            assert_eq!(
                (vowels, one.len() - one.trim_end_matches(['l', 'n', 'r', 'm']).len()),
                (1, 1)
            );
        }
    }

    #[test]
    fn no_choice_is_a_name() {
        for kind in &KINDS {
            assert_eq!(kind.list().len(), LISTED);
            assert!(kind.list().iter().all(|choice| !is_name(choice)));
        }
    }

    #[test]
    fn questions_are_read_back_and_no_others() {
        let mut kinds = HashSet::new();
        for question in questions(200) {
            let asked = Asked::read(&question).unwrap();
            kinds.insert(asked.kind.name);
            assert_eq!(asked.names.iter().collect::<HashSet<_>>().len(), 4, "{question}");
            // Any character more, less or other is no question, or one with other names.
            for at in 0..question.len() {
                let dropped = format!("{}{}", &question[..at], &question[at + 1..]);
                let changed = format!("{}#{}", &question[..at], &question[at + 1..]);
                assert!(Asked::read(&changed).is_none(), "{changed}");
                assert!(Asked::read(&dropped).is_none_or(
                    |read| read.names != asked.names || read.kind.name == asked.kind.name
                ));
            }
            assert!(Asked::read(&format!("{question} ")).is_none());
        }
        assert_eq!(kinds.len(), KINDS.len());
        for none in ["", "What was its captain called?", "Paris"] {
            assert!(Asked::read(none).is_none());
        }
    }
}
