//! Where one of a few short pieces starts, 64 bytes of text at a time.
//!
//! After Teddy, the packed multi-pattern search of Hyperscan (Wang et al.,
//! NSDI 2019, section 4.3) that the crate `aho-corasick` has, too. The first
//! bytes of each piece, four at most, go into one of eight buckets. For each
//! of these places a table says which buckets have a given byte there; the
//! conjunction of the look-ups at four neighbouring bytes of the text leaves
//! the buckets of which a piece may start there.

use super::simd::{Path, REACH, Simd, Task};

/// Buckets, one for each bit of a table's entries.
const BUCKETS: usize = 8;

/// Places of a piece that are looked up.
pub(super) const PLACES: usize = REACH + 1;

/// Which buckets have a piece with a given byte at a given place.
///
/// Only the low seven bits of bytes are told apart, as the widest permutation
/// of AVX-512 takes 128 entries. A place beyond a piece admits any byte.
pub(super) struct Tables {
    /// By the low seven bits.
    pub(super) whole: [[u8; 128]; PLACES],
    /// By the low four bits, for vector units with narrower tables; to be
    /// joined with `high`.
    pub(super) low: [[u8; 16]; PLACES],
    /// By the high four bits.
    pub(super) high: [[u8; 16]; PLACES],
}

impl Tables {
    /// The tables of some starts of pieces, of at most four bytes each, and the
    /// starts of each bucket.
    pub(super) fn new(starts: &[&[u8]]) -> (Self, [Vec<usize>; BUCKETS]) {
        let mut tables =
            Self { whole: [[0; 128]; PLACES], low: [[0; 16]; PLACES], high: [[0; 16]; PLACES] };
        // Pieces that share a bucket should share bytes: neighbours in order.
        let mut order: Vec<usize> = (0..starts.len()).collect();
        order.sort_unstable_by_key(|&index| (starts[index].len(), starts[index]));
        let mut buckets: [Vec<usize>; BUCKETS] = Default::default();
        for (rank, &index) in order.iter().enumerate() {
            let bucket = rank * BUCKETS / starts.len().max(BUCKETS);
            buckets[bucket].push(index);
            for (place, &byte) in starts[index].iter().enumerate() {
                let byte = usize::from(byte & 0x7F);
                tables.whole[place][byte] |= 1 << bucket;
                tables.low[place][byte & 15] |= 1 << bucket;
                tables.high[place][byte >> 4] |= 1 << bucket;
                tables.high[place][byte >> 4 | 8] |= 1 << bucket;
            }
            for place in starts[index].len()..PLACES {
                tables.whole[place].iter_mut().for_each(|entry| *entry |= 1 << bucket);
                tables.low[place].iter_mut().for_each(|entry| *entry |= 1 << bucket);
                tables.high[place].iter_mut().for_each(|entry| *entry |= 1 << bucket);
            }
        }
        (tables, buckets)
    }
}

/// A start, as a little-endian number, and which of its bits count.
struct Start {
    index: usize,
    key: u32,
    mask: u32,
}

/// A search for the starts of some pieces.
pub(super) struct Teddy {
    tables: Tables,
    buckets: [Vec<Start>; BUCKETS],
    /// Bytes of the shortest start.
    width: usize,
}

impl Teddy {
    /// A search for starts of one to four bytes.
    pub(super) fn new(starts: &[&[u8]]) -> Self {
        let width = starts.iter().map(|start| start.len()).min().unwrap_or(0);
        debug_assert!((1..=PLACES).contains(&width));
        let (tables, buckets) = Tables::new(starts);
        let start = |index: usize| {
            let (mut key, mut mask) = ([0; PLACES], [0; PLACES]);
            key[..starts[index].len()].copy_from_slice(starts[index]);
            mask[..starts[index].len()].fill(0xFF);
            Start { index, key: u32::from_le_bytes(key), mask: u32::from_le_bytes(mask) }
        };
        let buckets = buckets.map(|bucket| bucket.into_iter().map(start).collect());
        Self { tables, buckets, width }
    }

    /// Calls `each` with the index of a text, a position in it and the index
    /// of a start that is there, text by text and from left to right.
    pub(super) fn scan<'t>(
        &self,
        path: Path,
        texts: impl Iterator<Item = &'t [u8]>,
        each: impl FnMut(usize, usize, usize),
    ) {
        path.run(Scan { teddy: self, texts, each });
    }
}

/// Bytes of text that one look takes in.
const BLOCK: usize = 64 + REACH;

