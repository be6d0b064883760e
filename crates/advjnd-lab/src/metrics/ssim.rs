// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structural similarity: Wang, Bovik, Sheikh, Simoncelli 2004, "Image quality assessment: from error visibility to
//! structural similarity", IEEE Trans. Image Process. 13(4), eq. 13.
//!
//! ```text
//! SSIM(x, y) = (2 mu_x mu_y + C1) (2 cov_xy + C2) / ((mu_x^2 + mu_y^2 + C1) (var_x + var_y + C2))
//! C1 = (0.01 * 255)^2     C2 = (0.03 * 255)^2
//! ```
//!
//! Means, variances and the covariance are weighted with an 11x11 Gaussian of sigma 1.5 whose weights sum to 1 (biased
//! estimates), and the result is the mean over all positions where the window lies inside the plane. This is
//! scikit-image's `structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
//! data_range=255)`.
//!
//! The five weighted sums are separable: each row is filtered once horizontally, and eleven such rows give one row of
//! results. Sums are in double precision, as variances are differences of large numbers.

use advjnd::{Error, Result};

use super::Plane;
use super::plane::check_same_size;

/// Side of the window, and so of the smallest plane that has a value.
pub const MIN_SSIM_SIDE: usize = 11;

pub(super) const SIGMA: f64 = 1.5;
pub(super) const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
pub(super) const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);

/// x, y, x^2, y^2, x y: what is summed over the window.
const MOMENTS: usize = 5;

/// Mean SSIM of two planes of the same size, -1..=1, 1 for equal ones.
///
/// # Errors
/// [`Error::Input`] where the sizes differ or a side is shorter than [`MIN_SSIM_SIDE`].
pub fn ssim(clean: Plane<'_>, adversarial: Plane<'_>) -> Result<f64> {
    check_same_size(&clean, &adversarial)?;
    let (width, height) = (clean.width(), clean.height());
    if width < MIN_SSIM_SIDE || height < MIN_SSIM_SIDE {
        return Err(Error::input(format!(
            "SSIM of a {width}x{height} plane: its window needs {MIN_SSIM_SIDE}x{MIN_SSIM_SIDE}; take a larger box"
        )));
    }
    Ok(similarity(clean, adversarial).ssim)
}

/// Means over all positions of the window.
pub(super) struct Similarity {
    /// Of eq. 13.
    pub ssim: f64,
    /// Of its second factor.
    pub contrast_structure: f64,
}

/// Of planes of the same size, both sides at least [`MIN_SSIM_SIDE`].
pub(super) fn similarity<T: Copy + Into<f64>>(clean: Plane<'_, T>, adversarial: Plane<'_, T>) -> Similarity {
    let (width, height) = (clean.width(), clean.height());
    let weights = window();
    let columns = width - MIN_SSIM_SIDE + 1;
    let mut moments = [(); MOMENTS].map(|()| vec![0.0; width]);
    let mut filtered = vec![0.0; MIN_SSIM_SIDE * MOMENTS * columns];
    let mut sums = [0.0; 2];
    for (y, (clean, adversarial)) in clean.rows().zip(adversarial.rows()).enumerate() {
        for (x, (&a, &b)) in clean.iter().zip(adversarial).enumerate() {
            let (a, b): (f64, f64) = (a.into(), b.into());
            for (moment, value) in moments.iter_mut().zip([a, b, a * a, b * b, a * b]) {
                moment[x] = value;
            }
        }
        let slot = &mut filtered[y % MIN_SSIM_SIDE * MOMENTS * columns..][..MOMENTS * columns];
        for (moment, out) in moments.iter().zip(slot.chunks_exact_mut(columns)) {
            for (out, taps) in out.iter_mut().zip(moment.windows(MIN_SSIM_SIDE)) {
                *out = taps.iter().zip(&weights).map(|(value, weight)| value * weight).sum();
            }
        }
        if y + 1 < MIN_SSIM_SIDE {
            continue;
        }
        let top = y + 1 - MIN_SSIM_SIDE;
        for x in 0..columns {
            let moments: [f64; MOMENTS] = std::array::from_fn(|m| {
                let tap = |k: usize| filtered[((top + k) % MIN_SSIM_SIDE * MOMENTS + m) * columns + x];
                weights.iter().enumerate().map(|(k, weight)| weight * tap(k)).sum()
            });
            let [luminance, contrast_structure] = factors(moments);
            sums[0] += luminance * contrast_structure;
            sums[1] += contrast_structure;
        }
    }
    let [ssim, contrast_structure] = sums.map(|sum| sum / (columns * (height - MIN_SSIM_SIDE + 1)) as f64);
    Similarity { ssim, contrast_structure }
}

/// One row of the window, summing to 1.
fn window() -> [f64; MIN_SSIM_SIDE] {
    let tap = |k: usize| (-(k as f64 - (MIN_SSIM_SIDE / 2) as f64).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    let sum: f64 = (0..MIN_SSIM_SIDE).map(tap).sum();
    std::array::from_fn(|k| tap(k) / sum)
}

/// The two factors of eq. 13 at one position, from the weighted sums of x, y, x^2, y^2, x y.
fn factors([mean_x, mean_y, xx, yy, xy]: [f64; MOMENTS]) -> [f64; 2] {
    let (var_x, var_y, cov) = (xx - mean_x * mean_x, yy - mean_y * mean_y, xy - mean_x * mean_y);
    let luminance = (2.0 * mean_x * mean_y + C1) / (mean_x * mean_x + mean_y * mean_y + C1);
    [luminance, (2.0 * cov + C2) / (var_x + var_y + C2)]
}
