//! How far an adversarial picture is from its clean one.

use advjnd::Result;
use advjnd::frame::Rect;
use advjnd::metrics::{
    MIN_MS_SSIM_SIDE, MIN_SSIM_SIDE, MIN_SSIMULACRA2_SIDE, Plane, RgbPicture, ciede2000, gmsd, ms_ssim, psnr, pspnr,
    ssim, ssimulacra2,
};
use serde::{Deserialize, Serialize};

use super::people::Portrait;

/// Of one face, or means over faces. None where no face is large enough for a score, or there is no face.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Chip, all three channels as one plane, decibels.
    pub psnr: Option<f64>,
    /// Chip, luma, decibels.
    pub psnr_luma: Option<f64>,
    /// Chip, mean over the three channels.
    pub ssim: Option<f64>,
    /// Chip, luma.
    pub ssim_luma: Option<f64>,
    /// Chip, luma.
    pub gmsd: Option<f64>,
    /// Chip, all three channels as one plane with their thresholds, decibels.
    pub pspnr: Option<f64>,
    /// Face box of the picture, all three channels, decibels.
    pub box_psnr: Option<f64>,
    /// Face box of the picture, luma.
    pub box_ssim: Option<f64>,
    /// Face box of the picture, luma.
    pub ms_ssim: Option<f64>,
    /// Face box of the picture.
    pub ciede2000: Option<f64>,
    /// Face box of the picture.
    pub ssimulacra2: Option<f64>,
}

/// A chip before and after, interleaved bytes, and its thresholds, planar, code values.
pub struct Chips<'a> {
    pub clean: &'a [u8],
    pub adversarial: &'a [u8],
    pub jnd: &'a [f32],
    pub side: usize,
}

impl Quality {
    /// Of a chip, and of the face box of `portrait`, whose pixels became `adversarial`.
    pub fn measure(chips: &Chips<'_>, portrait: &Portrait, adversarial: &[u8]) -> Result<Self> {
        let side = chips.side;
        let view = |data| RgbPicture::new(data, side, side, 3 * side);
        let (clean, changed) = (view(chips.clean)?, view(chips.adversarial)?);
        let lumas = [clean.luma(), changed.luma()];
        let [luma, changed_luma] = [plane(&lumas[0], side, side)?, plane(&lumas[1], side, side)?];
        let area = side * side;
        let jnd: Vec<f32> = (0..3 * area).map(|at| chips.jnd[at % 3 * area + at / 3]).collect();
        let mut channels = 0.0;
        for channel in 0..3 {
            let [a, b] = [chips.clean, chips.adversarial]
                .map(|data| data.iter().skip(channel).step_by(3).copied().collect::<Vec<u8>>());
            channels += ssim(plane(&a, side, side)?, plane(&b, side, side)?)? / 3.0;
        }
        let Rect { x, y, width, height } = portrait.face;
        let view = |data| {
            RgbPicture::new(data, portrait.width, portrait.height, 3 * portrait.width)?.region(x, y, width, height)
        };
        let (face, changed_face) = (view(&portrait.pixels)?, view(adversarial)?);
        let lumas = [face.luma(), changed_face.luma()];
        let [face_luma, changed_face_luma] = [plane(&lumas[0], width, height)?, plane(&lumas[1], width, height)?];
        let shorter = width.min(height);
        let scored = |least: usize, score: &dyn Fn() -> Result<f64>| (shorter >= least).then(score).transpose();
        Ok(Self {
            psnr: Some(psnr(clean.samples(), changed.samples())?),
            psnr_luma: Some(psnr(luma, changed_luma)?),
            ssim: Some(channels),
            ssim_luma: Some(ssim(luma, changed_luma)?),
            gmsd: Some(gmsd(luma, changed_luma)?),
            pspnr: Some(pspnr(clean.samples(), changed.samples(), Plane::new(&jnd, 3 * side, side, 3 * side)?)?),
            box_psnr: Some(psnr(face.samples(), changed_face.samples())?),
            box_ssim: scored(MIN_SSIM_SIDE, &|| ssim(face_luma, changed_face_luma))?,
            ms_ssim: scored(MIN_MS_SSIM_SIDE, &|| ms_ssim(face_luma, changed_face_luma))?,
            ciede2000: Some(ciede2000(face, changed_face)?),
            ssimulacra2: scored(MIN_SSIMULACRA2_SIDE, &|| ssimulacra2(face, changed_face))?,
        })
    }

    /// Means of each metric over the faces that have it.
    pub fn mean(faces: &[Self]) -> Self {
        let mean = |metric: fn(&Self) -> Option<f64>| super::results::mean(faces.iter().filter_map(metric));
        Self {
            psnr: mean(|face| face.psnr),
            psnr_luma: mean(|face| face.psnr_luma),
            ssim: mean(|face| face.ssim),
            ssim_luma: mean(|face| face.ssim_luma),
            gmsd: mean(|face| face.gmsd),
            pspnr: mean(|face| face.pspnr),
            box_psnr: mean(|face| face.box_psnr),
            box_ssim: mean(|face| face.box_ssim),
            ms_ssim: mean(|face| face.ms_ssim),
            ciede2000: mean(|face| face.ciede2000),
            ssimulacra2: mean(|face| face.ssimulacra2),
        }
    }
}

fn plane(data: &[u8], width: usize, height: usize) -> Result<Plane<'_>> {
    Plane::new(data, width, height, width)
}
