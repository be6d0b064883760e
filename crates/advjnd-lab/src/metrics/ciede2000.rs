// SPDX-License-Identifier: MIT OR Apache-2.0
//! Colour difference CIEDE2000 (CIE 142-2001, ISO/CIE 11664-6), as Sharma, Wu, Dalal 2005, "The CIEDE2000
//! color-difference formula: implementation notes, supplementary test data, and mathematical observations", Color Res.
//! Appl. 30(1), eq. 2 to 22, with k_L = k_C = k_H = 1.
//!
//! A pixel goes from sRGB (IEC 61966-2-1: its transfer function and its matrix to XYZ) to CIE L*a*b* with the white of
//! that matrix, D65 = (0.9505, 1, 1.0890), so that greys have a* = b* = 0.

use std::f64::consts::{PI, TAU};

use advjnd::Result;

use super::RgbPicture;
use super::plane::check_sizes;

/// Linear R, G, B to X, Y, Z.
const TO_XYZ: [[f64; 3]; 3] = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];

/// Mean of ΔE00 over the pixels of two pictures of the same size; 0 for equal ones, about 1 at the threshold of large
/// uniform patches seen side by side.
///
/// # Errors
/// [`Error::Input`](advjnd::Error::Input) where the sizes differ.
pub fn ciede2000(clean: RgbPicture<'_>, adversarial: RgbPicture<'_>) -> Result<f64> {
    check_sizes((clean.width(), clean.height()), (adversarial.width(), adversarial.height()))?;
    let linear: [f64; 256] = std::array::from_fn(|code| linear(code as f64 / 255.0));
    let lab = |pixel: [u8; 3]| lab(pixel.map(|code| linear[usize::from(code)]));
    let pixels = clean.pixels().zip(adversarial.pixels()).filter(|(a, b)| a != b);
    let sum: f64 = pixels.map(|(a, b)| delta_e00(lab(a), lab(b))).sum();
    Ok(sum / (clean.width() * clean.height()) as f64)
}

/// sRGB's transfer function, from 0..=1 to linear light.
fn linear(value: f64) -> f64 {
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// L*, a*, b* of linear R, G, B.
fn lab(rgb: [f64; 3]) -> [f64; 3] {
    const KNEE: f64 = 6.0 / 29.0;
    let [x, y, z] = TO_XYZ.map(|row| {
        let relative = row.iter().zip(rgb).map(|(weight, value)| weight * value).sum::<f64>() / row.iter().sum::<f64>();
        if relative > KNEE.powi(3) { relative.cbrt() } else { relative / (3.0 * KNEE * KNEE) + 4.0 / 29.0 }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// ΔE00 of two colours given as L*, a*, b*. Symmetric.
pub fn delta_e00([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let steep = |chroma: f64| (chroma.powi(7) / (chroma.powi(7) + 25f64.powi(7))).sqrt();
    let g = 0.5 * (1.0 - steep(0.5 * (a1.hypot(b1) + a2.hypot(b2))));
    let (a1, a2) = ((1.0 + g) * a1, (1.0 + g) * a2);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    // Of a grey, atan2(0, 0) is the 0 that eq. 7 asks for.
    let (h1, h2) = (b1.atan2(a1).rem_euclid(TAU), b2.atan2(a2).rem_euclid(TAU));

    let grey = c1 * c2 == 0.0;
    let turn = match h2 - h1 {
        _ if grey => 0.0,
        turn if turn > PI => turn - TAU,
        turn if turn < -PI => turn + TAU,
        turn => turn,
    };
    let delta_l = l2 - l1;
    let delta_c = c2 - c1;
    let delta_h = 2.0 * (c1 * c2).sqrt() * (0.5 * turn).sin();

    let l = 0.5 * (l1 + l2);
    let c = 0.5 * (c1 + c2);
    let h = match h1 + h2 {
        sum if grey => sum,
        sum if (h1 - h2).abs() <= PI => 0.5 * sum,
        sum if sum < TAU => 0.5 * (sum + TAU),
        sum => 0.5 * (sum - TAU),
    };
    let cos = |factor: f64, degrees: f64| (factor * h + degrees.to_radians()).cos();
    let t = 1.0 - 0.17 * cos(1.0, -30.0) + 0.24 * cos(2.0, 0.0) + 0.32 * cos(3.0, 6.0) - 0.20 * cos(4.0, -63.0);
    let rotation = 60f64.to_radians() * (-((h.to_degrees() - 275.0) / 25.0).powi(2)).exp();
    let offset = (l - 50.0).powi(2);
    let l = delta_l / (1.0 + 0.015 * offset / (20.0 + offset).sqrt());
    let r = -rotation.sin() * 2.0 * steep(c);
    let h = delta_h / (1.0 + 0.015 * c * t);
    let c = delta_c / (1.0 + 0.045 * c);
    (l * l + c * c + h * h + r * c * h).sqrt()
}
