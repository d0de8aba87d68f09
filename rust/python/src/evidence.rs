//! Ranks, p-values, intervals, verdicts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ifrs_core::evidence as core;
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::from_evidence;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(rank, module)?)?;
    module.add_function(wrap_pyfunction!(rank_words, module)?)?;
    module.add_function(wrap_pyfunction!(fisher_log10, module)?)?;
    module.add_function(wrap_pyfunction!(exact_log10, module)?)?;
    module.add_function(wrap_pyfunction!(exact_cumulative_log10, module)?)?;
    module.add_function(wrap_pyfunction!(e_process_log10, module)?)?;
    module.add_function(wrap_pyfunction!(clopper_pearson, module)?)?;
    module.add_function(wrap_pyfunction!(power, module)?)?;
    module.add_function(wrap_pyfunction!(sequential_power, module)?)?;
    module.add_function(wrap_pyfunction!(judge, module)?)?;
    module.add_function(wrap_pyfunction!(power_at, module)?)?;
    module.add_function(wrap_pyfunction!(smallest_n, module)?)?;
    module.add_function(wrap_pyfunction!(rank_text, module)?)?;
    module.add_function(wrap_pyfunction!(evidence, module)?)?;
    module.add_function(wrap_pyfunction!(check_evidence, module)?)?;
    module.add_function(wrap_pyfunction!(answer_of, module)?)?;
    module.add_function(wrap_pyfunction!(parse_public_key, module)?)?;
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
        core::Claim::parse(file).map(Self).map_err(from_evidence)
    }

    /// SHA-256 of the envelope, in hexadecimal.
    #[getter]
    fn digest(&self) -> String {
        core::dsse::hex(&self.0.digest())
    }

    /// The bytes that a time stamp covers.
    #[getter]
    fn envelope<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.envelope())
    }

    /// The RFC 3161 response over them, or None.
    #[getter]
    fn stamp<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0.stamp().map(|stamp| PyBytes::new(py, stamp))
    }

    /// The same claim with a time stamp.
    fn with_stamp(&self, stamp: &[u8]) -> PyResult<Self> {
        self.0.clone().with_stamp(stamp).map(Self).map_err(from_evidence)
    }

    /// Verifies the signature, with the key in the claim or the one given.
    #[pyo3(signature = (publisher=None))]
    fn verify(&self, publisher: Option<[u8; 32]>) -> PyResult<()> {
        self.0.verify(publisher.as_ref()).map_err(from_evidence)
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
        .map_err(from_evidence)?;
    Ok(PyBytes::new(py, &json))
}

/// How often a signal is looked for while a bundle is checked.
const POLL: Duration = Duration::from_millis(50);

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

