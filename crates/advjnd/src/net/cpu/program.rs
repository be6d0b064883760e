// SPDX-License-Identifier: MIT OR Apache-2.0
//! Steps in order, and how threads share them.
//!
//! Every step is a number of items that may run in parallel. Threads take items from a counter, even threads from the
//! front and odd ones from the back, so that a thread meets the same part of the weights in every run. They go to the
//! next step when all items of this one are done. Counters carry the number of the run: a thread that comes too late
//! sees another number and leaves without touching anything. A panic in an item is kept, and the item counts as done;
//! the panic resumes in the thread that asked for the run. So no thread waits for ever.
#![allow(unsafe_code, reason = "steps address the plan's memory through pointers")]

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::conv::Dense;
use super::depthwise::Depthwise;
use super::image::Image;
use super::layout::Blocked;
use super::linear::LinearBackward;
use super::memory::{Arena, Block, Held, Memory, Store};
use super::pointwise::{Frame, Sum};
use super::simd::LANES;
use super::window::Window;
use super::winograd::Winograd;
use crate::net::graph::Shape;
use crate::pool::{Job, Pool};

/// How often a waiting thread polls a counter before it yields its core.
const SPINS: usize = 2000;

/// One step of a plan.
pub(super) enum Step {
    Image(Image),
    Dense(Dense),
    Winograd(Winograd),
    Depthwise(Depthwise),
    Window(Window),
    Sum(Sum),
    Frame(Frame),
    LinearBackward(LinearBackward),
    /// This many items; the last one panics.
    #[cfg(test)]
    Fault(usize),
}

impl Step {
    pub(super) fn items(&self) -> usize {
        match self {
            Self::Image(step) => step.items(),
            Self::Dense(step) => step.items(),
            Self::Winograd(step) => step.items(),
            Self::Depthwise(step) => step.items(),
            Self::Window(step) => step.items(),
            Self::Sum(step) => step.items(),
            Self::Frame(step) => step.items(),
            Self::LinearBackward(step) => step.items(),
            #[cfg(test)]
            Self::Fault(items) => *items,
        }
    }

    /// Entries of scratch that a thread needs.
    pub(super) fn scratch(&self) -> usize {
        match self {
            Self::Dense(step) => step.scratch(),
            Self::Winograd(step) => step.scratch(),
            _ => 0,
        }
    }

    /// # Safety
    /// As for the step's own `run`.
    unsafe fn run(&self, item: usize, memory: &Memory) {
        // SAFETY: passed on.
        unsafe {
            match self {
                Self::Image(step) => step.run(item, memory),
                Self::Dense(step) => step.run(item, memory),
                Self::Winograd(step) => step.run(item, memory),
                Self::Depthwise(step) => step.run(item, memory),
                Self::Window(step) => step.run(item, memory),
                Self::Sum(step) => step.run(item, memory),
                Self::Frame(step) => step.run(item, memory),
                Self::LinearBackward(step) => step.run(item, memory),
                #[cfg(test)]
                Self::Fault(items) => assert!(item + 1 < *items, "on purpose"),
            }
        }
    }
}

/// Progress of a step: each word has the number of the run in the upper bits and a count in the lower ones.
#[derive(Default)]
struct Progress {
    /// Items taken from the back and from the front, 16 bits each.
    taken: AtomicU64,
    done: AtomicU64,
}

const RUN_SHIFT: u32 = 32;
const BACK: u64 = 1 << 16;
const COUNT: u64 = u16::MAX as u64;

/// A plan's steps and memory.
pub(super) struct Program {
    steps: Vec<Step>,
    progress: Vec<Progress>,
    forward: usize,
    room: Room,
    /// The first of its values; in an arena, only while that is held.
    data: AtomicPtr<f32>,
    bits: Block,
    weights: Arc<Store>,
    scratch: Vec<Block>,
    input: AtomicPtr<f32>,
    gradient: AtomicPtr<f32>,
    panicked: Mutex<Option<Box<dyn Any + Send>>>,
}

/// Where the values of a plan lie.
enum Room {
    /// In its own memory.
    Own(Block),
    /// In an arena, as many entries.
    Shared(Arc<Arena>, usize),
}

