// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hides the faces that are not protected.

use super::FailPolicy;
use crate::error::{Error, Result};
use crate::face::{BBox, Track, TrackState};
use crate::frame::{Cover, FrameMut, Patch, Rect, cover};
use crate::report::{FaceReport, FrameReport, Verdict};

/// Size of a cover relative to the detector's box: for a face in view, and for a lost one.
const COVER_SCALE: f32 = 1.3;
const LOST_COVER_SCALE: f32 = 1.8;
/// Size of what no cover of another face may hide, relative to the rectangle of the landmarks (DESIGN.md, record 31).
const JUDGED_SCALE: f32 = 1.4;

/// The rectangle to cover for a face that is not protected.
pub fn cover_place(track: &Track, frame: &FrameMut<'_>) -> Rect {
    let scale = if track.state == TrackState::Lost { LOST_COVER_SCALE } else { COVER_SCALE };
    track.bbox.scaled(scale).in_frame(frame)
}

/// A place to cover.
#[derive(Debug)]
pub struct Hidden {
    /// Covered whatever else is there.
    own: Rect,
    /// Covered but for what is `spared`. Holds `own`.
    whole: Rect,
    /// Faces that [stand](stands): what is in view there was checked, and is not the face that is hidden.
    spared: Vec<Rect>,
}

impl Hidden {
    /// The whole frame.
    pub fn all(frame: &FrameMut<'_>) -> Self {
        Self { own: frame.rect(), whole: frame.rect(), spared: Vec::new() }
    }

    /// The places of those of `faces` that are covered.
    pub fn of(faces: &[(&Track, &FaceReport)], frame: &FrameMut<'_>) -> Vec<Self> {
        let standing = faces.iter().filter(|(track, face)| stands(track, face.verdict));
        let spared: Vec<_> = standing.map(|(track, _)| track.bbox.scaled(COVER_SCALE).in_frame(frame)).collect();
        let covered = faces.iter().filter(|(_, face)| matches!(face.verdict, Verdict::Covered(_)));
        covered.map(|(track, _)| Self { spared: spared.clone(), ..Self::around(track, frame) }).collect()
    }

    /// The place of one face, nothing spared. A face in view has it all as its own. A lost face may have moved: more
    /// than its last place is covered.
    fn around(track: &Track, frame: &FrameMut<'_>) -> Self {
        let whole = cover_place(track, frame);
        let own = if track.state == TrackState::Lost { track.bbox.in_frame(frame) } else { whole };
        Self { own, whole, spared: Vec::new() }
    }

    /// Covers it in the frame.
    fn cover(&self, frame: &mut FrameMut<'_>, how: Cover) {
        if self.whole != self.own {
            let spared = self.spared.iter().filter(|spared| spared.intersects(&self.whole));
            let kept = spared.map(|spared| {
                let mut patch = Patch::default();
                patch.read(frame, *spared);
                patch
            });
            let kept: Vec<_> = kept.collect();
            cover(frame, self.whole, how);
            kept.iter().for_each(|patch| patch.restore(frame));
        }
        cover(frame, self.own, how);
    }
}

/// Whether a face is protected and seen in this frame.
fn stands(track: &Track, verdict: Verdict) -> bool {
    verdict == Verdict::Protected && track.state == TrackState::Active
}

/// Which of the faces are protected, but have something between their brows and mouth hidden by the cover of another
/// face, or by one of `masks` that leaves something of the face. The self-check saw such a face whole: it says nothing
/// of what is left of it.
pub fn overlapped<'a>(
    faces: impl Iterator<Item = (&'a Track, &'a FaceReport)>,
    masks: &[Rect],
    frame: &FrameMut<'_>,
) -> Vec<bool> {
    let faces: Vec<_> = faces.map(|(track, face)| (track, face.verdict, brows_to_mouth(face, frame))).collect();
    let mut hidden: Vec<_> = faces.iter().map(|(_, verdict, _)| matches!(verdict, Verdict::Covered(_))).collect();
    let mut overlapped = vec![false; faces.len()];
    let is_cut = |index: usize, hidden: &[bool]| {
        let (track, verdict, middle) = faces[index];
        let place = |other: &Track| {
            let Hidden { own, whole, .. } = Hidden::around(other, frame);
            if stands(track, verdict) { own } else { whole }
        };
        let mut covers = faces.iter().zip(hidden).filter(|(_, hidden)| **hidden);
        let bbox = track.bbox.in_frame(frame);
        let leaves_some = |mask: &Rect| mask.union(&bbox) != *mask;
        verdict == Verdict::Protected
            && !hidden[index]
            && (covers.any(|((other, ..), _)| place(other).intersects(&middle))
                || masks.iter().any(|mask| mask.intersects(&middle) && leaves_some(mask)))
    };
    // The cover of one that is overlapped may overlap another.
    while let Some(next) = (0..faces.len()).find(|index| is_cut(*index, &hidden)) {
        (hidden[next], overlapped[next]) = (true, true);
    }
    overlapped
}

/// The smallest rectangle with all landmarks of a face, enlarged, as far as it lies in the frame.
fn brows_to_mouth(face: &FaceReport, frame: &FrameMut<'_>) -> Rect {
    let points = face.landmarks.0.map(|[x, y]| BBox { x, y, width: 0.0, height: 0.0 });
    let all = points.into_iter().reduce(|a, b| a.union(&b));
    all.map_or(Rect::default(), |bbox| bbox.scaled(JUDGED_SCALE).in_frame(frame))
}

/// Applies the fail policy to places that must not be seen.
///
/// # Errors
/// [`Error::Unprotected`] if the policy is [`FailPolicy::Error`].
pub fn hide(frame: &mut FrameMut<'_>, places: &[Hidden], policy: FailPolicy, report: &mut FrameReport) -> Result<()> {
    if places.is_empty() {
        return Ok(());
    }
    let how = match policy {
        FailPolicy::Fill => Cover::Fill,
        FailPolicy::Pixelate => Cover::Pixelate,
        FailPolicy::Blur => Cover::Blur,
        FailPolicy::Drop => {
            report.drop = true;
            return Ok(());
        }
        FailPolicy::Error => {
            return Err(Error::Unprotected { places: places.len(), fault: report.fault.take() });
        }
    };
    places.iter().for_each(|place| place.cover(frame, how));
    Ok(())
}
