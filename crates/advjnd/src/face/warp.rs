//! The linear operator between two pixel grids related by a similarity transform, and its exact adjoint.
//!
//! Every destination pixel is the mean of `n`×`n` bilinear samples spread evenly over its (rotated) square in the source,
//! at most `SAMPLE_SPACING` (1.25) source pixels apart (a bilinear sample itself reaches one pixel to each side): plain bilinear where the image grows, an area average where it shrinks, so
//! that what is seen does not alias. Outside the source lies zero. Sample positions and weights are kept, so that the
//! operator, and the adjoint by scattering the same weights, cost one pass over them each.
//!
//! [`reference`](mod@reference) is the naive twin: the definition, sample by sample.

use super::SimilarityTransform;

/// Distance of neighbouring samples at most, source pixels.
const SAMPLE_SPACING: f32 = 1.25;
/// More samples along a side than this gain nothing that an 8-bit picture shows.
const MAX_SAMPLES: usize = 8;

/// One bilinear sample: the upper left of its four source pixels, and their weights.
#[derive(Debug, Clone, Copy)]
struct Tap {
    index: u32,
    weights: [f32; 4],
}

/// The operator; owns its samples and reuses their memory.
#[derive(Debug, Default)]
pub struct Warp {
    taps: Vec<Tap>,
    /// Where the samples of each destination pixel end.
    ends: Vec<u32>,
    source_width: usize,
}

impl Warp {
    /// Plans the warp. `to_source` maps destination pixels to source pixels (pixel centres are whole numbers).
    ///
    /// The source must be at least 2×2; a smaller one yields an operator that gives zeros.
    pub fn plan(&mut self, to_source: &SimilarityTransform, source: (usize, usize), target: (usize, usize)) {
        self.plan_where(to_source, source, target, |_| true);
    }

    /// As [`plan`](Self::plan), with zeros at destination pixels whose index `wanted` denies.
    pub fn plan_where(
        &mut self,
        to_source: &SimilarityTransform,
        (source_width, source_height): (usize, usize),
        (width, height): (usize, usize),
        wanted: impl Fn(usize) -> bool,
    ) {
        self.taps.clear();
        self.ends.clear();
        self.source_width = source_width;
        let samples = samples_per_side(to_source);
        let share = 1.0 / (samples * samples) as f32;
        let usable = source_width >= 2 && source_height >= 2;
        let offset = |i: usize| (i as f32 + 0.5) / samples as f32 - 0.5;
        let turn = |x: f32, y: f32| [to_source.a * x - to_source.b * y, to_source.b * x + to_source.a * y];
        let offsets: Vec<[f32; 2]> =
            (0..samples * samples).map(|i| turn(offset(i % samples), offset(i / samples))).collect();
        let (last_column, last_row) = (source_width as f32 - 1.0, source_height as f32 - 1.0);
        for y in 0..height {
            for x in 0..width {
                if usable && wanted(y * width + x) {
                    let [center_x, center_y] = to_source.apply([x as f32, y as f32]);
                    for [dx, dy] in &offsets {
                        let (sx, sy) = (center_x + dx, center_y + dy);
                        if sx >= 0.0 && sy >= 0.0 && sx < last_column && sy < last_row {
                            // Inside, truncation is the floor.
                            let (column, row) = (sx as u32, sy as u32);
                            let (fx, fy) = (sx - column as f32, sy - row as f32);
                            let (upper, lower) = ((1.0 - fy) * share, fy * share);
                            let weights = [upper * (1.0 - fx), upper * fx, lower * (1.0 - fx), lower * fx];
                            self.taps.push(Tap { index: row * source_width as u32 + column, weights });
                        } else {
                            self.taps.extend(tap([sx, sy], source_width, source_height, share));
                        }
                    }
                }
                self.ends.push(self.taps.len() as u32);
            }
        }
    }

    /// Number of destination pixels.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no destination pixel.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// `destination = A · source`.
    pub fn forward(&self, source: &[f32], destination: &mut [f32]) {
        self.forward_planes([source], [destination]);
    }

