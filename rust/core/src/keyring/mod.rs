//! The keyring: one encrypted file that holds the seed and the sets.
//!
//! [`payload`] is what is inside, [`access`] who may open it, [`passphrase`] how that is spelt,
//! [`container`] the age file around it, [`file`](mod@file) how it reaches the disk, [`lock`] who
//! may write, [`journal`] what happened, [`licences`] who got which copy, [`rollback`] what was seen
//! before, [`sealed`] one set for others, [`custody`] shares.

mod access;
mod container;
mod custody;
mod error;
mod file;
mod journal;
mod licences;
mod lock;
mod passphrase;
mod payload;
mod rollback;
mod sealed;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::attest::Claim;
use crate::encoding::hex;
use crate::fingerprint::set::Check;
use crate::fingerprint::{Alphabets, FingerprintSet, Seed, SetSpec};
use payload::{Payload, SetRecord};
use rollback::Memory;

pub use access::{Identities, Protect, Unlock};
pub use container::MIN_WORK_FACTOR;
pub use custody::read_share;
pub use error::KeyringError;
pub use file::Notice;
pub use journal::{Entry, Event, read_journal};
pub use licences::Licence;
pub use lock::Lock;
pub use passphrase::Passphrase;
pub use payload::read_payload;
pub use rollback::state_folder;
pub use sealed::read_sealed_set;

/// What is public about a set.
#[derive(Clone, Debug)]
pub struct SetSummary {
    /// What determined it.
    pub spec: SetSpec,
    /// When it was made (RFC 3339, UTC).
    pub created: String,
    /// Whether its rendered keys are stored because a tokenizer took part.
    pub stored: bool,
    /// Whether it came from another keyring, with a key of its own.
    pub imported: bool,
}

/// How a keyring is used.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long to wait for another writer.
    pub lock_timeout: Duration,
    /// Where the highest generation seen is remembered; nowhere without one.
    pub state: Option<PathBuf>,
    /// Whether an older copy is taken as the present one.
    pub accept_older: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let lock_timeout = Duration::from_secs(60);
        Self { lock_timeout, state: state_folder(), accept_older: false }
    }
}

/// An open keyring. Dropping it wipes its secrets.
pub struct Keyring {
    /// Where the file really is.
    path: PathBuf,
    settings: Settings,
    protect: Protect,
    /// Absent after making a keyring for recipients: then nothing here opens it.
    unlock: Option<Unlock>,
    stamp: file::Stamp,
    payload: Payload,
    cache: HashMap<String, Arc<FingerprintSet>>,
    notices: Vec<Notice>,
}

impl Keyring {
    /// Makes a keyring with a fresh seed; refuses to overwrite a file.
    pub fn create(path: &Path, protect: Protect, settings: Settings) -> Result<Self, KeyringError> {
        Self::create_with(path, protect, settings, |_| Ok(Payload::new(Seed::random()?)))
    }

    /// Makes a keyring from a payload that is made once nothing is in its way.
    fn create_with(
        path: &Path,
        protect: Protect,
        settings: Settings,
        payload: impl FnOnce(&Protect) -> Result<Payload, KeyringError>,
    ) -> Result<Self, KeyringError> {
        if path.symlink_metadata().is_ok() {
            return Err(KeyringError::Exists(path.to_owned()));
        }
        protect.check()?;
        let (path, protect) = (file::resolve_new(path)?, protect.normal());
        let backup = file::backup_path(&path);
        if backup.exists() {
            return Err(KeyringError::BackupThere { path, backup });
        }
        let mut payload = payload(&protect)?;
        payload.generation += 1;
        payload.recipients = protect.recipients().to_vec();
        let sealed = container::seal(&payload.to_json(), &protect)?;
        let stamp = file::create(&path, &sealed)?;
        let unlock = protect.unlock();
        let (cache, notices) = (HashMap::new(), Vec::new());
        let ring = Self { path, settings, protect, unlock, stamp, payload, cache, notices };
        ring.remember(false);
        Ok(ring)
    }

    /// Opens a keyring. It keeps its recipients, or the work factor with which it was made.
    pub fn open(path: &Path, unlock: Unlock, settings: Settings) -> Result<Self, KeyringError> {
        let path = file::resolve(path)?;
        let (payload, stamp, work_factor, form) = loop {
            let (sealed, stamp) = file::read(&path)?;
            let (json, form) = container::open_any(&path, &sealed, &unlock)?;
            let payload = Payload::from_json(&path, &json)?;
            match not_older(&path, &payload, &settings) {
                Ok(()) => break (payload, stamp, container::work_factor(&sealed), form),
                // Another process may have written and remembered since the file was read.
                Err(error) if file::is_same(&path, &stamp) => return Err(error),
                Err(_) => {}
            }
        };
        let mut notices = unlock.notices().to_vec();
        notices
            .extend([path.clone(), file::backup_path(&path)].iter().filter_map(|p| file::loose(p)));
        // From here on a passphrase is spelt as the file takes it.
        let unlock = form.map_or(unlock, Unlock::Passphrase);
        let protect = match &unlock {
            Unlock::Passphrase(passphrase) => {
                Protect::Passphrase { passphrase: passphrase.clone(), work_factor }
            }
            Unlock::Identities(_) => Protect::Recipients(payload.recipients.clone()),
        };
        let (unlock, cache) = (Some(unlock), HashMap::new());
        let ring = Self { path, settings, protect, unlock, stamp, payload, cache, notices };
        ring.remember(ring.settings.accept_older);
        Ok(ring)
    }

