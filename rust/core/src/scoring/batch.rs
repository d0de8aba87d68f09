//! Scoring many pairs on many threads.
//!
//! The scores form one flat list, cut into waves and each wave into chunks.
//! The threads take chunks; between waves the calling thread polls the
//! interrupt. It alone may poll: a Python signal handler, for one, only ever
//! runs on the interpreter's main thread.

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::alphabet::WORD;
use super::pattern::{Patterns, Scratch};
use super::{Options, ScoringError};

/// Kernel steps (a character of a text against a word of a pattern) in a
/// chunk: about a millisecond, far above the cost of handing it to a thread.
const CHUNK_STEPS: usize = 1 << 18;

/// Chunks of a wave for each thread: enough to even out their lengths, few
/// enough that the interrupt is polled every few tens of milliseconds.
const CHUNKS_PER_WAVE: usize = 32;

/// Every text against every pattern.
pub(super) fn matrix<T, P>(
    texts: &[T],
    patterns: &[P],
    options: &Options<'_>,
) -> Result<Vec<f32>, ScoringError>
where
    T: AsRef<str> + Sync,
    P: AsRef<str> + Sync,
{
    let mut scores = zeros(texts.len(), patterns.len(), patterns.len())?;
    if scores.is_empty() {
        return Ok(scores);
    }
    let plan = Plan::new(texts, patterns, scores.len());
    let prepared =
        Patterns::new(patterns.iter().map(AsRef::as_ref), options.method, options.cutoff);
    run(&mut scores, &plan, options, |start, mut scores, scratch| {
        let (mut row, mut column) = (start / patterns.len(), start % patterns.len());
        while !scores.is_empty() {
            let end = patterns.len().min(column + scores.len());
            let (head, tail) = scores.split_at_mut(end - column);
            prepared.score_row(texts[row].as_ref(), column..end, head, scratch);
            scores = tail;
            row += 1;
            column = 0;
        }
    })?;
    Ok(scores)
}

