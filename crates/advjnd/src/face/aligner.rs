// SPDX-License-Identifier: MIT OR Apache-2.0
//! Landmarks of a face at any roll, by close looks in several turns.
//!
//! YuNet finds faces of about 50 pixels or more at any roll, but its landmarks are those of an upright head: up to half
//! a face off, so that a chip aligned by them matches nobody. They are right to about 5 % of the face only if the face
//! is turned upright and fills the window (ten people, 24 to 180 pixels, every 15°; DESIGN.md). So a new face is looked
//! at in eight turns, and then again from the best one, turned by the roll of its landmarks, until two looks agree.

use super::close_up::{CloseUp, WINDOW};
use super::pass::Pass;
use super::{BBox, Detection, Landmarks, SimilarityTransform};
use crate::error::Result;
use crate::frame::FrameMut;
use crate::net::Backend;
use crate::net::graph::Graph;

/// Turns within a quarter circle; a new face is looked at in each, in all four quarters.
const TURNS: usize = 2;
/// Size of the face in the window, pixels: here the landmarks' roll is right to 2°; at 100 pixels, to 9°.
const FACE: f32 = 160.0;
/// Two looks agree if no landmark moves by more than this share of the face.
const AGREE: f32 = 0.08;
/// Largest number of looks after the best turn.
const REFINEMENTS: usize = 4;
/// Score from which agreeing looks confirm a face, and from which a single look sees one.
const CLOSE_SCORE: f32 = 0.5;
const LOOK_SCORE: f32 = 0.3;
/// Sizes in the window, pixels, at which to look for a suspected face: a blurred face looks like one only if it is
/// small.
const SUSPECT_SIZES: [f32; 4] = [48.0, 64.0, 32.0, 100.0];
/// Score from which such a look counts, and at how many sizes one must. Of 40 faces in pictures and clips that nothing
/// else finds, this finds 23, and 17 of 149 other things, most of them unmarked heads.
const SUSPECT_SCORE: f32 = 0.55;
const SUSPECTED: usize = 2;
/// A face in the window lies within this share of its size from its expected place, and differs from the expected size
/// by at most this factor.
const CENTER_REACH: f32 = 0.6;
const SIZE_RATIO: f32 = 2.0;

/// Where a face is thought to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Centre of the box, pixels of the frame.
    pub center: [f32; 2],
    /// Geometric mean of the box's sides, pixels of the frame.
    pub size: f32,
    /// Angle by which the head is turned clockwise in the picture, radians.
    pub roll: f32,
}

impl Pose {
    /// The pose of a box with a given roll.
    pub fn of(bbox: &BBox, roll: f32) -> Self {
        Self { center: bbox.center(), size: bbox.size().max(1.0), roll }
    }
}

impl Pose {
    /// The pose of a detection by its box, or by its landmarks if the box is far larger (as boxes from callers may be).
    pub fn of_face(face: &Detection) -> Self {
        if !face.aligned {
            return Self::of(&face.bbox, 0.0);
        }
        let pose = Self::of(&face.bbox, face.landmarks.roll());
        let size = face.landmarks.face_size();
        if pose.size <= LARGE_BOX * size {
            return pose;
        }
        let mean = |axis: usize| face.landmarks.0.iter().map(|point| point[axis]).sum::<f32>() / 5.0;
        Self { center: [mean(0), mean(1)], size, ..pose }
    }

    /// Window pixels per frame pixel if the face has `face` pixels in the window.
    fn scale(&self, face: f32) -> f32 {
        face / self.size.max(1.0)
    }

    /// A square box of its size.
    pub fn bbox(&self) -> BBox {
        let [x, y] = self.center.map(|at| at - self.size / 2.0);
        BBox { x, y, width: self.size, height: self.size }
    }
}

/// A box larger than the landmarks' face by this factor is not the face's own.
const LARGE_BOX: f32 = 1.6;
/// Least overlap of an aligned face with the place where the looks began: consecutive looks may drift to another face.
const LEAST_OVERLAP: f32 = 0.2;

