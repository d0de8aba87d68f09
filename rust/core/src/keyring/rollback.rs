//! The highest generation seen of each keyring, in the user's state folder.
//!
//! A keyring cannot tell by itself that it was swapped for an older copy; what the folder
//! remembers can. It holds nothing secret. Where it cannot be written, nothing is remembered.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

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

/// What is remembered of the keyring `id`.
pub(super) fn recall(folder: &Path, id: &str) -> Option<Seen> {
    read(&mut File::open(file_of(folder, id)).ok()?)
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

fn write(folder: &Path, id: &str, seen: &Seen, reset: bool) -> std::io::Result<()> {
    let path = file_of(folder, id);
    fs::create_dir_all(path.parent().unwrap_or(folder))?;
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
    // Another process may remember a later generation in this moment.
    file.lock()?;
    if !reset && read(&mut file).is_some_and(|known| known.generation > seen.generation) {
        return Ok(());
    }
    let line = serde_json::to_vec(seen)?;
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
        let generation = || recall(folder.path(), "id").map(|seen| seen.generation);
        assert_eq!(generation(), None);
        for (given, reset, kept) in [(3, false, 3), (10, false, 10), (4, false, 10), (4, true, 4)] {
            remember(folder.path(), "id", given, "head", reset);
            assert_eq!(generation(), Some(kept));
        }
    }
}
