// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the protection changed in the faces, before any codec: covers, the quality of what is shown, and its
//! restlessness.
//!
//! * Covered: the face box is nearly flat, or far from the clean one.
//! * Quality: the detector's box of the clean face. PSNR of all three channels, SSIM of luma; for SSIMULACRA2 a smaller
//!   box is widened to the least that it takes, where the frame is as large.
//! * Flicker: δ is the change of luma in the chip of [`ARCFACE_TEMPLATE`] by the clean landmarks; the mean of
//!   |δ(t) − δ(t−1)| over the chip and over neighbouring frames that both show the face.
//! * Warping error: the same of the chip as it is shown, less that of the clean one. The alignment by landmarks takes
//!   the place of optical flow.

use std::collections::HashMap;

use advjnd::face::{BBox, ChipCutter};
use advjnd::frame::Rect;
use advjnd::net::ARCFACE_TEMPLATE;
use advjnd::{Error, Result};
use advjnd_lab::metrics::{MIN_SSIM_SIDE, MIN_SSIMULACRA2_SIDE, Plane, RgbPicture, psnr, ssim, ssimulacra2};
use advjnd_media::{Picture, Pictures};
use serde::{Deserialize, Serialize};

use super::counts::Mean;
use super::faces::{Clean, Sighting, rect_of};

/// Deviation of luma in a face box below which it is a cover, code values.
const FLAT: f64 = 6.0;
/// Mean change of a face box above which it is a cover, code values.
const FAR: f64 = 40.0;
/// Side of the chip in which changes are followed.
const CHIP: usize = 112;

/// Means over the faces that are shown, of the frames that are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Decibels.
    pub psnr: Mean,
    /// Luma.
    pub ssim: Mean,
    /// 100 is the same.
    pub ssimulacra2: Mean,
    /// Code values of luma.
    pub flicker: Mean,
    /// Code values of luma.
    pub warping_error: Mean,
}

impl Quality {
    /// Adds what `other` counts.
    pub fn add(&mut self, other: &Self) {
        self.psnr.add(&other.psnr);
        self.ssim.add(&other.ssim);
        self.ssimulacra2.add(&other.ssimulacra2);
        self.flicker.add(&other.flicker);
        self.warping_error.add(&other.warping_error);
    }
}

/// Luma of a face in a frame, clean and as shown.
struct Chips {
    frame: usize,
    clean: Vec<f32>,
    shown: Vec<f32>,
}

/// Compares the frames of the clip with those of the filter's output: by sighting, whether the face is covered; and the
/// quality of the others. `step` is called after each frame.
pub fn compare(
    clip: &mut impl Pictures,
    output: &mut impl Pictures,
    clean: &Clean,
    step: impl Fn(),
) -> Result<(Vec<bool>, Quality)> {
    let (mut covered, mut quality) = (Vec::new(), Quality::default());
    let (mut cutter, mut last) = (ChipCutter::default(), HashMap::new());
    for index in 0..clean.frames {
        let (Some(mut before), Some(mut after)) = (clip.pull()?, output.pull()?) else {
            return Err(Error::input(format!(
                "the element put out {index} of {} frames; try another clip",
                clean.frames
            )));
        };
        for sighting in &clean.sightings[covered.len()..] {
            if sighting.frame != index {
                break;
            }
            let boxes = [box_of(sighting, &before)?, box_of(sighting, &after)?];
            let hidden = treatment_of(&boxes).covered;
            covered.push(hidden);
            if hidden {
                last.remove(&sighting.track);
                continue;
            }
            if !sighting.embeddings.is_empty() {
                quality.add_box(&boxes)?;
                quality.add_ssimulacra2(sighting, [&before, &after])?;
            }
            let mut luma =
                |picture: &mut Picture| cutter.luma(&picture.frame()?, &sighting.landmarks, &ARCFACE_TEMPLATE, CHIP);
            let chips = Chips { frame: index, clean: luma(&mut before)?, shown: luma(&mut after)? };
            if let Some(previous) = last.get(&sighting.track).filter(|previous: &&Chips| previous.frame + 1 == index) {
                quality.add_step(previous, &chips);
            }
            last.insert(sighting.track, chips);
        }
        step();
    }
    Ok((covered, quality))
}

/// The pixels of a face box, interleaved, and their luma.
struct FaceBox {
    rgb: Vec<u8>,
    luma: Vec<u8>,
    width: usize,
    height: usize,
}

fn view(picture: &Picture) -> Result<RgbPicture<'_>> {
    RgbPicture::new(&picture.pixels, picture.width, picture.height, 3 * picture.width)
}

fn box_of(sighting: &Sighting, picture: &Picture) -> Result<FaceBox> {
    FaceBox::cut(rect_of(&sighting.bbox, [picture.width, picture.height]), picture)
}

