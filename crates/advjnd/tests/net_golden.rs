// SPDX-License-Identifier: MIT OR Apache-2.0
//! Embeddings, gradients and detector outputs against PyTorch and ONNX Runtime.
//!
//! `data/net_golden.json` was made by `models/convert/golden_net.py`.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use advjnd::Pool;
use advjnd::net::candle;
use advjnd::net::cpu::{Engine, Level};
use advjnd::net::{Backend, DetectorNet, Embedder, Executor, Network, Recognizer, WeightPrecision};
use candle_core::Device;
use common::skip::material;
use common::{model, photograph, synthetic};
use serde_json::Value;

/// Embeddings: differences of the order of summation, absolute, as a share of the embedding's norm (dlib's is about
/// 1.4).
const EMBEDDING_TOLERANCE: f32 = 1e-4;
/// Gradients: a share of the largest entry or of the norm; a ReLU whose sum is a rounding error from 0 may turn.
const GRADIENT_TOLERANCE: f32 = 2e-3;
/// The same where the engine rounds the weights of large layers to half precision, by 2⁻¹² at most; on AMX it rounds
/// them less.
const HALF_EMBEDDING_TOLERANCE: f32 = 1e-3;
/// Gradients then: at a cosine of 0.999 single entries may be off by so
/// much of the largest.
const HALF_GRADIENT_TOLERANCE: f32 = 0.1;
/// Detector outputs, absolute; boxes and landmarks are of order 1, scores at most 1.
const DETECTOR_TOLERANCE: f32 = 1e-4;

fn golden() -> Value {
    serde_json::from_str(include_str!("data/net_golden.json")).expect("golden file")
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().expect("array").iter().map(|entry| entry.as_f64().expect("number") as f32).collect()
}

fn assert_sampled(what: &str, values: &[f32], golden: &Value, tolerance: f32, floor: f32) {
    let expected = floats(&golden["samples"]);
    let norm = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt() as f32;
    let golden_norm = golden["norm"].as_f64().expect("number") as f32;
    let step = (values.len() / 64).max(1);
    assert!((norm - golden_norm).abs() <= tolerance * golden_norm.max(floor), "{what}: norm {norm}, not {golden_norm}");
    let scale = expected.iter().fold(floor, |scale, value| scale.max(value.abs()));
    for (index, expected) in expected.iter().enumerate() {
        let found = values[index * step];
        assert!((found - expected).abs() <= tolerance * scale, "{what}[{}]: {found}, not {expected}", index * step);
    }
}

fn assert_recogniser(recogniser: &mut Recognizer, tolerances: [f32; 2], chip: &[f32], golden: &Value) {
    let network = recogniser.spec().name.clone();
    let mut embedding = vec![0.0; recogniser.spec().embedding_len];
    recogniser.embed(chip, &mut embedding).expect("embed");
    let expected = floats(&golden["embedding"]);
    let norm = expected.iter().map(|value| value * value).sum::<f32>().sqrt();
    for (found, expected) in embedding.iter().zip(&expected) {
        assert!((found - expected).abs() <= tolerances[0] * norm.max(1.0), "{network}: {found}, not {expected}");
    }
    let mut gradient = vec![0.0; chip.len()];
    let mut cotangent = |_: &[f32], cotangent: &mut [f32]| {
        for (index, value) in cotangent.iter_mut().enumerate() {
            *value = ((index * 37 % 64) as f32 - 32.0) / 32.0;
        }
    };
    recogniser.embed_vjp(chip, &mut cotangent, &mut gradient).expect("gradient");
    assert_sampled(&format!("{network} gradient"), &gradient, &golden["gradient"], tolerances[1], 0.0);
}

fn backends() -> [Backend; 3] {
    let pool = |threads| Pool::new(threads).expect("pool");
    [candle::backend(Device::Cpu), Backend::Cpu(pool(1)), Backend::Cpu(pool(2))]
}

