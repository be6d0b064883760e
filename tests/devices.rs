// SPDX-License-Identifier: MIT OR Apache-2.0
//! Property `device`: which device runs the recognisers.

#![cfg(feature = "gpu")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod common;

use std::process::Command;

use advjnd::net::Network;
use advjnd::net::gpu::adapters;
use gst::prelude::*;
use gst_video::VideoFormat;

use common::skip::skip;
use common::{Face, Frames, ONE_FACE, STRONG, Session, faces, first_error, pixels};

/// What a GPU played by the processor computes fast enough for a test: one network, few iterations in a frame.
const SMALL: [(&str, &str); 3] = [("recognizers", "mobilefacenet"), STRONG[0], ("max-iterations", "2")];
/// Two clips of one face: one of 140 pixels, and one of 100.
const CLIPS: [&str; 2] = [ONE_FACE, "videocrop left=760 top=80 right=180 bottom=340"];
/// A clip of two faces.
const TWO_FACES: &str = "videocrop left=240 top=80 right=180 bottom=140";
/// How far margins may differ, as shares of what lies between the threshold and the same embedding.
const MARGIN: f64 = 0.01;

/// The faces of each of `frames`, and the statistics.
fn protected(frames: &Frames, device: &str) -> (Vec<Vec<Face>>, gst::Structure) {
    let mut session = Session::new(&frames.caps(), &[&SMALL[..], &[("device", device)]].concat());
    let buffers = session.protect_all(frames);
    (buffers.iter().map(|buffer| faces(buffer)).collect(), session.stats())
}

#[test]
fn a_gpu_gives_the_verdicts_of_the_processor() {
    if adapters().is_empty() {
        return skip("a_gpu_gives_the_verdicts_of_the_processor", "no GPU and no driver that stands in for one");
    }
    let threshold = f64::from(Network::MobileFaceNet.spec().unwrap().verification_threshold);
    for clip in CLIPS {
        let frames = Frames::sample(clip, VideoFormat::I420, 5);
        let ((found, stats), (expected, plain)) = (protected(&frames, "gpu:0"), protected(&frames, "cpu"));
        for (frame, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let verdicts = |faces: &[Face]| faces.iter().map(|face| face.verdict.clone()).collect::<Vec<_>>();
            assert_eq!(verdicts(found), verdicts(expected), "{clip}, frame {frame}");
            for (found, expected) in found.iter().zip(expected) {
                let similarity = |face: &Face| face.param.get::<f64>("similarity-after").unwrap();
                let difference = (similarity(found) - similarity(expected)).abs() / (1.0 - threshold);
                println!("{clip}, frame {frame}: {}, margin differs by {difference:.5}", found.verdict);
                assert!(difference <= MARGIN, "{clip}, frame {frame}: the margin differs by {difference}");
            }
        }
        assert!(found.iter().flatten().any(|face| face.verdict == "protected"), "{clip}: nothing is at stake");
        let count = |field: &str| stats.get::<u64>(field).unwrap();
        println!("{stats:?}");
        assert_eq!(stats.get::<String>("device").unwrap(), "gpu:0");
        assert!(!stats.get::<String>("adapter").unwrap().is_empty());
        assert!(count("device-iterations") > 0 && count("device-looks") > 0, "{stats:?}");
        assert_eq!(count("device-faults"), 0);
        assert_eq!(plain.get::<String>("device").unwrap(), "cpu");
        assert_eq!(plain.get::<u64>("device-iterations").unwrap(), 0);
    }
}

#[test]
fn faces_that_iterate_together_on_a_gpu_get_the_verdicts_of_the_processor_and_the_same_bytes_each_time() {
    let name = "faces_that_iterate_together_on_a_gpu_get_the_verdicts_of_the_processor_and_the_same_bytes_each_time";
    if adapters().is_empty() {
        return skip(name, "no GPU and no driver that stands in for one");
    }
    let frames = Frames::sample(TWO_FACES, VideoFormat::I420, 2);
    let run = |device| {
        let mut session = Session::new(&frames.caps(), &[&SMALL[..], &[("device", device)]].concat());
        let outputs = session.protect_all(&frames);
        let verdicts = outputs.iter().flat_map(|output| faces(output)).map(|face| face.verdict);
        let bytes = outputs.iter().map(|output| pixels(output, &frames.info));
        (verdicts.collect::<Vec<_>>(), bytes.collect::<Vec<_>>(), session.count("device-faults"))
    };
    let (verdicts, bytes, faults) = run("gpu:0");
    assert_eq!((verdicts.len(), faults), (2 * frames.buffers.len(), 0), "{verdicts:?}");
    assert_eq!(run("cpu").0, verdicts);
    assert!(run("gpu:0").1 == bytes, "other bytes the second time");
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_that_says_what_to_do() {
    common::init();
    let count = adapters().len();
    for (device, told) in [(format!("gpu:{count}"), "gpu"), ("tpu".to_owned(), "gpu:0"), ("gpu:x".to_owned(), "gpu:0")]
    {
        let pipeline = format!("videotestsrc ! advjndprotect device={device} ! fakesink");
        let pipeline = gst::parse::launch(&pipeline).unwrap();
        assert!(pipeline.set_state(gst::State::Playing).is_err(), "{device}");
        let error = first_error(&pipeline.bus().unwrap()).unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
        assert!(error.contains(&device) && error.contains(told) && error.contains("cpu"), "{device}: {error}");
    }
}

/// Two frames with `device`, byte by byte.
fn bytes(device: &str) -> Vec<Vec<Vec<u8>>> {
    let frames = Frames::sample(ONE_FACE, VideoFormat::I420, 2);
    let mut session = Session::new(&frames.caps(), &[("device", device), ("max-iterations", "4")]);
    session.protect_all(&frames).iter().map(|buffer| pixels(buffer, &frames.info)).collect()
}

#[test]
fn without_a_gpu_the_processor_is_chosen() {
    // What the processor plays is never chosen.
    if adapters().iter().all(|adapter| adapter.is_software) {
        assert!(bytes("auto") == bytes("cpu"));
    }
    let name = "without_a_driver_the_processor_is_chosen";
    let nowhere = "/nonexistent";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", name])
        .envs([("VK_ICD_FILENAMES", nowhere), ("VK_DRIVER_FILES", nowhere), ("NODEVICE_SELECT", "1")])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "run by the test above, in a process without drivers"]
fn without_a_driver_the_processor_is_chosen() {
    assert!(adapters().is_empty());
    assert!(bytes("auto") == bytes("cpu"));
}

#[test]
fn the_plugin_needs_no_gpu_to_be_loaded() {
    let plugin = std::env::current_exe().unwrap().with_file_name("libgstadvjndprotect.so");
    let output = Command::new("readelf").args(["-d"]).arg(&plugin).output().unwrap();
    let needed = String::from_utf8(output.stdout).unwrap();
    assert!(needed.contains("NEEDED"), "{needed}");
    for library in ["vulkan", "GL", "cuda", "cublas", "nvrtc", "drm"] {
        assert!(!needed.contains(library), "{needed}");
    }
}
