// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernels for GPUs against the reference, on random networks.

#![cfg(feature = "gpu")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/networks.rs"]
mod networks;
#[path = "../../../tests/common/skip.rs"]
mod skip;

use std::sync::Arc;

use advjnd::net::candle::CandleExecutor;
use advjnd::net::gpu::{Gpu, GpuExecutor};
use advjnd::net::graph::{Activation, Graph, INPUT, Op, Padding, Shape};
use advjnd::net::{Executor, Upsampling, WeightPrecision};
use candle_core::Device;
use networks::{Numbers, Vectors, conv_graph, cosine, random_network, relative_difference, retreat, run};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// As in net_engine.rs.
const OUTPUT_TOLERANCE: f32 = 3e-5;
const LEAST_COSINE: f64 = 0.9995;

/// How far a gradient may differ for a cotangent that the GPU computed, from one for the processor's cotangent.
const COTANGENT_TOLERANCE: f32 = 1e-4;

/// Runs `graph` twice on the reference and on `gpu`, whose memory begins as not-a-numbers.
fn compare(gpu: &Arc<Gpu>, graph: &Graph, batch: usize, numbers: &mut Numbers) -> Result<(), TestCaseError> {
    let input = numbers.many(batch * graph.input_shape().len(), 1.0);
    let mut reference = CandleExecutor::new(graph, batch, &Device::Cpu).expect("reference");
    let cotangent = numbers.many(batch * reference.output_shape(0).expect("output").len(), 1.0);
    let (expected, gradient) = run(&mut reference, &input, &cotangent);
    let mut executor = GpuExecutor::new(gpu, graph, batch, WeightPrecision::Single).expect("plan");
    let first = run(&mut executor, &input, &cotangent);
    let again = run(&mut executor, &input, &cotangent);
    prop_assert!(first == again, "another result in the second run");
    let (output, pulled) = first;
    let difference = relative_difference(&output, &expected);
    prop_assert!(difference <= OUTPUT_TOLERANCE, "output differs by {difference}");
    let cosine = cosine(&pulled, &gradient);
    prop_assert!(cosine >= LEAST_COSINE, "cosine of the gradients {cosine}");
    let size = relative_difference(&pulled, &gradient);
    prop_assert!(f64::from(size) <= (2.0 * (1.0 - LEAST_COSINE)).sqrt() * 1.5, "gradient differs by {size}");
    let length = output.len() / batch;
    let vectors = Vectors::new(numbers, batch, length);
    let retreats = vectors.retreats();
    let (own, pulled) = retreat(&mut executor, &input, &retreats);
    prop_assert!(own == output, "another output before a retreat");
    let mut directions = vec![f32::NAN; output.len()];
    let samples = output.chunks_exact(length).zip(directions.chunks_exact_mut(length));
    samples.zip(&retreats).for_each(|((output, direction), retreat)| retreat.direction(output, direction));
    let (_, expected) = run(&mut executor, &input, &directions);
    let difference = relative_difference(&pulled, &expected);
    prop_assert!(difference <= COTANGENT_TOLERANCE, "gradient of a retreat differs by {difference}");
    Ok(())
}

