//! What one revealed key proves, recomputed from what is shown of it and from the claim.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rayon::prelude::*;

use super::AttestError;
use super::bundle::{Around, Bundle, Entry, Kind};
use super::claim::{Claim, DECOYS};
use super::decoys::{decoys, public_decoys};
use super::ranking::{by_label, by_mention, by_scores, last};
use super::shown::{rank_shown, unheard};
use super::text::rank_text;
use super::transcript::{Asked as Request, MAX_ANSWER, NAMED, Protocol, SLIPPED};
use crate::encoding::unhex;
use crate::fingerprint::Challenge;
use crate::fingerprint::choices::Asked;
use crate::fingerprint::scheme::Place;
use crate::fingerprint::signal::{self, COLOURINGS, Family, QUESTIONS, Tally, domains};
use crate::merkle::{self, Hash};
use crate::statistics::StatisticsError;
use crate::statistics::combine::fisher_log10;
use crate::statistics::exact::exact_log10;
use crate::statistics::ranks::Rank;
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
    /// Whether the answer ended for want of tokens before it began, or is not all there is to hear:
    /// no silence.
    pub(super) cut: bool,
    /// Places of the response's words, where a server's probabilities rank them, and of natural answers.
    pub(super) places: Vec<usize>,
    /// The list that a natural answer is of.
    pub(super) listed: Option<&'static [&'static str]>,
    /// What the answers of a domain say of every colouring.
    pub(super) tally: Option<Tally>,
    /// The rank that the model's name and the address would have as an answer to a domain.
    pub(super) named: Option<Rank>,
    /// The ranks as the suspect gave them, where some count as the last for what its name tells.
    pub(super) given: Option<Vec<Rank>>,
}

impl Evaluated {
    /// What a key proves whose raw answer was not kept: nothing.
    fn unkept(response: String, candidates: &[usize]) -> Self {
        let ranks = last(candidates);
        Self { ranks, ..Self::of(response) }
    }

    /// A key of this response, of which nothing is known yet.
    fn of(response: String) -> Self {
        Self {
            response,
            ranks: Vec::new(),
            score: 0.0,
            fired: false,
            kept: false,
            told: false,
            cut: false,
            places: Vec::new(),
            listed: None,
            tally: None,
            named: None,
            given: None,
        }
    }

    /// How many keys this one is worth where silence is weighed: of a domain of which little was
    /// said, as much as the best rank that this allows.
    pub(super) fn worth(&self) -> f64 {
        match &self.tally {
            Some(tally) => 1.0 - (tally.first() as f64).ln() / (COLOURINGS as f64).ln(),
            None => 1.0,
        }
    }

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
pub(super) struct Expected<'c> {
    /// The number of candidates of each test that one key makes.
    pub(super) candidates: Vec<usize>,
    claim: &'c Claim,
    digest: Hash,
    /// Whether the server adds the template, so that the key alone is sent.
    chat: bool,
    /// What stands between a prompt and its response.
    lead: &'static str,
}

impl<'c> Expected<'c> {
    pub(super) fn of(bundle: &Bundle, claim: &'c Claim) -> Self {
        let alphabet = claim.alphabet();
        let candidates = match bundle.evidence {
            _ if !claim.scheme().proves() => Vec::new(),
            Kind::Text if alphabet.is_words() => {
                vec![1 + bundle.decoys(claim).unwrap_or(DECOYS[0])]
            }
            Kind::Likelihood if bundle.is_shown() => {
                // Where a server continues no answer, the first word alone is ranked.
                let second = bundle.queries.iter().any(|entry| entry.asked_after.is_some());
                alphabet.sizes().iter().copied().take(1 + usize::from(second)).collect()
            }
            Kind::Text | Kind::Likelihood => alphabet.sizes().to_vec(),
        };
        let template = claim.statement().predicate.template.name.as_str();
        let lead = if matches!(template, "chat" | "bare") { "" } else { " " };
        Self { candidates, claim, digest: claim.digest(), chat: template == "chat", lead }
    }

