// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every scenario needs: frames as clips and test patterns give them, and an element to push them through.

#![allow(dead_code, reason = "every test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails must fail its test")]

#[path = "../../src/advjndprotect/formats.rs"]
#[allow(clippy::duplicate_mod, reason = "the element has it too, and its own tests include this file")]
pub mod formats;
pub mod numbers;
#[path = "../../crates/advjnd/tests/common/samples.rs"]
pub mod samples;
pub mod skip;

use std::path::{Path, PathBuf};
use std::sync::Once;

use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFormat, VideoFrameRef, VideoInfo, VideoRegionOfInterestMeta};

/// The part of the sample clip that shows one face of about 140 pixels, and nothing else, for its first second.
pub const ONE_FACE: &str = "videocrop left=240 top=260 right=720 bottom=140";

/// Properties with which a face is protected in its first frame.
pub const STRONG: [(&str, &str); 2] = [("jnd-scale", "10"), ("max-iterations", "40")];

/// Starts GStreamer with the plugin.
pub fn init() {
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().unwrap();
        gstadvjndprotect::plugin_register_static().unwrap();
    });
}

/// A file of the repository.
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// An empty folder, removed when it is dropped.
pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("advjndprotect-").tempdir().unwrap()
}

/// Puts the plugin that this test was built with into `folder`, made if it is missing, for programs that load it from
/// disk.
pub fn install_plugin(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let built = std::env::current_exe().unwrap().with_file_name("libgstadvjndprotect.so");
    std::fs::copy(built, folder.join("libgstadvjndprotect.so")).unwrap();
}

/// The sample clip.
pub fn sample_clip() -> PathBuf {
    file("examples/media/portraits_720p.mp4")
}

/// Caps of a progressive video.
pub fn caps(format: VideoFormat, width: u32, height: u32) -> gst::Caps {
    init();
    VideoInfo::builder(format, width, height).fps(gst::Fraction::new(25, 1)).build().unwrap().to_caps().unwrap()
}

/// Frames and their caps.
#[derive(Clone)]
pub struct Frames {
    pub info: VideoInfo,
    pub buffers: Vec<gst::Buffer>,
}

impl Frames {
    /// The first `count` frames that come out of `source`, converted to `caps`.
    pub fn of(source: &str, caps: &gst::Caps, count: usize) -> Self {
        init();
        let pipeline = format!("{source} ! videoconvert ! appsink name=sink sync=false max-buffers=4");
        let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
        let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
        sink.set_caps(Some(caps));
        pipeline.set_state(gst::State::Playing).unwrap();
        let samples: Vec<_> = (0..count).map(|_| sink.pull_sample().unwrap()).collect();
        pipeline.set_state(gst::State::Null).unwrap();
        let info = VideoInfo::from_caps(samples[0].caps().unwrap()).unwrap();
        // Copies, so that nothing else holds them.
        let buffers = samples.iter().map(|sample| sample.buffer().unwrap().copy_deep().unwrap()).collect();
        Self { info, buffers }
    }

    /// A test pattern without a face.
    pub fn pattern(name: &str, format: VideoFormat, width: u32, height: u32, count: usize) -> Self {
        Self::of(&format!("videotestsrc pattern={name}"), &caps(format, width, height), count)
    }

    /// The sample clip through `filter`.
    pub fn sample(filter: &str, format: VideoFormat, count: usize) -> Self {
        Self::of_clip(&sample_clip(), filter, format, count)
    }

    /// A clip through `filter`.
    pub fn of_clip(clip: &Path, filter: &str, format: VideoFormat, count: usize) -> Self {
        init();
        let source = format!("filesrc location=\"{}\" ! decodebin ! {filter}", clip.display());
        let caps = gst_video::VideoCapsBuilder::new().format(format).build();
        Self::of(&source, &caps, count)
    }

    pub fn caps(&self) -> gst::Caps {
        self.info.to_caps().unwrap()
    }
}

/// An element that plays, with its bus.
pub struct Session {
    pub element: gst::Element,
    pub harness: gst_check::Harness,
    pub bus: gst::Bus,
}

impl Session {
    /// An element with `properties` (name and value as `gst-launch-1.0` takes them) in a stream that is not live.
    pub fn new(caps: &gst::Caps, properties: &[(&str, &str)]) -> Self {
        Self::with(caps, false, properties)
    }

