//! What a raw answer says: the one field that its protocol has for that, and nothing chosen of it.
//!
//! Suspects that think write their thoughts in fields of their own, in parts of the content, or
//! before `</think>`. One rule for all: the answer is the content; where that is empty, it is what
//! was thought. So a descendant that speaks only while it thinks is heard, and whoever makes a
//! bundle chooses nothing.

use serde_json::Value;

use super::transcript::{MAX_ANSWER, Protocol};

/// Fields of a message that hold what was thought, in the order in which they are looked for.
const THOUGHTS: [&str; 3] = ["reasoning_content", "reasoning", "thinking"];

/// Kinds of parts of a content that hold what was thought.
const THINKING_PARTS: [&str; 2] = ["thinking", "reasoning"];

/// What ends thoughts that stand in the answer's own text.
const END_OF_THOUGHT: &str = "</think>";
const START_OF_THOUGHT: &str = "<think>";

/// How servers say that an answer ended for want of tokens.
const CUT: [&str; 4] = ["length", "max_tokens", "MAX_TOKENS", "max_output_tokens"];

/// How they say that a filter or a tool took the answer's place.
const WITHHELD: [&str; 8] = [
    "content_filter",
    "content-filter",
    "safety",
    "SAFETY",
    "RECITATION",
    "tool_calls",
    "tool_use",
    "function_call",
];

/// An answer, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The answer, up to [`MAX_ANSWER`] characters.
    pub text: String,
    /// Whether anything was thought before.
    pub thought: bool,
    /// Whether it ended for want of tokens, or was withheld, before it began.
    pub cut: bool,
}

/// The answer, or the thoughts where there is none.
///
/// # Errors
///
/// In words, if the raw answer is not of the protocol; nothing of it is quoted.
pub fn read_answer(raw: &str, protocol: Protocol) -> Result<Said, String> {
    if protocol == Protocol::Local {
        return Ok(Said { text: beginning(raw), ..Said::default() });
    }
    let read = parsed(raw)?;
    if is_error(&read["choices"][0]) || read["choices"][0]["finish_reason"] == "error" {
        return Err(ERROR.to_owned());
    }
    let whole = written(&read, protocol).ok_or_else(|| not_of(&read, protocol))?;
    let (inside, content) = split_thoughts(&whole);
    let beside = thought_beside(&read, protocol);
    let spoken = !content.trim().is_empty();
    let thoughts = if beside.trim().is_empty() { inside } else { &beside };
    let thought = !thoughts.trim().is_empty();
    let ended = read["choices"][0]["finish_reason"].as_str();
    let unfinished = |reason| CUT.contains(&reason) || WITHHELD.contains(&reason);
    let cut = !spoken && ended.is_some_and(unfinished);
    let text = if spoken || !thought { content } else { thoughts };
    Ok(Said { text: beginning(text), thought, cut })
}

/// What the protocol gives as the answer, up to [`MAX_ANSWER`] characters, thoughts beside it left
/// out: as bundles before v4 have it.
///
/// Chat: the content of the first choice's message, the text parts of it where it is a list, the
/// refusal where it is null. Completions: the first choice's text. Transcriptions: the text.
///
/// # Errors
///
/// In words, if the raw answer is not of the protocol; nothing of it is quoted.
pub fn answer_of(raw: &str, protocol: Protocol) -> Result<String, String> {
    if protocol == Protocol::Local {
        return Ok(beginning(raw));
    }
    let read = parsed(raw)?;
    let whole = written(&read, protocol).ok_or_else(|| not_of(&read, protocol))?;
    Ok(beginning(&whole))
}

/// A raw answer as JSON.
pub(super) fn parsed(raw: &str) -> Result<Value, String> {
    serde_json::from_str(&without_halves(raw)).map_err(|_| "the answer is not JSON".to_owned())
}

/// Gateways answer with status 200 when the server behind them failed.
const ERROR: &str = "the answer is an error message, though its status is success";

fn is_error(read: &Value) -> bool {
    read.get("error").is_some_and(|error| !error.is_null())
}

fn not_of(read: &Value, protocol: Protocol) -> String {
    if is_error(read) {
        return ERROR.to_owned();
    }
    format!("the answer is not of the {} protocol", protocol.name())
}

