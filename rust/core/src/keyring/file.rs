//! Bytes to disk and back: beside, fsync, rename, fsync the folder.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::{Builder, NamedTempFile};

use super::error::KeyringError;

/// What a file held when it was last read or written here.
#[derive(PartialEq, Eq)]
pub(super) struct Stamp([u8; 32]);

impl Stamp {
    fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// Whether the file still holds what `stamp` says.
pub(super) fn is_same(path: &Path, stamp: &Stamp) -> bool {
    fs::read(path).is_ok_and(|bytes| Stamp::of(&bytes) == *stamp)
}

/// Reads a file whole.
pub(super) fn read(path: &Path) -> Result<(Vec<u8>, Stamp), KeyringError> {
    let bytes = fs::read(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => KeyringError::NotFound(path.to_owned()),
        _ => failed("read", path, source),
    })?;
    let stamp = Stamp::of(&bytes);
    Ok((bytes, stamp))
}

/// Writes a new file of mode 0600; an existing one is left alone.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<Stamp, KeyringError> {
    let beside = write_beside(path, bytes)?;
    beside.persist_noclobber(path).map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => KeyringError::Exists(path.to_owned()),
        _ => failed("create", path, error.error),
    })?;
    sync_folder(path)?;
    Ok(Stamp::of(bytes))
}

/// Replaces a file; the previous version becomes the backup. The caller holds the lock.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<Stamp, KeyringError> {
    let (previous, _) = read(path)?;
    let backup = backup_path(path);
    persist(write_next(&backup, &previous)?, &backup)?;
    persist(write_next(path, bytes)?, path)?;
    sync_folder(path)?;
    Ok(Stamp::of(bytes))
}

/// Replaces a file and its backup, so that nothing is left of what they held.
pub(super) fn replace_both(path: &Path, bytes: &[u8]) -> Result<Stamp, KeyringError> {
    persist(write_next(path, bytes)?, path)?;
    let backup = backup_path(path);
    persist(write_next(&backup, bytes)?, &backup)?;
    sync_folder(path)?;
    Ok(Stamp::of(bytes))
}

/// `keyring.ifrs` → `keyring.ifrs.bak`.
pub(super) fn backup_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".bak");
    name.into()
}

/// A synced temporary file in the same folder; it removes itself unless it is persisted.
fn write_beside(path: &Path, bytes: &[u8]) -> Result<NamedTempFile, KeyringError> {
    let beside = NamedTempFile::new_in(folder_of(path))
        .map_err(|source| failed("write beside", path, source))?;
    fill(beside, path, bytes)
}

fn fill(
    mut beside: NamedTempFile,
    path: &Path,
    bytes: &[u8],
) -> Result<NamedTempFile, KeyringError> {
    beside
        .write_all(bytes)
        .and_then(|()| beside.as_file().sync_all())
        .map_err(|source| failed("write", path, source))?;
    Ok(beside)
}

/// As [`write_beside`], at a place that the lock makes ours: what a killed writer left there goes.
fn write_next(path: &Path, bytes: &[u8]) -> Result<NamedTempFile, KeyringError> {
    let fault = |source| failed("write beside", path, source);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    match fs::remove_file(folder_of(path).join(&name)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(fault(error)),
        _ => {}
    }
    let made = Builder::new().prefix(&name).rand_bytes(0).tempfile_in(folder_of(path));
    fill(made.map_err(fault)?, path, bytes)
}

fn persist(beside: NamedTempFile, path: &Path) -> Result<(), KeyringError> {
    beside.persist(path).map_err(|error| failed("replace", path, error.error))?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes a rename last; folders cannot be opened for that on Windows, where it is not needed.
fn sync_folder(path: &Path) -> Result<(), KeyringError> {
    if cfg!(unix) {
        File::open(folder_of(path))
            .and_then(|folder| folder.sync_all())
            .map_err(|source| failed("sync the folder of", path, source))?;
    }
    Ok(())
}

pub(super) fn failed(action: &'static str, path: &Path, source: std::io::Error) -> KeyringError {
    KeyringError::Io { action, path: path.to_owned(), source }
}
