// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far a share that was counted may be from the true one.

/// The quantile of the normal distribution for 95 %.
const Z: f64 = 1.959_964;

/// The interval of Wilson (1927), eq. 4, at 95 %, for `count` of `of`; all from 0 to 1 where there is nothing.
pub fn wilson(count: u64, of: u64) -> [f64; 2] {
    if of == 0 {
        return [0.0, 1.0];
    }
    let (n, share, square) = (of as f64, count as f64 / of as f64, Z * Z);
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let reach = Z / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    [(middle - reach).max(0.0), (middle + reach).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy 1.17.1: `binomtest(count, of).proportion_ci(method="wilson")`.
    #[test]
    fn intervals_are_those_of_scipy() {
        let golden = [(0, 50, 0.0, 0.071_347_6), (3, 75, 0.013_696_1, 0.111_129_9), (9, 10, 0.595_85, 0.982_123_8)];
        for (count, of, low, high) in golden {
            let [own_low, own_high] = wilson(count, of);
            assert!((own_low - low).abs() < 1e-6 && (own_high - high).abs() < 1e-6, "{own_low} {own_high}");
        }
    }
}
