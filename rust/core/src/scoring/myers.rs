//! The least Levenshtein distance of a pattern to any substring of a text.
//!
//! The dynamic programme is that of Sellers ("The theory and computation of
//! evolutionary distances: pattern recognition", *J. Algorithms* 1, 1980): one
//! column for each character of the text, whose top cell is 0 because a match
//! may start anywhere, and whose bottom cell is the least distance over the
//! substrings that end there. Myers (*JACM* 46(3), 1999) keeps a column as the
//! differences of its neighbouring cells, each -1, 0 or 1, in two bit vectors,
//! and computes the next column 64 cells at a time; the formulas are in the
//! arrangement of Hyyrö (*Nordic J. Computing* 10(1), 2003).

use super::alphabet::{Masks, Symbol, WORD};

/// Up to 64 cells of a column, as the differences to the cell above each.
#[derive(Clone, Copy)]
struct Cells {
    /// Bit set: one more than the cell above.
    plus: u64,
    /// Bit set: one less than the cell above.
    minus: u64,
}

/// The differences of some cells to their left neighbours.
#[derive(Clone, Copy)]
struct Horizontal {
    /// Bit set: one more than the cell to the left.
    plus: u64,
    /// Bit set: one less than the cell to the left.
    minus: u64,
}

impl Horizontal {
    /// The top row, which is 0 all along.
    const TOP: Self = Self { plus: 0, minus: 0 };

    /// The difference of the cell at one bit, as a carry for the cells below.
    #[inline]
    fn at(self, bit: u32) -> Self {
        Self { plus: self.plus >> bit & 1, minus: self.minus >> bit & 1 }
    }

    /// The difference held by a carry.
    #[inline]
    fn delta(self) -> isize {
        self.plus as isize - self.minus as isize
    }
}

impl Cells {
    /// Cells of which each is one more than the one above, as in column 0.
    const FRESH: Self = Self { plus: !0, minus: 0 };

    /// Moves to the next column.
    ///
    /// `equal` marks the cells whose pattern character is the column's;
    /// `above` is the difference of the cell over the topmost one.
    #[inline]
    fn advance(&mut self, equal: u64, above: Horizontal) -> Horizontal {
        let vertical = equal | self.minus;
        let equal = equal | above.minus;
        let diagonal = ((equal & self.plus).wrapping_add(self.plus) ^ self.plus) | equal;
        let across =
            Horizontal { plus: self.minus | !(diagonal | self.plus), minus: self.plus & diagonal };
        let plus = across.plus << 1 | above.plus;
        let minus = across.minus << 1 | above.minus;
        self.plus = minus | !(vertical | plus);
        self.minus = plus & vertical;
        across
    }
}

/// A block of 64 cells (the last one: what is left) and its bottom cell.
#[derive(Clone, Copy)]
pub(super) struct Block {
    cells: Cells,
    bottom: isize,
}

/// The least Levenshtein distance of the pattern to any substring of the text,
/// or nothing when it exceeds `bound`.
///
/// `blocks` is working memory; its contents do not matter.
pub(super) fn least_distance<S: Symbol>(
    masks: &Masks,
    text: &[S],
    bound: usize,
    blocks: &mut Vec<Block>,
) -> Option<usize> {
    // Each missing character costs at least one insertion.
    if masks.len() > text.len().saturating_add(bound) {
        None
    } else if masks.words() == 1 {
        one_word(masks, text, bound)
    } else {
        many_words(masks, text, bound, blocks)
    }
}

/// For a pattern of at most 64 characters.
fn one_word<S: Symbol>(masks: &Masks, text: &[S], bound: usize) -> Option<usize> {
    let last = masks.last_bit();
    let mut cells = Cells::FRESH;
    let mut bottom = masks.len() as isize;
    let mut least = bottom;
    for &symbol in text {
        let across = cells.advance(masks.word(symbol), Horizontal::TOP);
        bottom += across.at(last).delta();
        least = least.min(bottom);
        if least == 0 {
            break;
        }
    }
    let least = least.unsigned_abs();
    (least <= bound).then_some(least)
}

