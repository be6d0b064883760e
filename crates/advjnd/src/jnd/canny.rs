//! Edge detection (Canny 1986) in the convention of MATLAB's `edge(I, 'canny', 0.5)`, which "Canny with a threshold of
//! 0.5" means in the JND papers of the time.
//!
//! 1. Smooth with a Gaussian of sigma sqrt(2), 13 taps (where the tail falls below 1e-4 of the centre), separable.
//! 2. Central differences gx, gy of the smoothed plane; magnitude m = sqrt(gx^2 + gy^2).
//! 3. Thresholds relative to the largest magnitude M of the region: high = 0.5 M, low = 0.4 high.
//! 4. A pixel is a local maximum where m is not below the two magnitudes, interpolated linearly between neighbours,
//!    that lie one step along and against the gradient. The outermost rows and columns are never edges.
//! 5. Edges: maxima above high, and maxima above low connected to them (8 neighbours).
//!
//! Departures from MATLAB: its newer versions sample the kernel at half-integer positions (16 taps), which shifts edges
//! by half a pixel, and older ones smooth twice with sigma 1 (the same total); the final thinning of two-pixel ridges
//! is left out, as the map is blurred right after.
//!
//! A threshold relative to the region makes the map depend on the region's strongest edge, and a region without
//! contrast, M = 0, has no edges.
//!
//! Every value is computed in one fixed order of single-precision operations, so that the fast path and its twin give
//! the same bits: a threshold decision forgives no rounding.

use super::gaussian::{half_kernel, symmetric_sum};
use super::gradient::larger;
use super::padded::{PAD, Padded, shifts};

/// High threshold as a fraction of the largest magnitude.
pub(super) const HIGH: f32 = 0.5;
/// Low threshold as a fraction of the high one.
pub(super) const LOW_OF_HIGH: f32 = 0.4;
/// Standard deviation of the smoothing, in pixels.
pub(super) const SIGMA: f64 = std::f64::consts::SQRT_2;
/// Taps from the centre to the end of the smoothing kernel.
pub(super) const HALF_TAPS: usize = PAD + 1;

const TAPS: usize = 2 * HALF_TAPS - 1;

const WEAK: u8 = 1;
/// Mark of an edge pixel.
pub(super) const EDGE: u8 = 2;

/// Canny's detector with its scratch.
#[derive(Debug)]
pub(super) struct Canny {
    half_kernel: [f32; HALF_TAPS],
    horizontal: Padded,
    smoothed: Padded,
    magnitude: Vec<f32>,
    marks: Vec<u8>,
    pending: Vec<usize>,
}

impl Default for Canny {
    fn default() -> Self {
        Self {
            half_kernel: half_kernel(SIGMA),
            horizontal: Padded::default(),
            smoothed: Padded::default(),
            magnitude: Vec::new(),
            marks: Vec::new(),
            pending: Vec::new(),
        }
    }
}

impl Canny {
    /// Marks of `luma`, row-major without padding: [`EDGE`] where a pixel is an edge.
    #[inline(always)]
    pub(super) fn detect(&mut self, luma: &Padded) -> &[u8] {
        let (width, height) = (luma.width(), luma.height());
        self.horizontal.reshape(width, height);
        self.smoothed.reshape(width, height);
        self.magnitude.resize(width * height, 0.0);
        self.smooth(luma);
        let largest = self.measure();
        self.mark_maxima(largest * HIGH);
        self.connect(width);
        &self.marks
    }

    #[inline(always)]
    fn smooth(&mut self, luma: &Padded) {
        let (width, height) = (luma.width(), luma.height());
        for y in 0..height {
            let taps = shifts::<TAPS>(luma.row(y as isize, PAD), width);
            self.horizontal.fill_row(y, |out| symmetric_sum(&self.half_kernel, taps, out));
        }
        for y in 0..height {
            let taps = self.horizontal.rows::<TAPS>(y, 0);
            self.smoothed.fill_row(y, |out| symmetric_sum(&self.half_kernel, taps, out));
        }
    }

    /// Fills the magnitudes and returns the largest. The factor 1/2 of the differences cancels in every comparison.
    #[inline(always)]
    fn measure(&mut self) -> f32 {
        let width = self.smoothed.width();
        let mut largest = 0.0;
        for (y, out) in self.magnitude.chunks_exact_mut(width).enumerate() {
            let [above, row, below] = self.smoothed.rows::<3>(y, 1);
            let [west, _, east] = shifts::<3>(row, width);
            let [above, below] = [above, below].map(|row| &row[1..][..width]);
            for x in 0..width {
                let gx = east[x] - west[x];
                let gy = below[x] - above[x];
                out[x] = (gx * gx + gy * gy).sqrt();
            }
            largest = larger(largest, largest_of(out));
        }
        largest
    }

    #[inline(always)]
    fn mark_maxima(&mut self, high: f32) {
        let (width, height) = (self.smoothed.width(), self.smoothed.height());
        let low = high * LOW_OF_HIGH;
        self.marks.clear();
        self.marks.resize(width * height, 0);
        self.pending.clear();
        self.pending.reserve(width * height);
        for y in 1..height.saturating_sub(1) {
            for x in 1..width.saturating_sub(1) {
                let index = y * width + x;
                let magnitude = self.magnitude[index];
                if magnitude > low && self.is_maximum(x, y, magnitude) {
                    if magnitude > high {
                        self.marks[index] = EDGE;
                        self.pending.push(index);
                    } else {
                        self.marks[index] = WEAK;
                    }
                }
            }
        }
    }

    /// Whether the magnitude of an interior pixel is not below the two interpolated ones across the edge.
    #[inline(always)]
    fn is_maximum(&self, x: usize, y: usize, magnitude: f32) -> bool {
        let [above, row, below] = self.smoothed.rows::<3>(y, 1);
        let gx = row[x + 2] - row[x];
        let gy = below[x + 1] - above[x + 1];
        let width = self.smoothed.width() as isize;
        let step_x = if gx < 0.0 { -1 } else { 1 };
        let step_y = if gy < 0.0 { -width } else { width };
        let (straight, t) =
            if gx.abs() >= gy.abs() { (step_x, gy.abs() / gx.abs()) } else { (step_y, gx.abs() / gy.abs()) };
        let diagonal = step_x + step_y;
        let at = |offset: isize| self.magnitude[((y as isize) * width + x as isize + offset) as usize];
        let ahead = at(straight) * (1.0 - t) + at(diagonal) * t;
        let behind = at(-straight) * (1.0 - t) + at(-diagonal) * t;
        magnitude >= ahead && magnitude >= behind
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

/// The largest of non-negative values, in lanes.
#[inline(always)]
fn largest_of(values: &[f32]) -> f32 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jnd::reference;
    use proptest::prelude::*;

    fn edges(luma: &[f32], width: usize, height: usize) -> Vec<bool> {
        let mut padded = Padded::default();
        padded.load("test plane", luma, width, height).unwrap();
        Canny::default().detect(&padded).iter().map(|&mark| mark == EDGE).collect()
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
            prop_assert_eq!(edges(&luma, width, height), reference::canny(&luma, width, height));
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
