// SPDX-License-Identifier: MIT OR Apache-2.0
//! What holds of every metric: equal pictures have the best value, more noise a worse one, most are symmetric, a box
//! is the picture cut out, and pictures that have no value are refused. And the published pairs of CIEDE2000.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use advjnd_lab::metrics::{
    MAX_PSNR, MIN_MS_SSIM_SIDE, MIN_SSIMULACRA2_SIDE, Plane, RgbPicture, ciede2000, delta_e00, gmsd, ms_ssim, psnr,
    pspnr, ssim, ssimulacra2,
};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;

/// Rounding of the sums.
const MAX_ERROR_EQUAL: f64 = 1e-9;
/// The pairs are published to four decimals.
const MAX_ERROR_PAIRS: f64 = 0.5e-4 + 1e-9;

const WIDTH: usize = 176;
const HEIGHT: usize = 169;

/// Name, value, and whether more is better.
type Measured = Vec<(&'static str, f64, bool)>;

/// A ramp with a coarse texture.
fn clean() -> Vec<u8> {
    (0..WIDTH * HEIGHT)
        .flat_map(|i| {
            let (x, y) = (i % WIDTH, i / WIDTH);
            let texture = (x / 7 + y / 5) % 3 * 20;
            [40 + x / 2 + texture, 60 + y / 2 + texture, 200 - x / 2 - texture].map(|value| value as u8)
        })
        .collect()
}

/// Every sample up or down by `amplitude`; the signs are those of any other amplitude.
fn noisy(clean: &[u8], amplitude: i16) -> Vec<u8> {
    let mut random = Pcg64::seed_from_u64(7);
    let change = |&value: &u8| {
        let sign = if random.random::<bool>() { 1 } else { -1 };
        (i16::from(value) + sign * amplitude).clamp(0, 255) as u8
    };
    clean.iter().map(change).collect()
}

fn picture(data: &[u8]) -> RgbPicture<'_> {
    RgbPicture::new(data, WIDTH, HEIGHT, 3 * WIDTH).unwrap()
}

fn measure(clean: RgbPicture<'_>, adversarial: RgbPicture<'_>) -> Measured {
    let (width, height) = (clean.width(), clean.height());
    let (a, b) = (clean.luma(), adversarial.luma());
    let (a, b) = (Plane::new(&a, width, height, width).unwrap(), Plane::new(&b, width, height, width).unwrap());
    let jnd = vec![0.5; width * height];
    vec![
        ("psnr", psnr(a, b).unwrap(), true),
        ("psnr of colours", psnr(clean.samples(), adversarial.samples()).unwrap(), true),
        ("pspnr", pspnr(a, b, Plane::new(&jnd, width, height, width).unwrap()).unwrap(), true),
        ("ssim", ssim(a, b).unwrap(), true),
        ("ms_ssim", ms_ssim(a, b).unwrap(), true),
        ("gmsd", gmsd(a, b).unwrap(), false),
        ("ciede2000", ciede2000(clean, adversarial).unwrap(), false),
        ("ssimulacra2", ssimulacra2(clean, adversarial).unwrap(), true),
    ]
}

#[test]
fn equal_pictures_have_the_best_value() {
    let clean = clean();
    for (metric, value, _) in measure(picture(&clean), picture(&clean)) {
        let best = match metric {
            "gmsd" | "ciede2000" => 0.0,
            "ssim" | "ms_ssim" => 1.0,
            "ssimulacra2" => 100.0,
            _ => MAX_PSNR,
        };
        assert!((value - best).abs() <= MAX_ERROR_EQUAL, "{metric}: {value} instead of {best}");
    }
}

#[test]
fn more_noise_is_worse() {
    let clean = clean();
    let measured = [0, 1, 2, 4, 8, 16, 32].map(|amplitude| {
        let noisy = noisy(&clean, amplitude);
        measure(picture(&clean), picture(&noisy))
    });
    for pair in measured.windows(2) {
        for ((metric, less, more_is_better), (_, more, _)) in pair[0].iter().zip(&pair[1]) {
            assert!(if *more_is_better { more < less } else { more > less }, "{metric}: {less}, then {more}");
        }
    }
}

#[test]
fn all_but_ssimulacra2_are_symmetric() {
    let (clean, noisy) = (clean(), noisy(&clean(), 9));
    let (forth, back) = (measure(picture(&clean), picture(&noisy)), measure(picture(&noisy), picture(&clean)));
    for ((metric, forth, _), (_, back, _)) in forth.iter().zip(&back).filter(|(a, _)| a.0 != "ssimulacra2") {
        assert!((forth - back).abs() <= MAX_ERROR_EQUAL, "{metric}: {forth} and {back}");
    }
}

