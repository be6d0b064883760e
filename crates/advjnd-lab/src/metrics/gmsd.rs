// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gradient magnitude similarity deviation: Xue, Zhang, Mou, Bovik 2014, "Gradient magnitude similarity deviation: a
//! highly efficient perceptual image quality index", IEEE Trans. Image Process. 23(2), eq. 1 to 6.
//!
//! ```text
//! m   = sqrt((plane * hx)^2 + (plane * hy)^2)     hx = [1 0 -1; 1 0 -1; 1 0 -1] / 3 (Prewitt), hy = hx'
//! GMS = (2 m_x m_y + c) / (m_x^2 + m_y^2 + c)     c = 170
//! GMSD = sqrt(mean((GMS - mean(GMS))^2))
//! ```
//!
//! m is taken of the plane at half its resolution, by the mean of 2x2 blocks. Beyond the plane there are zeros, for
//! the blocks of an odd last column or row and for the gradients, as in the authors' program; the deviation is that of
//! eq. 6, over the number of samples (the program divides by one less).

use advjnd::Result;

use super::Plane;
use super::halved::{Beyond, Halved};
use super::plane::check_same_size;

const C: f64 = 170.0;

/// GMSD of two planes of the same size, 0 for equal ones, at most 0.5.
///
/// # Errors
/// [`Error::Input`](advjnd::Error::Input) where the sizes differ.
pub fn gmsd(clean: Plane<'_>, adversarial: Plane<'_>) -> Result<f64> {
    check_same_size(&clean, &adversarial)?;
    let (clean, adversarial) = (Halved::new(clean, Beyond::Zero), Halved::new(adversarial, Beyond::Zero));
    let clean = squared_magnitudes(clean.plane()?);
    let adversarial = squared_magnitudes(adversarial.plane()?);
    let similarity = |(&a, &b): (&f64, &f64)| (2.0 * (a * b).sqrt() + C) / (a + b + C);
    let similarities: Vec<f64> = clean.iter().zip(&adversarial).map(similarity).collect();
    let count = similarities.len() as f64;
    let mean = similarities.iter().sum::<f64>() / count;
    Ok((similarities.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt())
}

/// m^2 of every sample.
fn squared_magnitudes(plane: Plane<'_, f64>) -> Vec<f64> {
    let (width, height) = (plane.width(), plane.height());
    let zeros = vec![0.0; width];
    let row = |y: Option<usize>| y.filter(|&y| y < height).map_or(zeros.as_slice(), |y| plane.row(y));
    let mut magnitudes = Vec::with_capacity(width * height);
    for y in 0..height {
        let rows = [row(y.checked_sub(1)), row(Some(y)), row(Some(y + 1))];
        let column = |x: Option<usize>| {
            x.filter(|&x| x < width)
                .map_or([0.0; 2], |x| [rows[0][x] + rows[1][x] + rows[2][x], rows[0][x] - rows[2][x]])
        };
        magnitudes.extend((0..width).map(|x| {
            let [left, middle, right] = [column(x.checked_sub(1)), column(Some(x)), column(Some(x + 1))];
            ((left[0] - right[0]).powi(2) + (left[1] + middle[1] + right[1]).powi(2)) / 9.0
        }));
    }
    magnitudes
}
