// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a face's place showed one frame ago, for temporal masking.

use crate::frame::Rect;

/// The clean luma of a rectangle of the last frame.
#[derive(Debug, Clone, Default)]
pub struct PreviousLuma {
    rect: Rect,
    luma: Vec<f32>,
}

impl PreviousLuma {
    /// Copies the held luma over `luma` of `rect` where both overlap.
    pub fn cover(&self, rect: Rect, luma: &mut [f32]) {
        if !self.rect.intersects(&rect) {
            return;
        }
        let (left, top) = (self.rect.x.max(rect.x), self.rect.y.max(rect.y));
        let right = (self.rect.x + self.rect.width).min(rect.x + rect.width);
        let bottom = (self.rect.y + self.rect.height).min(rect.y + rect.height);
        for y in top..bottom {
            let at = |rect: &Rect| (y - rect.y) * rect.width + left - rect.x;
            let (from, to) = (at(&self.rect), at(&rect));
            luma[to..to + right - left].copy_from_slice(&self.luma[from..from + right - left]);
        }
    }

    /// Holds `luma` of `rect` for the next frame.
    pub fn replace(&mut self, rect: Rect, luma: &[f32]) {
        self.rect = rect;
        self.luma.clear();
        self.luma.extend_from_slice(luma);
    }

    /// Forgets it.
    pub fn clear(&mut self) {
        self.rect = Rect::default();
        self.luma.clear();
    }
}
