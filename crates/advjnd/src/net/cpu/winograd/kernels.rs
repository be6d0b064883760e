// SPDX-License-Identifier: MIT OR Apache-2.0
//! Transformed kernels, and the products with them: by register tiles, or on AMX.
#![allow(unsafe_code, reason = "operands are addressed through pointers")]

use super::Winograd;
#[cfg(target_arch = "x86_64")]
use crate::net::cpu::amx::{self, Split};
use crate::net::cpu::layout::Grid;
use crate::net::cpu::memory::{Memory, WeightStore, Weights};
use crate::net::cpu::simd::{LANES, Level};
use crate::net::cpu::sink::{Epilogue, Finish};
use crate::net::cpu::tile::Tile;
use crate::net::graph::Conv;

#[cfg(target_arch = "x86_64")]
const _: () = assert!(super::ITEM_TILES <= amx::ROWS, "an item is multiplied at once");

/// `G` for m = 2, rows of 3.
const KERNEL_2: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

/// `G` for m = 4, rows of 3.
const KERNEL_4: [[f64; 3]; 6] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// Transformed kernels.
pub(super) enum Kernels {
    /// `[place][group][input][group's outputs]`.
    Whole(Weights),
    /// For AMX, as many steps for each place and group of two blocks.
    #[cfg(target_arch = "x86_64")]
    Split { weights: Split, steps: usize },
}

impl Kernels {
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "the level"))]
    pub(super) fn new(
        level: Level,
        store: &mut WeightStore,
        conv: &Conv,
        m: usize,
        in_blocks: usize,
        out_blocks: usize,
        group_blocks: usize,
    ) -> Self {
        let pack = || packed_kernels(conv, m, in_blocks, out_blocks, group_blocks);
        let (places, inputs) = ((m + 2) * (m + 2), in_blocks * LANES);
        #[cfg(target_arch = "x86_64")]
        if m == 2
            && group_blocks == 2
            && let Some(weights) = store.split(level, places * out_blocks / 2, inputs, pack)
        {
            return Self::Split { weights, steps: in_blocks.div_ceil(2) };
        }
        // The constants of F(4×4) would amplify the rounding of its kernels tenfold.
        Self::Whole(store.layer(places * inputs * out_blocks * LANES, m == 4, pack))
    }

    /// Entries of scratch that a thread needs besides what is transformed.
    pub(super) fn scratch(&self) -> usize {
        match self {
            Self::Whole(_) => 0,
            #[cfg(target_arch = "x86_64")]
            Self::Split { weights, steps } => steps * weights.parts.row_words(),
        }
    }
}

impl Winograd {
    /// Multiplies the transformed input of `tiles` tiles with the kernels.
    ///
    /// # Safety
    /// `memory` must be that of the plan, and the processor must support the plan's level.
    pub(super) unsafe fn multiply(&self, tiles: usize, memory: &Memory) {
        // SAFETY: passed on.
        unsafe {
            match self.kernels {
                Kernels::Whole(weights) => self.multiply_whole(tiles, weights, memory),
                #[cfg(target_arch = "x86_64")]
                Kernels::Split { weights, steps } => self.multiply_split(tiles, weights, steps, memory),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn multiply_split(&self, count: usize, split: Split, steps: usize, memory: &Memory) {
        let places = (self.m + 2) * (self.m + 2);
        let pairs = self.out_blocks / 2;
        let plane = self.capacity * LANES;
        let rows = memory.scratch.wrapping_add(self.input_scratch() + places * self.out_blocks * plane);
        // SAFETY: operands, rows and target lie in this thread's scratch, sized by `scratch`.
        unsafe {
            let tiles = amx::Tiles::new(count);
            for place in 0..places {
                let source = memory.scratch.add(place * self.in_blocks * plane).cast_const();
                amx::gather(split.parts, &self.chunks, (0..count).map(|row| source.add(row * LANES)), rows);
                for pair in 0..pairs {
                    let group = (place * pairs + pair) * steps * split.parts.weight_words();
                    let weights = memory.weights.add(split.offset + group);
                    let target = self.input_scratch() + (place * self.out_blocks + 2 * pair) * plane;
                    tiles.multiply(split.parts, rows, weights, steps, memory.scratch.add(target), plane);
                }
            }
        }
    }

    unsafe fn multiply_whole(&self, tiles: usize, weights: Weights, memory: &Memory) {
        let places = (self.m + 2) * (self.m + 2);
        let groups = self.out_blocks / self.group_blocks;
        let group_len = self.in_blocks * LANES * self.group_blocks * LANES;
        let plane = self.capacity * LANES;
        let grid = Grid { base: 0, sample: 0, block: plane, row: 0, pixel: LANES };
        let scratch = Memory { data: memory.scratch, ..*memory };
        for place in 0..places {
            for group in 0..groups {
                let target = self.input_scratch() + (place * self.out_blocks + group * self.group_blocks) * plane;
                let epilogue = Epilogue { finish: Finish::Keep, ..Epilogue::plain(Grid { base: target, ..grid }) };
                for tile in self.tilings[tiles - 1].strip(0) {
                    // SAFETY: both operands and the target lie in this thread's scratch, sized by `scratch`.
                    unsafe {
                        (tile.function)(&Tile {
                            source: memory.scratch.add(place * self.in_blocks * plane + tile.column * LANES),
                            source_row: 0,
                            weights: weights.at(memory, (place * groups + group) * group_len),
                            chunks: &self.chunks,
                            chunk_len: LANES,
                            sink: epilogue.at(&scratch, 0, 0, 0, tile.column),
                        });
                    }
                }
            }
        }
    }
}

/// The packed kernels, `[place][group][input][group's outputs]`.
fn packed_kernels(conv: &Conv, m: usize, in_blocks: usize, out_blocks: usize, group_blocks: usize) -> Vec<f32> {
    let n = m + 2;
    let rows: &[[f64; 3]] = if m == 2 { &KERNEL_2 } else { &KERNEL_4 };
    let (inputs, outputs, group) = (in_blocks * LANES, out_blocks * LANES, group_blocks * LANES);
    let mut packed = vec![0.0; n * n * inputs * outputs];
    for (out, filters) in conv.weight.numbers().chunks_exact(conv.in_channels * 9).enumerate() {
        for (input, filter) in filters.chunks_exact(9).enumerate() {
            for i in 0..n {
                for j in 0..n {
                    let mut sum = 0.0;
                    for (tap, value) in filter.iter().enumerate() {
                        sum += rows[i][tap / 3] * f64::from(*value) * rows[j][tap % 3];
                    }
                    let row = ((i * n + j) * outputs / group + out / group) * inputs + input;
                    packed[row * group + out % group] = sum as f32;
                }
            }
        }
    }
    packed
}
