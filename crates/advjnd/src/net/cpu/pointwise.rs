//! Sums of two values entry by entry, each extended by zeros or by repeating pixels, through an epilogue; copies; and frames
//! cleared.
#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use super::layout::{Blocked, blocks};
use super::memory::Memory;
use super::simd::{Isa, LANES, Level, per_level};
use super::sink::Epilogue;
use crate::net::graph::Shape;

/// A term of a sum: a value whose pixels each count for `enlarge × enlarge`.
#[derive(Clone, Copy)]
pub(super) struct Term {
    pub(super) value: Blocked,
    pub(super) enlarge: usize,
}

impl Term {
    /// A term that adds nothing, in the place of `value`.
    pub(super) fn nothing(value: Blocked) -> Self {
        let shape = Shape { height: 0, ..value.shape };
        Self { value: Blocked { shape, ..value }, enlarge: 1 }
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
    pub(super) fn new((level, samples): (Level, usize), terms: [Term; 2], target: Shape, epilogue: Epilogue) -> Self {
        Self { level, terms, target, samples, epilogue }
    }

    /// Items that may run at the same time.
    pub(super) fn items(&self) -> usize {
        self.samples * blocks(self.target.channels)
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

/// A frame to be cleared; an item is a block of the value.
pub(super) struct Frame {
    place: Blocked,
    samples: usize,
}

impl Frame {
    /// The frame of `place`.
    pub(super) fn new(place: Blocked, samples: usize) -> Self {
        Self { place, samples }
    }

    /// Items that may run at the same time.
    pub(super) fn items(&self) -> usize {
        self.samples * self.place.blocks()
    }

    /// Runs one item.
    ///
    /// # Safety
    /// `memory` is that of the plan.
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

#[inline(always)]
unsafe fn run_item<I: Isa>(plan: &Sum, item: usize, memory: &Memory) {
    let per_sample = blocks(plan.target.channels);
    let (sample, block) = (item / per_sample, item % per_sample);
    for row in 0..plan.target.height {
        // SAFETY: only places inside each term are read, and the row lies in the target.
        unsafe {
            let sink = plan.epilogue.at(memory, sample, block, row, 0);
            let sources = plan.terms.map(|term| {
                let (value, y) = (term.value, row / term.enlarge);
                let inside = block < value.blocks() && y < value.shape.height;
                let end = if inside { value.shape.width * term.enlarge } else { 0 };
                (memory.data.wrapping_add(value.grid.at(sample, block, y, 0)), end, term.enlarge)
            });
            for column in 0..plan.target.width {
                let mut sum = I::splat(0.0);
                for (source, end, enlarge) in sources {
                    if column < end {
                        let x = if enlarge == 1 { column } else { column / enlarge };
                        sum = I::add(sum, I::load(source.add(x * LANES)));
                    }
                }
                sink.put_run::<I, 1>([sum], 0, column);
            }
        }
    }
}
