//! AVX-512, as Ice Lake and Zen 4 have it: byte permutations (VBMI), funnel
//! shifts (VBMI2) and bit counts (BITALG, VPOPCNTDQ) beside the base.

use std::arch::x86_64::*;

use super::prefix::{LAST_OF_4, LEAST_OF_4};
use super::{REACH, Row, Simd, Tables, Task};

/// Exists only where the processor has the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vbmi2")
            && is_x86_feature_detected!("avx512bitalg")
            && is_x86_feature_detected!("avx512vpopcntdq")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2"))
        .then_some(Self(()))
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,avx512bitalg")]
#[target_feature(enable = "avx512vpopcntdq,popcnt,bmi1,bmi2")]
fn switched_on<T: Task>(unit: Avx512, task: T) -> T::Output {
    task.run(unit)
}

/// Sixty-four bytes of a constant table.
#[inline(always)]
fn quarter(table: &[u8; 256], index: usize) -> __m512i {
    let bytes = &table.as_chunks::<64>().0[index];
    // SAFETY: the reference is to 64 readable bytes, and the load needs no
    // alignment. An `Avx512` exists, so the processor has the instruction.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// A table of 256 bytes in registers.
#[derive(Clone, Copy)]
struct Table([__m512i; 4]);

impl Table {
    #[inline(always)]
    fn new(table: &[u8; 256]) -> Self {
        Self(std::array::from_fn(|index| quarter(table, index)))
    }

    /// The entry of each byte; `high` has the top bit of each byte.
    #[inline(always)]
    fn get(self, index: __m512i, high: __mmask64) -> __m512i {
        let [a, b, c, d] = self.0;
        // SAFETY: an `Avx512` exists, so the processor has the instructions.
        unsafe {
            let low = _mm512_permutex2var_epi8(a, index, b);
            _mm512_mask_blend_epi8(high, low, _mm512_permutex2var_epi8(c, index, d))
        }
    }
}

impl Simd for Avx512 {
    type Words = __m512i;
    type Tables = [(__m512i, __m512i); 4];

    fn vectorize<T: Task>(self, task: T) -> T::Output {
        // SAFETY: `self` exists, so `detect` has found every feature that
        // `switched_on` enables.
        unsafe { switched_on(self, task) }
    }

    #[inline(always)]
    fn load(self, row: &Row) -> __m512i {
        // SAFETY: a row is 64 bytes, aligned to as many; the instruction is
        // there, as `self` exists.
        unsafe { _mm512_load_si512(row.0.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, row: &mut Row, words: __m512i) {
        // SAFETY: as for `load`.
        unsafe { _mm512_store_si512(row.0.as_mut_ptr().cast(), words) }
    }

    #[inline(always)]
    fn and(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` exists, so the processor has the instruction.
        unsafe { _mm512_and_si512(a, b) }
    }

    #[inline(always)]
    fn or(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` exists, so the processor has the instruction.
        unsafe { _mm512_or_si512(a, b) }
    }

    #[inline(always)]
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` exists, so the processor has the instruction.
        unsafe { _mm512_xor_si512(a, b) }
    }

    #[inline(always)]
    fn and_not(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` exists, so the processor has the instruction.
        unsafe { _mm512_andnot_si512(b, a) }
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` exists, so the processor has the instruction.
        unsafe { _mm512_add_epi64(a, b) }
    }

    #[inline(always)]
    fn shift_in(self, a: __m512i, below: __m512i) -> __m512i {
        // SAFETY: `self` exists, so the processor has the instruction.
        unsafe { _mm512_shldi_epi64::<1>(a, below) }
    }

    #[inline(always)]
    fn top(self, a: __m512i) -> __m512i {
        // SAFETY: `self` exists, so the processor has the instruction.
        unsafe { _mm512_srli_epi64::<63>(a) }
    }

    #[inline(always)]
    fn min(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` exists, so the processor has the instruction.
        unsafe { _mm512_min_epi64(a, b) }
    }

    #[inline(always)]
    fn count_zeros(self, a: __m512i) -> __m512i {
        // SAFETY: `self` exists, so the processor has the instructions.
        unsafe { _mm512_popcnt_epi64(_mm512_andnot_si512(a, _mm512_set1_epi64(-1))) }
    }

    #[inline(always)]
    fn walk(self, plus: __m512i, minus: __m512i) -> (__m512i, __m512i) {
        let (least, last) = (Table::new(&LEAST_OF_4), Table::new(&LAST_OF_4));
        // SAFETY: `self` exists, so the processor has the instructions.
        unsafe {
            // Each byte is eight steps: its low four, then its high four.
            let nibble = _mm512_set1_epi8(15);
            let select = |low, high| _mm512_ternarylogic_epi64::<0xCA>(nibble, low, high);
            let first = select(plus, _mm512_slli_epi16::<4>(minus));
            let second = select(_mm512_srli_epi16::<4>(plus), minus);
            let (top_1, top_2) = (_mm512_movepi8_mask(first), _mm512_movepi8_mask(second));
            let low = _mm512_min_epi8(
                least.get(first, top_1),
                _mm512_add_epi8(last.get(first, top_1), least.get(second, top_2)),
            );
            let step = _mm512_sub_epi8(_mm512_popcnt_epi8(plus), _mm512_popcnt_epi8(minus));
            // The heights after each byte of a lane: sums of two, four, eight.
            let heights = _mm512_add_epi8(step, _mm512_slli_epi64::<8>(step));
            let heights = _mm512_add_epi8(heights, _mm512_slli_epi64::<16>(heights));
            let heights = _mm512_add_epi8(heights, _mm512_slli_epi64::<32>(heights));
            // Each byte's least, from the height before it; then the lane's.
            let low = _mm512_add_epi8(low, _mm512_slli_epi64::<8>(heights));
            let low = _mm512_min_epi8(low, _mm512_srli_epi64::<32>(low));
            let low = _mm512_min_epi8(low, _mm512_srli_epi64::<16>(low));
            let low = _mm512_min_epi8(low, _mm512_srli_epi64::<8>(low));
            (
                _mm512_srai_epi64::<56>(_mm512_slli_epi64::<56>(low)),
                _mm512_srai_epi64::<56>(heights),
            )
        }
    }

    #[inline(always)]
    fn equal(self, bytes: &[u8; 64], byte: u8) -> u64 {
        // SAFETY: the load reads the 64 bytes of the array and needs no
        // alignment; the instructions are there, as `self` exists.
        unsafe {
            let bytes = _mm512_loadu_si512(bytes.as_ptr().cast());
            _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte.cast_signed()))
        }
    }

    #[inline(always)]
    fn tables(self, tables: &Tables) -> Self::Tables {
        std::array::from_fn(|place| {
            let halves = tables.whole[place].as_chunks::<64>().0;
            // SAFETY: each half is 64 readable bytes, and the load needs no
            // alignment; the instruction is there, as `self` exists.
            unsafe {
                (
                    _mm512_loadu_si512(halves[0].as_ptr().cast()),
                    _mm512_loadu_si512(halves[1].as_ptr().cast()),
                )
            }
        })
    }

    #[inline(always)]
    fn starts(self, tables: Self::Tables, bytes: &[u8; 64 + REACH], buckets: &mut [u8; 64]) -> u64 {
        // SAFETY: the loads start at bytes 0 to 3 and end at byte 67, the
        // store fills the 64 bytes of its array, and neither needs alignment;
        // the instructions are there, as `self` exists.
        unsafe {
            let start = bytes.as_ptr();
            // A permutation takes the low seven bits of each byte as its index.
            let look_up = |place: usize| {
                let at = _mm512_loadu_si512(start.add(place).cast());
                _mm512_permutex2var_epi8(tables[place].0, at, tables[place].1)
            };
            let (a, b, c, d) = (look_up(0), look_up(1), look_up(2), look_up(3));
            let found = _mm512_and_si512(_mm512_ternarylogic_epi64::<0x80>(a, b, c), d);
            let mask = _mm512_test_epi8_mask(found, found);
            if mask != 0 {
                _mm512_storeu_si512(buckets.as_mut_ptr().cast(), found);
            }
            mask
        }
    }
}
