//! The codebook: directions that an encoder's outputs are compared with, expanded from a digest.

use sha2::{Digest, Sha256};

/// Vectors in a codebook.
pub const CODES: usize = 2_048;

/// How long its vectors can be.
pub const DIMENSIONS: std::ops::RangeInclusive<usize> = 8..=16_384;

/// What one component is made of: so many bytes, whose sum is nearly normal.
const BYTES: usize = 4;
/// The mean of that sum: taken off, components lie around zero.
const CENTRE: i16 = 510;

/// The vectors of a digest, one after another; whoever uses them divides by their lengths.
///
/// Component *c* of all, counted row by row, is the sum of bytes 4*c* to 4*c* + 3, less 510, of the
/// blocks `SHA-256("ifrs/codebook/v1" ‖ digest ‖ dimension ‖ j)` for *j* = 0, 1, …, both numbers as
/// 8 bytes, big end first. `None` if there are no vectors so long.
pub fn codebook(digest: &[u8; 32], dimension: usize) -> Option<Vec<i16>> {
    if !DIMENSIONS.contains(&dimension) {
        return None;
    }
    let mut start = Sha256::new_with_prefix(b"ifrs/codebook/v1");
    start.update(digest);
    start.update((dimension as u64).to_be_bytes());
    let components = CODES * dimension;
    let mut found = Vec::with_capacity(components);
    for counter in 0..(components * BYTES / 32) as u64 {
        let mut hash = start.clone();
        hash.update(counter.to_be_bytes());
        let block = hash.finalize();
        found.extend(
            block
                .chunks_exact(BYTES)
                .map(|bytes| bytes.iter().map(|&byte| i16::from(byte)).sum::<i16>() - CENTRE),
        );
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_and_dimension_each_change_it() {
        let one = codebook(&[1; 32], 64).unwrap();
        assert_eq!(one.len(), CODES * 64);
        assert_eq!(one, codebook(&[1; 32], 64).unwrap());
        assert_ne!(one, codebook(&[2; 32], 64).unwrap());
        assert_ne!(one[..64], codebook(&[1; 32], 65).unwrap()[..64]);
        assert!(codebook(&[1; 32], 7).is_none() && codebook(&[1; 32], 16_385).is_none());
    }

    #[test]
    fn directions_are_spread_evenly() {
        let dimension = 128;
        let found = codebook(&[3; 32], dimension).unwrap();
        let unit = |row: usize| -> Vec<f64> {
            let row = &found[row * dimension..(row + 1) * dimension];
            let length = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            row.iter().map(|&x| f64::from(x) / length).collect()
        };
        let mean = found.iter().map(|&x| f64::from(x)).sum::<f64>() / found.len() as f64;
        // A component's spread is 148; of the mean of 262,144 of them 0.29.
        assert!(mean.abs() < 1.5, "{mean}");
        let rows: Vec<_> = (0..200).map(unit).collect();
        for (place, one) in rows.iter().enumerate() {
            for other in &rows[..place] {
                let cosine: f64 = one.iter().zip(other).map(|(a, b)| a * b).sum();
                // The spread of a cosine is 1/√128: six of them.
                assert!(cosine.abs() < 0.53, "{cosine}");
            }
        }
    }
}
