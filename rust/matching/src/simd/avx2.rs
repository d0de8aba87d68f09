//! AVX2: two registers for eight words.

use std::arch::x86_64::*;

use super::prefix::{LAST_OF_2, LEAST_OF_2};
use super::{REACH, Row, Simd, Tables, Task};

/// Exists only where the processor has the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2"))
        .then_some(Self(()))
    }
}

#[target_feature(enable = "avx2,popcnt,bmi1,bmi2")]
fn switched_on<T: Task>(unit: Avx2, task: T) -> T::Output {
    task.run(unit)
}

/// Two registers.
#[derive(Clone, Copy)]
pub(super) struct Words([__m256i; 2]);

/// Applies a function to each of two pairs of registers.
#[inline(always)]
fn zip(a: Words, b: Words, f: impl Fn(__m256i, __m256i) -> __m256i) -> Words {
    Words([f(a.0[0], b.0[0]), f(a.0[1], b.0[1])])
}

/// Sixteen bytes, in both halves of a register.
#[inline(always)]
fn twice(table: &[u8; 16]) -> __m256i {
    // SAFETY: the load reads the 16 bytes of the array and needs no alignment.
    // An `Avx2` exists, so the processor has the instructions.
    unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast())) }
}

/// The low byte of each lane as a signed integer.
#[inline(always)]
fn extend(a: __m256i) -> __m256i {
    // SAFETY: an `Avx2` exists, so the processor has the instructions.
    unsafe {
        let sign = _mm256_set1_epi64x(0x80);
        let byte = _mm256_and_si256(a, _mm256_set1_epi64x(0xFF));
        _mm256_sub_epi64(_mm256_xor_si256(byte, sign), sign)
    }
}

/// [`Simd::walk`] of one register, two steps at a time.
#[inline(always)]
fn walk(plus: __m256i, minus: __m256i) -> (__m256i, __m256i) {
    let (least, last) = (twice(&LEAST_OF_2), twice(&LAST_OF_2));
    // SAFETY: an `Avx2` exists, so the processor has the instructions.
    unsafe {
        let pair = _mm256_set1_epi8(3);
        // The walk of each byte's two steps at the bottom of `plus` and
        // `minus`, as an index.
        let index = |plus, minus| {
            let down = _mm256_slli_epi64::<2>(_mm256_and_si256(minus, pair));
            _mm256_or_si256(_mm256_and_si256(plus, pair), down)
        };
        let indices = [
            index(plus, minus),
            index(_mm256_srli_epi64::<2>(plus), _mm256_srli_epi64::<2>(minus)),
            index(_mm256_srli_epi64::<4>(plus), _mm256_srli_epi64::<4>(minus)),
            index(_mm256_srli_epi64::<6>(plus), _mm256_srli_epi64::<6>(minus)),
        ];
        let mut low = _mm256_shuffle_epi8(least, indices[0]);
        let mut step = _mm256_shuffle_epi8(last, indices[0]);
        for index in &indices[1..] {
            let next = _mm256_add_epi8(step, _mm256_shuffle_epi8(least, *index));
            low = _mm256_min_epi8(low, next);
            step = _mm256_add_epi8(step, _mm256_shuffle_epi8(last, *index));
        }
        // The heights after each byte of a lane: sums of two, four, eight.
        let heights = _mm256_add_epi8(step, _mm256_slli_epi64::<8>(step));
        let heights = _mm256_add_epi8(heights, _mm256_slli_epi64::<16>(heights));
        let heights = _mm256_add_epi8(heights, _mm256_slli_epi64::<32>(heights));
        // Each byte's least, from the height before it; then the lane's.
        let low = _mm256_add_epi8(low, _mm256_slli_epi64::<8>(heights));
        let low = _mm256_min_epi8(low, _mm256_srli_epi64::<32>(low));
        let low = _mm256_min_epi8(low, _mm256_srli_epi64::<16>(low));
        let low = _mm256_min_epi8(low, _mm256_srli_epi64::<8>(low));
        (extend(low), extend(_mm256_srli_epi64::<56>(heights)))
    }
}

impl Simd for Avx2 {
    type Words = Words;
    type Tables = [(__m256i, __m256i); 4];

    fn vectorize<T: Task>(self, task: T) -> T::Output {
        // SAFETY: `self` exists, so `detect` has found every feature that
        // `switched_on` enables.
        unsafe { switched_on(self, task) }
    }

    #[inline(always)]
    fn load(self, row: &Row) -> Words {
        let start = row.0.as_ptr().cast::<__m256i>();
        // SAFETY: a row is 64 bytes, aligned to as many; the instruction is
        // there, as `self` exists.
        unsafe { Words([_mm256_load_si256(start), _mm256_load_si256(start.add(1))]) }
    }