/// Makes close looks at faces.
pub struct Aligner {
    pass: Pass,
    close_up: CloseUp,
}

impl Aligner {
    /// An aligner over the graph of a [`DetectorNet`](crate::net::DetectorNet), run by `backend`.
    pub fn new(graph: &Graph, backend: &Backend) -> Self {
        Self { pass: Pass::new(graph, backend), close_up: CloseUp::default() }
    }

    /// The face at `pose`, with landmarks from looks that agree; `None` if there is no face or no two looks agree.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) if the network's scores are not numbers.
    pub fn align(&mut self, frame: &FrameMut<'_>, pose: Pose) -> Result<Option<Detection>> {
        let (start, mut best) = (pose.bbox(), None::<Detection>);
        if !self.close_up.read(frame, pose.center, pose.scale(FACE)) {
            return Ok(None);
        }
        for turn in 0..TURNS {
            self.close_up.turn(pose.roll + turn as f32 * std::f32::consts::FRAC_PI_2 / TURNS as f32);
            for quarters in 0..4 {
                let seen = self.see(quarters, FACE, false)?;
                if let Some(seen) = seen.filter(|seen| best.is_none_or(|best| seen.score > best.score)) {
                    best = Some(seen);
                }
            }
        }
        let Some(mut face) = best else { return Ok(None) };
        for _ in 0..REFINEMENTS {
            let pose = Pose::of(&face.bbox, face.landmarks.roll());
            let Some(next) = self.look(frame, pose, FACE)? else { return Ok(None) };
            let agree = next.landmarks.distance(&face.landmarks) <= AGREE * next.bbox.size();
            face = next;
            if agree {
                let stayed = face.bbox.iou(&start) >= LEAST_OVERLAP;
                return Ok(Some(face).filter(|face| stayed && face.score >= CLOSE_SCORE));
            }
        }
        Ok(None)
    }

    /// Looks for a face at `pose` that cannot be aligned, because it is partly hidden, dark or out of focus. Looks at
    /// four sizes, plain and mirrored; at two sizes it must see a face. Returns the box of the clearest.
    ///
    /// # Errors
    /// As [`align`](Self::align).
    pub fn suspect(&mut self, frame: &FrameMut<'_>, pose: Pose) -> Result<Option<BBox>> {
        let (mut believers, mut best) = (0, None::<Detection>);
        for (index, size) in SUSPECT_SIZES.into_iter().enumerate() {
            if !self.close_up.read(frame, pose.center, pose.scale(size)) {
                return Ok(None);
            }
            self.close_up.turn(pose.roll);
            let (plain, mirrored) = (self.see(0, size, false)?, self.see(0, size, true)?);
            let seen = plain.into_iter().chain(mirrored).filter(|seen| seen.score >= SUSPECT_SCORE);
            if let Some(seen) = seen.max_by(|a, b| a.score.total_cmp(&b.score)) {
                believers += 1;
                best = best.filter(|best| best.score >= seen.score).or(Some(seen));
            }
            if believers == SUSPECTED {
                return Ok(best.map(|best| best.bbox));
            }
            if believers + SUSPECT_SIZES.len() - index <= SUSPECTED {
                break;
            }
        }
        Ok(None)
    }

    /// One look at `pose`, turned upright, with the face `face` pixels large: the most likely face near that place.
    ///
    /// # Errors
    /// As [`align`](Self::align).
    pub fn look(&mut self, frame: &FrameMut<'_>, pose: Pose, face: f32) -> Result<Option<Detection>> {
        if !self.close_up.read(frame, pose.center, pose.scale(face)) {
            return Ok(None);
        }
        self.close_up.turn(pose.roll);
        self.see(0, face, false)
    }

