// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares a network on a device and on the processor: whether they agree, and which is faster.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Accelerated, Accelerator};
use crate::error::{Error, Result};
use crate::net::executor::{Backend, Executor, Pass, RetreatBuffers};
use crate::net::graph::{Graph, Shape};
use crate::net::metric::Metric;
use crate::net::retreat::Retreat;
use crate::pool::Pool;

/// How far the two embeddings of a chip may differ, as a share of their length. This moves dlib's margin by at most
/// 0.02 (its embeddings have a length of 1.4 to 1.5, its threshold is 0.6), and a cosine margin by less.
pub(super) const TOLERANCE: f64 = 0.008;
/// Least cosine of the two gradients. A side may round weights to half precision, and the sign of an activation near
/// zero may differ.
const GRADIENT_COSINE: f64 = 0.999;
/// Number of runs in the race; the median counts.
const RUNS: usize = 5;

/// A network on the device and on the processor.
pub(super) struct Pair {
    pub(super) device: Box<dyn Executor>,
    /// The device's executors for several samples at a time, in order of batch size.
    pub(super) many: Vec<Box<dyn Executor>>,
    /// How many of the first of these have gradients.
    pub(super) differentiable: usize,
    pub(super) cpu: Box<dyn Executor>,
}

impl Pair {
    /// Prepares `graph` for one sample at a time, on the device and on the processor with `pool`.
    pub(super) fn new(device: &Arc<dyn Accelerator>, graph: &Graph, pool: &Arc<Pool>) -> Result<Self> {
        Ok(Self::of(Arc::clone(device).network(graph)?, Backend::Cpu(Arc::clone(pool)).executor(graph, 1)?))
    }

    /// Another pair of the same `graph`.
    pub(super) fn sharing(&self, device: &Arc<dyn Accelerator>, graph: &Graph, pool: &Arc<Pool>) -> Result<Self> {
        Ok(Self::of(Arc::clone(device).network(graph)?, self.cpu.share(graph, pool)?))
    }

    fn of(accelerated: Accelerated, cpu: Box<dyn Executor>) -> Self {
        let Accelerated { one, mut many, looks } = accelerated;
        let differentiable = many.len();
        many.extend(looks);
        Self { device: one, many, differentiable, cpu }
    }

    /// Largest number of samples of which the device computes the gradients together.
    pub(super) fn most_gradients(&self) -> usize {
        self.many[..self.differentiable].last().map_or(1, |many| many.batch())
    }

    /// [`Error::Device`] unless both give nearly the same embeddings of a drawn face and its mirror image, and
    /// gradients of retreats, one by one and together. `device` and `network` are for the message.
    pub(super) fn test(&mut self, device: &str, network: &str) -> Result<()> {
        let shape = self.cpu.input_shape();
        let face = face(shape);
        let turned: Vec<f32> = face.chunks_exact(shape.width).flat_map(|row| row.iter().rev().copied()).collect();
        let chips = [&face[..], &turned];
        let [of_face, of_turned] = [embed(&mut *self.cpu, &face)?, embed(&mut *self.cpu, &turned)?];
        let between: Vec<f32> = of_face.iter().zip(&of_turned).map(|(a, b)| (a + b) / 2.0).collect();
        let away = vec![1.0 / (of_face.len() as f32).sqrt(); of_face.len()];
        let retreats = [
            Retreat { metric: Metric::Cosine, references: [&of_turned, &between], away: &away },
            Retreat { metric: Metric::Euclidean, references: [&between, &of_face], away: &[] },
        ];
        let mut expected = Vec::new();
        for (chip, retreat) in chips.into_iter().zip(retreats) {
            expected.push(retreat_all(&mut *self.cpu, chip, &[retreat])?);
        }
        let [mut differences, mut gradients] = [const { Vec::new() }; 2];
        let many = self.many.iter_mut().enumerate().map(|(index, own)| (own, index < self.differentiable));
        for (executor, differentiable) in std::iter::once((&mut self.device, true)).chain(many) {
            let batch = executor.batch();
            let inputs: Vec<f32> = chips.into_iter().cycle().take(batch).flatten().copied().collect();
            let expected = || expected.iter().cycle();
            let mut compare = |found: Vec<f32>| {
                let found = found.chunks_exact((found.len() / batch).max(1)).zip(expected());
                differences.extend(found.map(|(found, expected)| difference(found, &expected.0)));
            };
            compare(embed(&mut **executor, &inputs)?);
            if differentiable {
                let retreats: Vec<_> = retreats.into_iter().cycle().take(batch).collect();
                let (found, pulled) = retreat_all(&mut **executor, &inputs, &retreats)?;
                compare(found);
                let pulled = pulled.chunks_exact(face.len()).zip(expected());
                gradients.extend(pulled.map(|(pulled, expected)| cosine(pulled, &expected.1)));
            }
        }
        // NaN fails the test.
        if differences.iter().all(|own| *own <= TOLERANCE) && gradients.iter().all(|own| *own >= GRADIENT_COSINE) {
            return Ok(());
        }
        let difference = differences.into_iter().fold(0.0, f64::max);
        let gradient = gradients.into_iter().fold(1.0, f64::min);
        let reason = format!(
            "it computes `{network}` wrongly (an embedding is off by {difference:.5} of its length, cosine of a \
             gradient {gradient:.5}); update its driver, or set the device to cpu"
        );
        Err(Error::device(device, reason))
    }

