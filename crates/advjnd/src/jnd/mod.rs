//! Just-noticeable difference: how much each sample of a region may change before an eye sees it.
//!
//! A [`JndModel`] maps the planes of a region to thresholds of the same shape. Planes are row-major slices of
//! `width * height` samples without padding between rows, in 8-bit units: Y is full range 0..=255, Cb and Cr lie in
//! 0..=255 with 128 neutral and have the resolution of Y (4:4:4). Thresholds are in the same units and never negative:
//! 3.0 means that the sample may move three code values up or down.
//!
//! Beyond the region every model repeats the outermost samples.
//!
//! Each model has its naive twin in [`reference`](mod@reference): nested loops straight from the equations, which the property tests
//! hold the fast path to.

mod background;
mod canny;
mod chou;
mod deviation;
mod edge_protection;
mod edge_weight;
mod free_energy;
mod gaussian;
mod gradient;
mod luma_only;
mod namm;
mod orientation;
mod padded;
mod pattern;
mod power;
mod prediction;
pub mod reference;
mod temporal;

pub use chou::Chou;
pub use free_energy::FreeEnergy;
pub use namm::Namm;
pub use pattern::Pattern;
pub use temporal::Temporal;

use crate::error::{Error, Result};

/// One value per channel of a Y, Cb, Cr region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct YCbCr<T> {
    /// Luma.
    pub y: T,
    /// Blue difference.
    pub cb: T,
    /// Red difference.
    pub cr: T,
}

/// A model of visibility thresholds.
///
/// A model owns its scratch memory: once it has seen its largest region it allocates nothing.
///
/// Both methods fail with [`Error::Input`] where the region is empty or a slice is not `width * height` long, and with
/// [`Error::NotFinite`] where a sample is NaN or infinite; the output then is unspecified. Finite samples outside
/// 0..=255 count as the nearer end of that range.
pub trait JndModel: Send {
    /// Name of the model, as the property `jnd-model` spells it.
    fn name(&self) -> &'static str;

    /// Thresholds of all three channels. A model that says nothing about chroma fills Cb and Cr with zeros.
    fn map(&mut self, clean: YCbCr<&[f32]>, width: usize, height: usize, jnd: YCbCr<&mut [f32]>) -> Result<()>;

    /// Thresholds of luma alone: what [`map`](Self::map) writes to `jnd.y`, without the cost of chroma.
    fn map_luma(&mut self, luma: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()>;
}

/// The models by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Model {
    /// [`Chou`].
    Chou,
    /// [`Namm`].
    #[default]
    Namm,
    /// [`FreeEnergy`].
    FreeEnergy,
    /// [`Pattern::new`].
    Pattern,
    /// [`Pattern::paper`].
    PatternPaper,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Chou, Self::Namm, Self::FreeEnergy, Self::Pattern, Self::PatternPaper];

    /// The model, without scratch yet.
    pub fn new_model(self) -> Box<dyn JndModel> {
        match self {
            Self::Chou => Box::new(Chou::new()),
            Self::Namm => Box::new(Namm::new()),
            Self::FreeEnergy => Box::new(FreeEnergy::new()),
            Self::Pattern => Box::new(Pattern::new()),
            Self::PatternPaper => Box::new(Pattern::paper()),
        }
    }
}

/// Refuses an empty region and a slice that does not hold exactly `width * height` samples.
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
