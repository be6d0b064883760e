//! The models once more, as nested loops straight from the equations: slow, and what the fast paths are tested against.
//!
//! Planes are as in [`jnd`](super): row-major, `width * height` samples, finite and within 0..=255. Functions panic on
//! slices that are too short. Arithmetic is in double precision, except in [`canny`], whose decisions must be those of
//! the fast path to the bit.

use super::YCbCr;
use super::{canny as fast_canny, edge_weight as fast_edge_weight, gaussian::half_kernel, namm};

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

/// Yang's NAMM thresholds.
pub fn namm(clean: YCbCr<&[f32]>, width: usize, height: usize) -> YCbCr<Vec<f32>> {
    let weight = edge_weight(clean.y, width, height);
    let channel = |plane: &[f32], texture: f32, overlap: f32| {
        each_pixel(width, height, |x, y| {
            let adaptation = luminance_adaptation(background(clean.y, x, y, width, height));
            let gradient = max_gradient(plane, x, y, width, height);
            let masking = f64::from(texture) * gradient * weight[y * width + x];
            (adaptation + masking - f64::from(overlap) * adaptation.min(masking)) as f32
        })
    };
    YCbCr {
        y: channel(clean.y, namm::TEXTURE.y, namm::OVERLAP.y),
        cb: channel(clean.cb, namm::TEXTURE.cb, namm::OVERLAP.cb),
        cr: channel(clean.cr, namm::TEXTURE.cr, namm::OVERLAP.cr),
    }
}

/// Edge weight W, 0.1..=1.
fn edge_weight(luma: &[f32], width: usize, height: usize) -> Vec<f64> {
    let edges = canny(luma, width, height);
    let tap = |d: isize| (-((d * d) as f64) / (2.0 * fast_edge_weight::SIGMA.powi(2))).exp();
    let sum: f64 = (-3..=3).map(tap).sum();
    each_pixel(width, height, |x, y| {
        let mut weight = 0.0;
        for dy in -3..=3 {
            for dx in -3..=3 {
                let edge = edges[clamped(x, dx, y, dy, width, height)];
                let level = if edge { f64::from(fast_edge_weight::ON_EDGE) } else { 1.0 };
                weight += tap(dx) * tap(dy) / (sum * sum) * level;
            }
        }
        weight
    })
}

/// Canny's edges of luma: true on an edge.
pub fn canny(luma: &[f32], width: usize, height: usize) -> Vec<bool> {
    let kernel = half_kernel::<{ fast_canny::HALF_TAPS }>(fast_canny::SIGMA);
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
    let high = magnitude.iter().copied().fold(0.0, f32::max) * fast_canny::HIGH;
    let low = high * fast_canny::LOW_OF_HIGH;

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
