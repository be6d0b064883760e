// SPDX-License-Identifier: MIT OR Apache-2.0
//! The twin of the free-energy model.

use super::{background, blur, clamped, deviation, each_pixel, edge_protection, lifted_adaptation, max_gradient};

/// Wu's free-energy thresholds of luma.
pub fn free_energy(luma: &[f32], width: usize, height: usize) -> Vec<f32> {
    let expected: Vec<f32> =
        each_pixel(width, height, |x, y| expectation(luma, x, y, width, height)).iter().map(|v| *v as f32).collect();
    let surprise: Vec<f64> =
        luma.iter().zip(&expected).map(|(own, expected)| f64::from(own - expected).abs()).collect();
    let blurred = blur(&surprise, 7.0 / 3.0, 3, width, height);
    let near = |dx: isize, dy: isize| dx.abs() + dy.abs() <= 2;
    let protection = edge_protection(luma, (width, height), 0.7, 0.2, near);
    let combine = |a: f64, b: f64| a + b - 0.3 * a.min(b);
    each_pixel(width, height, |x, y| {
        let index = y * width + x;
        let smooth = deviation(luma, 3, x, y, width, height) < 10.0;
        let calm = if smooth { surprise[index].min(blurred[index]) } else { surprise[index] };
        let bg = background(&expected, x, y, width, height);
        let gradient = max_gradient(&expected, x, y, width, height);
        let contrast = 80.0 * (1.0 + gradient / 80.0).log2() / 2.0 * (0.0001 * bg + 0.115) + 0.5 - 0.01 * bg;
        combine(combine(lifted_adaptation(bg), contrast.abs()), calm * protection[index]) as f32
    })
}

/// F' of one pixel.
fn expectation(luma: &[f32], x: usize, y: usize, width: usize, height: usize) -> f64 {
    let at = |dx: isize, dy: isize| f64::from(luma[clamped(x, dx, y, dy, width, height)]);
    let (reach, patch) = (10, 3);
    let least = lifted_adaptation(background(luma, x, y, width, height)).max(8.0);
    let scale = least * (least / deviation(luma, patch, x, y, width, height).max(least)).sqrt();
    let (mut sum, mut weights, mut largest) = (0.0, 0.0, 0.0f64);
    for (v, u) in (-reach..=reach).flat_map(|v| (-reach..=reach).map(move |u| (v, u))) {
        if (u, v) == (0, 0) {
            continue;
        }
        let mut distance = 0.0;
        for (dy, dx) in (-patch..=patch).flat_map(|dy| (-patch..=patch).map(move |dx| (dy, dx))) {
            distance += (at(dx, dy) - at(u + dx, v + dy)).powi(2) / 49.0;
        }
        let weight = (-distance / (scale * scale)).max(-80.0).exp();
        sum += weight * at(u, v);
        weights += weight;
        largest = largest.max(weight);
    }
    (sum + largest * at(0, 0)) / (weights + largest)
}
