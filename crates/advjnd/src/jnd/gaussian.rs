//! Gaussian kernels and the symmetric filter of one row.

/// Half of a sampled Gaussian of `2 N - 1` taps, centre first, scaled so that the whole kernel sums to 1.
pub(super) fn half_kernel<const N: usize>(sigma: f64) -> [f32; N] {
    let tap = |k: usize| (-((k * k) as f64) / (2.0 * sigma * sigma)).exp();
    let sum = tap(0) + 2.0 * (1..N).map(tap).sum::<f64>();
    std::array::from_fn(|k| (tap(k) / sum) as f32)
}

/// Weighted sum of `TAPS = 2 N - 1` slices, symmetric about the middle one: from the centre outwards, so that a plain
/// loop in the same order gives the same bits.
#[inline(always)]
pub(super) fn symmetric_sum<const N: usize, const TAPS: usize>(
    half_kernel: &[f32; N],
    slices: [&[f32]; TAPS],
    out: &mut [f32],
) {
    const { assert!(TAPS == 2 * N - 1) };
    let slices = slices.map(|slice| &slice[..out.len()]);
    for (x, out) in out.iter_mut().enumerate() {
        let mut sum = half_kernel[0] * slices[N - 1][x];
        for k in 1..N {
            sum += half_kernel[k] * (slices[N - 1 - k][x] + slices[N - 1 + k][x]);
        }
        *out = sum;
    }
}
