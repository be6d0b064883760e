// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reports of the core in GStreamer's forms: the `stats` structure, element messages, metas.

use advjnd::report::StageTimes;
use advjnd::{DeviceReport, FaceReport, FrameReport, RunStats};
use glib::prelude::*;
use gst_video::VideoRegionOfInterestMeta;

use super::{FACE, NAME};

/// Sums since the element was started.
#[derive(Debug, Clone, Default)]
pub(super) struct Stats {
    /// Sums from the core.
    pub(super) run: RunStats,
    /// Frames that were too late and were dropped unprocessed.
    pub(super) frames_late: u64,
    /// Frames that passed unchanged because the element was switched off.
    pub(super) frames_passed: u64,
    /// The device that runs the recognisers, and what it has done.
    pub(super) device: DeviceReport,
    /// The names of the recognisers in use.
    pub(super) recognizers: Vec<String>,
    /// The element's own latency.
    pub(super) latency: gst::ClockTime,
}

impl Stats {
    /// The value of property `stats`.
    pub(super) fn structure(&self) -> gst::Structure {
        let (before, after) = self.run.mean_similarity();
        let StageTimes { detect, jnd, attack, verify, .. } = self.run.times;
        let nanoseconds = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        gst::Structure::builder("application/x-advjndprotect-stats")
            .field("frames", self.run.frames)
            .field("frames-dropped", self.run.frames_dropped)
            .field("frames-late", self.frames_late)
            .field("frames-passed", self.frames_passed)
            .field("frames-searched", self.run.searched)
            .field("deadline-misses", self.run.late)
            .field("faults", self.run.faults)
            .field("faces", self.run.faces)
            .field("protected", self.run.protected)
            .field("covered", self.run.covered)
            .field("out-of-time", self.run.out_of_time)
            .field("kept", self.run.kept)
            .field("iterations", self.run.iterations)
            .field("similarity-before", before)
            .field("similarity-after", after)
            .field("psnr", self.run.mean(self.run.psnr))
            .field("displacement", self.run.mean(self.run.displacement))
            .field("light", self.run.mean(self.run.light))
            .field("detect-time", nanoseconds(detect))
            .field("jnd-time", nanoseconds(jnd))
            .field("attack-time", nanoseconds(attack))
            .field("verify-time", nanoseconds(verify))
            .field("recognizers", self.recognizers.join(","))
            .field("device", &self.device.device)
            .field("adapter", &self.device.adapter)
            .field("device-iterations", self.device.iterations)
            .field("device-looks", self.device.looks)
            .field("device-faults", u64::from(self.device.fault.is_some()))
            .field("audits", self.device.audits)
            .build()
    }
}

/// The times of a frame.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    /// Its time stamp.
    pub(super) timestamp: Option<gst::ClockTime>,
    /// Its stream time.
    pub(super) stream_time: Option<gst::ClockTime>,
    /// Its running time.
    pub(super) running_time: Option<gst::ClockTime>,
}

/// The structure of the element message about a face whose verdict changed in a frame of `size`.
pub(super) fn message(face: &FaceReport, times: Times, size: (u32, u32)) -> gst::Structure {
    let (x, y, width, height) = rectangle(face, size);
    gst::Structure::builder(NAME)
        .field("face", face.id.0)
        .field("verdict", face.verdict.name())
        .field("timestamp", times.timestamp)
        .field("stream-time", times.stream_time)
        .field("running-time", times.running_time)
        .field("x", x)
        .field("y", y)
        .field("width", width)
        .field("height", height)
        .field("similarity-before", f64::from(face.similarity_before))
        .field("similarity-after", f64::from(face.similarity_after))
        .build()
}

/// Adds a `GstVideoRegionOfInterestMeta` of type `face` to `buffer` for every face of `report`.
pub(super) fn attach(buffer: &mut gst::BufferRef, report: &FrameReport, size: (u32, u32)) {
    for face in &report.faces {
        let landmarks = face.landmarks.0.iter().flatten().map(|value| value.to_send_value());
        let region = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
        let mut meta = VideoRegionOfInterestMeta::add(buffer, FACE, rectangle(face, size));
        // Track numbers count up from the start of the stream; the meta's id has 31 bits for them.
        meta.set_id((face.id.0 & 0x7fff_ffff) as i32);
        meta.add_param(
            gst::Structure::builder(NAME)
                .field("verdict", face.verdict.name())
                .field("score", f64::from(face.score))
                .field("aligned", face.aligned)
                .field("similarity-before", f64::from(face.similarity_before))
                .field("similarity-after", f64::from(face.similarity_after))
                .field("iterations", face.iterations)
                .field("spent", f64::from(face.spent))
                .field("psnr", f64::from(face.psnr))
                .field("displacement", f64::from(face.displacement))
                .field("light", f64::from(face.light))
                .field("landmarks", gst::Array::from_values(landmarks))
                .field("region-x", region(face.region.x))
                .field("region-y", region(face.region.y))
                .field("region-width", region(face.region.width))
                .field("region-height", region(face.region.height))
                .build(),
        );
    }
}

/// The face's box in whole pixels inside the frame.
fn rectangle(face: &FaceReport, size: (u32, u32)) -> (u32, u32, u32, u32) {
    let span = |start: f32, length: f32, limit: u32| {
        let low = start.floor().clamp(0.0, limit as f32) as u32;
        let high = (start + length).ceil().clamp(0.0, limit as f32) as u32;
        (low, high.saturating_sub(low))
    };
    let (x, width) = span(face.bbox.x, face.bbox.width, size.0);
    let (y, height) = span(face.bbox.y, face.bbox.height, size.1);
    (x, y, width, height)
}
