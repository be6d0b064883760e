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
use crate::net::executor::{Executor, Pass, check_len, check_many, one_by_one};
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
    /// Input of the last differentiable pass.
    input: Vec<f32>,
    /// Samples of a batched look, padded to the batch.
    filled: Vec<f32>,
    /// Whether the last forward pass ran on the device.
    on_device: bool,
    chance: Pcg32,
}

impl Watched {
    pub(super) fn new(watch: Arc<Watch>, pair: Pair) -> Self {
        let sample = pair.cpu.input_shape().len();
        let most = pair.many.iter().map(|many| many.batch()).max().unwrap_or(1);
        let (input, filled) = (vec![0.0; sample], vec![0.0; most * sample]);
        Self { watch, pair, input, filled, on_device: false, chance: Pcg32::seed_from_u64(0) }
    }

    /// The device's forward pass, audited; an error if it cannot be trusted.
    fn forward_on_device(&mut self, input: &[f32], pass: Pass) -> Result<()> {
        timely(&self.watch, || self.pair.device.forward(input, pass))?;
        if !self.pair.device.output(0).iter().all(|value| value.is_finite()) {
            return Err(Error::NotFinite { stage: "the device" });
        }
        if pass == Pass::Differentiable {
            self.input.copy_from_slice(input);
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
        let Self { watch, pair, input, filled, chance, .. } = self;
        let sample = input.len();
        let (mut inputs, mut outputs) = (inputs, outputs);
        while !inputs.is_empty() {
            let count = inputs.len() / sample;
            let fitting = pair.many.iter().position(|many| many.batch() >= count);
            let executor = match fitting.unwrap_or(pair.many.len().saturating_sub(1)) {
                _ if count == 1 => &mut pair.device,
                index => pair.many.get_mut(index).unwrap_or(&mut pair.device),
            };
            let taken = executor.batch().min(count);
            let (own, others) = inputs.split_at(taken * sample);
            let filled = &mut filled[..executor.batch() * sample];
            filled[..own.len()].copy_from_slice(own);
            filled[own.len()..].fill(0.0);
            timely(watch, || executor.forward(filled, Pass::Infer))?;
            let length = executor.output(0).len() / executor.batch();
            let (found, left) = outputs.split_at_mut(taken * length);
            found.copy_from_slice(&executor.output(0)[..taken * length]);
            if !found.iter().all(|value| value.is_finite()) {
                return Err(Error::NotFinite { stage: "the device" });
            }
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

    fn gradient_on_device(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        timely(&self.watch, || self.pair.device.input_gradient(cotangent, gradient))?;
        if gradient.iter().all(|value| value.is_finite()) {
            self.watch.count_iteration();
            return Ok(());
        }
        Err(Error::NotFinite { stage: "the device's gradient" })
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
        check_len("the input", input.len(), self.input.len())?;
        // An input that is not finite is not the device's fault.
        let suits = pass != Pass::Exact && input.iter().all(|value| value.is_finite());
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
        if self.takes_many() && inputs.iter().all(|value| value.is_finite()) {
            match self.infer_on_device(inputs, outputs) {
                Ok(()) => return Ok(()),
                Err(error) => self.watch.fail(error.to_string()),
            }
        }
        one_by_one(self, inputs, outputs)
    }

    fn share(&self, graph: &Graph, pool: &Arc<Pool>) -> Result<Box<dyn Executor>> {
        let pair = self.pair.sharing(self.watch.device(), graph, pool)?;
        Ok(Box::new(Self::new(Arc::clone(&self.watch), pair)))
    }

    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        if !self.on_device {
            return self.pair.cpu.input_gradient(cotangent, gradient);
        }
        let length = self.output_shape(0).map_or(0, |shape| shape.len());
        check_len("the cotangent", cotangent.len(), self.batch() * length)?;
        check_len("the gradient", gradient.len(), self.input.len())?;
        match self.gradient_on_device(cotangent, gradient) {
            Ok(()) => Ok(()),
            // The last pass kept nothing for a gradient.
            Err(error @ Error::Input(_)) => Err(error),
            Err(error) => {
                self.watch.fail(error.to_string());
                self.on_device = false;
                self.pair.cpu.forward(&self.input, Pass::Differentiable)?;
                self.pair.cpu.input_gradient(cotangent, gradient)
            }
        }
    }
}
