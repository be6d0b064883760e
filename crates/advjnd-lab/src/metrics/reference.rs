// SPDX-License-Identifier: MIT OR Apache-2.0
//! SSIM once more, window by window straight from its equation: slow, and what the fast one is tested against.

use super::ssim::{C1, C2, MIN_SSIM_SIDE, SIGMA};

/// Mean SSIM of two planes of `width * height` samples, both sides at least 11; panics on shorter slices.
pub fn ssim(clean: &[u8], adversarial: &[u8], width: usize, height: usize) -> f64 {
    let radius = (MIN_SSIM_SIDE / 2) as isize;
    let weight = |dx: isize, dy: isize| (-((dx * dx + dy * dy) as f64) / (2.0 * SIGMA * SIGMA)).exp();
    let (mut sum, mut count) = (0.0, 0);
    for y in radius..height as isize - radius {
        for x in radius..width as isize - radius {
            let window = || {
                (-radius..=radius).flat_map(|dy| (-radius..=radius).map(move |dx| (dx, dy))).map(|(dx, dy)| {
                    let index = ((y + dy) * width as isize + x + dx) as usize;
                    (weight(dx, dy), f64::from(clean[index]), f64::from(adversarial[index]))
                })
            };
            let total: f64 = window().map(|(w, _, _)| w).sum();
            let mean_x = window().map(|(w, a, _)| w * a).sum::<f64>() / total;
            let mean_y = window().map(|(w, _, b)| w * b).sum::<f64>() / total;
            let var_x = window().map(|(w, a, _)| w * (a - mean_x).powi(2)).sum::<f64>() / total;
            let var_y = window().map(|(w, _, b)| w * (b - mean_y).powi(2)).sum::<f64>() / total;
            let cov = window().map(|(w, a, b)| w * (a - mean_x) * (b - mean_y)).sum::<f64>() / total;
            sum += (2.0 * mean_x * mean_y + C1) * (2.0 * cov + C2)
                / ((mean_x.powi(2) + mean_y.powi(2) + C1) * (var_x + var_y + C2));
            count += 1;
        }
    }
    sum / f64::from(count)
}
