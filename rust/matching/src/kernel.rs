//! Eight texts against patterns, cell by cell but 512 cells at a time.
//!
//! Both dynamic programmes are symmetric in text and pattern. The usual
//! bit-parallel form keeps a column, the pattern's characters, in a word and
//! walks along the text; then each step needs the match mask of another
//! character, and short patterns leave most of the word empty. Here the word
//! holds 64 characters of the *text* and the walk is down the pattern, as in
//! sassy (Beeloo and Groot Koerkamp, 2025), with another text in each lane of
//! the register:
//!
//! * The cost is one step for each character of the pattern, whatever its
//!   length: no lane is too wide for a short one, and a long one needs no
//!   blocks.
//! * A match mask is one vector comparison of 64 text bytes with one byte.
//! * Texts of different lengths share a register. Behind a text's end no
//!   character matches, which changes neither its least distance nor its
//!   longest common subsequence.
//!
//! Texts longer than a word go on in the next; what crosses from word to word
//! is kept for each character of the pattern.

use super::ScoringError;
use super::alphabet::{ABSENT, NOTHING};
use super::batch::Stop;
use super::simd::{LANES, Path, Row, Simd, Task};

/// Characters of a text in a word.
pub(super) const WORD: usize = 64;

/// Rows of match masks that are made before any are used: what the first-level
/// cache holds beside the carries.
const MASKS: usize = 256;

/// Where the match masks of each word come from.
pub(super) trait Source {
    /// Number of masks for each word.
    fn symbols(&self) -> usize;

    /// Makes the masks of one word of the texts.
    fn fill<S: Simd>(&self, simd: S, word: usize, masks: &mut [Row]);
}

/// Up to 64 characters of a text.
#[inline(always)]
fn chunk(text: &[u8], word: usize) -> Option<[u8; WORD]> {
    let rest = text.get(word * WORD..)?;
    if let Some(whole) = rest.first_chunk() {
        return Some(*whole);
    }
    let mut padded = [ABSENT; WORD];
    padded[..rest.len()].copy_from_slice(rest);
    (!rest.is_empty()).then_some(padded)
}

/// Copies fewer than 64 bytes, which each text ends with: two copies of a fixed
/// length that overlap cost less than a call that finds out how many.
#[inline(always)]
fn copy_short(bytes: &[u8], to: &mut [u8; WORD]) {
    #[inline(always)]
    fn both_ends<const N: usize>(bytes: &[u8], to: &mut [u8; WORD]) -> bool {
        let (Some(first), Some(last)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) else {
            return false;
        };
        to[..N].copy_from_slice(first);
        to[bytes.len() - N..bytes.len()].copy_from_slice(last);
        true
    }
    if !both_ends::<32>(bytes, to)
        && !both_ends::<16>(bytes, to)
        && !both_ends::<8>(bytes, to)
        && !both_ends::<4>(bytes, to)
    {
        for (to, &byte) in to.iter_mut().zip(bytes) {
            *to = byte;
        }
    }
}

/// Texts that meet the same patterns: a mask for each character of these.
pub(super) struct Shared<'a> {
    pub(super) texts: [&'a [u8]; LANES],
    pub(super) codes: &'a [u8],
}

impl Source for Shared<'_> {
    fn symbols(&self) -> usize {
        self.codes.len()
    }

    #[inline(always)]
    fn fill<S: Simd>(&self, simd: S, word: usize, masks: &mut [Row]) {
        let mut chunks = [[ABSENT; WORD]; LANES];
        for (chunk, text) in chunks.iter_mut().zip(&self.texts) {
            let rest = text.get(word * WORD..).unwrap_or_default();
            match rest.first_chunk() {
                Some(whole) => *chunk = *whole,
                None => copy_short(rest, chunk),
            }
        }
        simd.masks(&chunks, self.codes, masks);
    }
}

/// Texts of which each meets its own pattern: a mask for each place.
pub(super) struct Paired<'a> {
    pub(super) texts: [&'a [u8]; LANES],
    pub(super) patterns: [&'a [u8]; LANES],
}

impl Paired<'_> {
    pub(super) fn places(&self) -> usize {
        self.patterns.iter().map(|pattern| pattern.len()).max().unwrap_or(0)
    }
}

