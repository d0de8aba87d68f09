//! Eight 64-bit words at a time, on whatever vector unit there is.
//!
//! The algorithms are written once, over [`Simd`]. An implementation of it is
//! a token that can only be had where the processor has the instructions, so
//! everything outside this folder is safe code. All of them work on the same
//! [`Row`] of eight words: one AVX-512 register, two of AVX2, four of NEON or
//! plain integers. So every path cuts its work in the same way, and any two
//! can be compared on it.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod prefix;

use std::fmt;
use std::str::FromStr;

use super::ScoringError;
use super::teddy::Tables;

/// Texts that are scored side by side.
pub(super) const LANES: usize = 8;

/// Bytes that a scan looks at beyond the 64 it answers for.
pub(super) const REACH: usize = 3;

/// A word for each lane, as it lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(super) struct Row(pub(super) [u64; LANES]);

impl Row {
    pub(super) const ZERO: Self = Self([0; LANES]);
    pub(super) const ONES: Self = Self([!0; LANES]);
}

/// A vector unit.
///
/// Every method is `#[inline(always)]`: only inside [`Simd::vectorize`] are
/// the unit's instructions switched on.
pub(super) trait Simd: Copy {
    /// A [`Row`] in registers.
    type Words: Copy;
    /// The tables of a [`Tables`] in registers.
    type Tables: Copy;
    /// Words of a text that there are registers for: 1 or 4.
    const ABREAST: usize = 1;

    /// Runs a task with the unit's instructions switched on.
    fn vectorize<T: Task>(self, task: T) -> T::Output;

    fn load(self, row: &Row) -> Self::Words;
    fn store(self, row: &mut Row, words: Self::Words);

    fn and(self, a: Self::Words, b: Self::Words) -> Self::Words;
    fn or(self, a: Self::Words, b: Self::Words) -> Self::Words;
    fn xor(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// `a & !b`.
    fn and_not(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// Lane by lane, modulo 2^64.
    fn add(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// `a << 1`, filled with the top bit of `below`.
    fn shift_in(self, a: Self::Words, below: Self::Words) -> Self::Words;
    /// The top bit of each lane as its lowest bit.
    fn top(self, a: Self::Words) -> Self::Words;
    /// The lesser of each two lanes, as signed integers.
    fn min(self, a: Self::Words, b: Self::Words) -> Self::Words;
    /// The number of clear bits of each lane.
    fn count_zeros(self, a: Self::Words) -> Self::Words;
    /// Reads each lane as 64 steps, up by 1 where `plus` is set and down by 1
    /// where `minus` is: the least height after any of the steps, and the
    /// height after the last, as signed integers.
    fn walk(self, plus: Self::Words, minus: Self::Words) -> (Self::Words, Self::Words);

    /// The positions of `byte` among 64 bytes.
    fn equal(self, bytes: &[u8; 64], byte: u8) -> u64;

    /// The positions of each code among 64 bytes of each lane's text.
    #[inline(always)]
    fn masks(self, texts: &[[u8; 64]; LANES], codes: &[u8], masks: &mut [Row]) {
        for (lane, text) in texts.iter().enumerate() {
            for (mask, &code) in masks.iter_mut().zip(codes) {
                mask.0[lane] = self.equal(text, code);
            }
        }
    }

    /// Packs 64 bytes of UTF-8 to one code for each character that starts
    /// there: its own if it is ASCII, else `absent`. Says which bytes start
    /// characters, and which of these are not ASCII; `codes` beyond these are
    /// of no meaning.
    #[inline(always)]
    fn pack(self, bytes: &[u8; 64], absent: u8, codes: &mut [u8; 64]) -> (u64, u64) {
        let (mut starts, mut others, mut end) = (0, 0, 0);
        for (at, &byte) in bytes.iter().enumerate() {
            let (start, other) = (byte & 0xC0 != 0x80, byte >= 0xC0);
            // Overwritten by the next character unless this starts one.
            codes[end & 63] = if other { absent } else { byte };
            end += usize::from(start);
            starts |= u64::from(start) << at;
            others |= u64::from(other) << at;
        }
        (starts, others)
    }

    fn tables(self, tables: &Tables) -> Self::Tables;
    /// Looks for the starts of pieces at the first 64 of some bytes: which of
    /// them may start one, and, where any may, the buckets of each.
    fn starts(self, tables: Self::Tables, bytes: &[u8; 64 + REACH], buckets: &mut [u8; 64]) -> u64;
}

/// Something to compute on a vector unit.
pub(super) trait Task {
    type Output;

    /// Implementations are `#[inline(always)]`; see [`Simd`].
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Which instructions to score with.
///
/// The default is the fastest that the processor has. All give the same
/// scores: choosing another is for tests, by [`Options`](super::Options) or by
/// the environment variable `IFRS_SCORING_PATH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path(Unit);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Portable(portable::Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon),
}

const VARIABLE: &str = "IFRS_SCORING_PATH";

impl Path {
    /// For what is too little to choose.
    pub(super) const PORTABLE: Self = Self(Unit::Portable(portable::Portable));

    /// Every path of this processor, the fastest first.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(avx512::Avx512::detect().map(Unit::Avx512));
            all.extend(avx2::Avx2::detect().map(Unit::Avx2));
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(neon::Neon::detect().map(Unit::Neon));
        let mut all: Vec<Self> = all.into_iter().map(Self).collect();
        all.push(Self::PORTABLE);
        all
    }

    /// The path that `IFRS_SCORING_PATH` names, or the fastest.
    ///
    /// # Errors
    ///
    /// [`ScoringError::UnknownPath`] where this processor has no such path.
    pub fn choose() -> Result<Self, ScoringError> {
        match std::env::var(VARIABLE) {
            Ok(name) if !name.is_empty() => name.parse(),
            _ => Ok(Self::all()[0]),
        }
    }

    /// The name that [`FromStr`] reads back.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self.0 {
            Unit::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Unit::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Unit::Avx512(_) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Unit::Neon(_) => "neon",
        }
    }

