// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rectangle of a frame as code values of every plane. It is read, deformed, and written back as a change of the
//! frame.
//!
//! Samples between pixels come from Catmull and Rom's cubic (a = −1/2), which keeps edges sharp and reproduces a pixel
//! that does not move. Chroma moves with the mean displacement of its pixels, in its own samples, and only where all of
//! these pixels move or change.

use super::{Colorimetry, FrameMut, Halved, Rect, Region};

/// Code values of a rectangle: Y, Cb, Cr, or Y alone, or R, G, B.
#[derive(Debug, Default)]
pub struct Patch {
    rect: Rect,
    colorimetry: Colorimetry,
    yuv: bool,
    /// Subsampling of Cb and Cr.
    halved: Halved,
    /// The planes of the format; the others are empty.
    planes: [Vec<u8>; 3],
}

impl Patch {
    /// Reads `rect`, which must lie inside the frame and, in formats with halved chroma, start at even coordinates.
    pub fn read(&mut self, frame: &FrameMut<'_>, rect: Rect) {
        let layout = frame.format.layout();
        (self.rect, self.colorimetry, self.yuv) = (rect, frame.colorimetry, frame.format.is_yuv());
        self.halved = layout.channels().last().map(|(_, halved)| halved).unwrap_or_default();
        self.planes.iter_mut().for_each(Vec::clear);
        for ((channel, halved), own) in layout.channels().zip(&mut self.planes) {
            let Rect { x, y, width, height } = halved.rect(rect);
            for row in y..y + height {
                let row = frame.row(channel.plane, row)[channel.at(x)..].iter().step_by(channel.step);
                own.extend(row.take(width));
            }
        }
    }

    /// Puts it back where it was read.
    pub fn restore(&self, frame: &mut FrameMut<'_>) {
        for ((channel, halved), own) in frame.format.layout().channels().zip(&self.planes) {
            let Rect { x, y, width, .. } = halved.rect(self.rect);
            for (row, own) in (y..).zip(own.chunks_exact(width.max(1))) {
                let row = &mut frame.row_mut(channel.plane, row)[channel.at(x)..];
                row.iter_mut().step_by(channel.step).zip(own).for_each(|(sample, own)| *sample = *own);
            }
        }
    }

    /// Adds its difference from `before`, the same rectangle, to the frame.
    pub fn write_over(&self, before: &Self, frame: &mut FrameMut<'_>) {
        let layout = frame.format.layout();
        for (((channel, halved), own), before) in layout.channels().zip(&self.planes).zip(&before.planes) {
            let Rect { x, y, width, .. } = halved.rect(self.rect);
            let rows = own.chunks_exact(width.max(1)).zip(before.chunks_exact(width.max(1)));
            for (row, (own, before)) in (y..).zip(rows) {
                let row = &mut frame.row_mut(channel.plane, row)[channel.at(x)..];
                for (sample, (own, before)) in row.iter_mut().step_by(channel.step).zip(own.iter().zip(before)) {
                    *sample = (i32::from(*sample) + i32::from(*own) - i32::from(*before)).clamp(0, 255) as u8;
                }
            }
        }
    }

    /// Becomes `source` moved and lit: pixel `q` shows what was at `q` + `displacement`, in pixels, with its luma times
    /// one plus `gain`. Both have an entry for each pixel; where both are zero, the bytes equal those of the source.
    pub fn deform(&mut self, source: &Self, displacement: &[[f32; 2]], gain: &[f32]) {
        (self.rect, self.colorimetry, self.yuv) = (source.rect, source.colorimetry, source.yuv);
        self.halved = source.halved;
        self.planes.iter_mut().zip(&source.planes).for_each(|(own, source)| own.clone_from(source));
        let (width, height) = (self.rect.width, self.rect.height);
        let count = if self.yuv { 1 } else { 3 };
        for (index, (by, gain)) in displacement.iter().zip(gain).enumerate() {
            if *by == [0.0; 2] && *gain == 0.0 {
                continue;
            }
            let cubic = Cubic::at((index % width) as f32 + by[0], (index / width) as f32 + by[1], width, height);
            let mut codes = [0.0f32; 3];
            for (code, plane) in codes.iter_mut().zip(&source.planes).take(count) {
                *code = cubic.sample(plane, width);
            }
            let change = gain * self.luma(codes);
            let lit = codes.map(|code| self.lit(code, change));
            for (code, plane) in lit.into_iter().zip(&mut self.planes).take(count) {
                plane[index] = code;
            }
        }
        if self.yuv && !source.planes[1].is_empty() {
            self.deform_chroma(source, displacement);
        }
    }

