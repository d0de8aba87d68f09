//! An accusation: one licensee's codeword, what a suspect answered, and what follows from both.
//!
//! docs/reference/formats.md is its specification; [`super::check_accusation`] recomputes all of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::super::bundle::{Around, Kind};
use super::super::signed::SignedFile;
use super::super::transcript::Asked;
use super::super::{AttestError, json};
use super::check::problem;
use super::leaves::{Copy, Trees, bits, digits};
use super::roll::Roll;
use crate::encoding::{hex, now};
use crate::fingerprint::FingerprintSet;
use crate::merkle;
use crate::statistics::accusation::Trial;
use crate::statistics::reading::{WEIGHTS, decide};
use ifrs_matching::plain;

/// The format that this version writes.
const FORMAT: &str = "ifrs/accusation/v1";

/// The format of traces that accusations are made of.
const TRACE: &str = "ifrs/trace/v2";

/// The largest accusation.
pub const MAX_ACCUSATION_BYTES: usize = 64 << 20;

/// Positions that a server is asked between two looks at the scores: block after block, in order.
pub const BLOCK: usize = 16;

/// How many looks count where whole blocks of a set's `n` positions were asked, from `first` on.
///
/// With B blocks there are B places to stop from the first block on, and B(B − 1)/2 ways to begin
/// later, as one does whose first keys are spent, and stop. Half of alpha is for each: a p-value is
/// multiplied by 2B or by B².
pub fn looks(n: usize, first: usize) -> usize {
    let blocks = n.div_ceil(BLOCK);
    if first == 0 { 2 * blocks } else { blocks * blocks }
}

/// What is revealed of positions and of one licensee, and what it proves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accusation {
    pub(super) format: String,
    pub(super) ifrs_version: String,
    pub(super) created: String,
    pub(super) roll: SignedFile,
    pub(super) template: Around,
    #[serde(deserialize_with = "json::object")]
    pub(super) target: Map<String, Value>,
    pub(super) evidence: Kind,
    /// The first position that is shown.
    pub(super) first: usize,
    /// Whole blocks from that one on, and none left out.
    pub(super) positions: Vec<Shown>,
    pub(super) licensee: Accused,
    pub(super) result: Outcome,
    /// SHA-256 of everything else, canonical.
    pub(super) digest: String,
}

/// One position.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    pub(super) salt: String,
    /// The probability of the second response, in parts of 65,536.
    pub(super) bias: u32,
    pub(super) prompt: String,
    pub(super) responses: [String; 2],
    pub(super) proof: Vec<String>,
    /// How a suspect was asked in text; absent where it was not, or gave no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) said: Option<Said>,
    /// What the suspect's weights give; absent where it was asked in text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) weights: Option<Weights>,
}

/// A question, and what came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    pub(super) asked: Asked,
    pub(super) answer: String,
}

/// What weights give of both responses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weights {
    /// Log-likelihoods in nats, both words together.
    pub(super) nats: [f64; 2],
    /// −log₁₀ of their ranks among all words.
    pub(super) evidence: [f64; 2],
}

/// Who is accused, as the roll has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Accused {
    pub(super) name: String,
    pub(super) salt: String,
    /// A digit for each position of the set: 1 for the second response.
    pub(super) codeword: String,
    pub(super) copies: Vec<Copy>,
    pub(super) place: usize,
    pub(super) proof: Vec<String>,
}

/// What follows, at a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The probability of accusing any innocent that is allowed.
    pub alpha: f64,
    /// Whether the p-value is at most that.
    pub accused: bool,
    /// log₁₀ of the p-value, times the number of licensees and of looks.
    pub log10_p: f64,
    /// The symmetric score.
    pub score: f64,
    /// Positions that gave one response for certain.
    pub read: usize,
    /// Of those, positions that gave the licensee's.
    pub agreeing: usize,
    /// Positions without an answer, which count as if they spoke against it.
    pub missing: usize,
    /// Looks at the scores that count.
    pub looks: usize,
}

/// What one position says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The first response, or the second.
    One(bool),
    /// Neither of them, or both.
    Nothing,
    /// There is no answer.
    Missing,
}

impl Outcome {
    /// The same at another level.
    pub(super) fn at(self, alpha: f64) -> Self {
        Self { alpha, accused: self.log10_p <= alpha.log10(), ..self }
    }
}