impl Program {
    /// The first `forward` steps are the forward pass, the rest the backward pass. `data` and `bits` are numbers of
    /// entries. With an `arena`, its values lie there.
    pub(super) fn new(
        steps: Vec<Step>,
        forward: usize,
        data: usize,
        bits: usize,
        weights: Arc<Store>,
        threads: usize,
        arena: Option<Arc<Arena>>,
    ) -> Self {
        let (room, start) = match arena {
            Some(arena) => (Room::Shared(arena, data), null_mut()),
            None => {
                let block = Block::zeros(data);
                let start = block.pointer();
                (Room::Own(block), start)
            }
        };
        let scratch = steps.iter().map(Step::scratch).max().unwrap_or(0);
        Self {
            progress: steps.iter().map(|_| Progress::default()).collect(),
            steps,
            forward,
            room,
            data: AtomicPtr::new(start),
            bits: Block::zeros(bits.div_ceil(2)),
            weights,
            scratch: (0..threads).map(|_| Block::zeros(scratch)).collect(),
            input: AtomicPtr::new(null_mut()),
            gradient: AtomicPtr::new(null_mut()),
            panicked: Mutex::default(),
        }
    }

    /// The packed weights.
    pub(super) fn weights(&self) -> &Arc<Store> {
        &self.weights
    }

    /// The most threads that may run it.
    pub(super) fn threads(&self) -> usize {
        self.scratch.len()
    }

    /// Holds the memory of its values until the guard is dropped. Call it before a run, and keep the guard until the
    /// outputs are read.
    pub(super) fn hold(&self) -> Option<Held<'_>> {
        let Room::Shared(arena, length) = &self.room else { return None };
        let (held, start) = arena.hold(*length);
        self.data.store(start, Ordering::Relaxed);
        Some(held)
    }

    /// Bytes of weights, values outside an arena, and scratch.
    pub(super) fn bytes(&self) -> usize {
        let scratch: usize = self.scratch.iter().map(Block::bytes).sum();
        let data = if let Room::Own(block) = &self.room { block.bytes() } else { 0 };
        data + self.bits.bytes() + self.weights.bytes() + scratch
    }

    /// Prepares run `run` of the forward pass (`gradient` null) or the backward pass, and returns its token.
    ///
    /// # Safety
    /// The pointers must be valid for the plan's input until the run is over, and no other run may be in progress.
    pub(super) unsafe fn prepare(&self, run: u32, input: *const f32, gradient: *mut f32) -> u64 {
        self.input.store(input.cast_mut(), Ordering::Relaxed);
        self.gradient.store(gradient, Ordering::Relaxed);
        let token = u64::from(run) << 1 | u64::from(!gradient.is_null());
        for progress in &self.progress[self.range(token)] {
            progress.taken.store(u64::from(run) << RUN_SHIFT, Ordering::Relaxed);
            progress.done.store(u64::from(run) << RUN_SHIFT, Ordering::Release);
        }
        token
    }

    fn range(&self, token: u64) -> Range<usize> {
        if token & 1 == 0 { 0..self.forward } else { self.forward..self.steps.len() }
    }

    fn take(&self, step: usize, worker: usize, run: u64) -> Option<usize> {
        let items = self.steps[step].items() as u64;
        let taken = &self.progress[step].taken;
        let mut word = taken.load(Ordering::Acquire);
        loop {
            let (front, back) = (word & COUNT, (word / BACK) & COUNT);
            if word >> RUN_SHIFT != run || front + back >= items {
                return None;
            }
            let (next, item) =
                if worker.is_multiple_of(2) { (word + 1, front) } else { (word + BACK, items - 1 - back) };
            match taken.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(item as usize),
                Err(now) => word = now,
            }
        }
    }
}

impl Job for Program {
    fn work(&self, worker: usize, token: u64) {
        let Some(scratch) = self.scratch.get(worker) else { return };
        let run = token >> 1 & u64::from(u32::MAX);
        let memory = Memory {
            data: self.data.load(Ordering::Relaxed),
            bits: self.bits.pointer().cast(),
            weights: self.weights.pointer(),
            scratch: scratch.pointer(),
            input: self.input.load(Ordering::Relaxed),
            gradient: self.gradient.load(Ordering::Relaxed),
        };
        for step in self.range(token) {
            let done = &self.progress[step].done;
            while let Some(item) = self.take(step, worker, run) {
                // SAFETY: the plan made the step for this memory and level; the item is taken by this thread alone,
                // and all items of earlier steps are done.
                let ran = catch_unwind(AssertUnwindSafe(|| unsafe { self.steps[step].run(item, &memory) }));
                if let Err(panic) = ran {
                    *self.panicked.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
                }
                done.fetch_add(1, Ordering::AcqRel);
            }
            let all = run << RUN_SHIFT | self.steps[step].items() as u64;
            let mut looks = 0;
            loop {
                let now = done.load(Ordering::Acquire);
                if now == all {
                    break;
                }
                if now >> RUN_SHIFT != run {
                    return;
                }
                looks += 1;
                if looks > SPINS {
                    std::thread::yield_now();
                } else {
                    std::hint::spin_loop();
                }
            }
        }
    }
}

