//! Plain integers, for any processor, and what the others are compared with.

use super::prefix::{LAST_OF_4, LEAST_OF_4};
use super::{LANES, REACH, Row, Simd, Tables, Task};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portable;

/// Applies a function to each two lanes.
#[inline(always)]
fn zip(a: Row, b: Row, f: impl Fn(u64, u64) -> u64) -> Row {
    Row(std::array::from_fn(|lane| f(a.0[lane], b.0[lane])))
}

/// [`Simd::walk`] of one lane, four steps at a time.
#[inline(always)]
fn walk(plus: u64, minus: u64) -> (i64, i64) {
    let (mut height, mut least) = (0, i64::MAX);
    for at in (0..64).step_by(4) {
        let index = (plus >> at & 15) as usize | ((minus >> at & 15) as usize) << 4;
        least = least.min(height + i64::from(LEAST_OF_4[index].cast_signed()));
        height += i64::from(LAST_OF_4[index].cast_signed());
    }
    (least, height)
}

impl Simd for Portable {
    type Words = Row;
    // Borrowed tables would need a lifetime in the trait, for this path alone.
    type Tables = [[u8; 128]; 4];

    fn vectorize<T: Task>(self, task: T) -> T::Output {
        task.run(self)
    }

    #[inline(always)]
    fn load(self, row: &Row) -> Row {
        *row
    }

    #[inline(always)]
    fn store(self, row: &mut Row, words: Row) {
        *row = words;
    }

    #[inline(always)]
    fn and(self, a: Row, b: Row) -> Row {
        zip(a, b, |a, b| a & b)
    }

    #[inline(always)]
    fn or(self, a: Row, b: Row) -> Row {
        zip(a, b, |a, b| a | b)
    }

    #[inline(always)]
    fn xor(self, a: Row, b: Row) -> Row {
        zip(a, b, |a, b| a ^ b)
    }

    #[inline(always)]
    fn and_not(self, a: Row, b: Row) -> Row {
        zip(a, b, |a, b| a & !b)
    }

    #[inline(always)]
    fn add(self, a: Row, b: Row) -> Row {
        zip(a, b, u64::wrapping_add)
    }

    #[inline(always)]
    fn shift_in(self, a: Row, below: Row) -> Row {
        zip(a, below, |a, below| a << 1 | below >> 63)
    }

    #[inline(always)]
    fn top(self, a: Row) -> Row {
        zip(a, a, |a, _| a >> 63)
    }

    #[inline(always)]
    fn min(self, a: Row, b: Row) -> Row {
        zip(a, b, |a, b| a.cast_signed().min(b.cast_signed()).cast_unsigned())
    }

    #[inline(always)]
    fn count_zeros(self, a: Row) -> Row {
        zip(a, a, |a, _| u64::from(a.count_zeros()))
    }

    #[inline(always)]
    fn walk(self, plus: Row, minus: Row) -> (Row, Row) {
        let (mut least, mut last) = (Row::ZERO, Row::ZERO);
        for lane in 0..LANES {
            let (low, end) = walk(plus.0[lane], minus.0[lane]);
            least.0[lane] = low.cast_unsigned();
            last.0[lane] = end.cast_unsigned();
        }
        (least, last)
    }

    #[inline(always)]
    fn equal(self, bytes: &[u8; 64], byte: u8) -> u64 {
        const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
        let wanted = u64::from_ne_bytes([byte; 8]);
        let mut mask = 0;
        for (index, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
            let differs = u64::from_le_bytes(*eight) ^ wanted;
            // The top bit of each byte that differs in any bit; no carry
            // leaves its byte.
            let any = ((differs & LOW) + LOW) | differs;
            // The product gathers the top bits, inverted, in its own top byte.
            let same = (!any >> 7) & 0x0101_0101_0101_0101;
            mask |= (same.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * index);
        }
        mask
    }

    #[inline(always)]
    fn tables(self, tables: &Tables) -> Self::Tables {
        tables.whole
    }

    #[inline(always)]
    fn starts(self, tables: Self::Tables, bytes: &[u8; 64 + REACH], buckets: &mut [u8; 64]) -> u64 {
        let mut mask = 0;
        for (at, bucket) in buckets.iter_mut().enumerate() {
            *bucket = tables
                .iter()
                .zip(&bytes[at..])
                .fold(!0, |bucket, (table, &byte)| bucket & table[usize::from(byte & 0x7F)]);
            mask |= u64::from(*bucket != 0) << at;
        }
        mask
    }
}