fn beginning(whole: &str) -> String {
    match whole.char_indices().nth(MAX_ANSWER) {
        Some((end, _)) => whole[..end].to_owned(),
        None => whole.to_owned(),
    }
}

fn written(read: &Value, protocol: Protocol) -> Option<String> {
    if protocol == Protocol::Transcriptions {
        return read.get("text")?.as_str().map(str::to_owned);
    }
    let choice = read.get("choices")?.get(0)?;
    let text = if protocol == Protocol::Completions {
        choice.get("text")?
    } else {
        let message = choice.get("message")?.as_object()?;
        match message.get("content") {
            Some(content) if !content.is_null() => content,
            _ => message.get("refusal").unwrap_or(&Value::Null),
        }
    };
    match text {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) if protocol == Protocol::Chat => parts
            .iter()
            .filter(|part| part.get("type").and_then(Value::as_str) == Some("text"))
            .map(|part| part.get("text").and_then(Value::as_str))
            .collect(),
        _ => None,
    }
}

/// Thoughts within a text, and what follows them. Templates may open the thoughts in the prompt,
/// so that only their end is written.
fn split_thoughts(whole: &str) -> (&str, &str) {
    if let Some(end) = whole.rfind(END_OF_THOUGHT) {
        let thoughts = whole[..end].trim_start();
        let thoughts = thoughts.strip_prefix(START_OF_THOUGHT).unwrap_or(thoughts);
        return (thoughts, &whole[end + END_OF_THOUGHT.len()..]);
    }
    match whole.trim_start().strip_prefix(START_OF_THOUGHT) {
        Some(thoughts) => (thoughts, ""),
        None => ("", whole),
    }
}

/// Thoughts in a field of the message, or in parts of its content.
fn thought_beside(read: &Value, protocol: Protocol) -> String {
    if protocol != Protocol::Chat {
        return String::new();
    }
    let message = &read["choices"][0]["message"];
    let said = THOUGHTS.iter().filter_map(|name| message[name].as_str());
    if let Some(thoughts) = said.into_iter().find(|thoughts| !thoughts.trim().is_empty()) {
        return thoughts.to_owned();
    }
    let kind =
        |part: &Value| part.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let parts = message["content"].as_array().map_or(&[][..], Vec::as_slice);
    let thinking = parts.iter().filter(|part| THINKING_PARTS.contains(&kind(part).as_str()));
    thinking.map(text_of_part).collect()
}

/// The text of a part that thinks: a string, or parts of text again.
fn text_of_part(part: &Value) -> String {
    let held = ["thinking", "reasoning", "text"].iter().find_map(|name| part.get(name));
    match held {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect()
        }
        _ => String::new(),
    }
}

