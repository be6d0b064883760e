// SPDX-License-Identifier: MIT OR Apache-2.0
//! The video's end is the file's end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use advjnd::{Error, Result};
use gst::prelude::*;

use super::LEFT_OUT;

/// How much later than the video the end of a sound may be; what was recorded together does not end at once.
const TAIL: gst::ClockTime = gst::ClockTime::from_mseconds(100);

#[derive(Debug, Default)]
struct Times {
    /// The end of the last frame, in running time.
    last: Option<gst::ClockTime>,
    /// That of the video.
    end: Option<gst::ClockTime>,
    /// Whether something went on longer, and was ended.
    has_cut: bool,
    /// By sound that goes with the video, whether anything of it came.
    came: Vec<bool>,
}

/// Where the video ends, once it has.
#[derive(Debug, Clone, Default)]
pub struct End(Arc<Mutex<Times>>);

impl End {
    /// Follows the video that comes to `pad`.
    pub fn follow(&self, pad: &gst::Pad) {
        let times = self.0.clone();
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        pad.add_probe(kinds, move |pad, info| {
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => {
                    let until =
                        running_time(pad, buffer).map(|from| from + buffer.duration().unwrap_or(gst::ClockTime::ZERO));
                    times.last = times.last.max(until);
                }
                Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => times.end = times.last,
                _ => (),
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Whether a stream went on longer than the video, and was ended.
    pub fn has_cut(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).has_cut
    }

    /// Expects something of the sound that comes to `pad`.
    pub fn expect(&self, pad: &gst::Pad) {
        let times = self.0.clone();
        let number = {
            let came = &mut times.lock().unwrap_or_else(PoisonError::into_inner).came;
            came.push(false);
            came.len() - 1
        };
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        pad.add_probe(kinds, move |_, _| {
            if let Some(came) = times.lock().unwrap_or_else(PoisonError::into_inner).came.get_mut(number) {
                *came = true;
            }
            gst::PadProbeReturn::Remove
        });
    }

    /// Checks that something came of every sound that was expected: players refuse a file with an empty one.
    ///
    /// # Errors
    /// [`Error::Input`] where nothing came of one.
    pub fn check(&self) -> Result<()> {
        let is_whole = self.0.lock().unwrap_or_else(PoisonError::into_inner).came.iter().all(|came| *came);
        is_whole.then_some(()).ok_or_else(|| {
            let remedy = "convert it first: ffmpeg -i FILE -map 0 -c copy -c:a aac NEW.mkv";
            Error::input(format!("one of its sound tracks could not be decoded; {remedy}"))
        })
    }

    /// Ends the stream that comes to `pad` with the video.
    pub fn cut(&self, pad: &gst::Pad) {
        let times = self.0.clone();
        let is_over = AtomicBool::new(false);
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let end = times.lock().unwrap_or_else(PoisonError::into_inner).end;
            let from = info.buffer().and_then(|buffer| running_time(pad, buffer));
            if end.zip(from).is_none_or(|(end, from)| from < end + TAIL) {
                return gst::PadProbeReturn::Ok;
            }
            if !is_over.swap(true, Ordering::Relaxed) {
                times.lock().unwrap_or_else(PoisonError::into_inner).has_cut = true;
                pad.send_event(gst::event::Eos::new());
            }
            LEFT_OUT
        });
    }
}

fn running_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    segment.segment().downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts())
}
