// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the tests of attacks share: small embedders whose answer is known, and central differences.

#![allow(dead_code, reason = "not every test needs everything")]

use advjnd::Result;
use advjnd::attack::ViewSampler;
use advjnd::net::{ARCFACE_TEMPLATE, Embedder, Metric, RecognizerSpec};

/// e = tanh(W (x / 255 − ½)) or, without `bend`, e = W x / 255.
pub struct Tiny {
    spec: RecognizerSpec,
    weights: Vec<f32>,
    bend: bool,
}

impl Tiny {
    /// From the rows of W, each `3 * side * side` long.
    pub fn linear(side: usize, metric: Metric, weights: Vec<f32>) -> Self {
        let spec = RecognizerSpec {
            name: "tiny".into(),
            chip_size: side,
            template: ARCFACE_TEMPLATE,
            embedding_len: weights.len() / (3 * side * side),
            metric,
            verification_threshold: 0.5,
            false_accept_rate: 0.001,
            codec_loss: 1.0,
        };
        Self { spec, weights, bend: false }
    }

    /// With random weights.
    pub fn smooth(side: usize, metric: Metric, embedding_len: usize, seed: u64) -> Self {
        let mut sampler = ViewSampler::new(seed, 7);
        let len = 3 * side * side;
        let scale = 6.0 / (len as f32).sqrt();
        let weights = (0..embedding_len * len).map(|_| scale * sampler.uniform()).collect();
        Self { bend: true, ..Self::linear(side, metric, weights) }
    }

    /// The embedding of a chip of 0..=1.
    pub fn look(&mut self, chip: &[f32]) -> Vec<f32> {
        let mut embedding = vec![0.0; self.spec.embedding_len];
        let chip: Vec<f32> = chip.iter().map(|sample| 255.0 * sample).collect();
        self.embed(&chip, &mut embedding).expect("embed");
        embedding
    }
}

impl Embedder for Tiny {
    fn spec(&self) -> &RecognizerSpec {
        &self.spec
    }

    fn embed(&mut self, chip: &[f32], embedding: &mut [f32]) -> Result<()> {
        let shift = if self.bend { 0.5 } else { 0.0 };
        for (e, row) in embedding.iter_mut().zip(self.weights.chunks(chip.len())) {
            let sum: f32 = row.iter().zip(chip).map(|(w, x)| w * (x / 255.0 - shift)).sum();
            *e = if self.bend { sum.tanh() } else { sum };
        }
        Ok(())
    }

    fn embed_vjp(
        &mut self,
        chip: &[f32],
        cotangent: &mut dyn FnMut(&[f32], &mut [f32]),
        gradient: &mut [f32],
    ) -> Result<()> {
        let mut embedding = vec![0.0; self.spec.embedding_len];
        self.embed(chip, &mut embedding)?;
        let mut pulled = vec![0.0; embedding.len()];
        cotangent(&embedding, &mut pulled);
        gradient.fill(0.0);
        for ((e, c), row) in embedding.iter().zip(&pulled).zip(self.weights.chunks(chip.len())) {
            let slope = if self.bend { 1.0 - e * e } else { 1.0 } * c / 255.0;
            gradient.iter_mut().zip(row).for_each(|(g, w)| *g += slope * w);
        }
        Ok(())
    }
}

/// Holds the gradient that `function` reports against central differences of its value, at every element where it
/// changes evenly within a `step` before and after: elsewhere there is a kink.
///
/// Panics if they differ by more than `tolerance` of the largest entry, or if more than half of the elements have a
/// kink.
pub fn assert_gradient(point: &[f32], step: f32, tolerance: f32, mut function: impl FnMut(&[f32], &mut [f32]) -> f64) {
    let mut gradient = vec![0.0; point.len()];
    function(point, &mut gradient);
    let largest = gradient.iter().fold(0.0f32, |largest, g| largest.max(g.abs()));
    let mut smooth = 0;
    for index in 0..point.len() {
        let mut at = |shift: f32| {
            let (mut place, mut gradient) = (point.to_vec(), vec![0.0; point.len()]);
            place[index] += shift;
            let value = function(&place, &mut gradient);
            (value, gradient[index], place[index])
        };
        let found = gradient[index];
        let [(above, slope_above, to), (below, slope_below, from)] = [step, -step].map(&mut at);
        let mut bends = |slope: f32, step: f32, share: f32| {
            let (_, between, _) = at(share * step);
            (found + share * (slope - found) - between).abs() > 0.25 * tolerance * largest
        };
        if [0.25, 0.5, 0.75].iter().any(|share| bends(slope_above, step, *share) || bends(slope_below, -step, *share)) {
            continue;
        }
        smooth += 1;
        let difference = ((above - below) / f64::from(to - from)) as f32;
        assert!((difference - found).abs() <= tolerance * largest + 1e-7, "[{index}] {found}, but {difference}");
    }
    assert!(2 * smooth >= point.len(), "{smooth} of {} without a kink", point.len());
}

/// `len` numbers in `low..high`.
pub fn numbers(seed: u64, len: usize, low: f32, high: f32) -> Vec<f32> {
    let mut sampler = ViewSampler::new(seed, 3);
    (0..len).map(|_| low + (high - low) * (0.5 + 0.5 * sampler.uniform())).collect()
}
