// SPDX-License-Identifier: MIT OR Apache-2.0
//! How fast the engine is: forward and input gradient of every recogniser, the detector's forward pass.
//!
//! `cargo bench -p advjnd --bench gradient [-- NETWORK…]` prints, per network and thread count, the median time with
//! its spread, the rate with the direct algorithm's operations counted (2 per multiply-accumulate, twice for a
//! gradient), and that rate as a fraction of the multiply-add peak of as many threads, the median of what is measured
//! between the runs (two virtual processors may share a core at times: then both fall). Last lines:
//! `gradient NETWORK threads=N ms=… gflops=… peak_fraction=…`; for the detector `forward NETWORK …`.
//!
//! `--serve NETWORK THREADS` is for `models/convert/bench_pytorch.py`: for every line with a number of runs it answers
//! with their times in milliseconds and the norm of the result.

#![allow(clippy::expect_used, reason = "a bench fails by panicking")]

mod peak;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use advjnd::Pool;
use advjnd::net::cpu::{Engine, Level};
use advjnd::net::{Backend, DetectorNet, Executor, Network, Pass};
use bytes::Bytes;

const RUNS: usize = 60;
const WARM_UP: usize = 5;
/// Runs between two measurements of the peak.
const RUNS_PER_PEAK: usize = 4;
/// Side of the detector's input.
const DETECTOR_SIDE: usize = 320;
/// Multiply-accumulates of the detector at 640², by its ONNX graph.
const DETECTOR_MACS_640: f64 = 0.344e9;

struct Measured {
    milliseconds: Vec<f64>,
    peak: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, serve, name, threads, ..] = &arguments[..]
        && serve == "--serve"
    {
        return serve_runs(name, threads.parse().expect("a number of threads"));
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let selected = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pools: Vec<_> = [1, 2]
        .into_iter()
        .filter(|threads| *threads <= cores)
        .map(|threads| Pool::new(threads).expect("pool"))
        .collect();
    let mut lines = Vec::new();
    for network in Network::ALL {
        let name = network.name();
        if selected(name) {
            lines.extend(gradient(network, &model(name), &pools));
        }
    }
    if selected("yunet_2023mar") {
        lines.extend(detector(&model("yunet_2023mar"), &pools));
    }
    println!();
    lines.iter().for_each(|line| println!("{line}"));
}

/// A network, and a run of it that returns the norm of its result.
fn subject(name: &str, bytes: &Bytes, pool: &Arc<Pool>) -> Box<dyn FnMut() -> f64> {
    let norm = |values: &[f32]| values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
    let Some(network) = Network::from_name(name) else {
        let mut detector = DetectorNet::load(bytes, Backend::Cpu(Arc::clone(pool))).expect("model");
        let input = ramp(3 * DETECTOR_SIDE * DETECTOR_SIDE);
        return Box::new(move || {
            detector.forward(&input, DETECTOR_SIDE, DETECTOR_SIDE).expect("forward");
            let of = |level| [detector.cls(level), detector.obj(level), detector.bbox(level), detector.kps(level)];
            (0..3).flat_map(of).map(norm).sum::<f64>().sqrt()
        });
    };
    let graph = network.graph(bytes).expect("model");
    let mut engine = Engine::new(&graph, 1, pool).expect("plan");
    let input = ramp(graph.input_shape().len());
    let cotangent = vec![1.0; network.spec().expect("spec").embedding_len];
    let mut gradient = vec![0.0; input.len()];
    Box::new(move || {
        engine.forward(&input, Pass::Differentiable).expect("forward");
        engine.input_gradient(&cotangent, &mut gradient).expect("gradient");
        norm(&gradient[..]).sqrt()
    })
}

fn ramp(length: usize) -> Vec<f32> {
    (0..length).map(|index| (index * 37 % 256) as f32).collect()
}

fn serve_runs(name: &str, threads: usize) {
    let bytes = model(name);
    let mut run = subject(name, &bytes, &Pool::new(threads).expect("pool"));
    for line in std::io::stdin().lines() {
        let runs: usize = line.expect("a line").trim().parse().expect("a number of runs");
        let mut norm = 0.0;
        for _ in 0..runs {
            let start = Instant::now();
            norm = run();
            print!("{:.4} ", start.elapsed().as_secs_f64() * 1e3);
        }
        println!("{norm}");
    }
}

