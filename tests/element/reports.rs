// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the element says of itself: properties, `stats`, messages, metas.

use gst::prelude::*;
use gst_video::VideoFormat;
use gstadvjndprotect::advjndprotect::{Detector, FailPolicy, JndModel, View};

use crate::common::{Frames, ONE_FACE, STRONG, Session, element, faces, skip};

#[test]
fn properties_keep_what_is_set() {
    let values = [
        ("enabled", "false"),
        ("models", "/some/folder"),
        ("max-change", "20"),
        ("reshape", "3.5"),
        ("relight", "12"),
        ("warm-start", "false"),
        ("frame-deadline", "15000000"),
        ("detector", "roi-meta"),
        ("regions", "<<0,0,100,200>,<(int)7,8,9,10>>"),
        ("exclude-regions", "<<1,2,3,4>>"),
        ("exclude-people", "/some/people"),
        ("protect-only", "/others.safetensors"),
        ("privacy-masks", "<<5,6,7,8>>"),
        ("roi-types", "plate,head"),
        ("detect-interval", "5"),
        ("max-faces", "3"),
        ("jnd-scale", "1.5"),
        ("jnd-model", "free-energy"),
        ("temporal-masking", "false"),
        ("flicker-limit", "0.25"),
        ("view", "boxes"),
        ("max-iterations", "12"),
        ("fail-policy", "pixelate"),
        ("score-threshold", "0.75"),
        ("min-face-size", "48"),
        ("search", "thorough"),
        ("on-lost", "cover-frame"),
        ("look-ahead", "7"),
        ("hold-time", "1000000000"),
        ("seed", "18446744073709551615"),
        ("threads", "2"),
        ("messages", "false"),
        ("attach-meta", "false"),
    ];
    let element = element(&values);
    assert!(!element.property::<bool>("enabled"));
    assert_eq!(element.property::<Option<String>>("models").as_deref(), Some("/some/folder"));
    assert_eq!(element.property::<u32>("max-change"), 20);
    assert_eq!(["reshape", "relight"].map(|name| element.property::<f32>(name)), [3.5, 12.0]);
    assert!(!element.property::<bool>("warm-start"));
    assert_eq!(element.property::<u64>("frame-deadline"), 15_000_000);
    assert_eq!(element.property::<Detector>("detector"), Detector::RoiMeta);
    assert_eq!(rectangles(&element, "regions"), [[0, 0, 100, 200], [7, 8, 9, 10]]);
    assert_eq!(rectangles(&element, "exclude-regions"), [[1, 2, 3, 4]]);
    assert_eq!(rectangles(&element, "privacy-masks"), [[5, 6, 7, 8]]);
    let people = ["exclude-people", "protect-only"].map(|name| element.property::<Option<String>>(name));
    assert_eq!(people.each_ref().map(Option::as_deref), [Some("/some/people"), Some("/others.safetensors")]);
    assert_eq!(element.property::<Option<String>>("roi-types").as_deref(), Some("plate,head"));
    assert_eq!(element.property::<u32>("detect-interval"), 5);
    assert_eq!(element.property::<u32>("max-faces"), 3);
    assert_eq!(element.property::<f32>("jnd-scale"), 1.5);
    assert_eq!(element.property::<JndModel>("jnd-model"), JndModel::FreeEnergy);
    assert!(!element.property::<bool>("temporal-masking"));
    assert_eq!(element.property::<f32>("flicker-limit"), 0.25);
    assert_eq!(element.property::<View>("view"), View::Boxes);
    assert_eq!(element.property::<i32>("max-iterations"), 12);
    assert_eq!(element.property::<FailPolicy>("fail-policy"), FailPolicy::Pixelate);
    assert_eq!(element.property::<f32>("score-threshold"), 0.75);
    assert_eq!(element.property::<u32>("min-face-size"), 48);
    assert_eq!(element.property::<u64>("hold-time"), 1_000_000_000);
    assert_eq!(element.property::<u64>("seed"), u64::MAX);
    assert_eq!(element.property::<u32>("threads"), 2);
    assert!(!element.property::<bool>("messages"));
    assert!(!element.property::<bool>("attach-meta"));
}

