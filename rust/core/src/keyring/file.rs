//! Bytes to disk and back: beside, fsync, rename, fsync the folder.
//!
//! What lies beside a keyring may have been put there by others: links are not followed, pipes not
//! waited for, and more than a keyring can hold is not read.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::{Builder, NamedTempFile};
use zeroize::Zeroizing;

use super::error::KeyringError;

/// The longest file that is written or read: 1 GiB.
pub(super) const MAX_FILE: u64 = 1 << 30;

/// What a file held when it was last read or written here.
#[derive(PartialEq, Eq)]
pub(super) struct Stamp([u8; 32]);

impl Stamp {
    fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// Something that whoever opens a keyring should know, and that is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Others may read or change a file that only its owner should.
    Loose {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Loose { path, mode } = self;
        let path = path.display();
        write!(out, "others may read or change {path} (mode {mode:04o}): run chmod 600 {path}")
    }
}

/// What is to be said of a file's mode.
pub(super) fn loose(path: &Path) -> Option<Notice> {
    loose_mode(path, &fs::metadata(path).ok()?)
}

#[cfg(unix)]
fn loose_mode(path: &Path, facts: &fs::Metadata) -> Option<Notice> {
    use std::os::unix::fs::PermissionsExt;
    let mode = facts.permissions().mode() & 0o7777;
    let loose = facts.is_file() && mode & 0o077 != 0;
    loose.then(|| Notice::Loose { path: path.to_owned(), mode })
}

#[cfg(not(unix))]
fn loose_mode(_path: &Path, _facts: &fs::Metadata) -> Option<Notice> {
    None
}

/// Where a file really is: links are followed here, once, and nowhere later.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, KeyringError> {
    // On Windows, only links: what the system makes of other paths is hard to read.
    let found = if cfg!(windows) && !path.is_symlink() {
        path.metadata().and_then(|_| std::path::absolute(path))
    } else {
        fs::canonicalize(path)
    };
    found.map_err(|source| {
        let backup = backup_path(path);
        match not_read(path, source) {
            KeyringError::NotFound(path) if backup.exists() => KeyringError::Lost { path, backup },
            error => error,
        }
    })
}

/// Where a new file will be, whatever the working folder becomes.
pub(super) fn resolve_new(path: &Path) -> Result<PathBuf, KeyringError> {
    let name = path.file_name().ok_or_else(|| {
        let source = io::Error::new(ErrorKind::InvalidInput, "the path names no file");
        failed("create", path, source)
    })?;
    let folder = if cfg!(windows) {
        std::path::absolute(folder_of(path))
    } else {
        fs::canonicalize(folder_of(path))
    };
    folder.map(|folder| folder.join(name)).map_err(|source| failed("create", path, source))
}

/// Opens a file of ours; a link, a pipe or a device in its place is an error.
pub(super) fn open_own(path: &Path, options: &mut OpenOptions) -> Result<File, OpenError> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.bits() as i32);
    }
    let special = |facts: &fs::Metadata| !facts.is_file();
    if !cfg!(unix) && fs::symlink_metadata(path).is_ok_and(|facts| special(&facts)) {
        return Err(OpenError::Special);
    }
    match options.open(path) {
        Ok(file) if special(&file.metadata().map_err(OpenError::Io)?) => Err(OpenError::Special),
        Ok(file) => Ok(file),
        Err(_) if fs::symlink_metadata(path).is_ok_and(|facts| special(&facts)) => {
            Err(OpenError::Special)
        }
        Err(error) => Err(OpenError::Io(error)),
    }
}

/// Why a file of ours could not be opened.
pub(super) enum OpenError {
    /// Something else is in its place.
    Special,
    /// The system refused.
    Io(io::Error),
}

impl OpenError {
    pub(super) fn at(self, action: &'static str, path: &Path) -> KeyringError {
        match self {
            Self::Special => KeyringError::Special(path.to_owned()),
            Self::Io(source) => failed(action, path, source),
        }
    }
}

/// Whether the file still holds what `stamp` says.
pub(super) fn is_same(path: &Path, stamp: &Stamp) -> bool {
    read(path).is_ok_and(|(_, now)| now == *stamp)
}

/// Reads a file of ours whole.
pub(super) fn read(path: &Path) -> Result<(Vec<u8>, Stamp), KeyringError> {
    let mut file = open_own(path, OpenOptions::new().read(true)).map_err(|error| match error {
        OpenError::Special => KeyringError::Special(path.to_owned()),
        OpenError::Io(source) => not_read(path, source),
    })?;
    let bytes = read_whole(path, &mut file, MAX_FILE)?;
    let stamp = Stamp::of(&bytes);
    Ok((bytes, stamp))
}