#[test]
fn net_recognisers_equal_pytorch() {
    let golden = golden();
    for network in Network::ALL {
        let bytes = model(network.name());
        let graph = network.graph(&bytes).expect("model");
        let pool = Pool::new(1).expect("pool");
        let exact = Engine::with(&graph, 1, &pool, Level::best(), WeightPrecision::Single).expect("plan");
        let [reference, fast, fast_on_two] = backends().map(|backend| backend.executor(&graph, 1).expect("executor"));
        let exactly = [EMBEDDING_TOLERANCE, GRADIENT_TOLERANCE];
        // The other files hold their large layers in half precision: the engine rounds nothing of them.
        let is_rounded = network == Network::DlibResnet29;
        let nearly = if is_rounded { [HALF_EMBEDDING_TOLERANCE, HALF_GRADIENT_TOLERANCE] } else { exactly };
        let ways: [(Box<dyn Executor>, [f32; 2]); 4] =
            [(reference, exactly), (Box::new(exact), exactly), (fast, nearly), (fast_on_two, nearly)];
        let golden = &golden[network.name()];
        let side = network.spec().expect("spec").chip_size;
        for (executor, tolerances) in ways {
            let mut recogniser = Recognizer::new(network.spec().expect("spec"), executor).expect("recogniser");
            assert_recogniser(&mut recogniser, tolerances, &synthetic(side, side), &golden["synthetic"]);
            assert_recogniser(&mut recogniser, tolerances, &photograph(side), &golden["photograph"]);
        }
    }
}

#[test]
fn net_detector_equals_onnx_runtime() {
    let golden = golden();
    let bytes = model("yunet_2023mar");
    for backend in backends() {
        let mut detector = DetectorNet::load(&bytes, backend).expect("model");
        detector.forward(&synthetic(64, 96), 64, 96).expect("forward");
        assert_detector(&detector, &golden["yunet_2023mar"]["synthetic"]);
        let rgb = photograph(320);
        let bgr: Vec<f32> = rgb.chunks_exact(320 * 320).rev().flatten().copied().collect();
        detector.forward(&bgr, 320, 320).expect("another size");
        assert_detector(&detector, &golden["yunet_2023mar"]["photograph"]);
    }
}

fn assert_detector(detector: &DetectorNet, golden: &Value) {
    for (level, stride) in advjnd::net::STRIDES.into_iter().enumerate() {
        let outputs = [
            ("cls", detector.cls(level)),
            ("obj", detector.obj(level)),
            ("bbox", detector.bbox(level)),
            ("kps", detector.kps(level)),
        ];
        for (head, values) in outputs {
            let name = format!("{head}_{stride}");
            assert_sampled(&name, values, &golden[&name], DETECTOR_TOLERANCE, 1.0);
        }
    }
}

/// Least cosine of the engine's gradient and the reference's on photographs: with weights as they are, and with those
/// of large layers in half precision, which lets a few activations near zero take the other side.
const REAL_GRADIENT_COSINE: f64 = 0.99999;
const REAL_HALF_GRADIENT_COSINE: f64 = 0.999;

#[test]
fn net_gradients_agree_on_real_faces() {
    let Some(folder) = material("net_gradients_agree_on_real_faces", "faces/london") else { return };
    let people = std::fs::read_dir(folder).expect("a folder of people");
    let pool = Pool::new(0).expect("pool");
    let mut pictures: Vec<_> = people.flatten().map(|person| person.path().join("neutral.jpg")).collect();
    pictures.sort();
    for network in Network::ALL {
        let bytes = model(network.name());
        let mut reference = Recognizer::load(network, &bytes, &candle::backend(Device::Cpu)).expect("model");
        let graph = network.graph(&bytes).expect("model");
        let engine = |precision| {
            let engine = Engine::with(&graph, 1, &pool, Level::best(), precision).expect("plan");
            Recognizer::new(network.spec().expect("spec"), Box::new(engine)).expect("recogniser")
        };
        let mut exact = engine(WeightPrecision::Single);
        let mut fast = engine(WeightPrecision::Half);
        for picture in pictures.iter().step_by(pictures.len().div_ceil(4)) {
            let chip = common::face(picture, network.spec().expect("spec").chip_size);
            let run = |recogniser: &mut Recognizer| {
                let mut gradient = vec![0.0; chip.len()];
                let mut towards = |embedding: &[f32], cotangent: &mut [f32]| cotangent.copy_from_slice(embedding);
                recogniser.embed_vjp(&chip, &mut towards, &mut gradient).expect("gradient");
                gradient
            };
            let expected = run(&mut reference);
            let ways = [(&mut exact, REAL_GRADIENT_COSINE), (&mut fast, REAL_HALF_GRADIENT_COSINE)];
            for (engine, least) in ways {
                let found = run(engine);
                let dot =
                    |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
                let cosine = dot(&expected, &found) / (dot(&expected, &expected) * dot(&found, &found)).sqrt();
                println!("{network:?} {}: cosine {cosine:.9}", picture.display());
                assert!(cosine >= least, "{network:?} on {}: cosine {cosine}", picture.display());
            }
        }
    }
}
