//! What the model's name and the address tell of responses by themselves.
//!
//! Who chooses a name after the responses can write into it what a server then likes: words that
//! resemble what it reads, or go on with it. The test that is made of a server's answers is made of
//! the name and the address, too: where they match, the answers prove nothing.

use super::bundle::Bundle;
use super::claim::Claim;
use super::evaluate::Evaluated;
use super::ranking::by_scores;
use super::transcript::{Asked, NAMED};
use crate::fingerprint::lists::response_words;
use crate::statistics::StatisticsError;
use crate::statistics::exact::exact_log10;
use crate::statistics::ranks::Rank;
use ifrs_matching::plain;

/// What is said where they match.
pub(super) const TELLS: &str = "its model's name or its address resembles the responses, so that a \
    server could have read them there: ask under another name";

/// log10 of the p-value at which they do: an honest name gets there once in 10,000.
const LIKELY: f64 = -4.0;

/// Whether a bundle's name and address tell the words of its responses.
pub(super) fn tells(
    bundle: &Bundle,
    claim: &Claim,
    found: &[Result<Evaluated, String>],
) -> Result<bool, StatisticsError> {
    let Some(asked) = bundle.queries.first().map(|entry| &entry.asked) else { return Ok(false) };
    if claim.alphabet().is_choices() {
        return tells_choices(asked, claim, found);
    }
    if claim.alphabet().is_signal() {
        let named: Vec<Rank> = found.iter().flatten().filter_map(|found| found.named).collect();
        return Ok(!named.is_empty() && exact_log10(&named)? <= LIKELY);
    }
    if !bundle.is_shown() {
        return Ok(false);
    }
    let held: Vec<f32> = response_words().iter().map(|word| asked.told(word)).collect();
    for scores in [&held, &begun(asked, response_words())] {
        let mut ranks: Vec<Rank> = Vec::new();
        for found in found.iter().flatten() {
            let count = found.ranks.len().min(found.places.len());
            let places = &found.places[..count];
            let ranked = by_scores(claim.alphabet(), places, &vec![scores.clone(); count])?;
            // A word that counts as named proves nothing anyway.
            let unnamed = |(rank, place): (Rank, &usize)| match held[*place] >= NAMED {
                true => Rank { rank: rank.candidates, ..rank },
                false => rank,
            };
            ranks.extend(ranked.into_iter().zip(places).map(unnamed));
        }
        if exact_log10(&ranks)? <= LIKELY {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The same of natural answers, each of which is one choice of a list.
fn tells_choices(
    asked: &Asked,
    claim: &Claim,
    found: &[Result<Evaluated, String>],
) -> Result<bool, StatisticsError> {
    // By list: how much of each choice is held, and how much of its beginning.
    let mut scored: Vec<(&[&str], [Vec<f32>; 2])> = Vec::new();
    let mut ranks: [Vec<Rank>; 2] = [Vec::new(), Vec::new()];
    for found in found.iter().flatten() {
        let Some(list) = found.listed else { continue };
        let known = scored.iter().position(|(known, _)| std::ptr::eq(*known, list));
        let place = known.unwrap_or_else(|| {
            let held = list.iter().map(|choice| asked.told(choice)).collect();
            scored.push((list, [held, begun(asked, list)]));
            scored.len() - 1
        });
        for (ranks, scores) in ranks.iter_mut().zip(&scored[place].1) {
            let mut ranked =
                by_scores(claim.alphabet(), &found.places, std::slice::from_ref(scores))?;
            // A choice that counts as named proves nothing anyway.
            if found.told {
                ranked[0].rank = ranked[0].candidates;
            }
            ranks.extend(ranked);
        }
    }
    for ranks in ranks {
        if !ranks.is_empty() && exact_log10(&ranks)? <= LIKELY {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The share of each word of which name or address hold the beginning.
fn begun(asked: &Asked, words: &[&str]) -> Vec<f32> {
    let beside = plain(&asked.beside()).replace(' ', "");
    let longest = |word: &&str| {
        let word = &*word.to_lowercase();
        let ends = (0..=word.len()).rev().filter(|end| word.is_char_boundary(*end));
        let held = ends.into_iter().find(|end| beside.contains(&word[..*end]));
        held.unwrap_or(0) as f32 / word.len() as f32
    };
    words.iter().map(longest).collect()
}
