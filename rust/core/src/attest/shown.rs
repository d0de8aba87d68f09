//! Probabilities that a server shows: of the likeliest tokens where an answer begins.
//!
//! A server names tokens by their text, and shows the likeliest alone. Words are matched to them
//! by their text; words that are not shown tie for the last place, which is valid, since a tie
//! counts against the truth. No word is ever asked for by its name.

use std::collections::HashMap;

use serde_json::Value;

use super::answer::{parsed, read_answer};
use super::ranking::by_scores;
use super::transcript::Protocol;
use crate::fingerprint::Alphabet;
use crate::fingerprint::lists::response_words;
use crate::statistics::ranks::Rank;

/// How some servers write a space at a token's beginning.
const SPACES: [char; 2] = ['\u{2581}', '\u{120}'];

/// Words that must be among the tokens shown for a place to count as one where words are.
const ENOUGH: usize = 32;

/// Characters of a word that its beginning has at least: "a" and "an" are words of their own, with
/// which strangers begin.
const PIECE: usize = 3;

/// Whether the one token that an answer holds speaks of no word, so that silence there is none.
///
/// It is of thoughts, or none at all for want of tokens; it has no letter, and hardly any word is
/// shown beside it, so that the answer begins behind it; or `word`, which a descendant would say,
/// begins with it, as where no word is one token.
///
/// # Errors
///
/// In words, if the raw answer shows no probabilities.
pub fn unheard(raw: &str, protocol: Protocol, word: &str) -> Result<bool, String> {
    let said = read_answer(raw, protocol)?;
    if said.thought || said.text.is_empty() {
        return Ok(said.thought || said.cut);
    }
    if !said.text.chars().any(char::is_alphanumeric) {
        let scores = word_scores(&shown(raw, protocol)?, &["", " "], response_words());
        return Ok(scores.iter().filter(|score| score.is_finite()).count() < ENOUGH);
    }
    let begun = said.text.replace(SPACES, " ");
    let begun = begun.trim();
    Ok(begun != word && begun.chars().count() >= PIECE && word.starts_with(begun))
}

/// The tokens shown for the first place of an answer, with their log-probabilities in nats.
///
/// # Errors
///
/// In words, if the raw answer shows none; nothing of it is quoted.
pub fn shown(raw: &str, protocol: Protocol) -> Result<Vec<(String, f64)>, String> {
    const NONE: &str = "the answer shows no probabilities";
    let read = parsed(raw)?;
    let logprobs = &read["choices"][0]["logprobs"];
    let found = match (&logprobs["content"], protocol) {
        (Value::Array(places), _) => listed(places.first().ok_or(NONE)?),
        // Servers for completions have the one shape or the other.
        (_, Protocol::Completions) => tabled(logprobs),
        _ => Vec::new(),
    };
    if found.is_empty() { Err(NONE.to_owned()) } else { Ok(found) }
}

/// `{"token", "logprob", "top_logprobs": [{"token", "logprob"}, …]}`.
fn listed(place: &Value) -> Vec<(String, f64)> {
    let one =
        |entry: &Value| Some((entry["token"].as_str()?.to_owned(), number(&entry["logprob"])?));
    let likeliest = place["top_logprobs"].as_array().map_or(&[][..], Vec::as_slice);
    likeliest.iter().chain([place]).filter_map(one).collect()
}

