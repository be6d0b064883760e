// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network on a device, backed by the processor: if anything goes wrong, the processor answers this call and all
//! later ones.

use std::sync::Arc;
use std::time::Instant;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg32;

use super::Watch;
use super::trial::Pair;
use crate::error::{Error, Result};
use crate::net::executor::{Executor, Pass, check_finite, check_len, check_many, one_by_one};
use crate::net::graph::{Graph, Shape};
use crate::pool::Pool;

/// One look in this many is repeated on the processor, at random.
const AUDIT: u32 = 30;
/// How far the two embeddings may then differ, as a share of their length. This moves dlib's margin by at most 0.02
/// (its embeddings have a length of 1.4 to 1.5, its threshold is 0.6), and a cosine margin by less.
const AUDIT_TOLERANCE: f64 = 0.008;

/// A network on the device and on the processor.
pub(super) struct Watched {
    watch: Arc<Watch>,
    pair: Pair,
    /// Samples of the last differentiable pass.
    inputs: Vec<f32>,
    /// Samples, cotangents and gradients of a pass of several, padded to its batch.
    filled: Vec<f32>,
    cotangents: Vec<f32>,
    gradients: Vec<f32>,
    last: Last,
    chance: Pcg32,
}

/// What ran the last pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// The processor, one sample.
    Cpu,
    /// The processor, each of several samples: it keeps nothing for their gradients.
    CpuEach,
    /// The device, one sample.
    Device,
    /// This one of the device's executors for several samples.
    Many(usize),
}

impl Watched {
    pub(super) fn new(watch: Arc<Watch>, pair: Pair) -> Self {
        let chance = Pcg32::seed_from_u64(0);
        let [inputs, filled, cotangents, gradients] = [const { Vec::new() }; 4];
        Self { watch, pair, inputs, filled, cotangents, gradients, last: Last::Cpu, chance }
    }

    /// The device's forward pass, audited; an error if it cannot be trusted.
    fn forward_on_device(&mut self, input: &[f32], pass: Pass) -> Result<()> {
        timely(&self.watch, || self.pair.device.forward(input, pass))?;
        check_finite(self.pair.device.output(0), "the device")?;
        if pass == Pass::Differentiable {
            self.inputs.clear();
            self.inputs.extend_from_slice(input);
            return Ok(());
        }
        self.watch.count_look();
        if self.chance.random_ratio(1, AUDIT) {
            audit(&self.watch, &mut *self.pair.cpu, input, self.pair.device.output(0))?;
        }
        Ok(())
    }

