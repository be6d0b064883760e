// SPDX-License-Identifier: MIT OR Apache-2.0
//! What leaves the filter, frame by frame.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use advjnd::Verdict;
use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;

use super::super::message::{Progress, Span};

/// How many faces were protected in a frame, and covered.
#[derive(Debug, Clone, Copy)]
struct Seen {
    at: gst::ClockTime,
    protected: usize,
    covered: usize,
}

#[derive(Debug, Default)]
struct Notes {
    progress: Progress,
    /// Frames of the main video.
    seen: Vec<Seen>,
    /// Spans of the main video in which a face is covered.
    spans: Vec<Span>,
    /// Videos that have not ended.
    running: usize,
}

/// Notes on what has left the filters so far.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Mutex<Notes>>);

impl Watch {
    /// Follows the frames that leave by `pad`.
    pub fn follow(&self, pad: &gst::Pad, is_main: bool) {
        self.lock().running += 1;
        let notes = self.clone();
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        pad.add_probe(kinds, move |pad, info| {
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => notes.lock().note(buffer, stream_time(pad, buffer), is_main),
                Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                    let mut notes = notes.lock();
                    notes.running = notes.running.saturating_sub(1);
                    notes.progress.ended = notes.running == 0;
                }
                _ => (),
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.lock().progress
    }

    /// The second of the middle one of the frames with the most protected faces.
    pub fn most_telling(&self) -> f64 {
        let notes = self.lock();
        let most = notes.seen.iter().map(|frame| frame.protected).max().unwrap_or(0);
        let best: Vec<_> = notes.seen.iter().filter(|frame| frame.protected == most).collect();
        best.get(best.len() / 2).map_or(0.0, |frame| frame.at.seconds_f64())
    }

    /// Where in the main video a face is covered.
    pub fn covered_spans(&self) -> Vec<Span> {
        self.lock().spans.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn note(&mut self, buffer: &gst::BufferRef, at: Option<gst::ClockTime>, is_main: bool) {
        let metas = buffer.iter_meta::<VideoRegionOfInterestMeta>().filter_map(|meta| {
            meta.param(super::super::settings::ELEMENT).and_then(|param| param.get::<String>("verdict").ok())
        });
        let verdicts: Vec<_> = metas.collect();
        let protected = verdicts.iter().filter(|verdict| *verdict == Verdict::Protected.name()).count();
        let kept = verdicts.iter().filter(|verdict| *verdict == Verdict::Kept.name()).count();
        let covered = verdicts.len() - protected - kept;
        self.progress.frames += 1;
        self.progress.faces += verdicts.len() as u64;
        self.progress.covered += covered as u64;
        if !is_main {
            return;
        }
        let at = at.unwrap_or(gst::ClockTime::ZERO);
        self.progress.at = at.seconds_f64();
        let was_covered = self.seen.last().is_some_and(|last| last.covered > 0);
        self.seen.push(Seen { at, protected, covered });
        if covered > 0 {
            let until = (at + buffer.duration().unwrap_or(gst::ClockTime::ZERO)).seconds_f64();
            match self.spans.last_mut().filter(|_| was_covered) {
                Some(span) => span.until = until,
                None => self.spans.push(Span { from: at.seconds_f64(), until }),
            }
        }
    }
}

/// Where in the file a buffer belongs; time stamps may start anywhere. What is encoded may tell only when it is to be
/// decoded.
pub fn stream_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    segment.segment().downcast_ref::<gst::ClockTime>()?.to_stream_time(buffer.pts().or(buffer.dts()))
}
