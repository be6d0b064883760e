// SPDX-License-Identifier: MIT OR Apache-2.0
//! One operation on candle's operators, forward and backward. Values are `[batch][channels][pixels]`.
//!
//! * Convolution: the entries of all windows are gathered by a table, padding with them, and multiplied by the weights;
//!   depthwise by those of each channel. Backward the cotangents of the windows that reach a pixel are gathered, or,
//!   where windows step by more than one pixel and would mostly miss, summed after the product.
//! * Max-pool: backward gives each window's cotangent to its first maximum.

use candle_core::{DType, Device, Module, Tensor};
use candle_nn::Linear;

use super::CandleResult;
use super::activated::Activated;
use super::table::{Gather, Stencil, Windows};
use super::upsample::{enlarging, halving};
use crate::net::graph::{Conv, Graph, Op, Shape, ValueId};

/// The tensors of one operation.
pub(super) enum Layer {
    /// A matrix over the channels, and its transpose.
    Normalize {
        scale: Tensor,
        back: Tensor,
        shift: Tensor,
    },
    Full {
        columns: Gather,
        weight: Tensor,
        back: Back,
        bias: Tensor,
        activated: Activated,
    },
    Depthwise {
        columns: Gather,
        reaching: Gather,
        taps: Tensor,
        bias: Tensor,
        activated: Activated,
    },
    Add {
        fitting: [Gather; 2],
        back: [Gather; 2],
        shapes: [Shape; 2],
        to: Shape,
        activated: Activated,
    },
    MaxPool {
        from: Shape,
        columns: Gather,
        first: Tensor,
        sums: Stencil,
    },
    /// The first operand mapped, and the second, if there is one, added.
    Mapped {
        forward: Stencil,
        back: Stencil,
    },
    Mean {
        down: Tensor,
        up: Tensor,
    },
    Linear {
        linear: Linear,
        from: Shape,
    },
}

/// How a full convolution is pulled back.
pub(super) enum Back {
    Gathered { reaching: Gather, weight: Tensor },
    Summed { weight: Tensor, sums: Stencil },
}

impl Layer {
    /// The layer of operation `index` of `graph`.
    pub(super) fn new(graph: &Graph, index: usize, device: &Device) -> CandleResult<Self> {
        let to = graph.shape(index + 1);
        let per_channel = |values: &[f32]| Tensor::from_slice(values, (1, values.len(), 1), device);
        Ok(match &graph.ops()[index] {
            Op::Normalize { order, mean, scale, .. } => {
                let mut matrix = [0.0; 9];
                for (to, from) in order.iter().enumerate() {
                    matrix[3 * to + from] = scale[to];
                }
                let shift: Vec<f32> = mean.iter().zip(scale).map(|(mean, scale)| -mean * scale).collect();
                let scale = Tensor::from_slice(&matrix, (3, 3), device)?;
                Self::Normalize { back: scale.t()?.contiguous()?, scale, shift: per_channel(&shift)? }
            }
            Op::Conv { input, conv, activation } => {
                let windows = Windows::of_conv(conv, graph.shape(*input), to);
                let (columns, bias) = (windows.columns(device)?, per_channel(&conv.bias.numbers())?);
                let activated = Activated::new(activation, device)?;
                if conv.depthwise {
                    let taps =
                        Tensor::from_slice(&conv.weight.numbers(), (conv.out_channels, 1, windows.taps()), device)?;
                    Self::Depthwise { columns, reaching: windows.reaching(device)?, taps, bias, activated }
                } else {
                    let (weight, back) = weights(conv, &windows, device)?;
                    Self::Full { columns, weight, back, bias, activated }
                }
            }
            Op::Add { a, b, activation } => {
                let shapes = [*a, *b].map(|id| graph.shape(id));
                let [left, right] = shapes;
                Self::Add {
                    fitting: [Gather::fitting(left, to, device)?, Gather::fitting(right, to, device)?],
                    back: [Gather::fitting(to, left, device)?, Gather::fitting(to, right, device)?],
                    shapes,
                    to,
                    activated: Activated::new(activation, device)?,
                }
            }
            Op::MaxPool { input, kernel, stride } => {
                let from = graph.shape(*input);
                let windows = Windows::of_pool(*kernel, *stride, from, to);
                let (columns, sums) = (windows.columns(device)?, windows.sums(device)?);
                Self::MaxPool { from, columns, first: first(windows.taps(), device)?, sums }
            }
            Op::AvgPool2 { input } => {
                let [forward, back] = halving(graph.shape(*input), device)?;
                Self::Mapped { forward, back }
            }
            Op::UpsampleAdd { small, upsampling, .. } => {
                let [forward, back] = enlarging(*upsampling, graph.shape(*small), device)?;
                Self::Mapped { forward, back }
            }
            Op::GlobalMean { input } => {
                let pixels = graph.shape(*input).plane();
                let share = vec![1.0 / pixels as f32; pixels];
                let down = Tensor::from_slice(&share, (pixels, 1), device)?;
                Self::Mean { down, up: Tensor::from_slice(&share, (1, pixels), device)? }
            }
            Op::Linear { input, weight, bias } => {
                let (outputs, from) = (bias.len(), graph.shape(*input));
                let weight = Tensor::from_slice(&weight.numbers(), (outputs, from.len()), device)?;
                let bias = Tensor::from_slice(&bias.numbers(), outputs, device)?;
                Self::Linear { linear: Linear::new(weight, Some(bias)), from }
            }
        })
    }

