// SPDX-License-Identifier: MIT OR Apache-2.0
//! The channel normalisation before the first layer.

/// `y[c] = x[order[c]]·scale[c] + shift[c]` per channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Affine {
    pub(super) order: Vec<usize>,
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

impl Affine {
    /// Leaves every channel unchanged.
    pub(super) fn identity(channels: usize) -> Self {
        Self { order: (0..channels).collect(), scale: vec![1.0; channels], shift: vec![0.0; channels] }
    }
}
