//! What a publisher signs, what is shown of it, and how a stranger checks it.
//!
//! [`claim`] is signed before release, [`bundle`] holds what was asked and answered, [`check`]
//! recomputes everything in it. No p-value is computed here: see [`crate::statistics`].

mod answer;
mod beside;
pub mod bundle;
pub mod check;
pub mod claim;
pub mod decoys;
pub mod dsse;
mod evaluate;
mod json;
pub mod licences;
pub mod ranking;
pub mod shown;
pub mod signed;
pub mod text;
pub mod transcript;

pub use answer::{Said, answer_of, read_answer};
pub use bundle::Bundle;
pub use check::{Checked, Terms, check};
pub use claim::Claim;
pub use dsse::parse_public_key;
pub use text::rank_text;
pub use transcript::Protocol;

use crate::statistics::StatisticsError;

/// Why there is no claim, bundle or check.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum AttestError {
    /// Numbers that cannot be weighed.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
    /// A claim that is malformed, or of another version.
    #[error("the claim cannot be read: {0}")]
    Claim(String),
    /// A bundle that is malformed, or of another version.
    #[error("the bundle cannot be read: {0}")]
    Bundle(String),
    /// A roll that is malformed, or of another version.
    #[error("the roll cannot be read: {0}")]
    Roll(String),
    /// An accusation that is malformed, or of another version.
    #[error("the accusation cannot be read: {0}")]
    Accusation(String),
    /// A claim or a bundle that cannot be made of what was given.
    #[error("no {what} can be made: {reason}")]
    Unmade {
        /// Which of them.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Texts that cannot be compared.
    #[error("{0}")]
    Scoring(String),
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
}
