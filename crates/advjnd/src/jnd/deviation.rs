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
        let [a, b, c, d, e] = luma.rows::<5>(y, 2);
        let (means, squares) = (&mut self.means[..len + 4], &mut self.squares[..len + 4]);
        for x in 0..len + 4 {
            let (mean, square) = mean_and_squares([a[x], b[x], c[x], d[x], e[x]]);
            means[x] = mean;
            squares[x] = square;
        }
        let [m0, m1, m2, m3, m4] = shifts::<5>(means, len);
        let [s0, s1, s2, s3, s4] = shifts::<5>(squares, len);
        for x in 0..len {
            let (_, between) = mean_and_squares([m0[x], m1[x], m2[x], m3[x], m4[x]]);
            let within = s0[x] + s1[x] + s2[x] + s3[x] + s4[x];
            out[x] = ((within + 5.0 * between) * (1.0 / 25.0)).sqrt();
        }
    }
}

/// Mean of five values and the sum of the squared deviations from it.
#[inline(always)]
fn mean_and_squares([a, b, c, d, e]: [f32; 5]) -> (f32, f32) {
    let mean = (a + b + c + d + e) * 0.2;
    let (a, b, c, d, e) = (a - mean, b - mean, c - mean, d - mean, e - mean);
    (mean, a * a + b * b + c * c + d * d + e * e)
}
