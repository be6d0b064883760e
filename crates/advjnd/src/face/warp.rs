//! The linear operator between two pixel grids related by a similarity transform, and its exact adjoint.
//!
//! Every destination pixel is the mean of `n`×`n` bilinear samples spread evenly over its (rotated) square in the source,
//! at most `SAMPLE_SPACING` (1.25) source pixels apart (a bilinear sample itself reaches one pixel to each side): plain
//! bilinear where the image grows, an area average where it shrinks, so that what is seen does not alias. Outside the
//! source lies zero. Sample positions are kept, so that the operator, and the adjoint by scattering with the same weights,
//! cost one pass over them each.
//!
//! [`reference`](mod@reference) is the naive twin: the definition, sample by sample.

use std::ops::Range;

use super::SimilarityTransform;

/// Distance of neighbouring samples at most, source pixels.
const SAMPLE_SPACING: f32 = 1.25;
/// More samples along a side than this gain nothing that an 8-bit picture shows.
const MAX_SAMPLES: usize = 8;

/// Bilinear samples of neighbouring destination pixels, all four source pixels of each inside the source.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// The first destination pixel.
    target: u32,
    /// Number of samples, one a pixel.
    len: u32,
}

/// A bilinear sample at the source's edge: the upper left of its four source pixels, and their weights.
#[derive(Debug, Clone, Copy)]
struct Edge {
    target: u32,
    index: u32,
    weights: [f32; 4],
}

/// The operator; owns its samples and reuses their memory.
#[derive(Debug, Default)]
pub struct Warp {
    spans: Vec<Span>,
    /// Of the spans' samples, one after the other: the upper left source pixel, and the way from it to the sample.
    index: Vec<u32>,
    right: Vec<f32>,
    down: Vec<f32>,
    edges: Vec<Edge>,
    /// Weight of a sample.
    share: f32,
    source_width: usize,
    len: usize,
}

impl Warp {
    /// Plans the warp. `to_source` maps destination pixels to source pixels (pixel centres are whole numbers).
    ///
    /// The source must be at least 2×2; a smaller one yields an operator that gives zeros.
    pub fn plan(&mut self, to_source: &SimilarityTransform, source: (usize, usize), target: (usize, usize)) {
        self.plan_rows(to_source, source, target, |_| 0..target.0);
    }

    /// As [`plan`](Self::plan), with zeros outside `columns` of each destination row.
    pub fn plan_rows(
        &mut self,
        to_source: &SimilarityTransform,
        source: (usize, usize),
        (width, height): (usize, usize),
        columns: impl Fn(usize) -> Range<usize>,
    ) {
        self.spans.clear();
        self.edges.clear();
        for samples in [&mut self.right, &mut self.down] {
            samples.clear();
        }
        self.index.clear();
        let samples = samples_per_side(to_source);
        self.share = 1.0 / (samples * samples) as f32;
        self.source_width = source.0;
        self.len = width * height;
        if source.0 < 2 || source.1 < 2 {
            return;
        }
        let arch = pulp::Arch::new();
        let offset = |i: usize| (i as f32 + 0.5) / samples as f32 - 0.5;
        let turn = |x: f32, y: f32| [to_source.a * x - to_source.b * y, to_source.b * x + to_source.a * y];
        for y in 0..height {
            let columns = columns(y);
            for i in 0..samples * samples {
                let line = Line {
                    to_source,
                    y: y as f32,
                    offset: turn(offset(i % samples), offset(i / samples)),
                    last: [source.0 as f32 - 1.0, source.1 as f32 - 1.0],
                };
                let inside = line.inside(&columns);
                for x in (columns.start..inside.start).chain(inside.end..columns.end) {
                    let target = (y * width + x) as u32;
                    self.edges.extend(edge(line.at(x), source, self.share, target));
                }
                if !inside.is_empty() {
                    self.spans.push(Span { target: (y * width + inside.start) as u32, len: inside.len() as u32 });
                    arch.dispatch(|| self.sample(&line, inside.clone()));
                }
            }
        }
    }

    #[inline(always)]
    fn sample(&mut self, line: &Line<'_>, columns: Range<usize>) {
        let (start, len) = (self.index.len(), columns.len());
        let stride = self.source_width as i32;
        self.index.resize(start + len, 0);
        self.right.resize(start + len, 0.0);
        self.down.resize(start + len, 0.0);
        let samples = self.index[start..].iter_mut().zip(&mut self.right[start..]).zip(&mut self.down[start..]);
        for (k, ((index, right), down)) in samples.enumerate() {
            let [x, y] = line.at(columns.start + k);
            // Inside, truncation is the floor.
            let (column, row) = (x as i32, y as i32);
            (*right, *down) = (x - column as f32, y - row as f32);
            *index = (row * stride + column) as u32;
        }
    }

