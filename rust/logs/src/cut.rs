//! Where the rows of a JSON file end: the members of a list, or values one
//! after the other.
//!
//! Brackets are counted and nothing else is judged: a row is checked when it is
//! read, and a broken one does not spoil those behind it as long as its
//! brackets are closed.

use std::ops::Range;

use memchr::memchr2;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Nothing seen yet.
    Unknown,
    /// One list, of which each member is a row.
    List,
    /// Values, each a row.
    Values,
}

/// Finds the ends of rows, one block of bytes after the other.
#[derive(Debug)]
pub(crate) struct Cutter {
    form: Form,
    depth: usize,
    in_string: bool,
    /// Where the row began that is not ended yet.
    start: Option<usize>,
    /// A list's member must follow, or its end.
    after_comma: bool,
}

impl Cutter {
    pub(crate) fn new() -> Self {
        Self { form: Form::Unknown, depth: 0, in_string: false, start: None, after_comma: false }
    }

    /// Goes on from some byte and adds the rows that end. Returns where the
    /// next is to go on: behind the last byte, or at one that cannot be judged
    /// yet.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        rows: &mut Vec<Range<usize>>,
    ) -> usize {
        while at < bytes.len() {
            if self.in_string {
                let Some(found) = memchr2(b'"', b'\\', &bytes[at..]) else { return bytes.len() };
                at += found;
                if bytes[at] == b'\\' {
                    // What is escaped may lie in the next block.
                    if at + 1 == bytes.len() {
                        return at;
                    }
                    at += 2;
                    continue;
                }
                self.in_string = false;
                at += 1;
                self.end_of_value(at, rows);
                continue;
            }
            self.outside(bytes[at], at, rows);
            at += 1;
        }
        at
    }

    fn outside(&mut self, byte: u8, at: usize, rows: &mut Vec<Range<usize>>) {
        let top = self.depth == 0;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                if self.form != Form::List {
                    self.end_of_value(at, rows);
                }
            }
            b'[' if self.form == Form::Unknown => self.form = Form::List,
            b',' if top && self.form == Form::List => {
                rows.push(self.start.take().unwrap_or(at)..at);
                self.after_comma = true;
            }
            b']' if top && self.form == Form::List => {
                if self.after_comma || self.start.is_some() {
                    rows.push(self.start.take().unwrap_or(at)..at);
                }
                (self.form, self.after_comma) = (Form::Values, false);
            }
            b'"' => {
                self.begin(at);
                self.in_string = true;
            }
            b'{' | b'[' => {
                self.begin(at);
                self.depth += 1;
            }
            b'}' | b']' => {
                self.begin(at);
                self.depth = self.depth.saturating_sub(1);
                self.end_of_value(at + 1, rows);
            }
            _ => self.begin(at),
        }
    }

    fn begin(&mut self, at: usize) {
        if self.form == Form::Unknown {
            self.form = Form::Values;
        }
        self.start.get_or_insert(at);
    }

    /// A string, a bracket or a word has ended, and the row with it unless it
    /// lies within something.
    fn end_of_value(&mut self, at: usize, rows: &mut Vec<Range<usize>>) {
        if self.form == Form::Values && self.depth == 0 {
            rows.extend(self.start.take().map(|start| start..at));
        }
    }

    /// The first byte that is still needed of those up to some byte, behind
    /// which the next are to be put; it is byte 0 then.
    pub(crate) fn keep(&mut self, at: usize) -> usize {
        match self.start {
            Some(start) => {
                self.start = Some(0);
                start
            }
            None => at,
        }
    }

    /// The row that the file ends in, if any.
    pub(crate) fn rest(&mut self, bytes: &[u8]) -> Option<Range<usize>> {
        self.start.take().map(|start| start..bytes.len())
    }

    /// Whether the file's list is still open.
    pub(crate) fn is_open(&self) -> bool {
        self.form == Form::List
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rows of a file that comes in blocks of a size.
    fn rows(text: &str, size: usize) -> (Vec<String>, bool) {
        let mut cutter = Cutter::new();
        let (mut pending, mut at, mut found) = (Vec::new(), 0, Vec::new());
        for block in text.as_bytes().chunks(size) {
            pending.extend_from_slice(block);
            let mut ranges = Vec::new();
            at = cutter.feed(&pending, at, &mut ranges);
            found.extend(ranges.into_iter().map(|range| pending[range].to_vec()));
            let keep = cutter.keep(at);
            pending.drain(..keep);
            at -= keep;
        }
        found.extend(cutter.rest(&pending).map(|range| pending[range].to_vec()));
        let text = |row| String::from_utf8(row).unwrap_or_default().trim().to_owned();
        (found.into_iter().map(text).collect(), cutter.is_open())
    }

    proptest! {
        #[test]
        fn rows_are_what_was_joined(
            values in prop::collection::vec(super::super::oracle::json(), 0..6),
            size in 1..40_usize,
        ) {
            let list = format!("\n[ {} ]\n", values.join(" ,\n"));
            prop_assert_eq!(rows(&list, size), (values.clone(), false));
            // A list would be taken for the list of rows.
            if values.first().is_none_or(|first| !first.starts_with('[')) {
                prop_assert_eq!(rows(&values.join("\n"), size), (values, false));
            }
        }
    }

    #[test]
    fn broken_files_keep_their_rows() {
        for (text, expected, open) in [
            ("", vec![], false),
            (" [ ] ", vec![], false),
            ("[", vec![], true),
            ("[1, 2 3, {\"a\": ]}, 4]", vec!["1", "2 3", "{\"a\": ]}", "4"], false),
            ("[1,]", vec!["1", ""], false),
            ("[{},", vec!["{}"], true),
            ("[{}, {\"a\": \"x]\\\"", vec!["{}", "{\"a\": \"x]\\\""], true),
            ("[1] x {}", vec!["1", "x", "{}"], false),
            ("{\"a\": [1, 2]}{} ]", vec!["{\"a\": [1, 2]}", "{}", "]"], false),
        ] {
            for size in [1, 3, 100] {
                let expected: Vec<String> = expected.iter().map(|&row| row.to_owned()).collect();
                assert_eq!(rows(text, size), (expected, open), "{text}");
            }
        }
    }
}
