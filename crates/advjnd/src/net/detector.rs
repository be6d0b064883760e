// SPDX-License-Identifier: MIT OR Apache-2.0
//! The detector network: YuNet for any input size, with its twelve outputs.

use bytes::Bytes;

use super::executor::{Backend, Executor, Pass};
use super::graph::{Graph, Shape};
use super::yunet;
use crate::error::{Error, Result};

/// Pixels between anchors, per level.
pub const STRIDES: [usize; 3] = [8, 16, 32];

/// YuNet, ready for inputs of one size at a time.
pub struct DetectorNet {
    graph: Graph,
    backend: Backend,
    executor: Option<Box<dyn Executor>>,
    outputs: [[Vec<f32>; STRIDES.len()]; yunet::HEADS.len()],
}

impl DetectorNet {
    /// YuNet from its safetensors file, sharing the file's numbers in place; [`Error::Model`] if the file is invalid.
    pub fn graph(file: &Bytes) -> Result<Graph> {
        checked(yunet::graph(file, yunet::SIZE_MULTIPLE, yunet::SIZE_MULTIPLE)?.of_bounded_size()?)
    }

    /// YuNet from its safetensors file, run by `backend`; [`Error::Model`] if the file is invalid.
    pub fn load(file: &Bytes, backend: Backend) -> Result<Self> {
        Ok(Self::new(Self::graph(file)?, backend))
    }

    /// A detector on a graph from [`graph`](Self::graph), run by `backend`.
    pub fn new(graph: Graph, backend: Backend) -> Self {
        Self { graph, backend, executor: None, outputs: Default::default() }
    }

    /// Runs the network on `input`, planar BGR 0..=255 `[3][height][width]`.
    ///
    /// A change of size rebuilds the plan, which allocates. [`Error::Input`] if a side is 0 or not a multiple of 32, or
    /// the length does not fit.
    pub fn forward(&mut self, input: &[f32], height: usize, width: usize) -> Result<()> {
        let multiple = |size: usize| size > 0 && size.is_multiple_of(yunet::SIZE_MULTIPLE);
        if !multiple(height) || !multiple(width) {
            let multiple = yunet::SIZE_MULTIPLE;
            return Err(Error::input(format!(
                "the detector takes sides that are multiples of {multiple}, not {width}x{height}; pad the picture"
            )));
        }
        let shape = self.graph.input_shape();
        let executor = match &mut self.executor {
            Some(executor) if shape.height == height && shape.width == width => executor,
            slot => {
                self.graph = checked(self.graph.resized(height, width)?)?;
                slot.insert(self.backend.executor_for_outputs(&self.graph)?)
            }
        };
        executor.forward(input, Pass::Infer)?;
        for (level, stride) in STRIDES.into_iter().enumerate() {
            let anchors = (height / stride) * (width / stride);
            let mut planes = executor.output(level);
            for (head, (_, channels)) in yunet::HEADS.into_iter().enumerate() {
                let (own, rest) = planes.split_at((channels * anchors).min(planes.len()));
                planes = rest;
                channels_last(own, anchors, channels, &mut self.outputs[head][level]);
            }
            for scores in &mut self.outputs[..2] {
                scores[level].iter_mut().for_each(|score| *score = sigmoid(*score));
            }
        }
        Ok(())
    }

    /// Face classification per anchor of `STRIDES[level]`, 0..=1, `[anchors]`; anchors in reading order.
    pub fn cls(&self, level: usize) -> &[f32] {
        &self.outputs[0][level]
    }

    /// Objectness per anchor, 0..=1, `[anchors]`.
    pub fn obj(&self, level: usize) -> &[f32] {
        &self.outputs[1][level]
    }

    /// Box per anchor, `[anchors][4]`: centre offset x, y in strides, logarithm of width and height in strides.
    pub fn bbox(&self, level: usize) -> &[f32] {
        &self.outputs[2][level]
    }

    /// Landmarks per anchor, `[anchors][10]`: offsets x, y in strides of five points.
    pub fn kps(&self, level: usize) -> &[f32] {
        &self.outputs[3][level]
    }
}

/// The graph, if it has the channels of all heads at every level; else [`Error::Model`].
fn checked(graph: Graph) -> Result<Graph> {
    let input = graph.input_shape();
    let channels = yunet::HEADS.iter().map(|(_, channels)| channels).sum();
    let expected = STRIDES.map(|stride| Shape::new(channels, input.height / stride, input.width / stride));
    let outputs: Vec<Shape> = graph.outputs().iter().map(|&value| graph.shape(value)).collect();
    if outputs == expected {
        return Ok(graph);
    }
    let reason = format!("gives {outputs:?} of {input:?}, not {expected:?}; use the file this version ships with");
    Err(Error::model(graph.name(), reason))
}

/// Transposes `[channels][anchors]` to `[anchors][channels]`.
fn channels_last(planar: &[f32], anchors: usize, channels: usize, interleaved: &mut Vec<f32>) {
    interleaved.resize(planar.len(), 0.0);
    for (channel, plane) in planar.chunks_exact(anchors).enumerate() {
        for (anchor, value) in plane.iter().enumerate() {
            interleaved[anchor * channels + channel] = *value;
        }
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
