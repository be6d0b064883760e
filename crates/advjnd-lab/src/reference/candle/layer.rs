// SPDX-License-Identifier: MIT OR Apache-2.0
//! One operation on candle's operators, forward and backward.
//!
//! * Convolution, one group: backward is a convolution of the cotangent, spread by the stride, with the kernel turned
//!   by 180° and its two channel axes exchanged.
//! * Depthwise convolution: a sum over the taps of shifted, scaled inputs; backward adds each tap back where it came
//!   from.
//! * Max-pool: the maximum over the taps; backward gives each window's cotangent to its first maximum.

use advjnd::net::graph::{Activation, Op, ValueId};
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Linear};

use super::CandleResult;
use super::windows::{Windows, crop, extend, larger, pad, unpad};
use crate::reference::upsample::{enlarge, pull_back};

/// The tensors of one operation.
pub(super) enum Layer {
    Plain,
    Affine { order: Tensor, inverse: Tensor, scale: Tensor, shift: Tensor },
    Full { forward: Conv2d, backward: Conv2d, slope: Option<Tensor> },
    Depthwise { taps: Tensor, bias: Tensor, slope: Option<Tensor> },
    Activated { slope: Option<Tensor> },
    Linear(Linear),
}

impl Layer {
    pub(super) fn new(op: &Op, device: &Device) -> CandleResult<Self> {
        let per_channel = |values: &[f32]| Tensor::from_slice(values, (1, values.len(), 1, 1), device);
        let slope = |activation: &Activation| match activation {
            Activation::Prelu(slope) => per_channel(&slope.numbers()).map(Some),
            Activation::None | Activation::Relu => Ok(None),
        };
        Ok(match op {
            Op::Normalize { order, mean, scale, .. } => {
                let mut inverse = [0u32; 3];
                order.iter().enumerate().for_each(|(to, from)| inverse[*from] = to as u32);
                let shift: Vec<f32> = mean.iter().zip(scale).map(|(mean, scale)| -mean * scale).collect();
                Self::Affine {
                    order: Tensor::new(&order.map(|plane| plane as u32), device)?,
                    inverse: Tensor::new(&inverse, device)?,
                    scale: per_channel(scale)?,
                    shift: per_channel(&shift)?,
                }
            }
            Op::Conv { conv, activation, .. } if conv.depthwise => {
                let taps = conv.kernel * conv.kernel;
                let weight = Tensor::from_slice(&conv.weight.numbers(), (conv.out_channels, taps), device)?;
                let taps = weight.t()?.contiguous()?.reshape((taps, 1, conv.out_channels, 1, 1))?;
                Self::Depthwise { taps, bias: per_channel(&conv.bias.numbers())?, slope: slope(activation)? }
            }
            Op::Conv { conv, activation, .. } => {
                let (taps, k) = (conv.kernel * conv.kernel, conv.kernel);
                let mut turned = conv.weight.numbers().into_owned();
                turned.chunks_exact_mut(taps).for_each(<[f32]>::reverse);
                let backward = Tensor::from_vec(turned, (conv.out_channels, conv.in_channels, k, k), device)?;
                let weight =
                    Tensor::from_slice(&conv.weight.numbers(), (conv.out_channels, conv.in_channels, k, k), device)?;
                let bias = Tensor::from_slice(&conv.bias.numbers(), conv.out_channels, device)?;
                let config = Conv2dConfig { stride: conv.stride, ..Conv2dConfig::default() };
                Self::Full {
                    forward: Conv2d::new(weight, Some(bias), config),
                    backward: Conv2d::new(backward.transpose(0, 1)?.contiguous()?, None, Conv2dConfig::default()),
                    slope: slope(activation)?,
                }
            }
            Op::Add { activation, .. } => Self::Activated { slope: slope(activation)? },
            Op::Linear { weight, bias, .. } => {
                let (outputs, inputs) = (bias.len(), weight.len() / bias.len());
                let weight = Tensor::from_slice(&weight.numbers(), (outputs, inputs), device)?;
                Self::Linear(Linear::new(weight, Some(Tensor::from_slice(&bias.numbers(), outputs, device)?)))
            }
            Op::MaxPool { .. } | Op::AvgPool2 { .. } | Op::UpsampleAdd { .. } | Op::GlobalMean { .. } => Self::Plain,
        })
    }

