// SPDX-License-Identifier: MIT OR Apache-2.0
//! YuNet's anchors decoded into faces.
//!
//! The frame is shown to the network at a scale at which the smallest face wanted still has [`MIN_FACE_AT_NETWORK`]
//! pixels, never enlarged, and never reduced below [`LONG_SIDE_AT_NETWORK`] pixels on its longer side. Scores are
//! √(classification · objectness); overlapping boxes are removed greedily (IoU above 0.3), as in the
//! reference program of the model's authors (OpenCV's FaceDetectorYN).
//!
//! Small faces get a second look as face pipelines commonly have it, at a longer side of [`LONG_SIDE_AT_NETWORK`]
//! exactly, resized without a filter: where the two scales differ, so do the landmarks, by up to a sixth of a face in
//! profile, and a recogniser fed by such a pipeline sees the face by those.
//!
//! Where faces are known to be, by somebody else or from the frame before, the network looks at a window around each.

use super::pass::{IOU_THRESHOLD, Pass, scaled_size, suppress};
use super::{BBox, Landmarks};
use crate::error::{Error, Result};
use crate::frame::{FrameMut, Rect, Resampling, Thumbnail};
use crate::net::graph::Graph;
use crate::net::{Backend, BlazeFaceNet};

/// Least side of a face, pixels of the network's input, at which YuNet (trained on WIDER FACE) is dependable.
pub const MIN_FACE_AT_NETWORK: f32 = 12.0;
/// Longer side of the network's input that face pipelines commonly choose; up to this a frame is not reduced.
pub const LONG_SIDE_AT_NETWORK: f32 = 640.0;
/// A small frame is enlarged to that side for the second look, at most by this.
pub const MAX_ENLARGEMENT: f32 = 2.0;
/// Two scales that differ by a smaller factor see the same.
pub(super) const SCALES_APART: f32 = 1.1;
/// Faces up to this size at the network, at either scale, are looked at twice: landmarks of larger ones hardly differ.
pub(super) const SMALL_FACE: f32 = 144.0;
/// Side of the window around such a face.
pub(super) const WINDOW: usize = 224;
/// Score from which the second look believes a face that is already known.
const SECOND_LOOK_SCORE: f32 = 0.3;
/// A face whose place is known is looked at with at least so many pixels,
const LEAST_NEAR_FACE: f32 = 24.0;
/// and at most with so many, so that the window holds it and what is around.
const MOST_NEAR_FACE: f32 = 176.0;
/// A change up to this size, pixels of the network's input, has any face of which it may be a part in the window around
/// it.
const CHANGE_AT_NETWORK: f32 = 64.0;
/// Landmarks that come with a box lie in it, enlarged by so much; others are not believed.
const LANDMARKS_AROUND: f32 = 1.3;
/// The network's input sides are multiples of this.
pub(super) const SIZE_MULTIPLE: usize = 32;

/// One face found in one frame, in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Box.
    pub bbox: BBox,
    /// Landmarks.
    pub landmarks: Landmarks,
    /// Landmarks of further looks that found the face, too: at the common scale, two close ones at a head turned to the
    /// side, and that of whoever does not turn a tilted head upright.
    pub other_looks: [Option<Landmarks>; 4],
    /// 0..=1.
    pub score: f32,
    /// Whether anybody saw the landmarks; if not, they are a guess, which nothing can be aligned by.
    pub aligned: bool,
    /// Whether a close look of this frame confirmed the landmarks.
    pub confirmed: bool,
    /// Whether the landmarks are those of a close look, for others were wrong.
    pub close: bool,
}

impl Detection {
    /// A detection that was not looked at more closely.
    pub fn new(bbox: BBox, landmarks: Landmarks, score: f32) -> Self {
        Self { bbox, landmarks, other_looks: [None; 4], score, aligned: true, confirmed: false, close: false }
    }

    /// A detection whose landmarks nobody can tell: nothing can be shown of the face.
    pub fn unaligned(bbox: BBox, score: f32) -> Self {
        Self { aligned: false, ..Self::new(bbox, Landmarks::guess(&bbox), score) }
    }
}

/// A face that somebody else found, in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GivenFace {
    /// Box.
    pub bbox: BBox,
    /// Landmarks, if they came with it.
    pub landmarks: Option<Landmarks>,
}

/// The second detector with the picture it looks at.
pub(super) struct SecondPass {
    pub(super) net: BlazeFaceNet,
    pub(super) thumbnail: Thumbnail,
}

