//! Why a keyring could not be made, read or written.

use std::path::PathBuf;

use crate::attest::AttestError;
use crate::fingerprint::FingerprintError;

/// Why a keyring could not be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is a file at the path of a new one.
    #[error("{} already exists: open it, or choose another path", .0.display())]
    Exists(PathBuf),
    /// There is no file at the path.
    #[error("there is no keyring at {}: create one first", .0.display())]
    NotFound(PathBuf),
    /// There is no file at the path, and a backup beside it.
    #[error(
        "there is no keyring at {}, and {} is how it was before its last change: copy that file \
         there, and open it with accept_older=True (--accept-older)", path.display(), backup.display()
    )]
    Lost {
        /// Where the keyring was.
        path: PathBuf,
        /// The file beside it.
        backup: PathBuf,
    },
    /// A new keyring would write over the backup of a lost one.
    #[error(
        "{} is the backup of a keyring that was here, which a new one would write over: move it \
         away first, or copy it to {} to have its keys again", backup.display(), path.display()
    )]
    BackupThere {
        /// Where the new keyring should be.
        path: PathBuf,
        /// The file beside it.
        backup: PathBuf,
    },
    /// The passphrase or identity does not open the file.
    #[error("wrong passphrase or identity for {}", .0.display())]
    WrongPassphrase(PathBuf),
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty: choose one")]
    EmptyPassphrase,
    /// The new passphrase is the old one.
    #[error("the new passphrase is the old one: choose another")]
    SamePassphrase,
    /// The file is encrypted to recipients.
    #[error("{} is encrypted to recipients, not with a passphrase: give an identity file", .0.display())]
    NeedsIdentity(PathBuf),
    /// The file is encrypted with a passphrase.
    #[error("{} is encrypted with a passphrase, not to an identity: give the passphrase", .0.display())]
    NeedsPassphrase(PathBuf),
    /// Nobody could open the file.
    #[error("there are no recipients: give at least one, or a passphrase")]
    NoRecipients,
    /// A recipient cannot be read. Its text is left out: it may be a private key by mistake.
    #[error("recipient {position} cannot be used ({reason}): give an age or SSH public key")]
    Recipient {
        /// Which one, counted from 1.
        position: usize,
        /// Why not.
        reason: String,
    },
    /// The recipients cannot be combined, or a plugin failed.
    #[error("cannot encrypt to these recipients: {0}")]
    Recipients(String),
    /// A plugin is not installed.
    #[error("{0} is not installed: install it and see that it is on PATH")]
    Plugin(String),
    /// An identity file cannot be read.
    #[error("{} cannot be used as an identity ({reason}): give an age identity file or an SSH private key", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// An identity file is protected.
    #[error("the identity {} is protected by a passphrase: give it, too", .0.display())]
    IdentityLocked(PathBuf),
    /// The file is not what it should be, or was damaged.
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
    /// Another process writes.
    #[error("{} is being written by {holder}: wait for it, or end it", path.display())]
    Locked {
        /// The keyring.
        path: PathBuf,
        /// Who holds the lock.
        holder: String,
    },
    /// The file is older than one that was seen here.
    #[error(
        "{} is an older copy (generation {found}; {seen} was seen here): restore the newer one, or \
         accept this one with accept_older=True (--accept-older)", path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its generation.
        found: u64,
        /// The highest generation seen.
        seen: u64,
    },
    /// The file is as old as one that was seen here, with another history.
    #[error(
        "{} has another history than the copy seen here (generation {generation}): find out who \
         wrote it, or accept it with accept_older=True (--accept-older)", path.display()
    )]
    Forked {
        /// The file.
        path: PathBuf,
        /// The generation of both.
        generation: u64,
    },
    /// Another keyring took the place of the one that was opened.
    #[error("{} holds another keyring than the one that was opened: open it again", .0.display())]
    Another(PathBuf),
    /// The file changed, and nothing that is known opens it.
    #[error(
        "{} was changed by another process, and what opened it here does not open it now: open it \
         again", .0.display()
    )]
    CannotReread(PathBuf),
    /// The keyring was opened before a fork.
    #[error("{} was opened by another process than this: a forked child opens it anew", .0.display())]
    Elsewhere(PathBuf),
    /// Something else is in the place of a file of ours.
    #[error(
        "{} is a link, a pipe, a folder or a device where only an ordinary file may be: find out \
         who put it there, and remove it", .0.display()
    )]
    Special(PathBuf),
    /// The file is longer than any that is read or written.
    #[error("{} would have more than {limit} bytes, or has: no such file is read or written", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most.
        limit: u64,
    },
    /// What the state folder holds of the keyring cannot be read.
    #[error(
        "whether {} is the newest copy cannot be told: {}, which remembers it, is damaged. Compare \
         the keyring with your notes, then accept it with accept_older=True (--accept-older)",
        path.display(), state.display()
    )]
    State {
        /// The keyring.
        path: PathBuf,
        /// The damaged file.
        state: PathBuf,
    },
    /// Rekeying failed before anything changed.
    #[error("{} was not rekeyed, and opens as before: {cause}", path.display())]
    NotRekeyed {
        /// The keyring.
        path: PathBuf,
        /// What went wrong.
        cause: Box<KeyringError>,
    },
    /// Rekeying was done, and something after it failed.
    #[error(
        "{} was rekeyed: the new passphrase or identity opens it, the old one does not; but {cause}. \
         If {}.bak is missing, the next change makes it", path.display(), path.display()
    )]
    Rekeyed {
        /// The keyring.
        path: PathBuf,
        /// What went wrong.
        cause: Box<KeyringError>,
    },
    /// A set that no keyring takes.
    #[error("set {set:?} cannot be kept: {reason}")]
    Unfit {
        /// The set.
        set: String,
        /// Why not.
        reason: &'static str,
    },
    /// The old passphrase opens what was just encrypted anew.
    #[error("the old passphrase still opens {}: make a new keyring", .0.display())]
    StillOpens(PathBuf),
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
    /// The set of this name is another than the one at hand.
    #[error(
        "the keyring's set {0:?} has other keys than the one at hand: take the set from this keyring"
    )]
    OtherSet(String),
    /// No copies of a set can be made.
    #[error("the set {0:?} is planted for no licensees: run ifrs licence plant first")]
    NoLicences(String),
    /// Copies were made with another code.
    #[error(
        "the licences of set {set:?} have a code for coalitions of {coalition}: keep to it, or plant \
         another set"
    )]
    OtherCode {
        /// The set.
        set: String,
        /// The largest coalition.
        coalition: u8,
    },
    /// Nobody can be called so.
    #[error(
        "a licensee's name is 1 to 128 bytes of UTF-8, without control characters and without \
         space at its ends"
    )]
    Licensee,
    /// A set has no such fingerprint.
    #[error("set {set:?} has no fingerprint {index}: it has {n}")]
    Index {
        /// The set.
        set: String,
        /// What was asked for.
        index: usize,
        /// How many there are.
        n: usize,
    },
    /// No such event can be recorded.
    #[error("unknown event {0:?}: use claimed, queried or revealed")]
    UnknownEvent(String),
    /// The numbers of shares make no sense.
    #[error(
        "{threshold} of {shares} is no way to split: use 2 to 255 shares, a threshold from 2 to \
         their number, and one recipient each"
    )]
    Split {
        /// How many restore the keyring.
        threshold: usize,
        /// How many there are.
        shares: usize,
    },
    /// Too few shares.
    #[error("{have} of {need} shares: fewer than {need} reveal nothing, bring the others")]
    TooFewShares {
        /// Distinct shares that were opened.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// Shares of different splits.
    #[error("the shares come from different splits: bring shares of one split")]
    MixedShares,
    /// The claim could not be made.
    #[error(transparent)]
    Attest(#[from] AttestError),
    /// The set could not be derived.
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
}
