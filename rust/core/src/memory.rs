//! Memory for secrets: locked, left out of core dumps and of forked children, wiped when dropped.
//!
//! Locking and the flags are requests that a system may refuse (a limit on locked pages, a platform
//! without them); the memory is then used as it is. Where a child of `fork` has no such pages, it
//! would crash when it reads them: who hands secrets out asks [`Locked::is_here`] first.

use std::io::{self, Write};
use std::ops::{Deref, DerefMut};
use std::process;

use memmap2::MmapMut;
use zeroize::Zeroize;

/// Bytes on pages of their own. No `Debug`, no `Clone`.
pub(crate) struct Locked {
    place: Place,
    /// The process that made them.
    process: u32,
}

enum Place {
    Pages(MmapMut),
    Heap(Box<[u8]>),
}

impl Locked {
    /// `length` zero bytes.
    pub(crate) fn zeroed(length: usize) -> Self {
        // A map of no bytes is an error on some systems.
        let place = match MmapMut::map_anon(length.max(1)) {
            Ok(pages) => {
                protect(&pages);
                Place::Pages(pages)
            }
            Err(_) => Place::Heap(vec![0; length].into()),
        };
        Self { place, process: process::id() }
    }

    /// Whether this is the process that made it, and not a child of `fork`.
    pub(crate) fn is_here(&self) -> bool {
        self.process == process::id()
    }
}

#[cfg(unix)]
fn protect(pages: &MmapMut) {
    // Refusals are no errors: see the module's text.
    let _ = pages.lock();
    #[cfg(target_os = "linux")]
    for advice in [memmap2::Advice::DontDump, memmap2::Advice::DontFork] {
        let _ = pages.advise(advice);
    }
}

#[cfg(not(unix))]
fn protect(_pages: &MmapMut) {}

impl Deref for Locked {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.place {
            Place::Pages(pages) => pages,
            Place::Heap(bytes) => bytes,
        }
    }
}

impl DerefMut for Locked {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.place {
            Place::Pages(pages) => pages,
            Place::Heap(bytes) => bytes,
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let gone = cfg!(target_os = "linux") && matches!(self.place, Place::Pages(_));
        if self.is_here() || !gone {
            self.deref_mut().zeroize();
        } else {
            // A forked child has no such pages, and something else may be where they were.
            std::mem::forget(std::mem::replace(&mut self.place, Place::Heap(Box::default())));
        }
    }
}

/// A text of known length in [`Locked`] memory; unlike a `Vec` it never moves and leaves a copy.
pub(crate) struct Buffer {
    bytes: Locked,
    used: usize,
}

impl Buffer {
    pub(crate) fn with_capacity(length: usize) -> Self {
        Self { bytes: Locked::zeroed(length), used: 0 }
    }

    /// Whether this is the process that made it, and not a child of `fork`.
    pub(crate) fn is_here(&self) -> bool {
        self.bytes.is_here()
    }

    /// Reads to the end of what `reader` gives; more than the capacity is an error.
    pub(crate) fn fill(&mut self, mut reader: impl io::Read) -> io::Result<()> {
        loop {
            if self.used == self.bytes.len() {
                return match reader.read(&mut [0])? {
                    0 => Ok(()),
                    _ => Err(io::ErrorKind::OutOfMemory.into()),
                };
            }
            match reader.read(&mut self.bytes[self.used..]) {
                Ok(0) => return Ok(()),
                Ok(read) => self.used += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = &mut self.bytes[self.used..];
        let taken = bytes.len().min(room.len());
        room[..taken].copy_from_slice(&bytes[..taken]);
        self.used += taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts what is written, so that a [`Buffer`] can be made to measure.
#[derive(Default)]
pub(crate) struct Count(pub(crate) usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_holds_what_fits() {
        let mut buffer = Buffer::with_capacity(5000);
        buffer.write_all(&[7; 4990]).unwrap();
        buffer.fill(&[8_u8; 10][..]).unwrap();
        assert_eq!((buffer.len(), buffer[4989], buffer[4990]), (5000, 7, 8));
        let mut small = Buffer::with_capacity(3);
        assert!(small.fill(&[1_u8; 4][..]).is_err());
        assert!(Buffer::with_capacity(0).is_empty());
    }
}