    /// Runs a task on the path's vector unit.
    pub(super) fn run<T: Task>(self, task: T) -> T::Output {
        match self.0 {
            Unit::Portable(unit) => unit.vectorize(task),
            #[cfg(target_arch = "x86_64")]
            Unit::Avx2(unit) => unit.vectorize(task),
            #[cfg(target_arch = "x86_64")]
            Unit::Avx512(unit) => unit.vectorize(task),
            #[cfg(target_arch = "aarch64")]
            Unit::Neon(unit) => unit.vectorize(task),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Path {
    type Err = ScoringError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::all()
            .into_iter()
            .find(|path| path.as_str() == name)
            .ok_or_else(|| ScoringError::UnknownPath(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// What [`Simd::pack`] made of some bytes.
    type Packed = (Vec<u8>, u64, u64);

    /// Every operation on the same operands.
    struct All {
        a: Row,
        b: Row,
        bytes: [u8; 64 + REACH],
        byte: u8,
        tables: Tables,
    }

    #[derive(Debug, PartialEq)]
    struct Results {
        rows: Vec<Row>,
        equal: u64,
        starts: u64,
        masks: Vec<Row>,
        packed: Packed,
    }

    impl Task for &All {
        type Output = Results;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Results {
            let (a, b) = (simd.load(&self.a), simd.load(&self.b));
            let (least, last) = simd.walk(a, simd.and_not(b, a));
            let rows = [
                simd.and(a, b),
                simd.or(a, b),
                simd.xor(a, b),
                simd.and_not(a, b),
                simd.add(a, b),
                simd.shift_in(a, b),
                simd.top(a),
                simd.min(a, b),
                simd.count_zeros(a),
                least,
                last,
            ];
            let mut first = [0; 64];
            first.copy_from_slice(&self.bytes[..64]);
            let starts = simd.starts(simd.tables(&self.tables), &self.bytes, &mut [0; 64]);
            let mut masks = vec![Row::ZERO; usize::from(self.byte)];
            let codes: Vec<u8> = (0..self.byte).map(|code| code.wrapping_mul(5) ^ 97).collect();
            let texts: [[u8; 64]; LANES] = std::array::from_fn(|lane| {
                let words = self.a.0.map(|word| (word >> lane).to_le_bytes());
                std::array::from_fn(|at| words[at / 8][at % 8])
            });
            simd.masks(&texts, &codes, &mut masks);
            let mut packed = [0; 64];
            let (firsts, others) = simd.pack(&texts[0], 0xFF, &mut packed);
            let packed = packed[..firsts.count_ones() as usize].to_vec();
            Results {
                masks,
                packed: (packed, firsts, others),
                rows: rows
                    .into_iter()
                    .map(|words| {
                        let mut row = Row::ZERO;
                        simd.store(&mut row, words);
                        row
                    })
                    .collect(),
                equal: simd.equal(&first, self.byte),
                starts,
            }
        }
    }

    fn row() -> impl Strategy<Value = Row> {
        prop::array::uniform8(prop_oneof![any::<u64>(), Just(0), Just(!0), Just(1 << 63)])
            .prop_map(Row)
    }

    proptest! {
        #[test]
        fn every_path_computes_the_same(
            a in row(),
            b in row(),
            // Few distinct bytes, so that pieces do start somewhere.
            bytes in prop::collection::vec(97..105_u8, 64 + REACH),
            byte in 96..106_u8,
            pieces in prop::collection::vec(prop::collection::vec(97..105_u8, 2..6), 1..20),
        ) {
            let windows: Vec<&[u8]> =
                pieces.iter().map(|piece| &piece[..piece.len().min(4)]).collect();
            let (tables, _) = Tables::new(&windows);
            let all = All { a, b, bytes: bytes.clone().try_into().unwrap(), byte, tables };
            let expected = Path::PORTABLE.run(&all);
            for (lane, &word) in a.0.iter().enumerate() {
                let minus = b.0[lane] & !word;
                let (mut height, mut least) = (0_i64, i64::MAX);
                for bit in 0..64 {
                    height += (word >> bit & 1) as i64 - (minus >> bit & 1) as i64;
                    least = least.min(height);
                }
                prop_assert_eq!(expected.rows[9].0[lane] as i64, least);
                prop_assert_eq!(expected.rows[10].0[lane] as i64, height);
            }
            for (at, &found) in bytes[..64].iter().enumerate() {
                prop_assert_eq!(expected.equal >> at & 1 == 1, found == byte);
                let starts = windows.iter().any(|window| bytes[at..].starts_with(window));
                for path in Path::all() {
                    // Narrower tables may say yes more often.
                    prop_assert!(!starts || path.run(&all).starts >> at & 1 == 1, "{}", path);
                }
            }
            for path in Path::all() {
                let results = path.run(&all);
                prop_assert_eq!(&results.rows, &expected.rows, "{}", path);
                prop_assert_eq!(results.equal, expected.equal);
                prop_assert_eq!(&results.masks, &expected.masks, "{}", path);
                prop_assert_eq!(&results.packed, &expected.packed, "{}", path);
            }
        }
    }

    #[test]
    fn paths_are_read_by_name() {
        for path in Path::all() {
            assert_eq!(path.to_string().parse::<Path>().unwrap(), path);
        }
        assert!(matches!("abacus".parse::<Path>(), Err(ScoringError::UnknownPath(_))));
    }
}