/// For a pattern of any length.
///
/// Only the blocks that may hold a cell of at most `limit` are computed
/// (Ukkonen, "Finding approximate patterns in strings", *J. Algorithms* 6,
/// 1985; in blocks by Myers, section 4). The limit starts at the bound and
/// drops below each distance found, since only a lesser one is of interest.
/// Cells of at most `limit` are exact; others may be too high, but no path to
/// a cell of at most `limit` leads through them.
fn many_words<S: Symbol>(
    masks: &Masks,
    text: &[S],
    bound: usize,
    blocks: &mut Vec<Block>,
) -> Option<usize> {
    let len = masks.len();
    let final_block = masks.words() - 1;
    let height = |block: usize| {
        if block < final_block { WORD } else { len - final_block * WORD }
    };
    // The bottom row of a block, as a bit of its word. The final word's bits
    // above it never reach it: carries only run upwards.
    let bottom_bit = |block: usize| (height(block) - 1) as u32;

    // The empty substring is at distance `len`.
    let mut least = (bound >= len).then_some(len);
    let mut limit = bound.min(len - 1) as isize;

    // In column 0 row r holds r, so these blocks hold all cells up to `limit`.
    let mut active = (limit as usize).div_ceil(WORD).max(1);
    blocks.clear();
    blocks.extend((0..active).map(|block| Block {
        cells: Cells::FRESH,
        bottom: (block * WORD + height(block)) as isize,
    }));

    for &symbol in text {
        let mask = masks.mask(symbol);
        let mut carry = Horizontal::TOP;
        for (index, (block, &equal)) in blocks.iter_mut().zip(mask).enumerate() {
            carry = block.cells.advance(equal, carry).at(bottom_bit(index));
            block.bottom += carry.delta();
        }

        let bottom = blocks[active - 1].bottom;
        // The cell below the active ones can only have come down to `limit`
        // over the diagonal, by a match, or from above, by a decrease.
        if active <= final_block
            && bottom - carry.delta() <= limit
            && (mask[active] & 1 == 1 || carry.minus == 1)
        {
            let mut cells = Cells::FRESH;
            let across = cells.advance(mask[active], carry).at(bottom_bit(active));
            blocks.push(Block {
                cells,
                bottom: bottom - carry.delta() + height(active) as isize + across.delta(),
            });
            active += 1;
        }

        let bottom = blocks[active - 1].bottom;
        if active > final_block && bottom <= limit {
            least = Some(bottom.unsigned_abs());
            if bottom == 0 {
                break;
            }
            limit = bottom - 1;
        }

        // A block whose bottom is this high holds no cell of at most `limit`,
        // as neighbours differ by at most 1.
        while active > 1 && blocks[active - 1].bottom >= limit + height(active - 1) as isize {
            active -= 1;
        }
        blocks.truncate(active);
    }
    least
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::oracle;
    use super::*;

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    fn distance(text: &str, pattern: &str) -> usize {
        let masks = Masks::new(pattern);
        least_distance(&masks, &chars(text), usize::MAX, &mut Vec::new()).unwrap()
    }

    #[test]
    fn known_distances() {
        for (text, pattern, expected) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("xxabcxx", "abc", 0),
            ("xxabxcx", "abc", 1),
            ("xxacxx", "abc", 1),
            ("xxadcxx", "abc", 1),
            ("zzz", "abc", 3),
            ("a", "abc", 2),
            ("sitting", "kitten", 2),
            ("CGTACGTGAGTGA", "ACGTGA", 0),
            ("数学の答えは四十二", "答えは四二", 1),
            ("cafe\u{301}", "caf\u{e9}", 1),
            ("👩🏽\u{200d}🚀", "👩\u{200d}🚀", 1),
        ] {
            assert_eq!(distance(text, pattern), expected, "{pattern:?} in {text:?}");
        }
    }

    #[test]
    fn long_patterns() {
        for m in [64, 65, 127, 128, 129, 1000] {
            let pattern: String = ('a'..='z').cycle().take(m).collect();
            assert_eq!(distance("", &pattern), m);
            assert_eq!(distance(&format!("!!!{pattern}!!!"), &pattern), 0);
            let without_middle = [&pattern[..m / 2], &pattern[m / 2 + 1..]].concat();
            assert_eq!(distance(&without_middle, &pattern), 1);
            let with_middle = [&pattern[..m / 2], "#", &pattern[m / 2..]].concat();
            assert_eq!(distance(&with_middle, &pattern), 1);
            assert_eq!(distance(&"!".repeat(2 * m), &pattern), m);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_oracle((text, pattern) in oracle::text_and_pattern()) {
            prop_assert_eq!(distance(&text, &pattern), oracle::least_distance(&text, &pattern));
        }

        #[test]
        fn one_and_many_words_agree(
            (text, pattern) in oracle::text_and_pattern(),
            bound in 0..140_usize,
        ) {
            let pattern: String = pattern.chars().take(64).collect();
            let masks = Masks::new(&pattern);
            let text = chars(&text);
            prop_assert_eq!(
                one_word(&masks, &text, bound),
                many_words(&masks, &text, bound, &mut Vec::new())
            );
        }

        #[test]
        fn a_bound_only_hides((text, pattern) in oracle::text_and_pattern(), share in 0.0..1.2) {
            let masks = Masks::new(&pattern);
            let least = oracle::least_distance(&text, &pattern);
            let near = (least + 1).saturating_sub((share * 3.0) as usize);
            let anywhere = (masks.len() as f64 * share) as usize;
            for bound in [near, anywhere] {
                prop_assert_eq!(
                    least_distance(&masks, &chars(&text), bound, &mut Vec::new()),
                    (least <= bound).then_some(least)
                );
            }
        }

        #[test]
        fn bytes_and_chars_agree(text in "[abc]{0,200}", pattern in "[abcé]{1,140}") {
            let masks = Masks::new(&pattern);
            let blocks = &mut Vec::new();
            prop_assert_eq!(
                least_distance(&masks, text.as_bytes(), usize::MAX, blocks),
                least_distance(&masks, &chars(&text), usize::MAX, blocks)
            );
        }
    }
}
