//! What was asked, and what came back: only what ifrs itself asks, and nothing chosen of an answer.
//!
//! Whoever may shape the request can tell the suspect what to answer, and whoever may choose a
//! part of an answer can find anything in a long one. So a request has one of four shapes, holds
//! the key in one place and else only a few plain parameters; an answer is all that the protocol
//! gives, up to a length that does not depend on what it says.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Said, answer_of, read_answer};
use super::json;
use crate::fingerprint::challenge::TEXT;
use crate::fingerprint::media::{pair, wav};
use ifrs_matching::{Method, plain, score_one};

/// What is kept of an answer, in characters: its beginning.
pub const MAX_ANSWER: usize = 16_384;

/// The longest raw answer that is kept whole, in characters.
pub const MAX_RAW: usize = 1 << 20;

/// The longest name of a model at its server, and the longest address.
const MAX_NAME: usize = 512;

/// How much of a response may be found in a request before it counts as named there.
pub(super) const NAMED: f32 = 0.8;

/// From this on an answer that holds no more of a response than its request proves nothing in a
/// bundle of the first format. Later ones need no such limit: pieces of less than half a response,
/// in a name that a suspect says, put ten keys among the best tenth of their decoys.
pub(super) const SLIPPED: f32 = 0.5;

/// What servers are told that are to continue an answer.
const CONTINUED: [(&str, bool); 2] =
    [("continue_final_message", true), ("add_generation_prompt", false)];

/// How much a suspect may be told to think.
const EFFORTS: [&str; 5] = ["none", "minimal", "low", "medium", "high"];

/// How a key was asked under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    pub(super) time: String,
    pub(super) endpoint: String,
    #[serde(deserialize_with = "json::object")]
    pub(super) request: Map<String, Value>,
    /// The answer as it came.
    pub(super) raw: String,
    /// Length and digest of a raw answer that was too long to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) raw_cut: Option<Cut>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

/// What is known of a raw answer that was too long to keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    characters: usize,
    sha256: String,
}

/// The protocols that ifrs speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A model at hand: the prompt as it is, and what it wrote.
    Local,
    /// OpenAI's completions: the prompt as it is.
    Completions,
    /// OpenAI's chat: one message of the user; the server adds a template of its own. A pair is
    /// sent as its two parts.
    Chat,
    /// OpenAI's transcriptions: a sound, and the text that was heard.
    Transcriptions,
}

impl Protocol {
    /// Its name in a suspect's description.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "completions" => Some(Self::Completions),
            "chat" => Some(Self::Chat),
            "transcriptions" => Some(Self::Transcriptions),
            _ => None,
        }
    }

    pub(super) fn of(request: &Map<String, Value>) -> Self {
        if request.contains_key("messages") {
            Self::Chat
        } else if request.contains_key("file") {
            Self::Transcriptions
        } else if request.contains_key("model") {
            Self::Completions
        } else {
            Self::Local
        }
    }

    /// Where requests go, below a server's address.
    fn path(self) -> Option<&'static str> {
        match self {
            Self::Local => None,
            Self::Completions => Some("/completions"),
            Self::Chat => Some("/chat/completions"),
            Self::Transcriptions => Some("/audio/transcriptions"),
        }
    }

    pub(super) fn slot(self) -> &'static str {
        match self {
            Self::Local | Self::Completions => "prompt",
            Self::Chat => "messages",
            Self::Transcriptions => "file",
        }
    }

    /// Its name where it is a server's.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Completions => "completions",
            Self::Chat => "chat",
            Self::Transcriptions => "transcriptions",
        }
    }

    /// Whether keys of a medium can be sent by it; a model at hand takes any.
    pub(super) fn carries(self, media: &str) -> bool {
        match self {
            Self::Local => true,
            Self::Completions => media == TEXT,
            Self::Chat => [TEXT, pair::MEDIA].contains(&media),
            Self::Transcriptions => media == wav::MEDIA,
        }
    }
}

impl Asked {
    pub(super) fn protocol(&self) -> Protocol {
        Protocol::of(&self.request)
    }

    /// Everything but the key: alike for all keys of a bundle.
    pub(super) fn way(&self) -> (&str, Map<String, Value>) {
        let mut parameters = self.request.clone();
        parameters.remove(self.protocol().slot());
        (&self.endpoint, parameters)
    }

