//! YuNet's anchors decoded into faces.
//!
//! The frame is shown to the network at a scale at which the smallest face wanted still has [`MIN_FACE_AT_NETWORK`]
//! pixels, never enlarged, and never reduced below [`LONG_SIDE_AT_NETWORK`] pixels on its longer side. Scores are
//! √(classification · objectness); overlapping boxes are removed greedily (IoU above [`IOU_THRESHOLD`]), as in the
//! reference program of the model's authors (OpenCV's FaceDetectorYN).

use super::{BBox, Landmarks};
use crate::error::{Error, Result};
use crate::frame::{FrameMut, Thumbnail};
use crate::net::{DetectorNet, STRIDES};

/// Least side of a face, pixels of the network's input, at which YuNet (trained on WIDER FACE) is dependable.
pub const MIN_FACE_AT_NETWORK: f32 = 12.0;
/// Longer side of the network's input up to which a frame is not reduced: smaller ones cost little.
pub const LONG_SIDE_AT_NETWORK: f32 = 640.0;
/// Overlap above which the weaker of two boxes is dropped.
pub const IOU_THRESHOLD: f32 = 0.3;
/// The network's input sides are multiples of this.
const SIZE_MULTIPLE: usize = 32;
/// A box wider than this many strides e-folds is no box.
const MAX_LOG_SIZE: f32 = 6.0;

/// One face found in one frame, in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Box.
    pub bbox: BBox,
    /// Landmarks.
    pub landmarks: Landmarks,
    /// 0..=1.
    pub score: f32,
}

/// Finds faces in frames of any size.
pub struct Detector {
    net: DetectorNet,
    thumbnail: Thumbnail,
}

impl Detector {
    /// A detector over a loaded network.
    pub fn new(net: DetectorNet) -> Self {
        Self { net, thumbnail: Thumbnail::default() }
    }

    /// The faces of a frame with at least `score_threshold`, best first; faces from `min_face_size` pixels up are found.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the network's scores are not numbers; otherwise what the network reports.
    pub fn detect(&mut self, frame: &FrameMut<'_>, min_face_size: u32, score_threshold: f32) -> Result<Vec<Detection>> {
        let (width, height) = (frame.width() as f32, frame.height() as f32);
        let scale = network_scale(width.max(height), min_face_size as f32);
        let side = |size: f32| ((size * scale).round() as usize).max(1);
        let (small_width, small_height) = (side(width), side(height));
        self.thumbnail.read(frame, small_width, small_height, SIZE_MULTIPLE);
        let (padded_width, padded_height) = (self.thumbnail.padded_width, self.thumbnail.padded_height);
        self.net.forward(&self.thumbnail.bgr, padded_height, padded_width)?;
        let mut faces = Vec::new();
        for (level, &stride) in STRIDES.iter().enumerate() {
            self.decode(level, stride as f32, padded_width / stride, score_threshold, &mut faces)?;
        }
        let (zoom_x, zoom_y) = (width / small_width as f32, height / small_height as f32);
        for face in &mut faces {
            let b = face.bbox;
            let (x, y) = ((b.x + 0.5) * zoom_x - 0.5, (b.y + 0.5) * zoom_y - 0.5);
            face.bbox = BBox { x, y, width: b.width * zoom_x, height: b.height * zoom_y };
            face.landmarks = face.landmarks.map(|[x, y]| [(x + 0.5) * zoom_x - 0.5, (y + 0.5) * zoom_y - 0.5]);
        }
        Ok(suppress(faces))
    }

    fn decode(
        &self,
        level: usize,
        stride: f32,
        columns: usize,
        score_threshold: f32,
        faces: &mut Vec<Detection>,
    ) -> Result<()> {
        let (cls, obj) = (self.net.cls(level), self.net.obj(level));
        let (boxes, points) = (self.net.bbox(level), self.net.kps(level));
        for (anchor, (cls, obj)) in cls.iter().zip(obj).enumerate() {
            let product = cls.clamp(0.0, 1.0) * obj.clamp(0.0, 1.0);
            if product.is_nan() {
                return Err(Error::NotFinite { stage: "the face detector" });
            }
            let score = product.sqrt();
            if score < score_threshold {
                continue;
            }
            let (column, row) = ((anchor % columns) as f32, (anchor / columns) as f32);
            let [dx, dy, log_width, log_height] = [0, 1, 2, 3].map(|i| boxes[4 * anchor + i]);
            let side = |log: f32| log.min(MAX_LOG_SIZE).exp() * stride;
            let (width, height) = (side(log_width), side(log_height));
            let bbox =
                BBox { x: (column + dx) * stride - width / 2.0, y: (row + dy) * stride - height / 2.0, width, height };
            let point = |i: usize| {
                [(points[10 * anchor + 2 * i] + column) * stride, (points[10 * anchor + 2 * i + 1] + row) * stride]
            };
            let landmarks = Landmarks([0, 1, 2, 3, 4].map(point));
            if landmarks.is_finite() && [bbox.x, bbox.y, width, height].iter().all(|v| v.is_finite()) {
                faces.push(Detection { bbox, landmarks, score });
            }
        }
        Ok(())
    }
}

/// Pixels of the network's input per pixel of the frame.
fn network_scale(long_side: f32, min_face_size: f32) -> f32 {
    (MIN_FACE_AT_NETWORK / min_face_size.max(1.0)).max(LONG_SIDE_AT_NETWORK / long_side).min(1.0)
}

/// Greedy non-maximum suppression, best score first.
fn suppress(mut faces: Vec<Detection>) -> Vec<Detection> {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for face in faces {
        if kept.iter().all(|other| other.bbox.iou(&face.bbox) <= IOU_THRESHOLD) {
            kept.push(face);
        }
    }
    kept
}
