//! Ranks, p-values, intervals, verdicts.

use ifrs_core::attest::licences::accusation::{BLOCK, looks};
use ifrs_core::attest::rank_text as core_rank_text;
use ifrs_core::statistics as core;
use numpy::PyReadonlyArray2;
use pyo3::prelude::*;

use crate::errors::{from_attest, from_statistics};

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(rank_words, module)?)?;
    module.add_function(wrap_pyfunction!(rank_text, module)?)?;
    module.add_function(wrap_pyfunction!(fisher_log10, module)?)?;
    module.add_function(wrap_pyfunction!(bonferroni_log10, module)?)?;
    module.add_function(wrap_pyfunction!(exact_log10, module)?)?;
    module.add_function(wrap_pyfunction!(exact_cumulative_log10, module)?)?;
    module.add_function(wrap_pyfunction!(e_process_log10, module)?)?;
    module.add_function(wrap_pyfunction!(clopper_pearson, module)?)?;
    module.add_function(wrap_pyfunction!(power, module)?)?;
    module.add_function(wrap_pyfunction!(power_at, module)?)?;
    module.add_function(wrap_pyfunction!(smallest_n, module)?)?;
    module.add_function(wrap_pyfunction!(sequential_power, module)?)?;
    module.add_function(wrap_pyfunction!(judge, module)?)?;
    module.add("POSITIONS_BETWEEN_LOOKS", BLOCK)?;
    module.add_function(wrap_pyfunction!(looks_at_positions, module)?)?;
    module.add_function(wrap_pyfunction!(read_position, module)?)?;
    module.add_function(wrap_pyfunction!(accuse, module)?)
}

/// (rank, candidates, p-value)
pub(crate) type RankRow = (usize, usize, f64);

pub(crate) fn row(rank: core::Rank) -> RankRow {
    (rank.rank, rank.candidates, rank.p_value())
}

/// (rank, candidates, p-value), score, and whether the response occurs in the answer.
#[pyfunction]
fn rank_text(
    py: Python<'_>,
    answer: &str,
    response: &str,
    decoys: Vec<String>,
) -> PyResult<(RankRow, f32, bool)> {
    let found = py.detach(|| core_rank_text(answer, response, &decoys)).map_err(from_attest)?;
    Ok((row(found.rank), found.score, found.fired))
}

/// Ranks each word of a response among its alphabet, given the words before it.
#[pyfunction]
fn rank_words(
    scores: PyReadonlyArray2<'_, f32>,
    words: (usize, usize),
) -> PyResult<(RankRow, RankRow)> {
    let scores = scores.as_array();
    let rank = |place: usize, truth, excluded| {
        core::rank(&scores.row(place).to_vec(), truth, excluded).map(row).map_err(from_statistics)
    };
    Ok((rank(0, words.0, None)?, rank(1, words.1, Some(words.0))?))
}

/// Base-10 logarithm of the p-value of whoever takes the least of so many looks.
#[pyfunction]
fn bonferroni_log10(log10_p: Vec<f64>, looks: usize) -> PyResult<f64> {
    core::bonferroni_log10(&log10_p, looks).map_err(from_statistics)
}

/// The probability that n queries convict a suspect that answers a share of its keys.
#[pyfunction]
fn power_at(py: Python<'_>, n: u64, best: Vec<f64>, alpha: f64, fsr: f64) -> PyResult<f64> {
    py.detach(|| core::power_at(n, &best, alpha, fsr)).map_err(from_statistics)
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
    py.detach(|| core::smallest_n(&best, alpha, fsr, power)).map_err(from_statistics)
}

/// log10 of Fisher's combined p-value.
#[pyfunction]
fn fisher_log10(p_values: Vec<f64>) -> PyResult<f64> {
    core::fisher_log10(&p_values).map_err(from_statistics)
}

/// log10 of the exact p-value of (rank, candidates) pairs.
#[pyfunction]
fn exact_log10(py: Python<'_>, ranks: Vec<(usize, usize)>) -> PyResult<f64> {
    let ranks = as_ranks(ranks);
    py.detach(|| core::exact_log10(&ranks)).map_err(from_statistics)
}

