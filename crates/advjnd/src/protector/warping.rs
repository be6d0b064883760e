// SPDX-License-Identifier: MIT OR Apache-2.0
//! Warps on the threads of a pool: the same bytes on any number of them.

use crate::face::Warp;
use crate::face::warp::Sample;
use crate::pool::Pool;

/// Fewest samples of a part. They take about as long as it takes to wake a thread.
const LEAST_SAMPLES: usize = 4096;
/// Parts for each thread, since rows differ in work, and a thread may come late. More would cost more: every part of an
/// adjoint pass looks at all rows of the destination.
const PARTS_PER_THREAD: usize = 2;

/// `destination = A · source`, where A is `warp`.
pub fn forward<S: Sample>(warp: &Warp, source: &[S], destination: &mut [S], pool: &Pool) {
    pool.for_each(&mut warp.forward_parts(source, destination, parts(warp, pool)), |part| part());
}

/// `source += Aᵀ · destination`, where A is `warp`.
pub fn adjoint_add(warp: &Warp, destination: &[f32], source: &mut [f32], pool: &Pool) {
    pool.for_each(&mut warp.adjoint_add_parts(destination, source, parts(warp, pool)), |part| part());
}

fn parts(warp: &Warp, pool: &Pool) -> usize {
    match pool.threads() {
        1 => 1,
        threads => (warp.samples() / LEAST_SAMPLES).clamp(1, PARTS_PER_THREAD * threads),
    }
}
