// SPDX-License-Identifier: MIT OR Apache-2.0
//! Live streams: whether the stream is live, the reported latency, and how long frames may take.
//!
//! Upstream says whether it is live in its answer to the LATENCY query. The element asks when downstream asks, and
//! before the first frame. In a stream that is not live, nothing here has an effect, and no clock decides anything.

use std::time::Duration;

use advjnd::Protector;
use advjnd::pacing::{DEFAULT_INTERVAL, Schedule};
use glib::subclass::prelude::*;
use gst::prelude::*;
use gst_base::prelude::*;
use gst_video::VideoInfo;

use super::imp::{AdvJndProtect, CAT, lock};

/// The timing of the stream.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Upstream's answer: whether it is live, and its least latency. `None` until it was asked.
    upstream: Option<(bool, gst::ClockTime)>,
    schedule: Schedule,
    /// Number of frames for which a frame is held.
    look_ahead: u32,
    /// The latency last reported downstream.
    told: Option<gst::ClockTime>,
}

impl Live {
    /// Whether upstream was not asked yet.
    pub(super) fn is_unknown(&self) -> bool {
        self.upstream.is_none()
    }

    /// Whether upstream said that it is live.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.upstream, Some((true, _)))
    }

    /// Stores upstream's answer.
    pub(super) fn set_upstream(&mut self, live: bool, latency: gst::ClockTime) {
        self.upstream = Some((live, latency));
    }

    /// Stores the user's time for a frame, nanoseconds (0: a share of the interval), and for how many frames one is
    /// held (none if negative).
    pub(super) fn set_delay(&mut self, nanoseconds: u64, look_ahead: i32) {
        self.schedule.deadline = Duration::from_nanos(nanoseconds);
        self.look_ahead = u32::try_from(look_ahead).unwrap_or(0);
    }

    /// Stores the frame rate.
    pub(super) fn set_rate(&mut self, info: &VideoInfo) {
        let (frames, seconds) = (info.fps().numer(), info.fps().denom());
        let told = frames > 0 && seconds > 0;
        self.schedule.interval = told.then(|| Duration::from_secs_f64(f64::from(seconds) / f64::from(frames)));
    }

    /// Stores how many times too slow the stream is for downstream.
    pub(super) fn set_proportion(&mut self, proportion: f64) {
        self.schedule.proportion = if proportion.is_finite() { proportion } else { 1.0 };
    }

    /// Forgets upstream's answer and the reported lateness.
    pub(super) fn forget(&mut self) {
        (self.upstream, self.schedule.proportion) = (None, 1.0);
    }

    /// The element's own latency.
    pub(super) fn latency(&self) -> gst::ClockTime {
        if self.is_live() {
            let held = self.schedule.interval.unwrap_or(DEFAULT_INTERVAL) * self.look_ahead;
            gst::ClockTime::try_from(self.schedule.latency() + held).unwrap_or(gst::ClockTime::ZERO)
        } else {
            gst::ClockTime::ZERO
        }
    }

    /// The latency, recorded as reported downstream.
    pub(super) fn tell(&mut self) -> gst::ClockTime {
        let latency = self.latency();
        self.told = Some(latency);
        latency
    }

    /// Whether the latency has changed since it was reported, so that downstream must ask again.
    pub(super) fn is_stale(&self) -> bool {
        self.told.is_some_and(|told| told != self.latency())
    }

    /// How long a frame may take that was due at `running_time` and arrived `now`; `None` if the stream is not live.
    pub(super) fn budget(&self, running_time: Option<gst::ClockTime>, now: Option<gst::ClockTime>) -> Option<Duration> {
        let Some((true, upstream)) = self.upstream else { return None };
        let due = running_time.map(|time| time + upstream);
        let waited = now.zip(due).and_then(|(now, due)| now.checked_sub(due)).unwrap_or(gst::ClockTime::ZERO);
        Some(self.schedule.budget(waited.into()))
    }
}

impl AdvJndProtect {
    /// Asks upstream whether the stream is live, and for its latency.
    pub(super) fn ask_upstream(&self) -> Option<(bool, gst::ClockTime, Option<gst::ClockTime>)> {
        let mut query = gst::query::Latency::new();
        let answer = self.obj().sink_pad().peer_query(&mut query).then(|| query.result());
        // An upstream that does not answer is not live.
        let (live, min, _) = answer.unwrap_or_default();
        lock(&self.live).set_upstream(live, min);
        answer
    }

    /// Whether the pipeline has a source that is live. Unlike [`ask_upstream`](Self::ask_upstream), it is known before
    /// the sources have started.
    pub(super) fn has_live_source(&self) -> bool {
        let parents = std::iter::successors(self.obj().parent(), |object| object.parent());
        let pipeline = parents.last().and_then(|top| top.downcast::<gst::Bin>().ok());
        let live = |element: gst::Element| element.downcast::<gst_base::BaseSrc>().is_ok_and(|source| source.is_live());
        pipeline.is_some_and(|pipeline| pipeline.iterate_recurse().into_iter().flatten().any(live))
    }

