// SPDX-License-Identifier: MIT OR Apache-2.0
//! Enlarging planes twice each way, and the adjoint of that, on candle operators.

use advjnd::net::Upsampling;
use candle_core::{Result, Tensor};

/// Share of the pixel that a new one lies in, along one axis; see [`Upsampling::Bilinear`].
const NEAR: f64 = 0.75;

/// `x`, `[batch][channels][height][width]`, enlarged.
pub(super) fn enlarge(upsampling: Upsampling, x: &Tensor) -> Result<Tensor> {
    match upsampling {
        Upsampling::Repeat => {
            let (_, _, height, width) = x.dims4()?;
            x.upsample_nearest2d(2 * height, 2 * width)
        }
        Upsampling::Bilinear => blend(&blend(x, 2)?, 3),
    }
}

/// The adjoint of [`enlarge`]: the cotangent `g` of the result pulled back to `x`.
pub(super) fn pull_back(upsampling: Upsampling, g: &Tensor) -> Result<Tensor> {
    match upsampling {
        Upsampling::Repeat => g.avg_pool2d(2)? * 4.0,
        Upsampling::Bilinear => gather(&gather(g, 3)?, 2),
    }
}

/// For each entry of an axis of `size` enlarged twice, the entry it lies in and the next one on its side.
fn neighbours(size: usize, x: &Tensor) -> Result<[Tensor; 2]> {
    let last = size.saturating_sub(1);
    let near = (0..2 * size).map(|entry| (entry / 2) as u32);
    let far = (0..2 * size).map(|entry| {
        let before = (entry / 2).saturating_sub(1);
        (if entry % 2 == 0 { before } else { (entry / 2 + 1).min(last) }) as u32
    });
    Ok([Tensor::new(near.collect::<Vec<_>>(), x.device())?, Tensor::new(far.collect::<Vec<_>>(), x.device())?])
}

fn blend(x: &Tensor, axis: usize) -> Result<Tensor> {
    let [near, far] = neighbours(x.dim(axis)?, x)?;
    (x.index_select(&near, axis)? * NEAR)? + (x.index_select(&far, axis)? * (1.0 - NEAR))?
}

fn gather(g: &Tensor, axis: usize) -> Result<Tensor> {
    let mut dims = g.dims().to_vec();
    dims[axis] /= 2;
    let [near, far] = neighbours(dims[axis], g)?;
    let sum = Tensor::zeros(dims, g.dtype(), g.device())?.index_add(&near, &(g * NEAR)?, axis)?;
    sum.index_add(&far, &(g * (1.0 - NEAR))?, axis)
}
