// SPDX-License-Identifier: MIT OR Apache-2.0
//! Edge weight W = L * h (Yang et al. 2005, eq. 9): texture masks well, an edge does not.
//!
//! L is 0.1 on a Canny edge and 1 elsewhere, h a 7x7 Gaussian of sigma 0.8. See [`canny`](super::canny) for the edges.

use super::canny::{Canny, EDGE};
use super::gaussian::{Blur, half_kernel};
use super::padded::Padded;

/// High threshold of the edge detector.
const THRESHOLD: f32 = 0.5;
/// L on an edge.
const ON_EDGE: f32 = 0.1;
/// Standard deviation of h in pixels.
const SIGMA: f64 = 0.8;

/// The weight of one region, with its scratch.
#[derive(Debug)]
pub(super) struct EdgeWeight {
    canny: Canny,
    levels: Padded,
    blur: Blur<4, 7>,
}

impl Default for EdgeWeight {
    fn default() -> Self {
        Self { canny: Canny::default(), levels: Padded::default(), blur: Blur::new(half_kernel(SIGMA)) }
    }
}

impl EdgeWeight {
    /// Takes the edges of `luma`; afterwards [`row`](Self::row) gives the weights.
    #[inline(always)]
    pub(super) fn detect(&mut self, luma: &Padded) {
        self.levels.reshape(luma.width(), luma.height());
        let marks = self.canny.detect(luma, THRESHOLD);
        for (y, marks) in marks.chunks_exact(luma.width()).enumerate() {
            for (level, &mark) in self.levels.row_mut(y).iter_mut().zip(marks) {
                *level = if mark == EDGE { ON_EDGE } else { 1.0 };
            }
            self.levels.replicate_ends(y);
        }
        self.blur.filter(&self.levels);
    }

    /// Writes the weights of row `y`, 0.1..=1.
    #[inline(always)]
    pub(super) fn row(&self, y: usize, out: &mut [f32]) {
        self.blur.row(y, out);
    }
}
