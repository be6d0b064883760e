//! The example `protect_file` on small clips of its own making.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gst::prelude::*;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        common::init();
        let folder = std::env::temp_dir().join(format!("advjndprotect-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Ten frames, with two fifths of a second of sound if asked for.
fn make_clip(path: &str, sound: bool) {
    let video = "videotestsrc num-buffers=10 ! video/x-raw,width=160,height=120,framerate=25/1 ! x264enc ! mux.";
    let audio = "audiotestsrc num-buffers=10 samplesperbuffer=1764 ! audio/x-raw,rate=44100 ! avenc_aac ! mux.";
    let audio = if sound { audio } else { "" };
    play(&format!("{video} {audio} mp4mux name=mux ! filesink location=\"{path}\""));
}

fn play(pipeline: &str) {
    let pipeline = gst::parse::launch(pipeline).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &end).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
}

/// Buffers of the first stream of a kind in a file.
fn count(path: &str, kind: &str) -> usize {
    let pipeline = format!("filesrc location=\"{path}\" ! decodebin ! {kind} ! appsink name=sink sync=false");
    let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let count = std::iter::from_fn(|| sink.pull_sample().ok()).count();
    pipeline.set_state(gst::State::Null).unwrap();
    count
}

fn protect_file(arguments: &[&str]) -> Output {
    // target/debug/deps/this-test → target/debug/examples/protect_file
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples/protect_file");
    let program = Command::new(&program).args(arguments).output();
    program.expect("run `cargo build --example protect_file` first, or all tests at once")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_file_with_sound_keeps_every_frame_and_its_sound() {
    let folder = Folder::new("with-sound");
    let (input, output) = (folder.path("clip.mp4"), folder.path("out/protected.mp4"));
    make_clip(&input, true);
    let done = protect_file(&[&input, &output]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("10 frames in") && text(&done.stdout).contains("sound kept"));
    assert_eq!(count(&output, "video/x-raw"), 10);
    assert!(count(&output, "audio/x-raw") > 10);
    let picture = image::open(folder.path("out/protected.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (160 + 8 + 160, 120));
}

#[test]
fn a_file_without_sound_and_a_face_comes_out_the_same_without_loss() {
    let folder = Folder::new("without-sound");
    let (input, output) = (folder.path("clip.mp4"), folder.path("protected.mkv"));
    make_clip(&input, false);
    let done = protect_file(&["--lossless", "--property", "max-iterations=1", &input, &output]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("no sound"));
    let frames = [&input, &output].map(|path| {
        let frames = common::Frames::of_clip(Path::new(path), "identity", gst_video::VideoFormat::I420, 10);
        frames.buffers.iter().map(|buffer| common::pixels(buffer, &frames.info)).collect::<Vec<_>>()
    });
    assert!(frames[0] == frames[1]);
}

/// The planes of the first frame of `tests/data/NAME`, and of what becomes of it without loss.
fn first_frames(name: &str) -> [Vec<Vec<u8>>; 2] {
    let folder = Folder::new(name);
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let output = folder.path("protected.mkv");
    let done = protect_file(&["--lossless", input.to_str().unwrap(), &output]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    [input.as_path(), Path::new(&output)].map(|path| {
        let frames = common::Frames::of_clip(path, "identity", gst_video::VideoFormat::I420, 1);
        common::pixels(&frames.buffers[0], &frames.info)
    })
}

/// The clip is white, full range (255), and names no matrix:
/// `ffmpeg -f lavfi -i color=white:size=64x48:rate=25:duration=0.12 -pix_fmt yuvj420p -c:v libx264 full_range.mkv`.
#[test]
fn full_range_becomes_limited_range_in_truth() {
    let luma = first_frames("full_range.mkv").map(|planes| planes[0][0]);
    assert_eq!(luma, [255, 235]);
}

/// A source of high definition that names no colours keeps its samples:
/// `ffmpeg -f lavfi -i color=red:size=1280x720:rate=25:duration=0.08 -pix_fmt yuv420p -c:v libx264 unnamed_720p.mkv`.
#[test]
fn colours_that_are_not_named_are_not_converted() {
    let frames = first_frames("unnamed_720p.mkv");
    assert!(frames[0] == frames[1]);
}

#[test]
fn mistakes_are_told_and_not_carried_out() {
    let folder = Folder::new("mistakes");
    let (input, output) = (folder.path("clip.mp4"), folder.path("protected.mp4"));
    make_clip(&input, false);
    let mistakes: [(&[&str], &str); 6] = [
        (&["/nonexistent.mp4", &output], "no file /nonexistent.mp4"),
        (&[&input], "usage"),
        (&["--fast", &input, &output], "unknown option --fast"),
        (&["--property", "strength=1", &input, &output], "no property `strength`"),
        (&["--property", "jnd-scale=much", &input, &output], "cannot be `much`"),
        (&["--property", "models=/nonexistent", &input, &output], "/nonexistent"),
    ];
    for (arguments, expected) in mistakes {
        let done = protect_file(arguments);
        assert!(!done.status.success() && text(&done.stderr).contains(expected), "{}", text(&done.stderr));
    }
}
