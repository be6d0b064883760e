// SPDX-License-Identifier: MIT OR Apache-2.0
//! A view of a plane, or of a box in it.

use advjnd::{Error, Result};

/// A view of a plane of samples, 8-bit ones unless said otherwise, or of a box in it: row `y` is
/// `data[y * stride..][..width]`.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a, T = u8> {
    data: &'a [T],
    width: usize,
    height: usize,
    stride: usize,
}

impl<'a, T> Plane<'a, T> {
    /// A view of `height` rows of `width` samples, `stride` samples apart. What lies beyond the rows is not looked at,
    /// and the last row needs no padding.
    ///
    /// # Errors
    /// [`Error::Input`] where the plane is empty, `stride < width`, or `data` is too short.
    pub fn new(data: &'a [T], width: usize, height: usize, stride: usize) -> Result<Self> {
        if width == 0 || height == 0 {
            return Err(Error::input(format!("a {width}x{height} plane has no quality; give at least one pixel")));
        }
        let needed = (height - 1).checked_mul(stride).and_then(|samples| samples.checked_add(width));
        if stride < width || needed.is_none_or(|needed| needed > data.len()) {
            return Err(Error::input(format!(
                "{} samples do not hold {width}x{height} at stride {stride}; check the plane's stride and size",
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

    /// The box of `width * height` samples whose first one is at column `x` of row `y`.
    ///
    /// # Errors
    /// [`Error::Input`] where the box is empty or does not lie in the plane.
    pub fn region(&self, x: usize, y: usize, width: usize, height: usize) -> Result<Self> {
        check_region((x, y, width, height), self.width, self.height)?;
        Self::new(&self.data[y * self.stride + x..], width, height, self.stride)
    }

    pub(super) fn row(&self, y: usize) -> &'a [T] {
        &self.data[y * self.stride..][..self.width]
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &'a [T]> {
        let Self { data, width, height, stride } = *self;
        (0..height).map(move |y| &data[y * stride..][..width])
    }
}

/// Refuses a box `(x, y, width, height)` that is empty or reaches beyond a picture.
pub(super) fn check_region(region: (usize, usize, usize, usize), width: usize, height: usize) -> Result<()> {
    let (x, y, box_width, box_height) = region;
    if box_width == 0 || box_height == 0 {
        return Err(Error::input(format!("a {box_width}x{box_height} box has no quality; give at least one pixel")));
    }
    let inside = |start: usize, side: usize, whole: usize| start.checked_add(side).is_some_and(|end| end <= whole);
    if inside(x, box_width, width) && inside(y, box_height, height) {
        return Ok(());
    }
    Err(Error::input(format!(
        "a {box_width}x{box_height} box at ({x}, {y}) reaches beyond the {width}x{height} picture; clip it first"
    )))
}

/// Refuses two planes of different size.
pub(super) fn check_same_size<T, U>(clean: &Plane<'_, T>, adversarial: &Plane<'_, U>) -> Result<()> {
    check_sizes((clean.width, clean.height), (adversarial.width, adversarial.height))
}

/// Refuses two different sizes.
pub(super) fn check_sizes(clean: (usize, usize), adversarial: (usize, usize)) -> Result<()> {
    if clean == adversarial {
        return Ok(());
    }
    Err(Error::input(format!(
        "cannot compare a {}x{} picture with a {}x{} one; crop or scale one of them",
        clean.0, clean.1, adversarial.0, adversarial.1
    )))
}