    /// Whether responses are looked for among decoys.
    fn has_decoys(&self, bundle: &Bundle) -> bool {
        bundle.evidence == Kind::Text
            && self.claim.scheme().proves()
            && self.claim.alphabet().is_words()
    }

    /// Whether the bundle can be checked in reasonable time; said before the work is done.
    pub(super) fn afford(&self, bundle: &Bundle) -> Result<(), String> {
        if !self.has_decoys(bundle) {
            return Ok(());
        }
        let per_query = |entry: &Entry| {
            // Made plain, one character can become eighteen.
            let looked_at: String = entry.answer.chars().take(MAX_ANSWER).collect();
            let characters = plain(&looked_at).chars().count() as u64;
            self.candidates[0] as u64 * (PER_CANDIDATE + characters)
        };
        if bundle.queries.par_iter().map(per_query).sum::<u64>() > MAX_WORK {
            let reason = "it takes too long to check: have fewer keys or shorter answers revealed, \
                          or use 4,095 decoys";
            return Err(reason.into());
        }
        Ok(())
    }
}

/// Evaluates every query; an error says in words what is wrong with one. `stop` is asked before
/// each.
pub(super) fn evaluate_all(
    bundle: &Bundle,
    expected: &Expected<'_>,
    stop: &(dyn Fn() -> bool + Sync),
) -> Vec<Result<Evaluated, String>> {
    let one = |entry: &Entry| match stop() {
        true => Err("checking was interrupted".to_owned()),
        false => evaluate(entry, bundle, expected),
    };
    bundle.queries.par_iter().map(one).collect()
}

fn evaluate(entry: &Entry, bundle: &Bundle, expected: &Expected<'_>) -> Result<Evaluated, String> {
    let (claim, alphabet) = (expected.claim, expected.claim.alphabet());
    let salt = &unhex(&entry.salt).ok_or("its salt is not 64 hexadecimal digits")?;
    let path: Option<Vec<Hash>> = entry.proof.iter().map(|hash| unhex(hash)).collect();
    let path = path.ok_or("its proof is not made of SHA-256 digests")?;
    let challenge = &Challenge::parse(claim.media(), &entry.prompt)
        .ok_or("its prompt is not a key of the claim's medium")?;
    let (publisher, root, index) = (claim.publisher(), claim.root(), entry.index as u64);
    let leaf = claim.scheme().leaf(publisher, salt, challenge);
    if !merkle::verify(&leaf, entry.index, claim.statement().predicate.n, &path, root) {
        return Err("its prompt and salt are not what the claim committed to at this place".into());
    }
    let around = &bundle.template;
    let key = entry.prompt.strip_prefix(&around.before).and_then(|p| p.strip_suffix(&around.after));
    let Some(key) = key.filter(|key| !key.trim().is_empty()) else {
        return Err("its prompt is not a key in the claim's template".into());
    };
    let place = Place { publisher, root, index, salt, challenge };
    let places = claim.scheme().places(&place, alphabet);
    if alphabet.is_signal() {
        let response = claim.scheme().spell(alphabet, &places);
        return signalled(
            entry,
            bundle,
            expected,
            &place,
            Coloured { key, place: places[0], response },
        );
    }
    if bundle.is_signal() || !entry.further.is_empty() {
        return Err("it holds further questions, and its key is a single one".into());
    }
    // The first bundles may have been asked at any temperature: they hold, and prove nothing.
    let warm = bundle.is_first() && entry.asked.is_warm();
    let asked = if warm { &entry.asked.cooled() } else { &entry.asked };
    asked.check_request(&entry.prompt, expected.chat.then_some(key))?;
    entry.asked.check_target(&bundle.target)?;
    check_evidence(entry, bundle, claim)?;
    if alphabet.is_choices() {
        return natural(entry, bundle, expected, key, places[0]);
    }
    let response = claim.scheme().spell(alphabet, &places);
    if !alphabet.is_words() {
        return labelled(entry, bundle, expected, &places, response);
    }
    let told = entry.asked.told(&response);
    if told >= NAMED {
        return Err("its request names its response beside the key".into());
    }
    if bundle.is_shown() {
        return by_shown(entry, expected, &places, response);
    }
    let said = entry.asked.check_answer(&entry.answer, bundle.thinks())?;
    let kept = said.is_some();
    // Who calls a bundle older than it is chooses how its answers are read.
    let cut = match said {
        Some(said) if bundle.thinks() => said.cut,
        said => said.is_some_and(|said| !entry.asked.is_all(&said.text)),
    };
    if !kept && !bundle.is_first() {
        return Ok(Evaluated::unkept(response, &expected.candidates));
    }
    let say = |error: AttestError| error.to_string();
    if expected.has_decoys(bundle) {
        let count = expected.candidates[0] - 1;
        let rivals = match bundle.is_first() {
            true => public_decoys(&expected.digest, index, count),
            false => decoys(salt, &expected.digest, index, count),
        };
        let found = rank_text(&entry.answer, &response, &rivals).map_err(say)?;
        let (ranks, score) = (vec![found.rank], found.score.into());
        // What the request itself holds as well, the suspect need not have known.
        // The first bundles state ranks without regard to that; check corrects them, from half a
        // response on.
        let told = told >= found.score && (told >= SLIPPED || !bundle.is_first());
        let (told, kept) = (told || warm || !kept, kept && !warm);
        let fired = found.fired;
        let of = Evaluated::of(response);
        let found = Evaluated { ranks, score, fired, kept, told, cut, ..of };
        return Ok(if told && !bundle.is_first() { found.silenced() } else { found });
    }
    let (heard, wanted) = (plain(&entry.answer), plain(&response));
    let score = score_one(&heard, &wanted, Method::Partial).map_err(|error| error.to_string())?;
    let ranks = match claim.scheme().proves() {
        true => likelihood_ranks(entry, expected, &places)?,
        false => Vec::new(),
    };
    let (fired, score) = (heard.contains(&wanted), score.into());
    Ok(Evaluated { ranks, score, fired, kept: true, cut, ..Evaluated::of(response) })
}

