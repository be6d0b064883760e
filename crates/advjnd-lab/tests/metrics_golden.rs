// SPDX-License-Identifier: MIT OR Apache-2.0
//! The metrics against `data/golden_metrics.json` (scikit-image, piq, SciPy and others, by `data/golden_metrics.py`)
//! and SSIM against its twin.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use advjnd_lab::metrics::{
    MAX_PSNR, MIN_SSIM_SIDE, Plane, RgbPicture, ciede2000, gmsd, mean_squared_error, ms_ssim, psnr, pspnr, reference,
    ssim, ssimulacra2,
};
use proptest::prelude::*;
use serde_json::Value;

/// Double precision on both sides: what differs is the order of a few hundred additions.
const MAX_ERROR_GOLDEN: f64 = 1e-7;
/// As above; the twin subtracts the mean before it squares, the fast path after: 255^2 cancels to about 1e-11, and the
/// quotient by C2 = 58 keeps it there.
const MAX_ERROR_TWIN: f64 = 1e-9;

/// scikit-image's matrix and white have six digits where the standard's have four.
const MAX_ERROR_CIEDE2000: f64 = 1e-3;
/// A recursive approximation of the Gaussian here, as in the authors' program, a truncated one there; and single
/// precision.
const MAX_ERROR_SSIMULACRA2: f64 = 0.5;

fn golden() -> Value {
    serde_json::from_str(include_str!("data/golden_metrics.json")).unwrap()
}

/// The pair of `pair()` in `golden_metrics.py`, with rows `stride` apart and 0xAA between them.
fn pair(width: usize, height: usize, amplitude: i64, stride: usize) -> (Vec<u8>, Vec<u8>) {
    let each = |perturbed: bool| {
        (0..stride * height)
            .map(|i| {
                let (x, y) = ((i % stride) as i64, (i / stride) as i64);
                if x >= width as i64 {
                    return if perturbed { 0xAA } else { 0x55 };
                }
                let texture = (x * x * 31 + y * y * 17 + x * y * 7) % 29;
                let clean = (20 + 2 * x + 3 * y + texture + if x > y { 60 } else { 0 }).clamp(0, 255);
                let delta = (x * 73 + y * 151 + x * y * 11) % (2 * amplitude + 1) - amplitude;
                (clean + if perturbed { delta } else { 0 }).clamp(0, 255) as u8
            })
            .collect()
    };
    (each(false), each(true))
}

#[test]
fn golden_planes() {
    for case in golden()["planes"].as_array().unwrap() {
        let field = |name: &str| case[name].as_u64().unwrap() as usize;
        let (width, height) = (field("width"), field("height"));
        for stride in [width, width + 5] {
            let (clean, adversarial) = pair(width, height, field("amplitude") as i64, stride);
            let clean = Plane::new(&clean, width, height, stride).unwrap();
            let adversarial = Plane::new(&adversarial, width, height, stride).unwrap();
            let (psnr, ssim) = (psnr(clean, adversarial).unwrap(), ssim(clean, adversarial).unwrap());
            assert!((psnr - case["psnr"].as_f64().unwrap()).abs() <= MAX_ERROR_GOLDEN, "{psnr} {case}");
            assert!((ssim - case["ssim"].as_f64().unwrap()).abs() <= MAX_ERROR_GOLDEN, "{ssim} {case}");
        }
    }
}

