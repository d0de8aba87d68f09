//! Strings of a list, read in one pass.
//!
//! Most of the time of a fast search over a list goes into reaching each `str`,
//! which lies wherever it was made. So each is touched once when it is read: its
//! reference is taken and its UTF-8 borrowed in the same step, by the C functions
//! themselves. This is the only `unsafe` code of the bindings.

use std::marker::PhantomData;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

/// References to the strings of a list, which may change meanwhile, and what
/// these hold. A `None` counts as an empty text.
pub(crate) struct Strings<'py> {
    /// Of each object a reference of our own.
    held: Vec<*mut ffi::PyObject>,
    /// Borrowed from these: given out for no longer than `self` lives.
    texts: Vec<&'static str>,
    first_none: Option<usize>,
    /// Neither made nor dropped without the interpreter's lock.
    attached: PhantomData<Python<'py>>,
}

impl<'py> Strings<'py> {
    /// Reads a list.
    ///
    /// # Errors
    ///
    /// `TypeError` names what is neither a str nor None, and a lone surrogate
    /// is a `UnicodeEncodeError`.
    pub(crate) fn read(list: &Bound<'py, PyList>, what: &str) -> PyResult<Self> {
        let len = list.len();
        let mut strings = Self {
            held: Vec::with_capacity(len),
            texts: Vec::with_capacity(len),
            first_none: None,
            attached: PhantomData,
        };
        for row in 0..len {
            // SAFETY: the interpreter's lock is held, as `list` is bound, and
            // nothing here lets go of it or runs Python code, so the list has
            // this item still; the reference taken is given back by `drop`.
            let object = unsafe { ffi::PyList_GetItem(list.as_ptr(), row as ffi::Py_ssize_t) };
            if object.is_null() {
                return Err(PyErr::fetch(list.py()));
            }
            // SAFETY: as above; the object is alive.
            unsafe { ffi::Py_INCREF(object) };
            strings.held.push(object);
            let mut size = 0;
            // SAFETY: the object is alive, the lock is held, and `size` may be
            // written; anything but a str gives null and an exception.
            let data = unsafe { ffi::PyUnicode_AsUTF8AndSize(object, &mut size) };
            if data.is_null() {
                let error = PyErr::fetch(list.py());
                // SAFETY: the object is alive and the lock is held.
                let item = unsafe { Borrowed::from_ptr(list.py(), object) };
                if item.is_none() {
                    strings.first_none.get_or_insert(row);
                    strings.texts.push("");
                    continue;
                }
                return Err(match item.is_instance_of::<PyString>() {
                    true => error,
                    false => PyTypeError::new_err(format!("{what}[{row}] is not a str")),
                });
            }
            // SAFETY: `data` are `size` bytes of valid UTF-8, which the str
            // keeps, unchanged, as long as it lives: while it is held here.
            strings.texts.push(unsafe {
                std::str::from_utf8_unchecked(std::slice::from_raw_parts(
                    data.cast(),
                    size.cast_unsigned(),
                ))
            });
        }
        Ok(strings)
    }

    pub(crate) fn texts(&self) -> &[&str] {
        &self.texts
    }

    /// The first row without a string.
    pub(crate) fn first_none(&self) -> Option<usize> {
        self.first_none
    }
}

impl Drop for Strings<'_> {
    fn drop(&mut self) {
        for &object in &self.held {
            // SAFETY: a reference that `read` took is given back, and the
            // interpreter's lock is held, as `self` cannot leave it.
            unsafe { ffi::Py_DECREF(object) };
        }
    }
}
