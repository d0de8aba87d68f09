//! The shapes in which scores are returned.

use std::ops::Range;
use std::sync::Mutex;

use memchr::memmem;

use super::batch::{self, Stop, drive, lock};
use super::pattern::Pattern;
use super::scorer::{Memory, Scorer};
use super::side_by_side::{Item, Measure, Pair, score_pairs};
use super::texts::Texts;
use super::{Hits, Method, Options, ScoringError};

/// Bytes of text in a parcel of work: what the second-level cache holds.
const PARCEL: usize = 1 << 18;

/// The least that repays handing it to a thread.
const SMALL: usize = 1 << 13;

/// How texts are cut into parcels of work.
struct Plan {
    /// Bytes of text in all.
    bytes: usize,
    /// Texts in a parcel.
    parcel: usize,
    /// Parcels in all.
    count: usize,
}

impl Plan {
    fn new(texts: &dyn Texts, options: &Options<'_>) -> Self {
        let (len, bytes) = (texts.len(), bytes(texts));
        // Several parcels for each thread even out their lengths.
        let wanted = (bytes / (4 * batch::threads(options.workers))).clamp(SMALL, PARCEL);
        // A very short text still costs its place in the output.
        let mean = bytes / len.max(1) + 16;
        let parcel = (wanted / mean).max(1).next_multiple_of(8);
        Self { bytes, parcel, count: len.div_ceil(parcel) }
    }

    fn ranges(&self, len: usize) -> impl Iterator<Item = Range<usize>> + Send + use<> {
        let parcel = self.parcel;
        (0..self.count).map(move |index| index * parcel..len.min((index + 1) * parcel))
    }
}

/// The bytes of all texts.
fn bytes(texts: &dyn Texts) -> usize {
    match texts.joined(0..texts.len()) {
        Some(joined) => joined.len(),
        None => (0..texts.len()).map(|index| texts.get(index).len()).sum(),
    }
}

/// Every text against every pattern.
pub(super) fn matrix(
    texts: &dyn Texts,
    patterns: &[&str],
    options: &Options<'_>,
) -> Result<Vec<f32>, ScoringError> {
    let columns = patterns.len();
    let mut scores = zeros(texts.len(), columns, columns)?;
    if scores.is_empty() {
        return Ok(scores);
    }
    let plan = Plan::new(texts, options);
    let scorer = Scorer::new(texts, plan.bytes, patterns, options)?;
    let parcels = plan.ranges(texts.len()).zip(scores.chunks_mut(plan.parcel * columns));
    drive(parcels, plan.count, options, |(range, scores), memory: &mut Memory, stop| {
        let first = range.start;
        scorer.score(texts, range, memory, stop, &mut |text, pattern, score| {
            let cell = &mut scores[(text - first) * columns + pattern];
            *cell = cell.max(score);
        })
    })?;
    Ok(scores)
}

/// The best pattern for each text and its score; -1 where none scores.
pub(super) fn best(
    texts: &dyn Texts,
    patterns: &[&str],
    options: &Options<'_>,
) -> Result<(Vec<i64>, Vec<f32>), ScoringError> {
    let mut scores = zeros(texts.len(), patterns.len(), 1)?;
    let mut indices = vec![-1; texts.len()];
    if scores.is_empty() || patterns.is_empty() {
        return Ok((indices, scores));
    }
    let plan = Plan::new(texts, options);
    let scorer = Scorer::new(texts, plan.bytes, patterns, options)?;
    let outputs = indices.chunks_mut(plan.parcel).zip(scores.chunks_mut(plan.parcel));
    let parcels = plan.ranges(texts.len()).zip(outputs);
    let work = |(range, (indices, scores)): Parcel<'_>, memory: &mut Memory, stop: &Stop<'_>| {
        let first = range.start;
        scorer.score(texts, range, memory, stop, &mut |text, pattern, score| {
            let (index, best) = (&mut indices[text - first], &mut scores[text - first]);
            // The first of equals, in whatever order they come.
            if score > *best || score == *best && (pattern as i64) < *index {
                (*index, *best) = (pattern as i64, score);
            }
        })
    };
    drive(parcels, plan.count, options, work)?;
    Ok((indices, scores))
}

