//! Who may open a file: passphrases, recipients and identities as age knows them.

use std::io::BufReader;
use std::path::Path;

use age::armor::ArmoredReader;
use age::plugin::{self, RecipientPluginV1, ResolveError};
use age::{Callbacks, DecryptError, Decryptor, IdentityFile, ssh, tag, tagpq, x25519};
use secrecy::SecretString;

use super::error::KeyringError;
use super::file::{self, Notice};
use super::passphrase::Passphrase;

/// The longest identity file that is read.
const MAX_IDENTITY: u64 = 1 << 20;

type Keys = Vec<Box<dyn age::Identity + Send + Sync>>;

/// To whom a file is encrypted.
pub enum Protect {
    /// Whoever knows the passphrase; `work_factor` is scrypt's log₂ N.
    Passphrase {
        /// The passphrase.
        passphrase: Passphrase,
        /// Without one it is chosen to take about a second here.
        work_factor: Option<u8>,
    },
    /// Public keys: `age1…`, `age1tagpq1…`, `age1NAME1…` of a plugin, `ssh-ed25519 …`, `ssh-rsa …`.
    Recipients(Vec<String>),
}

impl Protect {
    /// The recipients, none for a passphrase.
    pub(super) fn recipients(&self) -> &[String] {
        match self {
            Self::Passphrase { .. } => &[],
            Self::Recipients(recipients) => recipients,
        }
    }

    /// A passphrase in the form in which new files take it.
    pub(super) fn normal(self) -> Self {
        match self {
            Self::Passphrase { passphrase, work_factor } => {
                Self::Passphrase { passphrase: passphrase.composed(), work_factor }
            }
            recipients => recipients,
        }
    }

    /// What opens a file so protected, as far as this says.
    pub(super) fn unlock(&self) -> Option<Unlock> {
        match self {
            Self::Passphrase { passphrase, .. } => Some(Unlock::Passphrase(passphrase.clone())),
            Self::Recipients(_) => None,
        }
    }

    /// Finds what is wrong before anything is written.
    pub(super) fn check(&self) -> Result<(), KeyringError> {
        match self {
            Self::Passphrase { passphrase, .. } if passphrase.is_empty() => {
                Err(KeyringError::EmptyPassphrase)
            }
            Self::Passphrase { .. } => Ok(()),
            Self::Recipients(recipients) => parse_recipients(recipients).map(drop),
        }
    }
}

/// What opens a file.
pub enum Unlock {
    /// A passphrase.
    Passphrase(Passphrase),
    /// Private keys.
    Identities(Identities),
}

impl Unlock {
    /// What was noticed of the files that this came from.
    pub(super) fn notices(&self) -> &[Notice] {
        match self {
            Self::Passphrase(_) => &[],
            Self::Identities(identities) => &identities.notices,
        }
    }
}

/// Private keys, or references to keys in hardware.
pub struct Identities {
    keys: Keys,
    notices: Vec<Notice>,
}

impl Identities {
    /// Reads an age identity file, plain or encrypted with a passphrase, or an SSH private key.
    pub fn read(path: &Path, passphrase: Option<&Passphrase>) -> Result<Self, KeyringError> {
        let (bytes, notice) = file::read_given(path, MAX_IDENTITY)?;
        let keys = read_keys(path, &bytes, passphrase)?;
        Ok(Self { keys, notices: notice.into_iter().collect() })
    }

