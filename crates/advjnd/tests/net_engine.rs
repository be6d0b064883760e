// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fast path against the reference and both against central differences, on random networks.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "common/networks.rs"]
mod networks;

use advjnd::Pool;
use advjnd::net::candle::CandleExecutor;
use advjnd::net::cpu::{Engine, Level};
use advjnd::net::graph::{Activation, Graph, INPUT, Op, Padding, Shape};
use advjnd::net::{Executor, Pass, WeightPrecision};
use candle_core::Device;
use half::f16;
use networks::{Numbers, assert_same_on_several_threads, conv_graph, cosine, random_network, relative_difference, run};
use proptest::prelude::*;

/// Outputs, as a share of their norm: sums of up to some thousand products in another order, and Winograd F(4×4, 3×3),
/// whose constants lose about two more bits than the direct algorithm.
const OUTPUT_TOLERANCE: f32 = 3e-5;
/// Least cosine of the two gradients. An activation whose sum is within rounding of zero may take the other side.
const GRADIENT_COSINE: f64 = 0.99999;
/// The same where such activations are few enough for one to matter: tiny random networks.
const TINY_GRADIENT_COSINE: f64 = 0.9995;
/// Outputs and gradients where large layers keep their weights in half precision, whose rounding is 2⁻¹² at most, as a
/// share of their norms; Winograd F(2×2, 3×3) makes about twice that of it.
const HALF_TOLERANCE: f32 = 2e-3;
/// Least cosine of the gradients then: some activations near zero take the other side, and in a random network of a few
/// thousand of them one or two are a thousandth of the gradient. The recognisers are held to 0.999 in net_golden.rs.
const HALF_GRADIENT_COSINE: f64 = 0.997;
/// Derivative along a direction against its central difference: `f32` leaves about three digits of a difference.
const DIFFERENCE_TOLERANCE: f64 = 2e-2;

/// Runs `graph` on the reference and on the engine at every level and precision.
fn assert_same(graph: &Graph, batch: usize, numbers: &mut Numbers, least_cosine: f64) {
    let half = (WeightPrecision::Half, (HALF_TOLERANCE, least_cosine.min(HALF_GRADIENT_COSINE)));
    let single = (WeightPrecision::Single, (OUTPUT_TOLERANCE, least_cosine));
    assert_same_within(graph, batch, numbers, [single, half]);
}

