//! The exclusive lock of a keyring's writers: `keyring.ifrs.lock`, which names its holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::KeyringError;
use super::file::failed;
use super::payload::now;

/// How often a waiting writer looks again.
const POLL: Duration = Duration::from_millis(10);

/// The longest description of a holder that is passed on.
const MAX_HOLDER: u64 = 300;

/// Held while a keyring is read, changed and written. The system releases it with the process.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits up to `timeout` for other writers.
    pub(super) fn take(path: &Path, timeout: Duration) -> Result<Self, KeyringError> {
        let beside = lock_path(path);
        let fault = |source| failed("lock", &beside, source);
        let mut file = open(&beside).map_err(fault)?;
        let end = Instant::now() + timeout;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(fault(source)),
                Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(&mut file);
                    return Err(KeyringError::Locked { path: path.to_owned(), holder });
                }
            }
        }
        sign(&mut file).map_err(fault)?;
        Ok(Self { _file: file })
    }
}

/// The file stays when the lock is released: removing it would let two writers lock two files.
fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn sign(file: &mut File) -> std::io::Result<()> {
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
}
