// SPDX-License-Identifier: MIT OR Apache-2.0
//! The element in a stream: what is not a pixel passes untouched, and the stream may turn, stop and change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gst::prelude::*;
use gst_video::VideoFormat;

use crate::common;
use crate::common::{Frames, ONE_FACE, Session, caps, faces, init, pixels, sample_clip};

#[test]
fn time_stamps_flags_and_offsets_stay() {
    let mut frames = Frames::pattern("ball", VideoFormat::Nv12, 160, 120, 1);
    let buffer = frames.buffers[0].make_mut();
    let flags = gst::BufferFlags::MARKER | gst::BufferFlags::GAP | gst::BufferFlags::CORRUPTED;
    buffer.set_pts(gst::ClockTime::from_mseconds(1234));
    buffer.set_duration(gst::ClockTime::from_mseconds(77));
    buffer.set_offset(42);
    buffer.set_flags(flags);
    let output = Session::new(&frames.caps(), &[]).protect(&frames.buffers[0]);
    assert_eq!(output.pts(), Some(gst::ClockTime::from_mseconds(1234)));
    assert_eq!(output.duration(), Some(gst::ClockTime::from_mseconds(77)));
    assert_eq!(output.offset(), 42);
    assert!(output.flags().contains(flags), "{:?}", output.flags());
}

#[test]
fn faces_in_gap_buffers_are_not_passed() {
    let mut frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    frames.buffers[0].make_mut().set_flags(gst::BufferFlags::GAP);
    let output = Session::new(&frames.caps(), &[]).protect(&frames.buffers[0]);
    assert_eq!(faces(&output).len(), 1);
    assert!(pixels(&frames.buffers[0], &frames.info) != pixels(&output, &frames.info));
}

#[test]
fn frames_without_time_stamps_are_processed() {
    let mut frames = Frames::sample(ONE_FACE, VideoFormat::I420, 3);
    for buffer in &mut frames.buffers {
        let buffer = buffer.make_mut();
        buffer.set_pts(None);
        buffer.set_dts(None);
        buffer.set_duration(None);
    }
    let mut session = Session::new(&frames.caps(), &[]);
    let outputs = session.protect_all(&frames);
    assert!(outputs.iter().all(|output| output.pts().is_none() && faces(output)[0].id == faces(&outputs[0])[0].id));
}

#[test]
fn a_buffer_or_memory_that_others_hold_is_copied_and_untouched() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let original = &frames.buffers[0];
    let before = pixels(original, &frames.info);
    for shared in [original.clone(), original.copy()] {
        let mut session = Session::new(&frames.caps(), &[]);
        session.harness.push(shared).unwrap();
        let output = session.harness.pull().unwrap();
        assert!(pixels(original, &frames.info) == before, "the shared input changed");
        assert!(pixels(&output, &frames.info) != before, "the output did not");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 3);
    let run = |threads: &str| -> Vec<_> {
        let outputs = Session::new(&frames.caps(), &[("seed", "7"), ("threads", threads)]).protect_all(&frames);
        outputs.iter().map(|output| pixels(output, &frames.info)).collect()
    };
    let once = run("1");
    assert!(once == run("1") && once == run("2") && once == run("4"));
}

#[test]
fn three_faces_give_the_same_bytes_on_any_number_of_threads() {
    let frames = Frames::sample("identity", VideoFormat::Nv12, 2);
    let run = |threads: &str| -> Vec<_> {
        let outputs = Session::new(&frames.caps(), &[("threads", threads)]).protect_all(&frames);
        outputs.iter().map(|output| pixels(output, &frames.info)).collect()
    };
    let once = run("1");
    assert!(once == run("2") && once == run("3"));
}

#[test]
fn caps_may_change_between_frames() {
    let large = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let small = Frames::pattern("smpte75", VideoFormat::Bgrx, 64, 48, 1);
    let mut session = Session::new(&large.caps(), &[]);
    for _ in 0..3 {
        session.harness.set_src_caps(large.caps());
        assert_eq!(faces(&session.protect(&large.buffers[0])).len(), 1);
        session.harness.set_src_caps(small.caps());
        let output = session.protect(&small.buffers[0]);
        assert!(pixels(&output, &small.info) == pixels(&small.buffers[0], &small.info));
    }
    assert_eq!(session.count("frames"), 6);
}

#[test]
fn a_flush_and_a_new_segment_forget_the_faces() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let empty = Frames::pattern("black", VideoFormat::I420, frames.info.width(), frames.info.height(), 1);
    let mut session = Session::new(&frames.caps(), &[]);
    assert_eq!(faces(&session.protect(&at(&frames.buffers[0], 0))).len(), 1);
    assert_eq!(faces(&session.protect(&at(&empty.buffers[0], 40))).len(), 1, "a lost face is held");

    assert!(session.harness.push_event(gst::event::FlushStart::new()));
    assert!(session.harness.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(session.harness.push_event(gst::event::Segment::new(&segment)));
    assert!(faces(&session.protect(&at(&empty.buffers[0], 80))).is_empty(), "a flush forgets it");
}