/// Runs `graph` on the reference and on the engine at every level with 1 and 2 threads, which give the same bits. Each
/// of `precisions` has the largest difference of the outputs and the least cosine of the gradients.
fn assert_same_within<const N: usize>(
    graph: &Graph,
    batch: usize,
    numbers: &mut Numbers,
    precisions: [(WeightPrecision, (f32, f64)); N],
) {
    let input = numbers.many(batch * graph.input_shape().len(), 1.0);
    let mut reference = CandleExecutor::new(graph, batch, &Device::Cpu).expect("reference");
    let cotangent = numbers.many(batch * reference.output_shape(0).expect("output").len(), 1.0);
    let (expected, gradient) = run(&mut reference, &input, &cotangent);
    let ways = Level::available().into_iter().flat_map(|level| precisions.map(|way| (level, way)));
    for (level, (precision, (tolerance, least_cosine))) in ways {
        let mut first = None;
        for threads in [1, 2] {
            let pool = Pool::new(threads).expect("pool");
            let mut engine = Engine::with(graph, batch, &pool, level, precision).expect("plan");
            for round in 0..2 {
                let (output, pulled) = run(&mut engine, &input, &cotangent);
                let run = (output.clone(), pulled.clone());
                assert!(
                    *first.get_or_insert_with(|| run.clone()) == run,
                    "{level:?}: another result on {threads} threads"
                );
                let difference = relative_difference(&output, &expected);
                let about = format!("{level:?}, {precision:?}, {threads} threads, round {round}, {:?}", graph.ops());
                let about = &about[..about.len().min(300)];
                assert!(difference <= tolerance, "output differs by {difference}: {about}");
                let cosine = cosine(&pulled, &gradient);
                assert!(cosine >= least_cosine, "cosine of the gradients {cosine}: {about}");
                let size = relative_difference(&pulled, &gradient);
                assert!(
                    f64::from(size) <= (2.0 * (1.0 - least_cosine)).sqrt() * 1.5,
                    "gradient differs by {size}: {about}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn net_convolutions_agree(
        seed in any::<u64>(), height in 1usize..22, width in 1usize..22, in_channels in 1usize..40,
        out_channels in 1usize..40,
        kernel in 1usize..6, stride in 1usize..3, pads in prop::array::uniform4(0usize..3), which in 0usize..3,
        batch in 1usize..3,
    ) {
        let mut numbers = Numbers(seed);
        let [top, left, bottom, right] = pads.map(|pad| pad.min(kernel - 1));
        let padding = Padding { top, left, bottom, right };
        let conv = numbers.conv(in_channels, out_channels, kernel, stride, padding);
        let activation = numbers.activation(which, out_channels);
        if let Some(graph) = conv_graph(Shape::new(in_channels, height, width), conv, activation) {
            assert_same(&graph, batch, &mut numbers, TINY_GRADIENT_COSINE);
        }
    }

    #[test]
    fn net_depthwise_agrees(
        seed in any::<u64>(), height in 1usize..20, width in 1usize..20, channels in 1usize..40,
        kernel in prop::sample::select(vec![1usize, 2, 3, 3, 3, 5, 7]), stride in 1usize..3, pad in 0usize..3,
        which in 0usize..3,
        batch in 1usize..3,
    ) {
        let mut numbers = Numbers(seed);
        let padding = Padding { bottom: 0, ..Padding::all(pad.min(kernel - 1)) };
        let conv = numbers.any_conv(channels, channels, kernel, stride, padding, true);
        let activation = numbers.activation(which, channels);
        if let Some(graph) = conv_graph(Shape::new(channels, height, width), conv, activation) {
            assert_same(&graph, batch, &mut numbers, TINY_GRADIENT_COSINE);
        }
    }

    #[test]
    fn net_winograd_agrees(
        seed in any::<u64>(), height in 5usize..30, width in 5usize..30, in_blocks in 1usize..4,
        out_blocks in 1usize..4,
        odd in 0usize..9, which in 0usize..3, batch in 1usize..3, pad in 0usize..2,
    ) {
        let mut numbers = Numbers(seed);
        let (in_channels, out_channels) = (16 * in_blocks + odd, 16 * out_blocks + odd);
        let conv = numbers.conv(in_channels, out_channels, 3, 1, Padding::all(pad));
        let activation = numbers.activation(which, out_channels);
        if let Some(graph) = conv_graph(Shape::new(in_channels, height, width), conv, activation) {
            assert_same(&graph, batch, &mut numbers, TINY_GRADIENT_COSINE);
        }
    }

    /// Half precision loses nothing of such weights, and is not used for small layers: every level is as good forward as
    /// in single precision.
    #[test]
    fn net_convolutions_that_lose_nothing_in_half_precision_agree(
        seed in any::<u64>(), height in 3usize..20, width in 3usize..20, is_half in any::<bool>(),
        (in_channels, out_channels) in (1usize..150, 1usize..150),
        (kernel, stride) in prop::sample::select(vec![(1usize, 1usize), (1, 2), (3, 2)]),
        which in 0usize..3, batch in 1usize..3,
    ) {
        let mut numbers = Numbers(seed);
        let [in_channels, out_channels] = [in_channels, out_channels].map(|n| if is_half { n } else { n.min(64) });
        let mut conv = numbers.conv(in_channels, out_channels, kernel, stride, Padding::all(kernel / 2));
        if is_half {
            let halved = conv.weight.numbers().iter().map(|weight| f16::from_f32(*weight).to_f32()).collect::<Vec<_>>();
            conv.weight = halved.into();
        }
        let activation = numbers.activation(which, out_channels);
        if let Some(graph) = conv_graph(Shape::new(in_channels, height, width), conv, activation) {
            let exactly = (OUTPUT_TOLERANCE, TINY_GRADIENT_COSINE);
            assert_same_within(&graph, batch, &mut numbers, [(WeightPrecision::Half, exactly)]);
        }
    }

    #[test]
    fn net_random_networks_agree(
        seed in any::<u64>(), side in 12usize..40, channels in 1usize..33, which in 0usize..3, batch in 1usize..3,
        pool in 0usize..3,
    ) {
        let mut numbers = Numbers(seed);
        let graph = random_network(&mut numbers, side, channels, which, pool).expect("graph");
        assert_same(&graph, batch, &mut numbers, TINY_GRADIENT_COSINE);
    }
}

#[test]
fn net_gradients_equal_central_differences() {
    for seed in 0..6 {
        let mut numbers = Numbers(seed);
        let graph = random_network(&mut numbers, 17, 8, 2, seed as usize % 3).expect("graph");
        let input = numbers.many(graph.input_shape().len(), 1.0);
        let direction = numbers.many(input.len(), 1.0);
        let cotangent = numbers.many(9, 1.0);
        let pool = Pool::new(1).expect("pool");
        let mut reference = CandleExecutor::new(&graph, 1, &Device::Cpu).expect("reference");
        let mut engine = Engine::new(&graph, 1, &pool).expect("plan");
        let executors: [&mut dyn Executor; 2] = [&mut reference, &mut engine];
        for executor in executors {
            let (_, gradient) = run(executor, &input, &cotangent);
            let expected: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
            let step = 2e-4;
            let mut value = |sign: f32| -> f64 {
                let moved: Vec<f32> = input.iter().zip(&direction).map(|(x, d)| x + sign * step * d).collect();
                executor.forward(&moved, Pass::Infer).expect("forward");
                executor.output(0).iter().zip(&cotangent).map(|(y, c)| f64::from(*y) * f64::from(*c)).sum()
            };
            let found = (value(1.0) - value(-1.0)) / f64::from(2.0 * step);
            let scale = expected.abs().max(0.5);
            assert!((found - expected).abs() <= DIFFERENCE_TOLERANCE * scale, "seed {seed}: {found}, not {expected}");
        }
    }
}

#[test]
fn net_large_layers_agree() {
    let mut numbers = Numbers(1);
    for (channels, side) in [(32, 35), (64, 17), (128, 8), (256, 4)] {
        let conv = numbers.conv(channels, channels, 3, 1, Padding::all(1));
        let graph = conv_graph(Shape::new(channels, side, side), conv, Activation::Relu).expect("graph");
        assert_same(&graph, 1, &mut numbers, GRADIENT_COSINE);
    }
}

#[test]
fn net_large_values_share_memory_and_agree() {
    let mut numbers = Numbers(4);
    let mut graph = Graph::new("large", Shape::new(3, 130, 140));
    let mut x = INPUT;
    let push = |graph: &mut Graph, input, conv, activation| graph.push(Op::Conv { input, conv, activation });
    // With frames of one, of two and of none, each over 1 MiB, on two sizes of planes.
    for (from, to, pooled) in [(3, 24, false), (24, 20, true), (20, 70, false), (70, 70, false)] {
        let conv = numbers.conv(from, to, 3, 1, Padding::all(1));
        x = push(&mut graph, x, conv, Activation::Relu).expect("a convolution");
        let conv = numbers.any_conv(to, to, 5, 1, Padding::all(2), true);
        x = push(&mut graph, x, conv, Activation::Relu).expect("a depthwise convolution");
        let conv = numbers.conv(to, to, 1, 1, Padding::all(0));
        x = push(&mut graph, x, conv, Activation::None).expect("a pointwise convolution");
        if pooled {
            x = graph.push(Op::MaxPool { input: x, kernel: 2, stride: 2 }).expect("pooling");
        }
    }
    x = graph.push(Op::GlobalMean { input: x }).expect("a mean");
    graph.push_output(x);
    assert_same(&graph, 1, &mut numbers, GRADIENT_COSINE);
    let engine = Engine::new(&graph, 1, &Pool::new(1).expect("pool")).expect("plan");
    let values: usize = (0..=graph.ops().len()).map(|value| graph.shape(value).len()).sum();
    assert!(engine.bytes() < 4 * values, "{} bytes for {values} numbers, with their gradients", engine.bytes());
}

#[test]
fn net_engines_that_share_weights_agree() {
    let mut numbers = Numbers(9);
    let conv = |numbers: &mut Numbers, channels| numbers.conv(channels, channels, 3, 1, Padding::all(1));
    // A large layer and a small one: they may be packed differently.
    for channels in [128, 32] {
        let own = conv(&mut numbers, channels);
        let graph = conv_graph(Shape::new(channels, 8, 8), own, Activation::Relu).expect("graph");
        let pools = [1, 2].map(|threads| Pool::new(threads).expect("pool"));
        let mut engine = Engine::new(&graph, 1, &pools[1]).expect("plan");
        let mut other = engine.sharing(&graph, 2, &pools[0]).expect("plan");
        assert!(other.bytes() < 2 * engine.bytes());
        let input = numbers.many(graph.input_shape().len(), 1.0);
        let cotangent = numbers.many(engine.output_shape(0).expect("output").len(), 1.0);
        let (output, gradient) = run(&mut engine, &input, &cotangent);
        drop(engine);
        let twice = run(&mut other, &input.repeat(2), &cotangent.repeat(2));
        assert!(twice == (output.repeat(2), gradient.repeat(2)));
        let stranger = conv_graph(Shape::new(64, 8, 8), conv(&mut numbers, 64), Activation::Relu).expect("graph");
        let error = other.sharing(&stranger, 1, &pools[0]).err().expect("other weights");
        assert!(error.to_string().contains("shared"), "{error}");
    }
}

#[test]
fn net_not_a_number_is_seen() {
    let mut numbers = Numbers(3);
    let graph = random_network(&mut numbers, 20, 16, 1, 0).expect("graph");
    let pool = Pool::new(2).expect("pool");
    let mut engine = Engine::new(&graph, 1, &pool).expect("plan");
    let mut input = numbers.many(graph.input_shape().len(), 1.0);
    input[333] = f32::NAN;
    engine.forward(&input, Pass::Infer).expect("forward");
    assert!(engine.output(0).iter().any(|value| value.is_nan()));
}

#[test]
fn net_odd_strides_are_refused() {
    let conv = Numbers(1).conv(4, 4, 3, 3, Padding::all(1));
    let graph = conv_graph(Shape::new(4, 9, 9), conv, Activation::None).expect("graph");
    let error = Engine::new(&graph, 1, &Pool::new(1).expect("pool")).err().expect("no algorithm");
    assert!(error.to_string().contains("stride 3"), "{error}");
}

#[test]
fn net_misuse_is_an_error() {
    let mut numbers = Numbers(5);
    let graph = random_network(&mut numbers, 12, 4, 1, 2).expect("graph");
    let pool = Pool::new(1).expect("pool");
    let mut engine = Engine::new(&graph, 2, &pool).expect("plan");
    let input = vec![0.5; 2 * graph.input_shape().len()];
    let mut gradient = vec![0.0; input.len()];
    assert!(engine.input_gradient(&[0.0; 18], &mut gradient).is_err(), "before any forward pass");
    assert!(engine.forward(&input[1..], Pass::Infer).is_err(), "a short input");
    engine.forward(&input, Pass::Infer).expect("forward");
    assert!(engine.input_gradient(&[0.0; 18], &mut gradient).is_err(), "after Infer");
    engine.forward(&input, Pass::Differentiable).expect("forward");
    assert!(engine.input_gradient(&[0.0; 17], &mut gradient).is_err(), "a short cotangent");
    assert!(engine.input_gradient(&[0.0; 18], &mut gradient[1..]).is_err(), "a short gradient");
    engine.input_gradient(&[0.0; 18], &mut gradient).expect("gradient");
}

#[test]
fn net_engines_share_a_pool() {
    assert_same_on_several_threads(|seed, pool| {
        let mut numbers = Numbers(seed);
        let graph = random_network(&mut numbers, 16, 16, 1, 1).expect("graph");
        let mut engine = Engine::new(&graph, 1, pool).expect("plan");
        let input = numbers.many(graph.input_shape().len(), 1.0);
        move || run(&mut engine, &input, &[1.0; 9])
    });
}
