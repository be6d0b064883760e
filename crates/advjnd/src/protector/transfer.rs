// SPDX-License-Identifier: MIT OR Apache-2.0
//! What helps a perturbation transfer to recognisers that are not loaded, beyond raising the margin of the loaded ones.
//!
//! | part | source |
//! |---|---|
//! | one strong random view per iteration | input diversity: Xie et al., CVPR 2019; affine views of faces: TIP-IM, Yang et al., ICCV 2021 |
//! | Gaussian smoothing of the gradient | translation invariance: Dong et al., CVPR 2019 |
//! | momentum over iterations and frames | MI-FGSM: Dong et al., CVPR 2018 |
//! | going on beyond the goal | – |

use super::geometry::GRID;

/// Sigmas that the kernel reaches to each side.
const KERNEL_SIGMAS: f32 = 2.5;

/// How the iterations aim at a perturbation that transfers to other recognisers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transfer {
    /// Strength of each iteration's random view, 0..=0.5: its matrix entries, and its shift as a share of the chip,
    /// differ by up to this from the identity. The reach of the self-check's views is the minimum.
    pub diversity: f32,
    /// Sigma of the Gaussian that smooths the gradient, in samples of the perturbation's grid (160 across the face and
    /// its surroundings), 0..=8; 0 does not smooth.
    pub smoothing: f32,
    /// Share of the last accumulated gradient that is kept, over iterations and frames, 0..1.
    pub momentum: f32,
    /// Margin beyond the required one at which iterations end, 0..=4. A larger one spends more of the budget, and
    /// protection survives more.
    pub reserve: f32,
}

impl Default for Transfer {
    fn default() -> Self {
        Self { diversity: 0.0, smoothing: 1.0, momentum: 0.5, reserve: 4.0 }
    }
}

/// A Gaussian filter of planes of [`GRID`]².
#[derive(Debug, Default)]
pub struct Smoothing {
    sigma: f32,
    /// The kernel from the centre outwards; the full kernel sums to one.
    half: Vec<f32>,
    rows: Vec<f32>,
}

impl Smoothing {
    /// Filters `plane` in place, with zeros around it. A sigma that is not above zero changes nothing.
    pub fn apply(&mut self, plane: &mut [f32], sigma: f32) {
        if sigma.is_nan() || sigma <= 0.0 {
            return;
        }
        if self.sigma != sigma {
            let reach = (KERNEL_SIGMAS * sigma).ceil() as usize;
            let tap = |k: usize| (-((k * k) as f32) / (2.0 * sigma * sigma)).exp();
            let sum = 2.0 * (1..=reach).map(tap).sum::<f32>() + 1.0;
            self.half = (0..=reach).map(|k| tap(k) / sum).collect();
            self.sigma = sigma;
        }
        self.rows.resize(plane.len(), 0.0);
        filter(&self.half, plane, &mut self.rows, 1);
        filter(&self.half, &self.rows, plane, GRID);
    }
}

/// Filters the lines of a plane; the samples of a line lie `step` apart.
fn filter(half: &[f32], from: &[f32], to: &mut [f32], step: usize) {
    let other = if step == 1 { GRID } else { 1 };
    for line in 0..GRID {
        for at in 0..GRID {
            let sample = |k: usize| from[line * other + k * step];
            let mut sum = half[0] * sample(at);
            for (k, weight) in half.iter().enumerate().skip(1) {
                let before = if at >= k { sample(at - k) } else { 0.0 };
                let after = if at + k < GRID { sample(at + k) } else { 0.0 };
                sum += weight * (before + after);
            }
            to[line * other + at * step] = sum;
        }
    }
}