#[test]
fn a_box_is_the_picture_cut_out() {
    let (clean, noisy) = (clean(), noisy(&clean(), 5));
    let (x, y, width, height) = (9, 4, 165, 162);
    let cut = |data: &[u8]| -> Vec<u8> {
        data.chunks_exact(3 * WIDTH).skip(y).take(height).flat_map(|row| &row[3 * x..][..3 * width]).copied().collect()
    };
    let (clean_cut, noisy_cut) = (cut(&clean), cut(&noisy));
    let own = |data| RgbPicture::new(data, width, height, 3 * width).unwrap();
    let boxed = |data| picture(data).region(x, y, width, height).unwrap();
    assert_eq!(measure(boxed(&clean), boxed(&noisy)), measure(own(&clean_cut), own(&noisy_cut)));

    let luma = picture(&clean).luma();
    let plane = Plane::new(&luma, WIDTH, HEIGHT, WIDTH).unwrap().region(x, y, width, height).unwrap();
    let cut = boxed(&clean).luma();
    assert_eq!(psnr(plane, Plane::new(&cut, width, height, width).unwrap()).unwrap(), MAX_PSNR);
}

#[test]
fn the_jnd_is_forgiven() {
    let (clean, adversarial) = ([100; 12], [103; 12]);
    let plane = |data| Plane::new(data, 4, 3, 4).unwrap();
    let with = |jnd: f32| pspnr(plane(&clean), plane(&adversarial), Plane::new(&[jnd; 12], 4, 3, 4).unwrap());
    assert_eq!(with(0.0).unwrap(), psnr(plane(&clean), plane(&adversarial)).unwrap());
    assert!((with(1.0).unwrap() - 20.0 * (255.0f64 / 2.0).log10()).abs() <= MAX_ERROR_EQUAL);
    assert_eq!(with(3.0).unwrap(), MAX_PSNR);
    assert_eq!(with(9.0).unwrap(), MAX_PSNR);
    for wrong in [-1.0, f32::NAN, f32::INFINITY] {
        let error = with(wrong).unwrap_err().to_string();
        assert!(error.contains("not negative"), "{error}");
    }
}

/// Where the structures are each other's negative.
#[test]
fn ms_ssim_of_a_negative_is_zero() {
    let clean: Vec<u8> = (0..200 * 200).map(|i| if (i % 200 / 40 + i / 8000) % 2 == 0 { 100 } else { 156 }).collect();
    let negative: Vec<u8> = clean.iter().map(|value| 255 - value).collect();
    let plane = |data| Plane::new(data, 200, 200, 200).unwrap();
    assert_eq!(ms_ssim(plane(&clean), plane(&negative)).unwrap(), 0.0);
}

#[test]
fn small_pictures_are_refused_or_measured() {
    let data = vec![90; 3 * WIDTH * WIDTH];
    let square = |side: usize| RgbPicture::new(&data, side, side, 3 * WIDTH).unwrap();
    let luma = |side| Plane::new(&data, side, side, WIDTH).unwrap();
    let error = ms_ssim(luma(MIN_MS_SSIM_SIDE - 1), luma(MIN_MS_SSIM_SIDE - 1)).unwrap_err().to_string();
    assert!(error.contains("160x160") && error.contains("161x161") && error.contains("larger box"), "{error}");
    assert_eq!(ms_ssim(luma(MIN_MS_SSIM_SIDE), luma(MIN_MS_SSIM_SIDE)).unwrap(), 1.0);
    let error =
        ssimulacra2(square(MIN_SSIMULACRA2_SIDE - 1), square(MIN_SSIMULACRA2_SIDE - 1)).unwrap_err().to_string();
    assert!(error.contains("112x112") && error.contains("113x113"), "{error}");
    assert_eq!(ssimulacra2(square(MIN_SSIMULACRA2_SIDE), square(MIN_SSIMULACRA2_SIDE)).unwrap(), 100.0);
    for side in 1..4 {
        assert_eq!(gmsd(luma(side), luma(side)).unwrap(), 0.0);
        assert_eq!(ciede2000(square(side), square(side)).unwrap(), 0.0);
    }
}

#[test]
fn different_sizes_are_refused() {
    let data = vec![0; 3 * WIDTH * WIDTH];
    let (a, b) = (Plane::new(&data, 170, 165, 170).unwrap(), Plane::new(&data, 165, 170, 170).unwrap());
    let jnd = vec![0.0; 170 * 170];
    let jnd = Plane::new(&jnd, 165, 170, 165).unwrap();
    let (p, q) = (picture(&data), picture(&data).region(0, 0, WIDTH - 1, HEIGHT).unwrap());
    for refused in [ms_ssim(a, b), gmsd(a, b), pspnr(a, b, jnd), pspnr(a, a, jnd), ciede2000(p, q), ssimulacra2(p, q)] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains("cannot compare"), "{error}");
    }
}