fn rectangles(element: &gst::Element, name: &str) -> Vec<[i32; 4]> {
    let numbers = |array: gst::Array| [0, 1, 2, 3].map(|index| array[index].get().unwrap());
    element.property::<gst::Array>(name).iter().map(|array| numbers(array.get().unwrap())).collect()
}

#[test]
fn rectangles_that_are_none_change_nothing() {
    let element = element(&[("regions", "<<1,2,3,4>>")]);
    for wrong in [vec![1, 2, 3], vec![1, 2, 3, 4, 5], vec![]] {
        element.set_property("regions", gst::Array::new([gst::Array::new(wrong)]));
        assert_eq!(rectangles(&element, "regions"), [[1, 2, 3, 4]]);
    }
    element.set_property("regions", gst::Array::new(Vec::<gst::Array>::new()));
    assert!(rectangles(&element, "regions").is_empty());
}

#[test]
fn defaults_are_those_of_the_core() {
    let (element, core) = (element(&[]), advjnd::Settings::default());
    assert_eq!(element.property::<Option<String>>("models"), None);
    assert_eq!(element.property::<f32>("jnd-scale"), core.jnd_scale);
    assert_eq!(element.property::<JndModel>("jnd-model"), core.jnd_model.into());
    assert_eq!(element.property::<bool>("temporal-masking"), core.temporal_masking);
    assert_eq!(element.property::<f32>("flicker-limit"), core.flicker_limit);
    assert_eq!(element.property::<View>("view"), core.view.into());
    assert_eq!(element.property::<i32>("max-iterations"), -1);
    assert_eq!(element.property::<FailPolicy>("fail-policy"), core.fail_policy.into());
    assert_eq!(element.property::<f32>("score-threshold"), core.score_threshold);
    assert_eq!(element.property::<u32>("min-face-size"), core.min_face_size);
    assert_eq!(u128::from(element.property::<u64>("hold-time")), core.hold_time.as_nanos());
    assert_eq!(element.property::<u32>("max-change"), core.max_change);
    assert_eq!(element.property::<bool>("warm-start"), core.warm_start);
    assert_eq!(element.property::<u32>("detect-interval"), core.detect_interval);
    assert_eq!(element.property::<u32>("max-faces"), core.max_faces);
    for spec in element.list_properties().iter().filter(|spec| spec.owner_type() == element.type_()) {
        if !["stats", "regions", "exclude-regions", "privacy-masks"].contains(&spec.name()) {
            let value = element.property_value(spec.name());
            assert!(
                format!("{value:?}") == format!("{:?}", spec.default_value()),
                "{}: {value:?} is not the default it declares",
                spec.name()
            );
        }
    }
}

#[test]
fn every_property_says_what_it_means_and_when_it_may_change() {
    let element = element(&[]);
    for spec in element.list_properties().iter().filter(|spec| spec.owner_type() == element.type_()) {
        assert!(spec.blurb().is_some_and(|blurb| blurb.len() > 20), "{}", spec.name());
        let mutable = gst::PARAM_FLAG_MUTABLE_PLAYING | gst::PARAM_FLAG_MUTABLE_READY;
        let written = spec.flags().contains(gst::glib::ParamFlags::WRITABLE);
        assert!(!written || spec.flags().intersects(mutable), "{}", spec.name());
    }
    let controllable = |name| element.find_property(name).unwrap().flags().contains(gst::PARAM_FLAG_CONTROLLABLE);
    assert!(["jnd-scale", "max-iterations", "max-change", "flicker-limit"].into_iter().all(controllable));
}

#[test]
fn stats_add_up_and_can_be_read_before_and_after_playing() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 3);
    let mut session = Session::new(&frames.caps(), &STRONG);
    assert_eq!(session.stats().name(), "application/x-advjndprotect-stats");
    assert_eq!(session.count("frames"), 0);
    session.protect_all(&frames);
    session.element.set_state(gst::State::Null).unwrap();
    assert_eq!((session.count("frames"), session.count("faces")), (3, 3));
    assert_eq!((session.count("protected") + session.count("covered"), session.count("kept")), (3, 0));
    assert_eq!((session.count("frames-dropped"), session.count("frames-late"), session.count("faults")), (0, 0, 0));
    assert!(session.count("protected") > 0 && session.count("iterations") > 0, "{}", session.stats());
    let similarity = |field: &str| session.stats().get::<f64>(field).unwrap();
    assert!(similarity("similarity-before") > 0.9 && similarity("similarity-after") < similarity("similarity-before"));
    assert!(similarity("psnr") > 20.0 && (similarity("displacement"), similarity("light")) == (0.0, 0.0));
    for field in ["detect-time", "jnd-time", "attack-time", "verify-time"] {
        assert!(session.count(field) > 0, "{field} is zero");
    }
}

