//! Licensees' copies before a court: [`roll`] is signed before copies are seen elsewhere,
//! [`accusation`] shows one licensee's codeword and what a suspect answered, and [`check`]
//! recomputes all of it. No other licensee's name or codeword is shown.

pub mod accusation;
pub mod check;
mod leaves;
pub mod roll;

pub use accusation::Accusation;
pub use check::{CheckedAccusation, check_accusation};
pub use leaves::Copy;
pub use roll::Roll;
