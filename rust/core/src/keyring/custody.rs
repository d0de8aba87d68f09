//! Shares of a keyring: any `threshold` of them restore it, fewer reveal nothing.
//!
//! The keyring's payload is sealed under a fresh random key; what is shared (Shamir over
//! GF(256), crate `blahaj`) is that key. Every share carries the sealed payload, so that sets with
//! stored keys, imported sets and the journal come back, too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use blahaj::{Share, Sharks};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::access::{Protect, Unlock};
use super::error::KeyringError;
use super::journal::{Entry, Event};
use super::passphrase::Passphrase;
use super::payload::{Payload, write_json};
use super::{Keyring, MIN_WORK_FACTOR, Settings, container, file};
use crate::encoding::{hex, secret_hex, unhex};
use crate::fingerprint::Seed;

/// The format that this version writes and reads.
const FORMAT: &str = "ifrs/share/v1";

/// Points of a share: one byte says which, 32 are its value.
const VALUE_BYTES: usize = 32;

/// What a share's file holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SharePayload {
    format: String,
    keyring: String,
    created: String,
    /// What tells one split from another.
    split: String,
    threshold: usize,
    shares: usize,
    index: u8,
    value: Zeroizing<String>,
    /// The payload under the shared key: an age file, armored.
    sealed: String,
}

#[derive(Deserialize)]
struct Head {
    format: String,
}

impl Keyring {
    /// Writes one share for each recipient to `folder`, and returns the files.
    pub fn split(
        &mut self,
        threshold: usize,
        recipients: &[String],
        folder: &Path,
    ) -> Result<Vec<PathBuf>, KeyringError> {
        let shares = recipients.len();
        if !(2..=255).contains(&shares) || !(2..=shares).contains(&threshold) {
            return Err(KeyringError::Split { threshold, shares });
        }
        Protect::Recipients(recipients.to_vec()).check()?;
        let files: Vec<PathBuf> = (1..=shares)
            .map(|index| folder.join(format!("share-{index}-of-{shares}.age")))
            .collect();
        if let Some(path) = files.iter().find(|path| path.exists()) {
            return Err(KeyringError::Exists(path.clone()));
        }
        let sealed = self.change(|payload| {
            let to = recipients.to_vec();
            payload.journal.append(Entry { to, ..Entry::new(Event::Split) });
            seal_shares(payload, threshold, recipients)
        })?;
        std::fs::create_dir_all(folder).map_err(|source| file::failed("create", folder, source))?;
        for (path, bytes) in files.iter().zip(sealed) {
            file::create(path, &bytes)?;
        }
        Ok(files)
    }

    /// Restores a keyring from shares in a new file.
    pub fn combine(
        shares: &[PathBuf],
        identities: &Unlock,
        path: &Path,
        protect: Protect,
        settings: Settings,
    ) -> Result<Self, KeyringError> {
        let restored = |protect: &Protect| {
            let mut payload = join(shares, identities)?;
            let to = protect.recipients().to_vec();
            payload.journal.append(Entry { to, ..Entry::new(Event::Combined) });
            Ok(payload)
        };
        let mut ring = Self::create_with(path, protect, settings, restored)?;
        ring.notices = identities.notices().to_vec();
        // The shares may be older than what was seen last: whoever combines them accepts that.
        ring.remember(true);
        Ok(ring)
    }
}

fn seal_shares(
    payload: &Payload,
    threshold: usize,
    recipients: &[String],
) -> Result<Vec<Vec<u8>>, KeyringError> {
    // A seed is 32 random bytes in locked memory, which is what is wanted here.
    let (key, split) = (Seed::random()?, Seed::random()?.public_id());
    let sealed = container::seal(&payload.to_json(), &under(key.expose()))?;
    let dealer = Sharks(u8::try_from(threshold).unwrap_or(u8::MAX)).dealer(key.expose());
    dealer
        .zip(recipients)
        .map(|(share, recipient)| {
            let bytes = Zeroizing::new(Vec::from(&share));
            let written = SharePayload {
                format: FORMAT.to_owned(),
                keyring: payload.id(),
                created: crate::encoding::now(),
                split: hex(&split),
                threshold,
                shares: recipients.len(),
                index: bytes[0],
                value: secret_hex(&bytes[1..]),
                sealed: armor(&sealed),
            };
            let one = Protect::Recipients(vec![recipient.clone()]);
            container::seal(&write_json(&written), &one)
        })
        .collect()
}