    /// The result, and what the way back needs besides values.
    pub(super) fn forward(&self, op: &Op, values: &[Tensor]) -> CandleResult<(Tensor, Option<Tensor>)> {
        let mut operands = op.operands().map(|id| &values[id]);
        let (Some(x), other) = (operands.next(), operands.next()) else { candle_core::bail!("no operand") };
        let (batch, channels, pixels) = x.dims3()?;
        let value = match self {
            Self::Normalize { scale, shift, .. } => product(scale, x)?.broadcast_add(shift)?,
            Self::Full { columns, weight, bias, activated, .. } => {
                let columns = columns.take(x)?.reshape((batch, weight.dim(1)?, ()))?;
                return activated.apply(product(weight, &columns)?.broadcast_add(bias)?);
            }
            Self::Depthwise { columns, taps, bias, activated, .. } => {
                let sums = by_channel(taps, &columns.take(x)?)?;
                return activated.apply(sums.broadcast_add(bias)?);
            }
            Self::Add { fitting: [left, right], to, activated, .. } => {
                let Some(other) = other else { candle_core::bail!("no second operand") };
                return activated.apply((left.take_whole(x, *to)? + right.take_whole(other, *to)?)?);
            }
            Self::MaxPool { from, .. } => {
                let Op::MaxPool { kernel, stride, .. } = op else { candle_core::bail!("another operation's layer") };
                let planes = x.reshape((batch, channels, from.height, from.width))?;
                planes.max_pool2d_with_stride(*kernel, *stride)?.flatten_from(2)?
            }
            Self::Mapped { forward, .. } => match other {
                Some(other) => (forward.apply(x)? + other)?,
                None => forward.apply(x)?,
            },
            Self::Mean { down, .. } => {
                x.reshape((batch * channels, pixels))?.matmul(down)?.reshape((batch, channels, 1))?
            }
            Self::Linear { linear, .. } => linear.forward(&x.flatten_from(1)?)?.unsqueeze(2)?,
        };
        Ok((value, None))
    }

