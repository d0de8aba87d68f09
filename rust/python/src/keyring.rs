//! The keyring, and locks of other files.

use std::path::PathBuf;
use std::process;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ifrs_core::fingerprint::{
    Alphabet, Alphabets, Bounds, Context, ContextValue, FingerprintError, Modality, SetSpec,
    Source, Template,
};
use ifrs_core::keyring::{Entry, Identities, Keyring, KeyringError as CoreError};
use ifrs_core::keyring::{Licence, Lock, Passphrase, Protect, Settings, Unlock};
use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyString};

use ifrs_core::encoding::hex;

use crate::attest::{LicenceRow, PyClaim, PyRoll};
use crate::errors::{EvidenceError, KeyringError, from_fingerprint, from_keyring};
use crate::fingerprint::{PyAlphabets, PyCheck, PyFingerprintSet, raised, secret};

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(state_folder, module)?)?;
    module.add_class::<PyFileLock>()?;
    module.add_class::<PyKeyring>()
}

/// Where it is remembered which version of each keyring was seen last; None where there is no home.
#[pyfunction]
fn state_folder() -> Option<std::path::PathBuf> {
    ifrs_core::keyring::state_folder()
}

/// How long a waiting thread sleeps before it looks for Ctrl-C.
const PATIENCE: Duration = Duration::from_millis(50);

/// An open keyring; closing it wipes its secrets. Threads that use it together wait for each other.
#[pyclass(name = "Keyring", module = "ifrs._core", frozen)]
struct PyKeyring {
    slot: Mutex<Slot>,
    free: Condvar,
    process: u32,
}

/// The keyring, or who has taken it out.
struct Slot {
    ring: Option<Box<Keyring>>,
    holder: Option<ThreadId>,
}

/// A keyring that is taken out; it goes back when this is dropped, unless the work panicked.
struct Taken<'k> {
    home: &'k PyKeyring,
    ring: Option<Box<Keyring>>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut slot = self.home.slot();
        slot.ring = self.ring.take().filter(|_| !thread::panicking());
        slot.holder = None;
        self.home.free.notify_one();
    }
}

impl PyKeyring {
    fn new(ring: Keyring) -> Self {
        let slot = Mutex::new(Slot { ring: Some(Box::new(ring)), holder: None });
        Self { slot, free: Condvar::new(), process: process::id() }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_here(&self) -> bool {
        self.process == process::id()
    }

    /// Takes the keyring out once no other thread has it; `None` if it is closed.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Taken<'_>>> {
        // First: in a forked child the thread that had it may not be there to give it back.
        if !self.is_here() {
            return Err(elsewhere());
        }
        loop {
            // Python's lock goes first: who has the keyring may be waiting for it.
            let taken = py.detach(|| self.try_take())?;
            match taken {
                Some(ring) => return Ok(ring.map(|ring| Taken { home: self, ring: Some(ring) })),
                None => py.check_signals()?,
            }
        }
    }

    fn try_take(&self) -> PyResult<Option<Option<Box<Keyring>>>> {
        let mut slot = self.slot();
        if slot.holder == Some(thread::current().id()) {
            return Err(KeyringError::new_err(
                "the keyring is in use further up in this very call",
            ));
        }
        if slot.holder.is_some() {
            slot =
                self.free.wait_timeout(slot, PATIENCE).map_or_else(|e| e.into_inner().0, |w| w.0);
        }
        if slot.holder.is_some() {
            return Ok(None);
        }
        let ring = slot.ring.take();
        if ring.is_some() {
            slot.holder = Some(thread::current().id());
        }
        Ok(Some(ring))
    }

    /// Runs with the keyring, without Python's lock; other threads wait meanwhile.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&mut Keyring) -> Result<T, CoreError> + Send,
    ) -> PyResult<T> {
        let mut taken = self.take(py)?.ok_or_else(closed)?;
        let ring = taken.ring.as_mut().expect("it was taken");
        py.detach(|| act(ring)).map_err(from_keyring)
    }

    /// What is quickly read.
    fn read<T: Send>(&self, py: Python<'_>, act: impl FnOnce(&Keyring) -> T + Send) -> PyResult<T> {
        self.with(py, |ring| Ok(act(ring)))
    }
}

