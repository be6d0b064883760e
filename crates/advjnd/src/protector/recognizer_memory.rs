// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one recogniser remembers of one followed face.

use std::sync::Arc;

use super::margins::{Margins, UNKNOWN, least_surplus};
use super::rendition::Rendition;
use super::rota::{HOLDS, SPARE};
use super::workspace::{Probe, Workspace};
use crate::attack::{Dodge, margin};
use crate::net::RecognizerSpec;

/// Frames over which the clean embedding of a track is averaged evenly. Later frames get the weight of the last of
/// these.
const REFERENCE_FRAMES: f32 = 50.0;

/// The person as one recogniser knows it.
///
/// Two references stand for the person, and the nearer counts: the mean clean embedding of the track, and the clean
/// embedding of the current frame, which also catches another person in the same place. For landmarks far from the
/// followed ones, the second reference uses the same landmarks: systems that do not turn a tilted head upright know the
/// person by chips that are just as wrong.
#[derive(Debug)]
pub struct RecognizerMemory {
    spec: Arc<RecognizerSpec>,
    /// Mean clean embedding of the track, over `frames` frames.
    pub mean: Vec<f32>,
    frames: f32,
    /// Clean embedding of this frame, or of the last frame that computed one.
    pub now: Vec<f32>,
    /// Whether `now` is from this frame.
    pub is_fresh: bool,
    /// The clean embedding by each further set of landmarks; empty for a set that is near.
    pub strange: Vec<Vec<f32>>,
    /// A constant direction in which to leave.
    away: Vec<f32>,
    /// Margins last seen, in the self-check or in an iteration.
    pub last_seen: Margins,
    /// Margins of the last output; infinity for renditions that were not read.
    pub output: Margins,
    /// Margins seen by the last thorough look, and how many frames ago that was.
    thorough: Margins,
    age: u32,
    /// Whether the self-check of this frame is a thorough look.
    pub is_thorough: bool,
}

impl RecognizerMemory {
    /// An empty memory; `away` is a unit vector.
    pub fn new(spec: &Arc<RecognizerSpec>, away: Vec<f32>) -> Self {
        let zeros = vec![0.0; spec.embedding_len];
        let (mean, now) = (zeros.clone(), zeros);
        Self {
            spec: Arc::clone(spec),
            mean,
            frames: 0.0,
            now,
            is_fresh: false,
            strange: Vec::new(),
            away,
            last_seen: UNKNOWN,
            output: UNKNOWN,
            thorough: UNKNOWN,
            age: u32::MAX,
            is_thorough: true,
        }
    }

    /// The recogniser.
    pub fn spec(&self) -> &Arc<RecognizerSpec> {
        &self.spec
    }

    /// Adds the clean embedding of this frame to the mean.
    fn enroll(&mut self) {
        self.frames = (self.frames + 1.0).min(REFERENCE_FRAMES);
        for (mean, now) in self.mean.iter_mut().zip(&self.now) {
            *mean += (now - *mean) / self.frames;
        }
    }

    /// Whether no frame before this one was enrolled.
    pub fn is_new(&self) -> bool {
        self.frames <= 1.0
    }

    /// Margin of this frame's clean face from a `reference` of the recogniser. Below zero, both are the same person.
    pub fn clean_margin(&self, reference: &[f32]) -> f32 {
        margin(&self.spec, reference, &self.now)
    }

    /// Forgets what was seen of the output.
    pub fn forget_output(&mut self) {
        (self.output, self.thorough) = (UNKNOWN, UNKNOWN);
    }

    /// Stores the clean embedding of this frame, by the followed landmarks. It counts for the mean if the detector has
    /// `seen` the face.
    pub fn take_clean(&mut self, embedding: &[f32], seen: bool) {
        self.is_fresh = true;
        self.now.clear();
        self.now.extend_from_slice(embedding);
        if seen {
            self.enroll();
        }
    }

    /// Whether no frame was enrolled yet.
    pub fn is_blank(&self) -> bool {
        self.frames == 0.0
    }

    /// How urgently it should look thoroughly: the longer ago it did, the more; even more if the margins then seen were
    /// too small.
    pub fn urgency(&self, required: &Margins) -> u32 {
        let is_content = least_surplus(std::iter::once(self.thorough), std::slice::from_ref(required)) >= 0.0;
        if is_content { self.age } else { self.age.saturating_add(2 * HOLDS) }
    }

    /// Moves on to the next frame. What a thorough look saw expires after [`HOLDS`] frames.
    pub fn grow_older(&mut self) {
        self.is_fresh = false;
        self.age = self.age.saturating_add(1);
        if self.age > HOLDS {
            self.thorough = UNKNOWN;
        }
    }

    /// Takes over the person that `known` remembers.
    pub fn resume(&mut self, known: &Self) {
        self.mean.clone_from(&known.mean);
        self.frames = known.frames;
        self.away.clone_from(&known.away);
    }

    /// The objective of a chip by one `set` of landmarks: away from both references.
    pub fn dodge(&self, set: usize) -> Dodge<'_> {
        let strange = set.checked_sub(1).and_then(|index| self.strange.get(index)).filter(|own| !own.is_empty());
        Dodge { spec: &self.spec, references: [&self.mean, strange.unwrap_or(&self.now)], away: &self.away }
    }

    /// Whether the last thorough look saw margins beyond the `required` ones by [`SPARE`] or more.
    pub fn has_spare(&self, required: &Margins) -> bool {
        least_surplus(std::iter::once(self.thorough), std::slice::from_ref(required)) >= SPARE
    }

    /// Stores the least margin of each rendition that the probes of this recogniser, number `index`, saw. Renditions
    /// that they left out keep the margins of the last thorough look.
    pub fn judge(&mut self, index: usize, work: &Workspace) {
        let least = Rendition::ALL.map(|rendition| {
            if rendition != Rendition::AsIs && !work.is_checked(rendition) {
                return f32::INFINITY;
            }
            let own = |probe: &&Probe| probe.recognizer == index && probe.point.rendition == rendition;
            let seen = work.probes.iter().filter(own).map(|probe| self.dodge(probe.point.set).margin(&probe.embedding));
            // A probe that was not run counts as the worst margin.
            let seen = seen.map(|margin| if margin.is_nan() { f32::NEG_INFINITY } else { margin });
            let left_out = if self.is_thorough { f32::NEG_INFINITY } else { f32::INFINITY };
            seen.reduce(f32::min).unwrap_or(left_out)
        });
        if self.is_thorough {
            (self.thorough, self.age) = (least, 0);
        }
        self.output = std::array::from_fn(|index| least[index].min(self.thorough[index]));
        let seen = |index: usize| if least[index] == f32::INFINITY { self.last_seen[index] } else { least[index] };
        self.last_seen = if self.is_thorough { least } else { std::array::from_fn(seen) };
    }
}
