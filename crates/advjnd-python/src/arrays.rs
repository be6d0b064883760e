// SPDX-License-Identifier: MIT OR Apache-2.0
//! NumPy arrays, checked, copied to rows without gaps, and back.

use advjnd::{Colorimetry, FrameMut, PixelFormat, PlaneMut};
use numpy::{Element, PyArray, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::errors::raised;

/// The samples of an array, row-major.
pub struct Samples<T> {
    /// The array's shape.
    pub shape: Vec<usize>,
    /// As many samples as the shape says.
    pub data: Vec<T>,
}

/// An array of any type.
///
/// # Errors
/// `TypeError` where it is none.
pub fn array<'py>(what: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    let array = value.cast::<PyUntypedArray>().map_err(|_| {
        let name = value.get_type().name().map_or_else(|_| "something else".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("{what}: give a NumPy array, not {name}"))
    })?;
    Ok(array.clone())
}

/// Whether the array holds samples of type `T`.
pub fn holds<T: Element>(array: &Bound<'_, PyUntypedArray>) -> bool {
    array.dtype().is_equiv_to(&numpy::dtype::<T>(array.py()))
}

/// A copy of an array's samples, whatever its strides.
///
/// # Errors
/// `TypeError` where it holds samples of another type; `wanted` says which it should.
pub fn samples<T: Element + Copy>(what: &str, wanted: &str, array: &Bound<'_, PyUntypedArray>) -> PyResult<Samples<T>> {
    if !holds::<T>(array) {
        return Err(PyTypeError::new_err(format!("{what}: give {wanted}, not {}", array.dtype())));
    }
    let dense = array.py().import("numpy")?.call_method1("require", (array, array.py().None(), "CA"))?;
    let data = dense.cast::<PyArrayDyn<T>>()?.try_readonly()?.as_slice()?.to_vec();
    Ok(Samples { shape: array.shape().to_vec(), data })
}

/// A new array of that shape.
///
/// # Errors
/// `ValueError` where the shape holds another number of samples.
pub fn new_array<'py, T: Element>(
    py: Python<'py>,
    shape: &[usize],
    data: Vec<T>,
) -> PyResult<Bound<'py, PyArrayDyn<T>>> {
    PyArray::from_vec(py, data).reshape(shape.to_vec())
}

/// `ValueError` that says which shape was wanted.
pub fn wrong_shape(what: &str, wanted: &str, shape: &[usize]) -> PyErr {
    PyValueError::new_err(format!("{what}: give {wanted}, not shape {shape:?}"))
}

/// A picture of R', G', B', interleaved, without padding.
pub struct Picture {
    pub pixels: Vec<u8>,
    pub width: usize,
    pub height: usize,
}

impl Picture {
    /// One picture, `(height, width, 3)` of `uint8`.
    ///
    /// # Errors
    /// `TypeError` and `ValueError` where it is another array, or has no pixel.
    pub fn read(what: &str, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Samples { shape, data } = samples(what, "uint8, 0 to 255", &array(what, value)?)?;
        match shape[..] {
            [height, width, 3] if width > 0 && height > 0 => Ok(Self { pixels: data, width, height }),
            _ => Err(wrong_shape(what, "one RGB picture (height, width, 3) with at least one pixel", &shape)),
        }
    }

    /// The pictures of an array of `shape`, `(count, height, width, 3)`.
    ///
    /// # Errors
    /// `ValueError` where it has another shape, or no pixel.
    pub fn split(what: &str, Samples { shape, data }: &Samples<u8>) -> PyResult<Vec<Self>> {
        let [_, height, width, 3] = shape[..] else {
            return Err(wrong_shape(what, "RGB pictures (count, height, width, 3)", shape));
        };
        if data.is_empty() {
            return Err(wrong_shape(what, "at least one picture with a pixel", shape));
        }
        let pictures = data.chunks_exact(3 * width * height);
        Ok(pictures.map(|pixels| Self { pixels: pixels.to_vec(), width, height }).collect())
    }

    /// The picture as the core takes it.
    ///
    /// # Errors
    /// `ValueError` where it has no pixel.
    pub fn frame(&mut self) -> PyResult<FrameMut<'_>> {
        let planes = vec![PlaneMut { data: &mut self.pixels, stride: 3 * self.width }];
        FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), self.width, self.height, planes).map_err(raised)
    }
}