type Parcel<'a> = (Range<usize>, (&'a mut [i64], &'a mut [f32]));

/// Every pair that scores, by text and then by pattern.
pub(super) fn hits(
    texts: &dyn Texts,
    patterns: &[&str],
    options: &Options<'_>,
) -> Result<Hits, ScoringError> {
    let mut hits = Hits::default();
    if texts.is_empty() || patterns.is_empty() {
        return Ok(hits);
    }
    let plan = Plan::new(texts, options);
    let scorer = Scorer::new(texts, plan.bytes, patterns, options)?;
    let found = Mutex::new(Vec::new());
    drive(plan.ranges(texts.len()), plan.count, options, |range, memory: &mut Memory, stop| {
        let first = range.start;
        let mut parcel = Vec::new();
        scorer.score(texts, range, memory, stop, &mut |text, pattern, score| {
            parcel.push((text, pattern, score));
        })?;
        parcel.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(b.2.total_cmp(&a.2)));
        parcel.dedup_by_key(|hit| (hit.0, hit.1));
        parcel.shrink_to_fit();
        if !parcel.is_empty() {
            lock(&found).push((first, parcel));
        }
        Ok(())
    })?;
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found.sort_unstable_by_key(|(first, _)| *first);
    for (text, pattern, score) in found.into_iter().flat_map(|(_, parcel)| parcel) {
        hits.texts.push(text as i64);
        hits.patterns.push(pattern as i64);
        hits.scores.push(score);
    }
    Ok(hits)
}

/// Each text against the pattern at the same position.
pub(super) fn pairs(
    texts: &dyn Texts,
    patterns: &[&str],
    options: &Options<'_>,
) -> Result<Vec<f32>, ScoringError> {
    let mut scores = zeros(texts.len(), patterns.len(), 1)?;
    if scores.is_empty() {
        return Ok(scores);
    }
    let plan = Plan::new(texts, options);
    let path = options.path()?;
    let parcels = plan.ranges(texts.len()).zip(scores.chunks_mut(plan.parcel));
    drive(parcels, plan.count, options, |(range, scores), memory: &mut Memory, stop| {
        let first = range.start;
        let mut prepared: Vec<Pattern<'_>> = Vec::new();
        let mut pairs = Vec::with_capacity(range.len());
        for id in range {
            // One expected answer often recurs in a run of texts.
            if prepared.last().is_none_or(|latest| latest.text != patterns[id]) {
                prepared.push(Pattern::new(patterns[id], options.cutoff));
            }
            let item = Item { id, text: texts.get(id) };
            pairs.push(Pair { item, pattern: prepared.len() - 1 });
        }
        let measure = match options.method {
            Method::Exact => {
                exact_pairs(&prepared, &pairs, |id| scores[id - first] = 1.0);
                return Ok(());
            }
            Method::Partial => Measure::Least,
            Method::Ratio => Measure::Ratio(options.cutoff),
        };
        score_pairs(path, measure, &prepared, &pairs, &mut memory.0, stop, &mut |id, _, score| {
            scores[id - first] = score;
        })
    })?;
    Ok(scores)
}

/// Calls `each` with every pair's text that holds its pattern.
fn exact_pairs(patterns: &[Pattern<'_>], pairs: &[Pair<'_>], mut each: impl FnMut(usize)) {
    for run in pairs.chunk_by(|a, b| a.pattern == b.pattern) {
        let finder = memmem::Finder::new(patterns[run[0].pattern].text);
        for pair in run {
            if finder.find(pair.item.text).is_some() {
                each(pair.item.id);
            }
        }
    }
}

/// A zero for each of `texts * columns` scores, where they fit in memory.
fn zeros(texts: usize, patterns: usize, columns: usize) -> Result<Vec<f32>, ScoringError> {
    let too_large = || ScoringError::TooLarge { texts, patterns };
    let len = texts.checked_mul(columns).ok_or_else(too_large)?;
    let mut scores = Vec::new();
    scores.try_reserve_exact(len).map_err(|_| too_large())?;
    scores.resize(len, 0.0);
    Ok(scores)
}
