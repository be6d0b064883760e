// SPDX-License-Identifier: MIT OR Apache-2.0
//! Detection, tracking and alignment of faces.

pub mod align;
mod aligner;
mod change_gate;
mod chip;
mod close_up;
mod confirm;
pub mod detect;
pub mod flow;
mod pass;
mod passes;
mod quarters;
pub mod track;
pub mod warp;

pub use align::SimilarityTransform;
pub use aligner::{Aligner, Pose};
pub use change_gate::{Change, ChangeGate};
pub use chip::ChipCutter;
pub use confirm::{Assigned, Care, Confirmer};
pub use detect::{Detection, Detector, GivenFace};
pub use passes::ExtraPass;
pub use track::{COAST_FRAMES, Track, TrackId, TrackState, Tracker};
pub use warp::Warp;

use crate::frame::{FrameMut, Rect};
use crate::net::ARCFACE_TEMPLATE;

/// Axis-aligned box in pixels; may reach outside the frame.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BBox {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl BBox {
    /// Centre.
    pub fn center(&self) -> [f32; 2] {
        [self.x + self.width / 2.0, self.y + self.height / 2.0]
    }

    /// Geometric mean of the sides.
    pub fn size(&self) -> f32 {
        (self.width * self.height).max(0.0).sqrt()
    }

    /// Intersection over union, 0..=1.
    pub fn iou(&self, other: &Self) -> f32 {
        let overlap = |a: f32, a_len: f32, b: f32, b_len: f32| ((a + a_len).min(b + b_len) - a.max(b)).max(0.0);
        let both =
            overlap(self.x, self.width, other.x, other.width) * overlap(self.y, self.height, other.y, other.height);
        let union = self.width * self.height + other.width * other.height - both;
        if union > 0.0 { both / union } else { 0.0 }
    }

    /// Whether two boxes probably show the same face: they overlap by more than the detector allows for two faces.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.iou(other) > pass::IOU_THRESHOLD
    }

    /// Share of this box's area that lies in `other`, 0..=1.
    pub fn share_in(&self, other: &Self) -> f32 {
        let side = |a: f32, a_len: f32, b: f32, b_len: f32| ((a + a_len).min(b + b_len) - a.max(b)).max(0.0);
        let both = side(self.x, self.width, other.x, other.width) * side(self.y, self.height, other.y, other.height);
        let area = self.width * self.height;
        if area > 0.0 { both / area } else { 0.0 }
    }

    /// The pixels of a frame that it touches; empty if there are none.
    pub fn in_frame(&self, frame: &FrameMut<'_>) -> Rect {
        let (right, bottom) = (self.x + self.width, self.y + self.height);
        Rect::covering(self.x, self.y, right, bottom, frame.width(), frame.height())
    }

    /// Whether a point lies in it.
    pub fn contains(&self, [x, y]: [f32; 2]) -> bool {
        (self.x..=self.x + self.width).contains(&x) && (self.y..=self.y + self.height).contains(&y)
    }

    /// The smallest box that holds both.
    pub fn union(&self, other: &Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.width).max(other.x + other.width);
        let bottom = (self.y + self.height).max(other.y + other.height);
        Self { x, y, width: right - x, height: bottom - y }
    }

    /// Whether every coordinate is finite.
    pub fn is_finite(&self) -> bool {
        [self.x, self.y, self.width, self.height].iter().all(|value| value.is_finite())
    }

    /// The same centre, sides times `factor`.
    pub fn scaled(&self, factor: f32) -> Self {
        let [cx, cy] = self.center();
        let (width, height) = (self.width * factor, self.height * factor);
        Self { x: cx - width / 2.0, y: cy - height / 2.0, width, height }
    }

    /// The same sides, around `center`.
    pub fn at(&self, [x, y]: [f32; 2]) -> Self {
        Self { x: x - self.width / 2.0, y: y - self.height / 2.0, ..*self }
    }

    /// Moved by `offset`.
    pub fn translated(&self, offset: [f32; 2]) -> Self {
        Self { x: self.x + offset[0], y: self.y + offset[1], ..*self }
    }
}

