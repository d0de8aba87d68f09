//! Which licensee got a copy, and when: a line for each copy, and one hash over all lines of a set.
//!
//! A journal's entry takes 400 bytes, a line here some 60: publishers have ten thousand licensees. The
//! line is on the disk before the copy stands at its place.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use super::Keyring;
use super::error::KeyringError;
use super::journal::{Entry, Event};
use super::payload::Payload;
use crate::attest::licences::{Copy, Roll};
use crate::encoding::{hex, now};
use crate::fingerprint::codeword::{MAX_COALITION, is_licensee};

/// The copies of one set.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    /// What tells sets of one name apart.
    set_id: String,
    /// The largest coalition that its code is made for.
    coalition: u8,
    /// How its codewords are drawn: 1, absent, from the set's key alone; 2 so that whoever is shown
    /// one can recompute it.
    #[serde(default = "earlier", skip_serializing_if = "is_earlier")]
    code: u8,
    /// A line for each copy: when, in what form, the start of its rows' digest, and whose.
    issued: Vec<String>,
    /// SHA-256 of the hash before and the last line; of no line, the set's id.
    head: String,
}

/// A copy that left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// When (RFC 3339, UTC).
    pub at: String,
    /// Folder, patch or peft.
    pub form: String,
    /// The first eight bytes of the SHA-256 of its rows, in hexadecimal.
    pub digest: String,
    /// Who got it.
    pub licensee: String,
}

/// The code of ledgers that do not say which.
fn earlier() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_earlier(code: &u8) -> bool {
    *code == earlier()
}

/// What a failed change restores: how many lines each ledger had, and its hash.
pub(super) type Before = Vec<(usize, String)>;

impl Licence {
    fn line(&self) -> String {
        format!("{} {} {} {}", self.at, self.form, self.digest, self.licensee)
    }

    /// Whose it is, and the copy.
    pub fn issued(self) -> (String, Copy) {
        let Self { at, form, digest, licensee } = self;
        (licensee, Copy { at, form, digest })
    }

    fn read(line: &str) -> Option<Self> {
        let mut parts = line.splitn(4, ' ').map(str::to_owned);
        let mut next = || parts.next();
        let found = Self { at: next()?, form: next()?, digest: next()?, licensee: next()? };
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
        let fits = humantime::parse_rfc3339(&found.at).is_ok()
            && plain(&found.form)
            && plain(&found.digest)
            && is_licensee(&found.licensee);
        fits.then_some(found)
    }
}

impl Ledger {
    fn new(set_id: String, coalition: u8) -> Self {
        Self { head: set_id.clone(), set_id, coalition, code: 2, issued: Vec::new() }
    }

    fn append(&mut self, licence: &Licence) {
        let line = licence.line();
        self.head = next_head(&self.head, &line);
        self.issued.push(line);
    }

    fn licences(&self) -> impl Iterator<Item = Licence> {
        self.issued.iter().filter_map(|line| Licence::read(line))
    }

    /// Why no keyring has such a ledger.
    fn fault(&self) -> Option<&'static str> {
        if !(1..=MAX_COALITION).contains(&self.coalition) || !(1..=2).contains(&self.code) {
            return Some("its licences are of no known code");
        }
        if self.issued.iter().any(|line| Licence::read(line).is_none()) {
            return Some("a licence is malformed");
        }
        let head =
            self.issued.iter().fold(self.set_id.clone(), |head, line| next_head(&head, line));
        (head != self.head).then_some("its licences were altered")
    }
}

fn next_head(head: &str, line: &str) -> String {
    hex(&Sha256::new_with_prefix(head).chain_update(line).finalize())
}

/// Why some ledgers are none.
pub(super) fn fault(ledgers: &[Ledger]) -> Option<&'static str> {
    let mut ids: Vec<_> = ledgers.iter().map(|ledger| &ledger.set_id).collect();
    ids.sort();
    let twice = ids.windows(2).any(|pair| pair[0] == pair[1]);
    ledgers.iter().find_map(Ledger::fault).or(twice.then_some("a set's licences are there twice"))
}

pub(super) fn before(ledgers: &[Ledger]) -> Before {
    ledgers.iter().map(|ledger| (ledger.issued.len(), ledger.head.clone())).collect()
}

pub(super) fn take_back(ledgers: &mut Vec<Ledger>, before: Before) {
    ledgers.truncate(before.len());
    for (ledger, (count, head)) in ledgers.iter_mut().zip(before) {
        ledger.issued.truncate(count);
        ledger.head = head;
    }
}

/// Whether copies of some set have codewords of the earlier code.
pub(super) fn of_earlier_code(ledgers: &[Ledger], set_id: &str) -> bool {
    ledgers.iter().any(|ledger| ledger.set_id == set_id && is_earlier(&ledger.code))
}

