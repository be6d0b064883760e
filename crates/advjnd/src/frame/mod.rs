// SPDX-License-Identifier: MIT OR Apache-2.0
//! Video frames owned by the caller: formats, planes, strides. Regions are read and written in place.

mod between;
mod cells;
mod cover;
mod deep;
mod format;
pub(crate) mod paint;
mod patch;
mod region;
mod resample;

pub use between::Between;
pub use cells::CELL;
pub use cover::{Cover, cover};
pub use deep::{DeepFormat, Narrowed};
pub use format::PixelFormat;
use format::{Channel, Chroma, Halved, Layout};
pub use patch::Patch;
pub use region::{Bounds, Region};
pub(crate) use resample::{LOW_RANGE, value_range};
pub use resample::{Resampling, Thumbnail};

use crate::error::{Error, Result};

/// Matrix between R'G'B' and Y'CbCr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Matrix {
    /// ITU-R BT.601.
    #[default]
    Bt601,
    /// ITU-R BT.709.
    Bt709,
    /// ITU-R BT.2020, non-constant luminance.
    Bt2020,
}

impl Matrix {
    /// Weights of red and blue in luma.
    pub(crate) fn kr_kb(self) -> (f32, f32) {
        match self {
            Self::Bt601 => (0.299, 0.114),
            Self::Bt709 => (0.2126, 0.0722),
            Self::Bt2020 => (0.2627, 0.0593),
        }
    }
}

/// Matrix and range of the samples of a Y'CbCr frame. Packed RGB frames are always full range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Colorimetry {
    /// The matrix.
    pub matrix: Matrix,
    /// `true`: 0..=255; `false`: luma 16..=235, chroma 16..=240.
    pub full_range: bool,
}

impl Colorimetry {
    /// The conversion of its code values to full-range R'G'B'.
    pub(crate) fn to_rgb(self) -> ToRgb {
        let (kr, kb) = self.matrix.kr_kb();
        let (offset, luma, chroma) =
            if self.full_range { (0.0, 1.0, 1.0) } else { (16.0, 255.0 / 219.0, 255.0 / 224.0) };
        let (r_cr, b_cb) = (2.0 * (1.0 - kr) * chroma, 2.0 * (1.0 - kb) * chroma);
        let kg = 1.0 - kr - kb;
        ToRgb { offset, luma, r_cr, g_cb: b_cb * kb / kg, g_cr: r_cr * kr / kg, b_cb }
    }

    /// The code values Y', Cb, Cr of full-range R', G', B'.
    pub(crate) fn codes(self, rgb: [u8; 3]) -> [u8; 3] {
        let (kr, kb) = self.matrix.kr_kb();
        let [r, g, b] = rgb.map(f32::from);
        let luma = kr * r + (1.0 - kr - kb) * g + kb * b;
        let (offset, luma_gain, chroma_gain) =
            if self.full_range { (0.0, 1.0, 1.0) } else { (16.0, 219.0 / 255.0, 224.0 / 255.0) };
        let chroma = |channel: f32, k: f32| 128.0 + chroma_gain * (channel - luma) / (2.0 * (1.0 - k));
        [offset + luma_gain * luma, chroma(b, kb), chroma(r, kr)].map(|code| code.round().clamp(0.0, 255.0) as u8)
    }

    /// Luma code values per unit of full-range luma.
    pub(crate) fn luma_gain(self) -> f32 {
        if self.full_range { 1.0 } else { 219.0 / 255.0 }
    }
}

/// Coefficients from Y'CbCr code values to full-range R'G'B'.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToRgb {
    offset: f32,
    luma: f32,
    r_cr: f32,
    g_cb: f32,
    g_cr: f32,
    b_cb: f32,
}

impl ToRgb {
    /// Full-range luma of a code value.
    #[inline(always)]
    pub(crate) fn luma(&self, code: f32) -> f32 {
        ((code - self.offset) * self.luma).clamp(0.0, 255.0)
    }

    /// R', G', B' of one pixel, clamped to 0..=255.
    #[inline(always)]
    pub(crate) fn apply(&self, luma: f32, cb: f32, cr: f32) -> [f32; 3] {
        let (luma, cb, cr) = ((luma - self.offset) * self.luma, cb - 128.0, cr - 128.0);
        [luma + self.r_cr * cr, luma - self.g_cb * cb - self.g_cr * cr, luma + self.b_cb * cb]
            .map(|v| v.clamp(0.0, 255.0))
    }
}

/// One plane of a frame: rows of `stride` bytes.
#[derive(Debug)]
pub struct PlaneMut<'a> {
    /// The bytes; the last row may be shorter than `stride`.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A rectangle of whole pixels inside a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: usize,
    /// Top edge.
    pub y: usize,
    /// Width; zero when empty.
    pub width: usize,
    /// Height; zero when empty.
    pub height: usize,
}

