// SPDX-License-Identifier: MIT OR Apache-2.0
//! The linear operator between two pixel grids related by a similarity transform, and its exact adjoint.
//!
//! Every destination pixel is the mean of `n`×`n` bilinear samples spread evenly over its (rotated) square in the
//! source, at most `SAMPLE_SPACING` (1.5) source pixels apart (a bilinear sample itself reaches one pixel to each
//! side). So the warp is plain bilinear where the image grows and an area average where it shrinks, and does not alias.
//! The source is zero outside its bounds. The adjoint scatters with the same weights with which the operator gathers.
//!
//! A plan holds, for each destination row, the run of samples inside the source, and each sample at its edge. Positions
//! inside are computed again in every pass, `STEP` (16) at a time, which is cheaper than reading them.
//!
//! [`reference`](mod@reference) is the naive twin: the definition, sample by sample.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::SimilarityTransform;

/// Largest distance of neighbouring samples, source pixels.
const SAMPLE_SPACING: f32 = 1.5;
/// More samples along a side than this make no visible difference in an 8-bit picture.
const MAX_SAMPLES: usize = 8;
/// Number of samples with positions computed together.
const STEP: usize = 16;

/// The value of a pixel: a number, or four at once.
pub trait Sample: Copy {
    /// Zero.
    const ZERO: Self;

    /// `self + Σ weight · pixel`.
    #[must_use]
    fn plus(self, weights: [f32; 4], pixels: [Self; 4]) -> Self;
}

impl Sample for f32 {
    const ZERO: Self = 0.0;

    #[inline(always)]
    fn plus(self, weights: [f32; 4], pixels: [Self; 4]) -> Self {
        self + ((weights[0] * pixels[0] + weights[1] * pixels[1]) + (weights[2] * pixels[2] + weights[3] * pixels[3]))
    }
}

impl Sample for [f32; 4] {
    const ZERO: Self = [0.0; 4];

    #[inline(always)]
    fn plus(self, weights: [f32; 4], pixels: [Self; 4]) -> Self {
        std::array::from_fn(|lane| self[lane].plus(weights, pixels.map(|pixel| pixel[lane])))
    }
}

/// Bilinear samples of neighbouring destination pixels, each with all four source pixels inside the source.
#[derive(Debug, Clone)]
struct Span {
    line: Line,
    /// Columns of the destination.
    columns: Range<usize>,
    /// The destination pixel of the first column.
    target: usize,
}

/// A bilinear sample at the source's edge: the upper left of its four source pixels, and their weights.
#[derive(Debug, Clone, Copy)]
struct Edge {
    target: u32,
    index: u32,
    weights: [f32; 4],
}

/// The operator; reuses its plan's memory.
#[derive(Debug)]
pub struct Warp {
    to_source: SimilarityTransform,
    spans: Vec<Span>,
    edges: Vec<Edge>,
    /// Weight of a sample.
    share: f32,
    source_width: usize,
    len: usize,
    arch: pulp::Arch,
}

