//! The highest generation seen of each keyring, in the user's state folder.
//!
//! A keyring cannot tell by itself that it was swapped for an older copy; what the folder
//! remembers can. It holds nothing secret. Where it cannot be written, nothing is remembered; what
//! is there and cannot be understood is damage.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::file::{OpenError, open_own};

/// The format that this version writes and reads.
const FORMAT: &str = "ifrs/state/v1";

/// A memory is one short line; more is not read.
const MAX_BYTES: u64 = 4096;

/// What is remembered of a keyring.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seen {
    format: String,
    /// The highest generation.
    pub(super) generation: u64,
    /// The journal's last hash then.
    pub(super) head: String,
}

/// The folder: `IFRS_STATE_DIR`, else the system's place for a user's state.
pub fn state_folder() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let usual = || {
        if cfg!(windows) {
            return set("LOCALAPPDATA");
        }
        set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local").join("state")))
    };
    set("IFRS_STATE_DIR").or_else(|| Some(usual()?.join("ifrs")))
}

/// What the folder says of a keyring.
pub(super) enum Memory {
    /// It never saw it, or cannot be read.
    Nothing,
    /// What it saw last.
    Seen(Seen),
    /// A file is there that says nothing.
    Damaged(PathBuf),
}

/// What is remembered of the keyring `id`.
pub(super) fn recall(folder: &Path, id: &str) -> Memory {
    let path = file_of(folder, id);
    let mut file = match open_own(&path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(OpenError::Special) => return Memory::Damaged(path),
        Err(OpenError::Io(_)) => return Memory::Nothing,
    };
    // Another process may be writing it; where nothing can be locked, nobody is kept out.
    let _ = file.lock_shared();
    read(&mut file).map_or(Memory::Damaged(path), Memory::Seen)
}

/// Remembers a generation; a lower one only if `reset` says so.
pub(super) fn remember(folder: &Path, id: &str, generation: u64, head: &str, reset: bool) {
    let seen = Seen { format: FORMAT.to_owned(), generation, head: head.to_owned() };
    // A folder that cannot be written is no reason to refuse a keyring.
    let _ = write(folder, id, &seen, reset);
}

fn file_of(folder: &Path, id: &str) -> PathBuf {
    folder.join("keyrings").join(format!("{id}.json"))
}

fn read(file: &mut File) -> Option<Seen> {
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text).ok()?;
    let seen: Seen = serde_json::from_slice(&text).ok()?;
    (seen.format == FORMAT).then_some(seen)
}

fn write(folder: &Path, id: &str, seen: &Seen, reset: bool) -> io::Result<()> {
    let path = file_of(folder, id);
    let beside = path.parent().unwrap_or(folder);
    fs::create_dir_all(beside)?;
    let line = serde_json::to_vec(seen)?;
    let mut options = OpenOptions::new();
    let file = match open_own(&path, options.read(true).write(true)) {
        Ok(file) => file,
        Err(OpenError::Io(error)) if error.kind() == ErrorKind::NotFound => {
            // Whole from the start: an empty file would be damage to whoever reads it meanwhile.
            let mut new = NamedTempFile::new_in(beside)?;
            new.write_all(&line)?;
            match new.persist_noclobber(&path) {
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                    return write(folder, id, seen, reset);
                }
                made => return made.map(drop).map_err(|error| error.error),
            }
        }
        Err(OpenError::Special) if reset => {
            fs::remove_file(&path)?;
            return write(folder, id, seen, reset);
        }
        Err(OpenError::Special) => return Err(ErrorKind::InvalidData.into()),
        Err(OpenError::Io(error)) => return Err(error),
    };
    overwrite(file, line, seen, reset)
}

fn overwrite(mut file: File, mut line: Vec<u8>, seen: &Seen, reset: bool) -> io::Result<()> {
    // Another process may remember a later generation in this moment.
    file.lock()?;
    let length = file.metadata()?.len();
    if !reset && read(&mut file).is_some_and(|known| known.generation > seen.generation) {
        return Ok(());
    }
    // One writing that covers what was there: a killed process leaves no mixture of both.
    let covers = usize::try_from(length.min(MAX_BYTES)).unwrap_or(0);
    line.resize(line.len().max(covers), b' ');
    file.rewind()?;
    file.write_all(&line)?;
    file.set_len(line.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_generation_stays() {
        let folder = tempfile::tempdir().unwrap();
        let generation = || match recall(folder.path(), "id") {
            Memory::Seen(seen) => Some(seen.generation),
            Memory::Nothing => None,
            Memory::Damaged(path) => panic!("{} is damaged", path.display()),
        };
        assert_eq!(generation(), None);
        for (given, reset, kept) in [(3, false, 3), (10, false, 10), (4, false, 10), (4, true, 4)] {
            remember(folder.path(), "id", given, "head", reset);
            assert_eq!(generation(), Some(kept));
        }
        let left = fs::read_dir(folder.path().join("keyrings")).unwrap().count();
        assert_eq!(left, 1);
    }

    #[test]
    fn damage_is_told_from_nothing_and_mended_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let path = file_of(folder.path(), "id");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        for damaged in [String::new(), "{".into(), "[]".into(), "x".repeat(5000)] {
            fs::write(&path, damaged).unwrap();
            assert!(matches!(recall(folder.path(), "id"), Memory::Damaged(at) if at == path));
            remember(folder.path(), "id", 2, "head", true);
            let Memory::Seen(seen) = recall(folder.path(), "id") else { panic!("still damaged") };
            assert_eq!((seen.generation, seen.head.as_str()), (2, "head"));
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(recall(folder.path(), "id"), Memory::Damaged(_)));
    }

    #[test]
    fn who_reads_while_others_write_sees_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        remember(folder.path(), "id", 1, "head", false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..500_u64 {
                    let head = "h".repeat(usize::try_from(round % 7).unwrap() * 20);
                    remember(folder.path(), "id", 10_u64.pow(18) >> (round % 60), &head, true);
                }
            });
            for _ in 0..2000 {
                assert!(matches!(recall(folder.path(), "id"), Memory::Seen(_)));
            }
        });
    }
}
