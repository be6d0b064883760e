// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pattern masking: Wu, Li, Dong, Shi, Lin, Kuo 2017, "Enhanced just noticeable difference model for images with
//! pattern complexity", IEEE Trans. Image Process. 26(6), eq. 6-14, with the constants of the authors' released MATLAB
//! program.
//!
//! ```text
//! JND = T_l + M_s - 0.3 min(T_l, M_s)                 (14)
//! M_s = max(M_p E, M_c)                               (12), E of the program
//! M_c = 1.84 L^2.4 / (L^2 + 26^2)                     luminance contrast masking (11)
//! M_p = L 0.3 C^2.7 / (C^2 + 1)                       pattern masking (10)
//! T_l = 0.7 LA(bg'), bg' = 32 + bg 95/127 up to 127   luminance adaptation; LA and bg in background.rs
//! L   = standard deviation in the 5x5 neighbourhood
//! C   = pattern complexity (orientation.rs, plain below 5), blurred with a 3x3 Gaussian of sigma 1
//! E   = 1 - edge, blurred with a 5x5 Gaussian of sigma 0.8; edge = Canny at min(60 / steepest, 0.8), dilated 5x5
//!       (MATLAB's disk of radius 3); steepest = largest gradient of gradient.rs
//! ```
//!
//! [`Pattern::paper`] uses the paper's own constants: M_p = log2(1 + L) 0.8 C^2.7 / (C^2 + 0.1^2), L = the Prewitt
//! gradient's magnitude, C not blurred, only pixels without any gradient plain, T_l = LA(bg), E = 1. It is far more
//! generous.
//!
//! Departures: the program rounds bg and bg' to code values and angles to degrees, filters with zeros beyond the image,
//! and treats its outermost pixels separately. Here nothing is rounded, and borders are replicated, since planes are
//! regions of a larger frame. The paper prints LA without "+ 3"; here the term is kept.
//!
//! The model covers luma only.

use super::background::{Background, lifted, luminance_adaptation};
use super::deviation::Deviation;
use super::edge_protection::{Dilation, EdgeProtection};
use super::gaussian::{Blur, half_kernel};
use super::gradient::{Gradient, larger, largest_of, smaller};
use super::luma_only::LumaModel;
use super::orientation::{Orientation, magnitude_row};
use super::padded::Padded;
use super::power::{log2, pow};
use crate::error::Result;

/// Overlap between the two kinds of masking.
const OVERLAP: f32 = 0.3;
/// Gradient magnitude below which the program calls a pixel plain.
const MIN_GRADIENT: f32 = 5.0;
/// Height of an edge in code values.
const EDGE_HEIGHT: f32 = 60.0;
/// Largest high threshold of the edge detector.
const MAX_EDGE_THRESHOLD: f32 = 0.8;

/// High threshold for a region with the largest directional gradient `steepest`. So an edge is defined by its height in
/// code values, not relative to the region.
fn edge_threshold(steepest: f32) -> f32 {
    (EDGE_HEIGHT / steepest).min(MAX_EDGE_THRESHOLD)
}

/// The source of the constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Constants {
    Program,
    Paper,
}

/// Wu's pattern-complexity model, luma only.
#[derive(Debug)]
pub struct Pattern {
    arch: pulp::Arch,
    constants: Constants,
    luma: Padded,
    complexity: Padded,
    orientation: Orientation,
    complexity_blur: Blur<2, 3>,
    edge_protection: EdgeProtection,
    gradient: Gradient,
    background: Background,
    deviation: Deviation<5>,
    background_row: Vec<f32>,
    complexity_row: Vec<f32>,
    protection_row: Vec<f32>,
}

impl Pattern {
    /// A new model with the constants of the authors' program.
    pub fn new() -> Self {
        Self::with(Constants::Program)
    }

    /// A new model with the constants of the paper.
    pub fn paper() -> Self {
        Self::with(Constants::Paper)
    }

    fn with(constants: Constants) -> Self {
        Self {
            arch: pulp::Arch::new(),
            constants,
            luma: Padded::default(),
            complexity: Padded::default(),
            orientation: Orientation::new(),
            complexity_blur: Blur::new(half_kernel(1.0)),
            edge_protection: EdgeProtection::default(),
            gradient: Gradient::default(),
            background: Background::default(),
            deviation: Deviation::default(),
            background_row: Vec::new(),
            complexity_row: Vec::new(),
            protection_row: Vec::new(),
        }
    }

