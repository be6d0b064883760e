// SPDX-License-Identifier: MIT OR Apache-2.0
//! The models once more, as nested loops straight from the equations: slow, and what the fast paths are tested against.
//!
//! Planes are as in [`advjnd::jnd`]: row-major, `width * height` samples, finite and within 0..=255. Functions panic on
//! slices that are too short. Arithmetic is in double precision, except in [`canny`] and in the orientations
//! of [`pattern`](fn@pattern), whose decisions must be those of the fast path to the bit.

mod free_energy;
mod learned;
mod pattern;

pub use free_energy::free_energy;
pub use learned::learned;
pub use pattern::pattern;

const B: [[i32; 5]; 5] = [[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 2, 0, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]];

const G: [[[i32; 5]; 5]; 4] = [
    [[0, 0, 0, 0, 0], [1, 3, 8, 3, 1], [0, 0, 0, 0, 0], [-1, -3, -8, -3, -1], [0, 0, 0, 0, 0]],
    [[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]],
    [[0, 0, 1, 0, 0], [0, 0, 3, 8, 0], [-1, -3, 0, 3, 1], [0, -8, -3, 0, 0], [0, 0, -1, 0, 0]],
    [[0, 1, 0, -1, 0], [0, 3, 0, -3, 0], [0, 8, 0, -8, 0], [0, 3, 0, -3, 0], [0, 1, 0, -1, 0]],
];

/// Index of the sample at (`x + dx`, `y + dy`), the nearest one inside where that is outside.
fn clamped(x: usize, dx: isize, y: usize, dy: isize, width: usize, height: usize) -> usize {
    let x = (x as isize + dx).clamp(0, width as isize - 1);
    let y = (y as isize + dy).clamp(0, height as isize - 1);
    y as usize * width + x as usize
}

/// One output sample per pixel of a region, row-major.
fn each_pixel<T>(width: usize, height: usize, mut f: impl FnMut(usize, usize) -> T) -> Vec<T> {
    (0..width * height).map(|index| f(index % width, index / width)).collect()
}

/// Sum of `kernel` times the 5x5 neighbourhood.
fn correlate(kernel: &[[i32; 5]; 5], plane: &[f32], x: usize, y: usize, width: usize, height: usize) -> f64 {
    let mut sum = 0.0;
    for (j, row) in kernel.iter().enumerate() {
        for (i, &weight) in row.iter().enumerate() {
            let index = clamped(x, i as isize - 2, y, j as isize - 2, width, height);
            sum += f64::from(weight) * f64::from(plane[index]);
        }
    }
    sum
}

/// Background luminance of one pixel.
fn background(luma: &[f32], x: usize, y: usize, width: usize, height: usize) -> f64 {
    correlate(&B, luma, x, y, width, height) / 32.0
}

/// Largest directional gradient of one pixel.
fn max_gradient(plane: &[f32], x: usize, y: usize, width: usize, height: usize) -> f64 {
    G.iter().map(|kernel| correlate(kernel, plane, x, y, width, height).abs() / 16.0).fold(0.0, f64::max)
}

