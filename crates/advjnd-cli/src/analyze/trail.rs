// SPDX-License-Identifier: MIT OR Apache-2.0
//! A track as it comes, frame by frame.

use advjnd::Result;
use advjnd::attack::margin;
use advjnd::face::Landmarks;
use advjnd::frame::Rect;
use advjnd::net::RecognizerSpec;
use advjnd_media::Picture;
use image::RgbImage;
use image::imageops::{FilterType, resize};

use super::embedder::PersonEmbedder;
use crate::analysis::Face;
use crate::pooling::{mean_of, pool};
use crate::protect::Looked;

/// Sights from one that is embedded to the next, and how many are at most.
const EVERY: usize = 10;
const MOST_LOOKS: usize = 16;
/// Score from which a sight is embedded.
pub const SCORE: f32 = 0.6;
/// Side of a face, pixels, from which on size makes it no better.
const LARGE: f32 = 112.0;
/// How much of the surroundings a thumbnail shows, boxes, and its side, pixels.
const AROUND: f32 = 1.5;
const SIDE: u32 = 160;

/// A track.
#[derive(Debug, Default)]
pub struct Trail {
    pub faces: Vec<Face>,
    /// The best sight: how good it is, its index in `faces`, the face.
    pub quality: f32,
    pub best: usize,
    pub thumbnail: Option<RgbImage>,
    /// Sums of the embeddings, pooled, by recogniser, and of how many.
    pub sums: Vec<Vec<f32>>,
    pub looks: usize,
    seen: usize,
    /// The sum of the quick embeddings, and of how many.
    quick: Vec<f32>,
    quick_looks: usize,
}

impl Trail {
    /// Whether a face with this quick embedding is another person than all before it: a track may go on over a cut.
    pub fn is_of_another(&self, spec: &RecognizerSpec, quick: &[f32]) -> bool {
        self.quick_looks > 0 && margin(spec, &mean_of(&self.quick, self.quick_looks), quick) > 0.0
    }

    /// Takes note of the quick embedding of a face that is added.
    pub fn note(&mut self, spec: &RecognizerSpec, quick: &[f32]) {
        self.quick.resize(quick.len(), 0.0);
        pool(spec, &mut self.quick, quick);
        self.quick_looks += 1;
    }

    /// Adds the face that was `looked` at in the `frame`th frame, `picture`.
    ///
    /// # Errors
    /// Those of the recognisers.
    pub fn add(
        &mut self,
        frame: usize,
        looked: &Looked,
        picture: &mut Picture,
        embedder: &mut PersonEmbedder,
    ) -> Result<()> {
        // Without a score it is where it was expected, and not seen.
        let landmarks = Some(looked.landmarks).filter(|_| looked.score > 0.0 && looked.aligned);
        let tenths = |value: f32| (10.0 * value).round() / 10.0;
        let rounded = landmarks.map(|points| points.map(|point| point.map(tenths)));
        let score = (1e3 * looked.score).round() / 1e3;
        self.faces.push(Face { frame, bbox: looked.bbox, landmarks: rounded, score });
        let quality = quality(looked, landmarks.is_some());
        if quality > self.quality || self.thumbnail.is_none() {
            (self.quality, self.best) = (quality, self.faces.len() - 1);
            self.thumbnail = thumbnail(picture, &looked.bbox);
        }
        let Some(landmarks) = landmarks.filter(|_| looked.score >= SCORE && self.looks < MOST_LOOKS) else {
            return Ok(());
        };
        if self.seen.is_multiple_of(EVERY) {
            let embeddings = embedder.embed(picture, &Landmarks(landmarks))?;
            self.sums.resize_with(embeddings.len(), Vec::new);
            for ((sum, embedding), spec) in self.sums.iter_mut().zip(&embeddings).zip(embedder.specs()) {
                sum.resize(embedding.len(), 0.0);
                pool(spec, sum, embedding);
            }
            self.looks += 1;
        }
        self.seen += 1;
        Ok(())
    }
}

/// How good a sight is, 0..=1: seen for certain, large, from the front.
fn quality(looked: &Looked, has_landmarks: bool) -> f32 {
    let [_, _, width, height] = looked.bbox;
    let large = ((width * height).sqrt() / LARGE).min(1.0);
    let frontal = if has_landmarks { (1.0 - Landmarks(looked.landmarks).turn()).clamp(0.0, 1.0) } else { 0.1 };
    (1e3 * looked.score * large * frontal).round() / 1e3
}

/// The face and a little of what is around; `None` where none of it lies in the picture.
fn thumbnail(picture: &Picture, [x, y, width, height]: &[f32; 4]) -> Option<RgbImage> {
    let side = AROUND * width.max(*height);
    let (left, top) = (x + (width - side) / 2.0, y + (height - side) / 2.0);
    let span = |from: f32, limit: usize| {
        let (low, high) = (from.max(0.0) as u32, (from + side).clamp(0.0, limit as f32) as u32);
        (low, high.saturating_sub(low))
    };
    let ((left, wide), (top, high)) = (span(left, picture.width), span(top, picture.height));
    if wide == 0 || high == 0 {
        return None;
    }
    let rect = Rect { x: left as usize, y: top as usize, width: wide as usize, height: high as usize };
    let cut = RgbImage::from_raw(wide, high, picture.cut(rect).pixels)?;
    let scale = SIDE as f32 / wide.max(high) as f32;
    let scaled = |side: u32| ((side as f32 * scale).round() as u32).max(1);
    Some(resize(&cut, scaled(wide), scaled(high), FilterType::Triangle))
}
