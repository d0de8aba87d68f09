//! Files, a chunk of rows at a time.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ifrs_matching::{Method, Options, Texts, drive};

use super::bad::Bad;
use super::parcel::{How, Parcel, Rows};
use super::pool::Pool;
use super::sieve::Sieve;
use super::source::{Block, Parts, Stream};
use super::{LogError, Packed};

/// Bytes of a file that one thread reads at a time: they stay in its cache.
const PARCEL: u64 = 1 << 19;

/// Bytes of the first chunk, of which a sieve is made.
const FIRST: usize = 1 << 20;

/// What is sought in texts.
#[derive(Clone, Debug)]
pub struct Sought {
    /// Patterns, none of them empty.
    pub patterns: Vec<String>,
    /// How they are compared with texts.
    pub method: Method,
    /// The least score of a hit.
    pub cutoff: f32,
}

/// A file of rows.
pub struct LogFile {
    rows: Rows,
    source: Source,
    bytes: u64,
    /// The next row.
    row: usize,
    sought: Option<Sought>,
    sieve: Option<Sieve>,
    pool: Pool,
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
    buffers: Buffers,
    /// The buffer of each text, and where in it.
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

/// Two buffers of each parcel: what was read, and what was undone.
#[derive(Debug, Default)]
struct Buffers {
    all: Vec<Vec<u8>>,
    pool: Pool,
}

impl Drop for Buffers {
    fn drop(&mut self) {
        self.all.drain(..).for_each(|buffer| self.pool.give(buffer));
    }
}

impl LogFile {
    /// Opens a file. Where it is known what is sought, texts that cannot hold
    /// it are left out.
    ///
    /// # Errors
    ///
    /// [`LogError::Io`] or [`LogError::Threads`]; the bytes are not looked at
    /// yet.
    pub fn open(
        path: &Path,
        rows: Rows,
        packed: Option<Packed>,
        sought: Option<Sought>,
    ) -> Result<Self, LogError> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        let bytes = about.len();
        let (json, pool) = (matches!(rows, Rows::Json(_)), Pool::default());
        // What is no file, such as a pipe, has no parts.
        let source = if json || packed.is_some() || !about.is_file() {
            Source::Stream(Stream::new(file, packed, json, pool.clone())?)
        } else {
            let parts = Parts::new(file, bytes);
            let start = parts.start()?;
            Source::Parts(parts, start)
        };
        Ok(Self { rows, source, bytes, row: 0, sought, sieve: None, pool })
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
        let bytes = if self.sought.is_some() { bytes.min(FIRST) } else { bytes };
        let buffers = Buffers { all: Vec::new(), pool: self.pool.clone() };
        let mut texts = LogTexts { buffers, first: self.row, ..LogTexts::default() };
        let how = How { rows: &self.rows, sieve: self.sieve.as_ref(), pool: &self.pool };
        match &mut self.source {
            Source::Parts(parts, at) => {
                if *at >= parts.length {
                    return Ok(None);
                }
                *at = read_parts(parts, *at, bytes, &how, options, &mut texts)?;
                texts.position = *at;
            }
            Source::Stream(stream) => {
                let blocks = gather(stream, bytes, options)?;
                let Some(last) = blocks.last() else { return Ok(None) };
                texts.position = last.position;
                let cut_short = last.cut_short;
                read_blocks(blocks, &how, options, &mut texts)?;
                if cut_short {
                    texts.bad.push((texts.first + texts.count, Bad::CutShort));
                    texts.count += 1;
                }
            }
        }
        self.row += texts.count;
        self.mind_sieve(&texts);
        Ok(Some(texts))
    }

    /// Makes the sieve from the first texts, and gives up one that holds
    /// nothing back.
    fn mind_sieve(&mut self, texts: &LogTexts) {
        if !texts.is_empty()
            && let Some(Sought { patterns, method, cutoff }) = self.sought.take()
        {
            let options = Options { cutoff, ..Options::new(method) };
            self.sieve = Sieve::new(&patterns, &options, texts, self.rows != Rows::Lines);
        }
        if self.sieve.as_ref().is_some_and(|sieve| !sieve.is_worth_it()) {
            self.sieve = None;
        }
    }
}

/// Reads the lines that start within some bytes; returns where the next starts.
fn read_parts(
    parts: &Parts,
    start: u64,
    bytes: usize,
    how: &How<'_>,
    options: &Options<'_>,
    texts: &mut LogTexts,
) -> Result<u64, LogError> {
    let end = parts.length.min(start.saturating_add(bytes.max(1) as u64));
    let starts: Vec<u64> = (start..end).step_by(PARCEL as usize).collect();
    let read = each(&starts, options, |&from| {
        let mut buffer = how.pool.take();
        let part = from..end.min(from + PARCEL);
        let (lines, next) = parts.lines(part, from == start, &mut buffer)?;
        let mut parcel = Parcel::lines(&buffer[..lines.end], lines.start, how);
        if parcel.texts.iter().any(|text| !text.undone) {
            parcel.bytes = buffer;
        } else {
            how.pool.give(buffer);
        }
        Ok((next, parcel))
    })?;
    let mut next = end;
    for (behind, parcel) in read {
        // A line may reach over several parts.
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
    how: &How<'_>,
    options: &Options<'_>,
    texts: &mut LogTexts,
) -> Result<(), LogError> {
    let parcels = each(&blocks, options, |block| {
        Ok(match &block.rows {
            Some(ranges) => Parcel::cut(&block.bytes, ranges, how),
            None => Parcel::lines(&block.bytes, 0, how),
        })
    })?;
    for (mut parcel, block) in parcels.into_iter().zip(blocks) {
        parcel.bytes = block.bytes;
        texts.append(parcel);
    }
    Ok(())
}

/// What some work makes of each item, in order, on many threads.
fn each<I: Sync, R: Send>(
    items: &[I],
    options: &Options<'_>,
    work: impl Fn(&I) -> io::Result<R> + Sync,
) -> Result<Vec<R>, LogError> {
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let failed = Mutex::new(None);
    drive(items.iter().enumerate(), items.len(), options, |(index, item), (): &mut (), _| {
        match work(item) {
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
        let (row, buffer) = (self.first + self.count, self.buffers.all.len());
        self.bad.extend(parcel.bad.into_iter().map(|(at, bad)| (row + at, bad)));
        self.rows.extend(parcel.texts.iter().map(|text| (row + text.row) as i64));
        let places = parcel.texts.into_iter();
        self.places.extend(places.map(|text| (buffer + usize::from(text.undone), text.at)));
        self.buffers.all.extend([parcel.bytes, parcel.undone]);
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
        &self.buffers.all[*buffer][at.clone()]
    }
}
