// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random networks, and how the results of two executors are compared.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "not every test needs everything")]

#[path = "../../../../tests/common/numbers.rs"]
mod numbers;

use std::sync::Arc;

use advjnd::Pool;
use advjnd::net::graph::{Activation, Conv, Graph, INPUT, Op, Padding, Shape, ValueId};
use advjnd::net::{Executor, Metric, Pass, Retreat, RetreatBuffers};
pub use numbers::Numbers;

impl Numbers {
    /// A number in −1..1.
    pub fn next(&mut self) -> f32 {
        (self.step() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// `count` numbers in −scale..scale.
    pub fn many(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| self.next() * scale).collect()
    }

    /// One of the three activations.
    pub fn activation(&mut self, which: usize, channels: usize) -> Activation {
        match which % 3 {
            0 => Activation::None,
            1 => Activation::Relu,
            _ => Activation::Prelu(self.many(channels, 0.5).into()),
        }
    }

    /// A dense convolution.
    pub fn conv(
        &mut self,
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
        stride: usize,
        padding: Padding,
    ) -> Conv {
        self.any_conv(in_channels, out_channels, kernel, stride, padding, false)
    }

    /// A convolution with random weights.
    pub fn any_conv(
        &mut self,
        in_channels: usize,
        out_channels: usize,
        kernel: usize,
        stride: usize,
        padding: Padding,
        depthwise: bool,
    ) -> Conv {
        let inputs = if depthwise { 1 } else { in_channels };
        let per_filter = inputs * kernel * kernel;
        let weight = self.many(out_channels * per_filter, (3.0 / per_filter as f32).sqrt()).into();
        let bias = self.many(out_channels, 0.1).into();
        Conv { in_channels, out_channels, kernel, stride, padding, depthwise, weight, bias }
    }
}

/// Cosine of the angle between two vectors; 1 if one of them is zero.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if norms == 0.0 { 1.0 } else { dot(a, b) / norms }
}

/// The norm of the difference, as a share of the norm of what was expected.
pub fn relative_difference(found: &[f32], expected: &[f32]) -> f32 {
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    let difference = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    (difference / norm(&mut expected.iter().copied()).max(1e-6)) as f32
}

/// Output 0 and the gradient of the input.
pub fn run(executor: &mut dyn Executor, input: &[f32], cotangent: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let mut gradient = vec![f32::NAN; input.len()];
    executor.forward(input, Pass::Differentiable).expect("forward");
    executor.input_gradient(cotangent, &mut gradient).expect("gradient");
    (executor.output(0).to_vec(), gradient)
}

/// Random vectors of retreats.
pub struct Vectors(Vec<[Vec<f32>; 3]>);

impl Vectors {
    /// Those of `count` retreats of embeddings of `length` numbers; some have no constant direction.
    pub fn new(numbers: &mut Numbers, count: usize, length: usize) -> Self {
        let own = |numbers: &mut Numbers| {
            let away = if numbers.next() < 0.0 { 0 } else { length };
            [length, length, away].map(|length| numbers.many(length, 1.0))
        };
        Self((0..count).map(|_| own(numbers)).collect())
    }

    /// The retreats, by one metric and the other in turn.
    pub fn retreats(&self) -> Vec<Retreat<'_>> {
        let metrics = [Metric::Cosine, Metric::Euclidean].into_iter().cycle();
        let all = self.0.iter().zip(metrics);
        all.map(|([first, second, away], metric)| Retreat { metric, references: [first, second], away }).collect()
    }
}

