//! Which strings of JSON can hold a text that is sought, before they are undone.
//!
//! A text that scores holds one of some pieces of the patterns. A piece is
//! looked for as JSON most often spells it. Of other spellings there are two
//! kinds. A solidus may or may not have a backslash before it: what is looked
//! for lies between those. Any character may be written in hexadecimal digits:
//! where a string has such an escape that a piece could have too, it is let
//! through, but for one spelling of characters beyond ASCII that most programs
//! share: all of a string's, in small digits.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use aho_corasick::packed;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use ifrs_matching::{Options, Texts, pieces};
use memchr::{memchr, memmem};

use super::unescape::{character, unit};

/// Strings after which it is asked whether the sieve holds any back.
const TRIED: usize = 1 << 10;

/// Pieces for which no sieve is made: every string holds one of so many.
const MANY: usize = 1 << 12;

/// Lets through what can hold a text that is sought.
pub(crate) struct Sieve {
    search: Search,
    /// Characters of ASCII in the pieces.
    ascii: u128,
    /// Whether pieces have others.
    foreign: bool,
    seen: AtomicUsize,
    passed: AtomicUsize,
}

enum Search {
    One(memmem::Finder<'static>),
    Few(packed::Searcher),
    Many(Box<AhoCorasick>),
}

impl Search {
    fn new(needles: &[Vec<u8>]) -> Option<Self> {
        if let [needle] = needles {
            return Some(Self::One(memmem::Finder::new(needle).into_owned()));
        }
        let few = packed::Config::new().builder().extend(needles).build();
        few.map(Self::Few).or_else(|| {
            let all = AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(needles);
            all.ok().map(|all| Self::Many(Box::new(all)))
        })
    }

    #[inline]
    fn finds(&self, bytes: &[u8]) -> bool {
        match self {
            Self::One(finder) => finder.find(bytes).is_some(),
            Self::Few(searcher) => searcher.find(bytes).is_some(),
            Self::Many(automaton) => automaton.is_match(bytes),
        }
    }
}

impl Sieve {
    /// A sieve for what scores at least the cutoff of the options against any
    /// of some patterns, given some texts of the kind, which lie in the file as
    /// strings of JSON or as they are; nothing where every text could.
    pub(crate) fn new(
        patterns: &[String],
        options: &Options<'_>,
        sample: &dyn Texts,
        json: bool,
    ) -> Option<Self> {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let pieces = pieces(&patterns, options, sample)?;
        let mut needles: Vec<Vec<u8>> = Vec::new();
        let (mut ascii, mut foreign) = (0, false);
        for piece in pieces {
            if !json {
                needles.push(piece.into());
                continue;
            }
            for c in piece.chars() {
                if c.is_ascii() { ascii |= 1 << (c as u32) } else { foreign = true }
            }
            let between = without_solidus(piece);
            needles.push(spelled(between, false));
            if !between.is_ascii() {
                needles.push(spelled(between, true));
            }
        }
        needles.sort_unstable();
        needles.dedup();
        if needles.len() > MANY {
            return None;
        }
        let (seen, passed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Some(Self { search: Search::new(&needles)?, ascii, foreign, seen, passed })
    }

    /// Whether it holds back enough to be worth its while.
    pub(crate) fn is_worth_it(&self) -> bool {
        let seen = self.seen.load(Ordering::Relaxed);
        seen < TRIED || self.passed.load(Ordering::Relaxed) < seen / 2
    }

    /// Takes note of how many strings of how many passed.
    pub(crate) fn count(&self, passed: usize, seen: usize) {
        self.passed.fetch_add(passed, Ordering::Relaxed);
        self.seen.fetch_add(seen, Ordering::Relaxed);
    }

    /// Whether a string can hold what is sought, given as it lies in the file;
    /// `digits`: whether it has escapes in hexadecimal digits.
    #[inline]
    pub(crate) fn passes(&self, raw: &[u8], digits: bool) -> bool {
        self.search.finds(raw) || digits && self.is_odd(raw)
    }

    /// Whether an escape in hexadecimal digits may spell a part of a piece in
    /// a way that is not looked for, or is half of a surrogate pair, which the
    /// one who undoes the string will find.
    fn is_odd(&self, raw: &[u8]) -> bool {
        if self.foreign && !raw.is_ascii() {
            return true;
        }
        let mut rest = raw;
        while let Some(at) = memchr(b'\\', rest) {
            let Some((escape, behind)) = rest[at..].split_at_checked(2) else { return true };
            rest = behind;
            if escape[1] != b'u' {
                continue;
            }
            let Some((digits, behind)) = rest.split_at_checked(4) else { return true };
            let first = rest;
            rest = behind;
            let odd = match unit(digits) {
                Some(code @ 0..128) => self.ascii >> code & 1 == 1,
                Some(0xD800..0xE000) => {
                    let mut pair = first;
                    let whole = character(&mut pair).is_some();
                    rest = if whole { pair } else { rest };
                    !whole || self.foreign && has_capitals(&first[..10])
                }
                Some(_) => self.foreign && has_capitals(digits),
                None => true,
            };
            if odd {
                return true;
            }
        }
        false
    }
}

/// Whether hexadecimal digits are among some bytes that most programs write in
/// another way.
fn has_capitals(digits: &[u8]) -> bool {
    digits.iter().any(u8::is_ascii_uppercase)
}

/// The longest part of a piece without a solidus; one, of a piece of nothing
/// else.
fn without_solidus(piece: &str) -> &str {
    match piece.split('/').max_by_key(|part| part.len()) {
        Some(part) if !part.is_empty() => part,
        _ => &piece[..1],
    }
}

/// A part of a piece as JSON has it between quotes: characters beyond ASCII as
/// they are, or in digits.
fn spelled(part: &str, digits: bool) -> Vec<u8> {
    let mut spelled = String::new();
    for c in part.chars() {
        let short: Cow<'_, str> = match c {
            '"' => "\\\"".into(),
            '\\' => "\\\\".into(),
            '\n' => "\\n".into(),
            '\r' => "\\r".into(),
            '\t' => "\\t".into(),
            '\u{8}' => "\\b".into(),
            '\u{c}' => "\\f".into(),
            c if c < ' ' || digits && !c.is_ascii() => {
                let mut units = [0; 2];
                let units = c.encode_utf16(&mut units).iter();
                units.map(|unit| format!("\\u{unit:04x}")).collect::<String>().into()
            }
            c => c.to_string().into(),
        };
        spelled.push_str(&short);
    }
    spelled.into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ifrs_matching::{Method, Slice, top_hits_with};
    use proptest::prelude::*;

