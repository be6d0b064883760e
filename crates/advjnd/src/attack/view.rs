// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random views: small similarity transforms of the chip, one per iteration (input diversity: Xie et al., CVPR 2019; as
//! affine views of faces: TIP-IM, Yang et al., ICCV 2021), and the random directions a dodge leaves in.
//!
//! Deterministic: the same seed and stream give the same draws on every platform (PCG, `rand_pcg`).

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A stream of random draws.
#[derive(Debug, Clone)]
pub struct ViewSampler {
    rng: Pcg64Mcg,
}

impl ViewSampler {
    /// The draws of `stream` (a track, say) under `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        // SplitMix64's increment keeps the states of neighbouring streams apart.
        Self { rng: Pcg64Mcg::seed_from_u64(seed ^ stream.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)) }
    }

    /// Coefficients `[a, b, tx, ty]` of a random similarity transform about the centre of a chip of `side` pixels:
    /// scale within ± `scale` of one, angle within ± `turn`, shift within ± `shift` pixels.
    pub fn similarity(&mut self, scale: f32, turn: f32, shift: f32, side: f32) -> [f32; 4] {
        let [scale, angle, dx, dy] =
            [scale, turn, shift, shift].map(|reach| reach * self.rng.random_range(-1.0f32..=1.0));
        let (a, b, center) = (1.0 + scale, angle, (side - 1.0) / 2.0);
        let tx = center - (a * center - b * center) + dx;
        let ty = center - (b * center + a * center) + dy;
        [a, b, tx, ty]
    }

    /// A number in −1..=1.
    pub fn uniform(&mut self) -> f32 {
        self.rng.random_range(-1.0f32..=1.0)
    }

    /// True with `probability`; a value outside 0..=1 counts as the nearer end.
    pub fn chance(&mut self, probability: f32) -> bool {
        // The draw is in 0..1, without 1: never true at zero, always at one.
        self.rng.random_range(0.0f32..1.0) < probability
    }

    /// A whole number in 0..`end`; zero if `end` is zero.
    pub fn below(&mut self, end: usize) -> usize {
        self.rng.random_range(0..end.max(1))
    }

    /// A random unit vector.
    pub fn direction(&mut self, len: usize) -> Vec<f32> {
        // The sum of uniform draws is close enough to a normal draw for a direction.
        let mut vector: Vec<f32> =
            (0..len).map(|_| (0..4).map(|_| self.rng.random_range(-1.0f32..=1.0)).sum()).collect();
        let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        vector.iter_mut().for_each(|v| *v /= norm);
        vector
    }
}
