// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random numbers of a seed, and smooth noise.

use std::f32::consts::TAU;

/// Random numbers of a seed (SplitMix64).
#[derive(Debug, Clone, Copy)]
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// In 0..1, evenly.
    pub fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Normal, of deviation 1.
    pub fn normal(&mut self) -> f32 {
        let (radius, angle) = (self.uniform().max(f32::MIN_POSITIVE), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
    }
}

/// Values between points of a grid of random ones, `width` × `height`, about −1..1: octaves of half the grid and half
/// the height.
pub fn clouds(seed: u64, width: usize, height: usize, grid: f32, octaves: u32) -> Vec<f32> {
    let mut sum = vec![0.0; width * height];
    for octave in 0..octaves {
        let (grid, weight) = (grid / 2f32.powi(octave as i32), 0.5 / 2f32.powi(octave as i32));
        let columns = (width as f32 / grid) as usize + 2;
        let rows = (height as f32 / grid) as usize + 2;
        let mut dice = Dice::new(seed.wrapping_add(u64::from(octave) << 32));
        let points: Vec<f32> = (0..columns * rows).map(|_| 2.0 * dice.uniform() - 1.0).collect();
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        for (index, value) in sum.iter_mut().enumerate() {
            let (x, y) = ((index % width) as f32 / grid, (index / width) as f32 / grid);
            let (left, top) = (x as usize, y as usize);
            let (u, v) = (ease(x.fract()), ease(y.fract()));
            let row = |top: usize| {
                let start = top * columns + left;
                points[start] * (1.0 - u) + points[start + 1] * u
            };
            *value += weight * (row(top) * (1.0 - v) + row(top + 1) * v);
        }
    }
    sum
}
