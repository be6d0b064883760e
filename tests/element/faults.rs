// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whatever goes wrong, no frame passes as it came, and the message says what to do.

use std::fs;
use std::os::fd::IntoRawFd;

use advjnd::models::sha256;
use gst::prelude::*;
use gst_allocators::prelude::*;
use gst_video::{VideoFormat, VideoFrameFlags, VideoMeta};

use crate::common;
use crate::common::{Frames, ONE_FACE, Session, caps, element, faces, file, first_error, pixels};

/// No budget: no face is ever protected.
const HELPLESS: [(&str, &str); 2] = [("jnd-scale", "0"), ("max-iterations", "0")];

fn helpless(policy: &str) -> Vec<(&str, &str)> {
    [&HELPLESS[..], &[("fail-policy", policy)]].concat()
}

#[test]
fn a_short_buffer_is_an_error_and_does_not_come_out() {
    for format in [VideoFormat::I420, VideoFormat::Nv12, VideoFormat::Rgb] {
        let mut session = Session::new(&caps(format, 320, 240), &[]);
        assert_eq!(session.harness.push(gst::Buffer::with_size(10).unwrap()), Err(gst::FlowError::Error));
        assert_eq!(session.harness.buffers_received(), 0);
        let error = session.error().expect("an error is posted");
        assert!(error.contains("320x240") || error.contains("too short"), "{error}");
    }
}

#[test]
fn an_empty_buffer_is_an_error_and_does_not_come_out() {
    let mut session = Session::new(&caps(VideoFormat::I420, 320, 240), &[]);
    assert_eq!(session.harness.push(gst::Buffer::new()), Err(gst::FlowError::Error));
    assert_eq!(session.harness.buffers_received(), 0);
}

#[test]
#[allow(unsafe_code, reason = "memory over a descriptor is made by an unsafe function")]
fn a_buffer_that_cannot_be_mapped_is_an_error_and_does_not_come_out() {
    let mut session = Session::new(&caps(VideoFormat::I420, 64, 64), &[]);
    // The null device takes no mapping.
    let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null").unwrap().into_raw_fd();
    let (allocator, size) = (gst_allocators::FdAllocator::new(), 64 * 64 * 3 / 2);
    // SAFETY: the descriptor is open, and the memory owns it.
    let memory = unsafe { allocator.alloc_fd(null, size, gst_allocators::FdMemoryFlags::empty()) }.unwrap();
    let mut buffer = gst::Buffer::new();
    buffer.get_mut().unwrap().append_memory(memory);
    assert_eq!(session.harness.push(buffer), Err(gst::FlowError::Error));
    assert_eq!(session.harness.buffers_received(), 0);
    let error = session.error().expect("an error is posted");
    assert!(error.contains("mapped"), "{error}");
}

#[test]
fn a_buffer_whose_meta_contradicts_its_caps_is_an_error() {
    type Layout<'a> = (VideoFormat, u32, u32, &'a [usize], &'a [i32]);
    let layouts: [Layout; 4] = [
        (VideoFormat::Rgb, 64, 64, &[0], &[192]),
        (VideoFormat::I420, 32, 32, &[0, 1024, 1280], &[32, 16, 16]),
        (VideoFormat::I420, 64, 64, &[0, 4096, 1 << 40], &[64, 32, 32]),
        (VideoFormat::I420, 64, 64, &[0, 4096, 5120], &[-64, 32, 32]),
    ];
    for (format, width, height, offsets, strides) in layouts {
        let mut session = Session::new(&caps(VideoFormat::I420, 64, 64), &[]);
        let mut buffer = gst::Buffer::with_size(64 * 64 * 4).unwrap();
        let flags = VideoFrameFlags::empty();
        VideoMeta::add_full(buffer.get_mut().unwrap(), flags, format, width, height, offsets, strides).unwrap();
        assert_eq!(session.harness.push(buffer), Err(gst::FlowError::Error));
        assert_eq!(session.harness.buffers_received(), 0);
        assert!(session.error().is_some());
    }
}

#[test]
fn a_stream_goes_on_after_a_bad_buffer() {
    let frames = Frames::pattern("smpte75", VideoFormat::I420, 320, 240, 1);
    let mut session = Session::new(&frames.caps(), &[]);
    assert!(session.harness.push(gst::Buffer::with_size(10).unwrap()).is_err());
    session.protect(&frames.buffers[0]);
}

