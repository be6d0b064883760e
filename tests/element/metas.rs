// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faces that others found, and pictures that are larger than what is shown of them.

use std::path::Path;

use gst_video::{VideoCropMeta, VideoFormat, VideoFrameFlags, VideoInfo, VideoMeta, VideoRegionOfInterestMeta};

use crate::common::skip::skip;
use crate::common::{Face, Frames, ONE_FACE, STRONG, Session, faces, init, pixels};

fn one_face() -> Frames {
    Frames::sample(ONE_FACE, VideoFormat::I420, 1)
}

/// The face that the detector finds.
fn found(frames: &Frames) -> Face {
    faces(&Session::new(&frames.caps(), &STRONG).protect(&frames.buffers[0])).swap_remove(0)
}

/// A copy of the first frame with a region of interest.
fn marked(frames: &Frames, kind: &str, rect: (u32, u32, u32, u32), param: Option<gst::Structure>) -> gst::Buffer {
    let mut buffer = frames.buffers[0].copy_deep().unwrap();
    let mut meta = VideoRegionOfInterestMeta::add(buffer.get_mut().unwrap(), kind, rect);
    meta.set_id(77);
    if let Some(param) = param {
        meta.add_param(param);
    }
    buffer
}

/// The metas that are not the element's own.
fn foreign(buffer: &gst::Buffer) -> Vec<(i32, String)> {
    let metas = buffer.iter_meta::<VideoRegionOfInterestMeta>().filter(|meta| meta.param("advjndprotect").is_none());
    metas.map(|meta| (meta.id(), meta.roi_type().to_owned())).collect()
}

fn own(buffer: &gst::Buffer) -> Vec<(String, u32)> {
    let metas = buffer.iter_meta::<VideoRegionOfInterestMeta>().filter_map(|meta| {
        let param = meta.param("advjndprotect")?;
        Some((param.get::<String>("verdict").unwrap(), meta.rect().0))
    });
    metas.collect()
}

/// As the element's page prints it.
#[test]
fn faces_that_opencv_marks_are_protected_without_a_search() {
    const CASCADE: &str = "/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml";
    init();
    if gst::ElementFactory::find("facedetect").is_none() || !Path::new(CASCADE).exists() {
        let why = format!("no facedetect, or no {CASCADE}");
        skip("faces_that_opencv_marks_are_protected_without_a_search", why);
        return;
    }
    let finder = format!("{ONE_FACE} ! videoconvert ! facedetect display=false profile={CASCADE}");
    let frames = Frames::sample(&finder, VideoFormat::Rgb, 4);
    let mut session = Session::new(&frames.caps(), &[("detector", "roi-meta"), STRONG[0], STRONG[1]]);
    for input in &frames.buffers {
        let output = session.protect(input);
        assert_eq!((foreign(&output).len(), own(&output).len()), (1, 1));
        assert_eq!(own(&output)[0].0, "protected");
    }
    assert_eq!(session.count("frames-searched"), 0);
}

#[test]
fn marked_faces_are_protected_and_the_search_goes_on() {
    let frames = one_face();
    let face = found(&frames);
    let landmarks = face.param.get::<gst::Array>("landmarks").unwrap();
    let with = gst::Structure::builder("landmarks").field("landmarks", landmarks).build();
    for param in [Some(with), Some(gst::Structure::new_empty("detection")), None] {
        let mut session = Session::new(&frames.caps(), &STRONG);
        let output = session.protect(&marked(&frames, "face", face.rect, param.clone()));
        assert_eq!(own(&output).len(), 1);
        assert_eq!(own(&output)[0].0, "protected", "{param:?}");
        assert_eq!(foreign(&output), [(77, "face".to_owned())], "what came with the buffer stays");
        assert_eq!(session.count("frames-searched"), 1);
    }
}

#[test]
fn a_marked_region_without_a_face_in_it_is_covered() {
    let frames = one_face();
    let (x, y, width, height) = (0, 0, 60, 60);
    let output = Session::new(&frames.caps(), &STRONG).protect(&marked(&frames, "face", (x, y, width, height), None));
    let verdicts: Vec<_> = own(&output).into_iter().map(|(verdict, _)| verdict).collect();
    assert_eq!(verdicts, ["protected", "covered-unusable"], "the face that nobody marked is found all the same");
    let luma = &pixels(&output, &frames.info)[0];
    assert!((0..60).all(|at| luma[at * frames.info.width() as usize + at] == luma[0]));
}