#[test]
fn a_jump_forgets_the_faces_and_a_lost_frame_does_not() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let empty = Frames::pattern("black", VideoFormat::I420, frames.info.width(), frames.info.height(), 1);
    for (milliseconds, held) in [(120, 1), (60_000, 0)] {
        let mut session = Session::new(&frames.caps(), &[]);
        session.protect(&at(&frames.buffers[0], 0));
        let mut later = at(&empty.buffers[0], milliseconds);
        later.make_mut().set_flags(gst::BufferFlags::DISCONT);
        assert_eq!(faces(&session.protect(&later)).len(), held, "after {milliseconds} ms");
    }
}

fn at(buffer: &gst::Buffer, milliseconds: u64) -> gst::Buffer {
    let mut buffer = buffer.copy_deep().unwrap();
    buffer.make_mut().set_pts(gst::ClockTime::from_mseconds(milliseconds));
    buffer
}

#[test]
fn late_frames_are_dropped_before_they_are_processed_and_counted() {
    let frames = Frames::pattern("smpte75", VideoFormat::I420, 160, 120, 1);
    let mut session = Session::new(&frames.caps(), &[]);
    session.protect(&at(&frames.buffers[0], 0));
    let late = gst::event::Qos::new(gst::QOSType::Underflow, 2.0, 500_000_000, Some(gst::ClockTime::from_mseconds(40)));
    session.harness.push_upstream_event(late);
    session.harness.push(at(&frames.buffers[0], 80)).unwrap();
    assert_eq!(session.harness.buffers_in_queue(), 0);
    assert_eq!((session.count("frames"), session.count("frames-late")), (1, 1));
    session.protect(&at(&frames.buffers[0], 5_000));
    assert_eq!((session.count("frames"), session.count("frames-late")), (2, 1));
}

#[test]
fn interlaced_video_is_refused_with_a_reason() {
    for mode in ["interleaved", "mixed", "fields"] {
        let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
        let mut caps = frames.caps();
        caps.make_mut().set("interlace-mode", mode);
        let mut session = Session::new(&caps, &[]);
        assert!(session.harness.push(frames.buffers[0].copy_deep().unwrap()).is_err());
        assert_eq!(session.harness.buffers_received(), 0);
        let error = session.error().expect("an error is posted");
        assert!(error.contains(mode) && error.contains("deinterlace"), "{error}");
    }
}

#[test]
fn interlaced_video_behind_a_converter_is_linked_and_refused_with_a_reason() {
    init();
    let caps = "video/x-raw,width=160,height=120,interlace-mode=interleaved";
    let pipeline = format!("videotestsrc num-buffers=3 ! {caps} ! videoconvert ! advjndprotect ! fakesink");
    let pipeline = gst::parse::launch(&pipeline).unwrap();
    // The state change may fail, or the stream.
    let _ = pipeline.set_state(gst::State::Playing);
    let bus = pipeline.bus().unwrap();
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &[gst::MessageType::Error]).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    let gst::MessageView::Error(error) = message.view() else { unreachable!("only errors were asked for") };
    assert!(error.error().to_string().contains("deinterlace"), "{error:?}");
}

#[test]
fn who_can_choose_sends_progressive_video() {
    let either = "video/x-raw,width=160,height=120,interlace-mode={interleaved,progressive}";
    play(&format!("videotestsrc num-buffers=3 ! {either} ! advjndprotect ! fakesink"));
}

#[test]
fn squeezed_video_is_refused_with_a_reason() {
    let frames = Frames::pattern("smpte75", VideoFormat::I420, 64, 48, 1);
    for ((width, height), refused) in [
        ((1, 1), false),
        ((64, 45), false),
        ((3, 2), false),
        ((2, 3), false),
        ((151, 100), true),
        ((100, 151), true),
        ((2, 1), true),
        ((1, 2), true),
        ((i32::MAX, 1), true),
        ((1, i32::MAX), true),
    ] {
        let mut caps = frames.caps();
        caps.make_mut().set("pixel-aspect-ratio", gst::Fraction::new(width, height));
        let mut session = Session::new(&caps, &[]);
        let flow = session.harness.push(frames.buffers[0].copy_deep().unwrap());
        assert_eq!(flow.is_err(), refused, "{width}/{height}");
        let error = session.error().unwrap_or_default();
        let told = error.contains(&format!("pixel-aspect-ratio {width}/{height}")) && error.contains("videoscale");
        assert_eq!(told, refused, "{error}");
    }
}

#[test]
fn squeezed_video_plays_after_the_remedy() {
    init();
    let caps = "video/x-raw,width=160,height=120,pixel-aspect-ratio=2/1";
    let remedy = "videoscale ! video/x-raw,pixel-aspect-ratio=1/1";
    play(&format!("videotestsrc num-buffers=3 ! {caps} ! {remedy} ! advjndprotect ! fakesink"));
}

#[test]
fn deinterlaced_video_plays() {
    init();
    let caps = "video/x-raw,width=160,height=120,interlace-mode=interleaved";
    let pipeline = format!("videotestsrc num-buffers=3 ! {caps} ! deinterlace ! advjndprotect ! fakesink");
    play(&pipeline);
}

