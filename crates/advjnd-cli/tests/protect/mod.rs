// SPDX-License-Identifier: MIT OR Apache-2.0
//! Small files, and the program run on them.

#![allow(dead_code, reason = "every test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails must fail its test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use gst::prelude::*;

/// A picture without a face.
pub const VIDEO: &str = "videotestsrc num-buffers=10 ! video/x-raw,format=I420,width=160,height=120,framerate=25/1";
/// Two fifths of a second, as long as [`VIDEO`].
pub const AUDIO: &str = "audiotestsrc num-buffers=10 samplesperbuffer=1764 ! audio/x-raw,rate=44100";
/// A fast encoder.
pub const H264: &str = "x264enc speed-preset=ultrafast";

/// A folder of its own, removed at the end.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        gst::init().unwrap();
        Self(tempfile::Builder::new().prefix("advjndprotect-").tempdir().unwrap())
    }

    pub fn root(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// The names in one of its folders, hidden ones included.
    pub fn files(&self, name: &str) -> Vec<String> {
        let files = fs::read_dir(self.0.path().join(name)).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Ten frames, with sound if asked for, under a name of it.
    pub fn clip(&self, name: &str, sound: bool) -> String {
        let path = self.path(name);
        let audio = if sound { format!("{AUDIO} ! avenc_aac ! mux.") } else { String::new() };
        play(&format!("{VIDEO} ! {H264} ! mux. {audio} mp4mux name=mux ! filesink location=\"{path}\""));
        path
    }

    /// So many seconds of a larger picture, for what takes its time.
    pub fn long_clip(&self, name: &str, seconds: u32) -> String {
        let path = self.path(name);
        let frames = 25 * seconds;
        play(&format!(
            "videotestsrc num-buffers={frames} ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! {H264} ! mp4mux \
             ! filesink location=\"{path}\""
        ));
        path
    }
}

/// A file of the repository.
pub fn file(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path).to_str().unwrap().to_owned()
}

/// Runs a pipeline to its end.
pub fn play(pipeline: &str) {
    let pipeline = gst::parse::launch(pipeline).unwrap_or_else(|error| panic!("{pipeline}: {error}"));
    play_to_the_end(&pipeline.downcast().unwrap());
}

pub fn play_to_the_end(pipeline: &gst::Pipeline) {
    pipeline.set_state(gst::State::Playing).unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &end).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
}

/// The bytes of every buffer that `pipeline`, which ends in a pad, gives; and the caps of the last.
pub fn buffers(pipeline: &str) -> (Vec<Vec<u8>>, Option<gst::Caps>) {
    let pipeline = format!("{pipeline} ! appsink name=sink sync=false");
    let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let (mut bytes, mut caps) = (Vec::new(), None);
    while let Ok(sample) = sink.pull_sample() {
        bytes.push(sample.buffer().unwrap().map_readable().unwrap().to_vec());
        caps = sample.caps_owned();
    }
    pipeline.set_state(gst::State::Null).unwrap();
    (bytes, caps)
}

/// Frames of the first video in a file, as I420, and their size.
pub fn frames(path: &str) -> (Vec<Vec<u8>>, (i32, i32)) {
    let (frames, caps) =
        buffers(&format!("filesrc location=\"{path}\" ! decodebin ! videoconvert ! video/x-raw,format=I420"));
    let caps = caps.unwrap_or_else(|| panic!("{path} has no frame"));
    let side = |name| caps.structure(0).unwrap().get::<i32>(name).unwrap();
    (frames, (side("width"), side("height")))
}

/// Encoded sound in a file, as it is stored.
pub fn encoded_sound(path: &str) -> (Vec<Vec<u8>>, Option<gst::Caps>) {
    buffers(&format!("filesrc location=\"{path}\" ! parsebin ! audio/mpeg"))
}

/// The program, told to protect with one iteration.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_advjnd"));
    command.args(["protect", "--property", "max-iterations=1"]).args(arguments);
    command
}

pub fn protect(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// What the program says when it ends well.
pub fn protected(arguments: &[&str]) -> String {
    let done = protect(arguments);
    assert_eq!(done.status.code(), Some(0), "{arguments:?}: {}{}", text(&done.stdout), text(&done.stderr));
    text(&done.stdout)
}

/// What the program says when it ends with `code`.
pub fn refused(arguments: &[&str], code: i32) -> String {
    let done = protect(arguments);
    let said = format!("{}{}", text(&done.stdout), text(&done.stderr));
    assert_eq!(done.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether the file holds these bytes.
pub fn holds(path: &str, bytes: &[u8]) -> bool {
    fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes)
}
