//! Texts of a file with one a line, a few megabytes at a time.
//!
//! The file is mapped, not read: lines, and JSON strings without escapes, are
//! scored where they lie, and the kernel drops what has been scored. So a file
//! larger than memory takes no more of it than a small one.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex};

use memchr::{memchr_iter, memrchr};
use memmap2::{Advice, Mmap};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use super::batch::{drive, lock};
use super::{Options, ScoringError, Texts};

/// Bytes of lines that one thread reads at a time.
const PARCEL: usize = 1 << 18;

/// How lines hold texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Each line is a text.
    Plain,
    /// Each line is a JSON object with a text, or null, under some key.
    JsonLines(String),
}

/// Why a line holds no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadLine {
    /// It is not valid UTF-8.
    NotUtf8,
    /// It is not valid JSON.
    NotJson,
    /// It has no such key, or is not an object.
    NoColumn,
    /// What is there is not a string.
    NoText,
}

/// A mapped file of lines.
#[derive(Debug)]
pub struct Lines {
    map: Option<Arc<Mmap>>,
    format: Format,
    at: usize,
    row: usize,
}

/// Some lines of a file, as texts; a bad line is an empty one.
#[derive(Debug)]
pub struct LineTexts {
    map: Arc<Mmap>,
    /// Strings with escapes, undone, after the bytes of the file.
    undone: Vec<u8>,
    spans: Vec<Range<usize>>,
    /// The row of the first line, counted from 0.
    pub first: usize,
    /// Bytes of the file up to the end of the last line.
    pub position: usize,
    /// Rows without a text, and why.
    pub bad: Vec<(usize, BadLine)>,
}

impl Lines {
    /// Maps a file.
    ///
    /// # Errors
    ///
    /// That of the operating system.
    pub fn open(path: &FilePath, format: Format) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let map = if file.metadata()?.len() == 0 {
            None
        } else {
            // SAFETY: the map is only read. A file that another process cuts
            // short meanwhile ends this one with a signal, and one that it
            // overwrites scores as whatever is there: bytes are checked to be
            // UTF-8 and read with checked indices, and nothing relies on the
            // check later on.
            let map = unsafe { Mmap::map(&file)? };
            let _ = map.advise(Advice::Sequential);
            Some(Arc::new(map))
        };
        Ok(Self { map, format, at: 0, row: 0 })
    }

    /// Bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.map.as_ref().map_or(0, |map| map.len())
    }

    /// Reads the next lines, at least one and otherwise as many as fit in some
    /// bytes; nothing at the end of the file.
    ///
    /// # Errors
    ///
    /// [`ScoringError::Interrupted`] or [`ScoringError::ThreadPool`].
    pub fn read(
        &mut self,
        bytes: usize,
        options: &Options<'_>,
    ) -> Result<Option<LineTexts>, ScoringError> {
        let Some(map) = self.map.clone() else { return Ok(None) };
        let rest = &map[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let end = self.at + whole_lines(rest, bytes);
        let parcels = parcels(&map, self.at..end);
        let (count, format) = (parcels.len(), &self.format);
        let read = Mutex::new(Vec::with_capacity(count));
        drive(
            parcels.into_iter().enumerate(),
            count,
            options,
            |(index, range), (): &mut (), _| {
                let parcel = Parcel::read(&map, range, format);
                lock(&read).push((index, parcel));
                Ok(())
            },
        )?;
        let mut read = read.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        read.sort_unstable_by_key(|(index, _)| *index);
        let mut texts = LineTexts {
            undone: Vec::new(),
            spans: Vec::new(),
            first: self.row,
            position: end,
            bad: Vec::new(),
            map,
        };
        for (_, parcel) in read {
            texts.append(parcel);
        }
        (self.at, self.row) = (end, self.row + texts.spans.len());
        Ok(Some(texts))
    }
}

/// The length of the first lines of some bytes.
fn whole_lines(rest: &[u8], bytes: usize) -> usize {
    if rest.len() <= bytes {
        return rest.len();
    }
    match memrchr(b'\n', &rest[..bytes]) {
        Some(last) => last + 1,
        None => memchr::memchr(b'\n', &rest[bytes..]).map_or(rest.len(), |first| bytes + first + 1),
    }
}

