// SPDX-License-Identifier: MIT OR Apache-2.0
//! Element-wise sums of two values, each extended by zeros or enlarged twice, through an epilogue; also copies, and
//! clearing of frames.
#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use super::layout::{Blocked, blocks};
use super::memory::Memory;
use super::simd::{Isa, LANES, Level, per_level};
use super::sink::Epilogue;
use crate::net::graph::Shape;
use crate::net::upsample::{NEAR, Upsampling};

/// A term of a sum: a value, perhaps enlarged twice.
#[derive(Clone, Copy)]
pub(super) struct Term {
    pub(super) value: Blocked,
    pub(super) upsampling: Option<Upsampling>,
}

impl Term {
    /// A term that adds nothing, in the place of `value`.
    pub(super) fn nothing(value: Blocked) -> Self {
        let shape = Shape { height: 0, ..value.shape };
        Self { value: Blocked { shape, ..value }, upsampling: None }
    }
}

/// A sum of terms; an item is a block of the target.
pub(super) struct Sum {
    level: Level,
    terms: [Term; 2],
    target: Shape,
    samples: usize,
    epilogue: Epilogue,
}

impl Sum {
    /// The sum of `terms` into the epilogue's target, of shape `target`.
    pub(super) fn new(level: Level, samples: usize, terms: [Term; 2], target: Shape, epilogue: Epilogue) -> Self {
        Self { level, terms, target, samples, epilogue }
    }

    /// Number of items, which may run in parallel.
    pub(super) fn items(&self) -> usize {
        self.samples * blocks(self.target.channels)
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

/// A frame to clear; an item is a block of the value.
pub(super) struct Frame {
    place: Blocked,
    samples: usize,
}

impl Frame {
    /// The frame of `place`.
    pub(super) fn new(place: Blocked, samples: usize) -> Self {
        Self { place, samples }
    }

    /// Number of items, which may run in parallel.
    pub(super) fn items(&self) -> usize {
        self.samples * self.place.blocks()
    }

    /// Runs one item.
    ///
    /// # Safety
    /// `memory` must be that of the plan.
    pub(super) unsafe fn run(&self, item: usize, memory: &Memory) {
        let Blocked { shape, halo, grid } = self.place;
        let (sample, block) = (item / self.place.blocks(), item % self.place.blocks());
        let [above, below] = [halo.top, halo.bottom].map(|rows| rows * grid.row);
        let [left, right] = [halo.left, halo.right].map(|pixels| pixels * grid.pixel);
        let zero = |from: usize, entries: usize| {
            // SAFETY: the entries lie before, between and after the rows of the block, in the place's own.
            unsafe { memory.data.add(from).write_bytes(0, entries) };
        };
        zero(grid.at(sample, block, 0, 0) - left - above, above + left);
        for row in 1..shape.height {
            zero(grid.at(sample, block, row, 0) - left - right, right + left);
        }
        zero(grid.at(sample, block, shape.height, 0) - left - right, right + below);
    }
}

per_level! {
    unsafe fn run(plan: &Sum, item: usize, memory: &Memory) = run_item;
}

/// A term at one row of the target.
#[derive(Clone, Copy)]
struct Row {
    /// The row of the term that this row lies in, and the next row on its side.
    near: *const f32,
    far: *const f32,
    /// Columns of the term.
    width: usize,
    upsampling: Option<Upsampling>,
}

impl Row {
    fn new(term: Term, memory: &Memory, sample: usize, block: usize, row: usize) -> Self {
        let Term { value, upsampling } = term;
        let (near, far) = if upsampling.is_some() { beside(row, value.shape.height) } else { (row, row) };
        let inside = block < value.blocks() && near < value.shape.height;
        let at = |row: usize| memory.data.wrapping_add(value.grid.at(sample, block, row, 0)).cast_const();
        Self { near: at(near), far: at(far), width: if inside { value.shape.width } else { 0 }, upsampling }
    }

    /// `sum` plus the term's vector at `column`.
    ///
    /// # Safety
    /// The row must be of the present memory, and the processor must have the instruction set.
    #[inline(always)]
    unsafe fn added<I: Isa>(&self, sum: I::Vector, column: usize) -> I::Vector {
        // SAFETY: only columns of the term are read.
        unsafe {
            let load = |row: *const f32, column: usize| I::load(row.add(column * LANES));
            match self.upsampling {
                None if column < self.width => I::add(sum, load(self.near, column)),
                Some(Upsampling::Repeat) if column / 2 < self.width => I::add(sum, load(self.near, column / 2)),
                Some(Upsampling::Bilinear) if column / 2 < self.width => {
                    let (near, far) = beside(column, self.width);
                    let share = I::splat(NEAR);
                    let rest = I::splat(1.0 - NEAR);
                    let along = |row| I::mul_add(load(row, near), share, I::mul(load(row, far), rest));
                    I::add(sum, I::mul_add(along(self.near), share, I::mul(along(self.far), rest)))
                }
                _ => sum,
            }
        }
    }
}

/// Along an axis of `size` entries enlarged twice, the entry that `at` lies in, and the next one on its side.
#[inline(always)]
fn beside(at: usize, size: usize) -> (usize, usize) {
    let near = at / 2;
    (near, if at.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(size.saturating_sub(1)) })
}

#[inline(always)]
unsafe fn run_item<I: Isa>(plan: &Sum, item: usize, memory: &Memory) {
    let per_sample = blocks(plan.target.channels);
    let (sample, block) = (item / per_sample, item % per_sample);
    for row in 0..plan.target.height {
        // SAFETY: only places inside each term are read, and the row lies in the target.
        unsafe {
            let sink = plan.epilogue.at(memory, sample, block, row, 0);
            let terms = plan.terms.map(|term| Row::new(term, memory, sample, block, row));
            for column in 0..plan.target.width {
                let mut sum = I::splat(0.0);
                for term in &terms {
                    sum = term.added::<I>(sum, column);
                }
                sink.put_run::<I, 1>([sum], 0, column);
            }
        }
    }
}
