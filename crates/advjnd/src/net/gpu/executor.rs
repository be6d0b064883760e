// SPDX-License-Identifier: MIT OR Apache-2.0
//! A graph on a GPU: its plan with all its buffers, made once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::device::Gpu;
use super::params::Params;
use super::plan::{self, Dispatch, Plan, Ways};
use super::retreat::{stated_len, write_retreat};
use super::transfer::{Passage, Staging, passages};
use super::weights::{Packing, Store};
use crate::error::{Error, Result};
use crate::net::affine::Affine;
use crate::net::executor::{Executor, Pass, RetreatBuffers, check_finite, check_len, check_retreats};
use crate::net::graph::{Graph, Shape};
use crate::net::precision::WeightPrecision;
use crate::net::retreat::Retreat;
use crate::net::watch::Accelerator;
use crate::pool::Pool;

/// A graph on a GPU.
///
/// Memory starts as NaN, so that a kernel that reads unwritten memory shows in the result.
pub struct GpuExecutor {
    gpu: Arc<Gpu>,
    batch: usize,
    input_shape: Shape,
    output_shapes: Vec<Shape>,
    affine: Affine,
    dispatches: Vec<Dispatch>,
    /// How many of them are the forward pass.
    forward: usize,
    store: Arc<Store>,
    memory: Arc<Memory>,
    /// Its number among those that share the memory.
    number: usize,
    bindings: wgpu::BindGroup,
    up: Staging,
    down: Staging,
    input: Passage,
    results: Vec<Passage>,
    /// Of the backward pass, if there is one.
    pulled: Option<BackwardPassages>,
    staged: Vec<f32>,
    /// What states the retreats of all samples.
    retreats: Vec<f32>,
    outputs: Vec<Vec<f32>>,
    differentiable: bool,
    cost: Cost,
}

/// The passages of a backward pass.
#[derive(Debug, Clone, Copy)]
struct BackwardPassages {
    cotangent: Passage,
    retreats: Passage,
    gradient: Passage,
}

/// What is run of the dispatches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    /// The forward pass.
    Forward,
    /// The backward pass, from a cotangent that was uploaded.
    Backward,
    /// Both, from the cotangent of the retreats that were uploaded.
    Both,
}

/// The values of executors that run one after the other.
struct Memory {
    buffer: wgpu::Buffer,
    /// How many executors share it, and which of them ran last.
    sharers: AtomicUsize,
    last: AtomicUsize,
}

impl Memory {
    fn new(gpu: &Gpu, length: usize) -> Self {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let buffer = gpu.filled("values", usage, bytemuck::cast_slice(&vec![f32::NAN; length]));
        Self { buffer, sharers: AtomicUsize::new(0), last: AtomicUsize::new(0) }
    }
}

/// The resources that an executor has used on its device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Bytes of weights.
    pub weights: u64,
    /// Bytes of values; executors may share them.
    pub values: u64,
    /// Number of kernel runs.
    pub dispatches: u64,
    /// Command buffers submitted, each followed by one wait.
    pub submits: u64,
    /// Bytes uploaded.
    pub up: u64,
    /// Bytes downloaded.
    pub down: u64,
}

impl GpuExecutor {
    /// Plans `graph` for `batch` samples at a time on `gpu`, with weights in `precision`.
    ///
    /// # Errors
    /// [`Error::Model`] if an operation of the graph has no kernel, or the graph is too large for the device;
    /// [`Error::Device`] if the device failed.
    pub fn new(gpu: &Arc<Gpu>, graph: &Graph, batch: usize, precision: WeightPrecision) -> Result<Self> {
        Self::planned(gpu, graph, batch, Packing::new(precision), Ways::Both, None)
    }

    /// Another executor of the same `graph`, on this one's weights, for `batch` samples at a time.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::Model`] if `graph` is another network.
    pub fn sharing(&self, graph: &Graph, batch: usize) -> Result<Self> {
        Self::planned(&self.gpu, graph, batch, Packing::of(Arc::clone(&self.store)), Ways::Both, None)
    }

    /// As [`sharing`](Self::sharing), in this one's memory if that is large enough. A pass of either ends what the
    /// other kept for a gradient. `gradients`: whether it computes gradients.
    ///
    /// # Errors
    /// As [`sharing`](Self::sharing).
    pub fn beside(&self, graph: &Graph, batch: usize, gradients: bool) -> Result<Self> {
        let ways = if gradients { Ways::Both } else { Ways::Forward };
        Self::planned(&self.gpu, graph, batch, Packing::of(Arc::clone(&self.store)), ways, Some(&self.memory))
    }