    /// Width and height of the coming frames, if upstream can give no others.
    pub(super) fn upstream_size(&self) -> Option<(usize, usize)> {
        let caps = self.obj().sink_pad().peer_query_caps(None);
        let size = |caps: &gst::StructureRef| {
            let [width, height] = ["width", "height"].map(|side| caps.get::<i32>(side).ok()?.try_into().ok());
            Some((width?, height?))
        };
        let mut sizes = caps.iter().map(size);
        let first = sizes.next()??;
        sizes.all(|other| other == Some(first)).then_some(first)
    }

    /// Leaves out those of the default recognisers that are too slow for this stream; returns their names.
    pub(super) fn leave_out_slow(&self, protector: &mut Protector) -> Vec<String> {
        let budget = lock(&self.live).schedule.latency();
        let left_out = protector.leave_out_slow(budget).unwrap_or_else(|error| {
            gst::warning!(CAT, imp = self, "The recognisers cannot be timed: {error}");
            Vec::new()
        });
        lock(&self.stats).recognizers = protector.recognizers().map(str::to_owned).collect();
        left_out
    }

    /// Says which recognisers were left out, if any.
    pub(super) fn tell_left_out(&self, names: &[String]) {
        if !names.is_empty() {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Settings,
                (
                    "This machine is too slow to ask all recognisers in every frame. Left out, so that faces are not \
                     protected from them: {}. Use a faster machine or fewer frames a second, or set `recognizers` to keep \
                     them and cover more faces",
                    names.join(", ")
                )
            );
        }
    }

    /// Answers the LATENCY query: upstream's latency plus the element's own.
    pub(super) fn answer_latency(&self, query: &mut gst::query::Latency) -> bool {
        let Some((live, min, max)) = self.ask_upstream() else { return false };
        let own = lock(&self.live).tell();
        lock(&self.stats).latency = own;
        query.set(live, min + own, max.map(|max| max + own));
        gst::debug!(CAT, imp = self, "Latency {own} of {}", min + own);
        true
    }

    /// Call after a change that may affect the latency: if it changed, requests a new LATENCY query.
    pub(super) fn refresh_latency(&self) {
        let (latency, stale) = {
            let live = lock(&self.live);
            (live.latency(), live.is_stale())
        };
        lock(&self.stats).latency = latency;
        if stale {
            let obj = self.obj();
            let _ = obj.post_message(gst::message::Latency::builder().src(&*obj).build());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn info(rate: (i32, i32)) -> VideoInfo {
        gst::init().unwrap();
        let fps = gst::Fraction::new(rate.0, rate.1);
        VideoInfo::builder(gst_video::VideoFormat::I420, 64, 64).fps(fps).build().unwrap()
    }

    #[test]
    fn latency_is_a_share_of_the_interval_of_live_streams_and_nothing_in_others() {
        let mut live = Live::default();
        live.set_rate(&info((25, 1)));
        assert_eq!(live.latency(), gst::ClockTime::ZERO);
        live.set_upstream(false, gst::ClockTime::ZERO);
        assert_eq!((live.latency(), live.budget(None, None)), (gst::ClockTime::ZERO, None));
        live.set_upstream(true, gst::ClockTime::from_mseconds(5));
        assert_eq!(live.latency(), gst::ClockTime::from_mseconds(38));
        live.set_delay(7_000_000, -1);
        assert_eq!(live.latency(), gst::ClockTime::from_mseconds(7));
        live.set_delay(7_000_000, 2);
        assert_eq!(live.latency().mseconds(), 87, "two frames are held");
        live.set_delay(0, 0);
        live.set_rate(&info((0, 1)));
        assert_eq!(live.latency().mseconds(), 31, "as at 30 frames a second");
    }

    #[test]
    fn a_frame_that_waited_has_less_time_and_never_none() {
        let mut live = Live::default();
        live.set_rate(&info((25, 1)));
        live.set_upstream(true, gst::ClockTime::from_mseconds(5));
        let budget = |live: &Live, now| {
            let time = gst::ClockTime::from_mseconds;
            live.budget(Some(time(100)), Some(time(now))).unwrap().as_micros()
        };
        assert_eq!([90, 105, 115, 5000].map(|now| budget(&live, now)), [38_000, 38_000, 28_000, 15_200]);
        live.set_proportion(2.0);
        assert_eq!(budget(&live, 105), 19_000);
        live.set_proportion(f64::NAN);
        assert_eq!(budget(&live, 105), 38_000);
    }

    #[test]
    fn latency_that_was_told_becomes_stale_when_it_changes() {
        let mut live = Live::default();
        live.set_upstream(true, gst::ClockTime::ZERO);
        live.set_rate(&info((25, 1)));
        assert!(!live.is_stale(), "nobody asked");
        assert_eq!(live.tell(), gst::ClockTime::from_mseconds(38));
        assert!(!live.is_stale());
        live.set_rate(&info((50, 1)));
        assert!(live.is_stale());
    }
}
