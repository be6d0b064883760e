//! Full-reference image quality of 8-bit planes: how far an adversarial plane is from its clean one.

mod psnr;
pub mod reference;
mod ssim;

pub use psnr::{MAX_PSNR, mean_squared_error, psnr};
pub use ssim::{MIN_SSIM_SIDE, ssim};

use crate::error::{Error, Result};

/// A view of an 8-bit plane, or of a box in it: row `y` is `data[y * stride..][..width]`.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
}

impl<'a> Plane<'a> {
    /// A view of `height` rows of `width` samples, `stride` bytes apart. Bytes beyond the rows are not looked at, and
    /// the last row needs no padding.
    ///
    /// # Errors
    /// [`Error::Input`] where the plane is empty, `stride < width`, or `data` is too short.
    pub fn new(data: &'a [u8], width: usize, height: usize, stride: usize) -> Result<Self> {
        if width == 0 || height == 0 {
            return Err(Error::input(format!("a {width}x{height} plane has no quality; give at least one pixel")));
        }
        let needed = (height - 1).checked_mul(stride).and_then(|bytes| bytes.checked_add(width));
        if stride < width || needed.is_none_or(|needed| needed > data.len()) {
            return Err(Error::input(format!(
                "{} bytes do not hold {width}x{height} samples at stride {stride}; check the plane's stride and size",
                data.len()
            )));
        }
        Ok(Self { data, width, height, stride })
    }

    /// Samples per row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    fn row(&self, y: usize) -> &'a [u8] {
        &self.data[y * self.stride..][..self.width]
    }

    fn rows(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.height).map(move |y| self.row(y))
    }
}

/// Refuses two planes of different size.
fn check_same_size(clean: Plane<'_>, adversarial: Plane<'_>) -> Result<()> {
    if (clean.width, clean.height) == (adversarial.width, adversarial.height) {
        return Ok(());
    }
    Err(Error::input(format!(
        "cannot compare a {}x{} plane with a {}x{} one; crop or scale one of them",
        clean.width, clean.height, adversarial.width, adversarial.height
    )))
}
