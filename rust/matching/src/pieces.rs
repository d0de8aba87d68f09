//! Pieces of patterns, of which a near match has one intact.
//!
//! If a substring of the text is within `k` edits of a pattern cut into
//! `k + 1` pieces, one of the pieces is in it unchanged: each edit touches one
//! piece only (Wu and Manber, *CACM* 35(10), 1992; Navarro, *ACM Computing
//! Surveys* 33(1), 2001, section 8). So a search for the pieces finds every
//! place where a match can be, and the better the fewer other places it finds.
//! Where to cut is therefore asked of the texts themselves: of a sample of
//! them, how often short runs of bytes occur.

use super::pattern::Pattern;
use super::teddy::PLACES;
use super::texts::Texts;
use super::{Method, Options};

/// Bytes of the texts that are sampled at most.
const SAMPLE: usize = 1 << 16;

/// Characters up to which every way to cut a pattern is weighed.
const WEIGHED: usize = 96;

/// Slots for the counts of runs of one length.
const SLOT_BITS: u32 = 15;

/// How often short runs of bytes occur in texts.
pub(super) struct Frequencies {
    /// By the length of the run, less one, and a hash of it.
    counts: [Vec<u32>; PLACES],
    total: f64,
}

/// A hash of a run of at most four bytes.
#[inline]
pub(super) fn hash(run: &[u8], bits: u32) -> usize {
    let mut bytes = [0; PLACES];
    bytes[..run.len()].copy_from_slice(run);
    hash_of(u32::from_le_bytes(bytes), bits)
}

/// A hash of a run, as a little-endian number.
#[inline]
pub(super) fn hash_of(run: u32, bits: u32) -> usize {
    (run.wrapping_mul(0x9E37_79B1) >> (u32::BITS - bits)) as usize
}

impl Frequencies {
    /// Counts runs in a sample.
    pub(super) fn of(texts: &dyn Texts) -> Self {
        let mut counts: [Vec<u32>; PLACES] = std::array::from_fn(|_| vec![0; 1 << SLOT_BITS]);
        // From texts all over, by a step that shares no period with theirs.
        let mut total = 0;
        let step = (texts.len() / 256) | 1;
        for index in (0..texts.len()).step_by(step) {
            let text = texts.get(index);
            let text = &text[..text.len().min(SAMPLE / 64)];
            for at in 0..text.len() {
                for (less_one, counts) in counts.iter_mut().enumerate() {
                    if let Some(run) = text.get(at..=at + less_one) {
                        counts[hash(run, SLOT_BITS)] += 1;
                    }
                }
            }
            total += text.len();
            if total >= SAMPLE {
                break;
            }
        }
        Self { counts, total: total as f64 + 1.0 }
    }

    fn count(&self, run: &[u8]) -> f64 {
        f64::from(self.counts[run.len() - 1][hash(run, SLOT_BITS)])
    }

    /// The expected number of a run of at most four bytes for each byte of
    /// text.
    fn of_run(&self, run: &[u8]) -> f64 {
        // A run that the sample lacks is still the likelier, the likelier its
        // bytes are.
        let independent: f64 =
            run.iter().map(|byte| (self.count(&[*byte]) + 0.5) / self.total).product();
        (self.count(run) + 0.5 * (independent * self.total).min(1.0)) / self.total
    }

    /// The rarest window of a run: its place, and how often it occurs.
    fn rarest(&self, run: &[u8], width: usize) -> (usize, f64) {
        run.windows(width).map(|window| self.of_run(window)).enumerate().fold(
            (0, f64::INFINITY),
            |best, (place, often)| if often < best.1 { (place, often) } else { best },
        )
    }
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its first byte in the pattern.
    pub(super) start: usize,
    /// The byte behind it.
    pub(super) end: usize,
    /// Characters of the pattern before it.
    pub(super) before: usize,
    /// The first byte of what to search for, in the pattern.
    pub(super) window: usize,
    /// Bytes to search for.
    pub(super) width: usize,
}

/// A pattern cut into pieces, and how often the windows of all of them occur
/// for each byte of text.
pub(super) struct Cut {
    pub(super) pieces: Vec<Piece>,
    pub(super) often: f64,
    /// The piece that occurs most rarely, of those with an even number of
    /// others before them.
    pub(super) rarest: usize,
}

impl Cut {
    /// Cuts a pattern into some pieces, so that they occur rarely; nothing
    /// where it has fewer characters.
    pub(super) fn new(pattern: &str, pieces: usize, frequencies: &Frequencies) -> Option<Self> {
        let mut bounds: Vec<usize> = pattern.char_indices().map(|(at, _)| at).collect();
        bounds.push(pattern.len());
        let chars = bounds.len() - 1;
        if pieces == 0 || pieces > chars {
            return None;
        }
        let cuts = if chars <= WEIGHED {
            best_cuts(pattern, &bounds, pieces, frequencies)
        } else {
            (0..=pieces).map(|piece| piece * chars / pieces).collect()
        };
        let (mut often, mut rarest) = (0.0, (0, f64::INFINITY));
        let pieces = cuts
            .windows(2)
            .enumerate()
            .map(|(index, ends)| {
                let (start, end) = (bounds[ends[0]], bounds[ends[1]]);
                let width = (end - start).min(PLACES);
                let (place, expected) = frequencies.rarest(&pattern.as_bytes()[start..end], width);
                often += expected;
                if index % 2 == 0 && expected < rarest.1 {
                    rarest = (index, expected);
                }
                Piece { start, end, before: ends[0], window: start + place, width }
            })
            .collect();
        Some(Self { pieces, often, rarest: rarest.0 })
    }
}