/// What a key proves whose words a server showed the probabilities of.
///
/// A word that the model's name or the address holds, the suspect need not have known: it counts
/// as the last. The second word is not ranked beside the first, which its request names.
fn by_shown(
    entry: &Entry,
    expected: &Expected<'_>,
    places: &[usize],
    response: String,
) -> Result<Evaluated, String> {
    if !expected.claim.scheme().proves() {
        return Err("its responses prove nothing, and no probability of a word does".into());
    }
    let words: Vec<&str> = response.split(' ').collect();
    if let Some(after) = &entry.asked_after {
        after.check_continuation(&entry.asked, expected.lead, words[0])?;
    }
    let asked: Vec<&Request> = [&entry.asked].into_iter().chain(&entry.asked_after).collect();
    let said: Option<Vec<_>> =
        asked.iter().map(|asked| asked.said(true)).collect::<Result<_, _>>()?;
    let Some(said) = said else {
        return Ok(Evaluated::unkept(response, &expected.candidates));
    };
    let heard = match said.get(1) {
        Some(second) if said[0].text.trim() == words[0] => {
            // Some servers say what had begun again.
            let again = second.text.trim_start().starts_with(words[0]);
            let first = if again { "" } else { said[0].text.as_str() };
            format!("{first}{}", second.text)
        }
        _ => said[0].text.clone(),
    };
    if heard != entry.answer {
        return Err("its answer is not what its raw answers hold".into());
    }
    let raws: Vec<&str> = asked.iter().map(|asked| &*asked.raw).collect();
    let (alphabet, protocol) = (expected.claim.alphabet(), entry.asked.protocol());
    let looked_past =
        |(raw, word): (&&str, &&str)| unheard(raw, protocol, word).unwrap_or_default();
    let cut = raws.iter().zip(&words).any(looked_past);
    let given = rank_shown(alphabet, places, &raws, protocol, expected.lead)?;
    let mut ranks = given.clone();
    for (rank, word) in ranks.iter_mut().zip(&words) {
        if entry.asked.told(word) >= NAMED {
            rank.rank = rank.candidates;
        }
    }
    let (given, places) = ((given != ranks).then_some(given), places.to_vec());
    let (heard, wanted) = (plain(&heard), plain(&response));
    let score = score_one(&heard, &wanted, Method::Partial).map_err(|error| error.to_string())?;
    let (fired, score) = (heard.contains(&wanted), score.into());
    let of = Evaluated::of(response);
    Ok(Evaluated { ranks, score, fired, kept: true, cut, places, given, ..of })
}

