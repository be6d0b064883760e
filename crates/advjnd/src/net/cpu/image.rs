//! Between the caller's planes and the plan's layouts: normalising the input, and the gradient's way back.
#![allow(unsafe_code, reason = "the caller's planes are addressed through pointers")]

use super::conv::IMAGE_STEP;
use super::layout::Grid;
use super::memory::Memory;
use super::simd::LANES;
use crate::net::graph::Shape;

/// `y[c] = x[order[c]]·scale[c] + shift[c]` per channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Affine {
    pub(super) order: Vec<usize>,
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

impl Affine {
    /// Every channel as it is.
    pub(super) fn identity(channels: usize) -> Self {
        Self { order: (0..channels).collect(), scale: vec![1.0; channels], shift: vec![0.0; channels] }
    }
}

/// How the entries of an image lie in the plan's memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// `[row][column][channel]`; the grid's pixel is the number of channels.
    Interleaved(Grid),
    /// 16 channels to a vector.
    Blocked(Grid),
    /// 2 × 2 pixels of all channels to a vector, as [`Dense::to_image`](super::conv::Dense::to_image) leaves them.
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

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The caller's input into the plan.
    In,
    /// The plan's gradient to the caller, through the adjoint.
    Out,
}

/// The step at the border of the plan; an item is a row.
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
    /// Items that may run at the same time.
    pub(super) fn items(&self) -> usize {
        self.samples * self.shape.height.div_ceil(ITEM_ROWS)
    }

    /// Runs one item.
    ///
    /// # Safety
    /// `memory` is that of the plan, with the caller's slices of the full length.
    pub(super) unsafe fn run(&self, item: usize, memory: &Memory) {
        let Shape { channels, height, width } = self.shape;
        let parts = height.div_ceil(ITEM_ROWS);
        let (sample, start) = (item / parts, item % parts * ITEM_ROWS);
        for row in start..height.min(start + ITEM_ROWS) {
            for channel in 0..channels {
                let (scale, shift) = (self.affine.scale[channel], self.affine.shift[channel]);
                let plane = ((sample * channels + self.affine.order[channel]) * height + row) * width;
                let at = |column: usize| self.form.at(channels, sample, channel, row, column);
                let (first, step, second) = (at(0), at(IMAGE_STEP.min(width - 1)) - at(0), at(1.min(width - 1)));
                let (pairs, single) = (width / IMAGE_STEP, width % IMAGE_STEP);
                for pair in 0..pairs {
                    for (offset, column) in [(first, 0), (second, 1)] {
                        // SAFETY: the place lies in the plan's image, the column in the caller's row.
                        unsafe {
                            let value = memory.data.add(offset + pair * step);
                            let outside = plane + pair * IMAGE_STEP + column;
                            if self.direction == Direction::In {
                                *value = *memory.input.add(outside) * scale + shift;
                            } else {
                                *memory.gradient.add(outside) = *value * scale;
                            }
                        }
                    }
                }
                if single == 1 {
                    // SAFETY: as above.
                    unsafe {
                        let value = memory.data.add(at(width - 1));
                        if self.direction == Direction::In {
                            *value = *memory.input.add(plane + width - 1) * scale + shift;
                        } else {
                            *memory.gradient.add(plane + width - 1) = *value * scale;
                        }
                    }
                }
            }
        }
    }
}
