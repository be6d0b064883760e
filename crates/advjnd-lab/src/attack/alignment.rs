// SPDX-License-Identifier: MIT OR Apache-2.0
//! A portrait as a recogniser's chip, a chip's change in the portrait, and a recogniser that looks at the changed
//! portrait.

use advjnd::Result;
use advjnd::face::{Landmarks, SimilarityTransform, Warp};
use advjnd::frame::Rect;
use advjnd::net::{Embedder, Recognizer, RecognizerSpec};

/// The operators chip ← portrait and portrait ← chip.
#[derive(Debug)]
pub struct Alignment {
    to_chip: Warp,
    to_portrait: Warp,
    /// What of the portrait the chip shows.
    pub crop: Rect,
}

impl Alignment {
    /// Of a portrait of `size` (width, height), and the chip that a recogniser takes of it. `landmarks` are in pixels
    /// of the portrait.
    ///
    /// # Errors
    /// [`Error::Input`](advjnd::Error::Input) where landmarks are no face: all at one point, say.
    pub fn new(landmarks: &Landmarks, size: (usize, usize), spec: &RecognizerSpec) -> Result<Self> {
        let transform = SimilarityTransform::fit(landmarks, &spec.template)?;
        let side = (spec.chip_size, spec.chip_size);
        let (mut to_chip, mut to_portrait) = (Warp::default(), Warp::default());
        to_chip.plan(&transform.inverse(), size, side);
        to_portrait.plan(&transform, side, size);
        let [x0, y0, x1, y1] = transform.inverse().square_bounds(spec.chip_size as f32 - 1.0);
        Ok(Self { to_chip, to_portrait, crop: Rect::covering(x0, y0, x1, y1, size.0, size.1) })
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

/// A recogniser that is shown chips and looks at portraits: a chip's change is laid into the portrait, and the
/// portrait aligned again. What an attack does to the chip is judged as it arrives in the picture: as it is for the
/// gradient, and rounded to 8 bits, as the picture is saved, where it is only looked at.
pub struct ThroughPicture<'a> {
    /// What looks at the portrait.
    pub recognizer: &'a mut Recognizer,
    /// Between chip and portrait.
    pub alignment: &'a Alignment,
    /// Of the portrait, interleaved.
    pub pixels: &'a [u8],
    /// The chip that counts as unchanged, planar, white 1.
    pub clean: &'a [f32],
    /// What the recogniser sees of the portrait then, planar, 0..=255.
    pub seen: &'a [f32],
}

impl ThroughPicture<'_> {
    fn look(&self, chip: &[f32]) -> Vec<f32> {
        let side = self.alignment.to_chip.len();
        let change: Vec<[f32; 4]> = (0..side)
            .map(|at| {
                let channel = |c: usize| chip[c * side + at] - 255.0 * self.clean[c * side + at];
                [channel(0), channel(1), channel(2), 0.0]
            })
            .collect();
        let mut portrait = vec![[0.0; 4]; self.alignment.to_portrait.len()];
        let mut back = vec![[0.0; 4]; side];
        self.alignment.to_portrait.forward(&change, &mut portrait);
        self.alignment.to_chip.forward(&portrait, &mut back);
        (0..3 * side).map(|at| self.seen[at] + back[at % side][at / side]).collect()
    }
}

impl Embedder for ThroughPicture<'_> {
    fn spec(&self) -> &RecognizerSpec {
        self.recognizer.spec()
    }

    fn embed(&mut self, chip: &[f32], embedding: &mut [f32]) -> Result<()> {
        let delta: Vec<f32> = chip.iter().zip(self.clean).map(|(value, clean)| value / 255.0 - clean).collect();
        let saved = self.alignment.chip(&self.alignment.changed(self.pixels, &delta));
        self.recognizer.embed(&saved, embedding)
    }

    fn embed_vjp(
        &mut self,
        chip: &[f32],
        cotangent: &mut dyn FnMut(&[f32], &mut [f32]),
        gradient: &mut [f32],
    ) -> Result<()> {
        let looked = self.look(chip);
        let mut pulled = vec![0.0; looked.len()];
        self.recognizer.embed_vjp(&looked, cotangent, &mut pulled)?;
        let side = self.alignment.to_chip.len();
        let mut portrait = vec![0.0; self.alignment.to_portrait.len()];
        for (pulled, gradient) in pulled.chunks_exact(side).zip(gradient.chunks_exact_mut(side)) {
            portrait.fill(0.0);
            gradient.fill(0.0);
            self.alignment.to_chip.adjoint_add(pulled, &mut portrait);
            self.alignment.to_portrait.adjoint_add(&portrait, gradient);
        }
        Ok(())
    }
}

/// A sample, white 1, rounded to 8 bits.
fn byte(value: f32) -> u8 {
    (255.0 * value).round().clamp(0.0, 255.0) as u8
}
