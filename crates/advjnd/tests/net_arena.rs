// SPDX-License-Identifier: MIT OR Apache-2.0
//! Engines for outputs alone, whose values lie in common memory, against engines with their own.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "common/networks.rs"]
mod networks;

use std::sync::Arc;

use advjnd::Pool;
use advjnd::net::cpu::Engine;
use advjnd::net::graph::{Graph, Op, Padding, Shape};
use advjnd::net::{Executor, Pass};
use networks::{Numbers, assert_same_on_several_threads, conv_graph, random_network};
use proptest::prelude::*;

/// An engine on the memory that those of `pool` share, all of which it fills with NaN.
fn spoiler(pool: &Arc<Pool>) -> Engine {
    let mut numbers = Numbers(1);
    // Without padding, so without frames of its own, and larger than any other network of these tests.
    let conv = numbers.conv(3, 64, 3, 1, Padding::all(0));
    let activation = numbers.activation(0, 64);
    let graph = conv_graph(Shape::new(3, 220, 220), conv, activation).expect("graph");
    let mut engine = Engine::for_outputs(&graph, 1, pool).expect("plan");
    spoil(&mut engine);
    engine
}

fn spoil(engine: &mut Engine) {
    let input = vec![f32::NAN; engine.input_shape().len()];
    engine.forward(&input, Pass::Infer).expect("forward");
    let output = engine.output(0);
    assert!(output.iter().all(|value| value.is_nan()), "the memory is not spoiled");
}

/// Runs `graph` in its own memory and in spoiled memory; outputs must be the same bits.
fn assert_same(graph: &Graph, batch: usize, numbers: &mut Numbers) {
    for threads in [1, 2] {
        let pool = Pool::new(threads).expect("pool");
        let mut own = Engine::new(graph, batch, &pool).expect("plan");
        let mut spoiler = spoiler(&pool);
        let mut shared = Engine::for_outputs(graph, batch, &pool).expect("plan");
        for pass in [Pass::Infer, Pass::Differentiable] {
            let input = numbers.many(batch * graph.input_shape().len(), 1.0);
            own.forward(&input, pass).expect("forward");
            spoil(&mut spoiler);
            shared.forward(&input, pass).expect("forward");
            assert!(own.output(0) == shared.output(0), "{threads} threads, {pass:?}");
        }
        let output = vec![1.0; own.output(0).len()];
        let mut gradient = vec![0.0; batch * graph.input_shape().len()];
        assert!(shared.input_gradient(&output, &mut gradient).is_err(), "it has no gradients");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn convolutions_find_nothing_of_others(
        seed in any::<u64>(), height in 1usize..30, width in 1usize..30, in_channels in 1usize..40,
        out_channels in 1usize..40, kernel in 1usize..6, stride in 1usize..3, pads in prop::array::uniform4(0usize..3),
        depthwise in any::<bool>(), batch in 1usize..3,
    ) {
        let mut numbers = Numbers(seed);
        let [top, left, bottom, right] = pads.map(|pad| pad.min(kernel - 1));
        let padding = Padding { top, left, bottom, right };
        let outputs = if depthwise { in_channels } else { out_channels };
        let conv = numbers.any_conv(in_channels, outputs, kernel, stride, padding, depthwise);
        let activation = numbers.activation(1, outputs);
        if let Some(graph) = conv_graph(Shape::new(in_channels, height, width), conv, activation) {
            assert_same(&graph, batch, &mut numbers);
        }
    }

    #[test]
    fn networks_find_nothing_of_others(
        seed in any::<u64>(), side in 12usize..40, channels in 1usize..33, which in 0usize..3, batch in 1usize..3,
        pool in 0usize..3,
    ) {
        let mut numbers = Numbers(seed);
        let graph = random_network(&mut numbers, side, channels, which, pool).expect("graph");
        assert_same(&graph, batch, &mut numbers);
    }
}

#[test]
fn large_values_that_are_enlarged_find_nothing_of_others() {
    let mut numbers = Numbers(4);
    let mut graph = Graph::new("enlarged", Shape::new(3, 128, 160));
    let mut levels = Vec::new();
    let mut x = advjnd::net::graph::INPUT;
    for (from, to, kernel) in [(3, 24, 3), (24, 40, 5)] {
        let conv = numbers.conv(from, to, kernel, 1, Padding::all(kernel / 2));
        x = graph.push(Op::Conv { input: x, conv, activation: numbers.activation(1, to) }).expect("a convolution");
        let conv = numbers.any_conv(to, to, 3, 1, Padding::all(1), true);
        x = graph.push(Op::Conv { input: x, conv, activation: numbers.activation(1, to) }).expect("a convolution");
        let conv = numbers.conv(to, 24, 1, 1, Padding::all(0));
        levels.push(graph.push(Op::Conv { input: x, conv, activation: numbers.activation(0, 24) }).expect("a level"));
        x = graph.push(Op::MaxPool { input: x, kernel: 2, stride: 2 }).expect("pooling");
    }
    let upsampling = advjnd::net::Upsampling::Bilinear;
    let sum = graph.push(Op::UpsampleAdd { small: levels[1], large: levels[0], upsampling }).expect("a sum");
    let conv = numbers.conv(24, 7, 3, 1, Padding::all(1));
    let output = graph.push(Op::Conv { input: sum, conv, activation: numbers.activation(0, 7) }).expect("an output");
    graph.push_output(output);
    assert_same(&graph, 1, &mut numbers);
}

#[test]
fn engines_on_several_threads_wait_for_each_other() {
    assert_same_on_several_threads(|seed, pool| {
        let mut numbers = Numbers(seed);
        let graph = random_network(&mut numbers, 16 + 8 * seed as usize, 16, 1, 1).expect("graph");
        let mut engine = Engine::for_outputs(&graph, 1, pool).expect("plan");
        let input = numbers.many(graph.input_shape().len(), 1.0);
        move || {
            engine.forward(&input, Pass::Infer).expect("forward");
            engine.output(0).to_vec()
        }
    });
}
