// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was done to a frame.

use advjnd::{FaceReport, FrameReport, Verdict};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;

/// One face of a frame.
#[pyclass(frozen, get_all, module = "advjnd")]
#[derive(Clone)]
pub struct Face {
    /// Number of its track, the same from frame to frame until `reset`.
    id: u64,
    /// Left, top, width and height, pixels, as detected or predicted. May reach outside the frame.
    r#box: (f32, f32, f32, f32),
    /// x and y of the eyes (left of the picture first), the nose and the corners of the mouth, pixels.
    landmarks: Vec<(f32, f32)>,
    /// Score of the detector, 0 to 1; 0 where the face was predicted.
    score: f32,
    /// What became of it: "protected", or "covered-" and the reason.
    verdict: &'static str,
    /// Whether the verdict is "protected". It speaks of the recognisers that were attacked, of no other.
    protected: bool,
    /// Left, top, width and height, pixels: every pixel that was changed for this face lies in it.
    region: (usize, usize, usize, usize),
    /// How far the face lies beyond the verification threshold, least of all recognisers; above 0: not the same
    /// person. Of a cosine similarity (threshold - similarity) / (1 - threshold), of a distance
    /// (distance - threshold) / threshold. 0 where it was not checked.
    margin: f32,
    /// Cosine similarity of the untouched face to the clean embedding of its track, -1 to 1.
    similarity_before: f32,
    /// The same of the face in the output, highest of all recognisers, -1 to 1.
    similarity_after: f32,
    /// Peak signal-to-noise ratio of the change, decibels of luma inside the face's oval, at most 100; 0 where
    /// nothing was written.
    psnr: f32,
    /// Root mean square of the change, in just-noticeable differences; 0 where nothing was written.
    jnd: f32,
    /// Gradient iterations in this frame.
    iterations: u32,
}

impl From<&FaceReport> for Face {
    fn from(face: &FaceReport) -> Self {
        Self {
            id: face.id.0,
            r#box: (face.bbox.x, face.bbox.y, face.bbox.width, face.bbox.height),
            landmarks: face.landmarks.0.iter().map(|[x, y]| (*x, *y)).collect(),
            score: face.score,
            verdict: face.verdict.name(),
            protected: face.verdict == Verdict::Protected,
            region: (face.region.x, face.region.y, face.region.width, face.region.height),
            margin: face.margin,
            similarity_before: face.similarity_before,
            similarity_after: face.similarity_after,
            psnr: face.psnr,
            jnd: face.spent,
            iterations: face.iterations,
        }
    }
}

#[pymethods]
impl Face {
    fn __repr__(&self) -> String {
        let (x, y, width, height) = self.r#box;
        format!(
            "Face(id={}, box=({x:.0}, {y:.0}, {width:.0}, {height:.0}), verdict={:?}, margin={:.3}, psnr={:.1})",
            self.id, self.verdict, self.margin, self.psnr
        )
    }
}

/// The faces of a frame, as a sequence, oldest track first.
#[pyclass(frozen, get_all, module = "advjnd")]
pub struct Report {
    /// All of them.
    faces: Vec<Face>,
    /// A computation that failed. What it touched is covered: the face, or if the detector failed the frame.
    fault: Option<String>,
    /// Whether the frame took longer than it may; always False where `live` is False.
    late: bool,
}

impl From<&FrameReport> for Report {
    fn from(report: &FrameReport) -> Self {
        Self { faces: report.faces.iter().map(Face::from).collect(), fault: report.fault.clone(), late: report.late }
    }
}

#[pymethods]
impl Report {
    fn __len__(&self) -> usize {
        self.faces.len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<Face> {
        let at = if index < 0 { index + self.faces.len() as isize } else { index };
        let face = usize::try_from(at).ok().and_then(|at| self.faces.get(at));
        face.cloned().ok_or_else(|| PyIndexError::new_err(format!("face {index} of {}", self.faces.len())))
    }

    fn __repr__(&self) -> String {
        let faces: Vec<String> = self.faces.iter().map(Face::__repr__).collect();
        format!("Report([{}])", faces.join(", "))
    }
}
