// SPDX-License-Identifier: MIT OR Apache-2.0
//! Standard deviation in the `N`x`N` neighbourhood, row by row.
//!
//! Each column has its mean and its sum of squared deviations; the variance of the window combines the deviations
//! within columns and between them. No large numbers are subtracted from each other, so flat areas come out flat.

use super::padded::{Padded, shifts};

/// Scratch rows of [`deviation_row`](Self::deviation_row).
#[derive(Debug, Default)]
pub(super) struct Deviation<const N: usize> {
    means: Vec<f32>,
    squares: Vec<f32>,
    mean: Vec<f32>,
}

impl<const N: usize> Deviation<N> {
    pub(super) fn reshape(&mut self, width: usize) {
        self.means.resize(width + N - 1, 0.0);
        self.squares.resize(width + N - 1, 0.0);
    }

    /// Writes the standard deviations of row `y`.
    #[inline(always)]
    pub(super) fn deviation_row(&mut self, luma: &Padded, y: usize, out: &mut [f32]) {
        let len = out.len();
        let (means, squares) = (&mut self.means[..len + N - 1], &mut self.squares[..len + N - 1]);
        mean_and_squares(luma.rows::<N>(y, N / 2), means, squares);
        self.mean.resize(len, 0.0);
        mean_and_squares(shifts::<N>(means, len), &mut self.mean, out);
        for value in out.iter_mut() {
            *value *= N as f32;
        }
        for squares in shifts::<N>(squares, len) {
            for (out, square) in out.iter_mut().zip(squares) {
                *out += square;
            }
        }
        let share = 1.0 / (N * N) as f32;
        for value in out {
            *value = (*value * share).sqrt();
        }
    }
}

/// Mean of the rows, sample by sample, and the sum of the squared deviations from it.
#[inline(always)]
fn mean_and_squares<const N: usize>(rows: [&[f32]; N], means: &mut [f32], squares: &mut [f32]) {
    means.fill(0.0);
    for row in rows {
        for (mean, value) in means.iter_mut().zip(row) {
            *mean += value;
        }
    }
    for mean in means.iter_mut() {
        *mean *= 1.0 / N as f32;
    }
    squares.fill(0.0);
    for row in rows {
        for ((square, value), mean) in squares.iter_mut().zip(row).zip(&*means) {
            *square += (value - mean) * (value - mean);
        }
    }
}
