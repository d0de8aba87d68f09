//! Scoring of texts against patterns.

use ifrs_matching::{
    Method, Options, Path, ScoringError, Texts, best_match_with, plain as core_plain,
    score_pairs_with, score_with, top_hits_with,
};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
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
    module.add_function(wrap_pyfunction!(top_hits, module)?)
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
