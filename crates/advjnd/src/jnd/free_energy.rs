// SPDX-License-Identifier: MIT OR Apache-2.0
//! Free energy: Wu, Shi, Lin, Liu, Qi 2013, "Just noticeable difference estimation for images with free-energy
//! principle", IEEE Trans. Multimedia 15(7), eq. 3-11, with the constants of the authors' released MATLAB program.
//!
//! The brain expects orderly content; content that it does not expect hides more.
//!
//! ```text
//! JND   = J_p + J_d - 0.3 min(J_p, J_d)                 (11)
//! J_p   = T_l + M_c - 0.3 min(T_l, M_c)                 of the expected region F', see prediction.rs (8)
//! M_c   = |80 log4(1 + G / 80) (0.0001 bg + 0.115) + 0.5 - 0.01 bg|
//! T_l   = LA(bg'), bg' = 32 + bg 95/127 up to 127       LA and bg in background.rs, G in gradient.rs
//! J_d   = D' E                                          (10)
//! D     = |F - F'|, D' = min(D, D blurred with a 7x7 Gaussian of sigma 7/3) where the 7x7 deviation is below 10
//! E     = 1 - 0.8 edge, blurred with a 5x5 Gaussian of sigma 0.8; edge = Canny at 0.7, dilated by MATLAB's disk of
//!         radius 2
//! ```
//!
//! Departures: the program rounds F', bg and bg' to code values, filters with zeros beyond the image, and gives no
//! thresholds within three pixels of its border; here nothing is rounded, and borders are replicated. The paper has
//! 1.125 D for J_d, and a formula of M_c that is negative for small gradients; this follows the program.
//!
//! Every pixel is compared with 440 others by 49 samples each, so the model suits stills, not live video. It covers
//! luma only.

use super::background::{Background, lifted, luminance_adaptation};
use super::deviation::Deviation;
use super::edge_protection::{Dilation, EdgeProtection};
use super::gaussian::{Blur, half_kernel};
use super::gradient::{Gradient, larger, smaller};
use super::luma_only::LumaModel;
use super::padded::Padded;
use super::power::log2;
use super::prediction::{LEAST_DEVIATION, Prediction};
use crate::error::Result;

/// Overlap between kinds of masking.
const OVERLAP: f32 = 0.3;
/// Gradient at which contrast masking saturates.
const SATURATION: f32 = 80.0;
/// Deviation below which a 7x7 neighbourhood counts as smooth.
const SMOOTH: f32 = 10.0;
/// High threshold of the edge detector, and the reduction of the threshold on an edge.
const EDGE_THRESHOLD: f32 = 0.7;
const ON_EDGE: f32 = 0.2;

/// Wu's free-energy model, luma only.
#[derive(Debug)]
pub struct FreeEnergy {
    arch: pulp::Arch,
    luma: Padded,
    expected: Padded,
    surprise: Padded,
    prediction: Prediction,
    background: Background,
    gradient: Gradient,
    deviation: Deviation<7>,
    blur: Blur<4, 7>,
    edge_protection: EdgeProtection,
    deviations: Vec<f32>,
    scale: Vec<f32>,
    background_row: Vec<f32>,
    row: Vec<f32>,
    protection_row: Vec<f32>,
}

impl FreeEnergy {
    /// A new model.
    pub fn new() -> Self {
        Self {
            arch: pulp::Arch::new(),
            luma: Padded::default(),
            expected: Padded::default(),
            surprise: Padded::default(),
            prediction: Prediction::default(),
            background: Background::default(),
            gradient: Gradient::default(),
            deviation: Deviation::default(),
            blur: Blur::new(half_kernel(7.0 / 3.0)),
            edge_protection: EdgeProtection::default(),
            deviations: Vec::new(),
            scale: Vec::new(),
            background_row: Vec::new(),
            row: Vec::new(),
            protection_row: Vec::new(),
        }
    }

    /// Fills the deviations, and how strict the comparison of each pixel is.
    #[inline(always)]
    fn measure(&mut self, width: usize, height: usize) {
        self.deviations.resize(width * height, 0.0);
        self.scale.resize(width * height, 0.0);
        let rows = self.deviations.chunks_exact_mut(width).zip(self.scale.chunks_exact_mut(width));
        for (y, (deviations, scale)) in rows.enumerate() {
            self.deviation.deviation_row(&self.luma, y, deviations);
            self.background.background_row(&self.luma, y, &mut self.background_row);
            for ((scale, deviation), background) in scale.iter_mut().zip(&*deviations).zip(&self.background_row) {
                let least = larger(luminance_adaptation(lifted(*background)), LEAST_DEVIATION);
                let square = least * least * (least / larger(*deviation, least));
                *scale = -1.0 / (49.0 * square);
            }
        }
    }

    /// Fills the difference of the region and its expectation.
    #[inline(always)]
    fn compare(&mut self, width: usize, height: usize) {
        self.surprise.reshape(width, height);
        for y in 0..height {
            let (own, expected) = (self.luma.row(y as isize, 0), self.expected.row(y as isize, 0));
            for ((out, own), expected) in self.surprise.row_mut(y).iter_mut().zip(own).zip(expected) {
                *out = (own - expected).abs();
            }
            self.surprise.replicate_ends(y);
        }
        self.blur.filter(&self.surprise);
    }
}

impl Default for FreeEnergy {
    fn default() -> Self {
        Self::new()
    }
}

impl LumaModel for FreeEnergy {
    fn name(&self) -> &'static str {
        "free-energy"
    }

    fn arch(&self) -> pulp::Arch {
        self.arch
    }

    #[inline(always)]
    fn thresholds(&mut self, luma: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()> {
        self.luma.load("the Y plane of a JND region", luma, width, height)?;
        self.background.reshape(width);
        self.gradient.reshape(width);
        self.deviation.reshape(width);
        for row in [&mut self.background_row, &mut self.row, &mut self.protection_row] {
            row.resize(width, 0.0);
        }
        self.measure(width, height);
        self.prediction.predict(&self.luma, &self.scale, &mut self.expected);
        self.compare(width, height);
        self.edge_protection.detect(&self.luma, EDGE_THRESHOLD, ON_EDGE, Dilation::Diamond);
        for (y, out) in jnd.chunks_exact_mut(width).enumerate() {
            self.gradient.max_gradient_row(&self.expected, y, out);
            self.background.background_row(&self.expected, y, &mut self.background_row);
            self.blur.row(y, &mut self.row);
            self.edge_protection.row(y, &mut self.protection_row);
            let surprise = &self.surprise.row(y as isize, 0)[..width];
            let (deviations, blurred) = (&self.deviations[y * width..][..width], &self.row[..width]);
            let (background, protection) = (&self.background_row[..width], &self.protection_row[..width]);
            for x in 0..width {
                let calm = if deviations[x] < SMOOTH { smaller(surprise[x], blurred[x]) } else { surprise[x] };
                let orderly =
                    combine(luminance_adaptation(lifted(background[x])), contrast_masking(out[x], background[x]));
                out[x] = combine(orderly, calm * protection[x]);
            }
        }
        Ok(())
    }
}

/// M_c of a gradient at a background.
#[inline(always)]
fn contrast_masking(gradient: f32, background: f32) -> f32 {
    let saturated = SATURATION * 0.5 * log2(1.0 + gradient * (1.0 / SATURATION));
    (saturated * (0.0001 * background + 0.115) + 0.5 - 0.01 * background).abs()
}

#[inline(always)]
fn combine(a: f32, b: f32) -> f32 {
    a + b - OVERLAP * smaller(a, b)
}
