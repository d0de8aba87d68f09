//! On whatever bytes, a log is read the same in chunks of any size; texts are UTF-8; every row is
//! accounted for; and what is sought changes no hit, no bad row and no row without a text.
#![no_main]

use std::io::Write;

use ifrs_logs::{LogFile, LogTexts, Packed, Rows, Sought};
use ifrs_matching::{Method, Options, Slice, Texts, top_hits_with};

const PATTERNS: [&str; 2] = ["copper window", "é/\"漢"];

#[derive(Debug, PartialEq)]
struct Read {
    count: usize,
    without: usize,
    bad: Vec<usize>,
    hits: Vec<(i64, String)>,
}

fn read(
    path: &std::path::Path,
    rows: &Rows,
    packed: Option<Packed>,
    chunk: usize,
    sought: bool,
) -> Option<Read> {
    let wanted = Sought {
        patterns: PATTERNS.map(str::to_owned).to_vec(),
        method: Method::Partial,
        cutoff: 0.8,
    };
    let options = Options { workers: 1, cutoff: 0.8, ..Options::new(Method::Partial) };
    let mut file = LogFile::open(path, rows.clone(), packed, sought.then_some(wanted)).unwrap();
    let mut all = Read { count: 0, without: 0, bad: Vec::new(), hits: Vec::new() };
    loop {
        let chunk: LogTexts = match file.read(chunk, &options) {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Some(all),
            Err(_) => return None,
        };
        let text = |at| std::str::from_utf8(chunk.get(at)).unwrap();
        let texts: Vec<&str> = (0..chunk.len()).map(text).collect();
        let hits = top_hits_with(&Slice(&texts), &PATTERNS, &options).unwrap();
        all.hits.extend(
            hits.texts.iter().map(|&at| (chunk.rows[at as usize], texts[at as usize].to_owned())),
        );
        assert_eq!(chunk.first, all.count);
        all.count += chunk.count;
        all.without += chunk.without;
        all.bad.extend(chunk.bad.iter().map(|(row, _)| row));
        chunk.bad.iter().for_each(|(_, bad)| assert!(!bad.why(rows.column()).contains('\n')));
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let [how, bytes @ ..] = input else { return };
    let column = ["a", "a.*.b", "a.0.b.c", "*.é"][usize::from(how >> 4 & 3)].to_owned();
    let rows = match how & 3 {
        0 => Rows::Lines,
        1 => Rows::JsonLines(Some(column)),
        2 => Rows::JsonLines(None),
        _ => Rows::Json(Some(column)),
    };
    let packed = [None, None, Some(Packed::Gzip), Some(Packed::Zstd)][usize::from(how >> 2 & 3)];
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let whole = read(file.path(), &rows, packed, 1 << 20, false);
    for (chunk, sought) in [(1, false), (1, true), (64, true)] {
        assert_eq!(read(file.path(), &rows, packed, chunk, sought), whole);
    }
});
