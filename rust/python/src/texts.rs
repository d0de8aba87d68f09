//! Texts as Python has them: sequences of `str`, Arrow columns, lines of files.

use arrow_array::cast::AsArray;
use arrow_array::{Array, GenericStringArray, OffsetSizeTrait};
use arrow_schema::DataType;
use ifrs_matching::{Chunk, Column, Offsets, Slice, Texts, Validity};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PySequence, PyString};
use pyo3_arrow::PyChunkedArray;
use pyo3_arrow::input::AnyArray;

use crate::lines::TextChunk;
use crate::strings::Strings;

/// Texts or patterns, kept alive.
pub(crate) enum Input<'py> {
    Strings(Strings<'py>),
    Arrow(PyChunkedArray),
    Lines(Bound<'py, TextChunk>),
}

/// Texts borrowed from an input.
pub(crate) enum Borrowed<'i> {
    Strings(&'i [&'i str]),
    Arrow(Column<'i>),
    Lines(&'i TextChunk),
}

impl<'py> Input<'py> {
    pub(crate) fn new(object: &Bound<'py, PyAny>, what: &str) -> PyResult<Self> {
        let wrong = || {
            let message = format!("{what} must be a sequence of str or an Arrow string column");
            PyTypeError::new_err(message)
        };
        if object.is_instance_of::<PyString>() {
            let message = format!("{what} must be a sequence of str, not one str");
            return Err(PyTypeError::new_err(message));
        }
        if let Ok(list) = object.cast::<PyList>() {
            return Ok(Self::Strings(Strings::read(list, what)?));
        }
        if let Ok(lines) = object.cast::<TextChunk>() {
            return Ok(Self::Lines(lines.clone()));
        }
        if object.hasattr("__arrow_c_stream__")? || object.hasattr("__arrow_c_array__")? {
            return Ok(Self::Arrow(object.extract::<AnyArray>()?.into_chunked_array()?));
        }
        if let Ok(sequence) = object.cast::<PySequence>() {
            return Ok(Self::Strings(Strings::read(&sequence.to_list()?, what)?));
        }
        // Arrays of numpy, and series of objects.
        let list = object.call_method0("tolist").map_err(|_| wrong())?;
        Ok(Self::Strings(Strings::read(list.cast::<PyList>().map_err(|_| wrong())?, what)?))
    }

    /// Borrows texts, of which some may be null.
    pub(crate) fn texts(&self, what: &str) -> PyResult<Borrowed<'_>> {
        match self {
            // A null scores 0, as an empty text does.
            Self::Strings(strings) => Ok(Borrowed::Strings(strings.texts())),
            Self::Arrow(column) => Ok(Borrowed::Arrow(arrow(column, what)?)),
            Self::Lines(lines) => Ok(Borrowed::Lines(lines.get())),
        }
    }

    /// Borrows patterns, of which none may be null.
    pub(crate) fn patterns(&self, what: &str) -> PyResult<Vec<&str>> {
        let column = match self {
            Self::Strings(strings) => {
                return match strings.first_none() {
                    Some(row) => Err(PyTypeError::new_err(format!("{what}[{row}] is not a str"))),
                    None => Ok(strings.texts().to_vec()),
                };
            }
            Self::Arrow(column) => column,
            Self::Lines(_) => return Err(PyTypeError::new_err(format!("{what} must be str"))),
        };
        let mut nulls = column.chunks().iter().flat_map(|chunk| {
            let nulls = chunk.logical_nulls();
            (0..chunk.len()).map(move |at| nulls.as_ref().is_some_and(|nulls| nulls.is_null(at)))
        });
        if let Some(row) = nulls.position(|null| null) {
            return Err(PyTypeError::new_err(format!("{what}[{row}] is null")));
        }
        let mut patterns = Vec::new();
        for array in column.chunks() {
            for bytes in views(chunk(array.as_ref(), what)?) {
                let pattern = std::str::from_utf8(bytes).map_err(|_| {
                    let row = patterns.len();
                    PyValueError::new_err(format!("{what}[{row}] is not valid UTF-8"))
                })?;
                patterns.push(pattern);
            }
        }
        Ok(patterns)
    }
}

impl Borrowed<'_> {
    /// Calls a function with the texts.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&dyn Texts) -> R) -> R {
        match self {
            Self::Strings(strings) => f(&Slice(strings)),
            Self::Arrow(column) => f(column),
            Self::Lines(lines) => f(&lines.texts),
        }
    }
}

/// An Arrow column as it lies in memory.
fn arrow<'c>(column: &'c PyChunkedArray, what: &str) -> PyResult<Column<'c>> {
    let chunks = column.chunks().iter().map(|array| chunk(array.as_ref(), what));
    Ok(Column::new(chunks.collect::<PyResult<_>>()?))
}

fn chunk<'c>(array: &'c dyn Array, what: &str) -> PyResult<Chunk<'c>> {
    Ok(match array.data_type() {
        DataType::Utf8 => joined(array.as_string::<i32>(), Offsets::Narrow),
        DataType::LargeUtf8 => joined(array.as_string::<i64>(), Offsets::Wide),
        DataType::Dictionary(_, _) => {
            let words = array.as_any_dictionary();
            let values = words.values();
            let keys = if values.is_empty() { Vec::new() } else { words.normalized_keys() };
            let text = |at| match keys.get(at) {
                Some(&key) if array.is_valid(at) => text(values.as_ref(), key, what),
                _ => Ok(&[][..]),
            };
            Chunk::Views((0..array.len()).map(text).collect::<PyResult<_>>()?)
        }
        DataType::Struct(_) => {
            let message = format!("{what} must be one column of strings, not a table");
            return Err(PyTypeError::new_err(message));
        }
        _ => {
            Chunk::Views((0..array.len()).map(|at| text(array, at, what)).collect::<PyResult<_>>()?)
        }
    })
}

/// The texts of a chunk, one by one.
fn views(chunk: Chunk<'_>) -> Vec<&[u8]> {
    match chunk {
        Chunk::Views(views) => views,
        Chunk::Joined { bytes, offsets, .. } => offsets.ranges().map(|at| &bytes[at]).collect(),
    }
}

fn joined<'c, O: OffsetSizeTrait>(
    array: &'c GenericStringArray<O>,
    offsets: impl Fn(&'c [O]) -> Offsets<'c>,
) -> Chunk<'c> {
    Chunk::Joined {
        bytes: array.value_data(),
        offsets: offsets(array.value_offsets()),
        validity: array
            .nulls()
            .map(|nulls| Validity { bits: nulls.validity(), first: nulls.offset() }),
    }
}

/// One text of a column; an empty one in place of a null.
fn text<'c>(array: &'c dyn Array, at: usize, what: &str) -> PyResult<&'c [u8]> {
    if array.is_null(at) {
        return Ok(&[]);
    }
    match array.data_type() {
        DataType::Utf8 => Ok(array.as_string::<i32>().value(at).as_bytes()),
        DataType::LargeUtf8 => Ok(array.as_string::<i64>().value(at).as_bytes()),
        DataType::Utf8View => Ok(array.as_string_view().value(at).as_bytes()),
        DataType::Null => Ok(&[]),
        other => {
            let message = format!("{what} must be a column of strings, not of {other}");
            Err(PyTypeError::new_err(message))
        }
    }
}
