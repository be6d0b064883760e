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
    /// Lines between zeros.
    padded: Vec<f32>,
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
        let Self { half, rows, padded, .. } = self;
        for (row, filtered) in plane.chunks_exact(GRID).zip(rows.chunks_exact_mut(GRID)) {
            filter(half, row, filtered, 1, padded);
        }
        // All columns at once.
        filter(half, rows, plane, GRID, padded);
    }
}

/// Filters lines whose neighbouring samples lie `step` apart. `padded` is for a copy between zeros, which has a sample
/// for every tap of the kernel.
fn filter(half: &[f32], from: &[f32], to: &mut [f32], step: usize, padded: &mut Vec<f32>) {
    let zeros = (half.len() - 1) * step;
    padded.clear();
    padded.resize(zeros, 0.0);
    padded.extend_from_slice(from);
    padded.resize(padded.len() + zeros, 0.0);
    for (sum, sample) in to.iter_mut().zip(from) {
        *sum = half[0] * sample;
    }
    for (k, weight) in half.iter().enumerate().skip(1) {
        let (before, after) = (&padded[zeros - k * step..], &padded[zeros + k * step..]);
        for ((sum, before), after) in to.iter_mut().zip(before).zip(after) {
            *sum += weight * (before + after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_is_a_gaussian_along_rows_and_columns() {
        let plane: Vec<f32> = (0..GRID * GRID).map(|at| (at * at % 41) as f32 - 20.0).collect();
        for sigma in [0.3, 1.0, 8.0] {
            let (mut smoothing, mut smoothed) = (Smoothing::default(), plane.clone());
            smoothing.apply(&mut smoothed, sigma);
            let sums = |from: &[f32], step: usize| -> Vec<f32> {
                let place = |at: usize| at / step % GRID;
                let tap = |at: usize, k: usize| {
                    let before = if place(at) >= k { from[at - k * step] } else { 0.0 };
                    let after = if place(at) + k < GRID { from[at + k * step] } else { 0.0 };
                    smoothing.half[k] * (before + after)
                };
                let sum =
                    |at: usize| (1..smoothing.half.len()).fold(smoothing.half[0] * from[at], |sum, k| sum + tap(at, k));
                (0..from.len()).map(sum).collect()
            };
            // The same sums in the same order: the same bytes.
            assert_eq!(smoothed, sums(&sums(&plane, 1), GRID), "sigma {sigma}");
        }
    }
}
