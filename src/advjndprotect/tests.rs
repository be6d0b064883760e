// SPDX-License-Identifier: MIT OR Apache-2.0
//! The element with networks that take time by a test clock, and fail on request.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test that fails must say so")]

use std::sync::Arc;

use advjnd::net::watch::Watch;
use advjnd::{Chosen, Models, Pool, Protector};
use glib::subclass::prelude::*;
use gst::prelude::*;
use gst_video::VideoFormat;

use self::common::{Frames, ONE_FACE, STRONG, Session, faces, pixels};
use self::staged::{Call, Fault, Stage};
use super::AdvJndProtect;

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../crates/advjnd/tests/common/staged.rs"]
mod staged;

/// A session with an element that runs the networks of a stage, in a live stream or not.
fn staged(frames: &Frames, live: bool, properties: &[(&str, &str)]) -> (Session, Arc<Stage>) {
    let session = Session::with(&frames.caps(), live, properties);
    let stage = Stage::new();
    let models = Models::embedded().unwrap();
    let mut protector = Protector::with_backend(models, stage.backend(), 0).unwrap();
    protector.set_clock(stage.clock.clone());
    let element = session.element.downcast_ref::<AdvJndProtect>().unwrap();
    element.imp().state.lock().unwrap().as_mut().unwrap().protector = protector;
    (session, stage)
}

/// A session with recognisers on a watched stage.
fn watched(frames: &Frames) -> (Session, Arc<Stage>) {
    let session = Session::new(&frames.caps(), &STRONG);
    let stage = Stage::new();
    let models = Models::embedded().unwrap();
    let networks = models.recognizers().map(|(_, graph)| graph);
    let device = Chosen::watched(Watch::new(stage.clone(), networks, &Pool::new(1).unwrap()).unwrap());
    let element = session.element.downcast_ref::<AdvJndProtect>().unwrap();
    {
        let mut state = element.imp().state.lock().unwrap();
        let state = state.as_mut().unwrap();
        state.protector = Protector::with_backend(Arc::clone(&models), device.backend(), 0).unwrap();
        state.device = device;
    }
    (session, stage)
}

/// The verdicts on the faces of a frame.
fn verdicts(output: &gst::BufferRef) -> Vec<String> {
    faces(output).into_iter().map(|face| face.verdict).collect()
}

fn one_face(count: usize) -> Frames {
    Frames::sample(ONE_FACE, VideoFormat::I420, count)
}

#[test]
fn in_a_live_stream_iterations_fall_with_the_time_and_nothing_leaks() {
    let frames = one_face(25);
    let (mut session, stage) = staged(&frames, true, &[]);
    let mut spent = [0; 3];
    for (index, input) in frames.buffers.iter().enumerate() {
        // At 25 frames a second, a frame has 38 ms.
        stage.set_costs([[2, 1, 1], [2, 2, 8], [60, 2, 8]][index / 9]);
        let output = session.protect(input);
        let face = faces(&output).swap_remove(0);
        let (x, y, width, height) = face.rect;
        let center = (y + height / 2) as usize * frames.info.width() as usize + (x + width / 2) as usize;
        let [clean, seen] = [input, &output].map(|buffer| pixels(buffer, &frames.info)[0][center]);
        assert!(
            face.verdict == "protected" || (seen != clean && seen.abs_diff(78) < 4),
            "frame {index}: {face:?}, {seen}"
        );
        spent[index / 9] += face.param.get::<u32>("iterations").unwrap();
        if index / 9 == 2 {
            assert_eq!(face.verdict, "covered-out-of-time");
        }
    }
    assert!(spent[0] > spent[1] && spent[1] > 0 && spent[2] == 0, "{spent:?}");
    assert_eq!(session.count("out-of-time"), 7);
    assert!(session.count("deadline-misses") >= 7, "{}", session.stats());
}

#[test]
fn in_a_stream_that_is_not_live_no_clock_decides() {
    let frames = one_face(4);
    let run = |costs| {
        let (mut session, stage) = staged(&frames, false, &[("frame-deadline", "1000")]);
        stage.set_costs(costs);
        let outputs = session.protect_all(&frames);
        assert_eq!((session.count("deadline-misses"), session.count("out-of-time")), (0, 0));
        outputs.iter().map(|output| pixels(output, &frames.info)).collect::<Vec<_>>()
    };
    assert!(run([0, 0, 0]) == run([100, 500, 900]));
}