/// Whether all ledgers are of the earlier code.
pub(super) fn all_earlier(ledgers: &[Ledger]) -> bool {
    ledgers.iter().all(|ledger| is_earlier(&ledger.code))
}

fn find<'p>(payload: &'p mut Payload, name: &str) -> Result<&'p mut Ledger, KeyringError> {
    let id = payload.find(name)?.id(&payload.seed);
    let found = payload.licences.iter_mut().find(|ledger| ledger.set_id == id);
    found.ok_or_else(|| KeyringError::NoLicences(name.to_owned()))
}

impl Keyring {
    /// Makes copies of a set possible, whose code is for coalitions of up to so many licensees.
    ///
    /// Where copies left already, their code stays.
    pub fn open_licences(&mut self, name: &str, coalition: u8) -> Result<(), KeyringError> {
        self.change_if(|payload| {
            let id = payload.find(name)?.id(&payload.seed);
            if !(1..=MAX_COALITION).contains(&coalition) {
                return Err(crate::fingerprint::FingerprintError::Coalition(coalition).into());
            }
            match payload.licences.iter_mut().find(|ledger| ledger.set_id == id) {
                None => payload.licences.push(Ledger::new(id, coalition)),
                Some(ledger) if ledger.coalition == coalition => return Ok(((), false)),
                Some(ledger) => {
                    let coalition = ledger.coalition;
                    return Err(KeyringError::OtherCode { set: name.to_owned(), coalition });
                }
            }
            Ok(((), true))
        })
    }

    /// Records that a licensee gets a copy; on the disk before this returns. The name is taken in
    /// Unicode's composed form, which is returned.
    pub fn license(
        &mut self,
        name: &str,
        licensee: &str,
        form: &str,
        digest: &str,
    ) -> Result<String, KeyringError> {
        let licensee: String = licensee.nfc().collect();
        let (form, digest, at) = (form.to_owned(), digest.to_owned(), now());
        let licence = Licence { at, form, digest, licensee };
        if Licence::read(&licence.line()).as_ref() != Some(&licence) {
            return Err(KeyringError::Licensee);
        }
        self.change(|payload| {
            find(payload, name)?.append(&licence);
            Ok(())
        })?;
        Ok(licence.licensee)
    }

    /// Signs the roll of a set's copies; the journal says so.
    pub fn roll(&mut self, name: &str, model: &str) -> Result<Roll, KeyringError> {
        self.change(|payload| {
            let ledger = find(payload, name)?;
            let (coalition, issued) = (ledger.coalition, ledger.licences().map(Licence::issued));
            let issued: Vec<(String, Copy)> = issued.collect();
            let (set, id) = (payload.set(name)?, payload.find(name)?.id(&payload.seed));
            let key = payload.seed.signing_key();
            let roll = Roll::sign(&set, coalition, &issued, model, &key)?;
            let to = vec![hex(&roll.signed().digest())];
            payload.journal.append(Entry { to, ..Entry::new(Event::Claimed) }.about(name, id));
            Ok(roll)
        })
    }