/// Cuts a range of whole lines.
fn parcels(map: &[u8], range: Range<usize>) -> Vec<Range<usize>> {
    let (mut parcels, mut start) = (Vec::new(), range.start);
    while start < range.end {
        let end = start + whole_lines(&map[start..range.end], PARCEL);
        parcels.push(start..end);
        start = end;
    }
    parcels
}

/// Lines that one thread has read.
#[derive(Default)]
struct Parcel {
    undone: Vec<u8>,
    /// Of the file, or of `undone`.
    spans: Vec<(bool, Range<usize>)>,
    bad: Vec<(usize, BadLine)>,
}

impl Parcel {
    fn read(map: &[u8], range: Range<usize>, format: &Format) -> Self {
        let mut parcel = Self::default();
        let mut start = range.start;
        let ends = memchr_iter(b'\n', &map[range.clone()]).map(|at| range.start + at);
        let unended = (range.end > range.start && map[range.end - 1] != b'\n').then_some(range.end);
        for end in ends.chain(unended) {
            let line = &map[start..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            parcel.line(start, line, format);
            start = end + 1;
        }
        parcel
    }

    fn line(&mut self, start: usize, line: &[u8], format: &Format) {
        let text = match (std::str::from_utf8(line), format) {
            (Err(_), _) => Err(BadLine::NotUtf8),
            (Ok(line), Format::Plain) => Ok(Some(line.into())),
            (Ok(line), Format::JsonLines(_)) if line.trim_ascii().is_empty() => Ok(None),
            (Ok(line), Format::JsonLines(column)) => field(line, column),
        };
        let span = match text {
            Ok(Some(std::borrow::Cow::Borrowed(text))) => {
                // Where in the line it is.
                let at = start + (text.as_ptr().addr() - line.as_ptr().addr());
                (false, at..at + text.len())
            }
            Ok(Some(std::borrow::Cow::Owned(text))) => {
                let at = self.undone.len();
                self.undone.extend_from_slice(text.as_bytes());
                (true, at..self.undone.len())
            }
            Ok(None) => (false, start..start),
            Err(why) => {
                self.bad.push((self.spans.len(), why));
                (false, start..start)
            }
        };
        self.spans.push(span);
    }
}

impl LineTexts {
    fn append(&mut self, parcel: Parcel) {
        let row = self.first + self.spans.len();
        self.bad.extend(parcel.bad.into_iter().map(|(line, why)| (row + line, why)));
        let shift = self.map.len() + self.undone.len();
        self.spans.extend(parcel.spans.into_iter().map(|(undone, span)| match undone {
            true => span.start + shift..span.end + shift,
            false => span,
        }));
        self.undone.extend(parcel.undone);
    }
}

impl Texts for LineTexts {
    fn len(&self) -> usize {
        self.spans.len()
    }

    fn get(&self, index: usize) -> &[u8] {
        let Range { start, end } = self.spans[index];
        match start.checked_sub(self.map.len()) {
            Some(start) => &self.undone[start..end - self.map.len()],
            None => &self.map[start..end],
        }
    }
}

type Text<'l> = Option<std::borrow::Cow<'l, str>>;

/// The text under a key of a JSON object.
fn field<'l>(line: &'l str, column: &str) -> Result<Text<'l>, BadLine> {
    let mut json = serde_json::Deserializer::from_str(line);
    let found = Object { column }.deserialize(&mut json);
    match found.and_then(|found| json.end().map(|()| found)) {
        Ok(Some(value)) => value.ok_or(BadLine::NoText),
        Ok(None) => Err(BadLine::NoColumn),
        // The error's own words could quote the line.
        Err(error) if error.is_data() => Err(BadLine::NoColumn),
        Err(_) => Err(BadLine::NotJson),
    }
}

