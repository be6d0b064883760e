// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retreats as `kernels/retreat.wgsl` reads them.

use crate::net::metric::Metric;
use crate::net::retreat::Retreat;

/// Numbers that state the retreat of an embedding of `length` numbers: the metric, and three vectors.
pub(super) fn stated_len(length: usize) -> usize {
    1 + 3 * length
}

/// Writes what states `retreat`, whose lengths were checked.
pub(super) fn write_retreat(retreat: &Retreat<'_>, stated: &mut [f32]) {
    let Some((metric, vectors)) = stated.split_first_mut() else { return };
    *metric = match retreat.metric {
        Metric::Euclidean => 0.0,
        Metric::Cosine => 1.0,
    };
    let ([first, second], away) = (retreat.references, retreat.away);
    let length = (vectors.len() / 3).max(1);
    for (vector, own) in vectors.chunks_exact_mut(length).zip([first, second, away]) {
        match own {
            [] => vector.fill(0.0),
            own => vector.copy_from_slice(own),
        }
    }
}
