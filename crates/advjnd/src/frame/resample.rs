// SPDX-License-Identifier: MIT OR Apache-2.0
//! The frame as a small planar BGR picture for the detector.
//!
//! With area averaging, every output sample is the mean of the source samples under its square, per plane at the
//! plane's own resolution (halved chroma is enlarged by replication in the same pass); conversion to R'G'B' follows.
//! With linear interpolation, it lies between the two (times two) nearest sample centres, however far the picture is
//! reduced. That is the default of OpenCV's `resize`, and so of most programs that detect faces.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{FrameMut, Layout, Rect};

/// The contrast of a picture is stretched if the range of its values, without the lowest and highest hundredth, is
/// below this. YuNet finds faces at a tenth of full contrast, few at a sixteenth, none at a thirtieth.
pub(crate) const LOW_RANGE: f32 = 64.0;
/// A smaller range counts as this, since it is noise.
const LEAST_RANGE: f32 = 4.0;
/// One in this many values is counted.
const HISTOGRAM_STEP: usize = 3;

/// The range of the counted values without the lowest and the highest hundredth; `None` if none were counted.
pub(crate) fn value_range(counts: &[u32; 256]) -> Option<(f32, f32)> {
    let most = counts.iter().sum::<u32>() / 100;
    let passes = |below: &mut u32, count: u32| {
        *below += count;
        *below > most
    };
    let (mut below, mut above) = (0, 0);
    let low = counts.iter().position(|count| passes(&mut below, *count))?;
    let high = counts.iter().rposition(|count| passes(&mut above, *count))?;
    Some((low as f32, high as f32 + 1.0))
}

/// How to compute output samples from source samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resampling {
    /// Area average; for reducing only.
    Average,
    /// Unfiltered linear interpolation.
    Linear,
}

/// Scratch of [`Thumbnail::read`] and its result.
#[derive(Debug, Default)]
pub struct Thumbnail {
    /// Planar B', G', R', 0..=255, each the window's width × height; zero outside the picture.
    pub bgr: Vec<f32>,
    horizontal: Spans,
    vertical: Spans,
    row: Vec<f32>,
}

/// For each output sample the first source sample it covers, and the weights of all that it covers.
#[derive(Debug, Default)]
struct Spans {
    first: Vec<u32>,
    len: Vec<u32>,
    /// `taps` weights per span, padded with zeros.
    weights: Vec<f32>,
    taps: usize,
    /// Whether every span begins `taps` samples after the previous one.
    even: bool,
}

impl Thumbnail {
    /// Reads `window` of the frame scaled to `width`×`height`. It may reach past the right and lower edges.
    pub fn read(
        &mut self,
        frame: &FrameMut<'_>,
        (width, height): (usize, usize),
        window: Rect,
        resampling: Resampling,
    ) {
        let pixels = window.width * window.height;
        self.bgr.clear();
        self.bgr.resize(3 * pixels, 0.0);
        pulp::Arch::new().dispatch(Reading { thumbnail: self, frame, size: (width, height), window, resampling });
    }

    /// Stretches the values to 0..=255 if their range is less than 64, as in a dark or washed-out picture. Black around
    /// the picture stays.
    pub fn stretch(&mut self) {
        let green = &self.bgr[self.bgr.len() / 3..2 * self.bgr.len() / 3];
        let mut counts = [0u32; 256];
        // Exact zeros lie around the picture.
        green
            .iter()
            .step_by(HISTOGRAM_STEP)
            .filter(|v| **v > 0.0)
            .for_each(|v| counts[v.clamp(0.0, 255.0) as usize] += 1);
        let Some((low, high)) = value_range(&counts) else { return };
        if high - low < LOW_RANGE {
            let gain = 255.0 / (high - low).max(LEAST_RANGE);
            self.bgr.iter_mut().filter(|v| **v > 0.0).for_each(|v| *v = ((*v - low) * gain).clamp(0.0, 255.0));
        }
    }

    #[inline(always)]
    fn fill(&mut self, frame: &FrameMut<'_>, (width, height): (usize, usize), window: Rect, resampling: Resampling) {
        let pixels = window.width * window.height;
        let columns = window.x.min(width)..(window.x + window.width).min(width);
        let rows = window.y.min(height)..(window.y + window.height).min(height);
        if columns.is_empty() || rows.is_empty() {
            return;
        }
        let layout = frame.format.layout();
        for (index, (channel, halved)) in layout.channels().enumerate() {
            let samples = halved.rect(frame.rect());
            self.horizontal.plan(samples.width, width, columns.clone(), resampling);
            self.vertical.plan(samples.height, height, rows.clone(), resampling);
            let source = self.horizontal.source();
            // Weights of zero reach past the end.
            self.row.resize(source.len() + self.horizontal.taps, 0.0);
            let plane = if frame.format.is_yuv() { index } else { 2 - index };
            let out = &mut self.bgr[plane * pixels..(plane + 1) * pixels];
            for (y, out) in out.chunks_exact_mut(window.width).take(rows.len()).enumerate() {
                self.row.fill(0.0);
                for (source_y, weight) in self.vertical.of(y) {
                    let line = &frame.row(channel.plane, source_y)[channel.at(source.start)..];
                    if channel.step == 1 {
                        add_row(&mut self.row, line.iter(), weight);
                    } else {
                        add_row(&mut self.row, line.iter().step_by(channel.step), weight);
                    }
                }
                self.horizontal.sum(&self.row, source.start, &mut out[..columns.len()]);
            }
        }
        if matches!(layout, Layout::Yuv { chroma: None, .. }) {
            for plane in self.bgr[pixels..].chunks_exact_mut(pixels) {
                plane.chunks_exact_mut(window.width).take(rows.len()).for_each(|row| row[..columns.len()].fill(128.0));
            }
        }
        if frame.format.is_yuv() {
            self.convert_to_bgr(frame, window.width, columns.len(), rows.len());
        }
    }

