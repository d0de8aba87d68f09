//! The core's errors as Python exceptions.

use ifrs_core::attest::AttestError;
use ifrs_core::fingerprint::FingerprintError as CoreFingerprintError;
use ifrs_core::keyring::KeyringError as CoreKeyringError;
use ifrs_core::statistics::StatisticsError;
use ifrs_logs::LogError;
use ifrs_matching::ScoringError;
use pyo3::create_exception;
use pyo3::exceptions::{
    PyException, PyIndexError, PyKeyError, PyKeyboardInterrupt, PyMemoryError, PyUserWarning,
    PyValueError,
};
use pyo3::prelude::*;

create_exception!(ifrs, IfrsError, PyException, "Any error of ifrs.");
create_exception!(ifrs, KeyringError, IfrsError, "A keyring cannot be made, read or written.");
create_exception!(
    ifrs,
    WrongPassphrase,
    KeyringError,
    "Passphrase or identity do not open the file."
);
create_exception!(ifrs, KeyringLocked, KeyringError, "Another process writes the keyring.");
create_exception!(ifrs, KeyringCorrupt, KeyringError, "The file is damaged or no keyring.");
create_exception!(
    ifrs,
    KeyringWarning,
    PyUserWarning,
    "A keyring is opened, and something about its files should be mended."
);
create_exception!(ifrs, FingerprintError, IfrsError, "A fingerprint set cannot be made.");
create_exception!(ifrs, ImplantError, IfrsError, "A fingerprint cannot be planted.");
create_exception!(ifrs, TargetError, IfrsError, "A suspect does not answer as it should.");
create_exception!(ifrs, EvidenceError, IfrsError, "Evidence cannot be weighed or checked.");

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("IfrsError", py.get_type::<IfrsError>())?;
    module.add("KeyringError", py.get_type::<KeyringError>())?;
    module.add("WrongPassphrase", py.get_type::<WrongPassphrase>())?;
    module.add("KeyringLocked", py.get_type::<KeyringLocked>())?;
    module.add("KeyringCorrupt", py.get_type::<KeyringCorrupt>())?;
    module.add("KeyringWarning", py.get_type::<KeyringWarning>())?;
    module.add("FingerprintError", py.get_type::<FingerprintError>())?;
    module.add("ImplantError", py.get_type::<ImplantError>())?;
    module.add("TargetError", py.get_type::<TargetError>())?;
    module.add("EvidenceError", py.get_type::<EvidenceError>())
}

pub(crate) fn from_keyring(error: CoreKeyringError) -> PyErr {
    use CoreKeyringError as E;
    let message = error.to_string();
    match error {
        E::Fingerprint(error) => from_fingerprint(error),
        E::Attest(error) => from_attest(error),
        E::WrongPassphrase(_)
        | E::NeedsIdentity(_)
        | E::NeedsPassphrase(_)
        | E::IdentityLocked(_) => WrongPassphrase::new_err(message),
        E::Corrupt { .. } => KeyringCorrupt::new_err(message),
        E::Locked { .. } => KeyringLocked::new_err(message),
        E::EmptyPassphrase
        | E::SamePassphrase
        | E::NoRecipients
        | E::Recipient { .. }
        | E::Split { .. }
        | E::Licensee
        | E::UnknownEvent(_) => PyValueError::new_err(message),
        E::Index { .. } => PyIndexError::new_err(message),
        E::NoSet(_) => PyKeyError::new_err(message),
        _ => KeyringError::new_err(message),
    }
}

pub(crate) fn from_fingerprint(error: CoreFingerprintError) -> PyErr {
    use CoreFingerprintError as E;
    let message = error.to_string();
    match error {
        E::Choices
        | E::Signal
        | E::Domains { .. }
        | E::Count { .. }
        | E::Name
        | E::Modality
        | E::Image
        | E::Observation
        | E::Sound
        | E::Pair
        | E::Large
        | E::Coalition(_)
        | E::NoSecond
        | E::UnknownSource(_)
        | E::UnknownTemplate(_)
        | E::UnknownResponse(_) => PyValueError::new_err(message),
        E::NeedsTokenizer
        | E::PoorAlphabet { .. }
        | E::Unstable { .. }
        | E::Entropy(_)
        | E::Question
        | E::Check => FingerprintError::new_err(message),
    }
}

pub(crate) fn from_scoring(error: ScoringError) -> PyErr {
    match error {
        ScoringError::Interrupted => PyKeyboardInterrupt::new_err(()),
        ScoringError::TooLarge { .. } => PyMemoryError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

pub(crate) fn from_logs(error: LogError) -> PyErr {
    match error {
        LogError::Io(error) => error.into(),
        LogError::Interrupted => PyKeyboardInterrupt::new_err(()),
        LogError::Threads(error) => from_scoring(error),
        LogError::Packed(..) => PyValueError::new_err(error.to_string()),
    }
}

pub(crate) fn from_attest(error: AttestError) -> PyErr {
    match error {
        AttestError::Statistics(error) => from_statistics(error),
        AttestError::PublicKey => PyValueError::new_err(error.to_string()),
        _ => EvidenceError::new_err(error.to_string()),
    }
}

pub(crate) fn from_statistics(error: StatisticsError) -> PyErr {
    match error {
        StatisticsError::NotANumber { .. } => EvidenceError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}