impl Source for Paired<'_> {
    fn symbols(&self) -> usize {
        self.places()
    }

    #[inline(always)]
    fn fill<S: Simd>(&self, simd: S, word: usize, masks: &mut [Row]) {
        for (lane, (text, pattern)) in self.texts.iter().zip(&self.patterns).enumerate() {
            let Some(bytes) = chunk(text, word) else {
                masks.iter_mut().for_each(|mask| mask.0[lane] = 0);
                continue;
            };
            let (within, behind) = masks.split_at_mut(pattern.len());
            for (mask, &code) in within.iter_mut().zip(*pattern) {
                debug_assert!(code < NOTHING);
                mask.0[lane] = simd.equal(&bytes, code);
            }
            behind.iter_mut().for_each(|mask| mask.0[lane] = 0);
        }
    }
}

/// Texts whose characters are told apart by more than a byte: each is the
/// index of its mask, or `u32::MAX`.
pub(super) struct Wide<'a> {
    pub(super) texts: [&'a [u32]; LANES],
    pub(super) symbols: usize,
}

impl Source for Wide<'_> {
    fn symbols(&self) -> usize {
        self.symbols
    }

    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, word: usize, masks: &mut [Row]) {
        masks.fill(Row::ZERO);
        for (lane, text) in self.texts.iter().enumerate() {
            let rest = text.get(word * WORD..).unwrap_or_default();
            for (at, &symbol) in rest.iter().take(WORD).enumerate() {
                if let Some(mask) = masks.get_mut(symbol as usize) {
                    mask.0[lane] |= 1 << at;
                }
            }
        }
    }
}

/// What is computed for each text and pattern.
pub(super) trait Programme {
    /// What the cells carry from one word of the text to the next, for each
    /// character of the pattern.
    type Carry: Copy;
    const EDGE: Self::Carry;

    /// The outcome before the first word.
    fn start(places: usize) -> [Row; 2];

    /// Goes down the pattern through some words of the texts at once, each
    /// with its own masks: what crosses between them stays in registers.
    fn words<S: Simd, const WORDS: usize>(
        simd: S,
        masks: [&[Row]; WORDS],
        rows: &[u32],
        carries: &mut [Self::Carry],
        state: &mut [Row; 2],
    );
}

/// The least Levenshtein distance of the pattern to any substring of the text.
///
/// Sellers' dynamic programme (*J. Algorithms* 1, 1980): the cell of a prefix
/// of the pattern and of the text holds the least distance of that prefix to a
/// substring that ends there. Myers (*JACM* 46(3), 1999) keeps the differences
/// of neighbouring cells, each -1, 0 or 1, in two bit vectors; the formulas
/// are in the arrangement of Hyyrö (*Nordic J. Computing* 10(1), 2003), with
/// text and pattern exchanged: a word holds the differences along a row, and
/// the carries hold those between rows at its left edge. Row 0 is 0 all along,
/// as a match may start anywhere; column 0 counts up.
pub(super) struct Least;

impl Programme for Least {
    /// The words to the left: their top bits say whether the cell at the edge
    /// is one more, or one less, than the cell above it.
    type Carry = [Row; 2];
    const EDGE: [Row; 2] = [Row::ONES, Row::ZERO];

    /// The least cell of the last row, and the last.
    fn start(places: usize) -> [Row; 2] {
        [Row([places as u64; LANES]); 2]
    }

    #[inline(always)]
    fn words<S: Simd, const WORDS: usize>(
        simd: S,
        masks: [&[Row]; WORDS],
        rows: &[u32],
        carries: &mut [[Row; 2]],
        state: &mut [Row; 2],
    ) {
        // Along the row: one more, or one less, than the cell to the left.
        let mut pluses = [simd.load(&Row::ZERO); WORDS];
        let mut minuses = pluses;
        let ones = simd.load(&Row::ONES);
        for (&row, [left_plus, left_minus]) in rows.iter().zip(carries) {
            let (mut edge_plus, mut edge_minus) = (simd.load(left_plus), simd.load(left_minus));
            for word in 0..WORDS {
                let (plus, minus) = (pluses[word], minuses[word]);
                let matches = simd.load(&masks[word][row as usize]);
                // D0 of the papers: the cell equals its upper left neighbour.
                let entered = simd.or(matches, simd.top(edge_minus));
                let run = simd.add(simd.and(entered, plus), plus);
                let equal = simd.or(simd.xor(run, plus), entered);
                let reached = simd.or(matches, minus);
                // Between the rows, and then shifted to the cell on the right.
                let down_plus = simd.or(minus, simd.and_not(ones, simd.or(equal, plus)));
                let down_minus = simd.and(plus, equal);
                let beside_plus = simd.shift_in(down_plus, edge_plus);
                let beside_minus = simd.shift_in(down_minus, edge_minus);
                (edge_plus, edge_minus) = (down_plus, down_minus);
                let neither = simd.and_not(ones, simd.or(reached, beside_plus));
                pluses[word] = simd.or(beside_minus, neither);
                minuses[word] = simd.and(beside_plus, reached);
            }
            simd.store(left_plus, edge_plus);
            simd.store(left_minus, edge_minus);
        }
        for (plus, minus) in pluses.into_iter().zip(minuses) {
            let (lowest, last) = simd.walk(plus, minus);
            let (least, height) = (simd.load(&state[0]), simd.load(&state[1]));
            simd.store(&mut state[0], simd.min(least, simd.add(height, lowest)));
            simd.store(&mut state[1], simd.add(height, last));
        }
    }
}

