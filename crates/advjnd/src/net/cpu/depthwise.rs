// SPDX-License-Identifier: MIT OR Apache-2.0
//! Depthwise convolution: one filter per channel, 16 channels at a time.
//!
//! A result is a sum over taps of vectors. The taps are a list of offsets, so that the phases of a strided backward
//! pass use the same kernel with fewer taps. For up to nine taps the weights stay in registers for a run of pixels;
//! longer lists are processed pixel by pixel.
#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]
#![allow(clippy::needless_range_loop, reason = "indices run over several arrays and pointers at once")]

use super::layout::{Blocked, Grid, blocks};
use super::memory::{Memory, WeightStore};
use super::reach::reaching_taps;
use super::simd::{Isa, LANES, Level, per_level};
use super::sink::Epilogue;
use crate::net::graph::{Conv, Shape};

/// Least work of an item, in multiply-adds of vectors: about 2 µs.
const ITEM_WORK: usize = 4_000;

/// Neighbouring pixels computed together if 32 vectors fit in registers.
const LONG_RUN: usize = 7;
/// The same if 8 vectors fit: four sums, a row of weights, and the value.
const SHORT_RUN: usize = 4;

/// A depthwise convolution, ready to run.
pub(super) struct Depthwise {
    level: Level,
    source: Grid,
    blocks: usize,
    samples: usize,
    rows: usize,
    columns: usize,
    rows_per_item: usize,
    taps: Vec<isize>,
    /// Whether the taps are a 3 × 3 square, so that neighbours share their loads.
    square: bool,
    weights: usize,
    epilogue: Epilogue,
}

impl Depthwise {
    /// Forward over a value.
    pub(super) fn forward(
        level: Level,
        store: &mut WeightStore,
        samples: usize,
        conv: &Conv,
        source: &Blocked,
        epilogue: Epilogue,
    ) -> Option<Self> {
        let output = conv.output_shape(source.shape)?;
        let grid = source.grid;
        let k = conv.kernel;
        let start = (conv.padding.top * grid.row + conv.padding.left * grid.pixel) as isize;
        let taps: Vec<(isize, usize)> =
            (0..k * k).map(|tap| ((tap / k * grid.row + tap % k * grid.pixel) as isize - start, tap)).collect();
        let strided = Grid { row: grid.row * conv.stride, pixel: grid.pixel * conv.stride, ..grid };
        let mut plan = Self::new(level, store, samples, conv, strided, (output.height, output.width), &taps, epilogue);
        plan.square = k == 3 && conv.stride == 1;
        Some(plan)
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
    ) -> Vec<Self> {
        let s = conv.stride;
        let mut phases = Vec::new();
        for py in 0..s.min(shape.height) {
            for px in 0..s.min(shape.width) {
                let mut taps = Vec::new();
                for (ky, y) in reaching_taps(conv, conv.padding.top, py, s) {
                    for (kx, x) in reaching_taps(conv, conv.padding.left, px, s) {
                        let offset = y * source.grid.row as isize + x * source.grid.pixel as isize;
                        taps.push((offset, ky * conv.kernel + kx));
                    }
                }
                let size = ((shape.height - py).div_ceil(s), (shape.width - px).div_ceil(s));
                let epilogue = epilogue.phase(s, py, px);
                phases.push(Self::new(level, store, samples, conv, source.grid, size, &taps, epilogue));
            }
        }
        phases
    }

    #[allow(clippy::too_many_arguments, reason = "private, and each argument is one field of the plan")]
    fn new(
        level: Level,
        store: &mut WeightStore,
        samples: usize,
        conv: &Conv,
        source: Grid,
        (rows, columns): (usize, usize),
        taps: &[(isize, usize)],
        epilogue: Epilogue,
    ) -> Self {
        let blocks = blocks(conv.out_channels);
        let all = conv.kernel * conv.kernel;
        let pack = || {
            let weight = conv.weight.numbers();
            let mut packed = Vec::with_capacity(blocks * taps.len() * LANES);
            for block in 0..blocks {
                for (_, tap) in taps {
                    let channels = block * LANES..(block + 1) * LANES;
                    packed.extend(channels.map(|channel| weight.get(channel * all + tap).copied().unwrap_or(0.0)));
                }
            }
            packed
        };
        let row_work = (columns * taps.len()).max(1);
        Self {
            level,
            source,
            blocks,
            samples,
            rows,
            columns,
            rows_per_item: (ITEM_WORK / row_work).clamp(1, rows.max(1)),
            taps: taps.iter().map(|tap| tap.0).collect(),
            square: false,
            weights: store.plain(blocks * taps.len() * LANES, pack),
            epilogue,
        }
    }

    /// Number of items, which may run in parallel.
    pub(super) fn items(&self) -> usize {
        self.samples * self.blocks * self.rows.div_ceil(self.rows_per_item)
    }

    /// Runs one item.
    ///
    /// # Safety
    /// `memory` must be that of the plan, and the processor must support the plan's level.
    pub(super) unsafe fn run(&self, item: usize, memory: &Memory) {
        // SAFETY: passed on.
        unsafe { run(self.level, self, item, memory) }
    }
}

per_level! {
    unsafe fn run(plan: &Depthwise, item: usize, memory: &Memory) = run_item;
}

#[inline(always)]
unsafe fn run_item<I: Isa>(plan: &Depthwise, item: usize, memory: &Memory) {
    // SAFETY: passed on.
    unsafe {
        if I::REGISTERS >= 32 {
            run_with::<I, LONG_RUN>(plan, item, memory);
        } else {
            run_with::<I, SHORT_RUN>(plan, item, memory);
        }
    }
}

