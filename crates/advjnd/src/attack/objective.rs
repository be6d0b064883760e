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

use crate::net::{Metric, RecognizerSpec, Retreat, cosine_similarity};

/// The margin of `embedding` from `reference`; see the head of this file.
pub fn margin(spec: &RecognizerSpec, reference: &[f32], embedding: &[f32]) -> f32 {
    let threshold = spec.verification_threshold;
    match spec.metric {
        Metric::Euclidean => spec.metric.distance(reference, embedding) / threshold - 1.0,
        Metric::Cosine => (threshold - cosine_similarity(reference, embedding)) / (1.0 - threshold),
    }
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
        margin(self.spec, self.retreat().nearest(embedding), embedding)
    }

    /// Returns the least margin and overwrites `cotangent` with the direction in which the embedding should move: the
    /// margin's gradient, times the threshold (Euclidean) or times 1 − threshold and the embedding's length (cosine),
    /// plus a quarter of `away`.
    pub fn margin_and_cotangent(&self, embedding: &[f32], cotangent: &mut [f32]) -> f32 {
        self.retreat().direction(embedding, cotangent);
        self.margin(embedding)
    }
}

impl<'a> Dodge<'a> {
    /// The dodge as the networks know it.
    pub fn retreat(&self) -> Retreat<'a> {
        Retreat { metric: self.spec.metric, references: self.references, away: self.away }
    }
}
