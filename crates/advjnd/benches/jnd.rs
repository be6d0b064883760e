// SPDX-License-Identifier: MIT OR Apache-2.0
//! JND models on a 256x256 region: the fast path and its naive twin.

use advjnd::jnd::{Chou, FreeEnergy, JndModel, Learned, Namm, Pattern, Temporal};
use advjnd_lab::reference::jnd as reference;
use divan::{AllocProfiler, Bencher, black_box};

const SIDE: usize = 256;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// A region with slopes, texture and edges, 0..=255; `salt` makes regions differ.
fn region(salt: usize) -> Vec<f32> {
    (0..SIDE * SIDE)
        .map(|index| {
            let (x, y) = (index % SIDE, index / SIDE);
            let slope = (x + y) / 4;
            let texture = (x * x * 31 + y * y * 17 + x * y * (7 + salt)) % 23;
            let edge = if (x / 37 + y / 53) % 3 == 0 { 80 } else { 0 };
            (slope + texture + edge).min(255) as f32
        })
        .collect()
}

fn fast_luma(bencher: Bencher, mut model: impl JndModel) {
    let clean = region(0);
    let mut jnd = region(0);
    bencher.bench_local(|| model.map_luma(black_box(&clean), SIDE, SIDE, black_box(&mut jnd)));
}

#[divan::bench]
fn namm_luma(bencher: Bencher) {
    fast_luma(bencher, Namm::new());
}

#[divan::bench]
fn chou_luma(bencher: Bencher) {
    fast_luma(bencher, Chou::new());
}

#[divan::bench]
fn pattern_luma(bencher: Bencher) {
    fast_luma(bencher, Pattern::new());
}

#[divan::bench]
fn free_energy_luma(bencher: Bencher) {
    fast_luma(bencher, FreeEnergy::new());
}

#[divan::bench]
fn learned(bencher: Bencher) {
    fast_luma(bencher, Learned::rgb());
}

#[divan::bench]
fn temporal(bencher: Bencher) {
    let (now, before) = (region(0), region(4));
    let (mut model, mut jnd) = (Temporal::default(), region(0));
    bencher.bench_local(|| model.adapt(black_box(&now), &before, SIDE, SIDE, black_box(&mut jnd)));
}

#[divan::bench]
fn namm_reference(bencher: Bencher) {
    let clean = region(0);
    bencher.bench_local(|| reference::namm(black_box(&clean), SIDE, SIDE));
}

#[divan::bench]
fn chou_reference(bencher: Bencher) {
    let clean = region(0);
    bencher.bench_local(|| reference::chou(black_box(&clean), SIDE, SIDE));
}

#[divan::bench]
fn pattern_reference(bencher: Bencher) {
    let clean = region(0);
    bencher.bench_local(|| reference::pattern(black_box(&clean), SIDE, SIDE, false));
}
