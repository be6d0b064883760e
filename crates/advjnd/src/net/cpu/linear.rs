// SPDX-License-Identifier: MIT OR Apache-2.0
//! The adjoint of a fully connected layer, on the weights as the forward pass packed them.
//!
//! Such a layer is bound by memory (SFace's holds two thirds of the network's weights), so its weights are not packed
//! twice. Forward, a weight vector holds 16 outputs of one input. Here it is multiplied by the cotangents of those
//! outputs, and at the end the 16 entries of the sum of each of 16 inputs are added up.
#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]
#![allow(clippy::needless_range_loop, reason = "indices run over several arrays and pointers at once")]

use super::layout::{Blocked, Grid};
use super::memory::{Memory, Weights, WeightsAt};
use super::simd::{Isa, LANES, Level, per_level};

/// Chunks of 16 inputs in an item.
const ITEM_CHUNKS: usize = 64;

/// The place of a dense layer's weights: `[group][chunk][16 inputs][blocks of 16 outputs]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed {
    pub(super) weights: Weights,
    pub(super) groups: usize,
    pub(super) group_blocks: usize,
    pub(super) chunks: usize,
}

/// The backward pass of a fully connected layer, ready to run.
pub(super) struct LinearBackward {
    level: Level,
    samples: usize,
    packed: Packed,
    source: Grid,
    target: Grid,
}

impl LinearBackward {
    /// The pass from the cotangent `source` to `target`. `target` has no frame, so its vectors are consecutive, as
    /// chunks are.
    pub(super) fn new(level: Level, samples: usize, packed: Packed, source: &Blocked, target: &Blocked) -> Self {
        Self { level, samples, packed, source: source.grid, target: target.grid }
    }

    /// Number of items, which may run in parallel.
    pub(super) fn items(&self) -> usize {
        self.samples * self.packed.chunks.div_ceil(ITEM_CHUNKS)
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
    unsafe fn run(plan: &LinearBackward, item: usize, memory: &Memory) = run_item;
}

#[inline(always)]
unsafe fn run_item<I: Isa>(plan: &LinearBackward, item: usize, memory: &Memory) {
    let weights = plan.packed.weights.at(memory, 0);
    // SAFETY: passed on.
    unsafe {
        if weights.half {
            run_chunks::<I, true>(plan, item, memory, weights)
        } else {
            run_chunks::<I, false>(plan, item, memory, weights)
        }
    }
}

#[inline(always)]
unsafe fn run_chunks<I: Isa, const HALF: bool>(
    plan: &LinearBackward,
    item: usize,
    memory: &Memory,
    weights: WeightsAt,
) {
    let Packed { groups, group_blocks, chunks, .. } = plan.packed;
    let parts = chunks.div_ceil(ITEM_CHUNKS);
    let (sample, start) = (item / parts, item % parts * ITEM_CHUNKS);
    let chunk_len = LANES * group_blocks * LANES;
    for chunk in start..chunks.min(start + ITEM_CHUNKS) {
        // SAFETY: chunks, groups and blocks are those the weights were packed with; the target holds a vector per
        // chunk.
        unsafe {
            let mut sums = [I::splat(0.0); LANES];
            for group in 0..groups {
                let first = (group * chunks + chunk) * chunk_len;
                for block in 0..group_blocks {
                    let cotangent = plan.source.at(sample, group * group_blocks + block, 0, 0);
                    let cotangent = I::load(memory.data.add(cotangent));
                    for input in 0..LANES {
                        let first = first + (input * group_blocks + block) * LANES;
                        I::prefetch_far(weights.ahead::<HALF>(first + 4 * chunk_len));
                        sums[input] = I::mul_add(weights.load::<I, HALF>(first), cotangent, sums[input]);
                    }
                }
            }
            let mut entries = [[0.0f32; LANES]; LANES];
            for input in 0..LANES {
                I::store(entries[input].as_mut_ptr(), sums[input]);
            }
            let target = memory.data.add(plan.target.at(sample, 0, 0, 0) + chunk * LANES);
            for input in 0..LANES {
                *target.add(input) = entries[input].iter().sum();
            }
        }
    }
}
