//! Pooling: maximum over windows, mean over 2 × 2, mean over a plane; forward and backward.
//!
//! The maximum keeps, per window and tap, 16 bits that tell for which channels this tap was the (first) maximum. Backward,
//! every pixel collects from the windows that contain it; so it is written once, and the epilogue applies.
#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use super::layout::{Blocked, Grid};
use super::memory::Memory;
use super::simd::{Isa, Level, per_level};
use super::sink::Epilogue;
use crate::net::graph::Shape;

/// Which pooling.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Maximum over `kernel × kernel`, step `stride`; the owners' bits lie at `owners`, `kernel²` per vector.
    Max {
        kernel: usize,
        stride: usize,
        owners: Grid,
    },
    MaxBackward {
        kernel: usize,
        stride: usize,
        owners: Grid,
    },
    /// Mean over 2 × 2, step 2.
    Mean,
    MeanBackward,
    /// Mean over the whole plane.
    Global,
    GlobalBackward,
}

/// A pooling step: an item is a row of a block of the target.
pub(super) struct Window {
    level: Level,
    kind: Kind,
    source: Blocked,
    target: Shape,
    samples: usize,
    blocks: usize,
    epilogue: Epilogue,
}

impl Window {
    /// A step from `source` to the epilogue's target, of shape `target`.
    pub(super) fn new(
        (level, samples): (Level, usize),
        kind: Kind,
        source: Blocked,
        target: Shape,
        epilogue: Epilogue,
    ) -> Self {
        Self { level, kind, source, target, samples, blocks: super::layout::blocks(target.channels), epilogue }
    }

    /// Items that may run at the same time.
    pub(super) fn items(&self) -> usize {
        self.samples * self.blocks
    }

    /// Runs one item.
    ///
    /// # Safety
    /// `memory` is that of the plan, and the processor runs the level it was made for.
    pub(super) unsafe fn run(&self, item: usize, memory: &Memory) {
        // SAFETY: passed on.
        unsafe { run(self.level, self, item, memory) }
    }
}

per_level! {
    unsafe fn run(plan: &Window, item: usize, memory: &Memory) = run_item;
}

#[inline(always)]
unsafe fn run_item<I: Isa>(plan: &Window, item: usize, memory: &Memory) {
    let (sample, block) = (item / plan.blocks, item % plan.blocks);
    for row in 0..plan.target.height {
        for column in 0..plan.target.width {
            // SAFETY: the windows lie in the source, the vector in the target.
            unsafe {
                let sum = vector::<I>(plan, memory, (sample, block, row, column));
                plan.epilogue.at(memory, sample, block, row, column).put::<I>(sum, 0, 0);
            }
        }
    }
}

#[inline(always)]
unsafe fn vector<I: Isa>(
    plan: &Window,
    memory: &Memory,
    (sample, block, row, column): (usize, usize, usize, usize),
) -> I::Vector {
    let grid = &plan.source.grid;
    // SAFETY: by contract of the caller, all places lie in the source.
    unsafe {
        let load = |row: usize, column: usize| I::load(memory.data.add(grid.at(sample, block, row, column)));
        match plan.kind {
            Kind::Max { kernel, stride, owners } => {
                let owners = memory.bits.add(owners.at(sample, block, row, column));
                let mut maximum = load(row * stride, column * stride);
                *owners = u16::MAX;
                for tap in 1..kernel * kernel {
                    let value = load(row * stride + tap / kernel, column * stride + tap % kernel);
                    let wins = I::exceeds(value, maximum);
                    maximum = I::select(wins, value, maximum);
                    for earlier in 0..tap {
                        *owners.add(earlier) &= !wins;
                    }
                    *owners.add(tap) = wins;
                }
                maximum
            }
            Kind::MaxBackward { kernel, stride, owners } => {
                let windows = |at: usize, count: usize| {
                    let first = (at + 1).saturating_sub(kernel).div_ceil(stride);
                    first..(at / stride + 1).min(count)
                };
                let mut sum = I::splat(0.0);
                for y in windows(row, plan.source.shape.height) {
                    for x in windows(column, plan.source.shape.width) {
                        let tap = (row - y * stride) * kernel + column - x * stride;
                        let owned = *memory.bits.add(owners.at(sample, block, y, x) + tap);
                        sum = I::add(sum, I::select(owned, load(y, x), I::splat(0.0)));
                    }
                }
                sum
            }
            Kind::Mean => {
                let (y, x) = (2 * row, 2 * column);
                let sum = I::add(I::add(load(y, x), load(y, x + 1)), I::add(load(y + 1, x), load(y + 1, x + 1)));
                I::mul(sum, I::splat(0.25))
            }
            Kind::MeanBackward => {
                let inside = row / 2 < plan.source.shape.height && column / 2 < plan.source.shape.width;
                if inside { I::mul(load(row / 2, column / 2), I::splat(0.25)) } else { I::splat(0.0) }
            }
            Kind::Global => {
                let Shape { height, width, .. } = plan.source.shape;
                let mut sum = I::splat(0.0);
                for y in 0..height {
                    for x in 0..width {
                        sum = I::add(sum, load(y, x));
                    }
                }
                I::mul(sum, I::splat(1.0 / (height * width) as f32))
            }
            Kind::GlobalBackward => I::mul(load(0, 0), I::splat(1.0 / plan.target.plane() as f32)),
        }
    }
}