/// The length of the longest common subsequence.
///
/// Hyyrö, "Bit-parallel LCS-length computation revisited" (2004), with text
/// and pattern exchanged. A row is kept as one bit for each character of the
/// text, clear where the cell exceeds the one to the left, so that the number
/// of clear bits is the last cell. Bits behind the text never match, and what
/// does not match stays set.
pub(super) struct Common;

impl Programme for Common {
    /// The carry out of the word to the left, as a number.
    type Carry = Row;
    const EDGE: Row = Row::ZERO;

    /// The length so far.
    fn start(_: usize) -> [Row; 2] {
        [Row::ZERO; 2]
    }

    #[inline(always)]
    fn words<S: Simd, const WORDS: usize>(
        simd: S,
        masks: [&[Row]; WORDS],
        rows: &[u32],
        carries: &mut [Row],
        state: &mut [Row; 2],
    ) {
        let mut bits = [simd.load(&Row::ONES); WORDS];
        for (&row, carry) in rows.iter().zip(carries) {
            let mut entered = simd.load(carry);
            for (bits, masks) in bits.iter_mut().zip(masks) {
                let matches = simd.load(&masks[row as usize]);
                let matched = simd.and(*bits, matches);
                let kept = simd.and_not(*bits, matches);
                // In this order `matched` is not waited for twice.
                let sum = simd.add(simd.add(*bits, entered), matched);
                // `matched` is part of the bits, so the addition overflows
                // where `matched` has the top bit, or where they have and the
                // sum has not.
                entered = simd.top(simd.or(matched, simd.and_not(*bits, sum)));
                *bits = simd.or(sum, kept);
            }
            simd.store(carry, entered);
        }
        for bits in bits {
            let length = simd.add(simd.load(&state[0]), simd.count_zeros(bits));
            simd.store(&mut state[0], length);
        }
    }
}

/// Memory that one thread reuses.
#[derive(Default)]
pub(super) struct Memory {
    masks: Vec<Row>,
    least: Vec<[Row; 2]>,
    common: Vec<Row>,
    states: Vec<[Row; 2]>,
}

impl Memory {
    /// Computes the least distances of some patterns, each as the masks of its
    /// characters in turn, to eight texts of at most `words` words.
    pub(super) fn least<M: Source>(
        &mut self,
        path: Path,
        source: &M,
        words: usize,
        patterns: &[&[u32]],
        stop: &Stop<'_>,
    ) -> Result<&[[Row; 2]], ScoringError> {
        let Self { masks, least, states, .. } = self;
        path.run(Block::<Least, M> {
            source,
            words,
            patterns,
            masks,
            carries: least,
            states,
            stop,
        })?;
        Ok(&self.states)
    }

    /// Likewise, the lengths of the longest common subsequences.
    pub(super) fn common<M: Source>(
        &mut self,
        path: Path,
        source: &M,
        words: usize,
        patterns: &[&[u32]],
        stop: &Stop<'_>,
    ) -> Result<&[[Row; 2]], ScoringError> {
        let Self { masks, common, states, .. } = self;
        path.run(Block::<Common, M> {
            source,
            words,
            patterns,
            masks,
            carries: common,
            states,
            stop,
        })?;
        Ok(&self.states)
    }
}

/// Eight texts and all patterns.
struct Block<'a, P: Programme, M> {
    source: &'a M,
    words: usize,
    patterns: &'a [&'a [u32]],
    masks: &'a mut Vec<Row>,
    carries: &'a mut Vec<P::Carry>,
    states: &'a mut Vec<[Row; 2]>,
    stop: &'a Stop<'a>,
}

