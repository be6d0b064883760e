//! The memory of a plan: one aligned block of values, one of sign bits, one of packed weights, scratch per thread.
//!
//! Steps address it by offsets fixed when the plan is made. What makes concurrent writes sound is the plan: the items of a
//! step write disjoint places and read none that another item of the same step writes, and steps are separated by a
//! barrier (see [`program`](super::program)).
#![allow(unsafe_code, reason = "threads share the memory of a plan without locks")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::simd::LANES;

/// Alignment of a small block: a cache line.
const LINE: usize = 64;
/// Size of a huge page, and alignment of blocks at least as large: weights are streamed, and with pages of 4 KiB the
/// processor would walk the page table at every 64th line.
const HUGE_PAGE: usize = 2 << 20;

/// Numbers from the start of a cache line.
pub(super) struct Block {
    start: NonNull<f32>,
    layout: Layout,
}

// SAFETY: a block owns its memory, which is only accessed through pointers; who dereferences them vouches for the absence of
// races.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// `length` zeros, rounded up to whole lines.
    pub(super) fn zeros(length: usize) -> Self {
        let bytes = (length.max(1) * size_of::<f32>()).next_multiple_of(LINE);
        let (bytes, align) =
            if bytes < HUGE_PAGE { (bytes, LINE) } else { (bytes.next_multiple_of(HUGE_PAGE), HUGE_PAGE) };
        let Ok(layout) = Layout::from_size_align(bytes, align) else { handle_alloc_error(Layout::new::<f32>()) };
        // SAFETY: the layout is not empty; the block is zeroed before anybody sees it.
        unsafe {
            let Some(start) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            #[cfg(target_os = "linux")]
            if align == HUGE_PAGE {
                libc::madvise(start.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE);
            }
            start.write_bytes(0, bytes);
            Self { start: start.cast(), layout }
        }
    }

    /// The first entry.
    pub(super) fn pointer(&self) -> *mut f32 {
        self.start.as_ptr()
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and nobody can hold the block any more.
        unsafe { dealloc(self.start.as_ptr().cast(), self.layout) }
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
