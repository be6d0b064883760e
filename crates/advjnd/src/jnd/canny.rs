// SPDX-License-Identifier: MIT OR Apache-2.0
//! Edge detection (Canny 1986) as in MATLAB's `edge(I, 'canny', 0.5)`. JND papers of that time call this "Canny with a
//! threshold of 0.5".
//!
//! 1. Smooth with a Gaussian of sigma sqrt(2), 13 taps (where the tail falls below 1e-4 of the centre), separable.
//! 2. Central differences gx, gy of the smoothed plane; magnitude m = sqrt(gx^2 + gy^2).
//! 3. Thresholds relative to the largest magnitude M of the region: high = 0.5 M (the 0.5 is the caller's), low = 0.4
//!    high.
//! 4. A pixel is a local maximum where m is not below the two magnitudes, interpolated linearly between neighbours,
//!    that lie one step along and against the gradient. The outermost rows and columns are never edges.
//! 5. Edges: maxima above high, and maxima above low connected to them (8 neighbours).
//!
//! Departures from MATLAB: newer versions sample the kernel at half-integer positions (16 taps), which shifts edges by
//! half a pixel; older ones smooth twice with sigma 1 (the same total). The final thinning of two-pixel ridges is left
//! out, since the map is blurred right after.
//!
//! Since the threshold is relative, the map depends on the region's strongest edge. A region without contrast, M = 0,
//! has no edges.
//!
//! Every value is computed in one fixed order of single-precision operations, so that the fast path and its twin give
//! the same bits: a threshold decision tolerates no rounding difference.

use super::gaussian::{Blur, half_kernel};
use super::gradient::{larger, largest_of};
use super::padded::{PAD, Padded, shifts};

/// Low threshold as a fraction of the high one.
const LOW_OF_HIGH: f32 = 0.4;
/// Standard deviation of the smoothing, in pixels.
const SIGMA: f64 = std::f64::consts::SQRT_2;
/// Taps from the centre to the end of the smoothing kernel.
const HALF_TAPS: usize = PAD + 1;

const TAPS: usize = 2 * HALF_TAPS - 1;

const WEAK: u8 = 1;
/// Mark of an edge pixel.
pub(super) const EDGE: u8 = 2;

/// Canny's detector with its scratch.
#[derive(Debug)]
pub(super) struct Canny {
    blur: Blur<HALF_TAPS, TAPS>,
    smoothed: Padded,
    magnitude: Vec<f32>,
    marks: Vec<u8>,
    pending: Vec<usize>,
}

impl Default for Canny {
    fn default() -> Self {
        Self {
            blur: Blur::new(half_kernel(SIGMA)),
            smoothed: Padded::default(),
            magnitude: Vec::new(),
            marks: Vec::new(),
            pending: Vec::new(),
        }
    }
}

impl Canny {
    /// Marks of `luma`, row-major without padding: [`EDGE`] where a pixel is an edge. `high` is the high threshold as a
    /// fraction of the largest magnitude.
    #[inline(always)]
    pub(super) fn detect(&mut self, luma: &Padded, high: f32) -> &[u8] {
        let (width, height) = (luma.width(), luma.height());
        self.smoothed.reshape(width, height);
        self.magnitude.resize(width * height, 0.0);
        self.blur.filter(luma);
        for y in 0..height {
            self.blur.row(y, self.smoothed.row_mut(y));
            self.smoothed.replicate_ends(y);
        }
        let largest = self.measure();
        self.mark_maxima(largest * high);
        self.connect(width);
        &self.marks
    }

    /// Fills the magnitudes and returns the largest.
    #[inline(always)]
    fn measure(&mut self) -> f32 {
        let mut largest = 0.0;
        for (y, out) in self.magnitude.chunks_exact_mut(self.smoothed.width()).enumerate() {
            magnitude_row(self.smoothed.rows(y, 1), out);
            largest = larger(largest, largest_of(out));
        }
        largest
    }

    /// Marks the interior maxima: weak ones, and edges where they are above `high`.
    #[inline(always)]
    fn mark_maxima(&mut self, high: f32) {
        let (width, height) = (self.smoothed.width(), self.smoothed.height());
        self.marks.clear();
        self.marks.resize(width * height, 0);
        self.pending.clear();
        self.pending.reserve(width * height);
        if width < 3 || height < 3 {
            return;
        }
        for y in 1..height - 1 {
            let magnitude = [y - 1, y, y + 1].map(|y| &self.magnitude[y * width..][..width]);
            let marks = &mut self.marks[y * width + 1..][..width - 2];
            mark_row(self.smoothed.rows(y, 0), magnitude, high, marks);
            for (x, &mark) in marks.iter().enumerate() {
                if mark == EDGE {
                    self.pending.push(y * width + 1 + x);
                }
            }
        }
    }