/// The key as an age passphrase: 256 random bits need no slow hash.
fn under(key: &[u8]) -> Protect {
    let passphrase = Passphrase::new(secret_hex(key).as_str().to_owned());
    Protect::Passphrase { passphrase, work_factor: Some(MIN_WORK_FACTOR) }
}

fn armor(sealed: &[u8]) -> String {
    use age::armor::{ArmoredWriter, Format};
    use std::io::Write;
    let mut writer = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)
        .expect("writing to memory does not fail");
    writer.write_all(sealed).expect("writing to memory does not fail");
    let text = writer.finish().expect("writing to memory does not fail");
    String::from_utf8(text).expect("armor is ASCII")
}

fn join(paths: &[PathBuf], identities: &Unlock) -> Result<Payload, KeyringError> {
    let mut split: Option<SharePayload> = None;
    let mut points = BTreeMap::new();
    for path in paths {
        let share = open_share(path, identities)?;
        if split.as_ref().is_some_and(|first| !is_of(first, &share)) {
            return Err(KeyringError::MixedShares);
        }
        points.insert(share.index, share.value.clone());
        split.get_or_insert(share);
    }
    let have = points.len();
    match split {
        Some(split) if have >= split.threshold => restore(&split, points),
        Some(split) => Err(KeyringError::TooFewShares { have, need: split.threshold }),
        None => Err(KeyringError::TooFewShares { have, need: 2 }),
    }
}

fn is_of(first: &SharePayload, other: &SharePayload) -> bool {
    (&first.split, first.threshold, &first.sealed) == (&other.split, other.threshold, &other.sealed)
}

fn restore(
    split: &SharePayload,
    points: BTreeMap<u8, Zeroizing<String>>,
) -> Result<Payload, KeyringError> {
    // Distinct, of one length and as many as needed: what the crate expects of its caller.
    let shares: Vec<Share> = points
        .iter()
        .take(split.threshold)
        .filter_map(|(&index, value)| {
            let mut bytes = Zeroizing::new(vec![index]);
            bytes.extend_from_slice(&*Zeroizing::new(unhex(value)?));
            Share::try_from(&bytes[..]).ok()
        })
        .collect();
    let sharing = Sharks(u8::try_from(split.threshold).unwrap_or(u8::MAX));
    let key = sharing.recover(&shares).map(Zeroizing::new);
    let too_few =
        |_: &str| KeyringError::TooFewShares { have: shares.len(), need: split.threshold };
    let Protect::Passphrase { passphrase, .. } = under(&key.map_err(too_few)?) else {
        unreachable!("a key is a passphrase")
    };
    let name = Path::new("the shares");
    let json = container::open(name, split.sealed.as_bytes(), &Unlock::Passphrase(passphrase));
    match json {
        Ok(json) => Payload::from_json(name, &json),
        Err(KeyringError::WrongPassphrase(_)) => Err(KeyringError::MixedShares),
        Err(error) => Err(error),
    }
}

/// A share's file, or what `age -d` printed of it.
fn open_share(path: &Path, unlock: &Unlock) -> Result<SharePayload, KeyringError> {
    let (bytes, _) = file::read_given(path, file::MAX_FILE)?;
    if bytes.first() == Some(&b'{') {
        return parse(path, &bytes);
    }
    parse(path, &container::open_any(path, &bytes, unlock)?.0)
}

fn parse(path: &Path, json: &[u8]) -> Result<SharePayload, KeyringError> {
    let corrupt =
        |reason: &str| KeyringError::Corrupt { path: path.to_owned(), reason: reason.to_owned() };
    let head: Head = serde_json::from_slice(json).map_err(|_| corrupt("it is no share"))?;
    if head.format != FORMAT {
        return Err(KeyringError::Version { path: path.to_owned(), format: head.format });
    }
    let share: SharePayload =
        serde_json::from_slice(json).map_err(|_| corrupt("it is not of the documented form"))?;
    let sound = (2..=255).contains(&share.threshold)
        && share.index > 0
        && share.value.len() == 2 * VALUE_BYTES
        && unhex(&share.value).is_some();
    if sound { Ok(share) } else { Err(corrupt("its values are out of range")) }
}

/// Reads a share's payload, for the fuzzer: never a panic.
pub fn read_share(json: &[u8]) -> bool {
    parse(Path::new("fuzz"), json).is_ok()
}
