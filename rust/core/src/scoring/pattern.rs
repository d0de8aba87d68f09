//! Patterns made ready, once, to be scored against any number of texts.

use std::ops::Range;

use super::alphabet::{Masks, Symbol};
use super::exact::Exact;
use super::myers::Block;
use super::{Method, fraction, lcs, myers};

/// Working memory that one thread reuses from text to text.
#[derive(Default)]
pub(super) struct Scratch {
    chars: Vec<char>,
    blocks: Vec<Block>,
    column: Vec<u64>,
}

/// Non-empty patterns, the method to compare them by and the cutoff.
pub(super) struct Patterns<'p> {
    cutoff: f32,
    prepared: Prepared<'p>,
}

/// One list for each method, so that a row of scores chooses its kernel once.
enum Prepared<'p> {
    Exact(Vec<Exact<'p>>),
    Partial(Vec<Bounded>),
    Ratio(Vec<Masks>),
}

/// A pattern and the greatest distance whose score reaches the cutoff.
struct Bounded {
    masks: Masks,
    bound: usize,
}

impl<'p> Patterns<'p> {
    pub(super) fn new(
        patterns: impl IntoIterator<Item = &'p str>,
        method: Method,
        cutoff: f32,
    ) -> Self {
        let patterns = patterns.into_iter();
        let prepared = match method {
            Method::Exact => Prepared::Exact(patterns.map(Exact::new).collect()),
            Method::Partial => Prepared::Partial(
                patterns
                    .map(|pattern| {
                        let masks = Masks::new(pattern);
                        let bound = greatest_distance(masks.len(), cutoff);
                        Bounded { masks, bound }
                    })
                    .collect(),
            ),
            Method::Ratio => Prepared::Ratio(patterns.map(Masks::new).collect()),
        };
        Self { cutoff, prepared }
    }

    /// The scores of one text against a run of the patterns.
    pub(super) fn score_row(
        &self,
        text: &str,
        run: Range<usize>,
        scores: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let Scratch { chars, blocks, column } = scratch;
        match &self.prepared {
            Prepared::Exact(patterns) => {
                for (score, pattern) in scores.iter_mut().zip(&patterns[run]) {
                    *score = f32::from(u8::from(pattern.occurs_in(text)));
                }
            }
            Prepared::Partial(patterns) => match Symbols::new(text, chars) {
                Symbols::Ascii(text) => partial_row(&patterns[run], text, scores, blocks),
                Symbols::Chars(text) => partial_row(&patterns[run], text, scores, blocks),
            },
            Prepared::Ratio(patterns) => match Symbols::new(text, chars) {
                Symbols::Ascii(text) => {
                    ratio_row(&patterns[run], text, self.cutoff, scores, column);
                }
                Symbols::Chars(text) => {
                    ratio_row(&patterns[run], text, self.cutoff, scores, column);
                }
            },
        }
    }
}

/// A text as the kernels read it.
enum Symbols<'t> {
    /// All ASCII: a byte is a character.
    Ascii(&'t [u8]),
    /// Decoded, once for all patterns.
    Chars(&'t [char]),
}

impl<'t> Symbols<'t> {
    fn new(text: &'t str, chars: &'t mut Vec<char>) -> Self {
        if text.is_ascii() {
            Self::Ascii(text.as_bytes())
        } else {
            chars.clear();
            chars.extend(text.chars());
            Self::Chars(chars)
        }
    }
}

fn partial_row<S: Symbol>(
    patterns: &[Bounded],
    text: &[S],
    scores: &mut [f32],
    blocks: &mut Vec<Block>,
) {
    for (score, Bounded { masks, bound }) in scores.iter_mut().zip(patterns) {
        *score = match myers::least_distance(masks, text, *bound, blocks) {
            Some(distance) => fraction(masks.len() - distance, masks.len()),
            None => 0.0,
        };
    }
}

fn ratio_row<S: Symbol>(
    patterns: &[Masks],
    text: &[S],
    cutoff: f32,
    scores: &mut [f32],
    column: &mut Vec<u64>,
) {
    for (score, masks) in scores.iter_mut().zip(patterns) {
        let total = text.len() + masks.len();
        // The subsequence is no longer than the shorter string, which often
        // settles the matter without looking at the characters.
        *score = if fraction(2 * text.len().min(masks.len()), total) < cutoff {
            0.0
        } else {
            let ratio = fraction(2 * lcs::length(masks, text, column), total);
            if ratio < cutoff { 0.0 } else { ratio }
        };
    }
}

/// The greatest distance of a pattern of `len` characters whose partial score,
/// as rounded, is at least the cutoff.
fn greatest_distance(len: usize, cutoff: f32) -> usize {
    // By bisection on the very expression that gives the score: solving for
    // the distance would round differently. Distance 0 scores 1 and passes.
    let (mut passes, mut fails) = (0, len + 1);
    while fails - passes > 1 {
        let distance = passes + (fails - passes) / 2;
        if fraction(len - distance, len) >= cutoff {
            passes = distance;
        } else {
            fails = distance;
        }
    }
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greatest_distances() {
        for (len, cutoff, expected) in [
            (1, 0.0, 1),
            (1, f32::MIN_POSITIVE, 0),
            (1, 1.0, 0),
            (5, 0.8, 1),
            (5, 0.8_f32.next_up(), 0),
            (10, 0.7, 3),
            (100, 0.0, 100),
            (100, 0.01, 99),
        ] {
            assert_eq!(greatest_distance(len, cutoff), expected, "{len} at {cutoff}");
        }
        for len in 1..200 {
            for distance in 0..=len {
                let cutoff = fraction(len - distance, len);
                assert_eq!(greatest_distance(len, cutoff), distance);
            }
        }
    }

    #[test]
    fn scratch_carries_nothing_over() {
        let long: String = ('a'..='z').cycle().take(150).collect();
        let patterns = ["abc", long.as_str(), "漢字", "z"];
        let texts = ["漢字漢字abc", "abc", long.as_str(), "", "zé"];
        for method in [Method::Exact, Method::Partial, Method::Ratio] {
            let prepared = Patterns::new(patterns, method, 0.0);
            let mut used = Scratch::default();
            for text in texts {
                let (mut reused, mut fresh) = ([9.0; 4], [9.0; 4]);
                prepared.score_row(text, 0..4, &mut reused, &mut used);
                prepared.score_row(text, 0..4, &mut fresh, &mut Scratch::default());
                assert_eq!(reused, fresh);
            }
        }
    }
}