#[test]
fn who_finds_the_faces_can_be_chosen() {
    let frames = one_face();
    let count = |detector: &str, buffer: &gst::Buffer| {
        let mut session = Session::new(&frames.caps(), &[("detector", detector)]);
        (own(&session.protect(buffer)).len(), session.count("frames-searched"))
    };
    let (plain, other) = (&frames.buffers[0], marked(&frames, "car", (10, 10, 50, 50), None));
    let face = marked(&frames, "face", found(&frames).rect, None);
    assert_eq!(["auto", "builtin", "roi-meta"].map(|detector| count(detector, plain)), [(1, 1), (1, 1), (0, 0)]);
    assert_eq!(["auto", "builtin", "roi-meta"].map(|detector| count(detector, &other)), [(1, 1), (1, 1), (0, 0)]);
    assert_eq!(["auto", "builtin", "roi-meta"].map(|detector| count(detector, &face)), [(1, 1), (1, 1), (1, 0)]);
}

#[test]
fn what_another_element_of_the_kind_did_is_no_mark() {
    let frames = one_face();
    let output = Session::new(&frames.caps(), &[]).protect(&frames.buffers[0]);
    let mut second = Session::new(&frames.caps(), &[]);
    second.protect(&output);
    assert_eq!(second.count("frames-searched"), 1);
}

/// What a detector in front may write beside where the face is.
fn telling() -> gst::Structure {
    let picture = gst::Buffer::from_slice([7; 4000]);
    let caps = gst::Caps::builder("image/jpeg").build();
    let landmarks = gst::Array::new((0..10).map(|number| 100.0 + f64::from(number)));
    gst::Structure::builder("detection")
        .field("confidence", 0.9f64)
        .field("label-id", 3i32)
        .field("model", "short")
        .field("tracked", true)
        .field("landmarks", landmarks)
        .field("embedding", gst::Array::new((0..128).map(|number| number as f32)))
        .field("points", gst::Array::new((0..10).map(f64::from)))
        .field("list", gst::List::new((0..128).map(|number| number as f32)))
        .field("thumbnail", gst::Sample::builder().buffer(&picture).caps(&caps).build())
        .field("tensor", picture)
        .field("nested", gst::Structure::builder("in").field("embedding", gst::Array::new([1.0f64])).build())
        .field("base64", "A".repeat(65))
        .field("64", "A".repeat(64))
        .build()
}

#[test]
fn of_regions_that_came_with_a_buffer_what_tells_of_the_face_is_taken_off() {
    let frames = one_face();
    let mut buffer = marked(&frames, "face", found(&frames).rect, Some(telling()));
    {
        let buffer = buffer.get_mut().unwrap();
        let mut plain = VideoRegionOfInterestMeta::add(buffer, "car", (1, 2, 3, 4));
        plain.set_id(78);
        plain.set_parent_id(77);
        plain.add_param(gst::Structure::builder("detection").field("confidence", 0.5f64).build());
        plain.add_param(telling());
    }
    for attach in ["true", "false"] {
        let properties = [("attach-meta", attach), ("fail-policy", "blur")];
        let output = Session::new(&frames.caps(), &properties).protect(&buffer);
        let expected = |buffer: &gst::Buffer| -> Vec<_> {
            let metas = buffer.iter_meta::<VideoRegionOfInterestMeta>();
            let metas = metas.filter(|meta| meta.param("advjndprotect").is_none());
            metas
                .map(|meta| (meta.roi_type(), meta.rect(), meta.id(), meta.parent_id(), meta.params().count()))
                .collect()
        };
        assert_eq!(expected(&output), expected(&buffer));
        assert_eq!(own(&output).len(), usize::from(attach == "true"));
        for meta in output.iter_meta::<VideoRegionOfInterestMeta>() {
            let detection = meta.params().filter(|param| param.name() == "detection").last();
            let Some(detection) = detection else { continue };
            let names: Vec<_> = detection.fields().map(|name| name.to_string()).collect();
            assert_eq!(names, ["confidence", "label-id", "model", "tracked", "landmarks", "64"]);
            assert_eq!(detection.get::<gst::Array>("landmarks").unwrap().len(), 10);
        }
    }
}

#[test]
fn what_is_not_changed_keeps_what_came_with_it() {
    let frames = one_face();
    let buffer = marked(&frames, "face", (10, 10, 50, 50), Some(telling()));
    let output = Session::new(&frames.caps(), &[("enabled", "false")]).protect(&buffer);
    let meta = output.iter_meta::<VideoRegionOfInterestMeta>().next().unwrap();
    assert!(meta.param("detection").unwrap().has_field("embedding"));
}

