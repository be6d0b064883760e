// SPDX-License-Identifier: MIT OR Apache-2.0
//! Extra passes over the whole frame: turned, from afar, brightened.
//!
//! In an upright frame, YuNet finds faces of about 50 pixels or more at any roll, and smaller ones up to a roll of 30°.
//! It finds a face that nearly fills the frame from afar, and a dark face in a bright scene if dark tones are spread. A
//! small frame is also enlarged: its faces may be smaller than the network knows.

use std::f32::consts::{FRAC_1_SQRT_2, TAU};

use super::detect::{Detector, SCALES_APART, SIZE_MULTIPLE, WINDOW, common_scale, network_scale};
use super::pass::{scaled_size, suppress};
use super::quarters::turn_quarters;
use super::{BBox, Detection, SimilarityTransform, Track, Warp};
use crate::error::Result;
use crate::frame::{FrameMut, Rect, Resampling};
use crate::net::BlazeFaceNet;

/// Longer side of the frame seen from afar, pixels of the network's input.
const AFAR: f32 = 192.0;

/// A pass over the whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtraPass {
    /// Reduced to a long side of 192 pixels: faces that fill the frame.
    Afar,
    /// Turned by this many eighths of a circle.
    Turned(u8),
    /// With dark tones spread: a gamma of 1/2.
    Brightened,
    /// A small frame, enlarged to a long side of 640 pixels, at most twice: small faces.
    Enlarged,
    /// The left and the right quarter, each beside its mirror image: finds half faces at the edge, which cannot be
    /// aligned.
    Sides,
    /// The same for a small frame, enlarged.
    EnlargedSides,
    /// By the [second detector](Detector::with_second), on the frame reduced to a long side of 192 pixels. Its
    /// landmarks are guesses.
    Second,
}

impl ExtraPass {
    /// Every pass. Upright ones come first: their detections take precedence over those of turned passes.
    const ALL: [Self; 13] = [
        Self::Afar,
        Self::Sides,
        Self::Second,
        Self::Brightened,
        Self::Enlarged,
        Self::EnlargedSides,
        Self::Turned(2),
        Self::Turned(6),
        Self::Turned(4),
        Self::Turned(1),
        Self::Turned(5),
        Self::Turned(3),
        Self::Turned(7),
    ];
    /// The passes of a fast search. It leaves out the diagonal ones, which take twice as long and add only small faces
    /// half way between two turns.
    const FAST: &[Self] = Self::ALL.split_at(9).0;
    const DIAGONAL: &[Self] = Self::ALL.split_at(9).1;

    /// Every pass over a frame with this longer side, pixels.
    pub fn all(long_side: usize) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |pass| pass.is_of(long_side))
    }

    /// The passes of a fast search of such a frame.
    pub fn all_fast(long_side: usize) -> impl Iterator<Item = Self> {
        Self::FAST.iter().copied().filter(move |pass| pass.is_of(long_side))
    }

    /// The pass of a fast search of such a frame in this turn.
    pub fn fast(long_side: usize, turn: usize) -> Option<Self> {
        Self::all_fast(long_side).nth(turn % Self::all_fast(long_side).count().max(1))
    }

    /// The passes of a thorough search of such a frame in this turn: two of the diagonal ones, and all others.
    pub fn thorough(long_side: usize, turn: usize) -> impl Iterator<Item = Self> {
        let diagonal = &Self::DIAGONAL[turn % 2 * 2..][..2];
        Self::all_fast(long_side).chain(diagonal.iter().copied())
    }

    /// Whether it looks for half faces at the edge.
    pub fn is_of_sides(self) -> bool {
        matches!(self, Self::Sides | Self::EnlargedSides)
    }

    /// Whether it turns the frame.
    pub fn is_turned(self) -> bool {
        matches!(self, Self::Turned(_))
    }

    fn enlarges(self) -> bool {
        matches!(self, Self::Enlarged | Self::EnlargedSides)
    }

    /// Whether it applies to a frame of this size: only a small frame is enlarged.
    fn is_of(self, long_side: usize) -> bool {
        !self.enlarges() || common_scale(long_side as f32) > SCALES_APART
    }
}

