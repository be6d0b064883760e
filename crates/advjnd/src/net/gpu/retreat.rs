// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retreats as `kernels/retreat.wgsl` reads them.

use crate::error::Result;
use crate::net::executor::check_len;
use crate::net::metric::Metric;
use crate::net::retreat::Retreat;

/// Numbers that state the retreat of an embedding of `length` numbers: the metric, and three vectors.
pub(super) fn stated_len(length: usize) -> usize {
    1 + 3 * length
}

/// Writes what states `retreat`.
pub(super) fn state(retreat: &Retreat<'_>, stated: &mut [f32]) -> Result<()> {
    let Some((metric, vectors)) = stated.split_first_mut() else { return Ok(()) };
    *metric = match retreat.metric {
        Metric::Euclidean => 0.0,
        Metric::Cosine => 1.0,
    };
    let length = vectors.len() / 3;
    let ([first, second], away) = (retreat.references, retreat.away);
    for (vector, own) in vectors.chunks_exact_mut(length.max(1)).zip([first, second, away]) {
        if own.is_empty() {
            vector.fill(0.0);
        } else {
            check_len("a vector of a retreat", own.len(), length)?;
            vector.copy_from_slice(own);
        }
    }
    Ok(())
}
