//! One pass over a JSON value, which allocates nothing.
//!
//! All of JSON's grammar is checked, and the strings that are passed are left
//! where they lie. `NaN`, `Infinity` and `-Infinity` are numbers, as Python
//! writes them.

use std::ops::Range;

use memchr::memchr2;

/// How deep values may lie in each other; Python's reader gives up near this.
const DEPTH: usize = 1000;

/// Pairs of words of eight bytes that are looked at before a search is called:
/// most strings are keys.
const PAIRS: usize = 2;

/// The value is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// A string's bytes between its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) at: Range<usize>,
    /// Whether it has escapes.
    pub(crate) escaped: bool,
    /// Whether there are some in hexadecimal digits.
    pub(crate) digits: bool,
}

/// A place in a JSON value.
pub(crate) struct Walker<'a> {
    pub(crate) bytes: &'a [u8],
    at: usize,
    /// Whether strings are searched for control characters, which must be
    /// escaped.
    controls: bool,
}

impl<'a> Walker<'a> {
    /// The start of a value. `controls` may be false where the bytes are known
    /// to have no control character.
    pub(crate) fn new(bytes: &'a [u8], controls: bool) -> Self {
        Self { bytes, at: 0, controls }
    }

    /// The next byte that is no space; 0 at the end.
    #[inline]
    pub(crate) fn peek(&mut self) -> u8 {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(&byte) => return byte,
                None => return 0,
            }
        }
    }

    /// Steps over one byte that must come next.
    #[inline]
    fn take(&mut self, byte: u8) -> Result<(), Broken> {
        if self.peek() != byte {
            return Err(Broken);
        }
        self.at += 1;
        Ok(())
    }

    /// Nothing but spaces is left.
    pub(crate) fn end(&mut self) -> Result<(), Broken> {
        self.peek();
        if self.at == self.bytes.len() { Ok(()) } else { Err(Broken) }
    }

    /// Steps into an object or a list; whether anything is in it.
    #[inline]
    pub(crate) fn open(&mut self, close: u8) -> Result<bool, Broken> {
        self.at += 1;
        if self.peek() != close {
            return Ok(true);
        }
        self.at += 1;
        Ok(false)
    }

    /// Steps over what stands behind a member; whether another one follows.
    #[inline]
    pub(crate) fn next(&mut self, close: u8) -> Result<bool, Broken> {
        let byte = self.peek();
        self.at += 1;
        match byte {
            b',' => Ok(true),
            _ if byte == close => Ok(false),
            _ => Err(Broken),
        }
    }

    /// A key, up to and with its colon.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Span, Broken> {
        let key = self.string()?;
        self.take(b':')?;
        Ok(key)
    }

    /// A string.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Span, Broken> {
        self.take(b'"')?;
        let start = self.at;
        let (mut escaped, mut digits) = (false, false);
        loop {
            self.at = quote_or_backslash(self.bytes, self.at).ok_or(Broken)?;
            if self.bytes[self.at] == b'"' {
                break;
            }
            escaped = true;
            digits |= self.escape()?;
        }
        let at = start..self.at;
        self.at += 1;
        if self.controls && self.bytes[at.clone()].iter().any(|&byte| byte < b' ') {
            return Err(Broken);
        }
        Ok(Span { at, escaped, digits })
    }

    /// Steps over a backslash and what belongs to it; whether it is digits.
    #[inline]
    fn escape(&mut self) -> Result<bool, Broken> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(false)
            }
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6).ok_or(Broken)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Broken);
                }
                self.at += 6;
                Ok(true)
            }
            _ => Err(Broken),
        }
    }

    /// Steps over any value.
    pub(crate) fn skip(&mut self, depth: usize) -> Result<(), Broken> {
        if depth == DEPTH {
            return Err(Broken);
        }
        match self.peek() {
            b'"' => self.string().map(drop),
            b'{' => {
                let mut more = self.open(b'}')?;
                while more {
                    self.key()?;
                    self.skip(depth + 1)?;
                    more = self.next(b'}')?;
                }
                Ok(())
            }
            b'[' => {
                let mut more = self.open(b']')?;
                while more {
                    self.skip(depth + 1)?;
                    more = self.next(b']')?;
                }
                Ok(())
            }
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'N' => self.word(b"NaN"),
            b'I' => self.word(b"Infinity"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(Broken),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), Broken> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(Broken);
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Broken> {
        if self.bytes[self.at] == b'-' {
            self.at += 1;
            if self.bytes.get(self.at) == Some(&b'I') {
                return self.word(b"Infinity");
            }
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), Broken> {
        let rest = &self.bytes[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(Broken) } else { Ok(()) }
    }
}

/// Where the next quote or backslash is.
#[inline(always)]
fn quote_or_backslash(bytes: &[u8], mut at: usize) -> Option<usize> {
    for _ in 0..PAIRS {
        let Some(pair) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) else { break };
        let [first, second] =
            [word(pair, 0), word(pair, 8)].map(|word| has(word, b'"') | has(word, b'\\'));
        if first | second != 0 {
            let (found, from) = if first != 0 { (first, 0) } else { (second, 8) };
            return Some(at + from + found.trailing_zeros() as usize / 8);
        }
        at += 16;
    }
    memchr2(b'"', b'\\', bytes.get(at..)?).map(|found| at + found)
}

#[inline(always)]
fn word(pair: &[u8; 16], from: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&pair[from..from + 8]);
    u64::from_le_bytes(word)
}

