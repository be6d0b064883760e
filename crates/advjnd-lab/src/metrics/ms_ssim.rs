// SPDX-License-Identifier: MIT OR Apache-2.0
//! Multi-scale structural similarity: Wang, Simoncelli, Bovik 2003, "Multiscale structural similarity for image quality
//! assessment", Asilomar, eq. 7.
//!
//! ```text
//! MS-SSIM = l_5^w5 * product over j = 1..5 of cs_j^wj     w = 0.0448, 0.2856, 0.3001, 0.2363, 0.1333
//! ```
//!
//! cs is SSIM's second factor, contrast and structure, and l its first, luminance. As in the authors' program, scale
//! j + 1 is scale j after the mean of 2x2 blocks (an odd last column or row stands twice), cs_j is the mean of its map,
//! and l_5 and cs_5 enter as the mean of their product, the SSIM of the fifth scale. Window and constants are those of
//! [`ssim`](super::ssim).
//!
//! Deviation: a mean that is negative, where the structures are each other's negative, counts as 0; its power would be
//! complex.

use advjnd::{Error, Result};

use super::Plane;
use super::halved::{Beyond, Halved};
use super::plane::check_same_size;
use super::ssim::{MIN_SSIM_SIDE, similarity};

const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// Shortest side of a plane whose fifth scale holds a window.
pub const MIN_MS_SSIM_SIDE: usize = ((MIN_SSIM_SIDE - 1) << (WEIGHTS.len() - 1)) + 1;

/// MS-SSIM of two planes of the same size, 0..=1, 1 for equal ones.
///
/// # Errors
/// [`Error::Input`] where the sizes differ or a side is shorter than [`MIN_MS_SSIM_SIDE`].
pub fn ms_ssim(clean: Plane<'_>, adversarial: Plane<'_>) -> Result<f64> {
    check_same_size(&clean, &adversarial)?;
    let (width, height) = (clean.width(), clean.height());
    if width < MIN_MS_SSIM_SIDE || height < MIN_MS_SSIM_SIDE {
        return Err(Error::input(format!(
            "MS-SSIM of a {width}x{height} plane: its fifth scale needs {MIN_MS_SSIM_SIDE}x{MIN_MS_SSIM_SIDE}; take a \
             larger box, or SSIM"
        )));
    }
    scales(clean, adversarial, &WEIGHTS)
}

/// The product from this scale on.
fn scales<T: Copy + Into<f64>>(clean: Plane<'_, T>, adversarial: Plane<'_, T>, weights: &[f64]) -> Result<f64> {
    let similarity = similarity(clean, adversarial);
    Ok(match weights {
        [] => 1.0,
        [last] => similarity.ssim.max(0.0).powf(*last),
        [weight, rest @ ..] => {
            let (clean, adversarial) = (Halved::new(clean, Beyond::Nearest), Halved::new(adversarial, Beyond::Nearest));
            similarity.contrast_structure.max(0.0).powf(*weight) * scales(clean.plane()?, adversarial.plane()?, rest)?
        }
    })
}
