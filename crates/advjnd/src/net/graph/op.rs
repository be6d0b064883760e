// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations of a graph, and the shapes of their results.

use crate::net::upsample::Upsampling;
use crate::net::values::Values;

/// Index of a value of a [`Graph`](super::Graph): 0 is the input, `i + 1` the result of operation `i`.
pub type ValueId = usize;

/// The input of every graph.
pub const INPUT: ValueId = 0;

/// Shape of a value, one sample of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Number of planes.
    pub channels: usize,
    /// Rows of a plane.
    pub height: usize,
    /// Columns of a plane.
    pub width: usize,
}

impl Shape {
    /// A shape of `channels` planes of `height` rows and `width` columns.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// Number of entries.
    pub const fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// True if there is no entry.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries of one plane.
    pub const fn plane(&self) -> usize {
        self.height * self.width
    }
}

/// Zeros around a plane before a convolution, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Padding {
    /// The same on all four sides.
    pub const fn all(pixels: usize) -> Self {
        Self { top: pixels, left: pixels, bottom: pixels, right: pixels }
    }

    /// TensorFlow's SAME: `ceil(size / stride)` outputs, the odd zero below and to the right.
    pub const fn same(kernel: usize, stride: usize, height: usize, width: usize) -> Self {
        let rows = same_total(kernel, stride, height);
        let columns = same_total(kernel, stride, width);
        Self { top: rows / 2, left: columns / 2, bottom: rows - rows / 2, right: columns - columns / 2 }
    }
}

const fn same_total(kernel: usize, stride: usize, size: usize) -> usize {
    ((size.div_ceil(stride) - 1) * stride + kernel).saturating_sub(size)
}

/// A frozen convolution: cross-correlation, as in every framework the weights come from.
#[derive(Debug, Clone)]
pub struct Conv {
    /// Planes of the input.
    pub in_channels: usize,
    /// Planes of the output.
    pub out_channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Step between outputs, both directions.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
    /// `true`: one filter per channel (`groups` = channels); `false`: every output reads every input (`groups` = 1).
    pub depthwise: bool,
    /// `[out][in][kernel][kernel]`; depthwise `[channels][1][kernel][kernel]`.
    pub weight: Values,
    /// `[out]`.
    pub bias: Values,
}

impl Conv {
    /// Shape of the result for an input of shape `input`; `None` if the kernel does not fit.
    pub fn output_shape(&self, input: Shape) -> Option<Shape> {
        let Padding { top, left, bottom, right } = self.padding;
        let rows = (input.height + top + bottom).checked_sub(self.kernel)?;
        let columns = (input.width + left + right).checked_sub(self.kernel)?;
        Some(Shape::new(self.out_channels, rows / self.stride + 1, columns / self.stride + 1))
    }

    /// Multiply-accumulates of the direct algorithm for an output of shape `output`.
    pub fn macs(&self, output: Shape) -> u64 {
        let inputs = if self.depthwise { 1 } else { self.in_channels };
        (output.len() * inputs * self.kernel * self.kernel) as u64
    }
}

/// An element-wise function after a sum.
#[derive(Debug, Clone)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(x, 0)`; derivative 0 at 0.
    Relu,
    /// `x` where `x > 0`, else `slope[channel]·x`.
    Prelu(Values),
}

/// One operation.
#[derive(Debug, Clone)]
pub enum Op {
    /// `y[c] = (x[order[c]] − mean[c])·scale[c]`.
    Normalize {
        /// Operand.
        input: ValueId,
        /// `order[c]` is the plane of the operand that becomes plane `c`.
        order: [usize; 3],
        /// The value subtracted.
        mean: [f32; 3],
        /// The factor.
        scale: [f32; 3],
    },
    /// Convolution, bias, activation.
    Conv {
        /// Operand.
        input: ValueId,
        /// Filters.
        conv: Conv,
        /// After the bias.
        activation: Activation,
    },
    /// Sum of two values. The smaller is padded with zero planes behind, zero rows below and zero columns to the right
    /// (dlib's `add_prev`).
    Add {
        /// Operand.
        a: ValueId,
        /// Operand.
        b: ValueId,
        /// After the sum.
        activation: Activation,
    },
    /// Maximum over `kernel × kernel` windows, no padding; ties go to the first in reading order.
    MaxPool {
        /// Operand.
        input: ValueId,
        /// Side of the window.
        kernel: usize,
        /// Step between windows.
        stride: usize,
    },
    /// Mean over 2 × 2 windows, step 2, no padding.
    AvgPool2 {
        /// Operand.
        input: ValueId,
    },
    /// `large` plus `small` enlarged twice.
    UpsampleAdd {
        /// Operand of half the height and width.
        small: ValueId,
        /// Operand of the result's shape.
        large: ValueId,
        /// How `small` is enlarged.
        upsampling: Upsampling,
    },
    /// Mean of each plane.
    GlobalMean {
        /// Operand.
        input: ValueId,
    },
    /// `y = W·x + b` on the operand read as one vector.
    Linear {
        /// Operand.
        input: ValueId,
        /// `[out][in]`.
        weight: Values,
        /// `[out]`.
        bias: Values,
    },
}

