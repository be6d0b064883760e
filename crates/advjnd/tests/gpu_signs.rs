// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a gradient on a GPU may differ from candle's by more than rounding: a sum within rounding of zero takes the
//! other side of its activation. Where both take the same sides, the gradients differ by rounding alone.

#![cfg(feature = "gpu")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/networks.rs"]
mod networks;

use advjnd::net::candle::CandleExecutor;
use advjnd::net::gpu::GpuExecutor;
use advjnd::net::graph::{Activation, Graph, Op};
use advjnd::net::{Executor, Network, Pass, WeightPrecision};
use candle_core::Device;
use common::skip;
use common::{model, photograph, synthetic};
use networks::{cosine, relative_difference, run};

/// How far gradients differ where all sums take the same side, as a share of their norm.
const ROUNDING: f32 = 1e-5;
/// The same where a few do not, and the least cosine then.
const CROSSED: f32 = 1e-2;
const CROSSED_COSINE: f64 = 0.9999;
/// How close to zero a sum is that takes the other side, as a share of the mean square root of its value's sums.
const NEAR_ZERO: f32 = 1e-5;

/// The graph, its outputs every sum that goes into an activation.
fn sums(graph: &Graph) -> Graph {
    let mut all = Graph::new(graph.name(), graph.input_shape());
    let mut outputs = Vec::new();
    for op in graph.ops() {
        let mut bare = op.clone();
        all.push(op.clone()).expect("an operation");
        outputs.push(match &mut bare {
            Op::Conv { activation, .. } | Op::Add { activation, .. } => {
                (!matches!(std::mem::replace(activation, Activation::None), Activation::None)).then_some(bare)
            }
            _ => None,
        });
    }
    for bare in outputs.into_iter().flatten() {
        let sum = all.push(bare).expect("an operation");
        all.push_output(sum);
    }
    all
}

/// How many sums take different sides, of how many, and how far from zero the farthest of these is.
fn crossings(found: &dyn Executor, expected: &dyn Executor, outputs: usize) -> (usize, usize, f32) {
    let (mut crossed, mut all, mut farthest) = (0, 0, 0.0f32);
    for output in 0..outputs {
        let (found, expected) = (found.output(output), expected.output(output));
        let mean = (expected.iter().map(|value| value * value).sum::<f32>() / expected.len() as f32).sqrt();
        all += expected.len();
        for (a, b) in found.iter().zip(expected).filter(|(a, b)| (**a > 0.0) != (**b > 0.0)) {
            crossed += 1;
            farthest = farthest.max(a.abs().max(b.abs()) / mean);
        }
    }
    (crossed, all, farthest)
}

#[test]
fn gpu_gradients_differ_by_rounding_where_no_sum_takes_the_other_side() {
    let Some(gpu) = gpu::gpu("gpu_gradients_differ_by_rounding_where_no_sum_takes_the_other_side") else { return };
    let mut alike = 0;
    for network in [Network::SFace, Network::MobileFaceNet] {
        let graph = network.graph(&model(network.name())).expect("model");
        let with_sums = sums(&graph);
        let outputs = with_sums.outputs().len();
        let mut sums: [Box<dyn Executor>; 2] = [
            Box::new(GpuExecutor::new(&gpu, &with_sums, 1, WeightPrecision::Single).expect("plan")),
            Box::new(CandleExecutor::new(&with_sums, 1, &Device::Cpu).expect("reference")),
        ];
        let mut executor = GpuExecutor::new(&gpu, &graph, 1, WeightPrecision::Single).expect("plan");
        let mut reference = CandleExecutor::new(&graph, 1, &Device::Cpu).expect("reference");
        let side = graph.input_shape().width;
        for (name, chip) in [("synthetic", synthetic(side, side)), ("photograph", photograph(side))] {
            sums.iter_mut().for_each(|executor| executor.forward(&chip, Pass::Infer).expect("forward"));
            let (crossed, all, farthest) = crossings(&*sums[0], &*sums[1], outputs);
            let length = reference.output_shape(0).expect("an embedding").len();
            let cotangent: Vec<f32> = (0..length).map(|index| ((index * 37 % 23) as f32 - 11.0) / 11.0).collect();
            let (_, found) = run(&mut executor, &chip, &cotangent);
            let (_, expected) = run(&mut reference, &chip, &cotangent);
            let (difference, cosine) = (relative_difference(&found, &expected), cosine(&found, &expected));
            println!(
                "{network:?}, {name}: {crossed} of {all} sums take the other side, the farthest {farthest:.1e} from \
                 zero; gradient {difference:.2e}, cosine {cosine:.7}"
            );
            assert!(farthest <= NEAR_ZERO, "a sum {farthest} from zero takes the other side");
            if crossed == 0 {
                alike += 1;
                assert!(difference <= ROUNDING, "differs by {difference} where no sum takes the other side");
            } else {
                assert!(difference <= CROSSED && cosine >= CROSSED_COSINE, "{difference}, {cosine}");
            }
        }
    }
    assert!(alike > 0, "no chip was without such a sum");
}
