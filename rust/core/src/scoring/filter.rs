//! One pattern, found by its pieces.
//!
//! A vectorized search rejects nearly all text; what is left around each
//! intact piece goes to the kernel, eight windows at a time.

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
        // One width for all: the least, as the tables cannot tell.
        let width = cut.pieces.iter().map(|piece| piece.width).min()?;
        let bytes = pattern.text.as_bytes();
        let starts: Vec<&[u8]> =
            cut.pieces.iter().map(|piece| &bytes[piece.window..][..width]).collect();
        let teddy = Teddy::new(&starts);
        let mut groups = Group::all(patterns, std::iter::once(index));
        Some(Self { pattern, pieces: cut.pieces, teddy, group: groups.pop()? })
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
        let Filter { pattern, pieces, .. } = self.filter;
        let piece = &pieces[piece];
        let whole = &pattern.text.as_bytes()[piece.start..piece.end];
        let Some(at) = position.checked_sub(piece.window - piece.start) else { return };
        if !bytes.get(at..).is_some_and(|rest| rest.starts_with(whole)) {
            return;
        }
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
