// SPDX-License-Identifier: MIT OR Apache-2.0
//! Planes enlarged twice: the fast path and the reference against the formula, and the reference's gradient against the
//! adjoint.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use advjnd::Pool;
use advjnd::net::candle::CandleExecutor;
use advjnd::net::cpu::{Engine, Level};
use advjnd::net::graph::{Activation, Conv, Graph, INPUT, Op, Padding, Shape};
use advjnd::net::{Executor, Pass, Upsampling, WeightPrecision};
use candle_core::Device;
use proptest::prelude::*;

/// Outputs are of order 1.
const TOLERANCE: f32 = 1e-5;

/// Each channel by itself, `factor` times as large; where `stride` is 2, every second pixel.
fn scaled(channels: usize, stride: usize, factor: f32) -> Op {
    let weight = (0..channels * channels).map(|index| if index % (channels + 1) == 0 { factor } else { 0.0 });
    let conv = Conv {
        in_channels: channels,
        out_channels: channels,
        kernel: 1,
        stride,
        padding: Padding::default(),
        depthwise: false,
        weight: weight.collect(),
        bias: vec![0.0; channels].into(),
    };
    Op::Conv { input: INPUT, conv, activation: Activation::None }
}

/// `x[2i][2j]` enlarged, and `x / 2`.
fn graph(shape: Shape, upsampling: Upsampling) -> Graph {
    let mut graph = Graph::new("test", shape);
    let small = graph.push(scaled(shape.channels, 2, 1.0)).expect("every second pixel");
    let large = graph.push(scaled(shape.channels, 1, 0.5)).expect("half of each");
    let sum = graph.push(Op::UpsampleAdd { small, large, upsampling }).expect("a sum");
    graph.push_output(sum);
    graph
}

/// `small` at the new pixel (`row`, `column`) by the coordinates of centres.
fn enlarged(small: &[f32], (height, width): (usize, usize), upsampling: Upsampling, row: usize, column: usize) -> f32 {
    let at = |y: f64, x: f64| {
        let inside = |value: f64, size: usize| value.clamp(0.0, (size - 1) as f64) as usize;
        f64::from(small[inside(y, height) * width + inside(x, width)])
    };
    let (y, x) = ((row as f64 + 0.5) / 2.0 - 0.5, (column as f64 + 0.5) / 2.0 - 0.5);
    let value = match upsampling {
        Upsampling::Repeat => at((row / 2) as f64, (column / 2) as f64),
        Upsampling::Bilinear => {
            let (top, left) = (y.floor(), x.floor());
            let across = |y: f64| (1.0 - (x - left)) * at(y, left) + (x - left) * at(y, left + 1.0);
            (1.0 - (y - top)) * across(top) + (y - top) * across(top + 1.0)
        }
    };
    value as f32
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn net_enlarged_planes_agree(
        height in 1usize..9, width in 1usize..9, channels in 1usize..36, batch in 1usize..3, bilinear in any::<bool>(),
        seed in any::<u32>(),
    ) {
        let upsampling = if bilinear { Upsampling::Bilinear } else { Upsampling::Repeat };
        let shape = Shape::new(channels, 2 * height, 2 * width);
        let graph = graph(shape, upsampling);
        let number = |index: usize| ((index as u32).wrapping_mul(2654435761) ^ seed) as f32 / u32::MAX as f32 - 0.5;
        let input: Vec<f32> = (0..batch * shape.len()).map(number).collect();
        let mut expected = Vec::with_capacity(input.len());
        for plane in input.chunks_exact(shape.plane()) {
            let every_second = |index: usize| plane[index / width * 2 * shape.width + index % width * 2];
            let small: Vec<f32> = (0..height * width).map(every_second).collect();
            let sum = |index: usize| {
                let (row, column) = (index / shape.width, index % shape.width);
                enlarged(&small, (height, width), upsampling, row, column) + plane[index] / 2.0
            };
            expected.extend((0..plane.len()).map(sum));
        }
        let mut executors: Vec<Box<dyn Executor>> =
            vec![Box::new(CandleExecutor::new(&graph, batch, &Device::Cpu).expect("reference"))];
        for level in Level::available() {
            for threads in [1, 2] {
                let pool = Pool::new(threads).expect("pool");
                let engine = Engine::with(&graph, batch, &pool, level, WeightPrecision::Single).expect("plan");
                executors.push(Box::new(engine));
            }
        }
        for (which, executor) in executors.iter_mut().enumerate() {
            executor.forward(&input, Pass::Infer).expect("forward");
            for (index, (found, expected)) in executor.output(0).iter().zip(&expected).enumerate() {
                prop_assert!((found - expected).abs() <= TOLERANCE, "{which}: [{index}] {found}, not {expected}");
            }
        }
        // The network is linear: a cotangent's product with an output is that of its pull-back with the input.
        let mut reference = CandleExecutor::new(&graph, batch, &Device::Cpu).expect("reference");
        let cotangent: Vec<f32> = (0..expected.len()).map(|index| number(index + 77_777)).collect();
        let mut gradient = vec![0.0; input.len()];
        reference.forward(&input, Pass::Differentiable).expect("forward");
        reference.input_gradient(&cotangent, &mut gradient).expect("gradient");
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let (there, back) = (dot(&expected, &cotangent), dot(&input, &gradient));
        prop_assert!((there - back).abs() <= 1e-6 * input.len() as f64, "{there} there, {back} back");
    }
}