/// Reads an object and keeps what is under one key, the last of equals: the
/// text, null, or nothing where that is neither.
struct Object<'c> {
    column: &'c str,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Option<Option<Text<'de>>>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Option<Option<Text<'de>>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Any::Text(key)) = map.next_key_seed(Value)? {
            if key == self.column {
                found = Some(match map.next_value_seed(Value)? {
                    Any::Text(text) => Some(Some(text)),
                    Any::Null => Some(None),
                    Any::Other => None,
                });
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Any JSON value, of which only texts are kept, borrowed where they can be.
enum Any<'de> {
    Text(std::borrow::Cow<'de, str>),
    Null,
    Other,
}

struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Any<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Any<'de>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Any<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Any<'de>, E> {
        Ok(Any::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Any<'de>, E> {
        Ok(Any::Text(text.to_owned().into()))
    }

    fn visit_unit<E>(self) -> Result<Any<'de>, E> {
        Ok(Any::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Any<'de>, E> {
        Ok(Any::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Any<'de>, E> {
        Ok(Any::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Any<'de>, E> {
        Ok(Any::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Any<'de>, E> {
        Ok(Any::Other)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Any<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Any::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Any<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Any::Other)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write as _;

    use super::super::Method;
    use super::*;

    type Read = (Vec<String>, Vec<(usize, BadLine)>);

    fn read(content: &[u8], format: Format, bytes: usize) -> Read {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let mut lines = Lines::open(file.path(), format).unwrap();
        assert_eq!(lines.bytes(), content.len());
        let (mut texts, mut bad) = (Vec::new(), Vec::new());
        let options = Options { workers: 2, ..Options::new(Method::Exact) };
        while let Some(chunk) = lines.read(bytes, &options).unwrap() {
            assert_eq!(chunk.first, texts.len());
            for index in 0..chunk.len() {
                texts.push(String::from_utf8(chunk.get(index).to_vec()).unwrap());
            }
            bad.extend(chunk.bad);
        }
        (texts, bad)
    }

    #[test]
    fn plain_lines() {
        for (content, expected) in [
            ("", vec![]),
            ("\n", vec![""]),
            ("a", vec!["a"]),
            ("a\n", vec!["a"]),
            ("a\r\n\nb c", vec!["a", "", "b c"]),
            ("漢\u{2028}字\n🚀", vec!["漢\u{2028}字", "🚀"]),
        ] {
            for bytes in [1, 3, 100] {
                let (texts, bad) = read(content.as_bytes(), Format::Plain, bytes);
                assert_eq!(
                    (texts, bad.len()),
                    (expected.iter().map(|&s| s.to_owned()).collect(), 0)
                );
            }
        }
        let (texts, bad) = read(b"a\n\xFF\nb", Format::Plain, 100);
        assert_eq!(texts, ["a", "", "b"]);
        assert_eq!(bad, [(1, BadLine::NotUtf8)]);
    }

    #[test]
    fn json_lines() {
        let content = concat!(
            r#"{"text": "plain", "other": {"text": [1]}}"#,
            "\n",
            r#"{"n": 1.5e3, "text": "esc\"aped \u6f22 \ud83d\ude80"}"#,
            "\n\n",
            r#"{"text": null}"#,
            "\n",
            r#"{"t\u0065xt": "first", "text": "last"}"#,
            "\r\n{\n",
            r#"{"other": 1}"#,
            "\n",
            r#"["text"]"#,
            "\n",
            r#"{"text": 7}"#,
            "\n",
            r#"{"text": {"text": "inner"}}"#,
            "\n",
            r#"{"text": "a"} x"#,
            "\n",
            r#"{"text": "\ud800"}"#,
        );
        for bytes in [1, 60, 1 << 20] {
            let format = Format::JsonLines("text".to_owned());
            let (texts, bad) = read(content.as_bytes(), format, bytes);
            assert_eq!(texts[..5], ["plain", "esc\"aped 漢 🚀", "", "", "last"]);
            assert!(texts[5..].iter().all(String::is_empty));
            let expected = [
                (5, BadLine::NotJson),
                (6, BadLine::NoColumn),
                (7, BadLine::NoColumn),
                (8, BadLine::NoText),
                (9, BadLine::NoText),
                (10, BadLine::NotJson),
                (11, BadLine::NotJson),
            ];
            assert_eq!(bad, expected);
        }
    }

    #[test]
    fn many_lines_keep_their_order() {
        let lines: Vec<String> = (0..60_000).map(|i| format!("line \\n {i}")).collect();
        let json: String = lines.iter().map(|line| format!("{{\"a\": \"{line}\"}}\n")).collect();
        let (texts, bad) = read(json.as_bytes(), Format::JsonLines("a".to_owned()), 1 << 20);
        assert!(bad.is_empty());
        let expected: Vec<String> = lines.iter().map(|line| line.replace("\\n", "\n")).collect();
        assert_eq!(texts, expected);
    }
}