/// Finds faces in frames of any size.
pub struct Detector {
    pub(super) whole: Pass,
    pub(super) near: Pass,
    /// The frame at a long side of [`LONG_SIDE_AT_NETWORK`], a large one reduced, a small one enlarged.
    pub(super) common: Pass,
    pub(super) sideways: Pass,
    pub(super) diagonal: Pass,
    pub(super) second: Option<SecondPass>,
    /// What is read of the frame, before it is turned.
    pub(super) upright: Vec<f32>,
}

impl Detector {
    /// A detector over the graph of a [`DetectorNet`](crate::net::DetectorNet), run by `backend`.
    pub fn new(graph: &Graph, backend: &Backend) -> Self {
        let pass = || Pass::new(graph, backend);
        Self {
            whole: pass(),
            near: pass(),
            common: pass(),
            sideways: pass(),
            diagonal: pass(),
            second: None,
            upright: Vec::new(),
        }
    }

    /// As it is, with a second detector of another family for [`ExtraPass::Second`](super::ExtraPass::Second), the
    /// graph of a [`BlazeFaceNet`].
    #[must_use]
    pub fn with_second(mut self, graph: Option<&Graph>, backend: &Backend) -> Self {
        self.second = graph.map(|graph| SecondPass {
            net: BlazeFaceNet::new(graph.clone(), backend.clone()),
            thumbnail: Thumbnail::default(),
        });
        self
    }

    /// The faces of a frame with at least `score_threshold`, best first; faces from `min_face_size` pixels up are
    /// found.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the network's scores are not numbers; otherwise what the network reports.
    pub fn detect(&mut self, frame: &FrameMut<'_>, min_face_size: u32, score_threshold: f32) -> Result<Vec<Detection>> {
        let long_side = frame.long_side() as f32;
        let scale = network_scale(long_side, min_face_size as f32);
        let size = scaled_size(frame, scale).map(|side| side.next_multiple_of(SIZE_MULTIPLE));
        let window = Rect { x: 0, y: 0, width: size[0], height: size[1] };
        let mut faces = self.whole.detect(frame, scale, window, Resampling::Average, score_threshold)?;
        self.look_twice(frame, scale, &mut faces)?;
        Ok(faces)
    }

    /// As [`detect`](Self::detect), and large faces as the frame reduced to a long side of [`LONG_SIDE_AT_NETWORK`]
    /// shows them, where the network saw more of it.
    ///
    /// # Errors
    /// As [`detect`](Self::detect).
    pub fn detect_at_two_scales(
        &mut self,
        frame: &FrameMut<'_>,
        min_face_size: u32,
        score_threshold: f32,
    ) -> Result<Vec<Detection>> {
        let long_side = frame.long_side() as f32;
        let mut faces = self.detect(frame, min_face_size, score_threshold)?;
        let common = network_scale(long_side, f32::INFINITY);
        if network_scale(long_side, min_face_size as f32) > SCALES_APART * common {
            let [width, height] = scaled_size(frame, common).map(|side| side.next_multiple_of(SIZE_MULTIPLE));
            let window = Rect { x: 0, y: 0, width, height };
            let seen = self.common.detect(frame, common, window, Resampling::Average, score_threshold)?;
            let new = |face: &Detection| faces.iter().all(|other| !other.bbox.overlaps(&face.bbox));
            let new: Vec<Detection> = seen.into_iter().filter(new).collect();
            faces.extend(new);
        }
        Ok(faces)
    }

    /// The faces with at least `score_threshold` whose centres lie in one of `places`, best first, as the network sees
    /// them in a window around each place.
    ///
    /// # Errors
    /// As [`detect`](Self::detect).
    pub fn detect_near(
        &mut self,
        frame: &FrameMut<'_>,
        places: &[BBox],
        min_face_size: u32,
        score_threshold: f32,
    ) -> Result<Vec<Detection>> {
        let long_side = frame.long_side() as f32;
        let mut faces = Vec::new();
        for place in places {
            let size = place.size().max(1.0);
            let scale = network_scale(long_side, min_face_size as f32).max(LEAST_NEAR_FACE / size);
            let scale = scale.min(MOST_NEAR_FACE / size).min(1.0);
            let window = window_around(place, scale);
            let mut seen = self.near.detect(frame, scale, window, Resampling::Average, score_threshold)?;
            seen.retain(|face| place.contains(face.bbox.center()));
            self.look_twice(frame, scale, &mut seen)?;
            faces.extend(seen);
        }
        Ok(suppress(faces))
    }

    /// The largest place, in pixels of the frame, that [`detect_around`](Self::detect_around) looks at.
    pub fn reach(frame: &FrameMut<'_>, min_face_size: u32) -> f32 {
        CHANGE_AT_NETWORK / network_scale(frame.long_side() as f32, min_face_size as f32)
    }

