// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dense convolution, forward and backward: by register tiles ([`Tiled`]), or on AMX as a product of matrices.
//!
//! Forward, a pixel's chunks are its taps. Backward with stride 1 is a forward convolution with the mirrored kernel
//! ([`mirrored`](super::reach::mirrored)). Backward with stride `s` splits the result into `s × s` phases; each is a
//! stride-1 convolution with the taps that reach it. Backward to an image of at most 4 channels would leave vectors
//! mostly empty, so there one vector holds 2 × 2 pixels of all channels ([`Dense::to_image`]).
#![allow(unsafe_code, reason = "steps address the plan's memory")]

use super::layout::{Blocked, Grid, blocks};
#[cfg(target_arch = "x86_64")]
use super::matrix::Matrix;
use super::memory::{Memory, WeightStore};
use super::reach::{IMAGE_STEP, image_range, reaching_taps, useful_taps};
use super::simd::{LANES, Level};
use super::sink::Epilogue;
use super::tiled::Tiled;
use crate::net::graph::{Conv, Padding, Shape};
use crate::net::values::Values;

/// A dense convolution, ready to run.
pub(super) enum Dense {
    Tiled(Tiled),
    #[cfg(target_arch = "x86_64")]
    Matrix(Matrix),
}

/// What a dense convolution computes, before it is packed.
pub(super) struct Problem {
    pub(super) source: Grid,
    /// Entries from a pixel to the next one in its row.
    pub(super) pitch: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) out_blocks: usize,
    /// Entries from a pixel to each chunk of the inner dimension.
    pub(super) chunks: Vec<isize>,
    /// Scalars in a chunk.
    pub(super) chunk_len: usize,
    pub(super) epilogue: Epilogue,
}

impl Dense {
    /// Forward over a value in blocked layout.
    pub(super) fn forward(
        level: Level,
        store: &mut WeightStore,
        samples: usize,
        conv: &Conv,
        source: &Blocked,
        epilogue: Epilogue,
    ) -> Option<Self> {
        let output = conv.output_shape(source.shape)?;
        let Padding { top, left, .. } = conv.padding;
        let taps = useful_taps(conv, source.shape, output);
        let grid = source.grid;
        let mut chunks = Vec::new();
        let mut lanes = Vec::new();
        for block in 0..source.blocks() {
            for &(ky, kx) in &taps {
                let offset = block * grid.block + ky * grid.row + kx * grid.pixel;
                chunks.push(offset as isize - (top * grid.row + left * grid.pixel) as isize);
                lanes.push((block, ky, kx));
            }
        }
        let problem = Problem {
            source: Grid { row: grid.row * conv.stride, ..grid },
            pitch: LANES * conv.stride,
            rows: output.height,
            columns: output.width,
            out_blocks: blocks(conv.out_channels),
            chunks,
            chunk_len: LANES,
            epilogue,
        };
        let (k, weight) = (conv.kernel, conv.weight.lazy());
        problem.pack(level, store, samples, |chunk, lane, out| {
            let (block, ky, kx) = lanes[chunk];
            let input = block * LANES + lane;
            let inside = input < conv.in_channels && out < conv.out_channels;
            if inside { weight[((out * conv.in_channels + input) * k + ky) * k + kx] } else { 0.0 }
        })
    }

    /// Forward over an image in interleaved layout, `[row][column][channel]`; `source.pixel` is the number of channels.
    pub(super) fn forward_interleaved(
        level: Level,
        store: &mut WeightStore,
        samples: usize,
        conv: &Conv,
        shape: Shape,
        source: Grid,
        epilogue: Epilogue,
    ) -> Option<Self> {
        let output = conv.output_shape(shape)?;
        let Padding { top, left, .. } = conv.padding;
        let start = (top * source.row + left * source.pixel) as isize;
        let problem = Problem {
            source: Grid { row: source.row * conv.stride, ..source },
            pitch: conv.in_channels * conv.stride,
            rows: output.height,
            columns: output.width,
            out_blocks: blocks(conv.out_channels),
            chunks: (0..conv.kernel).map(|ky| (ky * source.row) as isize - start).collect(),
            chunk_len: conv.kernel * conv.in_channels,
            epilogue,
        };
        let (k, channels, weight) = (conv.kernel, conv.in_channels, conv.weight.lazy());
        problem.pack(level, store, samples, |ky, lane, out| {
            let (kx, input) = (lane / channels, lane % channels);
            if out < conv.out_channels { weight[((out * channels + input) * k + ky) * k + kx] } else { 0.0 }
        })
    }

    /// Backward with stride over one: `source` is the cotangent, the epilogue's target the gradient of `shape`.
    pub(super) fn backward(
        level: Level,
        store: &mut WeightStore,
        samples: usize,
        conv: &Conv,
        shape: Shape,
        source: &Blocked,
        epilogue: Epilogue,
    ) -> Option<Vec<Self>> {
        let mut phases = Vec::new();
        let s = conv.stride;
        for py in 0..s.min(shape.height) {
            for px in 0..s.min(shape.width) {
                let rows = reaching_taps(conv, conv.padding.top, py, s);
                let columns = reaching_taps(conv, conv.padding.left, px, s);
                let mut chunks = Vec::new();
                let mut taps = Vec::new();
                for block in 0..source.blocks() {
                    for &(ky, y) in &rows {
                        for &(kx, x) in &columns {
                            chunks.push(offset(&source.grid, block, y, x));
                            taps.push((block, ky, kx));
                        }
                    }
                }
                let problem = Problem {
                    source: source.grid,
                    pitch: LANES,
                    rows: (shape.height - py).div_ceil(s),
                    columns: (shape.width - px).div_ceil(s),
                    out_blocks: blocks(shape.channels),
                    chunks,
                    chunk_len: LANES,
                    epilogue: epilogue.phase(s, py, px),
                };
                let (k, weight) = (conv.kernel, conv.weight.lazy());
                phases.push(problem.pack(level, store, samples, |chunk, lane, input| {
                    let (block, ky, kx) = taps[chunk];
                    let out = block * LANES + lane;
                    let inside = input < conv.in_channels && out < conv.out_channels;
                    if inside { weight[((out * conv.in_channels + input) * k + ky) * k + kx] } else { 0.0 }
                })?);
            }
        }
        Some(phases)
    }

