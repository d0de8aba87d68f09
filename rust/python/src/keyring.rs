//! The keyring.

use std::path::PathBuf;

use ifrs_core::fingerprint::{Alphabets, Context, ContextValue, SetSpec, Template};
use ifrs_core::keyring::Keyring;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString};
use secrecy::SecretString;

use crate::errors::{KeyringError, from_fingerprint, from_keyring};
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

#[pymethods]
impl PyKeyring {
    #[staticmethod]
    #[pyo3(signature = (path, passphrase, work_factor=None))]
    fn create(
        py: Python<'_>,
        path: PathBuf,
        passphrase: String,
        work_factor: Option<u8>,
    ) -> PyResult<Self> {
        let passphrase = SecretString::from(passphrase);
        py.detach(|| Keyring::create(&path, passphrase, work_factor))
            .map(|ring| Self(Some(ring)))
            .map_err(from_keyring)
    }

    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf, passphrase: String) -> PyResult<Self> {
        let passphrase = SecretString::from(passphrase);
        py.detach(|| Keyring::open(&path, passphrase))
            .map(|ring| Self(Some(ring)))
            .map_err(from_keyring)
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
            Ok(row)
        };
        self.ring()?.sets().into_iter().map(row).collect()
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
