// SPDX-License-Identifier: MIT OR Apache-2.0
//! Parts of tensors: what lies around them, what they share, and the windows that slide over them.

use advjnd::net::graph::Conv;
use candle_core::{D, DType, Tensor};

use super::CandleResult;

pub(super) fn pad(x: &Tensor, conv: &Conv) -> CandleResult<Tensor> {
    let padding = conv.padding;
    x.pad_with_zeros(2, padding.top, padding.bottom)?.pad_with_zeros(3, padding.left, padding.right)
}

/// The part of `padded`, extended below and to the right where no window reached, that lies on `x`.
pub(super) fn unpad(padded: &Tensor, conv: &Conv, x: &Tensor) -> CandleResult<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let rows = (height + conv.padding.top).max(padded.dim(2)?);
    let columns = (width + conv.padding.left).max(padded.dim(D::Minus1)?);
    let whole = extend(padded, (batch, channels, rows, columns))?;
    whole.narrow(2, conv.padding.top, height)?.narrow(3, conv.padding.left, width)?.contiguous()
}

pub(super) fn larger(a: &Tensor, b: &Tensor) -> CandleResult<(usize, usize, usize, usize)> {
    let (a, b) = (a.dims4()?, b.dims4()?);
    Ok((a.0, a.1.max(b.1), a.2.max(b.2), a.3.max(b.3)))
}

pub(super) fn extend(x: &Tensor, target: (usize, usize, usize, usize)) -> CandleResult<Tensor> {
    let (_, channels, height, width) = x.dims4()?;
    let x = x.pad_with_zeros(1, 0, target.1 - channels)?;
    x.pad_with_zeros(2, 0, target.2 - height)?.pad_with_zeros(3, 0, target.3 - width)
}

pub(super) fn crop(g: &Tensor, like: &Tensor) -> CandleResult<Tensor> {
    let (_, channels, height, width) = like.dims4()?;
    g.narrow(1, 0, channels)?.narrow(2, 0, height)?.narrow(3, 0, width)?.contiguous()
}

/// The sliding windows of `source`, one tap at a time.
pub(super) struct Windows {
    pub(super) source: Tensor,
    kernel: usize,
    stride: usize,
    rows: usize,
    columns: usize,
}

impl Windows {
    pub(super) fn new(source: &Tensor, kernel: usize, stride: usize) -> CandleResult<Self> {
        let (_, _, height, width) = source.dims4()?;
        let (rows, columns) = ((height - kernel) / stride + 1, (width - kernel) / stride + 1);
        Ok(Self { source: source.contiguous()?, kernel, stride, rows, columns })
    }

    /// Row and column of each entry of a window, in reading order.
    pub(super) fn taps(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let kernel = self.kernel;
        (0..kernel * kernel).map(move |tap| (tap / kernel, tap % kernel))
    }

    fn indices(&self, start: usize, count: usize) -> CandleResult<Tensor> {
        let indices: Vec<u32> = (0..count).map(|index| (start + index * self.stride) as u32).collect();
        Tensor::new(indices, self.source.device())
    }

    /// One tap of every window.
    pub(super) fn take(&self, row: usize, column: usize) -> CandleResult<Tensor> {
        let rows = self.source.index_select(&self.indices(row, self.rows)?, 2)?;
        rows.index_select(&self.indices(column, self.columns)?, 3)
    }

    /// The adjoint of [`take`](Self::take), added to `sum`.
    pub(super) fn put(&self, sum: &Tensor, part: &Tensor, row: usize, column: usize) -> CandleResult<Tensor> {
        let (batch, channels, _, width) = self.source.dims4()?;
        let wide = Tensor::zeros((batch, channels, self.rows, width), DType::F32, part.device())?;
        let wide = wide.index_add(&self.indices(column, self.columns)?, &part.contiguous()?, 3)?;
        sum.index_add(&self.indices(row, self.rows)?, &wide, 2)
    }

    /// `g` with `stride − 1` zeros between neighbours.
    pub(super) fn spread(g: &Tensor, stride: usize) -> CandleResult<Tensor> {
        if stride == 1 {
            return Ok(g.clone());
        }
        let (batch, channels, height, width) = g.dims4()?;
        let (rows, columns) = ((height - 1) * stride + 1, (width - 1) * stride + 1);
        let source = Tensor::zeros((batch, channels, rows, columns), DType::F32, g.device())?;
        let windows = Self { source: source.clone(), kernel: 1, stride, rows: height, columns: width };
        windows.put(&source, g, 0, 0)
    }
}