    /// An element with `properties` in a live stream, or in one that is not.
    pub fn with(caps: &gst::Caps, live: bool, properties: &[(&str, &str)]) -> Self {
        let element = element(properties);
        if !properties.iter().any(|(name, _)| *name == "look-ahead") {
            // A frame comes out for every one that goes in.
            element.set_property("look-ahead", 0);
        }
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let mut harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
        if !live {
            // The harness says it is live.
            let sink = element.static_pad("sink").unwrap();
            sink.add_probe(gst::PadProbeType::QUERY_UPSTREAM, |_, info| {
                if let Some(query) = info.query_mut()
                    && let gst::QueryViewMut::Latency(latency) = query.view_mut()
                {
                    latency.set(false, gst::ClockTime::ZERO, gst::ClockTime::NONE);
                    return gst::PadProbeReturn::Handled;
                }
                gst::PadProbeReturn::Ok
            });
        }
        harness.set_src_caps(caps.clone());
        Self { element, harness, bus }
    }

    /// Pushes one frame and takes what comes out.
    pub fn protect(&mut self, buffer: &gst::Buffer) -> gst::Buffer {
        self.harness.push(buffer.copy_deep().unwrap()).unwrap();
        self.harness.try_pull().expect("a frame comes out for every one that goes in")
    }

    pub fn protect_all(&mut self, frames: &Frames) -> Vec<gst::Buffer> {
        frames.buffers.iter().map(|buffer| self.protect(buffer)).collect()
    }

    pub fn stats(&self) -> gst::Structure {
        self.element.property("stats")
    }

    pub fn count(&self, field: &str) -> u64 {
        self.stats().get(field).unwrap()
    }

    /// The element messages posted so far.
    pub fn element_messages(&self) -> Vec<gst::Structure> {
        let messages = self.bus.iter_filtered(&[gst::MessageType::Element]);
        messages.filter_map(|message| message.structure().map(|structure| structure.to_owned())).collect()
    }

    /// The text of the first error posted.
    pub fn error(&self) -> Option<String> {
        first_error(&self.bus)
    }
}

/// The text of the first error on a bus.
pub fn first_error(bus: &gst::Bus) -> Option<String> {
    let message = bus.iter_filtered(&[gst::MessageType::Error]).next()?;
    match message.view() {
        gst::MessageView::Error(error) => Some(error.error().to_string()),
        _ => None,
    }
}

/// An element with properties set.
pub fn element(properties: &[(&str, &str)]) -> gst::Element {
    init();
    let element = gst::ElementFactory::make("advjndprotect").build().unwrap();
    for (name, value) in properties {
        element.set_property_from_str(name, value);
    }
    element
}

/// The pixels of a frame: the rows of every plane, without their padding.
pub fn pixels(buffer: &gst::BufferRef, info: &VideoInfo) -> Vec<Vec<u8>> {
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
    let plane_rows = |plane: u32| {
        let (row, rows) = plane_size(info, plane);
        let stride = frame.plane_stride()[plane as usize] as usize;
        let data = frame.plane_data(plane).unwrap();
        (0..rows).flat_map(move |y| data[y * stride..][..row].to_vec()).collect()
    };
    (0..frame.n_planes()).map(plane_rows).collect()
}

/// Bytes in a row of a plane, and its rows, as GStreamer's description of the format has them.
pub fn plane_size(info: &VideoInfo, plane: u32) -> (usize, usize) {
    let own = (0..info.n_components() as u8).filter(|component| info.comp_plane(*component) == plane);
    own.fold((0, 0), |(row, rows), component| {
        let bytes = info.comp_width(component) as usize * info.comp_pstride(component) as usize;
        (row.max(bytes), rows.max(info.comp_height(component) as usize))
    })
}

/// A face as the output buffer tells it.
#[derive(Debug)]
pub struct Face {
    pub id: i32,
    pub rect: (u32, u32, u32, u32),
    pub verdict: String,
    /// Left, top, right, bottom of the pixels that may have been touched.
    pub region: [usize; 4],
    pub param: gst::Structure,
}

impl Face {
    pub fn touches(&self, x: usize, y: usize) -> bool {
        let [left, top, right, bottom] = self.region;
        (left..right).contains(&x) && (top..bottom).contains(&y)
    }
}

/// The faces that an output buffer tells of.
pub fn faces(buffer: &gst::BufferRef) -> Vec<Face> {
    let metas = buffer.iter_meta::<VideoRegionOfInterestMeta>().filter(|meta| meta.roi_type() == "face");
    let face = |meta: gst::MetaRef<'_, VideoRegionOfInterestMeta>| {
        let param = meta.param("advjndprotect").unwrap().to_owned();
        let [x, y, width, height] = ["region-x", "region-y", "region-width", "region-height"]
            .map(|name| param.get::<u32>(name).unwrap() as usize);
        Face {
            id: meta.id(),
            rect: meta.rect(),
            verdict: param.get("verdict").unwrap(),
            region: [x, y, x + width, y + height],
            param,
        }
    };
    metas.map(face).collect()
}