/// The pictures are boxes of larger ones here, and pictures of their own where they were measured.
#[test]
fn golden_pictures() {
    for case in golden()["pictures"].as_array().unwrap() {
        let path = Path::new("../advjnd/tests/data").join(case["file"].as_str().unwrap());
        let picture = image::open(path).unwrap().into_rgb8();
        let (picture_width, picture_height) = (picture.width() as usize, picture.height() as usize);
        let [x, y, width, height] = std::array::from_fn(|i| case["box"][i].as_u64().unwrap() as usize);
        let amplitude = case["amplitude"].as_i64().unwrap();
        let whole = RgbPicture::new(&picture, picture_width, picture_height, 3 * picture_width).unwrap();
        let clean = whole.region(x, y, width, height).unwrap();

        let mut adversarial = picture.to_vec();
        for (y, row) in adversarial.chunks_exact_mut(3 * picture_width).skip(y).take(height).enumerate() {
            for (i, sample) in row[3 * x..][..3 * width].iter_mut().enumerate() {
                let (x, y, channel) = (i as i64 / 3, y as i64, i as i64 % 3);
                let delta = (x * 73 + y * 151 + x * y * 11 + channel * 37) % (2 * amplitude + 1) - amplitude;
                *sample = (i64::from(*sample) + delta).clamp(0, 255) as u8;
            }
        }
        let adversarial = RgbPicture::new(&adversarial, picture_width, picture_height, 3 * picture_width).unwrap();
        let adversarial = adversarial.region(x, y, width, height).unwrap();

        let (clean_luma, adversarial_luma) = (clean.luma(), adversarial.luma());
        let a = Plane::new(&clean_luma, width, height, width).unwrap();
        let b = Plane::new(&adversarial_luma, width, height, width).unwrap();
        let jnd: Vec<f32> = (0..width * height).map(|i| 0.25 * ((i % width * 5 + i / width * 3) % 17) as f32).collect();
        let jnd = Plane::new(&jnd, width, height, width).unwrap();
        for (metric, value, tolerance) in [
            ("psnr", psnr(a, b), MAX_ERROR_GOLDEN),
            ("ssim", ssim(a, b), MAX_ERROR_GOLDEN),
            ("ms_ssim", ms_ssim(a, b), MAX_ERROR_GOLDEN),
            ("gmsd", gmsd(a, b), MAX_ERROR_GOLDEN),
            ("pspnr", pspnr(a, b, jnd), MAX_ERROR_GOLDEN),
            ("ciede2000", ciede2000(clean, adversarial), MAX_ERROR_CIEDE2000),
            ("ssimulacra2", ssimulacra2(clean, adversarial), MAX_ERROR_SSIMULACRA2),
        ] {
            let Some(golden) = case[metric].as_f64() else {
                continue;
            };
            let value = value.unwrap();
            assert!((value - golden).abs() <= tolerance, "{metric}: {value} instead of {golden}: {case}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn ssim_equals_its_twin(
        (width, height, clean, adversarial) in (MIN_SSIM_SIDE..=24, MIN_SSIM_SIDE..=24).prop_flat_map(|(w, h)| {
            let plane = prop_oneof![
                prop::collection::vec(any::<u8>(), w * h),
                any::<u8>().prop_map(move |v| vec![v; w * h]),
            ];
            (Just(w), Just(h), plane.clone(), plane)
        })
    ) {
        let twin = reference::ssim(&clean, &adversarial, width, height);
        let plane = |data| Plane::new(data, width, height, width).unwrap();
        let fast = ssim(plane(&clean), plane(&adversarial)).unwrap();
        prop_assert!((fast - twin).abs() <= MAX_ERROR_TWIN, "{fast} instead of {twin}");
    }
}

#[test]
fn equal_planes_are_perfect() {
    let data: Vec<u8> = (0..20 * 15).map(|i| (i * 7 % 256) as u8).collect();
    let plane = Plane::new(&data, 20, 15, 20).unwrap();
    assert_eq!(psnr(plane, plane).unwrap(), MAX_PSNR);
    assert_eq!(mean_squared_error(plane, plane).unwrap(), 0.0);
    assert!((ssim(plane, plane).unwrap() - 1.0).abs() < MAX_ERROR_TWIN);
}

#[test]
fn black_against_white_is_zero_decibels() {
    let (black, white) = ([0; 121], [255; 121]);
    let (black, white) = (Plane::new(&black, 11, 11, 11).unwrap(), Plane::new(&white, 11, 11, 11).unwrap());
    assert_eq!(psnr(black, white).unwrap(), 0.0);
    let ssim = ssim(black, white).unwrap();
    assert!((0.0..1e-3).contains(&ssim), "{ssim}");
}

#[test]
fn planes_that_do_not_fit_are_refused() {
    let data = [0; 30];
    for (width, height, stride) in [(0, 3, 5), (5, 0, 5), (6, 3, 5), (5, 7, 5), (2, usize::MAX, usize::MAX)] {
        assert!(Plane::new(&data, width, height, stride).is_err(), "{width}x{height} at stride {stride}");
    }
    assert!(Plane::new(&data, 6, 4, 8).is_ok(), "the last row needs no padding");
    let (a, b) = (Plane::new(&data, 5, 6, 5).unwrap(), Plane::new(&data, 6, 5, 6).unwrap());
    assert!(psnr(a, b).is_err());
    assert!(ssim(a, b).is_err());
    let small = ssim(a, a).unwrap_err().to_string();
    assert!(small.contains("5x6"), "{small}");
}
