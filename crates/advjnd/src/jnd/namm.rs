// SPDX-License-Identifier: MIT OR Apache-2.0
//! NAMM, the nonlinear additivity model for masking: Yang, Ling, Lu, Ong, Yao 2005, "Just noticeable distortion model
//! and its applications in video coding", Signal Processing: Image Communication 20(7), eq. 2 and 6-9 (spatial part).
//!
//! ```text
//! JND_c = T_l + T_t,c - C_c min(T_l, T_t,c)       c in {Y, Cb, Cr}                    (2)
//! T_l   = luminance adaptation of luma, the same for all channels; see background.rs
//! T_t,c = beta_c G_c W                            texture masking                     (7)
//! G_c   = max over k of |G_k * channel| / 16      see gradient.rs                     (8)
//! W     = L * h                                   see edge_weight.rs and canny.rs     (9)
//! C     = 0.30, 0.25, 0.20     beta = 0.117, 0.65, 0.45                           for Y, Cb, Cr
//! ```
//!
//! Departures: the paper scales the edge map down for its subsampled chroma; here chroma comes at the resolution of
//! luma (4:4:4), gradients are taken at that resolution and W is the map of luma itself.
//!
//! The constants were measured on a 21-inch screen at about six image heights. The scale that makes the map invisible
//! on today's screens is the caller's.

use super::background::{Background, luminance_adaptation};
use super::edge_weight::EdgeWeight;
use super::gradient::{Gradient, smaller};
use super::padded::Padded;
use super::{JndModel, YCbCr, check_len};
use crate::error::Result;
use pulp::{Simd, WithSimd};

/// Overlap C between the two kinds of masking.
const OVERLAP: YCbCr<f32> = YCbCr { y: 0.30, cb: 0.25, cr: 0.20 };
/// Weight beta of the texture masking.
const TEXTURE: YCbCr<f32> = YCbCr { y: 0.117, cb: 0.65, cr: 0.45 };

/// Yang's NAMM in Y, Cb and Cr.
#[derive(Debug)]
pub struct Namm {
    arch: pulp::Arch,
    clean: YCbCr<Padded>,
    edge_weight: EdgeWeight,
    background: Background,
    gradient: Gradient,
    adaptation_row: Vec<f32>,
    weight_row: Vec<f32>,
}

impl Namm {
    /// A model without scratch yet.
    pub fn new() -> Self {
        Self {
            arch: pulp::Arch::new(),
            clean: YCbCr::default(),
            edge_weight: EdgeWeight::default(),
            background: Background::default(),
            gradient: Gradient::default(),
            adaptation_row: Vec::new(),
            weight_row: Vec::new(),
        }
    }

    /// Loads luma and what all channels share.
    #[inline(always)]
    fn prepare(&mut self, luma: &[f32], width: usize, height: usize) -> Result<()> {
        self.clean.y.load("the Y plane of a JND region", luma, width, height)?;
        self.edge_weight.detect(&self.clean.y);
        self.background.reshape(width);
        self.gradient.reshape(width);
        self.adaptation_row.resize(width, 0.0);
        self.weight_row.resize(width, 0.0);
        Ok(())
    }

    /// Fills T_l and W of row `y`.
    #[inline(always)]
    fn shared_row(&mut self, y: usize) {
        self.background.background_row(&self.clean.y, y, &mut self.adaptation_row);
        for value in &mut self.adaptation_row {
            *value = luminance_adaptation(*value);
        }
        self.edge_weight.row(y, &mut self.weight_row);
    }

    #[inline(always)]
    fn luma_thresholds(&mut self, luma: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()> {
        self.prepare(luma, width, height)?;
        for (y, out) in jnd.chunks_exact_mut(width).enumerate() {
            self.shared_row(y);
            self.gradient.max_gradient_row(&self.clean.y, y, out);
            add_masking(&self.adaptation_row, &self.weight_row, TEXTURE.y, OVERLAP.y, out);
        }
        Ok(())
    }

    #[inline(always)]
    fn thresholds(&mut self, clean: YCbCr<&[f32]>, width: usize, height: usize, jnd: YCbCr<&mut [f32]>) -> Result<()> {
        self.clean.cb.load("the Cb plane of a JND region", clean.cb, width, height)?;
        self.clean.cr.load("the Cr plane of a JND region", clean.cr, width, height)?;
        self.prepare(clean.y, width, height)?;
        let rows =
            jnd.y.chunks_exact_mut(width).zip(jnd.cb.chunks_exact_mut(width)).zip(jnd.cr.chunks_exact_mut(width));
        for (y, ((out_y, out_cb), out_cr)) in rows.enumerate() {
            self.shared_row(y);
            for (plane, texture, overlap, out) in [
                (&self.clean.y, TEXTURE.y, OVERLAP.y, out_y),
                (&self.clean.cb, TEXTURE.cb, OVERLAP.cb, out_cb),
                (&self.clean.cr, TEXTURE.cr, OVERLAP.cr, out_cr),
            ] {
                self.gradient.max_gradient_row(plane, y, out);
                add_masking(&self.adaptation_row, &self.weight_row, texture, overlap, out);
            }
        }
        Ok(())
    }
}

/// Turns the gradients in `out` into thresholds (eq. 2 and 7).
#[inline(always)]
fn add_masking(adaptation: &[f32], weight: &[f32], texture: f32, overlap: f32, out: &mut [f32]) {
    for ((out, &adaptation), &weight) in out.iter_mut().zip(adaptation).zip(weight) {
        let masking = texture * *out * weight;
        *out = adaptation + masking - overlap * smaller(masking, adaptation);
    }
}

/// [`Namm::thresholds`], compiled for the vector unit at hand.
struct AllChannels<'a> {
    model: &'a mut Namm,
    clean: YCbCr<&'a [f32]>,
    width: usize,
    height: usize,
    jnd: YCbCr<&'a mut [f32]>,
}

impl WithSimd for AllChannels<'_> {
    type Output = Result<()>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Result<()> {
        self.model.thresholds(self.clean, self.width, self.height, self.jnd)
    }
}

/// [`Namm::luma_thresholds`], compiled for the vector unit at hand.
struct LumaOnly<'a> {
    model: &'a mut Namm,
    luma: &'a [f32],
    width: usize,
    height: usize,
    jnd: &'a mut [f32],
}

impl WithSimd for LumaOnly<'_> {
    type Output = Result<()>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Result<()> {
        self.model.luma_thresholds(self.luma, self.width, self.height, self.jnd)
    }
}

impl Default for Namm {
    fn default() -> Self {
        Self::new()
    }
}

impl JndModel for Namm {
    fn name(&self) -> &'static str {
        "namm"
    }

    fn map(&mut self, clean: YCbCr<&[f32]>, width: usize, height: usize, jnd: YCbCr<&mut [f32]>) -> Result<()> {
        check_len("the Y thresholds", jnd.y.len(), width, height)?;
        check_len("the Cb thresholds", jnd.cb.len(), width, height)?;
        check_len("the Cr thresholds", jnd.cr.len(), width, height)?;
        self.arch.dispatch(AllChannels { model: self, clean, width, height, jnd })
    }

    fn map_luma(&mut self, luma: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()> {
        check_len("the Y thresholds", jnd.len(), width, height)?;
        self.arch.dispatch(LumaOnly { model: self, luma, width, height, jnd })
    }
}
