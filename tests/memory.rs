// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stays in memory: nothing of a stopped element, and little of one more. One test at a time.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]
#![allow(unsafe_code, reason = "the allocator is asked to give back what is free")]

mod common;
#[path = "../crates/advjnd-cli/src/proc.rs"]
mod proc;

use std::sync::Mutex;

use gst::prelude::*;
use gst_video::VideoFormat;

use common::{Frames, ONE_FACE, Session, init};

static ALONE: Mutex<()> = Mutex::new(());

/// Resident memory of the process, MiB, without what the allocator keeps of freed memory: how much that is depends on
/// which of its arenas the threads of a run happened on.
fn resident() -> f64 {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
    proc::resident().unwrap()
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
    // The least of every 50, for now and then a thread that is about to end still holds a buffer.
    let mut least = [f64::INFINITY; 4];
    for round in 0..200 {
        pipeline.set_state(gst::State::Playing).unwrap();
        sink.pull_sample().unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
        if round % 5 == 4 {
            least[round / 50] = least[round / 50].min(resident());
        }
    }
    // The first starts make what stays; from then on it goes up and down by up to 4 MiB, and does not grow in 700
    // starts.
    assert!(least[3] - least[1] < 8.0, "least resident MiB after each of 50 starts: {least:?}");
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
    // Packed weights would be 66 more. The passes of a search, all of them in the first frame, keep 53 of these, half
    // of them the plan of a small frame that is enlarged.
    assert!(each < 125.0, "{each} MiB for each");
    drop(first);
}