/// Runs the forward pass on `input`, or the backward pass if there is a gradient to fill, on all threads of `pool`.
///
/// `program` and `job` must be the same plan, whose memory is [held](Program::hold), and the slices as long as its
/// input.
pub(super) fn run(
    program: &Program,
    job: &Arc<dyn Job>,
    pool: &Pool,
    run: u32,
    input: &[f32],
    gradient: Option<&mut [f32]>,
) {
    let gradient = gradient.map_or(null_mut(), <[f32]>::as_mut_ptr);
    // SAFETY: the caller holds the plan's engine exclusively, so no run is under way; the slices outlive this
    // function, and when it returns every item is done, and none is ever taken again for this run.
    let token = unsafe { program.prepare(run, input.as_ptr(), gradient) };
    pool.run(job, token);
    let panicked = program.panicked.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(panic) = panicked {
        resume_unwind(panic);
    }
}

impl Program {
    /// Copies a value out of its place, `[batch][channels][height][width]`.
    pub(super) fn read(&self, place: &Blocked, values: &mut [f32]) {
        let Shape { channels, height, width } = place.shape;
        for (plane, values) in values.chunks_exact_mut(height * width).enumerate() {
            for (row, values) in values.chunks_exact_mut(width).enumerate() {
                let vector = place.grid.at(plane / channels, plane % channels / LANES, row, 0);
                for (column, value) in values.iter_mut().enumerate() {
                    // SAFETY: the entry lies in the plan's values, and between runs nobody else touches them.
                    *value = unsafe { *self.entry(vector + plane % channels % LANES + column * place.grid.pixel) };
                }
            }
        }
    }

    /// Copies a value to its place; entries of missing channels become zero.
    pub(super) fn write(&self, place: &Blocked, values: &[f32]) {
        let Shape { channels, height, width } = place.shape;
        let lanes = place.blocks() * LANES;
        for plane in 0..values.len() / place.shape.len() * lanes {
            let (sample, channel) = (plane / lanes, plane % lanes);
            for row in 0..height {
                let vector = place.grid.at(sample, channel / LANES, row, 0);
                let start = ((sample * channels + channel) * height + row) * width;
                for column in 0..width {
                    let value = if channel < channels { values[start + column] } else { 0.0 };
                    // SAFETY: the entry lies in the plan's values, and between runs nobody else touches them.
                    unsafe { *self.entry(vector + channel % LANES + column * place.grid.pixel) = value };
                }
            }
        }
    }

    fn entry(&self, offset: usize) -> *mut f32 {
        self.data.load(Ordering::Relaxed).wrapping_add(offset)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::net::cpu::memory::WeightStore;
    use crate::net::precision::WeightPrecision;

    #[test]
    fn a_panic_in_a_step_comes_out_and_the_next_run_is_as_if_nothing_had_been() {
        let weights = || WeightStore::new(WeightPrecision::Single).finish().expect("a store");
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads).expect("pool");
            for items in [1, 3, 200] {
                let steps = vec![Step::Fault(items), Step::Fault(items)];
                let program = Arc::new(Program::new(steps, 2, 0, 0, weights(), threads, None));
                let job = Arc::clone(&program) as Arc<dyn Job>;
                for number in 1..20 {
                    let caught = catch_unwind(AssertUnwindSafe(|| run(&program, &job, &pool, number, &[], None)));
                    let message = caught.expect_err("a panic");
                    assert!(message.downcast_ref::<&str>().is_some_and(|message| message.contains("on purpose")));
                }
                assert_eq!(
                    program.progress.iter().map(|step| step.done.load(Ordering::Acquire) & COUNT).sum::<u64>(),
                    2 * items as u64
                );
            }
        }
    }
}