#[test]
fn policy_fill_covers_a_face_without_budget() {
    for policy in ["fill", "pixelate", "blur"] {
        let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 2);
        let mut session = Session::new(&frames.caps(), &helpless(policy));
        for (input, output) in frames.buffers.iter().zip(session.protect_all(&frames)) {
            let faces = faces(&output);
            assert_eq!(faces.len(), 1);
            assert_eq!(faces[0].verdict, "covered-not-yet-protected");
            let (clean, covered) = (pixels(input, &frames.info), pixels(&output, &frames.info));
            let (x, y, width, height) = faces[0].rect;
            let stride = frames.info.width() as usize;
            let inside = (y..y + height).flat_map(|y| (x..x + width).map(move |x| y as usize * stride + x as usize));
            let (all, changed) = inside
                .fold((0, 0), |(all, changed), at| (all + 1, changed + usize::from(clean[0][at] != covered[0][at])));
            assert!(changed * 10 > all * 8, "{policy}: only {changed} of {all} pixels of the face changed");
        }
        assert_eq!((session.count("covered"), session.count("protected")), (2, 0));
    }
}

#[test]
fn policy_drop_lets_no_unprotected_frame_out() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 3);
    let mut session = Session::new(&frames.caps(), &helpless("drop"));
    for buffer in &frames.buffers {
        session.harness.push(buffer.copy_deep().unwrap()).unwrap();
    }
    assert_eq!(session.harness.buffers_received(), 0);
    assert_eq!((session.count("frames"), session.count("frames-dropped")), (3, 3));
}

#[test]
fn policy_error_stops_the_stream() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let mut session = Session::new(&frames.caps(), &helpless("error"));
    assert_eq!(session.harness.push(frames.buffers[0].copy_deep().unwrap()), Err(gst::FlowError::Error));
    assert_eq!(session.harness.buffers_received(), 0);
    assert!(session.error().is_some());
}

/// A folder of models of its own, removed at the end.
struct ModelFolder(tempfile::TempDir);

impl ModelFolder {
    fn new() -> Self {
        let folder = common::folder();
        fs::copy(file("models/manifest.toml"), folder.path().join("manifest.toml")).unwrap();
        for name in ["yunet_2023mar", "blazeface_full_range", "dlib_resnet29", "sface_2021dec", "mobilefacenet"] {
            let name = format!("{name}.safetensors");
            fs::copy(file("models").join(&name), folder.path().join(&name)).unwrap();
        }
        Self(folder)
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.0.path().join(name)).unwrap();
        change(&mut bytes);
        fs::write(self.0.path().join(name), bytes).unwrap();
    }

    /// Puts another file in the place of the model `name`, with its checksum in the manifest.
    fn replace(&self, name: &str, change: impl FnOnce(&[u8]) -> Vec<u8>) {
        let (mut old, mut new) = (String::new(), String::new());
        self.change(&format!("{name}.safetensors"), |bytes| {
            let changed = change(bytes);
            (old, new) = (sha256(bytes), sha256(&changed));
            *bytes = changed;
        });
        self.change("manifest.toml", |bytes| {
            let text = String::from_utf8(std::mem::take(bytes)).unwrap();
            assert!(text.contains(&old));
            *bytes = text.replace(&old, &new).into_bytes();
        });
    }

    /// What starting an element with these models says.
    fn start(&self) -> Result<(), String> {
        start(self.0.path().to_str().unwrap())
    }
}

fn start(folder: &str) -> Result<(), String> {
    let element = element(&[("models", folder)]);
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let started = element.set_state(gst::State::Paused);
    element.set_state(gst::State::Null).unwrap();
    started.map(|_| ()).map_err(|_| first_error(&bus).expect("an error is posted"))
}

#[test]
fn models_of_a_folder_work() {
    ModelFolder::new().start().unwrap();
}

#[test]
fn a_missing_folder_of_models_is_an_error_that_names_it() {
    let error = start("/nonexistent/models").unwrap_err();
    assert!(error.contains("/nonexistent/models"), "{error}");
}

#[test]
fn a_missing_model_is_an_error_that_names_it() {
    let folder = ModelFolder::new();
    fs::remove_file(folder.0.path().join("yunet_2023mar.safetensors")).unwrap();
    let error = folder.start().unwrap_err();
    assert!(error.contains("yunet_2023mar.safetensors"), "{error}");
}