impl Detector {
    /// The faces that `pass` finds with a score of at least `score_threshold`, best first; the sides and the second
    /// detector have thresholds of their own. With `fine`, faces of `min_face_size` pixels or more are found; without,
    /// the network sees the frame reduced to a long side of 640 pixels.
    ///
    /// # Errors
    /// As [`detect`](Self::detect).
    pub fn detect_extra(
        &mut self,
        frame: &FrameMut<'_>,
        pass: ExtraPass,
        fine: bool,
        min_face_size: u32,
        score_threshold: f32,
    ) -> Result<Vec<Detection>> {
        let long_side = frame.long_side() as f32;
        if pass == ExtraPass::Second {
            return self.detect_second(frame, AFAR);
        }
        if pass == ExtraPass::Afar {
            let window = Rect { x: 0, y: 0, width: WINDOW, height: WINDOW };
            return self.near.detect(frame, (AFAR / long_side).min(1.0), window, Resampling::Average, score_threshold);
        }
        let least = if fine { min_face_size as f32 } else { f32::INFINITY };
        let scale = if pass.enlarges() { common_scale(long_side) } else { network_scale(long_side, least) };
        let size = scaled_size(frame, scale);
        let fill = |size: [usize; 2]| size.map(|side| side.next_multiple_of(SIZE_MULTIPLE));
        let whole = |[width, height]: [usize; 2]| Rect { x: 0, y: 0, width, height };
        let network = match pass {
            ExtraPass::Turned(eighths) if eighths % 2 == 1 => &mut self.diagonal,
            ExtraPass::Turned(eighths) if eighths % 4 == 2 => &mut self.sideways,
            // A network that sees pictures of two sizes in turn would be planned anew for each.
            _ if scale == network_scale(long_side, min_face_size as f32) => &mut self.whole,
            _ => &mut self.common,
        };
        let zoom = SimilarityTransform { a: 1.0 / scale, b: 0.0, tx: 0.5 / scale - 0.5, ty: 0.5 / scale - 0.5 };
        let ExtraPass::Turned(eighths) = pass else {
            let [width, height] = fill(size);
            let resampling = if scale > 1.0 { Resampling::Linear } else { Resampling::Average };
            network.read(frame, scale, whole([width, height]), resampling);
            let picture = &mut network.thumbnail.bgr;
            if pass.is_of_sides() {
                mirror_sides(picture, width, size[0]);
                let seen = network.run(width, height, score_threshold.max(SIDES_SCORE))?;
                let halves = seen.iter().filter_map(|face| at_edge(face, size[0]));
                return Ok(halves.map(|face| face.through(&zoom)).collect());
            }
            if pass == ExtraPass::Brightened {
                picture.iter_mut().for_each(|v| *v = (255.0 * *v).sqrt());
            }
            let seen = network.run(width, height, score_threshold)?;
            return Ok(seen.iter().map(|face| face.through(&zoom)).collect());
        };
        let turned = match eighths % 4 {
            0 => size,
            2 => [size[1], size[0]],
            _ => [((size[0] + size[1]) as f32 * FRAC_1_SQRT_2).ceil() as usize; 2],
        };
        let to_upright = about_middles(turned, size, f32::from(eighths) * TAU / 8.0);
        network.read(frame, scale, whole(size), Resampling::Average);
        std::mem::swap(&mut network.thumbnail.bgr, &mut self.upright);
        let [width, height] = fill(turned);
        let picture = &mut network.thumbnail.bgr;
        picture.clear();
        picture.resize(3 * width * height, 0.0);
        let planes = self.upright.chunks_exact(size[0] * size[1]).zip(picture.chunks_exact_mut(width * height));
        if eighths % 2 == 0 {
            planes.for_each(|(plane, turned)| {
                turn_quarters(eighths / 2, size, width, |to, from| turned[to] = plane[from])
            });
        } else {
            let mut warp = Warp::default();
            warp.plan(&to_upright, (size[0], size[1]), (width, height));
            planes.for_each(|(from, to)| warp.forward(from, to));
        }
        let seen = network.run(width, height, score_threshold)?;
        Ok(seen.iter().map(|face| face.through(&zoom.after(&to_upright))).collect())
    }
}

impl Track {
    /// Whether it is half a face at the edge of a frame of `width`, which only [`ExtraPass::Sides`] sees.
    pub fn is_half_a_face(&self, width: usize) -> bool {
        let ([x, _], reach) = (self.bbox.center(), EDGE_REACH * self.bbox.size());
        !self.aligned && (x <= reach || x >= width as f32 - reach)
    }
}