fn closed() -> PyErr {
    KeyringError::new_err("the keyring is closed: open it again with ifrs.Keyring.open")
}

fn elsewhere() -> PyErr {
    KeyringError::new_err(
        "the keyring was opened before this process was forked, which has none of its secrets: open \
         it anew here",
    )
}

/// A passphrase if there is one, else recipients.
fn protect(
    passphrase: Option<String>,
    recipients: Vec<String>,
    work_factor: Option<u8>,
) -> Protect {
    match passphrase.map(Passphrase::new) {
        Some(passphrase) => Protect::Passphrase { passphrase, work_factor },
        None => Protect::Recipients(recipients),
    }
}

/// Identities if there are any, else the passphrase.
fn unlock(passphrase: Option<String>, identities: &[PathBuf]) -> Result<Unlock, CoreError> {
    let passphrase = passphrase.map(Passphrase::new);
    match passphrase {
        Some(passphrase) if identities.is_empty() => Ok(Unlock::Passphrase(passphrase)),
        passphrase => {
            let read = |path: &PathBuf| Identities::read(path, passphrase.as_ref());
            let all = identities.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            Ok(Unlock::Identities(Identities::join(all)))
        }
    }
}

fn settings(lock_timeout: f64, accept_older: bool) -> PyResult<Settings> {
    let lock_timeout = Duration::try_from_secs_f64(lock_timeout).map_err(|_| {
        pyo3::exceptions::PyValueError::new_err("lock_timeout is a number of seconds from 0")
    })?;
    Ok(Settings { lock_timeout, accept_older, ..Settings::default() })
}

fn opened(ring: Result<Keyring, CoreError>) -> PyResult<PyKeyring> {
    ring.map(PyKeyring::new).map_err(from_keyring)
}

#[pymethods]
impl PyKeyring {
    #[staticmethod]
    fn create(
        py: Python<'_>,
        path: PathBuf,
        passphrase: Option<String>,
        recipients: Vec<String>,
        work_factor: Option<u8>,
        lock_timeout: f64,
    ) -> PyResult<Self> {
        let settings = settings(lock_timeout, false)?;
        let protect = protect(passphrase, recipients, work_factor);
        opened(py.detach(|| Keyring::create(&path, protect, settings)))
    }

    #[staticmethod]
    fn open(
        py: Python<'_>,
        path: PathBuf,
        passphrase: Option<String>,
        identities: Vec<PathBuf>,
        accept_older: bool,
        lock_timeout: f64,
    ) -> PyResult<Self> {
        let settings = settings(lock_timeout, accept_older)?;
        opened(py.detach(|| Keyring::open(&path, unlock(passphrase, &identities)?, settings)))
    }

    #[staticmethod]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of one Python call")]
    fn combine(
        py: Python<'_>,
        shares: Vec<PathBuf>,
        identities: Vec<PathBuf>,
        identity_passphrase: Option<String>,
        path: PathBuf,
        passphrase: Option<String>,
        recipients: Vec<String>,
        work_factor: Option<u8>,
        lock_timeout: f64,
    ) -> PyResult<Self> {
        let settings = settings(lock_timeout, false)?;
        let protect = protect(passphrase, recipients, work_factor);
        opened(py.detach(|| {
            let unlock = unlock(identity_passphrase, &identities)?;
            Keyring::combine(&shares, &unlock, &path, protect, settings)
        }))
    }

    /// Whether an identity file needs a passphrase.
    #[staticmethod]
    fn is_protected(identity: PathBuf) -> PyResult<bool> {
        Identities::is_protected(&identity).map_err(from_keyring)
    }

    fn rekey(
        &self,
        py: Python<'_>,
        passphrase: Option<String>,
        recipients: Vec<String>,
        work_factor: Option<u8>,
    ) -> PyResult<bool> {
        let protect = protect(passphrase, recipients, work_factor);
        self.with(py, |ring| ring.rekey(protect))
    }

