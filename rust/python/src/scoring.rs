//! Scoring of texts against patterns.

use ifrs_matching::signal;
use ifrs_matching::{
    Method, Options, Path, ScoringError, Texts, best_match_with, plain as core_plain,
    score_pairs_with, score_with, top_hits_with,
};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::exceptions::{PyKeyboardInterrupt, PyValueError};
use pyo3::prelude::*;

use crate::errors::from_scoring;
use crate::interrupts::interrupted;
use crate::texts::Input;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(scoring_paths, module)?)?;
    module.add_function(wrap_pyfunction!(score, module)?)?;
    module.add_function(wrap_pyfunction!(plain, module)?)?;
    module.add_function(wrap_pyfunction!(score_pairs, module)?)?;
    module.add_function(wrap_pyfunction!(best_match, module)?)?;
    module.add_function(wrap_pyfunction!(top_hits, module)?)?;
    module.add_function(wrap_pyfunction!(signal_pairs, module)?)?;
    module.add_function(wrap_pyfunction!(signal_tally, module)?)
}

/// How to score, as Python says it.
struct Wanted<'a> {
    method: &'a str,
    cutoff: f32,
    workers: usize,
}

/// Reads texts and patterns, and scores them without the interpreter's lock.
fn run<R: Send>(
    py: Python<'_>,
    texts: &Bound<'_, PyAny>,
    patterns: &Bound<'_, PyAny>,
    wanted: &Wanted<'_>,
    how: impl FnOnce(&dyn Texts, &[&str], &Options<'_>) -> Result<R, ScoringError> + Send,
) -> PyResult<R> {
    let method: Method = wanted.method.parse().map_err(from_scoring)?;
    let (texts, patterns) = (Input::new(texts, "texts")?, Input::new(patterns, "patterns")?);
    let (rows, columns) = (texts.texts("texts")?, patterns.patterns("patterns")?);
    let (cutoff, workers) = (wanted.cutoff, wanted.workers);
    let result = py.detach(|| {
        let interrupt = Some(&interrupted as &(dyn Fn() -> bool + Sync));
        let options = Options { cutoff, workers, interrupt, ..Options::new(method) };
        rows.with(|rows| how(rows, &columns, &options))
    });
    result.map_err(from_scoring)
}

#[pyfunction]
fn scoring_paths() -> Vec<&'static str> {
    Path::all().into_iter().map(Path::as_str).collect()
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
    let wanted = Wanted { method, cutoff, workers };
    let (shape, scores) = run(py, texts, patterns, &wanted, |texts, patterns, options| {
        Ok(([texts.len(), patterns.len()], score_with(texts, patterns, options)?))
    })?;
    PyArray1::from_vec(py, scores).reshape(shape)
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
    let wanted = Wanted { method, cutoff, workers };
    Ok(PyArray1::from_vec(py, run(py, texts, patterns, &wanted, score_pairs_with)?))
}

#[pyfunction]
#[pyo3(signature = (texts, patterns, *, method="partial", cutoff=0.0, workers=0))]
#[allow(clippy::type_complexity, reason = "a pair of arrays")]
fn best_match<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyAny>,
    patterns: &Bound<'py, PyAny>,
    method: &str,
    cutoff: f32,
    workers: usize,
) -> PyResult<(Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f32>>)> {
    let wanted = Wanted { method, cutoff, workers };
    let (indices, scores) = run(py, texts, patterns, &wanted, best_match_with)?;
    Ok((PyArray1::from_vec(py, indices), PyArray1::from_vec(py, scores)))
}

#[pyfunction]
#[pyo3(signature = (texts, patterns, *, method="partial", cutoff, workers=0))]
#[allow(clippy::type_complexity, reason = "three arrays")]
fn top_hits<'py>(
    py: Python<'py>,
    texts: &Bound<'py, PyAny>,
    patterns: &Bound<'py, PyAny>,
    method: &str,
    cutoff: f32,
    workers: usize,
) -> PyResult<(Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<f32>>)> {
    let wanted = Wanted { method, cutoff, workers };
    let hits = run(py, texts, patterns, &wanted, top_hits_with)?;
    Ok((
        PyArray1::from_vec(py, hits.texts),
        PyArray1::from_vec(py, hits.patterns),
        PyArray1::from_vec(py, hits.scores),
    ))
}

/// The distinct pairs of neighbouring words in some texts, in order, uint8 (pairs, 16).
#[pyfunction]
fn signal_pairs<'py>(py: Python<'py>, texts: Vec<String>) -> PyResult<Bound<'py, PyArray2<u8>>> {
    let found = py.detach(|| signal::pairs(texts.iter().map(String::as_str)));
    PyArray1::from_vec(py, found.as_flattened().to_vec()).reshape([found.len(), 16])
}

/// How many pairs are green under each colouring, uint16 (64 * keys,).
///
/// Raises ValueError if keys or pairs are not rows of 16 bytes, or more pairs than are counted.
#[pyfunction]
fn signal_tally<'py>(
    py: Python<'py>,
    keys: PyReadonlyArray2<'_, u8>,
    pairs: PyReadonlyArray2<'_, u8>,
) -> PyResult<Bound<'py, PyArray1<u16>>> {
    let (keys, pairs) = (blocks(&keys)?, blocks(&pairs)?);
    if pairs.len() > signal::MAX_PAIRS {
        let most = signal::MAX_PAIRS;
        return Err(PyValueError::new_err(format!("at most {most} pairs are counted")));
    }
    let counts = py.detach(|| signal::tally(&keys, &pairs, &interrupted));
    let counts = counts.ok_or_else(|| PyKeyboardInterrupt::new_err("counting was interrupted"))?;
    Ok(PyArray1::from_vec(py, counts))
}

/// Rows of 16 bytes.
fn blocks(rows: &PyReadonlyArray2<'_, u8>) -> PyResult<Vec<[u8; 16]>> {
    let rows = rows.as_array();
    let block = |row: numpy::ndarray::ArrayView1<'_, u8>| row.to_vec().try_into();
    rows.outer_iter()
        .map(block)
        .collect::<Result<_, _>>()
        .map_err(|_| PyValueError::new_err("keys and pairs are rows of 16 bytes"))
}
