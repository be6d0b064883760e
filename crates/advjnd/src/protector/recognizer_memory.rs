// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one recogniser remembers of one followed face.

use std::sync::Arc;

use super::margins::{Margins, UNKNOWN};
use super::rendition::Rendition;
use super::workspace::{Probe, Workspace};
use crate::attack::{Dodge, margin};
use crate::net::RecognizerSpec;

/// Frames over which the clean embedding of a track is averaged evenly; later ones count as the last of so many.
const REFERENCE_FRAMES: f32 = 50.0;

/// The person as one recogniser knows it.
///
/// Two references stand for the person, and the nearer counts: the mean clean embedding of the track, and the clean
/// embedding of this very frame, which also catches another person in the same place.
#[derive(Debug)]
pub struct RecognizerMemory {
    spec: Arc<RecognizerSpec>,
    /// Mean clean embedding of the track, over so many frames.
    pub mean: Vec<f32>,
    frames: f32,
    /// Clean embedding of this frame.
    pub now: Vec<f32>,
    /// A constant direction to leave in.
    away: Vec<f32>,
    /// Margins last seen, in the self-check or in an iteration.
    pub last_seen: Margins,
    /// Margins of the last output; infinity where nobody looked.
    pub output: Margins,
}

impl RecognizerMemory {
    /// Nothing is remembered; `away` is a unit vector.
    pub fn new(spec: &Arc<RecognizerSpec>, away: Vec<f32>) -> Self {
        let zeros = vec![0.0; spec.embedding_len];
        let (mean, now) = (zeros.clone(), zeros);
        Self { spec: Arc::clone(spec), mean, frames: 0.0, now, away, last_seen: UNKNOWN, output: UNKNOWN }
    }

    /// The recogniser.
    pub fn spec(&self) -> &Arc<RecognizerSpec> {
        &self.spec
    }

    /// Adds the clean embedding of this frame to the mean.
    pub fn enroll(&mut self) {
        self.frames = (self.frames + 1.0).min(REFERENCE_FRAMES);
        for (mean, now) in self.mean.iter_mut().zip(&self.now) {
            *mean += (now - *mean) / self.frames;
        }
    }

    /// Whether no frame before this one was enrolled.
    pub fn is_new(&self) -> bool {
        self.frames <= 1.0
    }

    /// Margin of this frame's clean face from a `reference` of the recogniser: below zero, it is that person.
    pub fn clean_margin(&self, reference: &[f32]) -> f32 {
        margin(&self.spec, reference, &self.now)
    }

    /// Takes over whom `known` remembers.
    pub fn resume(&mut self, known: &Self) {
        self.mean.clone_from(&known.mean);
        self.frames = known.frames;
        self.away.clone_from(&known.away);
    }

    /// The objective: away from both references.
    pub fn dodge(&self) -> Dodge<'_> {
        Dodge { spec: &self.spec, references: [&self.mean, &self.now], away: &self.away }
    }

    /// Takes over the least margin of each rendition that the recogniser's probes saw, `index` being its own.
    pub fn judge(&mut self, index: usize, work: &Workspace) {
        let least = Rendition::ALL.map(|rendition| {
            if rendition != Rendition::AsIs && !work.is_checked(rendition) {
                return f32::INFINITY;
            }
            let own = |probe: &&Probe| probe.recognizer == index && probe.point.rendition == rendition;
            let seen = work.probes.iter().filter(own).map(|probe| self.dodge().margin(&probe.embedding));
            // A probe that was not run has seen nothing that could be believed.
            let seen = seen.map(|margin| if margin.is_nan() { f32::NEG_INFINITY } else { margin });
            seen.reduce(f32::min).unwrap_or(f32::NEG_INFINITY)
        });
        self.last_seen = least;
        self.output = least;
    }
}
