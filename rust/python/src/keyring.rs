//! The keyring.

use std::path::PathBuf;
use std::time::Duration;

use ifrs_core::fingerprint::{Alphabets, Context, ContextValue, SetSpec, Template};
use ifrs_core::keyring::{Entry, Identities, Keyring, KeyringError as CoreError};
use ifrs_core::keyring::{Protect, Settings, Unlock};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyString};
use secrecy::SecretString;

use ifrs_core::evidence::dsse::hex;

use crate::errors::{KeyringError, from_fingerprint, from_keyring};
use crate::evidence::PyClaim;
use crate::fingerprint::{PyAlphabets, PyCheck, PyFingerprintSet, raised, secret};

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyKeyring>()
}

/// An open keyring; closing it wipes its secrets.
#[pyclass(name = "Keyring", module = "ifrs._core")]
struct PyKeyring(Option<Keyring>);

impl PyKeyring {
    fn ring(&self) -> PyResult<&Keyring> {
        self.0.as_ref().ok_or_else(closed)
    }

    fn ring_mut(&mut self) -> PyResult<&mut Keyring> {
        self.0.as_mut().ok_or_else(closed)
    }
}

fn closed() -> PyErr {
    KeyringError::new_err("the keyring is closed: open it again")
}

/// A passphrase if there is one, else recipients.
fn protect(
    passphrase: Option<String>,
    recipients: Vec<String>,
    work_factor: Option<u8>,
) -> Protect {
    match passphrase.map(SecretString::from) {
        Some(passphrase) => Protect::Passphrase { passphrase, work_factor },
        None => Protect::Recipients(recipients),
    }
}

