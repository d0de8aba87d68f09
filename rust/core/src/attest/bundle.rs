//! An evidence bundle: revealed keys, what a suspect answered, and what it proves.
//!
//! docs/reference/formats.md is its specification; [`super::check()`] recomputes all of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::beside::{TELLS, tells};
use super::claim::{Claim, DECOYS};
use super::evaluate::{Evaluated, Expected, evaluate_all};
use super::signed::SignedFile;
use super::transcript::{Asked, Protocol};
use super::{AttestError, json};
use crate::encoding::{hex, now, unhex};
use crate::fingerprint::Template;
use crate::fingerprint::signal::QUESTIONS;
use crate::merkle::{self, Hash};
use crate::statistics::StatisticsError;
use crate::statistics::combine::fisher_power;
use crate::statistics::stopping::sequential_power;
use crate::statistics::verdict::{Verdict, judge, power};
use crate::statistics::weigh::{Test, Weighed, weigh};

/// The format of bundles whose keys are domains, each with many questions.
const SIGNAL_FORMAT: &str = "ifrs/evidence/v6";

/// The same before there were looks: every question was asked whatever came back.
const SIGNAL_FORMAT_V5: &str = "ifrs/evidence/v5";

/// The format of all others that this version writes.
const FORMAT: &str = "ifrs/evidence/v4";

/// The format before: thoughts are no part of an answer, and servers show no probabilities.
const FORMAT_V3: &str = "ifrs/evidence/v3";

/// The first format: Fisher's combination, and decoys from the claim's digest alone.
const FORMAT_V1: &str = "ifrs/evidence/v1";

/// Formats of reports that evidence is made of.
const REPORTS: [&str; 5] =
    [SIGNAL_REPORT, SIGNAL_REPORT_V5, REPORT, "ifrs/report/v3", "ifrs/report/v1"];

/// The format of reports whose keys are domains.
const SIGNAL_REPORT: &str = "ifrs/report/v6";

/// The same before there were looks.
const SIGNAL_REPORT_V5: &str = "ifrs/report/v5";

/// The format of reports whose answers are read as this version does.
const REPORT: &str = "ifrs/report/v4";

/// The largest bundle, uncompressed: some 2,700 keys with the probabilities of every word.
pub const MAX_BUNDLE_BYTES: usize = 64 << 20;

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
    pub(super) claim: SignedFile,
    pub(super) template: Around,
    #[serde(deserialize_with = "json::object")]
    pub(super) target: Map<String, Value>,
    pub(super) evidence: Kind,
    pub(super) test: Test,
    /// How many whole verifications the answers were chosen from: one, and no other number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) runs: Option<u32>,
    /// Of domains: after how many numbers of questions asking could have stopped. One, or all of
    /// [`QUESTIONS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) looks: Option<usize>,
    /// Decoys for each response where only text is seen; one of [`DECOYS`]. The first bundles of all
    /// leave it to the claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) decoys: Option<usize>,
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
    pub(super) asked: Asked,
    /// How a server was asked for the second word, with the first one begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked_after: Option<Asked>,
    pub(super) answer: String,
    /// Of a domain: its further questions, and what came back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) further: Vec<Exchange>,
    // Null where there are none, and never left out.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) word_scores: Option<Vec<String>>,
    pub(super) fired: bool,
    pub(super) score: f64,
    pub(super) rank: Vec<usize>,
    pub(super) candidates: Vec<usize>,
    pub(super) log10_p: f64,
    pub(super) cumulative_log10_e: f64,
}

/// A further question of a domain, and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    pub(super) asked: Asked,
    pub(super) answer: String,
}

impl Entry {
    /// How everything was asked, each with its answer.
    pub(super) fn exchanges(&self) -> impl Iterator<Item = (&Asked, &str)> {
        let further = self.further.iter().map(|one| (&one.asked, &*one.answer));
        std::iter::once((&self.asked, &*self.answer)).chain(further)
    }
}

/// What a sum of shares may fall short of a whole number by rounding.
const ROUNDING: f64 = 1e-9;

/// Which keys count as asked when power is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Those that were shown with their answers, if that is all of them; else none.
    Shown,
    /// The same, however their answers ended: what bundles before v4 say of themselves.
    Ended,
    /// All up to the last revealed one: what bundles said of themselves at first.
    Counts,
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
    test: Option<String>,
    how: Option<ReportHow>,
    queries: Vec<ReportQuery>,
}