/// Image-left eye, image-right eye, nose tip, image-left and image-right mouth corner, in pixels of the frame
/// (the centre of its first pixel is the origin).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Landmarks(pub [[f32; 2]; 5]);

/// Side of ArcFace's chip, the unit of the landmark template, and the width of the chip relative to a detector's box.
const CHIP_SIDE: f32 = 112.0;
pub(crate) const CHIP_PER_BOX: f32 = 1.35;

impl Landmarks {
    /// Typical landmarks of a face that fills `bbox`.
    pub fn guess(bbox: &BBox) -> Self {
        let ([x, y], scale) = (bbox.center(), CHIP_PER_BOX * bbox.size() / CHIP_SIDE);
        Self(ARCFACE_TEMPLATE).map(|[u, v]| [x + (u - CHIP_SIDE / 2.0) * scale, y + (v - CHIP_SIDE / 2.0) * scale])
    }

    /// Maps every point by `f`.
    pub fn map(&self, f: impl Fn([f32; 2]) -> [f32; 2]) -> Self {
        Self(self.0.map(f))
    }

    /// Largest distance between corresponding points.
    pub fn distance(&self, other: &Self) -> f32 {
        let pairs = self.0.iter().zip(&other.0);
        pairs.map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).fold(0.0, f32::max)
    }

    /// Size of the box that a detector would draw around the face, pixels, from the root mean square distance of the
    /// landmarks from their mean.
    pub(crate) fn face_size(&self) -> f32 {
        let spread = |points: &[[f32; 2]; 5]| {
            let mean = |axis: usize| points.iter().map(|point| point[axis]).sum::<f32>() / 5.0;
            let (x, y) = (mean(0), mean(1));
            points.iter().map(|point| (point[0] - x).powi(2) + (point[1] - y).powi(2)).sum::<f32>().sqrt()
        };
        spread(&self.0) / spread(&ARCFACE_TEMPLATE) * CHIP_SIDE / CHIP_PER_BOX
    }

    /// How far the head is turned sideways: the distance of the nose from the line through the middles of eyes and
    /// mouth, as a share of the distance between the two. About 0 from the front, 0.2 at 30°.
    pub fn turn(&self) -> f32 {
        let [eyes, mouth] = self.middles();
        let [down, to_nose] = [mouth, self.0[2]].map(|point| [point[0] - eyes[0], point[1] - eyes[1]]);
        let length = down[0].hypot(down[1]).max(f32::MIN_POSITIVE);
        (down[0] * to_nose[1] - down[1] * to_nose[0]).abs() / length.powi(2)
    }

    /// The points between the eyes and between the corners of the mouth.
    pub(crate) fn middles(&self) -> [[f32; 2]; 2] {
        let [left, right, _, mouth_left, mouth_right] = self.0;
        let middle = |a: [f32; 2], b: [f32; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
        [middle(left, right), middle(mouth_left, mouth_right)]
    }

    /// Mean distance of corresponding points.
    pub fn mean_distance(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).sum::<f32>() / 5.0
    }

    /// Whether every coordinate is finite.
    pub fn is_finite(&self) -> bool {
        self.0.iter().flatten().all(|v| v.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_turned_by_where_its_nose_is_whatever_its_roll() {
        let front = Landmarks(ARCFACE_TEMPLATE);
        assert!(front.turn() < 0.03, "{}", front.turn());
        let mut aside = front;
        aside.0[2][0] += 8.0;
        let turned = aside.turn();
        assert!((0.18..0.25).contains(&turned), "{turned}");
        let (sin, cos) = 1.1f32.sin_cos();
        let rolled = aside.map(|[x, y]| [2.0 * (cos * x - sin * y), 2.0 * (sin * x + cos * y)]);
        assert!((rolled.turn() - turned).abs() < 1e-4, "{}", rolled.turn());
    }
}
