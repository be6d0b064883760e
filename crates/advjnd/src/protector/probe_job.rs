// SPDX-License-Identifier: MIT OR Apache-2.0
//! A look at a face by a recogniser, alone or together with other looks by the same recogniser.

use super::chip::{Chip, FacePicture};
use super::chip_reader::ChipReader;
use super::geometry::Geometry;
use super::rendition::Stretch;
use super::worker::Worker;
use super::workspace::Probe;
use crate::attack::Dodge;
use crate::error::Result;
use crate::pool::Pool;

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
    /// Buffers for the gradient of the margin, if that is wanted.
    pub climb: Option<Climb<'a>>,
}

/// The buffers of a probe that gives the gradient of its margin.
pub struct Climb<'a> {
    /// The chip that it reads.
    pub chip: &'a mut Chip,
    /// Receives the gradient with respect to the region's luma.
    pub gradient: &'a mut [f32],
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
    /// What went wrong.
    pub fault: Option<String>,
}

impl ProbeJob<'_> {
    /// Runs the probe.
    pub fn run(&mut self, worker: &mut Worker) {
        let Worker { pool, readers, chip, .. } = worker;
        let Some(reader) = readers.get_mut(self.probe.recognizer) else { return };
        if self.climbs() {
            return Self::climb_together(&mut [self], reader, chip, pool);
        }
        self.cut(reader, chip, pool);
        let embedded = reader.embed(chip, &mut self.probe.embedding);
        self.confirm(reader, chip, embedded, pool);
    }

    /// Runs all of `probes`, those of a recogniser together.
    pub fn run_together(probes: &mut [&mut Self], worker: &mut Worker) {
        let Worker { pool, readers, chip, .. } = worker;
        for (index, reader) in readers.iter_mut().enumerate() {
            let own = probes.iter_mut().map(|job| &mut **job).filter(|job| job.probe.recognizer == index);
            let (mut climbing, mut looking): (Vec<_>, Vec<_>) = own.partition(|job| job.climbs());
            Self::climb_together(&mut climbing, reader, chip, pool);
            reader.begin();
            looking.iter().for_each(|job| {
                job.cut(reader, chip, pool);
                reader.keep(chip);
            });
            if let Err(error) = reader.embed_kept() {
                looking.iter_mut().for_each(|job| job.fault = Some(error.to_string()));
                continue;
            }
            looking.iter_mut().zip(reader.embeddings()).for_each(|(job, own)| job.probe.embedding.copy_from_slice(own));
            looking.into_iter().for_each(|job| job.confirm(reader, chip, Ok(()), pool));
        }
    }

    /// Runs `probes` of the recogniser of `reader` that give gradients. `spare` is for looks to repeat.
    fn climb_together(probes: &mut [&mut Self], reader: &mut ChipReader, spare: &mut Chip, pool: &Pool) {
        reader.begin();
        let mut dodges = Vec::with_capacity(probes.len());
        for job in probes.iter_mut() {
            let Self { geometry, picture, stretch, probe, decision, .. } = &mut **job;
            let Some(Decision { dodge, climb: Some(climb), .. }) = decision else { continue };
            let (recognizer, side) = (probe.recognizer, reader.spec().chip_size);
            climb.chip.cut(recognizer, side, geometry, picture, *stretch, &probe.point, pool);
            reader.keep(climb.chip);
            dodges.push(*dodge);
        }
        if let Err(error) = reader.dodge_kept(&dodges) {
            return probes.iter_mut().for_each(|job| job.fault = Some(error.to_string()));
        }
        for (index, job) in probes.iter_mut().enumerate() {
            let embedded = job.take_gradient(reader, index, pool);
            job.confirm(reader, spare, embedded, pool);
        }
    }

    /// Takes the embedding and the gradient of the chip that `reader` kept as number `index`.
    fn take_gradient(&mut self, reader: &ChipReader, index: usize, pool: &Pool) -> Result<()> {
        let gradient = reader.pulled(index)?.gradient;
        let climb = self.decision.as_mut().and_then(|decision| decision.climb.as_mut());
        if let (Some(climb), Some(embedding)) = (climb, reader.embeddings().nth(index)) {
            self.probe.embedding.copy_from_slice(embedding);
            climb.chip.pull_back(gradient, &self.picture.half, climb.gradient, pool);
        }
        Ok(())
    }

    /// Whether it gives a gradient.
    fn climbs(&self) -> bool {
        self.decision.as_ref().is_some_and(|decision| decision.climb.is_some())
    }

    fn cut(&self, reader: &ChipReader, chip: &mut Chip, pool: &Pool) {
        let (recognizer, side) = (self.probe.recognizer, reader.spec().chip_size);
        chip.cut(recognizer, side, self.geometry, self.picture, self.stretch, &self.probe.point, pool);
    }

    /// Whether the look of this probe is exact.
    fn is_exact(&self, reader: &ChipReader) -> bool {
        !self.climbs() && !reader.recognizer().is_watched()
    }

    fn is_close(&self) -> bool {
        self.decision.as_ref().is_some_and(|decision| decision.is_close(&self.probe.embedding))
    }

    /// Embeds the probe's chip once more, exactly on the processor, if it was `embedded` inexactly and is close to a
    /// different decision. `chip` is overwritten then.
    fn confirm(&mut self, reader: &mut ChipReader, chip: &mut Chip, embedded: Result<()>, pool: &Pool) {
        let again = embedded.is_ok() && !self.is_exact(reader) && self.is_close();
        let embedded = if again {
            self.cut(reader, chip, pool);
            reader.embed_exactly(chip, &mut self.probe.embedding)
        } else {
            embedded
        };
        self.fault = embedded.err().map(|error| error.to_string());
    }
}
