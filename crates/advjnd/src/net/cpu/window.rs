// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pooling: maximum over windows, mean over 2 × 2, mean over a plane; forward and backward.
//!
//! The maximum keeps 16 bits per window and tap: the channels for which this tap was the (first) maximum. Backward,
//! every pixel collects from the windows that contain it, so it is written once and the epilogue applies. NaN wins over
//! any number, so it reaches the outputs and is noticed.
#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]
#![allow(clippy::needless_range_loop, reason = "indices run over several arrays and pointers at once")]

use std::ops::Range;

use super::layout::{Blocked, Grid};
use super::memory::Memory;
use super::simd::{Isa, LANES, Level, per_level};
use super::sink::Epilogue;
use crate::net::graph::Shape;

/// Rows of an item.
const ITEM_ROWS: usize = 8;

/// The kind of pooling.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Maximum over `kernel × kernel`, step `stride`; `owners` has the bits of the maxima, `kernel²` per vector.
    Max {
        kernel: usize,
        stride: usize,
        owners: Option<Grid>,
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

/// A pooling step: an item is a run of rows of a block of the target.
pub(super) struct Window {
    level: Level,
    kind: Kind,
    source: Blocked,
    target: Shape,
    samples: usize,
    blocks: usize,
    /// Windows that contain each row and each column of the target; only for the maximum's backward pass.
    containing: (Vec<Range<usize>>, Vec<Range<usize>>),
    epilogue: Epilogue,
}

impl Window {
    /// A step from `source` to the epilogue's target, of shape `target`.
    pub(super) fn new(
        level: Level,
        samples: usize,
        kind: Kind,
        source: Blocked,
        target: Shape,
        epilogue: Epilogue,
    ) -> Self {
        let containing = match kind {
            Kind::MaxBackward { kernel, stride, .. } => {
                let of = |size: usize, windows: usize| {
                    let first = |at: usize| (at + 1).saturating_sub(kernel).div_ceil(stride);
                    (0..size).map(|at| first(at)..(at / stride + 1).min(windows)).collect()
                };
                (of(target.height, source.shape.height), of(target.width, source.shape.width))
            }
            _ => (Vec::new(), Vec::new()),
        };
        let blocks = super::layout::blocks(target.channels);
        Self { level, kind, source, target, samples, blocks, containing, epilogue }
    }

    /// Number of items, which may run in parallel.
    pub(super) fn items(&self) -> usize {
        self.samples * self.blocks * self.target.height.div_ceil(ITEM_ROWS)
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
    unsafe fn run(plan: &Window, item: usize, memory: &Memory) = run_item;
}

#[inline(always)]
unsafe fn run_item<I: Isa>(plan: &Window, item: usize, memory: &Memory) {
    // SAFETY: passed on.
    unsafe {
        match plan.kind {
            Kind::Max { kernel, stride, owners: None } => {
                rows(plan, item, memory, |at| bare_maximum::<I>(plan, memory, at, (kernel, stride)));
            }
            Kind::Max { kernel: 2, stride, owners: Some(owners) } => {
                rows(plan, item, memory, |at| maximum::<I, 2, 4>(plan, memory, at, stride, owners));
            }
            Kind::Max { kernel: 3, stride, owners: Some(owners) } => {
                rows(plan, item, memory, |at| maximum::<I, 3, 9>(plan, memory, at, stride, owners));
            }
            Kind::Max { kernel, stride, owners: Some(owners) } => {
                rows(plan, item, memory, |at| any_maximum::<I>(plan, memory, at, (kernel, stride), owners));
            }
            Kind::MaxBackward { kernel, stride, owners } => {
                rows(plan, item, memory, |at| owned::<I>(plan, memory, at, (kernel, stride), owners));
            }
            Kind::Mean => rows(plan, item, memory, |at| mean::<I>(plan, memory, at)),
            Kind::MeanBackward => rows(plan, item, memory, |at| mean_backward::<I>(plan, memory, at)),
            Kind::Global => rows(plan, item, memory, |at| global::<I>(plan, memory, at)),
            Kind::GlobalBackward => rows(plan, item, memory, |at| global_backward::<I>(plan, memory, at)),
        }
    }

    #[inline(always)]
    unsafe fn rows<I: Isa, V: FnMut(At) -> Summed<I>>(plan: &Window, item: usize, memory: &Memory, mut vector: V) {
        let parts = plan.target.height.div_ceil(ITEM_ROWS);
        let (plane, start) = (item / parts, item % parts * ITEM_ROWS);
        let (sample, block) = (plane / plan.blocks, plane % plan.blocks);
        for row in start..plan.target.height.min(start + ITEM_ROWS) {
            // SAFETY: the row lies in the target.
            unsafe {
                let sink = plan.epilogue.at(memory, sample, block, row, 0);
                for column in 0..plan.target.width {
                    sink.put_run::<I, 1>([vector(At { sample, block, row, column }).0], 0, column);
                }
            }
        }
    }
}

/// A vector of the target.
#[derive(Clone, Copy)]
struct At {
    sample: usize,
    block: usize,
    row: usize,
    column: usize,
}

/// The sum for that vector.
struct Summed<I: Isa>(I::Vector);

impl Window {
    /// The source's vector at (`row`, `column`) of the same plane.
    ///
    /// # Safety
    /// The vector must lie in the source.
    #[inline(always)]
    unsafe fn load<I: Isa>(&self, memory: &Memory, at: At, row: usize, column: usize) -> I::Vector {
        // SAFETY: by contract.
        unsafe { I::load(memory.data.add(self.source.grid.at(at.sample, at.block, row, column))) }
    }
}

/// The maximum over `K × K = T` taps.
#[inline(always)]
unsafe fn maximum<I: Isa, const K: usize, const T: usize>(
    plan: &Window,
    memory: &Memory,
    at: At,
    stride: usize,
    owners: Grid,
) -> Summed<I> {
    // SAFETY: the window lies in the source.
    unsafe {
        let (row, column) = (at.row * stride, at.column * stride);
        let source = memory.data.add(plan.source.grid.at(at.sample, at.block, row, column));
        let mut maximum = I::load(source);
        let mut wins = [u16::MAX; T];
        for tap in 1..T {
            let value = I::load(source.add(tap / K * plan.source.grid.row + tap % K * LANES));
            wins[tap] = I::exceeds(value, maximum) & !I::exceeds(maximum, maximum);
            maximum = I::select(wins[tap], value, maximum);
        }
        let owners = memory.bits.add(owners.at(at.sample, at.block, at.row, at.column));
        let mut later = 0;
        for tap in (0..T).rev() {
            *owners.add(tap) = wins[tap] & !later;
            later |= wins[tap];
        }
        Summed(maximum)
    }
}

/// The maximum without a backward pass.
#[inline(always)]
unsafe fn bare_maximum<I: Isa>(plan: &Window, memory: &Memory, at: At, (kernel, stride): (usize, usize)) -> Summed<I> {
    // SAFETY: the window lies in the source.
    unsafe {
        let (row, column) = (at.row * stride, at.column * stride);
        let source = memory.data.add(plan.source.grid.at(at.sample, at.block, row, column));
        let mut maximum = I::load(source);
        for y in 0..kernel {
            for x in 0..kernel {
                let value = I::load(source.add(y * plan.source.grid.row + x * LANES));
                let wins = I::exceeds(value, maximum) & !I::exceeds(maximum, maximum);
                maximum = I::select(wins, value, maximum);
            }
        }
        Summed(maximum)
    }
}

#[inline(always)]
unsafe fn any_maximum<I: Isa>(
    plan: &Window,
    memory: &Memory,
    at: At,
    (kernel, stride): (usize, usize),
    owners: Grid,
) -> Summed<I> {
    // SAFETY: the window lies in the source.
    unsafe {
        let owners = memory.bits.add(owners.at(at.sample, at.block, at.row, at.column));
        let mut maximum = plan.load::<I>(memory, at, at.row * stride, at.column * stride);
        *owners = u16::MAX;
        for tap in 1..kernel * kernel {
            let (row, column) = (at.row * stride + tap / kernel, at.column * stride + tap % kernel);
            let value = plan.load::<I>(memory, at, row, column);
            let wins = I::exceeds(value, maximum) & !I::exceeds(maximum, maximum);
            maximum = I::select(wins, value, maximum);
            for earlier in 0..tap {
                *owners.add(earlier) &= !wins;
            }
            *owners.add(tap) = wins;
        }
        Summed(maximum)
    }
}

/// The sum of the cotangents of the windows in which a pixel was the maximum.
#[inline(always)]
unsafe fn owned<I: Isa>(
    plan: &Window,
    memory: &Memory,
    at: At,
    (kernel, stride): (usize, usize),
    owners: Grid,
) -> Summed<I> {
    // SAFETY: only windows of the source are visited.
    unsafe {
        let mut sum = I::splat(0.0);
        for y in plan.containing.0[at.row].clone() {
            for x in plan.containing.1[at.column].clone() {
                let tap = (at.row - y * stride) * kernel + at.column - x * stride;
                let bits = *memory.bits.add(owners.at(at.sample, at.block, y, x) + tap);
                sum = I::add(sum, I::select(bits, plan.load::<I>(memory, at, y, x), I::splat(0.0)));
            }
        }
        Summed(sum)
    }
}

#[inline(always)]
unsafe fn mean<I: Isa>(plan: &Window, memory: &Memory, at: At) -> Summed<I> {
    // SAFETY: the window lies in the source.
    unsafe {
        let load = |y, x| plan.load::<I>(memory, at, 2 * at.row + y, 2 * at.column + x);
        let sum = I::add(I::add(load(0, 0), load(0, 1)), I::add(load(1, 0), load(1, 1)));
        Summed(I::mul(sum, I::splat(0.25)))
    }
}

#[inline(always)]
unsafe fn mean_backward<I: Isa>(plan: &Window, memory: &Memory, at: At) -> Summed<I> {
    let (y, x) = (at.row / 2, at.column / 2);
    // SAFETY: only windows of the source are read.
    unsafe {
        if y < plan.source.shape.height && x < plan.source.shape.width {
            Summed(I::mul(plan.load::<I>(memory, at, y, x), I::splat(0.25)))
        } else {
            Summed(I::splat(0.0))
        }
    }
}

#[inline(always)]
unsafe fn global<I: Isa>(plan: &Window, memory: &Memory, at: At) -> Summed<I> {
    let Shape { height, width, .. } = plan.source.shape;
    // SAFETY: the whole plane lies in the source.
    unsafe {
        let mut sum = I::splat(0.0);
        for y in 0..height {
            for x in 0..width {
                sum = I::add(sum, plan.load::<I>(memory, at, y, x));
            }
        }
        Summed(I::mul(sum, I::splat(1.0 / (height * width) as f32)))
    }
}

#[inline(always)]
unsafe fn global_backward<I: Isa>(plan: &Window, memory: &Memory, at: At) -> Summed<I> {
    // SAFETY: the source is one pixel.
    unsafe { Summed(I::mul(plan.load::<I>(memory, at, 0, 0), I::splat(1.0 / plan.target.plane() as f32))) }
}
