// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hides the faces that are not protected.

use super::FailPolicy;
use crate::error::{Error, Result};
use crate::face::{Track, TrackState};
use crate::frame::{Cover, FrameMut, Rect, cover};
use crate::report::FrameReport;

/// Size of a cover relative to the detector's box: for a face in view, and for a lost one.
const COVER_SCALE: f32 = 1.3;
const LOST_COVER_SCALE: f32 = 1.8;

/// The rectangle to cover for a face that is not protected.
pub fn cover_place(track: &Track, frame: &FrameMut<'_>) -> Rect {
    let scale = if track.state == TrackState::Lost { LOST_COVER_SCALE } else { COVER_SCALE };
    track.bbox.scaled(scale).in_frame(frame)
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
