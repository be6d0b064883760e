// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a just-noticeable difference is worth: one scale for all models.
//!
//! `cargo run --release -p advjnd-lab --example calibrate_jnd -- FACES OUT.json [MODEL…]` takes face crops of the
//! pictures under FACES (every tenth, by name) and finds, for every model, the factor κ at which noise of the shape of
//! κ·J scores SSIMULACRA2 = 85 on average (not noticed in place): random signs, and Gaussian noise smoothed with σ = 1,
//! 2 and 4 pixels and brought to a mean square of 1. Noise is luma, rounded to 8 bits. Beside it stand noise of the
//! same energy that knows no J, both at the default `jnd-scale` too, and the time of a 256×256 region on one thread.
//! Rows of OUT.json that are not asked for stay. κ is `Model::calibration` in the crate; the file is what
//! `tools/jnd_table.py` makes the table of.

#![allow(clippy::expect_used, reason = "a program for developers fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use advjnd::face::Detector;
use advjnd::jnd::{Model, Picture};
use advjnd::net::{Backend, DetectorNet};
use advjnd::{Colorimetry, FrameMut, PixelFormat, PlaneMut, Pool};
use advjnd_lab::metrics::{MIN_SSIMULACRA2_SIDE, Plane, RgbPicture, psnr, ssim, ssimulacra2};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use serde_json::json;

/// Not noticed in place, by the metric's own scale.
const GOAL: f64 = 85.0;
/// A scale at which noise is plain, looked at besides.
const LOUD: f32 = 9.0;
const SMOOTHING: [f32; 4] = [0.0, 1.0, 2.0, 4.0];
const NAMES: [&str; 4] = ["white", "sigma_1", "sigma_2", "sigma_4"];
/// Every so many pictures one is taken.
const STRIDE: usize = 10;
/// How much larger than the detector's box a crop is, and its longest side.
const CROP_SCALE: f32 = 1.5;
const LONGEST: usize = 320;
const STEPS: usize = 12;
const TIMED_SIDE: usize = 256;

struct Crop {
    width: usize,
    height: usize,
    rgb: Vec<[u8; 3]>,
    luma: Vec<f32>,
    /// Noise of mean square 1, by smoothing.
    noise: Vec<Vec<f32>>,
}

#[derive(Default, Clone)]
struct Scores {
    ssimulacra2: [f64; 4],
    psnr: f64,
    ssim: f64,
}

impl Crop {
    fn new(picture: &image::RgbImage, seed: u64) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let rgb: Vec<[u8; 3]> = picture.pixels().map(|pixel| pixel.0).collect();
        let luma = rgb.iter().map(|[r, g, b]| 0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b));
        let mut random = Pcg64::seed_from_u64(seed);
        let noise = SMOOTHING.map(|sigma| noise(&mut random, width, height, sigma)).to_vec();
        Self { width, height, luma: luma.collect(), rgb, noise }
    }

    /// The crop with `change` added to R', G' and B'.
    fn changed(&self, change: impl Iterator<Item = f32>) -> Vec<[u8; 3]> {
        let add = |(pixel, change): (&[u8; 3], f32)| {
            pixel.map(|value| (f32::from(value) + change).round().clamp(0.0, 255.0) as u8)
        };
        self.rgb.iter().zip(change).map(add).collect()
    }

    fn ssimulacra2(&self, other: &[[u8; 3]]) -> f64 {
        let view = |pixels| RgbPicture::new(pixels, self.width, self.height, 3 * self.width).expect("a picture");
        ssimulacra2(view(self.rgb.as_flattened()), view(other.as_flattened())).expect("a score")
    }

    /// Scores of noise shaped by `bounds`, the mean of PSNR and SSIM over the kinds of noise.
    fn scores(&self, bounds: &[f32]) -> Scores {
        let mut scores = Scores::default();
        let plane = |pixels: &[[u8; 3]]| pixels.iter().map(|pixel| pixel[1]).collect::<Vec<u8>>();
        let clean = plane(&self.rgb);
        for (kind, noise) in self.noise.iter().enumerate() {
            let noisy = self.changed(noise.iter().zip(bounds).map(|(noise, bound)| noise * bound));
            scores.ssimulacra2[kind] = self.ssimulacra2(&noisy);
            let noisy = plane(&noisy);
            let view = |data| Plane::new(data, self.width, self.height, self.width).expect("a plane");
            scores.psnr += psnr(view(&clean), view(&noisy)).expect("sizes") / NAMES.len() as f64;
            scores.ssim += ssim(view(&clean), view(&noisy)).expect("sizes") / NAMES.len() as f64;
        }
        scores
    }
}

