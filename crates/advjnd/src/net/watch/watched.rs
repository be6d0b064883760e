// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network on a device, backed by the processor: if anything goes wrong, the processor answers this call and all
//! later ones.

use std::sync::Arc;
use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg32;

use super::Watch;
use super::trial::{Pair, TOLERANCE, difference};
use crate::error::{Error, Result};
use crate::net::executor::{
    Executor, Pass, RetreatBuffers, check_finite, check_len, check_many, check_retreats, is_finite, one_by_one,
};
use crate::net::graph::{Graph, Shape};
use crate::net::retreat::Retreat;
use crate::pool::Pool;

/// One look in this many is repeated on the processor, at random, whether it gives a gradient or not.
const AUDIT: u32 = 30;

/// A network on the device and on the processor.
pub(super) struct Watched {
    watch: Arc<Watch>,
    pair: Pair,
    /// The sample of the last differentiable pass.
    input: Vec<f32>,
    padded: Padded,
    /// Whether the device ran the last pass.
    on_device: bool,
    chance: Pcg32,
}

/// A pass of several samples, padded to the batch of its executor.
#[derive(Default)]
struct Padded {
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    cotangents: Vec<f32>,
    gradients: Vec<f32>,
}

impl Watched {
    pub(super) fn new(watch: Arc<Watch>, pair: Pair) -> Self {
        let chance = Pcg32::seed_from_u64(0);
        Self { watch, pair, input: Vec::new(), padded: Padded::default(), on_device: false, chance }
    }

    /// The device's forward pass, audited; an error if it cannot be trusted.
    fn forward_on_device(&mut self, input: &[f32], pass: Pass) -> Result<()> {
        timely(&self.watch, || self.pair.device.forward(input, pass))?;
        check_finite(self.pair.device.output(0), "the device")?;
        if pass == Pass::Differentiable {
            self.input.clear();
            self.input.extend_from_slice(input);
            return Ok(());
        }
        self.watch.count_look();
        let Self { watch, pair, chance, .. } = self;
        audit_some(watch, &mut *pair.cpu, chance, input, pair.device.output(0))
    }