/// Identities if there are any, else the passphrase.
fn unlock(passphrase: Option<String>, identities: &[PathBuf]) -> Result<Unlock, CoreError> {
    let passphrase = passphrase.map(SecretString::from);
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
    ring.map(|ring| PyKeyring(Some(ring))).map_err(from_keyring)
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
        &mut self,
        py: Python<'_>,
        passphrase: Option<String>,
        recipients: Vec<String>,
        work_factor: Option<u8>,
    ) -> PyResult<bool> {
        let ring = self.ring_mut()?;
        let protect = protect(passphrase, recipients, work_factor);
        py.detach(|| ring.rekey(protect)).map_err(from_keyring)
    }

    fn export_set(
        &mut self,
        py: Python<'_>,
        name: &str,
        out: PathBuf,
        passphrase: Option<String>,
        recipients: Vec<String>,
    ) -> PyResult<()> {
        let ring = self.ring_mut()?;
        let protect = protect(passphrase, recipients, None);
        py.detach(|| ring.export(name, &out, &protect)).map_err(from_keyring)
    }

    fn import_set(
        &mut self,
        py: Python<'_>,
        sealed: PathBuf,
        passphrase: Option<String>,
        identities: Vec<PathBuf>,
        name: Option<&str>,
    ) -> PyResult<String> {
        let ring = self.ring_mut()?;
        py.detach(|| {
            let given = passphrase.is_some() || !identities.is_empty();
            let unlock = given.then(|| unlock(passphrase, &identities)).transpose()?;
            ring.import(&sealed, unlock.as_ref(), name)
        })
        .map_err(from_keyring)
    }

    fn seal<'py>(&self, py: Python<'py>, plaintext: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let ring = self.ring()?;
        let sealed = py.detach(|| ring.seal(plaintext)).map_err(from_keyring)?;
        Ok(PyBytes::new(py, &sealed))
    }

    fn unseal<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        sealed: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let ring = self.ring()?;
        let plaintext = py.detach(|| ring.unseal(&path, sealed)).map_err(from_keyring)?;
        Ok(PyBytes::new(py, &plaintext))
    }

    fn split(
        &mut self,
        py: Python<'_>,
        threshold: usize,
        recipients: Vec<String>,
        folder: PathBuf,
    ) -> PyResult<Vec<PathBuf>> {
        let ring = self.ring_mut()?;
        py.detach(|| ring.split(threshold, &recipients, &folder)).map_err(from_keyring)
    }

    fn spend(
        &mut self,
        py: Python<'_>,
        name: &str,
        indices: Vec<usize>,
        target: &str,
        event: &str,
    ) -> PyResult<()> {
        let event = event.parse().map_err(from_keyring)?;
        let ring = self.ring_mut()?;
        py.detach(|| ring.spend(name, &indices, target, event)).map_err(from_keyring)
    }

    fn spent(&self, name: &str) -> PyResult<Vec<usize>> {
        self.ring()?.spent(name).map_err(from_keyring)
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
        self.ring()?.journal().iter().map(row).collect()
    }

    #[pyo3(signature = (
        name, n, *, source, template, response, context, chat=None, alphabets=None, check=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of one Python call")]
    fn generate(
        &mut self,
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
    ) -> PyResult<PyFingerprintSet> {
        let spec = SetSpec {
            name,
            n,
            source: source.parse().map_err(from_fingerprint)?,
            template: Template::parse(template, chat).map_err(from_fingerprint)?,
            response: response.parse().map_err(from_fingerprint)?,
            context: read_context(context)?,
        };
        let alphabets = alphabets.map_or_else(Alphabets::default, Alphabets::from);
        let ring = self.ring_mut()?;
        let mut check = check.map(PyCheck::new);
        let set = py.detach(|| match &mut check {
            Some(check) => {
                let mut ask = |keys: &[String]| check.call(keys);
                ring.generate(spec, &alphabets, Some(&mut ask))
            }
            None => ring.generate(spec, &alphabets, None),
        });
        set.map(PyFingerprintSet)
            .map_err(|error| raised(check).unwrap_or_else(|| from_keyring(error)))
    }

    fn claim(
        &mut self,
        py: Python<'_>,
        name: &str,
        model: &str,
        subject: Vec<(String, String)>,
    ) -> PyResult<PyClaim> {
        let ring = self.ring_mut()?;
        py.detach(|| ring.claim(name, model, subject)).map(PyClaim).map_err(from_keyring)
    }

    /// The public half of the key that claims are signed with, in hexadecimal.
    #[getter]
    fn public_key(&self) -> PyResult<String> {
        Ok(hex(&self.ring()?.public_key()))
    }

    fn get(&mut self, py: Python<'_>, name: &str) -> PyResult<PyFingerprintSet> {
        let ring = self.ring_mut()?;
        py.detach(|| ring.get(name)).map(PyFingerprintSet).map_err(from_keyring)
    }

    fn remove(&mut self, py: Python<'_>, name: &str) -> PyResult<()> {
        let ring = self.ring_mut()?;
        py.detach(|| ring.remove(name)).map_err(from_keyring)
    }

    /// What is public about every set, in the order they were made.
    fn sets<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let row = |set: ifrs_core::keyring::SetSummary| {
            let row = PyDict::new(py);
            row.set_item("name", set.spec.name)?;
            row.set_item("n", set.spec.n)?;
            row.set_item("source", set.spec.source.name())?;
            row.set_item("template", set.spec.template.name())?;
            row.set_item("response", set.spec.response.name())?;
            row.set_item("created", set.created)?;
            row.set_item("stored", set.stored)?;
            row.set_item("imported", set.imported)?;
            Ok(row)
        };
        self.ring()?.sets().into_iter().map(row).collect()
    }

    fn names(&self) -> PyResult<Vec<&str>> {
        Ok(self.ring()?.names())
    }

    fn __contains__(&self, name: &str) -> PyResult<bool> {
        Ok(self.ring()?.contains(name))
    }

    #[getter]
    fn generation(&self) -> PyResult<u64> {
        Ok(self.ring()?.generation())
    }

    #[getter]
    fn recipients(&self) -> PyResult<Vec<String>> {
        Ok(self.ring()?.recipients().to_vec())
    }

    #[getter]
    fn created(&self) -> PyResult<&str> {
        Ok(self.ring()?.created())
    }

    #[getter]
    fn closed(&self) -> bool {
        self.0.is_none()
    }

    /// Wipes the seed, the passphrase and every set that nobody else holds.
    fn close(&mut self) {
        self.0 = None;
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(secret())
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
