//! Python bindings of `ifrs-core`: one thin file for each of its modules, no logic.

mod errors;
mod evidence;
mod fingerprint;
mod keyring;
mod scoring;

use pyo3::prelude::*;

/// The Rust core of ifrs.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::register(module)?;
    fingerprint::register(module)?;
    keyring::register(module)?;
    scoring::register(module)?;
    evidence::register(module)
}