    /// Whether the request is one that ifrs makes for this key: `prompt` is the key in its
    /// template, `own` the key alone where the server adds the template.
    pub(super) fn check_request(&self, prompt: &str, own: Option<&str>) -> Result<(), String> {
        let protocol = self.protocol();
        let asked = match protocol {
            Protocol::Chat => said_by_the_user(&self.request)?,
            _ => self.request.get(protocol.slot()).and_then(Value::as_str),
        };
        let wanted = if protocol == Protocol::Chat { own.unwrap_or(prompt) } else { prompt };
        if asked != Some(wanted) {
            return Err("its request does not hold its key, and its key alone".into());
        }
        self.check_rest(&self.request)
    }

    /// Whether the request is that of `first`, with the true first word as the beginning of the
    /// answer: `lead` is what stands before the word in a completion.
    pub(super) fn check_continuation(
        &self,
        first: &Self,
        lead: &str,
        word: &str,
    ) -> Result<(), String> {
        const OTHER: &str = "its second request is not its first with the first word begun";
        let protocol = self.protocol();
        let slot = |asked: &Self| asked.request.get(protocol.slot()).cloned();
        let continued = match (protocol, slot(first)) {
            (Protocol::Completions, Some(Value::String(prompt))) => {
                Value::String(format!("{prompt}{lead}{word}"))
            }
            (Protocol::Chat, Some(Value::Array(mut messages))) => {
                messages.push(json!({"role": "assistant", "content": word}));
                Value::Array(messages)
            }
            _ => return Err(OTHER.into()),
        };
        let mut parameters = self.request.clone();
        parameters.remove(protocol.slot());
        if protocol == Protocol::Chat {
            for (name, wanted) in CONTINUED {
                let given = parameters.remove(name);
                if given.is_some_and(|given| given != Value::Bool(wanted)) {
                    return Err(OTHER.into());
                }
            }
        }
        let same = first.way() == (&*self.endpoint, parameters) && slot(self) == Some(continued);
        if !same {
            return Err(OTHER.into());
        }
        self.check_when()
    }

    fn check_rest(&self, request: &Map<String, Value>) -> Result<(), String> {
        let protocol = self.protocol();
        for (name, value) in request.iter().filter(|(name, _)| *name != protocol.slot()) {
            check_parameter(name, value)?;
        }
        if !self.request.contains_key("temperature") {
            return Err("its request does not say temperature 0".into());
        }
        if (self.endpoint == "local") != (protocol == Protocol::Local) {
            return Err("its request is not of the protocol that its endpoint speaks".into());
        }
        if protocol != Protocol::Local && !is_address(&self.endpoint) {
            return Err("its endpoint is not an address that ifrs asks at".into());
        }
        self.check_when()
    }

    fn check_when(&self) -> Result<(), String> {
        if humantime::parse_rfc3339(&self.time).is_err() {
            return Err("it does not say when it was asked".into());
        }
        Ok(())
    }

    /// Whether it was asked at a temperature above 0, as the first bundles may have it.
    pub(super) fn is_warm(&self) -> bool {
        let temperature = self.request.get("temperature").and_then(Value::as_f64);
        temperature.is_some_and(|degree| degree > 0.0)
    }

    /// The same at temperature 0.
    pub(super) fn cooled(&self) -> Self {
        let mut cooled = self.clone();
        cooled.request.insert("temperature".to_owned(), 0.into());
        cooled
    }

    /// Whether the suspect is the one that was asked.
    pub(super) fn check_target(&self, target: &Map<String, Value>) -> Result<(), String> {
        let said = |name: &str| target.get(name).and_then(Value::as_str);
        let same = match self.protocol().path() {
            None => said("base_url").is_none(),
            Some(path) => {
                said("base_url").is_some_and(|address| format!("{address}{path}") == self.endpoint)
                    && said("name") == self.request.get("model").and_then(Value::as_str)
            }
        };
        same.then_some(()).ok_or("it was asked of another suspect than the bundle is about".into())
    }

    /// How much of a response stands beside the key, where a suspect could read it off: in the
    /// model's name and the address, as they are or spelled out with marks between the letters.
    pub(super) fn told(&self, response: &str) -> f32 {
        let (beside, response) = (plain(&self.beside()), plain(response));
        let found =
            |text: &str, wanted: &str| score_one(text, wanted, Method::Partial).unwrap_or(1.0);
        let joined = |text: &str| text.replace(' ', "");
        found(&beside, &response).max(found(&joined(&beside), &joined(&response)))
    }

    /// What stands beside the key: the model's name and the address.
    pub(super) fn beside(&self) -> String {
        let model = self.request.get("model").and_then(Value::as_str).unwrap_or_default();
        format!("{model} {}", self.endpoint)
    }

