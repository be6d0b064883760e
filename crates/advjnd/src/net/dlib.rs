//! dlib's face descriptor: a ResNet of 29 convolutions on 150 × 150 RGB, 128 outputs compared by Euclidean distance.
//!
//! Source: dlib's `dnn_face_recognition_resnet_model_v1` (Davis King, CC0), its affine layers folded into the
//! convolutions. Stem 7×7/2, ReLU, max-pool 3×3/2, then five levels of residual blocks
//! `relu(skip + conv3×3(relu(conv3×3(x))))`. The first block of every level but the first halves the size: its first
//! convolution has stride 2 and no padding, and its skip is an average over 2 × 2. Where skip and branch differ in
//! size, dlib adds zeros behind, below and to the right.

use bytes::Bytes;

use super::graph::{Activation, Graph, INPUT, Op, Padding, Shape, ValueId};
use super::weights::Weights;
use super::{Metric, RecognizerSpec, Template};
use crate::error::Result;

const NAME: &str = "dlib_resnet29";
const CHIP_SIZE: usize = 150;
const MEAN: [f32; 3] = [122.782, 117.001, 104.298];
const SCALE: f32 = 1.0 / 256.0;

/// Levels from the input to the output: name, residual blocks, whether the first block halves the size.
const LEVELS: [(&str, usize, bool); 5] =
    [("level4", 3, false), ("level3", 4, true), ("level2", 3, true), ("level1", 3, true), ("level0", 1, true)];

/// Where dlib's own alignment puts YuNet's five landmarks in the chip.
const TEMPLATE: Template = [[47.18, 46.25], [101.80, 46.20], [74.63, 78.53], [51.54, 105.73], [97.56, 106.08]];

/// What a caller must know of it; the threshold was measured on 600 impostor pairs of LFW-a.
pub fn spec() -> RecognizerSpec {
    RecognizerSpec {
        name: NAME.into(),
        chip_size: CHIP_SIZE,
        template: TEMPLATE,
        embedding_len: 128,
        metric: Metric::Euclidean,
        verification_threshold: 0.606,
        false_accept_rate: 0.01,
        codec_loss: 1.0,
    }
}

/// The network from its safetensors file: input planar RGB 0..=255, output 0 the raw embedding `[128]`.
pub fn graph(file: &Bytes) -> Result<Graph> {
    let weights = Weights::parse(NAME, file)?;
    let mut graph = Graph::new(NAME, Shape::new(3, CHIP_SIZE, CHIP_SIZE));
    let normalize = Op::Normalize { input: INPUT, order: [0, 1, 2], mean: MEAN, scale: [SCALE; 3] };
    let mut x = graph.push(normalize)?;
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
