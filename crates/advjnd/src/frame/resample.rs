//! The whole frame as a small planar BGR picture: what the detector looks at.
//!
//! Area average: every output sample is the mean of the source samples under its square, per plane at the plane's own
//! resolution (halved chroma is enlarged by replication in the same pass), converted to R'G'B' afterwards.

use super::{FrameMut, Layout};

/// Scratch of [`Thumbnail::read`] and its result.
#[derive(Debug, Default)]
pub struct Thumbnail {
    /// Planar B', G', R', 0..=255, each [`padded_width`](Self::padded_width) × [`padded_height`](Self::padded_height);
    /// the picture is in the upper left corner, zero elsewhere.
    pub bgr: Vec<f32>,
    /// Width of a plane.
    pub padded_width: usize,
    /// Height of a plane.
    pub padded_height: usize,
    horizontal: Spans,
    vertical: Spans,
    row: Vec<f32>,
}

/// For each output sample the first source sample it covers, and where its weights end.
#[derive(Debug, Default)]
struct Spans {
    first: Vec<u32>,
    ends: Vec<u32>,
    weights: Vec<f32>,
}

impl Thumbnail {
    /// Reads the frame at `width`×`height`, padded to a multiple of `multiple` on the right and at the bottom.
    pub fn read(&mut self, frame: &FrameMut<'_>, width: usize, height: usize, multiple: usize) {
        self.padded_width = width.next_multiple_of(multiple);
        self.padded_height = height.next_multiple_of(multiple);
        let plane = self.padded_width * self.padded_height;
        self.bgr.clear();
        self.bgr.resize(3 * plane, 0.0);
        // For each channel of the frame's own colour space: plane, first byte, bytes a sample.
        let channels = match frame.format.layout() {
            Layout::Packed { step, rgb: [r, g, b] } => [(0, b, step), (0, g, step), (0, r, step)],
            Layout::Yuv420 { cb, cr, step } => [(0, 0, 1), (cb.0, cb.1, step), (cr.0, cr.1, step)],
        };
        for (index, (source, offset, step)) in channels.into_iter().enumerate() {
            let (row_bytes, rows) = frame.format.plane_size(source, frame.width, frame.height);
            self.horizontal.plan(row_bytes / step, width);
            self.vertical.plan(rows, height);
            let out = &mut self.bgr[index * plane..(index + 1) * plane];
            self.row.resize(row_bytes / step, 0.0);
            for (y, out) in out.chunks_exact_mut(self.padded_width).take(height).enumerate() {
                self.row.fill(0.0);
                for (source_y, weight) in self.vertical.of(y) {
                    let line = &frame.row(source, source_y)[offset..];
                    for (sum, sample) in self.row.iter_mut().zip(line.iter().step_by(step)) {
                        *sum += weight * f32::from(*sample);
                    }
                }
                for (x, value) in out[..width].iter_mut().enumerate() {
                    *value = self.horizontal.of(x).map(|(at, weight)| weight * self.row[at]).sum();
                }
            }
        }
        if frame.format.is_yuv() {
            self.convert_to_bgr(frame, width, height);
        }
    }

    fn convert_to_bgr(&mut self, frame: &FrameMut<'_>, width: usize, height: usize) {
        let convert = frame.colorimetry.to_rgb();
        let (first, rest) = self.bgr.split_at_mut(self.padded_width * self.padded_height);
        let (second, third) = rest.split_at_mut(self.padded_width * self.padded_height);
        for y in 0..height {
            let span = y * self.padded_width..y * self.padded_width + width;
            let pixels = first[span.clone()].iter_mut().zip(&mut second[span.clone()]).zip(&mut third[span]);
            for ((p0, p1), p2) in pixels {
                let [r, g, b] = convert.apply(*p0, *p1, *p2);
                (*p0, *p1, *p2) = (b, g, r);
            }
        }
    }
}

impl Spans {
    fn plan(&mut self, source: usize, target: usize) {
        self.first.clear();
        self.ends.clear();
        self.weights.clear();
        let ratio = source as f64 / target as f64;
        for i in 0..target {
            let (from, to) = (i as f64 * ratio, ((i + 1) as f64 * ratio).min(source as f64));
            let first = (from as usize).min(source - 1);
            self.first.push(first as u32);
            let mut at = first;
            while at == first || (at as f64) < to - 1e-9 {
                let share = (to.min(at as f64 + 1.0) - from.max(at as f64)) / (to - from);
                self.weights.push(share as f32);
                at += 1;
            }
            self.ends.push(self.weights.len() as u32);
        }
    }

    fn of(&self, i: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        (self.first[i] as usize..).zip(self.weights[start..self.ends[i] as usize].iter().copied())
    }
}
