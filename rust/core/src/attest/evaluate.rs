//! What one revealed key proves, recomputed from what is shown of it and from the claim.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rayon::prelude::*;

use super::AttestError;
use super::bundle::{Bundle, Entry, Kind};
use super::claim::{Claim, DECOYS, Scheme};
use super::decoys::{decoys, public_decoys};
use super::text::rank_text;
use super::transcript::{MAX_ANSWER, NAMED, SLIPPED};
use crate::encoding::unhex;
use crate::fingerprint::alphabet::response_words;
use crate::fingerprint::response::{SHARED_RESPONSE, spell};
use crate::fingerprint::scheme::{bound, owned};
use crate::merkle::{self, Hash};
use crate::statistics::StatisticsError;
use crate::statistics::combine::fisher_log10;
use crate::statistics::exact::exact_log10;
use crate::statistics::ranks::{Rank, rank};
use crate::statistics::weigh::Test;
use ifrs_matching::{Method, plain, score_one};

/// What one check may cost: candidates, each times the characters it is looked for in.
const MAX_WORK: u64 = 10_000_000_000;

/// What a candidate costs before it is looked for, in characters.
const PER_CANDIDATE: u64 = 1_000;

/// What one key proves.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Evaluated {
    pub(super) response: String,
    pub(super) ranks: Vec<Rank>,
    pub(super) score: f64,
    pub(super) fired: bool,
    /// Whether the raw answer was kept, and asked for at temperature 0; else the key proves nothing,
    /// and counts as silent.
    pub(super) kept: bool,
    /// Whether the request holds as much of the response beside the key as the answer does.
    pub(super) told: bool,
}

impl Evaluated {
    /// The same with the last ranks: a key that proves nothing.
    pub(super) fn silenced(mut self) -> Self {
        for rank in &mut self.ranks {
            rank.rank = rank.candidates;
        }
        self
    }

    pub(super) fn log10_p(&self, test: Test) -> Result<f64, StatisticsError> {
        if test == Test::Fixed {
            let p_values: Vec<f64> = self.ranks.iter().map(|rank| rank.p_value()).collect();
            return fisher_log10(&p_values);
        }
        exact_log10(&self.ranks)
    }
}

/// What follows from a claim for each of its keys.
pub(super) struct Expected {
    /// The number of candidates of each test that one key makes.
    pub(super) candidates: Vec<usize>,
    shared: bool,
    scheme: Scheme,
    publisher: [u8; 32],
    root: Hash,
    digest: Hash,
    n: usize,
    /// Whether the server adds the template, so that the key alone is sent.
    chat: bool,
}

impl Expected {
    pub(super) fn of(bundle: &Bundle, claim: &Claim) -> Self {
        let predicate = &claim.statement().predicate;
        let shared = predicate.response == "shared";
        let words = response_words().len();
        let candidates = match bundle.evidence {
            _ if shared => Vec::new(),
            Kind::Likelihood => vec![words, words - 1],
            Kind::Text => vec![1 + bundle.decoys(claim).unwrap_or(DECOYS[0])],
        };
        Self {
            candidates,
            shared,
            scheme: claim.scheme(),
            publisher: *claim.publisher(),
            root: *claim.root(),
            digest: claim.digest(),
            n: predicate.n,
            chat: predicate.template.name == "chat",
        }
    }

    /// Whether the bundle can be checked in reasonable time; said before the work is done.
    pub(super) fn afford(&self, bundle: &Bundle) -> Result<(), String> {
        if bundle.evidence != Kind::Text || self.shared {
            return Ok(());
        }
        let per_query = |entry: &Entry| {
            // Made plain, one character can become eighteen.
            let looked_at: String = entry.answer.chars().take(MAX_ANSWER).collect();
            let characters = plain(&looked_at).chars().count() as u64;
            self.candidates[0] as u64 * (PER_CANDIDATE + characters)
        };
        if bundle.queries.par_iter().map(per_query).sum::<u64>() > MAX_WORK {
            return Err(
                "it takes too long to check: have fewer keys or shorter answers revealed, \
                        or use 4,095 decoys"
                    .into(),
            );
        }
        Ok(())
    }

    fn leaf(&self, salt: &[u8; 32], prompt: &str) -> Hash {
        match self.scheme {
            Scheme::V2 => bound::leaf(salt, prompt),
            Scheme::V3 => owned::leaf(&self.publisher, owned::TEXT, salt, prompt.as_bytes()),
        }
    }

