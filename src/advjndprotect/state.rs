// SPDX-License-Identifier: MIT OR Apache-2.0
//! What exists from `start` to `stop`, and the only access to it. A panic there ends the stream, and `start` begins
//! anew.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use advjnd::{Chosen, Mode, Protector};
use glib::subclass::prelude::*;
use gst_video::VideoInfo;

use super::ahead::Held;
use super::imp::{AdvJndProtect, CAT, lock};
use super::settings::Settings;

/// What exists from `start` to `stop`.
pub(super) struct State {
    pub(super) protector: Protector,
    /// The device that runs its recognisers.
    pub(super) device: Chosen,
    /// Whether the warning about a failed device was posted.
    pub(super) device_mourned: bool,
    /// Whether the warning about a mark without a pixel was posted.
    pub(super) empty_mark_told: bool,
    /// The negotiated format, from `set_info` on.
    pub(super) info: Option<VideoInfo>,
    /// Frames that were searched and are not yet protected, oldest first.
    pub(super) held: VecDeque<Held>,
    /// Time stamp of the last frame that came.
    pub(super) last_timestamp: Option<gst::ClockTime>,
    /// Fault of the last frame; a change posts a warning.
    pub(super) last_fault: Option<String>,
    /// The size of the frames for which the protector was prepared.
    pub(super) prepared: Option<(usize, usize)>,
    /// Whether the protector was prepared for the negotiated size, or has seen a frame.
    pub(super) ready: bool,
    /// Whether the warning about a face that passes by choice was posted.
    pub(super) kept_told: bool,
    /// Whether the last frame passed because the element is switched off.
    pub(super) passing: bool,
}

impl State {
    /// Before the first caps.
    pub(super) fn new(protector: Protector, device: Chosen) -> Self {
        Self {
            protector,
            device,
            device_mourned: false,
            empty_mark_told: false,
            info: None,
            held: VecDeque::new(),
            last_timestamp: None,
            last_fault: None,
            prepared: None,
            ready: false,
            kept_told: false,
            passing: false,
        }
    }

    pub(super) fn reset(&mut self) {
        self.protector.reset();
        self.held.clear();
        self.last_timestamp = None;
    }
}

impl AdvJndProtect {
    /// Runs `work` on the state. A panic in it becomes an error and poisons the lock, so that every later call fails,
    /// too, until `start` makes a new state. gstreamer-rs would catch the panic as well, but refuses every later call
    /// of that element, `start` included.
    pub(super) fn with_state<R>(
        &self,
        work: impl FnOnce(&mut State) -> Result<R, gst::ErrorMessage>,
    ) -> Result<R, gst::ErrorMessage> {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut state = self.state.lock().map_err(|_| {
                gst::error_msg!(
                    gst::LibraryError::Failed,
                    ("An earlier frame ended in a panic; set the element to READY and start it again")
                )
            })?;
            let Some(state) = state.as_mut() else {
                return Err(gst::error_msg!(gst::CoreError::Negotiation, ("Data came before the element started")));
            };
            work(state)
        }));
        result.unwrap_or_else(|panic| {
            Err(gst::error_msg!(
                gst::LibraryError::Failed,
                ("Panicked: {}; set the element to READY and start it again", text(&*panic))
            ))
        })
    }

    /// Forgets every face: the next frame does not continue the last one.
    pub(super) fn reset(&self, why: &str) {
        gst::debug!(CAT, imp = self, "Forgetting all faces: {why}");
        let reset = self.with_state(|state| {
            state.reset();
            Ok(())
        });
        if let Err(error) = reset {
            gst::debug!(CAT, imp = self, "There are no faces to forget: {error}");
        }
    }

    /// If the pipeline has a live source, prepares before the pipeline's clock runs: frames that come during the
    /// preparation would be late. This decides nothing: [`take_info`](Self::take_info) does, once it is known whether
    /// the stream is live. If the size of the frames is not known yet, or changes, `take_info` prepares for it.
    pub(super) fn prepare_early(&self) -> Result<(), gst::ErrorMessage> {
        if !self.has_live_source() {
            return Ok(());
        }
        let (settings, size) = (lock(&self.settings).clone(), self.upstream_size());
        self.with_state(|state| {
            if may_leave_out(&settings)
                && let Err(error) = state.protector.time_looks()
            {
                gst::warning!(CAT, imp = self, "The recognisers cannot be timed: {error}");
            }
            if let Some(size) = size {
                self.prepare(state, size, &settings);
            }
            Ok(())
        })
    }

    /// Stores the format of the coming frames. In a live stream, leaves out recognisers that are too slow, and prepares
    /// the protector, so that the first frame need not wait.
    pub(super) fn take_info(&self, info: &VideoInfo) -> Result<(), gst::ErrorMessage> {
        let (live, settings) = (lock(&self.live).is_live(), lock(&self.settings).clone());
        let left_out = self.with_state(|state| {
            if state.info.as_ref() == Some(info) {
                return Ok(Vec::new());
            }
            state.reset();
            state.info = Some(info.clone());
            if state.ready || !live {
                return Ok(Vec::new());
            }
            let left_out =
                if may_leave_out(&settings) { self.leave_out_slow(&mut state.protector) } else { Vec::new() };
            let size = (info.width() as usize, info.height() as usize);
            if state.prepared != Some(size) {
                self.prepare(state, size, &settings);
            }
            state.ready = state.prepared == Some(size);
            Ok(left_out)
        })?;
        self.tell_left_out(&left_out);
        Ok(())
    }

    /// Prepares the protector for frames of `size`: width and height.
    fn prepare(&self, state: &mut State, size: (usize, usize), settings: &Settings) {
        match state.protector.prepare(size.0, size.1, &settings.core) {
            Ok(()) => state.prepared = Some(size),
            Err(error) => gst::warning!(CAT, imp = self, "Cannot prepare for frames of {size:?}: {error}"),
        }
    }
}

/// Whether a live stream may do without some of the recognisers.
fn may_leave_out(settings: &Settings) -> bool {
    settings.recognizer_names().is_empty() && settings.core.mode != Mode::Cover
}

/// The message of a panic.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}
