//! What answers prove: ranks, p-values, intervals, verdicts.
//!
//! Under H0 (the suspect is independent of the seed) a true response is uniform over its
//! alphabet and independent of the suspect's answers, so its rank among the alternatives is
//! uniform, whatever the suspect and whatever the score. No other place computes a p-value.

pub mod bundle;
pub mod check;
pub mod claim;
pub mod combine;
pub mod decoys;
pub mod dsse;
mod evaluate;
pub mod exact;
pub mod interval;
mod json;
pub mod ranks;
pub mod sequential;
pub mod stopping;
pub mod text;
pub mod transcript;
pub mod verdict;
pub mod weigh;

pub use bundle::Bundle;
pub use check::{Checked, Terms, check};
pub use claim::{Claim, Scheme};
pub use combine::fisher_log10;
pub use dsse::parse_public_key;
pub use exact::{exact_cumulative_log10, exact_log10};
pub use interval::clopper_pearson;
pub use ranks::{Rank, rank};
pub use sequential::e_process_log10;
pub use stopping::sequential_power;
pub use text::rank_text;
pub use transcript::{Protocol, answer_of};
pub use verdict::{Verdict, judge, power, power_at, smallest_n};
pub use weigh::{Test, Weighed, weigh};

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
    /// A claim that is malformed, or of another version.
    #[error("the claim cannot be read: {0}")]
    Claim(String),
    /// A bundle that is malformed, or of another version.
    #[error("the bundle cannot be read: {0}")]
    Bundle(String),
    /// A signature that does not fit.
    #[error("the claim's signature is wrong: {0}")]
    Signature(String),
    /// No public key.
    #[error("this is no Ed25519 public key: give 32 bytes in hexadecimal or base64, or PEM")]
    PublicKey,
    /// A set whose responses nobody else can recompute.
    #[error(
        "this set was made by an earlier version of ifrs, whose responses nobody else can \
         recompute: generate a new set, plant it, and claim that"
    )]
    Unbound,
    /// A set whose responses are bound to another publisher's key.
    #[error(
        "this set was made in another keyring, and its responses are bound to that keyring's key \
         ({publisher}): have its publisher claim it"
    )]
    AnothersSet {
        /// The key, in hexadecimal.
        publisher: String,
    },
    /// A success rate outside (0, 1].
    #[error("{0} is no success rate: it must lie in (0, 1]")]
    Rate(f64),
    /// A level outside (0, 1).
    #[error("{0} is no level: it must lie strictly between 0 and 1")]
    Level(f64),
}