    fn planned(
        gpu: &Arc<Gpu>,
        graph: &Graph,
        batch: usize,
        packing: Packing,
        ways: Ways,
        memory: Option<&Arc<Memory>>,
    ) -> Result<Self> {
        gpu.check()?;
        let Plan { dispatches, forward, length, affine, input, outputs, pulled, packing } =
            plan::plan(graph, batch, packing, ways)?;
        let bytes = 4 * length as u64;
        if bytes.max(packing.bytes()) > gpu.device.limits().max_storage_buffer_binding_size {
            return Err(plan::too_large(graph));
        }
        let store = packing.finish(gpu).ok_or_else(|| {
            Error::model(graph.name(), "is not the network whose packed weights were to be shared; load it on its own")
        })?;
        let shared = memory.filter(|memory| memory.buffer.size() >= bytes).map(Arc::clone);
        let memory = shared.unwrap_or_else(|| Arc::new(Memory::new(gpu, length)));
        let parameters = gpu.filled("parameters", wgpu::BufferUsages::UNIFORM, &parameters(&dispatches));
        let bindings = gpu.bind(&memory.buffer, &store.buffer, &parameters);
        let input_shape = graph.input_shape();
        let input_len = batch * input_shape.len();
        let output_shapes: Vec<Shape> = outputs.iter().map(|(_, shape)| *shape).collect();
        let output_len = |shape: &Shape| batch * shape.len();
        let ends = pulled.zip(output_shapes.first().map(output_len));
        let retreats_len = ends.map_or(0, |(_, output)| batch * stated_len(output / batch));
        let ups = ends.map(|(ends, output)| [(ends.cotangent, output), (ends.retreats, retreats_len)]);
        let (up, up_len) = passages([(input, input_len)].into_iter().chain(ups.into_iter().flatten()));
        let results = outputs.iter().map(|(place, shape)| (*place, output_len(shape)));
        let (mut down, down_len) = passages(results.chain(ends.map(|(ends, _)| (ends.gradient, input_len))));
        let gradient = if ends.is_some() { down.pop() } else { None };
        let pulled = match (&up[..], gradient) {
            (&[_, cotangent, retreats], Some(gradient)) => Some(BackwardPassages { cotangent, retreats, gradient }),
            _ => None,
        };
        let executor = Self {
            cost: Cost { weights: store.buffer.size(), values: bytes, ..Cost::default() },
            up: Staging::up(gpu, up_len),
            down: Staging::down(gpu, down_len),
            gpu: Arc::clone(gpu),
            outputs: output_shapes.iter().map(|shape| vec![0.0; output_len(shape)]).collect(),
            staged: vec![0.0; input_len],
            retreats: vec![0.0; retreats_len],
            differentiable: false,
            batch,
            input_shape,
            output_shapes,
            affine,
            dispatches,
            forward,
            store,
            number: memory.sharers.fetch_add(1, Ordering::Relaxed),
            memory,
            bindings,
            input: up[0],
            results: down,
            pulled,
        };
        gpu.check()?;
        Ok(executor)
    }

    /// The resources used so far.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Runs the dispatches of `run` and waits for them: uploads before, and downloads after them.
    fn run(&mut self, run: Run) -> Result<()> {
        let rising = [(run != Run::Backward).then_some(self.input), self.pulled.and_then(|ends| ends.rising(run))];
        let results = self.results.iter().filter(|_| run != Run::Backward);
        let sinking = results.copied().chain(self.pulled.filter(|_| run != Run::Forward).map(|ends| ends.gradient));
        let dispatches = match run {
            Run::Forward => 0..self.forward,
            Run::Backward => self.forward + 1..self.dispatches.len(),
            Run::Both => 0..self.dispatches.len(),
        };
        let device = &self.gpu.device;
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        self.up.lend();
        self.down.lend();
        self.memory.last.store(self.number, Ordering::Relaxed);
        for passage in rising.into_iter().flatten() {
            self.up.copy_up(&mut encoder, passage, &self.memory.buffer);
            self.cost.up += passage.bytes();
        }
        self.cost.dispatches += dispatches.len() as u64;
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            let mut current = None;
            for index in dispatches {
                let Dispatch { kernel, groups: [x, y, z], .. } = self.dispatches[index];
                if current != Some(kernel)
                    && let Some(pipeline) = self.gpu.kernels.pipeline(kernel)
                {
                    pass.set_pipeline(pipeline);
                    current = Some(kernel);
                }
                pass.set_bind_group(0, &self.bindings, &[(index * Params::STRIDE) as u32]);
                pass.dispatch_workgroups(x, y, z);
            }
        }
        for passage in sinking {
            self.down.copy_down(&mut encoder, passage, &self.memory.buffer);
            self.cost.down += passage.bytes();
        }
        let submission = self.gpu.queue.submit([encoder.finish()]);
        self.up.ask_back();
        self.down.ask_back();
        self.cost.submits += 1;
        let timeout = Some(self.gpu.patience());
        match device.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout }) {
            Ok(_) => self.gpu.check(),
            Err(error) => Err(self.gpu.fail(&format!("no answer ({error})"))),
        }
    }

    /// Writes `input`, as the network's first layer takes it, for upload.
    fn write_input(&mut self, input: &[f32]) -> Result<()> {
        check_len("the input", input.len(), self.staged.len())?;
        self.gpu.check()?;
        // Kernels may return the number as the maximum of a number and NaN.
        check_finite(input, "what is before the network")?;
        let (plane, sample) = (self.input_shape.plane(), self.input_shape.len());
        let Affine { order, scale, shift } = &self.affine;
        for (staged, own) in self.staged.chunks_exact_mut(sample).zip(input.chunks(sample)) {
            for (channel, planar) in staged.chunks_exact_mut(plane).enumerate() {
                for (value, own) in planar.iter_mut().zip(&own[order[channel] * plane..]) {
                    *value = own * scale[channel] + shift[channel];
                }
            }
        }
        self.up.write(&self.gpu, self.input, &self.staged)
    }

    /// Reads the downloaded gradient of `ends` into `gradient`, with respect to the input as it was passed.
    fn read_gradient(&mut self, ends: BackwardPassages, gradient: &mut [f32]) -> Result<()> {
        self.down.read(&self.gpu, ends.gradient, &mut self.staged)?;
        let (plane, sample) = (self.input_shape.plane(), self.input_shape.len());
        for (gradient, staged) in gradient.chunks_exact_mut(sample).zip(self.staged.chunks_exact(sample)) {
            for (channel, planar) in staged.chunks_exact(plane).enumerate() {
                let scale = self.affine.scale[channel];
                for (value, own) in gradient[self.affine.order[channel] * plane..].iter_mut().zip(planar) {
                    *value = own * scale;
                }
            }
        }
        Ok(())
    }
}

