//! Which patterns occur in a text.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use memchr::memmem;

use super::ScoringError;
use super::batch::Stop;
use super::pattern::Pattern;
use super::side_by_side::Sink;
use super::texts::Texts;

/// Patterns up to which each is searched for by itself: a vectorized search
/// for one is some ten times as fast as one pass of the automaton for all.
const FEW: usize = 8;

/// Patterns made ready for exact search.
///
/// Bytes are searched, yet the answer is about characters: UTF-8 is
/// self-synchronising, so a valid pattern can only match at a character
/// boundary.
pub(super) enum Exact<'p> {
    /// Two-Way behind vectorized prefilters (Crochemore and Perrin, 1991).
    Each(Vec<memmem::Finder<'p>>),
    /// One pass for all patterns (Aho and Corasick, 1975).
    Together(Box<AhoCorasick>),
}

impl<'p> Exact<'p> {
    pub(super) fn new(patterns: &[Pattern<'p>]) -> Result<Self, ScoringError> {
        if patterns.len() <= FEW {
            let finders = patterns.iter().map(|pattern| memmem::Finder::new(pattern.text));
            return Ok(Self::Each(finders.collect()));
        }
        AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(patterns.iter().map(|pattern| pattern.text))
            .map(|automaton| Self::Together(Box::new(automaton)))
            .map_err(|error| ScoringError::Automaton(error.to_string()))
    }

    /// Reports each pattern that occurs in each text, with the score 1.
    pub(super) fn score(
        &self,
        texts: &dyn Texts,
        range: Range<usize>,
        stop: &Stop<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), ScoringError> {
        match self {
            Self::Each(finders) => {
                for (pattern, finder) in finders.iter().enumerate() {
                    stop.check()?;
                    match texts.joined(range.clone()) {
                        Some(bytes) => joined(finder, texts, range.clone(), bytes, |text| {
                            sink(text, pattern, 1.0);
                        }),
                        None => {
                            for text in range.clone() {
                                if finder.find(texts.get(text)).is_some() {
                                    sink(text, pattern, 1.0);
                                }
                            }
                        }
                    }
                }
            }
            Self::Together(automaton) => {
                for text in range {
                    stop.check()?;
                    for found in automaton.find_overlapping_iter(texts.get(text)) {
                        sink(text, found.pattern().as_usize(), 1.0);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Finds the texts with a pattern in one pass over all their bytes.
fn joined(
    finder: &memmem::Finder<'_>,
    texts: &dyn Texts,
    range: Range<usize>,
    bytes: &[u8],
    mut each: impl FnMut(usize),
) {
    let base = texts.start(range.start);
    let mut text = range.start;
    let mut from = 0;
    while let Some(found) = bytes.get(from..).and_then(|rest| finder.find(rest)) {
        let position = from + found;
        text = super::filter::locate(texts, text..range.end, base + position);
        let start = texts.start(text) - base;
        // A find may run across the end of its text, or lie under a null.
        let within = position - start + finder.needle().len() <= texts.get(text).len();
        from = if within {
            each(text);
            if text + 1 == range.end {
                break;
            }
            texts.start(text + 1) - base
        } else {
            position + 1
        };
    }
}