impl Shown {
    /// What it says, by what is stated.
    pub(super) fn read(&self) -> Read {
        if let Some(Weights { nats, evidence }) = self.weights {
            return decide(nats, evidence, WEIGHTS).map_or(Read::Nothing, Read::One);
        }
        let Some(said) = &self.said else { return Read::Missing };
        let whole = said.asked.said(true).ok().flatten();
        if whole.is_none_or(|whole| whole.cut) {
            return Read::Missing;
        }
        let heard = plain(&said.answer);
        let [first, second] = [0, 1].map(|one| heard.contains(&plain(&self.responses[one])));
        if first == second { Read::Nothing } else { Read::One(second) }
    }
}

/// A trace, as far as evidence is made of it.
#[derive(Deserialize)]
struct Trace {
    format: String,
    evidence: Kind,
    alpha: f64,
    target: Map<String, Value>,
    #[serde(default)]
    exchanges: Vec<Exchange>,
}

/// What a trace keeps of one position.
#[derive(Deserialize)]
struct Exchange {
    position: usize,
    #[serde(default)]
    said: Option<Said>,
    #[serde(default)]
    weights: Option<Weights>,
}

impl Accusation {
    /// Makes an accusation of a trace. `issued` are the copies that left, at least those of the roll;
    /// `reveal` is how many positions to show, rounded up to whole blocks, and all without.
    pub fn of_trace(
        trace: &[u8],
        set: &FingerprintSet,
        roll: &Roll,
        issued: &[(String, Copy)],
        licensee: &str,
        reveal: Option<usize>,
    ) -> Result<Self, AttestError> {
        let trace: Trace = serde_json::from_slice(trace)
            .map_err(|error| refused(&format!("the trace is not of this version: {error}")))?;
        if trace.format != TRACE {
            return Err(refused("the trace is not of this version: trace the suspect again"));
        }
        let places = || trace.exchanges.iter().map(|one| one.position);
        let (Some(first), Some(last)) = (places().min(), places().max()) else {
            return Err(refused("the trace holds no answer"));
        };
        if last >= set.len() {
            return Err(refused("the trace is of another set"));
        }
        let first = first / BLOCK * BLOCK;
        let asked = last + 1 - first;
        let shown = reveal.map_or(asked, |most| most.clamp(1, asked));
        let end = (first + shown).next_multiple_of(BLOCK).min(set.len());
        let predicate = &roll.statement().predicate;
        let issued = issued.get(..predicate.copies).ok_or_else(|| refused(OTHER))?;
        let trees = Trees::of(set, predicate.coalition, issued, roll.publisher())
            .filter(|trees| merkle::root(&trees.code.positions) == *roll.positions())
            .filter(|trees| merkle::root(&trees.leaves) == *roll.licensees())
            .ok_or_else(|| refused(OTHER))?;
        let shown = |index: usize| Shown {
            salt: hex(&set.position_salt(index)),
            bias: trees.code.biases[index],
            prompt: set.challenge(index).form().into_owned(),
            responses: [set.response(index).to_owned(), trees.second.response(index).to_owned()],
            proof: path(&trees.code.positions, index),
            said: None,
            weights: None,
        };
        let mut positions: Vec<Shown> = (first..end).map(shown).collect();
        for Exchange { position, said, weights } in trace.exchanges {
            if let Some(shown) = positions.get_mut(position - first) {
                (shown.said, shown.weights) = (said, weights);
            }
        }
        let (before, after) = set.spec().template.around();
        let mut made = Self {
            format: FORMAT.to_owned(),
            ifrs_version: env!("CARGO_PKG_VERSION").to_owned(),
            created: now(),
            roll: SignedFile::from_value(roll.signed().to_value())?,
            template: Around { before: before.to_owned(), after: after.to_owned() },
            target: trace.target,
            evidence: trace.evidence,
            first,
            positions,
            licensee: accused(set, &trees, licensee)?,
            result: Outcome::default(),
            digest: String::new(),
        };
        if !(trace.alpha > 0.0 && trace.alpha < 1.0) {
            return Err(refused("the trace's alpha does not lie between 0 and 1"));
        }
        made.result = made.outcome(roll, trace.alpha)?;
        made.digest = made.content_digest();
        // Its keys are spent by showing them: what no checker takes shows none.
        match problem(made.clone(), roll) {
            None => Ok(made),
            Some(why) => Err(refused(&format!("no checker would take it: {why}"))),
        }
    }

    /// Whether it shows whole blocks of a set's positions.
    pub(super) fn is_of_blocks(&self, n: usize) -> bool {
        let end = self.first.saturating_add(self.positions.len());
        let blocks = self.first.is_multiple_of(BLOCK) && (end.is_multiple_of(BLOCK) || end == n);
        blocks && end <= n && !self.positions.is_empty()
    }

