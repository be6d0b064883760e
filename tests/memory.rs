//! What stays in memory: nothing of a stopped element, and little of one more. One test at a time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod common;

use std::sync::Mutex;

use gst::prelude::*;
use gst_video::VideoFormat;

use common::{Frames, ONE_FACE, Session, init};

static ALONE: Mutex<()> = Mutex::new(());

/// Resident memory of the process, MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

#[test]
fn memory_is_steady_over_two_hundred_starts() {
    let _alone = ALONE.lock().unwrap();
    init();
    let source = "videotestsrc ! video/x-raw,width=64,height=48";
    let pipeline =
        gst::parse::launch(&format!("{source} ! advjndprotect ! appsink name=sink sync=false max-buffers=1"));
    let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
    let mut after = Vec::new();
    for round in 0..200 {
        pipeline.set_state(gst::State::Playing).unwrap();
        sink.pull_sample().unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
        if round % 50 == 49 {
            after.push(resident());
        }
    }
    assert!(after[3] - after[0] < 4.0, "resident MiB after every 50 starts: {after:?}");
}

#[test]
fn one_more_element_takes_no_weights_of_its_own() {
    let _alone = ALONE.lock().unwrap();
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 1);
    let start = || {
        let mut session = Session::new(&frames.caps(), &[("threads", "1")]);
        session.protect(&frames.buffers[0]);
        session
    };
    let first = start();
    let before = resident();
    let more: Vec<_> = (0..4).map(|_| start()).collect();
    let each = (resident() - before) / more.len() as f64;
    // Packed weights would be 22 more.
    assert!(each < 40.0, "{each} MiB for each");
    drop(first);
}