/// What a key proves whose response is a natural answer to its question.
///
/// A choice that the model's name or the address holds, the suspect need not have known: the key
/// counts as silent.
fn natural(
    entry: &Entry,
    bundle: &Bundle,
    expected: &Expected<'_>,
    key: &str,
    place: usize,
) -> Result<Evaluated, String> {
    let asked = Asked::read(key).ok_or("its key is no question whose answers are listed")?;
    if bundle.is_shown() || bundle.is_first() {
        return Err("natural answers are ranked by what is said, or by a model at hand".into());
    }
    let (choice, response) = (asked.kind.list()[place], asked.spell(place));
    let said = entry.asked.check_answer(&entry.answer, bundle.thinks())?;
    let Some(said) = said else {
        return Ok(Evaluated::unkept(response, &expected.candidates));
    };
    let cut = if bundle.thinks() { said.cut } else { !entry.asked.is_all(&said.text) };
    let by_text = by_mention(&asked, place, &entry.answer);
    let ranks = match bundle.evidence {
        Kind::Text => vec![by_text],
        Kind::Likelihood => likelihood_ranks(entry, expected, &[place])?,
    };
    let (heard, wanted) = (plain(&entry.answer), plain(&response));
    let score = score_one(&heard, &wanted, Method::Partial).map_err(|error| error.to_string())?;
    let told = entry.asked.told(choice) >= NAMED;
    let found = Evaluated {
        ranks,
        score: score.into(),
        fired: by_text.rank == 1,
        kept: true,
        told,
        cut,
        places: vec![place],
        listed: Some(asked.kind.list()),
        ..Evaluated::of(response)
    };
    if !told {
        return Ok(found);
    }
    let given = Some(found.ranks.clone());
    Ok(Evaluated { given, ..found.silenced() })
}

/// A domain, and which of its colourings is the true one.
struct Coloured<'k> {
    key: &'k str,
    place: usize,
    response: String,
}

/// What a domain proves: how many pairs of words in all answers of it are green.
///
/// The first of its questions in the order that the salt gives, every one of them with its answer:
/// nobody chooses among answers.
fn signalled(
    entry: &Entry,
    bundle: &Bundle,
    expected: &Expected<'_>,
    at: &Place<'_>,
    Coloured { key, place, response }: Coloured<'_>,
) -> Result<Evaluated, String> {
    let domain = domains::named(key).ok_or("its key is no domain")?;
    if !bundle.is_signal() || bundle.evidence != Kind::Text {
        return Err("domains are weighed by what is said, in bundles of format v5 or v6".into());
    }
    check_evidence(entry, bundle, expected.claim)?;
    let questions = signal::questions(at.salt, domain);
    let asked = entry.exchanges().count();
    if !QUESTIONS.contains(&asked) {
        return Err(format!("a domain is asked 25, 50 or 100 questions, not {asked}"));
    }
    let (mut cut, mut kept) = (false, true);
    for ((asked, answer), question) in entry.exchanges().zip(questions) {
        let Around { before, after } = &bundle.template;
        let prompt = format!("{before}{question}{after}");
        asked.check_request(&prompt, expected.chat.then_some(question))?;
        asked.check_target(&bundle.target)?;
        let said = asked.check_answer(answer, true)?;
        cut |= said.as_ref().is_some_and(|said| said.cut);
        kept &= said.is_some();
    }
    if !kept {
        return Ok(Evaluated::unkept(response, &expected.candidates));
    }
    let answers = entry.exchanges().map(|(_, answer)| answer);
    let family = Family::of(at);
    let ranked = |tally: &Tally| {
        by_scores(expected.claim.alphabet(), &[place], &[tally.scores()])
            .map_err(|error| error.to_string())
    };
    let tally = family.tally(answers, &|| false).expect("nobody stops it");
    let ranks = ranked(&tally)?;
    // As it is written, and with its words apart.
    let beside = entry.asked.beside();
    let mut named = Vec::new();
    for text in [&beside, &beside.replace(|c: char| !c.is_alphanumeric(), " ")] {
        let told = family.tally([&**text], &|| false).expect("nobody stops it");
        named.extend(ranked(&told)?);
    }
    Ok(Evaluated {
        named: named.into_iter().min_by_key(|one| one.rank),
        score: tally.share(place),
        fired: ranks[0].rank == 1,
        kept: true,
        cut,
        places: vec![place],
        tally: Some(tally),
        ranks,
        ..Evaluated::of(response)
    })
}