impl Report {
    /// How its keys were chosen; the first reports say only whether asking could stop.
    fn test(&self) -> Test {
        let sequential = match &self.test {
            Some(test) => test != "exact",
            None => self.how.as_ref().is_some_and(|how| how.sequential),
        };
        if sequential { Test::Sequential } else { Test::Exact }
    }
}

#[derive(Deserialize)]
struct ReportHow {
    #[serde(default)]
    sequential: bool,
    looks: Option<usize>,
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
    #[serde(deserialize_with = "json::object")]
    asked: Map<String, Value>,
    #[serde(default)]
    asked_after: Option<Map<String, Value>>,
    #[serde(default)]
    further: Vec<ReportExchange>,
    word_scores: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ReportExchange {
    #[serde(deserialize_with = "json::object")]
    asked: Map<String, Value>,
    answer: String,
}

impl ReportQuery {
    /// Whether an answer is missing: of a domain, to any of its questions.
    fn failed(&self) -> bool {
        let mut asked = [&self.asked].into_iter().chain(self.further.iter().map(|one| &one.asked));
        asked.any(|asked| asked.contains_key("error"))
    }

    /// Everything but the key: alike for all keys of a bundle.
    fn way(&self) -> impl PartialEq + use<> {
        let without_key = |asked: &Map<String, Value>| {
            let mut request = asked.get("request").cloned().unwrap_or_default();
            if let Some(request) = request.as_object_mut() {
                request.remove(Protocol::of(request).slot());
            }
            (asked.get("endpoint").cloned(), request)
        };
        (without_key(&self.asked), self.asked_after.as_ref().map(without_key))
    }
}

impl Bundle {
    /// Makes evidence of a report for a claim; `reveal` is how many queries to show, all without.
    pub fn of_report(
        report: &[u8],
        claim: &Claim,
        reveal: Option<usize>,
    ) -> Result<Self, AttestError> {
        let report: Report = serde_json::from_slice(report)
            .map_err(|error| refused(&format!("the report is not of this version: {error}")))?;
        if !REPORTS.contains(&report.format.as_str()) {
            return Err(refused("the report is not of this version"));
        }
        let leaves: Option<Vec<Hash>> = report.leaves.iter().map(|leaf| unhex(leaf)).collect();
        let leaves =
            leaves.filter(|leaves| merkle::root(leaves) == *claim.root()).ok_or_else(|| {
                refused("the report is about another set than the claim: choose the set's claim")
            })?;
        let test = report.test();
        let looks = match &*report.format {
            SIGNAL_REPORT => report.how.as_ref().and_then(|how| how.looks),
            _ => None,
        };
        if report.format == SIGNAL_REPORT && !looks.is_some_and(is_number_of_looks) {
            return Err(refused("the report does not say after how many looks asking ended"));
        }
        let mut queries = report.queries;
        // What brought no answer back is no evidence: such a key counts as silent.
        queries.retain(|query| !query.failed());
        // Keys asked before the room for thinking was raised count as silent, too.
        if let Some(way) = queries.last().map(ReportQuery::way) {
            queries.retain(|query| query.way() == way);
        }
        queries.sort_by_key(|query| query.index);
        queries.truncate(reveal.unwrap_or(queries.len()));
        if queries.is_empty() {
            return Err(refused("no query would be revealed: reveal at least one"));
        }
        let (before, after) = report.set.around;
        let queries = queries.into_iter().map(|query| entry(query, claim, &leaves));
        let mut bundle = Self {
            format: match &*report.format {
                SIGNAL_REPORT => SIGNAL_FORMAT,
                SIGNAL_REPORT_V5 => SIGNAL_FORMAT_V5,
                REPORT => FORMAT,
                _ => FORMAT_V3,
            }
            .to_owned(),
            ifrs_version: env!("CARGO_PKG_VERSION").to_owned(),
            created: now(),
            claim: serde_json::from_value(claim.to_value()).expect("a claim's file is its file"),
            template: Around { before, after },
            test,
            target: report.target,
            evidence: report.evidence,
            runs: Some(1),
            looks,
            decoys: report.decoys.filter(|count| DECOYS.contains(count)).or(Some(DECOYS[0])),
            queries: queries.collect::<Result<_, _>>()?,
            result: Outcome::none(report.alpha),
            digest: String::new(),
        };
        bundle.fill_in(claim)?;
        Ok(bundle)
    }