    /// What follows from the answers, at a level; [`Outcome::at`] is the same at another.
    ///
    /// A position without an answer counts as if it had given the response that the licensee's copy
    /// does not give: whoever leaves an answer out gains nothing.
    pub(super) fn outcome(&self, roll: &Roll, alpha: f64) -> Result<Outcome, AttestError> {
        let predicate = &roll.statement().predicate;
        let codeword = bits(&self.licensee.codeword)
            .filter(|word| word.len() == predicate.positions.n)
            .ok_or_else(|| AttestError::Bundle("its codeword has another length".into()))?;
        let codeword = &codeword[self.first..][..self.positions.len()];
        let found: Vec<Read> = self.positions.iter().map(Shown::read).collect();
        let readings: Vec<Option<bool>> = found
            .iter()
            .zip(codeword)
            .map(|(read, bit)| match read {
                Read::One(response) => Some(*response),
                Read::Nothing => None,
                Read::Missing => Some(!bit),
            })
            .collect();
        let biases: Vec<u32> = self.positions.iter().map(|one| one.bias).collect();
        let trial = Trial::new(&readings, &biases)?;
        let score = trial.score(codeword)?;
        let n = predicate.positions.n;
        let looks = match self.evidence {
            // Weights are read at once: half of alpha is for all positions, and half for fewer.
            Kind::Likelihood if self.positions.len() == n => 2,
            Kind::Likelihood => 2 * looks(n, self.first),
            Kind::Text => looks(n, self.first),
        };
        let times = (predicate.licensees.n as f64 * looks as f64).log10();
        let log10_p = (trial.log10_p(score) + times).min(0.0);
        let pairs = || found.iter().zip(codeword);
        Ok(Outcome {
            alpha,
            accused: log10_p <= alpha.log10(),
            log10_p,
            score,
            read: pairs().filter(|(read, _)| matches!(read, Read::One(_))).count(),
            agreeing: pairs().filter(|(read, bit)| **read == Read::One(**bit)).count(),
            missing: pairs().filter(|(read, _)| **read == Read::Missing).count(),
            looks,
        })
    }

    /// The accusation as JSON; an error if no checker would take so much.
    pub fn to_json(&self) -> Result<Vec<u8>, AttestError> {
        let mut json = serde_json::to_vec_pretty(self).expect("plain data is always JSON");
        json.push(b'\n');
        if json.len() > MAX_ACCUSATION_BYTES {
            return Err(refused("it would be too large for any checker: trace with fewer queries"));
        }
        Ok(json)
    }

    /// The positions that it shows, whose keys are in clear.
    pub fn shown(&self) -> usize {
        self.positions.len()
    }

    /// SHA-256 of everything but the digest as compact JSON, names in order.
    pub(super) fn content_digest(&self) -> String {
        let mut whole = serde_json::to_value(self).expect("plain data is always JSON");
        if let Value::Object(fields) = &mut whole {
            fields.remove("digest");
        }
        hex(&Sha256::digest(json::canonical(&whole)))
    }

    /// Reads an accusation; nothing of it is believed.
    pub(super) fn parse(file: &[u8]) -> Result<Self, AttestError> {
        let unread = |reason: &str| AttestError::Accusation(reason.to_owned());
        if file.len() > MAX_ACCUSATION_BYTES {
            return Err(unread("it is too large"));
        }
        let found: Self = serde_json::from_slice(file)
            .map_err(|error| AttestError::Accusation(error.to_string()))?;
        if found.format != FORMAT {
            return Err(unread("it is of a format that this version does not know"));
        }
        Ok(found)
    }
}

/// Why a roll and a keyring do not go together.
const OTHER: &str = "the roll is of other copies than this set's: choose the set's roll, and the \
                     keyring that stamped its copies";

fn accused(set: &FingerprintSet, trees: &Trees, licensee: &str) -> Result<Accused, AttestError> {
    let name: String = licensee.nfc().collect();
    let place = trees.licensees.iter().position(|(known, _)| *known == name).ok_or_else(|| {
        refused("the roll has no licensee of that name: nobody is accused by a later roll")
    })?;
    Ok(Accused {
        salt: hex(&set.licensee_salt(&name)),
        codeword: digits(&set.codeword(&trees.code, &name)),
        copies: trees.licensees[place].1.clone(),
        place,
        proof: path(&trees.leaves, place),
        name,
    })
}

fn path(leaves: &[merkle::Hash], index: usize) -> Vec<String> {
    let found = merkle::proof(leaves, index).expect("the leaf is there");
    found.iter().map(|hash| hex(hash)).collect()
}

fn refused(reason: &str) -> AttestError {
    AttestError::Unmade { what: "accusation", reason: reason.to_owned() }
}