    /// The faces that [`detect`](Self::detect) would find in and near `places`, best first.
    ///
    /// # Errors
    /// As [`detect`](Self::detect).
    pub fn detect_around(
        &mut self,
        frame: &FrameMut<'_>,
        places: &[BBox],
        min_face_size: u32,
        score_threshold: f32,
    ) -> Result<Vec<Detection>> {
        let scale = network_scale(frame.long_side() as f32, min_face_size as f32);
        let mut faces = Vec::new();
        for place in places {
            let window = window_around(place, scale);
            faces.extend(self.near.detect(frame, scale, window, Resampling::Average, score_threshold)?);
        }
        let mut faces = suppress(faces);
        self.look_twice(frame, scale, &mut faces)?;
        Ok(faces)
    }

    /// Faces that somebody else found, as detections. Those without a pixel in the frame are left out. Landmarks that
    /// did not come with a face, or lie elsewhere, are looked for in its box; where none are found, the detection is
    /// not [`aligned`](Detection::aligned).
    ///
    /// # Errors
    /// [`Error::Input`] for a box or landmarks that are not finite, and as [`detect`](Self::detect).
    pub fn adopt(&mut self, frame: &FrameMut<'_>, given: &[GivenFace], score_threshold: f32) -> Result<Vec<Detection>> {
        let mut faces: Vec<Detection> = Vec::new();
        for GivenFace { bbox, landmarks } in given {
            if !bbox.is_finite() || landmarks.is_some_and(|landmarks| !landmarks.is_finite()) {
                return Err(Error::input(format!(
                    "a face was given at {bbox:?}, which is no place: leave it out, or let the detector find it"
                )));
            }
            if bbox.in_frame(frame).is_empty() {
                continue;
            }
            // Nothing could be said of a face by landmarks that are not its own.
            let around = bbox.scaled(LANDMARKS_AROUND);
            if let Some(landmarks) = landmarks.filter(|set| set.0.iter().all(|point| around.contains(*point))) {
                faces.push(Detection::new(*bbox, landmarks, 1.0));
                continue;
            }
            let inside = self.detect_near(frame, std::slice::from_ref(bbox), 1, score_threshold)?;
            if inside.is_empty() {
                faces.push(Detection::unaligned(*bbox, 1.0));
            }
            // The first is the face that was meant: all of its box is covered if it must be.
            faces.extend(inside.iter().enumerate().map(|(index, face)| match index {
                0 => Detection { bbox: bbox.union(&face.bbox), score: 1.0, ..*face },
                _ => *face,
            }));
        }
        Ok(faces)
    }

    /// The second look at those of `faces` that are small; they were seen at `scale`.
    fn look_twice(&mut self, frame: &FrameMut<'_>, scale: f32, faces: &mut [Detection]) -> Result<()> {
        let long_side = frame.long_side() as f32;
        let common = common_scale(long_side);
        if common.max(scale) > SCALES_APART * common.min(scale) {
            for face in faces {
                if face.bbox.size() * common.max(scale) <= SMALL_FACE {
                    self.look_again(frame, common, face)?;
                }
            }
        }
        Ok(())
    }

    fn look_again(&mut self, frame: &FrameMut<'_>, scale: f32, face: &mut Detection) -> Result<()> {
        let window = window_around(&face.bbox, scale);
        let seen = self.near.detect(frame, scale, window, Resampling::Linear, SECOND_LOOK_SCORE)?;
        let overlap = |other: &Detection| other.bbox.iou(&face.bbox);
        let nearest = seen.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b)));
        face.other_looks[0] = nearest.filter(|other| overlap(other) > IOU_THRESHOLD).map(|other| other.landmarks);
        Ok(())
    }
}

/// The window around a place in the frame at `scale`: on the same grid of anchors as if the whole frame were looked at.
fn window_around(place: &BBox, scale: f32) -> Rect {
    let start = |center: f32| {
        let first = (center * scale - WINDOW as f32 / 2.0) / SIZE_MULTIPLE as f32;
        first.round().max(0.0) as usize * SIZE_MULTIPLE
    };
    let [x, y] = place.center().map(start);
    Rect { x, y, width: WINDOW, height: WINDOW }
}

/// Pixels per pixel of the frame in a picture of [`LONG_SIDE_AT_NETWORK`].
pub(super) fn common_scale(long_side: f32) -> f32 {
    (LONG_SIDE_AT_NETWORK / long_side).min(MAX_ENLARGEMENT)
}

/// Pixels of the network's input per pixel of the frame.
pub(super) fn network_scale(long_side: f32, min_face_size: f32) -> f32 {
    (MIN_FACE_AT_NETWORK / min_face_size.max(1.0)).max(LONG_SIDE_AT_NETWORK / long_side).min(1.0)
}
