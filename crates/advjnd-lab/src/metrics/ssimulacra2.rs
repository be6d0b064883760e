// SPDX-License-Identifier: MIT OR Apache-2.0
//! SSIMULACRA 2 (Sneyers, Cloudinary, version 2.1) by the crate `ssimulacra2`: SSIM, edges lost and edges gained in
//! XYB at six scales, weighted after a large viewing test of compressed pictures.
//!
//! Its authors' scale: 90 is not noticed in a flicker test, 85 not in place, 80 not side by side; 70 is high quality,
//! 50 medium.
//!
//! Deviation: pictures without a sixth scale are refused. The authors' program and the crate score them, but hand the
//! 108 weights out in order, so that every norm after the first missing scale gets a weight that was made for another.

use ::ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};
use advjnd::{Error, Result};

use super::RgbPicture;
use super::plane::check_sizes;

/// Shortest side of a picture that has a score: its fifth scale, a sixteenth rounded up, must be 8 long to be halved
/// again.
pub const MIN_SSIMULACRA2_SIDE: usize = 7 * 16 + 1;

/// Score of two sRGB pictures of the same size, 100 for equal ones, below 0 where little is left. Not symmetric: edges
/// gained and lost weigh differently.
///
/// # Errors
/// [`Error::Input`] where the sizes differ or a side is shorter than [`MIN_SSIMULACRA2_SIDE`], and
/// [`Error::NotFinite`] where there is no score.
pub fn ssimulacra2(clean: RgbPicture<'_>, adversarial: RgbPicture<'_>) -> Result<f64> {
    let (width, height) = (clean.width(), clean.height());
    check_sizes((width, height), (adversarial.width(), adversarial.height()))?;
    if width < MIN_SSIMULACRA2_SIDE || height < MIN_SSIMULACRA2_SIDE {
        return Err(Error::input(format!(
            "SSIMULACRA2 of a {width}x{height} picture: its six scales need \
             {MIN_SSIMULACRA2_SIDE}x{MIN_SSIMULACRA2_SIDE}; take a larger box"
        )));
    }
    let score = compute_frame_ssimulacra2(rgb(clean)?, rgb(adversarial)?)
        .map_err(|error| Error::input(format!("SSIMULACRA2 of a {width}x{height} picture: {error}")))?;
    if score.is_finite() { Ok(score) } else { Err(Error::NotFinite { stage: "SSIMULACRA2" }) }
}

fn rgb(picture: RgbPicture<'_>) -> Result<Rgb> {
    let (width, height) = (picture.width(), picture.height());
    let pixels = picture.pixels().map(|pixel| pixel.map(|code| f32::from(code) / 255.0)).collect();
    Rgb::new(pixels, width, height, TransferCharacteristic::SRGB, ColorPrimaries::BT709)
        .map_err(|error| Error::input(format!("SSIMULACRA2 of a {width}x{height} picture: {error}")))
}
