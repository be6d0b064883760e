// SPDX-License-Identifier: MIT OR Apache-2.0
//! Conversion between the caller's planes and the plan's layouts: normalises the input, and returns the gradient.
#![allow(unsafe_code, reason = "the caller's planes are addressed through pointers")]

use super::layout::Grid;
use super::memory::Memory;
use super::reach::IMAGE_STEP;
use super::simd::LANES;
use crate::net::affine::Affine;
use crate::net::graph::Shape;

/// How the entries of an image lie in the plan's memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// `[row][column][channel]`; the grid's pixel is the number of channels.
    Interleaved(Grid),
    /// 16 channels to a vector; missing ones are zero.
    Blocked(Grid),
    /// 2 × 2 pixels of all channels to a vector, the output of [`Dense::to_image`](super::conv::Dense::to_image).
    Squares(Grid),
}

impl Form {
    fn at(&self, channels: usize, sample: usize, channel: usize, row: usize, column: usize) -> usize {
        match self {
            Self::Interleaved(grid) => grid.at(sample, 0, row, column) + channel,
            Self::Blocked(grid) => grid.at(sample, channel / LANES, row, column) + channel % LANES,
            Self::Squares(grid) => {
                let inside = row % IMAGE_STEP * IMAGE_STEP + column % IMAGE_STEP;
                grid.at(sample, 0, row / IMAGE_STEP, column / IMAGE_STEP) + inside * channels + channel
            }
        }
    }
}

/// The direction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The caller's input into the plan.
    In,
    /// The plan's gradient to the caller, through the adjoint.
    Out,
}

/// The step at the border of the plan; an item is a run of rows.
pub(super) struct Image {
    pub(super) direction: Direction,
    pub(super) shape: Shape,
    pub(super) samples: usize,
    pub(super) affine: Affine,
    pub(super) form: Form,
}

/// Rows of an item.
const ITEM_ROWS: usize = 16;

impl Image {
    /// Number of items, which may run in parallel.
    pub(super) fn items(&self) -> usize {
        self.samples * self.shape.height.div_ceil(ITEM_ROWS)
    }

    /// Runs one item.
    ///
    /// # Safety
    /// `memory` must be that of the plan, with the caller's slices of full length.
    pub(super) unsafe fn run(&self, item: usize, memory: &Memory) {
        let Shape { channels, height, width } = self.shape;
        let parts = height.div_ceil(ITEM_ROWS);
        let (sample, start) = (item / parts, item % parts * ITEM_ROWS);
        for row in start..height.min(start + ITEM_ROWS) {
            let at = |channel: usize, column: usize| self.form.at(channels, sample, channel, row, column);
            let plane = |channel: usize| ((sample * channels + self.affine.order[channel]) * height + row) * width;
            if self.direction == Direction::In && channels == 3 && matches!(self.form, Form::Interleaved(_)) {
                // SAFETY: the row lies in the plan's image, the planes in the caller's input.
                unsafe { self.interleave(memory.data.add(at(0, 0)), [0, 1, 2].map(|c| memory.input.add(plane(c)))) };
                continue;
            }
            for channel in 0..channels {
                let (scale, shift) = (self.affine.scale[channel], self.affine.shift[channel]);
                let starts = [at(channel, 0), at(channel, 1.min(width - 1))];
                let step = at(channel, IMAGE_STEP.min(width - 1)) - starts[0];
                for (parity, start) in starts.into_iter().enumerate().take(width) {
                    let outside = plane(channel) + parity;
                    for pair in 0..(width - parity).div_ceil(IMAGE_STEP) {
                        // SAFETY: the place lies in the plan's image, the column in the caller's row.
                        unsafe {
                            let value = memory.data.add(start + pair * step);
                            match self.direction {
                                Direction::In => {
                                    *value = *memory.input.add(outside + pair * IMAGE_STEP) * scale + shift;
                                }
                                Direction::Out => *memory.gradient.add(outside + pair * IMAGE_STEP) = *value * scale,
                            }
                        }
                    }
                }
            }
            if self.direction == Direction::In && matches!(self.form, Form::Blocked(_)) {
                for channel in channels..channels.next_multiple_of(LANES) {
                    for column in 0..width {
                        // SAFETY: the place lies in the last vector of a pixel of the plan's image.
                        unsafe { *memory.data.add(at(channel, column)) = 0.0 };
                    }
                }
            }
        }
    }

    /// Normalises one row of three planes and interleaves it.
    ///
    /// # Safety
    /// `planes` must be valid for a row, `target` for three times as many entries.
    unsafe fn interleave(&self, target: *mut f32, planes: [*const f32; 3]) {
        let (scale, shift) = (&self.affine.scale, &self.affine.shift);
        let (scale, shift) = ([scale[0], scale[1], scale[2]], [shift[0], shift[1], shift[2]]);
        for column in 0..self.shape.width {
            for channel in 0..3 {
                // SAFETY: by contract.
                unsafe {
                    let value = *planes[channel].add(column) * scale[channel] + shift[channel];
                    *target.add(3 * column + channel) = value;
                }
            }
        }
    }
}
