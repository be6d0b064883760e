// SPDX-License-Identifier: MIT OR Apache-2.0
//! The chip of a face, cut from a picture, and the way of a gradient back to the picture's luma.

use super::geometry::{Geometry, Viewpoint};
use super::rendition::{HalfRegion, Rendition, Stretch};
use super::warping;
use crate::face::Warp;
use crate::frame::{FrameMut, Rect, Region};
use crate::pool::Pool;

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

/// A chip and how it was cut.
#[derive(Default)]
pub struct Chip {
    /// Planar RGB.
    values: Vec<f32>,
    /// Chip ← region.
    warp: Warp,
    /// The chip's pixels, with the change of luma that they carry.
    pixels: Vec<[f32; 4]>,
    /// Gradient with respect to the chip's luma.
    luma_gradient: Vec<f32>,
    /// Gradient with respect to the luma of a half region.
    half_gradient: Vec<f32>,
    side: usize,
    mirrored: bool,
    halved: bool,
    stretch: Option<Stretch>,
}

impl Chip {
    /// A black chip of `side` × `side` pixels.
    pub fn black(side: usize) -> Self {
        Self { values: vec![0.0; 3 * side * side], side, ..Self::default() }
    }

    /// Planar RGB, `[3][side][side]`, 0..=255.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Warps `picture`, seen from `point`, into a chip of `side` × `side` pixels, with the change of luma that it
    /// carries, on `pool`. `index` is the recogniser's place in `geometry`; `stretch` is how to stretch the contrast of
    /// the face.
    pub fn cut(
        &mut self,
        index: usize,
        side: usize,
        geometry: &Geometry,
        picture: &FacePicture,
        stretch: Option<Stretch>,
        point: &Viewpoint,
        pool: &Pool,
    ) {
        self.side = side;
        self.pixels.resize(side * side, [0.0; 4]);
        self.values.resize(3 * side * side, 0.0);
        geometry.plan_chip(index, side, point, &mut self.warp);
        self.halved = point.rendition == Rendition::Halved;
        let pixels = if self.halved { &picture.half.pixels } else { &picture.region.pixels };
        warping::forward(&self.warp, pixels, &mut self.pixels, pool);
        self.mirrored = point.mirrored;
        if self.mirrored {
            self.pixels.chunks_exact_mut(side).for_each(<[_]>::reverse);
        }
        self.stretch = stretch.filter(|_| point.rendition == Rendition::Stretched);
        for (channel, plane) in self.values.chunks_exact_mut(self.pixels.len()).enumerate() {
            for (value, pixel) in plane.iter_mut().zip(&self.pixels) {
                *value = pixel[channel] + pixel[3];
            }
        }
        if let Some(stretch) = self.stretch {
            self.values.iter_mut().for_each(|value| *value = stretch.apply(*value));
        }
    }

    /// Pulls `gradient`, with respect to the chip, back to the luma of the region (overwritten), on `pool`. `half` is
    /// the half region of the picture that the chip was cut from.
    pub fn pull_back(&mut self, gradient: &[f32], half: &HalfRegion, change: &mut [f32], pool: &Pool) {
        let stretch = self.stretch;
        let Self { values, pixels, luma_gradient, half_gradient, .. } = self;
        let factor = |value: f32| match stretch {
            Some(stretch) if value > 0.0 && value < 255.0 => stretch.gain,
            Some(_) => 0.0,
            None => 1.0,
        };
        luma_gradient.clear();
        luma_gradient.resize(pixels.len(), 0.0);
        for (gradient, values) in gradient.chunks_exact(pixels.len()).zip(values.chunks_exact(pixels.len())) {
            for ((luma, gradient), value) in luma_gradient.iter_mut().zip(gradient).zip(values) {
                *luma += gradient * factor(*value);
            }
        }
        if self.mirrored {
            luma_gradient.chunks_exact_mut(self.side).for_each(<[_]>::reverse);
        }
        change.fill(0.0);
        if self.halved {
            half_gradient.clear();
            half_gradient.resize(half.pixels.len(), 0.0);
            warping::adjoint_add(&self.warp, luma_gradient, half_gradient, pool);
            half.adjoint_add(half_gradient, change);
        } else {
            warping::adjoint_add(&self.warp, luma_gradient, change, pool);
        }
    }
}
