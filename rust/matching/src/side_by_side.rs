//! Texts against patterns, eight texts or eight pairs at a time.

use std::collections::HashMap;

use super::alphabet::{Alphabet, scalars};
use super::batch::Stop;
use super::kernel::{Memory, Paired, Shared, Source, WORD, Wide};
use super::pattern::Pattern;
use super::simd::{LANES, Path, Row};
use super::{ScoringError, fraction};

/// Places of the patterns of a group in all: their carries should stay in the
/// second-level cache.
const PLACES: usize = 1024;

/// Blocks of eight between looks at the interrupt.
const BLOCKS: usize = 64;

/// Gets the text's number, the pattern's and their score.
pub(super) type Sink<'a> = dyn FnMut(usize, usize, f32) + 'a;

/// What is computed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Measure {
    /// Least distances, up to each pattern's bound.
    Least,
    /// Longest common subsequences, whose ratio reaches a cutoff.
    Ratio(f32),
}

/// A text, or a part of one, to score.
#[derive(Clone, Copy)]
pub(super) struct Item<'t> {
    pub(super) id: usize,
    pub(super) text: &'t [u8],
}

/// Patterns that share an alphabet.
pub(super) struct Group {
    coding: Coding,
    /// The distinct characters.
    codes: Vec<u8>,
    /// In the order of their lengths.
    members: Vec<Member>,
}

enum Coding {
    Narrow(Alphabet),
    /// A single pattern of more characters than a byte tells apart.
    Wide(HashMap<u32, u32>),
}

struct Member {
    pattern: usize,
    chars: usize,
    bound: usize,
    /// Of each character, the place among the group's.
    rows: Vec<u32>,
}

