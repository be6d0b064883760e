// SPDX-License-Identifier: MIT OR Apache-2.0
//! Embeddings of one person, taken together.

use advjnd::net::{Metric, RecognizerSpec};

/// Adds an embedding to a sum as recognisers pool them: of unit length where the angle counts.
pub fn pool(spec: &RecognizerSpec, sum: &mut [f32], embedding: &[f32]) {
    let scale = match spec.metric {
        Metric::Euclidean => 1.0,
        Metric::Cosine => 1.0 / embedding.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE),
    };
    sum.iter_mut().zip(embedding).for_each(|(sum, value)| *sum += scale * value);
}

/// The mean of `count` pooled embeddings.
pub fn mean_of(sum: &[f32], count: usize) -> Vec<f32> {
    sum.iter().map(|value| value / count.max(1) as f32).collect()
}