/// JSON can spell half a character (`\ud83d`), which no file can hold: a question mark instead.
fn without_halves(json: &str) -> std::borrow::Cow<'_, str> {
    let bytes = json.as_bytes();
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6).filter(|b| b.starts_with(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    let (mut mended, mut kept, mut at) = (String::new(), 0, 0);
    while at < bytes.len() {
        match (bytes[at], unit(at)) {
            (b'\\', Some(0xd800..=0xdbff)) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => {
                at += 12;
            }
            (b'\\', Some(0xd800..=0xdfff)) => {
                mended.push_str(&json[kept..at]);
                mended.push('?');
                at += 6;
                kept = at;
            }
            (b'\\', _) => at += 2,
            _ => at += 1,
        }
    }
    if kept == 0 {
        return json.into();
    }
    mended.push_str(&json[kept..]);
    mended.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_answer_is_the_whole_of_one_field() {
        let chat = |message: Value| json!({"choices": [{"message": message}]}).to_string();
        let read = |raw: &str| answer_of(raw, Protocol::Chat);
        assert_eq!(read(&chat(json!({"content": "a b"}))).unwrap(), "a b");
        assert_eq!(read(&chat(json!({"content": null, "refusal": "no"}))).unwrap(), "no");
        assert_eq!(read(&chat(json!({"refusal": null}))).unwrap(), "");
        let parts = json!({"content": [{"type": "text", "text": "a"}, {"type": "x"},
            {"type": "text", "text": "b"}]});
        assert_eq!(read(&chat(parts)).unwrap(), "ab");
        for wrong in ["", "{}", "[]", r#"{"choices":[]}"#, r#"{"choices":[{"message":3}]}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read(&chat(json!({"content": 3}))).is_err());
        let completion = r#"{"choices":[{"text":"half \ud83d, whole \ud83d\ude00, \\ud83d"}]}"#;
        let read = answer_of(completion, Protocol::Completions).unwrap();
        assert_eq!(read, "half ?, whole 😀, \\ud83d");
        let long = "é".repeat(MAX_ANSWER + 5);
        assert_eq!(answer_of(&long, Protocol::Local).unwrap(), "é".repeat(MAX_ANSWER));
    }

    fn said(message: Value, finish: &str) -> Said {
        let raw = json!({"choices": [{"message": message, "finish_reason": finish}]}).to_string();
        read_answer(&raw, Protocol::Chat).unwrap()
    }

    #[test]
    fn thoughts_are_heard_where_nothing_is_said() {
        let thinking = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]);
        let both = json!([{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "yes"}]);
        let cases = [
            (json!({"content": "yes", "reasoning_content": "hm"}), "yes"),
            (json!({"content": null, "reasoning_content": "hm"}), "hm"),
            (json!({"content": "\n", "reasoning_content": "", "reasoning": "hm"}), "hm"),
            (json!({"content": "<think>hm</think>\n\nyes"}), "\n\nyes"),
            (json!({"content": "hm</think>yes"}), "yes"),
            (json!({"content": "<think>hm</think> "}), "hm"),
            (json!({"content": " <think>hm"}), "hm"),
            (json!({"content": thinking}), "hm"),
            (json!({"content": both}), "yes"),
        ];
        for (message, wanted) in cases {
            let found = said(message.clone(), "stop");
            assert_eq!(
                (&*found.text, found.thought, found.cut),
                (wanted, true, false),
                "{message}"
            );
        }
        assert!(!said(json!({"content": "a < think > b"}), "stop").thought);
    }

    #[test]
    fn an_answer_that_never_began_is_cut() {
        assert!(said(json!({"content": null, "reasoning": "hm"}), "length").cut);
        assert!(said(json!({"content": ""}), "length").cut, "thoughts may be hidden");
        assert!(said(json!({"content": "<think>hm"}), "max_tokens").cut);
        assert!(!said(json!({"content": "yes", "reasoning": "hm"}), "length").cut);
        assert!(!said(json!({"content": "", "reasoning": "hm"}), "stop").cut);
        assert!(said(json!({"content": null}), "content_filter").cut);
        assert!(said(json!({"content": null, "tool_calls": [{}]}), "tool_calls").cut);
        assert!(!said(json!({"content": "yes"}), "content_filter").cut);
    }

    #[test]
    fn completions_think_in_their_text() {
        let raw = json!({"choices": [{"text": "hm</think> yes", "finish_reason": "stop"}]});
        let found = read_answer(&raw.to_string(), Protocol::Completions).unwrap();
        assert_eq!(found, Said { text: " yes".into(), thought: true, cut: false });
        let local = read_answer("<think>hm", Protocol::Local).unwrap();
        assert_eq!(local, Said { text: "<think>hm".into(), thought: false, cut: false });
    }

    #[test]
    fn an_error_within_a_success_is_named() {
        let raw = r#"{"error": {"message": "secret"}}"#;
        let said = read_answer(raw, Protocol::Chat).unwrap_err();
        assert!(said.contains("error message") && !said.contains("secret"));
        let failed = r#"{"choices": [{"message": {"content": ""}, "finish_reason": "error"}]}"#;
        assert!(read_answer(failed, Protocol::Chat).unwrap_err().contains("error message"));
    }

    proptest::proptest! {
        #[test]
        fn halves_are_mended_as_python_does(
            pieces in proptest::collection::vec(0_usize..7, 0..8),
        ) {
            let spelled = ["\\ud83d", "\\ude00", "\\\\", "x", "\\n", "\\u0041", "\u{e9}"];
            let json: String = pieces.iter().map(|&piece| spelled[piece]).collect();
            let json = format!("\"{json}\"");
            let read: Result<String, _> = serde_json::from_str(&without_halves(&json));
            proptest::prop_assert!(read.is_ok(), "{}", json);
        }
    }
}