    /// Whether the answer had room for a response of so many tokens.
    pub(super) fn has_room(&self, needed: u64) -> bool {
        let limits = ["max_tokens", "max_completion_tokens", "max_new_tokens"];
        let given = limits.iter().filter_map(|name| self.request.get(*name)?.as_u64());
        given.min().is_none_or(|least| least >= needed)
    }

    /// What the raw answer says, which is the answer; `None` where the raw one was not kept.
    /// `thinks` says that thoughts are read, as bundles before v4 do not.
    pub(super) fn check_answer(&self, answer: &str, thinks: bool) -> Result<Option<Said>, String> {
        let said = self.said(thinks)?;
        if said.as_ref().is_some_and(|said| said.text != answer) {
            return Err("its answer is not the whole of what its raw answer holds".into());
        }
        Ok(said)
    }

    /// Whether this answer, read without thoughts, is all there is to hear: it began, and nothing
    /// else is heard with them. Else its silence says nothing.
    pub(super) fn is_all(&self, answer: &str) -> bool {
        let heard = self.said(true);
        heard.is_ok_and(|said| said.is_none_or(|said| !said.cut && said.text == answer))
    }

    /// What the raw answer says; `None` where it was not kept.
    pub(super) fn said(&self, thinks: bool) -> Result<Option<Said>, String> {
        if self.raw_cut.is_some() {
            return Ok(None);
        }
        if self.raw.chars().nth(MAX_RAW).is_some() {
            return Err("its raw answer is longer than what is kept of one".into());
        }
        if thinks {
            return read_answer(&self.raw, self.protocol()).map(Some);
        }
        let text = answer_of(&self.raw, self.protocol())?;
        Ok(Some(Said { text, ..Said::default() }))
    }
}

/// Whether this is an address as ifrs writes it: without credentials, query and fragment, and with
/// no character that is written as another.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]".contains(c);
    text.len() <= MAX_NAME && rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain))
}

/// The content of the one message, which is the user's.
fn said_by_the_user(request: &Map<String, Value>) -> Result<Option<&str>, String> {
    let messages = request.get("messages").and_then(Value::as_array);
    let [Value::Object(message)] = messages.map_or(&[][..], Vec::as_slice) else {
        return Err("its request holds other messages beside its key".into());
    };
    if message.len() != 2 || message.get("role").and_then(Value::as_str) != Some("user") {
        return Err("its request's message is not the user's, or holds more than its key".into());
    }
    Ok(message.get("content").and_then(Value::as_str))
}

/// Whether these arguments of a chat template do nothing but switch thinking off.
fn switches_thinking_off(arguments: &Map<String, Value>) -> bool {
    let off = |(name, value): (&String, &Value)| {
        ["enable_thinking", "thinking"].contains(&name.as_str()) && *value == Value::Bool(false)
    };
    arguments.iter().all(off)
}

/// Whether this is the code of a language, of two letters: too short for a word of a response.
fn is_language(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_lowercase())
}

