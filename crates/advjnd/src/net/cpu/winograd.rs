// SPDX-License-Identifier: MIT OR Apache-2.0
//! 3 × 3 convolution, stride 1, by Winograd's minimal filtering F(m × m, 3 × 3), m = 2 or 4.
//!
//! Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016: for every tile of `m × m` results,
//! `Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A` with `n = m + 2`; the sum over input channels of the inner product is a matrix
//! product for each of the `n²` places. Multiplications fall by 2.25 (m = 2) and 4 (m = 4); kernels grow by 16/9 and 4.
//! Points are 0, ±1, ∞ and 0, ±1, ±2, ∞. Kernels are transformed once, in `f64`.
//!
//! An item is a run of tiles that goes through all three steps in the thread's own scratch, which stays in cache.
#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]
#![allow(clippy::needless_range_loop, reason = "indices run over several arrays and pointers at once")]

mod kernels;

use self::kernels::Kernels;
use super::layout::{Blocked, Grid, Halo, blocks};
use super::memory::{Memory, WeightStore};
use super::simd::{Isa, LANES, Level, per_level};
use super::sink::Epilogue;
use super::tile::Tiling;
use crate::net::graph::{Conv, Shape};

/// Largest number of tiles in an item: more tiles reuse the kernels more, but need more scratch.
const ITEM_TILES: usize = 28;

/// A convolution in Winograd's form, ready to run.
pub(super) struct Winograd {
    level: Level,
    m: usize,
    tile_rows: usize,
    tile_columns: usize,
    output: Shape,
    source: Grid,
    in_blocks: usize,
    out_blocks: usize,
    kernels: Kernels,
    group_blocks: usize,
    parts: Vec<(usize, usize)>,
    capacity: usize,
    chunks: Vec<isize>,
    tilings: Vec<Tiling>,
    epilogue: Epilogue,
}

impl Winograd {
    /// The convolution `conv` of `source` by tiles of `m × m` (2 or 4) for `threads` threads.
    pub(super) fn new(
        level: Level,
        threads: usize,
        store: &mut WeightStore,
        samples: usize,
        conv: &Conv,
        m: usize,
        source: &Blocked,
        epilogue: Epilogue,
    ) -> Option<Self> {
        let output = conv.output_shape(source.shape)?;
        let (tile_rows, tile_columns) = (output.height.div_ceil(m), output.width.div_ceil(m));
        let (in_blocks, out_blocks) = (source.blocks(), blocks(conv.out_channels));
        let group_blocks = if level.accumulators() >= 28 && out_blocks.is_multiple_of(2) { 2 } else { 1 };
        let tiles = samples * tile_rows * tile_columns;
        let items = tiles.div_ceil(ITEM_TILES).next_multiple_of(threads).min(tiles);
        let parts = super::tile::even_parts(tiles, tiles.div_ceil(items));
        let capacity = parts.iter().map(|part| part.1).max()?;
        let tilings = (0..=capacity).map(|count| Tiling::new(level, LANES, 1, count, group_blocks));
        let kernels = Kernels::new(level, store, conv, m, in_blocks, out_blocks, group_blocks);
        let corner = conv.padding.top * source.grid.row + conv.padding.left * source.grid.pixel;
        Some(Self {
            level,
            m,
            tile_rows,
            tile_columns,
            output,
            source: Grid { base: source.grid.base.checked_sub(corner)?, ..source.grid },
            in_blocks,
            out_blocks,
            kernels,
            group_blocks,
            chunks: (0..in_blocks).map(|block| (block * capacity * LANES) as isize).collect(),
            tilings: tilings.skip(1).collect::<Option<_>>()?,
            parts,
            capacity,
            epilogue,
        })
    }

    /// Number of items, which may run in parallel.
    pub(super) fn items(&self) -> usize {
        self.parts.len()
    }

    /// Entries of scratch that a thread needs.
    pub(super) fn scratch(&self) -> usize {
        let n = self.m + 2;
        n * n * self.capacity * (self.in_blocks + self.out_blocks) * LANES + self.kernels.scratch()
    }

    /// Runs one item.
    ///
    /// # Safety
    /// `memory` must be that of the plan, and the processor must support the plan's level.
    pub(super) unsafe fn run(&self, item: usize, memory: &Memory) {
        let part = self.parts[item];
        // SAFETY: by contract.
        unsafe {
            if self.m == 2 {
                transform_input_2(self.level, self, part, memory);
                self.multiply(part.1, memory);
                transform_output_2(self.level, self, part, memory);
            } else {
                transform_input_4(self.level, self, part, memory);
                self.multiply(part.1, memory);
                transform_output_4(self.level, self, part, memory);
            }
        }
    }

    /// Entries of scratch that hold the transformed input.
    fn input_scratch(&self) -> usize {
        let n = self.m + 2;
        n * n * self.in_blocks * self.capacity * LANES
    }

    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let per_sample = self.tile_rows * self.tile_columns;
        let within = tile % per_sample;
        (tile / per_sample, within / self.tile_columns * self.m, within % self.tile_columns * self.m)
    }
}

/// The frame that it reads around an input of shape `input`, in whole tiles.
pub(super) fn halo(conv: &Conv, input: Shape, m: usize) -> Halo {
    let Some(output) = conv.output_shape(input) else { return Halo::default() };
    let range = |size: usize, padding: usize| {
        let last = size.div_ceil(m) * m + 1;
        (-(padding as isize), last as isize - padding as isize)
    };
    Halo::reaching(input, range(output.height, conv.padding.top), range(output.width, conv.padding.left))
}