/// `cases` cases of `strategy`, each of which `check` passes.
fn every<S: Strategy>(cases: u32, strategy: &S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { failure_persistence: None, max_shrink_iters: 64, ..Config::with_cases(cases) };
    TestRunner::new(config).run(strategy, check).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn gpu_convolutions_agree() {
    let Some(gpu) = gpu::gpu("gpu_convolutions_agree") else { return };
    let sizes = (any::<u64>(), 1usize..22, 1usize..22, 1usize..70, 1usize..70);
    let kernels = (1usize..6, 1usize..3, prop::array::uniform4(0usize..3), 0usize..3, 1usize..4);
    every(48, &(sizes, kernels), |((seed, height, width, from, to), (kernel, stride, pads, which, batch))| {
        let mut numbers = Numbers(seed);
        let [top, left, bottom, right] = pads.map(|pad| pad.min(kernel - 1));
        let conv = numbers.conv(from, to, kernel, stride, Padding { top, left, bottom, right });
        let activation = numbers.activation(which, to);
        let graph = conv_graph(Shape::new(from, height, width), conv, activation);
        graph.map_or(Ok(()), |graph| compare(&gpu, &graph, batch, &mut numbers))
    });
}

#[test]
fn gpu_depthwise_agrees() {
    let Some(gpu) = gpu::gpu("gpu_depthwise_agrees") else { return };
    let kernel = prop::sample::select(vec![1usize, 2, 3, 3, 3, 5, 7]);
    let sizes = (any::<u64>(), 1usize..20, 1usize..20, 1usize..40);
    every(24, &(sizes, (kernel, 1usize..4, 0usize..3, 0usize..3, 1usize..3)), |(sizes, rest)| {
        let ((seed, height, width, channels), (kernel, stride, pad, which, batch)) = (sizes, rest);
        let mut numbers = Numbers(seed);
        let padding = Padding { bottom: 0, ..Padding::all(pad.min(kernel - 1)) };
        let conv = numbers.any_conv(channels, channels, kernel, stride, padding, true);
        let activation = numbers.activation(which, channels);
        let graph = conv_graph(Shape::new(channels, height, width), conv, activation);
        graph.map_or(Ok(()), |graph| compare(&gpu, &graph, batch, &mut numbers))
    });
}

#[test]
fn gpu_random_networks_agree() {
    let Some(gpu) = gpu::gpu("gpu_random_networks_agree") else { return };
    let strategy = (any::<u64>(), 12usize..40, 1usize..33, 0usize..3, 1usize..3, 0usize..3);
    every(64, &strategy, |(seed, side, channels, which, batch, pool)| {
        let mut numbers = Numbers(seed);
        let graph = random_network(&mut numbers, side, channels, which, pool).expect("graph");
        compare(&gpu, &graph, batch, &mut numbers)
    });
}

#[test]
fn gpu_deep_small_planes_agree() {
    let Some(gpu) = gpu::gpu("gpu_deep_small_planes_agree") else { return };
    let mut numbers = Numbers(5);
    for (channels, side, stride) in [(256, 4, 1), (128, 8, 2), (300, 1, 1), (96, 40, 1)] {
        let conv = numbers.conv(channels, channels, 3, stride, Padding::all(1));
        let graph = conv_graph(Shape::new(channels, side, side), conv, Activation::Relu).expect("graph");
        compare(&gpu, &graph, 1, &mut numbers).unwrap_or_else(|error| panic!("{channels}, {side}: {error}"));
    }
}

#[test]
fn gpu_values_of_different_sizes_are_added() {
    let Some(gpu) = gpu::gpu("gpu_values_of_different_sizes_are_added") else { return };
    let mut numbers = Numbers(8);
    let mut graph = Graph::new("sums", Shape::new(5, 9, 11));
    let conv = numbers.conv(5, 8, 3, 1, Padding::all(0));
    let smaller = graph.push(Op::Conv { input: INPUT, conv, activation: Activation::None }).expect("a convolution");
    let activation = numbers.activation(2, 8);
    let sum = graph.push(Op::Add { a: smaller, b: INPUT, activation }).expect("a sum");
    let twice = graph.push(Op::Add { a: sum, b: sum, activation: Activation::None }).expect("a sum");
    let last = graph.push(Op::Add { a: INPUT, b: twice, activation: Activation::Relu }).expect("a sum");
    graph.push_output(last);
    compare(&gpu, &graph, 2, &mut numbers).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn gpu_enlarging_agrees() {
    let Some(gpu) = gpu::gpu("gpu_enlarging_agrees") else { return };
    for upsampling in [Upsampling::Repeat, Upsampling::Bilinear] {
        let mut numbers = Numbers(2);
        let mut graph = Graph::new("enlarged", Shape::new(4, 10, 6));
        let small = graph.push(Op::MaxPool { input: INPUT, kernel: 2, stride: 2 }).expect("pooling");
        let sum = graph.push(Op::UpsampleAdd { small, large: INPUT, upsampling }).expect("a sum");
        graph.push_output(sum);
        let input = numbers.many(2 * graph.input_shape().len(), 1.0);
        let mut reference = CandleExecutor::new(&graph, 2, &Device::Cpu).expect("reference");
        let mut executor = GpuExecutor::new(&gpu, &graph, 2, WeightPrecision::Single).expect("plan");
        for executor in [&mut reference as &mut dyn Executor, &mut executor] {
            executor.forward(&input, advjnd::net::Pass::Infer).expect("forward");
        }
        let difference = relative_difference(executor.output(0), reference.output(0));
        assert!(difference < 1e-6, "{upsampling:?} differs by {difference}");
    }
}

#[test]
fn gpu_what_does_not_fit_is_an_error() {
    let Some(gpu) = gpu::gpu("gpu_what_does_not_fit_is_an_error") else { return };
    let mut numbers = Numbers(1);
    let conv = numbers.conv(4, 4, 3, 3, Padding::all(1));
    let graph = conv_graph(Shape::new(4, 9, 9), conv, Activation::None).expect("graph");
    let error = GpuExecutor::new(&gpu, &graph, 1, WeightPrecision::Half).err().expect("no kernel");
    assert!(error.to_string().contains("stride 3"), "{error}");
    let conv = numbers.conv(4, 4, 3, 1, Padding::all(1));
    let graph = conv_graph(Shape::new(4, 4096, 4096), conv, Activation::None).expect("graph");
    let error = GpuExecutor::new(&gpu, &graph, 1, WeightPrecision::Half).err().expect("too large");
    assert!(error.to_string().contains("smaller"), "{error}");
    let graph = random_network(&mut numbers, 12, 4, 1, 2).expect("graph");
    let mut executor = GpuExecutor::new(&gpu, &graph, 1, WeightPrecision::Half).expect("plan");
    let mut input = numbers.many(graph.input_shape().len(), 1.0);
    let mut gradient = vec![0.0; input.len()];
    assert!(executor.input_gradient(&[0.0; 9], &mut gradient).is_err(), "before any forward pass");
    input[17] = f32::NAN;
    assert!(executor.forward(&input, advjnd::net::Pass::Infer).is_err(), "not a number");
}
