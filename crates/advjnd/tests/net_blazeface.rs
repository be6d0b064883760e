// SPDX-License-Identifier: MIT OR Apache-2.0
//! BlazeFace against a reference run of the same network, and on a photograph.
//!
//! Golden numbers: `models/convert/golden_blazeface.py` (LiteRT on the TensorFlow Lite file, decoded in numpy).

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use advjnd::net::candle;
use advjnd::net::{Backend, BlazeFaceNet, Candidate, DetectorNet};
use advjnd::{Error, Models, Pool};
use bytes::Bytes;
use candle_core::Device;
use common::{model, synthetic};
use image::imageops::FilterType;
use serde::Deserialize;

const SIDE: usize = BlazeFaceNet::SIDE;
/// Logits and regressors, as a share of the largest: differences of the order of summation. Half precision changes no
/// weight, for the original file has it.
const OUTPUT_TOLERANCE: f32 = 2e-5;
/// Boxes and points, pixels.
const PIXEL_TOLERANCE: f32 = 2e-3;
const SCORE_TOLERANCE: f32 = 1e-4;
/// Eyes and nose tip of the photograph beside YuNet's, as a share of the distance of the eyes: two networks, two
/// notions.
const POINT_TOLERANCE: f32 = 0.2;

#[derive(Deserialize)]
struct Golden {
    score_threshold: f32,
    cases: std::collections::BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    logits: Sampled,
    regressors: Sampled,
    faces: Vec<[f32; 17]>,
}

#[derive(Deserialize)]
struct Sampled {
    norm: f32,
    samples: Vec<f32>,
}

fn astronaut() -> image::RgbImage {
    common::picture("astronaut.png")
}

/// Planar BGR 0..=255.
fn planes(picture: &image::RgbImage) -> Vec<f32> {
    let plane = |channel: usize| picture.pixels().map(move |pixel| f32::from(pixel.0[channel]));
    [2, 1, 0].into_iter().flat_map(plane).collect()
}