#[inline(always)]
unsafe fn input_2<I: Isa>(d: [I::Vector; 4]) -> [I::Vector; 4] {
    // SAFETY: arithmetic only.
    unsafe { [I::sub(d[0], d[2]), I::add(d[1], d[2]), I::sub(d[2], d[1]), I::sub(d[1], d[3])] }
}

#[inline(always)]
unsafe fn output_2<I: Isa>(y: [I::Vector; 4]) -> [I::Vector; 2] {
    // SAFETY: arithmetic only.
    unsafe { [I::add(I::add(y[0], y[1]), y[2]), I::sub(I::sub(y[1], y[2]), y[3])] }
}

#[inline(always)]
unsafe fn input_4<I: Isa>(d: [I::Vector; 6]) -> [I::Vector; 6] {
    // SAFETY: arithmetic only.
    unsafe {
        let (two, four, minus_four, minus_five) = (I::splat(2.0), I::splat(4.0), I::splat(-4.0), I::splat(-5.0));
        let even = I::mul_add(minus_four, d[2], d[4]);
        let odd = I::mul_add(minus_four, d[1], d[3]);
        let difference = I::sub(d[4], d[2]);
        let twice = I::mul(two, I::sub(d[3], d[1]));
        [
            I::mul_add(four, d[0], I::mul_add(minus_five, d[2], d[4])),
            I::add(even, odd),
            I::sub(even, odd),
            I::add(difference, twice),
            I::sub(difference, twice),
            I::mul_add(four, d[1], I::mul_add(minus_five, d[3], d[5])),
        ]
    }
}

#[inline(always)]
unsafe fn output_4<I: Isa>(y: [I::Vector; 6]) -> [I::Vector; 4] {
    // SAFETY: arithmetic only.
    unsafe {
        let (near_sum, near) = (I::add(y[1], y[2]), I::sub(y[1], y[2]));
        let (far_sum, far) = (I::add(y[3], y[4]), I::sub(y[3], y[4]));
        [
            I::add(I::add(y[0], near_sum), far_sum),
            I::mul_add(I::splat(2.0), far, near),
            I::mul_add(I::splat(4.0), far_sum, near_sum),
            I::add(I::mul_add(I::splat(8.0), far, near), y[5]),
        ]
    }
}

macro_rules! transforms {
    ($m:literal, $n:literal, $input:ident, $output:ident, $run_input:ident, $run_output:ident, $level_input:ident, $level_output:ident) => {
        #[inline(always)]
        unsafe fn $run_input<I: Isa>(plan: &Winograd, (first, count): (usize, usize), memory: &Memory) {
            let place_step = plan.in_blocks * plan.capacity * LANES;
            for index in 0..count {
                let (sample, row, column) = plan.place(first + index);
                for block in 0..plan.in_blocks {
                    // SAFETY: the tile lies in the source and its frame, the target in the scratch.
                    unsafe {
                        let source = memory.data.add(plan.source.at(sample, block, row, column));
                        let target = memory.scratch.add((block * plan.capacity + index) * LANES);
                        let mut half = [[I::splat(0.0); $n]; $n];
                        for x in 0..$n {
                            let column = std::array::from_fn(|y| I::load(source.add(y * plan.source.row + x * LANES)));
                            let column = $input::<I>(column);
                            for y in 0..$n {
                                half[y][x] = column[y];
                            }
                        }
                        for y in 0..$n {
                            let row = $input::<I>(half[y]);
                            for x in 0..$n {
                                I::store(target.add((y * $n + x) * place_step), row[x]);
                            }
                        }
                    }
                }
            }
        }

        #[inline(always)]
        unsafe fn $run_output<I: Isa>(plan: &Winograd, (first, count): (usize, usize), memory: &Memory) {
            let place_step = plan.out_blocks * plan.capacity * LANES;
            for index in 0..count {
                let (sample, row, column) = plan.place(first + index);
                let rows = $m.min(plan.output.height - row);
                let columns = $m.min(plan.output.width - column);
                for block in 0..plan.out_blocks {
                    // SAFETY: the source lies in the scratch, the tile's part inside the output in the target.
                    unsafe {
                        let source = memory.scratch.add(plan.input_scratch() + (block * plan.capacity + index) * LANES);
                        let sink = plan.epilogue.at(memory, sample, block, row, column);
                        let mut half = [[I::splat(0.0); $n]; $m];
                        for x in 0..$n {
                            let column = std::array::from_fn(|y| I::load(source.add((y * $n + x) * place_step)));
                            let column = $output::<I>(column);
                            for y in 0..$m {
                                half[y][x] = column[y];
                            }
                        }
                        for y in 0..$m {
                            let row = $output::<I>(half[y]);
                            if y >= rows {
                                continue;
                            }
                            if columns == $m {
                                sink.put_run::<I, $m>(row, y, 0);
                                continue;
                            }
                            for x in 0..columns {
                                sink.put_run::<I, 1>([row[x]], y, x);
                            }
                        }
                    }
                }
            }
        }

        per_level! {
            unsafe fn $level_input(plan: &Winograd, part: (usize, usize), memory: &Memory) = $run_input;
        }
        per_level! {
            unsafe fn $level_output(plan: &Winograd, part: (usize, usize), memory: &Memory) = $run_output;
        }
    };
}

transforms!(2, 4, input_2, output_2, run_input_2, run_output_2, transform_input_2, transform_output_2);
transforms!(4, 6, input_4, output_4, run_input_4, run_output_4, transform_input_4, transform_output_4);
