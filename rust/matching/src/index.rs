//! Many patterns, found by an index of all their pieces in one pass.
//!
//! Each pattern is cut into pieces as for a [filter](super::filter), and the
//! rarest few bytes of each piece are its key in a hash table. A pass over a
//! text looks every run of bytes up, in a bitmap first, which says no to
//! nearly all of them from the cache.
//!
//! Patterns made of common words share their pieces with many others and with
//! ordinary text. So what a key finds must pass a second test before it goes
//! to the kernel: the q-gram lemma (Ukkonen, *Theor. Comp. Sci.* 92, 1992). An
//! edit touches two pairs of neighbouring characters, so of the distinct pairs
//! of a pattern all but `2 k` are in any text within `k` edits. Sets of pairs
//! are signatures of 64 bits, and the test is an `and` and a count.

use std::ops::Range;

use super::ScoringError;
use super::batch::Stop;
use super::pattern::Pattern;
use super::pieces::{Cut, Piece, hash_of};
use super::side_by_side::{Item, Lanes, Measure, Pair, Sink, score_pairs};
use super::simd::Path;
use super::teddy::PLACES;
use super::texts::Texts;
use super::window::{Window, around};

/// Windows that go to the kernel together.
const FLUSH: usize = 1 << 13;

/// Windows of one pattern in one text after which it gets all of the text.
const MANY: u32 = 8;

/// Bits of the bitmap for each key, so that few others find one set.
const SPARSE: usize = 32;

/// A piece of a pattern.
#[derive(Clone, Copy)]
struct Entry {
    key: u32,
    pattern: u32,
    /// The signature of the pattern, and how much of it must be in the window.
    signature: u64,
    needed: u32,
    /// How many characters before the window, and from its start on, a match
    /// can reach.
    before: u32,
    behind: u32,
}

/// Pairs for which a text's signatures are summed up.
const SPAN: usize = 16;

/// The signature of a pair of neighbouring bytes.
#[inline]
fn pair(a: u8, b: u8) -> u64 {
    1 << ((a.wrapping_mul(37) ^ b.wrapping_mul(11)) & 63)
}

/// The signature of a pattern, and how much of it is in any match.
fn signature(pattern: &Pattern<'_>) -> (u64, u32) {
    if !pattern.text.is_ascii() {
        // An edit of a longer character touches more than two pairs of bytes.
        return (0, 0);
    }
    let pairs = pattern.text.as_bytes().windows(2);
    let signature = pairs.fold(0, |all, two| all | pair(two[0], two[1]));
    (signature, signature.count_ones().saturating_sub(2 * pattern.bound as u32))
}

/// The keys of one width.
struct Keys {
    width: usize,
    /// Bits of a key, as a little-endian number.
    mask: u32,
    bitmap: Vec<u64>,
    bits: u32,
    /// Where the entries of some hash start; they end where the next start.
    firsts: Vec<u32>,
    slots: u32,
    entries: Vec<Entry>,
}

/// The pieces of many patterns.
pub(super) struct Index {
    widths: Vec<Keys>,
}

/// What one thread remembers of the text it is at.
#[derive(Default)]
pub(super) struct Seen {
    /// For each pattern, the latest window and how many there were.
    latest: Vec<Latest>,
    windows: Vec<(u32, Window)>,
    /// For each position, the signature of the pairs from there on.
    signatures: Vec<u64>,
}

#[derive(Clone, Copy)]
struct Latest {
    text: usize,
    window: u32,
    count: u32,
}

