// SPDX-License-Identifier: MIT OR Apache-2.0
//! The precision of packed weights, for every executor.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// How packed weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightPrecision {
    /// In single precision, unchanged.
    Single,
    /// In half precision, for layers that are bound by reading them and lose little by it. On AMX, convolutions keep
    /// parts of bf16 instead, which lose less.
    Half,
}

/// A layer with at least this many packed weights (256 KiB of `f32`) is bound by reading them.
const STREAMED: usize = 1 << 16;
/// Largest rounding error of a layer's weights in half precision, as a share of their energy. It is about 2⁻²⁴ unless
/// most weights are too small for half precision.
const HALF_LOSS: f64 = 1.0 / (1 << 20) as f64;
/// Number of weights converted together, even.
const CHUNK: usize = 1024;

impl WeightPrecision {
    /// Whether the packed weights of a layer are kept in half precision.
    pub(super) fn halves(self, values: &[f32]) -> bool {
        self == Self::Half && values.len() >= STREAMED && half_loss(values) <= HALF_LOSS
    }
}

/// The energy that `values` lose in half precision, as a share of theirs. A value too large for it makes that infinite,
/// or NaN.
fn half_loss(values: &[f32]) -> f64 {
    let (mut lost, mut energy) = (0.0, 0.0);
    let (mut halves, mut rounded) = ([f16::ZERO; CHUNK], [0.0; CHUNK]);
    for values in values.chunks(CHUNK) {
        let (halves, rounded) = (&mut halves[..values.len()], &mut rounded[..values.len()]);
        halves.convert_from_f32_slice(values);
        halves.convert_to_f32_slice(rounded);
        for (rounded, value) in rounded.iter().zip(values) {
            lost += f64::from(rounded - value).powi(2);
            energy += f64::from(*value).powi(2);
        }
    }
    if lost == 0.0 { 0.0 } else { lost / energy }
}

/// `values` in half precision, two for each word, the last one with a zero if their number is odd. Large layers are not
/// copied whole: the allocator would keep the copy's memory.
pub(super) fn halved(values: &[f32]) -> impl Iterator<Item = [u16; 2]> {
    values.chunks(CHUNK).flat_map(|values| {
        let mut halves = [f16::ZERO; CHUNK];
        halves[..values.len()].convert_from_f32_slice(values);
        let pairs: [_; CHUNK / 2] = std::array::from_fn(|pair| [0, 1].map(|own| halves[2 * pair + own].to_bits()));
        pairs.into_iter().take(values.len().div_ceil(2))
    })
}

/// Whether half precision loses nothing of `values`.
#[cfg(target_arch = "x86_64")]
pub(super) fn is_half(values: &[f32]) -> bool {
    half_loss(values) == 0.0
}
