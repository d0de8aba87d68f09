//! Characters as bytes.
//!
//! The kernels compare bytes. Where text and pattern are ASCII these are the
//! bytes of the strings, which are never decoded. Otherwise a pattern, or some
//! patterns together, define an [`Alphabet`]: ASCII keeps its codes, each
//! other character of the patterns gets one of the remaining codes, and all
//! other characters share [`ABSENT`], as it does not matter which of the
//! characters that no pattern has a text holds.

use super::simd::{Path, REACH, Simd, Task};
use super::teddy::Tables;

/// The code of characters that no pattern has, and of the space behind a text.
pub(super) const ABSENT: u8 = 0xFF;

/// The code of the space behind a pattern; no text has it.
pub(super) const NOTHING: u8 = 0xFE;

/// The first code that is not ASCII.
const FIRST: u8 = 0x80;

/// Characters beside ASCII that have codes of their own at most.
const MOST: usize = (NOTHING - FIRST) as usize;

/// The codes of the characters of some patterns.
#[derive(Default)]
pub(super) struct Alphabet {
    others: ScalarTable,
    /// Which bytes may start one of the others, where that repays the tables.
    starts: Option<Box<Tables>>,
}

impl Alphabet {
    /// The alphabet of some characters, unless they are too many.
    pub(super) fn new(chars: impl Iterator<Item = char>) -> Option<Self> {
        let mut distinct: Vec<u32> = chars.filter(|c| !c.is_ascii()).map(u32::from).collect();
        distinct.sort_unstable();
        distinct.dedup();
        Self::of(&distinct)
    }

    /// The alphabet of some distinct scalar values beside ASCII, likewise.
    fn of(distinct: &[u32]) -> Option<Self> {
        Self::has_room(distinct).then(|| Self { others: ScalarTable::new(distinct), starts: None })
    }

    /// Whether there are codes for so many distinct characters beside ASCII.
    pub(super) fn has_room(distinct: &[u32]) -> bool {
        distinct.len() <= MOST
    }

    /// Makes the alphabet faster, which pays from some thousand characters on.
    pub(super) fn for_many_texts(mut self) -> Self {
        let utf8: Vec<String> = self.others.scalars().map(String::from).collect();
        let starts: Vec<&[u8]> = utf8.iter().map(String::as_bytes).collect();
        self.starts = (!starts.is_empty()).then(|| Box::new(Tables::new(&starts).0));
        self
    }

    /// Appends the codes of a text, one for each character.
    pub(super) fn encode(&self, path: Path, text: &[u8], codes: &mut Vec<u8>) {
        path.run(Encode { alphabet: self, text, codes });
    }
}

struct Encode<'a> {
    alphabet: &'a Alphabet,
    text: &'a [u8],
    codes: &'a mut Vec<u8>,
}

impl Task for Encode<'_> {
    type Output = ();

    /// Packs blocks of text as though the patterns were ASCII, and then looks
    /// up the few other characters that may be theirs.
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        const BLOCK: usize = 64 + REACH;
        let Self { alphabet: Alphabet { others, starts }, text, codes } = self;
        let tables = starts.as_deref().map(|tables| simd.tables(tables));
        codes.reserve(text.len() + 64);
        for from in (0..text.len()).step_by(64) {
            let rest = &text[from..];
            let mut copy = [0x80; BLOCK];
            let block = match rest.first_chunk::<BLOCK>() {
                Some(block) => block,
                None => {
                    // Bytes that start no character.
                    copy[..rest.len()].copy_from_slice(rest);
                    &copy
                }
            };
            let Some(bytes) = block.first_chunk::<64>() else { return };
            let mut packed = [0; 64];
            let (firsts, mut candidates) = simd.pack(bytes, ABSENT, &mut packed);
            let start = codes.len();
            // All of it, as a length known beforehand is faster to copy.
            codes.extend_from_slice(&packed);
            codes.truncate(start + firsts.count_ones() as usize);
            if candidates == 0 || others.blocks.is_empty() {
                continue;
            }
            if let Some(tables) = tables {
                candidates &= simd.starts(tables, block, &mut packed);
            }
            while candidates != 0 {
                let at = candidates.trailing_zeros();
                candidates &= candidates - 1;
                let before = (firsts & !(!0 << at)).count_ones() as usize;
                codes[start + before] = others.get(decode(&rest[at as usize..]).0);
            }
        }
    }
}

/// The scalar values of UTF-8.
///
/// Input from outside that is not UTF-8 after all gives some values or other,
/// and no harm.
pub(super) fn scalars(mut text: &[u8]) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let (scalar, len) = decode(text);
        text = &text[len..];
        Some(scalar)
    })
}

/// The first scalar value of some UTF-8, and its length.
#[inline]
fn decode(text: &[u8]) -> (u32, usize) {
    match *text {
        [a @ 0..0x80, ..] => (u32::from(a), 1),
        [a @ 0xC0..0xE0, b, ..] => (bits(a, 0x1F) << 6 | bits(b, 0x3F), 2),
        [a @ 0xE0..0xF0, b, c, ..] => (bits(a, 0x0F) << 12 | bits(b, 0x3F) << 6 | bits(c, 0x3F), 3),
        [a @ 0xF0..=0xFF, b, c, d, ..] => {
            let high = bits(a, 0x07) << 18 | bits(b, 0x3F) << 12;
            (high | bits(c, 0x3F) << 6 | bits(d, 0x3F), 4)
        }
        _ => (u32::from(char::REPLACEMENT_CHARACTER), 1),
    }
}

