//! One pattern, found by its pieces.
//!
//! A vectorized search rejects nearly all text. What it finds is followed by a
//! second look, at the next piece, in the manner of hierarchical verification
//! (Navarro and Baeza-Yates, 1999): the `k + 1` pieces are taken two by two, and
//! one of these pairs must have one edit at most, else there were more than `k`.
//! So beside an intact piece, half of its partner is intact, too, and shifted by
//! one at most. The window around what is left goes to the kernel, eight
//! windows at a time.

use std::ops::Range;

use super::ScoringError;
use super::batch::Stop;
use super::pattern::Pattern;
use super::pieces::{Cut, Frequencies, Piece};
use super::side_by_side::{Group, Item, Lanes, Measure, Sink};
use super::simd::Path;
use super::teddy::Teddy;
use super::texts::Texts;
use super::window::{Window, around};

/// Pieces in one text after which all of it goes to the kernel.
const MANY: usize = 32;

/// Nanoseconds, or their like, for the choice between search and kernel: what
/// a window costs, and what a byte of text costs for each character of the
/// pattern, and once for each pattern.
const WINDOW: f64 = 60.0;
const CELL: f64 = 0.007;
const PASS: f64 = 0.1;

/// A pattern's pieces, and the kernel for what they find.
pub(super) struct Filter<'p> {
    pattern: Pattern<'p>,
    pieces: Vec<Piece>,
    /// Of each piece, the neighbour that shares at most one edit with it; the
    /// odd one out has none, and those of other than ASCII do without.
    partners: Vec<Option<Range<usize>>>,
    teddy: Teddy,
    group: Group,
}

/// What the kernel alone costs for each byte of ASCII.
pub(super) fn cost_of_kernel(pattern: &Pattern<'_>) -> f64 {
    pattern.chars as f64 * CELL + PASS
}

