// SPDX-License-Identifier: MIT OR Apache-2.0
//! A look at a face by a recogniser, alone or together with other looks by the same recogniser.

use super::chip_reader::{ChipReader, FacePicture};
use super::geometry::Geometry;
use super::rendition::{Rendition, Stretch};
use super::workspace::Probe;
use crate::attack::Dodge;
use crate::error::Result;

/// A look whose margin is this close to a deciding margin is repeated exactly on the processor, unless it was exact.
const CLOSE: f32 = 0.02;

/// What a probe looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// The clean face.
    Clean,
    /// The output face.
    Output,
}

/// What a probe decides: whether its margin is at least these.
pub struct Decision<'a> {
    /// The objective whose margin it is.
    pub dodge: Dodge<'a>,
    /// The margins that decide.
    pub margins: [f32; 2],
}

impl Decision<'_> {
    /// Whether a slightly different embedding could change the decision.
    fn is_close(&self, embedding: &[f32]) -> bool {
        let margin = self.dodge.margin(embedding);
        self.margins.iter().any(|decisive| (margin - decisive).abs() <= CLOSE)
    }
}

/// A probe to run on any free worker.
pub struct ProbeJob<'a> {
    /// Where the face lies.
    pub geometry: &'a Geometry,
    /// The picture to look at.
    pub picture: &'a FacePicture,
    /// How to stretch the contrast of the face.
    pub stretch: Option<Stretch>,
    /// The probe.
    pub probe: &'a mut Probe,
    /// What it decides, if anything.
    pub decision: Option<Decision<'a>>,
    /// Receives the gradient of the margin with respect to the region's luma, if wanted.
    pub gradient: Option<&'a mut [f32]>,
    /// What went wrong.
    pub fault: Option<String>,
}

impl ProbeJob<'_> {
    /// Runs the probe.
    pub fn run(&mut self, readers: &mut [ChipReader]) {
        let Some(reader) = readers.get_mut(self.probe.recognizer) else { return };
        self.align(reader);
        let embedded = self.embed(reader);
        self.confirm(reader, embedded);
    }

    /// Runs all of `probes`, those of a recogniser together, except those that give a gradient.
    pub fn run_together(probes: &mut [&mut Self], readers: &mut [ChipReader]) {
        probes.iter_mut().filter(|job| job.gradient.is_some()).for_each(|job| job.run(readers));
        for (index, reader) in readers.iter_mut().enumerate() {
            let is_own = |job: &&mut &mut Self| job.probe.recognizer == index && job.gradient.is_none();
            let mut own: Vec<_> = probes.iter_mut().filter(is_own).collect();
            reader.begin();
            own.iter().for_each(|job| {
                job.align(reader);
                reader.keep();
            });
            if let Err(error) = reader.embed_kept() {
                own.iter_mut().for_each(|job| job.fault = Some(error.to_string()));
                continue;
            }
            own.iter_mut().zip(reader.embeddings()).for_each(|(job, found)| job.probe.embedding.copy_from_slice(found));
            for job in own.into_iter().filter(|job| job.is_close()) {
                job.align(reader);
                job.confirm(reader, Ok(()));
            }
        }
    }

    fn align(&self, reader: &mut ChipReader) {
        reader.align(self.probe.recognizer, self.geometry, self.picture, self.stretch, &self.probe.point);
    }

    /// Embeds the chip last aligned, with the gradient if wanted.
    fn embed(&mut self, reader: &mut ChipReader) -> Result<()> {
        let Self { picture, probe, decision, gradient, .. } = self;
        let (embedding, rendition) = (&mut probe.embedding, probe.point.rendition);
        let (Some(decision), Some(gradient)) = (decision, gradient) else { return reader.embed(embedding) };
        let half = (rendition == Rendition::Halved).then_some(&picture.half);
        let mut cotangent = |seen: &[f32], cotangent: &mut [f32]| {
            embedding.copy_from_slice(seen);
            decision.dodge.margin_and_cotangent(seen, cotangent);
        };
        reader.luma_gradient(&mut cotangent, half, gradient)
    }

    /// Whether the look of this probe is exact.
    fn is_exact(&self, reader: &ChipReader) -> bool {
        self.gradient.is_none() && !reader.recognizer().is_watched()
    }

    fn is_close(&self) -> bool {
        self.decision.as_ref().is_some_and(|decision| decision.is_close(&self.probe.embedding))
    }

    /// Embeds the chip last aligned once more, exactly on the processor, if it was `embedded` inexactly and is close to
    /// a different decision.
    fn confirm(&mut self, reader: &mut ChipReader, embedded: Result<()>) {
        let again = embedded.is_ok() && !self.is_exact(reader) && self.is_close();
        let embedded = if again { reader.embed_exactly(&mut self.probe.embedding) } else { embedded };
        self.fault = embedded.err().map(|error| error.to_string());
    }
}
