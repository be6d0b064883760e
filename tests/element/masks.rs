// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is covered in every frame: the user's rectangles, and regions that elements in front mark as something else
//! than a face.

use std::collections::{HashMap, HashSet};

use gst_video::{VideoFormat, VideoRegionOfInterestMeta};

use crate::common::formats::FORMATS;
use crate::common::samples::{Kind, place};
use crate::common::{Frames, ONE_FACE, STRONG, Session, faces, pixels, plane_size};

/// Whether every pixel of a rectangle, as far as it lies in the picture, is of one value in each of its channels.
fn is_filled(planes: &[Vec<u8>], frames: &Frames, (x, y, width, height): (usize, usize, usize, usize)) -> bool {
    let format = FORMATS.iter().find(|(format, _)| *format == frames.info.format()).unwrap().1;
    // Rows of pairs of pixels may end with half a pair.
    let (right, bottom) =
        ((x + width).min(frames.info.width() as usize), (y + height).min(frames.info.height() as usize));
    let is_within = |(column, row)| (x..right).contains(&column) && (y..bottom).contains(&row);
    let mut values = HashMap::<_, HashSet<u8>>::new();
    for (plane, bytes) in planes.iter().enumerate() {
        let (row, _) = plane_size(&frames.info, plane as u32);
        for (at, value) in bytes.iter().enumerate() {
            let place = place(format, plane, at % row, at / row);
            // What pads a pixel is not its colour.
            if place.kind != Kind::Other && place.pixels().any(is_within) {
                values.entry((plane, place.kind == Kind::Color, place.channel)).or_default().insert(*value);
            }
        }
    }
    assert!(!values.is_empty());
    values.values().all(|values| values.len() == 1)
}

#[test]
fn masks_are_filled_in_every_format_wherever_they_begin() {
    let masks = [(0, 0, 9, 7), (33, 17, 21, 13), (90, 70, 500, 500)];
    let text: Vec<_> = masks.iter().map(|(x, y, width, height)| format!("<{x},{y},{width},{height}>")).collect();
    for (format, _) in FORMATS {
        let frames = Frames::pattern("snow", format, 101, 81, 1);
        let mut session = Session::new(&frames.caps(), &[("privacy-masks", &format!("<{}>", text.join(",")))]);
        let output = pixels(&session.protect(&frames.buffers[0]), &frames.info);
        for mask in masks {
            assert!(is_filled(&output, &frames, mask), "{format}: {mask:?}");
            assert!(!is_filled(&pixels(&frames.buffers[0], &frames.info), &frames, mask));
        }
        assert!(!is_filled(&output, &frames, (60, 0, 20, 60)), "{format}: more than the masks is covered");
    }
}

#[test]
fn masks_outside_of_the_picture_cover_nothing() {
    let frames = Frames::pattern("snow", VideoFormat::I420, 64, 48, 1);
    let masks = "<<64,0,10,10>,<0,48,10,10>,<2147483647,2147483647,2147483647,2147483647>,<5,5,0,9>>";
    let output = Session::new(&frames.caps(), &[("privacy-masks", masks)]).protect(&frames.buffers[0]);
    assert!(pixels(&output, &frames.info) == pixels(&frames.buffers[0], &frames.info));
}

#[test]
fn masks_hold_whatever_else_happens_to_faces_and_in_every_view() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 2);
    let mask = (40, 40, 200, 200);
    for extra in [
        ("fail-policy", "pixelate"),
        ("fail-policy", "drop"),
        ("fail-policy", "error"),
        ("view", "jnd"),
        ("view", "delta"),
        ("view", "boxes"),
        ("exclude-regions", "<<0,0,4000,4000>>"),
        ("detector", "roi-meta"),
        ("detector", "full-frame"),
    ] {
        let properties = [STRONG[0], STRONG[1], ("privacy-masks", "<<40,40,200,200>>"), extra];
        let mut session = Session::new(&frames.caps(), &properties);
        for buffer in &frames.buffers {
            // With these policies a frame may not go out at all.
            if session.harness.push(buffer.copy_deep().unwrap()).is_ok()
                && let Some(output) = session.harness.try_pull()
            {
                assert!(is_filled(&pixels(&output, &frames.info), &frames, mask), "{extra:?}");
            }
        }
    }
}