    /// The device's embeddings of several samples, audited; an error if they cannot be trusted.
    fn infer_on_device(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<()> {
        let sample = self.pair.device.input_shape().len();
        let (mut inputs, mut outputs) = (inputs, outputs);
        while !inputs.is_empty() {
            let count = inputs.len() / sample;
            let Self { watch, pair, filled, chance, .. } = self;
            let executor = match fitting(&pair.many, count) {
                Some(index) => &mut pair.many[index],
                None => &mut pair.device,
            };
            let taken = executor.batch().min(count);
            let length = outputs.len() / count;
            let ((own, others), (found, left)) =
                (inputs.split_at(taken * sample), outputs.split_at_mut(taken * length));
            forward_filled(watch, &mut **executor, Pass::Infer, own, filled, found)?;
            for (own, found) in own.chunks_exact(sample).zip(found.chunks_exact(length)) {
                watch.count_look();
                if chance.random_ratio(1, AUDIT) {
                    audit(watch, &mut *pair.cpu, own, found)?;
                }
            }
            (inputs, outputs) = (others, left);
        }
        Ok(())
    }

    /// The gradients of the last pass by the device, in `self.gradients`; an error if they cannot be trusted.
    fn gradients_on_device(&mut self, cotangents: &[f32]) -> Result<()> {
        let Self { watch, pair, inputs, gradients, .. } = self;
        let executor = match self.last {
            Last::Many(index) => &mut pair.many[index],
            _ => &mut pair.device,
        };
        let sample = executor.input_shape().len();
        self.cotangents.clear();
        self.cotangents.extend_from_slice(cotangents);
        self.cotangents.resize(executor.output(0).len(), 0.0);
        gradients.resize(executor.batch() * sample, 0.0);
        timely(watch, || executor.input_gradient(&self.cotangents, gradients))?;
        gradients.truncate(inputs.len());
        check_finite(gradients, "the device")?;
        watch.count_iterations((inputs.len() / sample) as u64);
        Ok(())
    }

    /// The gradients of the last differentiable pass, computed anew by the processor.
    fn gradients_by_cpu(&mut self, cotangents: &[f32], gradients: &mut [f32]) -> Result<()> {
        let Self { pair, inputs, .. } = self;
        let sample = pair.cpu.input_shape().len();
        let length = cotangents.len() * sample / inputs.len().max(1);
        let samples = inputs.chunks_exact(sample).zip(gradients.chunks_exact_mut(sample));
        for ((input, gradient), cotangent) in samples.zip(cotangents.chunks_exact(length.max(1))) {
            pair.cpu.forward(input, Pass::Differentiable)?;
            pair.cpu.input_gradient(cotangent, gradient)?;
        }
        Ok(())
    }
}

/// The first of `many` that takes `count` samples together, or the largest; `None` for a single sample.
fn fitting(many: &[Box<dyn Executor>], count: usize) -> Option<usize> {
    let first = many.iter().position(|many| many.batch() >= count);
    first.or_else(|| many.len().checked_sub(1)).filter(|_| count > 1)
}

/// Runs the `inputs`, padded in `filled` to the batch of `executor`, and returns output 0 of each in `outputs`; an
/// error if they cannot be trusted.
fn forward_filled(
    watch: &Watch,
    executor: &mut dyn Executor,
    pass: Pass,
    inputs: &[f32],
    filled: &mut Vec<f32>,
    outputs: &mut [f32],
) -> Result<()> {
    filled.clear();
    filled.extend_from_slice(inputs);
    filled.resize(executor.batch() * executor.input_shape().len(), 0.0);
    timely(watch, || executor.forward(filled, pass))?;
    outputs.copy_from_slice(&executor.output(0)[..outputs.len()]);
    check_finite(outputs, "the device")
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

/// [`Error::Device`] if the processor's embedding of `input` differs too much from what the device `found`.
fn audit(watch: &Watch, cpu: &mut dyn Executor, input: &[f32], found: &[f32]) -> Result<()> {
    watch.count_audit();
    cpu.forward(input, Pass::Infer)?;
    let difference = difference(found, cpu.output(0));
    if difference <= AUDIT_TOLERANCE {
        return Ok(());
    }
    let reason = format!("an embedding differed from the processor's by {difference:.4} of its length");
    Err(Error::device(watch.device().name(), reason))
}

/// The norm of the difference as a share of the norm of `expected`.
fn difference(found: &[f32], expected: &[f32]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    let difference = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    difference / norm(&mut expected.iter().copied()).max(f64::MIN_POSITIVE)
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
        let suits = pass != Pass::Exact && input.iter().all(|value| value.is_finite());
        self.last = Last::Cpu;
        if pass == Pass::Exact {
            self.watch.count_audit();
        }
        if suits && self.watch.fault().is_none() {
            match self.forward_on_device(input, pass) {
                Ok(()) => {
                    self.last = Last::Device;
                    return Ok(());
                }
                Err(error) => self.watch.fail(error.to_string()),
            }
        }
        self.pair.cpu.forward(input, pass)
    }

    fn output(&self, index: usize) -> &[f32] {
        if self.last == Last::Device { self.pair.device.output(index) } else { self.pair.cpu.output(index) }
    }

    fn is_watched(&self) -> bool {
        self.watch.fault().is_none()
    }

    fn takes_many(&self) -> bool {
        self.watch.fault().is_none() && !self.pair.many.is_empty()
    }

    fn infer_many(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<()> {
        check_many(self, inputs, outputs)?;
        if self.takes_many() && inputs.iter().all(|value| value.is_finite()) {
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

    fn differentiate_many(&mut self, inputs: &[f32], outputs: &mut [f32]) -> Result<()> {
        check_many(self, inputs, outputs)?;
        let (count, most) = (inputs.len() / self.pair.cpu.input_shape().len(), self.pair.most_gradients());
        if count == 0 || count > most {
            return Err(Error::input(format!("{count} samples are none or too many; pass 1 to {most}")));
        }
        let Some(index) = fitting(&self.pair.many[..self.pair.differentiable], count) else {
            self.forward(inputs, Pass::Differentiable)?;
            outputs.copy_from_slice(self.output(0));
            return Ok(());
        };
        self.inputs.clear();
        self.inputs.extend_from_slice(inputs);
        if self.watch.fault().is_none() && inputs.iter().all(|value| value.is_finite()) {
            let Self { watch, pair, filled, .. } = self;
            match forward_filled(watch, &mut *pair.many[index], Pass::Differentiable, inputs, filled, outputs) {
                Ok(()) => {
                    self.last = Last::Many(index);
                    return Ok(());
                }
                Err(error) => self.watch.fail(error.to_string()),
            }
        }
        self.last = Last::CpuEach;
        one_by_one(&mut *self.pair.cpu, Pass::Differentiable, inputs, outputs)
    }

    fn share(&self, graph: &Graph, pool: &Arc<Pool>) -> Result<Box<dyn Executor>> {
        let pair = self.pair.sharing(self.watch.device(), graph, pool)?;
        Ok(Box::new(Self::new(Arc::clone(&self.watch), pair)))
    }

    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        if self.last == Last::Cpu {
            return self.pair.cpu.input_gradient(cotangent, gradient);
        }
        let (sample, length) = (self.input_shape().len(), self.output_shape(0).map_or(0, |shape| shape.len()));
        check_len("the cotangent", cotangent.len(), self.inputs.len() / sample * length)?;
        check_len("the gradient", gradient.len(), self.inputs.len())?;
        if self.last != Last::CpuEach {
            match self.gradients_on_device(cotangent) {
                Ok(()) => {
                    gradient.copy_from_slice(&self.gradients);
                    return Ok(());
                }
                // The last pass kept nothing for a gradient.
                Err(error @ Error::Input(_)) => return Err(error),
                Err(error) => {
                    self.watch.fail(error.to_string());
                    self.last = Last::CpuEach;
                }
            }
        }
        self.gradients_by_cpu(cotangent, gradient)
    }
}
