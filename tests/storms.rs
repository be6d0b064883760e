// SPDX-License-Identifier: MIT OR Apache-2.0
//! Streams that turn, stop, change and are changed all the time: nothing leaks, nothing hangs, nothing is left over.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gst::prelude::*;
use gst_video::{VideoFormat, VideoInfo};

use common::formats::FORMATS;
use common::numbers::Numbers;
use common::{Frames, ONE_FACE, Session, faces, init, pixels};

fn at(buffer: &gst::Buffer, milliseconds: u64) -> gst::Buffer {
    let mut buffer = buffer.copy_deep().unwrap();
    buffer.make_mut().set_pts(gst::ClockTime::from_mseconds(milliseconds));
    buffer
}

/// Whether a frame with one face comes out with that face changed.
fn is_safe(input: &gst::Buffer, output: &gst::Buffer, info: &VideoInfo) -> bool {
    let (clean, seen) = (pixels(input, info), pixels(output, info));
    let stride = info.width() as usize;
    faces(output).iter().any(|face| {
        let (x, y, width, height) = face.rect;
        (y..y + height).any(|y| {
            (x..x + width)
                .any(|x| clean[0][y as usize * stride + x as usize] != seen[0][y as usize * stride + x as usize])
        })
    })
}

#[test]
fn caps_may_change_a_hundred_times() {
    let face = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let mut numbers = Numbers(1);
    let mut session = Session::new(&face.caps(), &[]);
    for round in 0..100 {
        let (format, _) = FORMATS[round % FORMATS.len()];
        let [width, height] = [0, 0].map(|_| 1 + numbers.below(96) as u32);
        let info = VideoInfo::builder(format, width, height).fps(gst::Fraction::new(25, 1)).build().unwrap();
        session.harness.set_src_caps(info.to_caps().unwrap());
        let mut buffer = gst::Buffer::with_size(info.size()).unwrap();
        buffer.get_mut().unwrap().map_writable().unwrap().fill(round as u8);
        let output = session.protect(&buffer);
        assert!(pixels(&output, &info) == pixels(&buffer, &info), "{width}x{height} {format} changed");
        if round % 20 == 0 {
            session.harness.set_src_caps(face.caps());
            assert!(is_safe(&face.buffers[0], &session.protect(&face.buffers[0]), &face.info));
        }
    }
    assert_eq!((session.count("frames"), session.count("faults")), (105, 0));
}

#[test]
fn flushes_segments_and_jumps_in_any_order_leak_nothing() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let input = &frames.buffers[0];
    let mut session = Session::new(&frames.caps(), &[("max-iterations", "1")]);
    let (mut numbers, mut time) = (Numbers(2), 0);
    for _ in 0..60 {
        let mut next = at(input, time);
        match numbers.below(5) {
            0 => {
                assert!(session.harness.push_event(gst::event::FlushStart::new()));
                assert_eq!(session.harness.push(at(input, time)), Err(gst::FlowError::Flushing));
                assert!(session.harness.push_event(gst::event::FlushStop::new(true)));
                segment(&mut session, 1.0, 0);
            }
            1 => segment(&mut session, [1.0, 0.5, 2.0, -1.0][numbers.below(4) as usize], numbers.below(1000)),
            2 => {
                time = numbers.below(1_000_000);
                next = at(input, time);
                next.make_mut().set_flags(gst::BufferFlags::DISCONT);
            }
            3 => next.make_mut().set_flags(gst::BufferFlags::DISCONT | gst::BufferFlags::GAP),
            _ => time += 40,
        }
        assert!(is_safe(input, &session.protect(&next), &frames.info));
    }
    assert_eq!((session.count("frames"), session.count("faults"), session.error()), (60, 0, None));
}

fn segment(session: &mut Session, rate: f64, start: u64) {
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_rate(rate);
    segment.set_start(gst::ClockTime::from_mseconds(start));
    segment.set_stop(gst::ClockTime::from_seconds(10_000));
    segment.set_time(gst::ClockTime::from_mseconds(start));
    assert!(session.harness.push_event(gst::event::Segment::new(&segment)));
}

