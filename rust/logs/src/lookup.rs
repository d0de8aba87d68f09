//! What lies under a dotted path of a JSON value.

use super::unescape::unescape;
use super::walker::{Broken, Span, Walker};

/// What is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A text.
    Text(Span),
    /// The texts of a list.
    Texts(Vec<Span>),
    /// Null, or something under null.
    Null,
    /// No such path.
    Missing,
    /// Something that is no text.
    Other(Kind),
}

/// What is there in place of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// An object.
    Object,
    /// A list.
    List,
}

/// Finds what lies under a path in a JSON value, which is checked to its end;
/// without a path, the value itself. `controls`: whether control characters
/// may be among the bytes.
///
/// A part of the path is a key of an object, a place in a list, or `*` for
/// every place. A key with dots goes before the keys between them, and of
/// equal keys the last one counts.
pub(crate) fn look_up(row: &[u8], path: Option<&str>, controls: bool) -> Result<Found, Broken> {
    let mut walker = Walker::new(row, controls);
    let found = value(&mut walker, path)?;
    walker.end()?;
    Ok(found)
}

fn value(walker: &mut Walker<'_>, path: Option<&str>) -> Result<Found, Broken> {
    match (walker.peek(), path) {
        (b'"', None) => walker.string().map(Found::Text),
        (b'{', Some(path)) => object(walker, path),
        (b'[', Some(path)) => list(walker, path),
        (byte, path) => {
            walker.skip(0)?;
            Ok(match (byte, path) {
                (b'n', _) => Found::Null,
                (_, Some(_)) => Found::Missing,
                (b'{', None) => Found::Other(Kind::Object),
                (b'[', None) => Found::Other(Kind::List),
                (b't' | b'f', None) => Found::Other(Kind::Bool),
                _ => Found::Other(Kind::Number),
            })
        }
    }
}

/// What was found under each key that the path may begin with.
#[derive(Default)]
struct Keys {
    /// Bytes of the path that are the key. There is rarely a second.
    first: Option<(usize, Found)>,
    more: Vec<(usize, Found)>,
}

impl Keys {
    /// The last of equal keys takes the place of the one before.
    fn put(&mut self, key: usize, found: Found) {
        if self.first.as_ref().is_none_or(|(other, _)| *other == key) {
            self.first = Some((key, found));
            return;
        }
        match self.more.iter_mut().find(|(other, _)| *other == key) {
            Some((_, place)) => *place = found,
            None => self.more.push((key, found)),
        }
    }

    /// That of the longest key under which the path goes on.
    fn best(self) -> Found {
        let all = self.first.into_iter().chain(self.more);
        let there = all.filter(|(_, found)| *found != Found::Missing);
        there.max_by_key(|(key, _)| *key).map_or(Found::Missing, |(_, found)| found)
    }
}

fn object(walker: &mut Walker<'_>, path: &str) -> Result<Found, Broken> {
    let mut keys = Keys::default();
    let mut more = walker.open(b'}')?;
    while more {
        let key = walker.key()?;
        match begins_with(path, &walker.bytes[key.at.clone()], key.escaped) {
            Some(length) => {
                let found = value(walker, path.get(length + 1..))?;
                keys.put(length, found);
            }
            None => walker.skip(0)?,
        }
        more = walker.next(b'}')?;
    }
    Ok(keys.best())
}

/// The length of a key that a path begins with.
#[inline]
fn begins_with(path: &str, key: &[u8], escaped: bool) -> Option<usize> {
    if escaped {
        let mut plain = Vec::new();
        unescape(key, true, &mut plain)?;
        return begins_with(path, &plain, false);
    }
    let ends = matches!(path.as_bytes().get(key.len()), None | Some(b'.'));
    (ends && path.as_bytes().starts_with(key)).then_some(key.len())
}