    fn words(&self, index: u64, salt: &[u8; 32], prompt: &str) -> [usize; 2] {
        match self.scheme {
            Scheme::V2 => bound::words(&self.root, index, salt, prompt),
            Scheme::V3 => owned::words(&self.publisher, &self.root, index, salt, prompt.as_bytes()),
        }
    }
}

/// Evaluates every query; an error says in words what is wrong with one. `stop` is asked before
/// each.
pub(super) fn evaluate_all(
    bundle: &Bundle,
    expected: &Expected,
    stop: &(dyn Fn() -> bool + Sync),
) -> Vec<Result<Evaluated, String>> {
    let one = |entry: &Entry| match stop() {
        true => Err("checking was interrupted".to_owned()),
        false => evaluate(entry, bundle, expected),
    };
    bundle.queries.par_iter().map(one).collect()
}

fn evaluate(entry: &Entry, bundle: &Bundle, expected: &Expected) -> Result<Evaluated, String> {
    let salt = unhex(&entry.salt).ok_or("its salt is not 64 hexadecimal digits")?;
    let path: Option<Vec<Hash>> = entry.proof.iter().map(|hash| unhex(hash)).collect();
    let path = path.ok_or("its proof is not made of SHA-256 digests")?;
    let leaf = expected.leaf(&salt, &entry.prompt);
    if !merkle::verify(&leaf, entry.index, expected.n, &path, &expected.root) {
        return Err("its prompt and salt are not what the claim committed to at this place".into());
    }
    let around = &bundle.template;
    let key = entry.prompt.strip_prefix(&around.before).and_then(|p| p.strip_suffix(&around.after));
    let Some(key) = key.filter(|key| !key.trim().is_empty()) else {
        return Err("its prompt is not a key in the claim's template".into());
    };
    // The first bundles may have been asked at any temperature: they hold, and prove nothing.
    let warm = bundle.is_first() && entry.asked.is_warm();
    let asked = if warm { &entry.asked.cooled() } else { &entry.asked };
    asked.check_request(&entry.prompt, expected.chat.then_some(key))?;
    entry.asked.check_target(&bundle.target)?;
    check_evidence(entry, bundle)?;
    let words = expected.words(entry.index as u64, &salt, &entry.prompt);
    let response = if expected.shared { SHARED_RESPONSE.to_owned() } else { spell(words) };
    let told = entry.asked.told(&response);
    if told >= NAMED {
        return Err("its request names its response beside the key".into());
    }
    let kept = entry.asked.check_answer(&entry.answer)?.is_some();
    if !kept && !bundle.is_first() {
        let last = |&candidates: &usize| Rank { rank: candidates, candidates };
        let ranks = expected.candidates.iter().map(last).collect();
        return Ok(Evaluated {
            response,
            ranks,
            score: 0.0,
            fired: false,
            kept: false,
            told: false,
        });
    }
    let say = |error: AttestError| error.to_string();
    if bundle.evidence == Kind::Text && !expected.shared {
        let count = expected.candidates[0] - 1;
        let rivals = match bundle.is_first() {
            true => public_decoys(&expected.digest, entry.index as u64, count),
            false => decoys(&salt, &expected.digest, entry.index as u64, count),
        };
        let found = rank_text(&entry.answer, &response, &rivals).map_err(say)?;
        let (ranks, score) = (vec![found.rank], found.score.into());
        // What the request itself holds as well, the suspect need not have known.
        // The first bundles state ranks without regard to that; check corrects them, from half a
        // response on.
        let told = told >= found.score && (told >= SLIPPED || !bundle.is_first());
        let (told, kept) = (told || warm || !kept, kept && !warm);
        let found = Evaluated { response, ranks, score, fired: found.fired, kept, told };
        return Ok(if told && !bundle.is_first() { found.silenced() } else { found });
    }
    let (heard, wanted) = (plain(&entry.answer), plain(&response));
    let score = score_one(&heard, &wanted, Method::Partial).map_err(|error| error.to_string())?;
    let ranks = if expected.shared { Vec::new() } else { likelihood_ranks(entry, words)? };
    let fired = heard.contains(&wanted);
    Ok(Evaluated { response, ranks, score: score.into(), fired, kept: true, told: false })
}

/// Whether there is what the kind of evidence needs, and nothing else.
fn check_evidence(entry: &Entry, bundle: &Bundle) -> Result<(), String> {
    use super::transcript::Protocol;
    match bundle.evidence {
        Kind::Text if entry.word_scores.is_some() => {
            Err("it holds word scores, and the evidence is text".into())
        }
        Kind::Likelihood if entry.asked.protocol() != Protocol::Local => {
            Err("its word scores are said to be of a server that shows none".into())
        }
        _ => Ok(()),
    }
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
