// SPDX-License-Identifier: MIT OR Apache-2.0
//! `advjnd protect` does no harm to files.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod protect;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use protect::{Folder, command, frames, protected, refused, text};

#[test]
fn a_file_with_sound_keeps_every_frame_and_its_sound() {
    let folder = Folder::new();
    let (input, output) = (folder.clip("clip.mp4", true), folder.path("out/protected.mp4"));
    let said = protected(&[&input, "-o", &output]);
    assert!(said.contains("10 frames in") && said.contains("sound: kept as it was (AAC"), "{said}");
    assert_eq!(frames(&output).0.len(), 10);
    assert!(!protect::encoded_sound(&output).0.is_empty());
    assert_eq!(folder.files("out"), ["protected.mp4"], "no picture with a clean frame, and nothing unfinished");
}

#[test]
fn a_picture_comes_when_asked_for_and_its_name_says_what_is_in_it() {
    let folder = Folder::new();
    let (input, output) = (folder.clip("clip.mp4", false), folder.path("out/clip-protected.mp4"));
    protected(&["--picture", &input, "-o", &output]);
    assert_eq!(folder.files("out"), ["clip-clean-and-protected.png", "clip-protected.mp4"]);
    let picture = folder.path("out/clip-clean-and-protected.png");
    assert_eq!(fs::metadata(&picture).unwrap().permissions().mode() & 0o777, 0o600, "half of it is clean");
    let picture = image::open(picture).unwrap();
    assert_eq!((picture.width(), picture.height()), (160 + 8 + 160, 120));
    fs::remove_file(&output).unwrap();
    let again = refused(&["--picture", &input, "-o", &output], 1);
    assert!(again.contains("clean-and-protected.png already exists"), "{again}");
}

#[test]
fn what_is_there_is_overwritten_only_when_asked_for() {
    let folder = Folder::new();
    let (input, output) = (folder.clip("clip.mp4", false), folder.path("protected.mp4"));
    fs::write(&output, "of somebody").unwrap();
    let said = refused(&[&input, "-o", &output], 1);
    assert!(said.contains("already exists; give another name, or -y"), "{said}");
    assert!(protected(&["--skip-existing", &input, "-o", &output]).contains("skipped"));
    assert_eq!(fs::read_to_string(&output).unwrap(), "of somebody");
    for flag in ["-y", "--overwrite"] {
        fs::write(&output, "of somebody").unwrap();
        protected(&[flag, &input, "-o", &output]);
        assert_eq!(frames(&output).0.len(), 10);
    }
    assert_eq!(folder.files(""), ["clip.mp4", "protected.mp4"]);
}

#[test]
fn the_input_is_never_overwritten_by_whatever_name() {
    let folder = Folder::new();
    let (input, link, hard) = (folder.clip("clip.mp4", false), folder.path("link.mp4"), folder.path("hard.mp4"));
    std::os::unix::fs::symlink(&input, &link).unwrap();
    fs::hard_link(&input, &hard).unwrap();
    let before = fs::read(&input).unwrap();
    let dotted = folder.path("./clip.mp4");
    for (from, to) in [(&input, &input), (&input, &dotted), (&input, &link), (&link, &input), (&input, &hard)] {
        let said = refused(&["-y", from, "-o", to], 1);
        assert!(said.contains("is the input itself"), "{from} {to}: {said}");
    }
    assert!(fs::read(&input).unwrap() == before);
    assert_eq!(folder.files(""), ["clip.mp4", "hard.mp4", "link.mp4"]);
}

#[test]
fn what_fails_leaves_nothing_and_what_was_there_stays() {
    let folder = Folder::new();
    let (input, output) = (folder.path("clip.mp4"), folder.path("out/protected.mp4"));
    // A file that begins as one of MPEG-4 and ends there.
    let whole = fs::read(folder.clip("whole.mp4", false)).unwrap();
    fs::write(&input, &whole[..40]).unwrap();
    refused(&[&input, "-o", &output], 1);
    assert!(folder.files("out").is_empty());
    fs::write(&output, "of before").unwrap();
    refused(&["-y", &input, "-o", &output], 1);
    assert_eq!(
        (folder.files("out"), fs::read_to_string(&output).unwrap()),
        (vec!["protected.mp4".into()], "of before".into())
    );
}

#[test]
fn a_full_disk_leaves_nothing() {
    let folder = Folder::new();
    let input = folder.long_clip("clip.mp4", 2);
    // Nothing larger than four kibibytes may be written.
    let program = env!("CARGO_BIN_EXE_advjnd");
    let limited = format!("trap '' XFSZ; ulimit -f 8; exec '{program}' protect '{input}' -o '{}'", folder.path("out/"));
    let done = std::process::Command::new("sh").args(["-c", &limited]).output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}{}", text(&done.stdout), text(&done.stderr));
    assert!(folder.files("out").is_empty(), "{:?}", folder.files("out"));
}

#[test]
fn names_may_begin_with_a_dash_and_need_not_be_text() {
    let folder = Folder::new();
    folder.clip("-x y.mp4", false);
    let mut dashed = command(&["-o", "./-z.mp4", "--", "-x y.mp4"]);
    let done = dashed.current_dir(folder.root()).output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(folder.files(""), ["-x y.mp4", "-z.mp4"]);

    let name = OsStr::from_bytes(b"caf\xe9.mp4");
    fs::rename(folder.path("-x y.mp4"), folder.root().join(name)).unwrap();
    let done = command(&["--json", "-o", "out"]).arg(name).current_dir(folder.root()).output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(folder.root().join("out").join(OsStr::from_bytes(b"caf\xe9-protected.mp4")).is_file());
}

#[test]
fn mistakes_are_told_and_not_carried_out() {
    let folder = Folder::new();
    let (input, output) = (folder.clip("clip.mp4", false), folder.path("protected.mp4"));
    let avi = folder.path("protected.avi");
    let mistakes: [(&[&str], i32, &str); 11] = [
        (&["/nonexistent.mp4", "-o", &output], 1, "no file /nonexistent.mp4"),
        (&[&input], 2, "--output"),
        (&["--fast", &input, "-o", &output], 2, "unexpected argument '--fast'"),
        (&["--property", "strength", &input, "-o", &output], 2, "NAME=VALUE"),
        (&["--property", "strength=1", &input, "-o", &output], 1, "no property `strength`"),
        (&["--property", "jnd-scale=much", &input, "-o", &output], 1, "cannot be `much`"),
        (&["--property", "jnd-scale=1e9", &input, "-o", &output], 1, "out of its range"),
        (&["--property", "hold-time=-5", &input, "-o", &output], 1, "out of its range"),
        (&["--property", "models=/nonexistent", &input, "-o", &output], 1, "/nonexistent"),
        (&["--preset", "loud", &input, "-o", &output], 1, "cannot be `loud`"),
        (&[&input, "-o", &avi], 1, ".mp4, .mov or .mkv"),
    ];
    for (arguments, code, expected) in mistakes {
        let said = refused(arguments, code);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert_eq!(folder.files(""), ["clip.mp4"]);
}
