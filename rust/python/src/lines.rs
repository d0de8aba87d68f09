//! Files of lines, a chunk at a time.

use std::path::PathBuf;
use std::sync::Mutex;

use ifrs_matching::{BadLine, Format, LineTexts, Lines, Method, Options, Texts};
use pyo3::prelude::*;

use crate::errors::from_scoring;
use crate::interrupts::interrupted;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<TextFile>()?;
    module.add_class::<TextChunk>()
}

/// A mapped file, read chunk by chunk.
#[pyclass(frozen)]
struct TextFile {
    lines: Mutex<Lines>,
    column: Option<String>,
    chunk: usize,
    workers: usize,
}

#[pymethods]
impl TextFile {
    #[new]
    fn new(path: PathBuf, column: Option<String>, chunk: usize, workers: usize) -> PyResult<Self> {
        let format = column.clone().map_or(Format::Plain, Format::JsonLines);
        let lines = Mutex::new(Lines::open(&path, format)?);
        Ok(Self { lines, column, chunk, workers })
    }

    #[getter]
    fn bytes(&self) -> usize {
        self.lines().bytes()
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
            self.lines().read(self.chunk, &options)
        });
        let column = self.column.clone();
        Ok(read.map_err(from_scoring)?.map(|texts| TextChunk { texts, column }))
    }
}

impl TextFile {
    fn lines(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Some lines of a file.
#[pyclass(frozen)]
pub(crate) struct TextChunk {
    pub(crate) texts: LineTexts,
    column: Option<String>,
}

#[pymethods]
impl TextChunk {
    fn __len__(&self) -> usize {
        self.texts.len()
    }

    #[getter]
    fn first(&self) -> usize {
        self.texts.first
    }

    #[getter]
    fn position(&self) -> usize {
        self.texts.position
    }

    #[getter]
    fn bad(&self) -> Vec<(usize, String)> {
        let column = self.column.as_deref().unwrap_or_default();
        let why = |why: BadLine| match why {
            BadLine::NotUtf8 => "not UTF-8".to_owned(),
            BadLine::NotJson => "not JSON".to_owned(),
            BadLine::NoColumn => format!("no column '{column}'"),
            BadLine::NoText => format!("'{column}' is no text"),
        };
        self.texts.bad.iter().map(|&(row, bad)| (row, why(bad))).collect()
    }
}
