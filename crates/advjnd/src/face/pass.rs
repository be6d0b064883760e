// SPDX-License-Identifier: MIT OR Apache-2.0
//! One pass of YuNet over a picture, with its anchors decoded into faces.
//!
//! Scores are √(classification · objectness). Of overlapping boxes the weaker is dropped, as in the reference program
//! of the model's authors (OpenCV's FaceDetectorYN), unless its landmarks lie elsewhere: then it is another person's
//! face.

use super::{BBox, Detection, Landmarks};
use crate::error::{Error, Result};
use crate::frame::{FrameMut, Rect, Resampling, Thumbnail};
use crate::net::graph::Graph;
use crate::net::{Backend, DetectorNet, STRIDES};

/// Overlap (intersection over union) above which the weaker of two boxes is dropped.
pub const IOU_THRESHOLD: f32 = 0.3;
/// Two overlapping boxes are two faces if their landmarks differ by at least this on average, in sizes of the larger
/// box.
const FACES_APART: f32 = 0.3;
/// Two faces overlap by at most this, and the weaker has at least this score.
const FACES_OVERLAP: f32 = 0.65;
const FACES_SCORE: f32 = 0.5;
/// Largest natural logarithm of a box's side in strides; larger values are clamped.
const MAX_LOG_SIZE: f32 = 6.0;

/// The network with its input picture.
pub(super) struct Pass {
    net: DetectorNet,
    pub(super) thumbnail: Thumbnail,
}

impl Pass {
    pub(super) fn new(graph: &Graph, backend: &Backend) -> Self {
        Self { net: DetectorNet::new(graph.clone(), backend.clone()), thumbnail: Thumbnail::default() }
    }

    /// The faces in `window` of the frame reduced (or enlarged) by `scale`, in pixels of the frame.
    pub(super) fn detect(
        &mut self,
        frame: &FrameMut<'_>,
        scale: f32,
        window: Rect,
        resampling: Resampling,
        score_threshold: f32,
    ) -> Result<Vec<Detection>> {
        self.read(frame, scale, window, resampling);
        let size = scaled_size(frame, scale);
        let mut faces = self.run(window.width, window.height, score_threshold)?;
        let zoom = [frame.width() as f32 / size[0] as f32, frame.height() as f32 / size[1] as f32];
        let origin = [window.x as f32, window.y as f32];
        let in_frame =
            |[x, y]: [f32; 2]| [(x + origin[0] + 0.5) * zoom[0] - 0.5, (y + origin[1] + 0.5) * zoom[1] - 0.5];
        for face in &mut faces {
            let b = face.bbox;
            let [x, y] = in_frame([b.x, b.y]);
            face.bbox = BBox { x, y, width: b.width * zoom[0], height: b.height * zoom[1] };
            face.landmarks = face.landmarks.map(in_frame);
        }
        Ok(faces)
    }

    /// Reads `window` of the frame reduced (or enlarged) by `scale`, and stretches its contrast if it is low.
    pub(super) fn read(&mut self, frame: &FrameMut<'_>, scale: f32, window: Rect, resampling: Resampling) {
        let size = scaled_size(frame, scale);
        self.thumbnail.read(frame, (size[0], size[1]), window, resampling);
        self.thumbnail.stretch();
    }

    /// The faces in the picture last read, `width`×`height`, in its own pixels, best first.
    pub(super) fn run(&mut self, width: usize, height: usize, score_threshold: f32) -> Result<Vec<Detection>> {
        self.net.forward(&self.thumbnail.bgr, height, width)?;
        let mut faces = Vec::new();
        for (level, &stride) in STRIDES.iter().enumerate() {
            self.decode(level, stride as f32, width / stride, score_threshold, &mut faces)?;
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
            if landmarks.is_finite() && bbox.is_finite() {
                faces.push(Detection::new(bbox, landmarks, score));
            }
        }
        Ok(())
    }
}

/// Width and height of a frame at a scale.
pub(super) fn scaled_size(frame: &FrameMut<'_>, scale: f32) -> [usize; 2] {
    [frame.width(), frame.height()].map(|side| ((side as f32 * scale).round() as usize).max(1))
}

/// Greedy non-maximum suppression, best score first.
pub(super) fn suppress(mut faces: Vec<Detection>) -> Vec<Detection> {
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for face in faces {
        if kept.iter().all(|other| other.bbox.iou(&face.bbox) <= IOU_THRESHOLD || other.is_beside(&face)) {
            kept.push(face);
        }
    }
    kept
}

impl Detection {
    /// Whether `weaker` is the face of another person, though the boxes overlap.
    pub(super) fn is_beside(&self, weaker: &Self) -> bool {
        let size = self.bbox.size().max(weaker.bbox.size());
        let apart = self.landmarks.mean_distance(&weaker.landmarks);
        weaker.score >= FACES_SCORE && self.bbox.iou(&weaker.bbox) <= FACES_OVERLAP && apart >= FACES_APART * size
    }
}
