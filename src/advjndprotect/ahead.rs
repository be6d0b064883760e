// SPDX-License-Identifier: MIT OR Apache-2.0
//! The path of frames through the element: searched on arrival, held for `look-ahead` frames, protected on departure.
//!
//! A face found in a frame was often there before, but too small, turned or dark to be found. While frames are held, it
//! is searched backwards, and protected or covered from the first frame that shows it. Every serialized event sends the
//! held frames first, so that the order stays the same.

use std::time::Duration;

use advjnd::{Context, FrameMut, FrameReport, HeldFrame, Sighting, Verdict};
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_transform::{BaseTransformImplExt, GenerateOutputSuccess};

use super::imp::{AdvJndProtect, CAT, lock};
use super::settings::Settings;
use super::state::State;
use super::{Detector, error, frame, masks, metas, report, roi};

/// A frame that was searched for faces and is not yet protected.
pub(super) struct Held {
    buffer: gst::Buffer,
    sighting: Sighting,
}

/// Default of `look-ahead` for a stream that is not live.
pub(super) const FRAMES: u32 = 15;

/// A held frame, and how its bytes are laid out.
struct Mapped<'a> {
    held: &'a mut Held,
    info: &'a gst_video::VideoInfo,
}

impl HeldFrame for Mapped<'_> {
    fn sighting(&mut self) -> &mut Sighting {
        &mut self.held.sighting
    }

    fn show(&mut self, look: &mut dyn FnMut(&FrameMut<'_>, &mut Sighting)) -> advjnd::Result<()> {
        let Held { buffer, sighting } = &mut *self.held;
        frame::with_frame(buffer.make_mut(), self.info, |frame| {
            look(frame, sighting);
            Ok(())
        })
    }
}

impl AdvJndProtect {
    /// Number of frames to hold.
    pub(super) fn depth(&self) -> usize {
        let set = lock(&self.settings).look_ahead;
        u32::try_from(set).unwrap_or(if lock(&self.live).is_live() { 0 } else { FRAMES }) as usize
    }

    /// Takes the frame that has arrived, if any, and returns the frame that is due to leave, if any.
    pub(super) fn advance(&self) -> Result<GenerateOutputSuccess, gst::FlowError> {
        if let Some(buffer) = self.take_queued_buffer() {
            if lock(&self.live).is_unknown() {
                self.ask_upstream();
                self.refresh_latency();
            }
            self.hold(buffer).map_err(|message| self.fail(message))?;
        }
        self.release(self.depth())
    }

    /// Protects and sends all held frames.
    pub(super) fn drain(&self) -> Result<(), gst::FlowError> {
        loop {
            match self.release(0)? {
                GenerateOutputSuccess::Buffer(buffer) => drop(self.obj().src_pad().push(buffer)?),
                GenerateOutputSuccess::Dropped => {}
                _ => return Ok(()),
            }
        }
    }

    fn fail(&self, message: gst::ErrorMessage) -> gst::FlowError {
        self.post_error_message(message);
        gst::FlowError::Error
    }

    /// Protects the oldest frame if more than `depth` are held.
    fn release(&self, depth: usize) -> Result<GenerateOutputSuccess, gst::FlowError> {
        let held = self.with_state(|state| Ok((state.held.len() > depth).then(|| state.held.pop_front()).flatten()));
        let Some(Held { mut buffer, sighting }) = held.map_err(|message| self.fail(message))? else {
            return Ok(GenerateOutputSuccess::NoOutput);
        };
        let settings = self.settings_for(&buffer);
        let frame = buffer.make_mut();
        let report = self.protect(frame, sighting, &settings).map_err(|message| self.fail(message))?;
        lock(&self.stats).run.add(&report);
        self.follow_device().map_err(|message| self.fail(message))?;
        gst::trace!(CAT, imp = self, "{}: {report:?}", buffer.pts().display());
        Ok(if report.drop { GenerateOutputSuccess::Dropped } else { GenerateOutputSuccess::Buffer(buffer) })
    }

    /// The settings for a frame, with controlled properties applied.
    fn settings_for(&self, buffer: &gst::BufferRef) -> Settings {
        if let Some(stream_time) = self.times(buffer).stream_time
            && let Err(error) = self.obj().sync_values(stream_time)
        {
            gst::warning!(CAT, imp = self, "Cannot follow controlled properties: {error}");
        }
        let mut settings = lock(&self.settings).clone();
        let is_live = lock(&self.live).is_live();
        let usual = if is_live { settings.core.max_iterations } else { advjnd::Settings::UNHURRIED_ITERATIONS };
        settings.core.max_iterations = u32::try_from(settings.max_iterations).unwrap_or(usual);
        settings
    }