#[test]
fn marks_without_a_pixel_in_the_picture_are_none() {
    let frames = one_face();
    let (width, height) = (frames.info.width(), frames.info.height());
    for rect in [(0, 0, 0, 0), (10, 10, 0, 50), (width, 0, 50, 50), (0, height + 9, 50, 50), (u32::MAX, 0, u32::MAX, 9)]
    {
        let mut session = Session::new(&frames.caps(), &[]);
        let output = session.protect(&marked(&frames, "face", rect, None));
        assert_eq!((own(&output).len(), session.count("frames-searched")), (1, 1), "{rect:?}");
        session.protect(&marked(&frames, "face", rect, None));
        let warnings = session.bus.iter_filtered(&[gst::MessageType::Warning]).count();
        assert_eq!(warnings, 1, "{rect:?}: one for both frames");
    }
}

#[test]
fn as_one_face_the_frame_or_its_regions_are_protected_or_covered() {
    let empty = Frames::pattern("smpte75", VideoFormat::I420, 160, 120, 1);
    let full = Session::new(&empty.caps(), &[("detector", "full-frame")]).protect(&empty.buffers[0]);
    assert!(pixels(&full, &empty.info)[0].iter().all(|luma| *luma == pixels(&full, &empty.info)[0][0]));
    let regions = [("detector", "full-frame"), ("regions", "<<0,0,40,40>,<80,60,40,40>>")];
    let part = Session::new(&empty.caps(), &regions).protect(&empty.buffers[0]);
    assert_eq!(own(&part).len(), 2);
    let (before, after) = (&pixels(&empty.buffers[0], &empty.info)[0], &pixels(&part, &empty.info)[0]);
    let at = |x: usize, y: usize| y * 160 + x;
    assert!(after[at(20, 20)] == after[at(100, 80)] && before[at(140, 20)] == after[at(140, 20)]);

    let frames = one_face();
    let (x, y, width, height) = found(&frames).rect;
    let region = format!("<<{},{},{},{}>>", x - 10, y - 10, width + 20, height + 20);
    let near = [&STRONG[..], &[("detector", "full-frame"), ("regions", region.as_str())]].concat();
    assert_eq!(own(&Session::new(&frames.caps(), &near).protect(&frames.buffers[0]))[0].0, "protected");
}

#[test]
fn faces_outside_of_regions_pass() {
    let frames = Frames::sample("identity", VideoFormat::I420, 1);
    let all = own(&Session::new(&frames.caps(), &[]).protect(&frames.buffers[0])).len();
    assert_eq!(all, 3);
    let count = |name: &str, value: &str| {
        own(&Session::new(&frames.caps(), &[(name, value)]).protect(&frames.buffers[0])).len()
    };
    assert_eq!(count("regions", "<<0,0,1280,720>>"), 3);
    assert_eq!(count("exclude-regions", "<<0,0,1280,720>>"), 0);
    let left = "<<0,0,640,720>>";
    assert_eq!(count("regions", left) + count("exclude-regions", left), 3);
}

#[test]
fn of_a_cropped_picture_all_is_processed_and_the_crop_stays() {
    let frames = one_face();
    let (width, height) = (frames.info.width(), frames.info.height());
    let caps = VideoInfo::builder(VideoFormat::I420, width / 2, height / 2).fps(gst::Fraction::new(25, 1)).build();
    let face = found(&frames);
    let mut buffer = frames.buffers[0].copy_deep().unwrap();
    {
        let buffer = buffer.get_mut().unwrap();
        while let Some(meta) = buffer.meta_mut::<VideoMeta>() {
            meta.remove().unwrap();
        }
        let (offsets, strides) = (frames.info.offset().to_vec(), frames.info.stride().to_vec());
        let flags = VideoFrameFlags::empty();
        VideoMeta::add_full(buffer, flags, VideoFormat::I420, width, height, &offsets, &strides).unwrap();
        VideoCropMeta::add(buffer, (width / 2, height / 2, width / 2, height / 2));
    }
    let mut session = Session::new(&caps.unwrap().to_caps().unwrap(), &STRONG);
    let output = session.protect(&buffer);
    let seen = faces(&output);
    assert_eq!((seen.len(), seen[0].rect, seen[0].verdict.as_str()), (1, face.rect, "protected"));
    let crop = output.meta::<VideoCropMeta>().expect("the crop stays");
    assert_eq!(crop.rect(), (width / 2, height / 2, width / 2, height / 2));
}
