//! Schemes: how a leaf commits to a key, and how a response follows from all leaves.
//!
//! One file a scheme. [`owned`] is what new sets have; [`bound`] and [`keyed`] are those of sets
//! made before, which stay readable.

pub mod bound;
pub(crate) mod keyed;
pub mod owned;
