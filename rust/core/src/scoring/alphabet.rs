//! Where each character occurs in a pattern, as bit masks.
//!
//! Both bit-parallel algorithms read, for each character of the text, the set
//! of pattern positions that hold it. Bit `i % 64` of word `i / 64` of a
//! character's mask is set when the pattern's character `i` equals it.

/// Number of pattern positions in one machine word.
pub(super) const WORD: usize = u64::BITS as usize;

/// Rows of the table that belong to ASCII, addressed by the character itself.
const ASCII: usize = 128;

/// The row of every character that the pattern lacks; all zero.
const ABSENT: usize = ASCII;

/// The match masks of one pattern.
///
/// All masks lie in one table of equally long rows: first the 128 of ASCII,
/// then the empty one, then those of the pattern's other characters.
pub(super) struct Masks {
    len: usize,
    words: usize,
    rows: Vec<u64>,
    others: ScalarMap,
}

impl Masks {
    pub(super) fn new(pattern: &str) -> Self {
        let len = pattern.chars().count();
        let words = len.div_ceil(WORD);
        let mut rows = vec![0; (ABSENT + 1) * words];
        let mut others = ScalarMap::default();
        if !pattern.is_ascii() {
            let mut distinct: Vec<char> = pattern.chars().filter(|c| !c.is_ascii()).collect();
            distinct.sort_unstable();
            distinct.dedup();
            rows.resize((ABSENT + 1 + distinct.len()) * words, 0);
            others = ScalarMap::new(&distinct);
        }
        let mut masks = Self { len, words, rows, others };
        for (i, c) in pattern.chars().enumerate() {
            let row = c.row(&masks);
            masks.rows[row * words + i / WORD] |= 1 << (i % WORD);
        }
        masks
    }

    /// Number of characters of the pattern.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Number of words of each mask.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// The last word's bit that stands for the pattern's last character.
    pub(super) fn last_bit(&self) -> u32 {
        ((self.len + WORD - 1) % WORD) as u32
    }

    /// The first word of a character's mask: all of it, for a pattern of at
    /// most 64 characters.
    #[inline]
    pub(super) fn word<S: Symbol>(&self, symbol: S) -> u64 {
        self.rows[symbol.row(self) * self.words]
    }

    /// A character's mask.
    #[inline]
    pub(super) fn mask<S: Symbol>(&self, symbol: S) -> &[u64] {
        let start = symbol.row(self) * self.words;
        &self.rows[start..start + self.words]
    }
}

/// A character of a text, in the form in which the text is stored.
///
/// The kernels are generic over it so that ASCII text is read byte by byte,
/// without decoding and without a look-up in the map.
pub(super) trait Symbol: Copy {
    /// The index of this character's row in the table of masks.
    fn row(self, masks: &Masks) -> usize;
}

/// A byte below 128, of a text that is all ASCII.
impl Symbol for u8 {
    #[inline]
    fn row(self, _: &Masks) -> usize {
        usize::from(self)
    }
}

impl Symbol for char {
    #[inline]
    fn row(self, masks: &Masks) -> usize {
        if self.is_ascii() {
            self as usize
        } else {
            masks.others.get(self).map_or(ABSENT, |index| ABSENT + 1 + index)
        }
    }
}

/// An open-addressing map from a character to its position in a list.
///
/// Every character of a non-ASCII text is looked up, and the standard map's
/// keyed hash would cost more than the kernels' own step.
#[derive(Default)]
struct ScalarMap {
    slots: Vec<Option<(char, u32)>>,
    shift: u32,
}

impl ScalarMap {
    /// Maps each of some distinct characters to its position.
    fn new(distinct: &[char]) -> Self {
        // At most half full, so that a miss ends after a probe or two.
        let bits = (distinct.len() * 2).next_power_of_two().trailing_zeros();
        let mut map = Self { slots: vec![None; 1 << bits], shift: u32::BITS - bits };
        for (index, &c) in (0..).zip(distinct) {
            let mut slot = map.home(c);
            while map.slots[slot].is_some() {
                slot = map.after(slot);
            }
            map.slots[slot] = Some((c, index));
        }
        map
    }

    #[inline]
    fn get(&self, c: char) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut slot = self.home(c);
        while let Some((key, index)) = self.slots[slot] {
            if key == c {
                return Some(index as usize);
            }
            slot = self.after(slot);
        }
        None
    }

    /// Fibonacci hashing (Knuth, *TAOCP* 3, section 6.4): it spreads the runs
    /// of neighbouring code points that scripts consist of.
    #[inline]
    fn home(&self, c: char) -> usize {
        (u32::from(c).wrapping_mul(0x9E37_79B9) >> self.shift) as usize
    }

    #[inline]
    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks every mask bit of a pattern against the pattern itself.
    fn check(pattern: &str, probes: &str) {
        let masks = Masks::new(pattern);
        let chars: Vec<char> = pattern.chars().collect();
        assert_eq!(masks.len(), chars.len());
        assert_eq!(masks.words(), chars.len().div_ceil(64));
        assert_eq!(masks.last_bit() as usize, (chars.len() - 1) % 64);
        for c in pattern.chars().chain(probes.chars()) {
            let mask = masks.mask(c);
            assert_eq!(mask[0], masks.word(c));
            for i in 0..masks.words() * 64 {
                let set = mask[i / 64] >> (i % 64) & 1 == 1;
                assert_eq!(set, chars.get(i) == Some(&c), "{c:?} at {i}");
            }
            if let Ok(byte) = u8::try_from(c)
                && byte.is_ascii()
            {
                assert_eq!(masks.mask(byte), mask);
            }
        }
    }

    #[test]
    fn masks_mark_positions() {
        check("a", "b\0\u{7f}é漢");
        check("abracadabra", "xyzé");
        check(&"abc".repeat(43), "d漢");
        check("漢", "字");
        check("naïve 漢字 🚀 e\u{301}", "öß\u{10FFFF}\u{80}\u{302}");
    }

    #[test]
    fn many_distinct_characters_are_kept_apart() {
        for count in [1, 2, 3, 63, 64, 65, 500] {
            let pattern: String = ('\u{4E00}'..).take(count).collect();
            check(&pattern, "\u{4DFF}\u{4E00}\u{9000}");
        }
    }
}
