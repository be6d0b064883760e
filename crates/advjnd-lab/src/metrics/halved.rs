// SPDX-License-Identifier: MIT OR Apache-2.0
//! Half the resolution, by the mean of 2x2 blocks.

use advjnd::Result;

use super::Plane;

/// What completes the blocks of an odd last column or row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// The column or row again.
    Nearest,
    /// Zeros.
    Zero,
}

/// A plane of half the width and height, rounded up.
pub(super) struct Halved {
    samples: Vec<f64>,
    width: usize,
    height: usize,
}

impl Halved {
    pub fn new<T: Copy + Into<f64>>(plane: Plane<'_, T>, beyond: Beyond) -> Self {
        let (width, height) = (plane.width().div_ceil(2), plane.height().div_ceil(2));
        let mut samples = Vec::with_capacity(width * height);
        for y in 0..height {
            let upper = plane.row(2 * y);
            let lower = (2 * y + 1 < plane.height()).then(|| plane.row(2 * y + 1));
            let lower = lower.or((beyond == Beyond::Nearest).then_some(upper));
            let pair = |row: &[T], x: usize| {
                let first = row[2 * x].into();
                first + row.get(2 * x + 1).map_or(if beyond == Beyond::Nearest { first } else { 0.0 }, |&v| v.into())
            };
            samples.extend((0..width).map(|x| (pair(upper, x) + lower.map_or(0.0, |row| pair(row, x))) / 4.0));
        }
        Self { samples, width, height }
    }

    /// A view of it.
    pub fn plane(&self) -> Result<Plane<'_, f64>> {
        Plane::new(&self.samples, self.width, self.height, self.width)
    }
}