#[inline]
fn bits(byte: u8, mask: u8) -> u32 {
    u32::from(byte & mask)
}

/// Scalar values in a block of the table: those that share all but the last
/// byte of their UTF-8.
const BLOCK: u32 = 64;

/// A table of two levels from scalar values to codes.
///
/// Every character of a non-ASCII text is looked up, and the standard map's
/// keyed hash would cost more than the kernels themselves.
#[derive(Debug, Default)]
struct ScalarTable {
    /// For each run of 64 scalar values up to the last code, its block.
    blocks: Vec<u8>,
    /// The first block has no codes.
    codes: Vec<[u8; BLOCK as usize]>,
}

impl ScalarTable {
    /// Gives codes to distinct scalar values, from the first on.
    fn new(distinct: &[u32]) -> Self {
        let Some(last) = distinct.iter().max() else { return Self::default() };
        let mut table = Self {
            blocks: vec![0; (last / BLOCK) as usize + 1],
            codes: vec![[ABSENT; BLOCK as usize]],
        };
        for (code, scalar) in (FIRST..).zip(distinct) {
            let block = &mut table.blocks[(scalar / BLOCK) as usize];
            if *block == 0 {
                // At most one block a code: fewer than 127.
                *block = table.codes.len() as u8;
                table.codes.push([ABSENT; BLOCK as usize]);
            }
            table.codes[usize::from(*block)][(scalar % BLOCK) as usize] = code;
        }
        table
    }

    /// The characters that have codes.
    fn scalars(&self) -> impl Iterator<Item = char> {
        self.blocks.iter().zip(0..).filter(|&(&block, _)| block > 0).flat_map(|(&block, run)| {
            let codes = self.codes[usize::from(block)].iter().zip(run * BLOCK..);
            codes.filter(|&(&code, _)| code != ABSENT).filter_map(|(_, c)| char::from_u32(c))
        })
    }

    #[inline]
    fn get(&self, scalar: u32) -> u8 {
        let block = self.blocks.get((scalar / BLOCK) as usize).copied().unwrap_or(0);
        self.codes[usize::from(block)][(scalar % BLOCK) as usize]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn codes(alphabet: &Alphabet, text: &str) -> Vec<u8> {
        let mut codes = Vec::new();
        alphabet.encode(Path::all()[0], text.as_bytes(), &mut codes);
        codes
    }

    #[test]
    fn codes_tell_the_characters_of_patterns_apart() {
        for count in [0, 1, 2, 63, 64, 65, MOST] {
            let pattern: String = ('\u{4E00}'..).take(count).chain("ab".chars()).collect();
            let alphabet = Alphabet::new(pattern.chars()).unwrap();
            let mut seen = codes(&alphabet, &pattern);
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), count + 2);
            assert!(seen.iter().all(|&code| code < NOTHING));
            assert_eq!(codes(&alphabet, "\u{4DFF}é\u{10FFFF}z"), [ABSENT, ABSENT, ABSENT, b'z']);
        }
        assert!(Alphabet::new(('\u{4E00}'..).take(MOST + 1)).is_none());
    }

    proptest! {
        #[test]
        fn every_path_encodes_character_by_character(
            pattern in "[a-dé漢字🚀\u{4E00}-\u{4E40}]{0,30}",
            text in "[a-dé漢字🚀🚁\u{4E00}-\u{4E80}]{0,200}",
        ) {
            for alphabet in [
                Alphabet::new(pattern.chars()).unwrap(),
                Alphabet::new(pattern.chars()).unwrap().for_many_texts(),
            ] {
                let expected: Vec<u8> = text
                    .chars()
                    .map(|c| match u8::try_from(c) {
                        Ok(byte) if byte.is_ascii() => byte,
                        _ if alphabet.others.blocks.is_empty() => ABSENT,
                        _ => alphabet.others.get(u32::from(c)),
                    })
                    .collect();
                for path in Path::all() {
                    let mut codes = vec![1];
                    alphabet.encode(path, text.as_bytes(), &mut codes);
                    prop_assert_eq!(&codes[1..], &expected, "{}", path);
                }
            }
        }

        #[test]
        fn scalars_are_those_of_chars(text in any::<String>()) {
            let expected: Vec<u32> = text.chars().map(u32::from).collect();
            prop_assert_eq!(scalars(text.as_bytes()).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn whatever_the_bytes_nothing_panics(bytes in any::<Vec<u8>>()) {
            prop_assert!(scalars(&bytes).count() <= bytes.len());
            let alphabet = Alphabet::new("é漢🚀".chars()).unwrap().for_many_texts();
            for path in Path::all() {
                let mut codes = Vec::new();
                alphabet.encode(path, &bytes, &mut codes);
                prop_assert!(codes.len() <= bytes.len());
            }
        }
    }
}
