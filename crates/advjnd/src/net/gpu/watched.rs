// SPDX-License-Identifier: MIT OR Apache-2.0
//! A network on a GPU with the processor behind it: whatever goes wrong, the processor gives the answer, to this call
//! and to all that come after.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg32;

use super::trial::Pair;
use super::watch::Watch;
use crate::error::{Error, Result};
use crate::net::executor::{Executor, Pass, check_len};
use crate::net::graph::{Graph, Shape};
use crate::pool::Pool;

/// One look in so many is repeated on the processor, at random.
const AUDIT: u32 = 30;
/// How far the two embeddings may differ then, as a share of the length. It moves dlib's margin by at most 0.02 (an
/// embedding of length 1.4 to 1.5 and a threshold of 0.6), and that of a cosine by less.
const AUDIT_TOLERANCE: f64 = 0.008;

/// A network on both.
pub(super) struct Watched {
    watch: Arc<Watch>,
    pair: Pair,
    /// What the last differentiable pass was of.
    input: Vec<f32>,
    /// Whether the last forward pass is the GPU's.
    on_gpu: bool,
    chance: Pcg32,
}

impl Watched {
    pub(super) fn new(watch: Arc<Watch>, pair: Pair) -> Self {
        let input = vec![0.0; pair.cpu.batch() * pair.cpu.input_shape().len()];
        Self { watch, pair, input, on_gpu: false, chance: Pcg32::seed_from_u64(0) }
    }

    /// The GPU's forward pass, audited; whether it is to be believed.
    fn forward_on_gpu(&mut self, input: &[f32], pass: Pass) -> Result<()> {
        self.pair.gpu.forward(input, pass)?;
        let output = self.pair.gpu.output(0);
        if !output.iter().all(|value| value.is_finite()) {
            return Err(Error::NotFinite { stage: "the GPU" });
        }
        if pass == Pass::Differentiable {
            self.input.copy_from_slice(input);
            return Ok(());
        }
        self.watch.count_look();
        if !self.chance.random_ratio(1, AUDIT) {
            return Ok(());
        }
        self.watch.count_audit();
        self.pair.cpu.forward(input, pass)?;
        let difference = difference(self.pair.gpu.output(0), self.pair.cpu.output(0));
        if difference <= AUDIT_TOLERANCE {
            return Ok(());
        }
        let reason = format!("an embedding differed from the processor's by {difference:.4} of its length");
        Err(Error::device(self.watch.adapter().name.clone(), reason))
    }

    fn gradient_on_gpu(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        self.pair.gpu.input_gradient(cotangent, gradient)?;
        if gradient.iter().all(|value| value.is_finite()) {
            self.watch.count_iteration();
            return Ok(());
        }
        Err(Error::NotFinite { stage: "the GPU's gradient" })
    }
}

/// The norm of the difference, as a share of the norm of what was `expected`.
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
        // What is no number is no fault of the GPU's.
        let suits = pass != Pass::Exact && input.iter().all(|value| value.is_finite());
        self.on_gpu = false;
        if pass == Pass::Exact {
            self.watch.count_audit();
        }
        if suits && self.watch.fault().is_none() {
            match self.forward_on_gpu(input, pass) {
                Ok(()) => {
                    self.on_gpu = true;
                    return Ok(());
                }
                Err(error) => self.watch.fail(error.to_string()),
            }
        }
        self.pair.cpu.forward(input, pass)
    }

    fn output(&self, index: usize) -> &[f32] {
        if self.on_gpu { self.pair.gpu.output(index) } else { self.pair.cpu.output(index) }
    }

    fn is_watched(&self) -> bool {
        self.watch.fault().is_none()
    }

    fn share(&self, graph: &Graph, pool: &Arc<Pool>) -> Result<Box<dyn Executor>> {
        Ok(Box::new(Self::new(Arc::clone(&self.watch), self.pair.sharing(graph, pool)?)))
    }

    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        if !self.on_gpu {
            return self.pair.cpu.input_gradient(cotangent, gradient);
        }
        let length = self.output_shape(0).map_or(0, |shape| shape.len());
        check_len("the cotangent", cotangent.len(), self.batch() * length)?;
        check_len("the gradient", gradient.len(), self.input.len())?;
        match self.gradient_on_gpu(cotangent, gradient) {
            Ok(()) => Ok(()),
            // After a pass that keeps nothing for a gradient.
            Err(error @ Error::Input(_)) => Err(error),
            Err(error) => {
                self.watch.fail(error.to_string());
                self.on_gpu = false;
                self.pair.cpu.forward(&self.input, Pass::Differentiable)?;
                self.pair.cpu.input_gradient(cotangent, gradient)
            }
        }
    }
}
