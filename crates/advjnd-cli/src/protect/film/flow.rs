// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a stream has begun, and whether it has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::prelude::*;

/// What has come out of a pad so far.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    has_begun: Arc<AtomicBool>,
    has_ended: Arc<AtomicBool>,
}

impl Flow {
    /// Follows what comes out of `pad`; `tell` is called at the first data, and at the end.
    pub fn of(pad: &gst::Pad, tell: impl Fn(&gst::Pad) + Send + Sync + 'static) -> Self {
        let flow = Self::default();
        let followed = flow.clone();
        pad.add_probe(gst::PadProbeType::DATA_DOWNSTREAM, move |pad, info| {
            let reached = match info.event().map(|event| event.type_()) {
                None => &followed.has_begun,
                Some(gst::EventType::Eos) => &followed.has_ended,
                Some(_) => return gst::PadProbeReturn::Ok,
            };
            if !reached.swap(true, Ordering::Relaxed) {
                tell(pad);
            }
            gst::PadProbeReturn::Ok
        });
        flow
    }

    /// Whether there will be no more.
    pub fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// Whether it is known whether there is anything in it.
    pub fn is_known(&self) -> bool {
        self.has_ended() || self.has_begun.load(Ordering::Relaxed)
    }

    /// Whether it has ended without data.
    pub fn is_empty(&self) -> bool {
        self.has_ended() && !self.has_begun.load(Ordering::Relaxed)
    }
}
