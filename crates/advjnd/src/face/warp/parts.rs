// SPDX-License-Identifier: MIT OR Apache-2.0
//! The passes of a warp, whole or in parts: runs of rows of the pixels that a pass writes.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{Edge, Sample, Span, Warp};

/// Number of samples with positions computed together.
const STEP: usize = 16;

impl Warp {
    /// `destination = A · source`.
    pub fn forward<S: Sample>(&self, source: &[S], destination: &mut [S]) {
        self.gather(source, 0..self.target.1, destination);
    }

    /// [`forward`](Self::forward) in at most `count` parts of about the same number of rows. Each is to be called once,
    /// in any order or at the same time, and gives some rows of the destination the bytes of the whole pass.
    pub fn forward_parts<'a, S: Sample>(
        &'a self,
        source: &'a [S],
        destination: &'a mut [S],
        count: usize,
    ) -> Vec<impl FnMut() + Send + 'a> {
        let part = |(rows, own): (Range<usize>, &'a mut [S])| move || self.gather(source, rows.clone(), own);
        split(destination, self.target, count).map(part).collect()
    }

    /// `source += Aᵀ · destination`.
    pub fn adjoint_add(&self, destination: &[f32], source: &mut [f32]) {
        self.scatter(destination, 0..self.source.1, source);
    }

    /// [`adjoint_add`](Self::adjoint_add) in at most `count` parts, which are as those of
    /// [`forward_parts`](Self::forward_parts), but add to rows of the source.
    pub fn adjoint_add_parts<'a>(
        &'a self,
        destination: &'a [f32],
        source: &'a mut [f32],
        count: usize,
    ) -> Vec<impl FnMut() + Send + 'a> {
        let part = |(rows, own): (Range<usize>, &'a mut [f32])| move || self.scatter(destination, rows.clone(), own);
        split(source, self.source, count).map(part).collect()
    }

    /// The forward pass of the destination rows `rows`, whose pixels are `own`.
    fn gather<S: Sample>(&self, source: &[S], rows: Range<usize>, own: &mut [S]) {
        let (start, end) = (rows.start * self.target.0, rows.end * self.target.0);
        // Spans and edges are in the order of the rows.
        let from = |pixel: usize| self.spans.partition_point(|span| span.target < pixel);
        let spans = &self.spans[from(start)..from(end)];
        let from = |pixel: usize| self.edges.partition_point(|edge| (edge.target as usize) < pixel);
        let edges = &self.edges[from(start)..from(end)];
        own.fill(S::ZERO);
        self.arch.dispatch(Gather { warp: self, spans, source, start, own });
        for Edge { target, index, weights } in edges {
            let value = &mut own[*target as usize - start];
            *value = value.plus(*weights, self.pixels(source, *index as usize));
        }
    }

    /// The adjoint pass to the source rows `rows`, whose pixels are `own`.
    fn scatter(&self, destination: &[f32], rows: Range<usize>, own: &mut [f32]) {
        let (start, own) = (rows.start * self.source.0, &mut own[..rows.len() * self.source.0]);
        self.arch.dispatch(Scatter { warp: self, destination, rows, own });
        for Edge { target, index, weights } in &self.edges {
            self.scatter_one(destination[*target as usize], *index as usize, *weights, start, own);
        }
    }

    /// Adds a sample to those of its four source pixels that lie in `own`, whole rows from pixel `start` on.
    #[inline(always)]
    fn scatter_one(&self, value: f32, index: usize, weights: [f32; 4], start: usize, own: &mut [f32]) {
        // In the row above, the difference wraps, and is no index.
        let upper = index.wrapping_sub(start);
        if let Some([left, right, ..]) = own.get_mut(upper..) {
            *left += weights[0] * value;
            *right += weights[1] * value;
        }
        if let Some([left, right, ..]) = own.get_mut(upper.wrapping_add(self.source.0)..) {
            *left += weights[2] * value;
            *right += weights[3] * value;
        }
    }

    #[inline(always)]
    fn pixels<S: Sample>(&self, source: &[S], index: usize) -> [S; 4] {
        let width = self.source.0;
        let pixels = &source[index..index + width + 2];
        [pixels[0], pixels[1], pixels[width], pixels[width + 1]]
    }

    /// Calls `sample` with the destination pixel, the upper left source pixel and the weights of every sample of
    /// `spans`.
    #[inline(always)]
    fn each_inside(&self, spans: impl Iterator<Item = Span>, mut sample: impl FnMut(usize, usize, [f32; 4])) {
        let stride = self.source.0 as i32;
        let mut index = [0i32; STEP];
        let mut weights = [[0.0f32; STEP]; 4];
        for Span { line, columns, target } in spans {
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

/// Splits `pixels` into at most `count` runs of rows of about the same height, each with its pixels.
fn split<S>(
    pixels: &mut [S],
    (width, height): (usize, usize),
    count: usize,
) -> impl Iterator<Item = (Range<usize>, &mut [S])> {
    let count = count.clamp(1, height.max(1));
    let mut left = pixels;
    (0..count).map(move |part| {
        let rows = part * height / count..(part + 1) * height / count;
        let (own, rest) = std::mem::take(&mut left).split_at_mut(rows.len() * width);
        left = rest;
        (rows, own)
    })
}

/// The samples inside of some destination rows, forward.
struct Gather<'a, S> {
    warp: &'a Warp,
    spans: &'a [Span],
    source: &'a [S],
    /// The first of the pixels `own`.
    start: usize,
    own: &'a mut [S],
}

impl<S: Sample> WithSimd for Gather<'_, S> {
    type Output = ();

    #[inline(always)]
    fn with_simd<A: Simd>(self, _: A) {
        let Self { warp, spans, source, start, own } = self;
        warp.each_inside(
            spans.iter().cloned(),
            #[inline(always)]
            |target, index, weights| {
                let value = &mut own[target - start];
                *value = value.plus(weights, warp.pixels(source, index));
            },
        );
    }
}

/// The samples inside that touch some source rows, backward.
struct Scatter<'a> {
    warp: &'a Warp,
    destination: &'a [f32],
    rows: Range<usize>,
    own: &'a mut [f32],
}

impl WithSimd for Scatter<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<A: Simd>(self, _: A) {
        let Self { warp, destination, rows, own } = self;
        let start = rows.start * warp.source.0;
        warp.each_inside(
            warp.spans.iter().map(|span| span.touching(&warp.to_source, &rows)),
            #[inline(always)]
            |target, index, weights| warp.scatter_one(destination[target], index, weights, start, own),
        );
    }
}
