//! What to do with some texts, depending on the method and the patterns.

use std::ops::Range;

use super::batch::Stop;
use super::exact::Exact;
use super::filter::{Filter, cost_of_kernel};
use super::index::{Index, Seen};
use super::pattern::Pattern;
use super::pieces::{Cut, Frequencies};
use super::side_by_side::{Group, Item, Lanes, Measure, Pair, Sink, score_pairs};
use super::simd::{LANES, Path};
use super::texts::Texts;
use super::{Method, Options, ScoringError};

/// Bytes of text that repay a look at what the patterns' pieces are worth.
const WORTH: usize = 1 << 15;

/// Patterns up to which each has a filter of its own.
const FEW: usize = 16;

/// What a key found in the text costs, on the scale of [`cost_of_kernel`].
const FOUND: f64 = 30.0;

/// Patterns made ready for some texts.
pub(super) struct Scorer<'p> {
    path: Path,
    patterns: Vec<Pattern<'p>>,
    plan: Plan<'p>,
}

enum Plan<'p> {
    Exact(Exact<'p>),
    Partial {
        filters: Vec<Filter<'p>>,
        index: Option<Index>,
        /// Patterns for which neither promises anything.
        rest: Dense,
    },
    Ratio(f32, Dense),
}

/// Patterns that every text is compared with from end to end.
struct Dense {
    patterns: Vec<usize>,
    groups: Vec<Group>,
}

/// Memory that one thread reuses.
pub(super) type Memory = (Lanes, Seen);

impl<'p> Scorer<'p> {
    pub(super) fn new(
        texts: &dyn Texts,
        bytes: usize,
        patterns: &[&'p str],
        options: &Options<'_>,
    ) -> Result<Self, ScoringError> {
        let cutoff = options.cutoff;
        let patterns: Vec<Pattern<'p>> =
            patterns.iter().map(|text| Pattern::new(text, cutoff)).collect();
        let plan = match options.method {
            Method::Exact => Plan::Exact(Exact::new(&patterns)?),
            Method::Partial => Plan::partial(texts, bytes, &patterns),
            Method::Ratio => {
                let all = (0..patterns.len()).collect();
                Plan::Ratio(cutoff, Dense::new(texts, &patterns, all))
            }
        };
        Ok(Self { path: options.path()?, patterns, plan })
    }

    /// Scores some texts; a pair may be reported more than once, and the
    /// greatest score counts.
    pub(super) fn score(
        &self,
        texts: &dyn Texts,
        range: Range<usize>,
        memory: &mut Memory,
        stop: &Stop<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), ScoringError> {
        let Self { path, patterns, plan } = self;
        match plan {
            Plan::Exact(exact) => exact.score(texts, range, stop, sink),
            Plan::Partial { filters, index, rest } => {
                for filter in filters {
                    stop.check()?;
                    filter.score(*path, texts, range.clone(), &mut memory.0, stop, sink)?;
                }
                if let Some(index) = index {
                    index.score(*path, patterns, texts, range.clone(), memory, stop, sink)?;
                }
                let lanes = &mut memory.0;
                rest.score(*path, Measure::Least, patterns, texts, range, lanes, stop, sink)
            }
            Plan::Ratio(cutoff, all) => {
                let measure = Measure::Ratio(*cutoff);
                all.score(*path, measure, patterns, texts, range, &mut memory.0, stop, sink)
            }
        }
    }
}

impl<'p> Plan<'p> {
    fn partial(texts: &dyn Texts, bytes: usize, patterns: &[Pattern<'p>]) -> Self {
        let (mut filters, mut cuts, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        // Pieces of one character or less are found everywhere.
        let cuttable = |pattern: &Pattern<'_>| 2 * (pattern.bound + 1) <= pattern.text.len();
        if bytes < WORTH || !patterns.iter().any(cuttable) {
            rest.extend(0..patterns.len());
        } else {
            let frequencies = Frequencies::of(texts);
            for (index, pattern) in patterns.iter().enumerate() {
                if !cuttable(pattern) {
                    rest.push(index);
                } else if patterns.len() <= FEW {
                    match Filter::new(patterns, index, &frequencies) {
                        Some(filter) => filters.push(filter),
                        None => rest.push(index),
                    }
                } else {
                    match Cut::new(pattern.text, pattern.bound + 1, &frequencies) {
                        Some(cut) if cut.often * FOUND < cost_of_kernel(pattern) => {
                            cuts.push((index, cut));
                        }
                        _ => rest.push(index),
                    }
                }
            }
        }
        Self::Partial {
            filters,
            index: (!cuts.is_empty()).then(|| Index::new(patterns, &cuts)),
            rest: Dense::new(texts, patterns, rest),
        }
    }
}

impl Dense {
    fn new(texts: &dyn Texts, all: &[Pattern<'_>], patterns: Vec<usize>) -> Self {
        // Few texts leave most lanes empty: pairs with the patterns fill them.
        let groups = if texts.len() < LANES / 2 {
            Vec::new()
        } else {
            Group::all(all, patterns.iter().copied())
        };
        Self { patterns, groups }
    }

    #[allow(clippy::too_many_arguments, reason = "the same as of the other ways to score")]
    fn score(
        &self,
        path: Path,
        measure: Measure,
        patterns: &[Pattern<'_>],
        texts: &dyn Texts,
        range: Range<usize>,
        memory: &mut Lanes,
        stop: &Stop<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), ScoringError> {
        if self.patterns.is_empty() {
            return Ok(());
        }
        let items = range.map(|id| Item { id, text: texts.get(id) });
        if self.groups.is_empty() {
            for item in items {
                let pairs: Vec<Pair<'_>> =
                    self.patterns.iter().map(|&pattern| Pair { item, pattern }).collect();
                score_pairs(path, measure, patterns, &pairs, memory, stop, sink)?;
            }
            return Ok(());
        }
        let items: Vec<Item<'_>> = items.collect();
        self.groups
            .iter()
            .try_for_each(|group| group.score(path, measure, &items, memory, stop, sink))
    }
}
