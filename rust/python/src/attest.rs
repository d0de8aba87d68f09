//! Claims, bundles and checking them.

use std::sync::atomic::{AtomicBool, Ordering};

use ifrs_core::attest as core;
use ifrs_core::attest::licences::{self, Accusation, Copy, Roll};
use ifrs_core::encoding::hex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::from_attest;
use crate::fingerprint::PyFingerprintSet;
use crate::interrupts::watched;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(evidence, module)?)?;
    module.add_function(wrap_pyfunction!(check_evidence, module)?)?;
    module.add_function(wrap_pyfunction!(answer_of, module)?)?;
    module.add_function(wrap_pyfunction!(read_answer, module)?)?;
    module.add_function(wrap_pyfunction!(shown, module)?)?;
    module.add_function(wrap_pyfunction!(unheard, module)?)?;
    module.add_function(wrap_pyfunction!(parse_public_key, module)?)?;
    module.add_function(wrap_pyfunction!(accusation, module)?)?;
    module.add_function(wrap_pyfunction!(check_accusation, module)?)?;
    module.add_class::<PyRoll>()?;
    module.add_class::<PyClaim>()
}

/// What a publisher signed before release; nothing in it is secret.
#[pyclass(name = "Claim", module = "ifrs._core", frozen)]
pub(crate) struct PyClaim(pub(crate) core::Claim);

#[pymethods]
impl PyClaim {
    /// Reads a claim's file.
    #[staticmethod]
    fn parse(file: &[u8]) -> PyResult<Self> {
        core::Claim::parse(file).map(Self).map_err(from_attest)
    }

    /// SHA-256 of the envelope, in hexadecimal.
    #[getter]
    fn digest(&self) -> String {
        hex(&self.0.digest())
    }

    /// The bytes that a time stamp covers.
    #[getter]
    fn envelope<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.signed().envelope())
    }

    /// The RFC 3161 response over them, or None.
    #[getter]
    fn stamp<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0.signed().stamp().map(|stamp| PyBytes::new(py, stamp))
    }

    /// The same claim with a time stamp.
    fn with_stamp(&self, stamp: &[u8]) -> PyResult<Self> {
        self.0.clone().with_stamp(stamp).map(Self).map_err(from_attest)
    }

    /// Verifies the signature, with the key in the claim or the one given.
    #[pyo3(signature = (publisher=None))]
    fn verify(&self, publisher: Option<[u8; 32]>) -> PyResult<()> {
        self.0.verify(publisher.as_ref()).map_err(from_attest)
    }

    /// The statement, as JSON.
    fn statement(&self) -> PyResult<String> {
        to_json(self.0.statement())
    }

    /// The file, as JSON.
    fn to_json(&self) -> PyResult<String> {
        to_json(&self.0.to_value())
    }
}

fn to_json(value: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Evidence of a report for a claim, as the JSON of a bundle.
#[pyfunction]
#[pyo3(signature = (report, claim, reveal=None))]
fn evidence<'py>(
    py: Python<'py>,
    report: &[u8],
    claim: &PyClaim,
    reveal: Option<usize>,
) -> PyResult<Bound<'py, PyBytes>> {
    let json = py
        .detach(|| {
            core::Bundle::of_report(report, &claim.0, reveal).and_then(|made| made.to_json())
        })
        .map_err(from_attest)?;
    Ok(PyBytes::new(py, &json))
}

/// Recomputes everything in a bundle: what was found as JSON, and each query as JSON of its own.
///
/// A signal, such as Ctrl-C, ends it within a fraction of a second.
#[pyfunction]
#[pyo3(signature = (bundle, claim, publisher=None, alpha=1e-6, trust_adapter=false))]
fn check_evidence(
    py: Python<'_>,
    bundle: &[u8],
    claim: &[u8],
    publisher: Option<[u8; 32]>,
    alpha: f64,
    trust_adapter: bool,
) -> PyResult<(String, Vec<String>)> {
    let stopped = AtomicBool::new(false);
    let stop = || stopped.load(Ordering::Relaxed);
    let terms = core::Terms { publisher: publisher.as_ref(), alpha, trust_adapter, stop: &stop };
    let mut checked = watched(py, &stopped, || core::check(bundle, claim, &terms))?;
    let queries = std::mem::take(&mut checked.queries);
    let queries = queries.into_iter().map(|query| to_json(&query));
    Ok((to_json(&checked)?, queries.collect::<PyResult<_>>()?))
}

/// What a publisher signed about all copies of licensees; nothing in it is secret.
#[pyclass(name = "Roll", module = "ifrs._core", frozen)]
pub(crate) struct PyRoll(pub(crate) Roll);

#[pymethods]
impl PyRoll {
    /// Reads a roll's file.
    #[staticmethod]
    fn parse(file: &[u8]) -> PyResult<Self> {
        Roll::parse(file).map(Self).map_err(from_attest)
    }

    /// SHA-256 of the envelope, in hexadecimal.
    #[getter]
    fn digest(&self) -> String {
        hex(&self.0.signed().digest())
    }

