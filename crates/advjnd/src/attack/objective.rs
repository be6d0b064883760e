// SPDX-License-Identifier: MIT OR Apache-2.0
//! What "not recognised" means for an embedding: the margin and its gradient.
//!
//! The margin is the distance of an embedding beyond the verification threshold, as a share of the metric's range on
//! the recognised side: positive = another person, zero = at the threshold, −1 = the same embedding.
//!
//! | metric | margin |
//! |---|---|
//! | Euclidean, threshold t | ‖e − r‖ / t − 1 |
//! | cosine, threshold t | (t − cos(e, r)) / (1 − t) |

use crate::net::{Metric, RecognizerSpec};

/// Weight of the constant direction that a dodge adds. It alone moves an embedding that still equals its reference,
/// where the margin has no gradient.
const AWAY_WEIGHT: f32 = 0.25;
const TINY: f32 = 1e-6;

/// The margin of `embedding` from `reference`; see the head of this file.
pub fn margin(spec: &RecognizerSpec, reference: &[f32], embedding: &[f32]) -> f32 {
    let threshold = spec.verification_threshold;
    match spec.metric {
        Metric::Euclidean => distance(reference, embedding) / threshold - 1.0,
        Metric::Cosine => (threshold - cosine_similarity(reference, embedding)) / (1.0 - threshold),
    }
}

/// Cosine of the angle between two vectors; zero if one of them is zero.
pub fn cosine_similarity(a: &[f32], b: &[f32]) -> f32 {
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if norms > 0.0 { dot(a, b) / norms } else { 0.0 }
}

/// The objective to move away from every reference of one person.
#[derive(Debug, Clone, Copy)]
pub struct Dodge<'a> {
    /// The recogniser.
    pub spec: &'a RecognizerSpec,
    /// Embeddings to move away from; the nearest counts.
    pub references: [&'a [f32]; 2],
    /// A constant unit vector: the preferred direction to leave in. Empty: none.
    pub away: &'a [f32],
}

impl Dodge<'_> {
    /// The least margin over the references.
    pub fn margin(&self, embedding: &[f32]) -> f32 {
        self.nearest(embedding).1
    }

    /// Returns the least margin and overwrites `cotangent` with the direction in which the embedding should move: the
    /// margin's gradient, times the threshold (Euclidean) or times 1 − threshold and the embedding's length (cosine),
    /// plus a quarter of `away`.
    pub fn margin_and_cotangent(&self, embedding: &[f32], cotangent: &mut [f32]) -> f32 {
        let (reference, margin) = self.nearest(embedding);
        let (scale_e, scale_r) = match self.spec.metric {
            Metric::Euclidean => {
                let inverse = 1.0 / distance(reference, embedding).max(TINY);
                (inverse, -inverse)
            }
            // −∂cos/∂e = cos·e/‖e‖² − r/(‖e‖‖r‖), scaled by ‖e‖ to the order of a unit vector.
            Metric::Cosine => {
                let (e, r) = (dot(embedding, embedding).sqrt().max(TINY), dot(reference, reference).sqrt().max(TINY));
                (cosine_similarity(reference, embedding) / e, -1.0 / r)
            }
        };
        for ((c, e), r) in cotangent.iter_mut().zip(embedding).zip(reference) {
            *c = scale_e * e + scale_r * r;
        }
        for (c, away) in cotangent.iter_mut().zip(self.away) {
            *c += AWAY_WEIGHT * away;
        }
        margin
    }

    fn nearest(&self, embedding: &[f32]) -> (&[f32], f32) {
        let margins = self.references.iter().map(|reference| (*reference, margin(self.spec, reference, embedding)));
        margins.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((&[], f32::NEG_INFINITY))
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}