    /// Whether thoughts are part of its answers.
    pub(super) fn thinks(&self) -> bool {
        self.format == FORMAT || self.is_signal()
    }

    /// Whether its keys are domains.
    pub(super) fn is_signal(&self) -> bool {
        self.format == SIGNAL_FORMAT || self.format == SIGNAL_FORMAT_V5
    }

    /// How many looks its answers are the best of.
    pub(super) fn looks(&self) -> usize {
        self.looks.unwrap_or(1)
    }

    /// Whether words were ranked by what a server shows.
    pub(super) fn is_shown(&self) -> bool {
        let served = |entry: &Entry| entry.asked.protocol() != Protocol::Local;
        self.evidence == Kind::Likelihood && self.thinks() && self.queries.iter().all(served)
    }

    /// Whether it is of the first format.
    pub(super) fn is_first(&self) -> bool {
        self.format == FORMAT_V1
    }

    /// Which keys counted as asked for the verdict that it states.
    pub(super) fn stated_silence(&self) -> Silence {
        match (self.is_first(), self.thinks()) {
            (true, _) => Silence::Counts,
            (_, true) => Silence::Shown,
            (_, false) => Silence::Ended,
        }
    }

    /// Decoys for each response, as the bundle or the claim says; `None` if it is no number allowed.
    pub(super) fn decoys(&self, claim: &Claim) -> Option<usize> {
        let claimed = claim.statement().predicate.decoys;
        let stated = if self.is_first() { self.decoys.or(claimed) } else { self.decoys };
        stated.filter(|count| {
            DECOYS.contains(count) && claimed.is_none_or(|claimed| claimed == *count)
        })
    }

    /// What names its combination of ranks.
    pub(super) fn test_name(&self, weighed: &Weighed) -> &'static str {
        match (weighed.fixed, self.test) {
            (false, _) => "sequential",
            (true, Test::Fixed) => "Fisher",
            (true, _) => "exact",
        }
    }