    use super::super::oracle;
    use super::super::unescape::unescape;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_hit_is_held_back(
            patterns in prop::collection::vec(oracle::pattern(), 1..5),
            string in oracle::string(),
            exact in any::<bool>(),
            cutoff in 0.0_f32..=1.0,
        ) {
            let method = if exact { Method::Exact } else { Method::Partial };
            let options = Options { cutoff, workers: 1, ..Options::new(method) };
            let raw = &string.as_bytes()[1..string.len() - 1];
            let mut text = Vec::new();
            unescape(raw, true, &mut text).unwrap();
            let text = [String::from_utf8(text).unwrap()];
            let Some(sieve) = Sieve::new(&patterns, &options, &Slice(&text), true) else { return Ok(()) };
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let hits = top_hits_with(&Slice(&text), &patterns, &options).unwrap();
            let passes = sieve.passes(raw, string.contains("\\u"));
            prop_assert!(passes || hits.texts.is_empty(), "{} {:?} {}", string, patterns, cutoff);
        }
    }

    #[test]
    fn what_cannot_hold_it_is_held_back() {
        let options = Options { cutoff: 0.8, ..Options::new(Method::Partial) };
        let sieve = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|&p| p.to_owned()).collect();
            Sieve::new(&patterns, &options, &Slice(&["of some text"]), true).unwrap()
        };
        let ascii = sieve(&["copper window"]);
        for raw in ["a \\n b \\\" c", "\\u00e9\\u2019\\u000a", "\\/", "漢\\u00e9", "\\\\u0063"] {
            assert!(!ascii.passes(raw.as_bytes(), raw.contains("\\u")), "{raw}");
        }
        for raw in ["a copper w", "\\u0063", "\\ud83d", "\\ud83d\\u0061"] {
            assert!(ascii.passes(raw.as_bytes(), raw.contains("\\u")), "{raw}");
        }
        let foreign = sieve(&["東京タワー"]);
        for raw in ["\\u6771\\u6771", "東\\n東", "\\n"] {
            assert!(!foreign.passes(raw.as_bytes(), raw.contains("\\u")), "{raw}");
        }
        for raw in ["\\u6771\\u4eac\\u30bf\\u30ef\\u30fc", "東京タワー", "é\\u6771", "\\u4EAC"]
        {
            assert!(foreign.passes(raw.as_bytes(), raw.contains("\\u")), "{raw}");
        }
        let none = Options { cutoff: 0.0, ..options };
        assert!(Sieve::new(&["a".to_owned()], &none, &Slice(&["b"]), true).is_none());
    }
}
