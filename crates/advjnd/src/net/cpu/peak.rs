//! The processor's own limit: how fast one thread multiplies and adds when nothing is loaded.
#![allow(unsafe_code, reason = "vector instructions")]

use std::hint::black_box;
use std::time::Instant;

use super::simd::{Isa, LANES, Level, per_level};

/// Sums in flight: enough to hide the latency of a multiply-add.
const SUMS: usize = 12;
const REPEATS: usize = 200_000;

/// GFLOP/s of one thread at `level` in registers, two operations to a multiply-add; some milliseconds of work.
pub fn measure(level: Level) -> f64 {
    if !level.runs_here() {
        return 0.0;
    }
    let start = Instant::now();
    let mut result = 0.0;
    // SAFETY: the processor runs the level, as asked above.
    unsafe { run(level, black_box(0.5), &mut result) };
    black_box(result);
    let operations = 2 * LANES * SUMS * REPEATS;
    operations as f64 / start.elapsed().as_secs_f64() / 1e9
}

per_level! {
    unsafe fn run(factor: f32, result: &mut f32) = multiply_add;
}

#[inline(always)]
unsafe fn multiply_add<I: Isa>(factor: f32, result: &mut f32) {
    // SAFETY: arithmetic in registers; the last store goes to an array of a vector's size.
    unsafe {
        let (a, b) = (I::splat(factor), I::splat(factor));
        let mut sums = [I::splat(0.0); SUMS];
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
        *result = lanes.iter().sum();
    }
}
