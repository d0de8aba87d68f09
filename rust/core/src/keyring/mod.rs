//! The keyring: one encrypted file that holds the seed and the sets.
//!
//! [`payload`] is what is inside, [`container`] the age file around it, [`file`](mod@file) how it
//! reaches the disk.

mod container;
mod file;
mod payload;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use crate::fingerprint::set::Check;
use crate::fingerprint::{Alphabets, FingerprintError, FingerprintSet, Seed, SetSpec};
use payload::{Payload, SetRecord};

pub use container::MIN_WORK_FACTOR;

/// Why a keyring could not be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is a file at the path of a new keyring.
    #[error("{} already exists: open it, or choose another path", .0.display())]
    Exists(PathBuf),
    /// There is no file at the path.
    #[error("there is no keyring at {}: create one first", .0.display())]
    NotFound(PathBuf),
    /// The passphrase does not open the file.
    #[error("wrong passphrase for {}", .0.display())]
    WrongPassphrase(PathBuf),
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty: choose one")]
    EmptyPassphrase,
    /// The file is encrypted in a way that a passphrase cannot open.
    #[error("{} is not encrypted with a passphrase", .0.display())]
    NotPassphrase(PathBuf),
    /// The file is no keyring, or was damaged.
    #[error("{} is damaged or no keyring ({reason}): restore a backup", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file was written by a later version.
    #[error("{} has format {format:?}, which this version does not know: upgrade ifrs", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: String,
    },
    /// The file changed since it was opened.
    #[error("{} was changed by another process: open it again", .0.display())]
    Changed(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// There is a set of this name.
    #[error("the keyring has a set {0:?} already: choose another name, or remove it")]
    SetExists(String),
    /// There is no set of this name.
    #[error("the keyring has no set {0:?}")]
    NoSet(String),
    /// The set could not be derived.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
}

/// What is public about a set.
#[derive(Clone, Debug)]
pub struct SetSummary {
    /// What determined it.
    pub spec: SetSpec,
    /// When it was made (RFC 3339, UTC).
    pub created: String,
    /// Whether its rendered keys are stored because a tokenizer took part.
    pub stored: bool,
}

/// An open keyring. Dropping it wipes its secrets.
pub struct Keyring {
    path: PathBuf,
    passphrase: SecretString,
    work_factor: Option<u8>,
    stamp: file::Stamp,
    payload: Payload,
    cache: HashMap<String, Arc<FingerprintSet>>,
}

impl Keyring {
    /// Makes a keyring with a fresh seed; refuses to overwrite a file.
    ///
    /// `work_factor` is scrypt's log₂ N; without one it is chosen to take about a second here.
    pub fn create(
        path: &Path,
        passphrase: SecretString,
        work_factor: Option<u8>,
    ) -> Result<Self, KeyringError> {
        if path.exists() {
            return Err(KeyringError::Exists(path.to_owned()));
        }
        let payload = Payload::new(Seed::random()?);
        let sealed = container::seal(&payload.to_json(), &passphrase, work_factor)?;
        let stamp = file::create(path, &sealed)?;
        Ok(Self {
            path: path.to_owned(),
            passphrase,
            work_factor,
            stamp,
            payload,
            cache: HashMap::new(),
        })
    }

    /// Opens a keyring. It keeps the work factor with which it was made.
    pub fn open(path: &Path, passphrase: SecretString) -> Result<Self, KeyringError> {
        let (sealed, stamp) = file::read(path)?;
        let work_factor = container::work_factor(&sealed);
        let json = container::open(path, &sealed, &passphrase)?;
        let payload = Payload::from_json(path, &json)?;
        Ok(Self {
            path: path.to_owned(),
            passphrase,
            work_factor,
            stamp,
            payload,
            cache: HashMap::new(),
        })
    }

    /// Derives a set and writes it to the file before returning it.
    pub fn generate(
        &mut self,
        spec: SetSpec,
        alphabets: &Alphabets,
        check: Option<&mut Check<'_>>,
    ) -> Result<Arc<FingerprintSet>, KeyringError> {
        if self.payload.find(&spec.name).is_some() {
            return Err(KeyringError::SetExists(spec.name));
        }
        let with_tokenizer = check.is_some();
        let set = FingerprintSet::derive(&self.payload.seed, spec, alphabets, check)?;
        self.payload.sets.push(SetRecord::of(&set, with_tokenizer));
        if let Err(error) = self.save() {
            self.payload.sets.pop();
            return Err(error);
        }
        let set = Arc::new(set);
        self.cache.insert(set.spec().name.clone(), Arc::clone(&set));
        Ok(set)
    }

    /// The set called `name`.
    pub fn get(&mut self, name: &str) -> Result<Arc<FingerprintSet>, KeyringError> {
        if let Some(set) = self.cache.get(name) {
            return Ok(Arc::clone(set));
        }
        let record = self.payload.find(name).ok_or_else(|| KeyringError::NoSet(name.to_owned()))?;
        let set = Arc::new(record.restore(&self.payload.seed)?);
        self.cache.insert(name.to_owned(), Arc::clone(&set));
        Ok(set)
    }

    /// Takes a set out of the file; its keys can be derived again from the same seed.
    pub fn remove(&mut self, name: &str) -> Result<(), KeyringError> {
        let place = self
            .payload
            .sets
            .iter()
            .position(|record| record.spec.name == name)
            .ok_or_else(|| KeyringError::NoSet(name.to_owned()))?;
        let record = self.payload.sets.remove(place);
        if let Err(error) = self.save() {
            self.payload.sets.insert(place, record);
            return Err(error);
        }
        self.cache.remove(name);
        Ok(())
    }

