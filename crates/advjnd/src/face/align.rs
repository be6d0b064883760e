// SPDX-License-Identifier: MIT OR Apache-2.0
//! The similarity transform that lays five landmarks onto a recogniser's template.
//!
//! The fit is least squares over rotation, scale and translation without reflection, in closed form (Umeyama, IEEE
//! TPAMI 13(4), 1991; in two dimensions, rotation and scale are one complex number).

use super::Landmarks;
use crate::error::{Error, Result};

/// `x' = a·x − b·y + tx`, `y' = b·x + a·y + ty`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimilarityTransform {
    /// Scale times cosine.
    pub a: f32,
    /// Scale times sine.
    pub b: f32,
    /// Translation along x.
    pub tx: f32,
    /// Translation along y.
    pub ty: f32,
}

impl SimilarityTransform {
    /// The transform that maps `landmarks` closest to `template`.
    ///
    /// # Errors
    /// [`Error::Input`] if the landmarks coincide or are not finite.
    pub fn fit(landmarks: &Landmarks, template: &[[f32; 2]; 5]) -> Result<Self> {
        let mean = |points: &[[f32; 2]; 5]| {
            points.iter().fold([0.0f64; 2], |m, p| [m[0] + f64::from(p[0]) / 5.0, m[1] + f64::from(p[1]) / 5.0])
        };
        let (from, to) = (mean(&landmarks.0), mean(template));
        let (mut dot, mut cross, mut norm) = (0.0, 0.0, 0.0);
        for (p, q) in landmarks.0.iter().zip(template) {
            let (px, py) = (f64::from(p[0]) - from[0], f64::from(p[1]) - from[1]);
            let (qx, qy) = (f64::from(q[0]) - to[0], f64::from(q[1]) - to[1]);
            dot += px * qx + py * qy;
            cross += px * qy - py * qx;
            norm += px * px + py * py;
        }
        let (a, b) = (dot / norm, cross / norm);
        if !(norm > 1e-6 && a.is_finite() && b.is_finite() && a * a + b * b > 1e-12) {
            return Err(Error::input(format!("landmarks {:?} span no face: they cannot be aligned", landmarks.0)));
        }
        let tx = to[0] - (a * from[0] - b * from[1]);
        let ty = to[1] - (b * from[0] + a * from[1]);
        Ok(Self { a: a as f32, b: b as f32, tx: tx as f32, ty: ty as f32 })
    }

    /// Image of a point.
    pub fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [self.a * x - self.b * y + self.tx, self.b * x + self.a * y + self.ty]
    }

    /// Length of the image of a unit vector.
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }

    /// The inverse; exists for every transform that [`fit`](Self::fit) returns.
    pub fn inverse(&self) -> Self {
        let square = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / square, -self.b / square);
        Self { a, b, tx: -(a * self.tx - b * self.ty), ty: -(b * self.tx + a * self.ty) }
    }

    /// `self` after `first`.
    pub fn after(&self, first: &Self) -> Self {
        let [tx, ty] = self.apply([first.tx, first.ty]);
        Self { a: self.a * first.a - self.b * first.b, b: self.b * first.a + self.a * first.b, tx, ty }
    }

    /// A shift.
    pub fn translation(tx: f32, ty: f32) -> Self {
        Self { a: 1.0, b: 0.0, tx, ty }
    }

    /// Bounds (`x0`, `y0`, `x1`, `y1`) of the image of the square `0..=side`².
    pub fn square_bounds(&self, side: f32) -> [f32; 4] {
        let corners = [[0.0, 0.0], [side, 0.0], [0.0, side], [side, side]].map(|p| self.apply(p));
        let fold = |axis: usize, f: fn(f32, f32) -> f32, from: f32| corners.iter().map(|p| p[axis]).fold(from, f);
        [
            fold(0, f32::min, f32::INFINITY),
            fold(1, f32::min, f32::INFINITY),
            fold(0, f32::max, f32::NEG_INFINITY),
            fold(1, f32::max, f32::NEG_INFINITY),
        ]
    }
}
