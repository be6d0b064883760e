// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads faces that upstream elements marked by a `GstVideoRegionOfInterestMeta` of type `face`.

use advjnd::GivenFace;
use advjnd::face::{BBox, Landmarks};
use advjnd::frame::Rect;
use gst_video::VideoRegionOfInterestMeta;

use super::{FACE, NAME};

/// Field in a meta's parameters with ten numbers: x and y of five landmarks in pixels.
pub(super) const LANDMARKS: &str = "landmarks";

/// The marks of faces by upstream elements, except the reports of another advjndprotect.
fn marks(buffer: &gst::BufferRef) -> impl Iterator<Item = gst::MetaRef<'_, VideoRegionOfInterestMeta>> {
    let metas = buffer.iter_meta::<VideoRegionOfInterestMeta>();
    metas.filter(|meta| meta.roi_type() == FACE && meta.param(NAME).is_none())
}

/// Whether the region of `meta` has a pixel in a picture of `size`.
fn has_pixels(meta: &VideoRegionOfInterestMeta, size: (u32, u32)) -> bool {
    let (x, y, width, height) = meta.rect();
    x < size.0 && y < size.1 && width > 0 && height > 0
}

/// The faces that upstream elements marked on `buffer`, a picture of `size`. Regions without a pixel in it are left
/// out.
pub(super) fn faces(buffer: &gst::BufferRef, size: (u32, u32)) -> Vec<GivenFace> {
    let marks = marks(buffer).filter(|meta| has_pixels(meta, size));
    marks
        .map(|meta| {
            let (x, y, width, height) = meta.rect();
            let [x, y, width, height] = [x, y, width, height].map(|value| value as f32);
            GivenFace { bbox: BBox { x, y, width, height }, landmarks: meta.params().find_map(landmarks) }
        })
        .collect()
}

/// Whether any mark of a face has no pixel in the picture of `size`.
pub(super) fn has_empty_mark(buffer: &gst::BufferRef, size: (u32, u32)) -> bool {
    marks(buffer).any(|meta| !has_pixels(&meta, size))
}

/// Each of `regions` as one face, or all of a frame of `size` if there are none.
pub(super) fn whole(regions: &[Rect], size: (u32, u32)) -> Vec<GivenFace> {
    let frame = [Rect { x: 0, y: 0, width: size.0 as usize, height: size.1 as usize }];
    let regions = if regions.is_empty() { &frame } else { regions };
    let face = |rect: &Rect| {
        let [x, y, width, height] = [rect.x, rect.y, rect.width, rect.height].map(|value| value as f32);
        GivenFace { bbox: BBox { x, y, width, height }, landmarks: None }
    };
    regions.iter().map(face).collect()
}

fn landmarks(param: &gst::StructureRef) -> Option<Landmarks> {
    landmarks_of(param.value(LANDMARKS).ok()?)
}

/// The landmarks in `value`, an array of ten numbers.
pub(super) fn landmarks_of(value: &glib::SendValue) -> Option<Landmarks> {
    let array = value.get::<gst::ArrayRef>().ok()?;
    let number = |value: &glib::SendValue| {
        let double = value.get::<f64>().ok().or_else(|| value.get::<f32>().ok().map(f64::from));
        double.or_else(|| value.get::<i32>().ok().map(f64::from)).or_else(|| value.get::<u32>().ok().map(f64::from))
    };
    let numbers: Vec<f64> = array.iter().map(number).collect::<Option<_>>()?;
    let numbers: &[f64; 10] = numbers.as_slice().try_into().ok()?;
    Some(Landmarks([0, 1, 2, 3, 4].map(|point| [numbers[2 * point] as f32, numbers[2 * point + 1] as f32])))
}
