// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs of `advjnd protect` that share work, that watch a folder, and what they record; what the program says of
//! itself.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod protect;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use protect::{Folder, command, protected, text};

fn advjnd(arguments: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_advjnd")).env("COLUMNS", "100").args(arguments).output().unwrap();
    (done.status.code(), text(&done.stdout) + &text(&done.stderr))
}

#[test]
fn four_shards_are_one_run() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("in")).unwrap();
    let clip = folder.clip("in/0.mp4", true);
    for index in 1..6 {
        fs::copy(&clip, folder.path(&format!("in/{index}.mp4"))).unwrap();
    }
    let (input, whole, parts) = (folder.path("in"), folder.path("whole"), folder.path("parts"));
    protected(&[&input, "-o", &whole]);
    let shards = (1..=4).map(|index| format!("{index}/4"));
    let runs: Vec<_> = shards
        .map(|shard| command(&["--shard", &shard, &input, "-o", &parts]).stdout(Stdio::null()).spawn().unwrap())
        .collect();
    runs.into_iter().for_each(|mut run| assert!(run.wait().unwrap().success()));
    assert_eq!(folder.files("parts"), folder.files("whole"));
    for name in folder.files("whole") {
        let [one, other] = ["whole", "parts"].map(|place| protect::frames(&folder.path(&format!("{place}/{name}"))).0);
        assert!(one == other, "{name}");
    }
}

#[test]
fn a_watched_folder_is_protected_as_files_come_and_each_once() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("in/sub")).unwrap();
    folder.clip("in/first.mp4", false);
    fs::write(folder.path("in/broken.mp4"), [0x9d; 900]).unwrap();
    let (input, output) = (folder.path("in"), folder.path("out"));
    let mut run =
        command(&["--watch=0.3", &input, "-o", &output]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let run = run.as_mut().unwrap();
    let until = |name: &str| {
        let begun = Instant::now();
        while !folder.root().join("out").join(name).exists() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{name} does not come");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until("first-protected.mp4");
    let written = fs::metadata(folder.path("out/first-protected.mp4")).unwrap().modified().unwrap();
    fs::copy(folder.path("in/first.mp4"), folder.path("in/sub/SECOND.MP4")).unwrap();
    until("sub/SECOND-protected.MP4");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(fs::metadata(folder.path("out/first-protected.mp4")).unwrap().modified().unwrap(), written);
    assert!(Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap().success());
    assert_eq!(run.wait().unwrap().code(), Some(143));
    let mut said = String::new();
    std::io::Read::read_to_string(run.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(said.matches("broken.mp4: not protected").count(), 1, "{said}");
    assert_eq!(folder.files("out"), ["first-protected.mp4", "sub"]);
}

#[test]
fn a_record_says_what_was_read_written_and_with_what() {
    let folder = Folder::new();
    let (input, output) = (folder.clip("clip.mp4", true), folder.path("out.mp4"));
    let said = protected(&["--json", "--replacewith", "mosaic", &input, "-o", &output]);
    let record: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    let sum = |path: &str| text(&Command::new("sha256sum").arg(path).output().unwrap().stdout)[..64].to_owned();
    assert_eq!(record["input_sha256"], sum(&input));
    assert_eq!(record["output_sha256"], sum(&output));
    assert_eq!(record["program_sha256"], sum(env!("CARGO_BIN_EXE_advjnd")));
    assert_eq!((&record["status"], &record["frames"]), (&"written".into(), &10.into()));
    assert_eq!(record["streams"][0]["kind"], "video");
    assert_eq!(record["streams"][1]["fate"], "copied");
    let set = record["settings"]["properties"].as_array().unwrap();
    assert!(set.contains(&serde_json::json!(["fail-policy", "pixelate"])), "{set:?}");
}

#[test]
fn spans_in_which_faces_are_covered_are_recorded() {
    let folder = Folder::new();
    let clip = protect::file("examples/media/portraits_720p.mp4");
    let output = folder.path("out.mp4");
    let said = protected(&["--json", "--mode", "cover", "--preview", "0.4", &clip, "-o", &output]);
    let record: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(record["faces"], record["covered"]);
    let spans = record["covered_spans"].as_array().unwrap();
    assert_eq!(spans.len(), 1, "{said}");
    assert!(spans[0]["from"].as_f64().unwrap() < 0.05 && spans[0]["until"].as_f64().unwrap() > 0.35, "{said}");
}

#[test]
fn the_program_describes_itself() {
    let (code, page) = advjnd(&["man", "protect"]);
    assert!(code == Some(0) && page.contains(".TH") && page.contains("skip\\-existing"), "{page}");
    assert_eq!(advjnd(&["man", "protect-one"]).0, Some(1));
    let (code, script) = advjnd(&["completions", "bash"]);
    assert!(code == Some(0) && script.contains("--replacewith"), "{script}");
    let (code, said) = advjnd(&["doctor", "--quick"]);
    assert!(code == Some(0) && said.contains("GStreamer") && said.contains("write H.264: ok (x264enc)"), "{said}");
    let (code, help) = advjnd(&["protect", "--help"]);
    assert!(code == Some(0) && help.contains("Exit codes"), "{help}");
    assert_eq!(advjnd(&["protect"]).0, Some(2));
}
