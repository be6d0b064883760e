// SPDX-License-Identifier: MIT OR Apache-2.0
//! Enlarging planes twice each way.

/// Weight of the pixel that a new pixel lies in, along one axis; the next pixel on that side has the rest.
pub(super) const NEAR: f32 = 0.75;

/// How planes are enlarged twice each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upsampling {
    /// Each pixel is repeated 2 × 2.
    Repeat,
    /// Bilinear between pixel centres, with the outermost pixels repeated around the plane (TensorFlow's resize with
    /// half-pixel centres). Along an axis, entry `i` of the result is ¾ of entry `⌊i/2⌋` and ¼ of the one before it
    /// (`i` even) or behind it.
    Bilinear,
}
