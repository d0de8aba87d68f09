//! Why a row has no text, in words that hold nothing of its texts.

use std::borrow::Cow;

use ifrs_matching::{Method, Options, Slice, best_match_with};
use serde_json::Value;

use super::lookup::Kind;

/// Paths of a row that are compared with the wanted one.
const PATHS: usize = 4096;

/// Characters of a path that are shown.
const SHOWN: usize = 200;

/// Why a row holds no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bad {
    /// It is not valid UTF-8.
    NotUtf8,
    /// It is not valid JSON.
    NotJson,
    /// The list that it would be in is not closed before the file ends.
    CutShort,
    /// It has no such path; the nearest that leads to a text, if any, where it
    /// was looked for.
    Missing(Option<String>),
    /// Something else is there.
    NoText(Kind),
    /// A list of parts, each with a type, is there, as messages have it.
    Parts,
}

impl Bad {
    /// A row without the wanted path, with the nearest one that it has.
    pub(crate) fn missing(row: &[u8], column: Option<&str>) -> Self {
        let value = serde_json::from_slice(row).ok();
        let nearest = value.zip(column).and_then(|(value, column)| nearest(&value, column));
        Self::Missing(nearest)
    }

    /// A row with something that is no text.
    pub(crate) fn no_text(row: &[u8], column: Option<&str>, kind: Kind) -> Self {
        let parts = kind == Kind::List
            && serde_json::from_slice(row).is_ok_and(|row| parts_at(&row, column));
        if parts { Self::Parts } else { Self::NoText(kind) }
    }

    /// What is wrong, in one line, given the wanted path.
    #[must_use]
    pub fn why(&self, column: Option<&str>) -> String {
        let what = match column {
            Some(column) => Cow::Owned(format!("'{}'", shown(column))),
            None => Cow::Borrowed("it"),
        };
        let is = |kind: &str| format!("{what} is {kind}, not a text");
        match self {
            Self::NotUtf8 => "not UTF-8".to_owned(),
            Self::NotJson => "not JSON".to_owned(),
            Self::CutShort => "not JSON: the file ends before its list does".to_owned(),
            Self::Missing(None) => format!("it has no field {what}"),
            Self::Missing(Some(nearest)) => {
                format!("it has no field {what}: the nearest is '{}'", shown(nearest))
            }
            Self::NoText(Kind::Number) => is("a number"),
            Self::NoText(Kind::Bool) => is("true or false"),
            Self::NoText(Kind::Object) => is("an object"),
            Self::NoText(Kind::List) => is("a list"),
            Self::Parts => {
                let parts = column.map_or("*.text".to_owned(), |column| format!("{column}.*.text"));
                format!("{what} is a list of parts: ask for '{}'", shown(&parts))
            }
        }
    }
}

/// A path on one line.
fn shown(path: &str) -> String {
    let plain = path.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c });
    let mut shown: String = plain.take(SHOWN).collect();
    if path.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The path to a text that is nearest to a wanted one; a shorter one of equals.
fn nearest(row: &Value, column: &str) -> Option<String> {
    let mut paths = Vec::new();
    gather(row, String::new(), &mut paths);
    paths.sort_by_key(String::len);
    let patterns: Vec<&str> = paths.iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    let options = Options { workers: 1, ..Options::new(Method::Ratio) };
    let (best, _) = best_match_with(&Slice(&[column]), &patterns, &options).ok()?;
    let best = usize::try_from(*best.first()?).unwrap_or(0);
    patterns.get(best).map(|&path| path.to_owned())
}

/// The paths to all texts of a value.
fn gather(value: &Value, path: String, paths: &mut Vec<String>) {
    let below = |part: &str| match path.as_str() {
        "" => part.to_owned(),
        path => format!("{path}.{part}"),
    };
    match value {
        _ if paths.len() >= PATHS => {}
        Value::String(_) => paths.push(path),
        Value::Object(map) => map.iter().for_each(|(k, value)| gather(value, below(k), paths)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(place, value)| gather(value, below(&place.to_string()), paths)),
        _ => {}
    }
}

/// Whether a list of parts with a type and a text is somewhere under a path.
fn parts_at(value: &Value, path: Option<&str>) -> bool {
    let is_part = |value: &Value| {
        ["type", "text"].iter().all(|key| value.get(key).is_some_and(Value::is_string))
    };
    let Some(path) = path else {
        return value.as_array().is_some_and(|list| list.iter().any(is_part));
    };
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    ends.into_iter().any(|end| {
        let (part, rest) = (&path[..end], path.get(end + 1..));
        match value {
            Value::Object(map) => map.get(part).is_some_and(|value| parts_at(value, rest)),
            Value::Array(list) if part == "*" => list.iter().any(|value| parts_at(value, rest)),
            Value::Array(list) => {
                let place = part.parse().ok().and_then(|place: usize| list.get(place));
                place.is_some_and(|value| parts_at(value, rest))
            }
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &[u8] = br#"{"id": "1", "response": {"text": "secret", "n": 3},
        "choices": [{"message": {"content": [{"type": "text", "text": "secret"}]}}]}"#;

    #[test]
    fn the_nearest_path_is_named_and_no_text() {
        for (column, nearest) in [
            ("respons.text", "response.text"),
            ("response.txt", "response.text"),
            ("choices.1.message.content.0.text", "choices.0.message.content.0.text"),
            ("i", "id"),
        ] {
            let why = Bad::missing(ROW, Some(column)).why(Some(column));
            assert_eq!(why, format!("it has no field '{column}': the nearest is '{nearest}'"));
        }
        let bare = Bad::missing(b"[1, {}]", Some("a\nb")).why(Some("a\nb"));
        assert_eq!(bare, "it has no field 'a\u{FFFD}b'");
    }

    #[test]
    fn parts_have_a_hint() {
        let why = |column| Bad::no_text(ROW, Some(column), Kind::List).why(Some(column));
        assert_eq!(
            why("choices.0.message.content"),
            "'choices.0.message.content' is a list of parts: ask for \
             'choices.0.message.content.*.text'"
        );
        assert_eq!(why("choices"), "'choices' is a list, not a text");
        assert_eq!(Bad::NoText(Kind::Number).why(None), "it is a number, not a text");
    }
}
