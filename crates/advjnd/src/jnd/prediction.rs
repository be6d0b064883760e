// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the brain would expect of a pixel (Wu et al. 2013, eq. 3-5): the mean of its surroundings, weighted by their
//! similarity to it.
//!
//! ```text
//! F'(i) = (sum over j of w_j F(j) + w F(i)) / (sum over j of w_j + w)      j in the 21x21 around i, w = largest w_j
//! w_j   = exp(-d_j / s^2)     d_j = mean squared difference of the 7x7 around j and around i
//! s     = m, or m sqrt(m / std) where the standard deviation of the 7x7 around i exceeds m
//! m     = luminance adaptation, at least 8 code values
//! ```
//!
//! The paper uses mutual information for the weights; these are the weights of the authors' program.
//!
//! Departures: an exponent below -80 counts as -80, so that the expectation of a pixel that nothing resembles is the
//! mean of all. Beyond the region the outermost samples repeat; the program mirrors there.

use super::gradient::larger;
use super::padded::Padded;
use super::power::exp;

/// Reach of the surroundings in pixels.
const REACH: usize = 10;
/// Reach of the compared patches.
const PATCH: usize = 3;
/// Least m.
pub(super) const LEAST_DEVIATION: f32 = 8.0;
/// Least exponent.
const LEAST_EXPONENT: f32 = -80.0;

const MARGIN: usize = REACH + PATCH;
const SIDE: usize = 2 * PATCH + 1;

/// The expectation of one region, with its scratch.
#[derive(Debug, Default)]
pub(super) struct Prediction {
    /// The region with [`MARGIN`] repeated samples on all sides.
    wide: Vec<f32>,
    /// Squared differences of [`SIDE`] rows, one after the other.
    squares: Vec<f32>,
    column: Vec<f32>,
    sums: Vec<f32>,
    weights: Vec<f32>,
    largest: Vec<f32>,
}

impl Prediction {
    /// Writes the expectation of `luma` to `out`; `scale` holds -1 / (49 s^2) for every pixel, row-major.
    #[inline(always)]
    pub(super) fn predict(&mut self, luma: &Padded, scale: &[f32], out: &mut Padded) {
        let (width, height) = (luma.width(), luma.height());
        self.widen(luma);
        self.squares.resize(SIDE * (width + 2 * PATCH), 0.0);
        self.column.resize(width + 2 * PATCH, 0.0);
        for plane in [&mut self.sums, &mut self.weights, &mut self.largest] {
            plane.clear();
            plane.resize(width * height, 0.0);
        }
        for down in 0..=2 * REACH {
            for right in 0..=2 * REACH {
                if (down, right) != (REACH, REACH) {
                    self.add_neighbour(width, height, scale, (right, down));
                }
            }
        }
        out.reshape(width, height);
        for y in 0..height {
            let row = y * width..(y + 1) * width;
            let (sums, weights, largest) = (&self.sums[row.clone()], &self.weights[row.clone()], &self.largest[row]);
            for (x, (out, own)) in out.row_mut(y).iter_mut().zip(luma.row(y as isize, 0)).enumerate() {
                *out = (sums[x] + largest[x] * own) / (weights[x] + largest[x]);
            }
            out.replicate_ends(y);
        }
    }

    #[inline(always)]
    fn widen(&mut self, luma: &Padded) {
        let stride = luma.width() + 2 * MARGIN;
        self.wide.resize(stride * (luma.height() + 2 * MARGIN), 0.0);
        for (y, out) in self.wide.chunks_exact_mut(stride).enumerate() {
            let row = luma.row(y as isize - MARGIN as isize, 0);
            out[..MARGIN].fill(row[0]);
            out[MARGIN..][..row.len()].copy_from_slice(row);
            out[MARGIN + row.len()..].fill(row[row.len() - 1]);
        }
    }

    /// Adds the neighbour of every pixel that lies (`right`, `down`) - [`REACH`] from it.
    #[inline(always)]
    fn add_neighbour(&mut self, width: usize, height: usize, scale: &[f32], (right, down): (usize, usize)) {
        let (stride, len) = (width + 2 * MARGIN, width + 2 * PATCH);
        for y in 0..height + 2 * PATCH {
            let own = &self.wide[(y + REACH) * stride + REACH..][..len];
            let other = &self.wide[(y + down) * stride + right..][..len];
            let squares = &mut self.squares[y % SIDE * len..][..len];
            for x in 0..len {
                let difference = own[x] - other[x];
                squares[x] = difference * difference;
            }
            if y < 2 * PATCH {
                continue;
            }
            let rows: [&[f32]; SIDE] = std::array::from_fn(|row| &self.squares[row * len..][..len]);
            let column = &mut self.column[..len];
            for x in 0..len {
                column[x] =
                    ((rows[0][x] + rows[1][x]) + (rows[2][x] + rows[3][x])) + ((rows[4][x] + rows[5][x]) + rows[6][x]);
            }
            let row = (y - 2 * PATCH) * width..(y - 2 * PATCH + 1) * width;
            let neighbours = &self.wide[(y - 2 * PATCH + down + PATCH) * stride + right + PATCH..][..width];
            let columns: [&[f32]; SIDE] = std::array::from_fn(|shift| &column[shift..][..width]);
            let (scale, sums) = (&scale[row.clone()], &mut self.sums[row.clone()]);
            let (weights, largest) = (&mut self.weights[row.clone()], &mut self.largest[row]);
            for x in 0..width {
                let distance = ((columns[0][x] + columns[1][x]) + (columns[2][x] + columns[3][x]))
                    + ((columns[4][x] + columns[5][x]) + columns[6][x]);
                let weight = exp(larger(distance * scale[x], LEAST_EXPONENT));
                sums[x] += weight * neighbours[x];
                weights[x] += weight;
                largest[x] = larger(largest[x], weight);
            }
        }
    }
}
