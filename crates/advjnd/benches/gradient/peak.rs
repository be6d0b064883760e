// SPDX-License-Identifier: MIT OR Apache-2.0
//! The processor's own limit: how fast it multiplies and adds when nothing is loaded.
#![allow(unsafe_code, reason = "vector instructions")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _mm256_add_ps, _mm256_cvtss_f32, _mm256_fmadd_ps, _mm256_set1_ps, _mm512_add_ps, _mm512_cvtss_f32,
    _mm512_fmadd_ps, _mm512_set1_ps,
};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use advjnd::net::cpu::Level;

/// Sums in flight: enough to hide the latency of two multiply-adds a cycle.
const SUMS: usize = 12;
/// Entries of a sum where no instruction set is named: what any processor has in a register.
const PORTABLE_LANES: usize = 4;
const REPEATS: usize = 400_000;

/// GFLOP/s of `threads` threads together at `level` in registers, two operations to a multiply-add; some milliseconds
/// of work. Two virtual processors may share the units of one core, so the peak of two threads is measured, not
/// assumed.
pub fn measure(level: Level, threads: usize) -> f64 {
    if !level.runs_here() {
        return 0.0;
    }
    let start = Barrier::new(threads.max(1));
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| measure_one(level, &start))).collect();
        let own = measure_one(level, &start);
        others.into_iter().filter_map(|thread| thread.join().ok()).fold(own, |sum, rate| sum + rate)
    })
}

fn measure_one(level: Level, start: &Barrier) -> f64 {
    start.wait();
    let start = Instant::now();
    let factor = black_box(0.5);
    let lanes = match level {
        Level::Portable => portable(factor),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `measure` asked the processor whether it runs the level.
        Level::Avx2 => unsafe { avx2(factor) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx512 | Level::Amx => unsafe { avx512(factor) },
        #[cfg(not(target_arch = "x86_64"))]
        Level::Avx2 | Level::Avx512 | Level::Amx => return 0.0,
    };
    let operations = 2 * lanes * SUMS * REPEATS;
    operations as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn portable(factor: f32) -> usize {
    let mut sums = [[0.0f32; PORTABLE_LANES]; SUMS];
    for _ in 0..REPEATS {
        for entry in sums.as_flattened_mut() {
            *entry += factor * factor;
        }
        black_box(&mut sums);
    }
    PORTABLE_LANES
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(factor: f32) -> usize {
    let (a, zero) = (_mm256_set1_ps(factor), _mm256_set1_ps(0.0));
    let mut sums = [zero; SUMS];
    for _ in 0..REPEATS {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(a, a, *sum);
        }
    }
    let total = sums.into_iter().fold(zero, |total, sum| _mm256_add_ps(total, sum));
    black_box(_mm256_cvtss_f32(total));
    size_of::<__m256>() / size_of::<f32>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(factor: f32) -> usize {
    let (a, zero) = (_mm512_set1_ps(factor), _mm512_set1_ps(0.0));
    let mut sums = [zero; SUMS];
    for _ in 0..REPEATS {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(a, a, *sum);
        }
    }
    let total = sums.into_iter().fold(zero, |total, sum| _mm512_add_ps(total, sum));
    black_box(_mm512_cvtss_f32(total));
    size_of::<__m512>() / size_of::<f32>()
}