impl Rect {
    /// Whether it holds no pixel.
    pub fn is_empty(&self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// Whether pixel (`x`, `y`) lies in it.
    pub fn contains(&self, x: usize, y: usize) -> bool {
        x >= self.x && y >= self.y && x < self.x + self.width && y < self.y + self.height
    }

    /// Whether a pixel lies in both.
    pub fn intersects(&self, other: &Self) -> bool {
        let meet = |a: usize, a_len: usize, b: usize, b_len: usize| a < b + b_len && b < a + a_len;
        !self.is_empty()
            && !other.is_empty()
            && meet(self.x, self.width, other.x, other.width)
            && meet(self.y, self.height, other.y, other.height)
    }

    /// The smallest rectangle that holds both.
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return *self;
        }
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.width).max(other.x + other.width);
        let bottom = (self.y + self.height).max(other.y + other.height);
        Self { x, y, width: right - x, height: bottom - y }
    }

    /// The pixels of a `width`×`height` frame that the real-valued rectangle `x0..x1` × `y0..y1` touches, grown to even
    /// coordinates so that it owns its chroma samples. Empty if the two do not meet or a bound is not finite.
    pub fn covering(x0: f32, y0: f32, x1: f32, y1: f32, width: usize, height: usize) -> Self {
        if ![x0, y0, x1, y1].iter().all(|v| v.is_finite()) {
            return Self::default();
        }
        let low = |v: f32, size: usize| (v.floor().clamp(0.0, size as f32) as usize) & !1;
        let high = |v: f32, size: usize| ((v.ceil().clamp(0.0, size as f32) as usize + 1) & !1).min(size);
        let (left, top) = (low(x0, width), low(y0, height));
        let (right, bottom) = (high(x1, width), high(y1, height));
        if right <= left || bottom <= top || x1 <= 0.0 || y1 <= 0.0 {
            return Self::default();
        }
        Self { x: left, y: top, width: right - left, height: bottom - top }
    }
}

/// A writable frame, borrowed from the caller.
#[derive(Debug)]
pub struct FrameMut<'a> {
    format: PixelFormat,
    colorimetry: Colorimetry,
    width: usize,
    height: usize,
    planes: Vec<PlaneMut<'a>>,
}

impl<'a> FrameMut<'a> {
    /// Wraps the planes of a frame.
    ///
    /// # Errors
    /// [`Error::Input`] if a plane is missing, its stride is shorter than a row, or its data are too short.
    pub fn new(
        format: PixelFormat,
        colorimetry: Colorimetry,
        width: usize,
        height: usize,
        planes: Vec<PlaneMut<'a>>,
    ) -> Result<Self> {
        if width == 0 || height == 0 {
            return Err(Error::input(format!("a frame of {width}x{height} has no pixel")));
        }
        if planes.len() != format.planes() {
            return Err(Error::input(format!("{format:?} has {} planes, {} given", format.planes(), planes.len())));
        }
        for (index, plane) in planes.iter().enumerate() {
            let (row, rows) = format.plane_size(index, width, height);
            let needed = plane.stride.checked_mul(rows - 1).and_then(|n| n.checked_add(row));
            if plane.stride < row || needed.is_none_or(|n| plane.data.len() < n) {
                return Err(Error::input(format!(
                    "plane {index} of a {width}x{height} {format:?} frame needs {rows} rows of {row} bytes; stride {} \
                     and {} bytes given",
                    plane.stride,
                    plane.data.len()
                )));
            }
        }
        Ok(Self { format, colorimetry, width, height, planes })
    }

    /// The format.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The larger of width and height, pixels.
    pub fn long_side(&self) -> usize {
        self.width.max(self.height)
    }

    /// The rectangle of the whole frame.
    pub fn rect(&self) -> Rect {
        Rect { x: 0, y: 0, width: self.width, height: self.height }
    }

    /// Appends to `bytes`, row by row, the bytes of `rect` in the plane that [`Region::write`] changes.
    pub fn save(&self, rect: Rect, bytes: &mut Vec<u8>) {
        for y in rect.y..rect.y + rect.height {
            bytes.extend_from_slice(&self.row(0, y)[self.format.span(rect)]);
        }
    }

    /// Puts back the bytes that [`save`](Self::save) took from the same rectangle; `bytes` must hold at least as many.
    pub fn restore(&mut self, rect: Rect, bytes: &[u8]) {
        let span = self.format.span(rect);
        for (y, line) in (rect.y..rect.y + rect.height).zip(bytes.chunks_exact(span.len().max(1))) {
            self.row_mut(0, y)[span.clone()].copy_from_slice(line);
        }
    }

    fn row(&self, plane: usize, y: usize) -> &[u8] {
        let (row, _) = self.format.plane_size(plane, self.width, self.height);
        let start = y * self.planes[plane].stride;
        &self.planes[plane].data[start..start + row]
    }

    fn row_mut(&mut self, plane: usize, y: usize) -> &mut [u8] {
        let (row, _) = self.format.plane_size(plane, self.width, self.height);
        let start = y * self.planes[plane].stride;
        &mut self.planes[plane].data[start..start + row]
    }
}
