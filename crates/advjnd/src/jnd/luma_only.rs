// SPDX-License-Identifier: MIT OR Apache-2.0
//! Models that read luma alone.

use pulp::{Simd, WithSimd};

use super::{JndModel, check_len};
use crate::error::Result;

/// A model that reads luma alone. Every such model is a [`JndModel`].
pub(super) trait LumaModel: Send {
    /// Name of the model, as the property `jnd-model` spells it.
    fn name(&self) -> &'static str;

    /// The vector unit its thresholds are compiled for.
    fn arch(&self) -> pulp::Arch;

    /// Thresholds of a region. Implementations are inlined, so that they are compiled for that unit.
    fn thresholds(&mut self, luma: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()>;
}

impl<M: LumaModel> JndModel for M {
    fn name(&self) -> &'static str {
        LumaModel::name(self)
    }

    fn map_luma(&mut self, luma: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()> {
        check_len("the Y thresholds", jnd.len(), width, height)?;
        self.arch().dispatch(Thresholds { model: self, luma, width, height, jnd })
    }
}

/// [`LumaModel::thresholds`], compiled for the vector unit at hand.
struct Thresholds<'a, M> {
    model: &'a mut M,
    luma: &'a [f32],
    width: usize,
    height: usize,
    jnd: &'a mut [f32],
}

impl<M: LumaModel> WithSimd for Thresholds<'_, M> {
    type Output = Result<()>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Result<()> {
        self.model.thresholds(self.luma, self.width, self.height, self.jnd)
    }
}
