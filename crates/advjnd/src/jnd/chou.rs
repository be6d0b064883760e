// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chou & Li 1995: "A perceptually tuned subband image coder based on the measure of just-noticeable-distortion
//! profile", IEEE Trans. Circuits Syst. Video Technol. 5(6), eq. 1-9.
//!
//! ```text
//! JND = max(f1, f2)
//! f1 = mg alpha(bg) + beta(bg)                    contrast masking
//!      alpha = 0.0001 bg + 0.115,  beta = 1/2 - 0.01 bg
//! f2 = luminance adaptation at bg                 see background.rs
//! mg = max over k of |G_k * luma| / 16            see gradient.rs
//! bg = (B * luma) / 32
//! ```
//!
//! The constants were measured in a dark room at six image heights; at two or three heights they are too generous.
//!
//! The model covers luma only.

use super::background::{Background, luminance_adaptation};
use super::gradient::{Gradient, larger};
use super::luma_only::LumaModel;
use super::padded::Padded;
use crate::error::Result;

/// Chou & Li's spatial model, luma only.
#[derive(Debug)]
pub struct Chou {
    arch: pulp::Arch,
    luma: Padded,
    background: Background,
    gradient: Gradient,
    background_row: Vec<f32>,
}

impl Chou {
    /// A new model.
    pub fn new() -> Self {
        Self {
            arch: pulp::Arch::new(),
            luma: Padded::default(),
            background: Background::default(),
            gradient: Gradient::default(),
            background_row: Vec::new(),
        }
    }
}

impl Default for Chou {
    fn default() -> Self {
        Self::new()
    }
}

impl LumaModel for Chou {
    fn name(&self) -> &'static str {
        "chou"
    }

    fn arch(&self) -> pulp::Arch {
        self.arch
    }

    #[inline(always)]
    fn thresholds(&mut self, luma: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()> {
        self.luma.load("the Y plane of a JND region", luma, width, height)?;
        self.background.reshape(width);
        self.gradient.reshape(width);
        self.background_row.resize(width, 0.0);
        for (y, out) in jnd.chunks_exact_mut(width).enumerate() {
            self.background.background_row(&self.luma, y, &mut self.background_row);
            self.gradient.max_gradient_row(&self.luma, y, out);
            for (out, &background) in out.iter_mut().zip(&self.background_row) {
                let masking = *out * (0.0001 * background + 0.115) + (0.5 - 0.01 * background);
                *out = larger(masking, luminance_adaptation(background));
            }
        }
        Ok(())
    }
}
