// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pictures that go out in place of the protected frame, for debugging.

use super::workspace::Workspace;
use crate::frame::paint::{fill, outline, plane};
use crate::frame::{FrameMut, Rect};
use crate::report::{CoverReason, FaceReport, Verdict};

/// What goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum View {
    /// The frame.
    #[default]
    Protected,
    /// How much each pixel may change, amplified ten times, on black. It shows the edges of a face.
    Jnd,
    /// How much each pixel was changed, amplified ten times, on grey.
    Delta,
    /// The frame with a box around every track: green if protected, red if covered, amber if only expected, blue if it
    /// passes unchanged.
    Boxes,
}

/// Amplification of the maps.
const GAIN: f32 = 10.0;
const GREY: u8 = 128;
const GREEN: [u8; 3] = [0, 200, 0];
const RED: [u8; 3] = [220, 0, 0];
const AMBER: [u8; 3] = [230, 160, 0];
const BLUE: [u8; 3] = [30, 90, 230];

/// A map of one face.
pub struct DebugMap {
    rect: Rect,
    luma: Vec<f32>,
}

impl DebugMap {
    /// The map that `view` needs of a face whose job is still open.
    pub fn of(view: View, work: &Workspace) -> Option<Self> {
        let luma = match view {
            View::Protected | View::Boxes => return None,
            View::Jnd => work.bounds.iter().map(|bound| GAIN * bound).collect(),
            View::Delta => {
                let changes = work.output.region.luma.iter().zip(&work.clean.region.luma);
                changes.map(|(output, clean)| f32::from(GREY) + GAIN * (output - clean)).collect()
            }
        };
        Some(Self { rect: work.clean.region.rect, luma })
    }
}

/// Puts `view` in place of the frame.
pub fn show(frame: &mut FrameMut<'_>, view: View, maps: &[DebugMap], faces: &[FaceReport]) {
    match view {
        View::Protected => return,
        View::Boxes => {
            for face in faces {
                let color = match face.verdict {
                    Verdict::Protected => GREEN,
                    Verdict::Kept => BLUE,
                    Verdict::Covered(CoverReason::Lost) => AMBER,
                    Verdict::Covered(_) => RED,
                };
                let bbox = &face.bbox;
                let (right, bottom) = (bbox.x + bbox.width, bbox.y + bbox.height);
                let rect = Rect::covering(bbox.x, bbox.y, right, bottom, frame.width(), frame.height());
                outline(frame, rect, color);
            }
        }
        View::Jnd => fill(frame, frame.rect(), [0; 3]),
        View::Delta => fill(frame, frame.rect(), [GREY; 3]),
    }
    for DebugMap { rect, luma } in maps {
        plane(frame, *rect, luma.iter().copied());
    }
}
