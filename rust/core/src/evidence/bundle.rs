//! An evidence bundle: revealed keys, what a suspect answered, and what it proves.
//!
//! docs/formats.md is its specification; [`super::check()`] recomputes all of it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::claim::{Claim, ClaimFile, DECOYS};
use super::dsse::{hex, unhex};
use super::evaluate::{Evaluated, Expected, evaluate_all};
use super::stopping::sequential_power;
use super::verdict::{Verdict, judge, power};
use super::weigh::{Test, Weighed, weigh};
use super::{EvidenceError, json};
use crate::fingerprint::Template;
use crate::merkle::{self, Hash};

const FORMAT: &str = "ifrs/evidence/v1";

/// The largest bundle, uncompressed.
pub const MAX_BUNDLE_BYTES: usize = 256 << 20;

/// How a suspect was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Words were ranked by the suspect's own probabilities.
    Likelihood,
    /// Responses were ranked among decoys by their fuzzy score in the answer.
    Text,
}

/// What is revealed, what was answered, what it proves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    pub(super) format: String,
    pub(super) ifrs_version: String,
    pub(super) created: String,
    pub(super) claim: ClaimFile,
    pub(super) template: Around,
    pub(super) target: Map<String, Value>,
    pub(super) evidence: Kind,
    pub(super) test: Test,
    /// Decoys for each response where only text is seen; one of [`DECOYS`].
    pub(super) decoys: usize,
    pub(super) queries: Vec<Entry>,
    pub(super) result: Outcome,
    /// SHA-256 of everything else, canonical: a slip of the hand shows even where nothing can be
    /// recomputed.
    pub(super) digest: String,
}

/// What a template puts around a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Around {
    pub(super) before: String,
    pub(super) after: String,
}

/// One revealed key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) index: usize,
    pub(super) salt: String,
    pub(super) prompt: String,
    pub(super) response: String,
    pub(super) proof: Vec<String>,
    pub(super) asked: Map<String, Value>,
    pub(super) answer: String,
    pub(super) word_scores: Option<Vec<String>>,
    pub(super) fired: bool,
    pub(super) score: f64,
    pub(super) rank: Vec<usize>,
    pub(super) candidates: Vec<usize>,
    pub(super) log10_p: f64,
    pub(super) cumulative_log10_e: f64,
}

/// What all queries prove together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outcome {
    pub(super) alpha: f64,
    pub(super) verdict: String,
    pub(super) p_value: f64,
    pub(super) log10_p: f64,
    pub(super) log10_e: f64,
    pub(super) revealed: usize,
    pub(super) silent: usize,
    pub(super) fired: usize,
}

/// The parts of a report that evidence is made of.
#[derive(Deserialize)]
struct Report {
    format: String,
    leaves: Vec<String>,
    set: ReportSet,
    target: Map<String, Value>,
    evidence: Kind,
    alpha: f64,
    decoys: Option<usize>,
    how: Option<ReportHow>,
    queries: Vec<ReportQuery>,
}

#[derive(Deserialize)]
struct ReportHow {
    #[serde(default)]
    sequential: bool,
}

#[derive(Deserialize)]
struct ReportSet {
    around: (String, String),
}

#[derive(Deserialize)]
struct ReportQuery {
    index: usize,
    salt: String,
    prompt: String,
    answer: String,
    asked: Map<String, Value>,
    word_scores: Option<Vec<String>>,
}

impl Bundle {
    /// Makes evidence of a report for a claim; `reveal` is how many queries to show, all without.
    pub fn of_report(
        report: &[u8],
        claim: &Claim,
        reveal: Option<usize>,
    ) -> Result<Self, EvidenceError> {
        let value = json::parse(report).map_err(EvidenceError::Bundle)?;
        let report: Report = serde_json::from_value(value)
            .map_err(|error| refused(&format!("the report is not of this version: {error}")))?;
        if report.format != "ifrs/report/v1" {
            return Err(refused("the report is not of this version"));
        }
        let leaves: Option<Vec<Hash>> = report.leaves.iter().map(|leaf| unhex(leaf)).collect();
        let leaves =
            leaves.filter(|leaves| merkle::root(leaves) == *claim.root()).ok_or_else(|| {
                refused("the report is about another set than the claim: choose the set's claim")
            })?;
        let mut queries = report.queries;
        // What brought no answer back is no evidence: such a key counts as silent.
        queries.retain(|query| !query.asked.contains_key("error"));
        queries.sort_by_key(|query| query.index);
        queries.truncate(reveal.unwrap_or(queries.len()));
        if queries.is_empty() {
            return Err(refused("no query would be revealed: reveal at least one"));
        }
        let (before, after) = report.set.around;
        let queries = queries.into_iter().map(|query| entry(query, claim, &leaves));
        let mut bundle = Self {
            format: FORMAT.to_owned(),
            ifrs_version: env!("CARGO_PKG_VERSION").to_owned(),
            created: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            claim: serde_json::from_value(claim.to_value()).expect("a claim's file is its file"),
            template: Around { before, after },
            target: report.target,
            evidence: report.evidence,
            test: match report.how {
                Some(ReportHow { sequential: true }) => Test::Sequential,
                _ => Test::Fixed,
            },
            decoys: report.decoys.filter(|count| DECOYS.contains(count)).unwrap_or(DECOYS[0]),
            queries: queries.collect::<Result<_, _>>()?,
            result: Outcome::none(report.alpha),
            digest: String::new(),
        };
        bundle.fill_in(claim)?;
        Ok(bundle)
    }