/// Whether a field beside the key can favour no answer.
fn check_parameter(name: &str, value: &Value) -> Result<(), String> {
    let fine = match name {
        "model" => value.as_str().is_some_and(|text| text.chars().count() <= MAX_NAME),
        "max_tokens" | "max_completion_tokens" | "max_new_tokens" => {
            value.as_u64().is_some_and(|count| count >= 1)
        }
        "temperature" => value.as_f64() == Some(0.0),
        "top_p" => value.as_f64().is_some_and(|share| share > 0.0 && share <= 1.0),
        "seed" => value.is_i64() || value.is_u64(),
        "logprobs" => value.is_boolean() || value.is_u64(),
        "top_logprobs" => value.is_u64(),
        "n" => value.as_u64() == Some(1),
        "stream" | "think" => value.as_bool() == Some(false),
        "response_format" => value == "json",
        "language" => value.as_str().is_some_and(is_language),
        "reasoning_effort" => value.as_str().is_some_and(|effort| EFFORTS.contains(&effort)),
        "chat_template_kwargs" => value.as_object().is_some_and(switches_thinking_off),
        _ => {
            return Err(format!(
                "its request has a field that may favour an answer ({})",
                name.escape_debug().take(40).collect::<String>()
            ));
        }
    };
    let shown: String = name.to_owned();
    if fine { Ok(()) } else { Err(format!("its request's {shown} is not one that ifrs sends")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(endpoint: &str, request: Value, raw: &str) -> Asked {
        serde_json::from_value(json!({
            "time": "2026-01-02T03:04:05Z", "endpoint": endpoint, "request": request, "raw": raw,
        }))
        .unwrap()
    }

    fn chat(change: impl Fn(&mut Value)) -> Asked {
        let mut request = json!({
            "model": "m", "messages": [{"role": "user", "content": "p"}],
            "max_tokens": 48, "temperature": 0.0,
        });
        change(&mut request);
        asked("http://host/v1/chat/completions", request, "")
    }

    #[test]
    fn what_ifrs_sends_is_taken() {
        assert_eq!(chat(|_| ()).check_request("p", None), Ok(()));
        assert_eq!(chat(|_| ()).check_request("before p after", Some("p")), Ok(()));
        let more = |request: &mut Value| {
            request["seed"] = 3.into();
            request["logprobs"] = true.into();
            request["top_logprobs"] = 20.into();
            request["temperature"] = 0.into();
        };
        assert_eq!(chat(more).check_request("p", None), Ok(()));
        let local = json!({"prompt": "p", "max_new_tokens": 16, "temperature": 0.0});
        assert_eq!(asked("local", local.clone(), "").check_request("p", Some("q")), Ok(()));
        assert!(asked("http://host/v1", local, "").check_request("p", None).is_err());
        let completions = json!({"model": "m", "prompt": "p", "max_tokens": 9, "temperature": 0});
        let completions = asked("http://host/v1/completions", completions, "");
        assert_eq!(completions.check_request("p", None), Ok(()));
        let target = json!({"kind": "api", "name": "m", "base_url": "http://host/v1"});
        assert_eq!(completions.check_target(target.as_object().unwrap()), Ok(()));
        let other = json!({"kind": "api", "name": "m", "base_url": "http://other/v1"});
        assert!(completions.check_target(other.as_object().unwrap()).is_err());
    }

    #[test]
    fn what_carries_or_favours_an_answer_is_refused() {
        type Change = fn(&mut Value);
        let changes: [Change; 14] = [
            |r| r["messages"] = json!([{"role": "system", "content": "copper"}, r["messages"][0]]),
            |r| r["messages"][0]["role"] = "system".into(),
            |r| r["messages"][0]["name"] = "copper".into(),
            |r| r["messages"][0]["content"] = "p copper".into(),
            |r| r["messages"] = json!([]),
            |r| r["prompt"] = "copper".into(),
            |r| r["logit_bias"] = json!({"5": 100}),
            |r| r["stop"] = json!(["x"]),
            |r| r["user"] = "copper".into(),
            |r| r["temperature"] = 0.7.into(),
            |r| drop(r.as_object_mut().unwrap().remove("temperature")),
            |r| r["n"] = 2.into(),
            |r| r["max_tokens"] = json!([1]),
            |r| r["model"] = "x".repeat(600).into(),
        ];
        for (place, change) in changes.into_iter().enumerate() {
            assert!(chat(change).check_request("p", None).is_err(), "{place}");
        }
    }

    #[test]
    fn a_name_that_tells_the_answer_is_noticed() {
        let told = |model: &str| {
            let asked = chat(|r| r["model"] = model.into());
            asked.told("copper window")
        };
        assert!(told("copper-window") >= NAMED);
        assert!(told("c-o-p-p-e-r-w-i-n-d-o-w") >= NAMED);
        assert!(told("window-7b") < NAMED);
        // Less than that counts for nothing where the answer holds no more.
        assert!(told("cooper-wind-7b") > told("window-7b"));
        let mut asked = chat(|_| ());
        asked.endpoint = "http://host/copperwindow/v1".into();
        assert!(asked.told("copper window") >= NAMED);
    }

    #[test]
    fn an_address_is_one_that_ifrs_writes() {
        for good in ["http://[::1]:8000/v1/completions", "https://a-b.example/x_y/~z/v1"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("http://host/{}", "x".repeat(MAX_NAME));
        for bad in [
            "",
            "local",
            "http://",
            "ftp://host",
            "http://u:p@host",
            "http://host/v1?say=copper",
            "http://host/v1#copper",
            "http://host/%63opper",
            "http://host/a b",
            "http://host/\u{e9}",
            &long,
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn silence_needs_room() {
        assert!(chat(|_| ()).has_room(8));
        assert!(chat(|r| drop(r.as_object_mut().unwrap().remove("max_tokens"))).has_room(8));
        assert!(!chat(|r| r["max_tokens"] = 1.into()).has_room(8));
        assert!(chat(|r| r["max_tokens"] = 1.into()).has_room(1));
        assert!(!chat(|r| r["max_completion_tokens"] = 2.into()).has_room(8));
    }
}
