// SPDX-License-Identifier: MIT OR Apache-2.0
//! Background luminance and the luminance adaptation that follows from it (Chou & Li 1995, eq. 3 and 6), row by row.
//!
//! ```text
//!      1  1  1  1  1
//!      1  2  2  2  1        bg = (B * luma) / 32
//! B =  1  2  0  2  1
//!      1  2  2  2  1        T_l = 17 (1 - sqrt(bg / 127)) + 3     bg <= 127
//!      1  1  1  1  1              3/128 (bg - 127) + 3            bg >  127
//! ```
//!
//! Several later papers print the dark branch without "+ 3", so that the threshold jumps from 0 to 3 at bg = 127; this
//! is the original formula.
//!
//! B has three different columns, each summed once per row. No term is subtracted, so nothing cancels near black, where
//! the square root is steep.

use super::padded::{Padded, shifts};

/// Scratch rows of [`background_row`](Self::background_row).
#[derive(Debug, Default)]
pub(super) struct Background {
    outer: Vec<f32>,
    inner: Vec<f32>,
    middle: Vec<f32>,
}

impl Background {
    pub(super) fn reshape(&mut self, width: usize) {
        for row in [&mut self.outer, &mut self.inner, &mut self.middle] {
            row.resize(width + 4, 0.0);
        }
    }

    /// Writes the background luminance of row `y`, 0..=255.
    #[inline(always)]
    pub(super) fn background_row(&mut self, luma: &Padded, y: usize, out: &mut [f32]) {
        let len = out.len();
        let [a, b, c, d, e] = luma.rows::<5>(y, 2);
        let outer = &mut self.outer[..len + 4];
        let inner = &mut self.inner[..len + 4];
        let middle = &mut self.middle[..len + 4];
        for x in 0..len + 4 {
            let far = a[x] + e[x];
            let near = b[x] + d[x];
            outer[x] = far + near + c[x];
            middle[x] = far + 2.0 * near;
            inner[x] = far + 2.0 * near + 2.0 * c[x];
        }
        let [outer_west, _, _, _, outer_east] = shifts::<5>(outer, len);
        let [_, inner_west, _, inner_east] = shifts::<4>(inner, len);
        let middle = &middle[2..][..len];
        for x in 0..len {
            let sum = (outer_west[x] + outer_east[x]) + (inner_west[x] + inner_east[x]) + middle[x];
            out[x] = sum * (1.0 / 32.0);
        }
    }
}

/// Background luminance as in the programs of Wu's models: a screen's black is not dark, so 0..=127 becomes 32..=127.
#[inline(always)]
pub(super) fn lifted(background: f32) -> f32 {
    if background <= 127.0 { 32.0 + background * (95.0 / 127.0) } else { background }
}

/// Threshold T_l by luminance adaptation at background luminance `background`, 0..=255: 3..=20 code values.
#[inline(always)]
pub(super) fn luminance_adaptation(background: f32) -> f32 {
    let dark = 17.0 * (1.0 - (background * (1.0 / 127.0)).sqrt()) + 3.0;
    let bright = (3.0 / 128.0) * (background - 127.0) + 3.0;
    if background <= 127.0 { dark } else { bright }
}
