//! Texts, wherever they lie.

use std::ops::Range;

/// A list of texts.
///
/// Texts are UTF-8. They are read as bytes, as lists from outside promise
/// UTF-8 without proof: one that breaks the promise gets meaningless scores,
/// and nothing worse happens.
pub trait Texts: Sync {
    /// Number of texts.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A text; an empty one in place of a null.
    fn get(&self, index: usize) -> &[u8];

    /// The bytes of some texts, where they lie end to end in memory.
    fn joined(&self, range: Range<usize>) -> Option<&[u8]> {
        let _ = range;
        None
    }

    /// Where a text starts, in the memory that `joined` gives parts of.
    fn start(&self, index: usize) -> usize {
        let _ = index;
        0
    }
}

/// Strings of a slice as texts.
#[derive(Clone, Copy, Debug)]
pub struct Slice<'a, T>(pub &'a [T]);

impl<T: AsRef<str> + Sync> Texts for Slice<'_, T> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> &[u8] {
        self.0[index].as_ref().as_bytes()
    }
}

/// The ends of an Arrow column's texts, which are the starts of the next.
#[derive(Clone, Copy, Debug)]
pub enum Offsets<'a> {
    /// Of `string`.
    Narrow(&'a [i32]),
    /// Of `large_string`.
    Wide(&'a [i64]),
}

impl<'a> Offsets<'a> {
    /// Where each text is.
    pub fn ranges(self) -> impl Iterator<Item = Range<usize>> + use<'a> {
        (1..self.len()).map(move |end| self.at(end - 1)..self.at(end))
    }

    fn len(self) -> usize {
        match self {
            Self::Narrow(offsets) => offsets.len(),
            Self::Wide(offsets) => offsets.len(),
        }
    }

    #[inline]
    fn at(self, index: usize) -> usize {
        match self {
            Self::Narrow(offsets) => offsets[index] as usize,
            Self::Wide(offsets) => offsets[index] as usize,
        }
    }
}

/// Which texts are there: one bit for each, from some bit on.
#[derive(Clone, Copy, Debug)]
pub struct Validity<'a> {
    /// The bits, the lowest of each byte first.
    pub bits: &'a [u8],
    /// The first text's bit.
    pub first: usize,
}

impl Validity<'_> {
    #[inline]
    fn at(self, index: usize) -> bool {
        let bit = self.first + index;
        self.bits[bit / 8] >> (bit % 8) & 1 == 1
    }
}

/// A piece of an Arrow column.
#[derive(Clone, Debug)]
pub enum Chunk<'a> {
    /// Texts end to end.
    Joined {
        /// All the bytes.
        bytes: &'a [u8],
        /// One more than there are texts.
        offsets: Offsets<'a>,
        /// Nulls, if any.
        validity: Option<Validity<'a>>,
    },
    /// Texts here and there; a null is empty.
    Views(Vec<&'a [u8]>),
}

impl Chunk<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Joined { offsets, .. } => offsets.len().saturating_sub(1),
            Self::Views(views) => views.len(),
        }
    }
}

/// An Arrow column as texts.
#[derive(Clone, Debug)]
pub struct Column<'a> {
    chunks: Vec<Chunk<'a>>,
    /// The first text of each chunk, and the end.
    firsts: Vec<usize>,
}

impl<'a> Column<'a> {
    /// A column of some chunks.
    #[must_use]
    pub fn new(chunks: Vec<Chunk<'a>>) -> Self {
        let mut firsts = vec![0];
        for chunk in &chunks {
            firsts.push(firsts[firsts.len() - 1] + chunk.len());
        }
        Self { chunks, firsts }
    }

    /// A text's chunk, and its place there.
    #[inline]
    fn find(&self, index: usize) -> (usize, usize) {
        let chunk = match self.chunks.len() {
            1 => 0,
            _ => self.firsts.partition_point(|&first| first <= index) - 1,
        };
        (chunk, index - self.firsts[chunk])
    }
}

impl Texts for Column<'_> {
    fn len(&self) -> usize {
        self.firsts[self.chunks.len()]
    }

    fn get(&self, index: usize) -> &[u8] {
        let (chunk, place) = self.find(index);
        match &self.chunks[chunk] {
            Chunk::Joined { validity: Some(validity), .. } if !validity.at(place) => &[],
            Chunk::Joined { bytes, offsets, .. } => {
                &bytes[offsets.at(place)..offsets.at(place + 1)]
            }
            Chunk::Views(views) => views[place],
        }
    }

    fn joined(&self, range: Range<usize>) -> Option<&[u8]> {
        if range.is_empty() {
            return None;
        }
        let ((chunk, first), (other, last)) = (self.find(range.start), self.find(range.end - 1));
        match &self.chunks[chunk] {
            Chunk::Joined { bytes, offsets, .. } if chunk == other => {
                Some(&bytes[offsets.at(first)..offsets.at(last + 1)])
            }
            _ => None,
        }
    }

    fn start(&self, index: usize) -> usize {
        let (chunk, place) = self.find(index);
        match &self.chunks[chunk] {
            Chunk::Joined { offsets, .. } => offsets.at(place),
            Chunk::Views(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_its_chunks() {
        let validity = Validity { bits: &[0b1011_0000], first: 4 };
        let column = Column::new(vec![
            Chunk::Joined {
                bytes: b"..oneXXtwo",
                offsets: Offsets::Narrow(&[2, 5, 5, 7, 10]),
                validity: Some(validity),
            },
            Chunk::Views(vec![b"view", b""]),
            Chunk::Joined { bytes: b"", offsets: Offsets::Wide(&[0]), validity: None },
            Chunk::Joined { bytes: b"ab", offsets: Offsets::Wide(&[0, 1, 2]), validity: None },
        ]);
        let texts: Vec<&[u8]> = (0..column.len()).map(|index| column.get(index)).collect();
        // The third is null, whatever its bytes.
        let expected: [&[u8]; 8] = [b"one", b"", b"", b"two", b"view", b"", b"a", b"b"];
        assert_eq!(texts, expected);
        assert_eq!(column.joined(0..4), Some(&b"oneXXtwo"[..]));
        assert_eq!(column.joined(1..3), Some(&b"XX"[..]));
        assert_eq!(column.joined(3..5), None);
        assert_eq!(column.joined(4..6), None);
        assert_eq!(column.joined(2..2), None);
        assert_eq!(column.joined(6..8), Some(&b"ab"[..]));
        assert_eq!([column.start(0), column.start(3), column.start(7)], [2, 7, 1]);
        assert!(Column::new(Vec::new()).is_empty());
    }
}
