//! YuNet: the face detector, 53 k parameters, a score, a box and five landmarks per anchor at strides 8, 16 and 32.
//!
//! Source: OpenCV zoo `face_detection_yunet_2023mar` (MIT). Its unit is a 1×1 convolution followed by a depthwise 3×3;
//! ReLU after the unit in backbone and neck, none in the heads. The neck adds the coarser level, each pixel repeated
//! 2 × 2, to the finer one. Tensor names follow the ONNX graph's own where it has them.

use super::graph::{Activation, Graph, INPUT, Op, Padding, Shape, ValueId};
use super::weights::Weights;
use crate::error::Result;

const NAME: &str = "yunet_2023mar";

/// Input sizes are multiples of this.
pub(super) const SIZE_MULTIPLE: usize = 32;

/// Heads in the order of the outputs, with their channels.
pub(super) const HEADS: [(&str, usize); 4] = [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)];

/// The network from the bytes of its safetensors file, for planar BGR 0..=255 of `height × width`.
///
/// Output `3·head + level` is head `[cls, obj, bbox, kps]` at stride `8 << level`, planar; cls and obj after the sigmoid.
pub(super) fn graph(bytes: &[u8], height: usize, width: usize) -> Result<Graph> {
    let weights = Weights::parse(NAME, bytes)?;
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
            levels[level] = net.graph.push(Op::UpsampleAdd { small, large: levels[level] })?;
        }
        let name = format!("neck.lateral_convs.{level}");
        levels[level] = net.unit(&name, levels[level], Activation::Relu)?;
    }
    for (head, _) in HEADS {
        for (level, &features) in levels.iter().enumerate() {
            let name = format!("bbox_head.multi_level_{head}.{level}");
            let mut y = net.unit(&name, features, Activation::None)?;
            if matches!(head, "cls" | "obj") {
                y = net.graph.push(Op::Sigmoid { input: y })?;
            }
            net.graph.push_output(y);
        }
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
}