#[test]
fn qos_of_a_live_stream_shortens_the_time_of_a_frame() {
    let frames = one_face(16);
    let (mut session, stage) = staged(&frames, true, &[("jnd-scale", "3")]);
    stage.set_costs([2, 1, 4]);
    let iterations = |session: &mut Session, buffers: &[gst::Buffer]| {
        let spent =
            buffers.iter().map(|buffer| faces(&session.protect(buffer))[0].param.get::<u32>("iterations").unwrap());
        spent.last().unwrap()
    };
    let before = iterations(&mut session, &frames.buffers[..8]);
    // In time, but only just.
    session.harness.push_upstream_event(gst::event::Qos::new(gst::QOSType::Overflow, 2.0, -1, frames.buffers[0].pts()));
    let after = iterations(&mut session, &frames.buffers[8..]);
    assert!(after < before, "{after} iterations after {before}");
}

#[test]
fn a_live_stream_is_prepared_for_by_its_caps_and_not_by_the_latency_query() {
    let (session, stage) = staged(&one_face(1), true, &[]);
    let element = session.element.downcast_ref::<AdvJndProtect>().unwrap();
    let was_ready = std::mem::take(&mut element.imp().state.lock().unwrap().as_mut().unwrap().ready);
    assert!(was_ready, "the first frame has to wait");
    stage.set_fault(Some((Call::Detector, Fault::Panic)));
    assert!(session.element.static_pad("src").unwrap().query(&mut gst::query::Latency::new()));
    assert_eq!(session.error(), None, "the query calls networks");
}

#[test]
fn a_live_source_of_one_size_is_prepared_for_before_any_caps_come() {
    common::init();
    let fixed = "video/x-raw,format=I420,width=320,height=240,framerate=25/1";
    let open = "video/x-raw,format=I420,width=[2,320],height=240,framerate=25/1";
    for (live, caps, prepared) in [(true, fixed, Some((320, 240))), (true, open, None), (false, fixed, None)] {
        let launch = format!("appsrc is-live={live} format=time ! {caps} ! advjndprotect name=protect ! fakesink");
        let pipeline = gst::parse::launch(&launch).unwrap().downcast::<gst::Pipeline>().unwrap();
        pipeline.set_state(gst::State::Paused).unwrap();
        let element = pipeline.by_name("protect").unwrap().downcast::<AdvJndProtect>().unwrap();
        let seen = element.imp().state.lock().unwrap().as_ref().map(|state| (state.prepared, state.info.is_some()));
        pipeline.set_state(gst::State::Null).unwrap();
        assert_eq!(seen, Some((prepared, false)), "{launch}");
    }
}

#[test]
fn a_live_stream_does_without_default_recognisers_that_are_too_slow_for_it_and_says_so() {
    let frames = one_face(3);
    let all = "dlib_resnet29,sface_2021dec,mobilefacenet";
    // At 25 frames a second a frame has 38 ms, a third of it for two looks by each.
    for (look, recognizers, in_use) in
        [(1, "", all), (3, "", "dlib_resnet29,sface_2021dec"), (5, "", "dlib_resnet29"), (9, "", all), (9, all, all)]
    {
        let named = [("recognizers", recognizers)];
        let (mut session, stage) = staged(&frames, true, if recognizers.is_empty() { &[] } else { &named });
        stage.set_costs([1, look, 1]);
        while session.bus.pop().is_some() {}
        let element = session.element.downcast_ref::<AdvJndProtect>().unwrap();
        if let Some(state) = element.imp().state.lock().unwrap().as_mut() {
            (state.info, state.ready) = (None, false);
        }
        element.imp().take_info(&frames.info).unwrap();
        let warnings = session.bus.iter_filtered(&[gst::MessageType::Warning]).count();
        assert_eq!(warnings, usize::from(in_use != all), "{look} ms, {recognizers:?}");
        stage.set_costs([1, 1, 1]);
        for output in session.protect_all(&frames) {
            assert_eq!(faces(&output).len(), 1);
        }
        assert_eq!(session.error(), None);
        assert_eq!(session.stats().get::<String>("recognizers").unwrap(), in_use, "{look} ms");
    }
}

#[test]
fn networks_that_fail_have_faces_or_frames_covered_with_a_warning_and_the_stream_goes_on() {
    let frames = one_face(3);
    for call in [Call::Detector, Call::Embedding, Call::Gradient] {
        for fault in [Fault::Error, Fault::NotFinite] {
            let (mut session, stage) = staged(&frames, false, &[("warm-start", "false")]);
            session.protect(&frames.buffers[0]);
            stage.set_fault(Some((call, fault)));
            let (clean, covered) = (&frames.buffers[1], session.protect(&frames.buffers[1]));
            let (clean, seen) = (pixels(clean, &frames.info), pixels(&covered, &frames.info));
            if call == Call::Detector {
                assert!(seen[0].iter().all(|luma| *luma == seen[0][0]), "{fault:?}: the frame is not covered");
            } else {
                assert_eq!(faces(&covered)[0].verdict, "covered-fault", "{call:?} {fault:?}");
                assert!(seen != clean);
            }
            stage.set_fault(None);
            assert_eq!(faces(&session.protect(&frames.buffers[2])).len(), 1);
            let warnings = session.bus.iter_filtered(&[gst::MessageType::Warning]).count();
            assert_eq!((warnings, session.count("faults")), (1, 1), "{call:?} {fault:?}");
            assert_eq!(session.error(), None);
        }
    }
}