#[test]
fn a_pipeline_stands_a_storm_of_seeks() {
    init();
    let clip = common::sample_clip();
    let source = format!("filesrc location=\"{}\" ! decodebin ! {ONE_FACE} ! videoconvert", clip.display());
    let pipeline = format!("{source} ! advjndprotect max-iterations=1 ! appsink name=sink sync=false max-buffers=1");
    let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    sink.pull_sample().unwrap();
    let mut numbers = Numbers(3);
    for _ in 0..30 {
        let position = gst::ClockTime::from_mseconds(numbers.below(2000));
        let _ = pipeline.seek_simple(gst::SeekFlags::FLUSH, position);
    }
    for _ in 0..3 {
        assert!(!faces(sink.pull_sample().unwrap().buffer().unwrap()).is_empty());
    }
    assert_eq!(common::first_error(&pipeline.bus().unwrap()), None);
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_stream_that_ends_or_stops_in_the_middle_of_a_frame_is_left_cleanly() {
    init();
    let clip = common::sample_clip();
    let source = format!("filesrc location=\"{}\" ! decodebin ! videoconvert", clip.display());
    for round in 0..6 {
        let pipeline = format!(
            "{source} ! advjndprotect name=protect max-iterations=20 ! appsink name=sink sync=false wait-on-eos=false"
        );
        let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
        let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        sink.pull_sample().unwrap();
        // A frame with three faces takes hundreds of milliseconds at so many iterations: one is under way.
        if round % 2 == 0 {
            assert!(
                pipeline.by_name("protect").unwrap().static_pad("sink").unwrap().send_event(gst::event::Eos::new())
            );
            while sink.pull_sample().is_ok() {}
            assert!(sink.is_eos());
        }
        pipeline.set_state(gst::State::Null).unwrap();
        assert_eq!(common::first_error(&pipeline.bus().unwrap()), None);
    }
}

#[test]
fn properties_may_be_set_from_another_thread_at_any_time() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let mut session = Session::with(&frames.caps(), true, &[("max-iterations", "1")]);
    let stop = Arc::new(AtomicBool::new(false));
    let setter = {
        let (element, stop) = (session.element.clone(), Arc::clone(&stop));
        thread::spawn(move || {
            let (mut numbers, mut set) = (Numbers(4), 0);
            while !stop.load(Ordering::Relaxed) {
                match numbers.below(12) {
                    0 => element.set_property("jnd-scale", numbers.below(20) as f32),
                    1 => element.set_property("max-iterations", numbers.below(3) as i32),
                    2 => element.set_property("max-change", numbers.below(256) as u32),
                    3 => element
                        .set_property_from_str("fail-policy", ["fill", "pixelate", "blur"][numbers.below(3) as usize]),
                    4 => element.set_property_from_str("jnd-model", ["rgb", "chou", "namm"][numbers.below(3) as usize]),
                    5 => element.set_property("frame-deadline", 1_000_000 * numbers.below(60)),
                    6 => element.set_property("detect-interval", numbers.below(4) as u32),
                    7 => element.set_property("warm-start", numbers.below(2) == 0),
                    8 => element.set_property("min-face-size", 20 + numbers.below(20) as u32),
                    9 => element.set_property_from_str("regions", "<<0,0,10000,10000>>"),
                    10 => drop(element.property::<gst::Structure>("stats")),
                    _ => element.set_property("flicker-limit", numbers.below(2) as f32),
                }
                set += 1;
                thread::yield_now();
            }
            set
        })
    };
    for _ in 0..40 {
        assert!(is_safe(&frames.buffers[0], &session.protect(&frames.buffers[0]), &frames.info));
    }
    stop.store(true, Ordering::Relaxed);
    assert!(setter.join().unwrap() > 100);
    assert_eq!((session.count("faults"), session.error()), (0, None));
}

#[test]
fn two_and_eight_elements_in_one_process_do_what_one_does() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 2);
    let run = || -> Vec<_> {
        let outputs = Session::new(&frames.caps(), &[]).protect_all(&frames);
        outputs.iter().map(|output| pixels(output, &frames.info)).collect()
    };
    let alone = run();
    for count in [2, 8] {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(run)).collect();
            assert!(threads.into_iter().all(|thread| thread.join().unwrap() == alone), "{count} elements");
        });
    }
}
