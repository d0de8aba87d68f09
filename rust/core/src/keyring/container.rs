//! The age v1 file around the payload (age-encryption.org/v1).

use std::io::{Read, Write};
use std::path::Path;

use age::scrypt;
use age::{DecryptError, Decryptor, Encryptor};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::KeyringError;

/// The least scrypt work factor that is accepted, for tests: log₂ N.
pub const MIN_WORK_FACTOR: u8 = 2;

/// Files that ask for more work than this are refused: log₂ N, about a minute.
const MAX_WORK_FACTOR: u8 = 24;

/// Encrypts the payload to a passphrase.
pub(super) fn seal(
    json: &[u8],
    passphrase: &SecretString,
    work_factor: Option<u8>,
) -> Result<Vec<u8>, KeyringError> {
    if passphrase.expose_secret().is_empty() {
        return Err(KeyringError::EmptyPassphrase);
    }
    let mut recipient = scrypt::Recipient::new(passphrase.clone());
    if let Some(log_n) = work_factor {
        recipient.set_work_factor(log_n.clamp(MIN_WORK_FACTOR, MAX_WORK_FACTOR));
    }
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients)
        .expect("a single passphrase is a valid set of recipients");
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).expect("writing to memory does not fail");
    writer.write_all(json).expect("writing to memory does not fail");
    writer.finish().expect("writing to memory does not fail");
    Ok(sealed)
}

/// The scrypt work factor that a file's header states: `-> scrypt SALT LOG_N`.
pub(super) fn work_factor(sealed: &[u8]) -> Option<u8> {
    let stanza =
        sealed.split(|&byte| byte == b'\n').find(|line| line.starts_with(b"-> scrypt "))?;
    std::str::from_utf8(stanza).ok()?.rsplit(' ').next()?.parse().ok()
}

/// Decrypts a file with a passphrase.
pub(super) fn open(
    path: &Path,
    sealed: &[u8],
    passphrase: &SecretString,
) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let corrupt = |reason: String| KeyringError::Corrupt { path: path.to_owned(), reason };
    let decryptor = Decryptor::new(sealed).map_err(|error| corrupt(error.to_string()))?;
    if !decryptor.is_scrypt() {
        return Err(KeyringError::NotPassphrase(path.to_owned()));
    }
    let mut identity = scrypt::Identity::new(passphrase.clone());
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    let mut reader =
        decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|error| {
            match error {
                DecryptError::DecryptionFailed
                | DecryptError::KeyDecryptionFailed
                | DecryptError::NoMatchingKeys => KeyringError::WrongPassphrase(path.to_owned()),
                other => corrupt(other.to_string()),
            }
        })?;
    let mut json = Zeroizing::new(Vec::with_capacity(sealed.len()));
    reader.read_to_end(&mut json).map_err(|error| corrupt(error.to_string()))?;
    Ok(json)
}
