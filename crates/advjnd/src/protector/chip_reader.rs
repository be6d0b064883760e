// SPDX-License-Identifier: MIT OR Apache-2.0
//! A recogniser that cuts the chip of a face from a picture, embeds it, and pulls gradients back to the picture's luma.

use super::geometry::{Geometry, Viewpoint};
use super::rendition::{HalfRegion, Rendition, Stretch};
use crate::error::Result;
use crate::face::Warp;
use crate::frame::{FrameMut, Rect, Region};
use crate::net::{Embedder, Recognizer, RecognizerSpec};

/// A region of the frame, and the same region at half its size.
#[derive(Debug, Default)]
pub struct FacePicture {
    /// The region.
    pub region: Region,
    /// The region at half its size, as of the last [`halve`](Self::halve).
    pub half: HalfRegion,
}

impl FacePicture {
    /// Reads `rect` of the frame, and halves it if `halved`.
    pub fn read(&mut self, frame: &FrameMut<'_>, rect: Rect, halved: bool) {
        self.region.read(frame, rect);
        if halved {
            self.halve();
        }
    }

    /// Halves the region together with the change of luma that it carries.
    pub fn halve(&mut self) {
        self.half.read(&self.region);
    }
}

/// A recogniser with the chip that it reads. [`align`](Self::align) fills the chip. [`embed`](Self::embed) and
/// [`luma_gradient`](Self::luma_gradient) use the chip last aligned; [`embed_kept`](Self::embed_kept) uses the chips
/// that [`keep`](Self::keep) has kept.
pub struct ChipReader {
    recognizer: Recognizer,
    /// Kept chips, one after the other, and their embeddings.
    kept: Vec<f32>,
    embeddings: Vec<f32>,
    /// Planar RGB.
    chip: Vec<f32>,
    /// Gradient with respect to the chip.
    chip_gradient: Vec<f32>,
    /// Chip ← region.
    warp: Warp,
    /// The chip's pixels, with the change of luma that they carry.
    pixels: Vec<[f32; 4]>,
    /// Gradient with respect to the chip's luma.
    luma_gradient: Vec<f32>,
    /// Gradient with respect to the luma of a half region.
    half_gradient: Vec<f32>,
    mirrored: bool,
    stretch: Option<Stretch>,
}

impl ChipReader {
    /// A reader for one thread at a time.
    pub fn new(recognizer: Recognizer) -> Self {
        let pixels = recognizer.spec().chip_size * recognizer.spec().chip_size;
        Self {
            recognizer,
            kept: Vec::new(),
            embeddings: Vec::new(),
            chip: vec![0.0; 3 * pixels],
            chip_gradient: vec![0.0; 3 * pixels],
            warp: Warp::default(),
            pixels: vec![[0.0; 4]; pixels],
            luma_gradient: vec![0.0; pixels],
            half_gradient: Vec::new(),
            mirrored: false,
            stretch: None,
        }
    }

    /// The recogniser.
    pub fn recognizer(&self) -> &Recognizer {
        &self.recognizer
    }

    /// The recogniser's specification.
    pub fn spec(&self) -> &RecognizerSpec {
        self.recognizer.spec()
    }

    /// Warps `picture`, seen from `point`, into the chip, with the change of luma that it carries. `index` is the
    /// recogniser's place in `geometry`; `stretch` is how to stretch the contrast of the face.
    pub fn align(
        &mut self,
        index: usize,
        geometry: &Geometry,
        picture: &FacePicture,
        stretch: Option<Stretch>,
        point: &Viewpoint,
    ) {
        let side = self.spec().chip_size;
        geometry.plan_chip(index, side, point, &mut self.warp);
        let halved = point.rendition == Rendition::Halved;
        self.warp.forward(if halved { &picture.half.pixels } else { &picture.region.pixels }, &mut self.pixels);
        self.mirrored = point.mirrored;
        if self.mirrored {
            self.pixels.chunks_exact_mut(side).for_each(<[_]>::reverse);
        }
        self.stretch = stretch.filter(|_| point.rendition == Rendition::Stretched);
        for (channel, plane) in self.chip.chunks_exact_mut(self.pixels.len()).enumerate() {
            for (value, pixel) in plane.iter_mut().zip(&self.pixels) {
                *value = pixel[channel] + pixel[3];
            }
        }
        if let Some(stretch) = self.stretch {
            self.chip.iter_mut().for_each(|value| *value = stretch.apply(*value));
        }
    }

    /// Embeds the chip.
    pub fn embed(&mut self, embedding: &mut [f32]) -> Result<()> {
        self.recognizer.embed(&self.chip, embedding)
    }

    /// Forgets the kept chips.
    pub fn begin(&mut self) {
        self.kept.clear();
    }

    /// Keeps the chip last aligned.
    pub fn keep(&mut self) {
        self.kept.extend_from_slice(&self.chip);
    }

    /// Embeds the kept chips together.
    pub fn embed_kept(&mut self) -> Result<()> {
        self.embeddings.clear();
        self.embeddings.resize(self.kept.len() / self.chip.len() * self.spec().embedding_len, 0.0);
        self.recognizer.embed_many(&self.kept, &mut self.embeddings)
    }

    /// The embeddings that [`embed_kept`](Self::embed_kept) made, in the order of the chips.
    pub fn embeddings(&self) -> impl Iterator<Item = &[f32]> {
        self.embeddings.chunks_exact(self.spec().embedding_len)
    }

    /// Embeds the chip on the processor with exact algorithms.
    pub fn embed_exactly(&mut self, embedding: &mut [f32]) -> Result<()> {
        self.recognizer.embed_exactly(&self.chip, embedding)
    }

    /// Embeds the chip, lets `cotangent` compute the cotangent of the embedding, and pulls that back to the luma of the
    /// region (overwritten). `half` is the region at half its size if the chip was cut from that.
    pub fn luma_gradient(
        &mut self,
        cotangent: &mut dyn FnMut(&[f32], &mut [f32]),
        half: Option<&HalfRegion>,
        change: &mut [f32],
    ) -> Result<()> {
        self.recognizer.embed_vjp(&self.chip, cotangent, &mut self.chip_gradient)?;
        if let Some(stretch) = self.stretch {
            for (gradient, value) in self.chip_gradient.iter_mut().zip(&self.chip) {
                let inside = *value > 0.0 && *value < 255.0;
                *gradient *= if inside { stretch.gain } else { 0.0 };
            }
        }
        let (red, rest) = self.chip_gradient.split_at(self.luma_gradient.len());
        let (green, blue) = rest.split_at(self.luma_gradient.len());
        for ((luma, red), (green, blue)) in self.luma_gradient.iter_mut().zip(red).zip(green.iter().zip(blue)) {
            *luma = red + green + blue;
        }
        if self.mirrored {
            let side = self.recognizer.spec().chip_size;
            self.luma_gradient.chunks_exact_mut(side).for_each(<[_]>::reverse);
        }
        change.fill(0.0);
        if let Some(half) = half {
            self.half_gradient.clear();
            self.half_gradient.resize(half.pixels.len(), 0.0);
            self.warp.adjoint_add(&self.luma_gradient, &mut self.half_gradient);
            half.adjoint_add(&self.half_gradient, change);
        } else {
            self.warp.adjoint_add(&self.luma_gradient, change);
        }
        Ok(())
    }
}