    /// The copies of a set that left, in order, and the largest coalition of its code; as the file
    /// has it now.
    pub fn licences(&mut self, name: &str) -> Result<(u8, Vec<Licence>), KeyringError> {
        self.refresh()?;
        let ledger = find(&mut self.payload, name)?;
        Ok((ledger.coalition, ledger.licences().collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::fingerprint::{Alphabets, SetSpec};
    use crate::keyring::{Passphrase, Protect, Settings, Unlock};

    fn ring(path: &Path) -> Keyring {
        let passphrase = Passphrase::new("x".into());
        let protect = Protect::Passphrase { passphrase, work_factor: Some(2) };
        let settings = Settings { state: None, ..Settings::default() };
        let mut ring = Keyring::create(path, protect, settings).unwrap();
        let spec = serde_json::json!({
            "name": "one", "n": 4, "source": "chinese", "template": {"name": "simple"},
            "response": "owned",
        });
        let spec: SetSpec = serde_json::from_value(spec).unwrap();
        ring.generate(spec, &Alphabets::default(), None).unwrap();
        ring
    }

    fn again(path: &Path) -> Result<Keyring, KeyringError> {
        let unlock = Unlock::Passphrase(Passphrase::new("x".into()));
        Keyring::open(path, unlock, Settings { state: None, ..Settings::default() })
    }

    #[test]
    fn copies_are_there_when_the_keyring_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        let mut ring = ring(&path);
        assert!(matches!(ring.licences("one"), Err(KeyringError::NoLicences(_))));
        assert!(matches!(
            ring.license("one", "a", "folder", "00"),
            Err(KeyringError::NoLicences(_))
        ));
        ring.open_licences("one", 3).unwrap();
        ring.open_licences("one", 3).unwrap();
        assert!(matches!(ring.open_licences("one", 2), Err(KeyringError::OtherCode { .. })));
        assert!(ring.open_licences("one", 7).is_err());
        for name in ["ACME GmbH & Co.", "Cafe\u{301}", "b"] {
            ring.license("one", name, "folder", "0011223344556677").unwrap();
        }
        for (name, form) in [("a\nb", "folder"), (" a", "folder"), ("a", "a b"), ("a", "")] {
            assert!(matches!(ring.license("one", name, form, "00"), Err(KeyringError::Licensee)));
        }
        let (coalition, found) = again(&path).unwrap().licences("one").unwrap();
        let names: Vec<_> = found.iter().map(|one| one.licensee.as_str()).collect();
        assert_eq!((coalition, names), (3, vec!["ACME GmbH & Co.", "Caf\u{e9}", "b"]));
        ring.remove("one").unwrap();
        assert_eq!(again(&path).unwrap().payload.licences[0].issued.len(), 3);
    }

    #[test]
    fn rolls_are_of_copies_that_left_and_are_journalled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        let mut ring = ring(&path);
        assert!(matches!(ring.roll("one", "base"), Err(KeyringError::NoLicences(_))));
        ring.open_licences("one", 2).unwrap();
        assert!(matches!(ring.roll("one", "base"), Err(KeyringError::Attest(_))));
        ring.license("one", "ACME", "folder", "0011223344556677").unwrap();
        let roll = ring.roll("one", "base").unwrap();
        assert!(roll.verify(Some(&ring.public_key())).is_ok());
        let digest = hex(&roll.signed().digest());
        let reread = again(&path).unwrap();
        assert_eq!(reread.journal().last().unwrap().to, [digest]);
    }

    #[test]
    fn copies_of_the_earlier_code_keep_their_codewords_and_are_on_no_roll() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        let mut ring = ring(&path);
        ring.open_licences("one", 2).unwrap();
        ring.license("one", "ACME", "folder", "0011223344556677").unwrap();
        let set = ring.get("one").unwrap();
        let word = set.codeword(&set.code(2).unwrap(), "ACME");
        ring.change(|payload| {
            payload.licences[0].code = 1;
            Ok(())
        })
        .unwrap();
        let mut ring = again(&path).unwrap();
        let set = ring.get("one").unwrap();
        assert_ne!(set.codeword(&set.code(2).unwrap(), "ACME"), word);
        let refused = ring.roll("one", "base").unwrap_err().to_string();
        assert!(refused.contains("an earlier version"), "{refused}");
    }

    #[test]
    fn any_change_of_the_lines_is_found() {
        let mut ledger = Ledger::new("00".into(), 2);
        for licensee in ["a", "b", "c"] {
            let (at, form, digest) = ("2026-01-01T00:00:00Z".into(), "patch".into(), "0f".into());
            ledger.append(&Licence { at, form, digest, licensee: licensee.into() });
        }
        let written = serde_json::to_value(&ledger).unwrap();
        let read = |value| serde_json::from_value::<Ledger>(value).unwrap().fault();
        assert_eq!(read(written.clone()), None);
        let mut changed = written.clone();
        changed["issued"][1] = "2026-01-01T00:00:00Z patch 0f x".into();
        assert_eq!(read(changed), Some("its licences were altered"));
        let mut shorter = written.clone();
        shorter["issued"].as_array_mut().unwrap().pop();
        assert_eq!(read(shorter), Some("its licences were altered"));
        let mut other = written.clone();
        other["issued"][0] = "yesterday patch 0f a".into();
        assert_eq!(read(other), Some("a licence is malformed"));
        let mut code = written.clone();
        code["coalition"] = 9.into();
        assert_eq!(read(code), Some("its licences are of no known code"));
        let mut code = written.clone();
        code["code"] = 3.into();
        assert_eq!(read(code), Some("its licences are of no known code"));
        let twice = [written.clone(), written].map(|value| serde_json::from_value(value).unwrap());
        assert_eq!(fault(&twice), Some("a set's licences are there twice"));
    }

    #[test]
    fn what_did_not_reach_the_disk_is_taken_back() {
        let mut ledgers = vec![Ledger::new("00".into(), 2)];
        let saved = before(&ledgers);
        let at = "2026-01-01T00:00:00Z".to_owned();
        let licence =
            Licence { at, form: "patch".into(), digest: "0f".into(), licensee: "a".into() };
        ledgers[0].append(&licence);
        ledgers.push(Ledger::new("01".into(), 2));
        take_back(&mut ledgers, saved);
        assert_eq!((ledgers.len(), ledgers[0].issued.len()), (1, 0));
        assert_eq!(fault(&ledgers), None);
    }
}
