// SPDX-License-Identifier: MIT OR Apache-2.0
//! The face of a picture, cut out of it, and how it is aligned.

use std::sync::Arc;

use advjnd::face::{Aligner, Detector, Landmarks, Pose, SimilarityTransform};
use advjnd::frame::Rect;
use advjnd::net::{Backend, RecognizerSpec};
use advjnd::{Colorimetry, Error, FrameMut, Models, PixelFormat, PlaneMut, Pool, Result};
use advjnd_lab::attack::alignment::Alignment;

use crate::arrays::Picture;

/// Narrowest face that is found, pixels, and the detector's score from which on it is one.
const MIN_FACE_SIZE: u32 = 40;
const SCORE: f32 = 0.6;
/// Pixels around what the chip shows that the cut holds besides.
const SURROUNDINGS: f32 = 2.0;

/// What of a picture a recogniser's chip shows of its largest face.
pub struct Portrait {
    /// Where it lies in the picture.
    pub cut: Rect,
    /// R', G', B', interleaved, without padding.
    pub pixels: Vec<u8>,
    /// Between it and the chip.
    pub alignment: Alignment,
}

/// Finds faces in pictures.
pub struct Finder {
    detector: Detector,
    aligner: Aligner,
}

impl Finder {
    /// Of the detector of `models`, with the threads of `pool`.
    pub fn new(models: &Models, pool: &Arc<Pool>) -> Self {
        let backend = Backend::Cpu(Arc::clone(pool));
        let (detector, aligner) =
            (Detector::new(models.detector(), &backend), Aligner::new(models.detector(), &backend));
        Self { detector, aligner }
    }

    /// The largest face of a picture, `index` in its array, as the recogniser of `spec` sees it.
    ///
    /// # Errors
    /// [`Error::Input`] where there is no face, or it cannot be made out.
    pub fn portrait(&mut self, index: usize, picture: &mut Picture, spec: &RecognizerSpec) -> Result<Portrait> {
        let Picture { pixels, width, height } = picture;
        let planes = vec![PlaneMut { data: pixels, stride: 3 * *width }];
        let frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), *width, *height, planes)?;
        let faces = self.detector.detect_at_two_scales(&frame, MIN_FACE_SIZE, SCORE)?;
        let largest = faces.iter().max_by(|a, b| a.bbox.size().total_cmp(&b.bbox.size()));
        let no_face = || {
            Error::input(format!(
                "picture {index} has no face of {MIN_FACE_SIZE} pixels or more that can be made out; leave it out, or \
                 align the face yourself and give chips with aligned=True"
            ))
        };
        let found = largest.ok_or_else(no_face)?;
        let face = self.aligner.align(&frame, Pose::of_face(found))?.ok_or_else(no_face)?;
        let cut = Self::cut(&frame, &face.landmarks, spec)?;
        if cut.is_empty() {
            return Err(no_face());
        }
        let mut pixels = Vec::new();
        frame.save(cut, &mut pixels);
        let landmarks = face.landmarks.map(|[x, y]| [x - cut.x as f32, y - cut.y as f32]);
        let alignment = Alignment::new(&landmarks, (cut.width, cut.height), spec)?;
        Ok(Portrait { cut, pixels, alignment })
    }

    fn cut(frame: &FrameMut<'_>, landmarks: &Landmarks, spec: &RecognizerSpec) -> Result<Rect> {
        let to_picture = SimilarityTransform::fit(landmarks, &spec.template)?.inverse();
        let [x0, y0, x1, y1] = to_picture.square_bounds(spec.chip_size as f32 - 1.0);
        let (x0, y0, x1, y1) = (x0 - SURROUNDINGS, y0 - SURROUNDINGS, x1 + SURROUNDINGS, y1 + SURROUNDINGS);
        Ok(Rect::covering(x0, y0, x1, y1, frame.width(), frame.height()))
    }
}

impl Picture {
    /// Puts the pixels of a portrait back where they were cut out.
    pub fn put(&mut self, cut: Rect, pixels: &[u8]) {
        for (row, new) in pixels.chunks_exact(3 * cut.width).enumerate() {
            self.pixels[3 * ((cut.y + row) * self.width + cut.x)..][..new.len()].copy_from_slice(new);
        }
    }
}
