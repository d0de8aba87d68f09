//! Uniform bytes, of which a kind of model makes something else than text.

use crate::fingerprint::seed::SetKey;
use crate::fingerprint::stream::Stream;

/// The shortest key: [`super::MIN_ENTROPY_BITS`] in bytes.
pub(crate) const MIN_LENGTH: usize = 16;

/// Keys of uniform bytes: at 16 bytes and more no two of a set are alike.
pub(crate) fn draw(set_key: &SetKey, length: usize, n: usize) -> Vec<Vec<u8>> {
    let key = |index: usize| {
        let label: [&[u8]; 3] = [b"key", &(index as u64).to_be_bytes(), &0_u32.to_be_bytes()];
        Stream::new(set_key, &label).bytes(length)
    };
    (0..n).map(key).collect()
}