/// Standard deviation in the neighbourhood that reaches `reach` pixels.
fn deviation(luma: &[f32], reach: isize, x: usize, y: usize, width: usize, height: usize) -> f64 {
    let window = || (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)));
    let at = |(dx, dy)| f64::from(luma[clamped(x, dx, y, dy, width, height)]);
    let count = window().count() as f64;
    let mean = window().map(at).sum::<f64>() / count;
    (window().map(|d| (at(d) - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// Luminance adaptation at a background luminance lifted from black.
fn lifted_adaptation(background: f64) -> f64 {
    luminance_adaptation(if background <= 127.0 { 32.0 + background * 95.0 / 127.0 } else { background })
}

/// Edge protection: `on_edge` where `is_near(dx, dy)` of an edge at the high threshold `threshold`, 1 elsewhere,
/// blurred.
fn edge_protection(
    luma: &[f32],
    (width, height): (usize, usize),
    threshold: f32,
    on_edge: f64,
    is_near: impl Fn(isize, isize) -> bool,
) -> Vec<f64> {
    let edges = canny(luma, width, height, threshold);
    let levels = each_pixel(width, height, |x, y| {
        let near = |dy, dx| is_near(dx, dy) && edges[clamped(x, dx, y, dy, width, height)];
        if (-2..=2).any(|dy| (-2..=2).any(|dx| near(dy, dx))) { on_edge } else { 1.0 }
    });
    blur(&levels, 0.8, 2, width, height)
}

/// Luminance adaptation at a background luminance.
fn luminance_adaptation(background: f64) -> f64 {
    if background <= 127.0 {
        17.0 * (1.0 - (background / 127.0).sqrt()) + 3.0
    } else {
        3.0 / 128.0 * (background - 127.0) + 3.0
    }
}

/// Chou & Li's thresholds of luma.
pub fn chou(luma: &[f32], width: usize, height: usize) -> Vec<f32> {
    each_pixel(width, height, |x, y| {
        let bg = background(luma, x, y, width, height);
        let mg = max_gradient(luma, x, y, width, height);
        let masking = mg * (0.0001 * bg + 0.115) + 0.5 - 0.01 * bg;
        masking.max(luminance_adaptation(bg)) as f32
    })
}

/// Yang's NAMM thresholds of luma.
pub fn namm(luma: &[f32], width: usize, height: usize) -> Vec<f32> {
    let weight = edge_weight(luma, width, height);
    each_pixel(width, height, |x, y| {
        let adaptation = luminance_adaptation(background(luma, x, y, width, height));
        let masking = 0.117 * max_gradient(luma, x, y, width, height) * weight[y * width + x];
        (adaptation + masking - 0.30 * adaptation.min(masking)) as f32
    })
}

/// Temporal masking's f.
pub fn temporal(luma: &[f32], before: &[f32], width: usize, height: usize) -> Vec<f32> {
    each_pixel(width, height, |x, y| {
        let at = |plane: &[f32]| f64::from(plane[y * width + x]) + background(plane, x, y, width, height);
        let change = (at(luma) - at(before)) / 2.0;
        let decay = |distance: f64| (-0.15 / std::f64::consts::TAU * distance).exp();
        let f = if change > 0.0 { 1.6 * decay(255.0 - change) } else { 4.0 * decay(255.0 + change) };
        (f + 0.8) as f32
    })
}

/// Edge weight W, 0.1..=1.
fn edge_weight(luma: &[f32], width: usize, height: usize) -> Vec<f64> {
    let level = |edge: &bool| if *edge { 0.1 } else { 1.0 };
    let levels: Vec<f64> = canny(luma, width, height, 0.5).iter().map(level).collect();
    blur(&levels, 0.8, 3, width, height)
}

/// A Gaussian of `2 radius + 1` taps each way, summing to 1.
fn blur(plane: &[f64], sigma: f64, radius: isize, width: usize, height: usize) -> Vec<f64> {
    let tap = |d: isize| (-((d * d) as f64) / (2.0 * sigma * sigma)).exp();
    let sum: f64 = (-radius..=radius).map(tap).sum();
    each_pixel(width, height, |x, y| {
        let mut blurred = 0.0;
        for dy in -radius..=radius {
            for dx in -radius..=radius {
                blurred += tap(dx) * tap(dy) / (sum * sum) * plane[clamped(x, dx, y, dy, width, height)];
            }
        }
        blurred
    })
}

/// A Gaussian of 13 taps that sum to 1: the middle one and those to one side.
fn half_kernel(sigma: f64) -> [f32; 7] {
    let tap = |k: usize| (-((k * k) as f64) / (2.0 * sigma * sigma)).exp();
    let sum = tap(0) + 2.0 * (1..7).map(tap).sum::<f64>();
    std::array::from_fn(|k| (tap(k) / sum) as f32)
}

/// Canny's edges of luma: true on an edge. `high` is the high threshold as a fraction of the largest magnitude.
pub fn canny(luma: &[f32], width: usize, height: usize, high: f32) -> Vec<bool> {
    let kernel = half_kernel(std::f64::consts::SQRT_2);
    let smooth = |plane: &[f32], horizontally: bool| {
        each_pixel(width, height, |x, y| {
            let at = |d: isize| {
                let (dx, dy) = if horizontally { (d, 0) } else { (0, d) };
                plane[clamped(x, dx, y, dy, width, height)]
            };
            (1..kernel.len()).fold(kernel[0] * at(0), |sum, k| sum + kernel[k] * (at(-(k as isize)) + at(k as isize)))
        })
    };
    let smoothed = smooth(&smooth(luma, true), false);
    let gradient = each_pixel(width, height, |x, y| {
        let at = |dx, dy| smoothed[clamped(x, dx, y, dy, width, height)];
        (at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1))
    });
    let magnitude: Vec<f32> = gradient.iter().map(|(gx, gy)| (gx * gx + gy * gy).sqrt()).collect();
    let high = magnitude.iter().copied().fold(0.0, f32::max) * high;
    let low = high * 0.4;

    let maximum = each_pixel(width, height, |x, y| {
        if x == 0 || y == 0 || x == width - 1 || y == height - 1 {
            return false;
        }
        let (gx, gy) = gradient[y * width + x];
        let sx = if gx < 0.0 { -1 } else { 1 };
        let sy = if gy < 0.0 { -1 } else { 1 };
        let at = |dx, dy| magnitude[clamped(x, dx, y, dy, width, height)];
        let (ahead, behind) = if gx.abs() >= gy.abs() {
            let t = gy.abs() / gx.abs();
            (at(sx, 0) * (1.0 - t) + at(sx, sy) * t, at(-sx, 0) * (1.0 - t) + at(-sx, -sy) * t)
        } else {
            let t = gx.abs() / gy.abs();
            (at(0, sy) * (1.0 - t) + at(sx, sy) * t, at(0, -sy) * (1.0 - t) + at(-sx, -sy) * t)
        };
        at(0, 0) >= ahead && at(0, 0) >= behind
    });

    let mut edges: Vec<bool> = (0..width * height).map(|i| maximum[i] && magnitude[i] > high).collect();
    loop {
        let grown = each_pixel(width, height, |x, y| {
            let index = y * width + x;
            let mut touches = false;
            for dy in -1..=1 {
                for dx in -1..=1 {
                    touches |= edges[clamped(x, dx, y, dy, width, height)];
                }
            }
            edges[index] || (maximum[index] && magnitude[index] > low && touches)
        });
        if grown == edges {
            return edges;
        }
        edges = grown;
    }
}
