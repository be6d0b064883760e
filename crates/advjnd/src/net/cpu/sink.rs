// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happens to a sum before it is stored: bias, residual, activation or the activation's derivative.
//!
//! The sign of every activated sum is kept as one bit. That is all the backward pass needs, so values are not kept.
#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]

use super::layout::Grid;
use super::memory::Memory;
use super::simd::{Isa, LANES};

/// What is done to a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// Nothing.
    Keep,
    /// ReLU; its sign is saved.
    Relu,
    /// ReLU without a backward pass; nothing is saved.
    Rectify,
    /// PReLU with slopes at this offset; its sign is saved.
    Prelu(usize),
    /// The derivative of ReLU by the saved sign.
    ReluDerivative,
    /// The derivative of PReLU by the saved sign.
    PreluDerivative(usize),
}

/// A value added to a sum: its place, and its numbers of blocks, rows and columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Residual {
    pub(super) grid: Grid,
    pub(super) blocks: usize,
}

/// An epilogue and its target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Epilogue {
    pub(super) target: Grid,
    pub(super) bias: Option<usize>,
    pub(super) residual: Option<Residual>,
    pub(super) finish: Finish,
    /// Places of the signs, in steps of one `u16` per vector.
    pub(super) signs: Grid,
}

impl Epilogue {
    /// Stores plain sums.
    pub(super) fn plain(target: Grid) -> Self {
        Self { target, bias: None, residual: None, finish: Finish::Keep, signs: target }
    }

    /// The epilogue of every `step`-th row and column from (`row`, `column`) on.
    pub(super) fn phase(&self, step: usize, row: usize, column: usize) -> Self {
        Self {
            target: self.target.phase(step, row, column),
            residual: self
                .residual
                .map(|residual| Residual { grid: residual.grid.phase(step, row, column), ..residual }),
            signs: self.signs.phase(step, row, column),
            ..*self
        }
    }

    /// The epilogue at one vector.
    ///
    /// # Safety
    /// `memory` is that of the plan the offsets were made for, and the vector lies in the target.
    #[inline(always)]
    pub(super) unsafe fn at(&self, memory: &Memory, sample: usize, block: usize, row: usize, column: usize) -> Sink {
        // SAFETY: offsets of the plan lie in its memory.
        unsafe {
            let channel = |offset: usize| memory.weights.add(offset + block * LANES);
            let slope = match self.finish {
                Finish::Prelu(offset) | Finish::PreluDerivative(offset) => channel(offset),
                _ => std::ptr::null(),
            };
            let (residual, residual_blocks, residual_grid) = match &self.residual {
                Some(residual) if block < residual.blocks => {
                    let pointer = memory.data.add(residual.grid.at(sample, block, row, column)).cast_const();
                    (pointer, residual.blocks - block, residual.grid)
                }
                _ => (std::ptr::null(), 0, self.target),
            };
            Sink {
                target: memory.data.add(self.target.at(sample, block, row, column)),
                bias: self.bias.map_or(std::ptr::null(), channel),
                residual,
                residual_blocks,
                slope,
                signs: memory.bits.wrapping_add(self.signs.at(sample, block, row, column)),
                finish: self.finish,
                grid: self.target,
                residual_grid,
                signs_grid: self.signs,
            }
        }
    }
}

/// An [`Epilogue`] at one vector; steps from there lead to others.
#[derive(Clone, Copy)]
pub(super) struct Sink {
    pub(super) target: *mut f32,
    pub(super) bias: *const f32,
    pub(super) residual: *const f32,
    pub(super) residual_blocks: usize,
    pub(super) slope: *const f32,
    pub(super) signs: *mut u16,
    pub(super) finish: Finish,
    pub(super) grid: Grid,
    pub(super) residual_grid: Grid,
    pub(super) signs_grid: Grid,
}

impl Sink {
    /// Finishes the sums of `N` neighbouring vectors of this block, from (`row`, `column`) on, counted from here.
    ///
    /// # Safety
    /// The vectors lie in the target, and the processor has the instruction set.
    #[inline(always)]
    pub(super) unsafe fn put_run<I: Isa, const N: usize>(&self, mut sums: [I::Vector; N], row: usize, column: usize) {
        // SAFETY: the pointers came from [`Epilogue::at`], and the vectors lie in the target by contract.
        unsafe {
            if !self.bias.is_null() {
                let bias = I::load(self.bias);
                for sum in &mut sums {
                    *sum = I::add(*sum, bias);
                }
            }
            if !self.residual.is_null() {
                let residual = self.residual.add(row * self.residual_grid.row + column * self.residual_grid.pixel);
                for (pixel, sum) in sums.iter_mut().enumerate() {
                    *sum = I::add(*sum, I::load(residual.add(pixel * self.residual_grid.pixel)));
                }
            }
            let signs = self.signs.wrapping_add(row * self.signs_grid.row + column * self.signs_grid.pixel);
            macro_rules! each {
                ($finish:expr) => {
                    for (pixel, sum) in sums.iter_mut().enumerate() {
                        let signs = signs.wrapping_add(pixel * self.signs_grid.pixel);
                        *sum = finish::<I>(*sum, $finish, self.slope, signs);
                    }
                };
            }
            match self.finish {
                Finish::Keep => {}
                Finish::Relu => each!(Finish::Relu),
                Finish::Rectify => each!(Finish::Rectify),
                Finish::Prelu(slope) => each!(Finish::Prelu(slope)),
                Finish::ReluDerivative => each!(Finish::ReluDerivative),
                Finish::PreluDerivative(slope) => each!(Finish::PreluDerivative(slope)),
            }
            let target = self.target.add(row * self.grid.row + column * self.grid.pixel);
            for (pixel, sum) in sums.into_iter().enumerate() {
                I::store(target.add(pixel * self.grid.pixel), sum);
            }
        }
    }
}

/// Activation or derivative of one vector.
///
/// # Safety
/// `signs` must be valid unless `finish` keeps the sum, `slope` for PReLU. The processor must have the instruction set.
#[inline(always)]
pub(super) unsafe fn finish<I: Isa>(sum: I::Vector, finish: Finish, slope: *const f32, signs: *mut u16) -> I::Vector {
    // SAFETY: by contract.
    unsafe {
        let zero = I::splat(0.0);
        match finish {
            Finish::Keep => sum,
            Finish::Rectify => I::select(I::exceeds(sum, zero), sum, zero),
            Finish::Relu => {
                let positive = I::exceeds(sum, zero);
                *signs = positive;
                I::select(positive, sum, zero)
            }
            Finish::Prelu(_) => {
                let positive = I::exceeds(sum, zero);
                *signs = positive;
                I::select(positive, sum, I::mul(sum, I::load(slope)))
            }
            Finish::ReluDerivative => I::select(*signs, sum, zero),
            Finish::PreluDerivative(_) => I::select(*signs, sum, I::mul(sum, I::load(slope))),
        }
    }
}