#[inline(always)]
unsafe fn run_with<I: Isa, const RUN: usize>(plan: &Depthwise, item: usize, memory: &Memory) {
    // SAFETY: passed on.
    unsafe {
        match plan.taps.len() {
            9 if plan.square => square_rows::<I, RUN>(plan, item, memory),
            9 => rows::<I, 9, RUN>(plan, item, memory),
            4 => rows::<I, 4, RUN>(plan, item, memory),
            2 => rows::<I, 2, RUN>(plan, item, memory),
            1 => rows::<I, 1, RUN>(plan, item, memory),
            _ => any_rows::<I>(plan, item, memory),
        }
    }
}

/// Sample, block and rows of an item.
#[inline(always)]
fn part(plan: &Depthwise, item: usize) -> (usize, usize, std::ops::Range<usize>) {
    let parts = plan.rows.div_ceil(plan.rows_per_item);
    let (plane, part) = (item / parts, item % parts);
    let start = part * plan.rows_per_item;
    (plane / plan.blocks, plane % plan.blocks, start..plan.rows.min(start + plan.rows_per_item))
}

#[inline(always)]
unsafe fn rows<I: Isa, const T: usize, const RUN: usize>(plan: &Depthwise, item: usize, memory: &Memory) {
    let (sample, block, rows) = part(plan, item);
    // SAFETY: taps reach into the source and its frame, the rows lie in the target.
    unsafe {
        let weights = memory.weights.add(plan.weights + block * T * LANES);
        let weights: [I::Vector; T] = std::array::from_fn(|tap| I::load(weights.add(tap * LANES)));
        let taps: [isize; T] = std::array::from_fn(|tap| plan.taps[tap]);
        for row in rows {
            let source = memory.data.add(plan.source.at(sample, block, row, 0));
            let sink = plan.epilogue.at(memory, sample, block, row, 0);
            let mut column = 0;
            while column + RUN <= plan.columns {
                let mut sums = [I::splat(0.0); RUN];
                for tap in 0..T {
                    let at = source.add(column * plan.source.pixel).offset(taps[tap]);
                    for (pixel, sum) in sums.iter_mut().enumerate() {
                        *sum = I::mul_add(weights[tap], I::load(at.add(pixel * plan.source.pixel)), *sum);
                    }
                }
                sink.put_run::<I, RUN>(sums, 0, column);
                column += RUN;
            }
            while column < plan.columns {
                let mut sum = I::splat(0.0);
                for tap in 0..T {
                    let at = source.add(column * plan.source.pixel).offset(taps[tap]);
                    sum = I::mul_add(weights[tap], I::load(at), sum);
                }
                sink.put_run::<I, 1>([sum], 0, column);
                column += 1;
            }
        }
    }
}

#[inline(always)]
unsafe fn square_rows<I: Isa, const RUN: usize>(plan: &Depthwise, item: usize, memory: &Memory) {
    let (sample, block, rows) = part(plan, item);
    // SAFETY: taps reach into the source and its frame, the rows lie in the target.
    unsafe {
        let weights = memory.weights.add(plan.weights + block * 9 * LANES);
        let weights: [I::Vector; 9] = std::array::from_fn(|tap| I::load(weights.add(tap * LANES)));
        for row in rows {
            let source = memory.data.add(plan.source.at(sample, block, row, 0)).offset(plan.taps[0]);
            let sink = plan.epilogue.at(memory, sample, block, row, 0);
            let mut column = 0;
            while column + RUN <= plan.columns {
                let sums = square_run::<I, RUN>(source.add(column * LANES), plan.source.row, &weights);
                sink.put_run::<I, RUN>(sums, 0, column);
                column += RUN;
            }
            while column < plan.columns {
                let sums = square_run::<I, 1>(source.add(column * LANES), plan.source.row, &weights);
                sink.put_run::<I, 1>(sums, 0, column);
                column += 1;
            }
        }
    }
}

/// `N` neighbouring sums over 3 × 3 taps; `source` is the first tap of the first.
#[inline(always)]
unsafe fn square_run<I: Isa, const N: usize>(
    source: *const f32,
    source_row: usize,
    weights: &[I::Vector; 9],
) -> [I::Vector; N] {
    // SAFETY: the caller's taps are valid.
    unsafe {
        let mut sums = [I::splat(0.0); N];
        for y in 0..3 {
            let row = source.add(y * source_row);
            for x in 0..N + 2 {
                let value = I::load(row.add(x * LANES));
                for tap in 0..3 {
                    if let Some(sum) = x.checked_sub(tap).and_then(|pixel| sums.get_mut(pixel)) {
                        *sum = I::mul_add(weights[3 * y + tap], value, *sum);
                    }
                }
            }
        }
        sums
    }
}

#[inline(always)]
unsafe fn any_rows<I: Isa>(plan: &Depthwise, item: usize, memory: &Memory) {
    let (sample, block, rows) = part(plan, item);
    // SAFETY: taps reach into the source and its frame, the rows lie in the target.
    unsafe {
        let weights = memory.weights.add(plan.weights + block * plan.taps.len() * LANES);
        for row in rows {
            let source = memory.data.add(plan.source.at(sample, block, row, 0));
            let sink = plan.epilogue.at(memory, sample, block, row, 0);
            for column in 0..plan.columns {
                let mut sum = I::splat(0.0);
                for (tap, offset) in plan.taps.iter().enumerate() {
                    let at = source.add(column * plan.source.pixel).offset(*offset);
                    sum = I::mul_add(I::load(weights.add(tap * LANES)), I::load(at), sum);
                }
                sink.put_run::<I, 1>([sum], 0, column);
            }
        }
    }
}
