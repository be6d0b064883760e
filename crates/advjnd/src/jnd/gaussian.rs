// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gaussian kernels and the separable filter.

use super::padded::{Padded, shifts};

/// Half of a sampled Gaussian of `2 N - 1` taps, centre first, scaled so that the whole kernel sums to 1.
pub(super) fn half_kernel<const N: usize>(sigma: f64) -> [f32; N] {
    let tap = |k: usize| (-((k * k) as f64) / (2.0 * sigma * sigma)).exp();
    let sum = tap(0) + 2.0 * (1..N).map(tap).sum::<f64>();
    std::array::from_fn(|k| (tap(k) / sum) as f32)
}

/// A separable symmetric filter of `TAPS = 2 N - 1` taps in each direction: rows first, then columns, each sum from the
/// centre outwards, so that a plain loop in the same order gives the same bits.
#[derive(Debug)]
pub(super) struct Blur<const N: usize, const TAPS: usize> {
    half_kernel: [f32; N],
    horizontal: Padded,
}

impl<const N: usize, const TAPS: usize> Blur<N, TAPS> {
    pub(super) fn new(half_kernel: [f32; N]) -> Self {
        const { assert!(TAPS == 2 * N - 1) };
        Self { half_kernel, horizontal: Padded::default() }
    }

    /// Filters along the rows; afterwards [`row`](Self::row) gives the result.
    #[inline(always)]
    pub(super) fn filter(&mut self, plane: &Padded) {
        self.horizontal.reshape(plane.width(), plane.height());
        for y in 0..plane.height() {
            let taps = shifts::<TAPS>(plane.row(y as isize, N - 1), plane.width());
            symmetric_sum(&self.half_kernel, taps, self.horizontal.row_mut(y));
        }
    }

    /// Filters along the columns: writes row `y` of the result.
    #[inline(always)]
    pub(super) fn row(&self, y: usize, out: &mut [f32]) {
        symmetric_sum(&self.half_kernel, self.horizontal.rows::<TAPS>(y, 0), out);
    }
}

/// Weighted sum of `2 N - 1` slices, symmetric about the middle one.
#[inline(always)]
fn symmetric_sum<const N: usize, const TAPS: usize>(half_kernel: &[f32; N], slices: [&[f32]; TAPS], out: &mut [f32]) {
    let slices = slices.map(|slice| &slice[..out.len()]);
    for (x, out) in out.iter_mut().enumerate() {
        let mut sum = half_kernel[0] * slices[N - 1][x];
        for k in 1..N {
            sum += half_kernel[k] * (slices[N - 1 - k][x] + slices[N - 1 + k][x]);
        }
        *out = sum;
    }
}