    /// Time of a gradient and a look, on the device and on the processor.
    pub(super) fn times(&mut self) -> Result<[Duration; 2]> {
        let face = face(self.cpu.input_shape());
        Ok([median(&mut *self.device, &face)?, median(&mut *self.cpu, &face)?])
    }
}

fn median(executor: &mut dyn Executor, chip: &[f32]) -> Result<Duration> {
    let reference = vec![1.0; executor.output_shape(0).map_or(0, |shape| shape.len())];
    let retreat = Retreat { metric: Metric::Euclidean, references: [&reference; 2], away: &[] };
    let mut times = [Duration::ZERO; RUNS];
    for time in &mut times {
        let start = Instant::now();
        retreat_all(executor, chip, &[retreat])?;
        executor.forward(chip, Pass::Infer)?;
        *time = start.elapsed();
    }
    times.sort_unstable();
    Ok(times[RUNS / 2])
}

/// Output 0 for `inputs`.
fn embed(executor: &mut dyn Executor, inputs: &[f32]) -> Result<Vec<f32>> {
    executor.forward(inputs, Pass::Infer)?;
    Ok(executor.output(0).to_vec())
}

/// Output 0 for `inputs`, and the gradients of `retreats`.
fn retreat_all(executor: &mut dyn Executor, inputs: &[f32], retreats: &[Retreat<'_>]) -> Result<(Vec<f32>, Vec<f32>)> {
    let length = executor.output_shape(0).map_or(0, |shape| shape.len()) * retreats.len();
    let (mut outputs, mut cotangents, mut gradients) = (vec![0.0; length], vec![0.0; length], vec![0.0; inputs.len()]);
    let mut found = RetreatBuffers { outputs: &mut outputs, cotangents: &mut cotangents, gradients: &mut gradients };
    executor.retreat_many(inputs, retreats, &mut found)?;
    Ok((outputs, gradients))
}

/// The norm of the difference as a share of the norm of `expected`.
pub(super) fn difference(found: &[f32], expected: &[f32]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    let difference = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    difference / norm(&mut expected.iter().copied()).max(f64::MIN_POSITIVE)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// A drawn face, 0..=255: skin on a darker background, two eyes, a nose, a mouth.
fn face(shape: Shape) -> Vec<f32> {
    /// Centre and half axes as shares of the side, and brightness.
    const PARTS: [([f32; 4], f32); 5] = [
        ([0.5, 0.5, 0.36, 0.47], 90.0),
        ([0.34, 0.45, 0.07, 0.04], -110.0),
        ([0.66, 0.45, 0.07, 0.04], -110.0),
        ([0.5, 0.62, 0.05, 0.1], 25.0),
        ([0.5, 0.8, 0.14, 0.04], -70.0),
    ];
    let [height, width] = [shape.height, shape.width].map(|size| size as f32);
    let value = |channel: usize, row: usize, column: usize| {
        let (x, y) = ((column as f32 + 0.5) / width, (row as f32 + 0.5) / height);
        let light = PARTS.iter().map(|([at_x, at_y, across, down], light)| {
            let distance = ((x - at_x) / across).powi(2) + ((y - at_y) / down).powi(2);
            light * (1.5 - distance).clamp(0.0, 1.0)
        });
        (70.0 + 30.0 * x + light.sum::<f32>() * (1.0 - 0.15 * channel as f32)).clamp(0.0, 255.0)
    };
    let plane =
        |channel: usize| (0..shape.plane()).map(move |index| value(channel, index / shape.width, index % shape.width));
    (0..shape.channels).flat_map(plane).collect()
}
