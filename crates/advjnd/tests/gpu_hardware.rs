// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the networks take on a GPU, by `make test-gpu`: `$ADVJND_GPU`, or the first that is none of software. With
//! `ADVJND_WRITE=1` the figures go into `results/gpu.json`, those of each adapter by its name.

#![cfg(feature = "gpu")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/networks.rs"]
mod networks;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use advjnd::Pool;
use advjnd::net::gpu::{Gpu, GpuExecutor, adapters};
use advjnd::net::graph::{Activation, Padding, Shape};
use advjnd::net::{Backend, Executor, Network, Pass, WeightPrecision};
use common::{model, photograph};
use networks::{Numbers, Vectors, conv_graph, retreat};
use serde_json::{Value, json};

/// Looks that go through a network together.
const LOOKS: [usize; 5] = [1, 2, 4, 8, 16];

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
    let length = executor.output_shape(0).expect("an embedding").len();
    let vectors = Vectors::new(&mut Numbers(1), executor.batch(), length);
    times(runs, || drop(retreat(executor, chip, &vectors.retreats())))
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
    let opened = start.elapsed();
    let pool = Pool::new(0).expect("threads");
    let round_trip = round_trip(&gpu, runs);
    println!("opened in {opened:.1?}; a pass of one small kernel {round_trip:.2?}");
    let mut figures = json!({
        "driver": adapter.driver, "runs": runs, "cpu_threads": pool.threads(),
        "open_ms": milliseconds(opened), "round_trip_ms": milliseconds(round_trip), "networks": {},
    });
    for network in Network::ALL {
        let graph = network.graph(&model(network.name())).expect("model");
        let chip = photograph(graph.input_shape().width);
        let mut executor = GpuExecutor::new(&gpu, &graph, 1, WeightPrecision::Half).expect("plan");
        let [median, late] = gradients(runs, &mut executor, &chip);
        let mut engine = Backend::Cpu(pool.clone()).executor(&graph, 1).expect("plan");
        let [cpu, _] = gradients(runs, &mut *engine, &chip);
        let mut own = json!({
            "gradient_ms": milliseconds(median), "gradient_p99_ms": milliseconds(late),
            "cpu_gradient_ms": milliseconds(cpu), "looks_ms": {},
        });
        println!("{network:?}: gradient {median:.2?}, p99 {late:.2?}; the processor's gradient {cpu:.2?}");
        for count in LOOKS {
            let mut many = executor.beside(&graph, count, false).expect("plan");
            let batch = chip.repeat(count);
            let [looks, late] = times(runs, || many.forward(&batch, Pass::Infer).expect("forward"));
            println!("{network:?}: {count} looks {looks:.2?}, p99 {late:.2?}");
            own["looks_ms"][count.to_string()] = milliseconds(looks);
        }
        figures["networks"][network.name()] = own;
    }
    if std::env::var_os("ADVJND_WRITE").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results/gpu.json");
        let known = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let mut all: Value = known.unwrap_or_else(|| json!({}));
        all[&adapter.name] = figures;
        std::fs::write(&file, serde_json::to_string_pretty(&all).expect("JSON") + "\n").expect("a file");
    }
}

/// In milliseconds, to the microsecond.
fn milliseconds(time: Duration) -> Value {
    json!((time.as_secs_f64() * 1e6).round() / 1e3)
}

/// What a pass takes that has next to nothing to compute.
fn round_trip(gpu: &Arc<Gpu>, runs: usize) -> Duration {
    let mut numbers = Numbers(1);
    let conv = numbers.conv(4, 4, 1, 1, Padding::all(0));
    let graph = conv_graph(Shape::new(4, 1, 1), conv, Activation::None).expect("a graph");
    let mut executor = GpuExecutor::new(gpu, &graph, 1, WeightPrecision::Half).expect("plan");
    times(runs, || executor.forward(&[1.0; 4], Pass::Infer).expect("forward"))[0]
}
