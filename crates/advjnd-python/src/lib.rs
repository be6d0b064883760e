// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Python module `advjnd`: NumPy arrays in and out, over the crates `advjnd` and `advjnd-lab`.
//!
//! Arrays are checked and copied while Python's lock is held; all work is done without it. `advjnd.pyi` has the
//! module's documentation by function.

mod arrays;
mod attack;
mod batch;
mod errors;
mod jnd;
mod names;
mod portrait;
mod protector;
mod recognizers;
mod report;

use pyo3::prelude::*;

/// Face protection under a just-noticeable-difference budget, visibility thresholds, and published attacks.
///
/// Pictures are NumPy arrays of uint8, R'G'B', 0 to 255, shape (height, width, 3). No function changes an array it is
/// given. All work is done without Python's lock. An array of another type raises TypeError, one of another shape or
/// with a value out of range ValueError, a file that cannot be read OSError, a damaged model RuntimeError.
#[pymodule]
#[pyo3(name = "advjnd")]
fn advjnd_module(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("UnprotectedError", module.py().get_type::<errors::UnprotectedError>())?;
    module.add_class::<protector::Protector>()?;
    module.add_class::<report::Report>()?;
    module.add_class::<report::Face>()?;
    module.add_class::<recognizers::Recognizer>()?;
    module.add_function(wrap_pyfunction!(jnd::jnd, module)?)?;
    module.add_function(wrap_pyfunction!(attack::attack, module)?)?;
    module.add_function(wrap_pyfunction!(attack::embed, module)?)?;
    module.add_function(wrap_pyfunction!(recognizers::recognizers, module)?)?;
    module.add_function(wrap_pyfunction!(names::methods, module)?)?;
    module.add_function(wrap_pyfunction!(names::presets, module)?)?;
    module.add_function(wrap_pyfunction!(names::jnd_models, module)?)
}
