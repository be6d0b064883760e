// SPDX-License-Identifier: MIT OR Apache-2.0
//! How far an adversarial picture is from its clean one.

use advjnd::Result;
use advjnd::frame::Rect;
use advjnd_lab::metrics::{
    MIN_MS_SSIM_SIDE, MIN_SSIM_SIDE, MIN_SSIMULACRA2_SIDE, Plane, RgbPicture, ciede2000, gmsd, ms_ssim, psnr, pspnr,
    ssim, ssimulacra2,
};
use serde::{Deserialize, Serialize};

use super::people::Portrait;
use crate::rounded::mean;

/// Of one face, or means over faces, 8-bit pictures. None where a score was not asked for, where no face is large
/// enough for it, or where there is no face. The crop is what the recogniser's chip shows of the picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Crop, all three channels as one plane, decibels.
    pub psnr: Option<f64>,
    /// Crop, mean over the three channels.
    pub ssim: Option<f64>,
    /// Crop.
    pub ssimulacra2: Option<f64>,
    /// Crop, luma, decibels.
    pub psnr_luma: Option<f64>,
    /// Crop, luma.
    pub ssim_luma: Option<f64>,
    /// Crop, luma.
    pub ms_ssim: Option<f64>,
    /// Crop, luma.
    pub gmsd: Option<f64>,
    /// Crop, all three channels as one plane with their thresholds, decibels.
    pub pspnr: Option<f64>,
    /// Crop.
    pub ciede2000: Option<f64>,
    /// The detector's box, all three channels, decibels.
    pub box_psnr: Option<f64>,
    /// The detector's box, mean over the three channels.
    pub box_ssim: Option<f64>,
    /// The detector's box.
    pub box_ssimulacra2: Option<f64>,
    /// The whole picture, all three channels, decibels.
    pub picture_psnr: Option<f64>,
    /// The whole picture, mean over the three channels.
    pub picture_ssim: Option<f64>,
}

/// What is to be measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// PSNR, SSIM and SSIMULACRA2 of the crop.
    Crop,
    /// All.
    All,
}

impl Quality {
    /// Of `portrait`, whose pixels became `adversarial`; `crop` lies in it, and has the thresholds `jnd`, planar, code
    /// values.
    pub fn measure(portrait: &Portrait, adversarial: &[u8], crop: Rect, jnd: &[f32], extent: Extent) -> Result<Self> {
        let (width, height) = (portrait.width, portrait.height);
        let pair = |area: Rect| -> Result<[RgbPicture<'_>; 2]> {
            let view =
                |data| RgbPicture::new(data, width, height, 3 * width)?.region(area.x, area.y, area.width, area.height);
            Ok([view(&portrait.pixels)?, view(adversarial)?])
        };
        let seen = pair(crop)?;
        let mut quality = Self {
            psnr: Some(psnr(seen[0].samples(), seen[1].samples())?),
            ssim: channels(&seen, crop.width, crop.height)?,
            ssimulacra2: similarity(&seen, crop)?,
            ..Self::default()
        };
        if extent == Extent::Crop {
            return Ok(quality);
        }
        let lumas = [seen[0].luma(), seen[1].luma()];
        let [luma, changed] = [plane(&lumas[0], crop.width, crop.height)?, plane(&lumas[1], crop.width, crop.height)?];
        let area = crop.width * crop.height;
        let jnd: Vec<f32> = (0..3 * area).map(|at| jnd[at % 3 * area + at / 3]).collect();
        let jnd = Plane::new(&jnd, 3 * crop.width, crop.height, 3 * crop.width)?;
        let shorter = crop.width.min(crop.height);
        quality.psnr_luma = Some(psnr(luma, changed)?);
        quality.ssim_luma = (shorter >= MIN_SSIM_SIDE).then(|| ssim(luma, changed)).transpose()?;
        quality.ms_ssim = (shorter >= MIN_MS_SSIM_SIDE).then(|| ms_ssim(luma, changed)).transpose()?;
        quality.gmsd = Some(gmsd(luma, changed)?);
        quality.pspnr = Some(pspnr(seen[0].samples(), seen[1].samples(), jnd)?);
        quality.ciede2000 = Some(ciede2000(seen[0], seen[1])?);

        let face = pair(portrait.face)?;
        quality.box_psnr = Some(psnr(face[0].samples(), face[1].samples())?);
        quality.box_ssim = channels(&face, portrait.face.width, portrait.face.height)?;
        quality.box_ssimulacra2 = similarity(&face, portrait.face)?;

        (quality.picture_psnr, quality.picture_ssim) = whole(portrait, adversarial)?;
        Ok(quality)
    }