#[test]
fn a_face_that_a_mask_hides_in_part_is_covered() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let seen = |mask: [u32; 4]| {
        let [x, y, width, height] = mask;
        let mask = format!("<<{x},{y},{width},{height}>>");
        let properties = [STRONG[0], STRONG[1], ("privacy-masks", &mask)];
        faces(&Session::new(&frames.caps(), &properties).protect(&frames.buffers[0])).remove(0)
    };
    let whole = seen([0, 0, 1, 1]);
    let (x, y, width, height) = whole.rect;
    assert_eq!(whole.verdict, "protected");
    assert_eq!(seen([x, y + height / 2, width, height]).verdict, "covered-overlapped", "the lower half is masked");
    assert_eq!(seen([x, y, width, height / 8]).verdict, "protected", "hair is masked");
    assert_eq!(seen([0, 0, 4000, 4000]).verdict, "protected", "nothing of it is left");
}

#[test]
fn masks_may_change_while_the_stream_runs_and_hold_not_while_it_is_switched_off() {
    let frames = Frames::pattern("snow", VideoFormat::I420, 64, 48, 1);
    let mut session = Session::new(&frames.caps(), &[]);
    let mut is_covered = |name: &str, value: &str| {
        gst::prelude::GObjectExtManualGst::set_property_from_str(&session.element, name, value);
        is_filled(&pixels(&session.protect(&frames.buffers[0]), &frames.info), &frames, (10, 10, 20, 20))
    };
    assert!(!is_covered("privacy-masks", "<>"));
    assert!(is_covered("privacy-masks", "<<10,10,20,20>>"));
    assert!(!is_covered("enabled", "false"));
    assert!(is_covered("enabled", "true"));
    assert!(!is_covered("privacy-masks", "<>"));
}

/// Left, top, width and height.
type Rectangle = (u32, u32, u32, u32);

/// The picture with regions of some types.
fn marked(frames: &Frames, regions: &[(&str, Rectangle)]) -> gst::Buffer {
    let mut buffer = frames.buffers[0].copy_deep().unwrap();
    for (kind, rect) in regions {
        VideoRegionOfInterestMeta::add(buffer.get_mut().unwrap(), kind, *rect);
    }
    buffer
}

#[test]
fn regions_of_the_types_that_are_named_are_filled() {
    let frames = Frames::pattern("snow", VideoFormat::I420, 64, 48, 1);
    let buffer = marked(&frames, &[("plate", (3, 5, 11, 9)), ("head", (30, 20, 200, 9)), ("car", (20, 0, 5, 5))]);
    let filled = |types: Option<&str>| {
        let types: Vec<_> = types.map(|types| ("roi-types", types)).into_iter().collect();
        let output = Session::new(&frames.caps(), &types).protect(&buffer);
        let output = pixels(&output, &frames.info);
        [(3, 5, 11, 9), (30, 20, 200, 9), (20, 0, 5, 5)].map(|rect| is_filled(&output, &frames, rect))
    };
    assert_eq!(filled(None), [false, false, false]);
    assert_eq!(filled(Some("")), [false, false, false]);
    assert_eq!(filled(Some("plate")), [true, false, false]);
    assert_eq!(filled(Some(" plate , head,")), [true, true, false]);
    assert_eq!(filled(Some("plates")), [false, false, false]);
}

#[test]
fn regions_without_a_pixel_in_the_picture_are_ignored() {
    let frames = Frames::pattern("snow", VideoFormat::I420, 64, 48, 1);
    let outside = [(64, 0, 9, 9), (0, 48, 9, 9), (u32::MAX, u32::MAX, u32::MAX, u32::MAX), (5, 5, 0, 9), (5, 5, 9, 0)];
    let buffer = marked(&frames, &outside.map(|rect| ("plate", rect)));
    let mut session = Session::new(&frames.caps(), &[("roi-types", "plate")]);
    let output = session.protect(&buffer);
    assert!(pixels(&output, &frames.info) == pixels(&buffer, &frames.info));
    assert_eq!((session.error(), session.count("faults")), (None, 0));
}
