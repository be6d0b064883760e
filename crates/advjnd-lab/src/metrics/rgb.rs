// SPDX-License-Identifier: MIT OR Apache-2.0
//! A view of a colour picture, or of a box in it.

use advjnd::{Error, Result};

use super::plane::{Plane, check_region};

/// A view of an 8-bit sRGB picture, R', G', B' interleaved, or of a box in it: pixel `(x, y)` is
/// `data[y * stride + 3 * x..][..3]`.
#[derive(Debug, Clone, Copy)]
pub struct RgbPicture<'a> {
    samples: Plane<'a>,
}

impl<'a> RgbPicture<'a> {
    /// A view of `height` rows of `width` pixels, `stride` bytes apart. Bytes beyond the rows are not looked at, and
    /// the last row needs no padding.
    ///
    /// # Errors
    /// [`Error::Input`] where the picture is empty, `stride < 3 * width`, or `data` is too short.
    ///
    /// ```
    /// use advjnd_lab::metrics::{RgbPicture, ciede2000};
    ///
    /// let frame = [200; 3 * 8 * 6];
    /// let face = RgbPicture::new(&frame, 8, 6, 24)?.region(2, 1, 4, 4)?;
    /// assert_eq!((face.width(), face.height()), (4, 4));
    /// assert_eq!(ciede2000(face, face)?, 0.0);
    /// # Ok::<(), advjnd::Error>(())
    /// ```
    pub fn new(data: &'a [u8], width: usize, height: usize, stride: usize) -> Result<Self> {
        let samples = width.checked_mul(3).ok_or_else(|| {
            Error::input(format!("a row of {width} pixels fits no memory; check the picture's width"))
        })?;
        Ok(Self { samples: Plane::new(data, samples, height, stride)? })
    }

    /// Pixels per row.
    pub fn width(&self) -> usize {
        self.samples.width() / 3
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.samples.height()
    }

    /// The box of `width * height` pixels whose first one is at column `x` of row `y`: the face in its frame.
    ///
    /// # Errors
    /// [`Error::Input`] where the box is empty or does not lie in the picture.
    pub fn region(&self, x: usize, y: usize, width: usize, height: usize) -> Result<Self> {
        check_region((x, y, width, height), self.width(), self.height())?;
        Ok(Self { samples: self.samples.region(3 * x, y, 3 * width, height)? })
    }

    /// All three channels as one plane of `3 * width` samples a row: its PSNR is that of the colour picture.
    pub fn samples(&self) -> Plane<'a> {
        self.samples
    }

    /// Luma 0.299 R' + 0.587 G' + 0.114 B' (BT.601, full range), rounded, `width * height` samples without padding:
    /// what metrics of one plane are taken of.
    pub fn luma(&self) -> Vec<u8> {
        let luma = |[r, g, b]: [u8; 3]| (299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000;
        self.pixels().map(|pixel| luma(pixel) as u8).collect()
    }

    /// R', G' or B' (0, 1, 2) alone, `width * height` samples without padding.
    pub fn channel(&self, channel: usize) -> Vec<u8> {
        self.samples.rows().flat_map(|row| row.iter().skip(channel).step_by(3).copied()).collect()
    }

    /// Pixels, row by row.
    pub(super) fn pixels(&self) -> impl Iterator<Item = [u8; 3]> {
        self.samples.rows().flat_map(|row| row.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]))
    }
}
