// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rectangle of a frame as floating-point planes, and the way back: a luma residual is bounded, rounded and written.
//!
//! Reading converts to full-range R'G'B' with the frame's own matrix and range; chroma is replicated. Writing changes
//! luma alone: in Y'CbCr formats the Y plane; in RGB formats R, G and B by the same step, which changes luma by that
//! step and chroma not at all.

use pulp::{Simd, WithSimd};

use super::{Channel, Chroma, FrameMut, Layout, Rect};

/// A rectangle of a frame: R'G'B' and luma, full range 0..=255, row-major `rect.width` × `rect.height`.
///
/// Owns its buffers: reading another rectangle allocates only if it is larger than any before.
#[derive(Debug, Default)]
pub struct Region {
    /// Where it lies in the frame.
    pub rect: Rect,
    /// R', G', B', and a pending change of luma ([`carry`](Self::carry)).
    pub pixels: Vec<[f32; 4]>,
    /// Luma by the frame's matrix.
    pub luma: Vec<f32>,
    gain: f32,
}

/// Largest change of luma allowed per pixel of a [`Region`], full-range units, zero where nothing may change.
pub type Bounds = [f32];

impl Region {
    /// Reads `rect`, which must lie inside the frame and, in formats with halved chroma, start at even coordinates.
    pub fn read(&mut self, frame: &FrameMut<'_>, rect: Rect) {
        let pixels = rect.width * rect.height;
        self.rect = rect;
        self.gain = if frame.format.is_yuv() { frame.colorimetry.luma_gain() } else { 1.0 };
        self.pixels.resize(pixels, [0.0; 4]);
        self.luma.resize(pixels, 0.0);
        if pixels == 0 {
            return;
        }
        pulp::Arch::new().dispatch(Read { region: self, frame });
    }

    /// Stores `change`, [`len`](Self::len) entries, with the pixels; readers of the pixels add it to R', G' and B'.
    pub fn carry(&mut self, change: &[f32]) {
        for (pixel, change) in self.pixels.iter_mut().zip(change) {
            pixel[3] = *change;
        }
    }

    /// Number of pixels.
    pub fn len(&self) -> usize {
        self.rect.width * self.rect.height
    }

    /// Whether it holds no pixel.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The luma residual that the frame would store: bounded by `bounds` and rounded to the frame's code values.
    ///
    /// All slices have [`len`](Self::len) entries, full-range units. The bound itself is rounded to whole code values,
    /// so a stored change exceeds it by at most half a code value.
    pub fn quantize(&self, residual: &[f32], bounds: &Bounds, stored: &mut [f32]) {
        pulp::Arch::new().dispatch(Quantize { residual, bounds, stored, gain: self.gain });
    }

    /// Adds a luma residual to the frame in place, bounded and rounded as [`quantize`](Self::quantize) says.
    pub fn write(&self, frame: &mut FrameMut<'_>, residual: &[f32], bounds: &Bounds) {
        if !self.is_empty() {
            pulp::Arch::new().dispatch(Write { region: self, frame, residual, bounds });
        }
    }

    #[inline(always)]
    fn read_rgb(&mut self, frame: &FrameMut<'_>, [r, g, b]: [Channel; 3]) {
        let (kr, kb) = frame.colorimetry.matrix.kr_kb();
        let (width, step) = (self.rect.width, r.step);
        let rows = self.pixels.chunks_exact_mut(width).zip(self.luma.chunks_exact_mut(width));
        for (y, (pixels, luma)) in rows.enumerate() {
            let row = &frame.row(r.plane, self.rect.y + y)[self.rect.x * step..];
            for ((pixel, luma), code) in pixels.iter_mut().zip(luma).zip(row.chunks_exact(step)) {
                let [r, g, b] = [r, g, b].map(|channel| f32::from(code[channel.offset]));
                *pixel = [r, g, b, 0.0];
                *luma = kr * r + (1.0 - kr - kb) * g + kb * b;
            }
        }
    }

    /// Reads Y'CbCr with one chroma sample for `ACROSS` pixels in a row.
    #[inline(always)]
    fn read_yuv<const ACROSS: usize>(&mut self, frame: &FrameMut<'_>, luma: Channel, chroma: Chroma) {
        let convert = frame.colorimetry.to_rgb();
        let Rect { x: left, y: top, width, .. } = self.rect;
        let (_, down) = chroma.halved.pixels();
        let mut scratch = Vec::new();
        let rows = self.pixels.chunks_exact_mut(width).zip(self.luma.chunks_exact_mut(width));
        for (y, (pixels, lumas)) in rows.enumerate() {
            let codes = luma_codes(frame, luma, (left, top + y, width), &mut scratch);
            let [cb_row, cr_row] = chroma.channels.map(|channel| {
                frame.row(channel.plane, (top + y) / down)[channel.at(left / ACROSS)..].iter().step_by(channel.step)
            });
            let groups = pixels.chunks_mut(ACROSS).zip(lumas.chunks_mut(ACROSS)).zip(codes.chunks(ACROSS));
            for (((pixels, lumas), codes), (cb, cr)) in groups.zip(cb_row.zip(cr_row)) {
                let (cb, cr) = (f32::from(*cb), f32::from(*cr));
                for ((pixel, luma), code) in pixels.iter_mut().zip(lumas).zip(codes) {
                    let [r, g, b] = convert.apply(f32::from(*code), cb, cr);
                    *pixel = [r, g, b, 0.0];
                    *luma = convert.luma(f32::from(*code));
                }
            }
        }
    }

