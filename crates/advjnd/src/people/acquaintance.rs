// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is known so far about the identity of a followed face.

use std::fmt;

use crate::attack::margin;
use crate::net::RecognizerSpec;

/// The clean face of one frame, found by the detector and embedded by every recogniser in that frame.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Its embeddings, by recogniser.
    pub embeddings: &'a [&'a [f32]],
    /// How far the head is turned, by [`Landmarks::turn`](crate::face::Landmarks::turn).
    pub turn: f32,
}

/// The mean of the looks at one followed face. It is separate from the mean of the attack, which may come from an
/// earlier track.
#[derive(Default)]
pub struct Acquaintance {
    /// Mean embedding of the looks that count, by recogniser.
    means: Vec<Vec<f32>>,
    /// Number of looks that count.
    looks: u32,
    suspected: bool,
}

impl fmt::Debug for Acquaintance {
    /// Omits the embeddings, which are biometric data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { looks, suspected, .. } = self;
        formatter.debug_struct("Acquaintance").field("looks", looks).field("suspected", suspected).finish()
    }
}

impl Acquaintance {
    /// Forgets the identity, but not a suspicion.
    pub fn begin_anew(&mut self) {
        self.looks = 0;
        self.means.clear();
    }

    /// Number of looks in the mean.
    pub fn looks(&self) -> u32 {
        self.looks
    }

    /// Mean embeddings, by recogniser; empty before the first look that counts.
    pub fn means(&self) -> &[Vec<f32>] {
        &self.means
    }

    /// Whether any look matched the face to a person to protect, or was not sure.
    pub fn is_suspected(&self) -> bool {
        self.suspected
    }

    /// Records for the rest of the track that it may be one of them.
    pub fn suspect(&mut self) {
        self.suspected = true;
    }

    /// Whether every recogniser matches the look to the person of the earlier looks; true if there are none.
    pub fn goes_on<'a>(&self, specs: impl Iterator<Item = &'a RecognizerSpec>, look: &Look<'_>) -> bool {
        let pairs = self.means.iter().zip(look.embeddings).zip(specs);
        pairs.fold(true, |all, ((mean, now), spec)| all && margin(spec, mean, now) < 0.0)
    }

    /// Adds a look to the mean.
    pub fn add(&mut self, look: &Look<'_>) {
        self.looks = self.looks.saturating_add(1);
        self.means.resize(look.embeddings.len(), Vec::new());
        for (mean, now) in self.means.iter_mut().zip(look.embeddings) {
            mean.resize(now.len(), 0.0);
            mean.iter_mut().zip(*now).for_each(|(mean, now)| *mean += (now - *mean) / self.looks as f32);
        }
    }
}
