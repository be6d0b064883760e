// SPDX-License-Identifier: MIT OR Apache-2.0
//! Contrast sensitivity: how much of a pixel's threshold a change of one spatial frequency may use.
//!
//! The models in this module bound pixels and were measured with white noise; a smooth change of the same size is
//! clearly visible on flat skin. White noise of a threshold's size has a limited part in each octave, in proportion to
//! frequency. That part was measured as invisible, so it is the octave's bound:
//!
//! ```text
//! share_k = min(1, s 2^-k S(f_k d_0) / S(f_k d)),   f_k = s 2^-k / sqrt(8) cycles per pixel
//! S(f) = 2.6 (0.0192 + 0.114 f) exp(-(0.114 f)^1.1) / 0.981 above its peak at 7.9 cycles per degree, 1 below
//! ```
//!
//! where s are samples per pixel of the frame and d pixels per degree. S is Mannos & Sakrison 1974, "The effects of a
//! visual fidelity criterion on the encoding of images", IEEE Trans. Inf. Theory 20(4), eq. 3, made low-pass. Below its
//! peak the eye is less sensitive at threshold, but sees contrast above the threshold just as well (contrast constancy,
//! Georgeson & Sullivan 1975, J. Physiol. 252(3)), and a viewer who steps closer moves every frequency up to the peak.
//! d_0 is the viewing condition of the calibration of the thresholds: a monitor of 96 pixels per inch from half a
//! metre.

/// Pixels per degree for which thresholds hold unchanged.
const REFERENCE_PIXELS_PER_DEGREE: f32 = 33.0;
/// Cycles per degree at which sensitivity is greatest, and its value there before it is scaled to 1.
const PEAK: f32 = 7.9;
const PEAK_VALUE: f32 = 0.981;

/// Pixels per degree of visual angle of a picture of `height` pixels seen from `distance` times its height. A negative
/// distance or NaN counts as zero, the nearest possible.
pub fn pixels_per_degree(height: usize, distance: f32) -> f32 {
    height as f32 * 1f32.to_radians().tan() * distance.max(0.0)
}

/// Sensitivity of the eye at `frequency` cycles per degree, 0..=1.
pub fn contrast_sensitivity(frequency: f32) -> f32 {
    if frequency <= PEAK {
        return 1.0;
    }
    let u = 0.114 * frequency;
    (2.6 * (0.0192 + u) * (-u.powf(1.1)).exp() / PEAK_VALUE).min(1.0)
}

/// Shares of a pixel's threshold that octaves of a plane may use, finest first, each 0..=1; see the head of this file.
/// `samples_per_pixel` is the scale of the plane in the frame, `pixels_per_degree` that of the frame. From far enough,
/// every share is 1.
pub fn octave_shares<const N: usize>(samples_per_pixel: f32, pixels_per_degree: f32) -> [f32; N] {
    std::array::from_fn(|k| {
        let share = samples_per_pixel * 0.5f32.powi(k as i32);
        let frequency = share / 8f32.sqrt();
        let reference = contrast_sensitivity(frequency * REFERENCE_PIXELS_PER_DEGREE);
        (share * reference / contrast_sensitivity(frequency * pixels_per_degree)).clamp(0.0, 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensitivity_falls_from_its_peak() {
        let values: Vec<f32> = (0..600).map(|i| contrast_sensitivity(0.1 * i as f32)).collect();
        assert!(values.windows(2).all(|pair| pair[1] <= pair[0]));
        assert_eq!(values[0], 1.0);
        assert!((contrast_sensitivity(PEAK + 0.01) - 1.0).abs() < 1e-3, "no step at the peak");
        // Mannos and Sakrison's own formula, computed in double precision (NumPy 2): A(20)/A(7.9).
        assert!((contrast_sensitivity(20.0) - 0.51248).abs() < 1e-3);
    }

    #[test]
    fn who_is_nearer_sees_more() {
        for samples_per_pixel in [0.3, 1.0, 3.0] {
            let near: [f32; 5] = octave_shares(samples_per_pixel, pixels_per_degree(720, 1.5));
            let far: [f32; 5] = octave_shares(samples_per_pixel, pixels_per_degree(720, 6.0));
            assert!(near.iter().zip(far).all(|(near, far)| *near <= far));
            assert!(near.iter().all(|share| (0.0..=1.0).contains(share)));
        }
        assert_eq!(octave_shares(1.0, pixels_per_degree(720, 1e4)), [1.0; 5], "from far enough nothing is seen");
        let reference: [f32; 5] = octave_shares(1.0, REFERENCE_PIXELS_PER_DEGREE);
        assert_eq!(reference, [1.0, 0.5, 0.25, 0.125, 0.0625], "smooth changes are held the most");
        let nearest: [f32; 5] = octave_shares(1.0, pixels_per_degree(720, f32::NAN));
        assert_eq!(nearest, octave_shares(1.0, 0.0));
    }
}
