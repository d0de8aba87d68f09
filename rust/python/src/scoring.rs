//! Scoring of texts against patterns.

use ifrs_core::scoring::{Method, Options, plain as core_plain, score_pairs_with, score_with};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PySequence, PyString};

use crate::errors::from_scoring;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(score, module)?)?;
    module.add_function(wrap_pyfunction!(plain, module)?)?;
    module.add_function(wrap_pyfunction!(score_pairs, module)?)
}

/// Strings borrowed from Python objects that stay alive in `owners`.
fn borrow<'s>(owners: &'s [Option<Bound<'_, PyString>>]) -> PyResult<Vec<&'s str>> {
    owners
        .iter()
        // A null scores 0, as an empty text does.
        .map(|owner| owner.as_ref().map_or(Ok(""), |text| text.to_str()))
        .collect()
}

fn strings<'py>(
    sequence: &Bound<'py, PyAny>,
    what: &str,
    nulls: bool,
) -> PyResult<Vec<Option<Bound<'py, PyString>>>> {
    if sequence.is_instance_of::<PyString>() {
        let message = format!("{what} must be a sequence of str, not one str");
        return Err(PyTypeError::new_err(message));
    }
    let sequence = sequence
        .cast::<PySequence>()
        .map_err(|_| PyTypeError::new_err(format!("{what} must be a sequence of str")))?;
    let mut read = Vec::with_capacity(sequence.len()?);
    for (index, item) in sequence.try_iter()?.enumerate() {
        let item = item?;
        if nulls && item.is_none() {
            read.push(None);
            continue;
        }
        let text = item
            .cast_into::<PyString>()
            .map_err(|_| PyTypeError::new_err(format!("{what}[{index}] is not a str")))?;
        read.push(Some(text));
    }
    Ok(read)
}

fn parse(method: &str) -> PyResult<Method> {
    method.parse().map_err(from_scoring)
}

fn interrupted() -> bool {
    Python::attach(|py| py.check_signals().is_err())
}

/// A text without case, marks, markup or invisible characters.
#[pyfunction]
fn plain(py: Python<'_>, text: &str) -> String {
    py.detach(|| core_plain(text))
}

#[pyfunction]
#[pyo3(signature = (texts, patterns, *, method="partial", cutoff=0.0, workers=0))]
fn score<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyAny>,
    patterns: &Bound<'py, PyAny>,
    method: &str,
    cutoff: f32,
    workers: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let method = parse(method)?;
    let (texts, patterns) = (strings(texts, "texts", true)?, strings(patterns, "patterns", false)?);
    let (rows, columns) = (borrow(&texts)?, borrow(&patterns)?);
    let scores = py.detach(|| {
        let options = Options { method, cutoff, workers, interrupt: Some(&interrupted) };
        score_with(&rows, &columns, &options)
    });
    PyArray1::from_vec(py, scores.map_err(from_scoring)?).reshape([rows.len(), columns.len()])
}

#[pyfunction]
#[pyo3(signature = (texts, patterns, *, method="partial", cutoff=0.0, workers=0))]
fn score_pairs<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyAny>,
    patterns: &Bound<'py, PyAny>,
    method: &str,
    cutoff: f32,
    workers: usize,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let method = parse(method)?;
    let (texts, patterns) = (strings(texts, "texts", true)?, strings(patterns, "patterns", false)?);
    let (rows, columns) = (borrow(&texts)?, borrow(&patterns)?);
    let scores = py.detach(|| {
        let options = Options { method, cutoff, workers, interrupt: Some(&interrupted) };
        score_pairs_with(&rows, &columns, &options)
    });
    Ok(PyArray1::from_vec(py, scores.map_err(from_scoring)?))
}
