// SPDX-License-Identifier: MIT OR Apache-2.0
//! The detector against reference runs of the same network.
//!
//! Golden numbers: `models/convert/golden_faces.py` (ONNX Runtime on the ONNX file, decoded as in its docstring).

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use advjnd::Pool;
use advjnd::face::Detector;
use advjnd::net::{Backend, DetectorNet};
use advjnd::{Colorimetry, FrameMut, PixelFormat, PlaneMut};
use common::skip::material;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    score_threshold: f32,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    path: String,
    copy: Option<String>,
    scale: f32,
    tolerance_px: f32,
    tolerance_score: f32,
    faces: Vec<[f32; 15]>,
}

/// On the picture that is part of the repository.
#[test]
fn boxes_and_landmarks_agree_with_onnx_runtime() {
    assert_cases(|case| Some(common::picture(case.copy.as_deref()?)), 1);
}

/// On the other pictures, which are not.
#[test]
fn boxes_and_landmarks_of_the_material_agree_with_onnx_runtime() {
    let Some(faces) = material("boxes_and_landmarks_of_the_material_agree_with_onnx_runtime", "faces") else { return };
    let root = faces.parent().expect("a folder of material");
    assert_cases(|case| case.copy.is_none().then(|| common::image_at(&root.join(&case.path))), 12);
}

/// Holds the detector to `count` cases: those that `picture_of` gives a picture for.
fn assert_cases(picture_of: impl Fn(&Case) -> Option<image::RgbImage>, count: usize) {
    let golden: Golden = serde_json::from_str(include_str!("data/yunet_golden.json")).expect("golden file");
    let bytes = common::model("yunet_2023mar");
    let backend = Backend::Cpu(Pool::new(0).expect("threads"));
    let mut detector = Detector::new(&DetectorNet::graph(&bytes).expect("model"), &backend);
    let mut compared = 0;
    // The detector never enlarges a frame: reference runs at scale 2 are not ours to match.
    for case in golden.cases.iter().filter(|case| case.scale <= 1.0) {
        let Some(picture) = picture_of(case) else { continue };
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut data = picture.into_raw();
        let planes = vec![PlaneMut { data: &mut data, stride: 3 * width }];
        let frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), width, height, planes).expect("frame");
        let min_face = (12.0 / case.scale) as u32;
        let found = detector.detect(&frame, min_face, golden.score_threshold).expect("detection");
        assert_eq!(found.len(), case.faces.len(), "{}", case.path);
        for expected in &case.faces {
            let distance = |face: &advjnd::face::Detection| {
                let b = face.bbox;
                let ours = [b.x, b.y, b.width, b.height].into_iter().chain(face.landmarks.0.into_iter().flatten());
                let theirs = expected[..4].iter().chain(&expected[5..]);
                ours.zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max)
            };
            let best = found.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).expect("a face");
            assert!(distance(best) <= case.tolerance_px, "{}: off by {} px", case.path, distance(best));
            assert!((best.score - expected[4]).abs() <= case.tolerance_score, "{}: score {}", case.path, best.score);
        }
        compared += 1;
    }
    assert_eq!(compared, count, "pictures compared");
}

/// A small face's second look sees what a pass over the whole frame at that scale sees.
#[test]
fn the_second_look_is_a_pass_at_the_common_scale() {
    let picture = common::picture("astronaut.png");
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let bytes = common::model("yunet_2023mar");
    let backend = Backend::Cpu(Pool::new(0).expect("threads"));
    let mut detector = Detector::new(&DetectorNet::graph(&bytes).expect("model"), &backend);
    let side = 1280;
    let mut data = vec![0; 3 * side * side];
    for (y, line) in picture.into_raw().chunks_exact(3 * width).enumerate() {
        let start = 3 * ((y + 300) * side + 600);
        data[start..start + line.len()].copy_from_slice(line);
    }
    assert_eq!(height, 512);
    let planes = vec![PlaneMut { data: &mut data, stride: 3 * side }];
    let frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), side, side, planes).expect("frame");
    let coarse = detector.detect(&frame, 24, 0.6).expect("detection");
    let fine = detector.detect(&frame, 12, 0.6).expect("detection");
    assert_eq!((coarse.len(), fine.len()), (1, 1));
    assert_eq!(coarse[0].other_looks, [None; 4], "one scale serves for both");
    let second = fine[0].other_looks[0].expect("a second look");
    assert!(second.distance(&coarse[0].landmarks) < 0.5, "{second:?} {:?}", coarse[0].landmarks);
    assert!(fine[0].landmarks.distance(&coarse[0].landmarks) > 1e-3, "two scales");
}