#[test]
fn a_damaged_model_is_an_error_that_names_it() {
    let folder = ModelFolder::new();
    folder.change("dlib_resnet29.safetensors", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let error = folder.start().unwrap_err();
    assert!(error.contains("dlib_resnet29") && error.contains("sha256"), "{error}");
}

#[test]
fn a_truncated_model_is_an_error_that_names_it() {
    let folder = ModelFolder::new();
    folder.change("yunet_2023mar.safetensors", |bytes| bytes.truncate(bytes.len() / 2));
    let error = folder.start().unwrap_err();
    assert!(error.contains("yunet_2023mar"), "{error}");
}

/// The header and the data of a safetensors file.
fn tensors(bytes: &[u8]) -> (serde_json::Map<String, serde_json::Value>, Vec<u8>) {
    let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    (serde_json::from_slice(header).unwrap(), data.to_vec())
}

fn safetensors(header: &serde_json::Map<String, serde_json::Value>, data: &[u8]) -> Vec<u8> {
    let header = serde_json::to_vec(header).unwrap();
    [&(header.len() as u64).to_le_bytes(), header.as_slice(), data].concat()
}

#[test]
fn a_model_of_another_shape_is_an_error_that_names_it() {
    for name in ["dlib_resnet29", "yunet_2023mar"] {
        let folder = ModelFolder::new();
        folder.replace(name, |bytes| {
            let (mut header, data) = tensors(bytes);
            let kernels = header.values_mut().filter_map(|tensor| tensor.get_mut("shape")?.as_array_mut());
            let kernel = kernels.into_iter().find(|shape| shape.len() == 4 && shape[0] != shape[1]).unwrap();
            kernel.swap(0, 1);
            safetensors(&header, &data)
        });
        let error = folder.start().unwrap_err();
        assert!(error.contains(name) && error.contains("shape"), "{error}");
    }
}

#[test]
fn a_model_without_one_of_its_tensors_is_an_error_that_names_both() {
    for name in ["dlib_resnet29", "yunet_2023mar"] {
        let (folder, mut missing) = (ModelFolder::new(), String::new());
        folder.replace(name, |bytes| {
            let (mut header, data) = tensors(bytes);
            missing = header.keys().rfind(|name| name.ends_with(".weight")).unwrap().clone();
            let moved = header.remove(&missing).unwrap();
            header.insert("another.weight".to_owned(), moved);
            safetensors(&header, &data)
        });
        let error = folder.start().unwrap_err();
        assert!(error.contains(name) && error.contains(&missing), "{error}");
    }
}

#[test]
fn a_model_with_weights_that_are_no_numbers_is_an_error_that_names_it() {
    for name in ["dlib_resnet29", "yunet_2023mar"] {
        let folder = ModelFolder::new();
        folder.replace(name, |bytes| {
            let (header, mut data) = tensors(bytes);
            let last = data.len() - 4;
            data[last..].copy_from_slice(&f32::NAN.to_le_bytes());
            safetensors(&header, &data)
        });
        let error = folder.start().unwrap_err();
        assert!(error.contains(name) && error.contains("not finite"), "{error}");
    }
}

#[test]
fn a_manifest_that_is_no_manifest_is_an_error_that_names_it() {
    let folder = ModelFolder::new();
    folder.change("manifest.toml", |bytes| bytes.truncate(bytes.len() / 2 + 7));
    let error = folder.start().unwrap_err();
    assert!(error.contains("manifest.toml") || error.contains("embedded"), "{error}");
}

#[test]
fn a_pipeline_with_bad_models_does_not_start() {
    common::init();
    let pipeline =
        gst::parse::launch("videotestsrc ! advjndprotect models=/nonexistent ! appsink name=sink sync=false").unwrap();
    assert!(pipeline.set_state(gst::State::Playing).is_err());
    let error = first_error(&pipeline.bus().unwrap()).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(error.contains("/nonexistent"), "{error}");
}

#[test]
fn a_manifest_with_an_unknown_field_or_a_threshold_that_cannot_be_is_an_error_that_names_it() {
    for (from, to, told) in [
        ("verification_threshold = 0.606", "verification_threshold = -0.606", "verification_threshold"),
        ("verification_threshold = 0.606", "verification_treshold = 0.606", "verification_treshold"),
        ("scale = 0.00390625", "scale = 0.5", "input"),
    ] {
        let folder = ModelFolder::new();
        folder.change("manifest.toml", |bytes| {
            let text = String::from_utf8(std::mem::take(bytes)).unwrap();
            assert!(text.contains(from));
            *bytes = text.replace(from, to).into_bytes();
        });
        let error = folder.start().unwrap_err();
        assert!(error.contains(told), "{to}: {error}");
    }
}
