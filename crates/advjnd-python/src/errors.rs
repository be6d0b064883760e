// SPDX-License-Identifier: MIT OR Apache-2.0
//! The core's errors as Python's.

use advjnd::Error;
use pyo3::PyErr;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};

pyo3::create_exception!(
    advjnd,
    UnprotectedError,
    PyRuntimeError,
    "A face of the frame is not protected, and the fail policy is \"error\". The frame must not go out."
);

/// What Python is to raise: `ValueError` for what the caller gave, `OSError` for a file that cannot be read,
/// `UnprotectedError`, and `RuntimeError` for the rest.
pub fn raised(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Input(_) => PyValueError::new_err(text),
        Error::Io { .. } => PyOSError::new_err(text),
        Error::Unprotected { .. } => UnprotectedError::new_err(text),
        _ => PyRuntimeError::new_err(text),
    }
}

/// The item of that name.
///
/// # Errors
/// `ValueError` with the names that there are.
pub fn choose<T: Copy>(what: &str, name: &str, items: &[(&str, T)]) -> pyo3::PyResult<T> {
    let found = items.iter().find(|(known, _)| *known == name);
    found.map(|(_, item)| *item).ok_or_else(|| {
        let names: Vec<&str> = items.iter().map(|(known, _)| *known).collect();
        PyValueError::new_err(format!("there is no {what} `{name}`; choose among {}", names.join(", ")))
    })
}
