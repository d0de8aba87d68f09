//! Characters as bytes.
//!
//! The kernels compare bytes. Where text and pattern are ASCII these are the
//! bytes of the strings, which are never decoded. Otherwise a pattern, or some
//! patterns together, define an [`Alphabet`]: ASCII keeps its codes, each
//! other character of the patterns gets one of the remaining codes, and all
//! other characters share [`ABSENT`], as it does not matter which of the
//! characters that no pattern has a text holds.

/// The code of characters that no pattern has, and of the space behind a text.
pub(super) const ABSENT: u8 = 0xFF;

/// The code of the space behind a pattern; no text has it.
pub(super) const NOTHING: u8 = 0xFE;

/// The first code that is not ASCII.
const FIRST: u8 = 0x80;

/// Characters beside ASCII that have codes of their own at most.
const MOST: usize = (NOTHING - FIRST) as usize;

/// The codes of the characters of some patterns.
#[derive(Debug, Default)]
pub(super) struct Alphabet {
    others: ScalarTable,
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
    pub(super) fn of(distinct: &[u32]) -> Option<Self> {
        (distinct.len() <= MOST).then(|| Self { others: ScalarTable::new(distinct) })
    }

    /// Appends the codes of a text, one for each character.
    pub(super) fn encode(&self, text: &[u8], codes: &mut Vec<u8>) {
        if self.others.blocks.is_empty() {
            // Only ASCII counts; every other character begins with one byte
            // above 0xBF.
            codes.extend(text.iter().filter(|&&byte| byte & 0xC0 != 0x80).map(|&b| match b {
                0..FIRST => b,
                _ => ABSENT,
            }));
            return;
        }
        codes.reserve(text.len());
        let mut rest = text;
        while let Some(&byte) = rest.first() {
            if byte < FIRST {
                codes.push(byte);
                rest = &rest[1..];
            } else {
                let (scalar, len) = decode(rest);
                codes.push(self.others.get(scalar));
                rest = &rest[len..];
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
        alphabet.encode(text.as_bytes(), &mut codes);
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
        fn scalars_are_those_of_chars(text in any::<String>()) {
            let expected: Vec<u32> = text.chars().map(u32::from).collect();
            prop_assert_eq!(scalars(text.as_bytes()).collect::<Vec<_>>(), expected);
        }

        #[test]
        fn whatever_the_bytes_nothing_panics(bytes in any::<Vec<u8>>()) {
            prop_assert!(scalars(&bytes).count() <= bytes.len());
        }
    }
}