/// The pictures of `golden_blazeface.py`.
fn picture(name: &str) -> Vec<f32> {
    let crop = |left: usize, side: usize| {
        planes(&image::imageops::crop_imm(&astronaut(), left as u32, 0, side as u32, side as u32).to_image())
    };
    match name {
        "synthetic" => synthetic(SIDE, SIDE).chunks_exact(SIDE * SIDE).rev().flatten().copied().collect(),
        "cut" => crop(128, SIDE),
        "halved" => {
            let whole = crop(64, 2 * SIDE);
            let mean = |index: usize| {
                let (row, column) = (index / SIDE, index % SIDE);
                let at = |y: usize, x: usize| whole[(2 * row + y) * 2 * SIDE + 2 * column + x];
                (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4.0
            };
            (0..3 * SIDE * SIDE).map(mean).collect()
        }
        _ => panic!("no picture `{name}`"),
    }
}

fn weights() -> Bytes {
    model(BlazeFaceNet::NAME)
}

fn assert_sampled(what: &str, values: &[f32], golden: &Sampled) {
    let norm = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt() as f32;
    assert!((norm - golden.norm).abs() <= OUTPUT_TOLERANCE * golden.norm, "{what}: norm {norm}, not {}", golden.norm);
    let scale = values.iter().fold(0.0f32, |scale, value| scale.max(value.abs()));
    let found = values.iter().step_by(values.len() / golden.samples.len());
    for (index, (found, expected)) in found.zip(&golden.samples).enumerate() {
        assert!(
            (found - expected).abs() <= OUTPUT_TOLERANCE * scale,
            "{what}, sample {index}: {found}, not {expected}"
        );
    }
}

#[test]
fn net_blazeface_equals_litert() {
    let golden: Golden = serde_json::from_str(include_str!("data/blazeface_golden.json")).expect("golden file");
    let pool = |threads| Backend::Cpu(Pool::new(threads).expect("pool"));
    for backend in [candle::backend(Device::Cpu), pool(1), pool(2)] {
        let mut net = BlazeFaceNet::load(&weights(), backend).expect("model");
        assert!(net.logits().is_empty() && net.candidates(0.0).next().is_none(), "before the first pass");
        for (name, case) in &golden.cases {
            net.forward(&picture(name), SIDE, SIDE).expect("forward");
            let anchors = net.logits().len();
            assert_eq!(net.regressors().len(), 16 * anchors);
            assert_sampled(&format!("{name}, logits"), net.logits(), &case.logits);
            let by_anchor: Vec<f32> =
                (0..16 * anchors).map(|index| net.regressors()[index % 16 * anchors + index / 16]).collect();
            assert_sampled(&format!("{name}, regressors"), &by_anchor, &case.regressors);
            let found: Vec<Candidate> = net.candidates(golden.score_threshold).collect();
            assert_eq!(found.len(), case.faces.len(), "{name}");
            for (found, expected) in found.iter().zip(&case.faces) {
                let numbers = found.bbox.into_iter().chain(found.points.into_iter().flatten());
                for (number, expected) in numbers.zip(expected) {
                    assert!((number - expected).abs() <= PIXEL_TOLERANCE, "{name}: {number}, not {expected}");
                }
                assert!((found.score - expected[16]).abs() <= SCORE_TOLERANCE, "{name}: score {}", found.score);
            }
        }
    }
}

/// Box and image-left eye, image-right eye, nose tip of the face in the photograph, as YuNet has them.
fn face() -> ([f32; 4], [[f32; 2]; 3]) {
    let golden: serde_json::Value = serde_json::from_str(include_str!("data/yunet_golden.json")).expect("golden file");
    let faces: Vec<Vec<f32>> = serde_json::from_value(golden["cases"][0]["faces"].clone()).expect("faces");
    let value = |index: usize| faces[0][index];
    let points = std::array::from_fn(|point| [value(5 + 2 * point), value(6 + 2 * point)]);
    (std::array::from_fn(value), points)
}

#[test]
fn net_blazeface_finds_the_face_in_a_photograph() {
    let graph = BlazeFaceNet::graph(&weights()).expect("model");
    let mut net = BlazeFaceNet::new(graph, Backend::Cpu(Pool::new(1).expect("pool")));
    let whole = astronaut();
    let (bbox, points) = face();
    let eyes = (points[1][0] - points[0][0]).hypot(points[1][1] - points[0][1]);
    // The network was trained on the first size, and takes others.
    for side in [SIDE, 256] {
        let picture = image::imageops::resize(&whole, side as u32, side as u32, FilterType::Triangle);
        net.forward(&planes(&picture), side, side).expect("forward");
        let back = whole.width() as f32 / side as f32;
        let mut seen = 0;
        for candidate in net.candidates(BlazeFaceNet::USUAL_SCORE) {
            let [x, y, width, height] = candidate.bbox.map(|value| back * value);
            let center = [x + width / 2.0, y + height / 2.0];
            let inside = |axis: usize| (bbox[axis]..bbox[axis] + bbox[axis + 2]).contains(&center[axis]);
            assert!(inside(0) && inside(1), "at {side}: {candidate:?} is no face");
            for (found, expected) in candidate.points.iter().zip(&points) {
                let off = (back * found[0] - expected[0]).hypot(back * found[1] - expected[1]);
                assert!(off <= POINT_TOLERANCE * eyes, "at {side}: off by {off} pixels, eyes {eyes} apart");
            }
            seen += 1;
        }
        assert!(seen > 0, "at {side}: no face");
    }
}

#[test]
fn net_blazeface_misuse_is_an_error() {
    let mut net = BlazeFaceNet::load(&weights(), Backend::Cpu(Pool::new(1).expect("pool"))).expect("model");
    for (height, width) in [(0, 192), (192, 0), (192, 200), (31, 32)] {
        let error = net.forward(&vec![0.0; 3 * height * width], height, width).expect_err("a size");
        assert!(matches!(error, Error::Input(_)), "{error}");
    }
    assert!(matches!(net.forward(&[0.0; 7], 192, 192), Err(Error::Input(_))), "a short input");
    let mut input = vec![0.0; 3 * 64 * 32];
    net.forward(&input, 64, 32).expect("the smallest are 32");
    input[1000] = f32::NAN;
    assert!(matches!(net.forward(&input, 64, 32), Err(Error::NotFinite { .. })));
}

#[test]
fn net_detectors_are_told_apart() {
    let (first, second) = (model("yunet_2023mar"), weights());
    assert!(matches!(BlazeFaceNet::graph(&first), Err(Error::Model { .. })));
    assert!(matches!(DetectorNet::graph(&second), Err(Error::Model { .. })));
    let models = Models::embedded().expect("models");
    let graph = models.second_detector().expect("the second detector is embedded");
    assert_eq!(graph.name(), BlazeFaceNet::NAME);
}