    /// Grows the edges along weak maxima. Marks stay off the border, so every neighbour exists.
    fn connect(&mut self, width: usize) {
        while let Some(index) = self.pending.pop() {
            for row in [index - width, index, index + width] {
                for neighbour in row - 1..=row + 1 {
                    if self.marks[neighbour] == WEAK {
                        self.marks[neighbour] = EDGE;
                        self.pending.push(neighbour);
                    }
                }
            }
        }
    }
}

/// Gradient magnitudes of the middle row of three. The factor 1/2 of the differences cancels in every comparison.
#[inline(always)]
fn magnitude_row([above, row, below]: [&[f32]; 3], out: &mut [f32]) {
    let len = out.len();
    let [west, _, east] = shifts::<3>(row, len);
    let [above, below] = [above, below].map(|row| &row[1..][..len]);
    for x in 0..len {
        let gx = east[x] - west[x];
        let gy = below[x] - above[x];
        out[x] = (gx * gx + gy * gy).sqrt();
    }
}

#[inline(always)]
fn select(condition: bool, yes: f32, no: f32) -> f32 {
    if condition { yes } else { no }
}

/// Marks the maxima of the middle row of three, all but its ends.
///
/// Only the line of the gradient's direction matters, since ahead and behind may be swapped: whether it is nearer to
/// the horizontal, and whether it falls to the right.
#[inline(always)]
fn mark_row(smoothed: [&[f32]; 3], magnitude: [&[f32]; 3], high: f32, marks: &mut [u8]) {
    let len = marks.len();
    let low = high * LOW_OF_HIGH;
    let [_, above, _] = shifts::<3>(smoothed[0], len);
    let [west, _, east] = shifts::<3>(smoothed[1], len);
    let [_, below, _] = shifts::<3>(smoothed[2], len);
    let [m_nw, m_n, m_ne] = shifts::<3>(magnitude[0], len);
    let [m_w, m_centre, m_e] = shifts::<3>(magnitude[1], len);
    let [m_sw, m_s, m_se] = shifts::<3>(magnitude[2], len);
    for x in 0..len {
        let gx = east[x] - west[x];
        let gy = below[x] - above[x];
        let falling = (gx < 0.0) == (gy < 0.0);
        let horizontal = gx.abs() >= gy.abs();
        let t = select(horizontal, gy.abs(), gx.abs()) / select(horizontal, gx.abs(), gy.abs());
        // All neighbours are read before any is chosen; choosing by address would gather them one by one.
        let (e, w, s, n) = (m_e[x], m_w[x], m_s[x], m_n[x]);
        let (se, nw, sw, ne) = (m_se[x], m_nw[x], m_sw[x], m_ne[x]);
        let (diagonal_s, diagonal_n) = (select(falling, se, sw), select(falling, nw, ne));
        let straight_s = select(horizontal, select(falling, e, w), s);
        let straight_n = select(horizontal, select(falling, w, e), n);
        let maximum = (m_centre[x] >= straight_s * (1.0 - t) + diagonal_s * t)
            & (m_centre[x] >= straight_n * (1.0 - t) + diagonal_n * t)
            & (m_centre[x] > low);
        marks[x] = if maximum { WEAK + u8::from(m_centre[x] > high) } else { 0 };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use advjnd_lab::reference::jnd as reference;
    use proptest::prelude::*;

    fn edges(luma: &[f32], width: usize, height: usize) -> Vec<bool> {
        let mut padded = Padded::default();
        padded.load("test plane", luma, width, height).unwrap();
        Canny::default().detect(&padded, 0.5).iter().map(|&mark| mark == EDGE).collect()
    }

    /// Noise of a few levels, held for `grain` pixels, so that there are maxima, ties and chains of weak edges.
    fn luma() -> impl Strategy<Value = (usize, usize, Vec<f32>)> {
        (1usize..=40, 1usize..=40, 1usize..=6, 2u32..=256).prop_flat_map(|(width, height, grain, levels)| {
            prop::collection::vec(0..levels, width * height).prop_map(move |noise| {
                let at = |i: usize| noise[(i / width / grain) * width + i % width / grain];
                let luma = (0..width * height).map(|i| at(i) as f32 * 255.0 / (levels - 1) as f32);
                (width, height, luma.collect())
            })
        })
    }

    proptest! {
        #[test]
        fn edges_equal_those_of_the_twin((width, height, luma) in luma()) {
            prop_assert_eq!(edges(&luma, width, height), reference::canny(&luma, width, height, 0.5));
        }
    }

    #[test]
    fn a_step_is_one_line_of_edges() {
        let luma: Vec<f32> = (0..20 * 12)
            .map(|i| match i % 20 {
                0..10 => 30.0,
                10 => 90.0,
                _ => 200.0,
            })
            .collect();
        let edges = edges(&luma, 20, 12);
        for y in 1..11 {
            assert_eq!((0..20).filter(|x| edges[y * 20 + x]).collect::<Vec<_>>(), [10], "row {y}");
        }
    }
}
