//! Visibility: how much of a picture's structure a change disturbs, in luma and chroma, at several sizes.
//!
//! ```text
//! V = Σ_c Σ_k (mean of 1 − SSIM over the windows of component c at scale k) + γ Σ_c (mean of Δ_c²)
//! ```
//!
//! Components are luma and the two colour differences of BT.601, white 1; scale k is the picture, averaged over 2^k × 2^k
//! pixels, as in MS-SSIM (Wang, Simoncelli & Bovik, Asilomar 2003), whose scales are multiplied and not added. 1 − SSIM is that of
//! [`regularizers`](super::regularizers): a change of variance v costs v / (2σ² + C2) where the clean picture has variance
//! σ², so a change is cheap where the picture masks it; at every scale anew, so a smooth change is not cheap where only
//! fine grain would mask it. The second sum keeps a change small where SSIM sees none of it.
//!
//! Constants: [`SCALES`] and [`ENERGY`], chosen on 16 faces of LFW, which the results do not use, by SSIMULACRA2 of MobileFaceNet's
//! dodges at success: 91.5; without the coarsest scale 91.2; γ = 200: 91.4; γ = 10: 90.8; colour weighed four times luma
//! 90.1, sixteen times 88.9.

use super::chip::Chip;
use super::regularizers::Windows;

/// Number of scales.
pub const SCALES: usize = 3;
/// γ.
pub const ENERGY: f32 = 1000.0;

/// Rows: luma, Cb, Cr, from R', G', B' (ITU-R BT.601).
const COMPONENTS: [[f32; 3]; 3] = [[0.299, 0.587, 0.114], [-0.168_736, -0.331_264, 0.5], [0.5, -0.418_688, -0.081_312]];

/// A component at a scale.
#[derive(Debug)]
struct Level {
    width: usize,
    height: usize,
    windows: Windows,
    clean: Vec<f32>,
}

/// V against one clean chip.
#[derive(Debug)]
pub struct Visibility {
    pixels: usize,
    /// Of luma, Cb, Cr; finest first.
    levels: [Vec<Level>; 3],
}

impl Visibility {
    /// The term for `chip`.
    pub fn new(chip: &Chip<'_>) -> Self {
        let pixels = chip.width() * chip.height();
        let levels = COMPONENTS.map(|weights| {
            let mut levels = Vec::new();
            let (mut width, mut height) = (chip.width(), chip.height());
            let mut clean = mixed(chip.clean(), weights, pixels);
            for _ in 0..SCALES {
                let halves = halved(&clean, width, height);
                levels.push(Level { width, height, windows: Windows::new(width, height), clean });
                (width, height, clean) = (width / 2, height / 2, halves);
            }
            levels
        });
        Self { pixels, levels }
    }

    /// `weight` times V at the perturbation `delta` (`[3][height][width]`, white = 1); adds its gradient with respect to
    /// `delta` to `gradient`. A scale of less than 11 pixels on a side has no window, and counts nothing.
    pub fn add_to(&self, weight: f32, delta: &[f32], gradient: &mut [f32]) -> f64 {
        if weight == 0.0 {
            return 0.0;
        }
        let mut loss = 0.0;
        for (levels, mix) in self.levels.iter().zip(COMPONENTS) {
            let change = mixed(delta, mix, self.pixels);
            let mut slope = vec![0.0; self.pixels];
            loss += component_loss(levels, &change, weight, &mut slope);
            let energy = weight * ENERGY / self.pixels as f32;
            loss += f64::from(energy) * change.iter().map(|v| f64::from(v * v)).sum::<f64>();
            slope.iter_mut().zip(&change).for_each(|(slope, v)| *slope += 2.0 * energy * v);
            for (gradient, share) in gradient.chunks_mut(self.pixels).zip(mix) {
                gradient.iter_mut().zip(&slope).for_each(|(g, slope)| *g += share * slope);
            }
        }
        loss
    }
}

/// `weight` times the structural sum of one component from its finest level on; adds the gradient to `slope`.
fn component_loss(levels: &[Level], change: &[f32], weight: f32, slope: &mut [f32]) -> f64 {
    let Some((level, coarser)) = levels.split_first() else { return 0.0 };
    let mut loss = 0.0;
    if level.windows.count() > 0 {
        let scale = weight / level.windows.count() as f32;
        loss += f64::from(scale) * level.windows.add_to(scale, &level.clean, change, slope);
    }
    if !coarser.is_empty() && level.width >= 2 && level.height >= 2 {
        let halves = halved(change, level.width, level.height);
        let mut below = vec![0.0; halves.len()];
        loss += component_loss(coarser, &halves, weight, &mut below);
        add_halved_adjoint(&below, level.width, slope);
    }
    loss
}

/// One component of planar R', G', B'.
fn mixed(planes: &[f32], weights: [f32; 3], pixels: usize) -> Vec<f32> {
    (0..pixels).map(|at| weights.iter().zip(0..3).map(|(w, channel)| w * planes[channel * pixels + at]).sum()).collect()
}

/// Means of 2 × 2; an odd last row or column is left out.
fn halved(plane: &[f32], width: usize, height: usize) -> Vec<f32> {
    let (columns, rows) = (width / 2, height / 2);
    let at = |x: usize, y: usize| plane[y * width + x];
    (0..columns * rows)
        .map(|i| (2 * (i % columns), 2 * (i / columns)))
        .map(|(x, y)| 0.25 * (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)))
        .collect()
}

/// Adds the adjoint of [`halved`] to a plane of rows of `width`.
fn add_halved_adjoint(halves: &[f32], width: usize, plane: &mut [f32]) {
    let columns = width / 2;
    for (i, value) in halves.iter().enumerate() {
        let (x, y) = (2 * (i % columns), 2 * (i / columns));
        for place in [y * width + x, y * width + x + 1, (y + 1) * width + x, (y + 1) * width + x + 1] {
            plane[place] += 0.25 * value;
        }
    }
}