/// The high bit of each byte that is the wanted one; bytes above the first may
/// be marked in error.
#[inline(always)]
fn has(word: u64, byte: u8) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let zero = word ^ (ONES * u64::from(byte));
    zero.wrapping_sub(ONES) & !zero & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn is_json(bytes: &[u8]) -> bool {
        let mut walker = Walker::new(bytes, true);
        walker.skip(0).and_then(|()| walker.end()).is_ok()
    }

    /// Something like JSON.
    fn soup() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            " ",
            "\n",
            "\t",
            "\"",
            "\"a\"",
            "\"\\n\"",
            "\\u00e9",
            "\\",
            "\"\\uD83d\"",
            "\"a\":",
            "1",
            "-",
            "0",
            ".5",
            "e+3",
            "1.5E-2",
            "true",
            "null",
            "false",
            "tru",
            "\"long string, longer than the words that are looked at\"",
            "é",
            "\u{1}",
        ]);
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn json_is_what_serde_takes_for_it(text in soup()) {
            let taken = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            prop_assert_eq!(is_json(text.as_bytes()), taken, "{}", text);
        }

        #[test]
        fn json_with_one_fault_is_what_serde_takes_for_it(
            text in super::super::oracle::json(),
            place in any::<prop::sample::Index>(),
            with in prop::sample::select(b"{}[]\",:\\ua0e-. \n\x1f".to_vec()),
            how in 0..4,
        ) {
            let mut bytes = text.into_bytes();
            let at = place.index(bytes.len());
            match how {
                0 => {}
                1 => drop(bytes.remove(at)),
                2 => bytes[at] = with,
                _ => bytes.insert(at, with),
            }
            let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
            let taken = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            prop_assert_eq!(is_json(text.as_bytes()), taken, "{}", text);
        }
    }

    #[test]
    fn numbers_of_python_are_numbers() {
        for text in ["NaN", "[-Infinity, Infinity]"] {
            assert!(is_json(text.as_bytes()), "{text}");
        }
        assert!(!is_json(b"-NaN"));
    }

    #[test]
    fn depth_ends_somewhere() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_json(deep(DEPTH).as_bytes()));
        assert!(!is_json(deep(DEPTH + 1).as_bytes()));
        assert!(!is_json("[".repeat(1 << 20).as_bytes()));
    }
}