    fn export_set(
        &self,
        py: Python<'_>,
        name: &str,
        out: PathBuf,
        passphrase: Option<String>,
        recipients: Vec<String>,
    ) -> PyResult<()> {
        let protect = protect(passphrase, recipients, None);
        self.with(py, |ring| ring.export(name, &out, protect))
    }

    fn import_set(
        &self,
        py: Python<'_>,
        sealed: PathBuf,
        passphrase: Option<String>,
        identities: Vec<PathBuf>,
        name: Option<&str>,
    ) -> PyResult<String> {
        self.with(py, |ring| {
            let given = passphrase.is_some() || !identities.is_empty();
            let unlock = given.then(|| unlock(passphrase, &identities)).transpose()?;
            ring.import(&sealed, unlock.as_ref(), name)
        })
    }

    fn seal<'py>(&self, py: Python<'py>, plaintext: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let sealed = self.with(py, |ring| ring.seal(plaintext))?;
        Ok(PyBytes::new(py, &sealed))
    }

    fn unseal<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        sealed: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let plaintext = self.with(py, |ring| ring.unseal(&path, sealed))?;
        Ok(PyBytes::new(py, &plaintext))
    }

    fn split(
        &self,
        py: Python<'_>,
        threshold: usize,
        recipients: Vec<String>,
        folder: PathBuf,
    ) -> PyResult<Vec<PathBuf>> {
        self.with(py, |ring| ring.split(threshold, &recipients, &folder))
    }

    fn spend(
        &self,
        py: Python<'_>,
        name: &str,
        indices: Vec<usize>,
        target: &str,
        event: &str,
    ) -> PyResult<Vec<usize>> {
        let event = event.parse().map_err(from_keyring)?;
        self.with(py, |ring| ring.spend(name, &indices, target, event))
    }

    /// As `spend`, for a set at hand: an error if the keyring's set of its name is another.
    fn spend_of(
        &self,
        py: Python<'_>,
        fps: &PyFingerprintSet,
        indices: Vec<usize>,
        target: &str,
        event: &str,
    ) -> PyResult<Vec<usize>> {
        let event = event.parse().map_err(from_keyring)?;
        self.with(py, |ring| ring.spend_of(&fps.0, &indices, target, event))
    }

    /// Makes copies of a set possible, whose code is for coalitions of up to so many licensees.
    fn open_licences(&self, py: Python<'_>, name: &str, coalition: u8) -> PyResult<()> {
        self.with(py, |ring| ring.open_licences(name, coalition))
    }

    /// Records that a licensee gets a copy; the name as it was recorded.
    fn license(
        &self,
        py: Python<'_>,
        name: &str,
        licensee: &str,
        form: &str,
        digest: &str,
    ) -> PyResult<String> {
        self.with(py, |ring| ring.license(name, licensee, form, digest))
    }

    /// The largest coalition of a set's code, and the copies that left: when, form, digest, whose.
    fn licences(&self, py: Python<'_>, name: &str) -> PyResult<(u8, Vec<LicenceRow>)> {
        let (coalition, found) = self.with(py, |ring| ring.licences(name))?;
        let row = |one: Licence| (one.at, one.form, one.digest, one.licensee);
        Ok((coalition, found.into_iter().map(row).collect()))
    }

    fn spent(&self, py: Python<'_>, name: &str) -> PyResult<Vec<usize>> {
        self.with(py, |ring| ring.spent(name))
    }

    /// What whoever opened the keyring should know of the files that were read; said once.
    fn take_notices(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.with(py, |ring| Ok(ring.take_notices().iter().map(ToString::to_string).collect()))
    }

    /// What happened, in order.
    fn journal<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let row = |entry: &Entry| {
            let row = PyDict::new(py);
            row.set_item("number", entry.number)?;
            row.set_item("at", &entry.at)?;
            row.set_item("event", entry.event.name())?;
            row.set_item("set", &entry.set)?;
            row.set_item("indices", &entry.indices)?;
            row.set_item("to", &entry.to)?;
            row.set_item("hash", &entry.hash)?;
            Ok(row)
        };
        self.read(py, |ring| ring.journal().to_vec())?.iter().map(row).collect()
    }

    #[pyo3(signature = (
        name, n, *, source, template, response, context, chat=None, alphabets=None, check=None,
        modality=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of one Python call")]
    fn generate(
        &self,
        py: Python<'_>,
        name: String,
        n: usize,
        source: &str,
        template: &str,
        response: &str,
        context: &Bound<'_, PyDict>,
        chat: Option<(String, String)>,
        alphabets: Option<PyAlphabets>,
        check: Option<Py<PyAny>>,
        modality: Option<PyModality>,
    ) -> PyResult<PyFingerprintSet> {
        let source: Source = source.parse().map_err(from_fingerprint)?;
        let modality = modality.map(|given| given.read(source)).transpose();
        let spec = SetSpec {
            name,
            n,
            source,
            template: Template::parse(template, chat).map_err(from_fingerprint)?,
            response: response.parse().map_err(from_fingerprint)?,
            context: read_context(context)?,
            modality: modality.map_err(from_fingerprint)?,
        };
        let alphabets = alphabets.map_or_else(Alphabets::default, Alphabets::from);
        let mut check = check.map(PyCheck::new);
        let set = self.with(py, |ring| match &mut check {
            Some(check) => {
                let mut ask = |keys: &[String]| check.call(keys);
                ring.generate(spec, &alphabets, Some(&mut ask))
            }
            None => ring.generate(spec, &alphabets, None),
        });
        set.map(PyFingerprintSet).map_err(|error| raised(check).unwrap_or(error))
    }

    fn claim(
        &self,
        py: Python<'_>,
        name: &str,
        model: &str,
        subject: Vec<(String, String)>,
    ) -> PyResult<PyClaim> {
        self.with(py, |ring| ring.claim(name, model, subject)).map(PyClaim)
    }

    /// Signs the roll of a set's copies.
    fn roll(&self, py: Python<'_>, name: &str, model: &str) -> PyResult<PyRoll> {
        self.with(py, |ring| ring.roll(name, model)).map(PyRoll)
    }

    /// The public half of the key that claims are signed with, in hexadecimal.
    #[getter]
    fn public_key(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |ring| hex(&ring.public_key()))
    }

    fn get(&self, py: Python<'_>, name: &str) -> PyResult<PyFingerprintSet> {
        self.with(py, |ring| ring.get(name)).map(PyFingerprintSet)
    }

    fn remove(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        self.with(py, |ring| ring.remove(name))
    }

    /// What is public about every set, in the order they were made.
    fn sets<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let row = |set: ifrs_core::keyring::SetSummary| {
            let row = PyDict::new(py);
            row.set_item("name", set.spec.name)?;
            row.set_item("n", set.spec.n)?;
            row.set_item("source", set.spec.source.name())?;
            row.set_item("template", set.spec.template.name())?;
            row.set_item("response", set.spec.response.response())?;
            row.set_item("created", set.created)?;
            row.set_item("stored", set.stored)?;
            row.set_item("imported", set.imported)?;
            Ok(row)
        };
        self.read(py, Keyring::sets)?.into_iter().map(row).collect()
    }

    fn names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.read(py, |ring| ring.names().into_iter().map(str::to_owned).collect())
    }

    fn __contains__(&self, py: Python<'_>, name: &str) -> PyResult<bool> {
        self.read(py, |ring| ring.contains(name))
    }

    #[getter]
    fn generation(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, Keyring::generation)
    }

    #[getter]
    fn recipients(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.read(py, |ring| ring.recipients().to_vec())
    }

    #[getter]
    fn created(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |ring| ring.created().to_owned())
    }

    #[getter]
    fn closed(&self) -> bool {
        let slot = self.slot();
        slot.ring.is_none() && slot.holder.is_none()
    }

    /// Whether a child of `fork` holds it, which has none of its secrets.
    #[getter]
    fn forked(&self) -> bool {
        !self.is_here()
    }

    /// Wipes the seed, the passphrase and every set that nobody else holds, once no other thread
    /// uses them.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if !self.is_here() {
            // There is nothing to wipe, and nobody to wait for.
            if let Ok(mut slot) = self.slot.try_lock() {
                (slot.ring, slot.holder) = (None, None);
            }
            return Ok(());
        }
        if let Some(mut taken) = self.take(py)? {
            let ring = taken.ring.take();
            py.detach(|| drop(ring));
        }
        Ok(())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(secret())
    }
}