/// Plays a pipeline to its end.
fn play(description: &str) {
    let pipeline = gst::parse::launch(description).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &end).unwrap();
    assert_eq!(message.type_(), gst::MessageType::Eos, "{description}: {message:?}");
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn frames_at_uneven_times_are_processed_and_keep_them() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 8);
    let mut session = Session::new(&frames.caps(), &[]);
    let (mut time, mut ids) = (0, Vec::new());
    for (buffer, step) in frames.buffers.iter().zip([1, 7, 40, 200, 3, 100, 33, 16]) {
        time += step;
        let output = session.protect(&at(buffer, time));
        assert_eq!(output.pts(), Some(gst::ClockTime::from_mseconds(time)));
        ids.extend(faces(&output).iter().map(|face| face.id));
    }
    assert_eq!(ids, [ids[0]; 8]);
}

#[test]
fn switched_off_every_frame_passes_as_it_came_is_counted_and_warned_of() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 6);
    let mut session = Session::new(&frames.caps(), &[("enabled", "false")]);
    for (index, input) in frames.buffers.iter().enumerate() {
        let enabled = (2..4).contains(&index);
        session.element.set_property("enabled", enabled);
        let output = session.protect(input);
        let same = pixels(input, &frames.info) == pixels(&output, &frames.info);
        assert_eq!((same, faces(&output).len()), (!enabled, usize::from(enabled)), "frame {index}");
    }
    assert_eq!((session.count("frames"), session.count("frames-passed")), (2, 4));
    assert_eq!(session.bus.iter_filtered(&[gst::MessageType::Warning]).count(), 2, "one each time");
}

/// A buffer that passes is not made writable, and a buffer that is changed may have to come from elsewhere.
#[test]
fn switching_asks_for_buffers_anew_and_harms_none_that_others_hold() {
    let frames = Frames::pattern("smpte75", VideoFormat::I420, 32, 32, 1);
    let mut session = Session::new(&frames.caps(), &[("enabled", "false")]);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    session.element.static_pad("sink").unwrap().add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        if info.event().is_some_and(|event| event.type_() == gst::EventType::Reconfigure) {
            count.fetch_add(1, Ordering::SeqCst);
        }
        gst::PadProbeReturn::Ok
    });
    for (enabled, times) in [(false, 0), (true, 1), (true, 1), (false, 2)] {
        session.element.set_property("enabled", enabled);
        session.protect(&frames.buffers[0]);
        assert_eq!(asked.load(Ordering::SeqCst), times);
    }

    let (element, over) = (session.element.clone(), Arc::new(AtomicBool::new(false)));
    let until = over.clone();
    let switch = std::thread::spawn(move || {
        for enabled in [true, false].into_iter().cycle() {
            element.set_property("enabled", enabled);
            if until.load(Ordering::SeqCst) {
                return;
            }
        }
    });
    for _ in 0..2000 {
        // Two hold it.
        session.harness.push(frames.buffers[0].clone()).unwrap();
        session.harness.pull().unwrap();
    }
    over.store(true, Ordering::SeqCst);
    switch.join().unwrap();
    assert_eq!(session.error(), None);
    assert_eq!(session.count("frames") + session.count("frames-passed"), 2004);
}

#[test]
fn a_pipeline_can_be_sought() {
    init();
    let clip = sample_clip();
    let source = format!("filesrc location=\"{}\" ! decodebin ! {ONE_FACE} ! videoconvert", clip.display());
    let pipeline = format!("{source} ! advjndprotect name=protect ! appsink name=sink sync=false max-buffers=1");
    let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    sink.pull_sample().unwrap();
    for (flags, seconds) in [(gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE, 1), (gst::SeekFlags::FLUSH, 0)] {
        let position = gst::ClockTime::from_seconds(seconds);
        pipeline.seek_simple(flags, position).unwrap();
        let sample = sink.pull_sample().unwrap();
        assert!(sample.buffer().unwrap().pts().unwrap() >= position);
        assert!(sample.buffer().unwrap().pts().unwrap() < position + gst::ClockTime::from_seconds(1));
    }
    assert!(common::first_error(&pipeline.bus().unwrap()).is_none());
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn an_element_can_be_stopped_and_started_again() {
    let frames = Frames::pattern("smpte75", VideoFormat::I420, 160, 120, 1);
    let mut session = Session::new(&frames.caps(), &[]);
    for _ in 0..5 {
        session.protect(&frames.buffers[0]);
        assert_eq!(session.count("frames"), 1, "the sums start with the element");
        session.element.set_state(gst::State::Null).unwrap();
        session.harness.play();
        session.harness.set_src_caps(caps(VideoFormat::I420, 160, 120));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        session.harness.push_event(gst::event::Segment::new(&segment));
    }
}

#[test]
fn every_format_plays_in_a_pipeline() {
    init();
    for (format, _) in common::formats::FORMATS {
        let caps = caps(format, 160, 120);
        play(&format!("videotestsrc num-buffers=3 ! {caps} ! advjndprotect ! videoconvert ! fakesink"));
    }
}
