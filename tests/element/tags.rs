// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tags: no picture goes on to where the protected video is written, and video that is to be shown turned is refused.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gst::tags::{Attachment, Image, ImageOrientation, LanguageCode, PreviewImage, Tag, Title};
use gst::{TagMergeMode, TagScope};
use gst_video::VideoFormat;

use crate::common;
use crate::common::{Frames, Session, element, file, first_error, init};

/// What GStreamer calls the eight ways in which a picture can lie.
const ORIENTATIONS: [&str; 8] = [
    "rotate-0",
    "rotate-90",
    "rotate-180",
    "rotate-270",
    "flip-rotate-0",
    "flip-rotate-90",
    "flip-rotate-180",
    "flip-rotate-270",
];

fn jpeg() -> Vec<u8> {
    std::fs::read(file("examples/media/skin.jpg")).unwrap()
}

fn tags(scope: TagScope, add: impl FnOnce(&mut gst::TagListRef)) -> gst::Event {
    init();
    let mut tags = gst::TagList::new();
    tags.make_mut().set_scope(scope);
    add(tags.make_mut());
    gst::event::Tag::new(tags)
}

fn add_pictures(tags: &mut gst::TagListRef) {
    let caps = gst::Caps::builder("image/jpeg").build();
    let picture = gst::Sample::builder().buffer(&gst::Buffer::from_slice(jpeg())).caps(&caps).build();
    tags.add::<Image>(&picture, TagMergeMode::Append);
    tags.add::<Image>(&picture, TagMergeMode::Append);
    tags.add::<PreviewImage>(&picture, TagMergeMode::Append);
    tags.add::<Attachment>(&picture, TagMergeMode::Append);
}

fn orientation(scope: TagScope, name: &str) -> gst::Event {
    tags(scope, |tags| tags.add::<ImageOrientation>(&name, TagMergeMode::Append))
}

/// The tag lists that have come out of the element since the last call.
fn lists(session: &mut Session) -> Vec<gst::TagList> {
    let events = std::iter::from_fn(|| session.harness.try_pull_event());
    events
        .filter_map(|event| if let gst::EventView::Tag(tag) = event.view() { Some(tag.tag_owned()) } else { None })
        .collect()
}

fn pattern() -> Frames {
    Frames::pattern("smpte75", VideoFormat::I420, 64, 48, 1)
}

#[test]
fn pictures_among_the_tags_are_taken_out_and_the_others_go_on() {
    let frames = pattern();
    for scope in [TagScope::Global, TagScope::Stream] {
        let mut session = Session::new(&frames.caps(), &[]);
        session.protect(&frames.buffers[0]);
        lists(&mut session);
        let mixed = tags(scope, |tags| {
            tags.add::<Title>(&"a title", TagMergeMode::Append);
            add_pictures(tags);
            tags.add::<LanguageCode>(&"de", TagMergeMode::Append);
        });
        assert!(session.harness.push_event(mixed.clone()));
        assert!(session.harness.push_event(tags(scope, add_pictures)), "taking is no failure");
        session.protect(&frames.buffers[0]);
        let lists = lists(&mut session);
        assert_eq!(lists.len(), 1, "an event with nothing left in it does not go on");
        let names: Vec<_> = (0..lists[0].n_tags()).filter_map(|index| lists[0].nth_tag_name(index)).collect();
        assert_eq!(names, [Title::TAG_NAME, LanguageCode::TAG_NAME]);
        assert_eq!(lists[0].scope(), scope);
    }
}

/// Encodes a pattern through `filter` into MP4, with a JPEG as cover art in front of it, and says whether it is in the
/// file.
fn is_in_file(filter: &str) -> bool {
    init();
    let folder = common::folder();
    let path = folder.path().join("cover.mp4");
    let pipeline = format!(
        "videotestsrc num-buffers=5 ! video/x-raw,width=64,height=48 ! identity name=first ! {filter} ! x264enc \
         ! mp4mux ! filesink location={}",
        path.display()
    );
    let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let pad = pipeline.by_name("first").unwrap().static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, |pad, _| {
        pad.push_event(tags(TagScope::Global, add_pictures));
        gst::PadProbeReturn::Remove
    });
    run(&pipeline).unwrap();
    let (written, picture) = (std::fs::read(&path).unwrap(), jpeg());
    written.windows(picture.len()).any(|window| window == picture)
}

/// Runs a pipeline to its end, or to its first error.
fn run(pipeline: &gst::Pipeline) -> Result<(), String> {
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &end).expect("it ends");
    pipeline.set_state(gst::State::Null).unwrap();
    match message.view() {
        gst::MessageView::Error(error) => Err(error.error().to_string()),
        _ => Ok(()),
    }
}

#[test]
fn cover_art_does_not_get_into_the_file() {
    assert!(is_in_file("identity"), "the muxer writes cover art, so that this test means something");
    assert!(!is_in_file("advjndprotect"));
}

#[test]
fn video_that_is_to_be_shown_turned_is_refused_with_a_reason() {
    let frames = pattern();
    for scope in [TagScope::Global, TagScope::Stream] {
        for name in ORIENTATIONS {
            let mut session = Session::new(&frames.caps(), &[]);
            session.protect(&frames.buffers[0]);
            assert!(session.harness.push_event(orientation(scope, name)));
            let flow = session.harness.push(frames.buffers[0].copy_deep().unwrap());
            assert_eq!(flow.is_ok(), name == "rotate-0", "{name}");
            let error = session.error().unwrap_or_default();
            let told = error.contains(name) && error.contains("videoflip video-direction=auto");
            assert_eq!(told, name != "rotate-0", "{name}: {error}");
        }
    }
}