    /// The bytes that a time stamp covers.
    #[getter]
    fn envelope<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.signed().envelope())
    }

    /// The RFC 3161 response over them, or None.
    #[getter]
    fn stamp<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0.signed().stamp().map(|stamp| PyBytes::new(py, stamp))
    }

    /// The same roll with a time stamp.
    fn with_stamp(&self, stamp: &[u8]) -> PyResult<Self> {
        self.0.clone().with_stamp(stamp).map(Self).map_err(from_attest)
    }

    /// Verifies the signature, with the key in the roll or the one given.
    #[pyo3(signature = (publisher=None))]
    fn verify(&self, publisher: Option<[u8; 32]>) -> PyResult<()> {
        self.0.verify(publisher.as_ref()).map_err(from_attest)
    }

    /// The statement, as JSON.
    fn statement(&self) -> PyResult<String> {
        to_json(self.0.statement())
    }

    /// The file, as JSON.
    fn to_json(&self) -> PyResult<String> {
        to_json(&self.0.signed().to_value())
    }
}

/// (when, form, digest, whose) of a copy that left.
pub(crate) type LicenceRow = (String, String, String, String);

/// An accusation of a trace, as JSON. `issued` are the copies that left, in order.
#[pyfunction]
#[pyo3(signature = (trace, fps, roll, issued, licensee, reveal=None))]
fn accusation<'py>(
    py: Python<'py>,
    trace: &[u8],
    fps: &PyFingerprintSet,
    roll: &PyRoll,
    issued: Vec<LicenceRow>,
    licensee: &str,
    reveal: Option<usize>,
) -> PyResult<Bound<'py, PyBytes>> {
    let issued: Vec<(String, Copy)> = issued
        .into_iter()
        .map(|(at, form, digest, licensee)| (licensee, Copy { at, form, digest }))
        .collect();
    let json = py
        .detach(|| {
            Accusation::of_trace(trace, &fps.0, &roll.0, &issued, licensee, reveal)
                .and_then(|made| made.to_json())
        })
        .map_err(from_attest)?;
    Ok(PyBytes::new(py, &json))
}

/// Recomputes everything in an accusation, as JSON.
#[pyfunction]
#[pyo3(signature = (accusation, roll, publisher=None, alpha=1e-6))]
fn check_accusation(
    py: Python<'_>,
    accusation: &[u8],
    roll: &[u8],
    publisher: Option<[u8; 32]>,
    alpha: f64,
) -> PyResult<String> {
    let check = || licences::check_accusation(accusation, roll, publisher.as_ref(), alpha);
    to_json(&py.detach(check))
}

pub(crate) fn parse_protocol(name: &str) -> PyResult<core::Protocol> {
    core::Protocol::parse(name)
        .ok_or_else(|| PyValueError::new_err(format!("unknown protocol {name:?}")))
}

/// What a protocol gives as the answer, out of a raw one, as bundles before v4 read it.
///
/// Raises ValueError, in words that quote nothing, where it is not of the protocol.
#[pyfunction]
fn answer_of(py: Python<'_>, raw: &str, protocol: &str) -> PyResult<String> {
    let protocol = parse_protocol(protocol)?;
    py.detach(|| core::answer_of(raw, protocol)).map_err(PyValueError::new_err)
}

/// The answer, or what was thought where there is none; whether anything was thought; whether it
/// ended for want of tokens before it began.
///
/// Raises ValueError, in words that quote nothing, where it is not of the protocol.
#[pyfunction]
fn read_answer(py: Python<'_>, raw: &str, protocol: &str) -> PyResult<(String, bool, bool)> {
    let protocol = parse_protocol(protocol)?;
    let said = py.detach(|| core::read_answer(raw, protocol)).map_err(PyValueError::new_err)?;
    Ok((said.text, said.thought, said.cut))
}

/// The tokens that a raw answer shows for its first place, with their log-probabilities.
///
/// Raises ValueError, in words that quote nothing, where it shows none.
#[pyfunction]
fn shown(py: Python<'_>, raw: &str, protocol: &str) -> PyResult<Vec<(String, f64)>> {
    let protocol = parse_protocol(protocol)?;
    py.detach(|| core::shown::shown(raw, protocol)).map_err(PyValueError::new_err)
}

/// Whether the one token that a raw answer holds speaks of no word, so that it is no silence: of
/// thoughts, white space, or the beginning of `word`.
///
/// Raises ValueError, in words that quote nothing, where it shows no probabilities.
#[pyfunction]
fn unheard(py: Python<'_>, raw: &str, protocol: &str, word: &str) -> PyResult<bool> {
    let protocol = parse_protocol(protocol)?;
    py.detach(|| core::shown::unheard(raw, protocol, word)).map_err(PyValueError::new_err)
}

/// The 32 bytes of an Ed25519 public key, from hexadecimal, base64 or PEM.
#[pyfunction]
fn parse_public_key<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyBytes>> {
    let key = core::parse_public_key(text).map_err(from_attest)?;
    Ok(PyBytes::new(py, &key))
}
