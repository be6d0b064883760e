// SPDX-License-Identifier: MIT OR Apache-2.0
//! SFace: a MobileNet of 27 convolutions on 112 × 112 RGB, 128 outputs compared by cosine.
//!
//! Source: OpenCV zoo `face_recognition_sface_2021dec` (Apache-2.0), batch norm folded. A 3×3 stem, then 13 pairs of
//! depthwise 3×3 and pointwise convolutions, PReLU after each, and one fully connected layer on the 1024 × 7 × 7 rest.

use bytes::Bytes;

use super::graph::{Graph, Op, Padding};
use super::manifest::Chip;
use super::weights::Weights;
use crate::error::Result;

/// Its name in the manifest.
pub(super) const NAME: &str = "sface_2021dec";
/// See [`RecognizerSpec::codec_loss`](super::RecognizerSpec::codec_loss).
pub(super) const CODEC_LOSS: f32 = 1.4;

/// Stride of each depthwise convolution.
const STRIDES: [usize; 13] = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1];

/// The network from its safetensors file: input planar RGB 0..=255, output 0 the raw embedding `[128]`.
pub(super) fn graph(chip: &Chip, file: &Bytes) -> Result<Graph> {
    let weights = Weights::parse(NAME, file)?;
    let mut graph = Graph::new(NAME, chip.shape());
    let mut x = graph.push(chip.normalize())?;
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
