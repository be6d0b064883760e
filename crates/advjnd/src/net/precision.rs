// SPDX-License-Identifier: MIT OR Apache-2.0
//! The precision of packed weights, for every executor.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// How packed weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightPrecision {
    /// In single precision, unchanged.
    Single,
    /// In half precision, for layers that are bound by reading them and lose little by it.
    Half,
}

/// A layer with at least this many packed weights (256 KiB of `f32`) is bound by reading them.
const STREAMED: usize = 1 << 16;
/// Largest rounding error of a layer's weights in half precision, as a share of their energy. It is about 2⁻²⁴ unless
/// most weights are too small for half precision.
const HALF_LOSS: f64 = 1.0 / (1 << 20) as f64;
/// Number of weights converted together.
const CHUNK: usize = 1024;

impl WeightPrecision {
    /// The packed weights of a layer in half precision; `None` if they must stay in single precision.
    pub(super) fn halved(self, values: &[f32]) -> Option<Vec<f16>> {
        if self == Self::Single || values.len() < STREAMED {
            return None;
        }
        let mut halves = vec![f16::ZERO; values.len()];
        halves.convert_from_f32_slice(values);
        let (mut lost, mut energy) = (0.0, 0.0);
        let mut rounded = [0.0; CHUNK];
        for (halves, values) in halves.chunks(CHUNK).zip(values.chunks(CHUNK)) {
            let rounded = &mut rounded[..halves.len()];
            halves.convert_to_f32_slice(rounded);
            for (rounded, value) in rounded.iter().zip(values) {
                lost += f64::from(rounded - value).powi(2);
                energy += f64::from(*value).powi(2);
            }
        }
        // A weight too large for half precision makes the loss NaN, which fails this test.
        (lost <= HALF_LOSS * energy).then_some(halves)
    }
}

/// Two weights that lie in one word, the first in its low half.
pub(super) fn pair(halves: &[f16]) -> [u16; 2] {
    [0, 1].map(|at| halves.get(at).map_or(0, |half| half.to_bits()))
}
