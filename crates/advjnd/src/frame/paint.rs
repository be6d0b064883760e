// SPDX-License-Identifier: MIT OR Apache-2.0
//! Painting on a frame: rectangles of one colour, outlines, planes of luma.

use super::{FrameMut, Layout, Rect};

/// Fills `rect`, which should start at even coordinates, with a colour R', G', B'. Alpha is left as it is.
pub fn fill(frame: &mut FrameMut<'_>, rect: Rect, [r, g, b]: [u8; 3]) {
    match frame.format.layout() {
        Layout::Packed { step, rgb } => {
            rgb.iter().zip([r, g, b]).for_each(|(&offset, value)| samples(frame, 0, rect, (step, offset), value));
        }
        Layout::Yuv420 { cb: cb_place, cr: cr_place, step } => {
            let [y, cb, cr] = frame.colorimetry.codes([r, g, b]);
            let chroma = rect.chroma();
            samples(frame, 0, rect, (1, 0), y);
            samples(frame, cb_place.0, chroma, (step, cb_place.1), cb);
            samples(frame, cr_place.0, chroma, (step, cr_place.1), cr);
        }
    }
}

/// Draws the outline of `rect`, as much as two pixels wide, in a colour R', G', B'.
pub fn outline(frame: &mut FrameMut<'_>, rect: Rect, color: [u8; 3]) {
    let Rect { x, y, width, height } = rect;
    let (across, down) = (width.min(2), height.min(2));
    // Even coordinates own their chroma samples.
    let (right, bottom) = ((x + width - across) & !1, (y + height - down) & !1);
    let sides = [
        Rect { height: down, ..rect },
        Rect { y: bottom.max(y), height: down, ..rect },
        Rect { width: across, ..rect },
        Rect { x: right.max(x), width: across, ..rect },
    ];
    sides.into_iter().filter(|side| !side.is_empty()).for_each(|side| fill(frame, side, color));
}

/// Writes `luma`, full range 0..=255 and row-major, to `rect`, without colour.
pub fn plane(frame: &mut FrameMut<'_>, rect: Rect, luma: impl Iterator<Item = f32>) {
    fill(frame, rect, [128; 3]);
    let layout = frame.format.layout();
    let colorimetry = frame.colorimetry;
    let mut luma = luma.map(|value| value.clamp(0.0, 255.0).round() as u8);
    for y in rect.y..rect.y + rect.height {
        let row = frame.row_mut(0, y);
        for (x, value) in (rect.x..rect.x + rect.width).zip(&mut luma) {
            match layout {
                Layout::Packed { step, rgb } => rgb.iter().for_each(|&offset| row[x * step + offset] = value),
                Layout::Yuv420 { .. } => row[x] = colorimetry.codes([value; 3])[0],
            }
        }
    }
}

/// Sets one channel: the samples at `offset` of every `step` bytes of `plane`.
fn samples(frame: &mut FrameMut<'_>, plane: usize, rect: Rect, (step, offset): (usize, usize), value: u8) {
    for y in rect.y..rect.y + rect.height {
        let row = frame.row_mut(plane, y);
        (rect.x..rect.x + rect.width).for_each(|x| row[x * step + offset] = value);
    }
}
