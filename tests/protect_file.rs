// SPDX-License-Identifier: MIT OR Apache-2.0
//! The example `protect_file` on small clips of its own making.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::prelude::*;

/// A folder of its own, removed at the end.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        common::init();
        Self(common::folder())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// The names in one of its folders, hidden ones included.
    fn files(&self, name: &str) -> Vec<String> {
        let files = fs::read_dir(self.0.path().join(name)).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
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
    play_to_the_end(&gst::parse::launch(pipeline).unwrap().downcast().unwrap());
}

fn play_to_the_end(pipeline: &gst::Pipeline) {
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
    let program = Command::new(program("examples/protect_file")).args(arguments).output();
    program.expect("run `cargo build --example protect_file` first, or all tests at once")
}

/// A program of the build that this test belongs to: target/debug/deps/this-test → target/debug/NAME.
fn program(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().and_then(Path::parent).unwrap().join(name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_file_with_sound_keeps_every_frame_and_its_sound() {
    let folder = Folder::new();
    let (input, output) = (folder.path("clip.mp4"), folder.path("out/protected.mp4"));
    make_clip(&input, true);
    let done = protect_file(&[&input, &output]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(text(&done.stdout).contains("10 frames in") && text(&done.stdout).contains("sound kept"));
    assert_eq!(count(&output, "video/x-raw"), 10);
    assert!(count(&output, "audio/x-raw") > 10);
    assert_eq!(folder.files("out"), ["protected.mp4"], "no picture with a clean frame, and nothing unfinished");
}

#[test]
fn a_picture_comes_when_asked_for_and_its_name_says_what_is_in_it() {
    let folder = Folder::new();
    let (input, output) = (folder.path("clip.mp4"), folder.path("out/clip-protected.mp4"));
    make_clip(&input, false);
    let done = protect_file(&["--picture", &input, &output]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(folder.files("out"), ["clip-clean-and-protected.png", "clip-protected.mp4"]);
    let picture = image::open(folder.path("out/clip-clean-and-protected.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (160 + 8 + 160, 120));
    fs::remove_file(&output).unwrap();
    let again = protect_file(&["--picture", &input, &output]);
    assert!(!again.status.success() && text(&again.stderr).contains("clean-and-protected.png is there already"));
}

#[test]
fn what_is_there_is_overwritten_only_when_asked_for() {
    let folder = Folder::new();
    let (input, output) = (folder.path("clip.mp4"), folder.path("protected.mp4"));
    make_clip(&input, false);
    fs::write(&output, "of somebody").unwrap();
    let refused = protect_file(&[&input, &output]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("is there already; give another name, or -y"));
    assert_eq!(fs::read_to_string(&output).unwrap(), "of somebody");
    for flag in ["-y", "--overwrite"] {
        fs::write(&output, "of somebody").unwrap();
        assert!(protect_file(&[flag, "--property", "max-iterations=1", &input, &output]).status.success());
        assert_eq!(count(&output, "video/x-raw"), 10);
    }
    assert_eq!(folder.files(""), ["clip.mp4", "protected.mp4"]);
}

#[test]
fn the_input_is_never_overwritten_by_whatever_name() {
    let folder = Folder::new();
    let (input, link, hard) = (folder.path("clip.mp4"), folder.path("link.mp4"), folder.path("hard.mp4"));
    make_clip(&input, false);
    std::os::unix::fs::symlink(&input, &link).unwrap();
    fs::hard_link(&input, &hard).unwrap();
    let before = fs::read(&input).unwrap();
    let dotted = folder.path("./clip.mp4");
    for (from, to) in [(&input, &input), (&input, &dotted), (&input, &link), (&link, &input), (&input, &hard)] {
        let done = protect_file(&["-y", from, to]);
        assert!(!done.status.success() && text(&done.stderr).contains("is the input itself"), "{from} {to}");
    }
    assert!(fs::read(&input).unwrap() == before);
    assert_eq!(folder.files(""), ["clip.mp4", "hard.mp4", "link.mp4"]);
}

#[test]
fn what_fails_leaves_nothing_and_what_was_there_stays() {
    let folder = Folder::new();
    let (input, output) = (folder.path("clip.mp4"), folder.path("out/protected.mp4"));
    fs::write(&input, "no video").unwrap();
    assert!(!protect_file(&[&input, &output]).status.success());
    assert!(folder.files("out").is_empty());
    fs::write(&output, "of before").unwrap();
    assert!(!protect_file(&["-y", &input, &output]).status.success());
    assert_eq!(
        (folder.files("out"), fs::read_to_string(&output).unwrap()),
        (vec!["protected.mp4".into()], "of before".into())
    );
}

#[test]
fn a_name_may_begin_with_a_dash() {
    let folder = Folder::new();
    make_clip(&folder.path("-x y.mp4"), false);
    let program = program("examples/protect_file");
    let done = Command::new(program).current_dir(folder.0.path()).args(["--", "-x y.mp4", "-z.mp4"]).output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(folder.files(""), ["-x y.mp4", "-z.mp4"]);
}

/// Has players turn the video of an MP4 file, as phones do: the matrix `a b c d` in the header of its track.
fn lay_on_its_side(path: &str, [a, b, c, d]: [i32; 4]) {
    let mut file = fs::read(path).unwrap();
    let at = matrix_at(&file);
    for (index, value) in [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30].into_iter().enumerate() {
        file[at + 4 * index..][..4].copy_from_slice(&i32::to_be_bytes(value));
    }
    fs::write(path, file).unwrap();
}

/// Where the matrix of the first track lies.
fn matrix_at(file: &[u8]) -> usize {
    file.windows(4).position(|window| window == b"tkhd").unwrap() + 44
}

/// Whether GStreamer reads from a file that it is to be shown turned.
fn is_turned(path: &str) -> bool {
    let turned = Arc::new(AtomicBool::new(false));
    let pipeline = format!("filesrc location=\"{path}\" ! decodebin ! video/x-raw ! fakesink name=sink");
    let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let (pad, found) = (pipeline.by_name("sink").unwrap().static_pad("sink").unwrap(), turned.clone());
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Tag(tag)) = info.event().map(|event| event.view())
            && tag.tag().get::<gst::tags::ImageOrientation>().is_some_and(|orientation| orientation.get() != "rotate-0")
        {
            found.store(true, Ordering::Relaxed);
        }
        gst::PadProbeReturn::Ok
    });
    play_to_the_end(&pipeline);
    turned.load(Ordering::Relaxed)
}

#[test]
fn videos_of_phones_come_out_upright_and_are_turned_by_nobody_again() {
    let folder = Folder::new();
    for (matrix, direction) in [
        ([0, 1, -1, 0], "90r"),
        ([-1, 0, 0, -1], "180"),
        ([0, -1, 1, 0], "90l"),
        ([-1, 0, 0, 1], "horiz"),
        ([1, 0, 0, -1], "vert"),
    ] {
        let input = folder.path(&format!("{direction}.mp4"));
        make_clip(&input, true);
        lay_on_its_side(&input, matrix);
        if !is_turned(&input) {
            let why = format!("this GStreamer does not read {matrix:?} as a turn");
            common::skip::skip("videos_of_phones_come_out_upright_and_are_turned_by_nobody_again", why);
            continue;
        }
        let (lossless, encoded) =
            (folder.path(&format!("{direction}.mkv")), folder.path(&format!("{direction}-out.mp4")));
        for (output, options) in [(&lossless, &["--lossless"][..]), (&encoded, &[])] {
            let done = protect_file(&[options, &[input.as_str(), output]].concat());
            assert!(done.status.success(), "{direction}: {}", text(&done.stderr));
            assert!(!is_turned(output), "{direction}: {output} is turned again");
        }
        let written = fs::read(&encoded).unwrap();
        let identity: Vec<u8> =
            [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30].into_iter().flat_map(i32::to_be_bytes).collect();
        assert!(written[matrix_at(&written)..].starts_with(&identity), "{direction}: the container turns it again");
        let turn = format!("videoflip video-direction={direction}");
        let expected = common::Frames::of_clip(Path::new(&input), &turn, gst_video::VideoFormat::I420, 10);
        let found = common::Frames::of_clip(Path::new(&lossless), "identity", gst_video::VideoFormat::I420, 10);
        let size = |frames: &common::Frames| (frames.info.width(), frames.info.height());
        assert_eq!(size(&found), if direction.starts_with("90") { (120, 160) } else { (160, 120) });
        let planes = |frames: &common::Frames| -> Vec<_> {
            frames.buffers.iter().map(|buffer| common::pixels(buffer, &frames.info)).collect()
        };
        assert!(planes(&expected) == planes(&found), "{direction}: not upright");
    }
}

/// A muxer writes cover art of a whole file whether it comes with the picture or with the sound.
#[test]
fn cover_art_does_not_get_into_the_output() {
    let folder = Folder::new();
    let (input, output) = (folder.path("clip.mp4"), folder.path("protected.mp4"));
    let video = "videotestsrc num-buffers=10 ! video/x-raw,width=160,height=120,framerate=25/1 ! identity name=first";
    let audio = "audiotestsrc num-buffers=10 samplesperbuffer=1764 ! audio/x-raw,rate=44100 ! avenc_aac ! mux.";
    let pipeline = format!("{video} ! x264enc ! mux. {audio} mp4mux name=mux ! filesink location=\"{input}\"");
    let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let jpeg = fs::read(common::file("examples/media/skin.jpg")).unwrap();
    let cover = jpeg.clone();
    let pad = pipeline.by_name("first").unwrap().static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        let caps = gst::Caps::builder("image/jpeg").build();
        let cover = gst::Sample::builder().buffer(&gst::Buffer::from_slice(cover.clone())).caps(&caps).build();
        let mut tags = gst::TagList::new();
        tags.make_mut().set_scope(gst::TagScope::Global);
        tags.make_mut().add::<gst::tags::Image>(&cover, gst::TagMergeMode::Append);
        pad.push_event(gst::event::Tag::new(tags));
        gst::PadProbeReturn::Remove
    });
    play_to_the_end(&pipeline);
    let holds_cover = |path: &str| fs::read(path).unwrap().windows(jpeg.len()).any(|window| window == jpeg);
    assert!(holds_cover(&input));
    let done = protect_file(&[&input, &output]);
    assert!(done.status.success() && text(&done.stdout).contains("sound kept"), "{}", text(&done.stderr));
    assert!(!holds_cover(&output));
}

#[test]
fn a_file_without_sound_and_a_face_comes_out_the_same_without_loss() {
    let folder = Folder::new();
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
    let folder = Folder::new();
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
    let folder = Folder::new();
    let (input, output) = (folder.path("clip.mp4"), folder.path("protected.mp4"));
    make_clip(&input, false);
    let folder_as_output = folder.path("");
    let mistakes: [(&[&str], &str); 7] = [
        (&[&input, &folder_as_output], "is a folder; name a file in it"),
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
