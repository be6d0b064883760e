//! SFace: a MobileNet of 27 convolutions on 112 × 112 RGB, 128 outputs compared by cosine.
//!
//! Source: OpenCV zoo `face_recognition_sface_2021dec` (Apache-2.0), batch norm folded. A 3×3 stem, then 13 pairs of
//! depthwise 3×3 and pointwise convolutions, PReLU after each, and one fully connected layer on the 1024 × 7 × 7 rest.

use bytes::Bytes;

use super::graph::{Graph, INPUT, Op, Padding, Shape};
use super::weights::Weights;
use super::{ARCFACE_TEMPLATE, Metric, RecognizerSpec};
use crate::error::Result;

const NAME: &str = "sface_2021dec";
const CHIP_SIZE: usize = 112;

/// Stride of each depthwise convolution.
const STRIDES: [usize; 13] = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1];

/// What a caller must know of it; the threshold was measured on 600 impostor pairs of LFW-a.
pub fn spec() -> RecognizerSpec {
    RecognizerSpec {
        name: NAME.into(),
        chip_size: CHIP_SIZE,
        template: ARCFACE_TEMPLATE,
        embedding_len: 128,
        metric: Metric::Cosine,
        verification_threshold: 0.283,
        false_accept_rate: 0.01,
        codec_loss: 1.4,
    }
}

/// The network from its safetensors file: input planar RGB 0..=255, output 0 the raw embedding `[128]`.
pub fn graph(file: &Bytes) -> Result<Graph> {
    let weights = Weights::parse(NAME, file)?;
    let mut graph = Graph::new(NAME, Shape::new(3, CHIP_SIZE, CHIP_SIZE));
    let mut x =
        graph.push(Op::Normalize { input: INPUT, order: [0, 1, 2], mean: [127.5; 3], scale: [1.0 / 128.0; 3] })?;
    let mut layer = |index: usize, stride: usize, depthwise: bool| {
        let name = format!("conv{index:02}");
        let padding = Padding::all(if depthwise || index == 0 { 1 } else { 0 });
        let conv = weights.conv(&name, stride, padding, depthwise)?;
        x = graph.push(Op::Conv { input: x, conv, activation: weights.prelu(&name)? })?;
        Ok::<_, crate::Error>(x)
    };
    let mut last = layer(0, 1, false)?;
    for (pair, stride) in STRIDES.into_iter().enumerate() {
        layer(2 * pair + 1, stride, true)?;
        last = layer(2 * pair + 2, 1, false)?;
    }
    let (_, weight) = weights.tensor("fc.weight", 2)?;
    let (_, bias) = weights.tensor("fc.bias", 1)?;
    let embedding = graph.push(Op::Linear { input: last, weight, bias })?;
    graph.push_output(embedding);
    Ok(graph)
}
