// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recognisers of a folder of models, or of those that are built in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use advjnd::models::{Kind, Manifest};
use advjnd::net::{Metric, RecognizerSpec};
use advjnd::{Error, Models};
use numpy::PyArrayDyn;
use pyo3::prelude::*;

use crate::arrays::new_array;
use crate::errors::raised;

/// A face recogniser: what it takes, and how its embeddings are compared.
#[pyclass(frozen, module = "advjnd")]
pub struct Recognizer {
    spec: RecognizerSpec,
}

#[pymethods]
impl Recognizer {
    /// Name to choose it by.
    #[getter]
    fn name(&self) -> &str {
        &self.spec.name
    }

    /// Side of its square chip, pixels.
    #[getter]
    fn chip_size(&self) -> usize {
        self.spec.chip_size
    }

    /// Length of an embedding.
    #[getter]
    fn embedding_len(&self) -> usize {
        self.spec.embedding_len
    }

    /// How embeddings are compared.
    #[getter]
    fn metric(&self) -> &'static str {
        match self.spec.metric {
            Metric::Euclidean => "euclidean",
            Metric::Cosine => "cosine",
        }
    }

    /// The same person at or above this cosine similarity, or at or below this Euclidean distance.
    #[getter]
    fn threshold(&self) -> f32 {
        self.spec.verification_threshold
    }

    /// Share of pairs of different people taken for one at that threshold, 0 to 1.
    #[getter]
    fn false_accept_rate(&self) -> f32 {
        self.spec.false_accept_rate
    }

    /// float32 (5, 2), pixels: where a chip has the eyes (left first), the nose and the corners of the mouth.
    #[getter]
    fn template<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
        new_array(py, &[5, 2], self.spec.template.concat())
    }

    fn __repr__(&self) -> String {
        format!(
            "Recognizer({:?}, chip_size={}, embedding_len={}, metric={:?}, threshold={})",
            self.spec.name,
            self.spec.chip_size,
            self.spec.embedding_len,
            self.metric(),
            self.spec.verification_threshold
        )
    }
}

/// The recognisers of a folder of models, or of those that are built in. Raises OSError or RuntimeError where the
/// folder has no valid manifest.
#[pyfunction]
#[pyo3(signature = (models=None))]
pub fn recognizers(models: Option<PathBuf>) -> PyResult<Vec<Recognizer>> {
    let own;
    let manifest = match &models {
        Some(folder) => {
            own = Manifest::from_dir(folder).map_err(raised)?;
            &own
        }
        None => Manifest::embedded().map_err(raised)?,
    };
    let entries = manifest.entries.iter().filter(|entry| entry.kind == Kind::Recognizer);
    entries.map(|entry| entry.spec().map(|spec| Recognizer { spec }).map_err(raised)).collect()
}

/// The models of a folder, or those that are built in, with the named recognisers.
///
/// # Errors
/// `OSError` where a file cannot be read, `RuntimeError` where one is not what the manifest says, or a name is none of
/// its recognisers.
pub fn open(folder: Option<&Path>, names: &[String]) -> PyResult<Arc<Models>> {
    Models::open(folder, names).map_err(raised)
}

/// The models with one recogniser, and what it takes.
///
/// # Errors
/// Those of [`open`].
pub fn one(name: &str, folder: Option<&Path>) -> PyResult<(Arc<Models>, RecognizerSpec)> {
    let models = open(folder, &[name.to_owned()])?;
    let spec = models.recognizers().next().map(|(spec, _)| spec.clone());
    let spec = spec.ok_or_else(|| raised(Error::model(name, "is no recogniser")))?;
    Ok((models, spec))
}
