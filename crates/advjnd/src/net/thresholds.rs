// SPDX-License-Identifier: MIT OR Apache-2.0
//! The learned maps of just-noticeable difference: six 3×3 convolutions from R', G', B' to three thresholds at a
//! quarter of the resolution. The JND model adds the interpolation and the softplus.
//!
//! Trained by `models/train/jnd_maps.py`; 18 k parameters, 1.2 kMAC a pixel. Strides 2, 2, 1, 1, 1, 1.

use bytes::Bytes;

use super::graph::{Activation, Graph, INPUT, Op, Padding, Shape};
use super::weights::Weights;
use crate::error::Result;

/// Pixels of the picture per pixel of the result, each way.
pub const REDUCTION: usize = 4;

/// The map `rgb`, as a safetensors file.
pub const RGB: &[u8] = include_bytes!(concat!(env!("ADVJND_MODELS"), "/jnd_rgb.safetensors"));
/// The map `hvs-sd`, as a safetensors file.
pub const HVS_SD: &[u8] = include_bytes!(concat!(env!("ADVJND_MODELS"), "/jnd_hvs_sd.safetensors"));

const STRIDES: [usize; 6] = [2, 2, 1, 1, 1, 1];
const MEAN: f32 = 128.0;
const SCALE: f32 = 1.0 / 64.0;

/// The network `name` from its safetensors file, for planar R', G', B' 0..=255 of `height × width`, multiples
/// of [`REDUCTION`].
pub fn graph(name: &str, file: &Bytes, height: usize, width: usize) -> Result<Graph> {
    let weights = Weights::parse(name, file)?;
    let mut graph = Graph::new(name, Shape::new(3, height, width));
    let normalize = Op::Normalize { input: INPUT, order: [0, 1, 2], mean: [MEAN; 3], scale: [SCALE; 3] };
    let mut x = graph.push(normalize)?;
    for (index, stride) in STRIDES.into_iter().enumerate() {
        let conv = weights.conv(&format!("conv{}", index + 1), stride, Padding::all(1), false)?;
        let activation = if index + 1 < STRIDES.len() { Activation::Relu } else { Activation::None };
        x = graph.push(Op::Conv { input: x, conv, activation })?;
    }
    graph.push_output(x);
    Ok(graph)
}
