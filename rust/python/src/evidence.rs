//! Ranks, p-values, intervals, verdicts.

use ifrs_core::evidence as core;
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::errors::from_evidence;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(rank, module)?)?;
    module.add_function(wrap_pyfunction!(rank_words, module)?)?;
    module.add_function(wrap_pyfunction!(fisher_log10, module)?)?;
    module.add_function(wrap_pyfunction!(cumulative_log10, module)?)?;
    module.add_function(wrap_pyfunction!(e_process_log10, module)?)?;
    module.add_function(wrap_pyfunction!(clopper_pearson, module)?)?;
    module.add_function(wrap_pyfunction!(power, module)?)?;
    module.add_function(wrap_pyfunction!(judge, module)?)?;
    module.add_function(wrap_pyfunction!(decoys, module)?)
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

/// log10 of Fisher's combined p-value after each query's p-values.
#[pyfunction]
fn cumulative_log10(groups: Vec<Vec<f64>>) -> PyResult<Vec<f64>> {
    core::cumulative_log10(&groups).map_err(from_evidence)
}

/// log10 of the anytime-valid e-process after each query's (rank, candidates) pairs.
#[pyfunction]
fn e_process_log10(ranks: Vec<Vec<(usize, usize)>>) -> PyResult<Vec<f64>> {
    let rank = |(rank, candidates)| core::Rank { rank, candidates };
    let groups: Vec<Vec<core::Rank>> =
        ranks.into_iter().map(|group| group.into_iter().map(rank).collect()).collect();
    core::e_process_log10(&groups).map_err(from_evidence)
}

/// The exact interval of a success rate.
#[pyfunction]
#[pyo3(signature = (successes, trials, level=0.95))]
fn clopper_pearson(successes: u64, trials: u64, level: f64) -> PyResult<(f64, f64)> {
    core::clopper_pearson(successes, trials, level).map_err(from_evidence)
}

/// The probability that n queries convict a suspect that answers half of its keys.
#[pyfunction]
fn power(n: u64, best: Vec<f64>, alpha: f64) -> PyResult<f64> {
    core::power(n, &best, alpha).map_err(from_evidence)
}

/// "match", "no match" or "inconclusive".
#[pyfunction]
fn judge(log10_p: f64, alpha: f64, power: f64) -> PyResult<&'static str> {
    core::judge(log10_p, alpha, power).map(core::Verdict::name).map_err(from_evidence)
}

/// Responses that could have been the true one, drawn from public randomness.
#[pyfunction]
fn decoys(py: Python<'_>, label: &[u8], index: u64, count: usize) -> Vec<String> {
    py.detach(|| core::decoys::decoys(label, index, count))
}