/// Runs `work` beside a look-out for signals; one that raises sets `stopped`.
fn watched<T: Send>(
    py: Python<'_>,
    stopped: &AtomicBool,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    let outcome = py.detach(|| {
        thread::scope(|scope| {
            let (done, waiting) = mpsc::channel();
            scope.spawn(move || drop(done.send(work())));
            loop {
                match waiting.recv_timeout(POLL) {
                    Ok(found) => return Ok(Some(found)),
                    Err(RecvTimeoutError::Disconnected) => return Ok(None),
                    Err(RecvTimeoutError::Timeout) => {}
                }
                if let Err(error) = Python::attach(|py| py.check_signals()) {
                    stopped.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        })
    })?;
    outcome.ok_or_else(|| PyRuntimeError::new_err("checking ended without a result"))
}

/// What a protocol gives as the answer, out of a raw one.
///
/// Raises ValueError, in words that quote nothing, where it is not of the protocol.
#[pyfunction]
fn answer_of(py: Python<'_>, raw: &str, protocol: &str) -> PyResult<String> {
    let protocol = core::Protocol::parse(protocol)
        .ok_or_else(|| PyValueError::new_err(format!("unknown protocol {protocol:?}")))?;
    py.detach(|| core::answer_of(raw, protocol)).map_err(PyValueError::new_err)
}

/// The 32 bytes of an Ed25519 public key, from hexadecimal, base64 or PEM.
#[pyfunction]
fn parse_public_key<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyBytes>> {
    let key = core::parse_public_key(text).map_err(from_evidence)?;
    Ok(PyBytes::new(py, &key))
}

/// (rank, candidates, p-value), score, and whether the response occurs in the answer.
#[pyfunction]
fn rank_text(
    py: Python<'_>,
    answer: &str,
    response: &str,
    decoys: Vec<String>,
) -> PyResult<(RankRow, f32, bool)> {
    let found = py.detach(|| core::rank_text(answer, response, &decoys)).map_err(from_evidence)?;
    Ok((row(found.rank), found.score, found.fired))
}

/// The probability that n queries convict a suspect that answers a share of its keys.
#[pyfunction]
fn power_at(py: Python<'_>, n: u64, best: Vec<f64>, alpha: f64, fsr: f64) -> PyResult<f64> {
    py.detach(|| core::power_at(n, &best, alpha, fsr)).map_err(from_evidence)
}

/// The smallest number of queries whose power reaches a wanted one; None where 1,000 do not.
#[pyfunction]
#[pyo3(signature = (best, alpha, fsr=0.5, power=0.8))]
fn smallest_n(
    py: Python<'_>,
    best: Vec<f64>,
    alpha: f64,
    fsr: f64,
    power: f64,
) -> PyResult<Option<u64>> {
    py.detach(|| core::smallest_n(&best, alpha, fsr, power)).map_err(from_evidence)
}

/// (rank, candidates, p-value)
type RankRow = (usize, usize, f64);

fn row(rank: core::Rank) -> RankRow {
    (rank.rank, rank.candidates, rank.p_value())
}

/// Ranks `scores[truth]` among all scores; ties count against it.
#[pyfunction]
fn rank(scores: PyReadonlyArray1<'_, f32>, truth: usize) -> PyResult<RankRow> {
    core::rank(scores.as_slice()?, truth, None).map(row).map_err(from_evidence)
}

/// Ranks each word of a response among its alphabet, given the words before it.
#[pyfunction]
fn rank_words(
    scores: PyReadonlyArray2<'_, f32>,
    words: (usize, usize),
) -> PyResult<(RankRow, RankRow)> {
    let scores = scores.as_array();
    let rank = |place: usize, truth, excluded| {
        core::rank(&scores.row(place).to_vec(), truth, excluded).map(row).map_err(from_evidence)
    };
    Ok((rank(0, words.0, None)?, rank(1, words.1, Some(words.0))?))
}

/// log10 of Fisher's combined p-value.
#[pyfunction]
fn fisher_log10(p_values: Vec<f64>) -> PyResult<f64> {
    core::fisher_log10(&p_values).map_err(from_evidence)
}

/// log10 of the exact p-value of (rank, candidates) pairs.
#[pyfunction]
fn exact_log10(py: Python<'_>, ranks: Vec<(usize, usize)>) -> PyResult<f64> {
    let ranks = as_ranks(ranks);
    py.detach(|| core::exact_log10(&ranks)).map_err(from_evidence)
}

/// log10 of the exact p-value after each query's (rank, candidates) pairs.
#[pyfunction]
fn exact_cumulative_log10(py: Python<'_>, groups: Vec<Vec<(usize, usize)>>) -> PyResult<Vec<f64>> {
    let groups: Vec<Vec<core::Rank>> = groups.into_iter().map(as_ranks).collect();
    py.detach(|| core::exact_cumulative_log10(&groups)).map_err(from_evidence)
}

fn as_ranks(pairs: Vec<(usize, usize)>) -> Vec<core::Rank> {
    pairs.into_iter().map(|(rank, candidates)| core::Rank { rank, candidates }).collect()
}

/// log10 of the anytime-valid e-process after each query's (rank, candidates) pairs.
#[pyfunction]
fn e_process_log10(ranks: Vec<Vec<(usize, usize)>>) -> PyResult<Vec<f64>> {
    let groups: Vec<Vec<core::Rank>> = ranks.into_iter().map(as_ranks).collect();
    core::e_process_log10(&groups).map_err(from_evidence)
}

/// The exact interval of a success rate.
#[pyfunction]
#[pyo3(signature = (successes, trials, level=0.95))]
fn clopper_pearson(successes: u64, trials: u64, level: f64) -> PyResult<(f64, f64)> {
    core::clopper_pearson(successes, trials, level).map_err(from_evidence)
}

/// The probability that up to n queries, one after the other, convict such a suspect.
#[pyfunction]
fn sequential_power(n: usize, candidates: Vec<usize>, alpha: f64) -> PyResult<f64> {
    core::sequential_power(n, &candidates, alpha).map_err(from_evidence)
}

/// The probability that n queries convict a suspect that answers half of its keys.
#[pyfunction]
fn power(py: Python<'_>, n: u64, best: Vec<f64>, alpha: f64) -> PyResult<f64> {
    py.detach(|| core::power(n, &best, alpha)).map_err(from_evidence)
}

/// "match", "no match" or "inconclusive".
#[pyfunction]
fn judge(log10_p: f64, alpha: f64, power: f64) -> PyResult<&'static str> {
    core::judge(log10_p, alpha, power).map(core::Verdict::name).map_err(from_evidence)
}
