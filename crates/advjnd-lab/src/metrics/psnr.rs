// SPDX-License-Identifier: MIT OR Apache-2.0
//! Peak signal-to-noise ratio: 10 log10(255^2 / MSE), in decibels.

use advjnd::Result;

use super::Plane;
use super::plane::check_same_size;

/// PSNR of equal planes in decibels, and the cap of every other value: means over frames stay finite. A single sample
/// off by one reaches it at 154 000 samples, so only differences that small are flattened.
pub const MAX_PSNR: f64 = 100.0;

/// Mean of the squared differences of two planes of the same size.
///
/// # Errors
/// [`Error::Input`](advjnd::Error::Input) where the sizes differ.
pub fn mean_squared_error(clean: Plane<'_>, adversarial: Plane<'_>) -> Result<f64> {
    check_same_size(&clean, &adversarial)?;
    let sum: u64 = clean
        .rows()
        .zip(adversarial.rows())
        .map(|(clean, adversarial)| {
            clean.iter().zip(adversarial).map(|(&a, &b)| u64::from(u32::from(a.abs_diff(b)).pow(2))).sum::<u64>()
        })
        .sum();
    Ok(sum as f64 / (clean.width() * clean.height()) as f64)
}

/// PSNR of two planes of the same size in decibels, at most [`MAX_PSNR`].
///
/// # Errors
/// [`Error::Input`](advjnd::Error::Input) where the sizes differ.
///
/// ```
/// use advjnd_lab::metrics::{Plane, psnr};
///
/// let (clean, adversarial) = ([100; 6], [105; 6]);
/// let psnr = psnr(Plane::new(&clean, 3, 2, 3)?, Plane::new(&adversarial, 3, 2, 3)?)?;
/// assert!((psnr - 34.1514).abs() < 1e-4);
/// # Ok::<(), advjnd::Error>(())
/// ```
pub fn psnr(clean: Plane<'_>, adversarial: Plane<'_>) -> Result<f64> {
    let error = mean_squared_error(clean, adversarial)?;
    Ok((10.0 * (255.0 * 255.0 / error).log10()).min(MAX_PSNR))
}
