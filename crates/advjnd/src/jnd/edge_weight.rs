//! Edge weight W = L * h (Yang et al. 2005, eq. 9): texture masks well, an edge does not.
//!
//! L is 0.1 on a Canny edge and 1 elsewhere, h a 7x7 Gaussian of sigma 0.8. See [`canny`](super::canny) for the edges.

use super::canny::{Canny, EDGE};
use super::gaussian::{half_kernel, symmetric_sum};
use super::padded::{Padded, shifts};

/// L on an edge.
pub(super) const ON_EDGE: f32 = 0.1;
/// Standard deviation of h in pixels.
pub(super) const SIGMA: f64 = 0.8;
/// Taps of h from its centre to its end.
pub(super) const HALF_TAPS: usize = 4;

const TAPS: usize = 2 * HALF_TAPS - 1;

/// The weight of one region, with its scratch.
#[derive(Debug)]
pub(super) struct EdgeWeight {
    half_kernel: [f32; HALF_TAPS],
    canny: Canny,
    levels: Padded,
    horizontal: Padded,
}

impl Default for EdgeWeight {
    fn default() -> Self {
        Self {
            half_kernel: half_kernel(SIGMA),
            canny: Canny::default(),
            levels: Padded::default(),
            horizontal: Padded::default(),
        }
    }
}

impl EdgeWeight {
    /// Takes the edges of `luma`; afterwards [`row`](Self::row) gives the weights.
    #[inline(always)]
    pub(super) fn detect(&mut self, luma: &Padded) {
        let (width, height) = (luma.width(), luma.height());
        self.levels.reshape(width, height);
        self.horizontal.reshape(width, height);
        let marks = self.canny.detect(luma);
        for (y, marks) in marks.chunks_exact(width).enumerate() {
            self.levels.fill_row(y, |out| {
                for (level, &mark) in out.iter_mut().zip(marks) {
                    *level = if mark == EDGE { ON_EDGE } else { 1.0 };
                }
            });
            let taps = shifts::<TAPS>(self.levels.row(y as isize, HALF_TAPS - 1), width);
            self.horizontal.fill_row(y, |out| symmetric_sum(&self.half_kernel, taps, out));
        }
    }

    /// Writes the weights of row `y`, 0.1..=1.
    #[inline(always)]
    pub(super) fn row(&self, y: usize, out: &mut [f32]) {
        symmetric_sum(&self.half_kernel, self.horizontal.rows::<TAPS>(y, 0), out);
    }
}
