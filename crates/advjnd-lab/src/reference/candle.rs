// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference executor of networks: plain candle operators, on any candle device.
//!
//! The forward pass keeps every value; the backward pass walks the operations in reverse and adds up cotangents. It
//! does not use candle's autograd, which computes the gradient of the frozen kernels too, runs its transposed
//! convolution as a direct loop on the CPU and has no backward for overlapping max-pool windows.
//!
//! * Convolution, one group: backward is a convolution of the cotangent, spread by the stride, with the kernel turned by
//!   180° and its two channel axes exchanged.
//! * Depthwise convolution: a sum over the taps of shifted, scaled inputs; backward adds each tap back where it came from.
//! * Max-pool: the maximum over the taps; backward gives each window's cotangent to its first maximum.

use std::sync::Arc;

use advjnd::net::graph::{Activation, Conv, Graph, INPUT, Op, Shape, ValueId};
use advjnd::net::{Backend, Executor, Executors, Pass, check_len};
use advjnd::{Error, Pool, Result};
use candle_core::{D, DType, Device, Module, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Linear};

use super::upsample::{enlarge, pull_back};

type CandleResult<T> = candle_core::Result<T>;

/// The backend that runs every network on `device` by [`Reference`].
pub fn backend(device: Device) -> Backend {
    Backend::Own(Arc::new(OnDevice(device)))
}

#[derive(Debug)]
struct OnDevice(Device);

impl Executors for OnDevice {
    fn executor(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Executor>> {
        Ok(Box::new(Reference::new(graph, batch, &self.0)?))
    }
}

/// A failure of candle, as the product reports it.
fn failed(error: candle_core::Error) -> Error {
    Error::Executor(Box::new(error))
}

/// A graph on candle operators.
pub struct Reference {
    graph: Graph,
    batch: usize,
    device: Device,
    layers: Arc<[Layer]>,
    values: Vec<Tensor>,
    outputs: Vec<Vec<f32>>,
    differentiable: bool,
}

/// The tensors of one operation.
enum Layer {
    Plain,
    Affine { order: Tensor, inverse: Tensor, scale: Tensor, shift: Tensor },
    Full { forward: Conv2d, backward: Conv2d, slope: Option<Tensor> },
    Depthwise { taps: Tensor, bias: Tensor, slope: Option<Tensor> },
    Activated { slope: Option<Tensor> },
    Linear(Linear),
}

impl Reference {
    /// Copies the weights of `graph` to `device`.
    pub fn new(graph: &Graph, batch: usize, device: &Device) -> Result<Self> {
        let layers = graph
            .ops()
            .iter()
            .map(|op| Layer::new(op, device))
            .collect::<CandleResult<Vec<_>>>()
            .map_err(failed)?
            .into();
        let outputs = vec![Vec::new(); graph.outputs().len()];
        let (graph, device) = (graph.clone(), device.clone());
        Ok(Self { graph, batch, device, layers, values: Vec::new(), outputs, differentiable: false })
    }

    fn dims(&self, shape: Shape) -> [usize; 4] {
        [self.batch, shape.channels, shape.height, shape.width]
    }

    fn run(&mut self, input: &[f32]) -> CandleResult<()> {
        self.values.clear();
        self.values.push(Tensor::from_slice(input, &self.dims(self.graph.input_shape()), &self.device)?);
        for (op, layer) in self.graph.ops().iter().zip(self.layers.iter()) {
            let value = layer.forward(op, &self.values)?;
            self.values.push(value);
        }
        for (output, id) in self.outputs.iter_mut().zip(self.graph.outputs()) {
            *output = self.values[*id].flatten_all()?.to_vec1()?;
        }
        Ok(())
    }

