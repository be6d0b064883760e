// SPDX-License-Identifier: MIT OR Apache-2.0
//! A plane with replicated samples at the ends of its rows, so that row kernels read shifted slices without border
//! cases.

use super::check_len;
use crate::error::{Error, Result};

/// Replicated columns at each end of a row: the reach of the widest kernel (Canny's smoothing).
pub(super) const PAD: usize = 6;

/// A `width` x `height` plane with `PAD` replicated columns on both sides; rows beyond it repeat the outermost ones.
#[derive(Debug, Default)]
pub(super) struct Padded {
    width: usize,
    height: usize,
    data: Vec<f32>,
}

impl Padded {
    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// Takes the shape; the samples are then unspecified.
    pub(super) fn reshape(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.data.resize((width + 2 * PAD) * height, 0.0);
    }

    /// Copies a plane in, clamped to 0..=255; errors call it `name`.
    #[inline(always)]
    pub(super) fn load(&mut self, name: &'static str, plane: &[f32], width: usize, height: usize) -> Result<()> {
        check_len(name, plane.len(), width, height)?;
        self.reshape(width, height);
        let mut not_finite = 0;
        for (y, source) in plane.chunks_exact(width).enumerate() {
            for (sample, &value) in self.row_mut(y).iter_mut().zip(source) {
                not_finite |= u32::from(!value.is_finite());
                *sample = value.clamp(0.0, 255.0);
            }
            self.replicate_ends(y);
        }
        if not_finite != 0 { Err(Error::NotFinite { stage: name }) } else { Ok(()) }
    }

    /// The `width` samples of row `y`. Call [`replicate_ends`](Self::replicate_ends) after the last write to them.
    #[inline(always)]
    pub(super) fn row_mut(&mut self, y: usize) -> &mut [f32] {
        &mut self.data[y * (self.width + 2 * PAD) + PAD..][..self.width]
    }

    /// Repeats the outermost samples of row `y` on both sides of it.
    #[inline(always)]
    pub(super) fn replicate_ends(&mut self, y: usize) {
        let stride = self.width + 2 * PAD;
        let row = &mut self.data[y * stride..][..stride];
        let (first, last) = (row[PAD], row[PAD + self.width - 1]);
        row[..PAD].fill(first);
        row[PAD + self.width..].fill(last);
    }

    /// Row `y` (beyond the plane, the outermost row) with `margin` more samples at each end, `margin <= PAD`.
    #[inline(always)]
    pub(super) fn row(&self, y: isize, margin: usize) -> &[f32] {
        let y = y.clamp(0, self.height as isize - 1) as usize;
        let stride = self.width + 2 * PAD;
        &self.data[y * stride + PAD - margin..][..self.width + 2 * margin]
    }

    /// The `N = 2 R + 1` rows `y - R ..= y + R`, each with `margin` more samples at each end.
    #[inline(always)]
    pub(super) fn rows<const N: usize>(&self, y: usize, margin: usize) -> [&[f32]; N] {
        std::array::from_fn(|k| self.row(y as isize + k as isize - (N / 2) as isize, margin))
    }
}

/// `N` views of `len` samples into `row`, each one sample further right.
#[inline(always)]
pub(super) fn shifts<const N: usize>(row: &[f32], len: usize) -> [&[f32]; N] {
    std::array::from_fn(|k| &row[k..][..len])
}
