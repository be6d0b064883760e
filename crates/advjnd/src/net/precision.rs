// SPDX-License-Identifier: MIT OR Apache-2.0
//! In which precision packed weights are kept, by whatever runs the network.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// How packed weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightPrecision {
    /// As they are.
    Single,
    /// In half precision where reading them is what a layer waits for, and where little is lost by it.
    Half,
}

/// A layer with at least so many packed weights (256 KiB of `f32`) is bound by reading them.
const STREAMED: usize = 1 << 16;
/// Energy that rounding to half precision may take from a layer's weights, as a share; about 2⁻²⁴ unless most of them
/// are too small for it.
const HALF_LOSS: f64 = 1.0 / (1 << 20) as f64;
/// Weights that are converted together.
const CHUNK: usize = 1024;

impl WeightPrecision {
    /// The packed weights of a layer in half precision; `None` where they are to be kept as they are.
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
        // Not a number, where a weight is too large for it, is no loss that may be taken.
        (lost <= HALF_LOSS * energy).then_some(halves)
    }
}

/// Two weights that lie in one word, the first in its low half.
pub(super) fn pair(halves: &[f16]) -> [u16; 2] {
    [0, 1].map(|at| halves.get(at).map_or(0, |half| half.to_bits()))
}
