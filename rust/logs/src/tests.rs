//! Whole files: whatever their chunks, packing and threads, and whatever is sought.

use std::io::{Cursor, Write};

use ifrs_matching::{Method, Options, Slice, Texts, top_hits_with};
use proptest::prelude::*;
use tempfile::NamedTempFile;

use super::*;

/// What a file holds.
#[derive(Debug, Default, PartialEq)]
struct Read {
    count: usize,
    without: usize,
    bad: Vec<(usize, String)>,
    texts: Vec<(i64, String)>,
}

impl Read {
    /// The rows that hit any of some patterns.
    fn hits(&self, sought: &Sought) -> Vec<(i64, String)> {
        let texts: Vec<&str> = self.texts.iter().map(|(_, text)| text.as_str()).collect();
        let patterns: Vec<&str> = sought.patterns.iter().map(String::as_str).collect();
        let options = Options { cutoff: sought.cutoff, ..Options::new(sought.method) };
        let hits = top_hits_with(&Slice(&texts), &patterns, &options).unwrap();
        hits.texts.iter().map(|&at| self.texts[at as usize].clone()).collect()
    }
}

fn written(content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

fn packed(content: &[u8], by: Option<Packed>) -> Vec<u8> {
    match by {
        None => content.to_vec(),
        Some(Packed::Gzip) => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        Some(Packed::Zstd) => zstd::encode_all(Cursor::new(content), 1).unwrap(),
    }
}

/// Reads a file, in chunks of some bytes.
fn read(
    content: &[u8],
    rows: &Rows,
    by: Option<Packed>,
    bytes: usize,
    sought: Option<Sought>,
) -> Result<Read, LogError> {
    let file = written(content);
    let mut log = LogFile::open(file.path(), rows.clone(), by, sought)?;
    assert_eq!(log.bytes(), content.len() as u64);
    let options = Options { workers: 2, ..Options::new(Method::Exact) };
    let (mut read, mut position) = (Read::default(), 0);
    while let Some(chunk) = log.read(bytes, &options)? {
        assert_eq!(chunk.first, read.count);
        assert!(chunk.position >= position);
        read.count += chunk.count;
        read.without += chunk.without;
        read.bad.extend(chunk.bad.iter().map(|(row, bad)| (*row, bad.why(rows.column()))));
        let text = |at| String::from_utf8(chunk.get(at).to_vec()).unwrap();
        read.texts.extend((0..chunk.len()).map(|at| (chunk.rows[at], text(at))));
        position = chunk.position;
    }
    assert!(read.count == 0 || position == content.len() as u64);
    Ok(read)
}

fn sought() -> impl Strategy<Value = Sought> {
    let patterns = prop::collection::vec(oracle::pattern(), 1..4);
    (patterns, any::<bool>(), 0.3_f32..=1.0).prop_map(|(patterns, exact, cutoff)| Sought {
        patterns,
        method: if exact { Method::Exact } else { Method::Partial },
        cutoff,
    })
}

/// Without the nearest path, which is named for the first rows of a chunk only.
fn told(read: &Read) -> (usize, usize, Vec<(usize, &str)>) {
    let why = |why: &'_ str| why.find(": the nearest").unwrap_or(why.len());
    let bad = read.bad.iter().map(|(row, bad)| (*row, &bad[..why(bad)]));
    (read.count, read.without, bad.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn files_are_what_their_rows_are(
        rows in prop::collection::vec(prop_oneof![
            4 => oracle::json(),
            4 => oracle::string().prop_map(|text| format!("{{\"a\":{text}}}")),
            1 => Just("{\"a\":".to_owned()),
            1 => Just("{\"a\":\"\\ud83d\"}".to_owned()),
        ], 0..30),
        column in prop_oneof![Just("a".to_owned()), oracle::column()],
        sought in sought(),
        form in 0..3,
    ) {
        let (rows, content) = match form {
            0 => (Rows::Lines, rows.join("\n")),
            1 => (Rows::JsonLines(Some(column)), rows.join("\r\n")),
            _ => {
                let rows: Vec<String> = rows.into_iter().filter(|row| row != "{\"a\":").collect();
                (Rows::Json(Some(column)), format!("[{}]", rows.join(",")))
            }
        };
        let whole = read(content.as_bytes(), &rows, None, 1 << 20, None).unwrap();
        for by in [None, Some(Packed::Gzip), Some(Packed::Zstd)] {
            let content = packed(content.as_bytes(), by);
            for bytes in [1, 100, 1 << 20] {
                let all = read(&content, &rows, by, bytes, None).unwrap();
                prop_assert_eq!(told(&all), told(&whole));
                prop_assert_eq!(all.texts, &whole.texts[..]);
                let some = read(&content, &rows, by, bytes, Some(sought.clone())).unwrap();
                prop_assert_eq!(some.hits(&sought), whole.hits(&sought));
                prop_assert_eq!(told(&some), told(&whole));
            }
        }
    }
}

#[test]
fn long_rows_reach_over_parts_and_blocks() {
    let lines: Vec<String> = (0..40_usize)
        .map(|row| format!("{row}{}", "é".repeat(if row % 7 == 3 { 900_000 } else { row })))
        .collect();
    let content = format!("\u{feff}{}", lines.join("\n"));
    for by in [None, Some(Packed::Gzip), Some(Packed::Zstd)] {
        for bytes in [1, 1 << 24] {
            let content = packed(content.as_bytes(), by);
            let read = read(&content, &Rows::Lines, by, bytes, None).unwrap();
            let texts: Vec<String> = read.texts.into_iter().map(|(_, text)| text).collect();
            assert!(texts == lines && read.bad.is_empty());
        }
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_row() {
    let content = "\u{feff}\"a\"\n".as_bytes();
    for rows in [Rows::JsonLines(None), Rows::Json(None)] {
        assert_eq!(read(content, &rows, None, 1, None).unwrap().texts, [(0, "a".to_owned())]);
    }
}

#[test]
fn bad_rows_are_told_and_the_others_read() {
    let content = b"{\"a\": \"x\"}\n\n{\"b\": \"y\"}\n{\"a\": null}\n\xff\n{\n{\"a\": 1}";
    let read = read(content, &Rows::JsonLines(Some("a".to_owned())), None, 1 << 20, None).unwrap();
    let bad: Vec<(usize, &str)> = read.bad.iter().map(|(row, why)| (*row, why.as_str())).collect();
    let expected = [
        (2, "it has no field 'a': the nearest is 'b'"),
        (4, "not UTF-8"),
        (5, "not JSON"),
        (6, "'a' is a number, not a text"),
    ];
    assert_eq!((bad.as_slice(), read.count, read.without), (&expected[..], 7, 1));
    assert_eq!(read.texts, [(0, "x".to_owned())]);
}

#[test]
fn a_list_that_ends_too_early_is_told() {
    let rows = Rows::Json(Some("a".to_owned()));
    let read = read(b"[{\"a\": \"x\"}, {\"a\": \"y", &rows, None, 1 << 20, None).unwrap();
    assert_eq!(read.texts, [(0, "x".to_owned())]);
    assert_eq!(read.bad[0], (1, "not JSON".to_owned()));
    assert_eq!(read.bad[1], (2, "not JSON: the file ends before its list does".to_owned()));
}

#[test]
fn packed_files_that_are_damaged_are_errors() {
    let content = "a line\n".repeat(10_000);
    for by in [Packed::Gzip, Packed::Zstd] {
        let whole = packed(content.as_bytes(), Some(by));
        for wrong in [&whole[..whole.len() / 2], &whole[..whole.len() - 3], b"plain text"] {
            let error = read(wrong, &Rows::Lines, Some(by), 1 << 20, None).unwrap_err();
            assert!(
                error.to_string().starts_with(&format!("it is no whole {by} file: ")),
                "{error}"
            );
        }
        // One behind the other, as programs that append write them.
        let twice = read(&whole.repeat(2), &Rows::Lines, Some(by), 1 << 20, None).unwrap();
        assert_eq!(twice.count, 20_000);
        assert_eq!(read(&packed(b"", Some(by)), &Rows::Lines, Some(by), 1, None).unwrap().count, 0);
    }
}
