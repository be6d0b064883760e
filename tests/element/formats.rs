// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every format, size and memory layout: what may change changes within its bound, all else stays as it was.

use advjnd::frame::Region;
use advjnd::jnd::{JndModel, Namm};
use advjnd::{Colorimetry, FrameMut, PixelFormat, PlaneMut};
use gst_video::{VideoFormat, VideoFrameFlags, VideoInfo, VideoMeta};

use crate::common::formats::{DEEP_FORMATS, FORMATS};
use crate::common::samples::{Kind, place};
use crate::common::{Face, Frames, ONE_FACE, STRONG, Session, caps, faces, pixels, plane_size};

#[test]
fn frames_without_a_face_come_out_bit_exact_in_every_format() {
    for (format, _) in FORMATS {
        let frames = Frames::pattern("smpte75", format, 320, 240, 3);
        let mut session = Session::new(&frames.caps(), &[]);
        for (input, output) in frames.buffers.iter().zip(session.protect_all(&frames)) {
            assert!(pixels(input, &frames.info) == pixels(&output, &frames.info), "{format} changed");
            assert!(faces(&output).is_empty());
        }
        assert_eq!((session.count("frames"), session.count("faces")), (3, 0));
    }
}

#[test]
fn frames_of_any_size_come_out_bit_exact() {
    let sizes = [(1, 1), (1, 64), (64, 1), (2, 2), (3, 5), (16, 16), (17, 31), (31, 33), (97, 1), (1, 97), (333, 51)];
    for (format, _) in FORMATS {
        for (width, height) in sizes {
            let frames = Frames::pattern("snow", format, width, height, 2);
            let mut session = Session::new(&frames.caps(), &[]);
            for (input, output) in frames.buffers.iter().zip(session.protect_all(&frames)) {
                if faces(&output).is_empty() {
                    let same = pixels(input, &frames.info) == pixels(&output, &frames.info);
                    assert!(same, "{format} {width}x{height} changed");
                }
            }
            assert_eq!(session.count("faults"), 0);
        }
    }
}

#[test]
fn a_face_changes_within_its_bound_and_nothing_else_does_in_every_format() {
    for (format, core) in FORMATS {
        let frames = Frames::sample(ONE_FACE, format, 2);
        let mut session = Session::new(&frames.caps(), &STRONG);
        let scale: f32 = gst::prelude::ObjectExt::property(&session.element, "jnd-scale");
        let scale = scale * advjnd::jnd::Model::default().calibration();
        for (input, output) in frames.buffers.iter().zip(session.protect_all(&frames)) {
            let faces = faces(&output);
            assert_eq!(faces.len(), 1, "{format}");
            let mut clean = pixels(input, &frames.info);
            let protected = pixels(&output, &frames.info);
            let limits = limits(&mut clean, core, &frames.info, scale);
            check_changes(&clean, &protected, core, &frames.info, &faces, &limits);
        }
        assert_eq!(session.count("protected") + session.count("covered"), 2);
        assert!(session.count("protected") >= 1, "{format}: {}", session.stats());
    }
}

/// The largest change of luma (or of R, G and B alike) that each pixel of a frame may show, in its own code values.
fn limits(clean: &mut [Vec<u8>], format: PixelFormat, info: &VideoInfo, scale: f32) -> Vec<f32> {
    let (width, height) = (info.width() as usize, info.height() as usize);
    let planes = clean.iter_mut().enumerate().map(|(plane, data)| {
        let (stride, _) = format.plane_size(plane, width, height);
        PlaneMut { data, stride }
    });
    let frame = FrameMut::new(format, Colorimetry::default(), width, height, planes.collect()).unwrap();
    let mut region = Region::default();
    region.read(&frame, frame.rect());
    let mut jnd = vec![0.0; width * height];
    Namm::default().map_luma(&region.luma, width, height, &mut jnd).unwrap();
    let gain = if format.is_yuv() { 219.0 / 255.0 } else { 1.0 };
    jnd.iter().map(|jnd| (jnd * scale * gain + 0.5).floor()).collect()
}

