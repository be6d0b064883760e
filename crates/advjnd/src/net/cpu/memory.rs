// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory of a plan: an aligned block each of values, sign bits and packed weights, and scratch per thread.
//!
//! Steps address it by offsets fixed when the plan is made. The plan makes concurrent writes sound: the items of a step
//! write disjoint places and read none that another item of the same step writes, and a barrier separates steps (see
//! [`program`](super::program)).
#![allow(unsafe_code, reason = "threads share the memory of a plan without locks")]

use std::alloc::{Layout, handle_alloc_error};
use std::any::Any;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memmap2::MmapOptions;

#[cfg(target_arch = "x86_64")]
use super::amx::{self, Parts, Split};
#[cfg(target_arch = "x86_64")]
use super::simd::Level;
use super::simd::{Isa, LANES};
use crate::net::precision::{self, WeightPrecision};

/// Alignment of a small block: a cache line.
const LINE: usize = 64;
/// Size of a huge page, and alignment of blocks at least as large. Weights are streamed; with pages of 4 KiB the
/// processor would walk the page table at every 64th line.
const HUGE_PAGE: usize = 2 << 20;

/// Numbers from the start of a cache line. A large block has pages of its own, which take no memory before they are
/// used, and which return to the system with the block, whatever the process has allocated since.
pub(super) struct Block {
    start: NonNull<f32>,
    bytes: usize,
    _owner: Box<dyn Any + Send + Sync>,
}

#[derive(Clone, Copy)]
#[repr(align(64))]
#[expect(dead_code, reason = "read through pointers")]
struct Line([f32; LINE / size_of::<f32>()]);

// SAFETY: a block owns its memory, which is only accessed through pointers; who dereferences them vouches for the
// absence of races.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// `length` zeros, rounded up to whole lines.
    pub(super) fn zeros(length: usize) -> Self {
        let bytes = (length.max(1) * size_of::<f32>()).next_multiple_of(LINE);
        let (start, owner): (*mut f32, Box<dyn Any + Send + Sync>) = if bytes < HUGE_PAGE {
            let mut lines = vec![Line([0.0; LINE / size_of::<f32>()]); bytes / LINE];
            (lines.as_mut_ptr().cast(), Box::new(lines))
        } else {
            let Ok(mut map) = MmapOptions::new().len(bytes + HUGE_PAGE).map_anon() else {
                handle_alloc_error(Layout::new::<Line>())
            };
            let offset = map.as_mut_ptr().align_offset(HUGE_PAGE);
            #[cfg(target_os = "linux")]
            // If this fails, pages of 4 KiB serve: an operating system may lack huge pages.
            let _ = map.advise_range(memmap2::Advice::HugePage, offset, bytes);
            (map.as_mut_ptr().wrapping_add(offset).cast(), Box::new(map))
        };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(Layout::new::<Line>()) };
        Self { start, bytes, _owner: owner }
    }

    /// The first entry.
    pub(super) fn pointer(&self) -> *mut f32 {
        self.start.as_ptr()
    }

    /// Bytes it takes once all of it is used.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Memory for the values of plans that run in turn.
#[derive(Default)]
pub(super) struct Arena(Mutex<Option<Block>>);

/// The memory of an [`Arena`] during the run of a plan.
pub(super) type Held<'a> = MutexGuard<'a, Option<Block>>;

impl Arena {
    /// Waits until no other plan uses the memory, and holds it. Returns its first entry, too; there is room for
    /// `length`, filled with what other plans left.
    pub(super) fn hold(&self, length: usize) -> (Held<'_>, *mut f32) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_none_or(|block| block.bytes < length * size_of::<f32>()) {
            *held = None;
            *held = Some(Block::zeros(length));
        }
        let start = held.as_ref().map_or(std::ptr::null_mut(), Block::pointer);
        (held, start)
    }
}

/// Place and form of a layer's packed weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights {
    /// In steps of one `f32`.
    offset: usize,
    form: Form,
}

