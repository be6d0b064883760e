// SPDX-License-Identifier: MIT OR Apache-2.0
//! Powers and logarithms in a form that loops can vectorise, unlike the standard library's calls.
//!
//! log2 x: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and log2 m = 2/ln 2 (s + s^3/3 + s^5/5 + s^7/7) with s = (m -
//! 1)/(m + 1), |s| < 0.172; the truncation error is below 5e-8. 2^y: y is split into the nearest integer and a fraction
//! f, |f| <= 1/2, and 2^f is the Taylor polynomial of degree 6 of exp(f ln 2), with a relative truncation error of
//! 2e-7.

use std::f32::consts::{LN_2, LOG2_E};

/// Bits of sqrt(1/2).
const SQRT_HALF: i32 = 0x3f35_04f3;
/// 1.5 * 2^23: adding it to a small number rounds that number to an integer in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// log2 of a positive normal number, within 2e-7 plus one part in 10^6.
#[inline(always)]
pub(super) fn log2(x: f32) -> f32 {
    let bits = x.to_bits() as i32;
    let exponent = (bits.wrapping_sub(SQRT_HALF)) >> 23;
    let m = f32::from_bits(bits.wrapping_sub(exponent << 23) as u32);
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    let series = s * (1.0 + s2 * (1.0 / 3.0 + s2 * (1.0 / 5.0 + s2 * (1.0 / 7.0))));
    exponent as f32 + 2.0 * LOG2_E * series
}

/// `x` to the power of `exponent`: positive normal `x` with a result of 2^-120 to 2^120, within 5 parts in 10^6.
#[inline(always)]
pub(super) fn pow(x: f32, exponent: f32) -> f32 {
    exp2(exponent * log2(x))
}

/// 2 to the power of `y`, -126..=126, within 5 parts in 10^6.
#[inline(always)]
fn exp2(y: f32) -> f32 {
    let shifted = y + ROUND;
    let f = (y - (shifted - ROUND)) * LN_2;
    let fraction =
        1.0 + f * (1.0 + f * (1.0 / 2.0 + f * (1.0 / 6.0 + f * (1.0 / 24.0 + f * (1.0 / 120.0 + f * (1.0 / 720.0))))));
    let scale = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32).wrapping_add(127);
    fraction * f32::from_bits((scale << 23) as u32)
}

/// e to the power of `x`, -87..=0, within 5 parts in 10^6.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    exp2(x * LOG2_E)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_double_precision() {
        for i in 0..=8700 {
            let x = -0.01 * i as f32;
            let error = (f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs();
            assert!(error < 5e-6, "exp {x}: {error}");
        }
    }

    #[test]
    fn powers_are_those_of_double_precision() {
        for i in 0..100_000 {
            let x = 1e-6 * 1.0003f32.powi(i);
            for exponent in [0.7, 1.2, 2.4, 2.7] {
                let exact = f64::from(x).powf(f64::from(exponent));
                if (1e-30..1e30).contains(&exact) {
                    let error = (f64::from(pow(x, exponent)) / exact - 1.0).abs();
                    assert!(error < 5e-6, "{x}^{exponent}: {error}");
                }
            }
            let error = (f64::from(log2(x)) - f64::from(x).log2()).abs();
            assert!(error <= 2e-7 + 1e-6 * f64::from(x).log2().abs(), "log2 {x}: {error}");
            if x > 1e12 {
                break;
            }
        }
    }
}
