//! What leaves the keyring sealed: one set for others, with a key of its own that says nothing of
//! the seed; and private files that belong to it, for whoever opens the keyring itself.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::access::{Protect, Unlock};
use super::error::KeyringError;
use super::journal::{Entry, Event};
use super::payload::{SetRecord, write_json};
use super::{Keyring, container, file};

/// The format of a signal; of a set of natural answers; of one whose keys are pairs; are other files of a medium; of another that is not for
/// text; and of any other. Earlier versions read the rest.
const FORMAT: &str = "ifrs/set/v7";
const CHOICES_FORMAT: &str = "ifrs/set/v6";
const PAIRS_FORMAT: &str = "ifrs/set/v5";
const DRAWN_FORMAT: &str = "ifrs/set/v4";
const BYTES_FORMAT: &str = "ifrs/set/v3";
const TEXT_FORMAT: &str = "ifrs/set/v2";

/// The format before, which had no sets of scheme v3.
const FORMAT_V1: &str = "ifrs/set/v1";

#[derive(Serialize)]
struct Written<'s> {
    format: &'static str,
    keyring: &'s str,
    spent: &'s [usize],
    set: &'s SetRecord,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "format")]
    _format: String,
    /// Where the set comes from.
    keyring: String,
    spent: Vec<usize>,
    set: SetRecord,
}

#[derive(Deserialize)]
struct Head {
    format: String,
}

impl Keyring {
    /// Seals a set for others in a new file. The journal says so before the file exists.
    pub fn export(&mut self, name: &str, out: &Path, protect: Protect) -> Result<(), KeyringError> {
        if out.symlink_metadata().is_ok() {
            return Err(KeyringError::Exists(out.to_owned()));
        }
        protect.check()?;
        let protect = &protect.normal();
        let sealed = self.change(|payload| {
            let record = payload.find(name)?;
            let (id, detached) = (record.id(&payload.seed), record.detached(&payload.seed));
            let written = Written {
                format: format_of(&detached),
                keyring: &payload.id(),
                spent: &payload.journal.spent(&id),
                set: &detached,
            };
            let sealed = container::seal(&write_json(&written), protect)?;
            let to = protect.recipients().to_vec();
            payload.journal.append(Entry { to, ..Entry::new(Event::Exported) }.about(name, id));
            Ok(sealed)
        })?;
        file::create(out, &sealed).map(drop)
    }

    /// Takes in a sealed set, under its own name or another. Without `unlock`, what opened this
    /// keyring is tried. Returns the set's name here.
    pub fn import(
        &mut self,
        sealed: &Path,
        unlock: Option<&Unlock>,
        name: Option<&str>,
    ) -> Result<String, KeyringError> {
        self.check_process()?;
        let (bytes, _) = file::read_given(sealed, file::MAX_FILE)?;
        let Some(unlock) = unlock.or(self.unlock.as_ref()) else {
            return Err(KeyringError::WrongPassphrase(sealed.to_owned()));
        };
        let read = read_set(sealed, &container::open_any(sealed, &bytes, unlock)?.0)?;
        let notices = unlock.notices().to_vec();
        let name = name.unwrap_or(&read.set.spec.name).to_owned();
        let Read { keyring, spent, set, .. } = read;
        let indices: Vec<usize> = BTreeSet::from_iter(spent).into_iter().collect();
        let record = set.named(&name);
        self.change(|payload| {
            // Deriving it once shows that it can be: a set that cannot is not taken in.
            record.restore(&payload.seed)?;
            let id = record.id(&payload.seed);
            let entry = Entry { indices, to: vec![keyring], ..Entry::new(Event::Imported) };
            payload.journal.append(entry.about(&name, id));
            payload.add(record)
        })?;
        self.notices = notices;
        Ok(name)
    }

    /// Encrypts what belongs to this keyring for whoever may open it.
    pub fn seal(&self, plaintext: &[u8]) -> Result<Vec<u8>, KeyringError> {
        self.check_process()?;
        container::seal(plaintext, &self.protect)
    }

    /// Decrypts what `seal` gave, with what opened this keyring; `path` names it in errors.
    pub fn unseal(
        &self,
        path: &Path,
        sealed: &[u8],
    ) -> Result<impl Deref<Target = [u8]> + Send + use<>, KeyringError> {
        self.check_process()?;
        match &self.unlock {
            // Sealed under the passphrase before it was spelt as now, perhaps.
            Some(unlock) => container::open_any(path, sealed, unlock).map(|(plain, _)| plain),
            None => Err(KeyringError::WrongPassphrase(path.to_owned())),
        }
    }
}

/// Whether a text is a keyring's public id.
fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Reads a sealed set, for the fuzzer: never a panic.
pub fn read_sealed_set(json: &[u8]) -> bool {
    read_set(Path::new("fuzz"), json).is_ok()
}

/// The earliest format that has such a set.
fn format_of(set: &SetRecord) -> &'static str {
    if set.is_signal() {
        FORMAT
    } else if set.is_choices() {
        CHOICES_FORMAT
    } else if set.is_pair() {
        PAIRS_FORMAT
    } else if set.is_drawn() {
        DRAWN_FORMAT
    } else if set.is_text() {
        TEXT_FORMAT
    } else {
        BYTES_FORMAT
    }
}

fn read_set(path: &Path, json: &[u8]) -> Result<Read, KeyringError> {
    let corrupt =
        |reason: &str| KeyringError::Corrupt { path: path.to_owned(), reason: reason.to_owned() };
    let head: Head = serde_json::from_slice(json).map_err(|_| corrupt("it is no sealed set"))?;
    let known =
        [FORMAT, CHOICES_FORMAT, PAIRS_FORMAT, DRAWN_FORMAT, BYTES_FORMAT, TEXT_FORMAT, FORMAT_V1];
    if !known.contains(&head.format.as_str()) {
        return Err(KeyringError::Version { path: path.to_owned(), format: head.format });
    }
    let read: Read =
        serde_json::from_slice(json).map_err(|_| corrupt("it is not of the documented form"))?;
    let n = read.set.spec.n;
    if let Some(reason) = read.set.fault() {
        return Err(corrupt(reason));
    }
    // These go into the journal and onto screens: what no keyring writes is not taken.
    let known = is_id(&read.keyring) && read.set.is_dated();
    if !known || !read.set.is_detached() || read.spent.iter().any(|&i| i >= n) {
        return Err(corrupt("its set is malformed"));
    }
    Ok(read)
}