    #[inline(always)]
    fn program_thresholds(&mut self, width: usize, jnd: &mut [f32]) {
        let mut steepest = 0.0;
        for (y, out) in jnd.chunks_exact_mut(width).enumerate() {
            self.gradient.max_gradient_row(&self.luma, y, out);
            steepest = larger(steepest, largest_of(out));
        }
        self.edge_protection.detect(&self.luma, edge_threshold(steepest), 0.0, Dilation::Square);
        self.orientation.complexity(&self.luma, MIN_GRADIENT, &mut self.complexity);
        self.complexity_blur.filter(&self.complexity);
        for (y, out) in jnd.chunks_exact_mut(width).enumerate() {
            self.complexity_blur.row(y, &mut self.complexity_row);
            self.edge_protection.row(y, &mut self.protection_row);
            self.deviation.deviation_row(&self.luma, y, out);
            self.background.background_row(&self.luma, y, &mut self.background_row);
            program_row(&self.background_row, &self.complexity_row, &self.protection_row, out);
        }
    }

    #[inline(always)]
    fn paper_thresholds(&mut self, width: usize, jnd: &mut [f32]) {
        self.orientation.complexity(&self.luma, 0.0, &mut self.complexity);
        for (y, out) in jnd.chunks_exact_mut(width).enumerate() {
            magnitude_row(self.luma.rows(y, 1), out);
            self.background.background_row(&self.luma, y, &mut self.background_row);
            paper_row(&self.background_row, self.complexity.row(y as isize, 0), out);
        }
    }
}

/// Turns the deviations in `out` into thresholds.
#[inline(always)]
fn program_row(background: &[f32], complexity: &[f32], protection: &[f32], out: &mut [f32]) {
    let len = out.len();
    let (background, complexity, protection) = (&background[..len], &complexity[..len], &protection[..len]);
    for x in 0..len {
        let complexity_gain = 0.3 * pow(complexity[x], 2.7) / (complexity[x] * complexity[x] + 1.0);
        let pattern = out[x] * complexity_gain * protection[x];
        let adaptation = 0.7 * luminance_adaptation(lifted(background[x]));
        out[x] = combine(adaptation, larger(pattern, contrast_masking(out[x])));
    }
}

/// Turns the gradients in `out` into thresholds.
#[inline(always)]
fn paper_row(background: &[f32], complexity: &[f32], out: &mut [f32]) {
    let len = out.len();
    let (background, complexity) = (&background[..len], &complexity[..len]);
    for x in 0..len {
        let complexity_gain = 0.8 * pow(complexity[x], 2.7) / (complexity[x] * complexity[x] + 0.01);
        let pattern = log2(1.0 + out[x]) * complexity_gain;
        out[x] = combine(luminance_adaptation(background[x]), larger(pattern, contrast_masking(out[x])));
    }
}

/// M_c of a contrast in code values (eq. 11).
#[inline(always)]
fn contrast_masking(contrast: f32) -> f32 {
    1.84 * pow(larger(contrast, 1e-6), 2.4) / (contrast * contrast + 26.0 * 26.0)
}

/// Eq. 14.
#[inline(always)]
fn combine(adaptation: f32, masking: f32) -> f32 {
    adaptation + masking - OVERLAP * smaller(masking, adaptation)
}

impl Default for Pattern {
    fn default() -> Self {
        Self::new()
    }
}

impl LumaModel for Pattern {
    fn name(&self) -> &'static str {
        match self.constants {
            Constants::Program => "pattern",
            Constants::Paper => "pattern-paper",
        }
    }

    fn arch(&self) -> pulp::Arch {
        self.arch
    }

    #[inline(always)]
    fn thresholds(&mut self, luma: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()> {
        self.luma.load("the Y plane of a JND region", luma, width, height)?;
        self.gradient.reshape(width);
        self.background.reshape(width);
        self.deviation.reshape(width);
        for row in [&mut self.background_row, &mut self.complexity_row, &mut self.protection_row] {
            row.resize(width, 0.0);
        }
        match self.constants {
            Constants::Program => self.program_thresholds(width, jnd),
            Constants::Paper => self.paper_thresholds(width, jnd),
        }
        Ok(())
    }
}
