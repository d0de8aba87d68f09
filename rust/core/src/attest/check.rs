//! Checking evidence with nothing but a bundle and a claim.

use serde::Serialize;
use serde_json::{Map, Value};

use super::AttestError;
use super::beside::{TELLS, tells};
use super::bundle::{Bundle, Entry, Kind, Outcome, Silence, is_template};
use super::claim::{Claim, Statement};
use super::evaluate::{Evaluated, Expected, evaluate_all};
use super::transcript::Asked;
use crate::encoding::hex;
use crate::statistics::verdict::Verdict;
use crate::statistics::weigh::{Test, Weighed};

/// Stated and recomputed numbers may differ by rounding in another build, and by no more.
const TOLERANCE: f64 = 1e-9;

/// What checking found. Everything in it was recomputed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Checked {
    /// What is wrong, in words; empty if all holds.
    pub problems: Vec<String>,
    /// What to know that is not wrong.
    pub notes: Vec<String>,
    /// What the p-value is: "exact", "sequential" or "Fisher".
    pub test: String,
    /// The p-value of what was revealed; 1 where nothing could be recomputed.
    pub p_value: f64,
    /// Its base-10 logarithm.
    pub log10_p: f64,
    /// Base-10 logarithm of the e-process after the last key.
    pub log10_e: f64,
    /// log10 of the combination over all keys of the claim: the exact tail, or Fisher's.
    pub log10_fixed: f64,
    /// log10 of 1 / the highest e-value.
    pub log10_anytime: f64,
    /// The verdict at the checker's level.
    pub verdict: String,
    /// That level.
    pub alpha: f64,
    /// The level that the bundle's maker chose.
    pub stated_alpha: f64,
    /// The verdict at that level, as the bundle states it.
    pub stated_verdict: String,
    /// The claim, if it could be read.
    pub claim: Option<ClaimSummary>,
    /// What the suspect is, as the bundle states it.
    pub target: Map<String, Value>,
    /// How it was looked at.
    pub evidence: Option<Kind>,
    /// The bundle's format; empty if it could not be read.
    pub format: String,
    /// When the bundle says that it was made.
    pub created: String,
    /// Every revealed key.
    #[serde(skip)]
    pub queries: Vec<QuerySummary>,
    /// Keys before the last revealed one that are not shown, and count as silent.
    pub silent: usize,
    /// Keys whose response occurs in the answer.
    pub fired: usize,
}

/// What is public about a claim.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimSummary {
    /// SHA-256 of its envelope.
    pub digest: String,
    /// What was signed.
    pub statement: Statement,
}

/// What one key proves.
#[derive(Clone, Debug, Default, Serialize)]
pub struct QuerySummary {
    /// Its place in the claim's set.
    pub index: usize,
    /// What was asked.
    pub prompt: String,
    /// What a descendant answers, as it follows from the claim.
    pub response: String,
    /// What came back.
    pub answer: String,
    /// How, when and where.
    pub asked: Option<Asked>,
    /// Whether the raw answer was kept, and asked for at temperature 0; else the key proves nothing,
    /// and counts as silent.
    pub kept: bool,
    /// Whether the response occurs in the answer.
    pub fired: bool,
    /// How well it matches.
    pub score: f64,
    /// Ranks and their candidates.
    pub ranks: Vec<(usize, usize)>,
    /// Of a domain: what else it was asked and answered, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<(Asked, String)>,
    /// Of a domain: how many distinct pairs of words its answers hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<usize>,
    /// Of a domain: numbers of green pairs, each with how many colourings have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spread: Vec<(u16, usize)>,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// On whose terms a bundle is checked: the checker's.
pub struct Terms<'t> {
    /// The key that the claim must be signed with, if one is expected.
    pub publisher: Option<&'t [u8; 32]>,
    /// The level of the verdict.
    pub alpha: f64,
    /// Whether the publisher's transformer and adapter were seen to stay silent under rows that do
    /// not descend from the published ones.
    pub trust_adapter: bool,
    /// Asked now and then; whether to give up.
    pub stop: &'t (dyn Fn() -> bool + Sync),
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self { publisher: None, alpha: 1e-6, trust_adapter: false, stop: &|| false }
    }
}