    /// Backward to an image of at most 4 channels, stride 1 or 2: entry `(dy·2 + dx)·channels + c` of target vector
    /// `(u, v)` is the gradient at row `2u + dy`, column `2v + dx`, channel `c`.
    pub(super) fn to_image(
        level: Level,
        store: &mut WeightStore,
        samples: usize,
        conv: &Conv,
        shape: Shape,
        source: &Blocked,
        target: Grid,
    ) -> Option<Self> {
        let step = IMAGE_STEP / conv.stride;
        let (rows, columns) = (image_range(conv, conv.padding.top), image_range(conv, conv.padding.left));
        let mut chunks = Vec::new();
        let mut places = Vec::new();
        for block in 0..source.blocks() {
            for y in rows.0..=rows.1 {
                for x in columns.0..=columns.1 {
                    chunks.push(offset(&source.grid, block, y, x));
                    places.push((block, y, x));
                }
            }
        }
        let problem = Problem {
            source: Grid { row: source.grid.row * step, ..source.grid },
            pitch: LANES * step,
            rows: shape.height.div_ceil(IMAGE_STEP),
            columns: shape.width.div_ceil(IMAGE_STEP),
            out_blocks: 1,
            chunks,
            chunk_len: LANES,
            epilogue: Epilogue::plain(target),
        };
        let (k, channels, weight) = (conv.kernel, conv.in_channels, conv.weight.lazy());
        let tap = |pixel: usize, padding: usize, at: isize| {
            let tap = (pixel + padding) as isize - at * conv.stride as isize;
            usize::try_from(tap).ok().filter(|tap| *tap < k)
        };
        problem.pack(level, store, samples, |chunk, lane, entry| {
            let (block, y, x) = places[chunk];
            let (out, pixel, input) = (block * LANES + lane, entry / channels, entry % channels);
            let ky = tap(pixel / IMAGE_STEP, conv.padding.top, y);
            let kx = tap(pixel % IMAGE_STEP, conv.padding.left, x);
            match (ky, kx) {
                (Some(ky), Some(kx)) if pixel < IMAGE_STEP * IMAGE_STEP && out < conv.out_channels => {
                    weight[((out * channels + input) * k + ky) * k + kx]
                }
                _ => 0.0,
            }
        })
    }

    /// A fully connected layer: the inner dimension is every entry of `source`.
    pub(super) fn linear(
        level: Level,
        store: &mut WeightStore,
        samples: usize,
        weight: &Values,
        outputs: usize,
        source: &Blocked,
        epilogue: Epilogue,
    ) -> Option<Tiled> {
        let shape = source.shape;
        let mut places = Vec::new();
        for block in 0..source.blocks() {
            for y in 0..shape.height {
                places.extend((0..shape.width).map(|x| (block, y, x)));
            }
        }
        let problem = Problem {
            source: source.grid,
            pitch: LANES,
            rows: 1,
            columns: 1,
            out_blocks: blocks(outputs),
            chunks: places.iter().map(|&(block, y, x)| offset(&source.grid, block, y as isize, x as isize)).collect(),
            chunk_len: LANES,
            epilogue,
        };
        let weight = weight.lazy();
        Tiled::new(problem, level, store, samples, |chunk, lane, out| {
            let (block, y, x) = places[chunk];
            let channel = block * LANES + lane;
            let input = (channel * shape.height + y) * shape.width + x;
            if channel < shape.channels && out < outputs { weight[out * shape.len() + input] } else { 0.0 }
        })
    }

    /// Number of items, which may run in parallel.
    pub(super) fn items(&self) -> usize {
        match self {
            Self::Tiled(tiled) => tiled.items(),
            #[cfg(target_arch = "x86_64")]
            Self::Matrix(matrix) => matrix.items(),
        }
    }

    /// Entries of scratch that a thread needs.
    pub(super) fn scratch(&self) -> usize {
        match self {
            Self::Tiled(_) => 0,
            #[cfg(target_arch = "x86_64")]
            Self::Matrix(matrix) => matrix.scratch(),
        }
    }

    /// Runs one item.
    ///
    /// # Safety
    /// `memory` must be that of the plan, and the processor must support the plan's level.
    pub(super) unsafe fn run(&self, item: usize, memory: &Memory) {
        // SAFETY: passed on.
        unsafe {
            match self {
                Self::Tiled(tiled) => tiled.run(item, memory),
                #[cfg(target_arch = "x86_64")]
                Self::Matrix(matrix) => matrix.run(item, memory),
            }
        }
    }
}

impl Problem {
    /// Chooses the algorithm and packs `weight(chunk, k, output channel)`.
    fn pack(
        self,
        level: Level,
        store: &mut WeightStore,
        samples: usize,
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Option<Dense> {
        #[cfg(target_arch = "x86_64")]
        if let Some(matrix) = Matrix::new(&self, level, store, samples, &weight) {
            return Some(Dense::Matrix(matrix));
        }
        Tiled::new(self, level, store, samples, weight).map(Dense::Tiled)
    }
}

fn offset(grid: &Grid, block: usize, row: isize, column: isize) -> isize {
    (block * grid.block) as isize + row * grid.row as isize + column * grid.pixel as isize
}
