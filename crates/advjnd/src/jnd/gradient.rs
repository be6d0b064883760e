// SPDX-License-Identifier: MIT OR Apache-2.0
//! Largest of four directional gradients (Chou & Li 1995, eq. 4-5), row by row.
//!
//! ```text
//! G1 =  0  0  0  0  0   G2 = 0  0  1  0  0   G3 =  0  0  1  0  0   G4 = 0  1  0 -1  0
//!       1  3  8  3  1        0  8  3  0  0         0  0  3  8  0        0  3  0 -3  0
//!       0  0  0  0  0        1  3  0 -3 -1        -1 -3  0  3  1        0  8  0 -8  0
//!      -1 -3 -8 -3 -1        0  0 -3 -8  0         0 -8 -3  0  0        0  3  0 -3  0
//!       0  0  0  0  0        0  0 -1  0  0         0  0 -1  0  0        0  1  0 -1  0
//! ```
//!
//! G1 and G4 are a five-tap sum across the edge direction followed by a difference. G2 and G3 share a vertical and a
//! horizontal odd part, V and H: G2 = V + H + 8 (NW - SE), G3 = V - H + 8 (NE - SW).

use super::padded::{Padded, shifts};

/// Scratch rows of [`max_gradient_row`](Self::max_gradient_row).
#[derive(Debug, Default)]
pub(super) struct Gradient {
    difference: Vec<f32>,
    column_sum: Vec<f32>,
}

impl Gradient {
    pub(super) fn reshape(&mut self, width: usize) {
        self.difference.resize(width + 4, 0.0);
        self.column_sum.resize(width + 4, 0.0);
    }

    /// Writes max over k of |G_k * plane| / 16 for row `y`.
    #[inline(always)]
    pub(super) fn max_gradient_row(&mut self, plane: &Padded, y: usize, out: &mut [f32]) {
        let len = out.len();
        let [a, b, c, d, e] = plane.rows::<5>(y, 2);
        let difference = &mut self.difference[..len + 4];
        let column_sum = &mut self.column_sum[..len + 4];
        for x in 0..len + 4 {
            difference[x] = b[x] - d[x];
            column_sum[x] = (a[x] + e[x]) + 3.0 * (b[x] + d[x]) + 8.0 * c[x];
        }
        let [up, down] = [a, e].map(|row| &row[2..][..len]);
        let [n0, n1, n2, n3, n4] = shifts::<5>(difference, len);
        let [_, west, _, east] = shifts::<4>(column_sum, len);
        let [c0, c1, _, c3, c4] = shifts::<5>(c, len);
        let [_, north_west, _, north_east] = shifts::<4>(b, len);
        let [_, south_west, _, south_east] = shifts::<4>(d, len);
        for x in 0..len {
            let g1 = 8.0 * n2[x] + 3.0 * (n1[x] + n3[x]) + (n0[x] + n4[x]);
            let g4 = west[x] - east[x];
            let v = (up[x] - down[x]) + 3.0 * n2[x];
            let h = (c0[x] - c4[x]) + 3.0 * (c1[x] - c3[x]);
            let g2 = v + h + 8.0 * (north_west[x] - south_east[x]);
            let g3 = v - h + 8.0 * (north_east[x] - south_west[x]);
            out[x] = larger(larger(g1.abs(), g2.abs()), larger(g3.abs(), g4.abs())) * (1.0 / 16.0);
        }
    }
}

/// The larger of two numbers that are not NaN: one instruction, unlike `f32::max`.
#[inline(always)]
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The smaller of two numbers that are not NaN: one instruction, unlike `f32::min`.
#[inline(always)]
pub(super) fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The largest of non-negative values, computed in lanes.
#[inline(always)]
pub(super) fn largest_of(values: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    let chunks = values.chunks_exact(lanes.len());
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, value);
        }
    }
    rest.iter().chain(&lanes).fold(0.0, |a, &b| larger(a, b))
}
