//! The memory of a plan: one aligned block of values, one of sign bits, one of packed weights, scratch per thread.
//!
//! Steps address it by offsets fixed when the plan is made. What makes concurrent writes sound is the plan: the items of a
//! step write disjoint places and read none that another item of the same step writes, and steps are separated by a
//! barrier (see [`program`](super::program)).
#![allow(unsafe_code, reason = "threads share the memory of a plan without locks")]

use std::cell::UnsafeCell;

use super::simd::LANES;

/// 16 numbers on a cache line of their own.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

/// Numbers from the start of a cache line.
pub(super) struct Block(Box<[UnsafeCell<Line>]>);

// SAFETY: a block is only accessed through pointers; who dereferences them vouches for the absence of races.
unsafe impl Sync for Block {}

impl Block {
    /// `length` zeros, rounded up to whole lines.
    pub(super) fn zeros(length: usize) -> Self {
        Self((0..length.div_ceil(LANES)).map(|_| UnsafeCell::new(Line([0.0; LANES]))).collect())
    }

    /// The first entry.
    pub(super) fn pointer(&self) -> *mut f32 {
        self.0.as_ptr().cast_mut().cast()
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// Packed weights while a plan is made.
#[derive(Default)]
pub(super) struct WeightStore(Vec<f32>);

impl WeightStore {
    /// Appends `values` at the start of a cache line and returns their offset.
    pub(super) fn push(&mut self, values: &[f32]) -> usize {
        let offset = self.0.len();
        self.0.extend_from_slice(values);
        self.0.resize(self.0.len().next_multiple_of(LANES), 0.0);
        offset
    }

    /// The finished store.
    pub(super) fn finish(self) -> Block {
        let block = Block::zeros(self.0.len());
        // SAFETY: the block is new, holds at least as many entries, and nobody else knows it.
        unsafe { std::ptr::copy_nonoverlapping(self.0.as_ptr(), block.pointer(), self.0.len()) };
        block
    }
}

/// Where a thread finds the memory of a plan.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    /// Values and gradients.
    pub(super) data: *mut f32,
    /// Sign bits, one `u16` per vector.
    pub(super) bits: *mut u16,
    /// Packed weights.
    pub(super) weights: *const f32,
    /// This thread's own scratch.
    pub(super) scratch: *mut f32,
    /// The caller's input, `[batch][channels][height][width]`.
    pub(super) input: *const f32,
    /// The caller's gradient, shaped as the input; null during a forward pass.
    pub(super) gradient: *mut f32,
}
