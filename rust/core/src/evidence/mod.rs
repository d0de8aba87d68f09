//! What answers prove: ranks, p-values, intervals, verdicts.
//!
//! Under H0 (the suspect is independent of the seed) a true response is uniform over its
//! alphabet and independent of the suspect's answers, so its rank among the alternatives is
//! uniform, whatever the suspect and whatever the score. No other place computes a p-value.

pub mod combine;
pub mod decoys;
pub mod interval;
pub mod ranks;
pub mod sequential;
pub mod verdict;

pub use combine::{cumulative_log10, fisher_log10};
pub use interval::clopper_pearson;
pub use ranks::{Rank, rank};
pub use sequential::e_process_log10;
pub use verdict::{Verdict, judge, power};

/// Why evidence could not be weighed.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum EvidenceError {
    /// A score that is not a number.
    #[error("score {index} is not a number: the model's output overflowed")]
    NotANumber {
        /// Its place.
        index: usize,
    },
    /// A place outside the list.
    #[error("index {index} lies outside a list of {len}")]
    OutOfRange {
        /// The place.
        index: usize,
        /// The list's length.
        len: usize,
    },
    /// A p-value outside (0, 1].
    #[error("{0} is no p-value: it must lie in (0, 1]")]
    PValue(f64),
    /// More successes than trials.
    #[error("{successes} successes in {trials} trials")]
    Count {
        /// How many succeeded.
        successes: u64,
        /// Of how many.
        trials: u64,
    },
    /// A level outside (0, 1).
    #[error("{0} is no level: it must lie strictly between 0 and 1")]
    Level(f64),
}
