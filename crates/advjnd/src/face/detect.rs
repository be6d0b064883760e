// SPDX-License-Identifier: MIT OR Apache-2.0
//! Detection of faces in frames with YuNet.
//!
//! The network sees the frame at a scale at which the smallest face wanted still has [`MIN_FACE_AT_NETWORK`] pixels.
//! The frame is never enlarged, and never reduced below [`LONG_SIDE_AT_NETWORK`] pixels on its longer side. Scores are
//! √(classification · objectness); overlapping boxes are removed greedily (IoU above 0.3), as in the reference program
//! of the model's authors (OpenCV's FaceDetectorYN).
//!
//! Small faces get a second look at the scale that face pipelines commonly use: a longer side of exactly
//! [`LONG_SIDE_AT_NETWORK`], resized without a filter. At different scales, landmarks differ by up to a sixth of a face
//! in profile, and a recogniser in such a pipeline aligns by those.
//!
//! Where faces are given by the caller or known from the last frame, the network sees only a window around each.

use super::pass::{IOU_THRESHOLD, Pass, scaled_size, suppress};
use super::{BBox, Landmarks};
use crate::error::{Error, Result};
use crate::frame::{FrameMut, Rect, Resampling, Thumbnail};
use crate::net::graph::Graph;
use crate::net::{Backend, BlazeFaceNet};

/// Smallest side of a face, pixels of the network's input, at which YuNet (trained on WIDER FACE) is reliable.
pub const MIN_FACE_AT_NETWORK: f32 = 12.0;
/// Longer side of the network's input that face pipelines commonly choose; a frame up to this size is not reduced.
pub const LONG_SIDE_AT_NETWORK: f32 = 640.0;
/// Largest factor by which the second look enlarges a small frame towards that side.
pub const MAX_ENLARGEMENT: f32 = 2.0;
/// Two scales that differ by a smaller factor count as the same.
pub(super) const SCALES_APART: f32 = 1.1;
/// Faces up to this size at the network, at both scales, get a second look: landmarks of larger ones hardly differ.
pub(super) const SMALL_FACE: f32 = 144.0;
/// Side of the window around such a face.
pub(super) const WINDOW: usize = 224;
/// Score from which the second look accepts a face that is already known.
const SECOND_LOOK_SCORE: f32 = 0.3;
/// A face at a known place is shown to the network with at least this many pixels.
const LEAST_NEAR_FACE: f32 = 24.0;
/// Such a face gets at most this many pixels, so that the window holds the face and its surroundings.
const MOST_NEAR_FACE: f32 = 176.0;
/// Largest change, pixels of the network's input, for which a window around it holds any face that it may be part of.
const CHANGE_AT_NETWORK: f32 = 64.0;
/// Given landmarks must lie in their box, enlarged by this factor; others are ignored.
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
    /// Landmarks of other looks at the face: at the common scale, from two close looks at a head turned to the side,
    /// and as a pipeline that does not turn a tilted head upright has them.
    pub other_looks: [Option<Landmarks>; 4],
    /// Score, 0..=1.
    pub score: f32,
    /// Whether the landmarks were detected; if not, they are a guess and of no use for alignment.
    pub aligned: bool,
    /// Whether a close look of this frame confirmed the landmarks.
    pub confirmed: bool,
    /// Whether the landmarks come from a close look because the original ones were wrong.
    pub close: bool,
}

impl Detection {
    /// A detection that was not looked at more closely.
    pub fn new(bbox: BBox, landmarks: Landmarks, score: f32) -> Self {
        Self { bbox, landmarks, other_looks: [None; 4], score, aligned: true, confirmed: false, close: false }
    }

    /// A detection without landmarks: the face will be covered.
    pub fn unaligned(bbox: BBox, score: f32) -> Self {
        Self { aligned: false, ..Self::new(bbox, Landmarks::guess(&bbox), score) }
    }
}

/// A face that the caller gives, in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GivenFace {
    /// Box.
    pub bbox: BBox,
    /// Landmarks, if they came with it.
    pub landmarks: Option<Landmarks>,
}