impl Op {
    /// The values it reads.
    pub fn operands(&self) -> impl Iterator<Item = ValueId> + use<> {
        let (first, second) = match *self {
            Self::Normalize { input, .. }
            | Self::Conv { input, .. }
            | Self::MaxPool { input, .. }
            | Self::AvgPool2 { input }
            | Self::GlobalMean { input }
            | Self::Linear { input, .. } => (input, None),
            Self::Add { a, b, .. } => (a, Some(b)),
            Self::UpsampleAdd { small, large, .. } => (small, Some(large)),
        };
        std::iter::once(first).chain(second)
    }

    /// Shape of the result, or a text that says what does not fit.
    pub(super) fn shape(&self, shapes: &[Shape]) -> std::result::Result<Shape, String> {
        let of = |id: ValueId| shapes.get(id).copied().ok_or_else(|| format!("value {id} does not exist yet"));
        match self {
            Self::Normalize { input, order, .. } => {
                let shape = of(*input)?;
                let permutation = (0..3).all(|plane| order.contains(&plane));
                check(shape.channels == 3 && permutation, || format!("cannot normalise {shape:?} by {order:?}"))?;
                Ok(shape)
            }
            Self::Conv { input, conv, activation } => {
                let shape = of(*input)?;
                let per_filter = if conv.depthwise { 1 } else { conv.in_channels } * conv.kernel * conv.kernel;
                let sound = shape.channels == conv.in_channels
                    && conv.stride > 0
                    && conv.kernel > 0
                    && conv.padding.top.max(conv.padding.left) < conv.kernel
                    && conv.padding.bottom.max(conv.padding.right) < conv.kernel
                    && (!conv.depthwise || conv.in_channels == conv.out_channels)
                    && conv.weight.len() == conv.out_channels * per_filter
                    && conv.bias.len() == conv.out_channels;
                let output = conv.output_shape(shape).filter(|_| sound).ok_or_else(|| {
                    let (i, o, k) = (conv.in_channels, conv.out_channels, conv.kernel);
                    format!("a {k}x{k} convolution of {i} to {o} channels does not fit {shape:?}")
                })?;
                check_activation(activation, output)?;
                Ok(output)
            }
            Self::Add { a, b, activation } => {
                let (a, b) = (of(*a)?, of(*b)?);
                let output = Shape::new(a.channels.max(b.channels), a.height.max(b.height), a.width.max(b.width));
                check_activation(activation, output)?;
                Ok(output)
            }
            Self::MaxPool { input, kernel, stride } => {
                let shape = of(*input)?;
                let fits = *kernel > 0 && *stride > 0 && shape.height >= *kernel && shape.width >= *kernel;
                check(fits, || format!("a {kernel}x{kernel} window does not fit {shape:?}"))?;
                let (rows, columns) = ((shape.height - kernel) / stride + 1, (shape.width - kernel) / stride + 1);
                Ok(Shape::new(shape.channels, rows, columns))
            }
            Self::AvgPool2 { input } => {
                let shape = of(*input)?;
                check(shape.height >= 2 && shape.width >= 2, || format!("a 2x2 window does not fit {shape:?}"))?;
                Ok(Shape::new(shape.channels, shape.height / 2, shape.width / 2))
            }
            Self::UpsampleAdd { small, large, .. } => {
                let (small, large) = (of(*small)?, of(*large)?);
                let twice = Shape::new(small.channels, small.height * 2, small.width * 2);
                check(twice == large, || format!("{small:?} enlarged twice is not {large:?}"))?;
                Ok(large)
            }
            Self::GlobalMean { input } => {
                let shape = of(*input)?;
                check(shape.plane() > 0, || format!("no mean of {shape:?}"))?;
                Ok(Shape::new(shape.channels, 1, 1))
            }
            Self::Linear { input, weight, bias } => {
                let shape = of(*input)?;
                check(weight.len() == shape.len() * bias.len(), || {
                    format!("{} weights do not take {shape:?} to {} outputs", weight.len(), bias.len())
                })?;
                Ok(Shape::new(bias.len(), 1, 1))
            }
        }
    }
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> std::result::Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn check_activation(activation: &Activation, output: Shape) -> std::result::Result<(), String> {
    match activation {
        Activation::Prelu(slope) => {
            check(slope.len() == output.channels, || format!("{} slopes for {} channels", slope.len(), output.channels))
        }
        Activation::None | Activation::Relu => Ok(()),
    }
}
