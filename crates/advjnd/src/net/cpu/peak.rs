//! The processor's own limit: how fast it multiplies and adds when nothing is loaded.
#![allow(unsafe_code, reason = "vector instructions")]

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use super::simd::{Isa, LANES, Level, per_level};

/// Sums in flight: enough to hide the latency of two multiply-adds a cycle, and
const SUMS: usize = 12;
/// where they would not fit in the registers; there, a vector is two of the processor's.
const FEW_SUMS: usize = 6;
const REPEATS: usize = 200_000;

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
    let mut sums = 0;
    start.wait();
    let start = Instant::now();
    // SAFETY: `measure` asked the processor whether it runs the level.
    unsafe { run(level, black_box(0.5), &mut sums) };
    let operations = 2 * LANES * black_box(sums) * REPEATS;
    operations as f64 / start.elapsed().as_secs_f64() / 1e9
}

per_level! {
    unsafe fn run(factor: f32, sums: &mut usize) = multiply_add;
}

#[inline(always)]
unsafe fn multiply_add<I: Isa>(factor: f32, sums: &mut usize) {
    // SAFETY: passed on.
    unsafe {
        if I::REGISTERS > SUMS {
            *sums = SUMS;
            black_box(total::<I, SUMS>(factor));
        } else {
            *sums = FEW_SUMS;
            black_box(total::<I, FEW_SUMS>(factor));
        }
    }
}

#[inline(always)]
unsafe fn total<I: Isa, const N: usize>(factor: f32) -> f32 {
    // SAFETY: arithmetic in registers; the last store goes to an array of a vector's size.
    unsafe {
        let (a, b) = (I::splat(factor), I::splat(factor));
        let mut sums = [I::splat(0.0); N];
        for _ in 0..REPEATS {
            for sum in &mut sums {
                *sum = I::mul_add(a, b, *sum);
            }
        }
        let mut total = I::splat(0.0);
        for sum in sums {
            total = I::add(total, sum);
        }
        let mut lanes = [0.0; LANES];
        I::store(lanes.as_mut_ptr(), total);
        lanes.iter().sum()
    }
}
