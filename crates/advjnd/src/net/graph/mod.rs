// SPDX-License-Identifier: MIT OR Apache-2.0
//! One description of a frozen network, run by every executor.
//!
//! A [`Graph`] is a list of operations over value ids. Value 0 is the input, and operation `i` makes value `i + 1`. So
//! the list is in an order to run, and its reverse in an order to differentiate. Shapes are those of one sample,
//! `[channels][height][width]`; executors add the batch in front. There is no batch norm: the model files have it
//! folded into the convolutions.

mod op;

use super::prepared::Prepared;
use crate::error::{Error, Result};

pub use op::{Activation, Conv, INPUT, Op, Padding, Shape, ValueId};

/// Largest number of entries of a value per input pixel, for networks from files. The networks of this crate need 32;
/// the limit stops a file that would exhaust memory.
const MAX_ENTRIES_PER_PIXEL: usize = 128;

/// A frozen network for one input size.
#[derive(Debug, Clone)]
pub struct Graph {
    name: String,
    ops: Vec<Op>,
    shapes: Vec<Shape>,
    outputs: Vec<ValueId>,
    prepared: Prepared,
}

impl Graph {
    /// An empty network called `name` (for messages) on inputs of shape `input`.
    pub fn new(name: impl Into<String>, input: Shape) -> Self {
        let prepared = Prepared::default();
        Self { name: name.into(), ops: Vec::new(), shapes: vec![input], outputs: Vec::new(), prepared }
    }

    /// Appends `op` and returns the id of its result; [`Error::Model`] if its operands do not fit.
    pub fn push(&mut self, op: Op) -> Result<ValueId> {
        let shape = op.shape(&self.shapes).map_err(|reason| self.unfit(self.ops.len(), &reason))?;
        self.ops.push(op);
        self.shapes.push(shape);
        self.prepared = Prepared::default();
        Ok(self.ops.len())
    }

    /// Its weights as prepared by an executor, shared by all executors of the graph and its copies.
    pub(super) fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// Declares the next output.
    pub fn push_output(&mut self, value: ValueId) {
        self.outputs.push(value);
    }

    /// The same network (weights shared) for inputs of `height × width`; [`Error::Model`] if an operation does not fit.
    pub fn resized(&self, height: usize, width: usize) -> Result<Self> {
        let mut graph = Self::new(self.name.clone(), Shape { height, width, ..self.input_shape() });
        for op in &self.ops {
            graph.push(op.clone())?;
        }
        graph.outputs.clone_from(&self.outputs);
        Ok(graph)
    }

    /// Name for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Operations in an order to run.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Shape of a value.
    pub fn shape(&self, value: ValueId) -> Shape {
        self.shapes[value]
    }

    /// Shape of the input.
    pub fn input_shape(&self) -> Shape {
        self.shapes[INPUT]
    }

    /// The values that are outputs.
    pub fn outputs(&self) -> &[ValueId] {
        &self.outputs
    }

    /// Multiply-accumulates of one forward pass of one sample by the direct algorithm (convolutions and linear layers).
    pub fn macs(&self) -> u64 {
        let of = |(index, op): (usize, &Op)| match op {
            Op::Conv { conv, .. } => conv.macs(self.shapes[index + 1]),
            Op::Linear { weight, .. } => weight.len() as u64,
            _ => 0,
        };
        self.ops.iter().enumerate().map(of).sum()
    }

    /// The graph, if it takes no more memory than a network of this kind needs; else [`Error::Model`].
    pub(super) fn of_bounded_size(self) -> Result<Self> {
        let limit = MAX_ENTRIES_PER_PIXEL * self.shapes[INPUT].plane();
        match self.shapes.iter().position(|shape| shape.len() > limit) {
            Some(value) => {
                let reason = format!("{:?} is more than {limit} entries", self.shapes[value]);
                Err(self.unfit(value - 1, &reason))
            }
            None => Ok(self),
        }
    }

    fn unfit(&self, index: usize, reason: &str) -> Error {
        Error::model(&self.name, format!("operation {index}: {reason}; use the model file this version ships with"))
    }
}
