// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the networks take on a real GPU, by `make test-gpu`: `$ADVJND_GPU`, or the first that is none of software.

#![cfg(feature = "gpu")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::time::{Duration, Instant};

use advjnd::Pool;
use advjnd::net::gpu::{Gpu, GpuExecutor, adapters};
use advjnd::net::{Backend, Executor, Network, Pass, WeightPrecision};
use common::{model, photograph};

/// Looks of a large batch.
const LOOKS: usize = 16;

/// Median and 99th percentile of what `work` takes, of `runs` runs after the first.
fn times(runs: usize, mut work: impl FnMut()) -> [Duration; 2] {
    work();
    let mut times: Vec<Duration> = Vec::with_capacity(runs);
    for _ in 0..runs {
        let start = Instant::now();
        work();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    [times[runs / 2], times[runs * 99 / 100]]
}

/// The times of a gradient of `executor`.
fn gradients(runs: usize, executor: &mut dyn Executor, chip: &[f32]) -> [Duration; 2] {
    let mut gradient = vec![0.0; chip.len()];
    times(runs, || {
        executor.forward(chip, Pass::Differentiable).expect("forward");
        let cotangent = executor.output(0).to_vec();
        executor.input_gradient(&cotangent, &mut gradient).expect("gradient");
    })
}

#[test]
#[ignore = "measures; run by make test-gpu"]
fn gpu_times() {
    let asked = |name: &str| std::env::var(name).ok().map(|value| value.parse::<usize>().expect("a number"));
    let found = adapters();
    let adapter = match asked("ADVJND_GPU") {
        Some(index) => found.get(index),
        None => found.iter().find(|adapter| !adapter.is_software),
    };
    let Some(adapter) = adapter else {
        println!("skipped: no GPU");
        return;
    };
    println!("adapter {}: {} ({})", adapter.index, adapter.name, adapter.driver);
    let runs = asked("ADVJND_RUNS").unwrap_or(200).max(1);
    let start = Instant::now();
    let gpu = Gpu::open(adapter.index).expect("an adapter that opens");
    println!("opened in {:.1?}", start.elapsed());
    let pool = Pool::new(0).expect("threads");
    for network in Network::ALL {
        let graph = network.graph(&model(network.name())).expect("model");
        let chip = photograph(graph.input_shape().width);
        let mut executor = GpuExecutor::new(&gpu, &graph, 1, WeightPrecision::Half).expect("plan");
        let [median, late] = gradients(runs, &mut executor, &chip);
        let mut many = executor.sharing(&graph, LOOKS).expect("plan");
        let batch = chip.repeat(LOOKS);
        let [looks, late_looks] = times(runs, || many.forward(&batch, Pass::Infer).expect("forward"));
        let mut engine = Backend::Cpu(pool.clone()).executor(&graph, 1).expect("plan");
        let [cpu, _] = gradients(runs, &mut *engine, &chip);
        println!(
            "{network:?}: gradient {median:.2?}, p99 {late:.2?}; {LOOKS} looks {looks:.2?}, p99 {late_looks:.2?}; the \
             processor's gradient {cpu:.2?}"
        );
    }
}