    #[inline(always)]
    fn convert_to_bgr(&mut self, frame: &FrameMut<'_>, stride: usize, width: usize, height: usize) {
        let convert = frame.colorimetry.to_rgb();
        let pixels = self.bgr.len() / 3;
        let (first, rest) = self.bgr.split_at_mut(pixels);
        let (second, third) = rest.split_at_mut(pixels);
        for y in 0..height {
            let span = y * stride..y * stride + width;
            let pixels = first[span.clone()].iter_mut().zip(&mut second[span.clone()]).zip(&mut third[span]);
            for ((p0, p1), p2) in pixels {
                let [r, g, b] = convert.apply(*p0, *p1, *p2);
                (*p0, *p1, *p2) = (b, g, r);
            }
        }
    }
}

/// [`Thumbnail::read`], vectorised.
struct Reading<'a, 'f> {
    thumbnail: &'a mut Thumbnail,
    frame: &'a FrameMut<'f>,
    size: (usize, usize),
    window: Rect,
    resampling: Resampling,
}

impl WithSimd for Reading<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<A: Simd>(self, _: A) {
        self.thumbnail.fill(self.frame, self.size, self.window, self.resampling);
    }
}

#[inline(always)]
fn add_row<'a>(sums: &mut [f32], samples: impl Iterator<Item = &'a u8>, weight: f32) {
    for (sum, sample) in sums.iter_mut().zip(samples) {
        *sum += weight * f32::from(*sample);
    }
}

impl Spans {
    /// Plans the spans of the samples `range` of `target`.
    fn plan(&mut self, source: usize, target: usize, range: Range<usize>, resampling: Resampling) {
        self.first.clear();
        self.len.clear();
        self.weights.clear();
        let ratio = source as f64 / target as f64;
        self.taps = match resampling {
            Resampling::Linear => 2,
            Resampling::Average if ratio.fract() == 0.0 => ratio as usize,
            Resampling::Average => ratio.ceil() as usize + 1,
        };
        for i in range {
            let before = self.weights.len();
            let first = match resampling {
                Resampling::Average => self.average(source, i, ratio),
                Resampling::Linear => self.interpolate(source, i, ratio),
            };
            self.first.push(first as u32);
            self.len.push((self.weights.len() - before) as u32);
            self.weights.resize(before + self.taps, 0.0);
        }
        self.even = self.first.windows(2).all(|pair| pair[0] + self.taps as u32 == pair[1]);
    }

    fn interpolate(&mut self, source: usize, i: usize, ratio: f64) -> usize {
        let at = ((i as f64 + 0.5) * ratio - 0.5).clamp(0.0, source as f64 - 1.0);
        let first = (at as usize).min(source.saturating_sub(2));
        let next = (at - first as f64) as f32;
        self.weights.extend([1.0 - next, next].iter().take(source));
        first
    }

    fn average(&mut self, source: usize, i: usize, ratio: f64) -> usize {
        let (from, to) = (i as f64 * ratio, ((i + 1) as f64 * ratio).min(source as f64));
        let first = (from as usize).min(source - 1);
        let mut at = first;
        while at == first || (at as f64) < to - 1e-9 {
            let share = (to.min(at as f64 + 1.0) - from.max(at as f64)) / (to - from);
            self.weights.push(share as f32);
            at += 1;
        }
        first
    }

    /// The source samples that any span touches; empty without spans.
    fn source(&self) -> Range<usize> {
        let start = self.first.first().map_or(0, |first| *first as usize);
        let end = self.first.last().zip(self.len.last()).map_or(0, |(first, len)| (first + len) as usize);
        start..end
    }

    fn of(&self, i: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let weights = &self.weights[i * self.taps..][..self.len[i] as usize];
        (self.first[i] as usize..).zip(weights.iter().copied())
    }

    /// The weighted sums of `row`, which begins with sample `start` of the source.
    #[inline(always)]
    fn sum(&self, row: &[f32], start: usize, out: &mut [f32]) {
        match self.taps {
            1 => self.sum_taps::<1>(row, start, out),
            2 => self.sum_taps::<2>(row, start, out),
            3 => self.sum_taps::<3>(row, start, out),
            4 => self.sum_taps::<4>(row, start, out),
            taps => {
                for ((value, first), weights) in out.iter_mut().zip(&self.first).zip(self.weights.chunks_exact(taps)) {
                    *value = weights.iter().zip(&row[*first as usize - start..]).map(|(w, v)| w * v).sum();
                }
            }
        }
    }

    #[inline(always)]
    fn sum_taps<const TAPS: usize>(&self, row: &[f32], start: usize, out: &mut [f32]) {
        let (weights, _) = self.weights.as_chunks::<TAPS>();
        let sum = |weights: &[f32; TAPS], samples: &[f32; TAPS]| -> f32 {
            weights.iter().zip(samples).map(|(weight, sample)| weight * sample).sum()
        };
        if self.even {
            let (samples, _) = row.as_chunks::<TAPS>();
            let spans = weights.iter().zip(samples);
            out.iter_mut().zip(spans).for_each(|(value, (weights, samples))| *value = sum(weights, samples));
            return;
        }
        for ((value, first), weights) in out.iter_mut().zip(&self.first).zip(weights) {
            if let Some(samples) = row[*first as usize - start..].first_chunk() {
                *value = sum(weights, samples);
            }
        }
    }
}
