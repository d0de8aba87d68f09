//! Files, a chunk of rows at a time.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ifrs_matching::{Options, Texts, drive};

use super::bad::Bad;
use super::parcel::{Parcel, Rows};
use super::source::{Block, Parts, Stream};
use super::{LogError, Packed};

/// Bytes of a file that one thread reads at a time: they stay in its cache.
const PARCEL: u64 = 1 << 19;

/// A file of rows.
pub struct LogFile {
    rows: Rows,
    source: Source,
    bytes: u64,
    /// The next row.
    row: usize,
}

enum Source {
    /// With the place where the next line starts.
    Parts(Parts, u64),
    Stream(Stream),
}

/// The texts of some rows of a file.
///
/// A row has one text, or more where its path leads to several, or none.
#[derive(Debug, Default)]
pub struct LogTexts {
    /// Two of each parcel: what was read, and what was undone.
    bytes: Vec<Vec<u8>>,
    places: Vec<(usize, Range<usize>)>,
    /// The row of each text, counted from the file's first, 0.
    pub rows: Vec<i64>,
    /// The first row.
    pub first: usize,
    /// Number of rows.
    pub count: usize,
    /// Rows with null in place of a text, or with an empty list of texts.
    pub without: usize,
    /// Rows without a text for another reason, counted from the file's first.
    pub bad: Vec<(usize, Bad)>,
    /// Bytes of the file read so far, packed if it is.
    pub position: u64,
}

impl LogFile {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`LogError::Io`]; the bytes are not looked at yet.
    pub fn open(path: &Path, rows: Rows, packed: Option<Packed>) -> Result<Self, LogError> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        let bytes = about.len();
        let json = matches!(rows, Rows::Json(_));
        // What is no file, such as a pipe, has no parts.
        let source = if json || packed.is_some() || !about.is_file() {
            Source::Stream(Stream::new(file, packed, json)?)
        } else {
            let parts = Parts::new(file, bytes);
            let start = parts.start()?;
            Source::Parts(parts, start)
        };
        Ok(Self { rows, source, bytes, row: 0 })
    }

    /// Bytes of the file, packed if it is.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What its rows are.
    #[must_use]
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Reads the next rows, at least one and otherwise about as many as fit in
    /// some unpacked bytes; nothing at the end. Of the options, those count
    /// that say how to work.
    ///
    /// # Errors
    ///
    /// [`LogError`]: the file cannot be read or unpacked any further, somebody
    /// interrupted, or threads could not be started.
    pub fn read(
        &mut self,
        bytes: usize,
        options: &Options<'_>,
    ) -> Result<Option<LogTexts>, LogError> {
        let mut texts = LogTexts { first: self.row, ..LogTexts::default() };
        match &mut self.source {
            Source::Parts(parts, at) => {
                if *at >= parts.length {
                    return Ok(None);
                }
                *at = read_parts(parts, *at, bytes, &self.rows, options, &mut texts)?;
                texts.position = *at;
            }
            Source::Stream(stream) => {
                let blocks = gather(stream, bytes, options)?;
                let Some(last) = blocks.last() else { return Ok(None) };
                texts.position = last.position;
                let cut_short = last.cut_short;
                read_blocks(blocks, &self.rows, options, &mut texts)?;
                if cut_short {
                    texts.bad.push((texts.first + texts.count, Bad::CutShort));
                    texts.count += 1;
                }
            }
        }
        self.row += texts.count;
        Ok(Some(texts))
    }
}

/// Reads the lines that start within some bytes; returns where the next starts.
fn read_parts(
    parts: &Parts,
    start: u64,
    bytes: usize,
    rows: &Rows,
    options: &Options<'_>,
    texts: &mut LogTexts,
) -> Result<u64, LogError> {
    let end = parts.length.min(start.saturating_add(bytes.max(1) as u64));
    let starts: Vec<u64> = (start..end).step_by(PARCEL as usize).collect();
    let read = each(&starts, options, |&from, buffer: &mut Vec<u8>| {
        let part = from..end.min(from + PARCEL);
        let lines = parts.lines(part.clone(), from == start, buffer)?;
        let behind = part.start - u64::from(from != start) + buffer.len() as u64;
        let mut parcel = Parcel::lines(&buffer[lines.clone()], rows);
        if parcel.texts.iter().any(|text| !text.undone) {
            parcel.bytes = buffer[lines].to_vec();
        }
        Ok((behind, parcel))
    })?;
    let mut next = end;
    for (behind, parcel) in read {
        next = next.max(behind);
        texts.append(parcel);
    }
    Ok(next)
}

/// Waits for blocks of some bytes together.
fn gather(
    stream: &mut Stream,
    bytes: usize,
    options: &Options<'_>,
) -> Result<Vec<Block>, LogError> {
    let interrupted = || options.interrupt.is_some_and(|interrupt| interrupt());
    let (mut blocks, mut size) = (Vec::new(), 0);
    while let Some(block) = stream.next(&interrupted)? {
        size += block.bytes.len();
        blocks.push(block);
        if size >= bytes {
            break;
        }
    }
    Ok(blocks)
}

fn read_blocks(
    blocks: Vec<Block>,
    rows: &Rows,
    options: &Options<'_>,
    texts: &mut LogTexts,
) -> Result<(), LogError> {
    let parcels = each(&blocks, options, |block, (): &mut ()| {
        Ok(match &block.rows {
            Some(ranges) => Parcel::cut(&block.bytes, ranges, rows),
            None => Parcel::lines(&block.bytes, rows),
        })
    })?;
    for (mut parcel, block) in parcels.into_iter().zip(blocks) {
        parcel.bytes = block.bytes;
        texts.append(parcel);
    }
    Ok(())
}

/// What some work makes of each item, in order, on many threads.
fn each<I: Sync, M: Default, R: Send>(
    items: &[I],
    options: &Options<'_>,
    work: impl Fn(&I, &mut M) -> io::Result<R> + Sync,
) -> Result<Vec<R>, LogError> {
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let failed = Mutex::new(None);
    drive(items.iter().enumerate(), items.len(), options, |(index, item), memory, _| {
        match work(item, memory) {
            Ok(result) => lock(&done).push((index, result)),
            Err(error) => drop(lock(&failed).insert(error)),
        }
        Ok(())
    })?;
    if let Some(error) = lock(&failed).take() {
        return Err(error.into());
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LogTexts {
    fn append(&mut self, parcel: Parcel) {
        let (row, buffer) = (self.first + self.count, self.bytes.len());
        self.bad.extend(parcel.bad.into_iter().map(|(at, bad)| (row + at, bad)));
        self.rows.extend(parcel.texts.iter().map(|text| (row + text.row) as i64));
        let places = parcel.texts.into_iter();
        self.places.extend(places.map(|text| (buffer + usize::from(text.undone), text.at)));
        self.bytes.extend([parcel.bytes, parcel.undone]);
        self.count += parcel.count;
        self.without += parcel.without;
    }
}

impl Texts for LogTexts {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn get(&self, index: usize) -> &[u8] {
        let (buffer, at) = &self.places[index];
        &self.bytes[*buffer][at.clone()]
    }
}