    /// Computes everything that follows from what is revealed.
    fn fill_in(&mut self, claim: &Claim) -> Result<(), AttestError> {
        if let Some(problem) = self.one_way() {
            return Err(refused(problem));
        }
        let expected = Expected::of(self, claim);
        expected.afford(self).map_err(|problem| refused(&problem))?;
        let found = evaluate_all(self, &expected, &|| false);
        if tells(self, claim, &found)? {
            return Err(refused(TELLS));
        }
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
            entry.log10_p = evaluated.log10_p(self.test)?;
            entry.cumulative_log10_e = weighed.log10_e[entry.index];
        }
        let alpha = self.result.alpha;
        self.result = self.outcome(claim, &found, &weighed, alpha, self.stated_silence())?;
        self.digest = self.content_digest();
        Ok(())
    }

    /// Whether all keys were asked in one way: with one set of parameters, at one address.
    pub(super) fn one_way(&self) -> Option<&'static str> {
        let mut ways = self.queries.iter().flat_map(|entry| {
            let after = entry.asked_after.as_ref().map(Asked::way);
            entry.exchanges().map(move |(asked, _)| (asked.way(), after.clone()))
        });
        let first = ways.next();
        if !ways.all(|way| Some(&way) == first.as_ref()) {
            return Some("the keys were not all asked in one way: parameters or address differ");
        }
        let mut asked = self.queries.iter().map(|entry| entry.further.len());
        let first = asked.next();
        let alike = asked.all(|count| Some(count) == first);
        (!alike).then_some("the domains were not all asked as many questions")
    }

    /// Whether every answer had room for a response.
    fn has_room(&self, claim: &Claim) -> bool {
        if self.is_shown() {
            return true; // one token is all that is looked at
        }
        let needed = claim.alphabet().room();
        let mut all = self.queries.iter().flat_map(Entry::exchanges);
        all.all(|(asked, _)| asked.has_room(needed))
    }

    /// Weighs every key up to the last revealed one.
    pub(super) fn weigh(
        &self,
        claim: &Claim,
        found: &[Result<Evaluated, String>],
    ) -> Result<Weighed, AttestError> {
        let candidates = Expected::of(self, claim).candidates;
        let length = self.queries.last().map_or(0, |entry| entry.index + 1);
        let mut groups = vec![None; length];
        for (entry, evaluated) in self.queries.iter().zip(found) {
            groups[entry.index] = evaluated.as_ref().ok().map(|found| found.ranks.clone());
        }
        let weighed = weigh(&groups, &candidates, claim.statement().predicate.n, self.test)?;
        Ok(weighed.at_looks(self.looks())?)
    }

    /// The probability that `asked` keys convict a suspect that answers half of them.
    fn power(
        &self,
        weighed: &Weighed,
        asked: usize,
        candidates: &[usize],
        alpha: f64,
    ) -> Result<f64, StatisticsError> {
        let best: Vec<f64> = candidates.iter().map(|&of| 1.0 / of as f64).collect();
        let alpha = alpha / self.looks() as f64;
        match (weighed.fixed, self.is_first()) {
            (false, _) => sequential_power(asked, candidates, alpha),
            (true, true) => fisher_power(asked as u64, &best, alpha),
            (true, false) => power(asked as u64, &best, alpha),
        }
    }

    /// What the queries prove together, at a level.
    pub(super) fn outcome(
        &self,
        claim: &Claim,
        found: &[Result<Evaluated, String>],
        weighed: &Weighed,
        alpha: f64,
        silence: Silence,
    ) -> Result<Outcome, AttestError> {
        let n = claim.statement().predicate.n;
        let candidates = Expected::of(self, claim).candidates;
        let reached = weighed.log10_e.len();
        let ended = |found: &&Evaluated| !found.cut || silence == Silence::Ended;
        let answered = || found.iter().flatten().filter(|found| found.kept).filter(ended);
        let asked = match silence {
            Silence::Counts => reached,
            // Silence speaks for a suspect only where every key is shown with its answer, and the
            // answer could have held a response.
            _ if answered().count() < n || !self.has_room(claim) => 0,
            Silence::Shown | Silence::Ended => {
                (answered().map(Evaluated::worth).sum::<f64>() + ROUNDING).floor() as usize
            }
        };
        let power = self.power(weighed, asked, &candidates, alpha)?;
        let mut verdict: Verdict = judge(weighed.log10_p, alpha, power)?;
        if verdict == Verdict::NoMatch && found.iter().flatten().any(|one| one.given.is_some()) {
            // Who gives a suspect its name does not clear it by the words that the name holds.
            let given: Vec<_> = found.iter().map(|found| found.clone().map(as_given)).collect();
            if judge(self.weigh(claim, &given)?.log10_p, alpha, power)? != verdict {
                verdict = Verdict::Inconclusive;
            }
        }
        Ok(Outcome {
            alpha,
            verdict: verdict.name().to_owned(),
            p_value: 10_f64.powf(weighed.log10_p),
            log10_p: weighed.log10_p,
            log10_e: weighed.log10_e.last().copied().unwrap_or(0.0),
            revealed: self.queries.len(),
            silent: reached - self.queries.len(),
            fired: found.iter().flatten().filter(|found| found.fired).count(),
        })
    }

    /// The bundle as JSON; an error if no checker would take so much.
    pub fn to_json(&self) -> Result<Vec<u8>, AttestError> {
        let mut json = serde_json::to_vec_pretty(self).expect("plain data is always JSON");
        json.push(b'\n');
        if json.len() > MAX_BUNDLE_BYTES {
            return Err(refused("it would be too large for any checker: reveal fewer keys"));
        }
        Ok(json)
    }

    /// SHA-256 of everything but the digest as compact JSON, names in order. Queries go one by
    /// one, so that no second copy of them all is made.
    pub(super) fn content_digest(&self) -> String {
        let mut hash = Sha256::new_with_prefix("{");
        for (place, (name, value)) in self.shell().iter().enumerate() {
            hash.update(if place > 0 { "," } else { "" });
            hash.update(format!("\"{name}\":"));
            match name.as_str() {
                "queries" => {
                    for (place, entry) in self.queries.iter().enumerate() {
                        hash.update(if place > 0 { "," } else { "[" });
                        hash.update(json::canonical(&plain(entry)));
                    }
                    hash.update(if self.queries.is_empty() { "[]" } else { "]" });
                }
                _ => hash.update(json::canonical(value)),
            }
        }
        hash.update("}");
        hex(&hash.finalize())
    }

    /// Every field but the digest, the queries left empty.
    fn shell(&self) -> Map<String, Value> {
        let Self { format, ifrs_version, created, claim, template, target, .. } = self;
        let shell = Self {
            format: format.clone(),
            ifrs_version: ifrs_version.clone(),
            created: created.clone(),
            claim: claim.clone(),
            template: template.clone(),
            target: target.clone(),
            queries: Vec::new(),
            result: self.result.clone(),
            digest: String::new(),
            ..*self
        };
        let Value::Object(mut fields) = plain(&shell) else {
            unreachable!("a bundle is an object")
        };
        fields.remove("digest");
        fields
    }

    /// Reads a bundle; nothing of it is believed.
    pub(super) fn parse(file: &[u8]) -> Result<Self, AttestError> {
        if file.len() > MAX_BUNDLE_BYTES {
            return Err(unread("it is too large: have fewer keys revealed"));
        }
        // Straight into its form: a tree of all of it would take many times the file's size.
        let bundle: Self =
            serde_json::from_slice(file).map_err(|error| AttestError::Bundle(error.to_string()))?;
        let known = match bundle.format.as_str() {
            SIGNAL_FORMAT | SIGNAL_FORMAT_V5 | FORMAT | FORMAT_V3 => {
                bundle.test != Test::Fixed && bundle.runs == Some(1)
            }
            FORMAT_V1 => bundle.test != Test::Exact && bundle.runs.is_none(),
            _ => false,
        };
        let looked = match bundle.format.as_str() {
            SIGNAL_FORMAT => bundle.looks.is_some_and(is_number_of_looks),
            _ => bundle.looks.is_none(),
        };
        let known = known && looked;
        known.then_some(bundle).ok_or_else(|| {
            unread("it is no bundle, or of a format that this version does not know")
        })
    }
}

