//! Edge protection E of the pattern-complexity model (Wu et al. 2017, the authors' program): no pattern masks an edge.
//!
//! E = 1 - edge, blurred with a 5x5 Gaussian of sigma 0.8, where edge is Canny's, dilated by the 5x5 square that
//! MATLAB's `strel('disk', 3)` is. The high threshold is min(60 / steepest, 0.8), so that what counts as an edge depends
//! on its height in code values rather than on the region.

use super::canny::{Canny, EDGE};
use super::gaussian::{Blur, half_kernel};
use super::gradient::smaller;
use super::padded::{Padded, shifts};

/// Standard deviation of the blur in pixels.
pub(super) const SIGMA: f64 = 0.8;
/// Height of an edge in code values.
const EDGE_HEIGHT: f32 = 60.0;
/// Largest high threshold.
const MAX_THRESHOLD: f32 = 0.8;

/// High threshold where `steepest` is the region's largest directional gradient.
pub(super) fn threshold(steepest: f32) -> f32 {
    (EDGE_HEIGHT / steepest).min(MAX_THRESHOLD)
}

/// The protection of one region, with its scratch.
#[derive(Debug)]
pub(super) struct EdgeProtection {
    canny: Canny,
    levels: Padded,
    dilated: Padded,
    column: Vec<f32>,
    blur: Blur<3, 5>,
}

impl Default for EdgeProtection {
    fn default() -> Self {
        Self {
            canny: Canny::default(),
            levels: Padded::default(),
            dilated: Padded::default(),
            column: Vec::new(),
            blur: Blur::new(half_kernel(SIGMA)),
        }
    }
}

impl EdgeProtection {
    /// Takes the edges of `luma`; afterwards [`row`](Self::row) gives the protection.
    #[inline(always)]
    pub(super) fn detect(&mut self, luma: &Padded, steepest: f32) {
        let (width, height) = (luma.width(), luma.height());
        self.levels.reshape(width, height);
        self.dilated.reshape(width, height);
        self.column.resize(width + 4, 0.0);
        let marks = self.canny.detect(luma, threshold(steepest));
        for (y, marks) in marks.chunks_exact(width).enumerate() {
            for (level, &mark) in self.levels.row_mut(y).iter_mut().zip(marks) {
                *level = if mark == EDGE { 0.0 } else { 1.0 };
            }
            self.levels.replicate_ends(y);
        }
        for y in 0..height {
            smallest(self.levels.rows::<5>(y, 2), &mut self.column);
            smallest(shifts::<5>(&self.column, width), self.dilated.row_mut(y));
            self.dilated.replicate_ends(y);
        }
        self.blur.filter(&self.dilated);
    }

    /// Writes the protection of row `y`: 0 on an edge, 1 far from any.
    #[inline(always)]
    pub(super) fn row(&self, y: usize, out: &mut [f32]) {
        self.blur.row(y, out);
    }
}

/// The smallest of five slices, sample by sample.
#[inline(always)]
fn smallest(slices: [&[f32]; 5], out: &mut [f32]) {
    let [a, b, c, d, e] = slices.map(|slice| &slice[..out.len()]);
    for (x, out) in out.iter_mut().enumerate() {
        *out = smaller(smaller(smaller(a[x], b[x]), smaller(c[x], d[x])), e[x]);
    }
}