    #[inline(always)]
    fn store(self, row: &mut Row, words: Words) {
        let start = row.0.as_mut_ptr().cast::<__m256i>();
        // SAFETY: as for `load`.
        unsafe {
            _mm256_store_si256(start, words.0[0]);
            _mm256_store_si256(start.add(1), words.0[1]);
        }
    }

    #[inline(always)]
    fn and(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, b, |a, b| unsafe { _mm256_and_si256(a, b) })
    }

    #[inline(always)]
    fn or(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, b, |a, b| unsafe { _mm256_or_si256(a, b) })
    }

    #[inline(always)]
    fn xor(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, b, |a, b| unsafe { _mm256_xor_si256(a, b) })
    }

    #[inline(always)]
    fn and_not(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, b, |a, b| unsafe { _mm256_andnot_si256(b, a) })
    }

    #[inline(always)]
    fn add(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, b, |a, b| unsafe { _mm256_add_epi64(a, b) })
    }

    #[inline(always)]
    fn shift_in(self, a: Words, below: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instructions.
        zip(a, below, |a, below| unsafe {
            _mm256_or_si256(_mm256_add_epi64(a, a), _mm256_srli_epi64::<63>(below))
        })
    }

    #[inline(always)]
    fn top(self, a: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, a, |a, _| unsafe { _mm256_srli_epi64::<63>(a) })
    }

    #[inline(always)]
    fn min(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instructions.
        zip(a, b, |a, b| unsafe { _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi64(a, b)) })
    }

    #[inline(always)]
    fn count_zeros(self, a: Words) -> Words {
        let mut row = Row::ZERO;
        self.store(&mut row, a);
        self.load(&Row(row.0.map(|word| u64::from(word.count_zeros()))))
    }

    #[inline(always)]
    fn walk(self, plus: Words, minus: Words) -> (Words, Words) {
        let low = walk(plus.0[0], minus.0[0]);
        let high = walk(plus.0[1], minus.0[1]);
        (Words([low.0, high.0]), Words([low.1, high.1]))
    }

    #[inline(always)]
    fn equal(self, bytes: &[u8; 64], byte: u8) -> u64 {
        let start = bytes.as_ptr().cast::<__m256i>();
        // SAFETY: the loads read the two halves of the array's 64 bytes and
        // need no alignment; the instructions are there, as `self` exists.
        unsafe {
            let wanted = _mm256_set1_epi8(byte.cast_signed());
            let half = |at: usize| {
                let equal = _mm256_cmpeq_epi8(_mm256_loadu_si256(start.add(at)), wanted);
                u64::from(_mm256_movemask_epi8(equal).cast_unsigned())
            };
            half(0) | half(1) << 32
        }
    }

    #[inline(always)]
    fn tables(self, tables: &Tables) -> Self::Tables {
        std::array::from_fn(|place| (twice(&tables.low[place]), twice(&tables.high[place])))
    }

    #[inline(always)]
    fn starts(self, tables: Self::Tables, bytes: &[u8; 64 + REACH], buckets: &mut [u8; 64]) -> u64 {
        // SAFETY: the loads start at bytes 0 to 3 and 32 to 35 and end at
        // byte 67, the stores fill the 64 bytes of their array, and none needs
        // alignment; the instructions are there, as `self` exists.
        unsafe {
            let nibble = _mm256_set1_epi8(15);
            let half = |from: usize| {
                let look_up = |place: usize| {
                    let start = bytes.as_ptr().add(from + place);
                    let at = _mm256_loadu_si256(start.cast());
                    let low = _mm256_and_si256(at, nibble);
                    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(at), nibble);
                    _mm256_and_si256(
                        _mm256_shuffle_epi8(tables[place].0, low),
                        _mm256_shuffle_epi8(tables[place].1, high),
                    )
                };
                _mm256_and_si256(
                    _mm256_and_si256(look_up(0), look_up(1)),
                    _mm256_and_si256(look_up(2), look_up(3)),
                )
            };
            let (first, second) = (half(0), half(32));
            let either = _mm256_or_si256(first, second);
            if _mm256_testz_si256(either, either) == 1 {
                return 0;
            }
            let start = buckets.as_mut_ptr().cast::<__m256i>();
            _mm256_storeu_si256(start, first);
            _mm256_storeu_si256(start.add(1), second);
            let none = |found| {
                let zero = _mm256_cmpeq_epi8(found, _mm256_setzero_si256());
                u64::from(_mm256_movemask_epi8(zero).cast_unsigned())
            };
            !(none(first) | none(second) << 32)
        }
    }
}
