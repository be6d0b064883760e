// SPDX-License-Identifier: MIT OR Apache-2.0
//! How two embeddings are compared.

/// How two embeddings are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Euclidean distance of the raw embeddings: the same person at or below the threshold.
    Euclidean,
    /// Cosine similarity: the same person at or above the threshold.
    Cosine,
}

impl Metric {
    /// How far `embedding` is from `reference`: the Euclidean distance, or 1 − the cosine similarity.
    pub fn distance(self, reference: &[f32], embedding: &[f32]) -> f32 {
        match self {
            Self::Euclidean => reference.iter().zip(embedding).map(|(r, e)| (r - e).powi(2)).sum::<f32>().sqrt(),
            Self::Cosine => 1.0 - cosine_similarity(reference, embedding),
        }
    }
}

/// Cosine of the angle between two vectors; zero if one of them is zero.
pub fn cosine_similarity(a: &[f32], b: &[f32]) -> f32 {
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if norms > 0.0 { dot(a, b) / norms } else { 0.0 }
}

/// The scalar product of two vectors.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
