// SPDX-License-Identifier: MIT OR Apache-2.0
//! A plane as a sum of octaves of spatial frequency, each held to a bound of its own: the à trous wavelet transform
//! with the B3 spline (Starck, Murtagh, Fadili, "Sparse Image and Signal Processing", 2010, §3.5).
//!
//! ```text
//! c_0 = plane,   c_k+1 = h_k * c_k,   h_k = (1 4 6 4 1)/16 along rows and columns, taps 2^k apart
//! octave k = c_k - c_k+1   (0 <= k < 4),   octave 4 = c_4;   the octaves add up to the plane
//! ```
//!
//! Octave k holds about 2^-(k+2) to 2^-(k+1) cycles per sample; the last one holds all lower frequencies. Beyond its
//! border a plane repeats its outermost samples. Bounding every octave and adding up is not an exact projection:
//! octaves overlap, and what is cut from one leaks into its neighbours. With bounds that halve from octave to octave, a
//! wave as large as the bound keeps 0.99, 0.81, 0.61 and 0.35 of its size at periods of 8, 16, 32 and 64 samples. A
//! coarse octave alone can keep four times its bound, or 1.8 times after four passes. A persistent perturbation is
//! bounded again in every frame.

use pulp::{Simd, WithSimd};

/// Number of octaves.
pub const OCTAVES: usize = 5;
/// Reach of the widest smoothing, samples.
const REACH: usize = 2 << (OCTAVES - 2);

/// Scratch of [`limit`](Self::limit).
#[derive(Debug, Clone, Default)]
pub(super) struct Octaves {
    fine: Vec<f32>,
    coarse: Vec<f32>,
    rows: Vec<f32>,
    padded: Vec<f32>,
}

impl Octaves {
    /// Limits octave `k` of a plane to ± `shares[k]` times half of `upper − lower`, sample by sample. Planes are
    /// row-major, `width` samples a row; samples beyond the last whole row stay unchanged.
    pub(super) fn limit(
        &mut self,
        plane: &mut [f32],
        width: usize,
        lower: &[f32],
        upper: &[f32],
        shares: &[f32; OCTAVES],
    ) {
        pulp::Arch::new().dispatch(Limit { octaves: self, plane, width, lower, upper, shares });
    }
}

struct Limit<'a> {
    octaves: &'a mut Octaves,
    plane: &'a mut [f32],
    width: usize,
    lower: &'a [f32],
    upper: &'a [f32],
    shares: &'a [f32; OCTAVES],
}

impl WithSimd for Limit<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { octaves: Octaves { fine, coarse, rows, padded }, plane, width, lower, upper, shares } = self;
        let len = plane.len().checked_div(width).map_or(0, |height| height * width);
        if len == 0 {
            return;
        }
        rows.resize(len, 0.0);
        coarse.resize(len, 0.0);
        padded.resize(width + 2 * REACH, 0.0);
        let plane = &mut plane[..len];
        fine.clear();
        fine.extend_from_slice(plane);
        plane.fill(0.0);
        for (k, share) in shares.iter().enumerate() {
            if k + 1 < OCTAVES {
                smooth(fine, width, 1 << k, rows, padded, coarse);
            } else {
                coarse.fill(0.0);
            }
            add_limited(fine, coarse, lower, upper, *share, plane);
            std::mem::swap(fine, coarse);
        }
    }
}

/// Adds `fine − coarse`, clamped to the bound, to `sum`.
#[inline(always)]
fn add_limited(fine: &[f32], coarse: &[f32], lower: &[f32], upper: &[f32], share: f32, sum: &mut [f32]) {
    let len = sum.len();
    let (fine, coarse, lower, upper) = (&fine[..len], &coarse[..len], &lower[..len], &upper[..len]);
    for x in 0..len {
        let bound = share * 0.5 * (upper[x] - lower[x]);
        // Not f32::clamp, which panics if a bound is NaN.
        sum[x] += (fine[x] - coarse[x]).min(bound).max(-bound);
    }
}

