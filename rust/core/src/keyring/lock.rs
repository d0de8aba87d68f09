//! The exclusive lock of a keyring's writers: `keyring.ifrs.lock`, which names its holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::KeyringError;
use super::file::{self, failed};
use crate::encoding::now;

/// How often a waiting writer looks again.
const POLL: Duration = Duration::from_millis(10);

/// The longest description of a holder that is passed on.
const MAX_HOLDER: u64 = 300;

/// Held while a file is read, changed and written. The system releases it with the process.
pub struct Lock {
    file: File,
    process: u32,
    /// Goes with the lock; a keyring's stays.
    litter: Option<PathBuf>,
}

impl Lock {
    /// Waits up to `timeout` for other writers of a keyring.
    pub(super) fn take(path: &Path, timeout: Duration) -> Result<Self, KeyringError> {
        Self::wait(path, timeout, false)
    }

    /// Locks any other file; the file beside it is removed with the lock.
    pub fn of_file(path: &Path) -> Result<Self, KeyringError> {
        Self::wait(path, Duration::ZERO, true)
    }

    fn wait(path: &Path, timeout: Duration, litter: bool) -> Result<Self, KeyringError> {
        let beside = file::beside(path, ".lock");
        let fault = |source| failed("lock", &beside, source);
        let end = Instant::now() + timeout;
        loop {
            let mut file = open(&beside)?;
            match file.try_lock() {
                // Who removed or replaced the file meanwhile keeps nobody from locking another.
                Ok(()) if !is_at(&file, &beside) => {}
                Ok(()) => {
                    sign(&mut file).map_err(fault)?;
                    let (process, litter) = (std::process::id(), litter.then_some(beside));
                    return Ok(Self { file, process, litter });
                }
                Err(TryLockError::Error(source)) => return Err(fault(source)),
                Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(&mut file);
                    return Err(KeyringError::Locked { path: path.to_owned(), holder });
                }
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            return; // a forked child has the file open, and the lock is its parent's
        }
        // Before the lock is released: who waits for it looks whether its file is still there.
        if let Some(beside) = &self.litter {
            let _ = std::fs::remove_file(beside);
        }
        // Closing alone would leave it locked as long as a forked child lives.
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> Result<File, KeyringError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    file::open_own(path, &mut options).map_err(|error| error.at("lock", path))
}

/// Whether an open file is the one at a path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |facts: std::fs::Metadata| (facts.dev(), facts.ino());
    let open = file.metadata().map(place);
    open.is_ok_and(|open| std::fs::symlink_metadata(path).map(place).is_ok_and(|now| now == open))
}

/// Windows lets nobody remove a file that is open.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

/// Whether the file has this name alone: what has others may be somebody's.
#[cfg(unix)]
fn is_ours(file: &File) -> bool {
    file.metadata().is_ok_and(|facts| std::os::unix::fs::MetadataExt::nlink(&facts) == 1)
}

#[cfg(not(unix))]
fn is_ours(_file: &File) -> bool {
    true
}

fn sign(file: &mut File) -> std::io::Result<()> {
    if !is_ours(file) {
        return Ok(());
    }
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let line = format!("process {} on {host} since {}\n", std::process::id(), now());
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(line.as_bytes())
}

/// Who holds the lock; Windows does not let others read a locked file.
fn holder(file: &mut File) -> String {
    let mut text = Vec::new();
    let read = file.take(MAX_HOLDER).read_to_end(&mut text);
    let line = String::from_utf8_lossy(&text);
    let line: String = line.trim().chars().filter(|c| !c.is_control()).collect();
    if read.is_err() || line.is_empty() { "another process".to_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_learns_who_is_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        let first = Lock::take(&path, Duration::ZERO).unwrap();
        let second = Lock::take(&path, Duration::from_millis(30)).err().unwrap();
        assert!(second.to_string().contains(&format!("process {}", std::process::id())));
        drop(first);
        assert!(Lock::take(&path, Duration::ZERO).is_ok());
    }

    #[test]
    fn a_removed_lock_file_lets_nobody_in_beside_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        let locked = |_| {
            for _ in 0..200 {
                if let Ok(lock) = Lock::of_file(&path) {
                    let made = OpenOptions::new().write(true).create_new(true).open(&path);
                    assert!(made.is_ok(), "somebody else holds the lock");
                    std::fs::remove_file(&path).unwrap();
                    drop(lock);
                }
            }
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || locked(thread));
            }
        });
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn what_others_put_in_its_place_is_neither_followed_nor_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (path, beside) = (folder.path().join("k"), folder.path().join("k.lock"));
        let theirs = folder.path().join("theirs");
        std::fs::write(&theirs, "precious").unwrap();
        std::os::unix::fs::symlink(&theirs, &beside).unwrap();
        let taken = Lock::take(&path, Duration::ZERO);
        assert!(matches!(taken, Err(KeyringError::Special(path)) if path == beside));
        std::fs::remove_file(&beside).unwrap();
        std::fs::hard_link(&theirs, &beside).unwrap();
        assert!(Lock::take(&path, Duration::ZERO).is_ok());
        assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "precious");
        std::fs::remove_file(&beside).unwrap();
        std::fs::create_dir(&beside).unwrap();
        assert!(matches!(Lock::take(&path, Duration::ZERO), Err(KeyringError::Special(_))));
    }
}