    /// The cotangents of the operands of `op`, whose result is value `id` with cotangent `g`; `kept` is what the
    /// forward pass gave besides the result.
    pub(super) fn backward(
        &self,
        op: &Op,
        values: &[Tensor],
        id: ValueId,
        kept: Option<&Tensor>,
        g: &Tensor,
    ) -> CandleResult<Vec<(ValueId, Tensor)>> {
        let mut operands = op.operands();
        let (Some(input), other) = (operands.next(), operands.next()) else { candle_core::bail!("no operand") };
        let (batch, channels, _) = g.dims3()?;
        let gradient = match self {
            Self::Normalize { back, .. } => product(back, g)?,
            Self::Full { back, activated, .. } => {
                let g = activated.pull_back(g, &values[id], kept)?;
                match back {
                    Back::Gathered { reaching, weight } => {
                        product(weight, &reaching.take(&g)?.reshape((batch, weight.dim(1)?, ()))?)?
                    }
                    Back::Summed { weight, sums } => {
                        let inputs = values[input].dim(1)?;
                        sums.apply(&product(weight, &g)?.reshape((batch, inputs, ()))?)?
                    }
                }
            }
            Self::Depthwise { reaching, taps, activated, .. } => {
                by_channel(taps, &reaching.take(&activated.pull_back(g, &values[id], kept)?)?)?
            }
            Self::Add { back: [left, right], shapes, activated, .. } => {
                let g = activated.pull_back(g, &values[id], kept)?;
                let mut parts = vec![(input, left.take_whole(&g, shapes[0])?)];
                if let Some(other) = other {
                    parts.push((other, right.take_whole(&g, shapes[1])?));
                }
                return Ok(parts);
            }
            Self::MaxPool { columns, first, sums, .. } => {
                let (planes, taps) = (batch * channels, first.dim(0)?);
                let entries = columns.take(&values[input])?.reshape((planes, taps, ()))?;
                let is_most = entries.broadcast_eq(&values[id].reshape((planes, 1, ()))?)?.to_dtype(DType::F32)?;
                let is_first = product(first, &is_most)?.relu()?;
                let parts = is_first.broadcast_mul(&g.reshape((planes, 1, ()))?)?;
                sums.apply(&parts.reshape((batch, channels, ()))?)?
            }
            Self::Mapped { back, .. } => {
                let mut parts = vec![(input, back.apply(g)?)];
                parts.extend(other.map(|other| (other, g.clone())));
                return Ok(parts);
            }
            Self::Mean { up, .. } => g.reshape((batch * channels, 1))?.matmul(up)?.reshape((batch, channels, ()))?,
            Self::Linear { linear, from } => {
                g.flatten_from(1)?.matmul(linear.weight())?.reshape((batch, from.channels, from.plane()))?
            }
        };
        Ok(vec![(input, gradient)])
    }
}

/// The weights of a full convolution as a matrix, and its way back.
fn weights(conv: &Conv, windows: &Windows, device: &Device) -> CandleResult<(Tensor, Back)> {
    let (outputs, inputs, taps) = (conv.out_channels, conv.in_channels, windows.taps());
    let weight = Tensor::from_slice(&conv.weight.numbers(), (outputs, inputs * taps), device)?;
    let back = if conv.stride == 1 {
        let turned = weight.reshape((outputs, inputs, taps))?.transpose(0, 1)?.contiguous()?;
        Back::Gathered { reaching: windows.reaching(device)?, weight: turned.reshape((inputs, outputs * taps))? }
    } else {
        Back::Summed { weight: weight.t()?.contiguous()?, sums: windows.sums(device)? }
    };
    Ok((weight, back))
}

/// A matrix that leaves 1 where a column of zeros and ones has its first 1, and at most 0 elsewhere.
fn first(size: usize, device: &Device) -> CandleResult<Tensor> {
    let entry = |index: usize| match (index % size).cmp(&(index / size)) {
        std::cmp::Ordering::Less => -1.0,
        std::cmp::Ordering::Equal => 1.0,
        std::cmp::Ordering::Greater => 0.0,
    };
    Tensor::from_vec((0..size * size).map(entry).collect::<Vec<f32>>(), (size, size), device)
}

/// `matrix` times each of the matrices of `columns`.
fn product(matrix: &Tensor, columns: &Tensor) -> CandleResult<Tensor> {
    let (rows, inner) = matrix.dims2()?;
    matrix.broadcast_as((columns.dim(0)?, rows, inner))?.matmul(columns)
}

/// The sums of what was gathered for each channel, tap by tap, weighted by `taps`.
fn by_channel(taps: &Tensor, gathered: &Tensor) -> CandleResult<Tensor> {
    let (batch, (channels, _, count)) = (gathered.dim(0)?, taps.dims3()?);
    let taps = match batch {
        1 => taps.clone(),
        _ => taps.broadcast_as((batch, channels, 1, count))?.contiguous()?.reshape((batch * channels, 1, count))?,
    };
    taps.matmul(&gathered.reshape((batch * channels, count, ()))?)?.reshape((batch, channels, ()))
}