    /// [`forward`](Self::forward) for several planes of one shape in one pass over the samples.
    pub fn forward_planes<const N: usize>(&self, sources: [&[f32]; N], mut destinations: [&mut [f32]; N]) {
        let stride = self.source_width;
        let mut start = 0;
        for (at, &end) in self.ends.iter().enumerate() {
            let mut sums = [0.0f32; N];
            for Tap { index, weights: [w00, w01, w10, w11] } in &self.taps[start..end as usize] {
                let index = *index as usize;
                for (sum, source) in sums.iter_mut().zip(sources) {
                    let (upper, lower) = (&source[index..index + 2], &source[index + stride..index + stride + 2]);
                    *sum += w00 * upper[0] + w01 * upper[1] + w10 * lower[0] + w11 * lower[1];
                }
            }
            for (destination, sum) in destinations.iter_mut().zip(sums) {
                destination[at] = sum;
            }
            start = end as usize;
        }
    }

    /// `source += Aᵀ · destination`.
    pub fn adjoint_add(&self, destination: &[f32], source: &mut [f32]) {
        let stride = self.source_width;
        let mut start = 0;
        for (&value, &end) in destination.iter().zip(&self.ends) {
            for tap in &self.taps[start..end as usize] {
                let (at, [w00, w01, w10, w11]) = (tap.index as usize, tap.weights);
                source[at] += w00 * value;
                source[at + 1] += w01 * value;
                source[at + stride] += w10 * value;
                source[at + stride + 1] += w11 * value;
            }
            start = end as usize;
        }
    }
}

fn samples_per_side(to_source: &SimilarityTransform) -> usize {
    ((to_source.scale() / SAMPLE_SPACING).ceil().max(1.0) as usize).min(MAX_SAMPLES)
}

/// The sample at `position`, or `None` where all four source pixels lie outside.
fn tap([x, y]: [f32; 2], width: usize, height: usize, share: f32) -> Option<Tap> {
    if !(x > -1.0 && y > -1.0 && x < width as f32 && y < height as f32) {
        return None;
    }
    let axis = |v: f32, size: usize| {
        let floor = v.floor();
        let (low, fraction) = (floor as isize, v - floor);
        if low < 0 {
            (0, [fraction, 0.0])
        } else if low as usize + 1 >= size {
            (size - 2, [0.0, 1.0 - fraction])
        } else {
            (low as usize, [1.0 - fraction, fraction])
        }
    };
    let (column, wx) = axis(x, width);
    let (row, wy) = axis(y, height);
    let weights = [wy[0] * wx[0] * share, wy[0] * wx[1] * share, wy[1] * wx[0] * share, wy[1] * wx[1] * share];
    Some(Tap { index: (row * width + column) as u32, weights })
}

/// The definition, without precomputed samples: for tests.
pub mod reference {
    use super::{SimilarityTransform, samples_per_side};

    /// Twin of [`Warp::forward`](super::Warp::forward).
    pub fn forward(
        to_source: &SimilarityTransform,
        source: &[f32],
        (source_width, source_height): (usize, usize),
        (width, height): (usize, usize),
    ) -> Vec<f32> {
        let n = samples_per_side(to_source);
        let pixel = |x: f32, y: f32| {
            let inside = x >= 0.0 && y >= 0.0 && x < source_width as f32 && y < source_height as f32;
            if inside { source[y as usize * source_width + x as usize] } else { 0.0 }
        };
        let mut destination = vec![0.0; width * height];
        for (index, value) in destination.iter_mut().enumerate() {
            for i in 0..n * n {
                let sx = (index % width) as f32 + ((i % n) as f32 + 0.5) / n as f32 - 0.5;
                let sy = (index / width) as f32 + ((i / n) as f32 + 0.5) / n as f32 - 0.5;
                let [x, y] = to_source.apply([sx, sy]);
                let (x0, y0) = (x.floor(), y.floor());
                let (fx, fy) = (x - x0, y - y0);
                let upper = (1.0 - fx) * pixel(x0, y0) + fx * pixel(x0 + 1.0, y0);
                let lower = (1.0 - fx) * pixel(x0, y0 + 1.0) + fx * pixel(x0 + 1.0, y0 + 1.0);
                *value += ((1.0 - fy) * upper + fy * lower) / (n * n) as f32;
            }
        }
        destination
    }
}
