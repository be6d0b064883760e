// SPDX-License-Identifier: MIT OR Apache-2.0
//! What runs a [`Graph`]: forward, and the pull-back of a cotangent to the input.

use std::sync::Arc;

use super::cpu::Engine;
#[cfg(feature = "gpu")]
use super::gpu::{Gpu, GpuExecutor};
use super::graph::{Graph, Shape};
#[cfg(feature = "gpu")]
use super::precision::WeightPrecision;
use crate::error::{Error, Result};
use crate::pool::Pool;

/// What a forward pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// The outputs only, by exact algorithms; nothing is kept for a gradient.
    Infer,
    /// As [`Infer`](Self::Infer), by the processor even where another device runs the network.
    Exact,
    /// The outputs, and what [`Executor::input_gradient`] needs; algorithms fast enough for a gradient.
    Differentiable,
}

/// A graph made ready to run on a fixed batch.
pub trait Executor: Send {
    /// Samples per call.
    fn batch(&self) -> usize;

    /// Shape of one input sample.
    fn input_shape(&self) -> Shape;

    /// Shape of one sample of output `index`; `None` if there is no such output.
    fn output_shape(&self, index: usize) -> Option<Shape>;

    /// Runs the network on `input`, `[batch][channels][height][width]`; [`Error::Input`] if the length is another.
    fn forward(&mut self, input: &[f32], pass: Pass) -> Result<()>;

    /// Output `index` of the last forward pass, `[batch][channels][height][width]`; empty before the first.
    fn output(&self, index: usize) -> &[f32];

    /// Whether [`Pass::Exact`] may give another answer than [`Pass::Infer`].
    fn is_watched(&self) -> bool {
        false
    }

    /// Whether [`infer_many`](Self::infer_many) takes less time than a pass for each of its samples.
    fn takes_many(&self) -> bool {
        false
    }

    /// Runs [`Pass::Infer`] on each of the samples of `inputs`, any number, `[sample][channels][height][width]`, and
    /// gives output 0 of each. What [`output`](Self::output) gives afterwards is left open.
    ///
    /// [`Error::Input`] if `outputs` has not room for just as many samples, or the executor takes more than one at a
    /// time.
    fn infer_many(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<()> {
        check_many(self, inputs, outputs)?;
        one_by_one(self, inputs, outputs)
    }

    /// Another executor of the same `graph` and batch, on the same weights, with memory of its own, that works on
    /// `pool` if it uses threads of its own choosing at all; [`Error::Model`] if `graph` is another network.
    fn share(&self, graph: &Graph, pool: &Arc<Pool>) -> Result<Box<dyn Executor>>;

    /// Pulls `cotangent`, d loss / d output 0, back to `gradient`, d loss / d input, both shaped as what they belong
    /// to.
    ///
    /// [`Error::Input`] if a length is another or the last forward pass was not [`Pass::Differentiable`].
    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()>;
}

/// A maker of executors.
pub trait Executors: std::fmt::Debug + Send + Sync {
    /// Makes `graph` ready to run on `batch` samples at a time, at least 1.
    ///
    /// # Errors
    /// [`Error::Model`] if it cannot be run.
    fn executor(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Executor>>;
}

/// Which executor runs a network.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Backend {
    /// The fast path, on a pool of threads.
    Cpu(Arc<Pool>),
    /// A GPU.
    #[cfg(feature = "gpu")]
    Gpu(Arc<Gpu>),
    /// The caller's own.
    Own(Arc<dyn Executors>),
}

impl Backend {
    /// Makes `graph` ready to run on `batch` samples at a time; [`Error::Input`] if `batch` is 0.
    pub fn executor(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Executor>> {
        if batch == 0 {
            return Err(Error::input("a batch of 0 samples cannot be run; ask for at least 1"));
        }
        match self {
            Self::Cpu(pool) => Ok(Box::new(Engine::new(graph, batch, pool)?)),
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => Ok(Box::new(GpuExecutor::new(gpu, graph, batch, WeightPrecision::Half)?)),
            Self::Own(executors) => executors.executor(graph, batch),
        }
    }
}

/// [`Error::Input`] unless `found` entries are `expected`; `what` names them in the message.
pub fn check_len(what: &str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::input(format!(
        "{what} has {found} entries where the network takes {expected}; pass the shape it states"
    )))
}

/// [`Error::Input`] unless `executor` takes one sample at a time, and `inputs` and `outputs` are as many samples.
pub(super) fn check_many(executor: &(impl Executor + ?Sized), inputs: &[f32], outputs: &[f32]) -> Result<()> {
    check_len("a batch", executor.batch(), 1)?;
    let count = inputs.len() / executor.input_shape().len().max(1);
    check_len("the samples", inputs.len(), count * executor.input_shape().len())?;
    check_len("the outputs", outputs.len(), count * executor.output_shape(0).map_or(0, |shape| shape.len()))
}

/// Output 0 of each of the samples of `inputs`, which were checked, by a pass each.
pub(super) fn one_by_one(executor: &mut (impl Executor + ?Sized), inputs: &[f32], outputs: &mut [f32]) -> Result<()> {
    let (input, output) =
        (executor.input_shape().len(), executor.output_shape(0).map_or(0, |shape| shape.len()).max(1));
    for (input, output) in inputs.chunks_exact(input.max(1)).zip(outputs.chunks_exact_mut(output)) {
        executor.forward(input, Pass::Infer)?;
        output.copy_from_slice(executor.output(0));
    }
    Ok(())
}