/// Recomputes everything in a bundle.
///
/// Time stamps are left to the caller: their authorities are a matter of trust.
pub fn check(bundle: &[u8], claim: &[u8], terms: &Terms<'_>) -> Checked {
    let mut checked = Checked { p_value: 1.0, alpha: terms.alpha, ..Checked::default() };
    let claim = match Claim::parse(claim) {
        Ok(claim) => claim,
        Err(error) => {
            checked.problems.push(error.to_string());
            return checked;
        }
    };
    if let Err(error) = claim.verify(terms.publisher) {
        checked.problems.push(error.to_string());
    }
    checked.notes.extend(claim.scheme().warning().map(str::to_owned));
    checked.claim =
        Some(ClaimSummary { digest: hex(&claim.digest()), statement: claim.statement().clone() });
    match Bundle::parse(bundle) {
        Ok(bundle) => {
            if bundle.is_first() {
                checked.notes.push(FIRST_BUNDLE.to_owned());
            }
            look_at(bundle, &claim, terms, &mut checked);
        }
        Err(error) => checked.problems.push(error.to_string()),
    }
    checked
}

/// What the first bundles lack.
const FIRST_BUNDLE: &str = "the bundle is of format v1 (scheme v2): its p-value is Fisher's, or \
    that of the e-process, and decoys for answers in text follow from the claim alone, so that a \
    suspect that knew the claim could have evaded or favoured some";

/// What the first bundles may hold, and later ones may not.
const UNPROVEN: &str = "keys in it were asked at a temperature above 0, where the best of many \
    answers can be kept, or their raw answers were cut: they count as silent";

/// What stands between a stranger and evidence by an adapter.
const THROUGH_ADAPTER: &str = "the suspect's rows were asked within the publisher's own \
    transformer and private adapter, which can have been trained to answer whatever the rows are: \
    have the same keys asked under rows of another model, and trust the adapter only \
    if it stays silent then; until then this is no match";

/// What a checker should know of evidence that could have come sooner or later.
const LOOKED: &str = "asking could stop after 25, 50 or 100 questions of each domain: the p-value \
    is three times that of the questions shown";

fn look_at(bundle: Bundle, claim: &Claim, terms: &Terms<'_>, checked: &mut Checked) {
    checked.evidence = Some(bundle.evidence);
    checked.format.clone_from(&bundle.format);
    checked.stated_alpha = bundle.result.alpha;
    checked.created.clone_from(&bundle.created);
    checked.target.clone_from(&bundle.target);
    if Claim::from_file(bundle.claim.clone()).as_ref() != Ok(claim) {
        // Nothing in it fits this claim, which says no more than that.
        checked.problems.push("the bundle was made for another claim than this one".into());
        return;
    }
    if bundle.digest != bundle.content_digest() {
        checked.problems.push(
            "the bundle was altered after it was made: its digest is not that of its content"
                .into(),
        );
    }
    if !is_template(&bundle.template, &claim.statement().predicate.template) {
        checked.problems.push("the bundle's template is not the one that was claimed".into());
    }
    if bundle.is_first() && claim.scheme().is_owned() {
        let reason = "the bundle is of format v1, whose decoys are public, and the claim is of a \
                      later scheme: such bundles are of format v3";
        checked.problems.push(reason.into());
    }
    let adapted = bundle.target.get("adapter").is_some_and(|used| *used != Value::Bool(false));
    if adapted && !terms.trust_adapter {
        checked.notes.push(THROUGH_ADAPTER.to_owned());
    }
    if bundle.decoys(claim).is_none() {
        let reason = "the bundle's number of decoys is neither 4,095 nor 65,535, or not as claimed";
        checked.problems.push(reason.into());
        return;
    }
    if bundle.looks() > 1 {
        checked.notes.push(LOOKED.to_owned());
    }
    let n = claim.statement().predicate.n;
    let ordered = bundle.queries.windows(2).all(|pair| pair[0].index < pair[1].index);
    if !ordered || bundle.queries.last().is_none_or(|entry| entry.index >= n) {
        let reason = "the bundle's queries are not keys of the claim in order, each once";
        checked.problems.push(reason.into());
        return;
    }
    if let Some(problem) = bundle.one_way() {
        checked.problems.push(problem.into());
    }
    let expected = Expected::of(&bundle, claim);
    if let Err(problem) = expected.afford(&bundle) {
        checked.problems.push(problem);
        return;
    }
    let found = evaluate_all(&bundle, &expected, terms.stop);
    if bundle.is_first() && found.iter().flatten().any(|found| !found.kept) {
        checked.notes.push(UNPROVEN.to_owned());
    }
    if tells(&bundle, claim, &found).unwrap_or_default() {
        checked.problems.push(TELLS.into());
    }
    if let Err(error) = conclude(&bundle, claim, &found, checked) {
        checked.problems.push(error.to_string());
    }
    if adapted && !terms.trust_adapter && checked.verdict == Verdict::Match.name() {
        checked.verdict = Verdict::Inconclusive.name().to_owned();
    }
    for (entry, evaluated) in bundle.queries.into_iter().zip(found) {
        let problem = problem_of(&entry, &evaluated, bundle.test);
        if let Some(reason) = &problem {
            checked.problems.push(format!("query {}: {reason}", entry.index));
        }
        checked.queries.push(summary(entry, evaluated, problem));
    }
}

