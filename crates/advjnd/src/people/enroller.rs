// SPDX-License-Identifier: MIT OR Apache-2.0
//! Embeds the faces of photographs.

use std::sync::Arc;

use super::Photograph;
use crate::error::{Error, Result};
use crate::face::{Aligner, ChipCutter, Detector, Pose};
use crate::frame::FrameMut;
use crate::models::Models;
use crate::net::{Backend, Recognizer};
use crate::pool::Pool;

/// Detector score from which a detection in a photograph counts as a face.
const SCORE: f32 = 0.6;
/// Smallest face of a photograph, pixels of its shorter side: a smaller one tells little of a person.
const LEAST_FACE: f32 = 48.0;
/// Smallest face as a share of the longer side of the photograph.
const LEAST_SHARE: f32 = 0.04;
/// Another face of at least this share of the largest one's size makes it unclear who is meant.
const RIVAL: f32 = 0.7;

/// Embeds the faces of photographs with every recogniser of the models.
pub struct Enroller {
    detector: Detector,
    aligner: Aligner,
    recognizers: Vec<Recognizer>,
    cutter: ChipCutter,
}

impl Enroller {
    /// An enroller that uses the threads of `pool`.
    ///
    /// # Errors
    /// [`Error::Model`] if a network cannot be planned.
    pub fn new(models: &Models, pool: &Arc<Pool>) -> Result<Self> {
        let backend = Backend::Cpu(Arc::clone(pool));
        let plan = |(spec, graph): (&_, &_)| Recognizer::new(Clone::clone(spec), backend.executor(graph, 1)?);
        Ok(Self {
            detector: Detector::new(&models.detector, &backend),
            aligner: Aligner::new(&models.detector, &backend),
            recognizers: models.recognizers().map(plan).collect::<Result<_>>()?,
            cutter: ChipCutter::default(),
        })
    }

    /// Embeds the largest face of a photograph, at any roll, by landmarks on which close looks agree.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no such face, or another about as large; its text continues a sentence that begins
    /// with the name of the photograph. Also errors of the networks.
    pub fn enroll(&mut self, photograph: &FrameMut<'_>) -> Result<Photograph> {
        let least = LEAST_FACE.max(LEAST_SHARE * photograph.long_side() as f32);
        let mut faces = self.detector.detect_at_two_scales(photograph, least as u32, SCORE)?;
        faces.retain(|face| face.bbox.size() >= least);
        faces.sort_by(|a, b| b.bbox.size().total_cmp(&a.bbox.size()));
        let Some(face) = faces.first() else {
            return Err(Error::input(format!(
                "has no face of {least:.0} pixels or more; take another photograph, from the front"
            )));
        };
        if faces.get(1).is_some_and(|other| other.bbox.size() >= RIVAL * face.bbox.size()) {
            return Err(Error::input("has several faces of about one size; cut it to the person who is meant"));
        }
        // In a photograph stored turned, the face has that roll, and the first landmarks are wrong.
        let Some(face) = self.aligner.align(photograph, Pose::of_face(face))? else {
            return Err(Error::input("has a face that cannot be made out; take another photograph, from the front"));
        };
        let Self { recognizers, cutter, .. } = self;
        let embeddings = recognizers.iter_mut().map(|own| cutter.embed(photograph, &face.landmarks, own));
        Ok(Photograph(embeddings.collect::<Result<_>>()?))
    }
}