    /// Whether an identity file needs a passphrase.
    pub fn is_protected(path: &Path) -> Result<bool, KeyringError> {
        match Self::read(path, None) {
            Ok(_) => Ok(false),
            Err(KeyringError::IdentityLocked(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The keys of several files together.
    pub fn join(all: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Self { keys: Vec::new(), notices: Vec::new() };
        for identities in all {
            joined.keys.extend(identities.keys);
            joined.notices.extend(identities.notices);
        }
        joined
    }

    /// A new key and its public half.
    #[cfg(test)]
    pub(super) fn fresh() -> (Self, String) {
        let key = x25519::Identity::generate();
        let public = key.to_public().to_string();
        (Self { keys: vec![Box::new(key)], notices: Vec::new() }, public)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.keys.iter().map(|identity| &**identity as &dyn age::Identity)
    }
}

fn is_age(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/") || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED")
}

fn read_keys(
    path: &Path,
    bytes: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<Keys, KeyringError> {
    if is_age(bytes) {
        return from_encrypted(path, bytes, passphrase);
    }
    if bytes.starts_with(b"-----BEGIN ") {
        return from_ssh(path, bytes, passphrase);
    }
    let file =
        IdentityFile::from_buffer(bytes).map_err(|_| unusable(path, "it is neither of both"))?;
    from_file(path, file.with_callbacks(Caller(passphrase.cloned())))
}

fn from_file(path: &Path, file: IdentityFile<Caller>) -> Result<Keys, KeyringError> {
    let keys = file.into_identities().map_err(|error| match error {
        DecryptError::PluginResolve(error) => missing(&error),
        error => unusable(path, &plain(&error.to_string())),
    })?;
    if keys.is_empty() {
        return Err(unusable(path, "it holds none"));
    }
    Ok(keys)
}

/// Tries the forms of a passphrase on an identity that another program protected.
fn with_each_form<T>(
    path: &Path,
    passphrase: Option<&Passphrase>,
    mut attempt: impl FnMut(&Passphrase) -> Result<T, DecryptError>,
) -> Result<T, KeyringError> {
    let Some(passphrase) = passphrase else {
        return Err(KeyringError::IdentityLocked(path.to_owned()));
    };
    for form in passphrase.as_given_first() {
        match attempt(&form) {
            Ok(found) => return Ok(found),
            Err(DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed) => {}
            Err(error) => return Err(unusable(path, &plain(&error.to_string()))),
        }
    }
    Err(KeyringError::WrongPassphrase(path.to_owned()))
}

fn from_encrypted(
    path: &Path,
    bytes: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<Keys, KeyringError> {
    let no_passphrase = || unusable(path, "it is encrypted, but not with a passphrase");
    let decryptor = || Decryptor::new(ArmoredReader::new(bytes));
    let fine = decryptor().map_err(|error| unusable(path, &plain(&error.to_string())))?;
    if !fine.is_scrypt() {
        return Err(no_passphrase());
    }
    let file = with_each_form(path, passphrase, |form| {
        let caller = Caller(Some(form.clone()));
        let identity = age::encrypted::EncryptedIdentity::new(decryptor()?, caller, None);
        identity.ok_or(DecryptError::InvalidHeader)?.decrypt(None)
    })?;
    from_file(path, file)
}

fn from_ssh(
    path: &Path,
    bytes: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<Keys, KeyringError> {
    let key = ssh::Identity::from_buffer(BufReader::new(bytes), None)
        .map_err(|_| unusable(path, "it is no SSH private key"))?;
    let key = match key {
        ssh::Identity::Unsupported(_) => {
            return Err(unusable(path, "this kind of SSH key cannot decrypt"));
        }
        ssh::Identity::Encrypted(key) => {
            with_each_form(path, passphrase, |form| key.decrypt(form.secret()))?.into()
        }
        key => key,
    };
    Ok(vec![Box::new(key)])
}

fn unusable(path: &Path, reason: &str) -> KeyringError {
    KeyringError::Identity { path: path.to_owned(), reason: reason.to_owned() }
}

/// Reads recipients, in order.
pub(super) fn parse_recipients(
    texts: &[String],
) -> Result<Vec<Box<dyn age::Recipient>>, KeyringError> {
    if texts.is_empty() {
        return Err(KeyringError::NoRecipients);
    }
    texts.iter().enumerate().map(|(place, text)| parse_recipient(place + 1, text)).collect()
}

fn parse_recipient(position: usize, text: &str) -> Result<Box<dyn age::Recipient>, KeyringError> {
    let refused = |reason: &str| KeyringError::Recipient { position, reason: reason.to_owned() };
    if text.starts_with("ssh-") {
        return match text.parse::<ssh::Recipient>() {
            Ok(recipient) => Ok(Box::new(recipient)),
            Err(ssh::ParseRecipientKeyError::RsaModulusTooSmall) => {
                Err(refused("the RSA key is shorter than 2048 bits"))
            }
            Err(ssh::ParseRecipientKeyError::RsaModulusTooLarge) => {
                Err(refused("the RSA key is too long"))
            }
            Err(_) => Err(refused("this SSH key is malformed or of an unsupported kind")),
        };
    }
    if let Ok(recipient) = text.parse::<x25519::Recipient>() {
        return Ok(Box::new(recipient));
    }
    // Before plugins: their names have the form of a plugin's.
    if let Ok(recipient) = text.parse::<tagpq::Recipient>() {
        return Ok(Box::new(recipient));
    }
    if let Ok(recipient) = text.parse::<tag::Recipient>() {
        return Ok(Box::new(recipient));
    }
    let Ok(recipient) = text.parse::<plugin::Recipient>() else {
        return Err(refused("it is no public key"));
    };
    let name = recipient.plugin().to_owned();
    RecipientPluginV1::new(&name, &[recipient], &[], Caller(None))
        .map(|plugin| Box::new(plugin) as Box<dyn age::Recipient>)
        .map_err(|error| missing(&error))
}

/// A plugin that cannot be run.
pub(super) fn missing(error: &ResolveError) -> KeyringError {
    match error {
        ResolveError::MissingPlugin { binary_name } => KeyringError::Plugin(binary_name.clone()),
        other => KeyringError::Recipients(plain(&other.to_string())),
    }
}

/// age marks the variable parts of its messages with invisible characters; one line without them,
/// and without what would steer a terminal.
pub(super) fn plain(message: &str) -> String {
    let shown =
        |c: &char| !matches!(c, '\u{2066}'..='\u{2069}') && (c.is_whitespace() || !c.is_control());
    let visible: String = message.chars().filter(shown).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Answers what age asks: the passphrase if there is one, nothing else.
#[derive(Clone)]
struct Caller(Option<Passphrase>);

impl Callbacks for Caller {
    fn display_message(&self, message: &str) {
        // A plugin asks for a touch of the hardware key; who waits must see it.
        eprintln!("ifrs: {}", plain(message));
    }

    fn confirm(&self, _message: &str, _yes: &str, _no: Option<&str>) -> Option<bool> {
        None
    }

    fn request_public_string(&self, _description: &str) -> Option<String> {
        None
    }

    fn request_passphrase(&self, _description: &str) -> Option<SecretString> {
        self.0.as_ref().map(Passphrase::secret)
    }
}
