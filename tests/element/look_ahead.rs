// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames are held, so that a face is protected from the first in which it is seen; none is lost, doubled or overtaken.

use gst::prelude::*;
use gst_video::VideoFormat;

use crate::common::{Frames, ONE_FACE, STRONG, Session, element, pixels};

/// A face that is too small to be found in a frame of this size for three frames, and large enough from then on.
fn approaching() -> Frames {
    let at = |side: u32, count| {
        let (left, top) = ((1920 - side) / 2, (1080 - side) / 2);
        let filter = format!(
            "{ONE_FACE} ! videoscale ! video/x-raw,width={side},height={side} \
             ! videobox left=-{left} right=-{left} top=-{top} bottom=-{top}"
        );
        Frames::sample(&filter, VideoFormat::I420, count)
    };
    let (mut frames, near) = (at(50, 3), at(84, 9));
    frames.buffers.extend(near.buffers);
    for (index, buffer) in (0..).zip(&mut frames.buffers) {
        buffer.make_mut().set_pts(gst::ClockTime::from_mseconds(40 * index));
    }
    frames
}

fn pts(buffers: &[gst::Buffer]) -> Vec<Option<gst::ClockTime>> {
    buffers.iter().map(|buffer| buffer.pts()).collect()
}

/// What comes out of an element that `frames` and the end of the stream go into.
fn all(frames: &Frames, properties: &[(&str, &str)]) -> Vec<gst::Buffer> {
    let mut session = Session::new(&frames.caps(), properties);
    for buffer in &frames.buffers {
        session.harness.push(buffer.copy_deep().unwrap()).unwrap();
    }
    assert!(session.harness.push_event(gst::event::Eos::new()), "{:?}", session.error());
    std::iter::from_fn(|| session.harness.try_pull()).collect()
}

/// Frames that came out as they went in.
fn untouched(frames: &Frames, output: &[gst::Buffer]) -> Vec<usize> {
    let pairs = frames.buffers.iter().zip(output).enumerate();
    let same = pairs.filter(|(_, (old, new))| pixels(old, &frames.info) == pixels(new, &frames.info));
    same.map(|(index, _)| index).collect()
}

#[test]
fn frames_come_out_in_order_and_the_end_of_the_stream_lets_all_go() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 20);
    for depth in ["0", "1", "7", "50"] {
        let output = all(&frames, &[("look-ahead", depth)]);
        assert_eq!(pts(&output), pts(&frames.buffers), "{depth} frames held");
    }
    let mut session = Session::new(&frames.caps(), &[("look-ahead", "3")]);
    let mut out = Vec::new();
    for buffer in &frames.buffers[..5] {
        session.harness.push(buffer.copy_deep().unwrap()).unwrap();
        out.push(session.harness.buffers_in_queue());
    }
    assert_eq!(out, [0, 0, 0, 1, 2]);
}

#[test]
fn a_face_that_is_found_late_is_dealt_with_from_the_first_frame() {
    let frames = approaching();
    let least = ("min-face-size", "48");
    let late = untouched(&frames, &all(&frames, &[least, ("look-ahead", "0")]));
    assert_eq!(late, [0, 1, 2], "the face is found in the first frame already, or late: this says nothing");
    let output = all(&frames, &[least, ("look-ahead", "-1")]);
    assert_eq!(untouched(&frames, &output), [0; 0], "without look-ahead: {late:?}");
}

#[test]
fn a_face_is_followed_backwards_over_frames_in_which_it_is_not_seen() {
    let mut frames = approaching();
    let blank = Frames::sample(
        "videotestsrc num-buffers=2 pattern=solid-color foreground-color=0xff808080 ! video/x-raw,width=1920,height=1080",
        VideoFormat::I420,
        2,
    );
    for (index, blank) in (1..).zip(blank.buffers) {
        let time = frames.buffers[index].pts();
        frames.buffers[index] = blank;
        frames.buffers[index].make_mut().set_pts(time);
    }
    let output = all(&frames, &[("min-face-size", "48"), ("look-ahead", "-1")]);
    assert_eq!(untouched(&frames, &output), [0; 0], "the first frame shows the face, and the next two do not");
}

