// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faces cut from frames in the form that recognisers take.

use super::{Landmarks, SimilarityTransform, Warp};
use crate::error::Result;
use crate::frame::{FrameMut, Rect, Region};
use crate::net::{Embedder, RecognizerSpec, Template};

/// Cuts faces from frames; keeps its buffers.
#[derive(Debug, Default)]
pub struct ChipCutter {
    region: Region,
    warp: Warp,
    pixels: Vec<[f32; 4]>,
    chip: Vec<f32>,
}

impl ChipCutter {
    /// Fills `chip` with the chip of a face for a recogniser: planar R', G', B', `[3][size][size]`, 0..=255.
    ///
    /// # Errors
    /// If the landmarks do not form a face, for example if all lie at one point.
    fn chip(
        &mut self,
        frame: &FrameMut<'_>,
        landmarks: &Landmarks,
        spec: &RecognizerSpec,
        chip: &mut Vec<f32>,
    ) -> Result<()> {
        let area = spec.chip_size * spec.chip_size;
        self.look(frame, landmarks, &spec.template, spec.chip_size)?;
        self.pixels.resize(area, [0.0; 4]);
        self.warp.forward(&self.region.pixels, &mut self.pixels);
        chip.clear();
        chip.extend((0..3).flat_map(|channel| self.pixels.iter().map(move |pixel| pixel[channel])));
        Ok(())
    }

    /// Embeds a face with `embedder`.
    ///
    /// # Errors
    /// If the landmarks do not form a face, and errors of the recogniser.
    pub fn embed(
        &mut self,
        frame: &FrameMut<'_>,
        landmarks: &Landmarks,
        embedder: &mut dyn Embedder,
    ) -> Result<Vec<f32>> {
        let mut chip = std::mem::take(&mut self.chip);
        self.chip(frame, landmarks, embedder.spec(), &mut chip)?;
        let mut embedding = vec![0.0; embedder.spec().embedding_len];
        embedder.embed(&chip, &mut embedding)?;
        self.chip = chip;
        Ok(embedding)
    }

    /// The luma of a face in a chip of `size`², 0..=255.
    ///
    /// # Errors
    /// If the landmarks do not form a face, for example if all lie at one point.
    pub fn luma(
        &mut self,
        frame: &FrameMut<'_>,
        landmarks: &Landmarks,
        template: &Template,
        size: usize,
    ) -> Result<Vec<f32>> {
        self.look(frame, landmarks, template, size)?;
        let mut chip = vec![0.0; size * size];
        self.warp.forward(&self.region.luma, &mut chip);
        Ok(chip)
    }

    fn look(&mut self, frame: &FrameMut<'_>, landmarks: &Landmarks, template: &Template, size: usize) -> Result<()> {
        let to_frame = SimilarityTransform::fit(landmarks, template)?.inverse();
        let [x0, y0, x1, y1] = to_frame.square_bounds(size as f32 - 1.0);
        let rect = Rect::covering(x0 - 2.0, y0 - 2.0, x1 + 3.0, y1 + 3.0, frame.width(), frame.height());
        self.region.read(frame, rect);
        let to_region = SimilarityTransform::translation(-(rect.x as f32), -(rect.y as f32)).after(&to_frame);
        self.warp.plan(&to_region, (rect.width, rect.height), (size, size));
        Ok(())
    }
}