    /// What whoever opened the keyring should know of the files that were read; said once.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Whether this process opened it: a child of `fork` has none of its secrets.
    pub fn is_here(&self) -> bool {
        self.payload.seed.is_here()
    }

    fn check_process(&self) -> Result<(), KeyringError> {
        if self.is_here() { Ok(()) } else { Err(KeyringError::Elsewhere(self.path.clone())) }
    }

    /// Derives a set and writes it to the file before returning it.
    pub fn generate(
        &mut self,
        spec: SetSpec,
        alphabets: &Alphabets,
        check: Option<&mut Check<'_>>,
    ) -> Result<Arc<FingerprintSet>, KeyringError> {
        let with_tokenizer = check.is_some();
        let set = self.change(|payload| {
            if payload.find(&spec.name).is_ok() {
                return Err(KeyringError::SetExists(spec.name));
            }
            let spec_name = spec.name.clone();
            let set = FingerprintSet::derive(&payload.seed, spec, alphabets, check)?;
            let record = SetRecord::of(&set, with_tokenizer);
            if let Some(reason) = record.fault() {
                return Err(KeyringError::Unfit { set: spec_name, reason });
            }
            let entry = Entry::new(Event::Generated);
            payload.journal.append(entry.about(&set.spec().name, record.id(&payload.seed)));
            payload.add(record)?;
            Ok(Arc::new(set))
        })?;
        self.cache.insert(set.spec().name.clone(), Arc::clone(&set));
        Ok(set)
    }

    /// The set called `name`.
    pub fn get(&mut self, name: &str) -> Result<Arc<FingerprintSet>, KeyringError> {
        self.check_process()?;
        if let Some(set) = self.cache.get(name) {
            return Ok(Arc::clone(set));
        }
        let set = Arc::new(self.payload.set(name)?);
        self.cache.insert(name.to_owned(), Arc::clone(&set));
        Ok(set)
    }

    /// Takes a set out of the file; its keys can be derived again from the same seed.
    pub fn remove(&mut self, name: &str) -> Result<(), KeyringError> {
        self.change(|payload| {
            let id = payload.find(name)?.id(&payload.seed);
            payload.journal.append(Entry::new(Event::Removed).about(name, id));
            payload.remove(name)
        })?;
        self.cache.remove(name);
        Ok(())
    }

    /// Changes who may open the keyring. The backup is replaced, too: it must not stay open to
    /// those who lose access.
    ///
    /// Returns whether what opened it before was tried and no longer does. It still may where an
    /// identity is among the new recipients.
    pub fn rekey(&mut self, protect: Protect) -> Result<bool, KeyringError> {
        protect.check()?;
        let protect = protect.normal();
        self.check_process()?;
        self.refuse_same(&protect)?;
        let _lock = Lock::take(&self.path, self.settings.lock_timeout)?;
        self.refresh()?;
        let before = self.payload.before();
        self.payload.recipients = protect.recipients().to_vec();
        let to = protect.recipients().to_vec();
        self.payload.journal.append(Entry { to, ..Entry::new(Event::Rekeyed) });
        self.payload.generation += 1;
        let written = container::seal(&self.payload.to_json(), &protect)
            .and_then(|sealed| file::replace_both(&self.path, &sealed));
        let (stamp, failed) = match written {
            Ok(written) => written,
            Err(cause) => {
                self.payload.take_back(before);
                let cause = Box::new(cause);
                return Err(KeyringError::NotRekeyed { path: self.path.clone(), cause });
            }
        };
        self.stamp = stamp;
        self.remember(false);
        let old = std::mem::replace(&mut self.unlock, protect.unlock());
        self.protect = protect;
        let shut = self.prove_shut(old);
        match failed.map_or(shut, Err) {
            Err(error) if !matches!(error, KeyringError::StillOpens(_)) => {
                let cause = Box::new(error);
                Err(KeyringError::Rekeyed { path: self.path.clone(), cause })
            }
            shut => shut,
        }
    }

    fn refuse_same(&self, protect: &Protect) -> Result<(), KeyringError> {
        match (&self.protect, protect) {
            (
                Protect::Passphrase { passphrase: old, .. },
                Protect::Passphrase { passphrase: new, .. },
            ) if old.is_same(new) => Err(KeyringError::SamePassphrase),
            _ => Ok(()),
        }
    }

