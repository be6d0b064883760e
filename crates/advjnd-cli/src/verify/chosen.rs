// SPDX-License-Identifier: MIT OR Apache-2.0
//! People who are left as they are by choice.

use std::collections::HashMap;

use advjnd::face::BBox;

use crate::analysis::Analysis;

/// Overlap from which a face is the one of the analysis.
const SAME_FACE: f32 = 0.3;

/// Where people are who are kept, by frame.
#[derive(Debug, Default)]
pub struct Kept(HashMap<usize, Vec<BBox>>);

impl Kept {
    /// By an analysis, if there is one.
    pub fn of(analysis: Option<&Analysis>) -> Self {
        let mut kept = Self::default();
        let Some(analysis) = analysis else { return kept };
        for track in analysis.kept_tracks() {
            // Where nobody saw the face, another may be.
            for face in track.faces.iter().filter(|face| face.landmarks.is_some()) {
                let [x, y, width, height] = face.bbox;
                kept.0.entry(face.frame).or_default().push(BBox { x, y, width, height });
            }
        }
        kept
    }

    /// Whether a face in a frame is one of them.
    pub fn holds(&self, frame: usize, bbox: &BBox) -> bool {
        self.places(frame).any(|place| place.iou(bbox) > SAME_FACE)
    }

    /// Where they are in a frame.
    pub fn places(&self, frame: usize) -> impl Iterator<Item = BBox> + '_ {
        self.0.get(&frame).into_iter().flatten().copied()
    }
}
