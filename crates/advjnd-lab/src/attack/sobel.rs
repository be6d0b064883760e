// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Sobel operator in both directions, and its adjoint.
//!
//! ```text
//! horizontal = -1 0 1    vertical = -1 -2 -1
//!              -2 0 2                0  0  0
//!              -1 0 1                1  2  1
//! ```
//!
//! Not normalised, as in most image libraries. Beyond the plane the outermost samples repeat, so a constant plane has
//! no gradient at its border either.

/// The direction of a derivative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Along rows.
    Horizontal,
    /// Along columns.
    Vertical,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Horizontal, Self::Vertical];

    /// Calls `tap(output, input, weight)` for every tap of the operator on a plane of `width` × `height`.
    fn for_each_tap(self, width: usize, height: usize, mut tap: impl FnMut(usize, usize, f32)) {
        for y in 0..height {
            let ys = [y.saturating_sub(1), y, (y + 1).min(height - 1)];
            for x in 0..width {
                let xs = [x.saturating_sub(1), x, (x + 1).min(width - 1)];
                for (smooth, weight) in [1.0, 2.0, 1.0].into_iter().enumerate() {
                    let (before, after) = match self {
                        Self::Horizontal => (ys[smooth] * width + xs[0], ys[smooth] * width + xs[2]),
                        Self::Vertical => (ys[0] * width + xs[smooth], ys[2] * width + xs[smooth]),
                    };
                    tap(y * width + x, after, weight);
                    tap(y * width + x, before, -weight);
                }
            }
        }
    }

    /// The derivative of `plane` (`width` × `height`, row-major) into `derivative` (overwritten).
    pub fn apply(self, plane: &[f32], width: usize, height: usize, derivative: &mut [f32]) {
        derivative.fill(0.0);
        self.for_each_tap(width, height, |output, input, weight| derivative[output] += weight * plane[input]);
    }

    /// Adds the adjoint of `cotangent` to `plane`: `<apply(x), y> = <x, adjoint(y)>`.
    pub fn add_adjoint(self, cotangent: &[f32], width: usize, height: usize, plane: &mut [f32]) {
        self.for_each_tap(width, height, |output, input, weight| plane[input] += weight * cotangent[output]);
    }
}
