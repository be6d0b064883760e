// SPDX-License-Identifier: MIT OR Apache-2.0
//! The networks on a GPU against candle on the CPU.

#![cfg(feature = "gpu")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/networks.rs"]
mod networks;

use advjnd::net::candle::{CandleExecutor, backend};
use advjnd::net::gpu::GpuExecutor;
use advjnd::net::{Backend, DetectorNet, Executor, Network, STRIDES, WeightPrecision};
use candle_core::Device;
use common::skip;
use common::{model, photograph, synthetic};
use networks::{cosine, relative_difference, run};

/// Embeddings with weights as they are, as a share of their norm.
const EMBEDDING_TOLERANCE: f32 = 1e-5;
/// Gradients then. On the photograph, one sum of SFace's and one of MobileFaceNet's lie within rounding of zero and
/// take the other side of their activation (`gpu_signs.rs`): 2.6e-3 and 2.4e-3 were seen, where the synthetic chip
/// gives 1e-6.
fn gradient_tolerance(network: Network) -> f32 {
    if network == Network::DlibResnet29 { 1e-5 } else { 1e-2 }
}
/// Least cosine of the gradients then.
const GRADIENT_COSINE: f64 = 0.9999;
/// The same with weights in half precision.
const HALF_EMBEDDING_TOLERANCE: f32 = 2e-3;
const HALF_GRADIENT_COSINE: f64 = 0.999;
/// Outputs of the detector, as a share of their norm.
const DETECTOR_TOLERANCE: f32 = 1e-5;

/// So many different chips of `side`.
fn chips(side: usize, count: usize) -> Vec<f32> {
    let face = photograph(side);
    let mirrored: Vec<f32> = face.chunks(side).flat_map(|row| row.iter().rev().copied()).collect();
    [synthetic(side, side), face, mirrored].into_iter().take(count).flatten().collect()
}

#[test]
fn gpu_dlib_agrees_with_the_reference() {
    assert_agrees("gpu_dlib_agrees_with_the_reference", Network::DlibResnet29);
}

#[test]
fn gpu_sface_agrees_with_the_reference() {
    assert_agrees("gpu_sface_agrees_with_the_reference", Network::SFace);
}

#[test]
fn gpu_mobilefacenet_agrees_with_the_reference() {
    assert_agrees("gpu_mobilefacenet_agrees_with_the_reference", Network::MobileFaceNet);
}

/// One chip by weights in both precisions, and three by weights as they are.
fn assert_agrees(test: &str, network: Network) {
    let Some(gpu) = gpu::gpu(test) else { return };
    let graph = network.graph(&model(network.name())).expect("model");
    let single = GpuExecutor::new(&gpu, &graph, 1, WeightPrecision::Single).expect("plan");
    let half = GpuExecutor::new(&gpu, &graph, 1, WeightPrecision::Half).expect("plan");
    for batch in [1, 3] {
        let input = chips(graph.input_shape().width, batch);
        let mut reference = CandleExecutor::new(&graph, batch, &Device::Cpu).expect("reference");
        let length = batch * reference.output_shape(0).expect("an embedding").len();
        let cotangent: Vec<f32> = (0..length).map(|index| ((index * 37 % 23) as f32 - 11.0) / 11.0).collect();
        let (embedding, gradient) = run(&mut reference, &input, &cotangent);
        let ways = [("single", &single), ("half", &half)];
        for (name, shared) in ways.into_iter().take(if batch == 1 { 2 } else { 1 }) {
            let mut executor = shared.sharing(&graph, batch).expect("plan");
            let (found, pulled) = run(&mut executor, &input, &cotangent);
            let [embeddings, gradients] =
                [relative_difference(&found, &embedding), relative_difference(&pulled, &gradient)];
            let cosine = cosine(&pulled, &gradient);
            println!(
                "{network:?}, {name}, batch {batch}: embedding {embeddings:.2e}, gradient {gradients:.2e}, \
                     cosine {cosine:.6}"
            );
            let fits = if name == "single" {
                embeddings <= EMBEDDING_TOLERANCE
                    && gradients <= gradient_tolerance(network)
                    && cosine >= GRADIENT_COSINE
            } else {
                embeddings <= HALF_EMBEDDING_TOLERANCE && cosine >= HALF_GRADIENT_COSINE
            };
            assert!(fits, "{network:?}, {name}, batch {batch}");
        }
    }
}

#[test]
fn gpu_detector_agrees_with_the_reference() {
    let Some(gpu) = gpu::gpu("gpu_detector_agrees_with_the_reference") else { return };
    let bytes = model("yunet_2023mar");
    let (height, width) = (96, 160);
    let picture = synthetic(height, width);
    let run = |backend: Backend| {
        let mut detector = DetectorNet::load(&bytes, backend).expect("model");
        detector.forward(&picture, height, width).expect("forward");
        detector
    };
    let (found, expected) = (run(Backend::Gpu(gpu)), run(backend(Device::Cpu)));
    for level in 0..STRIDES.len() {
        let outputs = |net: &DetectorNet| [net.cls(level), net.obj(level), net.bbox(level), net.kps(level)].concat();
        let difference = relative_difference(&outputs(&found), &outputs(&expected));
        println!("detector, level {level}: {difference:.2e}");
        assert!(difference <= DETECTOR_TOLERANCE, "level {level} differs by {difference}");
    }
}
