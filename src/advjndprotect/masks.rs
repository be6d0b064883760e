// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is covered in every frame, whatever it shows: rectangles that the user sets, and regions that upstream elements
//! mark as something other than a face.

use advjnd::FrameMut;
use advjnd::frame::{Cover, Rect};
use gst_video::VideoRegionOfInterestMeta;

use super::settings::Settings;

/// The rectangles to cover in `buffer`, whose picture has this `size`.
pub(super) fn of(settings: &Settings, buffer: &gst::BufferRef, size: (u32, u32)) -> Vec<Rect> {
    let kinds = settings.roi_types.iter().flat_map(|kinds| kinds.split(',')).map(str::trim);
    let kinds: Vec<&str> = kinds.filter(|kind| !kind.is_empty()).collect();
    let marked = buffer.iter_meta::<VideoRegionOfInterestMeta>().filter(|meta| kinds.contains(&meta.roi_type()));
    let marked = marked.map(|meta| {
        let (x, y, width, height) = meta.rect();
        let [x, y, width, height] = [x, y, width, height].map(|pixels| pixels as usize);
        Rect { x, y, width, height }
    });
    let (width, height) = (size.0 as usize, size.1 as usize);
    let all = settings.privacy_masks.iter().copied().chain(marked);
    all.map(|mask| clip(mask, width, height)).filter(|mask| !mask.is_empty()).collect()
}

/// Covers `masks`, which lie in the frame.
pub(super) fn cover(frame: &mut FrameMut<'_>, masks: &[Rect]) {
    masks.iter().for_each(|mask| advjnd::frame::cover(frame, *mask, Cover::Fill));
}

/// The part of `rect` that lies in a picture of `width` and `height`; empty if there is none.
pub(super) fn clip(rect: Rect, width: usize, height: usize) -> Rect {
    let (x, y) = (rect.x.min(width), rect.y.min(height));
    let (right, bottom) = (rect.x.saturating_add(rect.width), rect.y.saturating_add(rect.height));
    Rect { x, y, width: right.min(width) - x, height: bottom.min(height) - y }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_cut_where_the_picture_ends() {
        let cut = |x, y, width, height| {
            let Rect { x, y, width, height } = clip(Rect { x, y, width, height }, 100, 50);
            (x, y, width, height)
        };
        assert_eq!(cut(10, 20, 30, 10), (10, 20, 30, 10));
        assert_eq!(cut(90, 40, 30, 20), (90, 40, 10, 10));
        assert_eq!(cut(0, 0, usize::MAX, usize::MAX), (0, 0, 100, 50));
        assert_eq!(cut(usize::MAX, 0, 1, 1), (100, 0, 0, 1));
        assert!(clip(Rect { x: 100, y: 10, width: 5, height: 5 }, 100, 50).is_empty());
    }
}
