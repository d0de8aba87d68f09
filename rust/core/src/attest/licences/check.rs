//! Checking an accusation with nothing but it and the roll.

use serde::Serialize;
use serde_json::{Map, Value};
use unicode_normalization::is_nfc;

use super::super::bundle::{Kind, is_template};
use super::super::transcript::{Asked, NAMED};
use super::accusation::{Accusation, Accused, Outcome, Read, Shown};
use super::leaves::{Copy, Licensee, bits};
use super::roll::{Roll, Statement};
use crate::encoding::{hex, unhex};
use crate::fingerprint::alphabet::are_apart;
use crate::fingerprint::codeword::{Position, coins, is_bias, is_licensee};
use crate::merkle::{self, Hash};

/// Stated and recomputed numbers may differ by rounding in another build, and by no more.
const TOLERANCE: f64 = 1e-9;

/// What checking found. Everything in it was recomputed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckedAccusation {
    /// What is wrong, in words; empty if all holds.
    pub problems: Vec<String>,
    /// What to know that is not wrong.
    pub notes: Vec<String>,
    /// Who is accused; empty where nothing could be read.
    pub licensee: String,
    /// Their copies, as the roll has them.
    pub copies: Vec<Copy>,
    /// What follows at the checker's level.
    pub outcome: Outcome,
    /// The same as the publisher states it.
    pub stated: Outcome,
    /// The roll, if it could be read.
    pub roll: Option<RollSummary>,
    /// What the suspect is, as it is stated.
    pub target: Map<String, Value>,
    /// How it was looked at.
    pub evidence: Option<Kind>,
    /// When the accusation says that it was made.
    pub created: String,
    /// Every position that is shown.
    pub positions: Vec<PositionSummary>,
}

/// What is public about a roll.
#[derive(Clone, Debug, Serialize)]
pub struct RollSummary {
    /// SHA-256 of its envelope.
    pub digest: String,
    /// What was signed.
    pub statement: Statement,
}

