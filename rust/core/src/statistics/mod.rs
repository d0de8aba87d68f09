//! What answers prove: ranks, p-values, intervals, verdicts.
//!
//! Under H0 (the suspect is independent of the seed) a true response is uniform over its
//! alphabet and independent of the suspect's answers, so its rank among the alternatives is
//! uniform, whatever the suspect and whatever the score. No other place computes a p-value.

pub mod accusation;
pub mod combine;
pub mod exact;
pub mod interval;
pub mod ranks;
pub mod reading;
pub mod sequential;
pub mod stopping;
pub mod verdict;
pub mod weigh;

pub use combine::{bonferroni_log10, fisher_log10, shared_log10_e};
pub use exact::{exact_cumulative_log10, exact_log10};
pub use interval::clopper_pearson;
pub use ranks::{Rank, rank};
pub use sequential::e_process_log10;
pub use stopping::sequential_power;
pub use verdict::{Verdict, judge, power, power_at, smallest_n};
pub use weigh::{Test, Weighed, weigh};

/// Why evidence could not be weighed.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum StatisticsError {
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
    /// A rank that is none.
    #[error("rank {rank} among {candidates} is no rank: it must lie in 1 to {candidates}")]
    Rank {
        /// The rank.
        rank: usize,
        /// The number of candidates.
        candidates: usize,
    },
    /// A rank among nothing.
    #[error("a rank among no candidates is no evidence: give at least 1 candidate")]
    NoCandidates,
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
    /// A success rate outside (0, 1].
    #[error("{0} is no success rate: it must lie in (0, 1]")]
    Rate(f64),
    /// A bias that lets a codeword no choice.
    #[error("{0} is no bias: it must lie strictly between 0 and 65,536")]
    Bias(u32),
    /// Readings, biases and a codeword of different lengths.
    #[error("{given} of {wanted} positions: give a reading, a bias and a bit for each")]
    Positions {
        /// How many were given.
        given: usize,
        /// How many there are.
        wanted: usize,
    },
    /// A level outside (0, 1).
    #[error("{0} is no level: it must lie strictly between 0 and 1")]
    Level(f64),
}