    /// The most likely face, about `face` pixels large, near the middle of the window last turned, turned further by
    /// `quarters` and perhaps `mirrored`. A mirrored face comes without landmarks.
    fn see(&mut self, quarters: u8, face: f32, mirrored: bool) -> Result<Option<Detection>> {
        let picture = &mut self.pass.thumbnail.bgr;
        let to_frame = self.close_up.window(quarters, picture);
        if mirrored {
            picture.chunks_exact_mut(WINDOW).for_each(<[f32]>::reverse);
        }
        let middle = WINDOW as f32 / 2.0;
        let fits = |seen: &Detection| {
            let [x, y] = seen.bbox.center();
            let ratio = seen.bbox.size() / face;
            (x - middle).hypot(y - middle) <= CENTER_REACH * face && (1.0 / SIZE_RATIO..=SIZE_RATIO).contains(&ratio)
        };
        let seen = self.pass.run(WINDOW, WINDOW, LOOK_SCORE)?.into_iter().find(fits);
        let seen = seen.map(|seen| if mirrored { seen.mirrored_in(WINDOW as f32) } else { seen });
        Ok(seen.map(|seen| seen.through(&to_frame)))
    }

    /// Two looks at a known face, the second where the first saw it. The face is aligned if they agree, else it will be
    /// covered. `None` if the first look sees nothing.
    ///
    /// # Errors
    /// As [`align`](Self::align).
    pub fn look_again(&mut self, frame: &FrameMut<'_>, pose: Pose) -> Result<Option<Detection>> {
        let Some(first) = self.look_close(frame, pose)? else { return Ok(None) };
        let second = self.look_close(frame, Pose::of(&first.bbox, first.landmarks.roll()))?;
        let agrees = |second: &Detection| {
            let moved = second.landmarks.distance(&first.landmarks);
            moved <= AGREE * second.bbox.size() && second.score >= CLOSE_SCORE
        };
        let aligned = second.is_some_and(|second| agrees(&second));
        Ok(Some(Detection { aligned, confirmed: aligned, ..second.unwrap_or(first) }))
    }

    /// As [`look`](Self::look), from closest up.
    ///
    /// # Errors
    /// As [`align`](Self::align).
    pub fn look_close(&mut self, frame: &FrameMut<'_>, pose: Pose) -> Result<Option<Detection>> {
        self.look(frame, pose, FACE)
    }
}

impl Detection {
    /// The detection mirrored in a picture of `width`, with guessed landmarks.
    fn mirrored_in(&self, width: f32) -> Self {
        let bbox = BBox { x: width - self.bbox.x - self.bbox.width, ..self.bbox };
        Self::unaligned(bbox, self.score)
    }

    /// The detection mapped by `transform`. A turned box becomes the box around its inscribed ellipse.
    pub(super) fn through(&self, transform: &SimilarityTransform) -> Self {
        let [x, y] = transform.apply(self.bbox.center());
        let (a, b) = (transform.a.abs(), transform.b.abs());
        let BBox { width, height, .. } = self.bbox;
        let [wide, high] = [(a * width).hypot(b * height), (b * width).hypot(a * height)];
        let bbox = BBox { x: x - wide / 2.0, y: y - high / 2.0, width: wide, height: high };
        Self { bbox, landmarks: self.landmarks.map(|point| transform.apply(point)), ..*self }
    }
}

impl Landmarks {
    /// Roll of the head, radians, clockwise in the picture. It averages the direction from the middle of the eyes to
    /// the middle of the mouth, relative to straight down, with the directions of the eyes and of the mouth.
    pub fn roll(&self) -> f32 {
        let [left, right, _, mouth_left, mouth_right] = self.0;
        let [eyes, mouth] = self.middles();
        let down = [mouth[0] - eyes[0], mouth[1] - eyes[1]];
        let across =
            [right[0] - left[0] + mouth_right[0] - mouth_left[0], right[1] - left[1] + mouth_right[1] - mouth_left[1]];
        // Down, turned a quarter anticlockwise, points to the right for an upright head.
        let right = [across[0] / 2.0 + down[1], across[1] / 2.0 - down[0]];
        right[1].atan2(right[0])
    }
}
