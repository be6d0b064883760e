// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dense convolution as a product of matrices on AMX.
//!
//! A row is a pixel: its chunks of 16 scalars, one after the other. An item is a run of strips of pixels by a bundle of
//! pairs of blocks of outputs. It gathers the rows in the thread's scratch, and multiplies all by a pair's weights
//! before it reads those of the next.
#![allow(unsafe_code, reason = "rows are addressed through pointers")]

use super::amx::{self, ROWS, Split, Tiles};
use super::conv::Problem;
use super::layout::Grid;
use super::memory::{Memory, WeightStore};
use super::simd::avx512::Avx512;
use super::simd::{Isa, LANES, Level};
use super::sink::Epilogue;
use super::tile::even_parts;

/// Most strips of an item: more read the weights less often, but leave less to share among threads.
const ITEM_STRIPS: usize = 4;
/// Most steps of all rows of an item with more than one strip, 4 or 6 KiB each: they stay in the second level of cache.
const ITEM_STEPS: usize = 128;
/// Items to share, where the outputs allow it.
const ITEMS: usize = 4;
/// Pixels below which reading the weights takes longer than the products.
const LEAST_PIXELS: usize = 16;
/// Vectors that the epilogue takes at a time.
const RUN: usize = 4;

/// A dense convolution, ready to run.
pub(super) struct Matrix {
    source: Grid,
    columns: usize,
    /// Runs of at most [`ROWS`] pixels: (first, number).
    strips: Vec<(usize, usize)>,
    strips_per_item: usize,
    samples: usize,
    chunks: Vec<isize>,
    steps: usize,
    weights: Split,
    /// Runs of pairs of blocks of outputs: (first, number).
    bundles: Vec<(usize, usize)>,
    epilogue: Epilogue,
}

impl Matrix {
    /// Packs `weight(chunk, k, output channel)`; `None` if the problem does not fill tiles, or the store does not
    /// [split](WeightStore::split).
    pub(super) fn new(
        problem: &Problem,
        level: Level,
        store: &mut WeightStore,
        samples: usize,
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Option<Self> {
        let Problem { source, pitch, rows, columns, out_blocks, ref chunks, chunk_len, epilogue } = *problem;
        let pixels = rows * columns;
        if chunks.is_empty() || chunk_len != LANES || !out_blocks.is_multiple_of(2) || pixels < LEAST_PIXELS {
            return None;
        }
        let (inner, pairs) = (chunks.len() * LANES, out_blocks / 2);
        let weights = store.split(level, pairs, inner, || {
            let mut packed = Vec::with_capacity(pairs * inner * 2 * LANES);
            for pair in 0..pairs {
                for k in 0..inner {
                    let outputs = pair * 2 * LANES..(pair + 1) * 2 * LANES;
                    packed.extend(outputs.map(|out| weight(k / LANES, k % LANES, out)));
                }
            }
            packed
        })?;
        let steps = chunks.len().div_ceil(2);
        let strips = even_parts(pixels, ROWS);
        let strips_per_item = (ITEM_STEPS / steps).clamp(1, ITEM_STRIPS);
        let runs = samples * strips.len().div_ceil(strips_per_item);
        let bundles = ITEMS.div_ceil(runs).min(pairs);
        Some(Self {
            source: Grid { pixel: pitch, ..source },
            columns,
            strips_per_item,
            strips,
            samples,
            chunks: chunks.clone(),
            steps,
            weights,
            bundles: even_parts(pairs, pairs.div_ceil(bundles)),
            epilogue,
        })
    }

    /// Number of items, which may run in parallel.
    pub(super) fn items(&self) -> usize {
        self.bundles.len() * self.samples * self.strips.len().div_ceil(self.strips_per_item)
    }

    /// Entries of scratch that a thread needs: rows, and the sums of a pair.
    pub(super) fn scratch(&self) -> usize {
        self.strips_per_item * self.row_words() + 2 * ROWS * LANES
    }

    /// Entries of the rows of a strip.
    fn row_words(&self) -> usize {
        self.steps * self.weights.parts.row_words()
    }

    /// Runs one item.
    ///
    /// # Safety
    /// `memory` must be that of the plan, and the processor must have AMX.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    pub(super) unsafe fn run(&self, item: usize, memory: &Memory) {
        let parts = self.strips.len().div_ceil(self.strips_per_item);
        let (bundle, sample, part) = (item / parts / self.samples, item / parts % self.samples, item % parts);
        let first = part * self.strips_per_item;
        let strips = &self.strips[first..self.strips.len().min(first + self.strips_per_item)];
        let rows = |index: usize| memory.scratch.wrapping_add(index * self.row_words());
        let sums = rows(self.strips_per_item);
        // SAFETY: rows, sums and weights have the sizes for which the plan made room, and pixels lie in the grid.
        unsafe {
            for (index, strip) in strips.iter().enumerate() {
                self.gather(*strip, sample, memory, rows(index));
            }
            // Strips differ by one row at most; what a tile holds beyond is not read.
            let tiles = Tiles::new(strips.iter().map(|strip| strip.1).max().unwrap_or(1));
            let (first, count) = self.bundles[bundle];
            for pair in first..first + count {
                let weights =
                    memory.weights.add(self.weights.offset + pair * self.steps * self.weights.parts.weight_words());
                for (index, strip) in strips.iter().enumerate() {
                    tiles.multiply(self.weights.parts, rows(index), weights, self.steps, sums, ROWS * LANES);
                    for block in 0..2 {
                        self.finish(*strip, (sample, 2 * pair + block), memory, sums.add(block * ROWS * LANES));
                    }
                }
            }
        }
    }

    /// Splits the rows of a strip.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn gather(&self, (first, count): (usize, usize), sample: usize, memory: &Memory, rows: *mut f32) {
        let mut places = [std::ptr::null(); ROWS];
        for (index, place) in places[..count].iter_mut().enumerate() {
            let (row, column) = ((first + index) / self.columns, (first + index) % self.columns);
            *place = memory.data.wrapping_add(self.source.at(sample, 0, row, column)).cast_const();
        }
        // SAFETY: the plan's offsets lie in its memory, frames included.
        unsafe { amx::gather(self.weights.parts, &self.chunks, places[..count].iter().copied(), rows) };
    }

    /// Stores the sums of a strip for one block of outputs.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn finish(
        &self,
        (first, count): (usize, usize),
        (sample, block): (usize, usize),
        memory: &Memory,
        sums: *const f32,
    ) {
        let mut at = 0;
        while at < count {
            let (row, column) = ((first + at) / self.columns, (first + at) % self.columns);
            let run = (self.columns - column).min(count - at);
            // SAFETY: the pixels lie in the target.
            unsafe {
                let sink = self.epilogue.at(memory, sample, block, row, column);
                let load = |pixel: usize| Avx512::load(sums.add((at + pixel) * LANES));
                let whole = run - run % RUN;
                for pixel in (0..whole).step_by(RUN) {
                    let vectors: [_; RUN] = std::array::from_fn(|own| load(pixel + own));
                    sink.put_run::<Avx512, RUN>(vectors, 0, pixel);
                }
                for pixel in whole..run {
                    sink.put_run::<Avx512, 1>([load(pixel)], 0, pixel);
                }
            }
            at += run;
        }
    }
}