/// `coarse = h * fine` with taps `step` apart.
#[inline(always)]
fn smooth(fine: &[f32], width: usize, step: usize, rows: &mut [f32], padded: &mut [f32], coarse: &mut [f32]) {
    for (row, out) in fine.chunks_exact(width).zip(rows.chunks_exact_mut(width)) {
        padded[..REACH].fill(row[0]);
        padded[REACH..REACH + width].copy_from_slice(row);
        padded[REACH + width..].fill(row[width - 1]);
        weigh([0, 1, 2, 3, 4].map(|tap| &padded[REACH + tap * step - 2 * step..][..width]), out);
    }
    let height = fine.len() / width;
    for (y, out) in coarse.chunks_exact_mut(width).enumerate() {
        let row = |tap: usize| (y + tap * step).saturating_sub(2 * step).min(height - 1);
        weigh([0, 1, 2, 3, 4].map(|tap| &rows[row(tap) * width..][..width]), out);
    }
}

#[inline(always)]
fn weigh([a, b, c, d, e]: [&[f32]; 5], out: &mut [f32]) {
    let len = out.len();
    let (a, b, c, d, e) = (&a[..len], &b[..len], &c[..len], &d[..len], &e[..len]);
    for x in 0..len {
        out[x] = (0.0625 * (a[x] + e[x]) + 0.25 * (b[x] + d[x])) + 0.375 * c[x];
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// How many times its bound an octave may still reach.
    const LEAK: f32 = 4.2;

    /// The octaves straight from the equations.
    fn octaves(plane: &[f32], width: usize) -> Vec<Vec<f32>> {
        let height = plane.len() / width;
        let smooth = |plane: &[f32], (dx, dy): (isize, isize)| -> Vec<f32> {
            let at = |x: usize, y: usize, tap: isize| {
                let x = (x as isize + tap * dx).clamp(0, width as isize - 1) as usize;
                let y = (y as isize + tap * dy).clamp(0, height as isize - 1) as usize;
                plane[y * width + x]
            };
            let taps = || [1.0, 4.0, 6.0, 4.0, 1.0].into_iter().zip(-2isize..);
            let sum = |i| taps().map(|(weight, tap)| weight / 16.0 * at(i % width, i / width, tap)).sum();
            (0..plane.len()).map(sum).collect()
        };
        let mut smoothed = vec![plane.to_vec()];
        for k in 0..OCTAVES - 1 {
            smoothed.push(smooth(&smooth(&smoothed[k], (1 << k, 0)), (0, 1 << k)));
        }
        let mut octaves: Vec<Vec<f32>> =
            smoothed.windows(2).map(|c| c[0].iter().zip(&c[1]).map(|(fine, coarse)| fine - coarse).collect()).collect();
        octaves.push(smoothed.pop().unwrap());
        octaves
    }

    fn limited(plane: &[f32], width: usize, bounds: &[f32], shares: &[f32; OCTAVES]) -> Vec<f32> {
        let mut out = plane.to_vec();
        let lower: Vec<f32> = bounds.iter().map(|bound| -bound).collect();
        Octaves::default().limit(&mut out, width, &lower, bounds, shares);
        out
    }

    /// `plane[y][x] = (7 x² + 11 y² + 3 x y) mod 31`, 40 samples by 24.
    fn sample() -> Vec<f32> {
        (0..40 * 24)
            .map(|i| (i % 40, i / 40))
            .map(|(x, y)| ((7 * x * x + 11 * y * y + 3 * x * y) % 31) as f32)
            .collect()
    }

    proptest! {
        #[test]
        fn limited_octaves_are_those_of_the_equations(
            (width, plane, bounds) in (1usize..40, 1usize..40).prop_flat_map(|(width, height)| (
                Just(width),
                prop::collection::vec(-9.0f32..9.0, width * height),
                prop::collection::vec(0.0f32..5.0, width * height),
            )),
            shares in prop::array::uniform5(0.0f32..1.5),
        ) {
            let out = limited(&plane, width, &bounds, &shares);
            let octaves = octaves(&plane, width);
            for (x, out) in out.iter().enumerate() {
                let bound = |share: f32| share * bounds[x];
                let expected: f32 =
                    octaves.iter().zip(shares).map(|(octave, share)| octave[x].clamp(-bound(share), bound(share))).sum();
                prop_assert!((out - expected).abs() < 1e-4, "{} instead of {}", out, expected);
            }
        }
    }

    /// What is left of waves and stripes as large as the bound.
    #[test]
    fn the_smoother_a_wave_the_less_of_it_is_left() {
        let (side, bound) = (96, 2.0f32);
        let shares: [f32; OCTAVES] = std::array::from_fn(|k| 0.5f32.powi(k as i32));
        let bounds = vec![bound; side * side];
        let wave = |i: usize, period: f32| {
            (std::f32::consts::TAU * ((i % side + i / side / 2) as f32 + 0.5) / period).sin() * bound
        };
        let energy = |plane: &[f32]| plane.iter().map(|v| v * v).sum::<f32>();
        for stripes in [false, true] {
            let left = [4.0, 8.0, 16.0, 32.0, 64.0].map(|period| {
                let waves = (0..side * side).map(|i| wave(i, period));
                let plane: Vec<f32> = waves.map(|v| if stripes { bound.copysign(v) } else { v }).collect();
                let out = limited(&plane, side, &bounds, &shares);
                for (octave, share) in octaves(&out, side).iter().zip(shares) {
                    let largest = octave.iter().fold(0.0f32, |largest, v| largest.max(v.abs()));
                    assert!(largest <= LEAK * share * bound, "period {period}: {largest}, {LEAK} times {share}");
                }
                (energy(&out) / energy(&plane)).sqrt()
            });
            assert!(left[0] > 0.99 && left.is_sorted_by(|rough, smooth| rough >= smooth), "{left:?}");
            let most = if stripes { 0.5 } else { 0.4 };
            assert!(left[4] < most, "{left:?}");
        }
    }

    #[test]
    fn octaves_within_their_bounds_stay() {
        let plane = sample();
        for (out, value) in limited(&plane, 40, &vec![100.0; plane.len()], &[1.0; OCTAVES]).iter().zip(&plane) {
            assert!((out - value).abs() < 1e-4);
        }
    }

    /// What an octave alone contributes, against SciPy 1.17.1 (`scipy.ndimage.convolve1d`, mode `nearest`, double
    /// precision): root of the sum of squares of each octave of [`sample`].
    #[test]
    fn octaves_have_the_energy_that_scipy_finds() {
        const NORMS: [f64; OCTAVES] = [241.900765, 50.340534, 22.240762, 14.573774, 474.988593];
        for (k, expected) in NORMS.into_iter().enumerate() {
            let plane = sample();
            let shares = std::array::from_fn(|other| if other == k { 1.0 } else { 0.0 });
            let out = limited(&plane, 40, &vec![1000.0; plane.len()], &shares);
            let norm = out.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            assert!((norm / expected - 1.0).abs() < 1e-5, "octave {k}: {norm} instead of {expected}");
        }
    }

    #[test]
    fn white_noise_keeps_most_of_itself_and_a_constant_does_not() {
        let (side, bound) = (96, 2.0);
        let shares = std::array::from_fn(|k| 0.5f32.powi(k as i32));
        let mut state = 1u64;
        let noise: Vec<f32> = (0..side * side)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                if state >> 63 == 1 { bound } else { -bound }
            })
            .collect();
        let bounds = vec![bound; side * side];
        let correlation: f32 =
            limited(&noise, side, &bounds, &shares).iter().zip(&noise).map(|(a, b)| a * b).sum::<f32>()
                / (4.0 * 9216.0);
        assert!(correlation > 0.85, "{correlation}");
        let constant = limited(&bounds, side, &bounds, &shares);
        assert!(constant.iter().all(|value| (value - bound / 16.0).abs() < 1e-5));
    }
}