/// How packed weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Single,
    Half,
    /// In parts of bf16.
    #[cfg(target_arch = "x86_64")]
    Split(Parts),
}

impl Weights {
    /// The weights from entry `first` on.
    pub(super) fn at(&self, memory: &Memory, first: usize) -> WeightsAt {
        let start = memory.weights.wrapping_add(self.offset);
        let half = self.form == Form::Half;
        let start = if half { start.cast::<u16>().wrapping_add(first).cast() } else { start.wrapping_add(first) };
        WeightsAt { start, half }
    }
}

/// Weights in memory.
#[derive(Clone, Copy)]
pub(super) struct WeightsAt {
    start: *const f32,
    pub(super) half: bool,
}

impl WeightsAt {
    /// The vector from entry `first` on. `HALF`: the weights are in half precision.
    ///
    /// # Safety
    /// The weights lie in the store, and the processor has the instruction set.
    #[inline(always)]
    pub(super) unsafe fn load<I: Isa, const HALF: bool>(&self, first: usize) -> I::Vector {
        // SAFETY: by contract.
        unsafe { if HALF { I::load_half(self.start.cast::<u16>().add(first)) } else { I::load(self.start.add(first)) } }
    }

    /// An address to prefetch.
    #[inline(always)]
    pub(super) fn ahead<const HALF: bool>(&self, first: usize) -> *const f32 {
        let entries = if HALF { first / 2 } else { first };
        self.start.wrapping_add(entries)
    }
}

/// Packed weights, shared by the plans of one network: the sizes of batches and pools do not change them.
pub(super) struct Store {
    values: Growing,
    entries: Vec<Entry>,
}

impl Store {
    /// The first weight.
    pub(super) fn pointer(&self) -> *mut f32 {
        self.values.block.pointer()
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.values.len * size_of::<f32>()
    }
}

/// Numbers in a block with room for more. In a `Vec`, they would leave holes in the memory of the process when it grows.
struct Growing {
    block: Block,
    len: usize,
}

impl Growing {
    fn new() -> Self {
        Self { block: Block::zeros(0), len: 0 }
    }

    /// Appends `values`, as many as `count`, at the start of a cache line and returns their offset.
    fn push(&mut self, count: usize, values: impl Iterator<Item = f32>) -> usize {
        let (offset, end) = (self.len, (self.len + count).next_multiple_of(LANES));
        if end * size_of::<f32>() > self.block.bytes {
            let block = Block::zeros(2 * end);
            // SAFETY: both blocks hold as many entries, and nobody else knows the new one.
            unsafe { std::ptr::copy_nonoverlapping(self.block.pointer(), block.pointer(), self.len) };
            self.block = block;
        }
        // SAFETY: the block holds `count` entries from there on, and `self` owns it alone.
        let room = unsafe { std::slice::from_raw_parts_mut(self.block.pointer().add(offset), count) };
        room.iter_mut().zip(values).for_each(|(room, value)| *room = value);
        self.len = end;
        offset
    }
}

/// One entry of a store, in the order in which a plan asks.
#[derive(Clone, Copy)]
struct Entry {
    weights: Weights,
    len: usize,
}

/// Packed weights while a plan is made: new ones, or those of another plan of the network.
pub(super) struct WeightStore {
    precision: WeightPrecision,
    values: Growing,
    entries: Vec<Entry>,
    packed: Option<Arc<Store>>,
    asked: usize,
    differs: bool,
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only AMX asks"))]
    backward: bool,
}

impl WeightStore {
    /// A store to fill.
    pub(super) fn new(precision: WeightPrecision) -> Self {
        Self {
            precision,
            values: Growing::new(),
            entries: Vec::new(),
            packed: None,
            asked: 0,
            differs: false,
            backward: false,
        }
    }

    /// A store filled by another plan of the same network.
    pub(super) fn of(packed: Arc<Store>) -> Self {
        Self { packed: Some(packed), ..Self::new(WeightPrecision::Single) }
    }