/// What a key proves whose response is no text: numbers in the answer, or scores beside it.
fn labelled(
    entry: &Entry,
    bundle: &Bundle,
    expected: &Expected<'_>,
    places: &[usize],
    response: String,
) -> Result<Evaluated, String> {
    if entry.asked.check_answer(&entry.answer, bundle.thinks())?.is_none() {
        return Ok(Evaluated::unkept(response, &expected.candidates));
    }
    let ranks = match bundle.evidence {
        Kind::Text => by_label(expected.claim.alphabet(), places, &entry.answer),
        Kind::Likelihood => likelihood_ranks(entry, expected, places)?,
    };
    let fired = entry.answer.trim() == response;
    let score = if fired { 1.0 } else { 0.0 };
    Ok(Evaluated { ranks, score, fired, kept: true, ..Evaluated::of(response) })
}

/// Whether there is what the kind of evidence needs, and nothing else.
fn check_evidence(entry: &Entry, bundle: &Bundle, claim: &Claim) -> Result<(), String> {
    let protocol = entry.asked.protocol();
    let alphabet = claim.alphabet();
    let written = alphabet.is_words() || alphabet.is_choices() || alphabet.is_signal();
    let carried = written && protocol.carries(claim.media());
    match bundle.evidence {
        _ if protocol != Protocol::Local && !carried => {
            Err("its keys cannot be sent by the protocol that it is said to be asked in".into())
        }
        Kind::Text if entry.word_scores.is_some() => {
            Err("it holds word scores, and the evidence is text".into())
        }
        Kind::Likelihood if bundle.is_shown() && entry.word_scores.is_some() => {
            Err("it holds word scores, and a server's raw answers hold them already".into())
        }
        Kind::Likelihood if !bundle.is_shown() && entry.asked.protocol() != Protocol::Local => {
            Err("its word scores are said to be of a server that shows none".into())
        }
        _ if entry.asked_after.is_some() && !bundle.is_shown() => {
            Err("it holds a second request, and its evidence needs none".into())
        }
        _ => Ok(()),
    }
}

/// Ranks each factor of a response by the scores that a bundle states.
fn likelihood_ranks(
    entry: &Entry,
    expected: &Expected<'_>,
    places: &[usize],
) -> Result<Vec<Rank>, String> {
    let alphabet = expected.claim.alphabet();
    let missing = match alphabet.is_words() {
        true => "its word scores are not two lists of one number for each word of the alphabet",
        false => "its scores are not one list for each factor, of one number for each choice",
    };
    let lists = entry.word_scores.as_deref().unwrap_or_default();
    let scores: Vec<Vec<f32>> = lists
        .iter()
        .enumerate()
        .map(|(factor, list)| {
            let fits =
                |list: &Vec<f32>| factor < places.len() && list.len() == alphabet.width(factor);
            numbers(list).filter(fits).ok_or(missing)
        })
        .collect::<Result<_, _>>()?;
    if scores.len() != places.len() {
        return Err(missing.into());
    }
    by_scores(alphabet, places, &scores).map_err(|error| error.to_string())
}

/// Numbers of 32 bits, little end first, in base64.
fn numbers(text: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
