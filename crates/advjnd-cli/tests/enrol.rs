// SPDX-License-Identifier: MIT OR Apache-2.0
//! `advjnd enrol`, and `advjnd protect` with the people it knows.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod protect;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use protect::{Folder, file, protected, text};

fn enrol(arguments: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_advjnd")).arg("enrol").args(arguments).output().unwrap();
    (done.status.code(), text(&done.stdout) + &text(&done.stderr))
}

/// A photograph of somebody in the sample clip.
fn photograph() -> String {
    file("crates/advjnd/tests/data/chips/impostor_1.png")
}

#[test]
fn the_file_is_its_owners_and_replaces_another_only_if_that_is_wanted() {
    let folder = Folder::new();
    let (photo, output) = (photograph(), folder.path("people.safetensors"));
    fs::create_dir_all(folder.path("people/Ann")).unwrap();
    for name in ["Ann/1.png", "Ann/2.png", "Bob.png"] {
        fs::copy(file("crates/advjnd/tests/data/chips/impostor_2.png"), folder.path(&format!("people/{name}")))
            .unwrap();
    }
    let (code, said) = enrol(&[&photo, &folder.path("people"), "-o", &output]);
    assert_eq!(code, Some(0), "{said}");
    for told in ["people: 3", "impostor_1, photographs: 1", "Ann, photographs: 2", "Bob, photographs: 1"] {
        assert!(said.contains(told), "{told}: {said}");
    }
    let mode = || fs::metadata(&output).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    assert_eq!(folder.files(""), ["people", "people.safetensors"]);
    let before = fs::read(&output).unwrap();
    let (code, said) = enrol(&[&photo, "-o", &output]);
    assert!(code != Some(0) && said.contains("-y"), "{said}");
    assert!(fs::read(&output).unwrap() == before);
    fs::set_permissions(&output, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(enrol(&[&photo, "-o", &output, "-y"]).0, Some(0));
    assert!(fs::read(&output).unwrap() != before && mode() == 0o600);
}

#[test]
fn what_is_no_photograph_is_named_and_nothing_is_written() {
    let folder = Folder::new();
    let output = folder.path("people.safetensors");
    fs::write(folder.path("notes.txt"), "nobody").unwrap();
    for (input, told) in [("notes.txt", "no PNG"), ("missing.png", "not there")] {
        let (code, said) = enrol(&[&photograph(), &folder.path(input), "-o", &output]);
        assert!(code != Some(0) && said.contains(input) && said.contains(told), "{said}");
    }
    assert_eq!(folder.files(""), ["notes.txt"]);
}

#[test]
fn who_is_excluded_is_counted_and_no_failure() {
    let folder = Folder::new();
    let (people, output) = (folder.path("people.safetensors"), folder.path("out.mp4"));
    assert_eq!(enrol(&[&photograph(), "-o", &people]).0, Some(0));
    let clip = file("examples/media/portraits_720p.mp4");
    let property = format!("exclude-people={people}");
    let arguments = ["--mode", "cover", "--preview", "0.4", "--property", &property, &clip, "-o", &output];
    let said = protected(&[&["--json"], &arguments[..]].concat());
    let record: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    let count = |field: &str| record[field].as_u64().unwrap();
    assert_eq!((record["status"].as_str(), count("faces_kept")), (Some("written"), 8), "{said}");
    assert_eq!(count("faces"), count("covered") + count("faces_kept"));
    let said = protected(&[&["-y"], &arguments[..]].concat());
    assert!(said.contains("RECOGNISABLE, by choice: 8 faces"), "{said}");
}