/// Parts of patterns of which any text holds one that scores above 0 and at
/// least the cutoff against any of them; nothing where a text needs none. They
/// are those that occur least often in texts like the given ones.
///
/// ```
/// use ifrs_matching::{Method, Options, Slice, pieces};
///
/// let options = Options { cutoff: 0.8, ..Options::new(Method::Partial) };
/// let found = pieces(&["copper window"], &options, &Slice(&["a text"])).unwrap();
/// assert_eq!(found.len(), 3); // two edits reach the cutoff
/// assert_eq!(found.concat(), "copper window");
/// ```
#[must_use]
pub fn pieces<'p>(
    patterns: &[&'p str],
    options: &Options<'_>,
    texts: &dyn Texts,
) -> Option<Vec<&'p str>> {
    match options.method {
        Method::Exact => Some(patterns.to_vec()),
        Method::Ratio => None,
        Method::Partial => {
            let frequencies = Frequencies::of(texts);
            let mut found = Vec::new();
            for &text in patterns {
                let pattern = Pattern::new(text, options.cutoff);
                let cut = Cut::new(text, pattern.bound + 1, &frequencies)?;
                found.extend(cut.pieces.iter().map(|piece| &text[piece.start..piece.end]));
            }
            Some(found)
        }
    }
    .filter(|found| !found.is_empty() && found.iter().all(|piece| !piece.is_empty()))
}

/// The cuts, as numbers of characters, whose pieces occur least often in all.
fn best_cuts(
    pattern: &str,
    bounds: &[usize],
    pieces: usize,
    frequencies: &Frequencies,
) -> Vec<usize> {
    let chars = bounds.len() - 1;
    // A piece longer than this is never better than two halves of it could
    // be, as a search looks at four bytes: the rest goes to its neighbours.
    let longest = (chars / pieces + PLACES).min(chars - pieces + 1);
    let bytes = pattern.as_bytes();
    let often = |from: usize, to: usize| {
        let run = &bytes[bounds[from]..bounds[to]];
        frequencies.rarest(run, run.len().min(PLACES)).1
    };
    // least[piece][end]: the least sum of the first pieces up to a character,
    // and where the last of them starts.
    let mut least = vec![vec![(f64::INFINITY, 0); chars + 1]; pieces + 1];
    least[0][0] = (0.0, 0);
    for start in 0..chars {
        for end in start + 1..=chars.min(start + longest) {
            let often = often(start, end);
            for piece in 0..pieces {
                let sum = least[piece][start].0 + often;
                if sum < least[piece + 1][end].0 {
                    least[piece + 1][end] = (sum, start);
                }
            }
        }
    }
    let mut cuts = vec![chars];
    for piece in (1..=pieces).rev() {
        cuts.push(least[piece][cuts[cuts.len() - 1]].1);
    }
    cuts.reverse();
    cuts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::texts::Slice;
    use super::*;

    proptest! {
        #[test]
        fn pieces_are_the_pattern(
            pattern in "[a-e é漢🚀]{1,130}",
            pieces in 1..20_usize,
            texts in prop::collection::vec("[a-e é漢]{0,100}", 0..5),
        ) {
            let frequencies = Frequencies::of(&Slice(&texts));
            let cut = Cut::new(&pattern, pieces, &frequencies);
            let chars = pattern.chars().count();
            prop_assert_eq!(cut.is_some(), pieces <= chars);
            let Some(cut) = cut else { return Ok(()) };
            prop_assert_eq!(cut.pieces.len(), pieces);
            let mut at = 0;
            for piece in &cut.pieces {
                prop_assert_eq!(piece.start, at);
                prop_assert_eq!(pattern[..at].chars().count(), piece.before);
                prop_assert!(piece.end > at && pattern.is_char_boundary(piece.end));
                prop_assert!(piece.window >= piece.start);
                prop_assert!(piece.window + piece.width <= piece.end);
                prop_assert_eq!(piece.width, (piece.end - piece.start).min(PLACES));
                at = piece.end;
            }
            prop_assert_eq!(at, pattern.len());
        }
    }

    #[test]
    fn cuts_avoid_what_is_frequent() {
        let texts = ["the theatre of the thesis then".repeat(50)];
        let frequencies = Frequencies::of(&Slice(&texts));
        let cut = Cut::new("the quartz", 2, &frequencies).unwrap();
        assert!(cut.often < 1e-3, "{}", cut.often);
        assert!(cut.pieces.iter().all(|piece| piece.width == 4));
    }
}
