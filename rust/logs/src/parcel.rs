//! The rows of some bytes, read by one thread.

use std::ops::Range;

use memchr::memchr_iter;

use super::bad::Bad;
use super::lookup::{Found, look_up};
use super::pool::Pool;
use super::sieve::Sieve;
use super::unescape::unescape;
use super::walker::Span;

/// Rows without the wanted path for which the nearest one is looked for, of
/// each parcel: nobody reads more, and it takes a whole tree of the row.
const NEAREST: usize = 8;

/// What each row of a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// A line, which is a text.
    Lines,
    /// A line of JSON, with texts under a path, or a text itself.
    JsonLines(Option<String>),
    /// A member of a JSON list, or one of values one after the other, with
    /// texts as in lines of JSON.
    Json(Option<String>),
}

impl Rows {
    /// The path to the texts.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Lines => None,
            Self::JsonLines(column) | Self::Json(column) => column.as_deref(),
        }
    }
}

/// How to read rows.
pub(crate) struct How<'a> {
    pub(crate) rows: &'a Rows,
    /// Holds back texts that need not be scored. What passes is copied, as the
    /// rest is not kept.
    pub(crate) sieve: Option<&'a Sieve>,
    pub(crate) pool: &'a Pool,
}

/// Where a text is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Whether it is among the undone, and not where it was read.
    pub(crate) undone: bool,
    pub(crate) at: Range<usize>,
    /// Its row, counted from the parcel's first.
    pub(crate) row: usize,
}

/// Rows that one thread has read.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    /// What was read, where texts lie in it.
    pub(crate) bytes: Vec<u8>,
    /// Strings with escapes, undone.
    pub(crate) undone: Vec<u8>,
    pub(crate) texts: Vec<Place>,
    pub(crate) count: usize,
    /// Rows with null, or with a list that holds none.
    pub(crate) without: usize,
    pub(crate) bad: Vec<(usize, Bad)>,
    /// Rows that missed the path so far.
    missed: usize,
}

/// Bytes that rows are read from, with what is known of all of them.
struct Whole<'a> {
    bytes: &'a [u8],
    how: &'a How<'a>,
    /// Whether they are valid UTF-8.
    utf8: bool,
    /// Whether control characters are among them, other than ends of lines.
    controls: bool,
}

impl Parcel {
    fn new(pool: &Pool) -> Self {
        Self { undone: pool.take_empty(), ..Self::default() }
    }

    /// Reads whole lines, which some bytes end with.
    pub(crate) fn lines(bytes: &[u8], from: usize, how: &How<'_>) -> Self {
        let whole = Whole::of(bytes, how);
        let mut parcel = Self::new(how.pool);
        let (mut start, lines) = (from, &bytes[from..]);
        let ends = memchr_iter(b'\n', lines).map(|end| from + end);
        let unended = lines.last().is_some_and(|&last| last != b'\n').then_some(bytes.len());
        for end in ends.chain(unended) {
            let cut = usize::from(end > start && bytes[end - 1] == b'\r');
            parcel.row(&whole, start..end - cut);
            start = end + 1;
        }
        parcel.sieved(how)
    }

    /// Reads rows that were cut already.
    pub(crate) fn cut(bytes: &[u8], ranges: &[Range<usize>], how: &How<'_>) -> Self {
        // Ends of lines may be within strings here.
        let whole = Whole { controls: true, ..Whole::of(bytes, how) };
        let mut parcel = Self::new(how.pool);
        ranges.iter().for_each(|range| parcel.row(&whole, range.clone()));
        parcel.sieved(how)
    }

    fn sieved(self, how: &How<'_>) -> Self {
        if let Some(sieve) = how.sieve {
            sieve.count(self.texts.len(), self.count);
        }
        self
    }

    fn row(&mut self, whole: &Whole<'_>, at: Range<usize>) {
        let row = &whole.bytes[at.clone()];
        let read = if !whole.utf8 && !is_utf8(row) {
            Err(Bad::NotUtf8)
        } else {
            match whole.how.rows {
                Rows::Lines => {
                    let span = Span { at: 0..row.len(), escaped: false, digits: false };
                    self.texts(whole, &at, &[span])
                }
                // Somebody's blank line, and no row of theirs.
                Rows::JsonLines(_) if row.trim_ascii().is_empty() => Ok(()),
                Rows::JsonLines(path) | Rows::Json(path) => self.json(whole, &at, path.as_deref()),
            }
        };
        if let Err(bad) = read {
            self.bad.push((self.count, bad));
        }
        self.count += 1;
    }

    fn json(
        &mut self,
        whole: &Whole<'_>,
        at: &Range<usize>,
        path: Option<&str>,
    ) -> Result<(), Bad> {
        let row = &whole.bytes[at.clone()];
        match look_up(row, path, whole.controls).map_err(|_| Bad::NotJson)? {
            Found::Text(span) => self.texts(whole, at, &[span]),
            Found::Texts(spans) if !spans.is_empty() => self.texts(whole, at, &spans),
            Found::Null | Found::Texts(_) => {
                self.without += 1;
                Ok(())
            }
            Found::Missing => {
                self.missed += 1;
                let looked = self.missed <= NEAREST;
                Err(if looked { Bad::missing(row, path) } else { Bad::Missing(None) })
            }
            Found::Other(kind) => Err(Bad::no_text(row, path, kind)),
        }
    }

    /// Takes the texts of a row: all of them, or none where one is broken.
    fn texts(&mut self, whole: &Whole<'_>, row: &Range<usize>, spans: &[Span]) -> Result<(), Bad> {
        let (texts, undone) = (self.texts.len(), self.undone.len());
        for Span { at, escaped, digits } in spans {
            let at = row.start + at.start..row.start + at.end;
            let raw = &whole.bytes[at.clone()];
            if whole.how.sieve.is_some_and(|sieve| !sieve.passes(raw, *digits)) {
                continue;
            }
            if !escaped && whole.how.sieve.is_none() {
                self.texts.push(Place { undone: false, at, row: self.count });
                continue;
            }
            let from = self.undone.len();
            if unescape(raw, *escaped, &mut self.undone).is_none() {
                self.texts.truncate(texts);
                self.undone.truncate(undone);
                return Err(Bad::NotJson);
            }
            let at = from..self.undone.len();
            self.texts.push(Place { undone: true, at, row: self.count });
        }
        Ok(())
    }
}

impl<'a> Whole<'a> {
    fn of(bytes: &'a [u8], how: &'a How<'a>) -> Self {
        let control = |byte: u8| byte < b' ' && byte != b'\n';
        // Without a way out of a block it is many bytes at a time.
        let any = |block: &[u8]| block.iter().fold(false, |any, &byte| any | control(byte));
        let controls = bytes.chunks(4096).any(any);
        Self { bytes, how, utf8: is_utf8(bytes), controls }
    }
}

fn is_utf8(bytes: &[u8]) -> bool {
    simdutf8::basic::from_utf8(bytes).is_ok()
}