/// Whether asking can stop after so many numbers of questions: after one, or after each of all.
fn is_number_of_looks(looks: usize) -> bool {
    looks == 1 || looks == QUESTIONS.len()
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

fn entry(query: ReportQuery, claim: &Claim, leaves: &[Hash]) -> Result<Entry, AttestError> {
    let proof = merkle::proof(leaves, query.index)
        .ok_or_else(|| refused("a query is outside the claim's set"))?;
    let ReportQuery { index, salt, prompt, answer, asked, asked_after, further, word_scores } =
        query;
    let read = |asked: Map<String, Value>| {
        serde_json::from_value(Value::Object(asked)).map_err(|error| {
            refused(&format!("query {index} does not say how it was asked: {error}"))
        })
    };
    let (asked, asked_after) = (read(asked)?, asked_after.map(read).transpose()?);
    let further = further
        .into_iter()
        .map(|one| Ok(Exchange { asked: read(one.asked)?, answer: one.answer }))
        .collect::<Result<_, AttestError>>()?;
    debug_assert_eq!(leaves.len(), claim.statement().predicate.n);
    Ok(Entry {
        index,
        salt,
        prompt,
        response: String::new(),
        proof: proof.iter().map(|hash| hex(hash)).collect(),
        asked,
        asked_after,
        answer,
        further,
        word_scores,
        fired: false,
        score: 0.0,
        rank: Vec::new(),
        candidates: Vec::new(),
        log10_p: 0.0,
        cumulative_log10_e: 0.0,
    })
}

/// What a key proves where no rank counts as the last for what a name tells.
fn as_given(found: Evaluated) -> Evaluated {
    let ranks = found.given.clone().unwrap_or_else(|| found.ranks.clone());
    Evaluated { ranks, ..found }
}

/// What serializes as plain data.
fn plain(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("plain data is always JSON")
}

/// What stands around a key in a template that is known by name.
pub(super) fn is_template(around: &Around, template: &super::claim::Named) -> bool {
    let digest = super::claim::template_digest(&around.before, &around.after);
    let known = match template.name.as_str() {
        "simple" => Some(Template::Simple),
        "dialogue" => Some(Template::Dialogue),
        "bare" => Some(Template::Bare),
        _ => None,
    };
    digest == template.sha256
        && known.is_none_or(|known| known.around() == (&*around.before, &*around.after))
}

fn refused(reason: &str) -> AttestError {
    AttestError::Unmade { what: "bundle", reason: reason.to_owned() }
}

fn unread(reason: &str) -> AttestError {
    AttestError::Bundle(reason.to_owned())
}