    fn pull_back(&self, cotangent: &[f32]) -> CandleResult<Vec<f32>> {
        let mut cotangents: Vec<Option<Tensor>> = vec![None; self.values.len()];
        let output = self.graph.outputs()[0];
        let dims = self.dims(self.graph.shape(output));
        cotangents[output] = Some(Tensor::from_slice(cotangent, &dims, &self.device)?);
        for (index, (op, layer)) in self.graph.ops().iter().zip(self.layers.iter()).enumerate().rev() {
            let Some(cotangent) = cotangents[index + 1].take() else { continue };
            for (operand, part) in layer.backward(op, &self.values, index + 1, &cotangent)? {
                cotangents[operand] = Some(match cotangents[operand].take() {
                    Some(sum) => (sum + part)?,
                    None => part,
                });
            }
        }
        match &cotangents[INPUT] {
            Some(gradient) => gradient.flatten_all()?.to_vec1(),
            None => Ok(vec![0.0; self.batch * self.graph.input_shape().len()]),
        }
    }
}

impl Executor for Reference {
    fn batch(&self) -> usize {
        self.batch
    }

    fn input_shape(&self) -> Shape {
        self.graph.input_shape()
    }

    fn output_shape(&self, index: usize) -> Option<Shape> {
        self.graph.outputs().get(index).map(|id| self.graph.shape(*id))
    }

    fn share(&self, graph: &Graph, _: &Arc<Pool>) -> Result<Box<dyn Executor>> {
        if graph.name() != self.graph.name() || graph.ops().len() != self.layers.len() {
            return Err(Error::model(graph.name(), "is not the network whose weights were to be shared"));
        }
        Ok(Box::new(Self {
            graph: self.graph.clone(),
            batch: self.batch,
            device: self.device.clone(),
            layers: Arc::clone(&self.layers),
            values: Vec::new(),
            outputs: vec![Vec::new(); self.outputs.len()],
            differentiable: false,
        }))
    }

    fn forward(&mut self, input: &[f32], pass: Pass) -> Result<()> {
        check_len("the input", input.len(), self.batch * self.graph.input_shape().len())?;
        self.differentiable = false;
        self.run(input).map_err(failed)?;
        self.differentiable = pass == Pass::Differentiable;
        if !self.differentiable {
            self.values.clear();
        }
        Ok(())
    }

    fn output(&self, index: usize) -> &[f32] {
        self.outputs.get(index).map_or(&[], Vec::as_slice)
    }

    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        if !self.differentiable {
            return Err(Error::input("no differentiable forward pass to pull back through; run one first"));
        }
        check_len("the cotangent", cotangent.len(), self.output(0).len())?;
        check_len("the gradient", gradient.len(), self.batch * self.graph.input_shape().len())?;
        gradient.copy_from_slice(&self.pull_back(cotangent).map_err(failed)?);
        Ok(())
    }
}

