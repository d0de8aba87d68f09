//! Texts as pairs of neighbouring words.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::plain::{Kind, kind, plain};
use unicode_normalization::UnicodeNormalization;

/// The most pairs that are counted: the first ones, so that a count has 16 bits.
pub const MAX_PAIRS: usize = u16::MAX as usize;

/// Letters of the second word that a pair holds.
const OPENING: usize = 3;

/// A word and the beginning of the next one, as a block of AES.
pub type Pair = [u8; 16];

/// Eight bytes that stand for a word: the first ones of its SHA-256.
pub(super) type Half = [u8; 8];

/// The distinct pairs of some texts, in order, [`MAX_PAIRS`] at most.
///
/// A text is made plain ([`plain()`]); a word is what then stands between spaces, and every sign by
/// itself of scripts that put none between words. The first word of a text stands behind an empty
/// one. Of the second word of a pair its first three letters count.
pub fn pairs<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<Pair> {
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    for text in texts {
        let mut before = half("");
        for word in words(&plain(text)) {
            let pair = pair(before, half(opening(word)));
            if seen.insert(pair) {
                found.push(pair);
            }
            if found.len() == MAX_PAIRS {
                return found;
            }
            before = half(word);
        }
    }
    found
}

pub(super) fn pair(before: Half, opening: Half) -> Pair {
    let mut pair = Pair::default();
    pair[..8].copy_from_slice(&before);
    pair[8..].copy_from_slice(&opening);
    pair
}

pub(super) fn half(word: &str) -> Half {
    *Sha256::digest(word.as_bytes()).first_chunk().expect("a digest is longer")
}

/// The words of a plain text.
pub(super) fn words(plain: &str) -> impl Iterator<Item = &str> {
    plain.split(' ').flat_map(apart)
}

/// The words of what stands between two spaces.
fn apart(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = match stands_alone(first) {
            true => first.len_utf8(),
            false => rest.find(stands_alone).unwrap_or(rest.len()),
        };
        let (word, behind) = rest.split_at(end);
        rest = behind;
        Some(word)
    })
}

/// What of a word counts in a pair where it comes second.
pub(super) fn opening(word: &str) -> &str {
    word.char_indices().nth(OPENING).map_or(word, |(end, _)| &word[..end])
}

/// Whether a letter is of a script that puts no spaces between words: Thai, Lao, Burmese, Khmer,
/// kana and Han.
pub(super) fn stands_alone(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Whether what follows a text would go on with its last word.
pub(super) fn is_open(text: &str) -> bool {
    let mut open = false;
    for letter in text.nfkd() {
        match kind(letter) {
            Kind::Letter => open = !stands_alone(letter),
            Kind::Gap => open = false,
            Kind::Dropped => {}
        }
    }
    open
}

/// Whether a text begins a word of its own wherever it stands.
pub(super) fn begins_apart(text: &str) -> bool {
    let letter = |c: &char| kind(*c) != Kind::Dropped;
    text.nfkd().find(letter).is_some_and(|c| kind(c) == Kind::Gap || stands_alone(c))
}
