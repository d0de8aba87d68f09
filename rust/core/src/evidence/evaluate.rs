//! What one revealed key proves, recomputed from what is shown of it and from the claim.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rayon::prelude::*;
use serde_json::Value;

use super::EvidenceError;
use super::bundle::{Bundle, Entry, Kind};
use super::claim::Claim;
use super::combine::fisher_log10;
use super::decoys::decoys;
use super::dsse::unhex;
use super::ranks::{Rank, rank};
use super::text::rank_text;
use crate::fingerprint::alphabet::response_words;
use crate::fingerprint::response::{SHARED_RESPONSE, spell};
use crate::fingerprint::{bound_words, leaf};
use crate::merkle::{self, Hash};
use crate::scoring::{Method, plain, score_one};

/// The longest answer that is looked at, in bytes: a checker must not be kept busy for hours.
const MAX_ANSWER: usize = 1 << 20;

/// How deep requests and raw answers are searched for the text that they carry.
const MAX_DEPTH: usize = 8;

/// What one key proves.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Evaluated {
    pub(super) response: String,
    pub(super) ranks: Vec<Rank>,
    pub(super) score: f64,
    pub(super) fired: bool,
}

impl Evaluated {
    pub(super) fn log10_p(&self) -> Result<f64, EvidenceError> {
        let p_values: Vec<f64> = self.ranks.iter().map(|rank| rank.p_value()).collect();
        fisher_log10(&p_values)
    }
}

/// What follows from a claim for each of its keys.
pub(super) struct Expected {
    /// The number of candidates of each test that one key makes.
    pub(super) candidates: Vec<usize>,
    shared: bool,
    root: Hash,
    digest: Hash,
    n: usize,
}

impl Expected {
    pub(super) fn of(bundle: &Bundle, claim: &Claim) -> Self {
        let predicate = &claim.statement().predicate;
        let shared = predicate.response == "shared";
        let words = response_words().len();
        let candidates = match bundle.evidence {
            _ if shared => Vec::new(),
            Kind::Likelihood => vec![words, words - 1],
            Kind::Text => vec![bundle.decoys + 1],
        };
        Self { candidates, shared, root: *claim.root(), digest: claim.digest(), n: predicate.n }
    }
}

/// Evaluates every query; an error says in words what is wrong with one.
pub(super) fn evaluate_all(bundle: &Bundle, claim: &Claim) -> Vec<Result<Evaluated, String>> {
    let expected = Expected::of(bundle, claim);
    bundle.queries.par_iter().map(|entry| evaluate(entry, bundle, &expected)).collect()
}

fn evaluate(entry: &Entry, bundle: &Bundle, expected: &Expected) -> Result<Evaluated, String> {
    let salt = unhex(&entry.salt).ok_or("its salt is not 64 hexadecimal digits")?;
    let path: Option<Vec<Hash>> = entry.proof.iter().map(|hash| unhex(hash)).collect();
    let path = path.ok_or("its proof is not made of SHA-256 digests")?;
    let leaf = leaf(&salt, &entry.prompt);
    if !merkle::verify(&leaf, entry.index, expected.n, &path, &expected.root) {
        return Err("its prompt and salt are not what the claim committed to at this place".into());
    }
    let around = &bundle.template;
    let key = entry.prompt.strip_prefix(&around.before).and_then(|p| p.strip_suffix(&around.after));
    let Some(key) = key.map(str::trim).filter(|key| !key.is_empty()) else {
        return Err("its prompt is not a key in the claim's template".into());
    };
    if entry.answer.len() > MAX_ANSWER {
        return Err("its answer is longer than what is looked at".into());
    }
    transcript(entry, key)?;
    let words = bound_words(&expected.root, entry.index as u64, &salt, &entry.prompt);
    let response = if expected.shared { SHARED_RESPONSE.to_owned() } else { spell(words) };
    let say = |error: EvidenceError| error.to_string();
    if bundle.evidence == Kind::Text && !expected.shared {
        let rivals = decoys(&expected.digest, entry.index as u64, expected.candidates[0] - 1);
        let found = rank_text(&entry.answer, &response, &rivals).map_err(say)?;
        let ranks = vec![found.rank];
        return Ok(Evaluated { response, ranks, score: found.score.into(), fired: found.fired });
    }
    let (heard, wanted) = (plain(&entry.answer), plain(&response));
    let score = score_one(&heard, &wanted, Method::Partial).map_err(|error| error.to_string())?;
    let ranks = if expected.shared { Vec::new() } else { likelihood_ranks(entry, words)? };
    Ok(Evaluated { response, ranks, score: score.into(), fired: heard.contains(&wanted) })
}

/// Ranks each word of a response by the probabilities that a bundle states.
fn likelihood_ranks(entry: &Entry, words: [usize; 2]) -> Result<Vec<Rank>, String> {
    let missing = "its word scores are not two lists of one number for each word of the alphabet";
    let [first, second] = entry.word_scores.as_deref().unwrap_or_default() else {
        return Err(missing.into());
    };
    let [one, two] = words;
    let places = [(first, one, None), (second, two, Some(one))];
    let ranked = places.map(|(text, truth, excluded)| {
        let scores = numbers(text).filter(|list| list.len() == response_words().len());
        let scores = scores.ok_or_else(|| missing.to_owned())?;
        rank(&scores, truth, excluded).map_err(|error| error.to_string())
    });
    ranked.into_iter().collect()
}

/// Numbers of 32 bits, little end first, in base64.
fn numbers(text: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

/// Whether request and raw answer carry the key and the answer.
///
/// The key alone, because a server in chat mode puts its own template around it. A raw answer
/// that was too long to keep whole says so, and need not hold the answer.
fn transcript(entry: &Entry, key: &str) -> Result<(), String> {
    let shows = |field: &str, text: &str| {
        entry.asked.get(field).is_some_and(|value| carries(value, text, MAX_DEPTH))
    };
    if !shows("request", key) {
        return Err("its request, as sent, does not hold its key".into());
    }
    let whole = !entry.asked.contains_key("raw_cut");
    if !entry.answer.is_empty() && whole && !shows("raw", &entry.answer) {
        return Err("its raw answer does not hold its answer".into());
    }
    let time = entry.asked.get("time").and_then(Value::as_str);
    if time.and_then(|time| humantime::parse_rfc3339(time).ok()).is_none() {
        return Err("it does not say when it was asked".into());
    }
    Ok(())
}

/// Whether a text occurs in any string of a value, also where a string holds JSON of its own.
fn carries(value: &Value, text: &str, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    match value {
        Value::String(string) => {
            string.contains(text)
                || (string.trim_start().starts_with(['{', '[']) && {
                    super::json::parse(string.as_bytes())
                        .is_ok_and(|inner| carries(&inner, text, depth - 1))
                })
        }
        Value::Array(items) => items.iter().any(|item| carries(item, text, depth - 1)),
        Value::Object(fields) => fields.values().any(|item| carries(item, text, depth - 1)),
        _ => false,
    }
}
