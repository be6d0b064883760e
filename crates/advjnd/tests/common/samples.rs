// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the bytes of a frame are, format by format; said here once more, for the tests of what the core says.

#![allow(dead_code, reason = "not every test needs everything")]

use advjnd::PixelFormat;

/// What a byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Y, or R, G or B: what a change of luma changes.
    Light,
    /// Cb or Cr.
    Color,
    /// Alpha, or nothing.
    Other,
}

/// The pixels that share a byte.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub kind: Kind,
    /// Cb and Cr, or R, G and B, are told apart by it.
    pub channel: usize,
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

impl Place {
    /// Every pixel.
    pub fn pixels(self) -> impl Iterator<Item = (usize, usize)> {
        (self.y..self.y + self.height).flat_map(move |y| (self.x..self.x + self.width).map(move |x| (x, y)))
    }
}

/// The pixels of byte `at` in row `row` of `plane`.
pub fn place(format: PixelFormat, plane: usize, at: usize, row: usize) -> Place {
    use Kind::{Color, Light, Other};
    use PixelFormat as F;
    let of = |kind, channel, x, y, width, height| Place { kind, channel, x, y, width, height };
    let pair_color = |channel| of(Color, channel, at / 4 * 2, row, 2, 1);
    match (format, plane) {
        (F::I420 | F::Yv12, 1..) => of(Color, plane, 2 * at, 2 * row, 2, 2),
        (F::Nv12 | F::Nv21, 1..) => of(Color, at % 2, at / 2 * 2, 2 * row, 2, 2),
        (F::Y42b, 1..) => of(Color, plane, 2 * at, row, 2, 1),
        (F::Nv16, 1..) => of(Color, at % 2, at / 2 * 2, row, 2, 1),
        (F::Y444, 1..) => of(Color, plane, at, row, 1, 1),
        (F::Yuy2, _) if at % 2 == 1 => pair_color(at % 4),
        (F::Uyvy, _) if at.is_multiple_of(2) => pair_color(at % 4),
        (F::Yuy2 | F::Uyvy, _) => of(Light, 0, at / 2, row, 1, 1),
        (F::Rgb | F::Bgr, _) => of(Light, at % 3, at / 3, row, 1, 1),
        (F::Rgba | F::Bgra | F::Rgbx | F::Bgrx, _) => {
            of(if at % 4 == 3 { Other } else { Light }, at % 4, at / 4, row, 1, 1)
        }
        (F::Argb | F::Abgr | F::Xrgb | F::Xbgr, _) => {
            of(if at.is_multiple_of(4) { Other } else { Light }, at % 4, at / 4, row, 1, 1)
        }
        (F::I420 | F::Yv12 | F::Nv12 | F::Nv21 | F::Y42b | F::Nv16 | F::Y444 | F::Gray8, 0) => {
            of(Light, 0, at, row, 1, 1)
        }
        other => panic!("the test does not know {other:?}"),
    }
}
