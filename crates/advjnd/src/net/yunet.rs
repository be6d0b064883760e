// SPDX-License-Identifier: MIT OR Apache-2.0
//! YuNet: a face detector with 53 k parameters. Each anchor, at strides 8, 16 and 32, has a score, a box and five
//! landmarks.
//!
//! Source: OpenCV zoo `face_detection_yunet_2023mar` (MIT). Its unit is a 1×1 convolution followed by a depthwise 3×3,
//! with ReLU after the unit in backbone and neck, not in the heads. The neck adds the coarser level, each pixel
//! repeated 2 × 2, to the finer one. The four heads of a level, 1 + 1 + 4 + 10 channels, run as one unit of 16. Tensor
//! names follow the ONNX graph where it has them.

use bytes::Bytes;

use super::graph::{Activation, Conv, Graph, INPUT, Op, Padding, Shape, ValueId};
use super::upsample::Upsampling;
use super::values::Values;
use super::weights::Weights;
use crate::error::{Error, Result};

const NAME: &str = "yunet_2023mar";

/// Input sizes are multiples of this.
pub(super) const SIZE_MULTIPLE: usize = 32;

/// Heads in the order of the outputs, with their channels.
pub(super) const HEADS: [(&str, usize); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];

/// The network from the bytes of its safetensors file, for planar BGR 0..=255 of `height × width`.
///
/// Output `level` is planar `[16]` at stride `8 << level`: the channels of [`HEADS`] one after another, with cls and
/// obj before their sigmoid.
pub(super) fn graph(file: &Bytes, height: usize, width: usize) -> Result<Graph> {
    let weights = Weights::parse(NAME, file)?;
    let mut net = Units { weights, graph: Graph::new(NAME, Shape::new(3, height, width)) };
    let stem = net.weights.conv("backbone.model0.conv1", 2, Padding::all(1), false)?;
    let mut x = net.graph.push(Op::Conv { input: INPUT, conv: stem, activation: Activation::Relu })?;
    x = net.unit("backbone.model0.conv2", x, Activation::Relu)?;
    let mut levels = Vec::with_capacity(3);
    for stage in 1..=5 {
        if stage != 2 {
            x = net.graph.push(Op::MaxPool { input: x, kernel: 2, stride: 2 })?;
        }
        x = net.unit(&format!("backbone.model{stage}.conv1"), x, Activation::Relu)?;
        x = net.unit(&format!("backbone.model{stage}.conv2"), x, Activation::Relu)?;
        if stage >= 3 {
            levels.push(x);
        }
    }
    for level in (0..3).rev() {
        if let Some(&small) = levels.get(level + 1) {
            let (large, upsampling) = (levels[level], Upsampling::Repeat);
            levels[level] = net.graph.push(Op::UpsampleAdd { small, large, upsampling })?;
        }
        let name = format!("neck.lateral_convs.{level}");
        levels[level] = net.unit(&name, levels[level], Activation::Relu)?;
    }
    for (level, features) in levels.into_iter().enumerate() {
        let y = net.heads(level, features)?;
        net.graph.push_output(y);
    }
    Ok(net.graph)
}

struct Units<'a> {
    weights: Weights<'a>,
    graph: Graph,
}

impl Units<'_> {
    /// `name.conv1` 1×1 without activation, then `name.conv2` depthwise 3×3.
    fn unit(&mut self, name: &str, input: ValueId, activation: Activation) -> Result<ValueId> {
        let pointwise = self.weights.conv(&format!("{name}.conv1"), 1, Padding::all(0), false)?;
        let depthwise = self.weights.conv(&format!("{name}.conv2"), 1, Padding::all(1), true)?;
        let x = self.graph.push(Op::Conv { input, conv: pointwise, activation: Activation::None })?;
        self.graph.push(Op::Conv { input: x, conv: depthwise, activation })
    }

    /// The units of all heads of a level as one.
    fn heads(&mut self, level: usize, input: ValueId) -> Result<ValueId> {
        let merged = |part: &str, padding: Padding, depthwise: bool| {
            let mut convs = HEADS.iter().map(|(head, _)| {
                self.weights.conv(&format!("bbox_head.multi_level_{head}.{level}.{part}"), 1, padding, depthwise)
            });
            let Some(first) = convs.next() else { return Err(Error::model(NAME, "has no heads")) };
            convs.try_fold(first?, |sum, conv| stacked(sum, &conv?))
        };
        let pointwise = merged("conv1", Padding::all(0), false)?;
        let depthwise = merged("conv2", Padding::all(1), true)?;
        let x = self.graph.push(Op::Conv { input, conv: pointwise, activation: Activation::None })?;
        self.graph.push(Op::Conv { input: x, conv: depthwise, activation: Activation::None })
    }
}

/// Two convolutions of the same input as one, with the outputs of `b` after those of `a`.
fn stacked(a: Conv, b: &Conv) -> Result<Conv> {
    if a.kernel != b.kernel || (!a.depthwise && a.in_channels != b.in_channels) {
        return Err(Error::model(NAME, "its heads differ in shape; use the model file this version ships with"));
    }
    let in_channels = if a.depthwise { a.in_channels + b.in_channels } else { a.in_channels };
    let joined = |a: &Values, b: &Values| a.numbers().iter().chain(&*b.numbers()).copied().collect();
    let (weight, bias) = (joined(&a.weight, &b.weight), joined(&a.bias, &b.bias));
    Ok(Conv { in_channels, out_channels: a.out_channels + b.out_channels, weight, bias, ..a })
}