impl Index {
    pub(super) fn new(patterns: &[Pattern<'_>], cuts: &[(usize, Cut)]) -> Self {
        let mut entries: [Vec<Entry>; PLACES] = Default::default();
        for (pattern, cut) in cuts {
            let bytes = patterns[*pattern].text.as_bytes();
            let Pattern { chars, bound, .. } = patterns[*pattern];
            let (signature, needed) = signature(&patterns[*pattern]);
            for &Piece { window, width, .. } in &cut.pieces {
                let mut key = [0; PLACES];
                key[..width].copy_from_slice(&bytes[window..window + width]);
                // A window may start within a character, which is then on
                // both sides.
                let starts = |bytes: &[u8]| bytes.iter().filter(|&b| b & 0xC0 != 0x80).count();
                let before = starts(&bytes[..window]);
                let within = usize::from(bytes[window] & 0xC0 == 0x80);
                entries[width - 1].push(Entry {
                    key: u32::from_le_bytes(key),
                    pattern: *pattern as u32,
                    signature,
                    needed,
                    before: (before + bound) as u32,
                    behind: (chars - before + within + bound) as u32,
                });
            }
        }
        let widths = entries.into_iter().enumerate().filter(|(_, entries)| !entries.is_empty());
        Self { widths: widths.map(|(less_one, list)| Keys::new(less_one + 1, list)).collect() }
    }

    /// Scores some texts.
    #[allow(clippy::too_many_arguments, reason = "the same as of the other ways to score")]
    pub(super) fn score(
        &self,
        path: Path,
        patterns: &[Pattern<'_>],
        texts: &dyn Texts,
        range: Range<usize>,
        memory: &mut (Lanes, Seen),
        stop: &Stop<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), ScoringError> {
        let (lanes, seen) = memory;
        seen.latest.clear();
        let nowhere = Latest { text: usize::MAX, window: 0, count: 0 };
        seen.latest.resize(patterns.len(), nowhere);
        seen.windows.clear();
        let mut flush = |windows: &mut Vec<(u32, Window)>| {
            let pairs: Vec<Pair<'_>> = windows
                .iter()
                .map(|&(pattern, Window { text, start, end })| Pair {
                    item: Item { id: text, text: &texts.get(text)[start..end] },
                    pattern: pattern as usize,
                })
                .collect();
            windows.clear();
            stop.check()?;
            score_pairs(path, Measure::Least, patterns, &pairs, lanes, stop, sink)
        };
        for text in range {
            let bytes = texts.get(text);
            let ascii = bytes.is_ascii();
            seen.sign(bytes);
            for keys in &self.widths {
                keys.scan(bytes, |position, entry| {
                    seen.add(text, bytes, ascii, position, entry);
                });
            }
            if seen.windows.len() >= FLUSH {
                flush(&mut seen.windows)?;
            }
        }
        flush(&mut seen.windows)
    }
}

impl Keys {
    fn new(width: usize, mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by_key(|entry| entry.key);
        let distinct = entries.chunk_by(|a, b| a.key == b.key).count();
        let bits = (distinct * SPARSE).next_power_of_two().clamp(1 << 9, 1 << 24).ilog2();
        let slots = (distinct * 2).next_power_of_two().clamp(1 << 6, 1 << 24).ilog2();
        // In the order of the slots, and of the keys within one.
        entries.sort_by_key(|entry| hash_of(entry.key, slots));
        let mut bitmap = vec![0; (1 << bits) / 64];
        let mut firsts = vec![0; (1 << slots) + 1];
        for entry in &entries {
            let bit = hash_of(entry.key, bits);
            bitmap[bit / 64] |= 1 << (bit % 64);
            firsts[hash_of(entry.key, slots) + 1] += 1;
        }
        for slot in 0..1 << slots {
            firsts[slot + 1] += firsts[slot];
        }
        let mask = u32::MAX >> (8 * (PLACES - width));
        Self { width, mask, bitmap, bits, firsts, slots, entries }
    }

    /// Calls `each` with the position of each key in a text, and its entries.
    #[inline]
    fn scan(&self, text: &[u8], mut each: impl FnMut(usize, &Entry)) {
        let mut look_up = |position: usize, run: u32| {
            let key = run & self.mask;
            let bit = hash_of(key, self.bits);
            if self.bitmap[bit / 64] >> (bit % 64) & 1 == 1 {
                let slot = hash_of(key, self.slots);
                let (first, end) = (self.firsts[slot] as usize, self.firsts[slot + 1] as usize);
                for entry in &self.entries[first..end] {
                    if entry.key == key {
                        each(position, entry);
                    }
                }
            }
        };
        for (position, run) in text.windows(PLACES).enumerate() {
            look_up(position, u32::from_le_bytes([run[0], run[1], run[2], run[3]]));
        }
        // Keys shorter than four bytes, at the end.
        for position in text.len().saturating_sub(PLACES - 1)..text.len() {
            let rest = &text[position..];
            if rest.len() >= self.width {
                let mut run = [0; PLACES];
                run[..rest.len()].copy_from_slice(rest);
                look_up(position, u32::from_le_bytes(run));
            }
        }
    }
}

impl Seen {
    /// Prepares the signatures of a text.
    fn sign(&mut self, text: &[u8]) {
        let signatures = &mut self.signatures;
        signatures.clear();
        signatures.extend(text.windows(2).map(|two| pair(two[0], two[1])));
        signatures.resize(text.len() + SPAN, 0);
        // Sums of two, four, eight and sixteen, in place: each reads only what
        // is ahead of it, as it was.
        for step in [1, 2, 4, 8] {
            for at in 0..signatures.len() - step {
                signatures[at] |= signatures[at + step];
            }
        }
    }

    /// The signature of a part of the text, and perhaps of some pairs around.
    #[inline]
    fn signature(&self, part: &Range<usize>) -> u64 {
        let pairs = part.len().saturating_sub(1);
        if pairs <= SPAN {
            return self.signatures[part.start];
        }
        let last = part.start + pairs - SPAN;
        let all = self.signatures[part.start] | self.signatures[last];
        (part.start + SPAN..last).step_by(SPAN).fold(all, |all, at| all | self.signatures[at])
    }

    #[inline]
    fn add(&mut self, text: usize, bytes: &[u8], ascii: bool, position: usize, entry: &Entry) {
        let (before, behind) = (entry.before as usize, entry.behind as usize);
        let reach = around(bytes, ascii, position, before, behind);
        if (entry.signature & self.signature(&reach)).count_ones() < entry.needed {
            return;
        }
        let latest = &mut self.latest[entry.pattern as usize];
        if latest.text == text {
            let window = &mut self.windows[latest.window as usize].1;
            latest.count += 1;
            if latest.count > MANY {
                (window.start, window.end) = (0, bytes.len());
                return;
            }
            if reach.start <= window.end && window.start <= reach.end {
                window.start = window.start.min(reach.start);
                window.end = window.end.max(reach.end);
                return;
            }
        } else {
            latest.count = 1;
            latest.text = text;
        }
        latest.window = self.windows.len() as u32;
        let window = Window { text, start: reach.start, end: reach.end };
        self.windows.push((entry.pattern, window));
    }
}