impl<P: Programme, M: Source> Task for Block<'_, P, M> {
    type Output = Result<(), ScoringError>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let Self { source, words, patterns, masks, carries, states, stop } = self;
        let symbols = source.symbols();
        let places = patterns.iter().map(|rows| rows.len()).sum();
        states.clear();
        states.extend(patterns.iter().map(|rows| P::start(rows.len())));
        carries.clear();
        carries.resize(places, P::EDGE);
        // Some words for all patterns, so that masks are made once and yet
        // found in the cache.
        let segment = (MASKS / symbols.max(1)).clamp(1, words.max(1));
        if masks.len() < segment * symbols {
            masks.resize(segment * symbols, Row::ZERO);
        }
        for first in (0..words).step_by(segment) {
            if first > 0 {
                stop.check()?;
            }
            let segment = segment.min(words - first);
            for word in 0..segment {
                let masks = &mut masks[word * symbols..(word + 1) * symbols];
                source.fill(simd, first + word, masks);
            }
            let mut rest = carries.as_mut_slice();
            for (rows, state) in patterns.iter().zip(states.iter_mut()) {
                let (carries, others) = rest.split_at_mut(rows.len());
                rest = others;
                let of = |word: usize| &masks[word * symbols..(word + 1) * symbols];
                let mut word = 0;
                if S::ABREAST == 4 {
                    while segment - word >= 4 {
                        let four = [of(word), of(word + 1), of(word + 2), of(word + 3)];
                        P::words(simd, four, rows, carries, state);
                        word += 4;
                    }
                    if segment - word >= 2 {
                        P::words(simd, [of(word), of(word + 1)], rows, carries, state);
                        word += 2;
                    }
                }
                for word in word..segment {
                    P::words(simd, [of(word)], rows, carries, state);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::alphabet::Alphabet;
    use super::super::oracle;
    use super::*;

    fn words(texts: &[Vec<u8>]) -> usize {
        texts.iter().map(|text| text.len().div_ceil(WORD)).max().unwrap_or(0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pairs_agree_with_the_oracle(
            pairs in prop::collection::vec(oracle::text_and_pattern(), LANES),
        ) {
            let mut texts = vec![Vec::new(); LANES];
            let mut patterns = vec![Vec::new(); LANES];
            for (lane, (text, pattern)) in pairs.iter().enumerate() {
                let alphabet = Alphabet::new(pattern.chars()).unwrap();
                alphabet.encode(Path::PORTABLE, text.as_bytes(), &mut texts[lane]);
                alphabet.encode(Path::PORTABLE, pattern.as_bytes(), &mut patterns[lane]);
            }
            let source = Paired {
                texts: std::array::from_fn(|lane| texts[lane].as_slice()),
                patterns: std::array::from_fn(|lane| patterns[lane].as_slice()),
            };
            let rows: Vec<u32> = (0..source.places() as u32).collect();
            let stop = Stop::never();
            for path in Path::all() {
                let mut memory = Memory::default();
                let words = words(&texts);
                let least =
                    memory.least(path, &source, words, &[&rows], &stop).unwrap()[0][0];
                let common =
                    memory.common(path, &source, words, &[&rows], &stop).unwrap()[0][0];
                for (lane, (text, pattern)) in pairs.iter().enumerate() {
                    let behind = rows.len() - patterns[lane].len();
                    let distance = least.0[lane] as usize - behind;
                    prop_assert_eq!(distance, oracle::least_distance(text, pattern), "{}", path);
                    prop_assert_eq!(common.0[lane] as usize, oracle::lcs(text, pattern));
                }
            }
        }

        #[test]
        fn wide_symbols_agree_with_bytes(
            texts in prop::collection::vec("[a-c]{0,300}", LANES),
            pattern in "[a-c]{1,140}",
        ) {
            let rows: Vec<u32> = pattern.bytes().map(|b| u32::from(b - b'a')).collect();
            let wide: Vec<Vec<u32>> = texts
                .iter()
                .map(|text| {
                    let symbol = |b| if b == b'c' { u32::MAX } else { u32::from(b - b'a') };
                    text.bytes().map(symbol).collect()
                })
                .collect();
            let narrow = Shared {
                texts: std::array::from_fn(|lane| texts[lane].as_bytes()),
                codes: &[b'a', b'b', NOTHING],
            };
            let wide = Wide { texts: std::array::from_fn(|lane| wide[lane].as_slice()), symbols: 3 };
            let words = texts.iter().map(|text| text.len().div_ceil(WORD)).max().unwrap();
            let stop = Stop::never();
            for path in Path::all() {
                let (mut one, mut other) = (Memory::default(), Memory::default());
                prop_assert_eq!(
                    one.least(path, &narrow, words, &[&rows], &stop).unwrap(),
                    other.least(path, &wide, words, &[&rows], &stop).unwrap()
                );
            }
        }
    }
}
