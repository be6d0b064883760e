// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every pipeline that the documents print is run, as printed, by `gst-launch-1.0` with the plugin as it lies on disk;
//! cameras, servers and screens are replaced by what stands for them in the table below. The programs of `examples/`
//! run too.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What stands for hardware: the first word of a printed part of a pipeline, and what is run in its place.
const STAND_INS: [(&str, &str); 13] = [
    ("v4l2src", "videotestsrc num-buffers=8 ! video/x-raw,format=YUY2,width=320,height=240,framerate=30/1"),
    ("image/jpeg,width=1280,height=720,framerate=30/1", "videoconvert ! jpegenc"),
    // Live, as a camera: splitmuxsink may hang where a file ends before the pipeline plays. One frame a second is slow
    // enough for every recogniser.
    (
        "rtspsrc",
        "filesrc location=photo.png ! pngdec ! imagefreeze is-live=true num-buffers=4 ! video/x-raw,framerate=1/1 \
         ! videoconvert ! x264enc tune=zerolatency ! rtph264pay ! application/x-rtp,media=video",
    ),
    ("fallbacksrc", "filesrc location=clip.mp4 ! decodebin"),
    ("vah264dec", "avdec_h264"),
    ("vapostproc", "videoconvert"),
    ("nvh264dec", "avdec_h264"),
    ("cudadownload", "videoconvert"),
    ("playbin", "playbin uri=file://$PWD/clip.mp4 video-sink=fakesink audio-sink=fakesink video-filter=\"videoconvert"),
    ("v4l2sink", "fakesink"),
    ("autovideosink", "fakesink"),
    ("rtspclientsink", "h264parse ! fakesink"),
    // Several files from a clip that lasts half a second.
    ("splitmuxsink", "splitmuxsink location=protected-%05d.mp4 max-size-time=200000000"),
];
/// What OBS calls the end of a pipeline, and what is run in its place.
const OBS: (&str, &str) = (" ! video.", " ! fakesink");
/// Elements of packages that are not GStreamer's own, and what tells that they are there.
const GUESTS: [(&str, &str); 1] =
    [("facedetect", "gst-inspect-1.0 --exists facedetect && test -d /usr/share/opencv4/haarcascades")];
/// Where pipelines are printed.
const DOCUMENTS: [&str; 4] = ["README.md", "docs/advjndprotect.md", "docs/recipes.md", "src/advjndprotect/imp.rs"];

/// The commands of a document: from `gst-launch-1.0`, or variables before it, to the line that does not go on. What OBS
/// takes has no `gst-launch-1.0`; it gets one.
fn commands(document: &str) -> Vec<String> {
    let text = fs::read_to_string(common::file(document)).unwrap();
    let mut lines = text.lines().map(|line| line.trim_start_matches([' ', '*']).trim_end());
    let mut commands = Vec::new();
    while let Some(line) = lines.next() {
        if line.ends_with(OBS.0) {
            commands.push(format!("gst-launch-1.0 {line}"));
            continue;
        }
        let starts = |line: &str| line.starts_with("gst-launch-1.0 ") || line.starts_with("GST_");
        if !starts(line) {
            continue;
        }
        let mut command = line.to_owned();
        while command.ends_with('\\') {
            command.pop();
            command.push_str(lines.next().expect("a line that goes on"));
        }
        commands.push(command);
    }
    commands
}

/// The command with everything replaced that needs hardware.
fn on_this_machine(command: &str) -> String {
    let replace = |part: &str| {
        let words = part.trim_start_matches("gst-launch-1.0 ").trim_start_matches("-e ");
        let stand_in = STAND_INS.iter().find(|(name, _)| words.split_whitespace().next() == Some(name));
        let kept = &part[..part.len() - words.len()];
        stand_in.map_or(part.to_owned(), |(_, other)| format!("{kept}{other}"))
    };
    command.replace(OBS.0, OBS.1).split(" ! ").map(replace).collect::<Vec<_>>().join(" ! ")
}

/// A folder with `clip.mp4` (12 frames with a face, and sound) and `photo.png`, removed at the end.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        common::init();
        let folder = Self(common::folder());
        common::install_plugin(&folder.0.path().join("plugins"));
        let (clip, sample) = (folder.0.path().join("clip.mp4"), common::sample_clip());
        folder.sh(&format!(
            "gst-launch-1.0 -q filesrc location='{}' ! decodebin ! identity eos-after=13 ! {} ! videoconvert \
             ! x264enc key-int-max=6 ! mp4mux name=out ! filesink location='{}' \
             audiotestsrc num-buffers=20 ! audioconvert ! avenc_aac ! out.",
            sample.display(),
            common::ONE_FACE,
            clip.display()
        ));
        folder.sh(&format!(
            "gst-launch-1.0 -q filesrc location='{}' ! decodebin ! videoconvert ! pngenc snapshot=true ! filesink location=photo.png",
            clip.display()
        ));
        folder
    }

    /// Runs a command in the folder; it must succeed.
    fn sh(&self, command: &str) -> Output {
        let output = self.command("timeout").args(["120", "sh", "-c", command]).output().unwrap();
        assert!(output.status.success(), "{command}\n{}", text(&output));
        output
    }

    /// A program that runs in the folder and finds the plugin that this test was built with.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.0.path())
            .env("GST_PLUGIN_PATH", self.0.path().join("plugins"))
            .env("GST_REGISTRY", self.0.path().join("registry.bin"))
            .env("OPENCV_LOG_LEVEL", "SILENT")
            .env("G_DEBUG", "fatal_warnings");
        command
    }

    fn files(&self) -> Vec<(String, u64)> {
        let file = |entry: std::io::Result<fs::DirEntry>| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())
        };
        fs::read_dir(self.0.path()).unwrap().map(file).collect()
    }
}