    /// Searches `buffer` for faces, and the held frames backwards for new ones.
    fn hold(&self, mut buffer: gst::Buffer) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings_for(&buffer);
        let times = self.times(&buffer);
        let has_empty_mark = self.with_state(|state| {
            let State { protector, info: Some(info), held, last_timestamp, empty_mark_told, .. } = state else {
                return Err(gst::error_msg!(gst::CoreError::Negotiation, ("A buffer came before its caps")));
            };
            let size = frame::size(&buffer, info);
            let marked = || roi::faces(&buffer, size);
            let marks = if settings.detector == Detector::Auto { marked() } else { Vec::new() };
            let given = match settings.detector {
                Detector::Auto | Detector::Builtin => None,
                Detector::RoiMeta => Some(marked()),
                Detector::FullFrame => Some(roi::whole(&settings.regions, size)),
            };
            let context = Context {
                time: times.running_time.map(Duration::from),
                budget: lock(&self.live).budget(times.running_time, self.obj().current_running_time()),
                faces: given.as_deref(),
                marks: &marks,
                regions: &settings.regions,
                exclude_regions: &settings.exclude_regions,
            };
            let sighting = frame::with_frame(buffer.make_mut(), info, |frame| {
                Ok(protector.sight(frame, &context, &settings.core))
            })
            .map_err(|error| error::message(&error))?;
            let has_empty_mark =
                !*empty_mark_told && settings.detector.reads_marks() && roi::has_empty_mark(&buffer, size);
            *empty_mark_told |= has_empty_mark;
            *last_timestamp = times.timestamp;
            held.push_back(Held { buffer, sighting });
            // If faces are given, there is no search for others.
            if given.is_none() {
                let mut mapped: Vec<_> = held.iter_mut().map(|held| Mapped { held, info }).collect();
                protector.trace_back(&mut mapped).map_err(|error| error::message(&error))?;
            }
            Ok(has_empty_mark)
        })?;
        if has_empty_mark {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Format,
                ("A face is marked where the picture has no pixel; such marks are ignored. Check what marks faces \
                  upstream: its frame size may be another one")
            );
        }
        Ok(())
    }

    /// Protects the faces sighted in `buffer`. Returns the report, or an error, after which the buffer must not go out.
    fn protect(
        &self,
        buffer: &mut gst::BufferRef,
        mut sighting: Sighting,
        settings: &Settings,
    ) -> Result<FrameReport, gst::ErrorMessage> {
        if let Some(refusal) = lock(&self.orientation).refusal() {
            return Err(refusal);
        }
        let times = self.times(buffer);
        let (report, new_fault, keeps_first, messages) = self.with_state(|state| {
            let State { protector, info: Some(info), last_fault, ready, passing, kept_told, .. } = state else {
                return Err(gst::error_msg!(gst::CoreError::Negotiation, ("A buffer came before its caps")));
            };
            let size = frame::size(buffer, info);
            let masks = masks::of(settings, buffer, size);
            sighting.mask(&masks);
            let processed = frame::with_frame(buffer, info, |frame| {
                let report = protector.finish(frame, sighting, &settings.core);
                masks::cover(frame, &masks);
                report
            });
            let report = processed
                .and_then(|report| metas::strip(buffer).map(|()| report))
                .map_err(|error| error::message(&error))?;
            (*ready, *passing) = (true, false);
            let new_fault = report.fault.as_ref().filter(|fault| last_fault.as_ref() != Some(fault)).cloned();
            last_fault.clone_from(&report.fault);
            let keeps_first = !*kept_told && report.faces.iter().any(|face| face.verdict == Verdict::Kept);
            *kept_told |= keeps_first;
            if settings.attach_meta {
                report::attach(buffer, &report, size);
            }
            let changed = report.faces.iter().filter(|face| settings.messages && face.changed);
            let messages: Vec<_> = changed.map(|face| report::message(face, times, size)).collect();
            Ok((report, new_fault, keeps_first, messages))
        })?;
        for message in messages {
            let obj = self.obj();
            let _ = obj.post_message(gst::message::Element::builder(message).src(&*obj).build());
        }
        if keeps_first {
            self.tell_kept();
        }
        if let Some(fault) = new_fault {
            gst::element_imp_warning!(self, gst::StreamError::Failed, ("Covered what could not be processed: {fault}"));
        }
        Ok(report)
    }
}
