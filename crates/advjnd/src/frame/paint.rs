// SPDX-License-Identifier: MIT OR Apache-2.0
//! Painting on a frame: rectangles of one colour, outlines, planes of luma.

use super::{Channel, FrameMut, Layout, Rect};

/// Fills `rect`, which should start at even coordinates, with a colour R', G', B'. Alpha is left as it is.
pub fn fill(frame: &mut FrameMut<'_>, rect: Rect, color: [u8; 3]) {
    let layout = frame.format.layout();
    let codes = match layout {
        Layout::Rgb(_) => color,
        Layout::Yuv { .. } => frame.colorimetry.codes(color),
    };
    for ((channel, halved), code) in layout.channels().zip(codes) {
        samples(frame, channel, halved.rect(rect), code);
    }
}

/// Draws the outline of `rect`, at most two pixels wide, in a colour R', G', B'.
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
    let (colorimetry, is_yuv) = (frame.colorimetry, frame.format.is_yuv());
    let mut luma = luma.map(|value| value.clamp(0.0, 255.0).round() as u8);
    for y in rect.y..rect.y + rect.height {
        let row = frame.row_mut(0, y);
        for (x, value) in (rect.x..rect.x + rect.width).zip(&mut luma) {
            let code = if is_yuv { colorimetry.codes([value; 3])[0] } else { value };
            layout.lit().iter().for_each(|channel| row[channel.at(x)] = code);
        }
    }
}

/// Sets the samples of one channel in `rect`.
fn samples(frame: &mut FrameMut<'_>, channel: Channel, rect: Rect, code: u8) {
    for y in rect.y..rect.y + rect.height {
        let row = frame.row_mut(channel.plane, y);
        (rect.x..rect.x + rect.width).for_each(|x| row[channel.at(x)] = code);
    }
}
