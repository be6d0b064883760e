// SPDX-License-Identifier: MIT OR Apache-2.0
//! Property `recognizers`: which networks an element attacks and asks.

use gst::prelude::*;
use gst_video::VideoFormat;

use crate::common;
use crate::common::{Frames, ONE_FACE, Session, faces, file, first_error, pixels};

/// What becomes of the first frames of the sample clip.
fn protected(properties: &[(&str, &str)]) -> Vec<Vec<Vec<u8>>> {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 3);
    let mut session = Session::new(&frames.caps(), properties);
    let buffers = session.protect_all(&frames);
    assert!(buffers.iter().all(|buffer| faces(buffer).len() == 1));
    buffers.iter().map(|buffer| pixels(buffer, &frames.info)).collect()
}

#[test]
fn names_choose_among_those_of_the_manifest() {
    let models = file("models");
    let models = ("models", models.to_str().unwrap());
    let default = protected(&[]);
    assert!(protected(&[("recognizers", "dlib_resnet29,sface_2021dec,mobilefacenet")]) == default);
    let one = protected(&[("recognizers", "dlib_resnet29")]);
    assert!(one != default);
    assert!(protected(&[models, ("recognizers", " dlib_resnet29 ")]) == one);
    let two = protected(&[models, ("recognizers", "dlib_resnet29, mobilefacenet")]);
    assert!(two != one && two != default);
}

#[test]
fn an_element_with_a_recogniser_that_it_has_not_does_not_start() {
    common::init();
    for (names, told) in [("arcface", "sface_2021dec"), ("dlib_resnet29,dlib_resnet29", "twice")] {
        let pipeline = format!("videotestsrc ! advjndprotect recognizers={names} ! fakesink");
        let pipeline = gst::parse::launch(&pipeline).unwrap();
        assert!(pipeline.set_state(gst::State::Playing).is_err(), "{names}");
        let error = first_error(&pipeline.bus().unwrap()).unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
        assert!(error.contains(told), "{names}: {error}");
    }
}