impl Layer {
    fn new(op: &Op, device: &Device) -> CandleResult<Self> {
        let per_channel = |values: &[f32]| Tensor::from_slice(values, (1, values.len(), 1, 1), device);
        let slope = |activation: &Activation| match activation {
            Activation::Prelu(slope) => per_channel(slope).map(Some),
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
                let weight = Tensor::from_slice(&conv.weight, (conv.out_channels, taps), device)?;
                let taps = weight.t()?.contiguous()?.reshape((taps, 1, conv.out_channels, 1, 1))?;
                Self::Depthwise { taps, bias: per_channel(&conv.bias)?, slope: slope(activation)? }
            }
            Op::Conv { conv, activation, .. } => {
                let (taps, k) = (conv.kernel * conv.kernel, conv.kernel);
                let mut turned = conv.weight.to_vec();
                turned.chunks_exact_mut(taps).for_each(<[f32]>::reverse);
                let backward = Tensor::from_vec(turned, (conv.out_channels, conv.in_channels, k, k), device)?;
                let weight = Tensor::from_slice(&conv.weight, (conv.out_channels, conv.in_channels, k, k), device)?;
                let bias = Tensor::from_slice(&conv.bias, conv.out_channels, device)?;
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
                let weight = Tensor::from_slice(weight, (outputs, inputs), device)?;
                Self::Linear(Linear::new(weight, Some(Tensor::from_slice(bias, outputs, device)?)))
            }
            Op::MaxPool { .. } | Op::AvgPool2 { .. } | Op::UpsampleAdd { .. } | Op::GlobalMean { .. } => Self::Plain,
        })
    }

    fn forward(&self, op: &Op, values: &[Tensor]) -> CandleResult<Tensor> {
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
    fn backward(&self, op: &Op, values: &[Tensor], id: ValueId, g: &Tensor) -> CandleResult<Vec<(ValueId, Tensor)>> {
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

fn pad(x: &Tensor, conv: &Conv) -> CandleResult<Tensor> {
    let padding = conv.padding;
    x.pad_with_zeros(2, padding.top, padding.bottom)?.pad_with_zeros(3, padding.left, padding.right)
}

/// The part of `padded`, extended below and to the right where no window reached, that lies on `x`.
fn unpad(padded: &Tensor, conv: &Conv, x: &Tensor) -> CandleResult<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let rows = (height + conv.padding.top).max(padded.dim(2)?);
    let columns = (width + conv.padding.left).max(padded.dim(D::Minus1)?);
    let whole = extend(padded, (batch, channels, rows, columns))?;
    whole.narrow(2, conv.padding.top, height)?.narrow(3, conv.padding.left, width)?.contiguous()
}

fn larger(a: &Tensor, b: &Tensor) -> CandleResult<(usize, usize, usize, usize)> {
    let (a, b) = (a.dims4()?, b.dims4()?);
    Ok((a.0, a.1.max(b.1), a.2.max(b.2), a.3.max(b.3)))
}

fn extend(x: &Tensor, target: (usize, usize, usize, usize)) -> CandleResult<Tensor> {
    let (_, channels, height, width) = x.dims4()?;
    let x = x.pad_with_zeros(1, 0, target.1 - channels)?;
    x.pad_with_zeros(2, 0, target.2 - height)?.pad_with_zeros(3, 0, target.3 - width)
}

fn crop(g: &Tensor, like: &Tensor) -> CandleResult<Tensor> {
    let (_, channels, height, width) = like.dims4()?;
    g.narrow(1, 0, channels)?.narrow(2, 0, height)?.narrow(3, 0, width)?.contiguous()
}

/// The sliding windows of `source`, one tap at a time.
struct Windows {
    source: Tensor,
    kernel: usize,
    stride: usize,
    rows: usize,
    columns: usize,
}

impl Windows {
    fn new(source: &Tensor, kernel: usize, stride: usize) -> CandleResult<Self> {
        let (_, _, height, width) = source.dims4()?;
        let (rows, columns) = ((height - kernel) / stride + 1, (width - kernel) / stride + 1);
        Ok(Self { source: source.contiguous()?, kernel, stride, rows, columns })
    }

    /// Row and column of each entry of a window, in reading order.
    fn taps(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let kernel = self.kernel;
        (0..kernel * kernel).map(move |tap| (tap / kernel, tap % kernel))
    }

    fn indices(&self, start: usize, count: usize) -> CandleResult<Tensor> {
        let indices: Vec<u32> = (0..count).map(|index| (start + index * self.stride) as u32).collect();
        Tensor::new(indices, self.source.device())
    }

    /// One tap of every window.
    fn take(&self, row: usize, column: usize) -> CandleResult<Tensor> {
        let rows = self.source.index_select(&self.indices(row, self.rows)?, 2)?;
        rows.index_select(&self.indices(column, self.columns)?, 3)
    }

    /// The adjoint of [`take`](Self::take), added to `sum`.
    fn put(&self, sum: &Tensor, part: &Tensor, row: usize, column: usize) -> CandleResult<Tensor> {
        let (batch, channels, _, width) = self.source.dims4()?;
        let wide = Tensor::zeros((batch, channels, self.rows, width), DType::F32, part.device())?;
        let wide = wide.index_add(&self.indices(column, self.columns)?, &part.contiguous()?, 3)?;
        sum.index_add(&self.indices(row, self.rows)?, &wide, 2)
    }

    /// `g` with `stride − 1` zeros between neighbours.
    fn spread(g: &Tensor, stride: usize) -> CandleResult<Tensor> {
        if stride == 1 {
            return Ok(g.clone());
        }
        let (batch, channels, height, width) = g.dims4()?;
        let (rows, columns) = ((height - 1) * stride + 1, (width - 1) * stride + 1);
        let source = Tensor::zeros((batch, channels, rows, columns), DType::F32, g.device())?;
        let windows = Self { source: source.clone(), kernel: 1, stride, rows: height, columns: width };
        windows.put(&source, g, 0, 0)
    }
}