/// The first of the blocks, one after the other, where a piece may start: where
/// it is, and what was found there.
#[inline(always)]
fn first_found<'t, S: Simd>(
    simd: S,
    tables: S::Tables,
    text: &'t [u8],
    found: &mut [u8; 64],
) -> Option<(usize, u64, &'t [u8; BLOCK])> {
    let mut at = 0;
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        let mask = simd.starts(tables, block, found);
        if mask != 0 {
            return Some((at, mask, block));
        }
        at += 64;
    }
    None
}

struct Scan<'a, I, F> {
    teddy: &'a Teddy,
    texts: I,
    each: F,
}

impl<'t, I, F> Task for Scan<'_, I, F>
where
    I: Iterator<Item = &'t [u8]>,
    F: FnMut(usize, usize, usize),
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { teddy, texts, mut each } = self;
        let tables = simd.tables(&teddy.tables);
        let mut found = [0; 64];
        for (index, text) in texts.enumerate() {
            let mut at = 0;
            // A loop without calls inside: the tables stay in registers.
            while let Some((skipped, mask, block)) =
                first_found(simd, tables, &text[at..], &mut found)
            {
                at += skipped;
                teddy.report(mask, block, &found, |position, start| {
                    each(index, at + position, start)
                });
                at += 64;
            }
            at += text.len().saturating_sub(at + REACH) / 64 * 64;
            // The last starts, fewer than a block's: from a block that ends
            // with the text, or from a copy where there is none, or where it
            // would miss starts shorter than what it looks at.
            let left = (text.len() - at + 1).saturating_sub(teddy.width);
            if left == 0 {
                continue;
            }
            match text.last_chunk::<BLOCK>() {
                Some(block) if teddy.width == PLACES => {
                    let from = text.len() - BLOCK;
                    let mask = simd.starts(tables, block, &mut found) & (!0 << (at - from));
                    if mask != 0 {
                        teddy.report(mask, block, &found, |position, start| {
                            each(index, from + position, start);
                        });
                    }
                }
                _ => {
                    // Two blocks, as up to 66 starts may be left.
                    let mut copy = [0; 64 + BLOCK];
                    copy[..text.len() - at].copy_from_slice(&text[at..]);
                    for from in (0..left).step_by(64) {
                        let Some(block) = copy[from..].first_chunk::<BLOCK>() else { break };
                        let keep = !0 >> (64 - (left - from).min(64));
                        let mask = simd.starts(tables, block, &mut found) & keep;
                        if mask != 0 {
                            teddy.report(mask, block, &found, |position, start| {
                                each(index, at + from + position, start);
                            });
                        }
                    }
                }
            }
        }
    }
}

impl Teddy {
    /// Unpacks what one look found, and leaves out what only shares a bucket.
    #[inline(never)]
    fn report(
        &self,
        mut mask: u64,
        block: &[u8; 64 + REACH],
        found: &[u8; 64],
        mut each: impl FnMut(usize, usize),
    ) {
        while mask != 0 {
            let position = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            let mut buckets = found[position];
            let Some(&bytes) = block[position..].first_chunk() else { return };
            let run = u32::from_le_bytes(bytes);
            while buckets != 0 {
                for start in &self.buckets[buckets.trailing_zeros() as usize] {
                    if run & start.mask == start.key {
                        each(position, start.index);
                    }
                }
                buckets &= buckets - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_start_is_missed(
            texts in prop::collection::vec("[a-dé漢]{0,150}", 0..4),
            starts in prop::collection::vec(("[a-dé漢]{4,6}", 1..=PLACES), 1..20),
        ) {
            let starts: Vec<&[u8]> =
                starts.iter().map(|(start, width)| &start.as_bytes()[..*width]).collect();
            let teddy = Teddy::new(&starts);
            let mut expected = Vec::new();
            for (index, text) in texts.iter().enumerate() {
                for position in 0..text.len() {
                    for (start, bytes) in starts.iter().enumerate() {
                        if text.as_bytes()[position..].starts_with(bytes) {
                            expected.push((index, position, start));
                        }
                    }
                }
            }
            for path in Path::all() {
                let mut found = Vec::new();
                let bytes = texts.iter().map(String::as_bytes);
                teddy.scan(path, bytes, |index, position, start| {
                    found.push((index, position, start));
                });
                let order: Vec<_> = found.iter().map(|hit| (hit.0, hit.1)).collect();
                prop_assert!(order.is_sorted());
                found.retain(|&(index, position, start)| {
                    texts[index].as_bytes()[position..].starts_with(starts[start])
                });
                found.sort_unstable();
                prop_assert_eq!(&found, &expected, "{}", path);
            }
        }
    }
}
