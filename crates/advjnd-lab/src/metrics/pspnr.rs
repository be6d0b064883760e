// SPDX-License-Identifier: MIT OR Apache-2.0
//! Peak signal-to-perceptible-noise ratio: Yang, Lin, Lu, Ong, Yao 2005, "Just noticeable distortion model and its
//! applications in video coding", Signal Process. Image Commun. 20(7), eq. 14 and 15.
//!
//! ```text
//! PSPNR = 20 log10(255 / sqrt(mean((|I - I'| - JND)^2 d)))     d = 1 where |I - I'| >= JND, else 0
//! ```
//!
//! PSNR that counts only what exceeds the JND, and so the source paper's L2 as a metric. Like [`psnr`](super::psnr) it
//! ends at [`MAX_PSNR`], which is also its value where nothing exceeds the JND.

use advjnd::{Error, Result};

use super::plane::check_same_size;
use super::{MAX_PSNR, Plane};

/// PSPNR of two planes of the same size in decibels, at most [`MAX_PSNR`]. `jnd` is of their size too and holds
/// thresholds in code values, as [`jnd`](mod@advjnd::jnd)'s models write them for the clean plane.
///
/// # Errors
/// [`Error::Input`] where the sizes differ or a threshold is negative or not finite.
pub fn pspnr(clean: Plane<'_>, adversarial: Plane<'_>, jnd: Plane<'_, f32>) -> Result<f64> {
    check_same_size(&clean, &adversarial)?;
    check_same_size(&clean, &jnd)?;
    let mut sum = 0.0;
    for ((clean, adversarial), jnd) in clean.rows().zip(adversarial.rows()).zip(jnd.rows()) {
        for ((&a, &b), &threshold) in clean.iter().zip(adversarial).zip(jnd) {
            if !(threshold.is_finite() && threshold >= 0.0) {
                return Err(Error::input(format!(
                    "a JND of {threshold}; thresholds are finite and not negative, in code values of the plane"
                )));
            }
            sum += (f64::from(a.abs_diff(b)) - f64::from(threshold)).max(0.0).powi(2);
        }
    }
    let error = sum / (clean.width() * clean.height()) as f64;
    Ok((10.0 * (255.0 * 255.0 / error).log10()).min(MAX_PSNR))
}