    /// Number of destination pixels.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no destination pixel.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `destination = A · source`.
    pub fn forward(&self, source: &[f32], destination: &mut [f32]) {
        self.forward_planes([source], [destination]);
    }

    /// [`forward`](Self::forward) for several planes of one shape in one pass over the samples.
    pub fn forward_planes<const N: usize>(&self, sources: [&[f32]; N], mut destinations: [&mut [f32]; N]) {
        destinations.iter_mut().for_each(|destination| destination.fill(0.0));
        let stride = self.source_width;
        for (target, range) in self.spans() {
            for (k, at) in range.enumerate() {
                let (index, right, down) = (self.index[at] as usize, self.right[at], self.down[at]);
                for (destination, source) in destinations.iter_mut().zip(sources) {
                    let (upper, lower) = (&source[index..index + 2], &source[index + stride..index + stride + 2]);
                    let above = (1.0 - right) * upper[0] + right * upper[1];
                    let below = (1.0 - right) * lower[0] + right * lower[1];
                    destination[target + k] += self.share * ((1.0 - down) * above + down * below);
                }
            }
        }
        for Edge { target, index, weights: [w00, w01, w10, w11] } in &self.edges {
            let index = *index as usize;
            for (destination, source) in destinations.iter_mut().zip(sources) {
                let (upper, lower) = (&source[index..index + 2], &source[index + stride..index + stride + 2]);
                destination[*target as usize] += w00 * upper[0] + w01 * upper[1] + w10 * lower[0] + w11 * lower[1];
            }
        }
    }

    /// `source += Aᵀ · destination`.
    pub fn adjoint_add(&self, destination: &[f32], source: &mut [f32]) {
        let stride = self.source_width;
        for (target, range) in self.spans() {
            for (value, at) in destination[target..].iter().zip(range) {
                let (index, right, down) = (self.index[at] as usize, self.right[at], self.down[at]);
                let (above, below) = (self.share * (1.0 - down) * value, self.share * down * value);
                let upper = &mut source[index..index + 2];
                upper[0] += (1.0 - right) * above;
                upper[1] += right * above;
                let lower = &mut source[index + stride..index + stride + 2];
                lower[0] += (1.0 - right) * below;
                lower[1] += right * below;
            }
        }
        for Edge { target, index, weights: [w00, w01, w10, w11] } in &self.edges {
            let (index, value) = (*index as usize, destination[*target as usize]);
            source[index] += w00 * value;
            source[index + 1] += w01 * value;
            source[index + stride] += w10 * value;
            source[index + stride + 1] += w11 * value;
        }
    }

    /// The first destination pixel of each span, and its samples.
    fn spans(&self) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
        self.spans.iter().scan(0, |start, span| {
            let range = *start..*start + span.len as usize;
            *start = range.end;
            Some((span.target as usize, range))
        })
    }
}

/// The samples of one destination row at one place of the pixel.
struct Line<'a> {
    to_source: &'a SimilarityTransform,
    y: f32,
    offset: [f32; 2],
    last: [f32; 2],
}

impl Line<'_> {
    #[inline(always)]
    fn at(&self, x: usize) -> [f32; 2] {
        let [center_x, center_y] = self.to_source.apply([x as f32, self.y]);
        [center_x + self.offset[0], center_y + self.offset[1]]
    }

    fn is_inside(&self, x: usize) -> bool {
        let [x, y] = self.at(x);
        x >= 0.0 && y >= 0.0 && x < self.last[0] && y < self.last[1]
    }

    /// The part of `columns` whose samples have all four source pixels inside; what is left out may be inside as well.
    fn inside(&self, columns: &Range<usize>) -> Range<usize> {
        let start = self.at(0);
        let (mut from, mut to) = (columns.start as f32, columns.end as f32);
        for (axis, step) in [self.to_source.a, self.to_source.b].into_iter().enumerate() {
            if step != 0.0 {
                let ends = [-start[axis] / step, (self.last[axis] - start[axis]) / step];
                from = from.max(ends[0].min(ends[1]));
                to = to.min(ends[0].max(ends[1]));
            }
        }
        // Rounding may have put an end one off; the positions themselves decide.
        let (mut from, mut to) = (from.ceil() as usize, to.ceil().max(0.0) as usize);
        while from < to && !self.is_inside(from) {
            from += 1;
        }
        while from < to && !self.is_inside(to - 1) {
            to -= 1;
        }
        if from < to { from..to } else { columns.start..columns.start }
    }
}

fn samples_per_side(to_source: &SimilarityTransform) -> usize {
    ((to_source.scale() / SAMPLE_SPACING).ceil().max(1.0) as usize).min(MAX_SAMPLES)
}

/// The sample at a position, or `None` where all four source pixels lie outside.
fn edge([x, y]: [f32; 2], (width, height): (usize, usize), share: f32, target: u32) -> Option<Edge> {
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
    Some(Edge { target, index: (row * width + column) as u32, weights })
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
