// SPDX-License-Identifier: MIT OR Apache-2.0
//! Covers for faces that are not protected: opaque fill, pixelation, blur.
//!
//! Only fill hides a face for certain; retrained networks recognise pixelated and blurred faces (McPherson et al. 2016,
//! arXiv 1609.00408). Pixelation keeps [`BLOCKS`] blocks across the longer side, with quantised levels. The blur's
//! radius is a fifth of the longer side.

use super::paint::fill;
use super::{Channel, FrameMut, Rect};

/// Blocks across the longer side of a pixelated face.
const BLOCKS: usize = 6;
/// Levels kept by pixelation: the low bits are dropped.
const PIXELATE_MASK: u8 = 0xE0;
/// Box-blur passes; three come close to a Gaussian.
const BLUR_PASSES: usize = 3;
/// Fill colour: a dark grey.
const FILL_LUMA: u8 = 72;

/// How a face is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cover {
    /// Opaque, one neutral colour.
    Fill,
    /// Large blocks. Weak.
    Pixelate,
    /// Strong blur. Weak.
    Blur,
}

/// Covers `rect` of the frame, in place. Alpha is left as it is.
pub fn cover(frame: &mut FrameMut<'_>, rect: Rect, cover: Cover) {
    if rect.is_empty() {
        return;
    }
    if cover == Cover::Fill {
        return fill(frame, rect, [FILL_LUMA; 3]);
    }
    for (channel, halved) in frame.format.layout().channels() {
        samples(frame, channel, halved.rect(rect), cover);
    }
}

/// Covers the samples of one channel in `rect`.
fn samples(frame: &mut FrameMut<'_>, channel: Channel, rect: Rect, cover: Cover) {
    let index = |x: usize| channel.at(rect.x + x);
    let mut values: Vec<u8> = Vec::with_capacity(rect.width * rect.height);
    for y in 0..rect.height {
        let row = frame.row(channel.plane, rect.y + y);
        values.extend((0..rect.width).map(|x| row[index(x)]));
    }
    let side = rect.width.max(rect.height);
    match cover {
        Cover::Fill => {}
        Cover::Pixelate => pixelate(&mut values, rect.width, side.div_ceil(BLOCKS)),
        Cover::Blur => blur(&mut values, rect.width, rect.height, side.div_ceil(5)),
    }
    for (y, line) in values.chunks_exact(rect.width).enumerate() {
        let row = frame.row_mut(channel.plane, rect.y + y);
        line.iter().enumerate().for_each(|(x, &value)| row[index(x)] = value);
    }
}

fn pixelate(values: &mut [u8], width: usize, block: usize) {
    let height = values.len() / width;
    for top in (0..height).step_by(block) {
        for left in (0..width).step_by(block) {
            let (bottom, right) = ((top + block).min(height), (left + block).min(width));
            let count = (bottom - top) * (right - left);
            let sum: usize =
                (top..bottom).flat_map(|y| &values[y * width + left..y * width + right]).map(|&v| usize::from(v)).sum();
            let level = ((sum / count) as u8 & PIXELATE_MASK) | (!PIXELATE_MASK >> 1);
            (top..bottom).for_each(|y| values[y * width + left..y * width + right].fill(level));
        }
    }
}

fn blur(values: &mut [u8], width: usize, height: usize, radius: usize) {
    let mut line = vec![0; width.max(height)];
    for _ in 0..BLUR_PASSES {
        for y in 0..height {
            box_blur(values, y * width, 1, width, radius, &mut line);
        }
        for x in 0..width {
            box_blur(values, x, width, height, radius, &mut line);
        }
    }
}

/// Running mean of `2·radius + 1` samples over one line of `values`, edges replicated.
fn box_blur(values: &mut [u8], start: usize, step: usize, count: usize, radius: usize, line: &mut [u8]) {
    let at = |i: usize| start + i * step;
    (0..count).for_each(|i| line[i] = values[at(i)]);
    let sample = |i: isize| u32::from(line[i.clamp(0, count as isize - 1) as usize]);
    let (radius, span) = (radius as isize, 2 * radius as u32 + 1);
    let mut sum: u32 = (-radius..=radius).map(sample).sum();
    for i in 0..count {
        values[at(i)] = ((sum + span / 2) / span) as u8;
        sum = sum + sample(i as isize + radius + 1) - sample(i as isize - radius);
    }
}