#[test]
fn boxes_and_pictures_that_do_not_fit_are_refused() {
    let data = [0; 3 * 5 * 4];
    for (width, height, stride) in [(0, 3, 15), (5, 0, 15), (5, 4, 14), (5, 5, 15), (usize::MAX, 1, usize::MAX)] {
        assert!(RgbPicture::new(&data, width, height, stride).is_err(), "{width}x{height} at stride {stride}");
    }
    let picture = RgbPicture::new(&data, 5, 4, 15).unwrap();
    for (x, y, width, height) in [(0, 0, 6, 4), (1, 0, 5, 4), (0, 1, 5, 4), (usize::MAX, 0, 2, 1), (5, 4, 0, 0)] {
        assert!(picture.region(x, y, width, height).is_err(), "{width}x{height} at ({x}, {y})");
        assert!(Plane::new(&data, 5, 4, 5).unwrap().region(x, y, width, height).is_err());
    }
    assert_eq!(picture.region(4, 3, 1, 1).unwrap().width(), 1);
}

#[test]
fn luma_weighs_the_colours() {
    let data = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 77, 77, 77];
    assert_eq!(RgbPicture::new(&data, 5, 1, 15).unwrap().luma(), [76, 150, 29, 255, 77]);
}

/// Greys differ in lightness alone: ΔE00 = ΔL* / S_L, by scikit-image 0.26's `deltaE_ciede2000` of L* (40, 0, 0), (60,
/// 0, 0).
#[test]
fn ciede2000_of_greys() {
    let difference = delta_e00([40.0, 0.0, 0.0], [60.0, 0.0, 0.0]);
    assert!((difference - 20.0).abs() <= MAX_ERROR_EQUAL, "{difference}");
    let (black, white) = ([0; 3], [255; 3]);
    let pixel = |data| RgbPicture::new(data, 1, 1, 3).unwrap();
    let difference = ciede2000(pixel(&black), pixel(&white)).unwrap();
    assert!((difference - 100.0).abs() <= MAX_ERROR_EQUAL, "{difference}");
}

/// Sharma, Wu, Dalal 2005, table I: two colours and their ΔE00.
#[test]
fn ciede2000_of_the_published_pairs() {
    for (number, (first, second, expected)) in PAIRS.into_iter().enumerate() {
        for difference in [delta_e00(first, second), delta_e00(second, first)] {
            assert!((difference - expected).abs() <= MAX_ERROR_PAIRS, "pair {}: {difference}", number + 1);
        }
    }
}

const PAIRS: [([f64; 3], [f64; 3], f64); 34] = [
    ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
    ([50.0, 3.1571, -77.2803], [50.0, 0.0, -82.7485], 2.8615),
    ([50.0, 2.8361, -74.02], [50.0, 0.0, -82.7485], 3.4412),
    ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0),
    ([50.0, -1.1848, -84.8006], [50.0, 0.0, -82.7485], 1.0),
    ([50.0, -0.9009, -85.5211], [50.0, 0.0, -82.7485], 1.0),
    ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
    ([50.0, -1.0, 2.0], [50.0, 0.0, 0.0], 2.3669),
    ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0009], 7.1792),
    ([50.0, 2.49, -0.001], [50.0, -2.49, 0.001], 7.1792),
    ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0011], 7.2195),
    ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0012], 7.2195),
    ([50.0, -0.001, 2.49], [50.0, 0.0009, -2.49], 4.8045),
    ([50.0, -0.001, 2.49], [50.0, 0.001, -2.49], 4.8045),
    ([50.0, -0.001, 2.49], [50.0, 0.0011, -2.49], 4.7461),
    ([50.0, 2.5, 0.0], [50.0, 0.0, -2.5], 4.3065),
    ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
    ([50.0, 2.5, 0.0], [61.0, -5.0, 29.0], 22.8977),
    ([50.0, 2.5, 0.0], [56.0, -27.0, -3.0], 31.903),
    ([50.0, 2.5, 0.0], [58.0, 24.0, 15.0], 19.4535),
    ([50.0, 2.5, 0.0], [50.0, 3.1736, 0.5854], 1.0),
    ([50.0, 2.5, 0.0], [50.0, 3.2972, 0.0], 1.0),
    ([50.0, 2.5, 0.0], [50.0, 1.8634, 0.5757], 1.0),
    ([50.0, 2.5, 0.0], [50.0, 3.2592, 0.335], 1.0),
    ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
    ([63.0109, -31.0961, -5.8663], [62.8187, -29.7946, -4.0864], 1.263),
    ([61.2901, 3.7196, -5.3901], [61.4292, 2.248, -4.962], 1.8731),
    ([35.0831, -44.1164, 3.7933], [35.0232, -40.0716, 1.5901], 1.8645),
    ([22.7233, 20.0904, -46.694], [23.0331, 14.973, -42.5619], 2.0373),
    ([36.4612, 47.858, 18.3852], [36.2715, 50.5065, 21.2231], 1.4146),
    ([90.8027, -2.0831, 1.441], [91.1528, -1.6435, 0.0447], 1.4441),
    ([90.9257, -0.5406, -0.9208], [88.6381, -0.8985, -0.7239], 1.5381),
    ([6.7747, -0.2908, -2.4247], [5.8714, -0.0985, -2.2286], 0.6377),
    ([2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082),
];