/// What one position says.
#[derive(Clone, Debug, Serialize)]
pub struct PositionSummary {
    /// Its place in the set.
    pub index: usize,
    /// What is asked.
    pub prompt: String,
    /// The two responses that copies give.
    pub responses: [String; 2],
    /// Which of them the licensee's copy gives: 0 or 1.
    pub own: u8,
    /// Which of them the suspect gives; `None` for neither or both.
    pub read: Option<u8>,
    /// Whether there is no answer.
    pub missing: bool,
    /// How, when and where it was asked.
    pub asked: Option<Asked>,
    /// What came back in text.
    pub answer: Option<String>,
    /// Log-likelihoods of both responses in nats, as stated.
    pub nats: Option<[f64; 2]>,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// What a checker should know of every accusation.
const HOLDER: &str = "who gave the copy away is not shown: the publisher can make every copy, and a \
    thief can have taken it from the licensee";

/// What a checker should know of numbers that nobody else saw.
const STATED: &str = "what the suspect's weights give is as the publisher states it: have it read \
    again from the suspect, by the keys and responses that are shown";

/// From so many bits on nobody can try enough salts.
const OUT_OF_REACH: f64 = 80.0;

/// What a checker should know of evidence that a publisher could have sought.
fn foreseen(bits: f64) -> String {
    format!(
        "a publisher who could foresee what the suspect answers could have tried 2^{bits:.0} salts \
         until a codeword fits: see whether any model would answer these keys so; some \
         {OUT_OF_REACH:.0} agreeing positions put that out of reach"
    )
}

/// Recomputes everything in an accusation.
///
/// Time stamps are left to the caller: their authorities are a matter of trust.
pub fn check_accusation(
    accusation: &[u8],
    roll: &[u8],
    publisher: Option<&[u8; 32]>,
    alpha: f64,
) -> CheckedAccusation {
    let mut checked = CheckedAccusation::default();
    checked.outcome.alpha = alpha;
    let roll = match Roll::parse(roll) {
        Ok(roll) => roll,
        Err(error) => {
            checked.problems.push(error.to_string());
            return checked;
        }
    };
    if let Err(error) = roll.verify(publisher) {
        checked.problems.push(error.to_string());
    }
    let (digest, statement) = (hex(&roll.signed().digest()), roll.statement().clone());
    checked.roll = Some(RollSummary { digest, statement });
    match Accusation::parse(accusation) {
        Ok(accusation) => look_at(accusation, &roll, &mut checked),
        Err(error) => checked.problems.push(error.to_string()),
    }
    checked
}

/// What a checker would find wrong with an accusation first.
pub(super) fn problem(accusation: Accusation, roll: &Roll) -> Option<String> {
    let mut checked = CheckedAccusation::default();
    checked.outcome.alpha = accusation.result.alpha;
    look_at(accusation, roll, &mut checked);
    checked.problems.into_iter().next()
}

fn look_at(accusation: Accusation, roll: &Roll, checked: &mut CheckedAccusation) {
    let alpha = checked.outcome.alpha;
    checked.evidence = Some(accusation.evidence);
    checked.created.clone_from(&accusation.created);
    checked.target.clone_from(&accusation.target);
    checked.stated = accusation.result;
    if Roll::from_file(accusation.roll.clone()).as_ref() != Ok(roll) {
        checked.problems.push("the accusation was made for another roll than this one".into());
        return;
    }
    if accusation.digest != accusation.content_digest() {
        let reason = "the accusation was altered after it was made: its digest is not that of its \
                      content";
        checked.problems.push(reason.into());
    }
    if !is_template(&accusation.template, &roll.statement().predicate.template) {
        checked.problems.push("the accusation's template is not the one on the roll".into());
    }
    let n = roll.statement().predicate.positions.n;
    if !accusation.is_of_blocks(n) {
        let reason = "it does not show whole blocks of 16 positions";
        checked.problems.push(reason.into());
        return;
    }
    if let Err(reason) = is_on_roll(&accusation.licensee, roll) {
        checked.problems.push(reason.into());
        return;
    }
    checked.licensee.clone_from(&accusation.licensee.name);
    checked.copies.clone_from(&accusation.licensee.copies);
    let mut ways =
        accusation.positions.iter().filter_map(|one| Some(one.said.as_ref()?.asked.way()));
    let first = ways.next();
    if ways.any(|way| Some(way) != first) {
        checked.problems.push("its positions were not all asked in the same way".into());
    }
    let first = accusation.first;
    let problems: Vec<Option<String>> = (0..accusation.positions.len())
        .map(|place| position(&accusation, place, roll).err())
        .collect();
    for (place, problem) in problems.iter().enumerate() {
        let says = |why| format!("position {}: {why}", first + place);
        checked.problems.extend(problem.iter().map(says));
    }
    if !is_drawn(&accusation, roll) {
        let reason = "the codeword does not follow from the licensee's salt and the positions: it may \
                      have been chosen to fit";
        checked.problems.push(reason.into());
        return;
    }
    // Of positions that are not what was committed to, nothing follows.
    if problems.iter().all(Option::is_none) {
        conclude(&accusation, roll, alpha, checked);
    }
    let word = bits(&accusation.licensee.codeword).unwrap_or_default();
    checked.positions = accusation
        .positions
        .into_iter()
        .zip(problems)
        .enumerate()
        .map(|(place, (shown, problem))| {
            summary(first + place, shown, word[first + place], problem)
        })
        .collect();
    checked.notes.push(HOLDER.to_owned());
    if accusation.evidence == Kind::Likelihood {
        checked.notes.push(STATED.to_owned());
    }
}

fn conclude(accusation: &Accusation, roll: &Roll, alpha: f64, checked: &mut CheckedAccusation) {
    match accusation.outcome(roll, alpha) {
        Ok(found) => {
            let (result, stated) = (accusation.result, found.at(accusation.result.alpha));
            let close = |a: f64, b: f64| a == b || (a - b).abs() <= TOLERANCE * b.abs().max(1.0);
            let same = Outcome { log10_p: result.log10_p, score: result.score, ..stated } == result
                && close(result.log10_p, stated.log10_p)
                && close(result.score, stated.score);
            if !(same && result.alpha > 0.0 && result.alpha < 1.0) {
                let reason = "result: it is not what follows from the positions";
                checked.problems.push(reason.into());
            }
            let bits = -found.log10_p / 2_f64.log10();
            if found.accused && bits < OUT_OF_REACH {
                checked.notes.push(foreseen(bits));
            }
            checked.outcome = found;
        }
        Err(error) => checked.problems.push(error.to_string()),
    }
}

/// Whether a licensee and their codeword are what the roll committed to.
fn is_on_roll(licensee: &Accused, roll: &Roll) -> Result<(), &'static str> {
    const OTHER: &str = "its licensee and codeword are not what the roll committed to";
    let tree = &roll.statement().predicate.licensees;
    let salt = &unhex(&licensee.salt).ok_or(OTHER)?;
    let codeword = &bits(&licensee.codeword).ok_or(OTHER)?;
    if codeword.len() != roll.statement().predicate.positions.n {
        return Err(OTHER);
    }
    let (name, copies) = (&*licensee.name, &*licensee.copies);
    // Two names that look alike are not one licensee's: names have one spelling.
    if !is_licensee(name)
        || !is_nfc(name)
        || !copies.iter().all(Copy::is_sound)
        || copies.is_empty()
    {
        return Err("its licensee or their copies are none that a keyring records");
    }
    let leaf = Licensee { name, salt, codeword, copies }.leaf(roll.publisher(), roll.positions());
    let path = path(&licensee.proof).ok_or(OTHER)?;
    let fits = merkle::verify(&leaf, licensee.place, tree.n, &path, roll.licensees());
    fits.then_some(()).ok_or(OTHER)
}