/// Weighs what holds, at the checker's level, and compares it with what the bundle says at its own.
fn conclude(
    bundle: &Bundle,
    claim: &Claim,
    found: &[Result<Evaluated, String>],
    checked: &mut Checked,
) -> Result<(), AttestError> {
    let weighed = bundle.weigh(claim, found)?;
    for (entry, &log10_e) in
        bundle.queries.iter().map(|entry| (entry, &weighed.log10_e[entry.index]))
    {
        if !close(entry.cumulative_log10_e, log10_e) {
            let reason = "its cumulative e-value is not what follows from the ranks";
            checked.problems.push(format!("query {}: {reason}", entry.index));
        }
    }
    let silence = bundle.stated_silence();
    match bundle.outcome(claim, found, &weighed, bundle.result.alpha, silence) {
        Ok(stated) => {
            for field in differing(&bundle.result, &stated) {
                let reason = "is not what follows from the queries";
                checked.problems.push(format!("result: its {field} {reason}"));
            }
        }
        Err(error) => checked.problems.push(format!("result: {error}")),
    }
    let weighed = if bundle.is_first() {
        let sober: Vec<_> = found.iter().map(|found| found.clone().map(sobered)).collect();
        bundle.weigh(claim, &sober)?
    } else {
        weighed
    };
    let outcome = bundle.outcome(claim, found, &weighed, checked.alpha, Silence::Shown)?;
    checked.test = bundle.test_name(&weighed).to_owned();
    checked.stated_verdict.clone_from(&bundle.result.verdict);
    let Weighed { log10_fixed, log10_anytime, .. } = weighed;
    checked.log10_fixed = log10_fixed;
    checked.log10_anytime = log10_anytime;
    checked.p_value = outcome.p_value;
    checked.log10_p = outcome.log10_p;
    checked.log10_e = outcome.log10_e;
    checked.verdict = outcome.verdict;
    checked.silent = outcome.silent;
    checked.fired = outcome.fired;
    Ok(())
}

/// What a key of the first bundles proves: they state ranks as if requests held nothing.
fn sobered(found: Evaluated) -> Evaluated {
    if found.told { found.silenced() } else { found }
}

fn differing(stated: &Outcome, found: &Outcome) -> Vec<&'static str> {
    let mut fields = Vec::new();
    let mut note = |same: bool, field| {
        if !same {
            fields.push(field);
        }
    };
    note(stated.verdict == found.verdict, "verdict");
    note(close(stated.p_value.log10(), found.p_value.log10()), "p-value");
    note(close(stated.log10_p, found.log10_p), "log10 p-value");
    note(close(stated.log10_e, found.log10_e), "e-value");
    note(stated.revealed == found.revealed, "number of revealed queries");
    note(stated.silent == found.silent, "number of silent keys");
    note(stated.fired == found.fired, "number of fired keys");
    fields
}

