// SPDX-License-Identifier: MIT OR Apache-2.0
//! Dense convolution by [register tiles](super::tile).
#![allow(unsafe_code, reason = "tiles are addressed through pointers")]

use super::conv::Problem;
use super::layout::Grid;
use super::linear::Packed;
use super::memory::{Memory, WeightStore, Weights};
use super::simd::{LANES, Level};
use super::sink::Epilogue;
use super::tile::{Tile, Tiling};

/// Least work of an item, in multiply-adds of vectors: about 3 µs.
const ITEM_WORK: usize = 16_000;

/// A dense convolution, ready to run.
pub(super) struct Tiled {
    source: Grid,
    weights: Weights,
    group_len: usize,
    group_blocks: usize,
    groups: usize,
    groups_per_item: usize,
    samples: usize,
    chunks: Vec<isize>,
    chunk_len: usize,
    tiling: Tiling,
    strips_per_item: usize,
    epilogue: Epilogue,
}

impl Tiled {
    /// Chooses tiles and packs `weight(chunk, k, output channel)`; `None` for an unknown pitch.
    pub(super) fn new(
        problem: Problem,
        level: Level,
        store: &mut WeightStore,
        samples: usize,
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Option<Self> {
        let Problem { source, pitch, rows, columns, out_blocks, chunks, chunk_len, epilogue } = problem;
        let group_blocks = match (level, rows, columns) {
            (Level::Avx512 | Level::Amx, 4, 4) => 1,
            _ if level.accumulators() >= 28 && out_blocks.is_multiple_of(2) => 2,
            _ => 1,
        };
        let tiling = Tiling::new(level, pitch, rows, columns, group_blocks)?;
        let groups = out_blocks / group_blocks;
        let group_len = chunks.len() * chunk_len * group_blocks * LANES;
        let weights = store.layer(groups * group_len, false, || {
            let mut packed = Vec::with_capacity(groups * group_len);
            for group in 0..groups {
                for chunk in 0..chunks.len() {
                    for k in 0..chunk_len {
                        let first = group * group_blocks * LANES;
                        packed.extend((first..first + group_blocks * LANES).map(|out| weight(chunk, k, out)));
                    }
                }
            }
            packed
        });
        let strip_work = chunks.len() * chunk_len * group_blocks * columns * rows / tiling.strips();
        Some(Self {
            source: Grid { pixel: pitch, ..source },
            weights,
            group_len,
            group_blocks,
            groups,
            groups_per_item: (ITEM_WORK / (strip_work * tiling.strips()).max(1)).clamp(1, groups),
            samples,
            chunks,
            chunk_len,
            strips_per_item: (ITEM_WORK / strip_work.max(1)).clamp(1, tiling.strips()),
            tiling,
            epilogue,
        })
    }

    /// The place of its weights.
    pub(super) fn packed(&self) -> Packed {
        let Self { weights, groups, group_blocks, .. } = *self;
        Packed { weights, groups, group_blocks, chunks: self.chunks.len() }
    }

    /// Number of items, which may run in parallel.
    pub(super) fn items(&self) -> usize {
        let parts = self.tiling.strips().div_ceil(self.strips_per_item);
        self.groups.div_ceil(self.groups_per_item) * self.samples * parts
    }

    /// Runs one item.
    ///
    /// # Safety
    /// `memory` must be that of the plan, and the processor must support the plan's level.
    pub(super) unsafe fn run(&self, item: usize, memory: &Memory) {
        let parts = self.tiling.strips().div_ceil(self.strips_per_item);
        let (bundle, sample, part) = (item / parts / self.samples, item / parts % self.samples, item % parts);
        let groups = bundle * self.groups_per_item..self.groups.min((bundle + 1) * self.groups_per_item);
        let strips = part * self.strips_per_item..self.tiling.strips().min((part + 1) * self.strips_per_item);
        for group in groups {
            for strip in strips.clone() {
                for place in self.tiling.strip(strip) {
                    // SAFETY: the plan's offsets lie in its memory, frames included, and the tile in the grid.
                    unsafe {
                        let block = group * self.group_blocks;
                        (place.function)(&Tile {
                            source: memory.data.add(self.source.at(sample, 0, place.row, place.column)),
                            source_row: self.source.row,
                            weights: self.weights.at(memory, group * self.group_len),
                            chunks: &self.chunks,
                            chunk_len: self.chunk_len,
                            sink: self.epilogue.at(memory, sample, block, place.row, place.column),
                        });
                    }
                }
            }
        }
    }
}
