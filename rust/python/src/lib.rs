//! Python bindings of `ifrs-core`, `ifrs-logs` and `ifrs-matching`: one thin file for each of its modules, no logic.

mod attest;
mod errors;
mod fingerprint;
mod interrupts;
mod keyring;
mod lines;
mod scoring;
mod statistics;
mod strings;
mod texts;

use std::alloc::System;

use pyo3::prelude::*;
use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed: age and serde_json keep copies of what they read in buffers of their own.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// The Rust core of ifrs.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::register(module)?;
    fingerprint::register(module)?;
    keyring::register(module)?;
    scoring::register(module)?;
    lines::register(module)?;
    statistics::register(module)?;
    attest::register(module)
}
