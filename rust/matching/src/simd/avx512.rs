//! AVX-512, as Ice Lake and Zen 4 have it: byte permutations (VBMI), funnel
//! shifts (VBMI2), bit counts (BITALG, VPOPCNTDQ) and bit matrices (GFNI) beside
//! the base.

use std::arch::x86_64::*;

use super::prefix::{LAST_OF_4, LEAST_OF_4};
use super::{LANES, REACH, Row, Simd, Tables, Task};

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
            && is_x86_feature_detected!("gfni")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2"))
        .then_some(Self(()))
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,avx512vbmi2,avx512bitalg")]
#[target_feature(enable = "avx512vpopcntdq,gfni,popcnt,bmi1,bmi2")]
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

/// Codes from which on all planes of the text's bits are made first.
const MANY_CODES: usize = 6;

/// The bits of each byte, inverted, as words of all zeros or all ones.
static INVERTED: [[u64; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte][bit] = if byte >> bit & 1 == 1 { 0 } else { !0 };
            bit += 1;
        }
        byte += 1;
    }
    table
};

/// Exchanges rows and columns of an 8 by 8 matrix of bytes, or reverses its
/// rows.
static TURNED: [u8; 64] = turned(false);
static REVERSED: [u8; 64] = turned(true);

const fn turned(reverse: bool) -> [u8; 64] {
    let mut table = [0; 64];
    let mut at = 0;
    while at < 64 {
        let (row, column) = (at / 8, at % 8);
        table[at] = if reverse { row * 8 + 7 - column } else { column * 8 + row } as u8;
        at += 1;
    }
    table
}

/// [`Simd::masks`] of many codes: a bit matrix turned for each eight bytes gives
/// the planes of the texts' bits, and each code selects from these.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,gfni")]
fn masks_by_planes(texts: &[[u8; 64]; LANES], codes: &[u8], masks: &mut [Row]) {
    // SAFETY: the loads are of arrays of 64 bytes and need no alignment.
    let load = |bytes: &[u8; 64]| unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) };
    let (reversed, turned) = (load(&REVERSED), load(&TURNED));
    let unit = _mm512_set1_epi64(0x8040_2010_0804_0201_u64.cast_signed());
    // Each lane's word is a plane of one text.
    let mut rows = [unit; LANES];
    for (row, text) in rows.iter_mut().zip(texts) {
        let bits = _mm512_permutexvar_epi8(reversed, load(text));
        let bits = _mm512_gf2p8affine_epi64_epi8::<0>(unit, bits);
        *row = _mm512_permutexvar_epi8(turned, bits);
    }
    // And now each register is: of pairs, then of pairs of pairs.
    let mut planes = [unit; 8];
    for odd in 0..2 {
        let mut pairs = [unit; 4];
        for (pair, two) in pairs.iter_mut().zip(rows.as_chunks::<2>().0) {
            *pair = match odd {
                0 => _mm512_unpacklo_epi64(two[0], two[1]),
                _ => _mm512_unpackhi_epi64(two[0], two[1]),
            };
        }
        let [a, b, c, d] = pairs;
        let (low, high) = (_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0x88>(c, d));
        planes[odd] = _mm512_shuffle_i64x2::<0x88>(low, high);
        planes[odd + 4] = _mm512_shuffle_i64x2::<0xDD>(low, high);
        let (low, high) = (_mm512_shuffle_i64x2::<0xDD>(a, b), _mm512_shuffle_i64x2::<0xDD>(c, d));
        planes[odd + 2] = _mm512_shuffle_i64x2::<0x88>(low, high);
        planes[odd + 6] = _mm512_shuffle_i64x2::<0xDD>(low, high);
    }
    for (mask, &code) in masks.iter_mut().zip(codes) {
        let inverted = &INVERTED[usize::from(code)];
        let mut all = _mm512_set1_epi64(-1);
        for (&plane, &bit) in planes.iter().zip(inverted) {
            // a & (b ^ c)
            let bit = _mm512_set1_epi64(bit.cast_signed());
            all = _mm512_ternarylogic_epi64::<0x60>(all, plane, bit);
        }
        // SAFETY: a row is 64 bytes, aligned to as many.
        unsafe { _mm512_store_si512(mask.0.as_mut_ptr().cast(), all) };
    }
}

impl Simd for Avx512 {
    type Words = __m512i;
    type Tables = [(__m512i, __m512i); 4];
    const ABREAST: usize = 4;

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
    fn masks(self, texts: &[[u8; 64]; LANES], codes: &[u8], masks: &mut [Row]) {
        if codes.len() < MANY_CODES {
            for (lane, text) in texts.iter().enumerate() {
                for (mask, &code) in masks.iter_mut().zip(codes) {
                    mask.0[lane] = self.equal(text, code);
                }
            }
            return;
        }
        // SAFETY: `self` exists, so the processor has the instructions.
        unsafe { masks_by_planes(texts, codes, masks) }
    }

    #[inline(always)]
    fn pack(self, bytes: &[u8; 64], absent: u8, codes: &mut [u8; 64]) -> (u64, u64) {
        // SAFETY: load and store are of arrays of 64 bytes and need no
        // alignment; the instructions are there, as `self` exists.
        unsafe {
            let bytes = _mm512_loadu_si512(bytes.as_ptr().cast());
            // As signed numbers, the bytes within characters are the least.
            let first = _mm512_set1_epi8(0xC0_u8.cast_signed());
            let starts = _mm512_cmpge_epi8_mask(bytes, first);
            let others = starts & _mm512_movepi8_mask(bytes);
            let shared = _mm512_set1_epi8(absent.cast_signed());
            let coded = _mm512_mask_blend_epi8(others, bytes, shared);
            let packed = _mm512_maskz_compress_epi8(starts, coded);
            _mm512_storeu_si512(codes.as_mut_ptr().cast(), packed);
            (starts, others)
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
