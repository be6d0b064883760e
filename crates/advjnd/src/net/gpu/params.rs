// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parameters of kernels; `kernels/common.wgsl` has the same structures.

use crate::net::graph::Shape;

/// Stands for no place.
pub(super) const NONE: u32 = u32::MAX;

/// Places of the entries of a value among all values, in steps of one number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct View {
    pub(super) offset: u32,
    pub(super) sample: u32,
    pub(super) plane: u32,
    pub(super) row: u32,
    pub(super) channels: u32,
    pub(super) height: u32,
    pub(super) width: u32,
}

impl View {
    /// A value of `shape` from `offset` on, contiguous. The caller must keep the sizes within 32 bits.
    pub(super) fn dense(offset: u32, shape: Shape) -> Self {
        let view = Self { offset, ..Self::default() }.cropped(shape);
        let plane = view.height * view.width;
        Self { sample: view.channels * plane, plane, row: view.width, ..view }
    }

    /// Its first channels, rows and columns, as many as `shape` has.
    pub(super) fn cropped(self, shape: Shape) -> Self {
        let [channels, height, width] = [shape.channels, shape.height, shape.width].map(|size| size as u32);
        Self { channels, height, width, ..self }
    }

    fn words(&self) -> [u32; 8] {
        [self.offset, self.sample, self.plane, self.row, self.channels, self.height, self.width, 0]
    }
}

/// The pixels of a result that see the same taps.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Class {
    pub(super) table: u32,
    pub(super) depth: u32,
    pub(super) weights: u32,
    pub(super) first_row: u32,
    pub(super) first_column: u32,
    pub(super) rows: u32,
    pub(super) columns: u32,
}

/// Largest number of classes of a convolution: its squared stride.
pub(super) const CLASSES: usize = 4;

/// What is done to a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Finish {
    #[default]
    Nothing,
    Relu,
    Prelu {
        slopes: u32,
    },
    ReluDerivative,
    PreluDerivative {
        slopes: u32,
    },
}

/// Bias, residual and activation of a kernel's result.
#[derive(Debug, Clone, Copy)]
pub(super) struct Epilogue {
    pub(super) residual: View,
    pub(super) bias: u32,
    pub(super) finish: Finish,
    /// Place of the sums with the signs for a derivative, as dense as the result; forward, the place to keep them.
    pub(super) signs: u32,
}

impl Default for Epilogue {
    fn default() -> Self {
        Self { residual: View::default(), bias: NONE, finish: Finish::Nothing, signs: NONE }
    }
}

/// The parameters of one dispatch.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Params {
    pub(super) source: View,
    pub(super) target: View,
    pub(super) epilogue: Epilogue,
    pub(super) scratch: u32,
    pub(super) splits: u32,
    pub(super) batch: u32,
    pub(super) half: bool,
    pub(super) kernel: u32,
    pub(super) step: u32,
    pub(super) top: u32,
    pub(super) left: u32,
    pub(super) spread: u32,
    pub(super) outputs: u32,
    pub(super) mode: u32,
    pub(super) classes: [Class; CLASSES],
}

impl Params {
    /// Bytes that a kernel reads.
    pub(super) const BYTES: u64 = 4 * Self::WORDS as u64;
    /// Bytes from the parameters of one dispatch to the next: the least alignment that every device accepts.
    pub(super) const STRIDE: usize = (Self::BYTES as usize).next_multiple_of(256);
    const WORDS: usize = 3 * 8 + 16 + CLASSES * 8;

    /// As the kernels read it.
    pub(super) fn words(&self) -> impl Iterator<Item = u32> + use<> {
        let Epilogue { residual, bias, finish, signs } = self.epilogue;
        let (code, slopes) = match finish {
            Finish::Nothing => (0, NONE),
            Finish::Relu => (1, NONE),
            Finish::Prelu { slopes } => (2, slopes),
            Finish::ReluDerivative => (3, NONE),
            Finish::PreluDerivative { slopes } => (4, slopes),
        };
        let views = [self.source, self.target, residual].into_iter().flat_map(|view| view.words());
        let plain = [
            [signs, slopes, code, bias],
            [self.scratch, self.splits, self.batch, u32::from(self.half)],
            [self.kernel, self.step, self.top, self.left],
            [self.spread, self.outputs, self.mode, 0],
        ];
        let classes = self.classes.into_iter().flat_map(|class| {
            let Class { table, depth, weights, first_row, first_column, rows, columns } = class;
            [table, depth, weights, first_row, first_column, rows, columns, 0]
        });
        views.chain(plain.into_iter().flatten()).chain(classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_as_long_as_kernels_read_them() {
        assert_eq!(Params::default().words().count(), Params::WORDS);
    }
}
