//! Keys, keyrings, scoring and evidence of instructional fingerprints.
//!
//! The method is Instructional Fingerprinting (Xu et al., 2024, arXiv 2401.12255). This crate
//! holds what must be secret, exact or fast. It knows nothing of Python; `ifrs-python` binds it.
//!
//! Data flows one way: [`keyring`] → [`fingerprint`] → (a model answers) → [`statistics`] →
//! [`attest`].

pub mod attest;
pub mod encoding;
pub mod fingerprint;
pub mod keyring;
mod memory;
pub mod merkle;
pub mod statistics;