/// Each text against the pattern at the same position.
pub(super) fn pairs<T, P>(
    texts: &[T],
    patterns: &[P],
    options: &Options<'_>,
) -> Result<Vec<f32>, ScoringError>
where
    T: AsRef<str> + Sync,
    P: AsRef<str> + Sync,
{
    let mut scores = zeros(texts.len(), patterns.len(), 1)?;
    if scores.is_empty() {
        return Ok(scores);
    }
    let plan = Plan::new(texts, patterns, scores.len());
    run(&mut scores, &plan, options, |start, scores, scratch| {
        let end = start + scores.len();
        let pairs = texts[start..end].iter().zip(&patterns[start..end]);
        // One expected answer often recurs in a run of texts.
        let mut latest: Option<(&str, Patterns<'_>)> = None;
        for (score, (text, pattern)) in scores.iter_mut().zip(pairs) {
            let pattern = pattern.as_ref();
            let prepared = match latest.take() {
                Some((same, prepared)) if same == pattern => prepared,
                _ => Patterns::new([pattern], options.method, options.cutoff),
            };
            prepared.score_row(text.as_ref(), 0..1, std::slice::from_mut(score), scratch);
            latest = Some((pattern, prepared));
        }
    })?;
    Ok(scores)
}

/// How finely a batch is cut.
struct Plan {
    /// Scores in a chunk.
    chunk: usize,
    /// Chunks in all.
    chunks: usize,
}

impl Plan {
    fn new<T: AsRef<str>, P: AsRef<str>>(texts: &[T], patterns: &[P], scores: usize) -> Self {
        let steps = mean(texts.iter().map(|text| text.as_ref().len()));
        let words = mean(patterns.iter().map(|p| p.as_ref().len().div_ceil(WORD)));
        Self::of(CHUNK_STEPS / steps.saturating_mul(words).max(1), scores)
    }

    fn of(chunk: usize, scores: usize) -> Self {
        // Very short texts cost more than their steps: hence the upper limit.
        let chunk = chunk.clamp(1, 1 << 14);
        Self { chunk, chunks: scores.div_ceil(chunk) }
    }
}

/// The rounded mean of some lengths.
fn mean(lengths: impl ExactSizeIterator<Item = usize>) -> usize {
    let count = lengths.len().max(1);
    lengths.fold(0, usize::saturating_add).div_ceil(count)
}

/// Fills the scores, chunk by chunk. `fill` gets the position of the first
/// score of its chunk, the chunk and the thread's working memory.
fn run<F>(
    scores: &mut [f32],
    plan: &Plan,
    options: &Options<'_>,
    fill: F,
) -> Result<(), ScoringError>
where
    F: Fn(usize, &mut [f32], &mut Scratch) + Sync,
{
    let pool = pool(options.workers, plan.chunks)?;
    let threads = pool.as_ref().map_or(1, ThreadPool::current_num_threads);
    let wave = plan.chunk.saturating_mul(CHUNKS_PER_WAVE).saturating_mul(threads);
    let mut scratch = Scratch::default();
    for (index, scores) in scores.chunks_mut(wave).enumerate() {
        if options.interrupt.is_some_and(|interrupted| interrupted()) {
            return Err(ScoringError::Interrupted);
        }
        let start = index * wave;
        match &pool {
            None => fill(start, scores, &mut scratch),
            Some(pool) => pool.install(|| {
                scores.par_chunks_mut(plan.chunk).enumerate().for_each_init(
                    Scratch::default,
                    |scratch, (index, scores)| {
                        fill(start + index * plan.chunk, scores, scratch);
                    },
                );
            }),
        }
    }
    Ok(())
}

/// The threads for a number of chunks, or none where the calling thread does.
///
/// The pool lives as long as the call. A global one would outlive it and leave
/// a process that forks afterwards, as Python's `multiprocessing` may, with a
/// pool whose threads do not exist.
fn pool(workers: usize, chunks: usize) -> Result<Option<ThreadPool>, ScoringError> {
    let workers = match workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    // A thread without a chunk would be started for nothing.
    let workers = workers.min(chunks);
    if workers <= 1 {
        return Ok(None);
    }
    ThreadPoolBuilder::new()
        .num_threads(workers)
        .thread_name(|index| format!("ifrs-scoring-{index}"))
        .build()
        .map(Some)
        .map_err(|error| ScoringError::ThreadPool(error.to_string()))
}

/// A zero for each of `rows * columns` scores, where they fit in memory.
fn zeros(texts: usize, patterns: usize, columns: usize) -> Result<Vec<f32>, ScoringError> {
    let too_large = || ScoringError::TooLarge { texts, patterns };
    let len = texts.checked_mul(columns).ok_or_else(too_large)?;
    let mut scores = Vec::new();
    scores.try_reserve_exact(len).map_err(|_| too_large())?;
    scores.resize(len, 0.0);
    Ok(scores)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::super::{Method, score_one, score_pairs_with, score_with};
    use super::*;

    #[test]
    fn every_score_is_filled_once_at_its_place() {
        for (len, chunk, workers) in
            [(1, 1, 4), (10, 3, 2), (1000, 1, 2), (1000, 7, 1), (513, 2, 3)]
        {
            let mut scores = vec![0.0; len];
            let options = Options { workers, ..Options::new(Method::Exact) };
            run(&mut scores, &Plan::of(chunk, len), &options, |start, scores, _| {
                for (score, at) in scores.iter_mut().zip(start..) {
                    *score += at as f32 + 1.0;
                }
            })
            .unwrap();
            let expected: Vec<f32> = (1..=len).map(|at| at as f32).collect();
            assert_eq!(scores, expected);
        }
    }

    #[test]
    fn the_number_of_threads_does_not_show() {
        // Several chunks, or there would be one thread only.
        let texts: Vec<String> = (0..300_u32)
            .map(|i| {
                let filler = if i % 3 == 0 { "é" } else { "x" };
                format!("{}answer {i}{}", filler.repeat(i as usize), "y".repeat(700))
            })
            .collect();
        let patterns: Vec<String> = (0..7).map(|i| format!("answer {i}2")).collect();
        assert!(Plan::new(&texts, &patterns, 2100).chunks > 4);
        let many: Vec<&String> = (0..300).map(|i| &patterns[i / 2 % 7]).collect();
        for method in [Method::Exact, Method::Partial, Method::Ratio] {
            let [one, two, all] = [1, 2, 0].map(|workers| {
                let options = Options { workers, ..Options::new(method) };
                score_with(&texts, &patterns, &options).unwrap()
            });
            assert_eq!(one, two);
            assert_eq!(one, all);
            for (t, text) in texts.iter().enumerate().step_by(17) {
                for (p, pattern) in patterns.iter().enumerate() {
                    assert_eq!(one[t * 7 + p], score_one(text, pattern, method).unwrap());
                }
            }
            for workers in [1, 2, 0] {
                let options = Options { workers, ..Options::new(method) };
                let pairs = score_pairs_with(&texts, &many, &options).unwrap();
                for (t, score) in pairs.into_iter().enumerate() {
                    assert_eq!(score, one[t * 7 + t / 2 % 7]);
                }
            }
        }
    }

    #[test]
    fn one_text_with_many_patterns_is_cut_too() {
        let text = "abcdefgh".repeat(2000);
        let patterns: Vec<String> = (0..100).map(|i| format!("fgha{i}")).collect();
        assert!(Plan::new(&[&text], &patterns, 100).chunks > 4);
        let options = Options { workers: 2, ..Options::new(Method::Partial) };
        let scores = score_with(&[&text], &patterns, &options).unwrap();
        for (pattern, score) in patterns.iter().zip(scores) {
            assert_eq!(score, score_one(&text, pattern, Method::Partial).unwrap());
        }
    }

    #[test]
    fn an_interrupt_stops_the_batch() {
        let texts = vec!["x".repeat(1000); 40_000];
        let caller = thread::current().id();
        for workers in [1, 2] {
            let polls = AtomicUsize::new(0);
            let interrupt = || {
                assert_eq!(thread::current().id(), caller);
                polls.fetch_add(1, Ordering::Relaxed) == 2
            };
            let options =
                Options { workers, interrupt: Some(&interrupt), ..Options::new(Method::Exact) };
            let error = score_with(&texts, &["y"], &options).unwrap_err();
            assert!(matches!(error, ScoringError::Interrupted));
            assert_eq!(polls.load(Ordering::Relaxed), 3);
            polls.store(0, Ordering::Relaxed);
            let error = score_pairs_with(&texts, &texts, &options).unwrap_err();
            assert!(matches!(error, ScoringError::Interrupted));
        }
    }

    #[test]
    fn an_interrupt_that_never_fires_changes_nothing() {
        let never = || false;
        let options = Options { interrupt: Some(&never), ..Options::new(Method::Partial) };
        assert_eq!(score_with(&["ab"], &["ab", "cd"], &options).unwrap(), [1.0, 0.0]);
    }

    #[test]
    fn nothing_to_score() {
        let none: [&str; 0] = [];
        for workers in [0, 1, 2] {
            let options = Options { workers, ..Options::new(Method::Partial) };
            assert!(score_with(&none, &["a"], &options).unwrap().is_empty());
            assert!(score_with(&["a"], &none, &options).unwrap().is_empty());
            assert!(score_pairs_with(&none, &none, &options).unwrap().is_empty());
        }
    }

    #[test]
    fn scores_beyond_memory_are_an_error() {
        assert!(matches!(zeros(usize::MAX, 2, 2), Err(ScoringError::TooLarge { .. })));
        assert!(matches!(zeros(usize::MAX / 8, 1, 1), Err(ScoringError::TooLarge { .. })));
    }
}
