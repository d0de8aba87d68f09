//! Where bytes come from: parts of a file, or a stream of blocks that a thread
//! of its own unpacks.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use memchr::{memchr, memrchr};

use super::cut::Cutter;
use super::pool::Pool;
use super::{LogError, Packed};

/// Bytes of a block of a stream.
const BLOCK: usize = 1 << 20;

/// Bytes that are read at a time where a line goes on behind its part.
const MORE: u64 = 1 << 16;

/// Blocks that wait to be read.
const WAITING: usize = 8;

/// How long is waited for a block before somebody may interrupt.
const POLL: Duration = Duration::from_millis(30);

/// The largest window of Zstandard: files of `zstd --long=31` have it.
const ZSTD_WINDOW: u32 = 31;

/// Bytes of rows, and the rows among them if they are not lines.
pub(crate) struct Block {
    pub(crate) bytes: Vec<u8>,
    pub(crate) rows: Option<Vec<Range<usize>>>,
    /// Bytes of the file read up to here.
    pub(crate) position: u64,
    /// The file ended within a list.
    pub(crate) cut_short: bool,
}

/// A file that is read from first to last.
pub(crate) struct Stream {
    blocks: Receiver<io::Result<Raw>>,
    /// Bytes whose row has not ended.
    pending: Vec<u8>,
    /// Bytes of these that have been looked at.
    seen: usize,
    cutter: Option<Cutter>,
    packed: Option<Packed>,
    pool: Pool,
    position: u64,
    begun: bool,
    ended: bool,
}

/// What a thread has read.
struct Raw {
    bytes: Vec<u8>,
    position: u64,
}

impl Stream {
    pub(crate) fn new(
        file: File,
        packed: Option<Packed>,
        json: bool,
        pool: Pool,
    ) -> Result<Self, LogError> {
        let (sender, blocks) = sync_channel(WAITING);
        let buffers = pool.clone();
        thread::Builder::new()
            .name("ifrs-reading".to_owned())
            .spawn(move || unpack(file, packed, &sender, &buffers))
            .map_err(LogError::Io)?;
        Ok(Self {
            blocks,
            pending: Vec::new(),
            seen: 0,
            cutter: json.then(Cutter::new),
            packed,
            pool,
            position: 0,
            begun: false,
            ended: false,
        })
    }