impl FaceBox {
    fn cut(rect: Rect, picture: &Picture) -> Result<Self> {
        let face = picture.cut(rect);
        let luma = view(&face)?.luma();
        Ok(Self { luma, width: face.width, height: face.height, rgb: face.pixels })
    }

    /// Standard deviation of luma, code values.
    fn deviation(&self) -> f64 {
        let count = self.luma.len().max(1) as f64;
        let mean = self.luma.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
        (self.luma.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / count).sqrt()
    }
}

/// What became of the pixels of a face.
#[derive(Debug, Clone, Copy)]
pub struct Treatment {
    pub covered: bool,
    /// Whether it is of one colour now, and was not.
    pub flat: bool,
    /// Mean change, code values.
    pub change: f64,
}

/// What became of the face of `sighting` in the frame `after`, which was `before`. Adds to `quality` that of a face
/// that is looked at and not covered.
///
/// # Errors
/// [`Error::Input`] where the two are not of one size.
pub fn inspect(sighting: &Sighting, before: &Picture, after: &Picture, quality: &mut Quality) -> Result<Treatment> {
    let boxes = [box_of(sighting, before)?, box_of(sighting, after)?];
    let treatment = treatment_of(&boxes);
    if !treatment.covered && !sighting.embeddings.is_empty() {
        quality.add_box(&boxes)?;
    }
    Ok(treatment)
}

/// What became of the pixels in a box of the frame `after`, which was `before`; `None` where none of it lies in it.
///
/// # Errors
/// As [`inspect`].
pub fn of_box(bbox: &BBox, before: &Picture, after: &Picture) -> Result<Option<Treatment>> {
    let rect = rect_of(bbox, [before.width, before.height]);
    if rect.is_empty() {
        return Ok(None);
    }
    Ok(Some(treatment_of(&[FaceBox::cut(rect, before)?, FaceBox::cut(rect, after)?])))
}

/// Whether the face of `sighting` is of one colour.
///
/// # Errors
/// [`Error::Input`] where none of it lies in the picture.
pub fn is_flat(sighting: &Sighting, picture: &Picture) -> Result<bool> {
    Ok(box_of(sighting, picture)?.deviation() < FLAT)
}

fn treatment_of([clean, shown]: &[FaceBox; 2]) -> Treatment {
    let changes = clean.rgb.iter().zip(&shown.rgb).map(|(a, b)| f64::from(a.abs_diff(*b)));
    let change = changes.sum::<f64>() / clean.rgb.len().max(1) as f64;
    let flat = shown.deviation() < FLAT;
    Treatment { covered: flat || change > FAR, flat: flat && change > FLAT, change }
}

impl Quality {
    fn add_box(&mut self, [clean, shown]: &[FaceBox; 2]) -> Result<()> {
        let (width, height) = (clean.width, clean.height);
        let [before, after] = [&clean.rgb, &shown.rgb].map(|rgb| Plane::new(rgb, 3 * width, height, 3 * width));
        self.psnr.take(psnr(before?, after?)?);
        let [luma, shown_luma] = [&clean.luma, &shown.luma].map(|luma| Plane::new(luma, width, height, width));
        if width.min(height) >= MIN_SSIM_SIDE {
            self.ssim.take(ssim(luma?, shown_luma?)?);
        }
        Ok(())
    }

    fn add_ssimulacra2(&mut self, sighting: &Sighting, [clean, shown]: [&Picture; 2]) -> Result<()> {
        let Rect { x, y, width, height } = rect_of(&sighting.bbox, [clean.width, clean.height]);
        let widened = |start: usize, length: usize, whole: usize| {
            let least = length.max(MIN_SSIMULACRA2_SIDE);
            ((start + length / 2).saturating_sub(least / 2).min(whole.saturating_sub(least)), least)
        };
        let ((x, width), (y, height)) = (widened(x, width, clean.width), widened(y, height, clean.height));
        if x + width <= clean.width && y + height <= clean.height {
            let [clean, shown] = [view(clean)?, view(shown)?].map(|picture| picture.region(x, y, width, height));
            self.ssimulacra2.take(ssimulacra2(clean?, shown?)?);
        }
        Ok(())
    }

    fn add_step(&mut self, before: &Chips, now: &Chips) {
        let count = now.clean.len().max(1) as f64;
        let mean = |values: &mut dyn Iterator<Item = f32>| values.map(f64::from).sum::<f64>() / count;
        let step = |a: &[f32], b: &[f32]| mean(&mut a.iter().zip(b).map(|(a, b)| (a - b).abs()));
        let delta = |chips: &Chips| chips.shown.iter().zip(&chips.clean).map(|(a, b)| a - b).collect::<Vec<f32>>();
        self.flicker.take(step(&delta(now), &delta(before)));
        self.warping_error.take(step(&now.shown, &before.shown) - step(&now.clean, &before.clean));
    }
}
