// SPDX-License-Identifier: MIT OR Apache-2.0
//! The direction in which an embedding is to move, stated so that any device can compute it.

use super::Metric;
use super::metric::{cosine_similarity, dot};

/// Weight of the constant direction.
pub(super) const AWAY_WEIGHT: f32 = 0.25;
/// Least length of a vector that is divided by its length.
pub(super) const TINY: f32 = 1e-6;

/// The retreat of an embedding from the nearer of two references.
#[derive(Debug, Clone, Copy)]
pub struct Retreat<'a> {
    /// How the embedding is compared with the references.
    pub metric: Metric,
    /// Embeddings to move away from; the nearer counts, or the first of two that are equally near.
    pub references: [&'a [f32]; 2],
    /// A constant unit vector: the preferred direction to leave in. Empty: none. It alone moves an embedding that still
    /// equals its reference, where the distance has no gradient.
    pub away: &'a [f32],
}

impl<'a> Retreat<'a> {
    /// The nearer reference.
    pub fn nearest(&self, embedding: &[f32]) -> &'a [f32] {
        let [first, second] = self.references.map(|reference| self.metric.distance(reference, embedding));
        self.references[usize::from(second < first)]
    }

    /// Overwrites `direction` with the gradient of the distance from the nearer reference, times the embedding's length
    /// (cosine), plus a quarter of `away`.
    pub fn direction(&self, embedding: &[f32], direction: &mut [f32]) {
        let reference = self.nearest(embedding);
        let (scale_e, scale_r) = match self.metric {
            Metric::Euclidean => {
                let inverse = 1.0 / self.metric.distance(reference, embedding).max(TINY);
                (inverse, -inverse)
            }
            // −∂cos/∂e = cos·e/‖e‖² − r/(‖e‖‖r‖), scaled by ‖e‖ to the order of a unit vector.
            Metric::Cosine => {
                let (e, r) = (dot(embedding, embedding).sqrt().max(TINY), dot(reference, reference).sqrt().max(TINY));
                (cosine_similarity(reference, embedding) / e, -1.0 / r)
            }
        };
        for ((own, e), r) in direction.iter_mut().zip(embedding).zip(reference) {
            *own = scale_e * e + scale_r * r;
        }
        for (own, away) in direction.iter_mut().zip(self.away) {
            *own += AWAY_WEIGHT * away;
        }
    }
}