impl Default for Warp {
    fn default() -> Self {
        Self {
            to_source: SimilarityTransform::translation(0.0, 0.0),
            spans: Vec::new(),
            edges: Vec::new(),
            share: 0.0,
            source_width: 0,
            len: 0,
            arch: pulp::Arch::new(),
        }
    }
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
        let samples = samples_per_side(to_source);
        self.to_source = *to_source;
        self.share = 1.0 / (samples * samples) as f32;
        self.source_width = source.0;
        self.len = width * height;
        if source.0 < 2 || source.1 < 2 {
            return;
        }
        let last = [source.0 as f32 - 1.0, source.1 as f32 - 1.0];
        let offset = |i: usize| (i as f32 + 0.5) / samples as f32 - 0.5;
        let turn = |x: f32, y: f32| [to_source.a * x - to_source.b * y, to_source.b * x + to_source.a * y];
        for y in 0..height {
            let columns = columns(y);
            for i in 0..samples * samples {
                let line = Line { y: y as f32, offset: turn(offset(i % samples), offset(i / samples)) };
                let inside = line.inside(to_source, last, &columns);
                for x in (columns.start..inside.start).chain(inside.end..columns.end) {
                    let target = (y * width + x) as u32;
                    self.edges.extend(edge(line.at(to_source, x), source, self.share, target));
                }
                if !inside.is_empty() {
                    self.spans.push(Span { line, target: y * width + inside.start, columns: inside });
                }
            }
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
    pub fn forward<S: Sample>(&self, source: &[S], destination: &mut [S]) {
        destination.fill(S::ZERO);
        self.arch.dispatch(Gather { warp: self, source, destination });
        for Edge { target, index, weights } in &self.edges {
            let value = &mut destination[*target as usize];
            *value = value.plus(*weights, self.pixels(source, *index as usize));
        }
    }

    /// `source += Aᵀ · destination`.
    pub fn adjoint_add(&self, destination: &[f32], source: &mut [f32]) {
        self.arch.dispatch(Scatter { warp: self, destination, source });
        for Edge { target, index, weights } in &self.edges {
            self.scatter(destination[*target as usize], *index as usize, *weights, source);
        }
    }

    #[inline(always)]
    fn scatter(&self, value: f32, index: usize, weights: [f32; 4], source: &mut [f32]) {
        let stride = self.source_width;
        let (upper, lower) = source[index..index + stride + 2].split_at_mut(stride);
        upper[0] += weights[0] * value;
        upper[1] += weights[1] * value;
        lower[0] += weights[2] * value;
        lower[1] += weights[3] * value;
    }

    #[inline(always)]
    fn pixels<S: Sample>(&self, source: &[S], index: usize) -> [S; 4] {
        let pixels = &source[index..index + self.source_width + 2];
        [pixels[0], pixels[1], pixels[self.source_width], pixels[self.source_width + 1]]
    }

    /// Calls `sample` with the destination pixel, the upper left source pixel and the weights of every sample inside.
    #[inline(always)]
    fn each_inside(&self, mut sample: impl FnMut(usize, usize, [f32; 4])) {
        let stride = self.source_width as i32;
        let mut index = [0i32; STEP];
        let mut weights = [[0.0f32; STEP]; 4];
        for Span { line, columns, target } in &self.spans {
            for (step, start) in columns.clone().step_by(STEP).enumerate() {
                for k in 0..STEP {
                    let [x, y] = line.at(&self.to_source, start + k);
                    // Inside, truncation is the floor.
                    let (column, row) = (x as i32, y as i32);
                    let (right, down) = (x - column as f32, y - row as f32);
                    let (above, below) = (self.share * (1.0 - down), self.share * down);
                    index[k] = row.wrapping_mul(stride).wrapping_add(column);
                    weights[0][k] = (1.0 - right) * above;
                    weights[1][k] = right * above;
                    weights[2][k] = (1.0 - right) * below;
                    weights[3][k] = right * below;
                }
                // Kept in memory, so that entries are read from there one by one, not extracted from registers.
                let (index, weights) = std::hint::black_box((&index, &weights));
                for k in 0..STEP.min(columns.end - start) {
                    let weights = [weights[0][k], weights[1][k], weights[2][k], weights[3][k]];
                    sample(target + step * STEP + k, index[k] as usize, weights);
                }
            }
        }
    }
}

/// The samples inside, forward.
struct Gather<'a, S> {
    warp: &'a Warp,
    source: &'a [S],
    destination: &'a mut [S],
}

impl<S: Sample> WithSimd for Gather<'_, S> {
    type Output = ();

    #[inline(always)]
    fn with_simd<A: Simd>(self, _: A) {
        let Self { warp, source, destination } = self;
        warp.each_inside(
            #[inline(always)]
            |target, index, weights| {
                let value = &mut destination[target];
                *value = value.plus(weights, warp.pixels(source, index));
            },
        );
    }
}

/// The samples inside, backward.
struct Scatter<'a> {
    warp: &'a Warp,
    destination: &'a [f32],
    source: &'a mut [f32],
}

impl WithSimd for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<A: Simd>(self, _: A) {
        let Self { warp, destination, source } = self;
        warp.each_inside(
            #[inline(always)]
            |target, index, weights| warp.scatter(destination[target], index, weights, source),
        );
    }
}

/// A destination row at one sample position within its pixels.
#[derive(Debug, Clone)]
struct Line {
    y: f32,
    offset: [f32; 2],
}

impl Line {
    #[inline(always)]
    fn at(&self, to_source: &SimilarityTransform, x: usize) -> [f32; 2] {
        let [center_x, center_y] = to_source.apply([x as f32, self.y]);
        [center_x + self.offset[0], center_y + self.offset[1]]
    }

    /// The part of `columns` with all four source pixels of each sample inside; `last` is the last source pixel. It may
    /// leave out some columns that are inside, too.
    fn inside(&self, to_source: &SimilarityTransform, last: [f32; 2], columns: &Range<usize>) -> Range<usize> {
        let start = self.at(to_source, 0);
        let (mut from, mut to) = (columns.start as f32, columns.end as f32);
        for (axis, step) in [to_source.a, to_source.b].into_iter().enumerate() {
            if step != 0.0 {
                let ends = [-start[axis] / step, (last[axis] - start[axis]) / step];
                from = from.max(ends[0].min(ends[1]));
                to = to.min(ends[0].max(ends[1]));
            }
        }
        let is_inside = |x: usize| {
            let [x, y] = self.at(to_source, x);
            x >= 0.0 && y >= 0.0 && x < last[0] && y < last[1]
        };
        // Rounding may put an end off by one; the positions themselves decide.
        let (mut from, mut to) = (from.ceil() as usize, to.ceil().max(0.0) as usize);
        while from < to && !is_inside(from) {
            from += 1;
        }
        while from < to && !is_inside(to - 1) {
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
