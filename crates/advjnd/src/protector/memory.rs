// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory of people who left, so that a person who returns is protected in the first frame.
//!
//! When a track ends, its face is kept with the perturbation that protected it. A new track is compared with the kept
//! faces; if every recogniser matches it to one of them, it goes on from there. A mistake costs only time: the
//! self-check also compares with the clean face of the current frame.

use super::tracked_face::TrackedFace;

/// Largest number of remembered people; the one who left first is forgotten first.
const MOST: usize = 32;

/// The people of a stream who are not in view.
#[derive(Debug, Default)]
pub struct Memory {
    people: Vec<TrackedFace>,
}

impl Memory {
    /// Keeps a face that left, replacing an earlier face of the same person. A face that was never shown is not kept.
    pub fn keep(&mut self, face: TrackedFace) {
        if !face.was_shown() {
            return;
        }
        self.people.retain(|known| face.likeness(known) <= 0.0);
        if self.people.len() == MOST {
            self.people.remove(0);
        }
        self.people.push(face);
    }

    /// The person whom all recognisers match to the clean face of `face`; of several, the most similar one.
    pub fn recall(&self, face: &TrackedFace) -> Option<&TrackedFace> {
        let known = self.people.iter().map(|known| (face.likeness(known), known));
        known.filter(|(likeness, _)| *likeness > 0.0).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        self.people.clear();
    }
}
