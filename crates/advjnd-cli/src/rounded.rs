// SPDX-License-Identifier: MIT OR Apache-2.0
//! Six decimals: what is read back is what was written.

/// Their mean, rounded; none of nothing.
pub fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| rounded(sum / f64::from(count)))
}

/// The value with six decimals.
pub fn rounded(value: f64) -> f64 {
    (1e6 * value).round() / 1e6
}
