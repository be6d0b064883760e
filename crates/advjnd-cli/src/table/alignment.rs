//! A portrait as a recogniser's chip, and a chip's change in the portrait.

use advjnd::Result;
use advjnd::face::{SimilarityTransform, Warp};
use advjnd::net::RecognizerSpec;

use super::people::Portrait;

/// The operators chip ← portrait and portrait ← chip.
pub struct Alignment {
    to_chip: Warp,
    to_portrait: Warp,
}

impl Alignment {
    pub fn new(portrait: &Portrait, spec: &RecognizerSpec) -> Result<Self> {
        let transform = SimilarityTransform::fit(&portrait.landmarks, &spec.template)?;
        let (size, side) = ((portrait.width, portrait.height), (spec.chip_size, spec.chip_size));
        let (mut to_chip, mut to_portrait) = (Warp::default(), Warp::default());
        to_chip.plan(&transform.inverse(), size, side);
        to_portrait.plan(&transform, side, size);
        Ok(Self { to_chip, to_portrait })
    }

    /// The chip of interleaved `pixels` of the portrait's size: planar, `[3][side][side]`, 0..=255.
    pub fn chip(&self, pixels: &[u8]) -> Vec<f32> {
        let mut chip = vec![0.0; 3 * self.to_chip.len()];
        for (channel, plane) in chip.chunks_exact_mut(self.to_chip.len()).enumerate() {
            let source: Vec<f32> = pixels.iter().skip(channel).step_by(3).map(|value| f32::from(*value)).collect();
            self.to_chip.forward(&source, plane);
        }
        chip
    }

    /// Interleaved `pixels` with the change `delta` of their chip, planar, white 1, rounded to 8 bits.
    pub fn changed(&self, pixels: &[u8], delta: &[f32]) -> Vec<u8> {
        let mut changed = pixels.to_vec();
        let mut change = vec![0.0; self.to_portrait.len()];
        for (channel, plane) in delta.chunks_exact(self.to_chip.len()).enumerate() {
            self.to_portrait.forward(plane, &mut change);
            for (value, change) in changed.iter_mut().skip(channel).step_by(3).zip(&change) {
                *value = byte(f32::from(*value) / 255.0 + change);
            }
        }
        changed
    }
}

/// A planar picture, white 1, as interleaved bytes.
pub fn interleaved(planar: &[f32]) -> Vec<u8> {
    let area = planar.len() / 3;
    (0..area).flat_map(|at| [planar[at], planar[area + at], planar[2 * area + at]].map(byte)).collect()
}

/// A sample, white 1, rounded to 8 bits.
pub fn byte(value: f32) -> u8 {
    (255.0 * value).round().clamp(0.0, 255.0) as u8
}