#[test]
fn a_panic_is_an_error_and_no_frame_passes_until_the_element_is_started_again() {
    let frames = one_face(2);
    for call in [Call::Detector, Call::Embedding, Call::Gradient] {
        let (mut session, stage) = staged(&frames, false, &[]);
        stage.set_fault(Some((call, Fault::Panic)));
        for buffer in &frames.buffers {
            assert_eq!(session.harness.push(buffer.copy_deep().unwrap()), Err(gst::FlowError::Error), "{call:?}");
            stage.set_fault(None);
        }
        assert_eq!(session.harness.buffers_received(), 0);
        let errors: Vec<String> = std::iter::from_fn(|| session.error()).collect();
        let told = ["panics on purpose", "earlier frame"].map(|told| errors.iter().any(|error| error.contains(told)));
        assert_eq!(told, [true; 2], "{errors:?}");
        assert!(errors.iter().all(|error| error.contains("start it again")), "{errors:?}");
        assert!(session.element.property::<gst::Structure>("stats").get::<u64>("frames").is_ok());

        session.element.set_state(gst::State::Ready).unwrap();
        session.element.set_state(gst::State::Playing).unwrap();
        assert!(session.harness.push_event(gst::event::StreamStart::new("again")));
        session.harness.set_src_caps(frames.caps());
        let outputs = session.protect_all(&frames);
        let fresh = Session::new(&frames.caps(), &[]).protect_all(&frames);
        for (output, fresh) in outputs.iter().zip(&fresh) {
            assert!(pixels(output, &frames.info) == pixels(fresh, &frames.info), "{call:?}: not a new beginning");
        }
        assert_eq!((session.error(), session.count("frames"), session.count("faces")), (None, 2, 2));
    }
}

#[test]
fn a_device_that_fails_is_left_at_once_with_one_warning_and_the_processor_goes_on() {
    let frames = one_face(4);
    let expected = Session::new(&frames.caps(), &STRONG).protect_all(&frames);
    assert!(expected.iter().any(|output| verdicts(output) == ["protected"]), "nothing is at stake");
    let ways = [(Call::Embedding, 2), (Call::Gradient, 0)];
    for ((call, begin), fault) in
        ways.into_iter().flat_map(|way| [Fault::Error, Fault::NotFinite, Fault::Late].map(|fault| (way, fault)))
    {
        let (mut session, stage) = watched(&frames);
        for (index, (input, expected)) in frames.buffers.iter().zip(&expected).enumerate() {
            if index == begin {
                assert_eq!(session.bus.iter_filtered(&[gst::MessageType::Warning]).count(), 0);
                assert_eq!(session.count("device-looks") > 0, begin > 0, "{}", session.stats());
                stage.set_fault(Some((call, fault)));
            }
            let output = session.protect(input);
            let same = pixels(&output, &frames.info) == pixels(expected, &frames.info);
            assert!(same, "{call:?} {fault:?}, frame {index}: {:?}", verdicts(&output));
        }
        let warnings = session.bus.iter_filtered(&[gst::MessageType::Warning]).count();
        assert_eq!((warnings, session.count("device-faults")), (1, 1), "{call:?} {fault:?}");
        assert_eq!(session.stats().get::<String>("device").unwrap(), "cpu");
        assert_eq!((session.error(), session.count("faults")), (None, 0));
    }
}

#[test]
fn a_device_that_lies_is_found_out_and_left() {
    let frames = one_face(12);
    let expected = Session::new(&frames.caps(), &STRONG).protect_all(&frames);
    let (mut session, stage) = watched(&frames);
    stage.set_fault(Some((Call::Embedding, Fault::Lie)));
    let mut left = 0;
    for (input, expected) in frames.buffers.iter().zip(&expected) {
        let was_left = session.count("device-faults") > 0;
        let output = session.protect(input);
        if was_left {
            assert_eq!(verdicts(&output), verdicts(expected));
            left += 1;
        }
    }
    let element = session.element.downcast_ref::<AdvJndProtect>().unwrap();
    let fault = element.imp().state.lock().unwrap().as_ref().unwrap().device.report().fault.unwrap();
    println!("{fault}; {}", session.stats());
    assert!(fault.contains("differed from the processor's"), "{fault}");
    assert!(left >= 6, "left for {left} frames");
    assert_eq!(session.bus.iter_filtered(&[gst::MessageType::Warning]).count(), 1);
}
