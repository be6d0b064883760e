// SPDX-License-Identifier: MIT OR Apache-2.0
//! Copies of a face that an attacker may have: at half the size, with its contrast stretched, or cut askew.
//!
//! A preview or a messenger halves a picture, and a blur has much the same effect. A dark picture is brightened before
//! faces are searched in it. Landmarks of a tilted head that is not turned upright are off. The verdict of the
//! self-check must hold for these copies, too.

use crate::frame::{LOW_RANGE, Region, value_range};

/// Faces narrower than this, in pixels, are also checked at half size; wider ones stay protected without that check.
const HALVED_BELOW: f32 = 140.0;
/// Faces narrower than this are not: at half size they are too small to be recognised.
const HALVED_FROM: f32 = 24.0;
/// A smaller range of luma counts as this.
const LEAST_RANGE: f32 = 4.0;

/// How a copy differs from the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rendition {
    /// Not at all.
    AsIs,
    /// Half the width and height, means of four pixels.
    Halved,
    /// The range of the face's luma stretched to 0..=255.
    Stretched,
    /// Not at all, but the chip is cut by landmarks far from the followed ones.
    Askew,
}

impl Rendition {
    /// Every rendition.
    pub const ALL: [Self; 4] = [Self::AsIs, Self::Halved, Self::Stretched, Self::Askew];

    /// Its place in [`ALL`](Self::ALL).
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The linear map that stretches contrast: value ← (value − low) · gain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// The value that becomes 0.
    pub low: f32,
    /// The factor.
    pub gain: f32,
}

impl Stretch {
    /// The stretch for the pixels of `region` inside `mask`; `None` if their range is large enough.
    pub fn of(region: &Region, mask: &[f32]) -> Option<Self> {
        let mut counts = [0u32; 256];
        for (luma, _) in region.luma.iter().zip(mask).filter(|(_, mask)| **mask > 0.0) {
            counts[luma.clamp(0.0, 255.0) as usize] += 1;
        }
        let (low, high) = value_range(&counts)?;
        (high - low < LOW_RANGE).then(|| Self { low, gain: 255.0 / (high - low).max(LEAST_RANGE) })
    }

    /// Stretches a value.
    pub fn apply(&self, value: f32) -> f32 {
        ((value - self.low) * self.gain).clamp(0.0, 255.0)
    }
}

/// Whether a face that is `face` pixels wide is also checked at half size.
pub fn is_halved(face: f32) -> bool {
    (HALVED_FROM..HALVED_BELOW).contains(&face)
}

/// A region at half its size.
#[derive(Debug, Default)]
pub struct HalfRegion {
    /// R', G', B' and the change of luma, as [`Region::pixels`]; row-major.
    pub pixels: Vec<[f32; 4]>,
    /// Width and height.
    pub size: (usize, usize),
    full: (usize, usize),
}

impl HalfRegion {
    /// Computes the means of 2×2 pixels of `region`, or of fewer at an odd edge.
    pub fn read(&mut self, region: &Region) {
        let (width, height) = (region.rect.width, region.rect.height);
        self.full = (width, height);
        self.size = (width.div_ceil(2), height.div_ceil(2));
        self.pixels.clear();
        self.pixels.resize(self.size.0 * self.size.1, [0.0; 4]);
        for (y, row) in region.pixels.chunks_exact(width.max(1)).enumerate() {
            let half = &mut self.pixels[y / 2 * self.size.0..][..self.size.0];
            for (x, pixel) in row.iter().enumerate() {
                let share = share(x, y, self.full);
                for (sum, value) in half[x / 2].iter_mut().zip(pixel) {
                    *sum += share * value;
                }
            }
        }
    }

    /// The adjoint of [`read`](Self::read): adds the gradient `half` with respect to the half region to that of the
    /// full one.
    pub fn adjoint_add(&self, half: &[f32], full: &mut [f32]) {
        for (y, row) in full.chunks_exact_mut(self.full.0.max(1)).enumerate() {
            let half = &half[y / 2 * self.size.0..][..self.size.0];
            for (x, value) in row.iter_mut().enumerate() {
                *value += share(x, y, self.full) * half[x / 2];
            }
        }
    }
}

/// Weight of a pixel in its mean.
fn share(x: usize, y: usize, (width, height): (usize, usize)) -> f32 {
    let alone = |at: usize, size: usize| if at + 1 == size && at.is_multiple_of(2) { 1.0 } else { 0.5 };
    alone(x, width) * alone(y, height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Rect;

    #[test]
    fn the_adjoint_of_halving_is_one() {
        for (width, height) in [(8, 6), (7, 5), (2, 3)] {
            let mut region = Region::default();
            region.rect = Rect { x: 0, y: 0, width, height };
            region.pixels = (0..width * height).map(|at| [(at * at % 17) as f32, 0.0, 0.0, at as f32]).collect();
            let mut half = HalfRegion::default();
            half.read(&region);
            let cotangent: Vec<f32> = (0..half.pixels.len()).map(|at| (at * 7 % 5) as f32 - 2.0).collect();
            let mut gradient = vec![0.0; width * height];
            half.adjoint_add(&cotangent, &mut gradient);
            let left: f32 = half.pixels.iter().zip(&cotangent).map(|(pixel, c)| pixel[0] * c).sum();
            let right: f32 = region.pixels.iter().zip(&gradient).map(|(pixel, g)| pixel[0] * g).sum();
            assert!((left - right).abs() < 1e-3, "{width}x{height}: {left} {right}");
            let sum: f32 = half.pixels.iter().map(|pixel| pixel[0]).sum::<f32>() / half.pixels.len() as f32;
            assert!(sum > 0.0);
        }
    }
}