    /// The device's embeddings of several samples, audited; an error if they cannot be trusted.
    fn infer_on_device(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<()> {
        let sample = self.pair.device.input_shape().len();
        let (mut inputs, mut outputs) = (inputs, outputs);
        while !inputs.is_empty() {
            let count = inputs.len() / sample;
            let Self { watch, pair, padded, chance, .. } = self;
            let executor = match fitting(&pair.many, count) {
                Some(index) => &mut pair.many[index],
                None => &mut pair.device,
            };
            let taken = executor.batch().min(count);
            let length = outputs.len() / count;
            let ((own, others), (found, left)) =
                (inputs.split_at(taken * sample), outputs.split_at_mut(taken * length));
            padded.fill(own, executor.batch() * sample);
            timely(watch, || executor.forward(&padded.inputs, Pass::Infer))?;
            found.copy_from_slice(&executor.output(0)[..found.len()]);
            check_finite(found, "the device")?;
            for (own, found) in own.chunks_exact(sample).zip(found.chunks_exact(length)) {
                watch.count_look();
                audit_some(watch, &mut *pair.cpu, chance, own, found)?;
            }
            (inputs, outputs) = (others, left);
        }
        Ok(())
    }

    /// The device's embeddings and gradients of several samples; an error if they cannot be trusted.
    fn retreat_on_device(
        &mut self,
        inputs: &[f32],
        retreats: &[Retreat<'_>],
        found: &mut RetreatBuffers<'_>,
    ) -> Result<()> {
        let Self { watch, pair, padded, chance, .. } = self;
        let sample = inputs.len() / retreats.len();
        let length = found.outputs.len() / retreats.len();
        let executor = match fitting(&pair.many[..pair.differentiable], retreats.len()) {
            Some(index) => &mut pair.many[index],
            None => &mut pair.device,
        };
        let batch = executor.batch();
        padded.fill(inputs, sample * batch);
        padded.outputs.resize(length * batch, 0.0);
        padded.cotangents.resize(length * batch, 0.0);
        padded.gradients.resize(sample * batch, 0.0);
        let Padded { inputs: filled, outputs, cotangents, gradients } = padded;
        let all: Vec<_> = retreats.iter().cycle().take(batch).copied().collect();
        timely(watch, || executor.retreat_many(filled, &all, &mut RetreatBuffers { outputs, cotangents, gradients }))?;
        found.outputs.copy_from_slice(&outputs[..found.outputs.len()]);
        found.gradients.copy_from_slice(&gradients[..found.gradients.len()]);
        check_finite(found.outputs, "the device")?;
        check_finite(found.gradients, "the device")?;
        for (own, found) in inputs.chunks_exact(sample).zip(found.outputs.chunks_exact(length)) {
            audit_some(watch, &mut *pair.cpu, chance, own, found)?;
        }
        watch.count_iterations(retreats.len() as u64);
        Ok(())
    }

    /// The gradient of the last differentiable pass by the device; an error if it cannot be trusted.
    fn gradient_on_device(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        timely(&self.watch, || self.pair.device.input_gradient(cotangent, gradient))?;
        check_finite(gradient, "the device")?;
        self.watch.count_iterations(1);
        Ok(())
    }
}

/// The first of `many` that takes `count` samples together, or the largest; `None` for a single sample.
fn fitting(many: &[Box<dyn Executor>], count: usize) -> Option<usize> {
    let first = many.iter().position(|many| many.batch() >= count);
    first.or_else(|| many.len().checked_sub(1)).filter(|_| count > 1)
}

impl Padded {
    /// Sets the inputs: `own`, and zeros up to `length`.
    fn fill(&mut self, own: &[f32], length: usize) {
        self.inputs.clear();
        self.inputs.extend_from_slice(own);
        self.inputs.resize(length, 0.0);
    }
}

/// Runs `work` on the device; [`Error::Device`] if its answer came too late.
fn timely(watch: &Watch, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    work()?;
    let (took, patience) = (start.elapsed(), watch.device().patience());
    if took <= patience {
        return Ok(());
    }
    Err(Error::device(watch.device().name(), format!("no answer in {patience:?}, but after {took:?}")))
}

/// Repeats one look in [`AUDIT`]: [`Error::Device`] if the processor's embedding of an input differs too much from what
/// the device found.
fn audit_some(watch: &Watch, cpu: &mut dyn Executor, chance: &mut Pcg32, input: &[f32], found: &[f32]) -> Result<()> {
    if !chance.random_ratio(1, AUDIT) {
        return Ok(());
    }
    watch.count_audit();
    cpu.forward(input, Pass::Infer)?;
    let difference = difference(found, cpu.output(0));
    if difference <= TOLERANCE {
        return Ok(());
    }
    let reason = format!("an embedding differed from the processor's by {difference:.4} of its length");
    Err(Error::device(watch.device().name(), reason))
}

impl Executor for Watched {
    fn batch(&self) -> usize {
        self.pair.cpu.batch()
    }

    fn input_shape(&self) -> Shape {
        self.pair.cpu.input_shape()
    }

    fn output_shape(&self, index: usize) -> Option<Shape> {
        self.pair.cpu.output_shape(index)
    }

    fn forward(&mut self, input: &[f32], pass: Pass) -> Result<()> {
        check_len("the input", input.len(), self.pair.cpu.input_shape().len())?;
        // An input that is not finite is not the device's fault.
        let suits = pass != Pass::Exact && is_finite(input);
        self.on_device = false;
        if pass == Pass::Exact {
            self.watch.count_audit();
        }
        if suits && self.watch.fault().is_none() {
            match self.forward_on_device(input, pass) {
                Ok(()) => {
                    self.on_device = true;
                    return Ok(());
                }
                Err(error) => self.watch.fail(error.to_string()),
            }
        }
        self.pair.cpu.forward(input, pass)
    }

    fn output(&self, index: usize) -> &[f32] {
        if self.on_device { self.pair.device.output(index) } else { self.pair.cpu.output(index) }
    }

    fn is_watched(&self) -> bool {
        self.watch.fault().is_none()
    }

    fn takes_many(&self) -> bool {
        self.watch.fault().is_none() && !self.pair.many.is_empty()
    }

    fn infer_many(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<()> {
        check_many(self, inputs, outputs)?;
        if self.takes_many() && is_finite(inputs) {
            match self.infer_on_device(inputs, outputs) {
                Ok(()) => return Ok(()),
                Err(error) => self.watch.fail(error.to_string()),
            }
        }
        one_by_one(self, Pass::Infer, inputs, outputs)
    }

    fn gradients_together(&self) -> usize {
        if self.watch.fault().is_none() { self.pair.most_gradients() } else { 1 }
    }

    fn retreat_many(&mut self, inputs: &[f32], retreats: &[Retreat<'_>], found: &mut RetreatBuffers<'_>) -> Result<()> {
        check_retreats(self, inputs, retreats, found)?;
        let (count, most) = (retreats.len(), self.pair.most_gradients());
        if count > most {
            return Err(Error::input(format!("{count} samples are too many; pass 1 to {most}")));
        }
        self.on_device = false;
        if self.watch.fault().is_none() && is_finite(inputs) {
            match self.retreat_on_device(inputs, retreats, found) {
                Ok(()) => return Ok(()),
                Err(error) => self.watch.fail(error.to_string()),
            }
        }
        let [input, output] = [inputs.len(), found.outputs.len()].map(|length| (length / count).max(1));
        let outputs = found.outputs.chunks_exact_mut(output).zip(found.cotangents.chunks_exact_mut(output));
        let samples = inputs.chunks_exact(input).zip(found.gradients.chunks_exact_mut(input));
        for ((retreat, (sample, gradients)), (outputs, cotangents)) in retreats.iter().zip(samples).zip(outputs) {
            let mut found = RetreatBuffers { outputs, cotangents, gradients };
            self.pair.cpu.retreat_many(sample, std::slice::from_ref(retreat), &mut found)?;
        }
        Ok(())
    }

    fn share(&self, graph: &Graph, pool: &Arc<Pool>) -> Result<Box<dyn Executor>> {
        let pair = self.pair.sharing(self.watch.device(), graph, pool)?;
        Ok(Box::new(Self::new(Arc::clone(&self.watch), pair)))
    }

    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        if !self.on_device {
            return self.pair.cpu.input_gradient(cotangent, gradient);
        }
        check_len("the cotangent", cotangent.len(), self.output_shape(0).map_or(0, |shape| shape.len()))?;
        check_len("the gradient", gradient.len(), self.input.len())?;
        match self.gradient_on_device(cotangent, gradient) {
            Ok(()) => return Ok(()),
            // The last pass kept nothing for a gradient.
            Err(error @ Error::Input(_)) => return Err(error),
            Err(error) => self.watch.fail(error.to_string()),
        }
        self.on_device = false;
        self.pair.cpu.forward(&self.input, Pass::Differentiable)?;
        self.pair.cpu.input_gradient(cotangent, gradient)
    }
}
