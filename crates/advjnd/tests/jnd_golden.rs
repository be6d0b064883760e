// SPDX-License-Identifier: MIT OR Apache-2.0
//! JND maps against `data/golden_jnd.json`, which `data/golden_jnd.py` (NumPy, SciPy) computes independently.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use advjnd::jnd::{Chou, FreeEnergy, JndModel, Learned, Namm, Pattern, Picture};
use advjnd_lab::reference::jnd as reference;
use serde_json::Value;

/// Code values: single against double precision as in `jnd_twin.rs`, plus the four decimals of the file.
const MAX_ERROR: f64 = 2e-3;
/// Code values, for a mean over a photograph: a tie of the edge detector may fall the other way in double precision,
/// which moves some tens of samples by a few code values.
const MAX_ERROR_PHOTO_MEAN: f64 = 2e-2;

fn golden() -> Value {
    serde_json::from_str(include_str!("data/golden_jnd.json")).unwrap()
}

/// The image of `synthetic()` in `golden_jnd.py`.
fn synthetic(width: i64, height: i64) -> Vec<f32> {
    let luma = |x: i64, y: i64| {
        if x >= 30 && y >= 22 {
            72 + (x * x * 31 + y * y * 17 + x * y * 7) % 97
        } else if (26..30).contains(&y) && x < 26 {
            9 + x % 2
        } else if y < 5 && x > 20 {
            236 + (x * y) % 4
        } else if (x - 14) * (x - 14) + (y - 12) * (y - 12) < 64 {
            16 + (x * 7 + y * 13) % 9
        } else {
            40 + 3 * x + y + (x * y) % 3
        }
    };
    (0..width * height).map(|i| luma(i % width, i / width).clamp(0, 255) as f32).collect()
}

/// The maps of every model by the names of the file.
fn maps(luma: &[f32], width: usize, height: usize) -> Vec<(&'static str, Vec<f32>)> {
    let map = |model: &mut dyn JndModel| {
        let mut jnd = vec![0.0; luma.len()];
        model.map_luma(luma, width, height, &mut jnd).unwrap();
        jnd
    };
    vec![
        ("chou", map(&mut Chou::new())),
        ("namm", map(&mut Namm::new())),
        ("pattern", map(&mut Pattern::new())),
        ("pattern_paper", map(&mut Pattern::paper())),
        ("free_energy", map(&mut FreeEnergy::new())),
    ]
}

fn mean(map: &[f32]) -> f64 {
    map.iter().map(|&v| f64::from(v)).sum::<f64>() / map.len() as f64
}

fn samples(golden: &Value, stride: &Value, map: &[f32]) -> Vec<(f64, f64)> {
    let golden = golden["samples"].as_array().unwrap();
    let ours: Vec<f64> = map.iter().step_by(stride.as_u64().unwrap() as usize).map(|&v| v.into()).collect();
    assert_eq!(ours.len(), golden.len());
    ours.into_iter().zip(golden.iter().map(|v| v.as_f64().unwrap())).collect()
}

#[test]
fn synthetic_maps_equal_the_golden_ones() {
    let golden = &golden()["synthetic"];
    let (width, height) = (golden["width"].as_u64().unwrap() as usize, golden["height"].as_u64().unwrap() as usize);
    let clean = synthetic(width as i64, height as i64);
    for (name, map) in maps(&clean, width, height) {
        let golden_map = &golden["maps"][name];
        for (i, (ours, golden)) in samples(golden_map, &golden["stride"], &map).into_iter().enumerate() {
            assert!((ours - golden).abs() <= MAX_ERROR, "{name}, sample {i}: {ours} instead of {golden}");
        }
        for (what, ours) in [
            ("mean", mean(&map)),
            ("min", map.iter().copied().fold(f32::INFINITY, f32::min).into()),
            ("max", map.iter().copied().fold(0.0, f32::max).into()),
        ] {
            let golden = golden_map[what].as_f64().unwrap();
            assert!((ours - golden).abs() <= MAX_ERROR, "{name}: {what} {ours} instead of {golden}");
        }
    }
}

/// PyTorch's single precision against ours, on thresholds of up to some tens of code values; six digits in the file.
const MAX_ERROR_LEARNED: f64 = 1e-3;

