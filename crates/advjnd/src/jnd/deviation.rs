//! Standard deviation in the `N`x`N` neighbourhood, row by row.
//!
//! Each column has its mean and its sum of squared deviations; the variance of the window is the mean of both
//! kinds of deviation. Nothing large is subtracted from anything large, so flat areas come out flat.

use super::padded::{Padded, shifts};

/// Scratch rows of [`deviation_row`](Self::deviation_row).
#[derive(Debug, Default)]
pub(super) struct Deviation<const N: usize> {
    means: Vec<f32>,
    squares: Vec<f32>,
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
        let rows = luma.rows::<N>(y, N / 2).map(|row| &row[..len + N - 1]);
        let (means, squares) = (&mut self.means[..len + N - 1], &mut self.squares[..len + N - 1]);
        for x in 0..len + N - 1 {
            let (mean, square) = mean_and_squares(rows.map(|row| row[x]));
            means[x] = mean;
            squares[x] = square;
        }
        let (means, squares) = (shifts::<N>(means, len), shifts::<N>(squares, len));
        let count = N as f32;
        for (x, out) in out.iter_mut().enumerate() {
            let (_, between) = mean_and_squares(means.map(|means| means[x]));
            let within = sum(squares.map(|squares| squares[x]));
            *out = ((within + count * between) * (1.0 / (count * count))).sqrt();
        }
    }
}

/// Mean of values and the sum of the squared deviations from it.
#[inline(always)]
fn mean_and_squares<const N: usize>(values: [f32; N]) -> (f32, f32) {
    let mean = sum(values) * (1.0 / N as f32);
    (mean, sum(values.map(|value| (value - mean) * (value - mean))))
}

#[inline(always)]
fn sum<const N: usize>(values: [f32; N]) -> f32 {
    let mut sum = values[0];
    for value in &values[1..] {
        sum += value;
    }
    sum
}