/// Whether the codeword at the positions shown is what the coins say: nobody chose it.
fn is_drawn(accusation: &Accusation, roll: &Roll) -> bool {
    let (licensee, first) = (&accusation.licensee, accusation.first);
    let (Some(salt), Some(word)) = (unhex(&licensee.salt), bits(&licensee.codeword)) else {
        return false;
    };
    let coins = coins(&salt, roll.positions(), &licensee.name, word.len());
    let places = word.iter().zip(coins).skip(first).zip(&accusation.positions);
    places.into_iter().all(|((&bit, coin), shown)| bit == (coin < shown.bias))
}

/// Whether a position is what the roll committed to, and was asked as ifrs asks.
fn position(accusation: &Accusation, place: usize, roll: &Roll) -> Result<(), String> {
    let (shown, index) = (&accusation.positions[place], accusation.first + place);
    let salt = &unhex(&shown.salt).ok_or("its salt is not 64 hexadecimal digits")?;
    let path = path(&shown.proof).ok_or("its proof is not made of SHA-256 digests")?;
    let (prompt, responses) = (&*shown.prompt, [&*shown.responses[0], &*shown.responses[1]]);
    let leaf = Position { index, salt, bias: shown.bias, prompt, responses }.leaf(roll.publisher());
    let n = roll.statement().predicate.positions.n;
    if !merkle::verify(&leaf, index, n, &path, roll.positions()) {
        return Err("its key and responses are not what the roll committed to".into());
    }
    if !are_apart(responses) {
        return Err(
            "its responses are not two words each, all of the list and all different".into()
        );
    }
    // Any other bias could also make the exact sum take for ever.
    if !is_bias(roll.statement().predicate.coalition, shown.bias) {
        return Err("its bias is none of the roll's code".into());
    }
    let around = &accusation.template;
    let key = prompt.strip_prefix(&*around.before).and_then(|p| p.strip_suffix(&*around.after));
    let key = key.ok_or("its prompt is not a key in the roll's template")?;
    match (accusation.evidence, &shown.said, &shown.weights) {
        (Kind::Likelihood, None, weights) => {
            let remote = accusation.target.contains_key("base_url");
            let stated = |weights: &super::accusation::Weights| {
                weights.nats.iter().chain(&weights.evidence).all(|number| number.is_finite())
            };
            if remote || !weights.as_ref().is_some_and(stated) {
                return Err("it states no likelihoods of a model at hand".into());
            }
            Ok(())
        }
        (Kind::Text, None, None) => Ok(()),
        (Kind::Text, Some(said), None) => {
            let chat = roll.statement().predicate.template.name == "chat";
            said.asked.check_request(prompt, chat.then_some(key))?;
            said.asked.check_target(&accusation.target)?;
            said.asked.check_answer(&said.answer, true)?;
            if shown.responses.iter().any(|one| said.asked.told(one) >= NAMED) {
                return Err("its request names a response beside the key".into());
            }
            Ok(())
        }
        _ => Err("it holds evidence of another kind than the accusation's".into()),
    }
}