    /// Some whole rows; nothing at the end.
    pub(crate) fn next(
        &mut self,
        interrupted: &dyn Fn() -> bool,
    ) -> Result<Option<Block>, LogError> {
        while !self.ended {
            match self.receive(interrupted)? {
                Some(raw) => {
                    let begun = std::mem::replace(&mut self.begun, true);
                    let mark = if begun { None } else { raw.strip_prefix(BOM) };
                    self.pending.extend_from_slice(mark.unwrap_or(&raw));
                    self.pool.give(raw);
                }
                None => self.ended = true,
            }
            let block = self.whole_rows();
            if !block.bytes.is_empty() || block.cut_short {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }

    fn receive(&mut self, interrupted: &dyn Fn() -> bool) -> Result<Option<Vec<u8>>, LogError> {
        loop {
            match self.blocks.recv_timeout(POLL) {
                Ok(Ok(raw)) => {
                    self.position = raw.position;
                    return Ok(Some(raw.bytes));
                }
                Ok(Err(error)) => {
                    return Err(match self.packed {
                        Some(packed) => LogError::Packed(packed, error),
                        None => LogError::Io(error),
                    });
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if interrupted() => {
                    return Err(LogError::Interrupted);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Takes the rows that have ended.
    fn whole_rows(&mut self) -> Block {
        let position = self.position;
        let Some(cutter) = &mut self.cutter else {
            let end = match memrchr(b'\n', &self.pending[self.seen..]) {
                _ if self.ended => self.pending.len(),
                Some(last) => self.seen + last + 1,
                None => 0,
            };
            let bytes = take(&mut self.pending, end, &self.pool);
            self.seen = self.pending.len();
            return Block { bytes, rows: None, position, cut_short: false };
        };
        let mut rows = Vec::new();
        let at = cutter.feed(&self.pending, self.seen, &mut rows);
        if self.ended {
            rows.extend(cutter.rest(&self.pending));
            let bytes = std::mem::take(&mut self.pending);
            return Block { bytes, rows: Some(rows), position, cut_short: cutter.is_open() };
        }
        let keep = cutter.keep(at);
        self.seen = at - keep;
        let bytes = take(&mut self.pending, keep, &self.pool);
        Block { bytes, rows: Some(rows), position, cut_short: false }
    }
}

/// Takes the first bytes, and leaves the rest.
fn take(pending: &mut Vec<u8>, count: usize, pool: &Pool) -> Vec<u8> {
    if count == 0 {
        return Vec::new();
    }
    let mut rest = pool.take_empty();
    rest.extend_from_slice(&pending[count..]);
    let mut taken = std::mem::replace(pending, rest);
    taken.truncate(count);
    taken
}

/// A byte-order mark.
pub(crate) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Counts what is read through it.
struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Reads and unpacks a file until it ends, or nobody wants more.
fn unpack(file: File, packed: Option<Packed>, sender: &SyncSender<io::Result<Raw>>, pool: &Pool) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Counted { inner: file, count: Arc::clone(&count) };
    let reader: io::Result<Box<dyn Read>> = match packed {
        None => Ok(Box::new(counted)),
        Some(Packed::Gzip) => {
            Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(BLOCK / 4, counted))))
        }
        Some(Packed::Zstd) => zstd(counted),
    };
    let done = reader.and_then(|mut reader| {
        loop {
            let mut bytes = pool.take_empty();
            bytes.reserve(BLOCK);
            reader.by_ref().take(BLOCK as u64).read_to_end(&mut bytes)?;
            let raw = Raw { bytes, position: count.load(Ordering::Relaxed) };
            if raw.bytes.is_empty() || sender.send(Ok(raw)).is_err() {
                return Ok(());
            }
        }
    });
    if let Err(error) = done {
        // Nobody may be waiting.
        let _ = sender.send(Err(error));
    }
}

fn zstd(file: Counted<File>) -> io::Result<Box<dyn Read>> {
    let mut decoder = zstd::Decoder::with_buffer(BufReader::with_capacity(BLOCK / 4, file))?;
    decoder.window_log_max(ZSTD_WINDOW)?;
    Ok(Box::new(decoder))
}

/// A file whose parts many threads read.
pub(crate) struct Parts {
    file: File,
    pub(crate) length: u64,
}

impl Parts {
    pub(crate) fn new(file: File, length: u64) -> Self {
        Self { file, length }
    }

    /// Where the first line starts.
    pub(crate) fn start(&self) -> io::Result<u64> {
        let (mut first, mark) = (Vec::new(), BOM.len() as u64);
        self.read(0..mark, &mut first, 0)?;
        Ok(if first == BOM { mark } else { 0 })
    }

    /// The lines that start within a part of the file, of which the first
    /// starts with the part if `first`. Returns where they are in the buffer,
    /// and where in the file the next line starts.
    pub(crate) fn lines(
        &self,
        part: Range<u64>,
        first: bool,
        buffer: &mut Vec<u8>,
    ) -> io::Result<(Range<usize>, u64)> {
        // A line starts behind another one's end.
        let from = part.start - u64::from(!first);
        let mut filled = self.read(from..part.end, buffer, 0)?;
        let start = match first {
            true => 0,
            false => match memchr(b'\n', &buffer[..filled.saturating_sub(1)]) {
                Some(end) => end + 1,
                None => return Ok((0..0, part.start)),
            },
        };
        while filled > 0 && buffer[filled - 1] != b'\n' {
            let at = from + filled as u64;
            let read = self.read(at..self.length.min(at + MORE), buffer, filled)?;
            if read == filled {
                break;
            }
            let end = memchr(b'\n', &buffer[filled..read]);
            filled = end.map_or(read, |end| filled + end + 1);
        }
        Ok((start..filled, from + filled as u64))
    }

    /// Reads a part of the file to some place of a buffer; less where the file
    /// has become shorter. Returns where what was read ends.
    fn read(&self, part: Range<u64>, buffer: &mut Vec<u8>, place: usize) -> io::Result<usize> {
        let end = place + part.end.saturating_sub(part.start) as usize;
        if buffer.len() < end {
            buffer.resize(end, 0);
        }
        let (mut at, mut filled) = (part.start, place);
        while filled < end {
            match read_at(&self.file, &mut buffer[filled..end], at) {
                Ok(0) => break,
                Ok(read) => (at, filled) = (at + read as u64, filled + read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, at)
}
