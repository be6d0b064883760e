//! Standard deviation in the 5x5 neighbourhood, row by row.
//!
//! Each column of five has its mean and its sum of squared deviations; the variance of the window is the mean of both
//! kinds of deviation. Nothing large is subtracted from anything large, so flat areas come out flat.

use super::padded::{Padded, shifts};

/// Scratch rows of [`deviation_row`](Self::deviation_row).
#[derive(Debug, Default)]
pub(super) struct Deviation {
    means: Vec<f32>,
    squares: Vec<f32>,
}

impl Deviation {
    pub(super) fn reshape(&mut self, width: usize) {
        self.means.resize(width + 4, 0.0);
        self.squares.resize(width + 4, 0.0);
    }

    /// Writes the standard deviations of row `y`.
    #[inline(always)]
    pub(super) fn deviation_row(&mut self, luma: &Padded, y: usize, out: &mut [f32]) {
        let len = out.len();
        let rows = luma.rows::<5>(y, 2);
        let (means, squares) = (&mut self.means[..len + 4], &mut self.squares[..len + 4]);
        for x in 0..len + 4 {
            let (mean, square) = mean_and_squares(rows.map(|row| row[x]));
            means[x] = mean;
            squares[x] = square;
        }
        let (means, squares) = (shifts::<5>(means, len), shifts::<5>(squares, len));
        for x in 0..len {
            let (_, between) = mean_and_squares(means.map(|row| row[x]));
            let within: f32 = squares.map(|row| row[x]).iter().sum();
            out[x] = ((within + 5.0 * between) * (1.0 / 25.0)).sqrt();
        }
    }
}

/// Mean of five values and the sum of the squared deviations from it.
#[inline(always)]
fn mean_and_squares(values: [f32; 5]) -> (f32, f32) {
    let mean = (values[0] + values[1] + values[2] + values[3] + values[4]) * 0.2;
    (mean, values.map(|value| (value - mean) * (value - mean)).iter().sum())
}
