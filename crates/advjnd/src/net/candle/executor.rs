// SPDX-License-Identifier: MIT OR Apache-2.0
//! A graph on candle's operators.
//!
//! The forward pass keeps every value; the backward pass walks the operations in reverse and adds up cotangents.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::CandleResult;
use super::layer::Layer;
use crate::error::{Error, Result};
use crate::net::executor::{Backend, Executor, Executors, Pass, check_len};
use crate::net::graph::{Graph, INPUT, Shape};
use crate::pool::Pool;

/// The backend that runs every network on `device` by [`CandleExecutor`].
pub fn backend(device: Device) -> Backend {
    Backend::Own(Arc::new(OnDevice(device)))
}

#[derive(Debug)]
struct OnDevice(Device);

impl Executors for OnDevice {
    fn executor(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Executor>> {
        Ok(Box::new(CandleExecutor::new(graph, batch, &self.0)?))
    }
}

/// A failure of candle, as this crate reports it.
fn failed(error: candle_core::Error) -> Error {
    Error::Executor(Box::new(error))
}

/// While it lives, CUDA does not bring up again the shapes and strides that it brought up once.
#[cfg(feature = "cuda")]
fn keep_shapes(device: &Device) -> Option<impl Drop + use<>> {
    device.as_cuda_device().ok().map(|device| device.enable_cuda_graph_htod_cache())
}

#[cfg(not(feature = "cuda"))]
fn keep_shapes(_: &Device) -> Option<()> {
    None
}

/// A graph on candle's operators.
pub struct CandleExecutor {
    graph: Graph,
    batch: usize,
    device: Device,
    layers: Arc<[Layer]>,
    values: Vec<Tensor>,
    /// What the way back needs of each operation besides values.
    kept: Vec<Option<Tensor>>,
    outputs: Vec<Vec<f32>>,
    differentiable: bool,
}

impl CandleExecutor {
    /// Copies the weights of `graph` to `device`.
    ///
    /// # Errors
    /// [`Error::Executor`] if candle fails.
    pub fn new(graph: &Graph, batch: usize, device: &Device) -> Result<Self> {
        let layers = (0..graph.ops().len()).map(|index| Layer::new(graph, index, device));
        let layers = layers.collect::<CandleResult<Vec<_>>>().map_err(failed)?;
        device.synchronize().map_err(failed)?;
        Ok(Self::on(graph, batch, device, layers.into()))
    }

    /// Another one of the same weights, for `batch` samples at a time.
    pub fn sharing(&self, batch: usize) -> Self {
        Self::on(&self.graph, batch, &self.device, Arc::clone(&self.layers))
    }

    fn on(graph: &Graph, batch: usize, device: &Device, layers: Arc<[Layer]>) -> Self {
        let outputs = vec![Vec::new(); graph.outputs().len()];
        let (graph, device, values, kept) = (graph.clone(), device.clone(), Vec::new(), Vec::new());
        Self { graph, batch, device, layers, values, kept, outputs, differentiable: false }
    }

    fn dims(&self, shape: Shape) -> [usize; 3] {
        [self.batch, shape.channels, shape.plane()]
    }

    fn run(&mut self, input: &[f32]) -> CandleResult<()> {
        self.values.clear();
        self.kept.clear();
        self.values.push(Tensor::from_slice(input, &self.dims(self.graph.input_shape()), &self.device)?);
        self.run_layers()?;
        for (output, id) in self.outputs.iter_mut().zip(self.graph.outputs()) {
            *output = self.values[*id].flatten_all()?.to_vec1()?;
        }
        Ok(())
    }

    fn run_layers(&mut self) -> CandleResult<()> {
        let _shapes = keep_shapes(&self.device);
        for (op, layer) in self.graph.ops().iter().zip(self.layers.iter()) {
            let (value, kept) = layer.forward(op, &self.values)?;
            self.values.push(value);
            self.kept.push(kept);
        }
        Ok(())
    }

    fn pull_back(&self, cotangent: &[f32]) -> CandleResult<Vec<f32>> {
        let mut cotangents: Vec<Option<Tensor>> = vec![None; self.values.len()];
        let output = self.graph.outputs()[0];
        let dims = self.dims(self.graph.shape(output));
        cotangents[output] = Some(Tensor::from_slice(cotangent, &dims, &self.device)?);
        self.pull_back_layers(&mut cotangents)?;
        match &cotangents[INPUT] {
            Some(gradient) => gradient.flatten_all()?.to_vec1(),
            None => Ok(vec![0.0; self.batch * self.graph.input_shape().len()]),
        }
    }

    fn pull_back_layers(&self, cotangents: &mut [Option<Tensor>]) -> CandleResult<()> {
        let _shapes = keep_shapes(&self.device);
        for (index, (op, layer)) in self.graph.ops().iter().zip(self.layers.iter()).enumerate().rev() {
            let Some(cotangent) = cotangents[index + 1].take() else { continue };
            let kept = self.kept[index].as_ref();
            for (operand, part) in layer.backward(op, &self.values, index + 1, kept, &cotangent)? {
                cotangents[operand] = Some(match cotangents[operand].take() {
                    Some(sum) => (sum + part)?,
                    None => part,
                });
            }
        }
        Ok(())
    }
}

impl Executor for CandleExecutor {
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
        Ok(Box::new(self.sharing(self.batch)))
    }

    fn forward(&mut self, input: &[f32], pass: Pass) -> Result<()> {
        check_len("the input", input.len(), self.batch * self.graph.input_shape().len())?;
        self.differentiable = false;
        self.run(input).map_err(failed)?;
        self.differentiable = pass == Pass::Differentiable;
        if !self.differentiable {
            self.values.clear();
            self.kept.clear();
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
