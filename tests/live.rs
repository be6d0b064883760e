// SPDX-License-Identifier: MIT OR Apache-2.0
//! Live streams: the latency that is told, and what is dropped.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod common;

use gst::prelude::*;
use gst_video::{VideoFormat, VideoInfo};

use common::{Frames, Session, caps, init};

const MS: fn(u64) -> gst::ClockTime = gst::ClockTime::from_mseconds;

/// What the element answers to a LATENCY query: whether it is live, the least and the most.
fn latency(session: &Session) -> (bool, gst::ClockTime, Option<gst::ClockTime>) {
    let mut query = gst::query::Latency::new();
    assert!(session.element.static_pad("src").unwrap().query(&mut query));
    query.result()
}

fn latency_messages(session: &Session) -> usize {
    session.bus.iter_filtered(&[gst::MessageType::Latency]).count()
}

fn at(fps: i32) -> gst::Caps {
    init();
    let builder = VideoInfo::builder(VideoFormat::I420, 160, 120).fps(gst::Fraction::new(fps, 1));
    builder.build().unwrap().to_caps().unwrap()
}

#[test]
fn a_stream_that_is_not_live_has_no_latency() {
    let session = Session::new(&at(25), &[("frame-deadline", "10000000")]);
    assert_eq!(latency(&session), (false, MS(0), None));
    assert_eq!((session.element.property::<u64>("latency"), latency_messages(&session)), (0, 0));
}

#[test]
fn a_live_stream_is_told_what_a_frame_may_take_on_top_of_what_upstream_takes() {
    let mut session = Session::with(&at(25), true, &[]);
    session.harness.set_upstream_latency(MS(12));
    assert_eq!(latency(&session), (true, MS(12 + 38), None));
    assert_eq!(session.element.property::<u64>("latency"), 38_000_000);
}

#[test]
fn a_changed_latency_is_announced_once_and_told_when_asked() {
    let frames = Frames::pattern("smpte75", VideoFormat::I420, 160, 120, 1);
    let mut session = Session::with(&at(25), true, &[]);
    session.protect(&frames.buffers[0]);
    assert_eq!(latency_messages(&session), 0, "nobody has asked yet");
    assert_eq!(latency(&session).1, MS(38));
    session.harness.set_src_caps(at(50));
    session.protect(&frames.buffers[0]);
    assert_eq!((latency_messages(&session), latency(&session).1), (1, MS(19)));
    session.protect(&frames.buffers[0]);
    assert_eq!(latency_messages(&session), 0);
    session.element.set_property("frame-deadline", 9_000_000u64);
    assert_eq!((latency_messages(&session), latency(&session).1), (1, MS(9)));
    assert_eq!(session.element.property::<u64>("latency"), 9_000_000);
}

#[test]
fn a_pipeline_learns_whether_it_is_live_from_its_source() {
    init();
    for (live, latency) in [(false, 0), (true, 38_000_000)] {
        let caps = caps(VideoFormat::I420, 160, 120);
        let source = format!("videotestsrc is-live={live} num-buffers=5 ! {caps} ! queue");
        let pipeline = format!("{source} ! advjndprotect name=protect ! queue ! fakevideosink sync=true");
        let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let end = [gst::MessageType::Eos, gst::MessageType::Error];
        let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &end).unwrap();
        assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
        assert_eq!(pipeline.by_name("protect").unwrap().property::<u64>("latency"), latency);
        let told = pipeline_latency(&pipeline);
        assert!(if live { told >= latency } else { told == 0 }, "live {live}: {told} ns");
        pipeline.set_state(gst::State::Null).unwrap();
    }
}

/// The latency that a live pipeline asks for, 0 for one that is not.
fn pipeline_latency(pipeline: &gst::Pipeline) -> u64 {
    let mut query = gst::query::Latency::new();
    assert!(pipeline.query(&mut query));
    let (live, min, _) = query.result();
    if live { min.nseconds() } else { 0 }
}
