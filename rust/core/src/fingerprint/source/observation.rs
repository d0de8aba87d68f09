//! Observations of an agent: numbers within bounds, step by step.

use serde::{Deserialize, Serialize};

use crate::fingerprint::media::npy::Array;
use crate::fingerprint::stream::Stream;

/// Steps between the bounds of a float, ends included.
const LEVELS: u64 = 1 << 16;

/// The least that a key holds, in bits: four floats. Keys of less would meet by chance; what hides
/// them is their salt.
const MIN_BITS: f64 = 64.0;

/// Between which values the numbers of an observation lie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// What the numbers are, as NumPy spells it: `<f4` or `|u1`.
    pub dtype: String,
    /// The least of each number of an observation, or one for all; of single floats.
    pub low: Vec<f64>,
    /// The most, likewise.
    pub high: Vec<f64>,
}

impl Bounds {
    /// The array of a key of so many steps of a shape; `None` if there are no such keys.
    pub(crate) fn array(&self, shape: &[usize]) -> Option<Array> {
        let array = Array::of(&self.dtype, shape)?;
        let each = array.numbers() / shape[0];
        let fits = |bounds: &[f64]| bounds.len() == 1 || bounds.len() == each;
        if !fits(&self.low) || !fits(&self.high) {
            return None;
        }
        let pairs = (0..each).map(|place| self.at(place));
        let mut bits = 0.0;
        for (low, high) in pairs {
            bits += self.bits(low, high)?;
        }
        (bits * shape[0] as f64 >= MIN_BITS).then_some(array)
    }

    fn at(&self, place: usize) -> (f64, f64) {
        let of = |bounds: &[f64]| bounds[if bounds.len() == 1 { 0 } else { place }];
        (of(&self.low), of(&self.high))
    }

    /// How much a choice between two bounds holds; `None` if they are none.
    fn bits(&self, low: f64, high: f64) -> Option<f64> {
        let is_single = |bound: f64| bound.is_finite() && f64::from(bound as f32) == bound;
        if !is_single(low) || !is_single(high) || low > high {
            return None;
        }
        if self.dtype == "|u1" {
            let is_byte = |bound: f64| bound.fract() == 0.0 && (0.0..=255.0).contains(&bound);
            return (is_byte(low) && is_byte(high)).then(|| (high - low + 1.0).log2());
        }
        // Far from zero, single floats lie further apart than levels do.
        let singles = order(high as f32) - order(low as f32) + 1;
        Some((singles.min(LEVELS as i64) as f64).log2())
    }

    /// Draws one key: a NumPy file.
    pub(super) fn draw(&self, stream: &mut Stream<'_>, array: &Array) -> Vec<u8> {
        let each = array.numbers() / array.shape[0];
        let mut file = array.header();
        file.reserve_exact(array.area());
        for place in 0..array.numbers() {
            let (low, high) = self.at(place % each);
            if self.dtype == "|u1" {
                file.push((low as u64 + stream.below((high - low) as u64 + 1)) as u8);
            } else {
                file.extend(between(low, high, stream.below(LEVELS)).to_le_bytes());
            }
        }
        file
    }
}

/// A level between two bounds: in doubles, each operation rounded as IEEE 754 says, and once to a
/// single float, so that every machine has the same.
fn between(low: f64, high: f64, level: u64) -> f32 {
    let found = low + (high - low) * level as f64 / (LEVELS - 1) as f64;
    found.clamp(low, high) as f32
}

/// A single float's place among all of them.
fn order(number: f32) -> i64 {
    let bits = i64::from(number.to_bits() & 0x7fff_ffff);
    if number.is_sign_negative() { -bits } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::media::npy;
    use crate::fingerprint::seed::SetKey;
    use proptest::prelude::*;

    fn bounds(dtype: &str, low: &[f64], high: &[f64]) -> Bounds {
        Bounds { dtype: dtype.into(), low: low.to_vec(), high: high.to_vec() }
    }

    fn drawn(bounds: &Bounds, shape: &[usize], seed: u8) -> (Array, Vec<u8>) {
        let key = SetKey::from_bytes(&mut [seed; 32]);
        let array = bounds.array(shape).unwrap();
        let file = bounds.draw(&mut Stream::new(&key, &[b"key"]), &array);
        (array, file)
    }

    #[test]
    fn bounds_that_cannot_be_are_refused() {
        let good = bounds("<f4", &[-1.0], &[1.0, 2.0, 3.0, 4.0]);
        assert!(good.array(&[1, 4]).is_some());
        assert!(good.array(&[1, 5]).is_none());
        for bad in [
            bounds("<f4", &[f64::NEG_INFINITY], &[1.0]),
            bounds("<f4", &[f64::NAN], &[1.0]),
            bounds("<f4", &[1.0], &[-1.0]),
            bounds("<f4", &[0.1], &[1.0]),
            bounds("<f8", &[0.0], &[1.0]),
            bounds("<f4", &[], &[1.0]),
            bounds("|u1", &[-1.0], &[9.0]),
            bounds("|u1", &[0.5], &[9.0]),
            bounds("|u1", &[0.0], &[256.0]),
        ] {
            assert!(bad.array(&[9, 4]).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_holds_64_bits() {
        let wide = bounds("<f4", &[-1.0], &[1.0]);
        assert!(wide.array(&[1, 3]).is_none() && wide.array(&[2, 3]).is_some());
        assert!(wide.array(&[0, 64]).is_none());
        // 16 single floats lie between these.
        let narrow = bounds("<f4", &[1e6], &[1e6 + 0.9375]);
        assert!(narrow.array(&[1, 15]).is_none() && narrow.array(&[1, 16]).is_some());
        let flags = bounds("|u1", &[0.0], &[1.0]);
        assert!(flags.array(&[1, 63]).is_none() && flags.array(&[1, 64]).is_some());
        let fixed = bounds("<f4", &[0.0, 5.0], &[1.0, 5.0]);
        assert!(fixed.array(&[3, 2]).is_none() && fixed.array(&[4, 2]).is_some());
    }

    #[test]
    fn the_ends_are_reached_and_not_passed() {
        for (low, high) in [(-4.8, 4.8), (0.1, 0.3), (-3.4e38, 3.4e38), (7.0, 7.0), (-1e-40, 0.0)] {
            let (low, high) = (low as f32, high as f32);
            let at = |level| between(f64::from(low), f64::from(high), level);
            assert_eq!((at(0), at(LEVELS - 1)), (low, high));
        }
    }

    proptest! {
        #[test]
        fn numbers_lie_within_their_bounds(low in -1e3_f32..1e3, width in 1e-2_f32..1e3, seed: u8) {
            let high = low + width;
            let limits = bounds("<f4", &[low.into()], &[high.into()]);
            let (array, file) = drawn(&limits, &[2, 8], seed);
            prop_assert_eq!(npy::read(&file), Some(array));
            for number in file[128..].chunks_exact(4) {
                let number = f32::from_le_bytes(number.try_into().unwrap());
                prop_assert!((low..=high).contains(&number));
            }
            let bytes = bounds("|u1", &[3.0], &[9.0]);
            let (array, file) = drawn(&bytes, &[5, 8], seed);
            prop_assert_eq!(npy::read(&file), Some(array));
            prop_assert!(file[128..].iter().all(|byte| (3..=9).contains(byte)));
        }
    }
}