/// Outputs 0 and the gradients of `retreats`, all together.
pub fn retreat(executor: &mut dyn Executor, inputs: &[f32], retreats: &[Retreat<'_>]) -> (Vec<f32>, Vec<f32>) {
    let length = retreats.len() * executor.output_shape(0).expect("output").len();
    let (mut outputs, mut cotangents) = (vec![f32::NAN; length], vec![f32::NAN; length]);
    let mut gradients = vec![f32::NAN; inputs.len()];
    let mut found = RetreatBuffers { outputs: &mut outputs, cotangents: &mut cotangents, gradients: &mut gradients };
    executor.retreat_many(inputs, retreats, &mut found).expect("gradients");
    (outputs, gradients)
}

/// A network of one convolution, if it fits.
pub fn conv_graph(shape: Shape, conv: Conv, activation: Activation) -> Option<Graph> {
    let mut graph = Graph::new("test", shape);
    let output = graph.push(Op::Conv { input: INPUT, conv, activation }).ok()?;
    graph.push_output(output);
    Some(graph)
}

/// Normalised image, strided stem, pooling, residual blocks of equal and of halved size, depthwise, mean, linear layer.
pub fn random_network(
    numbers: &mut Numbers,
    side: usize,
    channels: usize,
    which: usize,
    pool: usize,
) -> advjnd::Result<Graph> {
    let mut graph = Graph::new("test", Shape::new(3, side, side + 3));
    let normalize = Op::Normalize { input: INPUT, order: [2, 0, 1], mean: [0.1, -0.2, 0.3], scale: [1.5, 0.5, 2.0] };
    let mut x = graph.push(normalize)?;
    let mut push = |graph: &mut Graph, input: ValueId, conv: Conv, which: usize| {
        let activation = numbers.activation(which, conv.out_channels);
        graph.push(Op::Conv { input, conv, activation })
    };
    let numbers = &mut Numbers(7 + channels as u64);
    x = push(&mut graph, x, numbers.conv(3, channels, 3, 1 + which % 2, Padding::all(1)), 1)?;
    match pool {
        0 => x = graph.push(Op::MaxPool { input: x, kernel: 3, stride: 2 })?,
        1 => x = graph.push(Op::MaxPool { input: x, kernel: 2, stride: 2 })?,
        _ => {}
    }
    let inner = push(&mut graph, x, numbers.conv(channels, channels + 5, 3, 1, Padding::all(1)), 1)?;
    let branch = push(&mut graph, inner, numbers.conv(channels + 5, channels, 3, 1, Padding::all(1)), 0)?;
    let activation = numbers.activation(which, channels);
    x = graph.push(Op::Add { a: branch, b: x, activation })?;
    x = push(&mut graph, x, numbers.any_conv(channels, channels, 3, 1, Padding::all(1), true), which + 1)?;
    let inner = push(&mut graph, x, numbers.conv(channels, 2 * channels, 2, 2, Padding::all(0)), 2)?;
    let branch = push(&mut graph, inner, numbers.conv(2 * channels, 2 * channels, 3, 1, Padding::all(1)), 0)?;
    let skip = graph.push(Op::AvgPool2 { input: x })?;
    x = graph.push(Op::Add { a: branch, b: skip, activation: Activation::Relu })?;
    let (shape, outputs) = (graph.shape(x), 9);
    x = if which == 0 { x } else { graph.push(Op::GlobalMean { input: x })? };
    let inputs = if which == 0 { shape.len() } else { shape.channels };
    let weight = numbers.many(inputs * outputs, (3.0 / inputs as f32).sqrt()).into();
    x = graph.push(Op::Linear { input: x, weight, bias: numbers.many(outputs, 1.0).into() })?;
    graph.push_output(x);
    Ok(graph)
}

/// On each of three threads, which share a pool, calls what `make` makes of the thread's number two hundred times.
/// Every call must give the same as the first.
pub fn assert_same_on_several_threads<R: PartialEq, F: FnMut() -> R>(make: impl Fn(u64, &Arc<Pool>) -> F + Sync) {
    let pool = Pool::new(2).expect("pool");
    std::thread::scope(|scope| {
        for seed in 0..3 {
            let (make, pool) = (&make, &pool);
            scope.spawn(move || {
                let mut call = make(seed, pool);
                let first = call();
                assert!((0..200).all(|_| call() == first), "the same input gave another result");
            });
        }
    });
}
