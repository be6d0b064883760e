// SPDX-License-Identifier: MIT OR Apache-2.0
//! `advjnd protect` on folders and patterns.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod protect;

use std::fs;

use protect::{Folder, command, protected, refused, text};

#[test]
fn a_folder_keeps_its_order_and_names_and_files_are_told_by_content() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("in/sub")).unwrap();
    let clip = folder.clip("clip", false);
    // Suffixes as cameras write them, names that differ by suffix or case alone, and one that lies.
    for name in ["GH01.MP4", "a.mp4", "a.avi", "A.mp4", "sub/b", "sub/c.txt", ".hidden.mp4"] {
        fs::copy(&clip, folder.path(&format!("in/{name}"))).unwrap();
    }
    fs::write(folder.path("in/notes.txt"), "no video, and none of its business").unwrap();
    let said = protected(&[&folder.path("in"), "-o", &folder.path("out"), "--jobs", "2"]);
    assert!(said.contains("notes.txt: skipped: it is neither a video nor a picture, but text"), "{said}");
    assert!(said.contains("another input wants the usual one"), "{said}");
    let (marked, plain): (Vec<_>, Vec<_>) =
        folder.files("out").into_iter().partition(|name| name.to_lowercase().starts_with("a-protected-"));
    assert_eq!(plain, ["GH01-protected.MP4", "a.avi-protected.mp4", "sub"], "{said}");
    assert_eq!(marked.len(), 2, "names that differ by case alone: {said}");
    assert_eq!(folder.files("out/sub"), ["b-protected.mp4", "c.txt-protected.mp4"]);
}

#[test]
fn what_cannot_be_protected_is_told_and_the_others_are() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("in")).unwrap();
    folder.clip("in/good.mp4", false);
    fs::write(folder.path("in/empty.mp4"), "").unwrap();
    fs::write(folder.path("in/noise.mp4"), [0x9d; 3000]).unwrap();
    std::os::unix::fs::symlink("/nonexistent", folder.path("in/link.mp4")).unwrap();
    let said = refused(&[&folder.path("in"), "-o", &folder.path("out")], 1);
    for expected in ["empty.mp4: not protected: it is empty", "noise.mp4: not protected: its content", "link.mp4: not"]
    {
        assert!(said.contains(expected), "{said}");
    }
    assert!(said.contains("4 files: 1 written"), "{said}");
    assert_eq!(folder.files("out"), ["good-protected.mp4"]);
}

#[test]
fn what_was_protected_is_not_protected_again() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("in")).unwrap();
    folder.clip("in/a.mp4", false);
    let (input, inside) = (folder.path("in"), folder.path("in/protected"));
    protected(&[&input, "-o", &inside]);
    protected(&["--skip-existing", &input, "-o", &inside]);
    assert_eq!(folder.files("in/protected"), ["a-protected.mp4"]);
    let said = refused(&[&input, "-o", &folder.path("in/.")], 1);
    assert!(said.contains("the folder of inputs and of outputs"), "{said}");
}

#[test]
fn a_pattern_names_what_fits_it() {
    let folder = Folder::new();
    folder.clip("a.mp4", false);
    folder.clip("b.mp4", false);
    let done = command(&["[b-z].*", "-o", "out"]).current_dir(folder.root()).output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(folder.files("out"), ["b-protected.mp4"]);
    let said = refused(&[&folder.path("*.mkv"), "-o", &folder.path("out")], 1);
    assert!(said.contains("there is no file"), "{said}");
}
