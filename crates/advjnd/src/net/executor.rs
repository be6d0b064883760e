// SPDX-License-Identifier: MIT OR Apache-2.0
//! Executors run a [`Graph`] forward, and pull a cotangent back to its input.

use std::sync::Arc;

use super::cpu::Engine;
#[cfg(feature = "gpu")]
use super::gpu::{Gpu, GpuExecutor};
use super::graph::{Graph, Shape};
#[cfg(feature = "gpu")]
use super::precision::WeightPrecision;
use super::retreat::Retreat;
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

/// Room for what [`Executor::retreat_many`] computes, one sample after the other.
#[derive(Debug)]
pub struct RetreatBuffers<'a> {
    /// Output 0.
    pub outputs: &'a mut [f32],
    /// As long as the outputs; unspecified afterwards.
    pub cotangents: &'a mut [f32],
    /// The gradients, as long as the inputs.
    pub gradients: &'a mut [f32],
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

    /// Runs the network on the samples of `inputs` together, `[sample][channels][height][width]`, and pulls the
    /// direction of each of `retreats` back to its input. They are as many as the batch, or, where
    /// [`gradients_together`](Self::gradients_together) is larger, from 1 to that. The results of
    /// [`output`](Self::output) and [`input_gradient`](Self::input_gradient) are then unspecified.
    ///
    /// If output 0 of a sample is not finite, its gradient is unspecified.
    ///
    /// [`Error::Input`] if the number of samples or a length is wrong.
    fn retreat_many(&mut self, inputs: &[f32], retreats: &[Retreat<'_>], found: &mut RetreatBuffers<'_>) -> Result<()> {
        check_retreats(self, inputs, retreats, found)?;
        check_len("the retreats", retreats.len(), self.batch())?;
        self.forward(inputs, Pass::Differentiable)?;
        found.outputs.copy_from_slice(self.output(0));
        let length = (found.outputs.len() / retreats.len()).max(1);
        let outputs = found.outputs.chunks_exact(length).zip(found.cotangents.chunks_exact_mut(length));
        for ((output, cotangent), retreat) in outputs.zip(retreats) {
            retreat.direction(output, cotangent);
        }
        self.input_gradient(found.cotangents, found.gradients)
    }

    /// Another executor of the same `graph` and batch, on the same weights, with its own memory. It works on `pool` if
    /// it uses a pool at all. [`Error::Model`] if `graph` is another network.
    fn share(&self, graph: &Graph, pool: &Arc<Pool>) -> Result<Box<dyn Executor>>;

    /// Has it work on `pool` from now on. A pool of more threads than it was planned for is ignored, and so is any by
    /// an executor that uses none.
    fn work_on(&mut self, _pool: &Arc<Pool>) {}

    /// Pulls `cotangent`, d loss / d output 0, back to `gradient`, d loss / d input. They have the shapes of output 0
    /// and of the input.
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
    /// As [`executor`](Self::executor) for one sample, without gradients. On the processor, such executors share the
    /// memory of their values, and so wait for each other if they run on the same pool.
    pub(super) fn executor_for_outputs(&self, graph: &Graph) -> Result<Box<dyn Executor>> {
        match self {
            Self::Cpu(pool) => Ok(Box::new(Engine::for_outputs(graph, 1, pool)?)),
            _ => self.executor(graph, 1),
        }
    }

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

/// [`Error::Input`] unless there is at least one of `retreats`, with vectors as long as output 0, and `inputs` and
/// `found` are for as many samples.
pub(super) fn check_retreats(
    executor: &(impl Executor + ?Sized),
    inputs: &[f32],
    retreats: &[Retreat<'_>],
    found: &RetreatBuffers<'_>,
) -> Result<()> {
    let count = retreats.len();
    if count == 0 {
        return Err(Error::input("no samples to compute gradients of; pass at least one"));
    }
    let [input, output] = [Some(executor.input_shape()), executor.output_shape(0)].map(|shape| match shape {
        Some(shape) => count * shape.len(),
        None => 0,
    });
    check_len("the samples", inputs.len(), input)?;
    check_len("the gradients", found.gradients.len(), input)?;
    check_len("the outputs", found.outputs.len(), output)?;
    check_len("the cotangents", found.cotangents.len(), output)?;
    let vectors =
        retreats.iter().flat_map(|own| own.references.into_iter().chain(Some(own.away).filter(|own| !own.is_empty())));
    vectors.into_iter().try_for_each(|vector| check_len("a vector of a retreat", vector.len(), output / count))
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
