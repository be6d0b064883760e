// SPDX-License-Identifier: MIT OR Apache-2.0
//! Input diversity: the picture at a random size, randomly padded (Xie et al., "Improving transferability of
//! adversarial examples with input diversity", CVPR 2019: DI²-FGSM), and the exact adjoint of that.
//!
//! As TransferAttack has it: with probability p the picture of side s is resized to a random side r in s..⌊rate·s⌋, put
//! at a random place of a black picture of side ⌊rate·s⌋, and resized back to s, since a face recogniser takes one size
//! only. Both resizings are bilinear with the centres of the corner pixels half a pixel inside the border and without
//! smoothing (PyTorch's `align_corners=False`). The whole is linear and separable: one sparse matrix a side, of four
//! taps a row.
//!
//! RobFR uses rates below one for faces (0.9, no resizing back); that is not covered.

use advjnd::attack::ViewSampler;
use advjnd::frame::Between;
use advjnd::{Error, Result};

/// How views are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Diversity {
    /// Probability p of a view other than the picture itself, 0..=1.
    pub probability: f32,
    /// Side of the padded picture as a multiple of the picture's, at least 1.
    pub resize_rate: f32,
}

impl Diversity {
    /// As published: p = 0.5, and TransferAttack's rate of 1.1 (the paper's 330 / 299).
    pub const PUBLISHED: Self = Self { probability: 0.5, resize_rate: 1.1 };

    /// [`Error::Input`] if a value lies outside its range.
    pub fn check(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.probability) || !(1.0..=4.0).contains(&self.resize_rate) {
            return Err(Error::input(format!(
                "input diversity with probability {} and resize rate {}; give a probability in 0..=1 and a rate in 1..=4",
                self.probability, self.resize_rate
            )));
        }
        Ok(())
    }

    /// Draws a view of a square picture of `side`; none if the picture is to stay as it is, or if the rate leaves no
    /// other size at this side.
    pub fn sample(&self, side: usize, sampler: &mut ViewSampler) -> Option<View> {
        let padded = (self.resize_rate * side as f32) as usize;
        if padded <= side || !sampler.chance(self.probability) {
            return None;
        }
        let resized = side + sampler.below(padded - side);
        let [left, top] = [(); 2].map(|()| sampler.below(padded - resized));
        let axis = |before| (0..side).map(|index| taps(index, side, resized, before, padded)).collect();
        Some(View { side, columns: axis(left), rows: axis(top) })
    }
}

type Taps = [(usize, f32); 4];

/// One linear view of a square picture.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    side: usize,
    columns: Vec<Taps>,
    rows: Vec<Taps>,
}

impl View {
    /// The view of `picture` into `view`; both are planes of side × side.
    pub fn apply(&self, picture: &[f32], view: &mut [f32]) {
        let side = self.side;
        let mut wide = vec![0.0; side * side];
        for (picture, view) in picture.chunks(side * side).zip(view.chunks_mut(side * side)) {
            for (row, wide) in picture.chunks(side).zip(wide.chunks_mut(side)) {
                for (out, taps) in wide.iter_mut().zip(&self.columns) {
                    *out = taps.iter().map(|&(from, weight)| weight * row[from]).sum();
                }
            }
            for (out, taps) in view.chunks_mut(side).zip(&self.rows) {
                out.fill(0.0);
                for &(from, weight) in taps {
                    out.iter_mut().zip(&wide[from * side..]).for_each(|(out, v)| *out += weight * v);
                }
            }
        }
    }

    /// The adjoint of `cotangent` into `picture` (overwritten): `<apply(x), y> = <x, adjoint(y)>`.
    pub fn adjoint(&self, cotangent: &[f32], picture: &mut [f32]) {
        let side = self.side;
        let mut wide = vec![0.0; side * side];
        for (cotangent, picture) in cotangent.chunks(side * side).zip(picture.chunks_mut(side * side)) {
            wide.fill(0.0);
            for (row, taps) in cotangent.chunks(side).zip(&self.rows) {
                for &(to, weight) in taps {
                    wide[to * side..].iter_mut().zip(row).for_each(|(out, v)| *out += weight * v);
                }
            }
            picture.fill(0.0);
            for (row, out) in wide.chunks(side).zip(picture.chunks_mut(side)) {
                for (v, taps) in row.iter().zip(&self.columns) {
                    taps.iter().for_each(|&(to, weight)| out[to] += weight * v);
                }
            }
        }
    }
}

/// Where sample `index` of the last picture comes from in the first: `side` → `resized`, `before` samples of black in
/// front of it, filled up to `padded`, → `side`.
fn taps(index: usize, side: usize, resized: usize, before: usize, padded: usize) -> Taps {
    let mut taps = [(0, 0.0); 4];
    for (pair, (place, outer)) in taps.chunks_mut(2).zip(bilinear(index, padded, side)) {
        if (before..before + resized).contains(&place) {
            for (tap, (from, inner)) in pair.iter_mut().zip(bilinear(place - before, side, resized)) {
                *tap = (from, outer * inner);
            }
        }
    }
    taps
}

/// The two samples of a row of `from` that sample `index` of a row of `to` lies between, with their weights.
fn bilinear(index: usize, from: usize, to: usize) -> [(usize, f32); 2] {
    let Between { first, next, share } = Between::new((index as f32 + 0.5) * from as f32 / to as f32 - 0.5, from);
    [(first, 1.0 - share), (next, share)]
}
