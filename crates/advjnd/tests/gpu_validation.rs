// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every kernel under the Khronos validation layer, synchronisation included.

#![cfg(feature = "gpu")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/networks.rs"]
mod networks;
#[path = "../../../tests/common/skip.rs"]
mod skip;

use std::path::Path;
use std::process::Command;

use advjnd::net::WeightPrecision;
use advjnd::net::gpu::GpuExecutor;
use advjnd::net::graph::{Activation, Padding, Shape};
use networks::{Numbers, Vectors, conv_graph, random_network, retreat, run};

const LAYER: &str = "/usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json";
/// It says what it finds, and that it is there.
const SETTINGS: &str = "\
khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG
khronos_validation.report_flags = error,warn,info
khronos_validation.log_filename = stdout
khronos_validation.enables = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
";

#[test]
fn gpu_kernels_pass_validation() {
    let name = "gpu_kernels_pass_validation";
    if gpu::gpu(name).is_none() {
        return;
    }
    if !Path::new(LAYER).is_file() {
        return skip::skip(name, "the validation layer is missing (vulkan-validationlayers)");
    }
    let settings = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vk_layer_settings.txt");
    std::fs::write(&settings, SETTINGS).expect("a file");
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "gpu_every_kernel_runs", "--nocapture"])
        .env("VK_INSTANCE_LAYERS", "VK_LAYER_KHRONOS_validation")
        .env("VK_LAYER_SETTINGS_PATH", &settings)
        .output()
        .expect("a process");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    assert!(told.contains("Current Enables: VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION"), "{told}");
    let kinds = ["Validation Error", "Validation Warning", "SYNC-HAZARD"];
    let is_error = |line: &&str| kinds.iter().any(|kind| line.contains(kind));
    let errors: Vec<&str> = told.lines().filter(is_error).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
#[ignore = "run by the test above, under the validation layer"]
fn gpu_every_kernel_runs() {
    let Some(gpu) = gpu::gpu("gpu_every_kernel_runs") else { return };
    let mut numbers = Numbers(4);
    let networks = (0..3).map(|which| random_network(&mut Numbers(which as u64), 30, 16, which, which));
    let convolutions = [(256, 4, 1), (64, 96, 2)].map(|(channels, side, stride)| {
        let conv = numbers.conv(channels, channels, 3, stride, Padding::all(1));
        Ok(conv_graph(Shape::new(channels, side, side), conv, Activation::Relu).expect("a graph"))
    });
    for graph in networks.chain(convolutions) {
        let graph = graph.expect("graph");
        for precision in [WeightPrecision::Single, WeightPrecision::Half] {
            let mut executor = GpuExecutor::new(&gpu, &graph, 2, precision).expect("plan");
            let input = numbers.many(2 * graph.input_shape().len(), 1.0);
            let length = 2 * graph.shape(graph.outputs()[0]).len();
            let (output, gradient) = run(&mut executor, &input, &vec![1.0; length]);
            assert!(output.iter().chain(&gradient).all(|value| value.is_finite()));
            let vectors = Vectors::new(&mut numbers, 2, length / 2);
            let (again, gradient) = retreat(&mut executor, &input, &vectors.retreats());
            assert!(again == output && gradient.iter().all(|value| value.is_finite()));
        }
    }
}