impl BackwardPassages {
    fn rising(&self, run: Run) -> Option<Passage> {
        match run {
            Run::Forward => None,
            Run::Backward => Some(self.cotangent),
            Run::Both => Some(self.retreats),
        }
    }
}

/// The parameters of all dispatches, as the kernels read them.
fn parameters(dispatches: &[Dispatch]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(dispatches.len() * Params::STRIDE);
    for dispatch in dispatches {
        bytes.extend(dispatch.params.words().flat_map(u32::to_ne_bytes));
        bytes.resize(bytes.len().next_multiple_of(Params::STRIDE), 0);
    }
    bytes
}

impl Executor for GpuExecutor {
    fn batch(&self) -> usize {
        self.batch
    }

    fn input_shape(&self) -> Shape {
        self.input_shape
    }

    fn output_shape(&self, index: usize) -> Option<Shape> {
        self.output_shapes.get(index).copied()
    }

    fn forward(&mut self, input: &[f32], pass: Pass) -> Result<()> {
        self.write_input(input)?;
        self.run(Run::Forward)?;
        for (output, passage) in self.outputs.iter_mut().zip(&self.results) {
            self.down.read(&self.gpu, *passage, output)?;
        }
        self.differentiable = pass == Pass::Differentiable && self.pulled.is_some();
        Ok(())
    }

    fn retreat_many(&mut self, inputs: &[f32], retreats: &[Retreat<'_>], found: &mut RetreatBuffers<'_>) -> Result<()> {
        check_retreats(self, inputs, retreats, found)?;
        check_len("the retreats", retreats.len(), self.batch)?;
        let Some(ends) = self.pulled else {
            return Err(Error::input("this executor computes no gradients; plan one that does"));
        };
        self.differentiable = false;
        let stated = self.retreats.len() / self.batch;
        for (retreat, stated) in retreats.iter().zip(self.retreats.chunks_exact_mut(stated)) {
            write_retreat(retreat, stated);
        }
        self.write_input(inputs)?;
        self.up.write(&self.gpu, ends.retreats, &self.retreats)?;
        self.run(Run::Both)?;
        self.down.read(&self.gpu, self.results[0], found.outputs)?;
        self.read_gradient(ends, found.gradients)
    }

    fn output(&self, index: usize) -> &[f32] {
        self.outputs.get(index).map_or(&[], Vec::as_slice)
    }

    fn share(&self, graph: &Graph, _: &Arc<Pool>) -> Result<Box<dyn Executor>> {
        Ok(Box::new(self.sharing(graph, self.batch)?))
    }

    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        let last = self.memory.last.load(Ordering::Relaxed);
        let Some(ends) = self.pulled.filter(|_| self.differentiable && last == self.number) else {
            return Err(Error::input("no differentiable forward pass to pull back through; run one first"));
        };
        check_len("the cotangent", cotangent.len(), self.outputs[0].len())?;
        check_len("the gradient", gradient.len(), self.staged.len())?;
        self.gpu.check()?;
        self.up.write(&self.gpu, ends.cotangent, cotangent)?;
        self.run(Run::Backward)?;
        self.read_gradient(ends, gradient)
    }
}