    #[inline(always)]
    fn read_gray(&mut self, frame: &FrameMut<'_>, luma: Channel) {
        let convert = frame.colorimetry.to_rgb();
        let Rect { x: left, y: top, width, .. } = self.rect;
        let mut scratch = Vec::new();
        let rows = self.pixels.chunks_exact_mut(width).zip(self.luma.chunks_exact_mut(width));
        for (y, (pixels, lumas)) in rows.enumerate() {
            let codes = luma_codes(frame, luma, (left, top + y, width), &mut scratch);
            for ((pixel, luma), code) in pixels.iter_mut().zip(lumas).zip(codes) {
                *luma = convert.luma(f32::from(*code));
                *pixel = [*luma, *luma, *luma, 0.0];
            }
        }
    }
}

/// The codes of luma from (`x`, `y`) on, `count` of them, side by side.
#[inline(always)]
fn luma_codes<'a>(
    frame: &'a FrameMut<'_>,
    luma: Channel,
    (x, y, count): (usize, usize, usize),
    scratch: &'a mut Vec<u8>,
) -> &'a [u8] {
    let row = &frame.row(luma.plane, y)[luma.at(x)..];
    if luma.step == 1 {
        return &row[..count];
    }
    scratch.clear();
    scratch.extend(row.iter().step_by(luma.step).take(count));
    scratch
}

/// [`Region::read`], vectorised.
struct Read<'a, 'f> {
    region: &'a mut Region,
    frame: &'a FrameMut<'f>,
}

impl WithSimd for Read<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<A: Simd>(self, _: A) {
        match self.frame.format.layout() {
            Layout::Rgb(rgb) => self.region.read_rgb(self.frame, rgb),
            Layout::Yuv { luma, chroma: None } => self.region.read_gray(self.frame, luma),
            Layout::Yuv { luma, chroma: Some(chroma) } if chroma.halved.across => {
                self.region.read_yuv::<2>(self.frame, luma, chroma);
            }
            Layout::Yuv { luma, chroma: Some(chroma) } => self.region.read_yuv::<1>(self.frame, luma, chroma),
        }
    }
}

/// [`Region::quantize`], vectorised.
struct Quantize<'a> {
    residual: &'a [f32],
    bounds: &'a Bounds,
    stored: &'a mut [f32],
    gain: f32,
}

impl WithSimd for Quantize<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<A: Simd>(self, _: A) {
        let inverse = 1.0 / self.gain;
        for ((stored, &residual), &bound) in self.stored.iter_mut().zip(self.residual).zip(self.bounds) {
            *stored = code_change(residual, bound, self.gain) * inverse;
        }
    }
}

/// [`Region::write`], vectorised.
struct Write<'a, 'f> {
    region: &'a Region,
    frame: &'a mut FrameMut<'f>,
    residual: &'a [f32],
    bounds: &'a Bounds,
}

impl WithSimd for Write<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<A: Simd>(self, _: A) {
        let Self { region: &Region { rect, gain, .. }, frame, residual, bounds } = self;
        let nominal = match (frame.format.is_yuv(), frame.colorimetry.full_range) {
            (true, false) => (16, 235),
            _ => (0, 255),
        };
        let layout = frame.format.layout();
        let rows = residual.chunks_exact(rect.width).zip(bounds.chunks_exact(rect.width));
        for (y, (residual, bounds)) in rows.enumerate() {
            let changes = residual.iter().zip(bounds).map(|(residual, bound)| code_change(*residual, *bound, gain));
            let row = frame.row_mut(0, rect.y + y);
            for channel in layout.lit() {
                let samples = &mut row[channel.at(rect.x)..];
                if channel.step == 1 {
                    samples.iter_mut().zip(changes.clone()).for_each(|(sample, change)| add(sample, change, nominal));
                } else {
                    let samples = samples.iter_mut().step_by(channel.step);
                    samples.zip(changes.clone()).for_each(|(sample, change)| add(sample, change, nominal));
                }
            }
        }
    }
}

/// Adds a whole code change to a sample. A sample already outside the `nominal` range is never pulled back further than
/// the change.
#[inline(always)]
fn add(sample: &mut u8, change: f32, (low, high): (i32, i32)) {
    let old = i32::from(*sample);
    *sample = (old + change as i32).clamp(low.min(old), high.max(old)) as u8;
}

/// A residual in whole code values; `gain` is code values per full-range unit.
#[inline(always)]
fn code_change(residual: f32, bound: f32, gain: f32) -> f32 {
    let limit = (bound * gain + 0.5).floor();
    (residual * gain).round_ties_even().max(-limit).min(limit)
}
