// SPDX-License-Identifier: MIT OR Apache-2.0
//! People who are left as they are by choice.

use std::collections::HashMap;

use advjnd::face::BBox;

use crate::analysis::{Action, Analysis};
use crate::evaluate::Clean;

/// Overlap from which a face is the one of the analysis.
const SAME_FACE: f32 = 0.3;

/// Takes the faces of people whom `analysis` keeps out of `clean`; how many.
pub fn leave_out_kept(analysis: &Analysis, clean: &mut Clean) -> u64 {
    let is_kept = |id: u32| analysis.people.iter().any(|person| person.id == id && person.action == Action::Keep);
    let mut kept = HashMap::<usize, Vec<BBox>>::new();
    for track in analysis.tracks.iter().filter(|track| !track.struck && is_kept(track.person)) {
        // Where nobody saw the face, another may be.
        for face in track.faces.iter().filter(|face| face.landmarks.is_some()) {
            let [x, y, width, height] = face.bbox;
            kept.entry(face.frame).or_default().push(BBox { x, y, width, height });
        }
    }
    let before = clean.sightings.len();
    clean.sightings.retain(|sighting| {
        let places = kept.get(&sighting.frame);
        !places.is_some_and(|places| places.iter().any(|place| place.iou(&sighting.bbox) > SAME_FACE))
    });
    (before - clean.sightings.len()) as u64
}