fn list(walker: &mut Walker<'_>, path: &str) -> Result<Found, Broken> {
    let (part, rest) = match path.split_once('.') {
        Some((part, rest)) => (part, Some(rest)),
        None => (path, None),
    };
    if part == "*" {
        return every(walker, rest);
    }
    let wanted = part.parse::<usize>().ok();
    let (mut place, mut found) = (0, Found::Missing);
    let mut more = walker.open(b']')?;
    while more {
        if wanted == Some(place) {
            found = value(walker, rest)?;
        } else {
            walker.skip(0)?;
        }
        place += 1;
        more = walker.next(b']')?;
    }
    Ok(found)
}

/// The texts of all places. Some may lack the path, as pictures among the parts
/// of a message do, but not all.
fn every(walker: &mut Walker<'_>, path: Option<&str>) -> Result<Found, Broken> {
    let (mut texts, mut there, mut other) = (Vec::new(), false, None);
    let mut more = walker.open(b']')?;
    let any = more;
    while more {
        let found = value(walker, path)?;
        there |= found != Found::Missing;
        match found {
            Found::Text(text) => texts.push(text),
            Found::Texts(list) => texts.extend(list),
            Found::Other(kind) => other = other.or(Some(kind)),
            Found::Null | Found::Missing => {}
        }
        more = walker.next(b']')?;
    }
    Ok(match other {
        Some(kind) => Found::Other(kind),
        None if any && !there => Found::Missing,
        None => Found::Texts(texts),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::oracle;
    use super::*;

    /// The texts, undone; nothing where there are none that could be scored.
    fn texts(row: &str, path: Option<&str>) -> Option<Vec<String>> {
        let spans = match look_up(row.as_bytes(), path, true).unwrap() {
            Found::Text(span) => vec![span],
            Found::Texts(spans) => spans,
            Found::Null => Vec::new(),
            Found::Missing | Found::Other(_) => return None,
        };
        let undone = spans.into_iter().map(|span| {
            let (mut text, raw) = (Vec::new(), &row.as_bytes()[span.at]);
            unescape(raw, true, &mut text).unwrap();
            assert_eq!(span.escaped, raw.contains(&b'\\'));
            String::from_utf8(text).unwrap()
        });
        Some(undone.collect())
    }

    proptest! {
        #[test]
        fn paths_lead_where_a_whole_tree_says(
            row in oracle::json(),
            path in prop::option::of(oracle::column()),
        ) {
            let value: Value = serde_json::from_str(&row).unwrap();
            let path = path.as_deref();
            prop_assert_eq!(texts(&row, path), oracle::look_up(&value, path), "{}", row);
        }
    }

    #[test]
    fn paths() {
        let row = r#"{"a": {"b.c": ["x", {"d": "y"}, null]}, "a.b": 1, "n": null, "e": [],
            "p": [{"type": "text", "text": "t"}, {"type": "image"}, {"text": "u"}], "q": [1, "z"]}"#;
        let one = |path| texts(row, Some(path));
        let some = |texts: &[&str]| Some(texts.iter().map(|&text| text.to_owned()).collect());
        assert_eq!(one("a.b.c.0"), some(&["x"]));
        assert_eq!(one("a.b.c.1.d"), some(&["y"]));
        assert_eq!(one("a.b.c.*"), None);
        assert_eq!(one("a.b.c.*.d"), some(&["y"]));
        assert_eq!(one("p.*.text"), some(&["t", "u"]));
        assert_eq!(one("n"), some(&[]));
        assert_eq!(one("n.x.0"), some(&[]));
        assert_eq!(one("e.*.x"), some(&[]));
        for path in ["a.b.c.3", "a.b.x", "q.*", "p.x", "e.0", "x", "", "a.b.c.-1", "p.*.x"] {
            assert_eq!(one(path), None, "{path}");
        }
        assert_eq!(look_up(row.as_bytes(), Some("a.b"), true), Ok(Found::Other(Kind::Number)));
        assert_eq!(texts("\"row\"", None), some(&["row"]));
    }
}