/// Reads a file that the user names: it may be a link or a pipe.
pub(super) fn read_given(
    path: &Path,
    limit: u64,
) -> Result<(Zeroizing<Vec<u8>>, Option<Notice>), KeyringError> {
    let mut file = File::open(path).map_err(|source| failed("read", path, source))?;
    let notice = file.metadata().ok().and_then(|facts| loose_mode(path, &facts));
    Ok((Zeroizing::new(read_whole(path, &mut file, limit)?), notice))
}

fn read_whole(path: &Path, file: &mut File, limit: u64) -> Result<Vec<u8>, KeyringError> {
    // Room from the start: a buffer that grows leaves copies behind.
    let length = file.metadata().map_or(0, |facts| facts.len()).min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|source| failed("read", path, source))?;
    if bytes.len() as u64 > limit {
        return Err(KeyringError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

fn not_read(path: &Path, source: io::Error) -> KeyringError {
    match source.kind() {
        ErrorKind::NotFound => KeyringError::NotFound(path.to_owned()),
        _ => failed("read", path, source),
    }
}

/// Writes a new file of mode 0600; an existing one is left alone.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<Stamp, KeyringError> {
    let beside = NamedTempFile::new_in(folder_of(path))
        .map_err(|source| failed("write beside", path, source))?;
    let beside = fill(beside, path, bytes)?;
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

/// Replaces a file and its backup, so that nothing is left of what they held. The caller holds the
/// lock.
///
/// There is no moment at which one credential opens the file and another its backup: the backup
/// goes first, and comes back last. An error means that the file is as it was; what fails after
/// the file is replaced is returned beside its stamp.
pub(super) fn replace_both(
    path: &Path,
    bytes: &[u8],
) -> Result<(Stamp, Option<KeyringError>), KeyringError> {
    let backup = backup_path(path);
    let (next, next_backup) = (write_next(path, bytes)?, write_next(&backup, bytes)?);
    let before = match read(&backup) {
        Ok((before, _)) => Some(before),
        Err(KeyringError::NotFound(_)) => None,
        Err(KeyringError::Special(_)) => None,
        Err(error) => return Err(error),
    };
    let replaced =
        remove(&backup).and_then(|()| sync_folder(path)).and_then(|()| persist(next, path));
    if let Err(error) = replaced {
        if let Some(before) = before {
            // As far as possible; the file itself is as it was either way.
            drop(next_backup);
            let _ = write_next(&backup, &before).and_then(|next| persist(next, &backup));
        }
        return Err(error);
    }
    let rest = sync_folder(path)
        .and_then(|()| persist(next_backup, &backup))
        .and_then(|()| sync_folder(path));
    Ok((Stamp::of(bytes), rest.err()))
}

/// `keyring.ifrs` → `keyring.ifrs.bak`.
pub(super) fn backup_path(path: &Path) -> PathBuf {
    beside(path, ".bak")
}

/// A file's name with something after it.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn fill(
    mut beside: NamedTempFile,
    path: &Path,
    bytes: &[u8],
) -> Result<NamedTempFile, KeyringError> {
    if bytes.len() as u64 > MAX_FILE {
        return Err(KeyringError::TooLarge { path: path.to_owned(), limit: MAX_FILE });
    }
    step()
        .and_then(|()| beside.write_all(bytes))
        .and_then(|()| beside.as_file().sync_all())
        .map_err(|source| failed("write", path, source))?;
    Ok(beside)
}

/// A synced file at a place that the lock makes ours: what a killed writer left there goes.
///
/// A link there is removed, never followed. The file removes itself unless it is persisted.
fn write_next(path: &Path, bytes: &[u8]) -> Result<NamedTempFile, KeyringError> {
    let next = beside(path, ".new");
    remove(&next)?;
    let name = next.file_name().unwrap_or_default();
    let made = Builder::new().prefix(name).rand_bytes(0).tempfile_in(folder_of(path));
    fill(made.map_err(|source| failed("create", &next, source))?, path, bytes)
}

fn remove(path: &Path) -> Result<(), KeyringError> {
    match step().and_then(|()| fs::remove_file(path)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", path, error)),
        _ => Ok(()),
    }
}

fn persist(beside: NamedTempFile, path: &Path) -> Result<(), KeyringError> {
    step().map_err(|source| failed("replace", path, source))?;
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
        step()
            .and_then(|()| File::open(folder_of(path)))
            .and_then(|folder| folder.sync_all())
            .map_err(|source| failed("sync the folder of", path, source))?;
    }
    Ok(())
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> KeyringError {
    KeyringError::Io { action, path: path.to_owned(), source }
}

/// Goes before each step that changes the disk, so that tests can let it fail.
fn step() -> io::Result<()> {
    #[cfg(test)]
    faults::hit()?;
    Ok(())
}

/// A disk that fails at a chosen step.
#[cfg(test)]
pub(super) mod faults {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// Lets everything fail after so many more steps, or nothing any more.
    pub(in crate::keyring) fn after(steps: Option<usize>) {
        LEFT.set(steps);
    }

    pub(super) fn hit() -> io::Result<()> {
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other("the disk fails")),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
        }
    }
}
