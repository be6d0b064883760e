// SPDX-License-Identifier: MIT OR Apache-2.0
//! Temporal masking: Chou & Chen 1996, "A perceptually optimized 3-D subband codec for video communication over
//! wireless channels", in the form of Yang et al. 2005 (see namm.rs), eq. 12-13.
//!
//! ```text
//! JND_t(x, y) = f(ild) JND(x, y)                                            (12)
//! ild = (I_t - I_t-1 + bg_t - bg_t-1) / 2       change of luma and of its background, see background.rs (13)
//! f(ild) = 4.0 exp(-0.15/(2 pi) (255 + ild)) + 0.8      ild <= 0
//!          1.6 exp(-0.15/(2 pi) (255 - ild)) + 0.8      ild >  0
//! ```
//!
//! Yang prints f as a curve (Fig. 6) through f(-255) = 4.8, f(0) = 0.8 and f(255) = 2.4. The closed form is ours and
//! goes through all three points. Where nothing changes, thresholds are 0.81 of those of a still, since a viewer of
//! video sees the place more than once. A cut hides more, most where it gets darker.
//!
//! The model covers motion in the picture. Flicker of the perturbation itself is bounded elsewhere.

use pulp::{Simd, WithSimd};

use super::background::Background;
use super::check_len;
use super::gradient::smaller;
use super::padded::Padded;
use super::power::exp;
use crate::error::Result;

/// f, minus [`FLOOR`], where luma falls by 255, and where it rises by 255.
const DARKENING: f32 = 4.0;
const BRIGHTENING: f32 = 1.6;
/// Lower limit of f.
pub(super) const FLOOR: f32 = 0.8;
/// Decay per code value, 0.15 / 2 pi.
const DECAY: f32 = 0.15 / std::f32::consts::TAU;

/// Temporal masking, with its scratch.
#[derive(Debug)]
pub struct Temporal {
    arch: pulp::Arch,
    now: Padded,
    before: Padded,
    background: Background,
    rows: [Vec<f32>; 2],
}

impl Default for Temporal {
    fn default() -> Self {
        Self {
            arch: pulp::Arch::new(),
            now: Padded::default(),
            before: Padded::default(),
            background: Background::default(),
            rows: Default::default(),
        }
    }
}

impl Temporal {
    /// Multiplies the thresholds `jnd` of a still by f. `luma` and `before` show the same place now and one frame ago,
    /// 0..=255; where the past is not known, `before` must hold the current luma.
    ///
    /// # Errors
    /// As for [`JndModel`](super::JndModel); the thresholds are then unspecified.
    pub fn adapt(&mut self, luma: &[f32], before: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()> {
        check_len("the Y thresholds", jnd.len(), width, height)?;
        self.arch.dispatch(Adapt { temporal: self, luma, before, width, height, jnd })
    }

    #[inline(always)]
    fn run(&mut self, luma: &[f32], before: &[f32], width: usize, height: usize, jnd: &mut [f32]) -> Result<()> {
        self.now.load("the Y plane of a JND region", luma, width, height)?;
        self.before.load("the Y plane of a JND region a frame ago", before, width, height)?;
        self.background.reshape(width);
        let [now_row, before_row] = &mut self.rows;
        now_row.resize(width, 0.0);
        before_row.resize(width, 0.0);
        for (y, out) in jnd.chunks_exact_mut(width).enumerate() {
            self.background.background_row(&self.now, y, now_row);
            self.background.background_row(&self.before, y, before_row);
            let (now, before) = (&self.now.row(y as isize, 0)[..width], &self.before.row(y as isize, 0)[..width]);
            let (now_row, before_row) = (&now_row[..width], &before_row[..width]);
            for x in 0..width {
                let change = 0.5 * ((now[x] - before[x]) + (now_row[x] - before_row[x]));
                let height = if change > 0.0 { BRIGHTENING } else { DARKENING };
                out[x] *= height * exp(smaller(DECAY * (change.abs() - 255.0), 0.0)) + FLOOR;
            }
        }
        Ok(())
    }
}

/// [`Temporal::run`], compiled for the vector unit at hand.
struct Adapt<'a> {
    temporal: &'a mut Temporal,
    luma: &'a [f32],
    before: &'a [f32],
    width: usize,
    height: usize,
    jnd: &'a mut [f32],
}

impl WithSimd for Adapt<'_> {
    type Output = Result<()>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Result<()> {
        self.temporal.run(self.luma, self.before, self.width, self.height, self.jnd)
    }
}
