// SPDX-License-Identifier: MIT OR Apache-2.0
//! Quantiles of Student's t: what a confidence interval of a mean needs.
//!
//! The probability that |T| < t at n degrees of freedom has a closed form for whole n, Abramowitz & Stegun 26.7.3 and
//! 26.7.4, with tan θ = t / √n:
//!
//! ```text
//! n odd    2/π (θ + sin θ (cos θ + 2/3 cos³ θ + … + 2·4·…·(n-3) / (1·3·…·(n-2)) cosⁿ⁻² θ))     2θ/π where n = 1
//! n even   sin θ (1 + 1/2 cos² θ + … + 1·3·…·(n-3) / (2·4·…·(n-2)) cosⁿ⁻² θ)
//! ```
//!
//! It grows with θ, so that bisection finds the quantile.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

/// Halvings of the angle: below the last bit of a double.
const HALVINGS: usize = 60;

/// t with |T| < t in `confidence` of all cases, at so many degrees of freedom; infinite at none.
pub fn two_sided_quantile(confidence: f64, degrees_of_freedom: usize) -> f64 {
    if degrees_of_freedom == 0 {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if probability(middle, degrees_of_freedom) < confidence { low = middle } else { high = middle }
    }
    (degrees_of_freedom as f64).sqrt() * (0.5 * (low + high)).tan()
}

/// Probability that |T| < √n tan θ.
fn probability(angle: f64, degrees_of_freedom: usize) -> f64 {
    let (sin, cos) = angle.sin_cos();
    let odd = degrees_of_freedom % 2;
    let first = if odd == 1 { cos } else { 1.0 };
    let terms = (1..).scan(first, |term, k| {
        let now = *term;
        let k = f64::from(k);
        *term *= cos * cos * if odd == 1 { 2.0 * k / (2.0 * k + 1.0) } else { (2.0 * k - 1.0) / (2.0 * k) };
        Some(now)
    });
    let sum = sin * terms.take(degrees_of_freedom.saturating_sub(odd) / 2).sum::<f64>();
    if odd == 1 { FRAC_2_PI * (angle + sum) } else { sum }
}

#[cfg(test)]
mod tests {
    use super::two_sided_quantile;

    /// Relative; bisection leaves the rounding of the sum.
    const MAX_ERROR: f64 = 1e-9;

    #[test]
    fn quantiles_are_scipys() {
        for (confidence, degrees_of_freedom, expected) in GOLDEN {
            let quantile = two_sided_quantile(confidence, degrees_of_freedom);
            assert!((quantile / expected - 1.0).abs() <= MAX_ERROR, "{quantile} instead of {expected}");
        }
        assert_eq!(two_sided_quantile(0.95, 0), f64::INFINITY);
    }

    /// Confidence, degrees of freedom and t by SciPy 1.17.1: `scipy.stats.t.ppf((1 + confidence) / 2,
    /// degrees_of_freedom)`.
    const GOLDEN: [(f64, usize, f64); 15] = [
        (0.95, 1, 12.706204736174694),
        (0.95, 2, 4.302652729749462),
        (0.95, 3, 3.1824463052837078),
        (0.95, 4, 2.7764451051977934),
        (0.95, 5, 2.5705818356363146),
        (0.95, 9, 2.262157162798205),
        (0.95, 14, 2.144786687917804),
        (0.95, 29, 2.045229642132703),
        (0.95, 30, 2.0422724563012378),
        (0.95, 99, 1.9842169515864174),
        (0.95, 1000, 1.9623390808264083),
        (0.99, 2, 9.924843200918287),
        (0.99, 7, 3.4994832973504924),
        (0.5, 1, 1.0000000000000002),
        (0.5, 6, 0.7175581964914126),
    ];
}
