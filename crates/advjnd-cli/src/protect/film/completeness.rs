// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether all came that a file says it has.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

use super::stream::{Found, media_type};
use super::watch::stream_time;

/// Containers that say how long they are; others are guessed by their size.
const CERTAIN: [&str; 6] =
    ["video/quicktime", "video/x-matroska", "video/webm", "video/x-msvideo", "video/x-flv", "video/x-ms-asf"];
/// Seconds of video that may come encoded behind the last frame that is decoded.
const UNDECODED: f64 = 1.0;
/// How much earlier than said a file may end.
const TOLERANCE: gst::ClockTime = gst::ClockTime::from_mseconds(250);

#[derive(Debug, Default)]
struct Counts {
    /// Frames of the video that came encoded, without those that an edit list hides.
    frames: u64,
    /// The end of what came latest, of whatever stream.
    end: Option<gst::ClockTime>,
    /// Where the last frame of the video that came encoded begins.
    last: Option<gst::ClockTime>,
    /// Whether frames may come as two fields.
    interlaced: bool,
}

/// What has come out of a file so far.
#[derive(Debug, Clone, Default)]
pub struct Completeness(Arc<Mutex<Counts>>);

impl Completeness {
    /// Follows all `streams`; the frames of `main` are counted.
    pub fn of(streams: &[Found], main: usize) -> Self {
        let this = Self::default();
        for (index, stream) in streams.iter().enumerate() {
            let counts = this.clone();
            stream.queued.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                if let Some(buffer) = info.buffer() {
                    counts.lock().note(pad, buffer, index == main);
                }
                gst::PadProbeReturn::Ok
            });
        }
        this
    }

    /// What is missing, where `frames` were decoded, the last of which is at `at` seconds, of a file of the type
    /// `container` that says it lasts `said`.
    pub fn missing(&self, frames: u64, at: f64, container: &gst::CapsRef, said: Option<gst::ClockTime>) -> Vec<String> {
        let counts = self.lock();
        let mut missing = Vec::new();
        if !counts.interlaced && counts.frames > frames + 1 + counts.frames / 100 {
            missing.push(format!(
                "only {frames} of {} frames could be decoded; the file is damaged or begins within a picture",
                counts.frames
            ));
        }
        if let Some(last) = counts.last.map(gst::ClockTime::seconds_f64)
            && last > at + UNDECODED
        {
            missing.push(format!(
                "the video goes on until {last:.2} s, and nothing after {at:.2} s could be decoded; the file is damaged"
            ));
        }
        if let Some((end, said)) = counts.end.zip(said)
            && CERTAIN.contains(&media_type(container))
            && end + TOLERANCE < said
        {
            missing.push(format!(
                "the file says it lasts {:.2} s and ends after {:.2} s; it is cut short, copy it anew from where it \
                 came from",
                said.seconds_f64(),
                end.seconds_f64()
            ));
        }
        missing
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn note(&mut self, pad: &gst::Pad, buffer: &gst::BufferRef, is_main: bool) {
        let from = stream_time(pad, buffer);
        let until = from.map(|from| from + buffer.duration().unwrap_or(gst::ClockTime::ZERO));
        self.end = self.end.max(until);
        let is_shown = from.is_some() && !buffer.flags().contains(gst::BufferFlags::DECODE_ONLY);
        if is_main && is_shown && !buffer.flags().contains(gst::BufferFlags::HEADER) {
            self.frames += 1;
            self.last = self.last.max(from);
            self.interlaced |= pad.current_caps().is_some_and(|caps| may_be_fields(&caps));
        }
    }
}

fn may_be_fields(caps: &gst::CapsRef) -> bool {
    caps.structure(0).and_then(|structure| structure.get::<&str>("interlace-mode").ok()) != Some("progressive")
        && media_type(caps) != "video/x-raw"
}
