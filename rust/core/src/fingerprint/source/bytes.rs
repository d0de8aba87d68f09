//! Uniform bytes, of which a kind of model makes something else than text.

use std::ops::RangeInclusive;

/// How long keys can be: from [`super::MIN_ENTROPY_BITS`] in bytes on.
pub(crate) const LENGTHS: RangeInclusive<usize> = 16..=1 << 20;