    /// Computes everything that follows from what is revealed.
    fn fill_in(&mut self, claim: &Claim) -> Result<(), EvidenceError> {
        let found = evaluate_all(self, claim);
        let weighed = self.weigh(claim, &found)?;
        for (entry, evaluated) in self.queries.iter_mut().zip(&found) {
            let evaluated = evaluated.as_ref().map_err(|reason| {
                refused(&format!("query {} cannot be evidence: {reason}", entry.index))
            })?;
            entry.response.clone_from(&evaluated.response);
            entry.fired = evaluated.fired;
            entry.score = evaluated.score;
            entry.rank = evaluated.ranks.iter().map(|rank| rank.rank).collect();
            entry.candidates = evaluated.ranks.iter().map(|rank| rank.candidates).collect();
            entry.log10_p = evaluated.log10_p()?;
            entry.cumulative_log10_e = weighed.log10_e[entry.index];
        }
        self.result = self.outcome(claim, &found, &weighed)?;
        self.digest = self.content_digest();
        Ok(())
    }

    /// Weighs every key up to the last revealed one.
    pub(super) fn weigh(
        &self,
        claim: &Claim,
        found: &[Result<Evaluated, String>],
    ) -> Result<Weighed, EvidenceError> {
        let candidates = Expected::of(self, claim).candidates;
        let length = self.queries.last().map_or(0, |entry| entry.index + 1);
        let mut groups = vec![None; length];
        for (entry, evaluated) in self.queries.iter().zip(found) {
            groups[entry.index] = evaluated.as_ref().ok().map(|found| found.ranks.clone());
        }
        weigh(&groups, &candidates, claim.statement().predicate.n, self.test)
    }

    /// What the queries prove together.
    pub(super) fn outcome(
        &self,
        claim: &Claim,
        found: &[Result<Evaluated, String>],
        weighed: &Weighed,
    ) -> Result<Outcome, EvidenceError> {
        let candidates = Expected::of(self, claim).candidates;
        let asked = weighed.log10_e.len();
        let alpha = self.result.alpha;
        let power = if weighed.fixed {
            let best: Vec<f64> = candidates.iter().map(|&of| 1.0 / of as f64).collect();
            power(asked as u64, &best, alpha)?
        } else {
            sequential_power(asked, &candidates, alpha)?
        };
        let verdict: Verdict = judge(weighed.log10_p, alpha, power)?;
        Ok(Outcome {
            alpha,
            verdict: verdict.name().to_owned(),
            p_value: 10_f64.powf(weighed.log10_p),
            log10_p: weighed.log10_p,
            log10_e: weighed.log10_e.last().copied().unwrap_or(0.0),
            revealed: self.queries.len(),
            silent: asked - self.queries.len(),
            fired: found.iter().flatten().filter(|found| found.fired).count(),
        })
    }

    /// The bundle as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("plain data is always JSON");
        json.push(b'\n');
        json
    }

    fn content_digest(&self) -> String {
        content_digest(serde_json::to_value(self).expect("plain data is always JSON"))
    }

    /// Reads a bundle, and says whether its digest fits what it holds.
    pub(super) fn parse(file: &[u8]) -> Result<(Self, bool), EvidenceError> {
        if file.len() > MAX_BUNDLE_BYTES {
            return Err(refused("it is too large"));
        }
        let value = json::parse(file).map_err(EvidenceError::Bundle)?;
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(refused("it is no bundle, or of a format that this version does not know"));
        }
        let digest = content_digest(value.clone());
        let bundle: Self = serde_json::from_value(value)
            .map_err(|error| EvidenceError::Bundle(error.to_string()))?;
        let whole = bundle.digest == digest;
        Ok((bundle, whole))
    }
}

impl Outcome {
    fn none(alpha: f64) -> Self {
        Self {
            alpha,
            verdict: String::new(),
            p_value: 1.0,
            log10_p: 0.0,
            log10_e: 0.0,
            revealed: 0,
            silent: 0,
            fired: 0,
        }
    }
}

fn entry(query: ReportQuery, claim: &Claim, leaves: &[Hash]) -> Result<Entry, EvidenceError> {
    let proof = merkle::proof(leaves, query.index)
        .ok_or_else(|| refused("a query is outside the claim's set"))?;
    let ReportQuery { index, salt, prompt, answer, asked, word_scores } = query;
    debug_assert_eq!(leaves.len(), claim.statement().predicate.n);
    Ok(Entry {
        index,
        salt,
        prompt,
        response: String::new(),
        proof: proof.iter().map(|hash| hex(hash)).collect(),
        asked,
        answer,
        word_scores,
        fired: false,
        score: 0.0,
        rank: Vec::new(),
        candidates: Vec::new(),
        log10_p: 0.0,
        cumulative_log10_e: 0.0,
    })
}

pub(super) fn content_digest(mut value: Value) -> String {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("digest");
    }
    hex(&Sha256::digest(json::canonical(&value)))
}

/// What stands around a key in a template that is known by name.
pub(super) fn is_template(around: &Around, template: &super::claim::Named) -> bool {
    let digest = super::claim::template_digest(&around.before, &around.after);
    let known = match template.name.as_str() {
        "simple" => Some(Template::Simple),
        "dialogue" => Some(Template::Dialogue),
        _ => None,
    };
    digest == template.sha256
        && known.is_none_or(|known| known.around() == (&*around.before, &*around.after))
}

fn refused(reason: &str) -> EvidenceError {
    EvidenceError::Bundle(reason.to_owned())
}