    pub(super) fn forward(&self, op: &Op, values: &[Tensor]) -> CandleResult<Tensor> {
        match (self, op) {
            (Self::Affine { order, scale, shift, .. }, Op::Normalize { input, .. }) => {
                values[*input].index_select(order, 1)?.broadcast_mul(scale)?.broadcast_add(shift)
            }
            (Self::Full { forward, slope, .. }, Op::Conv { input, conv, activation }) => {
                activate(forward.forward(&pad(&values[*input], conv)?)?, activation, slope)
            }
            (Self::Depthwise { taps, bias, slope }, Op::Conv { input, conv, activation }) => {
                let windows = Windows::new(&pad(&values[*input], conv)?, conv.kernel, conv.stride)?;
                let mut sum = bias.clone();
                for (tap, (row, column)) in windows.taps().enumerate() {
                    sum = windows.take(row, column)?.broadcast_mul(&taps.get(tap)?)?.broadcast_add(&sum)?;
                }
                activate(sum, activation, slope)
            }
            (Self::Activated { slope }, Op::Add { a, b, activation }) => {
                let (a, b) = (&values[*a], &values[*b]);
                let target = larger(a, b)?;
                activate((extend(a, target)? + extend(b, target)?)?, activation, slope)
            }
            (Self::Linear(linear), Op::Linear { input, .. }) => {
                linear.forward(&values[*input].flatten_from(1)?)?.unsqueeze(2)?.unsqueeze(3)
            }
            (_, Op::MaxPool { input, kernel, stride }) => {
                let windows = Windows::new(&values[*input], *kernel, *stride)?;
                let mut maximum = windows.take(0, 0)?;
                for (row, column) in windows.taps().skip(1) {
                    maximum = maximum.maximum(&windows.take(row, column)?)?;
                }
                Ok(maximum)
            }
            (_, Op::AvgPool2 { input }) => values[*input].avg_pool2d(2),
            (_, Op::UpsampleAdd { small, large, upsampling }) => {
                enlarge(*upsampling, &values[*small])? + &values[*large]
            }
            (_, Op::GlobalMean { input }) => values[*input].mean_keepdim((2, 3)),
            _ => candle_core::bail!("a layer was built for another operation"),
        }
    }