/// `models/train/jnd_maps.py` wrote the file from the trained weights.
#[test]
fn learned_maps_equal_those_of_pytorch() {
    let golden: Value = serde_json::from_str(include_str!("../../../models/train/golden_jnd_maps.json")).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let (width, height) = (case["width"].as_u64().unwrap() as usize, case["height"].as_u64().unwrap() as usize);
        let rgb: Vec<[f32; 3]> = (0..width * height)
            .map(|i| {
                let (x, y) = (i % width, i / width);
                [7 * x + 13 * y, x * x + 3 * y + 40, x * y + 5 * x + 90].map(|value| (value % 256) as f32)
            })
            .collect();
        let hvs_sd = case["map"] == "hvs-sd";
        let map = reference::learned(hvs_sd, &rgb, width, height).unwrap();
        let planar: Vec<f32> = (0..3).flat_map(|channel| map.iter().map(move |pixel| pixel[channel])).collect();
        for (i, golden) in case["samples"].as_array().unwrap().iter().enumerate() {
            let (ours, golden) = (f64::from(planar[7 * i]), golden.as_f64().unwrap());
            assert!((ours - golden).abs() <= MAX_ERROR_LEARNED, "{}, sample {i}: {ours}, not {golden}", case["map"]);
        }
        let mut model = if hvs_sd { Learned::hvs_sd() } else { Learned::rgb() };
        let clean: Vec<f32> = (0..3).flat_map(|channel| rgb.iter().map(move |pixel| pixel[channel])).collect();
        let mut fast = vec![0.0; clean.len()];
        model.map_rgb(&clean, width, height, &mut fast).unwrap();
        for (fast, twin) in fast.iter().zip(&planar) {
            assert!((f64::from(*fast) - f64::from(*twin)).abs() <= MAX_ERROR_LEARNED);
        }
        assert!(model.map_rgb(&clean, width, height + 1, &mut fast).is_err());
        let pixels: Vec<[f32; 4]> = rgb.iter().map(|[r, g, b]| [*r, *g, *b, 0.0]).collect();
        let luma = vec![0.0; rgb.len()];
        let mut fast = luma.clone();
        model.map_picture(&Picture { luma: &luma, rgb: &pixels, width, height }, &mut fast).unwrap();
        for (fast, [r, g, b]) in fast.iter().zip(&map) {
            assert!((f64::from(*fast) - f64::from(r.min(*g).min(*b))).abs() <= MAX_ERROR_LEARNED);
        }
    }
}

#[test]
fn synthetic_edges_equal_the_golden_ones() {
    let golden = &golden()["synthetic"];
    let (width, height) = (golden["width"].as_u64().unwrap() as usize, golden["height"].as_u64().unwrap() as usize);
    let edges = reference::canny(&synthetic(width as i64, height as i64), width, height, 0.5);
    for (y, row) in edges.chunks(width).enumerate() {
        let row: String = row.iter().map(|&edge| if edge { '#' } else { '.' }).collect();
        assert_eq!(row, golden["edges"][y].as_str().unwrap(), "row {y}");
    }
}

#[test]
fn maps_of_a_face_equal_the_golden_ones() {
    let golden = &golden()["astronaut"];
    let field = |name: &str| golden[name].as_u64().unwrap() as u32;
    let (x0, y0, width, height) = (field("x"), field("y"), field("width"), field("height"));
    let image = common::picture("astronaut.png");
    let luma = |x: u32, y: u32| {
        let [r, g, b] = image.get_pixel(x, y).0.map(f64::from);
        (0.299 * r + 0.587 * g + 0.114 * b) as f32
    };
    let clean: Vec<f32> = (y0..y0 + height).flat_map(|y| (x0..x0 + width).map(move |x| luma(x, y))).collect();
    for (name, map) in maps(&clean, width as usize, height as usize) {
        let golden_map = &golden["maps"][name];
        let (ours, theirs) = (mean(&map), golden_map["mean"].as_f64().unwrap());
        assert!((ours - theirs).abs() <= MAX_ERROR_PHOTO_MEAN, "{name}: mean {ours} instead of {theirs}");
        let samples = samples(golden_map, &golden["stride"], &map);
        let close = samples.iter().filter(|(ours, theirs)| (ours - theirs).abs() <= MAX_ERROR).count();
        assert!(close + 1 >= samples.len(), "{name}: {close} of {} samples agree", samples.len());
    }
}
