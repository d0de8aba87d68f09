//! The keyring: one encrypted file that holds the seed and the sets.
//!
//! [`payload`] is what is inside, [`access`] who may open it, [`container`] the age file around
//! it, [`file`](mod@file) how it reaches the disk, [`lock`] who may write, [`journal`] what
//! happened, [`rollback`] what was seen before, [`sealed`] one set for others, [`custody`] shares.

mod access;
mod container;
mod custody;
mod error;
mod file;
mod journal;
mod lock;
mod payload;
mod rollback;
mod sealed;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::evidence::Claim;
use crate::fingerprint::set::Check;
use crate::fingerprint::{Alphabets, FingerprintSet, Seed, SetSpec};
use lock::Lock;
use payload::{Payload, SetRecord};

pub use access::{Identities, Protect, Unlock};
pub use container::MIN_WORK_FACTOR;
pub use custody::read_share;
pub use error::KeyringError;
pub use journal::{Entry, Event, read_journal};
pub use payload::read_payload;
pub use rollback::state_folder;

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
    path: PathBuf,
    settings: Settings,
    protect: Protect,
    /// Absent after making a keyring for recipients: then nothing here opens it.
    unlock: Option<Unlock>,
    stamp: file::Stamp,
    payload: Payload,
    cache: HashMap<String, Arc<FingerprintSet>>,
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
        if path.exists() {
            return Err(KeyringError::Exists(path.to_owned()));
        }
        protect.check()?;
        let mut payload = payload(&protect)?;
        payload.generation += 1;
        payload.recipients = protect.recipients().to_vec();
        let sealed = container::seal(&payload.to_json(), &protect)?;
        let stamp = file::create(path, &sealed)?;
        let unlock = protect.unlock();
        let path = path.to_owned();
        let ring = Self { path, settings, protect, unlock, stamp, payload, cache: HashMap::new() };
        ring.remember(false);
        Ok(ring)
    }

    /// Opens a keyring. It keeps its recipients, or the work factor with which it was made.
    pub fn open(path: &Path, unlock: Unlock, settings: Settings) -> Result<Self, KeyringError> {
        let (payload, stamp, work_factor) = loop {
            let (sealed, stamp) = file::read(path)?;
            let payload = decrypt(path, &sealed, &unlock)?;
            match not_older(path, &payload, &settings) {
                Ok(()) => break (payload, stamp, container::work_factor(&sealed)),
                // Another process may have written and remembered since the file was read.
                Err(error) if file::is_same(path, &stamp) => return Err(error),
                Err(_) => {}
            }
        };
        let protect = match &unlock {
            Unlock::Passphrase(passphrase) => {
                Protect::Passphrase { passphrase: passphrase.clone(), work_factor }
            }
            Unlock::Identities(_) => Protect::Recipients(payload.recipients.clone()),
        };
        let ring = Self {
            path: path.to_owned(),
            settings,
            protect,
            unlock: Some(unlock),
            stamp,
            payload,
            cache: HashMap::new(),
        };
        ring.remember(ring.settings.accept_older);
        Ok(ring)
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
            let set = FingerprintSet::derive(&payload.seed, spec, alphabets, check)?;
            let record = SetRecord::of(&set, with_tokenizer);
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
        if let Some(set) = self.cache.get(name) {
            return Ok(Arc::clone(set));
        }
        let set = Arc::new(self.payload.find(name)?.restore(&self.payload.seed)?);
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
        self.stamp = match written {
            Ok(stamp) => stamp,
            Err(error) => {
                self.payload.take_back(before);
                return Err(error);
            }
        };
        self.remember(false);
        let old = std::mem::replace(&mut self.unlock, protect.unlock());
        self.protect = protect;
        self.prove_shut(old)
    }

    fn refuse_same(&self, protect: &Protect) -> Result<(), KeyringError> {
        use secrecy::ExposeSecret;
        match (&self.protect, protect) {
            (
                Protect::Passphrase { passphrase: old, .. },
                Protect::Passphrase { passphrase: new, .. },
            ) if old.expose_secret() == new.expose_secret() => Err(KeyringError::SamePassphrase),
            _ => Ok(()),
        }
    }

    /// Tries the old way in on the new file and its backup, as they are on the disk.
    fn prove_shut(&mut self, old: Option<Unlock>) -> Result<bool, KeyringError> {
        let Some(old) = old else { return Ok(false) };
        let mut shut = true;
        for path in [&self.path, &file::backup_path(&self.path)] {
            let (sealed, _) = file::read(path)?;
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

    /// Records that keys of a set were claimed, sent to a target or revealed. Those sent or
    /// revealed are spent.
    pub fn spend(
        &mut self,
        name: &str,
        indices: &[usize],
        target: &str,
        event: Event,
    ) -> Result<(), KeyringError> {
        self.change(|payload| {
            let record = payload.find(name)?;
            let n = record.spec.n;
            if let Some(&index) = indices.iter().find(|&&index| index >= n) {
                return Err(KeyringError::Index { set: name.to_owned(), index, n });
            }
            let id = record.id(&payload.seed);
            let to = vec![journal::public_target(target)];
            let entry = Entry { indices: indices.to_vec(), to, ..Entry::new(event) };
            payload.journal.append(entry.about(name, id));
            Ok(())
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
        let set = self.get(name)?;
        self.change(|payload| {
            let id = payload.find(name)?.id(&payload.seed);
            let claim = Claim::sign(&set, model, subject, &payload.seed.signing_key())?;
            let to = vec![payload::hex(&claim.digest()).to_string()];
            payload.journal.append(Entry { to, ..Entry::new(Event::Claimed) }.about(name, id));
            Ok(claim)
        })
    }

    /// The Ed25519 key that the keyring's claims are signed with, its public half.
    pub fn public_key(&self) -> [u8; 32] {
        self.payload.seed.signing_key().verifying_key().to_bytes()
    }

    /// The keys of a set that were sent or revealed to somebody, in order.
    pub fn spent(&self, name: &str) -> Result<Vec<usize>, KeyringError> {
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
        let _lock = Lock::take(&self.path, self.settings.lock_timeout)?;
        self.refresh()?;
        let before = self.payload.before();
        let changed = act(&mut self.payload).and_then(|value| {
            self.payload.generation += 1;
            let sealed = container::seal(&self.payload.to_json(), &self.protect)?;
            self.stamp = file::replace(&self.path, &sealed)?;
            Ok(value)
        });
        match changed {
            Ok(value) => {
                self.remember(false);
                Ok(value)
            }
            Err(error) => {
                self.payload.take_back(before);
                Err(error)
            }
        }
    }

    /// Reads the file again if somebody wrote it. The caller holds the lock.
    fn refresh(&mut self) -> Result<(), KeyringError> {
        let (sealed, stamp) = file::read(&self.path)?;
        if stamp == self.stamp {
            return Ok(());
        }
        let Some(unlock) = &self.unlock else {
            return Err(KeyringError::CannotReread(self.path.clone()));
        };
        let payload = decrypt(&self.path, &sealed, unlock)?;
        if payload.id() != self.payload.id() {
            return Err(KeyringError::Another(self.path.clone()));
        }
        let strict = Settings { accept_older: false, ..self.settings.clone() };
        not_older(&self.path, &payload, &strict)?;
        if let Protect::Recipients(recipients) = &mut self.protect {
            recipients.clone_from(&payload.recipients);
        }
        self.payload = payload;
        self.stamp = stamp;
        self.cache.clear();
        Ok(())
    }

    fn remember(&self, reset: bool) {
        if let Some(folder) = &self.settings.state {
            let Payload { generation, journal, .. } = &self.payload;
            rollback::remember(folder, &self.payload.id(), *generation, journal.head(), reset);
        }
    }
}

fn decrypt(path: &Path, sealed: &[u8], unlock: &Unlock) -> Result<Payload, KeyringError> {
    Payload::from_json(path, &container::open(path, sealed, unlock)?)
}

/// Compares a keyring with what was seen of it before.
fn not_older(path: &Path, payload: &Payload, settings: &Settings) -> Result<(), KeyringError> {
    let Some(folder) = settings.state.as_deref().filter(|_| !settings.accept_older) else {
        return Ok(());
    };
    let Some(seen) = rollback::recall(folder, &payload.id()) else { return Ok(()) };
    let (path, found) = (path.to_owned(), payload.generation);
    if found < seen.generation {
        return Err(KeyringError::Older { path, found, seen: seen.generation });
    }
    if found == seen.generation && payload.journal.head() != seen.head {
        return Err(KeyringError::Forked { path, generation: found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::fingerprint::response::ResponseKind;
    use crate::fingerprint::{Context, Source, Template};

    fn spec(name: &str, n: usize) -> SetSpec {
        SetSpec {
            name: name.into(),
            n,
            source: Source::Mixed,
            template: Template::Dialogue,
            response: ResponseKind::Owned,
            context: Context::new(),
        }
    }

    fn secret(text: &str) -> Unlock {
        Unlock::Passphrase(SecretString::from(text.to_owned()))
    }

    fn words(text: &str) -> Protect {
        let passphrase = SecretString::from(text.to_owned());
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
        assert_eq!(last.to, [payload::hex(&claim.digest()).to_string()]);
        assert!(matches!(ring.claim("two", "model", subject), Err(KeyringError::NoSet(_))));
        let entries = ring.journal().len();
        assert!(matches!(ring.claim("one", "", vec![]), Err(KeyringError::Evidence(_))));
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
}