    /// Tries the old way in on the new file and its backup, as they are on the disk.
    fn prove_shut(&mut self, old: Option<Unlock>) -> Result<bool, KeyringError> {
        let Some(old) = old else { return Ok(false) };
        let mut shut = true;
        for path in [&self.path, &file::backup_path(&self.path)] {
            let sealed = match file::read(path) {
                Ok((sealed, _)) => sealed,
                Err(KeyringError::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            match container::open(path, &sealed, &old) {
                Ok(_) => shut = false,
                Err(
                    KeyringError::WrongPassphrase(_)
                    | KeyringError::NeedsIdentity(_)
                    | KeyringError::NeedsPassphrase(_),
                ) => {}
                Err(error) => return Err(error),
            }
        }
        match old {
            Unlock::Passphrase(_) if !shut => Err(KeyringError::StillOpens(self.path.clone())),
            Unlock::Identities(_) if !shut => {
                self.unlock = Some(old);
                Ok(false)
            }
            _ => Ok(shut),
        }
    }

    /// Records that keys of a set were claimed, sent to a target or revealed, and returns those
    /// that nobody outside knew before. Those sent or revealed are spent.
    ///
    /// A key is sent once: of those to be sent, only such as are free are recorded, whatever other
    /// processes do meanwhile. Where none is free, nothing is recorded.
    pub fn spend(
        &mut self,
        name: &str,
        indices: &[usize],
        target: &str,
        event: Event,
    ) -> Result<Vec<usize>, KeyringError> {
        self.record(name, None, indices, target, event)
    }

    /// As [`Self::spend`], for a set at hand: an error if the keyring's set of that name is another.
    pub fn spend_of(
        &mut self,
        set: &FingerprintSet,
        indices: &[usize],
        target: &str,
        event: Event,
    ) -> Result<Vec<usize>, KeyringError> {
        self.record(&set.spec().name, Some(set), indices, target, event)
    }

    fn record(
        &mut self,
        name: &str,
        set: Option<&FingerprintSet>,
        indices: &[usize],
        target: &str,
        event: Event,
    ) -> Result<Vec<usize>, KeyringError> {
        self.change_if(|payload| {
            let record = payload.find(name)?;
            if set.is_some_and(|set| !record.has_salt(&payload.seed, set.salt(0))) {
                return Err(KeyringError::OtherSet(name.to_owned()));
            }
            let n = record.spec.n;
            if let Some(&index) = indices.iter().find(|&&index| index >= n) {
                return Err(KeyringError::Index { set: name.to_owned(), index, n });
            }
            let id = record.id(&payload.seed);
            let mut known: BTreeSet<usize> = payload.journal.spent(&id).into_iter().collect();
            let fresh = |index: &usize| known.insert(*index);
            let free: Vec<usize> = indices.iter().copied().filter(fresh).collect();
            let written = if event == Event::Queried { &free[..] } else { indices };
            if event == Event::Queried && free.is_empty() {
                return Ok((free, false));
            }
            let to = vec![journal::public_target(target)];
            let entry = Entry { indices: written.to_vec(), to, ..Entry::new(event) };
            payload.journal.append(entry.about(name, id));
            Ok((free, true))
        })
    }

    /// Signs the claim of a set about a released model: its name, and name and SHA-256 of each of
    /// its files. The journal says so before the claim leaves.
    ///
    /// A set that came from another keyring is claimed with this keyring's key: who signs is who
    /// claims.
    pub fn claim(
        &mut self,
        name: &str,
        model: &str,
        subject: Vec<(String, String)>,
    ) -> Result<Claim, KeyringError> {
        self.change(|payload| {
            let record = payload.find(name)?;
            let (set, id) = (record.restore(&payload.seed)?, record.id(&payload.seed));
            let claim = Claim::sign(&set, model, subject, &payload.seed.signing_key())?;
            let to = vec![hex(&claim.digest())];
            payload.journal.append(Entry { to, ..Entry::new(Event::Claimed) }.about(name, id));
            Ok(claim)
        })
    }

    /// The Ed25519 key that the keyring's claims are signed with, its public half.
    pub fn public_key(&self) -> [u8; 32] {
        self.payload.seed.signing_key().verifying_key().to_bytes()
    }

    /// The keys of a set that were sent or revealed to somebody, in order, as the file has it now.
    pub fn spent(&mut self, name: &str) -> Result<Vec<usize>, KeyringError> {
        self.refresh()?;
        let id = self.payload.find(name)?.id(&self.payload.seed);
        Ok(self.payload.journal.spent(&id))
    }

    /// What happened, in order. The chain was verified when the file was read.
    pub fn journal(&self) -> &[Entry] {
        self.payload.journal.entries()
    }

    /// What is public about every set, in the order they were made.
    pub fn sets(&self) -> Vec<SetSummary> {
        self.payload.sets().iter().map(|record| record.summary()).collect()
    }

    /// The names of the sets, in the order they were made.
    pub fn names(&self) -> Vec<&str> {
        self.payload.sets().iter().map(|record| record.spec.name.as_str()).collect()
    }

    /// Whether there is a set of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.payload.find(name).is_ok()
    }

    /// When the keyring was made (RFC 3339, UTC).
    pub fn created(&self) -> &str {
        &self.payload.created
    }

    /// How many times it was written.
    pub fn generation(&self) -> u64 {
        self.payload.generation
    }

    /// The public keys it is encrypted to; none where a passphrase opens it.
    pub fn recipients(&self) -> &[String] {
        self.protect.recipients()
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Locks, takes in what others wrote, changes and saves; on an error nothing has changed.
    fn change<T>(
        &mut self,
        act: impl FnOnce(&mut Payload) -> Result<T, KeyringError>,
    ) -> Result<T, KeyringError> {
        self.change_if(|payload| act(payload).map(|value| (value, true)))
    }

    /// As [`Self::change`]; `act` also says whether there is anything to save.
    fn change_if<T>(
        &mut self,
        act: impl FnOnce(&mut Payload) -> Result<(T, bool), KeyringError>,
    ) -> Result<T, KeyringError> {
        self.check_process()?;
        let _lock = Lock::take(&self.path, self.settings.lock_timeout)?;
        self.refresh()?;
        let before = self.payload.before();
        let changed = act(&mut self.payload).and_then(|(value, changed)| {
            if changed {
                self.payload.generation += 1;
                let sealed = container::seal(&self.payload.to_json(), &self.protect)?;
                self.stamp = file::replace(&self.path, &sealed)?;
                self.remember(false);
            }
            Ok(value)
        });
        if changed.is_err() {
            self.payload.take_back(before);
        }
        changed
    }

    /// Reads the file again if somebody wrote it.
    fn refresh(&mut self) -> Result<(), KeyringError> {
        self.check_process()?;
        loop {
            let (sealed, stamp) = file::read(&self.path)?;
            if stamp == self.stamp {
                return Ok(());
            }
            let payload = self.reread(&sealed)?;
            match self.follows(&payload) {
                Ok(()) => {
                    if let Protect::Recipients(recipients) = &mut self.protect {
                        recipients.clone_from(&payload.recipients);
                    }
                    (self.payload, self.stamp) = (payload, stamp);
                    self.cache.clear();
                    return Ok(());
                }
                // Another process may have written and remembered since the file was read.
                Err(error) if file::is_same(&self.path, &stamp) => return Err(error),
                Err(_) => {}
            }
        }
    }

    fn reread(&self, sealed: &[u8]) -> Result<Payload, KeyringError> {
        let no_more = || KeyringError::CannotReread(self.path.clone());
        let unlock = self.unlock.as_ref().ok_or_else(no_more)?;
        match container::open(&self.path, sealed, unlock) {
            Ok(json) => Payload::from_json(&self.path, &json),
            Err(
                KeyringError::WrongPassphrase(_)
                | KeyringError::NeedsIdentity(_)
                | KeyringError::NeedsPassphrase(_),
            ) => Err(no_more()),
            Err(error) => Err(error),
        }
    }

    /// Whether a payload is this keyring's, and later than what is known here.
    fn follows(&self, payload: &Payload) -> Result<(), KeyringError> {
        if payload.id() != self.payload.id() {
            return Err(KeyringError::Another(self.path.clone()));
        }
        compare(&self.path, payload, self.payload.generation, self.payload.journal.head())?;
        let strict = Settings { accept_older: false, ..self.settings.clone() };
        not_older(&self.path, payload, &strict)
    }

    fn remember(&self, reset: bool) {
        if let Some(folder) = &self.settings.state {
            let Payload { generation, journal, .. } = &self.payload;
            rollback::remember(folder, &self.payload.id(), *generation, journal.head(), reset);
        }
    }
}

/// Compares a keyring with what was seen of it before.
fn not_older(path: &Path, payload: &Payload, settings: &Settings) -> Result<(), KeyringError> {
    let Some(folder) = settings.state.as_deref().filter(|_| !settings.accept_older) else {
        return Ok(());
    };
    match rollback::recall(folder, &payload.id()) {
        Memory::Nothing => Ok(()),
        Memory::Seen(seen) => compare(path, payload, seen.generation, &seen.head),
        Memory::Damaged(state) => Err(KeyringError::State { path: path.to_owned(), state }),
    }
}

fn compare(path: &Path, payload: &Payload, seen: u64, head: &str) -> Result<(), KeyringError> {
    let (path, found) = (path.to_owned(), payload.generation);
    if found < seen {
        return Err(KeyringError::Older { path, found, seen });
    }
    if found == seen && payload.journal.head() != head {
        return Err(KeyringError::Forked { path, generation: found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::response::ResponseKind;
    use crate::fingerprint::{Context, Source, Template};

    fn spec(name: &str, n: usize) -> SetSpec {
        SetSpec {
            name: name.into(),
            n,
            source: Source::Mixed,
            template: Template::Dialogue,
            response: ResponseKind::OWNED,
            context: Context::new(),
            modality: None,
        }
    }

    fn secret(text: &str) -> Unlock {
        Unlock::Passphrase(Passphrase::new(text.to_owned()))
    }

    fn words(text: &str) -> Protect {
        let passphrase = Passphrase::new(text.to_owned());
        Protect::Passphrase { passphrase, work_factor: Some(MIN_WORK_FACTOR) }
    }

    fn settings(path: &Path) -> Settings {
        Settings {
            lock_timeout: Duration::from_secs(10),
            state: Some(path.with_extension("state")),
            accept_older: false,
        }
    }

    fn open(path: &Path, text: &str) -> Result<Keyring, KeyringError> {
        Keyring::open(path, secret(text), settings(path))
    }

    fn make(folder: &Path) -> (PathBuf, Keyring) {
        let path = folder.join("keyring.ifrs");
        let ring = Keyring::create(&path, words("correct horse"), settings(&path)).unwrap();
        (path, ring)
    }

    #[test]
    fn sets_survive_closing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        let made = ring.generate(spec("one", 3), &Alphabets::default(), None).unwrap();
        drop(ring);
        let mut ring = open(&path, "correct horse").unwrap();
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
        let mut ring = open(&path, "correct horse").unwrap();
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
        let again = Keyring::create(&path, words("x"), settings(&path));
        assert!(matches!(again, Err(KeyringError::Exists(_))));
        assert_eq!(before, std::fs::read(&path).unwrap());
    }

    #[test]
    fn passphrases_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _ring) = make(folder.path());
        let wrong = open(&path, "wrong");
        assert!(matches!(wrong, Err(KeyringError::WrongPassphrase(_))));
        let empty = Keyring::create(
            &folder.path().join("other"),
            words(""),
            settings(&folder.path().join("other")),
        );
        assert!(matches!(empty, Err(KeyringError::EmptyPassphrase)));
        let missing = open(&folder.path().join("none"), "x");
        assert!(matches!(missing, Err(KeyringError::NotFound(_))));
    }

    #[test]
    fn the_backup_of_a_lost_keyring_is_named_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        ring.generate(spec("one", 2), &Alphabets::default(), None).unwrap();
        drop(ring);
        std::fs::remove_file(&path).unwrap();
        let backup = file::backup_path(&path);
        let before = std::fs::read(&backup).unwrap();
        assert!(matches!(open(&path, "correct horse"), Err(KeyringError::Lost { .. })));
        let again = Keyring::create(&path, words("other"), settings(&path));
        assert!(matches!(again, Err(KeyringError::BackupThere { .. })));
        assert!(!path.exists());
        assert_eq!(std::fs::read(&backup).unwrap(), before);
        std::fs::copy(&backup, &path).unwrap();
        let accept = Settings { accept_older: true, ..settings(&path) };
        Keyring::open(&path, secret("correct horse"), accept).unwrap();
    }

    #[test]
    fn damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _ring) = make(folder.path());
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 10, 60, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let opened = open(&path, "correct horse");
            assert!(matches!(opened, Err(KeyringError::Corrupt { .. })), "cut to {length}");
        }
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        let opened = open(&path, "correct horse");
        assert!(matches!(opened, Err(KeyringError::Corrupt { .. })));
    }

    #[test]
    fn writers_take_in_what_others_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        let mut other = open(&path, "correct horse").unwrap();
        other.generate(spec("theirs", 1), &Alphabets::default(), None).unwrap();
        ring.generate(spec("mine", 1), &Alphabets::default(), None).unwrap();
        assert_eq!(ring.names(), ["theirs", "mine"]);
        assert!(ring.contains("theirs"));
    }

    #[test]
    fn rekeying_shuts_the_old_passphrase_out() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        assert!(matches!(ring.rekey(words("correct horse")), Err(KeyringError::SamePassphrase)));
        assert!(ring.rekey(words("battery staple")).unwrap());
        for file in [path.clone(), file::backup_path(&path)] {
            let old = open(&file, "correct horse");
            assert!(matches!(old, Err(KeyringError::WrongPassphrase(_))));
            assert!(open(&file, "battery staple").is_ok());
        }
        ring.generate(spec("one", 1), &Alphabets::default(), None).unwrap();
        assert!(open(&path, "battery staple").unwrap().contains("one"));
    }

    #[test]
    fn an_older_copy_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        let old = std::fs::read(&path).unwrap();
        ring.generate(spec("one", 1), &Alphabets::default(), None).unwrap();
        std::fs::write(&path, &old).unwrap();
        assert!(matches!(open(&path, "correct horse"), Err(KeyringError::Older { .. })));
        let late = ring.generate(spec("two", 1), &Alphabets::default(), None);
        assert!(matches!(late, Err(KeyringError::Older { .. })));
        let accepting = Settings { accept_older: true, ..settings(&path) };
        assert!(Keyring::open(&path, secret("correct horse"), accepting).is_ok());
        let mut again = open(&path, "correct horse").unwrap();
        again.generate(spec("other", 1), &Alphabets::default(), None).unwrap();
        // As many changes as the lost copy had, with another history.
        std::fs::copy(file::backup_path(&path), &path).unwrap();
        assert!(matches!(open(&path, "correct horse"), Err(KeyringError::Older { .. })));
    }

    #[test]
    fn spent_keys_follow_the_set_and_not_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let (_, mut ring) = make(folder.path());
        let alphabets = Alphabets::default();
        ring.generate(spec("one", 3), &alphabets, None).unwrap();
        ring.spend("one", &[2, 0], "https://u:p@host/v1?key=x", Event::Queried).unwrap();
        let outside = ring.spend("one", &[3], "x", Event::Queried);
        assert!(matches!(outside, Err(KeyringError::Index { index: 3, .. })));
        assert_eq!(ring.spent("one").unwrap(), [0, 2]);
        assert_eq!(ring.journal().last().unwrap().to, ["https://host/v1"]);
        ring.remove("one").unwrap();
        let mut other = spec("one", 3);
        other.context.insert("a".into(), crate::fingerprint::ContextValue::Integer(1));
        ring.generate(other, &alphabets, None).unwrap();
        assert!(ring.spent("one").unwrap().is_empty());
        ring.remove("one").unwrap();
        ring.generate(spec("one", 3), &alphabets, None).unwrap();
        assert_eq!(ring.spent("one").unwrap(), [0, 2]);
    }

    #[test]
    fn claims_are_signed_with_the_keyrings_key_and_journalled() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        ring.generate(spec("one", 3), &Alphabets::default(), None).unwrap();
        let subject = vec![("model.safetensors".to_owned(), "11".repeat(32))];
        let claim = ring.claim("one", "model", subject.clone()).unwrap();
        assert!(claim.verify(Some(&ring.public_key())).is_ok());
        let last = ring.journal().last().unwrap();
        assert_eq!((last.event, last.set.as_deref()), (Event::Claimed, Some("one")));
        assert_eq!(last.to, [hex(&claim.digest())]);
        assert!(matches!(ring.claim("two", "model", subject), Err(KeyringError::NoSet(_))));
        let entries = ring.journal().len();
        assert!(matches!(ring.claim("one", "", vec![]), Err(KeyringError::Attest(_))));
        assert_eq!(ring.journal().len(), entries);
        assert_eq!(open(&path, "correct horse").unwrap().public_key(), ring.public_key());
    }

    #[test]
    fn every_flip_and_every_cut_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.ifrs");
        // To a key, because age times scrypt anew each time a passphrase is tried.
        let (key, public) = Identities::fresh();
        Keyring::create(&path, Protect::Recipients(vec![public]), settings(&path)).unwrap();
        let (whole, key) = (std::fs::read(&path).unwrap(), Unlock::Identities(key));
        assert!(container::open(&path, &whole, &key).is_ok());
        let refused = |bytes: &[u8], what: String| {
            let opened = container::open(&path, bytes, &key);
            let fine = matches!(
                opened,
                Err(KeyringError::Corrupt { .. }
                    | KeyringError::WrongPassphrase(_)
                    | KeyringError::NeedsPassphrase(_))
            );
            assert!(fine, "{what}");
        };
        for length in 0..whole.len() {
            refused(&whole[..length], format!("cut to {length}"));
        }
        for place in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[place] ^= 1 << (place % 8);
            refused(&flipped, format!("a bit of byte {place}"));
        }
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
        assert_eq!(left, 4, "keyring, backup, lock and state folder; no temporary file is left");
    }

    fn forms(folder: &Path) -> Vec<PathBuf> {
        ["keyring.ifrs", "keyring.ifrs.bak"].map(|name| folder.join(name)).into()
    }

    #[test]
    fn a_key_is_free_once_however_many_rings_are_open() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        ring.generate(spec("one", 6), &Alphabets::default(), None).unwrap();
        let mut held = open(&path, "correct horse").unwrap();
        let queried = |ring: &mut Keyring, indices: &[usize]| {
            ring.spend("one", indices, "x", Event::Queried).unwrap()
        };
        assert_eq!(queried(&mut ring, &[0, 1, 1, 2]), [0, 1, 2]);
        assert_eq!(held.spent("one").unwrap(), [0, 1, 2]);
        assert_eq!(queried(&mut held, &[3, 1, 5]), [3, 5]);
        assert_eq!(held.journal().last().unwrap().indices, [3, 5]);
        let generation = held.generation();
        assert!(queried(&mut ring, &[5, 3]).is_empty());
        assert!(queried(&mut ring, &[]).is_empty());
        assert_eq!(ring.generation(), generation, "nothing is written where none is free");
        // Shown again, a key is journalled again; claiming spends none.
        let again = |ring: &mut Keyring, event| ring.spend("one", &[3, 4], "court", event).unwrap();
        assert_eq!(again(&mut ring, Event::Claimed), [4]);
        assert_eq!(again(&mut ring, Event::Revealed), [4]);
        assert_eq!(again(&mut ring, Event::Revealed), [0; 0]);
        assert_eq!(ring.journal().last().unwrap().indices, [3, 4]);
        assert_eq!(open(&path, "correct horse").unwrap().spent("one").unwrap(), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn keys_of_another_set_of_that_name_are_not_recorded_as_this_ones() {
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        let alphabets = Alphabets::default();
        let set = ring.generate(spec("one", 2), &alphabets, None).unwrap();
        let mut other = open(&path, "correct horse").unwrap();
        assert_eq!(other.spend_of(&set, &[0], "x", Event::Queried).unwrap(), [0]);
        other.remove("one").unwrap();
        let mut changed = spec("one", 2);
        changed.context.insert("a".into(), crate::fingerprint::ContextValue::Bool(true));
        other.generate(changed, &alphabets, None).unwrap();
        let late = ring.spend_of(&set, &[1], "x", Event::Queried);
        assert!(matches!(late, Err(KeyringError::OtherSet(_))));
    }

    #[test]
    fn rekeying_fails_whole_or_says_what_opens_what() {
        let mut outcomes = [0; 3];
        for steps in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let (path, mut ring) = make(folder.path());
            ring.generate(spec("one", 1), &Alphabets::default(), None).unwrap();
            file::faults::after(Some(steps));
            let done = ring.rekey(words("battery staple"));
            file::faults::after(None);
            let (opens, shut, outcome) = match &done {
                Err(KeyringError::NotRekeyed { .. }) => ("correct horse", "battery staple", 0),
                Err(KeyringError::Rekeyed { .. }) => ("battery staple", "correct horse", 1),
                done => {
                    assert!(matches!(done, Ok(true)));
                    ("battery staple", "correct horse", 2)
                }
            };
            outcomes[outcome] += 1;
            assert!(path.exists());
            for file in forms(folder.path()).iter().filter(|file| file.exists()) {
                assert!(open(file, shut).is_err(), "{steps} steps: {} is open", file.display());
                let accepting = Settings { accept_older: true, ..settings(&path) };
                let found = Keyring::open(file, secret(opens), accepting).unwrap();
                assert!(found.contains("one") || *file != path);
            }
            ring.generate(spec("two", 1), &Alphabets::default(), None).unwrap();
            assert!(forms(folder.path()).iter().all(|file| file.exists()));
            assert_eq!(open(&path, opens).unwrap().names(), ["one", "two"]);
            if done.is_ok() {
                break;
            }
        }
        assert!(outcomes.iter().all(|&times| times > 0), "{outcomes:?}");
    }

    #[test]
    fn a_change_that_fails_anywhere_leaves_a_whole_keyring() {
        for steps in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let (path, mut ring) = make(folder.path());
            ring.generate(spec("one", 3), &Alphabets::default(), None).unwrap();
            file::faults::after(Some(steps));
            let done = ring.spend("one", &[0], "x", Event::Queried);
            file::faults::after(None);
            assert!(open(&path, "correct horse").unwrap().contains("one"));
            if done.is_ok() {
                break;
            }
            // Perhaps recorded, never sent: what was not said to be free may not leave.
            let free = ring.spend("one", &[0, 1], "x", Event::Queried).unwrap();
            assert!(free.contains(&1));
            assert_eq!(open(&path, "correct horse").unwrap().spent("one").unwrap(), [0, 1]);
        }
    }

    #[test]
    fn an_older_copy_is_noticed_by_an_open_ring_without_a_state_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.ifrs");
        let nowhere = Settings { state: None, ..settings(&path) };
        let mut ring = Keyring::create(&path, words("x"), nowhere).unwrap();
        ring.generate(spec("one", 3), &Alphabets::default(), None).unwrap();
        let old = std::fs::read(&path).unwrap();
        ring.spend("one", &[0], "x", Event::Queried).unwrap();
        std::fs::write(&path, &old).unwrap();
        let again = ring.spend("one", &[0], "x", Event::Queried);
        assert!(matches!(again, Err(KeyringError::Older { .. })));
        assert!(matches!(ring.spent("one"), Err(KeyringError::Older { .. })));
    }

    #[test]
    fn a_damaged_memory_is_said_and_can_be_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let (path, ring) = make(folder.path());
        let id = ring.payload.id();
        drop(ring);
        let state = settings(&path).state.unwrap().join("keyrings").join(format!("{id}.json"));
        assert!(open(&path, "correct horse").is_ok());
        std::fs::write(&state, "{").unwrap();
        let refused = open(&path, "correct horse").err().unwrap();
        assert!(matches!(&refused, KeyringError::State { state: at, .. } if *at == state));
        assert!(refused.to_string().contains("--accept-older"));
        let accepting = Settings { accept_older: true, ..settings(&path) };
        Keyring::open(&path, secret("correct horse"), accepting).unwrap();
        assert!(open(&path, "correct horse").is_ok());
    }

    #[test]
    fn a_passphrase_is_one_however_it_is_spelt() {
        let (one, two) = ("caf\u{e9} \u{1e9b}\u{323}", "cafe\u{301} \u{17f}\u{323}\u{307}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring.ifrs");
        let mut ring = Keyring::create(&path, words(two), settings(&path)).unwrap();
        let sealed = std::fs::read(&path).unwrap();
        let exact = |text: &str| container::open(&path, &sealed, &secret(text)).is_ok();
        use unicode_normalization::UnicodeNormalization;
        assert!(exact(&one.nfc().collect::<String>()), "new files take the composed form");
        assert!(!exact(two));
        for given in [one, two] {
            assert!(open(&path, given).is_ok());
            assert!(matches!(ring.rekey(words(given)), Err(KeyringError::SamePassphrase)));
        }
        // Made before: as it was typed.
        let before = container::seal(&ring.payload.to_json(), &words(two)).unwrap();
        for (name, given) in [("a", one), ("b", two)] {
            std::fs::write(&path, &before).unwrap();
            let accepting = Settings { accept_older: true, ..settings(&path) };
            let mut ring = Keyring::open(&path, secret(given), accepting).unwrap();
            ring.generate(spec(name, 1), &Alphabets::default(), None).unwrap();
            assert!(container::open(&path, &std::fs::read(&path).unwrap(), &secret(two)).is_ok());
            assert!(matches!(ring.rekey(words(given)), Err(KeyringError::SamePassphrase)));
        }
        let mut ring = open(&path, one).unwrap();
        assert!(ring.rekey(words("other")).unwrap());
        for given in [one, two] {
            assert!(matches!(open(&path, given), Err(KeyringError::WrongPassphrase(_))));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_linked_keyring_is_written_where_it_is() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("links"));
        std::fs::create_dir(&real).unwrap();
        std::fs::create_dir(&link).unwrap();
        let (path, ring) = make(&real);
        drop(ring);
        let linked = link.join("k");
        symlink(&path, &linked).unwrap();
        let mut ring = Keyring::open(&linked, secret("correct horse"), settings(&path)).unwrap();
        ring.generate(spec("one", 1), &Alphabets::default(), None).unwrap();
        // Where the link points later is nothing to an open keyring.
        std::fs::remove_file(&linked).unwrap();
        symlink(folder.path().join("elsewhere"), &linked).unwrap();
        ring.generate(spec("two", 1), &Alphabets::default(), None).unwrap();
        assert!(ring.rekey(words("new")).unwrap());
        assert!(linked.is_symlink());
        assert_eq!(std::fs::read_dir(&link).unwrap().count(), 1);
        assert_eq!(open(&path, "new").unwrap().names(), ["one", "two"]);
        for file in forms(&real) {
            assert!(!file.is_symlink());
        }
        // Nor is a dangling link a place for a new one.
        let made = Keyring::create(&linked, words("x"), settings(&path));
        assert!(matches!(made, Err(KeyringError::Exists(_))));
    }

    #[cfg(unix)]
    #[test]
    fn what_others_put_beside_a_keyring_is_not_touched() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        let theirs = folder.path().join("theirs");
        std::fs::write(&theirs, "precious").unwrap();
        for (round, ending) in [".new", ".bak", ".bak.new"].into_iter().enumerate() {
            let place = file::beside(&path, ending);
            let _ = std::fs::remove_file(&place);
            symlink(&theirs, &place).unwrap();
            if round % 2 == 0 {
                ring.generate(spec(ending, 1), &Alphabets::default(), None).unwrap();
            } else {
                ring.rekey(words(ending)).unwrap();
            }
            assert!(!place.is_symlink());
            assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "precious");
        }
        std::fs::rename(&path, folder.path().join("moved")).unwrap();
        symlink(folder.path().join("moved"), &path).unwrap();
        let changed = ring.generate(spec("late", 1), &Alphabets::default(), None);
        assert!(matches!(changed, Err(KeyringError::Special(_))), "links are followed at opening");
    }

    #[cfg(unix)]
    #[test]
    fn loose_modes_are_noticed() {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, mut ring) = make(folder.path());
        ring.generate(spec("one", 1), &Alphabets::default(), None).unwrap();
        assert!(open(&path, "correct horse").unwrap().take_notices().is_empty());
        for (place, mode) in forms(folder.path()).into_iter().zip([0o640, 0o602]) {
            std::fs::set_permissions(&place, Permissions::from_mode(mode)).unwrap();
        }
        let mut ring = open(&path, "correct horse").unwrap();
        let said: Vec<String> = ring.take_notices().iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 2);
        assert!(ring.take_notices().is_empty());
        let path = path.canonicalize().unwrap();
        assert!(said[0].contains("0640") && said[0].ends_with(&format!("600 {}", path.display())));
        assert!(said[1].contains("0602"));
    }
}
