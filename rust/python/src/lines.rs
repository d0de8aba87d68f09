//! Texts of files, a chunk at a time.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ifrs_logs::{LogFile, LogTexts, Packed, Rows, Sought};
use ifrs_matching::{Method, Options, Texts};
use numpy::PyArray1;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;

use crate::errors::{from_logs, from_scoring};
use crate::interrupts::interrupted;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<TextFile>()?;
    module.add_class::<TextChunk>()
}

/// A file, read chunk by chunk.
#[pyclass(frozen)]
struct TextFile {
    file: Mutex<LogFile>,
    chunk_bytes: usize,
    workers: usize,
}

#[pymethods]
impl TextFile {
    #[new]
    #[pyo3(signature = (path, column, chunk_bytes, workers, *, form="lines", packed=None, sought=None))]
    #[allow(clippy::too_many_arguments, reason = "what a file is, and how it is read")]
    fn new(
        path: PathBuf,
        column: Option<String>,
        chunk_bytes: usize,
        workers: usize,
        form: &str,
        packed: Option<&str>,
        sought: Option<(Vec<String>, String, f32)>,
    ) -> PyResult<Self> {
        let rows = match (form, column) {
            ("lines", None) => Rows::Lines,
            ("jsonl", column) => Rows::JsonLines(column),
            ("json", column) => Rows::Json(column),
            ("lines", Some(_)) => return Err(PyValueError::new_err("lines have no column")),
            _ => return Err(unknown("form", form)),
        };
        let packed = match packed {
            None => None,
            Some("gzip") => Some(Packed::Gzip),
            Some("zstd") => Some(Packed::Zstd),
            Some(other) => return Err(unknown("packed", other)),
        };
        let sought = sought
            .map(|(patterns, method, cutoff)| {
                let method = method.parse().map_err(from_scoring)?;
                Ok::<_, PyErr>(Sought { patterns, method, cutoff })
            })
            .transpose()?;
        let file = LogFile::open(&path, rows, packed, sought).map_err(from_logs)?;
        Ok(Self { file: Mutex::new(file), chunk_bytes, workers })
    }

    #[getter]
    fn bytes(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.file().bytes())
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<TextChunk>> {
        let read = py.detach(|| {
            let options = Options {
                workers: self.workers,
                interrupt: Some(&interrupted),
                ..Options::new(Method::Exact)
            };
            let mut file = self.file();
            let column = file.rows().column().map(str::to_owned);
            Ok(file.read(self.chunk_bytes, &options)?.map(|texts| TextChunk { texts, column }))
        });
        read.map_err(from_logs)
    }
}

impl TextFile {
    fn file(&self) -> MutexGuard<'_, LogFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(what: &str, value: &str) -> PyErr {
    PyValueError::new_err(format!("{what} '{value}' is unknown"))
}

/// The texts of some rows of a file.
#[pyclass(frozen, sequence)]
pub(crate) struct TextChunk {
    pub(crate) texts: LogTexts,
    column: Option<String>,
}

#[pymethods]
impl TextChunk {
    fn __len__(&self) -> usize {
        self.texts.len()
    }

    fn __getitem__(&self, index: usize) -> PyResult<Cow<'_, str>> {
        if index >= self.texts.len() {
            return Err(PyIndexError::new_err("there is no such text"));
        }
        Ok(String::from_utf8_lossy(self.texts.get(index)))
    }

    #[getter]
    fn first(&self) -> usize {
        self.texts.first
    }

    #[getter]
    fn count(&self) -> usize {
        self.texts.count
    }

    #[getter]
    fn rows<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_slice(py, &self.texts.rows)
    }

    #[getter]
    fn without(&self) -> usize {
        self.texts.without
    }

    #[getter]
    fn position(&self) -> u64 {
        self.texts.position
    }

    #[getter]
    fn bad(&self) -> Vec<(usize, String)> {
        let column = self.column.as_deref();
        self.texts.bad.iter().map(|(row, bad)| (*row, bad.why(column))).collect()
    }
}