/// `{"tokens": […], "token_logprobs": […], "top_logprobs": [{token: logprob, …}]}`.
fn tabled(logprobs: &Value) -> Vec<(String, f64)> {
    let chosen = logprobs["tokens"][0].as_str().zip(number(&logprobs["token_logprobs"][0]));
    let chosen = chosen.map(|(token, value)| (token.to_owned(), value));
    let table = logprobs["top_logprobs"][0].as_object();
    let rest = table.into_iter().flatten();
    let rest = rest.filter_map(|(token, value)| Some((token.clone(), number(value)?)));
    rest.chain(chosen).collect()
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

/// The score of each word by the tokens that are shown: of the token that is the word behind one of
/// these leads, the best if there are several, and the least of all where none is.
///
/// Where no listed word is there at all, the server leaves white space out of its tokens, and what
/// leads does not count. The rule is the same for every word and knows no truth, so ranks by it
/// are valid.
pub fn word_scores(shown: &[(String, f64)], leads: &[&str], words: &[&str]) -> Vec<f32> {
    let (mut whole, mut bare) = (HashMap::new(), HashMap::new());
    for (token, score) in shown {
        let token = token.replace(SPACES, " ");
        keep(&mut bare, token.trim_start().to_owned(), *score);
        keep(&mut whole, token, *score);
    }
    let led = |word: &&str| {
        let forms = leads.iter().filter_map(|lead| whole.get(&format!("{lead}{word}")));
        forms.copied().reduce(f64::max)
    };
    let mut scores: Vec<Option<f64>> = words.iter().map(led).collect();
    if scores.iter().all(Option::is_none) {
        scores = words.iter().map(|word| bare.get(*word).copied()).collect();
    }
    scores.into_iter().map(|score| score.map_or(f32::NEG_INFINITY, |s| s as f32)).collect()
}

/// Ranks words of a response by what raw answers show: the first for the first word, the second,
/// if there is one, for the second. `lead` is what stands before the first word.
///
/// # Errors
///
/// In words, if a raw answer shows no probabilities.
pub fn rank_shown(
    alphabet: &Alphabet,
    places: &[usize],
    raws: &[&str],
    protocol: Protocol,
    lead: &str,
) -> Result<Vec<Rank>, String> {
    // A chat's own template ends where an answer begins, with a space or without.
    let first: &[&str] = if protocol == Protocol::Chat { &["", " "] } else { &[lead] };
    let scores = raws
        .iter()
        .zip([first, &[" "]])
        .map(|(raw, leads)| Ok(word_scores(&shown(raw, protocol)?, leads, response_words())))
        .collect::<Result<Vec<_>, String>>()?;
    by_scores(alphabet, &places[..scores.len()], &scores).map_err(|error| error.to_string())
}

fn keep(best: &mut HashMap<String, f64>, token: String, score: f64) {
    let known = best.entry(token).or_insert(score);
    *known = known.max(score);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chat(entries: Value) -> String {
        let first = json!({"token": " a", "logprob": -0.5, "top_logprobs": entries});
        json!({"choices": [{"logprobs": {"content": [first]}}]}).to_string()
    }

    #[test]
    fn both_shapes_are_read() {
        let raw = chat(json!([{"token": " b", "logprob": -1}, {"token": "c"}, 3]));
        let wanted = vec![(" b".to_owned(), -1.0), (" a".to_owned(), -0.5)];
        assert_eq!(shown(&raw, Protocol::Chat), Ok(wanted.clone()));
        assert_eq!(shown(&raw, Protocol::Completions), Ok(wanted));
        let table = json!({"tokens": [" a"], "token_logprobs": [-0.5],
            "top_logprobs": [{" b": -1.0, " c": null}]});
        let raw = json!({"choices": [{"logprobs": table}]}).to_string();
        let wanted = vec![(" b".to_owned(), -1.0), (" a".to_owned(), -0.5)];
        assert_eq!(shown(&raw, Protocol::Completions), Ok(wanted));
        assert!(shown(&raw, Protocol::Chat).is_err());
    }

    #[test]
    fn a_server_that_shows_nothing_is_told() {
        for logprobs in [json!(null), json!({}), json!({"content": []}), json!({"content": null})] {
            let raw = json!({"choices": [{"logprobs": logprobs}]}).to_string();
            assert!(shown(&raw, Protocol::Chat).is_err());
        }
        assert!(shown("{}", Protocol::Chat).is_err());
        assert!(shown("", Protocol::Completions).is_err());
    }

    #[test]
    fn a_token_that_speaks_of_no_word_is_told() {
        let told = |content: &str, finish: &str, shown: &[&str]| {
            let tokens: Vec<Value> =
                shown.iter().map(|t| json!({"token": t, "logprob": -1})).collect();
            let first = json!({"token": content, "logprob": -0.5, "top_logprobs": tokens});
            let raw = json!({"choices": [{"message": {"content": content},
                "finish_reason": finish, "logprobs": {"content": [first]}}]});
            unheard(&raw.to_string(), Protocol::Chat, "copper").unwrap()
        };
        for (content, finish) in [
            ("", "length"),
            ("<think>", "length"),
            ("\n", "length"),
            ("\u{2581}", "stop"),
            ("\"", "length"),
            ("cop", "length"),
            ("\u{120}copp", "length"),
        ] {
            assert!(told(content, finish, &[" I"]), "{content}");
        }
        for (content, finish) in
            [("", "stop"), ("copper", "length"), (" I", "length"), (" co", "length")]
        {
            assert!(!told(content, finish, &[" I"]), "{content}");
        }
        assert!(!told("\n", "length", &response_words()[..40]), "words were looked at");
    }

    #[test]
    fn words_are_matched_by_their_text() {
        let tokens = [
            (" copper", -1.0),
            ("copper", -0.1),
            ("\u{2581}window", -2.0),
            (" cand", -3.0),
            ("Lamp", -0.3),
            (" lamp", -4.0),
            (" lamp", -3.5),
            ("river", -0.2),
        ];
        let tokens: Vec<_> = tokens.iter().map(|(t, s)| ((*t).to_owned(), *s)).collect();
        let words = ["copper", "window", "candle", "lamp", "river"];
        let least = f32::NEG_INFINITY;
        assert_eq!(word_scores(&tokens, &[" "], &words), [-1.0, -2.0, least, -3.5, least]);
        assert_eq!(word_scores(&tokens, &["", " "], &words), [-0.1, -2.0, least, -3.5, -0.2]);
        let bare = [("copper".to_owned(), -0.5)];
        assert_eq!(word_scores(&bare, &[" "], &words)[0], -0.5, "no token has its space");
    }

    proptest::proptest! {
        #[test]
        fn the_order_of_tokens_does_not_count(
            mut tokens in proptest::collection::vec(("[ ]?[ab]{1,5}", -9.0_f64..0.0), 0..20),
        ) {
            let words = ["aab", "abba", "bbbb", "baa"];
            let found = word_scores(&tokens, &[" "], &words);
            tokens.reverse();
            proptest::prop_assert_eq!(word_scores(&tokens, &[" "], &words), found);
        }
    }
}
