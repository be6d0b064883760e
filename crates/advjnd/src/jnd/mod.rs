// SPDX-License-Identifier: MIT OR Apache-2.0
//! Just-noticeable difference: how much each sample of a region may change before the eye notices it.
//!
//! A [`JndModel`] maps a region to thresholds of its luma, of the same shape. Planes are row-major slices of
//! `width * height` samples without padding between rows, in 8-bit units, full range 0..=255. Thresholds are in the
//! same units and never negative: 3.0 means that the sample may move three code values up or down.
//!
//! Beyond the region, every model repeats the outermost samples.
//!
//! Each model has a naive twin in `advjnd_lab::reference::jnd`: nested loops straight from the equations. Property
//! tests hold the fast path to it.

mod background;
mod canny;
mod chou;
mod contrast;
mod deviation;
mod edge_protection;
mod edge_weight;
mod free_energy;
mod gaussian;
mod gradient;
mod learned;
mod luma_only;
mod namm;
mod orientation;
mod padded;
mod pattern;
mod power;
mod prediction;
mod temporal;

pub use chou::Chou;
pub use contrast::{contrast_sensitivity, octave_shares, pixels_per_degree};
pub use free_energy::FreeEnergy;
pub use learned::Learned;
pub use namm::Namm;
pub use pattern::Pattern;
pub use temporal::Temporal;

use crate::error::{Error, Result};

/// A region of a picture, row-major, 8-bit units, full range.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// Luma.
    pub luma: &'a [f32],
    /// R', G', B'; the fourth entry is ignored.
    pub rgb: &'a [[f32; 4]],
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// A model of visibility thresholds.
///
/// A model owns its scratch memory. Once it has seen its largest region, it allocates nothing more, unless its
/// documentation says so.
///
/// All methods fail with [`Error::Input`] if the region is empty or a slice is not `width * height` long, and with
/// [`Error::NotFinite`] if a sample is NaN or infinite; the output is then unspecified. Finite samples outside 0..=255
/// count as the nearer end of that range.
pub trait JndModel: Send {
    /// Name of the model, as the property `jnd-model` spells it.
    fn name(&self) -> &'static str;

    /// Thresholds of luma, from luma alone.
    fn map_luma(&mut self, luma: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()>;

    /// Thresholds of luma for a picture with known colours; some models use these.
    fn map_picture(&mut self, picture: &Picture<'_>, jnd: &mut [f32]) -> Result<()> {
        self.map_luma(picture.luma, picture.width, picture.height, jnd)
    }
}

/// The models by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Model {
    /// [`Chou`].
    Chou,
    /// [`Namm`].
    Namm,
    /// [`FreeEnergy`].
    FreeEnergy,
    /// [`Pattern::new`].
    Pattern,
    /// [`Pattern::paper`].
    PatternPaper,
    /// [`Learned::rgb`].
    #[default]
    Rgb,
    /// [`Learned::hvs_sd`].
    HvsSd,
}

impl Model {
    /// All models.
    pub const ALL: [Self; 7] =
        [Self::Chou, Self::Namm, Self::FreeEnergy, Self::Pattern, Self::PatternPaper, Self::Rgb, Self::HvsSd];

    /// The factor that makes its thresholds comparable with those of the other models. Noise of the scaled thresholds'
    /// shape scores SSIMULACRA2 = 85 on faces, which is not noticed in place. The example `calibrate_jnd` measures the
    /// factor; `results/jnd.json` holds the result.
    pub fn calibration(self) -> f32 {
        match self {
            Self::Chou => 0.209,
            Self::Namm => 0.198,
            Self::FreeEnergy => 0.198,
            Self::Pattern => 0.230,
            Self::PatternPaper => 0.131,
            Self::Rgb => 0.608,
            Self::HvsSd => 0.664,
        }
    }

    /// A new model of this kind.
    pub fn new_model(self) -> Box<dyn JndModel> {
        match self {
            Self::Chou => Box::new(Chou::new()),
            Self::Namm => Box::new(Namm::new()),
            Self::FreeEnergy => Box::new(FreeEnergy::new()),
            Self::Pattern => Box::new(Pattern::new()),
            Self::PatternPaper => Box::new(Pattern::paper()),
            Self::Rgb => Box::new(Learned::rgb()),
            Self::HvsSd => Box::new(Learned::hvs_sd()),
        }
    }
}

/// Rejects an empty region and a slice that does not hold exactly `width * height` samples.
fn check_len(plane: &'static str, len: usize, width: usize, height: usize) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::input(format!("JND of an empty region ({width}x{height}); give at least one pixel")));
    }
    if width.checked_mul(height) != Some(len) {
        return Err(Error::input(format!(
            "{plane} holds {len} samples, but the region is {width}x{height}; give planes without padding between rows"
        )));
    }
    Ok(())
}
