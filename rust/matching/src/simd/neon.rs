//! NEON, which every 64-bit ARM processor has: four registers for eight words.

use std::arch::aarch64::*;

use super::prefix::{LAST_OF_2, LEAST_OF_2};
use super::{REACH, Row, Simd, Tables, Task};

/// Exists only where the processor has the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Neon(());

impl Neon {
    pub(super) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }
}

#[target_feature(enable = "neon")]
fn switched_on<T: Task>(unit: Neon, task: T) -> T::Output {
    task.run(unit)
}

/// Four registers.
#[derive(Clone, Copy)]
pub(super) struct Words([uint64x2_t; 4]);

/// Applies a function to each of four pairs of registers.
#[inline(always)]
fn zip(a: Words, b: Words, f: impl Fn(uint64x2_t, uint64x2_t) -> uint64x2_t) -> Words {
    Words(std::array::from_fn(|part| f(a.0[part], b.0[part])))
}

/// Sixteen bytes.
#[inline(always)]
fn table(bytes: &[u8; 16]) -> uint8x16_t {
    // SAFETY: the load reads the 16 bytes of the array; a `Neon` exists, so
    // the processor has the instruction.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

/// [`Simd::walk`] of one register, two steps at a time.
#[inline(always)]
fn walk(plus: uint64x2_t, minus: uint64x2_t) -> (uint64x2_t, uint64x2_t) {
    let (least, last) = (table(&LEAST_OF_2), table(&LAST_OF_2));
    // SAFETY: a `Neon` exists, so the processor has the instructions.
    unsafe {
        let (plus, minus) = (vreinterpretq_u8_u64(plus), vreinterpretq_u8_u64(minus));
        let pair = vdupq_n_u8(3);
        // The walk of each byte's two steps at the bottom of `plus` and
        // `minus`, as an index.
        let index =
            |plus, minus| vorrq_u8(vandq_u8(plus, pair), vshlq_n_u8::<2>(vandq_u8(minus, pair)));
        let indices = [
            index(plus, minus),
            index(vshrq_n_u8::<2>(plus), vshrq_n_u8::<2>(minus)),
            index(vshrq_n_u8::<4>(plus), vshrq_n_u8::<4>(minus)),
            index(vshrq_n_u8::<6>(plus), vshrq_n_u8::<6>(minus)),
        ];
        let look_up = |table, index| vreinterpretq_s8_u8(vqtbl1q_u8(table, index));
        let mut low = look_up(least, indices[0]);
        let mut step = look_up(last, indices[0]);
        for index in &indices[1..] {
            low = vminq_s8(low, vaddq_s8(step, look_up(least, *index)));
            step = vaddq_s8(step, look_up(last, *index));
        }
        let wide = |a| vreinterpretq_u64_s8(a);
        let bytes = |a| vreinterpretq_s8_u64(a);
        // The heights after each byte of a lane: sums of two, four, eight.
        let heights = vaddq_s8(step, bytes(vshlq_n_u64::<8>(wide(step))));
        let heights = vaddq_s8(heights, bytes(vshlq_n_u64::<16>(wide(heights))));
        let heights = vaddq_s8(heights, bytes(vshlq_n_u64::<32>(wide(heights))));
        // Each byte's least, from the height before it; then the lane's.
        let low = vaddq_s8(low, bytes(vshlq_n_u64::<8>(wide(heights))));
        let low = vminq_s8(low, bytes(vshrq_n_u64::<32>(wide(low))));
        let low = vminq_s8(low, bytes(vshrq_n_u64::<16>(wide(low))));
        let low = vminq_s8(low, bytes(vshrq_n_u64::<8>(wide(low))));
        let extend = |a| vreinterpretq_u64_s64(vshrq_n_s64::<56>(vreinterpretq_s64_u64(a)));
        (extend(vshlq_n_u64::<56>(wide(low))), extend(wide(heights)))
    }
}

/// The top bit of each of 64 bytes, all of them 0 or 255.
#[inline(always)]
fn gather(parts: [uint8x16_t; 4]) -> u64 {
    const BITS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    // SAFETY: a `Neon` exists, so the processor has the instructions.
    unsafe {
        let bit = |part| vandq_u8(part, table(&BITS));
        // Three rounds of adding neighbours leave eight bits in each byte.
        let low = vpaddq_u8(bit(parts[0]), bit(parts[1]));
        let high = vpaddq_u8(bit(parts[2]), bit(parts[3]));
        let all = vpaddq_u8(low, high);
        let all = vpaddq_u8(all, all);
        vgetq_lane_u64::<0>(vreinterpretq_u64_u8(all))
    }
}

impl Simd for Neon {
    type Words = Words;
    type Tables = [(uint8x16_t, uint8x16_t); 4];

    fn vectorize<T: Task>(self, task: T) -> T::Output {
        // SAFETY: `self` exists, so `detect` has found the feature that
        // `switched_on` enables.
        unsafe { switched_on(self, task) }
    }

    #[inline(always)]
    fn load(self, row: &Row) -> Words {
        // SAFETY: the loads read the eight words of the row; the instruction
        // is there, as `self` exists.
        Words(std::array::from_fn(|part| unsafe { vld1q_u64(row.0.as_ptr().add(2 * part)) }))
    }

    #[inline(always)]
    fn store(self, row: &mut Row, words: Words) {
        for (part, words) in words.0.into_iter().enumerate() {
            // SAFETY: as for `load`.
            unsafe { vst1q_u64(row.0.as_mut_ptr().add(2 * part), words) }
        }
    }

    #[inline(always)]
    fn and(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, b, |a, b| unsafe { vandq_u64(a, b) })
    }

    #[inline(always)]
    fn or(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, b, |a, b| unsafe { vorrq_u64(a, b) })
    }

    #[inline(always)]
    fn xor(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, b, |a, b| unsafe { veorq_u64(a, b) })
    }

    #[inline(always)]
    fn and_not(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, b, |a, b| unsafe { vbicq_u64(a, b) })
    }

    #[inline(always)]
    fn add(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, b, |a, b| unsafe { vaddq_u64(a, b) })
    }

    #[inline(always)]
    fn shift_in(self, a: Words, below: Words) -> Words {
        // Shifts `a` by one into the register of `below`'s top bits.
        // SAFETY: `self` exists, so the processor has the instructions.
        zip(a, below, |a, below| unsafe { vsliq_n_u64::<1>(vshrq_n_u64::<63>(below), a) })
    }

    #[inline(always)]
    fn top(self, a: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instruction.
        zip(a, a, |a, _| unsafe { vshrq_n_u64::<63>(a) })
    }

    #[inline(always)]
    fn min(self, a: Words, b: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instructions.
        zip(a, b, |a, b| unsafe {
            let greater = vcgtq_s64(vreinterpretq_s64_u64(a), vreinterpretq_s64_u64(b));
            vbslq_u64(greater, b, a)
        })
    }

    #[inline(always)]
    fn count_zeros(self, a: Words) -> Words {
        // SAFETY: `self` exists, so the processor has the instructions.
        zip(a, a, |a, _| unsafe {
            let zeros = vcntq_u8(vmvnq_u8(vreinterpretq_u8_u64(a)));
            vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(zeros)))
        })
    }

    #[inline(always)]
    fn walk(self, plus: Words, minus: Words) -> (Words, Words) {
        let parts: [_; 4] = std::array::from_fn(|part| walk(plus.0[part], minus.0[part]));
        (Words(parts.map(|part| part.0)), Words(parts.map(|part| part.1)))
    }

    #[inline(always)]
    fn equal(self, bytes: &[u8; 64], byte: u8) -> u64 {
        let quarters = bytes.as_chunks::<16>().0;
        // SAFETY: `self` exists, so the processor has the instructions.
        gather(std::array::from_fn(|part| unsafe {
            vceqq_u8(table(&quarters[part]), vdupq_n_u8(byte))
        }))
    }

    #[inline(always)]
    fn tables(self, tables: &Tables) -> Self::Tables {
        std::array::from_fn(|place| (table(&tables.low[place]), table(&tables.high[place])))
    }

    #[inline(always)]
    fn starts(self, tables: Self::Tables, bytes: &[u8; 64 + REACH], buckets: &mut [u8; 64]) -> u64 {
        // SAFETY: the loads start at bytes 0 to 51 and end at byte 67 at the
        // latest, the stores fill the 64 bytes of their array; the
        // instructions are there, as `self` exists.
        unsafe {
            let nibble = vdupq_n_u8(15);
            let quarter = |part: usize| {
                let look_up = |place: usize| {
                    let at = vld1q_u8(bytes.as_ptr().add(16 * part + place));
                    // Only the low seven bits count; see `Tables`.
                    vandq_u8(
                        vqtbl1q_u8(tables[place].0, vandq_u8(at, nibble)),
                        vqtbl1q_u8(tables[place].1, vshrq_n_u8::<4>(at)),
                    )
                };
                vandq_u8(vandq_u8(look_up(0), look_up(1)), vandq_u8(look_up(2), look_up(3)))
            };
            let parts: [_; 4] = std::array::from_fn(quarter);
            for (part, found) in parts.into_iter().enumerate() {
                vst1q_u8(buckets.as_mut_ptr().add(16 * part), found);
            }
            gather(parts.map(|part| vtstq_u8(part, part)))
        }
    }
}