fn check_changes(
    clean: &[Vec<u8>],
    protected: &[Vec<u8>],
    format: PixelFormat,
    info: &VideoInfo,
    faces: &[Face],
    limits: &[f32],
) {
    let (width, height) = (info.width() as usize, info.height() as usize);
    for plane in 0..format.planes() {
        let (row, rows) = format.plane_size(plane, width, height);
        for at in (0..row * rows).filter(|&at| clean[plane][at] != protected[plane][at]) {
            let place = place(format, plane, at % row, at / row);
            let is_near = |face: &&Face| place.pixels().any(|(x, y)| face.touches(x, y));
            let (x, y, touching) = (place.x, place.y, faces.iter().filter(is_near).collect::<Vec<_>>());
            assert!(!touching.is_empty(), "{format:?}: pixel {x},{y} changed outside of every face");
            if touching.iter().all(|face| face.verdict == "protected") {
                let change = clean[plane][at].abs_diff(protected[plane][at]);
                assert_eq!(place.kind, Kind::Light, "{format:?}: chroma changed at {x},{y}");
                let limit = limits[y * width + x];
                // The element works thresholds out on the face's region, whose surroundings it does not see.
                let limit = limit + 1.0;
                assert!(f32::from(change) <= limit, "{format:?}: {x},{y} changed by {change}, bound {limit}");
            }
        }
    }
}

#[test]
fn the_same_picture_is_treated_alike_in_planar_and_interleaved_chroma() {
    use VideoFormat::{I420, Nv12, Nv21, Yv12};
    let lumas = [I420, Yv12, Nv12, Nv21].map(|format| {
        let frames = Frames::sample(ONE_FACE, format, 1);
        let output = Session::new(&frames.caps(), &[]).protect(&frames.buffers[0]);
        pixels(&output, &frames.info).swap_remove(0)
    });
    assert!(lumas.iter().all(|luma| *luma == lumas[0]), "luma differs between formats");
}

#[test]
fn the_same_picture_is_treated_alike_whichever_way_halved_rows_of_chroma_lie() {
    // Converters make chroma of their own for each format; here all have that of the first.
    let planar = Frames::sample(ONE_FACE, VideoFormat::Y42b, 1);
    let planes = pixels(&planar.buffers[0], &planar.info);
    let expected = Session::new(&planar.caps(), &[]).protect(&planar.buffers[0]);
    let expected = pixels(&expected, &planar.info).swap_remove(0);
    let pairs = || planes[0].chunks(2).zip(planes[1].iter().zip(&planes[2]));
    let packed: [(VideoFormat, Vec<u8>, usize, usize); 3] = [
        (VideoFormat::Yuy2, pairs().flat_map(|(y, (cb, cr))| [y[0], *cb, y[1], *cr]).collect(), 0, 2),
        (VideoFormat::Uyvy, pairs().flat_map(|(y, (cb, cr))| [*cb, y[0], *cr, y[1]]).collect(), 1, 2),
        (
            VideoFormat::Nv16,
            planes[0].iter().copied().chain(pairs().flat_map(|(_, (cb, cr))| [*cb, *cr])).collect(),
            0,
            1,
        ),
    ];
    for (format, bytes, first, step) in packed {
        let mut caps = planar.caps();
        caps.make_mut().set("format", format.to_str());
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        buffer.get_mut().unwrap().set_pts(planar.buffers[0].pts());
        let output = Session::new(&caps, &[]).protect(&buffer);
        let luma = pixels(&output, &VideoInfo::from_caps(&caps).unwrap()).swap_remove(0);
        let luma: Vec<_> = luma.into_iter().skip(first).step_by(step).collect();
        let differing = luma.iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert_eq!((luma.len(), differing), (expected.len(), 0), "{format}");
    }
}

#[test]
fn padded_rows_give_the_same_pixels_and_their_padding_stays() {
    for (format, _) in FORMATS {
        let frames = Frames::sample(ONE_FACE, format, 1);
        let (padded, strides, offsets) = pad(&frames.buffers[0], &frames.info);
        let expected = Session::new(&frames.caps(), &[]).protect(&frames.buffers[0]);
        let output = Session::new(&frames.caps(), &[]).protect(&padded);
        assert!(pixels(&expected, &frames.info) == pixels(&output, &frames.info), "{format}: other pixels");
        let (before, after) = (padded.map_readable().unwrap(), output.map_readable().unwrap());
        for (plane, (stride, offset)) in strides.iter().zip(&offsets).enumerate() {
            let (row, height) = plane_size(&frames.info, plane as u32);
            for y in 0..height {
                let padding = offset + y * stride + row..offset + (y + 1) * stride;
                assert!(before[padding.clone()] == after[padding], "{format}: padding of plane {plane} changed");
            }
        }
    }
}