/// A file that no other process writes meanwhile, until `release`.
#[pyclass(name = "FileLock", module = "ifrs._core", frozen)]
struct PyFileLock(Mutex<Option<Lock>>);

#[pymethods]
impl PyFileLock {
    #[new]
    fn new(path: PathBuf) -> PyResult<Self> {
        match Lock::of_file(&path) {
            Ok(lock) => Ok(Self(Mutex::new(Some(lock)))),
            Err(error @ CoreError::Io { .. }) => Err(PyOSError::new_err(error.to_string())),
            Err(error) => Err(EvidenceError::new_err(error.to_string())),
        }
    }

    fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// A flat map of text, whole numbers and truth values.
fn read_context(context: &Bound<'_, PyDict>) -> PyResult<Context> {
    let mut read = Context::new();
    for (name, value) in context {
        let name: String = name
            .extract()
            .map_err(|_| PyTypeError::new_err("the names in a context must be str"))?;
        // A bool is an int in Python, so it is asked for first.
        let value = if value.is_instance_of::<PyBool>() {
            ContextValue::Bool(value.extract()?)
        } else if value.is_instance_of::<PyInt>() {
            ContextValue::Integer(value.extract()?)
        } else if value.is_instance_of::<PyString>() {
            ContextValue::Text(value.extract()?)
        } else {
            let message = format!("context {name:?} must be str, int or bool");
            return Err(PyTypeError::new_err(message));
        };
        read.insert(name, value);
    }
    Ok(read)
}

/// What keys and responses are, where these are not prompts and words: `shape` of images, pairs,
/// observations and sounds, `bounds` of observations, `rate` of sounds, `texts` of pairs, `media` and
/// `length` of bytes.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct PyModality {
    name: String,
    alphabet: (String, Vec<usize>),
    #[pyo3(default)]
    media: Option<String>,
    #[pyo3(default)]
    length: Option<usize>,
    #[pyo3(default)]
    shape: Option<Vec<usize>>,
    #[pyo3(default)]
    bounds: Option<(String, Vec<f64>, Vec<f64>)>,
    #[pyo3(default)]
    rate: Option<u32>,
    #[pyo3(default)]
    texts: Option<String>,
}