/// A file of the build that this test belongs to: `target/debug/…`.
fn built(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().and_then(Path::parent).unwrap().join(name)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether `command` succeeds; says that `test` is skipped where it does not.
fn available(test: &str, command: &str) -> bool {
    let status = Command::new("sh").args(["-c", command]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let available = status.is_ok_and(|status| status.success());
    if !available {
        common::skip::skip(test, format_args!("`{command}` fails here"));
    }
    available
}

#[test]
fn every_printed_pipeline_runs() {
    let folder = Folder::new();
    for document in DOCUMENTS {
        let commands = commands(document);
        assert!(!commands.is_empty(), "{document} prints no pipeline");
        for command in commands {
            assert!(command.contains("advjndprotect"), "{document}: {command}");
            let mut guests = GUESTS.iter().filter(|(name, _)| command.contains(&format!("! {name} ")));
            if !guests.all(|(_, needs)| available("every_printed_pipeline_runs", needs)) {
                continue;
            }
            folder.files().iter().filter(|(name, _)| is_output(name)).for_each(|(name, _)| {
                fs::remove_file(folder.0.path().join(name)).unwrap();
            });
            let command = on_this_machine(&command);
            let output = folder.sh(&command);
            let log = text(&output);
            assert!(!log.contains("ERROR") && !log.contains("WARNING"), "{document}: {command}\n{log}");
            let written: Vec<_> = folder.files().into_iter().filter(|(name, _)| is_output(name)).collect();
            assert_eq!(command.contains("sink location="), !written.is_empty(), "{command}: {written:?}");
            assert!(written.iter().all(|(_, length)| *length > 500), "{command}: {written:?}");
        }
    }
}

/// What the printed pipelines write.
fn is_output(name: &str) -> bool {
    ["protected", "covered"].iter().any(|stem| name.starts_with(stem))
}

#[test]
fn stand_ins_stand_for_what_is_printed() {
    let printed: String = DOCUMENTS.iter().flat_map(|document| commands(document)).collect();
    for (name, _) in STAND_INS.iter().chain(&GUESTS).chain([&OBS]) {
        assert!(printed.contains(name), "no document prints {name}");
    }
    let command = on_this_machine("gst-launch-1.0 -e v4l2src device=/dev/video0 ! a ! v4l2sink device=/dev/video1");
    assert_eq!(command, format!("gst-launch-1.0 -e {} ! a ! fakesink", STAND_INS[0].1));
}

#[test]
fn the_programs_that_take_frames_tell_of_the_face() {
    let folder = Folder::new();
    let mut programs = vec![folder.command(built("examples/appsink").to_str().unwrap())];
    let needs = "/usr/bin/python3 -c 'import gi; gi.require_version(\"GstVideo\", \"1.0\")'";
    if available("the_programs_that_take_frames_tell_of_the_face", needs) {
        let mut python = folder.command("/usr/bin/python3");
        python.arg(common::file("examples/appsink.py"));
        programs.push(python);
    }
    for mut program in programs {
        let output = program.arg("clip.mp4").output().unwrap();
        let log = text(&output);
        assert!(output.status.success(), "{log}");
        let frames = log.lines().filter(|line| line.contains("320x320")).count();
        let faces = log.lines().filter(|line| line.contains("face 0 at (")).count();
        assert!(frames >= 10 && faces == frames, "{log}");
        assert!(log.contains(": protected") || log.contains(": covered-"), "{log}");
    }
}

/// Phones and cameras write files whose video is to be shown turned.
#[test]
fn printed_pipelines_for_files_turn_the_picture() {
    for document in DOCUMENTS {
        for command in commands(document).into_iter().filter(|command| command.contains("filesrc location=")) {
            let turn = command.find("videoflip video-direction=auto");
            assert!(turn.is_some_and(|turn| Some(turn) < command.find("advjndprotect")), "{document}: {command}");
        }
    }
}

/// A browser's part is played by another webrtcbin, which has to get frames out of what it receives.
#[test]
fn a_browser_gets_frames_over_webrtc() {
    let needs =
        "/usr/bin/python3 -c 'import gi; gi.require_version(\"GstWebRTC\", \"1.0\")' && gst-inspect-1.0 nicesrc";
    if !available("a_browser_gets_frames_over_webrtc", needs) {
        return;
    }
    let folder = Folder::new();
    let mut client = folder.command("timeout");
    client.args(["300", "/usr/bin/python3"]).arg(common::file("tests/data/webrtc_client.py"));
    let output = client.arg(common::file("examples/webrtc.py")).output().unwrap();
    assert!(output.status.success() && text(&output).contains("frames received"), "{}", text(&output));
}