/// log10 of the exact p-value after each query's (rank, candidates) pairs; of the best of so many
/// looks at them.
#[pyfunction]
#[pyo3(signature = (groups, looks=1))]
fn exact_cumulative_log10(
    py: Python<'_>,
    groups: Vec<Vec<(usize, usize)>>,
    looks: usize,
) -> PyResult<Vec<f64>> {
    let groups: Vec<Vec<core::Rank>> = groups.into_iter().map(as_ranks).collect();
    let found: Result<Vec<f64>, _> = py.detach(|| {
        let once = core::exact_cumulative_log10(&groups)?;
        once.into_iter().map(|log10_p| core::bonferroni_log10(&[log10_p], looks)).collect()
    });
    found.map_err(from_statistics)
}

fn as_ranks(pairs: Vec<(usize, usize)>) -> Vec<core::Rank> {
    pairs.into_iter().map(|(rank, candidates)| core::Rank { rank, candidates }).collect()
}

/// log10 of the anytime-valid e-process after each query's (rank, candidates) pairs; of the best of
/// so many looks at them.
#[pyfunction]
#[pyo3(signature = (ranks, looks=1))]
fn e_process_log10(ranks: Vec<Vec<(usize, usize)>>, looks: usize) -> PyResult<Vec<f64>> {
    let groups: Vec<Vec<core::Rank>> = ranks.into_iter().map(as_ranks).collect();
    let once = core::e_process_log10(&groups).map_err(from_statistics)?;
    Ok(core::shared_log10_e(once, looks))
}

/// The exact interval of a success rate.
#[pyfunction]
#[pyo3(signature = (successes, trials, level=0.95))]
fn clopper_pearson(successes: u64, trials: u64, level: f64) -> PyResult<(f64, f64)> {
    core::clopper_pearson(successes, trials, level).map_err(from_statistics)
}

/// The probability that up to n queries, one after the other, convict such a suspect.
#[pyfunction]
fn sequential_power(n: usize, candidates: Vec<usize>, alpha: f64) -> PyResult<f64> {
    core::sequential_power(n, &candidates, alpha).map_err(from_statistics)
}

/// The probability that n queries convict a suspect that answers half of its keys.
#[pyfunction]
fn power(py: Python<'_>, n: u64, best: Vec<f64>, alpha: f64) -> PyResult<f64> {
    py.detach(|| core::power(n, &best, alpha)).map_err(from_statistics)
}

/// (index, score, log10 of the p-value) of the codewords that match some readings best.
///
/// A reading is 0, 1, or None for what says nothing; codewords are bool (codewords, positions).
#[pyfunction]
#[pyo3(signature = (readings, biases, codewords, *, looks=1, top=20))]
fn accuse(
    py: Python<'_>,
    readings: Vec<Option<u8>>,
    biases: Vec<u32>,
    codewords: PyReadonlyArray2<'_, bool>,
    looks: usize,
    top: usize,
) -> PyResult<Vec<(usize, f64, f64)>> {
    let codewords: Vec<Vec<bool>> =
        codewords.as_array().rows().into_iter().map(|row| row.to_vec()).collect();
    let found = py.detach(|| {
        let read: Vec<Option<bool>> = readings.iter().map(|one| one.map(|bit| bit == 1)).collect();
        core::accusation::Trial::new(&read, &biases)?.accuse(&codewords, looks, top)
    });
    let row = |one: core::accusation::Accused| (one.index, one.score, one.log10_p);
    Ok(found.map_err(from_statistics)?.into_iter().map(row).collect())
}

/// How many looks count where whole blocks of `n` positions are asked, from `first` on.
#[pyfunction]
fn looks_at_positions(n: usize, first: usize) -> usize {
    looks(n, first)
}

/// What a position reads: 0, 1, or None, by the sizes of both responses and their evidence.
#[pyfunction]
fn read_position(size: [f64; 2], evidence: [f64; 2], of_weights: bool) -> Option<u8> {
    let certainty = if of_weights { core::reading::WEIGHTS } else { core::reading::TEXT };
    core::reading::decide(size, evidence, certainty).map(u8::from)
}

/// "match", "no match" or "inconclusive".
#[pyfunction]
fn judge(log10_p: f64, alpha: f64, power: f64) -> PyResult<&'static str> {
    core::judge(log10_p, alpha, power).map(core::Verdict::name).map_err(from_statistics)
}
