// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a gradient on a GPU costs: kernels, submits, bytes; nothing is made after the first. And what happens when the
//! device goes away.

#![cfg(feature = "gpu")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/networks.rs"]
mod networks;

use advjnd::Error;
use advjnd::net::gpu::{Gpu, GpuExecutor, adapters};
use advjnd::net::{Executor, Network, Pass, WeightPrecision};
use common::skip;
use common::{model, synthetic};
use networks::{Numbers, Vectors, retreat};

/// Runs of kernels that a gradient takes at most.
fn most_dispatches(network: Network) -> u64 {
    match network {
        Network::DlibResnet29 => 125,
        Network::SFace => 65,
        _ => 150,
    }
}

#[test]
fn gpu_gradients_cost_what_they_should() {
    let Some(gpu) = gpu::gpu("gpu_gradients_cost_what_they_should") else { return };
    for network in Network::ALL {
        let graph = network.graph(&model(network.name())).expect("model");
        let one = GpuExecutor::new(&gpu, &graph, 1, WeightPrecision::Half).expect("plan");
        let two = one.sharing(&graph, 2).expect("plan");
        for mut executor in [one, two] {
            assert_costs(&gpu, &mut executor, network);
        }
    }
}

/// A gradient of as many chips as `executor` takes together, twice.
fn assert_costs(gpu: &Gpu, executor: &mut GpuExecutor, network: Network) {
    let (count, shape) = (executor.batch(), executor.input_shape());
    let chips = synthetic(shape.height, shape.width).repeat(count);
    let vectors = Vectors::new(&mut Numbers(1), count, executor.output_shape(0).expect("an embedding").len());
    let mut costs = vec![executor.cost()];
    let (mut times, mut gradients, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..2 {
        let start = std::time::Instant::now();
        gradients.push(retreat(executor, &chips, &vectors.retreats()));
        times.push(start.elapsed());
        costs.push(executor.cost());
        memory.push(gpu.memory());
    }
    assert!(gradients[0] == gradients[1], "{network:?}: another result the second time");
    let each = |of: &dyn Fn(usize) -> u64| of(2) - of(1);
    let dispatches = each(&|run| costs[run].dispatches);
    let [up, down] = [each(&|run| costs[run].up), each(&|run| costs[run].down)].map(|bytes| bytes / count as u64);
    println!(
        "{network:?}, {count} together: {dispatches} dispatches, {up} bytes up, {down} down a chip, {:?}, {times:?}",
        costs[0]
    );
    assert!(dispatches <= most_dispatches(network), "{network:?}, {count} together: {dispatches} dispatches");
    assert_eq!(each(&|run| costs[run].submits), 1);
    assert!(up.max(down) <= 300_000, "{network:?}: {up} bytes up, {down} down");
    assert!(memory[0].is_some() && memory[0] == memory[1], "{network:?}: memory in use {memory:?}");
}

#[test]
fn gpu_memory_is_that_of_the_largest_batch() {
    let Some(gpu) = gpu::gpu("gpu_memory_is_that_of_the_largest_batch") else { return };
    let graph = Network::MobileFaceNet.graph(&model("mobilefacenet")).expect("model");
    let four = GpuExecutor::new(&gpu, &graph, 4, WeightPrecision::Half).expect("plan");
    let (values, before) = (four.cost().values, gpu.memory().expect("a count"));
    let mut beside = [(1, true), (2, true), (8, false)]
        .map(|(batch, gradients)| four.beside(&graph, batch, gradients).expect("plan"));
    let more = gpu.memory().expect("a count") - before;
    println!("{values} bytes of values, {more} for three more batches");
    assert!(
        beside.iter().all(|own| own.cost().values <= values) && more < values / 2,
        "{more} bytes more than {before}"
    );
    let [one, two, _] = &mut beside;
    let chip = synthetic(112, 112);
    let mut alone = one.sharing(&graph, 1).expect("plan");
    let gradients = [&mut *one, &mut alone].map(|own| {
        let mut gradient = vec![0.0; chip.len()];
        own.forward(&chip, Pass::Differentiable).expect("forward");
        own.input_gradient(&[1.0; 192], &mut gradient).expect("gradient");
        gradient
    });
    assert!(gradients[0] == gradients[1], "what lies in the memory shows");
    one.forward(&chip, Pass::Differentiable).expect("forward");
    two.forward(&chip.repeat(2), Pass::Infer).expect("forward");
    let error = one.input_gradient(&[1.0; 192], &mut vec![0.0; chip.len()]).expect_err("the other ran in between");
    assert!(matches!(error, Error::Input(_)), "{error}");
}

#[test]
fn gpu_that_went_away_is_an_error() {
    let Some(gpu) = gpu::gpu("gpu_that_went_away_is_an_error") else { return };
    let graph = Network::MobileFaceNet.graph(&model("mobilefacenet")).expect("model");
    let mut executor = GpuExecutor::new(&gpu, &graph, 1, WeightPrecision::Half).expect("plan");
    let chip = synthetic(112, 112);
    executor.forward(&chip, Pass::Differentiable).expect("forward");
    gpu.close();
    for _ in 0..2 {
        let error = executor.forward(&chip, Pass::Infer).expect_err("the device is gone");
        assert!(matches!(&error, Error::Device { .. }), "{error}");
        assert!(error.to_string().contains("start again"), "{error}");
    }
    assert!(executor.input_gradient(&[0.0; 192], &mut vec![0.0; chip.len()]).is_err());
    assert!(executor.sharing(&graph, 1).is_err());
}

#[test]
fn gpu_that_is_not_there_is_an_error() {
    let error = Gpu::open(adapters().len()).expect_err("no such adapter");
    assert!(matches!(&error, Error::Device { .. }), "{error}");
    assert!(error.to_string().contains("cpu"), "{error}");
}
