// SPDX-License-Identifier: MIT OR Apache-2.0
//! dlib's face descriptor: a ResNet of 29 convolutions on 150 × 150 RGB, 128 outputs compared by Euclidean distance.
//!
//! Source: dlib's `dnn_face_recognition_resnet_model_v1` (Davis King, CC0), its affine layers folded into the
//! convolutions. Stem 7×7/2, ReLU, max-pool 3×3/2, then five levels of residual blocks
//! `relu(skip + conv3×3(relu(conv3×3(x))))`. The first block of every level but the first halves the size: its first
//! convolution has stride 2 and no padding, and its skip is an average over 2 × 2. If skip and branch differ in size,
//! dlib pads with zeros behind, below and to the right.

use bytes::Bytes;

use super::graph::{Activation, Graph, Op, Padding, ValueId};
use super::manifest::Chip;
use super::weights::Weights;
use crate::error::Result;

/// Its name in the manifest.
pub(super) const NAME: &str = "dlib_resnet29";
/// See [`RecognizerSpec::codec_loss`](super::RecognizerSpec::codec_loss).
pub(super) const CODEC_LOSS: f32 = 1.0;

/// Levels from the input to the output: name, residual blocks, whether the first block halves the size.
const LEVELS: [(&str, usize, bool); 5] =
    [("level4", 3, false), ("level3", 4, true), ("level2", 3, true), ("level1", 3, true), ("level0", 1, true)];

/// The network from its safetensors file: input planar RGB 0..=255, output 0 the raw embedding `[128]`.
pub(super) fn graph(chip: &Chip, file: &Bytes) -> Result<Graph> {
    let weights = Weights::parse(NAME, file)?;
    let mut graph = Graph::new(NAME, chip.shape());
    let mut x = graph.push(chip.normalize())?;
    let stem = weights.conv("stem", 2, Padding::all(0), false)?;
    x = graph.push(Op::Conv { input: x, conv: stem, activation: Activation::Relu })?;
    x = graph.push(Op::MaxPool { input: x, kernel: 3, stride: 2 })?;
    for (level, blocks, halves) in LEVELS {
        for block in 0..blocks {
            x = residual_block(&mut graph, &weights, &format!("{level}.{block}"), halves && block == 0, x)?;
        }
    }
    x = graph.push(Op::GlobalMean { input: x })?;
    let (shape, weight) = weights.tensor("fc.weight", 2)?;
    let bias = vec![0.0; shape[0]].into();
    x = graph.push(Op::Linear { input: x, weight, bias })?;
    graph.push_output(x);
    Ok(graph)
}

fn residual_block(graph: &mut Graph, weights: &Weights, name: &str, halves: bool, input: ValueId) -> Result<ValueId> {
    let (stride, padding) = if halves { (2, Padding::all(0)) } else { (1, Padding::all(1)) };
    let conv1 = weights.conv(&format!("{name}.conv1"), stride, padding, false)?;
    let conv2 = weights.conv(&format!("{name}.conv2"), 1, Padding::all(1), false)?;
    let inner = graph.push(Op::Conv { input, conv: conv1, activation: Activation::Relu })?;
    let branch = graph.push(Op::Conv { input: inner, conv: conv2, activation: Activation::None })?;
    let skip = if halves { graph.push(Op::AvgPool2 { input })? } else { input };
    graph.push(Op::Add { a: branch, b: skip, activation: Activation::Relu })
}
