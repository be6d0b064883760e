// SPDX-License-Identifier: MIT OR Apache-2.0
//! The extra passes of a search: whose turn it is, and what happens to their detections.

use super::super::Settings;
use super::{CONFIRM_INTERVAL, CONTINUE_SCORE, Search, Thoroughness};
use crate::error::Result;
use crate::face::{BBox, Detection, ExtraPass};
use crate::frame::FrameMut;
use crate::pacing::{Pace, Stage};

/// How far below the threshold a score is put so that close looks must confirm the detection.
const BELIEVED: f32 = 0.01;
/// Frames in a row that may go without an extra pass if time is short.
const PASSES_LEFT_OUT: u32 = 30;

impl Search {
    /// Runs extra passes and adds the faces they find: all passes in the first frame and after a cut, else those whose
    /// turn it is. If half a face is followed, [`ExtraPass::Sides`] runs, too.
    pub(super) fn add_passes(
        &mut self,
        frame: &FrameMut<'_>,
        settings: &Settings,
        pace: &Pace,
        faces: &mut Vec<Detection>,
    ) -> Result<()> {
        let thorough = settings.search == Thoroughness::Thorough;
        let threshold = settings.score_threshold.min(CONTINUE_SCORE);
        let long_side = frame.long_side();
        let in_time = pace.allows(2 * pace.cost(Stage::Detect, 1) + self.time_for_faces(pace));
        // A frame that spends its time on confirming landmarks gets no extra pass.
        let confirms = pace.is_bound() && self.tracker.tracks().iter().any(|track| track.is_due_by(CONFIRM_INTERVAL));
        let (begun, rests) = (self.since_pass.is_some() && !self.changes.is_cut(), self.since_pass == Some(0));
        let follows_half = in_time && self.tracker.tracks().iter().any(|track| track.is_half_a_face(frame.width()));
        let mut passes = Vec::new();
        if thorough && !begun {
            passes.extend(ExtraPass::all(long_side));
        } else if !begun && !pace.is_bound() {
            passes.extend(ExtraPass::all_fast(long_side));
        } else if thorough {
            passes.extend(ExtraPass::thorough(long_side, self.next_pass));
            self.next_pass += 1;
        } else if !rests && (in_time && !confirms || self.since_pass.unwrap_or(0) >= PASSES_LEFT_OUT) {
            passes.extend(ExtraPass::fast(long_side, self.next_pass));
            self.next_pass += 1;
        }
        if passes.is_empty() {
            self.since_pass = Some(self.since_pass.map_or(1, |frames| frames.saturating_add(1)));
        } else {
            self.since_pass = Some(0);
            self.passes_left = self.passes_left.saturating_sub(passes.len());
        }
        if follows_half && !passes.contains(&ExtraPass::Sides) {
            passes.push(ExtraPass::Sides);
        }
        let followed: Vec<BBox> = self.tracker.tracks().iter().map(|track| track.expected()).collect();
        for pass in passes {
            let seen = self.detector.detect_extra(frame, pass, thorough, settings.min_face_size, threshold)?;
            for face in seen {
                let score = believed(pass, face.score, settings.score_threshold);
                add(Detection { score, ..face }, pass, &followed, faces);
            }
        }
        Ok(())
    }
}

/// The score of a face that `pass` saw, adjusted to the score `threshold`. Turned or brightened, other things look like
/// faces, so close looks must confirm them. Half a face cannot be looked at closely: it counts, and is covered.
fn believed(pass: ExtraPass, score: f32, threshold: f32) -> f32 {
    if pass.is_of_sides() { score.max(threshold) } else { score.min(threshold - BELIEVED) }
}

/// Adds a face that `pass` saw to the `known` ones. It replaces one that was seen less clearly, except a `followed`
/// one.
fn add(face: Detection, pass: ExtraPass, followed: &[BBox], known: &mut Vec<Detection>) {
    let same = |other: &Detection| other.bbox.overlaps(&face.bbox);
    if known.iter().any(same) {
        let is_followed = followed.iter().any(|place| place.overlaps(&face.bbox));
        let best = known.iter().filter(|other| same(other)).map(|other| other.score).fold(0.0, f32::max);
        if pass.is_turned() || is_followed || best >= face.score {
            return;
        }
        known.retain(|other| !same(other));
    }
    known.push(face);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::Landmarks;

    fn face(x: f32, score: f32) -> Detection {
        let bbox = BBox { x, y: 10.0, width: 50.0, height: 60.0 };
        Detection::new(bbox, Landmarks::guess(&bbox), score)
    }

    #[test]
    fn half_a_face_is_believed_in_place_of_the_same_seen_weakly() {
        let mut known = vec![face(0.0, 0.4), face(200.0, 0.9)];
        let score = believed(ExtraPass::Sides, 0.9, 0.5);
        add(face(-10.0, score), ExtraPass::Sides, &[], &mut known);
        assert_eq!(known, [face(200.0, 0.9), face(-10.0, 0.9)]);
    }

    #[test]
    fn what_is_seen_more_clearly_or_followed_stays() {
        let before = vec![face(0.0, 0.4)];
        let mut known = before.clone();
        add(face(5.0, 0.3), ExtraPass::Brightened, &[], &mut known);
        add(face(5.0, 0.49), ExtraPass::Turned(2), &[], &mut known);
        add(face(5.0, 0.49), ExtraPass::Brightened, &[before[0].bbox], &mut known);
        assert_eq!(known, before);
    }

    #[test]
    fn extra_passes_alone_believe_half_faces_only() {
        assert!(believed(ExtraPass::Brightened, 0.9, 0.5) < 0.5);
        assert!(believed(ExtraPass::EnlargedSides, 0.8, 0.5) >= 0.5);
    }
}