impl Group {
    /// Groups some of the patterns.
    pub(super) fn all(patterns: &[Pattern<'_>], chosen: impl Iterator<Item = usize>) -> Vec<Self> {
        let mut groups = Vec::new();
        let (mut members, mut others, mut places) = (Vec::new(), Vec::new(), 0);
        for index in chosen {
            let pattern = &patterns[index];
            let mut more: Vec<u32> = others.clone();
            more.extend(pattern.text.chars().filter(|c| !c.is_ascii()).map(u32::from));
            more.sort_unstable();
            more.dedup();
            let full = places + pattern.chars > PLACES || !Alphabet::has_room(&more);
            if full && !members.is_empty() {
                groups.push(Self::new(patterns, &members));
                members.clear();
                others = pattern.text.chars().filter(|c| !c.is_ascii()).map(u32::from).collect();
                places = 0;
            } else {
                others = more;
            }
            members.push(index);
            places += pattern.chars;
        }
        if !members.is_empty() {
            groups.push(Self::new(patterns, &members));
        }
        groups
    }

    fn new(patterns: &[Pattern<'_>], chosen: &[usize]) -> Self {
        let chars = chosen.iter().flat_map(|&index| patterns[index].text.chars());
        let Some(alphabet) = Alphabet::new(chars).map(Alphabet::for_many_texts) else {
            return Self::wide(patterns, chosen);
        };
        let (mut places, mut codes, mut members) = ([None; 256], Vec::new(), Vec::new());
        for &pattern in chosen {
            let Pattern { text, chars, bound } = patterns[pattern];
            let mut coded = Vec::with_capacity(chars);
            alphabet.encode(Path::PORTABLE, text.as_bytes(), &mut coded);
            let rows = coded.into_iter().map(|code| {
                *places[usize::from(code)].get_or_insert_with(|| {
                    codes.push(code);
                    codes.len() as u32 - 1
                })
            });
            members.push(Member { pattern, chars, bound, rows: rows.collect() });
        }
        members.sort_by_key(|member| member.chars);
        Self { coding: Coding::Narrow(alphabet), codes, members }
    }

    fn wide(patterns: &[Pattern<'_>], chosen: &[usize]) -> Self {
        let (mut places, mut members) = (HashMap::new(), Vec::new());
        for &pattern in chosen {
            let Pattern { text, chars, bound } = patterns[pattern];
            let rows = text.chars().map(|c| {
                let next = places.len() as u32;
                *places.entry(u32::from(c)).or_insert(next)
            });
            members.push(Member { pattern, chars, bound, rows: rows.collect() });
        }
        Self { coding: Coding::Wide(places), codes: Vec::new(), members }
    }

    /// Scores every item against every pattern of the group.
    pub(super) fn score(
        &self,
        path: Path,
        measure: Measure,
        items: &[Item<'_>],
        memory: &mut Lanes,
        stop: &Stop<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), ScoringError> {
        let Lanes { kernel, coded, wide } = memory;
        match &self.coding {
            Coding::Narrow(alphabet) => {
                let texts = encode(items, coded, |text, codes| {
                    alphabet.encode(path, text, codes);
                });
                let with = |texts| Shared { texts, codes: &self.codes };
                self.blocks(path, measure, items, &texts, kernel, stop, sink, with)
            }
            Coding::Wide(places) => {
                wide.clear();
                let mut ends = Vec::with_capacity(items.len() + 1);
                ends.push(0);
                for item in items {
                    wide.extend(
                        scalars(item.text).map(|c| places.get(&c).copied().unwrap_or(u32::MAX)),
                    );
                    ends.push(wide.len());
                }
                let texts: Vec<&[u32]> =
                    ends.windows(2).map(|ends| &wide[ends[0]..ends[1]]).collect();
                let with = |texts| Wide { texts, symbols: places.len() };
                self.blocks(path, measure, items, &texts, kernel, stop, sink, with)
            }
        }
    }

    /// Puts texts of like lengths side by side.
    #[allow(clippy::too_many_arguments, reason = "a part of `score`, for either coding")]
    fn blocks<'t, C, S: Source>(
        &self,
        path: Path,
        measure: Measure,
        items: &[Item<'_>],
        texts: &[&'t [C]],
        kernel: &mut Memory,
        stop: &Stop<'_>,
        sink: &mut Sink<'_>,
        source: impl Fn([&'t [C]; LANES]) -> S,
    ) -> Result<(), ScoringError> {
        let order = by_length(texts, |text| text.len());
        let mut rows = Vec::with_capacity(self.members.len());
        for (block, eight) in order.chunks(LANES).enumerate() {
            if block % BLOCKS == BLOCKS - 1 {
                stop.check()?;
            }
            let lanes: [&[C]; LANES] = std::array::from_fn(|lane| {
                eight.get(lane).map_or(&[] as &[C], |&index| texts[index as usize])
            });
            let (shortest, longest) = (lanes[0].len(), lanes[eight.len() - 1].len());
            let members = match measure {
                Measure::Least => &self.members[..self.within_reach(longest)],
                Measure::Ratio(cutoff) => self.comparable(shortest, longest, cutoff),
            };
            if members.is_empty() {
                continue;
            }
            rows.clear();
            rows.extend(members.iter().map(|member| member.rows.as_slice()));
            let (source, words) = (source(lanes), longest.div_ceil(WORD));
            let outcome = measure.compute(path, kernel, &source, words, &rows, stop)?;
            for (member, [result, _]) in members.iter().zip(outcome) {
                for (lane, &index) in eight.iter().enumerate() {
                    let (id, len) = (items[index as usize].id, lanes[lane].len());
                    let found = result.0[lane] as usize;
                    if let Some(score) = measure.score(found, len, member.chars, member.bound) {
                        sink(id, member.pattern, score);
                    }
                }
            }
        }
        Ok(())
    }

    /// How many of the members a text of some length may match: each missing
    /// character costs an edit.
    fn within_reach(&self, len: usize) -> usize {
        // The bound grows with the length, and never by more.
        self.members.partition_point(|member| member.chars <= len.saturating_add(member.bound))
    }

    /// The members whose ratio with texts of some lengths may reach a cutoff:
    /// the common subsequence is no longer than the shorter string.
    fn comparable(&self, shortest: usize, longest: usize, cutoff: f32) -> &[Member] {
        let first = self.members.partition_point(|member| {
            member.chars <= shortest && Measure::ceiling(shortest, member.chars) < cutoff
        });
        let end = self.members.partition_point(|member| {
            member.chars <= longest || Measure::ceiling(longest, member.chars) >= cutoff
        });
        self.members.get(first..end).unwrap_or_default()
    }
}

impl Measure {
    fn compute<'k, S: Source>(
        self,
        path: Path,
        kernel: &'k mut Memory,
        source: &S,
        words: usize,
        rows: &[&[u32]],
        stop: &Stop<'_>,
    ) -> Result<&'k [[Row; 2]], ScoringError> {
        match self {
            Self::Least => kernel.least(path, source, words, rows, stop),
            Self::Ratio(_) => kernel.common(path, source, words, rows, stop),
        }
    }

    /// The greatest ratio of strings of two lengths.
    fn ceiling(text: usize, pattern: usize) -> f32 {
        fraction(2 * text.min(pattern), text + pattern)
    }

    /// The score of what the kernel found, if it is not 0 and counts.
    #[inline]
    fn score(self, found: usize, text: usize, pattern: usize, bound: usize) -> Option<f32> {
        match self {
            Self::Least => {
                (found <= bound && found < pattern).then(|| fraction(pattern - found, pattern))
            }
            Self::Ratio(cutoff) => {
                let ratio = fraction(2 * found, text + pattern);
                (found > 0 && ratio >= cutoff).then_some(ratio)
            }
        }
    }
}

/// Memory that one thread reuses.
#[derive(Default)]
pub(super) struct Lanes {
    kernel: Memory,
    coded: Vec<u8>,
    wide: Vec<u32>,
}

/// The codes of some texts: ASCII ones as they are, the others encoded.
fn encode<'a>(
    items: &[Item<'a>],
    coded: &'a mut Vec<u8>,
    encode: impl Fn(&[u8], &mut Vec<u8>),
) -> Vec<&'a [u8]> {
    coded.clear();
    let ends: Vec<Option<usize>> = items
        .iter()
        .map(|item| {
            (!item.text.is_ascii()).then(|| {
                encode(item.text, coded);
                coded.len()
            })
        })
        .collect();
    let mut start = 0;
    let coded = &*coded;
    items
        .iter()
        .zip(ends)
        .map(|(item, end)| match end {
            None => item.text,
            Some(end) => &coded[std::mem::replace(&mut start, end)..end],
        })
        .collect()
}

/// The order of some things by their length.
fn by_length<T>(things: &[T], len: impl Fn(&T) -> usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..things.len() as u32).collect();
    if !things.is_sorted_by_key(&len) {
        order.sort_unstable_by_key(|&index| len(&things[index as usize]));
    }
    order
}

/// A text, or a part of one, and the pattern to score it against.
#[derive(Clone, Copy)]
pub(super) struct Pair<'t> {
    pub(super) item: Item<'t>,
    pub(super) pattern: usize,
}

/// Scores each pair.
pub(super) fn score_pairs(
    path: Path,
    measure: Measure,
    patterns: &[Pattern<'_>],
    pairs: &[Pair<'_>],
    memory: &mut Lanes,
    stop: &Stop<'_>,
    sink: &mut Sink<'_>,
) -> Result<(), ScoringError> {
    let mut fitting = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let pattern = &patterns[pair.pattern];
        let distinct_enough = pattern.text.is_ascii()
            || pattern.chars < usize::from(u8::MAX) / 2
            || Alphabet::new(pattern.text.chars()).is_some();
        if distinct_enough {
            fitting.push(index as u32);
        } else {
            let group = Group::new(patterns, &[pair.pattern]);
            group.score(path, measure, &[pair.item], memory, stop, sink)?;
        }
    }
    let Lanes { kernel, coded, .. } = memory;
    let (texts, codes) = encode_pairs(path, patterns, pairs, &fitting, coded);
    // Like lengths side by side, of the texts first.
    let mut order: Vec<(u32, u32, u32)> = (0..)
        .zip(texts.iter().zip(&codes))
        .map(|(index, (text, code))| (text.len().div_ceil(WORD) as u32, code.len() as u32, index))
        .collect();
    order.sort_unstable();
    let most = codes.iter().map(|code| code.len()).max().unwrap_or(0);
    let places: Vec<u32> = (0..most as u32).collect();
    for (block, eight) in order.chunks(LANES).enumerate() {
        if block % BLOCKS == BLOCKS - 1 {
            stop.check()?;
        }
        let lanes: [usize; LANES] = std::array::from_fn(|lane| {
            eight.get(lane).map_or(usize::MAX, |&(_, _, at)| at as usize)
        });
        let source = Paired {
            texts: lanes.map(|index| texts.get(index).copied().unwrap_or_default()),
            patterns: lanes.map(|index| codes.get(index).copied().unwrap_or_default()),
        };
        let words = eight.last().map_or(0, |&(words, _, _)| words as usize);
        let rows = &places[..source.places()];
        let outcome = measure.compute(path, kernel, &source, words, &[rows], stop)?;
        for (lane, &(_, _, index)) in eight.iter().enumerate() {
            let pair = &pairs[fitting[index as usize] as usize];
            let Pattern { chars, bound, .. } = patterns[pair.pattern];
            let mut found = outcome[0][0].0[lane] as usize;
            if matches!(measure, Measure::Least) {
                // Each place behind the pattern costs exactly one edit.
                found -= rows.len() - chars;
            }
            if let Some(score) = measure.score(found, texts[index as usize].len(), chars, bound) {
                sink(pair.item.id, pair.pattern, score);
            }
        }
    }
    Ok(())
}

/// The codes of the texts and of the patterns of some pairs.
fn encode_pairs<'a>(
    path: Path,
    patterns: &[Pattern<'a>],
    pairs: &[Pair<'a>],
    chosen: &[u32],
    coded: &'a mut Vec<u8>,
) -> (Vec<&'a [u8]>, Vec<&'a [u8]>) {
    coded.clear();
    let none = Alphabet::default();
    let mut latest: Option<(usize, Alphabet)> = None;
    let mut spans = Vec::with_capacity(chosen.len());
    for &index in chosen {
        let Pair { item, pattern } = pairs[index as usize];
        let text = patterns[pattern].text;
        if item.text.is_ascii() && text.is_ascii() {
            spans.push(None);
            continue;
        }
        let alphabet = if text.is_ascii() {
            &none
        } else {
            match &mut latest {
                Some((same, alphabet)) if *same == pattern => alphabet,
                other => {
                    let alphabet = Alphabet::new(text.chars()).unwrap_or_default();
                    &other.insert((pattern, alphabet)).1
                }
            }
        };
        let start = coded.len();
        alphabet.encode(path, item.text, coded);
        let middle = coded.len();
        alphabet.encode(path, text.as_bytes(), coded);
        spans.push(Some((start, middle, coded.len())));
    }
    let coded = &*coded;
    chosen
        .iter()
        .zip(spans)
        .map(|(&index, span)| {
            let Pair { item, pattern } = pairs[index as usize];
            match span {
                None => (item.text, patterns[pattern].text.as_bytes()),
                Some((start, middle, end)) => (&coded[start..middle], &coded[middle..end]),
            }
        })
        .unzip()
}
