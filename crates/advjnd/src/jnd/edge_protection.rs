// SPDX-License-Identifier: MIT OR Apache-2.0
//! Edge protection E of Wu's models (the authors' programs): nothing masks an edge.
//!
//! E = 1 - edge (pattern complexity, 2017) or 1 - 0.8 edge (free energy, 2013), blurred with a 5x5 Gaussian of sigma
//! 0.8, where edge is Canny's, dilated.

use super::canny::{Canny, EDGE};
use super::gaussian::{Blur, half_kernel};
use super::gradient::smaller;
use super::padded::{Padded, shifts};

/// Standard deviation of the blur in pixels.
const SIGMA: f64 = 0.8;

/// The shape that dilates edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dilation {
    /// A 5x5 square, which is MATLAB's `strel('disk', 3)`.
    Square,
    /// The 13 pixels at most two steps away, which is `strel('disk', 2)`.
    Diamond,
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
    /// Takes the edges of `luma` at the high threshold `threshold`; afterwards [`row`](Self::row) gives the
    /// protection, which is `on_edge` on an edge.
    #[inline(always)]
    pub(super) fn detect(&mut self, luma: &Padded, threshold: f32, on_edge: f32, dilation: Dilation) {
        let (width, height) = (luma.width(), luma.height());
        self.levels.reshape(width, height);
        self.dilated.reshape(width, height);
        self.column.resize(width + 4, 0.0);
        let marks = self.canny.detect(luma, threshold);
        for (y, marks) in marks.chunks_exact(width).enumerate() {
            for (level, &mark) in self.levels.row_mut(y).iter_mut().zip(marks) {
                *level = if mark == EDGE { on_edge } else { 1.0 };
            }
            self.levels.replicate_ends(y);
        }
        for y in 0..height {
            match dilation {
                Dilation::Square => {
                    smallest(self.levels.rows::<5>(y, 2), &mut self.column);
                    smallest(shifts::<5>(&self.column, width), self.dilated.row_mut(y));
                }
                Dilation::Diamond => diamond(self.levels.rows::<5>(y, 2), self.dilated.row_mut(y)),
            }
            self.dilated.replicate_ends(y);
        }
        self.blur.filter(&self.dilated);
    }

    /// Writes the protection of row `y`: 1 far from any edge.
    #[inline(always)]
    pub(super) fn row(&self, y: usize, out: &mut [f32]) {
        self.blur.row(y, out);
    }
}

/// The smallest of the 13 samples at most two steps from each, in five rows with two samples more at each end.
#[inline(always)]
fn diamond(rows: [&[f32]; 5], out: &mut [f32]) {
    let len = out.len();
    let [a, b, c, d, e] = rows.map(|row| &row[..len + 4]);
    for (x, out) in out.iter_mut().enumerate() {
        let tips = smaller(a[x + 2], e[x + 2]);
        let near =
            smaller(smaller(smaller(b[x + 1], d[x + 1]), smaller(b[x + 2], d[x + 2])), smaller(b[x + 3], d[x + 3]));
        let middle = smaller(smaller(smaller(c[x], c[x + 1]), smaller(c[x + 2], c[x + 3])), c[x + 4]);
        *out = smaller(tips, smaller(near, middle));
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
