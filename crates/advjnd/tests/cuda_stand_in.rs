// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks on candle's CUDA device, on a stand-in for the driver (`cuda/`): what they compute and what they ask of it.
//!
//! `scripts/cuda_check.sh` builds the stand-in and runs this. It proves the host's side, the kernels as C++ and their
//! indices, memory that nobody wrote, and leaks; nothing of NVIDIA's compiler and libraries, of threads at once, or of
//! speed.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/networks.rs"]
mod networks;

use advjnd::net::Network;
use advjnd::net::candle::{CandleDevice, CandleExecutor};
use advjnd::{Device, Models};
use common::{model, synthetic};
use networks::{relative_difference, run};

/// Embeddings and gradients, as a share of their norm.
const TOLERANCE: f32 = 1e-5;
/// Most uploads of a gradient: the chip and the cotangent.
const UPLOADS: u64 = 2;
/// Most bytes that candle keeps of one network for the rest of the process: shapes and strides.
const KEPT_BYTES: u64 = 8 << 10;

/// What the stand-in has done.
#[derive(Debug, Clone, Copy)]
struct Counts {
    kernels: u64,
    products: u64,
    uploads: u64,
    copies: u64,
    fills: u64,
    allocations: u64,
    frees: u64,
    live_bytes: u64,
}

impl Counts {
    /// As the stand-in says in its name.
    fn of(device: &CandleDevice) -> Self {
        let cuda = device.device().as_cuda_device().expect("a CUDA device");
        let name = cuda.cuda_stream().context().name().expect("a name");
        let numbers = name.strip_prefix("stand-in ").unwrap_or_else(|| panic!("{name} is not the stand-in"));
        let numbers: Vec<u64> = numbers.split(' ').map(|number| number.parse().expect("a number")).collect();
        let [kernels, products, uploads, copies, fills, allocations, frees, live_bytes] = numbers[..] else {
            panic!("{name} does not say all that it did")
        };
        Self { kernels, products, uploads, copies, fills, allocations, frees, live_bytes }
    }
}

/// A gradient of `network` takes at most so many kernels, besides products of matrices.
fn assert_agrees(network: Network, most_kernels: u64) {
    let device = CandleDevice::cuda(0).expect("the stand-in");
    let graph = network.graph(&model(network.name())).expect("model");
    let chip = synthetic(graph.input_shape().height, graph.input_shape().width);
    let length = graph.shape(graph.outputs()[0]).len();
    let cotangent: Vec<f32> = (0..length).map(|index| ((index * 37 % 23) as f32 - 11.0) / 11.0).collect();
    let mut reference = CandleExecutor::new(&graph, 1, &candle_core::Device::Cpu).expect("reference");
    let (embedding, gradient) = run(&mut reference, &chip, &cotangent);
    let start = Counts::of(&device);
    for is_first in [true, false] {
        let before = Counts::of(&device);
        let mut executor = CandleExecutor::new(&graph, 1, device.device()).expect("weights");
        let (found, pulled) = run(&mut executor, &chip, &cotangent);
        let errors = [relative_difference(&found, &embedding), relative_difference(&pulled, &gradient)];
        let ready = Counts::of(&device);
        assert!((found, pulled) == run(&mut executor, &chip, &cotangent), "the same chip gives the same");
        let done = Counts::of(&device);
        drop(executor);
        let end = Counts::of(&device);
        let (kernels, products) = (done.kernels - ready.kernels, done.products - ready.products);
        println!(
            "{network:?}: embedding {:.2e}, gradient {:.2e}; a gradient takes {kernels} kernels, {products} products, \
             {} uploads, {} copies, {} fills, {} allocations; candle keeps {} bytes",
            errors[0],
            errors[1],
            done.uploads - ready.uploads,
            done.copies - ready.copies,
            done.fills - ready.fills,
            done.allocations - ready.allocations,
            end.live_bytes - start.live_bytes
        );
        assert!(errors.iter().all(|error| *error <= TOLERANCE), "{network:?}: {errors:?}");
        assert!(kernels <= most_kernels, "{network:?}: {kernels} kernels");
        assert!(done.uploads - ready.uploads <= UPLOADS, "{network:?} brings up what it has brought up before");
        if is_first {
            assert!(end.live_bytes - start.live_bytes <= KEPT_BYTES, "{network:?}: {end:?}");
        } else {
            assert_eq!(end.allocations - before.allocations, end.frees - before.frees, "{network:?} leaks");
            assert_eq!(end.live_bytes, before.live_bytes, "{network:?} leaks");
        }
    }
}

#[test]
fn cuda_dlib_agrees_with_the_processor() {
    assert_agrees(Network::DlibResnet29, 300);
}

#[test]
fn cuda_sface_agrees_with_the_processor() {
    assert_agrees(Network::SFace, 400);
}

#[test]
fn cuda_mobilefacenet_agrees_with_the_processor() {
    assert_agrees(Network::MobileFaceNet, 600);
}

/// One at a time and several, by the test of the watch.
#[test]
fn cuda_device_is_opened_by_its_name() {
    let models = Models::embedded().expect("models");
    let open = |name: &str| name.parse::<Device>().expect("a device").open(&models, 1);
    let report = open("cuda:0").expect("a device that passes its test").report();
    assert_eq!((report.device.as_str(), report.fault), ("cuda:0", None));
    assert!(report.adapter.starts_with("stand-in "), "{}", report.adapter);
    let error = open("cuda:1").map(|_| ()).expect_err("there is one device").to_string();
    assert!(error.contains("cuda:1") && error.contains("set the device to cpu"), "{error}");
}

/// The script runs this one where the driver finds no device.
#[test]
fn cuda_no_device_is_an_error() {
    let models = Models::embedded().expect("models");
    let error = Device::Cuda(0).open(&models, 1).map(|_| ()).expect_err("there is no device").to_string();
    assert!(error.contains("cuda:0") && error.contains("set the device to cpu"), "{error}");
}