/// The second detector with its input picture.
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
    /// The frame as read, before it is turned.
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

    /// Adds a second detector of another family for [`ExtraPass::Second`](super::ExtraPass::Second): the graph of a
    /// [`BlazeFaceNet`].
    #[must_use]
    pub fn with_second(mut self, graph: Option<&Graph>, backend: &Backend) -> Self {
        self.second = graph.map(|graph| SecondPass {
            net: BlazeFaceNet::new(graph.clone(), backend.clone()),
            thumbnail: Thumbnail::default(),
        });
        self
    }

    /// The faces of a frame with a score of at least `score_threshold`, best first; faces of `min_face_size` pixels or
    /// more are found.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if the network's scores are not numbers; other errors of the network.
    pub fn detect(&mut self, frame: &FrameMut<'_>, min_face_size: u32, score_threshold: f32) -> Result<Vec<Detection>> {
        let long_side = frame.long_side() as f32;
        let scale = network_scale(long_side, min_face_size as f32);
        let size = scaled_size(frame, scale).map(|side| side.next_multiple_of(SIZE_MULTIPLE));
        let window = Rect { x: 0, y: 0, width: size[0], height: size[1] };
        let mut faces = self.whole.detect(frame, scale, window, Resampling::Average, score_threshold)?;
        self.look_twice(frame, scale, &mut faces)?;
        Ok(faces)
    }

    /// As [`detect`](Self::detect). If that used a finer scale, it also adds faces that show only in the frame reduced
    /// to a long side of [`LONG_SIDE_AT_NETWORK`].
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

    /// The faces with a score of at least `score_threshold` and a centre in one of `places`, best first. The network
    /// sees only a window around each place.
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

    /// The largest place for [`detect_around`](Self::detect_around), in pixels of the frame.
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

    /// The `given` faces as detections, without those that have no pixel in the frame. Landmarks that are missing or
    /// lie outside their box are searched in the box. If none are found, the detection is not
    /// [`aligned`](Detection::aligned).
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
            // Landmarks outside the box are not those of the face.
            let around = bbox.scaled(LANDMARKS_AROUND);
            if let Some(landmarks) = landmarks.filter(|set| set.0.iter().all(|point| around.contains(*point))) {
                faces.push(Detection::new(*bbox, landmarks, 1.0));
                continue;
            }
            let inside = self.detect_near(frame, std::slice::from_ref(bbox), 1, score_threshold)?;
            if inside.is_empty() {
                faces.push(Detection::unaligned(*bbox, 1.0));
            }
            // The first is the face that was meant; if it must be covered, its whole box is.
            faces.extend(inside.iter().enumerate().map(|(index, face)| match index {
                0 => Detection { bbox: bbox.union(&face.bbox), score: 1.0, ..*face },
                _ => *face,
            }));
        }
        Ok(faces)
    }

    /// Takes the second look at the small ones of `faces`, which were seen at `scale`.
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

/// The window around a place in the frame at `scale`, on the same grid of anchors as a look at the whole frame.
fn window_around(place: &BBox, scale: f32) -> Rect {
    let start = |center: f32| {
        let first = (center * scale - WINDOW as f32 / 2.0) / SIZE_MULTIPLE as f32;
        first.round().max(0.0) as usize * SIZE_MULTIPLE
    };
    let [x, y] = place.center().map(start);
    Rect { x, y, width: WINDOW, height: WINDOW }
}

/// Scale from the frame to a picture of [`LONG_SIDE_AT_NETWORK`].
pub(super) fn common_scale(long_side: f32) -> f32 {
    (LONG_SIDE_AT_NETWORK / long_side).min(MAX_ENLARGEMENT)
}

/// Scale from the frame to the network's input.
pub(super) fn network_scale(long_side: f32, min_face_size: f32) -> f32 {
    (MIN_FACE_AT_NETWORK / min_face_size.max(1.0)).max(LONG_SIDE_AT_NETWORK / long_side).min(1.0)
}