    /// The cotangents of the operands of `op`, whose result is value `id` with cotangent `g`.
    pub(super) fn backward(
        &self,
        op: &Op,
        values: &[Tensor],
        id: ValueId,
        g: &Tensor,
    ) -> CandleResult<Vec<(ValueId, Tensor)>> {
        match (self, op) {
            (Self::Affine { inverse, scale, .. }, Op::Normalize { input, .. }) => {
                Ok(vec![(*input, g.broadcast_mul(scale)?.index_select(inverse, 1)?)])
            }
            (Self::Full { forward, backward, slope }, Op::Conv { input, conv, activation }) => {
                let sum = || forward.forward(&pad(&values[*input], conv)?);
                let g = activation_gradient(g, &values[id], sum, activation, slope)?;
                let edge = conv.kernel - 1;
                let spread = Windows::spread(&g, conv.stride)?;
                let spread = spread.pad_with_zeros(2, edge, edge)?.pad_with_zeros(3, edge, edge)?;
                Ok(vec![(*input, unpad(&backward.forward(&spread)?, conv, &values[*input])?)])
            }
            (Self::Depthwise { taps, slope, .. }, Op::Conv { input, conv, activation }) => {
                let windows = Windows::new(&pad(&values[*input], conv)?, conv.kernel, conv.stride)?;
                let sum = || Self::pre_activation(self, op, values);
                let g = activation_gradient(g, &values[id], sum, activation, slope)?;
                let mut gradient = windows.source.zeros_like()?;
                for (tap, (row, column)) in windows.taps().enumerate() {
                    gradient = windows.put(&gradient, &g.broadcast_mul(&taps.get(tap)?)?, row, column)?;
                }
                Ok(vec![(*input, unpad(&gradient, conv, &values[*input])?)])
            }
            (Self::Activated { slope }, Op::Add { a, b, activation }) => {
                let sum = || {
                    let target = larger(&values[*a], &values[*b])?;
                    extend(&values[*a], target)? + extend(&values[*b], target)?
                };
                let g = activation_gradient(g, &values[id], sum, activation, slope)?;
                Ok(vec![(*a, crop(&g, &values[*a])?), (*b, crop(&g, &values[*b])?)])
            }
            (Self::Linear(linear), Op::Linear { input, .. }) => {
                Ok(vec![(*input, g.flatten_from(1)?.matmul(linear.weight())?.reshape(values[*input].dims())?)])
            }
            (_, Op::MaxPool { input, kernel, stride }) => {
                let windows = Windows::new(&values[*input], *kernel, *stride)?;
                let mut gradient = windows.source.zeros_like()?;
                let mut left = g.clone();
                for (row, column) in windows.taps() {
                    let hit = windows.take(row, column)?.eq(&values[id])?.to_dtype(DType::F32)?;
                    let part = (&left * hit)?;
                    left = (left - &part)?;
                    gradient = windows.put(&gradient, &part, row, column)?;
                }
                Ok(vec![(*input, gradient)])
            }
            (_, Op::AvgPool2 { input }) => {
                let (_, _, height, width) = g.dims4()?;
                let part = (g.upsample_nearest2d(2 * height, 2 * width)? * 0.25)?;
                Ok(vec![(*input, extend(&part, values[*input].dims4()?)?)])
            }
            (_, Op::UpsampleAdd { small, large, upsampling }) => {
                Ok(vec![(*small, pull_back(*upsampling, g)?), (*large, g.clone())])
            }
            (_, Op::GlobalMean { input }) => {
                let (_, _, height, width) = values[*input].dims4()?;
                let part = (g / (height * width) as f64)?;
                Ok(vec![(*input, part.broadcast_as(values[*input].dims())?.contiguous()?)])
            }
            _ => candle_core::bail!("a layer was built for another operation"),
        }
    }

    fn pre_activation(&self, op: &Op, values: &[Tensor]) -> CandleResult<Tensor> {
        match op {
            Op::Conv { input, conv, .. } => {
                let plain = Op::Conv { input: *input, conv: conv.clone(), activation: Activation::None };
                self.forward(&plain, values)
            }
            _ => candle_core::bail!("only a convolution has a sum to repeat"),
        }
    }
}

fn activate(sum: Tensor, activation: &Activation, slope: &Option<Tensor>) -> CandleResult<Tensor> {
    match (activation, slope) {
        (Activation::Relu, _) => sum.relu(),
        (Activation::Prelu(_), Some(slope)) => sum.relu()? - sum.neg()?.relu()?.broadcast_mul(slope)?,
        _ => Ok(sum),
    }
}

/// The cotangent of the sum before the activation; `sum` repeats it where the result does not tell its sign.
fn activation_gradient(
    g: &Tensor,
    result: &Tensor,
    sum: impl Fn() -> CandleResult<Tensor>,
    activation: &Activation,
    slope: &Option<Tensor>,
) -> CandleResult<Tensor> {
    match (activation, slope) {
        (Activation::Relu, _) => g * result.gt(0f32)?.to_dtype(DType::F32)?,
        (Activation::Prelu(_), Some(slope)) => {
            let positive = sum()?.gt(0f32)?.to_dtype(DType::F32)?;
            let factor = (&positive + (1.0 - &positive)?.broadcast_mul(slope)?)?;
            g * factor
        }
        _ => Ok(g.clone()),
    }
}
