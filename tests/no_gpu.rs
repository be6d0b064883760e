// SPDX-License-Identifier: MIT OR Apache-2.0
//! Property `device` of a build without the feature `gpu`.

#![cfg(not(feature = "gpu"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod common;

use gst::prelude::*;

use common::first_error;

fn pipeline(device: &str) -> gst::Element {
    common::init();
    gst::parse::launch(&format!("videotestsrc num-buffers=2 ! advjndprotect device={device} ! fakesink")).unwrap()
}

#[test]
fn a_named_gpu_is_an_error_that_says_what_to_do() {
    for (device, feature) in
        [("gpu", "gpu"), ("gpu:1", "gpu"), ("cuda", "cuda"), ("cuda:1", "cuda"), ("metal", "metal")]
    {
        if (feature == "cuda" && cfg!(feature = "cuda")) || (feature == "metal" && cfg!(feature = "metal")) {
            continue;
        }
        let pipeline = pipeline(device);
        assert!(pipeline.set_state(gst::State::Playing).is_err(), "{device}");
        let error = first_error(&pipeline.bus().unwrap()).unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
        let feature = format!("feature `{feature}`");
        assert!(error.contains(&feature) && error.contains("set the device to cpu"), "{device}: {error}");
    }
}

#[test]
fn auto_is_the_processor() {
    let pipeline = pipeline("auto");
    pipeline.set_state(gst::State::Playing).unwrap();
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
}
