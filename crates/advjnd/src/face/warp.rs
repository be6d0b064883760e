// SPDX-License-Identifier: MIT OR Apache-2.0
//! The linear operator between two pixel grids related by a similarity transform, and its exact adjoint.
//!
//! Every destination pixel is the mean of `n`×`n` bilinear samples spread evenly over its (rotated) square in the
//! source, at most `SAMPLE_SPACING` (1.5) source pixels apart (a bilinear sample itself reaches one pixel to each
//! side). So the warp is plain bilinear where the image grows and an area average where it shrinks, and does not alias.
//! The source is zero outside its bounds. The adjoint scatters with the same weights with which the operator gathers.
//!
//! A plan holds, for each destination row, the run of samples inside the source, and each sample at its edge. Positions
//! inside are computed again in every pass, 16 at a time, which is cheaper than reading them.
//!
//! Both passes split into parts that threads can share. Every pixel belongs to one part, which adds what falls on it in
//! the order of the whole pass. So the bytes are the same in any number of parts.
//!
//! [`reference`](mod@reference) is the naive twin: the definition, sample by sample.

mod parts;

use std::ops::Range;

use super::SimilarityTransform;

/// Largest distance of neighbouring samples, source pixels.
const SAMPLE_SPACING: f32 = 1.5;
/// More samples along a side than this make no visible difference in an 8-bit picture.
const MAX_SAMPLES: usize = 8;

/// The value of a pixel: a number, or four at once.
pub trait Sample: Copy + Send + Sync {
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

impl Span {
    /// The part with the samples that touch the source rows `rows`: those in them and in the row above.
    fn touching(&self, to_source: &SimilarityTransform, rows: &Range<usize>) -> Self {
        let y = |x: usize| self.line.at(to_source, x)[1];
        let Range { start, end } = self.columns;
        // The first column from which on the span lies beyond `row`.
        let beyond = |row: f32| {
            let is_beyond = |x: usize| if to_source.b < 0.0 { y(x) < row } else { y(x) >= row };
            // Most spans lie on one side.
            if is_beyond(start) {
                return start;
            }
            if !is_beyond(end - 1) {
                return end;
            }
            let mut first = (((row - y(0)) / to_source.b) as usize).clamp(start + 1, end - 1);
            // Rounding may put it off by some; the positions themselves decide, which never turn back along a span.
            while !is_beyond(first) {
                first += 1;
            }
            while is_beyond(first - 1) {
                first -= 1;
            }
            first
        };
        let (one, other) = (beyond(rows.start as f32 - 1.0), beyond(rows.end as f32));
        let columns = one.min(other)..one.max(other);
        Self { line: self.line, target: self.target + columns.start - start, columns }
    }
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
    source: (usize, usize),
    target: (usize, usize),
    arch: pulp::Arch,
}

impl Default for Warp {
    fn default() -> Self {
        Self {
            to_source: SimilarityTransform::translation(0.0, 0.0),
            spans: Vec::new(),
            edges: Vec::new(),
            share: 0.0,
            source: (0, 0),
            target: (0, 0),
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
        target: (usize, usize),
        columns: impl Fn(usize) -> Range<usize>,
    ) {
        self.spans.clear();
        self.edges.clear();
        let samples = samples_per_side(to_source);
        self.to_source = *to_source;
        self.share = 1.0 / (samples * samples) as f32;
        (self.source, self.target) = (source, target);
        if source.0 < 2 || source.1 < 2 {
            return;
        }
        let last = [source.0 as f32 - 1.0, source.1 as f32 - 1.0];
        let offset = |i: usize| (i as f32 + 0.5) / samples as f32 - 0.5;
        let turn = |x: f32, y: f32| [to_source.a * x - to_source.b * y, to_source.b * x + to_source.a * y];
        for y in 0..target.1 {
            let columns = columns(y);
            for i in 0..samples * samples {
                let line = Line { y: y as f32, offset: turn(offset(i % samples), offset(i / samples)) };
                let inside = line.inside(to_source, last, &columns);
                for x in (columns.start..inside.start).chain(inside.end..columns.end) {
                    let pixel = (y * target.0 + x) as u32;
                    self.edges.extend(edge(line.at(to_source, x), source, self.share, pixel));
                }
                if !inside.is_empty() {
                    self.spans.push(Span { line, target: y * target.0 + inside.start, columns: inside });
                }
            }
        }
    }

    /// Number of destination pixels.
    pub fn len(&self) -> usize {
        self.target.0 * self.target.1
    }

    /// Whether there is no destination pixel.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of samples, those outside the source included: what a pass costs.
    pub fn samples(&self) -> usize {
        self.len() * (1.0 / self.share).round() as usize
    }
}

/// A destination row at one sample position within its pixels.
#[derive(Debug, Clone, Copy)]
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
