// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who wants to know the faces all the same, and knows where they are: straightens them, finds their landmarks anew,
//! aligns and embeds them. Nothing of the protector's own is used.

use std::f32::consts::TAU;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use advjnd::face::{Detection, Detector, SimilarityTransform};
use advjnd::net::{Backend, Embedder, Network, Recognizer, RecognizerSpec};
use advjnd::{Pool, Result};
use advjnd_media::Picture;

use super::canvas::Canvas;
use super::pose::Pose;
use crate::networks::Networks;

/// Sides of the square the detector looks at, pixels, and of the face in it.
const SIGHTS: [Sight; 3] =
    [Sight { side: 320, face: 100.0 }, Sight { side: 320, face: 160.0 }, Sight { side: 512, face: 280.0 }];
/// Score from which something at the place of the face is the face.
const SCORE: f32 = 0.3;
/// How far from its place, as a share of its size, and how many times as large a face is found.
const REACH: f32 = 0.5;
const RATIO: f32 = 2.0;
/// A roll that is off by more, radians, is set right.
const ROLL: f32 = 0.14;
/// Narrowest face that the detector looks for in a square: it is never reduced.
const LEAST: u32 = 12;

#[derive(Clone, Copy)]
struct Sight {
    side: usize,
    face: f32,
}

/// A face in an upright picture.
#[derive(Debug, Clone)]
pub struct Portrait {
    /// The picture.
    pub canvas: Canvas,
    /// Its largest face.
    pub face: Detection,
}

/// Detector and recogniser.
pub struct Attacker {
    detector: Detector,
    recognizer: Recognizer,
}

impl Attacker {
    /// The detector and `dlib_resnet29` of a folder of models.
    ///
    /// # Errors
    /// [`Error::Io`](advjnd::Error::Io), [`Error::Model`](advjnd::Error::Model) where they cannot be loaded.
    pub fn open(models: &Path, pool: &Arc<Pool>) -> Result<Self> {
        let networks = Networks::open(models)?;
        let (network, backend) = (Network::DlibResnet29, Backend::Cpu(Arc::clone(pool)));
        let executor = backend.executor(&networks.recognizer(network)?, 1)?;
        let recognizer = Recognizer::new(networks.spec(network)?, executor)?;
        Ok(Self { detector: Detector::new(&networks.detector()?, &backend), recognizer })
    }

    /// The recogniser, its threshold and metric.
    pub fn spec(&self) -> &RecognizerSpec {
        self.recognizer.spec()
    }

    /// The largest face of an upright picture; none if there is none.
    ///
    /// # Errors
    /// What the detector reports.
    pub fn portrait(&mut self, mut picture: Picture) -> Result<Option<Portrait>> {
        let faces = self.detector.detect(&picture.frame()?, 48, 0.6)?;
        let largest = faces.into_iter().max_by(|a, b| a.bbox.size().total_cmp(&b.bbox.size()));
        Ok(largest.map(|face| Portrait { canvas: Canvas::of(&picture), face }))
    }

    /// The best face of a whole picture; none if there is none.
    ///
    /// # Errors
    /// What the detector reports.
    pub fn best(&mut self, picture: &mut Picture, least: u32) -> Result<Option<Detection>> {
        Ok(self.detector.detect(&picture.frame()?, least, 0.6)?.into_iter().next())
    }

    /// The embeddings of the face at `pose`, one for each size at which its landmarks are found.
    ///
    /// # Errors
    /// What detector and recogniser report.
    pub fn look(&mut self, picture: &Canvas, pose: &Pose) -> Result<Vec<Vec<f32>>> {
        let mut embeddings = Vec::new();
        for sight in SIGHTS {
            let Some(mut to_picture) = self.chip(picture, pose, sight)? else { continue };
            // Somebody else's word for the roll may be rough: what is seen of it counts.
            let roll = to_picture.b.atan2(to_picture.a);
            if off(roll, pose.roll) > ROLL {
                to_picture = self.chip(picture, &Pose { roll, ..*pose }, sight)?.unwrap_or(to_picture);
            }
            embeddings.push(self.embed(picture, &to_picture)?);
        }
        Ok(embeddings)
    }

    /// Picture ← chip, by landmarks found in the straightened surroundings; none if no face is found there.
    fn chip(&mut self, picture: &Canvas, pose: &Pose, sight: Sight) -> Result<Option<SimilarityTransform>> {
        let Sight { side, face } = sight;
        let to_picture = pose.upright(side, face);
        let mut square = picture.seen(&to_picture, side, side).picture(Duration::ZERO);
        let found = self.detector.detect(&square.frame()?, LEAST, SCORE)?;
        let middle = side as f32 / 2.0;
        let fits = |found: &&Detection| {
            let ([x, y], ratio) = (found.bbox.center(), found.bbox.size() / face);
            (x - middle).hypot(y - middle) <= REACH * face && (1.0 / RATIO..=RATIO).contains(&ratio)
        };
        let best = found.iter().filter(fits).max_by(|a, b| a.score.total_cmp(&b.score));
        let to_chip = best.map(|best| SimilarityTransform::fit(&best.landmarks, &self.spec().template));
        Ok(to_chip.and_then(Result::ok).map(|to_chip| to_picture.after(&to_chip.inverse())))
    }

    /// How a face is enrolled: the mean of what is seen of it; none if nothing is.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub fn enroll(&mut self, picture: &Canvas, pose: &Pose) -> Result<Option<Vec<f32>>> {
        Ok(mean(&self.look(picture, pose)?))
    }

    fn embed(&mut self, picture: &Canvas, chip_to_picture: &SimilarityTransform) -> Result<Vec<f32>> {
        let side = self.spec().chip_size;
        let pixels = picture.seen(chip_to_picture, side, side).pixels;
        let chip: Vec<f32> = (0..3).flat_map(|lane| pixels.iter().map(move |pixel| pixel[lane])).collect();
        let mut embedding = vec![0.0; self.spec().embedding_len];
        self.recognizer.embed(&chip, &mut embedding)?;
        Ok(embedding)
    }
}

/// How far two angles are apart.
fn off(a: f32, b: f32) -> f32 {
    let apart = (a - b).rem_euclid(TAU);
    apart.min(TAU - apart)
}

/// The mean of embeddings, if there are any.
pub fn mean(embeddings: &[Vec<f32>]) -> Option<Vec<f32>> {
    let mut mean = vec![0.0; embeddings.first()?.len()];
    for embedding in embeddings {
        mean.iter_mut().zip(embedding).for_each(|(mean, value)| *mean += value / embeddings.len() as f32);
    }
    Some(mean)
}
