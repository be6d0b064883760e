// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hides the faces that are not protected.

use super::FailPolicy;
use crate::error::{Error, Result};
use crate::face::{Track, TrackState};
use crate::frame::{Cover, FrameMut, Rect, cover};
use crate::report::{FaceReport, FrameReport, Verdict};

/// Size of a cover relative to the detector's box: for a face in view, and for a lost one.
const COVER_SCALE: f32 = 1.3;
const LOST_COVER_SCALE: f32 = 1.8;

/// The rectangle to cover for a face that is not protected.
pub fn cover_place(track: &Track, frame: &FrameMut<'_>) -> Rect {
    let scale = if track.state == TrackState::Lost { LOST_COVER_SCALE } else { COVER_SCALE };
    track.bbox.scaled(scale).in_frame(frame)
}

/// Which of the `faces` are protected, but have something between their eyes and mouth hidden by the cover of another
/// face, at its place in `places`. The self-check saw such a face whole: it says nothing of what is left of it.
pub fn overlapped<'a>(faces: impl Iterator<Item = &'a FaceReport>, places: &[Rect]) -> Vec<bool> {
    let faces: Vec<_> = faces.map(|face| (face.verdict, eyes_to_mouth(face))).collect();
    let mut hidden: Vec<_> = faces.iter().map(|(verdict, _)| matches!(verdict, Verdict::Covered(_))).collect();
    let mut overlapped = vec![false; faces.len()];
    let is_cut = |index: usize, hidden: &[bool]| {
        let (verdict, middle) = faces[index];
        let mut covers = places.iter().zip(hidden).filter(|(_, hidden)| **hidden);
        verdict == Verdict::Protected && !hidden[index] && covers.any(|(place, _)| place.intersects(&middle))
    };
    // The cover of one that is overlapped may overlap another.
    while let Some(next) = (0..faces.len()).find(|index| is_cut(*index, &hidden)) {
        (hidden[next], overlapped[next]) = (true, true);
    }
    overlapped
}

/// The smallest rectangle with all landmarks of a face that lie in the frame.
fn eyes_to_mouth(face: &FaceReport) -> Rect {
    let ends = |axis: usize| {
        let at = face.landmarks.0.map(|point| point[axis].max(0.0) as usize);
        at.into_iter().fold((usize::MAX, 0), |(low, high), at| (low.min(at), high.max(at)))
    };
    let ((left, right), (top, bottom)) = (ends(0), ends(1));
    Rect { x: left, y: top, width: right - left + 1, height: bottom - top + 1 }
}

/// Applies the fail policy to places that must not be seen.
///
/// # Errors
/// [`Error::Unprotected`] if the policy is [`FailPolicy::Error`].
pub fn hide(frame: &mut FrameMut<'_>, places: &[Rect], policy: FailPolicy, report: &mut FrameReport) -> Result<()> {
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
    places.iter().for_each(|&place| cover(frame, place, how));
    Ok(())
}
