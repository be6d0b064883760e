// SPDX-License-Identifier: MIT OR Apache-2.0
//! Quality terms of the attacks that the paper is compared with: structural similarity (MND) and total variation
//! (JNDMGA).
//!
//! * **Structure**: 1 − SSIM of clean and adversarial picture, the mean over channels and over all windows that lie
//!   inside the picture (Wang, Bovik, Sheikh & Simoncelli, IEEE TIP 2004: Gaussian window of 11 × 11, σ = 1.5, K1 =
//!   0.01, K2 = 0.03, white = 1). A picture less than 11 pixels wide or high has no window and no structural loss. With
//!   D = Z − X, m and v its local mean and variance, SSIM = (1 − m²/(μx² + μz² + C1))·(1 − v/(σx² + σz² + C2)): the
//!   same number, but its gradient is zero, not a rounding error, where nothing is changed.
//! * **Total variation**: the mean over samples of the squared differences of the perturbation to its right and lower
//!   neighbours (Mahendran & Vedaldi, CVPR 2015, with exponent 2; there of the picture).

use super::chip::Chip;

const WINDOW: usize = 11;
const SIGMA: f32 = 1.5;
const C1: f32 = 0.01 * 0.01;
const C2: f32 = 0.03 * 0.03;

/// 1 − SSIM against one clean chip.
#[derive(Debug)]
pub struct Structure<'a> {
    chip: Chip<'a>,
    taps: [f32; WINDOW],
}

impl<'a> Structure<'a> {
    /// The term for `chip`.
    pub fn new(chip: Chip<'a>) -> Self {
        let mut taps: [f32; WINDOW] = std::array::from_fn(|index| {
            let distance = index as f32 - (WINDOW / 2) as f32;
            (-distance * distance / (2.0 * SIGMA * SIGMA)).exp()
        });
        let sum: f32 = taps.iter().sum();
        taps.iter_mut().for_each(|tap| *tap /= sum);
        Self { chip, taps }
    }

    /// `weight` times the term at the perturbation `delta` (`[3][height][width]`, white = 1); adds its gradient with
    /// respect to `delta` to `gradient`.
    pub fn add_to(&self, weight: f32, delta: &[f32], gradient: &mut [f32]) -> f64 {
        let (width, height) = (self.chip.width(), self.chip.height());
        if weight == 0.0 || width < WINDOW || height < WINDOW {
            return 0.0;
        }
        let windows = 3 * (width - WINDOW + 1) * (height - WINDOW + 1);
        let scale = weight / windows as f32;
        let pixels = width * height;
        let planes = self.chip.clean().chunks(pixels).zip(delta.chunks(pixels));
        let mut loss = 0.0;
        for ((clean, delta), gradient) in planes.zip(gradient.chunks_mut(pixels)) {
            loss += self.plane(scale, clean, delta, gradient);
        }
        f64::from(scale) * loss
    }

    /// The sum of 1 − SSIM over the windows of a plane; adds `scale` times its gradient to `gradient`.
    fn plane(&self, scale: f32, clean: &[f32], delta: &[f32], gradient: &mut [f32]) -> f64 {
        let product = |a: &[f32], b: &[f32]| -> Vec<f32> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
        let [mean, square] = [clean, &product(clean, clean)].map(|plane| self.blur(plane));
        let [mut by_mean, mut by_square, mut by_mixed] =
            [delta, &product(delta, delta), &product(clean, delta)].map(|plane| self.blur(plane));
        let mut sum = 0.0;
        for (index, mx) in mean.iter().enumerate() {
            let (m, mz) = (by_mean[index], mx + by_mean[index]);
            let v = by_square[index] - m * m;
            let b1 = mx * mx + mz * mz + C1;
            let b2 = 2.0 * (square[index] - mx * mx) + 2.0 * (by_mixed[index] - mx * m) + v + C2;
            let (dark, flat) = (m * m / b1, v / b2);
            let (luminance, structure) = (1.0 - dark, 1.0 - flat);
            sum += f64::from(dark + flat - dark * flat);
            by_mean[index] = 2.0 * structure * (m - dark * mz) / b1 + 2.0 * luminance * (flat * mz - m) / b2;
            by_square[index] = luminance * structure / b2;
            by_mixed[index] = -2.0 * luminance * flat / b2;
        }
        let [by_mean, by_square, by_mixed] = [by_mean, by_square, by_mixed].map(|windows| self.blur_adjoint(&windows));
        for (index, gradient) in gradient.iter_mut().enumerate() {
            let slope = by_mean[index] + 2.0 * delta[index] * by_square[index] + clean[index] * by_mixed[index];
            *gradient += scale * slope;
        }
        sum
    }

    /// Weighted means of the windows inside a plane, (height − 10) rows of (width − 10).
    fn blur(&self, plane: &[f32]) -> Vec<f32> {
        let (width, columns) = (self.chip.width(), self.chip.width() - WINDOW + 1);
        let mut rows = vec![0.0; columns * self.chip.height()];
        for (row, out) in plane.chunks(width).zip(rows.chunks_mut(columns)) {
            for (shift, tap) in self.taps.iter().enumerate() {
                out.iter_mut().zip(&row[shift..]).for_each(|(out, v)| *out += tap * v);
            }
        }
        let mut means = vec![0.0; columns * (self.chip.height() - WINDOW + 1)];
        for (y, means) in means.chunks_mut(columns).enumerate() {
            for (row, tap) in rows[y * columns..].chunks(columns).zip(&self.taps) {
                means.iter_mut().zip(row).for_each(|(mean, v)| *mean += tap * v);
            }
        }
        means
    }

    /// The adjoint of [`blur`](Self::blur).
    fn blur_adjoint(&self, windows: &[f32]) -> Vec<f32> {
        let (width, height) = (self.chip.width(), self.chip.height());
        let columns = width - WINDOW + 1;
        let mut rows = vec![0.0; columns * height];
        for (y, windows) in windows.chunks(columns).enumerate() {
            for (row, tap) in rows[y * columns..].chunks_mut(columns).zip(&self.taps) {
                row.iter_mut().zip(windows).for_each(|(v, window)| *v += tap * window);
            }
        }
        let mut plane = vec![0.0; width * height];
        for (row, out) in rows.chunks(columns).zip(plane.chunks_mut(width)) {
            for (shift, tap) in self.taps.iter().enumerate() {
                out[shift..].iter_mut().zip(row).for_each(|(out, v)| *out += tap * v);
            }
        }
        plane
    }
}

/// `weight` times the total variation of the perturbation `delta` (`[3][height][width]`, rows of `width`, planes of
/// `height` rows); adds its gradient to `gradient`.
pub fn add_total_variation(weight: f32, delta: &[f32], width: usize, height: usize, gradient: &mut [f32]) -> f64 {
    if weight == 0.0 {
        return 0.0;
    }
    let scale = weight / delta.len() as f32;
    let mut sum = 0.0;
    for (index, value) in delta.iter().enumerate() {
        let (x, y) = (index % width, index / width % height);
        for neighbour in [(x + 1 < width).then_some(index + 1), (y + 1 < height).then_some(index + width)] {
            let Some(neighbour) = neighbour else { continue };
            let difference = delta[neighbour] - value;
            sum += f64::from(difference * difference);
            gradient[neighbour] += 2.0 * scale * difference;
            gradient[index] -= 2.0 * scale * difference;
        }
    }
    f64::from(scale) * sum
}
