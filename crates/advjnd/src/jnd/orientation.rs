// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pattern complexity: how many orientations meet in the 3x3 neighbourhood of a pixel (Wu et al. 2017, eq. 6-9).
//!
//! ```text
//! Gh, Gv = Prewitt differences / 3, to the right and downwards
//! theta  = atan(Gv / Gh) in -90..=90 degrees
//! bin    = round((theta + 90) / 12), 0..=15; a pixel without gradient, or with
//!          one below a given magnitude, is plain, bin 16
//! C_p    = number of different bins in the 3x3 neighbourhood; 1 where the pixel itself is plain
//! ```
//!
//! The two ends of the scale, bins 0 and 15, are the same orientation but count as two, as in the authors' code. Each
//! bin is a bit, so a neighbourhood is an OR, and its complexity a population count. theta is never computed: with the
//! gradient turned so that Gh >= 0, the bin is the number of border tangents at or below Gv / Gh.
//!
//! Gradients are summed in a fixed order of single-precision operations, so that the fast path and its twin choose the
//! same bins.

use super::gradient::larger;
use super::padded::{Padded, shifts};

/// Width of a bin in degrees.
const BIN: f64 = 12.0;
/// Borders between the sixteen bins.
const BORDERS: usize = 15;
/// Bit of a plain pixel.
const PLAIN: u32 = 1 << (BORDERS + 1);

/// Tangents of the borders between bins, ascending; the middle one is exactly 0.
fn border_tangents() -> [f32; BORDERS] {
    std::array::from_fn(|k| (BIN * (k as f64 + 0.5) - 90.0).to_radians().tan() as f32)
}

/// Complexity of one region, with its scratch.
#[derive(Debug)]
pub(super) struct Orientation {
    tangents: [f32; BORDERS],
    column_sum: Vec<f32>,
    difference: Vec<f32>,
    bits: Vec<u32>,
    met: Vec<u32>,
}

impl Orientation {
    pub(super) fn new() -> Self {
        Self {
            tangents: border_tangents(),
            column_sum: Vec::new(),
            difference: Vec::new(),
            bits: Vec::new(),
            met: Vec::new(),
        }
    }

    /// Fills `complexity`, 1..=9. A pixel is plain where its gradient, in code values per pixel, is below
    /// `min_gradient` or zero.
    #[inline(always)]
    pub(super) fn complexity(&mut self, luma: &Padded, min_gradient: f32, complexity: &mut Padded) {
        let (width, height) = (luma.width(), luma.height());
        complexity.reshape(width, height);
        self.column_sum.resize(width + 2, 0.0);
        self.difference.resize(width + 2, 0.0);
        self.met.resize(width + 2, 0);
        self.bits.resize(width * height, 0);
        let plain_below = larger(9.0 * min_gradient * min_gradient, f32::MIN_POSITIVE);
        for (y, bits) in self.bits.chunks_exact_mut(width).enumerate() {
            prewitt_sums(luma.rows(y, 1), &mut self.column_sum, &mut self.difference);
            orientation_bits(&self.column_sum, &self.difference, plain_below, &self.tangents, bits);
        }
        for y in 0..height {
            let [above, row, below] =
                [y.saturating_sub(1), y, (y + 1).min(height - 1)].map(|y| &self.bits[y * width..][..width]);
            merge_rows(above, row, below, &mut self.met[1..=width]);
            self.met[0] = self.met[1];
            self.met[width + 1] = self.met[width];
            count_bits(&self.met, row, complexity.row_mut(y));
            complexity.replicate_ends(y);
        }
    }
}

/// Column sums of three rows, and differences of the lower and the upper row.
#[inline(always)]
fn prewitt_sums([above, row, below]: [&[f32]; 3], column_sum: &mut [f32], difference: &mut [f32]) {
    let len = column_sum.len();
    let (above, row, below, difference) = (&above[..len], &row[..len], &below[..len], &mut difference[..len]);
    for x in 0..len {
        column_sum[x] = above[x] + row[x] + below[x];
        difference[x] = below[x] - above[x];
    }
}

/// The bit of each pixel's bin. Gradients are three times those of the equations; `plain_below` is a squared gradient.
#[inline(always)]
fn orientation_bits(
    column_sum: &[f32],
    difference: &[f32],
    plain_below: f32,
    tangents: &[f32; BORDERS],
    bits: &mut [u32],
) {
    let len = bits.len();
    let [west, _, east] = shifts::<3>(column_sum, len);
    let [d0, d1, d2] = shifts::<3>(difference, len);
    for x in 0..len {
        let gh = east[x] - west[x];
        let gv = d0[x] + d1[x] + d2[x];
        let turned = if gh < 0.0 { -gv } else { gv };
        let mut bin = 0;
        for &tangent in tangents {
            bin += u32::from(turned >= tangent * gh.abs());
        }
        bits[x] = if gh * gh + gv * gv < plain_below { PLAIN } else { 1 << bin };
    }
}

#[inline(always)]
fn merge_rows(above: &[u32], row: &[u32], below: &[u32], out: &mut [u32]) {
    for (((out, above), row), below) in out.iter_mut().zip(above).zip(row).zip(below) {
        *out = above | row | below;
    }
}

/// Bits set in three neighbours of `met`; 1 where the pixel itself is plain.
#[inline(always)]
fn count_bits(met: &[u32], own: &[u32], out: &mut [f32]) {
    let len = out.len();
    let (own, west, middle, east) = (&own[..len], &met[..len], &met[1..][..len], &met[2..][..len]);
    for x in 0..len {
        let count = (west[x] | middle[x] | east[x]).count_ones() as i32;
        out[x] = if own[x] == PLAIN { 1.0 } else { count as f32 };
    }
}

/// Magnitudes sqrt(Gh^2 + Gv^2) of the middle row of three, in code values per pixel.
#[inline(always)]
pub(super) fn magnitude_row([above, row, below]: [&[f32]; 3], out: &mut [f32]) {
    let len = out.len();
    let ([nw, n, ne], [w, _, e], [sw, s, se]) =
        (shifts::<3>(above, len), shifts::<3>(row, len), shifts::<3>(below, len));
    for x in 0..len {
        let gh = (ne[x] + e[x] + se[x]) - (nw[x] + w[x] + sw[x]);
        let gv = (sw[x] + s[x] + se[x]) - (nw[x] + n[x] + ne[x]);
        out[x] = (gh * gh + gv * gv).sqrt() * (1.0 / 3.0);
    }
}
