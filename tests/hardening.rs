// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames as no camera makes them, and what the element must never do: touch bytes that are not its own, write files,
//! talk to a network.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod common;

use std::fs;
use std::process::Command;

use advjnd::PixelFormat;
use gst_video::{VideoFrameFlags, VideoInfo, VideoMeta};
use proptest::prelude::*;

use common::formats::FORMATS;
use common::samples::{Kind, place};
use common::skip::skip;
use common::{Session, caps, faces, file, plane_size};

/// Where the planes of a frame of any layout lie.
struct Layout {
    /// Bytes in a row, rows, stride and offset of each plane.
    planes: Vec<(usize, usize, usize, usize)>,
    size: usize,
}

impl Layout {
    /// Rows longer by `padding`, planes in any order and apart by `gap`.
    fn new(info: &VideoInfo, padding: [usize; 3], gap: usize, backwards: bool) -> Self {
        let count = info.n_planes() as usize;
        let mut planes = vec![(0, 0, 0, 0); count];
        let mut size = gap;
        let order: Vec<usize> = if backwards { (0..count).rev().collect() } else { (0..count).collect() };
        for plane in order {
            let (row, rows) = plane_size(info, plane as u32);
            let stride = row + padding[plane];
            planes[plane] = (row, rows, stride, size);
            size += stride * rows + gap;
        }
        Self { planes, size }
    }

    /// The plane, column (in bytes) and row of a byte; `None` between and beside the pixels.
    fn pixel(&self, at: usize) -> Option<(usize, usize, usize)> {
        self.planes.iter().enumerate().find_map(|(plane, &(row, rows, stride, offset))| {
            let inside = at.checked_sub(offset)?;
            (inside < stride * rows && inside % stride < row).then_some((plane, inside % stride, inside / stride))
        })
    }
}

/// A frame of noise with a grey portrait of `side` pixels in it, at its place in every format.
fn frame(format: PixelFormat, layout: &Layout, portrait: &image::RgbImage, side: u32, seed: u32) -> Vec<u8> {
    let noise = |at: usize| (((at as u32) ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8;
    let portrait = image::imageops::resize(portrait, side, side, image::imageops::FilterType::Triangle);
    let grey = |x: u32, y: u32| portrait.get_pixel_checked(x, y).map(|pixel| pixel.0[1]);
    let mut data: Vec<u8> = (0..layout.size).map(noise).collect();
    for (at, byte) in data.iter_mut().enumerate() {
        if let Some((plane, x, y)) = layout.pixel(at) {
            let place = place(format, plane, x, y);
            let is_color = place.kind == Kind::Color;
            *byte = if is_color { 128 } else { grey(place.x as u32, place.y as u32).unwrap_or(*byte) };
        }
    }
    data
}

fn sides() -> impl Strategy<Value = u32> {
    prop_oneof![1u32..=400, 1u32..=400, 120u32..=400, 1u32..=33]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_of_any_size_and_layout_change_in_the_regions_of_faces_only(
        format in 0..FORMATS.len(),
        (width, height) in (sides(), sides()),
        padding in [0usize..70, 0usize..70, 0usize..70],
        gap in 0usize..50,
        backwards: bool,
        side in 90u32..260,
        seed: u32,
    ) {
        let (format, core) = FORMATS[format];
        let caps = caps(format, width, height);
        let info = VideoInfo::from_caps(&caps).unwrap();
        let layout = Layout::new(&info, padding, gap, backwards);
        let portrait = image::open(file("crates/advjnd/tests/data/chips/astronaut.png")).unwrap().to_rgb8();
        let before = frame(core, &layout, &portrait, side, seed);
        let offsets: Vec<usize> = layout.planes.iter().map(|plane| plane.3).collect();
        let strides: Vec<i32> = layout.planes.iter().map(|plane| plane.2 as i32).collect();
        let mut session = Session::new(&caps, &[]);
        for _ in 0..2 {
            let mut buffer = gst::Buffer::from_mut_slice(before.clone());
            let flags = VideoFrameFlags::empty();
            VideoMeta::add_full(buffer.get_mut().unwrap(), flags, info.format(), width, height, &offsets, &strides).unwrap();
            session.harness.push(buffer).unwrap();
            let output = session.harness.pull().unwrap();
            let (faces, after) = (faces(&output), output.map_readable().unwrap());
            for at in (0..layout.size).filter(|&at| before[at] != after[at]) {
                let Some((plane, x, y)) = layout.pixel(at) else {
                    return Err(TestCaseError::fail(format!("byte {at} beside the pixels changed")));
                };
                let place = place(core, plane, x, y);
                let near = |face: &common::Face| place.pixels().any(|(x, y)| face.touches(x, y));
                prop_assert!(faces.iter().any(near), "{:?} of plane {} changed outside of {:?}", place, plane, faces);
            }
        }
        prop_assert_eq!(session.count("faults"), 0);
    }
}

/// What the element does is seen from outside, in the system calls of `gst-launch-1.0` on a clip with a face.
#[test]
fn the_element_talks_to_no_network_and_writes_no_file() {
    let probe = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).status();
    if !probe.is_ok_and(|status| status.success()) {
        skip("the_element_talks_to_no_network_and_writes_no_file", "strace is missing, or may not trace here");
        return;
    }
    common::init();
    let folder = common::folder();
    let folder = folder.path();
    common::install_plugin(folder);
    let (log, registry) = (folder.join("calls.txt"), folder.join("registry.bin"));
    let gstreamer = |command: &mut Command| {
        command.env("GST_PLUGIN_PATH", folder).env("GST_REGISTRY", &registry).env("GST_REGISTRY_FORK", "no");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    // The registry is GStreamer's own file: it is written before.
    gstreamer(Command::new("gst-inspect-1.0").arg("advjndprotect"));
    let models = file("models");
    let clip = common::sample_clip();
    for properties in [String::new(), format!("models={}", models.display())] {
        let pipeline = format!(
            "filesrc location={} ! decodebin ! identity eos-after=4 ! {} ! videoconvert ! advjndprotect {properties} ! fakesink",
            clip.display(),
            common::ONE_FACE
        );
        let mut command = Command::new("strace");
        command.args(["-f", "-e", "trace=network,open,openat,creat,mkdir,rename,unlink,link,symlink,truncate", "-o"]);
        command.arg(&log).args(["gst-launch-1.0", "-q"]).args(pipeline.split_whitespace());
        gstreamer(command.env("GST_REGISTRY_UPDATE", "no"));
        let calls = fs::read_to_string(&log).unwrap();
        let clip = clip.to_str().unwrap();
        assert!(calls.lines().any(|line| line.contains(clip)), "the trace sees what is opened");
        for line in calls.lines() {
            let call = line.split_whitespace().nth(1).unwrap_or_default();
            let opens = call.starts_with("open");
            let writes =
                ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|mode| line.contains(mode)) && !line.contains("\"/dev/");
            assert!(!opens || !writes, "a file is opened for writing: {line}");
            // GLib and libc ask each other through local sockets; none has an address in a network.
            assert!(!line.contains("AF_INET") && !line.contains("AF_NETLINK"), "a network is asked: {line}");
            let changes = ["creat(", "mkdir", "rename", "unlink", "link(", "symlink", "truncate"];
            assert!(!changes.iter().any(|name| call.starts_with(name)), "the file system is changed: {line}");
        }
    }
}