    /// What is public about every set, in the order they were made.
    pub fn sets(&self) -> Vec<SetSummary> {
        self.payload.sets.iter().map(SetRecord::summary).collect()
    }

    /// When the keyring was made (RFC 3339, UTC).
    pub fn created(&self) -> &str {
        &self.payload.created
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn save(&mut self) -> Result<(), KeyringError> {
        let json = self.payload.to_json();
        let sealed = container::seal(&json, &self.passphrase, self.work_factor)?;
        self.stamp = file::replace(&self.path, &sealed, &self.stamp)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::response::ResponseKind;
    use crate::fingerprint::{Context, Source, Template};

    const FAST: Option<u8> = Some(MIN_WORK_FACTOR);

    fn spec(name: &str, n: usize) -> SetSpec {
        SetSpec {
            name: name.into(),
            n,
            source: Source::Mixed,
            template: Template::Dialogue,
            response: ResponseKind::Unique,
            context: Context::new(),
        }
    }

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    fn make(folder: &Path) -> (PathBuf, Keyring) {
        let path = folder.join("keyring.ifrs");
        let ring = Keyring::create(&path, secret("correct horse"), FAST).unwrap();
        (path, ring)
    }

    #[test]
    fn sets_survive_closing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        let made = ring.generate(spec("one", 3), &Alphabets::default(), None).unwrap();
        drop(ring);
        let mut ring = Keyring::open(&path, secret("correct horse")).unwrap();
        let read = ring.get("one").unwrap();
        for i in 0..3 {
            assert_eq!(made.key(i), read.key(i));
            assert_eq!(made.response(i), read.response(i));
        }
        assert_eq!(ring.sets().len(), 1);
        assert!(!ring.sets()[0].stored);
    }

    #[test]
    fn keys_made_with_a_tokenizer_are_stored() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        let vocab = (0..300).map(|i| format!("v{i:03}")).collect();
        let alphabets = Alphabets { vocab, ..Alphabets::default() };
        let mut check = |keys: &[String]| Ok(vec![true; keys.len()]);
        let made = ring.generate(spec("one", 3), &alphabets, Some(&mut check)).unwrap();
        let mut ring = Keyring::open(&path, secret("correct horse")).unwrap();
        assert!(ring.sets()[0].stored);
        assert_eq!(ring.get("one").unwrap().keys(), made.keys());
    }

    #[test]
    fn names_are_unique_and_removal_frees_them() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut ring) = make(folder.path());
        let alphabets = Alphabets::default();
        let first = ring.generate(spec("one", 2), &alphabets, None).unwrap();
        let again = ring.generate(spec("one", 2), &alphabets, None);
        assert!(matches!(again, Err(KeyringError::SetExists(_))));
        ring.remove("one").unwrap();
        assert!(matches!(ring.get("one"), Err(KeyringError::NoSet(_))));
        assert!(matches!(ring.remove("one"), Err(KeyringError::NoSet(_))));
        let second = ring.generate(spec("one", 2), &alphabets, None).unwrap();
        assert_eq!(first.keys(), second.keys());
    }

    #[test]
    fn create_never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _ring) = make(folder.path());
        let before = std::fs::read(&path).unwrap();
        let again = Keyring::create(&path, secret("x"), FAST);
        assert!(matches!(again, Err(KeyringError::Exists(_))));
        assert_eq!(before, std::fs::read(&path).unwrap());
    }

    #[test]
    fn passphrases_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _ring) = make(folder.path());
        let wrong = Keyring::open(&path, secret("wrong"));
        assert!(matches!(wrong, Err(KeyringError::WrongPassphrase(_))));
        let empty = Keyring::create(&folder.path().join("other"), secret(""), FAST);
        assert!(matches!(empty, Err(KeyringError::EmptyPassphrase)));
        let missing = Keyring::open(&folder.path().join("none"), secret("x"));
        assert!(matches!(missing, Err(KeyringError::NotFound(_))));
    }

    #[test]
    fn damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _ring) = make(folder.path());
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 10, 60, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let opened = Keyring::open(&path, secret("correct horse"));
            assert!(matches!(opened, Err(KeyringError::Corrupt { .. })), "cut to {length}");
        }
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        let opened = Keyring::open(&path, secret("correct horse"));
        assert!(matches!(opened, Err(KeyringError::Corrupt { .. })));
    }

    #[test]
    fn a_change_behind_the_back_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        let mut other = Keyring::open(&path, secret("correct horse")).unwrap();
        other.generate(spec("theirs", 1), &Alphabets::default(), None).unwrap();
        let mine = ring.generate(spec("mine", 1), &Alphabets::default(), None);
        assert!(matches!(mine, Err(KeyringError::Changed(_))));
        assert!(ring.sets().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_and_a_backup_is_kept() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        let first = std::fs::read(&path).unwrap();
        ring.generate(spec("one", 1), &Alphabets::default(), None).unwrap();
        let backup = folder.path().join("keyring.ifrs.bak");
        assert_eq!(std::fs::read(&backup).unwrap(), first);
        for file in [&path, &backup] {
            let mode = std::fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 2, "no temporary file is left");
    }
}
