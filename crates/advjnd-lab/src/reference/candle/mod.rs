// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference executor of networks: plain candle operators, on any candle device.
//!
//! The forward pass keeps every value; the backward pass walks the operations in reverse and adds up cotangents. It
//! does not use candle's autograd, which computes the gradient of the frozen kernels too, runs its transposed
//! convolution as a direct loop on the CPU and has no backward for overlapping max-pool windows.

mod layer;
mod windows;

use std::sync::Arc;

use advjnd::net::graph::{Graph, INPUT, Shape};
use advjnd::net::{Backend, Executor, Executors, Pass, check_len};
use advjnd::{Error, Pool, Result};
use candle_core::{Device, Tensor};

use layer::Layer;

type CandleResult<T> = candle_core::Result<T>;

/// The backend that runs every network on `device` by [`Reference`].
pub fn backend(device: Device) -> Backend {
    Backend::Own(Arc::new(OnDevice(device)))
}

#[derive(Debug)]
struct OnDevice(Device);

impl Executors for OnDevice {
    fn executor(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Executor>> {
        Ok(Box::new(Reference::new(graph, batch, &self.0)?))
    }
}

/// A failure of candle, as the product reports it.
fn failed(error: candle_core::Error) -> Error {
    Error::Executor(Box::new(error))
}

/// A graph on candle operators.
pub struct Reference {
    graph: Graph,
    batch: usize,
    device: Device,
    layers: Arc<[Layer]>,
    values: Vec<Tensor>,
    outputs: Vec<Vec<f32>>,
    differentiable: bool,
}

impl Reference {
    /// Copies the weights of `graph` to `device`.
    pub fn new(graph: &Graph, batch: usize, device: &Device) -> Result<Self> {
        let layers = graph
            .ops()
            .iter()
            .map(|op| Layer::new(op, device))
            .collect::<CandleResult<Vec<_>>>()
            .map_err(failed)?
            .into();
        let outputs = vec![Vec::new(); graph.outputs().len()];
        let (graph, device) = (graph.clone(), device.clone());
        Ok(Self { graph, batch, device, layers, values: Vec::new(), outputs, differentiable: false })
    }

    fn dims(&self, shape: Shape) -> [usize; 4] {
        [self.batch, shape.channels, shape.height, shape.width]
    }

    fn run(&mut self, input: &[f32]) -> CandleResult<()> {
        self.values.clear();
        self.values.push(Tensor::from_slice(input, &self.dims(self.graph.input_shape()), &self.device)?);
        for (op, layer) in self.graph.ops().iter().zip(self.layers.iter()) {
            let value = layer.forward(op, &self.values)?;
            self.values.push(value);
        }
        for (output, id) in self.outputs.iter_mut().zip(self.graph.outputs()) {
            *output = self.values[*id].flatten_all()?.to_vec1()?;
        }
        Ok(())
    }

    fn pull_back(&self, cotangent: &[f32]) -> CandleResult<Vec<f32>> {
        let mut cotangents: Vec<Option<Tensor>> = vec![None; self.values.len()];
        let output = self.graph.outputs()[0];
        let dims = self.dims(self.graph.shape(output));
        cotangents[output] = Some(Tensor::from_slice(cotangent, &dims, &self.device)?);
        for (index, (op, layer)) in self.graph.ops().iter().zip(self.layers.iter()).enumerate().rev() {
            let Some(cotangent) = cotangents[index + 1].take() else { continue };
            for (operand, part) in layer.backward(op, &self.values, index + 1, &cotangent)? {
                cotangents[operand] = Some(match cotangents[operand].take() {
                    Some(sum) => (sum + part)?,
                    None => part,
                });
            }
        }
        match &cotangents[INPUT] {
            Some(gradient) => gradient.flatten_all()?.to_vec1(),
            None => Ok(vec![0.0; self.batch * self.graph.input_shape().len()]),
        }
    }
}

impl Executor for Reference {
    fn batch(&self) -> usize {
        self.batch
    }

    fn input_shape(&self) -> Shape {
        self.graph.input_shape()
    }

    fn output_shape(&self, index: usize) -> Option<Shape> {
        self.graph.outputs().get(index).map(|id| self.graph.shape(*id))
    }

    fn share(&self, graph: &Graph, _: &Arc<Pool>) -> Result<Box<dyn Executor>> {
        if graph.name() != self.graph.name() || graph.ops().len() != self.layers.len() {
            return Err(Error::model(graph.name(), "is not the network whose weights were to be shared"));
        }
        Ok(Box::new(Self {
            graph: self.graph.clone(),
            batch: self.batch,
            device: self.device.clone(),
            layers: Arc::clone(&self.layers),
            values: Vec::new(),
            outputs: vec![Vec::new(); self.outputs.len()],
            differentiable: false,
        }))
    }

    fn forward(&mut self, input: &[f32], pass: Pass) -> Result<()> {
        check_len("the input", input.len(), self.batch * self.graph.input_shape().len())?;
        self.differentiable = false;
        self.run(input).map_err(failed)?;
        self.differentiable = pass == Pass::Differentiable;
        if !self.differentiable {
            self.values.clear();
        }
        Ok(())
    }

    fn output(&self, index: usize) -> &[f32] {
        self.outputs.get(index).map_or(&[], Vec::as_slice)
    }

    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        if !self.differentiable {
            return Err(Error::input("no differentiable forward pass to pull back through; run one first"));
        }
        check_len("the cotangent", cotangent.len(), self.output(0).len())?;
        check_len("the gradient", gradient.len(), self.batch * self.graph.input_shape().len())?;
        gradient.copy_from_slice(&self.pull_back(cotangent).map_err(failed)?);
        Ok(())
    }
}