    /// Means of each metric over the faces that have it.
    pub fn mean(faces: &[Self]) -> Self {
        let mean = |metric: fn(&Self) -> Option<f64>| mean(faces.iter().filter_map(metric));
        Self {
            psnr: mean(|face| face.psnr),
            ssim: mean(|face| face.ssim),
            ssimulacra2: mean(|face| face.ssimulacra2),
            psnr_luma: mean(|face| face.psnr_luma),
            ssim_luma: mean(|face| face.ssim_luma),
            ms_ssim: mean(|face| face.ms_ssim),
            gmsd: mean(|face| face.gmsd),
            pspnr: mean(|face| face.pspnr),
            ciede2000: mean(|face| face.ciede2000),
            box_psnr: mean(|face| face.box_psnr),
            box_ssim: mean(|face| face.box_ssim),
            box_ssimulacra2: mean(|face| face.box_ssimulacra2),
            picture_psnr: mean(|face| face.picture_psnr),
            picture_ssim: mean(|face| face.picture_ssim),
        }
    }
}

/// PSNR and SSIM of the whole picture, from the part that any window which sees a change looks at: elsewhere SSIM is
/// one.
fn whole(portrait: &Portrait, adversarial: &[u8]) -> Result<(Option<f64>, Option<f64>)> {
    let (picture, cut) = (&portrait.picture, portrait.cut);
    let reach = MIN_SSIM_SIDE - 1;
    let (x, y) = (cut.x.saturating_sub(reach), cut.y.saturating_sub(reach));
    let width = (cut.x + cut.width + reach).min(picture.width) - x;
    let height = (cut.y + cut.height + reach).min(picture.height) - y;
    let after = picture.with(cut, adversarial);
    let view = |data| RgbPicture::new(data, picture.width, picture.height, 3 * picture.width);
    let pictures = [view(&picture.pixels)?, view(&after)?];
    let psnr = psnr(pictures[0].samples(), pictures[1].samples())?;
    let part = [pictures[0].region(x, y, width, height)?, pictures[1].region(x, y, width, height)?];
    let windows = |width: usize, height: usize| ((width - reach) * (height - reach)) as f64;
    let ssim = channels(&part, width, height)?
        .map(|ssim| 1.0 - (1.0 - ssim) * windows(width, height) / windows(picture.width, picture.height));
    Ok((Some(psnr), ssim))
}

/// SSIM, the mean over R', G' and B'; none where the picture is too small.
fn channels(pictures: &[RgbPicture<'_>; 2], width: usize, height: usize) -> Result<Option<f64>> {
    if width.min(height) < MIN_SSIM_SIDE {
        return Ok(None);
    }
    let mut sum = 0.0;
    for channel in 0..3 {
        let [clean, changed] = pictures.map(|picture| picture.channel(channel));
        sum += ssim(plane(&clean, width, height)?, plane(&changed, width, height)?)?;
    }
    Ok(Some(sum / 3.0))
}

fn similarity([clean, changed]: &[RgbPicture<'_>; 2], area: Rect) -> Result<Option<f64>> {
    let enough = area.width.min(area.height) >= MIN_SSIMULACRA2_SIDE;
    enough.then(|| ssimulacra2(*clean, *changed)).transpose()
}

fn plane(data: &[u8], width: usize, height: usize) -> Result<Plane<'_>> {
    Plane::new(data, width, height, width)
}