fn path(proof: &[String]) -> Option<Vec<Hash>> {
    proof.iter().map(|hash| unhex(hash)).collect()
}

fn summary(index: usize, shown: Shown, own: bool, problem: Option<String>) -> PositionSummary {
    let read = shown.read();
    let (asked, answer) = shown.said.map(|said| (said.asked, said.answer)).unzip();
    PositionSummary {
        index,
        prompt: shown.prompt,
        responses: shown.responses,
        own: u8::from(own),
        read: match read {
            Read::One(response) => Some(u8::from(response)),
            Read::Nothing | Read::Missing => None,
        },
        missing: read == Read::Missing,
        asked,
        answer,
        nats: shown.weights.map(|weights| weights.nats),
        problem,
    }
}

/// Checks an accusation against a roll, for the fuzzer: never a panic.
pub fn accusation_survives(accusation: &[u8], roll: &[u8]) -> bool {
    check_accusation(accusation, roll, None, 1e-6).problems.is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::roll::tests::issued;
    use super::*;
    use crate::attest::claim::tests::{key, set};
    use crate::fingerprint::codeword::UNIT;
    use crate::fingerprint::{FingerprintSet, ResponseKind};

    const N: usize = 96;
    const NAMES: [&str; 3] = ["ACME", "Bolt", "Cog"];

    /// A set, its roll, and what the copy of a licensee answers at each position.
    fn scene(leaker: &str) -> (FingerprintSet, Roll, Vec<String>) {
        let set = set(N, ResponseKind::OWNED);
        let roll = Roll::sign(&set, 2, &issued(&NAMES), "base", &key()).unwrap();
        let (second, code) = (set.second().unwrap(), set.code(2).unwrap());
        assert!(code.biases.iter().all(|&bias| bias == UNIT / 2));
        let says = |(i, bit): (usize, &bool)| {
            let answer = if *bit { second.response(i) } else { set.response(i) };
            format!(" {answer}.")
        };
        let answers = set.codeword(&code, leaker).iter().enumerate().map(says).collect();
        (set, roll, answers)
    }

    fn exchange(set: &FingerprintSet, position: usize, answer: &str) -> Value {
        let request = json!({"prompt": set.challenge(position).form(), "max_new_tokens": 16, "temperature": 0.0});
        let asked = json!({"time": "2026-01-02T00:00:00Z", "endpoint": "local", "request": request,
            "raw": answer});
        json!({"position": position, "said": {"asked": asked, "answer": answer}})
    }

    fn trace(evidence: &str, exchanges: Vec<Value>) -> Vec<u8> {
        json!({"format": "ifrs/trace/v2", "evidence": evidence, "alpha": 1e-6,
            "target": {"kind": "local", "name": "leak"}, "exchanges": exchanges})
        .to_string()
        .into_bytes()
    }

    fn accuse(
        (set, roll, answers): &(FingerprintSet, Roll, Vec<String>),
        shown: impl IntoIterator<Item = usize>,
        licensee: &str,
    ) -> Vec<u8> {
        let exchanges = shown.into_iter().map(|i| exchange(set, i, &answers[i])).collect();
        let trace = trace("text", exchanges);
        let made =
            Accusation::of_trace(&trace, set, roll, &issued(&NAMES), licensee, None).unwrap();
        made.to_json().unwrap()
    }

    fn file(roll: &Roll) -> Vec<u8> {
        serde_json::to_vec(&roll.signed().to_value()).unwrap()
    }

    #[test]
    fn who_leaked_is_accused_and_nobody_else_is_shown() {
        let scene = scene("Bolt");
        let found = accuse(&scene, 0..48, "Bolt");
        let checked = check_accusation(&found, &file(&scene.1), Some(scene.1.publisher()), 1e-6);
        assert_eq!(checked.problems, Vec::<String>::new());
        let outcome = checked.outcome;
        assert_eq!((outcome.read, outcome.agreeing, outcome.missing), (48, 48, 0));
        assert!(outcome.accused && checked.licensee == "Bolt");
        // 2⁻⁴⁸, three licensees, six blocks.
        let exact = 48.0 * 0.5_f64.log10() + 36.0_f64.log10();
        assert!((outcome.log10_p - exact).abs() < 1e-6);
        let text = String::from_utf8(found).unwrap();
        assert!(!text.contains("ACME") && !text.contains("Cog"));
        for i in 48..N {
            assert!(!text.contains(&*scene.0.key(i)));
        }
        let innocent = accuse(&scene, 0..48, "Cog");
        let checked = check_accusation(&innocent, &file(&scene.1), None, 1e-6);
        assert_eq!(checked.problems, Vec::<String>::new());
        assert!(!checked.outcome.accused && checked.outcome.log10_p > -2.0);
    }

    #[test]
    fn leaving_answers_out_helps_nobody() {
        let scene = scene("Bolt");
        let p = |shown: Vec<usize>| {
            let found = accuse(&scene, shown, "Cog");
            check_accusation(&found, &file(&scene.1), None, 1e-6).outcome
        };
        let code = scene.0.code(2).unwrap();
        let words = ["Bolt", "Cog"].map(|name| scene.0.codeword(&code, name));
        let agreeing: Vec<usize> = (0..N).filter(|&i| words[0][i] == words[1][i]).collect();
        assert!(agreeing.len() > 30);
        let chosen = p(agreeing.clone());
        assert_eq!(chosen.agreeing, agreeing.len());
        let (first, last) = (agreeing[0] / 16 * 16, agreeing.last().unwrap() / 16 * 16 + 16);
        assert_eq!(chosen.missing, last - first - agreeing.len());
        assert!(!chosen.accused);
        // A block that was begun counts whole; who begins later has more ways to choose.
        let begun = p((0..33).collect());
        assert_eq!((begun.looks, begun.missing), (12, 15));
        assert_eq!((p((0..N).collect()).looks, p((40..64).collect()).looks), (12, 36));
    }

    #[test]
    fn whole_blocks_are_shown() {
        let scene = scene("Bolt");
        let found: Value = serde_json::from_slice(&accuse(&scene, 0..48, "Bolt")).unwrap();
        let problems = |first: usize, skipped: usize, shown: usize| {
            let mut changed: Accusation = serde_json::from_value(found.clone()).unwrap();
            changed.first = first;
            changed.positions = changed.positions.into_iter().skip(skipped).take(shown).collect();
            changed.digest = changed.content_digest();
            check_accusation(&changed.to_json().unwrap(), &file(&scene.1), None, 1e-6).problems
        };
        for (first, skipped, shown) in [(0, 0, 47), (1, 1, 47), (16, 0, 48), (0, 0, 0)] {
            assert!(!problems(first, skipped, shown).is_empty(), "{first} {shown}");
        }
        assert!(problems(usize::MAX - 3, 0, 48).len() == 1);
    }

    #[test]
    fn what_says_both_or_nothing_is_not_read() {
        let mut scene = scene("Bolt");
        let second = scene.0.second().unwrap();
        scene.2[0] = format!("{} {}", scene.0.response(0), second.response(0));
        scene.2[1] = "I do not know.".into();
        let found = accuse(&scene, 0..48, "Bolt");
        let outcome = check_accusation(&found, &file(&scene.1), None, 1e-6).outcome;
        assert_eq!((outcome.read, outcome.agreeing, outcome.missing), (46, 46, 0));
    }

    #[test]
    fn of_weights_some_blocks_can_stay_secret() {
        let (set, roll, _) = scene("Bolt");
        let word = set.codeword(&set.code(2).unwrap(), "Bolt");
        let weights = |i: usize| {
            let (mut nats, mut ranks) = ([-20.0, -20.0], [0.2, 0.2]);
            (nats[usize::from(word[i])], ranks[usize::from(word[i])]) = (-0.1, 6.6);
            json!({"position": i, "weights": {"nats": nats, "evidence": ranks}})
        };
        let trace = trace("likelihood", (0..N).map(weights).collect());
        let made = |reveal| {
            let found =
                Accusation::of_trace(&trace, &set, &roll, &issued(&NAMES), "Bolt", reveal).unwrap();
            check_accusation(&found.to_json().unwrap(), &file(&roll), None, 1e-6)
        };
        let whole = made(None);
        assert_eq!(whole.problems, Vec::<String>::new());
        assert_eq!((whole.outcome.looks, whole.outcome.agreeing), (2, N));
        assert!(whole.outcome.accused && whole.notes.iter().any(|note| note == STATED));
        let some = made(Some(33));
        assert_eq!(some.problems, Vec::<String>::new());
        assert_eq!((some.outcome.looks, some.outcome.agreeing), (24, 48));
        assert!(some.outcome.accused && some.positions.len() == 48);
        assert_eq!((made(Some(0)).positions.len(), made(Some(9_999)).positions.len()), (16, N));
    }

    #[test]
    fn accusations_are_made_of_the_same_copies() {
        let scene = scene("Bolt");
        let trace = trace("text", vec![exchange(&scene.0, 0, "x")]);
        let made = |issued: &[(String, Copy)], who: &str| {
            Accusation::of_trace(&trace, &scene.0, &scene.1, issued, who, None).map(|_| ())
        };
        let more = [issued(&NAMES), issued(&["Dot"])].concat();
        assert_eq!(made(&more, "Bolt"), Ok(()));
        assert!(made(&more, "Dot").is_err() && made(&issued(&NAMES[..2]), "Bolt").is_err());
        assert!(made(&issued(&["ACME", "Bolt", "Dot"]), "Bolt").is_err());
        let old = String::from_utf8(trace.clone()).unwrap().replace("trace/v2", "trace/v1");
        let refused =
            Accusation::of_trace(old.as_bytes(), &scene.0, &scene.1, &issued(&NAMES), "Bolt", None);
        assert!(refused.is_err());
    }

    #[test]
    fn who_mends_the_digest_can_alter_only_what_nobody_can_recompute() {
        let scene = scene("Bolt");
        let found: Value = serde_json::from_slice(&accuse(&scene, 0..16, "Bolt")).unwrap();
        let roll = file(&scene.1);
        let pointers = [
            "/licensee/name",
            "/licensee/salt",
            "/licensee/codeword",
            "/licensee/copies/0/at",
            "/licensee/copies/0/digest",
            "/licensee/place",
            "/licensee/proof/0",
            "/positions/3/salt",
            "/positions/3/bias",
            "/positions/3/prompt",
            "/positions/3/responses/0",
            "/positions/3/responses/1",
            "/positions/3/proof/0",
            "/positions/3/said/answer",
            "/positions/3/said/asked/raw",
            "/positions/3/said/asked/endpoint",
            "/positions/3/said/asked/request/prompt",
            "/positions/3/said/asked/request/temperature",
            "/template/after",
            "/evidence",
            "/result/log10_p",
            "/result/score",
            "/result/accused",
            "/result/read",
            "/result/missing",
            "/result/looks",
            "/roll/payload",
        ];
        for pointer in pointers {
            let mut changed = found.clone();
            let value = changed.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}"));
            *value = match value.clone() {
                Value::String(text) if text == "text" => "likelihood".into(),
                Value::String(text) if text.starts_with(['0', '1']) => {
                    let flipped = if text.starts_with('0') { "1" } else { "0" };
                    format!("{flipped}{}", &text[1..]).into()
                }
                Value::String(text) => format!("{text}x").into(),
                Value::Number(number) => (number.as_f64().unwrap() as i64 + 1).into(),
                Value::Bool(said) => (!said).into(),
                other => panic!("{other}"),
            };
            if let Ok(mut accusation) = serde_json::from_value::<Accusation>(changed) {
                accusation.digest = accusation.content_digest();
                let again = accusation.to_json().unwrap();
                let problems = check_accusation(&again, &roll, None, 1e-6).problems;
                assert!(!problems.is_empty(), "{pointer}");
            }
        }
        let mut slipped = found;
        slipped["created"] = "2026-01-03T00:00:00Z".into();
        let slipped = slipped.to_string();
        assert!(!check_accusation(slipped.as_bytes(), &roll, None, 1e-6).problems.is_empty());
    }

    /// What a hostile publisher signs and shows: any positions, each with what a suspect answers, and
    /// one licensee with any codeword. The codeword is the one that follows if none is given.
    fn forged(
        licensee: &str,
        copies: Vec<Copy>,
        positions: &[(String, [&str; 2])],
        codeword: Option<Vec<bool>>,
    ) -> (Vec<u8>, Vec<u8>) {
        use crate::attest::signed::Signed;
        let (set, roll, _) = scene("Bolt");
        let (publisher, salt, n) = (*roll.publisher(), [7; 32], positions.len());
        let (before, after) = set.spec().template.around();
        let prompt = |text: &str| format!("{before}{text}{after}");
        let place = |(index, (text, responses)): (usize, &(String, [&str; 2]))| {
            let (prompt, bias, responses) = (&*prompt(text), UNIT / 2, *responses);
            Position { index, salt: &salt, bias, prompt, responses }.leaf(&publisher)
        };
        let leaves: Vec<Hash> = positions.iter().enumerate().map(place).collect();
        let root = merkle::root(&leaves);
        let codeword = codeword.unwrap_or_else(|| {
            coins(&salt, &root, licensee, n).into_iter().map(|coin| coin < UNIT / 2).collect()
        });
        let leaf = Licensee { name: licensee, salt: &salt, codeword: &codeword, copies: &copies }
            .leaf(&publisher, &root);
        let mut statement = roll.statement().clone();
        statement.predicate.positions.n = n;
        statement.predicate.positions.root = hex(&root);
        statement.predicate.licensees.n = 1;
        statement.predicate.licensees.root = hex(&leaf);
        statement.predicate.copies = 1;
        statement.subject[0].digest.sha256 = hex(&leaf);
        let signed = Signed::sign(&statement, &key());
        let roll = Roll::parse(&serde_json::to_vec(&signed.to_value()).unwrap()).unwrap();
        let shown: Vec<Value> = positions
            .iter()
            .enumerate()
            .map(|(index, (text, responses))| {
                let (prompt, answer) = (prompt(text), responses[0]);
                let request = json!({"prompt": prompt, "max_new_tokens": 16, "temperature": 0.0});
                let asked = json!({"time": "2026-01-02T00:00:00Z", "endpoint": "local",
                    "request": request, "raw": answer});
                let proof = merkle::proof(&leaves, index).unwrap();
                let proof: Vec<String> = proof.iter().map(|hash| hex(hash)).collect();
                json!({"salt": hex(&salt), "bias": UNIT / 2, "prompt": prompt,
                    "responses": responses, "proof": proof,
                    "said": {"asked": asked, "answer": answer}})
            })
            .collect();
        let digits: String = codeword.iter().map(|&bit| if bit { '1' } else { '0' }).collect();
        let mut made: Accusation = serde_json::from_value(json!({
            "format": "ifrs/accusation/v1", "ifrs_version": "0", "created": "2026-01-02T00:00:00Z",
            "roll": roll.signed().to_value(),
            "template": {"before": before, "after": after},
            "target": {"kind": "local", "name": "another"}, "evidence": "text", "first": 0,
            "positions": shown, "digest": "",
            "licensee": {"name": licensee, "salt": hex(&salt), "codeword": digits,
                "copies": copies, "place": 0, "proof": []},
            "result": Outcome::default(),
        }))
        .unwrap();
        made.result = made.outcome(&roll, 1e-6).unwrap();
        made.digest = made.content_digest();
        (made.to_json().unwrap(), file(&roll))
    }

    #[test]
    fn nobody_chooses_a_codeword_that_fits_questions_with_known_answers() {
        let copies = issued(&["ACME"]).into_iter().map(|(_, copy)| copy).collect::<Vec<_>>();
        let known = |responses: [&'static str; 2]| -> Vec<(String, [&str; 2])> {
            (0..64).map(|i| (format!("Say {} {i}", responses[0]), responses)).collect()
        };
        let fair = known(["copper window", "island coast"]);
        let check = |made: &(Vec<u8>, Vec<u8>)| check_accusation(&made.0, &made.1, None, 1e-6);
        let drawn = check(&forged("ACME", copies.clone(), &fair, None));
        assert_eq!(drawn.problems, Vec::<String>::new());
        assert!(!drawn.outcome.accused && drawn.outcome.read == 64);
        let chosen = check(&forged("ACME", copies.clone(), &fair, Some(vec![false; 64])));
        assert!(chosen.problems.iter().any(|why| why.contains("chosen to fit")), "{chosen:?}");
        assert!(!chosen.outcome.accused);
        for responses in [
            ["Tuesday", "Friday"],
            ["e", "island coast"],
            ["copper window", "copper coast"],
            ["copper copper", "island coast"],
            ["copper window", ""],
            ["copper  window", "island coast"],
        ] {
            let found = check(&forged("ACME", copies.clone(), &known(responses), None));
            assert!(
                found.problems.iter().any(|why| why.contains("two words each")),
                "{responses:?}"
            );
        }
        let late = [Copy { at: "never".into(), ..copies[0].clone() }];
        let odd = [Copy { form: "a folder".into(), ..copies[0].clone() }];
        for (name, copies) in [
            ("ACME ", &copies[..]),
            ("", &copies[..]),
            ("AC\nME", &copies[..]),
            ("Cafe\u{301}", &copies[..]),
            ("ACME", &[][..]),
            ("ACME", &late[..]),
            ("ACME", &odd[..]),
        ] {
            let found = check(&forged(name, copies.to_vec(), &fair, None));
            assert!(found.problems.iter().any(|why| why.contains("a keyring records")), "{name:?}");
        }
    }

    #[test]
    fn nothing_is_made_that_no_checker_takes() {
        let (set, roll, answers) = scene("Bolt");
        let made = |alpha: f64, change: &dyn Fn(&mut Value)| {
            let mut one = exchange(&set, 0, &answers[0]);
            change(&mut one);
            let mut told: Value = serde_json::from_slice(&trace("text", vec![one])).unwrap();
            told["alpha"] = alpha.into();
            let told = told.to_string();
            Accusation::of_trace(told.as_bytes(), &set, &roll, &issued(&NAMES), "Bolt", None)
                .map(|_| ())
                .map_err(|error| error.to_string())
        };
        assert_eq!(made(1e-6, &|_| ()), Ok(()));
        for alpha in [0.0, 1.0, 5.0] {
            assert!(made(alpha, &|_| ()).unwrap_err().contains("alpha"));
        }
        let weights = |one: &mut Value| {
            one["said"] = Value::Null;
            one["weights"] = json!({"nats": [0.0, -9.0], "evidence": [6.0, 0.0]});
        };
        assert!(made(1e-6, &weights).unwrap_err().contains("another kind"));
        let warm = |one: &mut Value| one["said"]["asked"]["request"]["temperature"] = 1.0.into();
        assert!(made(1e-6, &warm).unwrap_err().contains("position 0"));
    }

    #[test]
    fn how_many_tries_a_forger_needs_is_told_where_they_are_few() {
        let scene = scene("Bolt");
        let notes = |shown: usize| {
            let found = accuse(&scene, 0..shown, "Bolt");
            let checked = check_accusation(&found, &file(&scene.1), None, 1e-6);
            assert!(checked.outcome.accused);
            checked.notes.join(" ")
        };
        // 48 positions, three licensees, twelve looks.
        assert!(notes(48).contains("tried 2^43 salts"), "{}", notes(48));
        assert!(!notes(96).contains("salts"));
    }

    #[test]
    fn a_level_that_is_none_is_no_result() {
        let scene = scene("Bolt");
        let found: Value = serde_json::from_slice(&accuse(&scene, 0..48, "Bolt")).unwrap();
        for (alpha, fine) in [(0.01, true), (2.0, false), (0.0, false), (-1.0, false)] {
            let mut changed: Accusation = serde_json::from_value(found.clone()).unwrap();
            changed.result = changed.result.at(alpha);
            changed.digest = changed.content_digest();
            let checked =
                check_accusation(&changed.to_json().unwrap(), &file(&scene.1), None, 1e-6);
            assert_eq!(checked.problems.is_empty(), fine, "{alpha}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_nothing_panics(
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let (accusation, roll) = vectors();
            let mut changed = accusation.clone();
            let place = at.index(changed.len());
            changed[place] = byte;
            if changed != *accusation {
                prop_assert!(!accusation_survives(&changed, roll));
            }
        }
    }

    fn vectors() -> &'static (Vec<u8>, Vec<u8>) {
        static MADE: std::sync::OnceLock<(Vec<u8>, Vec<u8>)> = std::sync::OnceLock::new();
        MADE.get_or_init(|| {
            let scene = scene("Bolt");
            // Compact, so that no byte is mere space.
            let found: Value = serde_json::from_slice(&accuse(&scene, 0..8, "Bolt")).unwrap();
            (found.to_string().into_bytes(), file(&scene.1))
        })
    }
}
