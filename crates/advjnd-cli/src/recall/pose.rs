// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a face is in a picture, and what becomes of that where the picture is changed.

use advjnd::face::{BBox, SimilarityTransform};

/// Where a face is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Middle of its box, pixels.
    pub center: [f32; 2],
    /// Geometric mean of the sides of its upright box, pixels.
    pub size: f32,
    /// How far the head is turned clockwise in the picture, radians.
    pub roll: f32,
}

impl Pose {
    /// The pose of a face in `bbox`.
    pub fn of(bbox: &BBox, roll: f32) -> Self {
        Self { center: bbox.center(), size: bbox.size().max(1.0), roll }
    }

    /// In the picture mirrored.
    #[must_use]
    pub fn mirrored(self, width: usize) -> Self {
        let [x, y] = self.center;
        Self { center: [width as f32 - 1.0 - x, y], roll: -self.roll, ..self }
    }

    /// In the picture at half its size.
    #[must_use]
    pub fn halved(self) -> Self {
        Self { center: self.center.map(|at| (at - 0.5) / 2.0), size: self.size / 2.0, ..self }
    }

    /// In the picture made so many times as wide; of upright faces.
    #[must_use]
    pub fn widened(self, factor: f32) -> Self {
        let [x, y] = self.center;
        Self { center: [(x + 0.5) * factor - 0.5, y], size: self.size * factor.sqrt(), ..self }
    }

    /// In a part of the picture that begins at `x`, `y`.
    #[must_use]
    pub fn within(self, x: usize, y: usize) -> Self {
        Self { center: [self.center[0] - x as f32, self.center[1] - y as f32], ..self }
    }

    /// Picture ← square of `side` pixels in whose middle the face stands upright, `size` pixels large.
    pub fn upright(&self, side: usize, size: f32) -> SimilarityTransform {
        let (sin, cos) = self.roll.sin_cos();
        let (a, b) = (cos * self.size / size, sin * self.size / size);
        let middle = (side as f32 - 1.0) / 2.0;
        let [x, y] = self.center;
        SimilarityTransform { a, b, tx: x - (a - b) * middle, ty: y - (a + b) * middle }
    }
}

/// The box of a face whose box was `bbox` before `transform` turned it: that around the ellipse in it.
pub fn turned(bbox: &BBox, transform: &SimilarityTransform) -> BBox {
    let [x, y] = transform.apply(bbox.center());
    let (a, b) = (transform.a, transform.b);
    let (width, height) = ((a * bbox.width).hypot(b * bbox.height), (b * bbox.width).hypot(a * bbox.height));
    BBox { x: x - width / 2.0, y: y - height / 2.0, width, height }
}