/// What is wrong with one query.
fn problem_of(entry: &Entry, evaluated: &Result<Evaluated, String>, test: Test) -> Option<String> {
    let found = match evaluated {
        Ok(found) => found,
        Err(reason) => return Some(reason.clone()),
    };
    let ranks: Vec<usize> = found.ranks.iter().map(|rank| rank.rank).collect();
    let candidates: Vec<usize> = found.ranks.iter().map(|rank| rank.candidates).collect();
    let log10_p = found.log10_p(test).unwrap_or(f64::NAN);
    let reason = if entry.response != found.response {
        "its response is not the one that follows from the claim"
    } else if entry.rank != ranks || entry.candidates != candidates {
        "its rank is not what follows from the answer"
    } else if entry.fired != found.fired || !close(entry.score, found.score) {
        "its score is not what follows from the answer"
    } else if !close(entry.log10_p, log10_p) {
        "its p-value is not what follows from its rank"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

fn summary(
    entry: Entry,
    evaluated: Result<Evaluated, String>,
    problem: Option<String>,
) -> QuerySummary {
    let Entry { index, prompt, response, answer, asked, further, .. } = entry;
    let shown = |found: Evaluated| QuerySummary {
        response: found.response,
        fired: found.fired,
        score: found.score,
        ranks: found.ranks.iter().map(|rank| (rank.rank, rank.candidates)).collect(),
        kept: found.kept,
        pairs: found.tally.as_ref().map(|tally| tally.pairs),
        spread: found.tally.map(|tally| tally.spread()).unwrap_or_default(),
        ..QuerySummary::default()
    };
    let found = evaluated.map_or_else(|_| QuerySummary { response, ..Default::default() }, shown);
    let further = further.into_iter().map(|one| (one.asked, one.answer)).collect();
    QuerySummary { index, prompt, answer, asked: Some(asked), further, problem, ..found }
}

fn close(stated: f64, found: f64) -> bool {
    stated == found || (stated - found).abs() <= TOLERANCE * found.abs().max(1.0)
}

/// Checks a bundle against a claim, for the fuzzer: never a panic.
pub fn survives(bundle: &[u8], claim: &[u8]) -> bool {
    check(bundle, claim, &Terms::default()).problems.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attest::claim::tests::{claim, set};
    use crate::fingerprint::{FingerprintSet, ResponseKind};
    use serde_json::json;

    fn report(set: &FingerprintSet, answer: impl Fn(usize) -> String) -> Vec<u8> {
        let (before, after) = set.spec().template.around();
        let query = |i: usize| {
            json!({
                "index": i, "salt": hex(set.salt(i)), "prompt": set.prompt(i), "answer": answer(i),
                "asked": {
                    "time": "2026-01-02T03:04:05Z",
                    "endpoint": "http://127.0.0.1/v1/completions",
                    "request": {
                        "model": "x", "prompt": set.prompt(i), "max_tokens": 48, "temperature": 0.0,
                    },
                    "raw": json!({"choices": [{"text": answer(i)}]}).to_string(),
                },
                "word_scores": null,
            })
        };
        let leaves: Vec<String> = set.leaves().iter().map(|leaf| hex(leaf)).collect();
        serde_json::to_vec(&json!({
            "format": "ifrs/report/v3", "leaves": leaves, "set": {"around": [before, after]},
            "target": {"kind": "api", "name": "x", "base_url": "http://127.0.0.1/v1"},
            "evidence": "text", "alpha": 1e-6, "test": "exact",
            "queries": (0..set.len()).map(query).collect::<Vec<_>>(),
        }))
        .unwrap()
    }

    fn honest(n: usize) -> (FingerprintSet, Claim, Vec<u8>) {
        let set = set(n, ResponseKind::OWNED);
        let claim = claim(&set);
        let report = report(&set, |i| format!("It says: {}.", set.response(i)));
        (set, claim, report)
    }

    fn file_of(claim: &Claim) -> Vec<u8> {
        serde_json::to_vec(&claim.to_value()).unwrap()
    }

    #[test]
    fn honest_evidence_holds_and_reveals_what_it_must() {
        let (set, claim, report) = honest(8);
        let all = Bundle::of_report(&report, &claim, None).unwrap();
        let checked = check(&all.to_json().unwrap(), &file_of(&claim), &Terms::default());
        assert!(checked.problems.is_empty(), "{:?}", checked.problems);
        assert_eq!((checked.verdict.as_str(), checked.fired), ("match", 8));
        assert_eq!(checked.log10_p, checked.log10_fixed);
        let some = Bundle::of_report(&report, &claim, Some(3)).unwrap().to_json().unwrap();
        let checked = check(&some, &file_of(&claim), &Terms::default());
        assert!(checked.problems.is_empty(), "{:?}", checked.problems);
        assert!((-10.4..-9.0).contains(&checked.log10_p), "{}", checked.log10_p);
        let text = String::from_utf8(some).unwrap();
        assert!((3..8).all(|i| !text.contains(&*set.key(i)) && !text.contains(set.response(i))));
    }

    #[test]
    fn leaving_out_a_silent_key_helps_nobody() {
        let (set, claim, _) = honest(8);
        let found = report(&set, |i| if i == 1 { String::new() } else { set.response(i).into() });
        let whole = Bundle::of_report(&found, &claim, None).unwrap();
        let mut value: Value = serde_json::from_slice(&found).unwrap();
        value["queries"].as_array_mut().unwrap().remove(1);
        let less = serde_json::to_vec(&value).unwrap();
        let less = Bundle::of_report(&less, &claim, None).unwrap();
        assert_eq!((less.result.silent, whole.result.silent), (1, 0));
        assert!(less.result.log10_p >= whole.result.log10_p);
        assert!(
            check(&less.to_json().unwrap(), &file_of(&claim), &Terms::default())
                .problems
                .is_empty()
        );
    }

    #[test]
    fn strangers_do_not_match() {
        let (set, claim, _) = honest(8);
        let report = report(&set, |i| format!("I do not know number {i}."));
        let bundle = Bundle::of_report(&report, &claim, None).unwrap();
        let checked = check(&bundle.to_json().unwrap(), &file_of(&claim), &Terms::default());
        assert!(checked.problems.is_empty());
        assert_ne!(checked.verdict, "match");
    }

    #[test]
    fn other_claims_and_other_keys_are_refused() {
        let (_, claim, report) = honest(8);
        let bundle = Bundle::of_report(&report, &claim, None).unwrap().to_json().unwrap();
        let other = super::super::claim::tests::claim(&set(7, ResponseKind::OWNED));
        assert!(Bundle::of_report(&report, &other, None).is_err());
        let problems = check(&bundle, &file_of(&other), &Terms::default()).problems;
        assert!(problems.iter().any(|problem| problem.contains("another claim")));
        let stranger = Terms { publisher: Some(&[9; 32]), ..Terms::default() };
        let problems = check(&bundle, &file_of(&claim), &stranger).problems;
        assert!(problems.iter().any(|problem| problem.contains("another publisher")));
    }

    #[test]
    fn an_adapter_that_nobody_tried_elsewhere_is_no_match() {
        let (_, claim, report) = honest(4);
        let mut value: Value = serde_json::from_slice(&report).unwrap();
        value["target"]["adapter"] = true.into();
        let report = serde_json::to_vec(&value).unwrap();
        let bundle = Bundle::of_report(&report, &claim, None).unwrap().to_json().unwrap();
        let checked = check(&bundle, &file_of(&claim), &Terms::default());
        assert_eq!((checked.problems.len(), checked.verdict.as_str()), (0, "inconclusive"));
        assert!(checked.notes.iter().any(|note| note.contains("adapter")));
        let trusting = Terms { trust_adapter: true, ..Terms::default() };
        assert_eq!(check(&bundle, &file_of(&claim), &trusting).verdict, "match");
    }

    #[test]
    fn shared_responses_prove_nothing() {
        let set = set(4, ResponseKind::SHARED);
        let claim = claim(&set);
        let report = report(&set, |i| set.response(i).into());
        let bundle = Bundle::of_report(&report, &claim, None).unwrap();
        let checked = check(&bundle.to_json().unwrap(), &file_of(&claim), &Terms::default());
        assert!(checked.problems.is_empty(), "{:?}", checked.problems);
        assert_eq!((checked.p_value, checked.fired), (1.0, 4));
        assert_eq!(checked.verdict, "inconclusive");
    }

    /// Evidence of a suspect that says its own name, whatever it is asked.
    fn introduced(name: &str) -> Checked {
        let (set, claim, _) = honest(8);
        let mut report: Value =
            serde_json::from_slice(&report(&set, |_| format!("I am {name}."))).unwrap();
        report["target"]["name"] = name.into();
        for query in report["queries"].as_array_mut().unwrap() {
            query["asked"]["request"]["model"] = name.into();
        }
        let report = serde_json::to_vec(&report).unwrap();
        let bundle = Bundle::of_report(&report, &claim, None).unwrap();
        check(&bundle.to_json().unwrap(), &file_of(&claim), &Terms::default())
    }

    #[test]
    fn what_the_request_holds_as_well_proves_nothing() {
        let set = set(8, ResponseKind::OWNED);
        // A third of each response's letters is missing: too little to count as named.
        let slipped = |i: usize| {
            let letters = set.response(i).chars().enumerate().filter(|(place, _)| place % 3 != 1);
            letters.map(|(_, letter)| letter).collect::<String>()
        };
        let name = (0..8).map(slipped).collect::<Vec<_>>().join("_");
        let checked = introduced(&name);
        assert!(checked.problems.is_empty(), "{:?}", checked.problems);
        assert_eq!(checked.p_value, 1.0);
        assert!(checked.queries.iter().all(|query| query.ranks == [(4096, 4096)]));
        // Pieces of less than half, of eight keys: each would rank well, and all together very well.
        let piece = |i: usize| {
            let response = set.response(i);
            let (start, size) = (response.find(' ').unwrap() - 2, response.len() * 2 / 5);
            response.chars().skip(start).take(size).collect::<String>()
        };
        let checked = introduced(&(0..8).map(piece).collect::<Vec<_>>().join("_"));
        assert!(checked.problems.is_empty(), "{:?}", checked.problems);
        assert!(checked.p_value > 0.1, "{}", checked.p_value);
    }

    #[test]
    fn answers_without_room_for_a_response_are_no_silence() {
        let (set, claim, _) = honest(16);
        let verdict = |tokens: u64| {
            let mut report: Value =
                serde_json::from_slice(&report(&set, |_| "I".to_owned())).unwrap();
            for query in report["queries"].as_array_mut().unwrap() {
                query["asked"]["request"]["max_tokens"] = tokens.into();
            }
            let report = serde_json::to_vec(&report).unwrap();
            let bundle = Bundle::of_report(&report, &claim, None).unwrap();
            check(&bundle.to_json().unwrap(), &file_of(&claim), &Terms::default()).verdict
        };
        assert_eq!(verdict(48), "no match");
        assert_eq!(verdict(1), "inconclusive");
    }

    #[test]
    fn the_first_format_is_of_claims_before() {
        let (_, claim, report) = honest(3);
        let mut bundle = Bundle::of_report(&report, &claim, None).unwrap();
        bundle.format = "ifrs/evidence/v1".into();
        bundle.test = Test::Fixed;
        bundle.runs = None;
        bundle.digest = bundle.content_digest();
        let problems =
            check(&bundle.to_json().unwrap(), &file_of(&claim), &Terms::default()).problems;
        assert!(problems.iter().any(|problem| problem.contains("later scheme")), "{problems:?}");
    }

    /// Every place in a tree, as a JSON pointer.
    fn places(value: &Value, path: &str, found: &mut Vec<String>) {
        found.push(path.to_owned());
        match value {
            Value::Object(fields) => {
                for (name, item) in fields {
                    places(item, &format!("{path}/{name}"), found);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    places(item, &format!("{path}/{index}"), found);
                }
            }
            _ => {}
        }
    }

    /// A changed bundle with the digest that fits it, if it still has a bundle's form.
    fn mended(mut changed: Value) -> Vec<u8> {
        if let Ok(bundle) = serde_json::from_value::<Bundle>(changed.clone()) {
            changed["digest"] = bundle.content_digest().into();
        }
        serde_json::to_vec(&changed).unwrap()
    }

    #[test]
    fn who_mends_the_digest_can_alter_only_what_nobody_can_recompute() {
        let (_, claim, report) = honest(3);
        let bundle = Bundle::of_report(&report, &claim, Some(2)).unwrap();
        let tree = serde_json::to_value(&bundle).unwrap();
        let mut all = Vec::new();
        places(&tree, "", &mut all);
        let mut believed = Vec::new();
        for path in all.iter().filter(|path| !path.is_empty() && *path != "/digest") {
            let mut changed = tree.clone();
            let place = changed.pointer_mut(path).unwrap();
            *place = match &*place {
                Value::String(text) => format!("{text}x").into(),
                Value::Number(number) => (number.as_f64().unwrap() + 1.0).into(),
                Value::Bool(truth) => (!truth).into(),
                Value::Array(items) => items[1..].into(),
                Value::Object(_) => json!({}),
                Value::Null => json!([]),
            };
            let file = mended(changed);
            if check(&file, &file_of(&claim), &Terms::default()).problems.is_empty() {
                believed
                    .push(path.trim_start_matches("/queries/0/").trim_start_matches("/queries/1/"));
            }
        }
        believed.sort_unstable();
        believed.dedup();
        // What the publisher says of itself, and when it asked; not what it asked, or was answered.
        let free = ["/created", "/ifrs_version", "/target/kind"];
        assert_eq!(believed, free);
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(48))]

        #[test]
        fn whatever_is_read_nothing_panics(
            cut in 0_usize..4000, place in 0_usize..4000, byte in proptest::num::u8::ANY,
        ) {
            let (_, claim, report) = honest(2);
            let mut bundle = Bundle::of_report(&report, &claim, Some(1)).unwrap().to_json().unwrap();
            let mut claim = file_of(&claim);
            let (at, in_claim) = (place % bundle.len(), place % claim.len());
            bundle[at] = byte;
            survives(&bundle[..bundle.len() - cut % bundle.len()], &claim);
            claim[in_claim] = byte;
            survives(&bundle, &claim);
        }
    }
}
