// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faces that only a detector of another family finds: BlazeFace, where YuNet sees nothing.
//!
//! YuNet found the faces that the filter protected, so it cannot tell which it missed. BlazeFace takes other things for
//! faces than YuNet does: only what close looks, turned, believe as well counts as a face.

use advjnd::Result;
use advjnd::face::{Aligner, BBox, Detection, Detector, Pose};
use advjnd::net::Backend;
use advjnd::net::graph::Graph;
use advjnd_media::Picture;

/// Longer sides of the picture that it looks at, pixels: it knows faces of about 15 to 120 pixels.
const LONG_SIDES: [f32; 2] = [192.0, 640.0];
/// Score of close looks from which a face is believed.
const BELIEVED: f32 = 0.75;

/// Looks for what YuNet missed.
pub struct SecondLook {
    detector: Detector,
    aligner: Aligner,
}

/// What it found.
pub struct Found {
    /// Faces, with landmarks of close looks.
    pub faces: Vec<Detection>,
    /// What close looks do not believe.
    pub doubtful: usize,
}

impl SecondLook {
    /// With the graph of YuNet, for close looks, and that of BlazeFace.
    pub fn new(first: &Graph, second: Option<&Graph>, backend: &Backend) -> Self {
        let detector = Detector::new(first, backend).with_second(second, backend);
        Self { detector, aligner: Aligner::new(first, backend) }
    }

    /// The faces of a picture, at least `least` pixels wide, that overlap none of those `known`.
    ///
    /// # Errors
    /// What the networks report.
    pub fn find(&mut self, picture: &mut Picture, known: &[BBox], least: f32) -> Result<Found> {
        let frame = picture.frame()?;
        let mut places: Vec<BBox> = Vec::new();
        for long_side in LONG_SIDES {
            for seen in self.detector.detect_second(&frame, long_side)? {
                let is_new = !known.iter().chain(&places).any(|other| other.overlaps(&seen.bbox));
                if is_new && seen.bbox.width >= least {
                    places.push(seen.bbox);
                }
            }
        }
        let (mut faces, count) = (Vec::new(), places.len());
        for place in places {
            let aligned = self.aligner.align(&frame, Pose::of(&place, 0.0))?;
            let is_new = |face: &Detection| !known.iter().any(|other| other.overlaps(&face.bbox));
            faces.extend(aligned.filter(|face| face.score >= BELIEVED && is_new(face)));
        }
        let doubtful = count - faces.len();
        Ok(Found { faces, doubtful })
    }
}