#[test]
fn a_turn_that_is_told_before_the_caps_counts_too() {
    let frames = pattern();
    let (element, bus) = (element(&[]), gst::Bus::new());
    element.set_bus(Some(&bus));
    let mut harness = gst_check::Harness::with_element(&element, Some("sink"), Some("src"));
    assert!(harness.push_event(orientation(TagScope::Stream, "rotate-90")));
    harness.set_src_caps(frames.caps());
    assert!(harness.push(frames.buffers[0].copy_deep().unwrap()).is_err());
    assert!(first_error(&bus).unwrap().contains("rotate-90"));
}

#[test]
fn a_turn_holds_until_another_is_told_or_another_stream_begins() {
    let frames = pattern();
    let passes = |session: &mut Session| session.harness.push(frames.buffers[0].copy_deep().unwrap()).is_ok();
    let segment = || gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new());
    let mut session = Session::new(&frames.caps(), &[]);
    session.harness.push_event(orientation(TagScope::Stream, "rotate-180"));
    session.harness.push_event(tags(TagScope::Stream, |tags| tags.add::<Title>(&"a title", TagMergeMode::Append)));
    assert!(!passes(&mut session), "other tags change nothing");
    session.harness.push_event(orientation(TagScope::Global, "rotate-0"));
    assert!(!passes(&mut session), "the stream's own tag counts");
    // After a seek nobody tells the tags again.
    session.harness.push_event(gst::event::FlushStart::new());
    session.harness.push_event(gst::event::FlushStop::new(true));
    session.harness.push_event(segment());
    assert!(!passes(&mut session), "a flush begins no other stream");
    session.harness.push_event(orientation(TagScope::Stream, "rotate-0"));
    assert!(passes(&mut session));

    session.harness.push_event(orientation(TagScope::Stream, "rotate-270"));
    assert!(!passes(&mut session));
    session.harness.push_event(gst::event::StreamStart::new("another"));
    session.harness.push_event(gst::event::Caps::new(&frames.caps()));
    session.harness.push_event(segment());
    assert!(passes(&mut session));

    session.harness.push_event(orientation(TagScope::Stream, "flip-rotate-0"));
    assert!(!passes(&mut session));
    session.element.set_state(gst::State::Null).unwrap();
    session.harness.play();
    session.harness.push_event(gst::event::StreamStart::new("anew"));
    session.harness.set_src_caps(frames.caps());
    session.harness.push_event(segment());
    assert!(passes(&mut session));
}

#[test]
fn switched_off_turned_video_passes_with_its_tag() {
    let frames = pattern();
    let mut session = Session::new(&frames.caps(), &[("enabled", "false")]);
    session.harness.push_event(orientation(TagScope::Stream, "rotate-90"));
    session.protect(&frames.buffers[0]);
    let told = lists(&mut session).iter().find_map(|tags| Some(tags.get::<ImageOrientation>()?.get().to_owned()));
    assert_eq!(told.as_deref(), Some("rotate-90"));
}

/// What comes out of `front ! advjndprotect` for a picture of 64 by 32 pixels: its size, and the orientations that are
/// told.
fn turned(front: &str, name: &str) -> Result<((i32, i32), Vec<String>), String> {
    init();
    let pipeline = format!(
        "videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=64,height=32 \
         ! taginject tags=\"image-orientation={name}\" ! {front} ! fakesink name=sink"
    );
    let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (pad, notes) = (pipeline.by_name("sink").unwrap().static_pad("sink").unwrap(), told.clone());
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Tag(tag)) = info.event().map(|event| event.view())
            && let Some(orientation) = tag.tag().get::<ImageOrientation>()
        {
            notes.lock().unwrap().push(orientation.get().to_owned());
        }
        gst::PadProbeReturn::Ok
    });
    let size = Arc::new(Mutex::new((0, 0)));
    let seen = size.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        let caps = pad.current_caps().unwrap();
        let caps = caps.structure(0).unwrap();
        *seen.lock().unwrap() = (caps.get("width").unwrap(), caps.get("height").unwrap());
        gst::PadProbeReturn::Ok
    });
    run(&pipeline)?;
    let result = (*size.lock().unwrap(), told.lock().unwrap().clone());
    Ok(result)
}

/// Alone, behind others, and behind walls of bins.
#[test]
fn with_videoflip_in_front_every_orientation_is_taken_and_none_is_told_on() {
    for name in ORIENTATIONS {
        for front in [
            "videoflip video-direction=auto ! advjndprotect",
            "videoflip video-direction=auto ! queue ! videoconvert ! identity ! advjndprotect",
            "( videoflip video-direction=auto ! queue ) ! ( identity ! advjndprotect )",
        ] {
            let (size, told) = turned(front, name).unwrap();
            let sideways = name.ends_with("90") || name.ends_with("270");
            assert_eq!(size, if sideways { (32, 64) } else { (64, 32) }, "{front}: {name}");
            assert!(told.iter().all(|told| told == "rotate-0"), "{front}: {name} becomes {told:?}");
        }
    }
}

#[test]
fn a_videoflip_that_does_not_follow_tags_helps_nothing() {
    for front in ["advjndprotect", "videoflip ! advjndprotect", "videoflip video-direction=90r ! queue ! advjndprotect"]
    {
        assert!(turned(front, "rotate-90").unwrap_err().contains("rotate-90"), "{front}");
    }
}
