// SPDX-License-Identifier: MIT OR Apache-2.0
//! The surroundings of a place in a frame, read once, and windows of them in any turn.

use super::pass::scaled_size;
use super::quarters::turn_quarters;
use super::{SimilarityTransform, Warp};
use crate::frame::{FrameMut, Rect, Resampling, Thumbnail};

/// Side of a window, pixels of the network's input.
pub(super) const WINDOW: usize = 224;

/// The surroundings of a place in a frame.
#[derive(Debug, Default)]
pub(super) struct CloseUp {
    /// The square around the window's circumcircle, as far as it lies in the frame.
    patch: Thumbnail,
    /// Its pixels: B', G', R', 0.
    pixels: Vec<[f32; 4]>,
    size: (usize, usize),
    /// The patch's upper left corner and the window's middle, in the frame at `scale`.
    corner: [f32; 2],
    middle: [f32; 2],
    /// Pixels of the window per pixel of the frame.
    scale: f32,
    warp: Warp,
    window: Vec<[f32; 4]>,
    roll: f32,
}

impl CloseUp {
    /// Reads the surroundings of `center`, pixels of the frame, at `scale`. Returns `false` if they lie outside the
    /// frame.
    pub(super) fn read(&mut self, frame: &FrameMut<'_>, center: [f32; 2], scale: f32) -> bool {
        let reach = WINDOW as f32 / std::f32::consts::SQRT_2;
        let size = scaled_size(frame, scale);
        let [x, y] = center.map(|at| (at + 0.5) * scale - 0.5);
        let span = |at: f32, size: usize| {
            let from = (at - reach).floor().clamp(0.0, size as f32) as usize;
            (from, ((at + reach).ceil().clamp(0.0, size as f32) as usize).saturating_sub(from))
        };
        let ((left, width), (top, height)) = (span(x, size[0]), span(y, size[1]));
        if !(x.is_finite() && y.is_finite()) || width < 2 || height < 2 {
            return false;
        }
        let resampling = if scale < 1.0 { Resampling::Average } else { Resampling::Linear };
        self.patch.read(frame, size.into(), Rect { x: left, y: top, width, height }, resampling);
        self.patch.stretch();
        let (blue, rest) = self.patch.bgr.split_at(width * height);
        let (green, red) = rest.split_at(width * height);
        self.pixels.clear();
        self.pixels.extend(blue.iter().zip(green).zip(red).map(|((blue, green), red)| [*blue, *green, *red, 0.0]));
        (self.size, self.corner) = ((width, height), [left as f32, top as f32]);
        (self.middle, self.scale) = ([x, y], scale);
        true
    }

    /// Turns the window so that a head turned clockwise by `roll`, radians, becomes upright.
    pub(super) fn turn(&mut self, roll: f32) {
        self.roll = roll;
        let ([x, y], [left, top]) = (self.middle, self.corner);
        self.warp.plan(&about([x - left, y - top], roll), self.size, (WINDOW, WINDOW));
        self.window.resize(WINDOW * WINDOW, [0.0; 4]);
        self.warp.forward(&self.pixels, &mut self.window);
    }

    /// Writes the window, turned further by `quarters`, to `picture`: planar B', G', R'. Returns frame ← picture.
    pub(super) fn window(&self, quarters: u8, picture: &mut Vec<f32>) -> SimilarityTransform {
        picture.resize(3 * WINDOW * WINDOW, 0.0);
        let (blue, rest) = picture.split_at_mut(WINDOW * WINDOW);
        let (green, red) = rest.split_at_mut(WINDOW * WINDOW);
        turn_quarters(quarters, [WINDOW; 2], WINDOW, |to, from| {
            [blue[to], green[to], red[to], _] = self.window[from];
        });
        // Pixel centres: frame = (scaled + ½)/scale − ½.
        let shift = 0.5 / self.scale - 0.5;
        let to_frame = SimilarityTransform { a: 1.0 / self.scale, b: 0.0, tx: shift, ty: shift };
        to_frame.after(&about(self.middle, self.roll + f32::from(quarters) * std::f32::consts::FRAC_PI_2))
    }
}

/// The turn by `angle` that maps the window's middle to a place.
fn about([x, y]: [f32; 2], angle: f32) -> SimilarityTransform {
    let (sin, cos) = angle.sin_cos();
    let middle = (WINDOW as f32 - 1.0) / 2.0;
    SimilarityTransform { a: cos, b: sin, tx: x - (cos * middle - sin * middle), ty: y - (sin * middle + cos * middle) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use std::f32::consts::FRAC_PI_2;

    use super::*;
    use crate::frame::{Colorimetry, PixelFormat, PlaneMut};

    #[test]
    fn a_window_turned_by_quarters_is_the_window_of_that_roll() {
        let (width, height) = (160, 120);
        let mut data: Vec<u8> = (0..3 * width * height).map(|at| (at * 31 % 241) as u8).collect();
        let planes = vec![PlaneMut { data: &mut data, stride: 3 * width }];
        let frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), width, height, planes).expect("a frame");
        let mut close_up = CloseUp::default();
        for (center, scale) in [([80.0, 60.0], 0.9), ([20.5, 100.25], 3.1), ([150.0, 3.0], 1.0)] {
            assert!(close_up.read(&frame, center, scale));
            for quarters in 0..4 {
                let (mut moved, mut warped) = (Vec::new(), Vec::new());
                close_up.turn(0.3);
                let by_quarters = close_up.window(quarters, &mut moved);
                close_up.turn(0.3 + f32::from(quarters) * FRAC_PI_2);
                let by_roll = close_up.window(0, &mut warped);
                let most = moved.iter().zip(&warped).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(most < 0.1, "{center:?}, {scale}, {quarters} quarters: {most}");
                let ([x, y], [u, v]) = (by_quarters.apply([7.0, 90.0]), by_roll.apply([7.0, 90.0]));
                assert!((x - u).abs() < 1e-3 && (y - v).abs() < 1e-3, "{x}, {y} is not {u}, {v}");
            }
        }
        assert!(!close_up.read(&frame, [900.0, 60.0], 1.0));
    }
}
