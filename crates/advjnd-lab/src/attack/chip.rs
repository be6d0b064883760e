// SPDX-License-Identifier: MIT OR Apache-2.0
//! The picture an attack works on.

use advjnd::jnd::{Learned, Model};
use advjnd::{Error, Result};

/// A clean picture and how much each of its samples may change unseen.
#[derive(Debug, Clone, Copy)]
pub struct Chip<'a> {
    clean: &'a [f32],
    jnd: &'a [f32],
    width: usize,
    height: usize,
}

impl<'a> Chip<'a> {
    /// `clean` and `jnd` are planar RGB, `[3][height][width]`; `clean` in 0..=1, `jnd` in the same unit and not
    /// negative (a threshold of 3 of 255 grey levels is 3/255).
    ///
    /// # Errors
    /// [`Error::Input`] if there is no pixel, a slice has another length, or a value lies outside its range.
    pub fn new(clean: &'a [f32], jnd: &'a [f32], width: usize, height: usize) -> Result<Self> {
        let len = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3)).unwrap_or(0);
        if len == 0 || clean.len() != len || jnd.len() != len {
            return Err(Error::input(format!(
                "a chip of {width}x{height} with {} samples and {} thresholds; give 3*{width}*{height} of each, and at \
                 least one pixel",
                clean.len(),
                jnd.len()
            )));
        }
        if let Some(value) = clean.iter().find(|value| !(0.0..=1.0).contains(*value)) {
            return Err(Error::input(format!("a sample of the chip is {value}; divide 8-bit values by 255")));
        }
        if let Some(value) = jnd.iter().find(|value| !(value.is_finite() && **value >= 0.0)) {
            return Err(Error::input(format!("a threshold of the chip is {value}; give finite ones from zero up")));
        }
        Ok(Self { clean, jnd, width, height })
    }

    /// The clean samples, `[3][height][width]`, 0..=1.
    pub fn clean(&self) -> &'a [f32] {
        self.clean
    }

    /// The thresholds, `[3][height][width]`, in units of the samples.
    pub fn jnd(&self) -> &'a [f32] {
        self.jnd
    }

    /// Samples in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Writes the adversarial picture, clean + `delta` in 0..=1, to `adversarial`; all are `[3][height][width]`.
    pub fn add(&self, delta: &[f32], adversarial: &mut [f32]) {
        for ((adversarial, clean), delta) in adversarial.iter_mut().zip(self.clean).zip(delta) {
            *adversarial = (clean + delta).clamp(0.0, 1.0);
        }
    }
}

/// The thresholds that attacks of the laboratory go by: those of `model`, which is [`Learned::hvs_sd`], calibrated, for
/// `planar` R', G', B', `[3][height][width]`, 0..=255; of the same shape and unit.
///
/// # Errors
/// As [`Learned::map_rgb`].
pub fn thresholds(model: &mut Learned, planar: &[f32], width: usize, height: usize) -> Result<Vec<f32>> {
    let mut jnd = vec![0.0; planar.len()];
    model.map_rgb(planar, width, height, &mut jnd)?;
    jnd.iter_mut().for_each(|threshold| *threshold *= Model::HvsSd.calibration());
    Ok(jnd)
}
