// SPDX-License-Identifier: MIT OR Apache-2.0
//! Executors run a [`Graph`] forward, and pull a cotangent back to its input.

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
    /// Only the outputs, by exact algorithms; nothing is kept for a gradient.
    Infer,
    /// As [`Infer`](Self::Infer), on the processor even if another device runs the network.
    Exact,
    /// The outputs, and the data for [`Executor::input_gradient`]. Algorithms need only be precise enough for a
    /// gradient.
    Differentiable,
}

/// A graph prepared to run on a fixed batch.
pub trait Executor: Send {
    /// Samples per call.
    fn batch(&self) -> usize;

    /// Shape of one input sample.
    fn input_shape(&self) -> Shape;

    /// Shape of one sample of output `index`; `None` if there is no such output.
    fn output_shape(&self, index: usize) -> Option<Shape>;

    /// Runs the network on `input`, `[batch][channels][height][width]`; [`Error::Input`] if the length is wrong.
    fn forward(&mut self, input: &[f32], pass: Pass) -> Result<()>;

    /// Output `index` of the last forward pass, `[batch][channels][height][width]`; empty before the first.
    fn output(&self, index: usize) -> &[f32];

    /// Whether the results of [`Pass::Exact`] and [`Pass::Infer`] can differ.
    fn is_watched(&self) -> bool {
        false
    }

    /// Whether [`infer_many`](Self::infer_many) is faster than one pass per sample.
    fn takes_many(&self) -> bool {
        false
    }

    /// Runs [`Pass::Infer`] on each of the samples of `inputs`, any number, `[sample][channels][height][width]`, and
    /// returns output 0 of each in `outputs`. The values of [`output`](Self::output) are then unspecified.
    ///
    /// [`Error::Input`] if `outputs` is not for the same number of samples, or the batch of the executor is not 1.
    fn infer_many(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<()> {
        check_many(self, inputs, outputs)?;
        one_by_one(self, Pass::Infer, inputs, outputs)
    }

    /// Largest number of samples of which one pass gives the gradients faster than a pass for each; 1 if there is none.
    fn gradients_together(&self) -> usize {
        1
    }

    /// Runs [`Pass::Differentiable`] on the samples of `inputs` together, 1 to
    /// [`gradients_together`](Self::gradients_together), `[sample][channels][height][width]`, and returns output 0 of
    /// each in `outputs`. The values of [`output`](Self::output) are then unspecified.
    ///
    /// [`Error::Input`] if there are none or too many, if `outputs` is not for as many, or if the batch of the executor
    /// is not 1.
    fn differentiate_many(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<()> {
        check_many(self, inputs, outputs)?;
        self.forward(inputs, Pass::Differentiable)?;
        outputs.copy_from_slice(self.output(0));
        Ok(())
    }

    /// Another executor of the same `graph` and batch, on the same weights, with its own memory. It works on `pool` if
    /// it uses a pool at all. [`Error::Model`] if `graph` is another network.
    fn share(&self, graph: &Graph, pool: &Arc<Pool>) -> Result<Box<dyn Executor>>;

    /// Pulls `cotangent`, d loss / d output 0, back to `gradient`, d loss / d input. They have the shapes of output 0
    /// and of the input, or of those of the samples of the last [`differentiate_many`](Self::differentiate_many).
    ///
    /// [`Error::Input`] if a length is wrong or the last forward pass was not [`Pass::Differentiable`].
    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()>;
}

/// A factory of executors.
pub trait Executors: std::fmt::Debug + Send + Sync {
    /// Prepares `graph` to run on `batch` samples at a time, at least 1.
    ///
    /// # Errors
    /// [`Error::Model`] if it cannot run.
    fn executor(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Executor>>;
}

/// The kind of executor that runs a network.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Backend {
    /// The fast path, on a pool of threads.
    Cpu(Arc<Pool>),
    /// A GPU.
    #[cfg(feature = "gpu")]
    Gpu(Arc<Gpu>),
    /// The caller's own executors.
    Own(Arc<dyn Executors>),
}

impl Backend {
    /// Prepares `graph` to run on `batch` samples at a time; [`Error::Input`] if `batch` is 0.
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

/// Whether all `values` are finite.
pub(super) fn is_finite(values: &[f32]) -> bool {
    values.iter().all(|value| value.is_finite())
}

/// [`Error::NotFinite`] of `stage` unless all `values` are finite.
pub(super) fn check_finite(values: &[f32], stage: &'static str) -> Result<()> {
    if is_finite(values) { Ok(()) } else { Err(Error::NotFinite { stage }) }
}

/// [`Error::Input`] unless `executor` has a batch of 1, and `inputs` and `outputs` are for the same number of samples.
pub(super) fn check_many(executor: &(impl Executor + ?Sized), inputs: &[f32], outputs: &[f32]) -> Result<()> {
    check_len("a batch", executor.batch(), 1)?;
    let count = inputs.len() / executor.input_shape().len().max(1);
    check_len("the samples", inputs.len(), count * executor.input_shape().len())?;
    check_len("the outputs", outputs.len(), count * executor.output_shape(0).map_or(0, |shape| shape.len()))
}

/// Computes output 0 of each sample of `inputs`, whose lengths were checked, by one `pass` each.
pub(super) fn one_by_one(
    executor: &mut (impl Executor + ?Sized),
    pass: Pass,
    inputs: &[f32],
    outputs: &mut [f32],
) -> Result<()> {
    let (input, output) =
        (executor.input_shape().len(), executor.output_shape(0).map_or(0, |shape| shape.len()).max(1));
    for (input, output) in inputs.chunks_exact(input.max(1)).zip(outputs.chunks_exact_mut(output)) {
        executor.forward(input, pass)?;
        output.copy_from_slice(executor.output(0));
    }
    Ok(())
}
