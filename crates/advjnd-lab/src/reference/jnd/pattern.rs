// SPDX-License-Identifier: MIT OR Apache-2.0
//! The twin of the pattern-complexity model.

use super::{
    background, blur, clamped, deviation, each_pixel, edge_protection, lifted_adaptation, luminance_adaptation,
    max_gradient,
};

/// Wu's pattern-complexity thresholds of luma; `paper` takes the paper's constants instead of the program's.
pub fn pattern(luma: &[f32], width: usize, height: usize, paper: bool) -> Vec<f32> {
    let complexity = complexity(luma, width, height, if paper { 0.0 } else { 5.0 });
    let blurred = blur(&complexity, 1.0, 1, width, height);
    let steepest = each_pixel(width, height, |x, y| max_gradient(luma, x, y, width, height));
    let steepest = steepest.into_iter().fold(0.0, f64::max) as f32;
    let protection = edge_protection(luma, (width, height), (60.0 / steepest).min(0.8), 0.0, |_, _| true);
    each_pixel(width, height, |x, y| {
        let index = y * width + x;
        let bg = background(luma, x, y, width, height);
        let (adaptation, contrast, pattern) = if paper {
            let (gh, gv) = prewitt(luma, x, y, width, height);
            let contrast = f64::from(gh).hypot(f64::from(gv)) / 3.0;
            let c = complexity[index];
            let pattern = (1.0 + contrast).log2() * 0.8 * c.powf(2.7) / (c * c + 0.1 * 0.1);
            (luminance_adaptation(bg), contrast, pattern)
        } else {
            let contrast = deviation(luma, 2, x, y, width, height);
            let c = blurred[index];
            let pattern = contrast * 0.3 * c.powf(2.7) / (c * c + 1.0);
            (0.7 * lifted_adaptation(bg), contrast, pattern * protection[index])
        };
        let masking = pattern.max(0.115 * 16.0 * contrast.powf(2.4) / (contrast.powi(2) + 26.0 * 26.0));
        (adaptation + masking - 0.3 * adaptation.min(masking)) as f32
    })
}

/// Three times the Prewitt gradient of one pixel: to the right, downwards.
fn prewitt(luma: &[f32], x: usize, y: usize, width: usize, height: usize) -> (f32, f32) {
    let at = |dx, dy| luma[clamped(x, dx, y, dy, width, height)];
    let column = |dx| at(dx, -1) + at(dx, 0) + at(dx, 1);
    let fall = |dx| at(dx, 1) - at(dx, -1);
    (column(1) - column(-1), fall(-1) + fall(0) + fall(1))
}

/// Tangents of the borders between the sixteen bins of 12 degrees.
fn borders() -> impl Iterator<Item = f32> {
    (0..15).map(|border| (12.0 * (f64::from(border) + 0.5) - 90.0).to_radians().tan() as f32)
}

/// Number of different orientations in the 3x3 neighbourhood, 1 where the pixel is plain.
fn complexity(luma: &[f32], width: usize, height: usize, min_gradient: f32) -> Vec<f64> {
    let bins = each_pixel(width, height, |x, y| {
        let (gh, gv) = prewitt(luma, x, y, width, height);
        let square = gh * gh + gv * gv;
        if square < 9.0 * min_gradient * min_gradient || square < f32::MIN_POSITIVE {
            return None;
        }
        let turned = if gh < 0.0 { -gv } else { gv };
        Some(borders().filter(|tangent| turned >= tangent * gh.abs()).count())
    });
    each_pixel(width, height, |x, y| {
        if bins[y * width + x].is_none() {
            return 1.0;
        }
        let mut met = Vec::new();
        for dy in -1..=1 {
            for dx in -1..=1 {
                let bin = bins[clamped(x, dx, y, dy, width, height)];
                if !met.contains(&bin) {
                    met.push(bin);
                }
            }
        }
        met.len() as f64
    })
}
