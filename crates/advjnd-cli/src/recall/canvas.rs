// SPDX-License-Identifier: MIT OR Apache-2.0
//! Pictures to reckon with.

use std::time::Duration;

use advjnd::face::{SimilarityTransform, Warp};
use advjnd::frame::{Between, Rect};
use advjnd_media::Picture;

/// R', G', B', 0..=255, each times a weight of 0..=1, and the weight.
#[derive(Debug, Clone)]
pub struct Canvas {
    /// Row by row.
    pub pixels: Vec<[f32; 4]>,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Canvas {
    /// A picture, every pixel of weight 1.
    pub fn of(picture: &Picture) -> Self {
        let pixels = picture.pixels.chunks_exact(3).map(|p| [f32::from(p[0]), f32::from(p[1]), f32::from(p[2]), 1.0]);
        Self { pixels: pixels.collect(), width: picture.width, height: picture.height }
    }

    /// Its pixels rounded to bytes; of time `time`.
    pub fn picture(&self, time: Duration) -> Picture {
        let bytes = self.pixels.iter().flat_map(|p| [p[0], p[1], p[2]]).map(|v| v.round().clamp(0.0, 255.0) as u8);
        Picture { pixels: bytes.collect(), width: self.width, height: self.height, time }
    }

    /// A part of it.
    pub fn part(&self, rect: Rect) -> Self {
        let rows = (rect.y..rect.y + rect.height).map(|y| y * self.width + rect.x);
        let pixels = rows.flat_map(|start| &self.pixels[start..start + rect.width]).copied().collect();
        Self { pixels, width: rect.width, height: rect.height }
    }

    /// What a canvas of `width` × `height` shows whose pixels lie at `to_self` in this one; nothing, of weight 0,
    /// outside.
    pub fn seen(&self, to_self: &SimilarityTransform, width: usize, height: usize) -> Self {
        let mut pixels = vec![[0.0; 4]; width * height];
        let mut warp = Warp::default();
        warp.plan(to_self, (self.width, self.height), (width, height));
        warp.forward(&self.pixels, &mut pixels);
        Self { pixels, width, height }
    }

    /// Left and right exchanged.
    pub fn mirrored(mut self) -> Self {
        self.pixels.chunks_exact_mut(self.width.max(1)).for_each(<[_]>::reverse);
        self
    }

    /// Half as wide and high, means of four pixels; an odd last row or column is left out.
    pub fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let at = |x: usize, y: usize| self.pixels[y * self.width + x];
        let mean = |x: usize, y: usize| {
            let four = [at(2 * x, 2 * y), at(2 * x + 1, 2 * y), at(2 * x, 2 * y + 1), at(2 * x + 1, 2 * y + 1)];
            std::array::from_fn(|lane| four.iter().map(|pixel| pixel[lane]).sum::<f32>() / 4.0)
        };
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| mean(x, y))).collect();
        Self { pixels, width, height }
    }

    /// So many times as wide: area averages where it shrinks, and where it grows what lies between, in proportion.
    pub fn widened(&self, factor: f32) -> Self {
        let width = ((self.width as f32 * factor).round() as usize).max(1);
        let step = self.width as f32 / width as f32;
        let samples = step.ceil().max(1.0) as usize;
        let mut pixels = Vec::with_capacity(width * self.height);
        for row in self.pixels.chunks_exact(self.width.max(1)) {
            for x in 0..width {
                let mut sum = [0.0; 4];
                for i in 0..samples {
                    let place = (x as f32 + (i as f32 + 0.5) / samples as f32) * step - 0.5;
                    let Between { first, next, share } = Between::new(place, self.width);
                    for (lane, sum) in sum.iter_mut().enumerate() {
                        *sum += (row[first][lane] * (1.0 - share) + row[next][lane] * share) / samples as f32;
                    }
                }
                pixels.push(sum);
            }
        }
        Self { pixels, width, height: self.height }
    }

    /// Every value through `change`.
    pub fn change(&mut self, mut change: impl FnMut(f32) -> f32) {
        for pixel in &mut self.pixels {
            pixel[..3].iter_mut().for_each(|value| *value = change(*value).clamp(0.0, 255.0));
        }
    }

    /// Multiplies every pixel and its weight by `weight` of its place.
    pub fn weigh(&mut self, weight: impl Fn(f32, f32) -> f32) {
        let width = self.width.max(1);
        for (index, pixel) in self.pixels.iter_mut().enumerate() {
            let weight = weight((index % width) as f32, (index / width) as f32);
            *pixel = pixel.map(|value| value * weight);
        }
    }

    /// Lays another of the same size over it.
    pub fn lay(&mut self, other: &Self) {
        for (below, above) in self.pixels.iter_mut().zip(&other.pixels) {
            *below = std::array::from_fn(|lane| above[lane] + (1.0 - above[3]) * below[lane]);
        }
    }

    /// Luma of every pixel.
    pub fn luma(&self) -> impl Iterator<Item = f32> {
        self.pixels.iter().map(|p| 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2])
    }
}
