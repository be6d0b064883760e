// SPDX-License-Identifier: MIT OR Apache-2.0
//! Linear interpolation in a row of samples.

/// The two samples that a place in a row lies between. Beyond the ends of the row, the outermost samples repeat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Between {
    /// Index of the sample before the place.
    pub first: usize,
    /// Index of the sample behind it.
    pub next: usize,
    /// How far it is from the first to the next, 0..=1.
    pub share: f32,
}

impl Between {
    /// A place in a row of `len` samples, at least one, in units of their distance; 0 is the first sample's centre.
    pub fn new(place: f32, len: usize) -> Self {
        let last = len.saturating_sub(1);
        let place = place.clamp(0.0, last as f32);
        let first = (place as usize).min(last);
        Self { first, next: (first + 1).min(last), share: place - first as f32 }
    }
}
