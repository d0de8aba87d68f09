//! The age v1 file around a payload (age-encryption.org/v1).

use std::io::Write;
use std::path::Path;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor, EncryptError, Encryptor, scrypt};

use super::access::{Protect, Unlock, missing, parse_recipients, plain};
use super::error::KeyringError;
use super::passphrase::Passphrase;
use crate::memory::Buffer;

/// The least scrypt work factor that is accepted, for tests: log₂ N.
pub const MIN_WORK_FACTOR: u8 = 2;

/// Files that ask for more work than this are refused: log₂ N; 4 GiB of memory.
const MAX_WORK_FACTOR: u8 = 22;

/// Encrypts a payload.
pub(super) fn seal(plaintext: &[u8], protect: &Protect) -> Result<Vec<u8>, KeyringError> {
    protect.check()?;
    let recipients = match protect {
        Protect::Passphrase { passphrase, work_factor } => {
            let mut recipient = scrypt::Recipient::new(passphrase.secret());
            if let Some(log_n) = work_factor {
                recipient.set_work_factor((*log_n).clamp(MIN_WORK_FACTOR, MAX_WORK_FACTOR));
            }
            vec![Box::new(recipient) as Box<dyn age::Recipient>]
        }
        Protect::Recipients(texts) => parse_recipients(texts)?,
    };
    let encryptor = Encryptor::with_recipients(recipients.iter().map(|recipient| &**recipient))
        .map_err(refused)?;
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).expect("writing to memory does not fail");
    writer.write_all(plaintext).expect("writing to memory does not fail");
    writer.finish().expect("writing to memory does not fail");
    Ok(sealed)
}

fn refused(error: EncryptError) -> KeyringError {
    match error {
        EncryptError::PluginResolve(error) => missing(&error),
        EncryptError::IncompatibleRecipients { .. } => KeyringError::Recipients(
            "post-quantum recipients cannot be mixed with others".to_owned(),
        ),
        other => KeyringError::Recipients(plain(&other.to_string())),
    }
}

/// The scrypt work factor that a file's header states: `-> scrypt SALT LOG_N`.
pub(super) fn work_factor(sealed: &[u8]) -> Option<u8> {
    let stanza =
        sealed.split(|&byte| byte == b'\n').find(|line| line.starts_with(b"-> scrypt "))?;
    std::str::from_utf8(stanza).ok()?.rsplit(' ').next()?.parse().ok()
}

/// Decrypts a file with any form of a passphrase, and returns it with the form that opened it.
pub(super) fn open_any(
    path: &Path,
    sealed: &[u8],
    unlock: &Unlock,
) -> Result<(Buffer, Option<Passphrase>), KeyringError> {
    let Unlock::Passphrase(passphrase) = unlock else {
        return open(path, sealed, unlock).map(|plaintext| (plaintext, None));
    };
    let mut wrong = None;
    for form in passphrase.composed_first() {
        match open(path, sealed, &Unlock::Passphrase(form.clone())) {
            Ok(plaintext) => return Ok((plaintext, Some(form))),
            Err(error @ KeyringError::WrongPassphrase(_)) => wrong = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(wrong.expect("there is at least one form"))
}

/// Decrypts a file, with a passphrase as it is spelt.
pub(super) fn open(path: &Path, sealed: &[u8], unlock: &Unlock) -> Result<Buffer, KeyringError> {
    let corrupt = |error: &dyn ToString| KeyringError::Corrupt {
        path: path.to_owned(),
        reason: plain(&error.to_string()),
    };
    let decryptor = Decryptor::new(ArmoredReader::new(sealed)).map_err(|error| corrupt(&error))?;
    let opened = match (unlock, decryptor.is_scrypt()) {
        (Unlock::Passphrase(passphrase), true) => {
            let mut identity = scrypt::Identity::new(passphrase.secret());
            identity.set_max_work_factor(MAX_WORK_FACTOR);
            decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
        }
        (Unlock::Identities(identities), false) => decryptor.decrypt(identities.iter()),
        (Unlock::Passphrase(_), false) => return Err(KeyringError::NeedsIdentity(path.to_owned())),
        (Unlock::Identities(_), true) => {
            return Err(KeyringError::NeedsPassphrase(path.to_owned()));
        }
    };
    let reader = opened.map_err(|error| match error {
        DecryptError::DecryptionFailed
        | DecryptError::KeyDecryptionFailed
        | DecryptError::NoMatchingKeys => KeyringError::WrongPassphrase(path.to_owned()),
        DecryptError::PluginResolve(error) => missing(&error),
        other => corrupt(&other),
    })?;
    let mut plaintext = Buffer::with_capacity(sealed.len());
    plaintext.fill(reader).map_err(|error| corrupt(&error))?;
    Ok(plaintext)
}