impl<'p> Filter<'p> {
    /// A filter, where it promises to be faster than the kernel alone.
    pub(super) fn new(
        patterns: &[Pattern<'p>],
        index: usize,
        frequencies: &Frequencies,
    ) -> Option<Self> {
        let pattern = patterns[index];
        let cut = Cut::new(pattern.text, pattern.bound + 1, frequencies)?;
        if cut.often * WINDOW > cost_of_kernel(&pattern) {
            return None;
        }
        let bytes = pattern.text.as_bytes();
        let starts: Vec<&[u8]> =
            cut.pieces.iter().map(|piece| &bytes[piece.window..][..piece.width]).collect();
        let teddy = Teddy::new(&starts);
        let mut groups = Group::all(patterns, std::iter::once(index));
        let partners = if pattern.text.is_ascii() {
            partners(&cut.pieces, cut.rarest)
        } else {
            vec![None; cut.pieces.len()]
        };
        Some(Self { pattern, pieces: cut.pieces, partners, teddy, group: groups.pop()? })
    }

    /// Scores some texts.
    pub(super) fn score(
        &self,
        path: Path,
        texts: &dyn Texts,
        range: Range<usize>,
        memory: &mut Lanes,
        stop: &Stop<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), ScoringError> {
        let windows = self.windows(path, texts, range);
        let items: Vec<Item<'_>> = windows
            .iter()
            .map(|window| Item {
                id: window.text,
                text: &texts.get(window.text)[window.start..window.end],
            })
            .collect();
        self.group.score(path, Measure::Least, &items, memory, stop, sink)
    }

    /// The parts of texts where a match can be.
    fn windows(&self, path: Path, texts: &dyn Texts, range: Range<usize>) -> Vec<Window> {
        let mut found = Found { filter: self, windows: Vec::new(), ascii: false, pieces: 0 };
        if let Some(bytes) = texts.joined(range.clone()) {
            let base = texts.start(range.start);
            // The text that was found last, and where it starts and ends.
            let (mut text, mut start, mut end) = (range.start, 0, 0);
            self.teddy.scan(path, std::iter::once(bytes), |_, position, piece| {
                // Most finds are dismissed before anybody asks whose they are.
                if self.intact(bytes, position, piece).is_none() {
                    return;
                }
                if position >= end {
                    text = locate(texts, text..range.end, base + position);
                    start = texts.start(text) - base;
                    end = match text + 1 < range.end {
                        true => texts.start(text + 1) - base,
                        false => bytes.len(),
                    };
                }
                found.add(text, texts.get(text), position - start, piece);
            });
        } else {
            let all = range.clone().map(|index| texts.get(index));
            self.teddy.scan(path, all, |index, position, piece| {
                let text = range.start + index;
                found.add(text, texts.get(text), position, piece);
            });
        }
        found.windows
    }

    /// Where a piece starts whose window was found, if all of it is there and
    /// half of its partner may be. Neighbouring texts, if `bytes` holds several,
    /// make it the likelier to be so.
    fn intact(&self, bytes: &[u8], position: usize, piece: usize) -> Option<usize> {
        let (piece, partner) = (&self.pieces[piece], &self.partners[piece]);
        let wanted = self.pattern.text.as_bytes();
        let whole = &wanted[piece.start..piece.end];
        let at = position.checked_sub(piece.window - piece.start)?;
        if !begins(bytes.get(at..)?, whole) {
            return None;
        }
        let Some(partner) = partner else { return Some(at) };
        let behind = partner.start > piece.start;
        let intact = at..at + whole.len();
        // Another character could be inserted that is longer than a byte.
        (half_is_near(bytes, &wanted[partner.clone()], &intact, behind)
            || !near_is_ascii(bytes, &intact, partner.len()))
        .then_some(at)
    }
}

/// Takes pieces two by two; of an odd number, one that is rare stays alone.
fn partners(pieces: &[Piece], alone: usize) -> Vec<Option<Range<usize>>> {
    let mut partners = vec![None; pieces.len()];
    // On either side of it there must be an even number.
    let alone = if pieces.len() % 2 == 1 { alone & !1 } else { pieces.len() };
    let (left, right) = (0..alone, alone + 1..pieces.len());
    for first in left.step_by(2).chain(right.step_by(2)) {
        partners[first] = Some(pieces[first + 1].start..pieces[first + 1].end);
        partners[first + 1] = Some(pieces[first].start..pieces[first].end);
    }
    partners
}

/// `starts_with` for parts of few bytes, without a call.
#[inline]
fn begins(bytes: &[u8], part: &[u8]) -> bool {
    bytes.len() >= part.len() && bytes.iter().zip(part).all(|(one, other)| one == other)
}

/// Whether half of a piece is where it is with at most one edit between it and
/// its neighbour, the `intact` part of an ASCII text.
fn half_is_near(text: &[u8], partner: &[u8], intact: &Range<usize>, behind: bool) -> bool {
    let is_at = |at: Option<usize>, half: &[u8]| {
        at.and_then(|at| text.get(at..)).is_some_and(|rest| begins(rest, half))
    };
    let (first, second) = partner.split_at(partner.len() / 2);
    if behind {
        // An edit in the second half leaves the first in place; one in the
        // first shifts the second by one at most.
        let at = intact.end + first.len();
        is_at(Some(intact.end), first) || (at - 1..=at + 1).any(|at| is_at(Some(at), second))
    } else {
        let at = intact.start.checked_sub(second.len());
        is_at(at, second)
            || (0..3)
                .any(|shift| is_at((intact.start + shift).checked_sub(partner.len() + 1), first))
    }
}

/// Whether the text around a part of it, as far as a piece can be, is ASCII.
fn near_is_ascii(text: &[u8], part: &Range<usize>, piece: usize) -> bool {
    let reach = piece + 4;
    text[part.start.saturating_sub(reach)..text.len().min(part.end + reach)].is_ascii()
}

/// The last of some texts that starts at or before a position.
pub(super) fn locate(texts: &dyn Texts, range: Range<usize>, position: usize) -> usize {
    let (mut low, mut high) = (range.start, range.end);
    // Most often it is near: the steps double before they are halved.
    let mut step = 1;
    while low + step < high && texts.start(low + step) <= position {
        low += step;
        step *= 2;
    }
    high = high.min(low + step);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if texts.start(middle) <= position { low = middle } else { high = middle }
    }
    low
}

/// Collects windows, text by text.
struct Found<'a> {
    filter: &'a Filter<'a>,
    windows: Vec<Window>,
    /// Whether the latest text is ASCII.
    ascii: bool,
    /// Pieces in the latest text.
    pieces: usize,
}

impl Found<'_> {
    /// Takes note of a window that may be that of a piece.
    fn add(&mut self, text: usize, bytes: &[u8], position: usize, piece: usize) {
        let Some(at) = self.filter.intact(bytes, position, piece) else { return };
        let (pattern, piece) = (&self.filter.pattern, &self.filter.pieces[piece]);
        let latest = match self.windows.last_mut() {
            Some(latest) if latest.text == text => Some(latest),
            _ => {
                self.ascii = bytes.is_ascii();
                self.pieces = 0;
                None
            }
        };
        self.pieces += 1;
        if self.pieces > MANY {
            // The windows would be most of the text, and finding them costs.
            if let Some(latest) = latest {
                (latest.start, latest.end) = (0, bytes.len());
            }
            return;
        }
        let before = piece.before + pattern.bound;
        let behind = pattern.chars - piece.before + pattern.bound;
        let reach = around(bytes, self.ascii, at, before, behind);
        match latest {
            Some(latest) if reach.start <= latest.end => {
                latest.start = latest.start.min(reach.start);
                latest.end = latest.end.max(reach.end);
            }
            _ => self.windows.push(Window { text, start: reach.start, end: reach.end }),
        }
    }
}
