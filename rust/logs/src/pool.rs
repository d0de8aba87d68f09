//! Buffers that are used again: fresh ones cost page faults, and a process that
//! wipes what it frees wipes them for nothing.

use std::sync::{Arc, Mutex, PoisonError};

/// Buffers that are kept at most, and bytes of each.
const KEPT: usize = 128;
const LARGEST: usize = 1 << 22;

/// Buffers with whatever was in them, the last one used first: it may still be
/// in the cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    /// A buffer of any length.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// An empty buffer.
    pub(crate) fn take_empty(&self) -> Vec<u8> {
        let mut buffer = self.take();
        buffer.clear();
        buffer
    }

    /// Keeps a buffer for the next one who wants it.
    pub(crate) fn give(&self, buffer: Vec<u8>) {
        if (1..=LARGEST).contains(&buffer.capacity()) {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < KEPT {
                kept.push(buffer);
            }
        }
    }
}