    /// The layers that follow are of the backward pass.
    pub(super) fn begin_backward(&mut self) {
        self.backward = true;
    }

    /// Whether it packs weights, instead of having them.
    pub(super) fn packs(&self) -> bool {
        self.packed.is_none()
    }

    /// The weights of a layer packed for AMX, made by `pack` if they are new: `groups` groups of two blocks,
    /// `[group][inner][32]`. `None` if the level has no AMX, if weights are to stay in single precision, or if one is
    /// too large for bf16.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn split(
        &mut self,
        level: Level,
        groups: usize,
        inner: usize,
        pack: impl FnOnce() -> Vec<f32>,
    ) -> Option<Split> {
        if level != Level::Amx {
            return None;
        }
        if let Some(packed) = &self.packed {
            let entry = packed.entries.get(self.asked)?;
            let Form::Split(parts) = entry.weights.form else { return None };
            self.differs |= entry.len != parts.words(groups, inner);
            self.asked += 1;
            return Some(Split { offset: entry.weights.offset, parts });
        }
        if self.precision == WeightPrecision::Single {
            return None;
        }
        let values = pack();
        if !amx::can_split(&values) {
            return None;
        }
        // Without AMX, large layers would be rounded to 11 bits: two parts, 16 bits, are enough for them.
        let parts = if self.backward {
            Parts::Two
        } else if self.precision.halves(&values) || precision::is_half(&values) {
            Parts::Three
        } else {
            Parts::ThreeOfBoth
        };
        let len = parts.words(groups, inner);
        let offset = self.values.push(len, parts.packed(&values, inner));
        self.asked += 1;
        self.entries.push(Entry { weights: Weights { offset, form: Form::Split(parts) }, len });
        Some(Split { offset, parts })
    }

    /// The `len` packed weights of a layer, made by `pack` if they are new. Large layers keep them in half precision,
    /// unless that changes their values too much or `exact` forbids it: reading weights from memory limits such layers,
    /// above all on two threads.
    pub(super) fn layer(&mut self, len: usize, exact: bool, pack: impl FnOnce() -> Vec<f32>) -> Weights {
        let precision = if exact { WeightPrecision::Single } else { self.precision };
        self.entry(len, precision, pack)
    }

    /// As [`layer`](Self::layer) for weights read entry by entry, in single precision. Returns their offset.
    pub(super) fn plain(&mut self, len: usize, pack: impl FnOnce() -> Vec<f32>) -> usize {
        self.entry(len, WeightPrecision::Single, pack).offset
    }

    fn entry(&mut self, len: usize, precision: WeightPrecision, pack: impl FnOnce() -> Vec<f32>) -> Weights {
        self.asked += 1;
        if let Some(packed) = &self.packed {
            let entry = packed
                .entries
                .get(self.asked - 1)
                .filter(|entry| entry.len == len && matches!(entry.weights.form, Form::Single | Form::Half));
            self.differs |= entry.is_none();
            return entry.map_or(Weights { offset: 0, form: Form::Single }, |entry| entry.weights);
        }
        let (values, word) = (pack(), |pair| f32::from_ne_bytes(bytemuck::cast(pair)));
        let form = if precision.halves(&values) { Form::Half } else { Form::Single };
        let offset = match form {
            Form::Half => self.values.push(values.len().div_ceil(2), precision::halved(&values).map(word)),
            _ => self.values.push(values.len(), values.iter().copied()),
        };
        let weights = Weights { offset, form };
        self.entries.push(Entry { weights, len });
        weights
    }

    /// The finished store; `None` if it was to share another plan's weights and these are not of this network.
    pub(super) fn finish(self) -> Option<Arc<Store>> {
        if let Some(packed) = self.packed {
            return (!self.differs && self.asked <= packed.entries.len()).then_some(packed);
        }
        Some(Arc::new(Store { values: self.values, entries: self.entries }))
    }
}

/// A thread's pointers to the memory of a plan.
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
