// SPDX-License-Identifier: MIT OR Apache-2.0
//! A graph on a GPU: its plan with all its buffers, made once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::device::Gpu;
use super::params::Params;
use super::plan::{self, Dispatch, Plan, Ways};
use super::transfer::{Passage, Staging, passages};
use super::weights::{Packing, Store};
use crate::error::{Error, Result};
use crate::net::affine::Affine;
use crate::net::executor::{Executor, Pass, check_len};
use crate::net::graph::{Graph, Shape};
use crate::net::precision::WeightPrecision;
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
    forward: Vec<Dispatch>,
    backward: Vec<Dispatch>,
    store: Arc<Store>,
    memory: Arc<Memory>,
    /// Its number among those that share the memory.
    number: usize,
    bindings: wgpu::BindGroup,
    up: Staging,
    down: Staging,
    /// The input, and the cotangent if there is a backward pass.
    rising: Vec<Passage>,
    /// The outputs, and the input's gradient if there is a backward pass.
    sinking: Vec<Passage>,
    staged: Vec<f32>,
    outputs: Vec<Vec<f32>>,
    differentiable: bool,
    cost: Cost,
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
        let Plan { forward, backward, length, affine, input, outputs, pulled, packing } =
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
        let parameters = gpu.filled("parameters", wgpu::BufferUsages::UNIFORM, &parameters(&forward, &backward));
        let bindings = gpu.bind(&memory.buffer, &store.buffer, &parameters);
        let input_shape = graph.input_shape();
        let input_len = batch * input_shape.len();
        let output_shapes: Vec<Shape> = outputs.iter().map(|(_, shape)| *shape).collect();
        let output_len = |shape: &Shape| batch * shape.len();
        let ends = pulled.zip(output_shapes.first().map(output_len));
        let (rising, up) =
            passages([(input, input_len)].into_iter().chain(ends.map(|(ends, len)| (ends.cotangent, len))));
        let results = outputs.iter().map(|(place, shape)| (*place, output_len(shape)));
        let (sinking, down) = passages(results.chain(ends.map(|(ends, _)| (ends.gradient, input_len))));
        let executor = Self {
            cost: Cost { weights: store.buffer.size(), values: bytes, ..Cost::default() },
            up: Staging::up(gpu, up),
            down: Staging::down(gpu, down),
            gpu: Arc::clone(gpu),
            outputs: output_shapes.iter().map(|shape| vec![0.0; output_len(shape)]).collect(),
            staged: vec![0.0; input_len],
            differentiable: false,
            batch,
            input_shape,
            output_shapes,
            affine,
            forward,
            backward,
            store,
            number: memory.sharers.fetch_add(1, Ordering::Relaxed),
            memory,
            bindings,
            rising,
            sinking,
        };
        gpu.check()?;
        Ok(executor)
    }

    /// The resources used so far.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    fn has_backward(&self) -> bool {
        self.rising.len() > 1
    }

    /// Runs one pass and waits for it: uploads `rising` before and downloads `sinking` after it.
    fn run(&mut self, backward: bool, rising: Passage, sinking: &[Passage]) -> Result<()> {
        let (dispatches, skipped) = if backward { (&self.backward, self.forward.len()) } else { (&self.forward, 0) };
        let device = &self.gpu.device;
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        self.up.lend();
        self.down.lend();
        self.memory.last.store(self.number, Ordering::Relaxed);
        self.up.copy_up(&mut encoder, rising, &self.memory.buffer);
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            let mut current = None;
            for (index, dispatch) in dispatches.iter().enumerate() {
                if current != Some(dispatch.kernel)
                    && let Some(pipeline) = self.gpu.kernels.pipeline(dispatch.kernel)
                {
                    pass.set_pipeline(pipeline);
                    current = Some(dispatch.kernel);
                }
                pass.set_bind_group(0, &self.bindings, &[((skipped + index) * Params::STRIDE) as u32]);
                let [x, y, z] = dispatch.groups;
                pass.dispatch_workgroups(x, y, z);
            }
        }
        for passage in sinking {
            self.down.copy_down(&mut encoder, *passage, &self.memory.buffer);
        }
        let submission = self.gpu.queue.submit([encoder.finish()]);
        self.up.ask_back();
        self.down.ask_back();
        self.cost.submits += 1;
        self.cost.dispatches += dispatches.len() as u64;
        self.cost.up += rising.bytes();
        self.cost.down += sinking.iter().map(Passage::bytes).sum::<u64>();
        let timeout = Some(self.gpu.patience());
        match device.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout }) {
            Ok(_) => self.gpu.check(),
            Err(error) => Err(self.gpu.fail(&format!("no answer ({error})"))),
        }
    }
}

/// The parameters of all dispatches, as the kernels read them.
fn parameters(forward: &[Dispatch], backward: &[Dispatch]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((forward.len() + backward.len()) * Params::STRIDE);
    for dispatch in forward.iter().chain(backward) {
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
        check_len("the input", input.len(), self.staged.len())?;
        self.gpu.check()?;
        // Kernels may return the number as the maximum of a number and NaN.
        if !input.iter().all(|value| value.is_finite()) {
            return Err(Error::NotFinite { stage: "what is before the network" });
        }
        let plane = self.input_shape.plane();
        let Affine { order, scale, shift } = &self.affine;
        let samples = self.staged.chunks_exact_mut(self.input_shape.len()).zip(input.chunks(self.input_shape.len()));
        for (staged, own) in samples {
            for (channel, planar) in staged.chunks_exact_mut(plane).enumerate() {
                for (value, own) in planar.iter_mut().zip(&own[order[channel] * plane..]) {
                    *value = own * scale[channel] + shift[channel];
                }
            }
        }
        let (rising, count) = (self.rising[0], self.outputs.len());
        self.up.write(&self.gpu, rising, &self.staged)?;
        let sinking = std::mem::take(&mut self.sinking);
        let ran = self.run(false, rising, &sinking[..count]);
        self.sinking = sinking;
        ran?;
        for (output, passage) in self.outputs.iter_mut().zip(&self.sinking) {
            self.down.read(&self.gpu, *passage, output)?;
        }
        self.differentiable = pass == Pass::Differentiable && self.has_backward();
        Ok(())
    }

    fn output(&self, index: usize) -> &[f32] {
        self.outputs.get(index).map_or(&[], Vec::as_slice)
    }

    fn share(&self, graph: &Graph, _: &Arc<Pool>) -> Result<Box<dyn Executor>> {
        Ok(Box::new(self.sharing(graph, self.batch)?))
    }

    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        if !self.differentiable || self.memory.last.load(Ordering::Relaxed) != self.number {
            return Err(Error::input("no differentiable forward pass to pull back through; run one first"));
        }
        check_len("the cotangent", cotangent.len(), self.outputs[0].len())?;
        check_len("the gradient", gradient.len(), self.staged.len())?;
        self.gpu.check()?;
        let (rising, sinking) = (self.rising[1], self.sinking[1]);
        self.up.write(&self.gpu, rising, cotangent)?;
        self.run(true, rising, &[sinking])?;
        self.down.read(&self.gpu, sinking, &mut self.staged)?;
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
