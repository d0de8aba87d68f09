//! Made-up JSON, and a plain way to look a path up, for tests.

use proptest::prelude::*;
use serde_json::Value;

/// JSON of some depth, with escapes of every kind and keys that repeat or hold
/// dots.
pub(crate) fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-1.5e3".to_owned()),
        string(),
        string(),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let space = prop::sample::select(vec!["", " "]);
        let list = prop::collection::vec(inner.clone(), 0..4);
        let members = prop::collection::vec((key(), inner), 0..4);
        prop_oneof![
            (list, space.clone()).prop_map(|(list, space)| {
                format!("[{space}{}{space}]", list.join(&format!("{space},{space}")))
            }),
            (members, space).prop_map(|(members, space)| {
                let members: Vec<String> =
                    members.into_iter().map(|(k, v)| format!("{k}{space}:{space}{v}")).collect();
                format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")))
            }),
        ]
    })
}

/// A key, as JSON.
fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "\"a\"",
        "\"b\"",
        "\"a.b\"",
        "\"0\"",
        "\"\\u0061\"",
        "\"*\"",
        "\"\"",
        "\"b.a\"",
        "\"é\"",
    ])
    .prop_map(str::to_owned)
}

/// A path that may be there.
pub(crate) fn column() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "b", "0", "1", "*", "a.b", "", "é"]);
    prop::collection::vec(part, 1..5).prop_map(|parts| parts.join("."))
}

/// A string, as JSON, in one of the ways in which its characters can be written.
pub(crate) fn string() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "copper",
        "window",
        "c",
        " ",
        "é",
        "漢",
        "🚀",
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "/",
        "\\u0063",
        "\\u00e9",
        "\\u00E9",
        "\\ud83d\\ude80",
        "\\uD83D\\uDE80",
        "\\u006F",
        "\\t",
    ]);
    prop::collection::vec(part, 0..12).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

/// A pattern that may be in such a string.
pub(crate) fn pattern() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "copper", "cop", "window", "c", " ", "é", "漢", "🚀", "\n", "\"", "\\", "/", "\t", "o",
    ]);
    prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat())
}

/// The texts under a path: nothing where there is no such path, or where
/// something there is no text.
pub(crate) fn look_up(value: &Value, path: Option<&str>) -> Option<Vec<String>> {
    let Some(path) = path else {
        return match value {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Null => Some(Vec::new()),
            _ => None,
        };
    };
    let split = |at: usize| (&path[..at], path.get(at + 1..));
    match value {
        Value::Null => Some(Vec::new()),
        Value::Object(map) => {
            let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
            let ends: Vec<usize> = ends.collect();
            let there = ends.iter().rev().filter_map(|&end| {
                let (key, rest) = split(end);
                Some((map.get(key)?, rest))
            });
            let mut there = there.filter(|(value, rest)| is_there(value, *rest));
            there.next().and_then(|(value, rest)| look_up(value, rest))
        }
        Value::Array(list) => {
            let (place, rest) = split(path.find('.').unwrap_or(path.len()));
            if place != "*" {
                return look_up(list.get(place.parse::<usize>().ok()?)?, rest);
            }
            let there: Vec<&Value> = list.iter().filter(|value| is_there(value, rest)).collect();
            if there.is_empty() && !list.is_empty() {
                return None;
            }
            let texts: Option<Vec<_>> = there.iter().map(|value| look_up(value, rest)).collect();
            Some(texts?.concat())
        }
        _ => None,
    }
}

/// Whether a path leads anywhere.
fn is_there(value: &Value, path: Option<&str>) -> bool {
    let Some(path) = path else { return true };
    let split = |at: usize| (&path[..at], path.get(at + 1..));
    match value {
        Value::Null => true,
        Value::Object(map) => {
            let mut ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
            ends.any(|end| map.get(split(end).0).is_some_and(|v| is_there(v, split(end).1)))
        }
        Value::Array(list) => {
            let (place, rest) = split(path.find('.').unwrap_or(path.len()));
            match place {
                "*" => list.is_empty() || list.iter().any(|value| is_there(value, rest)),
                _ => place.parse().is_ok_and(|place: usize| {
                    list.get(place).is_some_and(|value| is_there(value, rest))
                }),
            }
        }
        _ => false,
    }
}