#[test]
fn properties_take_effect_while_playing() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let mut session = Session::new(&frames.caps(), &STRONG);
    assert_eq!(faces(&session.protect(&frames.buffers[0]))[0].verdict, "protected");
    session.element.set_property("jnd-scale", 0.0f32);
    assert_eq!(faces(&session.protect(&frames.buffers[0]))[0].verdict, "covered-not-yet-protected");
}

#[test]
fn messages_are_posted_when_a_verdict_changes_and_not_otherwise() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 3);
    let mut session = Session::new(&frames.caps(), &STRONG);
    let outputs = session.protect_all(&frames);
    let verdicts: Vec<String> = outputs.iter().map(|output| faces(output).swap_remove(0).verdict).collect();
    let mut expected = verdicts.clone();
    expected.dedup();
    let messages = session.element_messages();
    let posted: Vec<String> = messages.iter().map(|message| message.get("verdict").unwrap()).collect();
    assert_eq!(posted, expected, "one message for each change");
    let message = &messages[0];
    assert_eq!(message.name(), "advjndprotect");
    assert_eq!(message.get::<u64>("face").unwrap() as i32, faces(&outputs[0])[0].id);
    assert_eq!(message.get::<gst::ClockTime>("timestamp").ok(), frames.buffers[0].pts());
    assert_eq!(message.get::<gst::ClockTime>("running-time").ok(), frames.buffers[0].pts());
    let rect = ["x", "y", "width", "height"].map(|name| message.get::<u32>(name).unwrap());
    assert_eq!((rect[0], rect[1], rect[2], rect[3]), faces(&outputs[0])[0].rect);
    assert!(message.get::<f64>("similarity-after").is_ok());
}

#[test]
fn messages_and_metas_can_be_switched_off() {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let mut session = Session::new(&frames.caps(), &[("messages", "false"), ("attach-meta", "false")]);
    assert!(faces(&session.protect(&frames.buffers[0])).is_empty());
    assert!(session.element_messages().is_empty());
    assert_eq!(session.count("faces"), 1);
}

#[test]
fn metas_describe_every_face() {
    let frames = Frames::sample("identity", VideoFormat::I420, 1);
    let output = Session::new(&frames.caps(), &[("max-iterations", "1")]).protect(&frames.buffers[0]);
    let faces = faces(&output);
    assert_eq!(faces.len(), 3, "the sample clip starts with three faces: {faces:?}");
    for face in &faces {
        let (x, y, width, height) = face.rect;
        assert!(width >= 40 && height >= 40 && x + width <= 1280 && y + height <= 720, "{face:?}");
        assert!(face.touches((x + width / 2) as usize, (y + height / 2) as usize), "{face:?}");
        assert!(face.param.get::<f64>("score").unwrap() > 0.5);
        assert_eq!(face.param.get::<gst::ArrayRef>("landmarks").unwrap().len(), 10);
    }
}

#[test]
fn faces_of_a_real_clip_keep_their_numbers() {
    let Some(clip) = skip::material("faces_of_a_real_clip_keep_their_numbers", "clips/pyfeat_single_360p.mp4") else {
        return;
    };
    let frames = Frames::of_clip(&clip, "identity", VideoFormat::I420, 8);
    let mut session = Session::new(&frames.caps(), &[]);
    let outputs = session.protect_all(&frames);
    let ids: Vec<Vec<i32>> = outputs.iter().map(|output| faces(output).iter().map(|face| face.id).collect()).collect();
    assert!(ids.iter().all(|ids_now| ids_now.len() == 1 && *ids_now == ids[0]), "{ids:?}");
    assert!(!session.element_messages().is_empty());
}
