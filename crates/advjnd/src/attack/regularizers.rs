//! Quality terms of the attacks that the paper is compared with: structural similarity (MND) and total variation (JNDMGA).
//!
//! * **Structure**: 1 − SSIM of clean and adversarial picture, the mean over channels and over all windows that lie inside
//!   the picture (Wang, Bovik, Sheikh & Simoncelli, IEEE TIP 2004: Gaussian window of 11 × 11, σ = 1.5, K1 = 0.01,
//!   K2 = 0.03, white = 1). A picture less than 11 pixels wide or high has no window and no structural loss.
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
    adversarial: Vec<f32>,
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
        Self { chip, taps, adversarial: vec![0.0; chip.clean().len()] }
    }

    /// `weight` times the term at the perturbation `delta` (`[3][height][width]`, white = 1); adds its gradient with respect
    /// to `delta` to `gradient`.
    pub fn add_to(&mut self, weight: f32, delta: &[f32], gradient: &mut [f32]) -> f64 {
        let (width, height) = (self.chip.width(), self.chip.height());
        if weight == 0.0 || width < WINDOW || height < WINDOW {
            return 0.0;
        }
        for ((z, x), delta) in self.adversarial.iter_mut().zip(self.chip.clean()).zip(delta) {
            *z = x + delta;
        }
        let windows = 3 * (width - WINDOW + 1) * (height - WINDOW + 1);
        let scale = weight / windows as f32;
        let pixels = width * height;
        let planes = self.chip.clean().chunks(pixels).zip(self.adversarial.chunks(pixels));
        let mut similarity = 0.0;
        for ((clean, adversarial), gradient) in planes.zip(gradient.chunks_mut(pixels)) {
            similarity += self.plane(scale, clean, adversarial, gradient);
        }
        f64::from(weight) * (1.0 - similarity / windows as f64)
    }

    /// The sum of SSIM over the windows of a plane; adds −`scale` times its gradient to `gradient`.
    fn plane(&self, scale: f32, clean: &[f32], adversarial: &[f32], gradient: &mut [f32]) -> f64 {
        let product = |a: &[f32], b: &[f32]| -> Vec<f32> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
        let [mean_x, mut mean_z] = [clean, adversarial].map(|plane| self.blur(plane));
        let square_x = self.blur(&product(clean, clean));
        let [mut square_z, mut mixed] = [adversarial, clean].map(|plane| self.blur(&product(plane, adversarial)));
        let mut sum = 0.0;
        for (index, mx) in mean_x.iter().enumerate() {
            let (mz, zz, xz) = (mean_z[index], square_z[index], mixed[index]);
            let (a1, a2) = (2.0 * mx * mz + C1, 2.0 * (xz - mx * mz) + C2);
            let (b1, b2) = (mx * mx + mz * mz + C1, (square_x[index] - mx * mx) + (zz - mz * mz) + C2);
            let ssim = a1 * a2 / (b1 * b2);
            sum += f64::from(ssim);
            // With respect to the three local means that Z takes part in: of Z, of Z² and of X·Z.
            mean_z[index] = 2.0 * (mx * (a2 - a1) / (b1 * b2) + ssim * mz * (1.0 / b2 - 1.0 / b1));
            square_z[index] = -ssim / b2;
            mixed[index] = 2.0 * a1 / (b1 * b2);
        }
        let [by_mean, by_square, by_mixed] = [&mean_z, &square_z, &mixed].map(|windows| self.blur_adjoint(windows));
        for (index, gradient) in gradient.iter_mut().enumerate() {
            let slope = by_mean[index] + 2.0 * adversarial[index] * by_square[index] + clean[index] * by_mixed[index];
            *gradient -= scale * slope;
        }
        sum
    }

    /// Weighted means of the windows inside a plane, (height − 10) rows of (width − 10).
    fn blur(&self, plane: &[f32]) -> Vec<f32> {
        let (width, columns) = (self.chip.width(), self.chip.width() - WINDOW + 1);
        let rows: Vec<f32> = plane
            .chunks(width)
            .flat_map(|row| {
                row.windows(WINDOW).map(|window| window.iter().zip(&self.taps).map(|(v, tap)| v * tap).sum())
            })
            .collect();
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
            for (x, v) in row.iter().enumerate() {
                out[x..x + WINDOW].iter_mut().zip(&self.taps).for_each(|(out, tap)| *out += tap * v);
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