/// Three seconds of one picture that comes out of the dark.
#[test]
fn a_face_that_fades_in_is_dealt_with_from_where_it_can_be_seen() {
    const FRAMES: u32 = 75;
    let mut frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let (bright, luma) = (frames.buffers[0].clone(), (frames.info.width() * frames.info.height()) as usize);
    frames.buffers = (0..FRAMES)
        .map(|index| {
            let mut buffer = bright.copy_deep().unwrap();
            let data = buffer.make_mut();
            data.set_pts(gst::ClockTime::from_mseconds(40) * u64::from(index));
            let mut map = data.map_writable().unwrap();
            let (luma, chroma) = map.split_at_mut(luma);
            let dim = |code: u8, zero: u32| {
                let (code, zero) = (u32::from(code), zero);
                ((code * index + zero * (FRAMES - index)) / FRAMES) as u8
            };
            luma.iter_mut().for_each(|code| *code = dim(*code, 16));
            chroma.iter_mut().for_each(|code| *code = dim(*code, 128));
            drop(map);
            buffer
        })
        .collect();
    let output = all(&frames, &[("look-ahead", "-1"), ("max-iterations", "2")]);
    // Below 3 % of the light the codes have no face left in them.
    let shown: Vec<_> = untouched(&frames, &output).into_iter().filter(|index| *index >= 3).collect();
    assert_eq!(shown, [0; 0]);
}

#[test]
fn what_is_held_goes_before_whatever_comes_behind_it() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 6);
    let mut session = Session::new(&frames.caps(), &[("look-ahead", "10")]);
    let push = |session: &mut Session, range: std::ops::Range<usize>| {
        for buffer in &frames.buffers[range] {
            session.harness.push(buffer.copy_deep().unwrap()).unwrap();
        }
    };
    push(&mut session, 0..3);
    assert_eq!(session.harness.buffers_in_queue(), 0);
    let structure = gst::Structure::new_empty("something-serialized");
    session.harness.push_event(gst::event::CustomDownstream::new(structure));
    assert_eq!(session.harness.buffers_in_queue(), 3, "an event does not overtake frames");
    push(&mut session, 3..6);
    session.harness.push_event(gst::event::FlushStart::new());
    session.harness.push_event(gst::event::FlushStop::new(true));
    assert_eq!(session.harness.buffers_in_queue(), 3, "a flush drops what is held");
}

#[test]
fn switched_off_frames_pass_behind_those_that_are_held() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 4);
    let mut session = Session::new(&frames.caps(), &[("look-ahead", "10"), STRONG[0], STRONG[1]]);
    for buffer in &frames.buffers[..3] {
        session.harness.push(buffer.copy_deep().unwrap()).unwrap();
    }
    session.element.set_property("enabled", false);
    session.harness.push(frames.buffers[3].copy_deep().unwrap()).unwrap();
    let output: Vec<gst::Buffer> = std::iter::from_fn(|| session.harness.try_pull()).collect();
    assert_eq!(pts(&output), pts(&frames.buffers));
    assert_eq!(untouched(&frames, &output), [3]);
}

#[test]
fn held_frames_add_to_the_latency_of_live_streams_alone() {
    let frames = Frames::pattern("black", VideoFormat::I420, 64, 48, 1);
    let latency = |live, properties: &[(&str, &str)]| {
        let mut session = Session::with(&frames.caps(), live, properties);
        session.harness.push(frames.buffers[0].copy_deep().unwrap()).unwrap();
        session.element.property::<u64>("latency") / 1_000_000
    };
    assert_eq!(latency(true, &[("look-ahead", "-1")]), 38, "by itself, none in a live stream");
    assert_eq!(latency(true, &[("look-ahead", "2")]), 118);
    assert_eq!(latency(false, &[("look-ahead", "2")]), 0);
    assert_eq!(element(&[]).property::<i32>("look-ahead"), -1);
}