/// Score from which half a face at the edge, mirrored to a whole one, counts.
const SIDES_SCORE: f32 = 0.75;
/// Largest distance of such a face's centre from the edge, as a share of its size.
const EDGE_REACH: f32 = 0.25;

/// Of each row's first `filled` values, puts the left quarter with its mirror image before it into the left half, and
/// the right quarter with its mirror image behind it into the right half.
fn mirror_sides(planes: &mut [f32], width: usize, filled: usize) {
    let side = filled / 4;
    let mut row = vec![0.0; 4 * side];
    for line in planes.chunks_exact_mut(width) {
        for at in 0..side {
            row[side + at] = line[at];
            row[side - 1 - at] = line[at];
            row[3 * side - 1 - at] = line[filled - 1 - at];
            row[3 * side + at] = line[filled - 1 - at];
        }
        line[..4 * side].copy_from_slice(&row);
        line[4 * side..].fill(0.0);
    }
}

/// Maps a face found in the mirrored sides back to the edge of a picture of `filled` columns; `None` if it is not
/// there.
fn at_edge(face: &Detection, filled: usize) -> Option<Detection> {
    let (side, [x, _]) = ((filled / 4) as f32, face.bbox.center());
    let edges = [(side, 0.0), (3.0 * side, filled as f32)];
    let (edge, at) = edges.into_iter().find(|(edge, _)| (x - edge).abs() <= EDGE_REACH * face.bbox.size())?;
    let bbox = face.bbox.translated([at - edge, 0.0]);
    Some(Detection::unaligned(bbox, face.score))
}

impl Detector {
    /// The faces that the [second detector](Self::with_second), if there is one, finds in the frame reduced to a longer
    /// side of `long_side` pixels, with boxes as YuNet's. It finds faces of about 15 to 120 of these pixels.
    ///
    /// # Errors
    /// Errors of the network.
    pub fn detect_second(&mut self, frame: &FrameMut<'_>, long_side: f32) -> Result<Vec<Detection>> {
        let Some(second) = &mut self.second else { return Ok(Vec::new()) };
        let scale = (long_side / frame.long_side() as f32).min(1.0);
        let size = scaled_size(frame, scale);
        let [width, height] = size.map(|side| side.next_multiple_of(SIZE_MULTIPLE).max(BlazeFaceNet::SIDE));
        second.thumbnail.read(frame, size.into(), Rect { x: 0, y: 0, width, height }, Resampling::Average);
        second.thumbnail.stretch();
        second.net.forward(&second.thumbnail.bgr, height, width)?;
        let faces = second.net.candidates(BlazeFaceNet::USUAL_SCORE).map(|seen| {
            let [left, top, width, height] = seen.bbox.map(|value| value / scale);
            let (wide, high) = (width / SECOND_WIDTH, height / SECOND_HEIGHT);
            let bbox = BBox { x: left + (width - wide) / 2.0, y: top + height - high, width: wide, height: high };
            Detection::unaligned(bbox, seen.score)
        });
        Ok(suppress(faces.collect()))
    }
}

/// Width and height of a box of the second detector relative to YuNet's box around the same face; both end at the chin.
const SECOND_WIDTH: f32 = 1.13;
const SECOND_HEIGHT: f32 = 0.84;

/// The turn by `angle` that maps the middle of a picture of size `from` to the middle of one of size `to`.
pub(super) fn about_middles(from: [usize; 2], to: [usize; 2], angle: f32) -> SimilarityTransform {
    let middle = |size: [usize; 2]| size.map(|side| (side as f32 - 1.0) / 2.0);
    let ([x, y], [to_x, to_y]) = (middle(from), middle(to));
    let (sin, cos) = angle.sin_cos();
    SimilarityTransform { a: cos, b: sin, tx: to_x - (cos * x - sin * y), ty: to_y - (sin * x + cos * y) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_frames_are_enlarged_and_every_pass_has_its_turn() {
        for (long_side, count) in [(250, 9), (480, 9), (640, 7), (1920, 7)] {
            let turns: Vec<ExtraPass> = (0..count).filter_map(|turn| ExtraPass::fast(long_side, turn)).collect();
            assert!(ExtraPass::all_fast(long_side).eq(turns), "{long_side}");
            assert_eq!(ExtraPass::all_fast(long_side).count(), count, "{long_side}");
        }
    }
}
