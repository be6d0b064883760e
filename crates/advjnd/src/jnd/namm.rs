// SPDX-License-Identifier: MIT OR Apache-2.0
//! NAMM, the nonlinear additivity model for masking: Yang, Ling, Lu, Ong, Yao 2005, "Just noticeable distortion model
//! and its applications in video coding", Signal Processing: Image Communication 20(7), eq. 2 and 6-9 (spatial part).
//!
//! ```text
//! JND = T_l + T_t - C min(T_l, T_t)                                                   (2)
//! T_l = luminance adaptation; see background.rs
//! T_t = beta G W                                  texture masking                     (7)
//! G   = max over k of |G_k * luma| / 16           see gradient.rs                     (8)
//! W   = L * h                                     see edge_weight.rs and canny.rs     (9)
//! C   = 0.30     beta = 0.117
//! ```
//!
//! The paper also has chroma thresholds, with other constants. They are left out, since only luma is changed.
//!
//! The constants were measured on a 21-inch screen at about six image heights. The caller chooses the scale that makes
//! the map invisible on today's screens.

use super::background::{Background, luminance_adaptation};
use super::edge_weight::EdgeWeight;
use super::gradient::{Gradient, smaller};
use super::luma_only::LumaModel;
use super::padded::Padded;
use crate::error::Result;

/// Overlap C between the two kinds of masking.
const OVERLAP: f32 = 0.30;
/// Weight beta of the texture masking.
const TEXTURE: f32 = 0.117;

/// Yang's NAMM of luma.
#[derive(Debug)]
pub struct Namm {
    arch: pulp::Arch,
    luma: Padded,
    edge_weight: EdgeWeight,
    background: Background,
    gradient: Gradient,
    adaptation_row: Vec<f32>,
    weight_row: Vec<f32>,
}

impl Namm {
    /// A new model.
    pub fn new() -> Self {
        Self {
            arch: pulp::Arch::new(),
            luma: Padded::default(),
            edge_weight: EdgeWeight::default(),
            background: Background::default(),
            gradient: Gradient::default(),
            adaptation_row: Vec::new(),
            weight_row: Vec::new(),
        }
    }
}

impl Default for Namm {
    fn default() -> Self {
        Self::new()
    }
}

impl LumaModel for Namm {
    fn name(&self) -> &'static str {
        "namm"
    }

    fn arch(&self) -> pulp::Arch {
        self.arch
    }

    #[inline(always)]
    fn thresholds(&mut self, luma: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()> {
        self.luma.load("the Y plane of a JND region", luma, width, height)?;
        self.edge_weight.detect(&self.luma);
        self.background.reshape(width);
        self.gradient.reshape(width);
        self.adaptation_row.resize(width, 0.0);
        self.weight_row.resize(width, 0.0);
        for (y, out) in jnd.chunks_exact_mut(width).enumerate() {
            self.background.background_row(&self.luma, y, &mut self.adaptation_row);
            for value in &mut self.adaptation_row {
                *value = luminance_adaptation(*value);
            }
            self.edge_weight.row(y, &mut self.weight_row);
            self.gradient.max_gradient_row(&self.luma, y, out);
            for ((out, &adaptation), &weight) in out.iter_mut().zip(&self.adaptation_row).zip(&self.weight_row) {
                let masking = TEXTURE * *out * weight;
                *out = adaptation + masking - OVERLAP * smaller(masking, adaptation);
            }
        }
        Ok(())
    }
}
