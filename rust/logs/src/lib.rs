//! Texts in files as logs hold them, some megabytes at a time.
//!
//! Each line is a text, or JSON with texts under a dotted path; or the file is
//! one JSON list, of which each member is a row. Files may be packed by gzip or
//! Zstandard. A row without a text is told with the reason, and none is lost.
//!
//! # Layout
//!
//! `source` gives bytes: parts of a file, which many threads read, or blocks
//! from a thread that unpacks, which `cut` ends where rows of JSON end. For
//! each of them a `parcel` holds the rows that one thread has read: `lookup`
//! walks a row once, by `walker`, which checks all of its grammar and allocates
//! nothing, and `unescape` undoes the strings that need it. Where it is known what
//! is sought, a `sieve` holds back what cannot hit before it is undone. `bad`
//! says why a row has no text. `file` puts parcels together, as texts to be scored.

mod bad;
mod cut;
mod file;
mod lookup;
#[cfg(test)]
mod oracle;
mod parcel;
mod pool;
mod sieve;
mod source;
#[cfg(test)]
mod tests;
mod unescape;
mod walker;

use std::{fmt, io};

use ifrs_matching::ScoringError;

pub use bad::Bad;
pub use file::{LogFile, LogTexts, Sought};
pub use lookup::Kind;
pub use parcel::Rows;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packed {
    /// By gzip, in one member or more.
    Gzip,
    /// By Zstandard, in one frame or more.
    Zstd,
}

impl fmt::Display for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "Zstandard",
        })
    }
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The operating system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not packed as it should be, or is damaged, or ends too early.
    #[error("it is no whole {0} file: {1}")]
    Packed(Packed, io::Error),
    /// The threads could not be started.
    #[error(transparent)]
    Threads(ScoringError),
    /// The caller's interrupt asked to stop.
    #[error("reading was interrupted")]
    Interrupted,
}

impl From<ScoringError> for LogError {
    fn from(error: ScoringError) -> Self {
        match error {
            ScoringError::Interrupted => Self::Interrupted,
            error => Self::Threads(error),
        }
    }
}