fn gradient(network: Network, bytes: &Bytes, pools: &[Arc<Pool>]) -> Vec<String> {
    let name = network.name();
    let graph = network.graph(bytes).expect("model");
    let input = ramp(graph.input_shape().len());
    let cotangent = vec![1.0; network.spec().expect("spec").embedding_len];
    let mut engines: Vec<_> = pools.iter().map(|pool| Engine::new(&graph, 1, pool).expect("plan")).collect();
    let mut gradient = vec![0.0; input.len()];
    let measured = measure(pools, |index| {
        engines[index].forward(&input, Pass::Differentiable).expect("forward");
        engines[index].input_gradient(&cotangent, &mut gradient).expect("gradient");
    });
    let forward = measure(pools, |index| engines[index].forward(&input, Pass::Infer).expect("forward"));
    for ((pool, engine), forward) in pools.iter().zip(&engines).zip(&forward) {
        let (threads, memory) = (pool.threads(), engine.bytes() >> 20);
        println!("{name} threads={threads}: {memory} MiB in memory; forward alone {}", spread(&forward.milliseconds));
    }
    report("gradient", name, pools, 4.0 * graph.macs() as f64, &measured)
}

fn detector(bytes: &Bytes, pools: &[Arc<Pool>]) -> Vec<String> {
    let load = |pool: &Arc<Pool>| DetectorNet::load(bytes, Backend::Cpu(Arc::clone(pool))).expect("model");
    let mut detectors: Vec<_> = pools.iter().map(load).collect();
    let input = ramp(3 * DETECTOR_SIDE * DETECTOR_SIDE);
    let measured = measure(pools, |index| {
        detectors[index].forward(&input, DETECTOR_SIDE, DETECTOR_SIDE).expect("forward");
    });
    let macs = DETECTOR_MACS_640 * (DETECTOR_SIDE as f64 / 640.0).powi(2);
    report("forward", "yunet_2023mar", pools, 2.0 * macs, &measured)
}

/// Runs on each pool in turn, so that all see the same machine.
fn measure(pools: &[Arc<Pool>], mut run: impl FnMut(usize)) -> Vec<Measured> {
    (0..WARM_UP * pools.len()).for_each(|index| run(index % pools.len()));
    let mut times = vec![Vec::with_capacity(RUNS); pools.len()];
    let mut peaks = vec![Vec::new(); pools.len()];
    for round in 0..RUNS {
        for (index, pool) in pools.iter().enumerate() {
            if round % RUNS_PER_PEAK == 0 {
                peaks[index].push(peak::measure(Level::best(), pool.threads()));
            }
            let start = Instant::now();
            run(index);
            times[index].push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    let measured = times.into_iter().zip(peaks).map(|(mut milliseconds, mut peaks)| {
        milliseconds.sort_by(f64::total_cmp);
        peaks.sort_by(f64::total_cmp);
        Measured { milliseconds, peak: peaks[peaks.len() / 2] }
    });
    measured.collect()
}

fn spread(sorted: &[f64]) -> String {
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    format!("median {:.3} ms (least {:.3}, quartiles {:.3} to {:.3})", at(0.5), at(0.0), at(0.25), at(0.75))
}

fn report(what: &str, name: &str, pools: &[Arc<Pool>], operations: f64, measured: &[Measured]) -> Vec<String> {
    let line = |(pool, measured): (&Arc<Pool>, &Measured)| {
        let threads = pool.threads();
        println!("{what} {name} threads={threads}: {}", spread(&measured.milliseconds));
        let median = measured.milliseconds[measured.milliseconds.len() / 2];
        let rate = operations / median / 1e6;
        let fraction = rate / measured.peak;
        format!("{what} {name} threads={threads} ms={median:.3} gflops={rate:.1} peak_fraction={fraction:.3}")
    };
    pools.iter().zip(measured).map(line).collect()
}

fn model(name: &str) -> Bytes {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(format!("{name}.safetensors"));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).into()
}
