//! Enlarging planes twice each way: how, and plain candle operators for it.

use candle_core::Tensor;

type CandleResult<T> = candle_core::Result<T>;

/// Share of the pixel that a new one lies in, along one axis; the next pixel on the new one's side has the rest.
pub(super) const NEAR: f32 = 0.75;

/// How planes are enlarged twice each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upsampling {
    /// Each pixel is repeated 2 × 2.
    Repeat,
    /// Bilinear between the centres of pixels, the outermost pixels repeated around the plane (TensorFlow's resize with
    /// half-pixel centres). Along an axis, entry `i` of the result is ¾ of entry `⌊i/2⌋` and ¼ of the one before it
    /// (`i` even) or behind it.
    Bilinear,
}

impl Upsampling {
    /// `x`, `[batch][channels][height][width]`, enlarged.
    pub(super) fn enlarge(self, x: &Tensor) -> CandleResult<Tensor> {
        match self {
            Self::Repeat => {
                let (_, _, height, width) = x.dims4()?;
                x.upsample_nearest2d(2 * height, 2 * width)
            }
            Self::Bilinear => blend(&blend(x, 2)?, 3),
        }
    }

    /// The adjoint of [`enlarge`](Self::enlarge): the cotangent `g` of the result pulled back to `x`.
    pub(super) fn pull_back(self, g: &Tensor) -> CandleResult<Tensor> {
        match self {
            Self::Repeat => g.avg_pool2d(2)? * 4.0,
            Self::Bilinear => gather(&gather(g, 3)?, 2),
        }
    }
}

/// For each entry of an axis of `size` enlarged twice, the entry it lies in and the next one on its side.
fn neighbours(size: usize, x: &Tensor) -> CandleResult<[Tensor; 2]> {
    let last = size.saturating_sub(1);
    let near = (0..2 * size).map(|entry| (entry / 2) as u32);
    let far = (0..2 * size).map(|entry| {
        let before = (entry / 2).saturating_sub(1);
        (if entry % 2 == 0 { before } else { (entry / 2 + 1).min(last) }) as u32
    });
    Ok([Tensor::new(near.collect::<Vec<_>>(), x.device())?, Tensor::new(far.collect::<Vec<_>>(), x.device())?])
}

fn blend(x: &Tensor, axis: usize) -> CandleResult<Tensor> {
    let [near, far] = neighbours(x.dim(axis)?, x)?;
    let share = f64::from(NEAR);
    (x.index_select(&near, axis)? * share)? + (x.index_select(&far, axis)? * (1.0 - share))?
}

fn gather(g: &Tensor, axis: usize) -> CandleResult<Tensor> {
    let mut dims = g.dims().to_vec();
    dims[axis] /= 2;
    let [near, far] = neighbours(dims[axis], g)?;
    let share = f64::from(NEAR);
    let sum = Tensor::zeros(dims, g.dtype(), g.device())?.index_add(&near, &(g * share)?, axis)?;
    sum.index_add(&far, &(g * (1.0 - share))?, axis)
}