impl PyModality {
    fn read(self, source: Source) -> Result<Modality, FingerprintError> {
        let Self { name, alphabet, media, length, shape, bounds, rate, texts } = self;
        let alphabet = Alphabet::of(&alphabet.0, &alphabet.1).ok_or(FingerprintError::Modality)?;
        let shape = shape.unwrap_or_default();
        match source {
            Source::Image => Modality::image(&name, &shape, alphabet),
            Source::Observation => {
                let (dtype, low, high) = bounds.ok_or(FingerprintError::Observation)?;
                Modality::observation(&name, &shape, Bounds { dtype, low, high }, alphabet)
            }
            Source::Sound => {
                let samples = shape.iter().product();
                Modality::sound(&name, rate.unwrap_or_default(), samples, alphabet)
            }
            Source::Pair => {
                let texts =
                    texts.unwrap_or_default().parse().map_err(|_| FingerprintError::Pair)?;
                Modality::pair(&name, &shape, texts, alphabet)
            }
            Source::Bytes => {
                let (media, length) = (media.unwrap_or_default(), length.unwrap_or_default());
                Ok(Modality::bytes(&name, &media, length, alphabet))
            }
            _ if alphabet.is_choices() => Ok(Modality::choices()),
            _ if alphabet.is_signal() => Ok(Modality::signal()),
            _ => {
                let text = Modality::text(&name, alphabet);
                let stated = shape.len() + length.unwrap_or_default();
                if stated == 0 { Ok(text) } else { Err(FingerprintError::Modality) }
            }
        }
    }
}