fn noise(random: &mut Pcg64, width: usize, height: usize, sigma: f32) -> Vec<f32> {
    if sigma == 0.0 {
        return (0..width * height).map(|_| if random.random::<bool>() { 1.0 } else { -1.0 }).collect();
    }
    // A sum of twelve uniform numbers is near enough to a Gaussian one.
    let white: Vec<f32> =
        (0..width * height).map(|_| (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0).collect();
    let reach = (4.0 * sigma).ceil() as isize;
    let kernel: Vec<f32> = (-reach..=reach).map(|d| (-(d * d) as f32 / (2.0 * sigma * sigma)).exp()).collect();
    let pass = |plane: &[f32], (dx, dy): (isize, isize)| -> Vec<f32> {
        let at = |x: isize, y: isize| {
            plane[y.rem_euclid(height as isize) as usize * width + x.rem_euclid(width as isize) as usize]
        };
        (0..width * height)
            .map(|i| {
                let (x, y) = ((i % width) as isize, (i / width) as isize);
                kernel.iter().zip(-reach..).map(|(tap, d)| tap * at(x + dx * d, y + dy * d)).sum()
            })
            .collect()
    };
    let smooth = pass(&pass(&white, (1, 0)), (0, 1));
    let rms = (smooth.iter().map(|v| v * v).sum::<f32>() / smooth.len() as f32).sqrt();
    smooth.iter().map(|v| v / rms).collect()
}

fn mean(scores: &[Scores]) -> Scores {
    let count = scores.len() as f64;
    let mut mean = Scores::default();
    for score in scores {
        for (mean, own) in mean.ssimulacra2.iter_mut().zip(score.ssimulacra2) {
            *mean += own / count;
        }
        mean.psnr += score.psnr / count;
        mean.ssim += score.ssim / count;
    }
    mean
}

/// The pictures under a folder, by name.
fn pictures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => pictures(&path, found),
            Some("jpg" | "jpeg" | "png") => found.push(path),
            _ => {}
        }
    }
}

/// The largest face of a picture, with what is round it, where SSIMULACRA2 has a score of it.
fn crop(path: &Path, detector: &mut Detector) -> Option<image::RgbImage> {
    let picture = image::open(path).ok()?.into_rgb8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut data = picture.clone().into_raw();
    let planes = vec![PlaneMut { data: &mut data, stride: 3 * width }];
    let frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), width, height, planes).ok()?;
    let faces = detector.detect(&frame, 64, 0.6).ok()?;
    let face = faces.iter().max_by(|a, b| a.bbox.width.total_cmp(&b.bbox.width))?.bbox.scaled(CROP_SCALE);
    let low = |v: f32| v.max(0.0) as u32;
    let (x, y) = (low(face.x), low(face.y));
    let wide = low(face.x + face.width).min(picture.width()) - x;
    let high = low(face.y + face.height).min(picture.height()) - y;
    let crop = image::imageops::crop_imm(&picture, x, y, wide, high).to_image();
    let scale = (LONGEST as f32 / wide.max(high) as f32).min(1.0);
    let [wide, high] = [wide, high].map(|side| (side as f32 * scale) as u32);
    let scored = wide.min(high) as usize >= MIN_SSIMULACRA2_SIDE;
    scored.then(|| image::imageops::resize(&crop, wide, high, image::imageops::FilterType::Triangle))
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = PathBuf::from(arguments.get(1).expect("a folder of faces"));
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/yunet_2023mar.safetensors"));
    let graph = DetectorNet::graph(&bytes.expect("the detector's weights").into()).expect("a detector");
    let mut detector = Detector::new(&graph, &Backend::Cpu(Pool::new(0).expect("threads")));
    let mut found = Vec::new();
    pictures(&folder, &mut found);
    found.sort();
    let chosen = found.iter().step_by(STRIDE);
    let crops: Vec<Crop> = chosen
        .filter_map(|path| crop(path, &mut detector))
        .enumerate()
        .map(|(seed, picture)| Crop::new(&picture, seed as u64))
        .collect();
    println!("{} crops of {}", crops.len(), folder.display());
    let out = Path::new(arguments.get(2).expect("a file for the results"));
    let before = std::fs::read(out).ok().and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    let mut rows: Vec<serde_json::Value> =
        before.and_then(|table| table["models"].as_array().cloned()).unwrap_or_default();
    for (place, model) in Model::ALL.into_iter().enumerate() {
        let name = model.new_model().name();
        if arguments.len() > 3 && !arguments[3..].iter().any(|wanted| wanted == name) {
            continue;
        }
        let row = calibrate(model, &crops);
        println!("{name} kappa {:.3}", row["kappa"].as_f64().expect("a number"));
        rows.retain(|row| row["model"] != name);
        rows.insert(place.min(rows.len()), row);
    }
    let table = json!({ "faces": crops.len(), "goal": GOAL, "models": rows });
    std::fs::write(out, serde_json::to_string_pretty(&table).expect("JSON") + "\n").expect("a file");
}

