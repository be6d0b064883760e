// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which entries of a plane belong together, as tables that lie on the device: made once, never brought up again.

use candle_core::{D, Device, Tensor};

use super::CandleResult;
use crate::net::graph::{Conv, Shape};

/// The place at which candle reads a zero.
const NOTHING: u32 = u32::MAX;

/// Entries of the last axis, taken in an order of their own.
pub(super) struct Gather(Option<Tensor>);

impl Gather {
    /// Takes `places` of an axis of `size` entries, and a zero where a place is `None`.
    pub(super) fn new(places: impl Iterator<Item = Option<usize>>, size: usize, device: &Device) -> CandleResult<Self> {
        let places: Vec<u32> = places.map(|place| place.map_or(NOTHING, |place| place as u32)).collect();
        let is_whole = places.len() == size && places.iter().zip(0u32..).all(|(place, index)| *place == index);
        Ok(Self(if is_whole { None } else { Some(Tensor::new(places, device)?) }))
    }

    /// Cuts values of shape `from` to shape `to`, or extends them by zeros.
    pub(super) fn fitting(from: Shape, to: Shape, device: &Device) -> CandleResult<Self> {
        let places = (0..to.len()).map(|index| {
            let (channel, row, column) = (index / to.plane(), index % to.plane() / to.width, index % to.width);
            let inside = channel < from.channels && row < from.height && column < from.width;
            inside.then_some((channel * from.height + row) * from.width + column)
        });
        Self::new(places, from.len(), device)
    }

    pub(super) fn take(&self, x: &Tensor) -> CandleResult<Tensor> {
        self.0.as_ref().map_or_else(|| Ok(x.clone()), |places| x.index_select(places, D::Minus1))
    }

    /// [`take`](Self::take) of all planes as one, `to` their new shape.
    pub(super) fn take_whole(&self, x: &Tensor, to: Shape) -> CandleResult<Tensor> {
        if self.0.is_none() {
            return Ok(x.clone());
        }
        self.take(&x.flatten_from(1)?)?.reshape((x.dim(0)?, to.channels, to.plane()))
    }
}

/// Weighted sums of entries of a plane, as many in each and weighted alike.
pub(super) struct Stencil {
    gather: Gather,
    /// A column; one weight alone is a factor.
    weights: Tensor,
    factor: Option<f32>,
}

impl Stencil {
    /// `places` of a plane of `size` entries, one for each of `weights`, sum by sum.
    pub(super) fn new(
        places: impl Iterator<Item = Option<usize>>,
        size: usize,
        weights: &[f32],
        device: &Device,
    ) -> CandleResult<Self> {
        let factor = if let [factor] = weights { Some(*factor) } else { None };
        let gather = Gather::new(places, size, device)?;
        Ok(Self { gather, weights: Tensor::from_slice(weights, (weights.len(), 1), device)?, factor })
    }

    pub(super) fn apply(&self, x: &Tensor) -> CandleResult<Tensor> {
        let (batch, channels, _) = x.dims3()?;
        let taken = self.gather.take(x)?;
        match self.factor {
            Some(1.0) => Ok(taken),
            Some(factor) => taken * f64::from(factor),
            None => {
                let sums = taken.reshape(((), self.weights.dim(0)?))?.matmul(&self.weights)?;
                sums.reshape((batch, channels, ()))
            }
        }
    }
}

/// The windows that slide over a plane.
pub(super) struct Windows {
    kernel: usize,
    stride: usize,
    /// Zeros above and to the left.
    before: [usize; 2],
    /// Height and width of the plane.
    plane: [usize; 2],
    /// Windows below and beside each other.
    windows: [usize; 2],
}

impl Windows {
    pub(super) fn of_conv(conv: &Conv, from: Shape, to: Shape) -> Self {
        let own = Self::of_pool(conv.kernel, conv.stride, from, to);
        Self { before: [conv.padding.top, conv.padding.left], ..own }
    }

    pub(super) fn of_pool(kernel: usize, stride: usize, from: Shape, to: Shape) -> Self {
        let [plane, windows] = [from, to].map(|shape| [shape.height, shape.width]);
        Self { kernel, stride, before: [0, 0], plane, windows }
    }

    /// Entries of a window.
    pub(super) fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    fn count(&self) -> usize {
        self.windows[0] * self.windows[1]
    }

    fn pixels(&self) -> usize {
        self.plane[0] * self.plane[1]
    }

    /// The pixel under entry `tap` of window `window`, if it is none of padding.
    fn pixel(&self, tap: usize, window: usize) -> Option<usize> {
        let place = |axis: usize, window: usize, tap: usize| {
            (window * self.stride + tap).checked_sub(self.before[axis]).filter(|place| *place < self.plane[axis])
        };
        let row = place(0, window / self.windows[1], tap / self.kernel)?;
        Some(row * self.plane[1] + place(1, window % self.windows[1], tap % self.kernel)?)
    }

    /// The window whose entry `tap` lies on `pixel`.
    fn window(&self, tap: usize, pixel: usize) -> Option<usize> {
        let place = |axis: usize, pixel: usize, tap: usize| {
            let start = (pixel + self.before[axis]).checked_sub(tap)?;
            let window = start / self.stride;
            (start % self.stride == 0 && window < self.windows[axis]).then_some(window)
        };
        let row = place(0, pixel / self.plane[1], tap / self.kernel)?;
        Some(row * self.windows[1] + place(1, pixel % self.plane[1], tap % self.kernel)?)
    }

    /// From a plane: the entries of all windows, tap by tap.
    pub(super) fn columns(&self, device: &Device) -> CandleResult<Gather> {
        let taps = 0..self.taps();
        let places = taps.flat_map(|tap| (0..self.count()).map(move |window| self.pixel(tap, window)));
        Gather::new(places, self.pixels(), device)
    }

    /// From one number for each window: for each pixel the window that has it as entry `tap`, tap by tap.
    pub(super) fn reaching(&self, device: &Device) -> CandleResult<Gather> {
        let taps = 0..self.taps();
        let places = taps.flat_map(|tap| (0..self.pixels()).map(move |pixel| self.window(tap, pixel)));
        Gather::new(places, self.count(), device)
    }

    /// The adjoint of [`columns`](Self::columns): each pixel the sum of the entries that lie on it.
    pub(super) fn sums(&self, device: &Device) -> CandleResult<Stencil> {
        let most = self.kernel.div_ceil(self.stride).pow(2);
        let entries = |pixel: usize| {
            let entry = move |tap: usize| self.window(tap, pixel).map(|window| Some(tap * self.count() + window));
            (0..self.taps()).filter_map(entry).chain(std::iter::repeat(None)).take(most)
        };
        let places = (0..self.pixels()).flat_map(entries);
        Stencil::new(places, self.taps() * self.count(), &vec![1.0; most], device)
    }
}