/// The same frame with longer rows and bytes between its planes.
fn pad(buffer: &gst::Buffer, info: &VideoInfo) -> (gst::Buffer, Vec<usize>, Vec<usize>) {
    let (mut data, mut strides, mut offsets) = (vec![0xa5; 64], Vec::new(), Vec::new());
    for (plane, rows) in pixels(buffer, info).iter().enumerate() {
        let (row, _) = plane_size(info, plane as u32);
        offsets.push(data.len());
        strides.push(row + 40);
        for pixels in rows.chunks_exact(row) {
            data.extend_from_slice(pixels);
            data.extend_from_slice(&[0xa5; 40]);
        }
        data.extend_from_slice(&[0xa5; 24]);
    }
    let mut padded = gst::Buffer::from_mut_slice(data);
    let signed: Vec<i32> = strides.iter().map(|stride| *stride as i32).collect();
    let (width, height) = (info.width(), info.height());
    let buffer = padded.get_mut().unwrap();
    VideoMeta::add_full(buffer, VideoFrameFlags::empty(), info.format(), width, height, &offsets, &signed).unwrap();
    (padded, strides, offsets)
}

#[test]
fn a_frame_in_several_memories_is_protected_like_one_in_one() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let whole = &frames.buffers[0];
    let bytes = whole.map_readable().unwrap();
    let mut parts = gst::Buffer::new();
    for part in bytes.chunks(bytes.len().div_ceil(3)) {
        parts.get_mut().unwrap().append_memory(gst::Memory::from_mut_slice(part.to_vec()));
    }
    let mut session = Session::new(&frames.caps(), &[]);
    session.harness.push(parts).unwrap();
    let output = session.harness.pull().unwrap();
    let expected = Session::new(&frames.caps(), &[]).protect(whole);
    assert!(pixels(&expected, &frames.info) == pixels(&output, &frames.info));
}

/// Ten bits a sample are worked on as eight; where nothing changes they stay.
#[test]
fn ten_bits_have_the_verdicts_of_eight_and_stay_where_nothing_changes() {
    for ((deep, _), narrow) in DEEP_FORMATS.into_iter().zip([VideoFormat::I420, VideoFormat::Nv12]) {
        let empty = Frames::pattern("smpte75", deep, 333, 51, 2);
        let mut session = Session::new(&empty.caps(), &[]);
        for (input, output) in empty.buffers.iter().zip(session.protect_all(&empty)) {
            assert!(pixels(input, &empty.info) == pixels(&output, &empty.info), "{deep} changed");
        }

        let (frames, twins) = (Frames::sample(ONE_FACE, deep, 3), Frames::sample(ONE_FACE, narrow, 3));
        let output = Session::new(&frames.caps(), &STRONG).protect_all(&frames);
        let expected = Session::new(&twins.caps(), &STRONG).protect_all(&twins);
        for ((input, output), expected) in frames.buffers.iter().zip(&output).zip(&expected) {
            let verdicts =
                |buffer: &gst::Buffer| faces(buffer).into_iter().map(|face| face.verdict).collect::<Vec<_>>();
            assert_eq!(verdicts(output), verdicts(expected), "{deep}");
            let (clean, protected) = (pixels(input, &frames.info), pixels(output, &frames.info));
            assert!(clean[0] != protected[0], "{deep}: untouched");
            // Far from the face.
            let row = 2 * frames.info.width() as usize;
            assert!(clean[0][..8 * row] == protected[0][..8 * row], "{deep}");
        }
    }
}

/// Alpha can carry a picture of its own.
#[test]
fn other_formats_and_those_with_alpha_are_refused_in_negotiation() {
    let alpha = [VideoFormat::Rgba, VideoFormat::Bgra, VideoFormat::Argb, VideoFormat::Abgr, VideoFormat::A420];
    for format in alpha.into_iter().chain([VideoFormat::Gray16Le, VideoFormat::I42212le]) {
        let frames = Frames::pattern("smpte", format, 64, 64, 1);
        let mut session = Session::new(&caps(VideoFormat::I420, 64, 64), &[]);
        session.harness.set_src_caps(frames.caps());
        assert!(session.harness.push(frames.buffers[0].clone()).is_err(), "{format}");
        assert_eq!(session.harness.buffers_received(), 0);
    }
}