/// The row of one model.
fn calibrate(model: Model, crops: &[Crop]) -> serde_json::Value {
    let mut jnd = model.new_model();
    let maps: Vec<Vec<f32>> = crops
        .iter()
        .map(|crop| {
            let mut map = vec![0.0; crop.luma.len()];
            let pixels: Vec<[f32; 4]> =
                crop.rgb.iter().map(|[r, g, b]| [f32::from(*r), f32::from(*g), f32::from(*b), 0.0]).collect();
            let picture = Picture { luma: &crop.luma, rgb: &pixels, width: crop.width, height: crop.height };
            jnd.map_picture(&picture, &mut map).expect("a map");
            map
        })
        .collect();
    let score = |kappa: f32| {
        let scores = crops
            .iter()
            .zip(&maps)
            .map(|(crop, map)| crop.scores(&map.iter().map(|threshold| kappa * threshold).collect::<Vec<_>>()));
        mean(&scores.collect::<Vec<_>>())
    };
    let (mut low, mut high) = (0.01f32, 4.0f32);
    for _ in 0..STEPS {
        let middle = (low * high).sqrt();
        let average = score(middle).ssimulacra2.iter().sum::<f64>() / NAMES.len() as f64;
        if average > GOAL { low = middle } else { high = middle }
    }
    let kappa = (low * high).sqrt();
    let shaped = score(kappa);
    let working = kappa * LOUD;
    let loud = score(working);
    let even = |kappa: f32| {
        let scores = crops.iter().zip(&maps).map(|(crop, map)| {
            let energy = map.iter().map(|threshold| (kappa * threshold).powi(2)).sum::<f32>() / map.len() as f32;
            crop.scores(&vec![energy.sqrt(); map.len()])
        });
        mean(&scores.collect::<Vec<_>>())
    };
    let all: Vec<f32> = maps.iter().flatten().copied().collect();
    let mean_threshold = kappa * all.iter().sum::<f32>() / all.len() as f32;
    let region: Vec<f32> = (0..TIMED_SIDE * TIMED_SIDE).map(|i| (i * i / 7 % 251) as f32).collect();
    let mut out = vec![0.0; region.len()];
    let mut times: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            jnd.map_luma(&region, TIMED_SIDE, TIMED_SIDE, &mut out).expect("a map");
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let scores = |scores: &Scores| {
        json!({ "ssimulacra2": NAMES.iter().zip(scores.ssimulacra2).collect::<std::collections::BTreeMap<_, _>>(),
            "psnr": scores.psnr, "ssim": scores.ssim })
    };
    json!({ "model": jnd.name(), "kappa": kappa, "mean_threshold": mean_threshold, "milliseconds": times[4],
        "shaped": scores(&shaped), "even": scores(&even(kappa)),
        "at_scale_9": { "shaped": scores(&loud), "even": scores(&even(working)) } })
}