    fn deform_chroma(&mut self, source: &Self, displacement: &[[f32; 2]]) {
        let (width, height) = (self.rect.width, self.rect.height);
        let (across, down) = self.halved.pixels();
        let (wide, high) = (width.div_ceil(across), height.div_ceil(down));
        for (x, y) in (0..high).flat_map(|y| (0..wide).map(move |x| (x, y))) {
            let own = [[0, 0], [1, 0], [0, 1], [1, 1]].map(|[dx, dy]| {
                let (x, y) = (across * x + dx.min(across - 1), down * y + dy.min(down - 1));
                displacement[y.min(height - 1) * width + x.min(width - 1)]
            });
            if own.contains(&[0.0; 2]) {
                continue;
            }
            let [dx, dy] = [(0, across), (1, down)]
                .map(|(axis, pixels)| own.iter().map(|by| by[axis]).sum::<f32>() / (4 * pixels) as f32);
            let cubic = Cubic::at(x as f32 + dx, y as f32 + dy, wide, high);
            for (plane, source) in self.planes.iter_mut().zip(&source.planes).skip(1) {
                plane[y * wide + x] = cubic.sample(source, wide).round_ties_even().clamp(0.0, 255.0) as u8;
            }
        }
    }

    /// The luma that a gain multiplies, in code values.
    fn luma(&self, [first, green, blue]: [f32; 3]) -> f32 {
        if self.yuv {
            return first - if self.colorimetry.full_range { 0.0 } else { 16.0 };
        }
        let (kr, kb) = self.colorimetry.matrix.kr_kb();
        kr * first + (1.0 - kr - kb) * green + kb * blue
    }

    /// A code value plus a change, inside the nominal range or no further outside than before.
    fn lit(&self, code: f32, change: f32) -> u8 {
        let (low, high) = if self.yuv && !self.colorimetry.full_range { (16.0, 235.0) } else { (0.0, 255.0) };
        (code + change).clamp(code.min(low), code.max(high)).round_ties_even() as u8
    }

    /// Writes it to `region`, which must have been read from the same rectangle of the same frame.
    pub fn show(&self, region: &mut Region) {
        let width = self.rect.width;
        if !self.yuv {
            let (kr, kb) = self.colorimetry.matrix.kr_kb();
            let [red, green, blue] = &self.planes;
            let codes = red.iter().zip(green).zip(blue);
            for ((pixel, luma), ((r, g), b)) in region.pixels.iter_mut().zip(&mut region.luma).zip(codes) {
                let [r, g, b] = [*r, *g, *b].map(f32::from);
                *pixel = [r, g, b, 0.0];
                *luma = kr * r + (1.0 - kr - kb) * g + kb * b;
            }
            return;
        }
        let convert = self.colorimetry.to_rgb();
        let (across, down) = self.halved.pixels();
        let wide = width.div_ceil(across);
        let [codes, cb, cr] = &self.planes;
        for (index, (pixel, luma)) in region.pixels.iter_mut().zip(&mut region.luma).enumerate() {
            let chroma = index / width / down * wide + index % width / across;
            let y = f32::from(codes[index]);
            // Without chroma, both are at the middle.
            let [cb, cr] = [cb, cr].map(|plane| plane.get(chroma).map_or(128.0, |code| f32::from(*code)));
            let [r, g, b] = convert.apply(y, cb, cr);
            *pixel = [r, g, b, 0.0];
            *luma = convert.luma(y);
        }
    }
}

/// A sample between pixels: its columns and rows, and their weights.
struct Cubic {
    columns: [usize; 4],
    rows: [usize; 4],
    across: [f32; 4],
    down: [f32; 4],
}

impl Cubic {
    /// The sample at a position of a plane, with its edges repeated.
    #[inline(always)]
    fn at(x: f32, y: f32, width: usize, height: usize) -> Self {
        let axis = |v: f32, size: usize| {
            let last = size as isize - 1;
            let v = v.clamp(0.0, last as f32);
            let floor = v.floor();
            let t = v - floor;
            let weights = [
                ((2.0 - t) * t - 1.0) * t / 2.0,
                ((3.0 * t - 5.0) * t * t + 2.0) / 2.0,
                ((4.0 - 3.0 * t) * t + 1.0) * t / 2.0,
                (t - 1.0) * t * t / 2.0,
            ];
            ([-1, 0, 1, 2].map(|offset| (floor as isize + offset).clamp(0, last) as usize), weights)
        };
        let ((columns, across), (rows, down)) = (axis(x, width), axis(y, height));
        Self { columns, rows, across, down }
    }

    #[inline(always)]
    fn sample(&self, plane: &[u8], width: usize) -> f32 {
        let mut sum = 0.0;
        for (row, down) in self.rows.iter().zip(self.down) {
            let line = &plane[row * width..][..width];
            let mut across = 0.0;
            for (column, weight) in self.columns.iter().zip(self.across) {
                across += weight * f32::from(line[*column]);
            }
            sum += down * across;
        }
        sum
    }
}
