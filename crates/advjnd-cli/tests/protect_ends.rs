// SPDX-License-Identifier: MIT OR Apache-2.0
//! `advjnd protect` ends, whatever happens, and leaves nothing unfinished.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod protect;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use protect::{Folder, command, protected, text};

/// How long something may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The program at work on a clip that takes longer than a test.
struct Run {
    folder: Folder,
    child: Child,
    worker: u32,
}

impl Run {
    fn start(arguments: &[&str], clips: &[&str]) -> Self {
        let folder = Folder::new();
        let mut paths = vec![folder.long_clip(clips[0], 40)];
        paths.extend(clips[1..].iter().map(|name| folder.clip(name, false)));
        let mut command = command(arguments);
        command.args(&paths).args(["-o", &folder.path("out/")]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // The output has been begun where it holds something.
        let worker = until(|| {
            let out = fs::read_dir(folder.root().join("out")).ok()?;
            out.flatten().find(|file| file.metadata().is_ok_and(|file| file.len() > 0))?;
            worker_of(child.id())
        });
        Self { folder, child, worker }
    }

    /// The exit code and what was said.
    fn end(self) -> (Option<i32>, String, Folder) {
        let done = self.child.wait_with_output().unwrap();
        (done.status.code(), format!("{}{}", text(&done.stdout), text(&done.stderr)), self.folder)
    }
}

fn until<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "it does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn worker_of(run: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{run}/task/{run}/children")).ok()?;
    let of_threads = fs::read_dir(format!("/proc/{run}/task")).ok()?.flatten();
    let of_threads = of_threads.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let all = of_threads.chain([children]).collect::<Vec<_>>().join(" ");
    all.split_whitespace().next()?.parse().ok()
}

fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().unwrap().success());
}

fn is_running(process: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{process}/stat")).ok();
    state.is_some_and(|state| !state.contains(") Z "))
}

#[test]
fn a_signal_leaves_nothing_unfinished() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let run = Run::start(&[], &["clip.mp4"]);
        signal(name, run.child.id());
        let worker = run.worker;
        let (ended, said, folder) = run.end();
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains("interrupted"), "{said}");
        assert!(folder.files("out").is_empty(), "{name}: {:?}", folder.files("out"));
        assert!(!is_running(worker));
    }
}

#[test]
fn a_run_that_is_killed_takes_its_worker_and_what_that_wrote_along() {
    let run = Run::start(&[], &["clip.mp4"]);
    signal("KILL", run.child.id());
    let worker = run.worker;
    let (.., folder) = run.end();
    until(|| (!is_running(worker) && folder.files("out").is_empty()).then_some(()));
}

#[test]
fn a_worker_that_crashes_is_an_error_of_its_file_alone() {
    let run = Run::start(&[], &["a.mp4", "b.mp4"]);
    signal("ABRT", run.worker);
    let (code, said, folder) = run.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("a.mp4: not protected: a decoder or filter crashed on it (signal 6"), "{said}");
    assert_eq!(folder.files("out"), ["b-protected.mp4"]);
}

#[test]
fn a_worker_that_hangs_is_ended_and_the_stream_named() {
    let run = Run::start(&["--timeout", "2"], &["a.mp4", "b.mp4"]);
    signal("STOP", run.worker);
    let (code, said, folder) = run.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no frame of video stream 0 (H.264) came for 2 s"), "{said}");
    assert_eq!(folder.files("out"), ["b-protected.mp4"]);
}

#[test]
fn two_runs_do_not_write_into_one_folder() {
    let run = Run::start(&[], &["clip.mp4"]);
    let other = run.folder.clip("other.mp4", false);
    let said = protect::refused(&[&other, "-o", &run.folder.path("out")], 1);
    assert!(said.contains("another run writes into"), "{said}");
    signal("TERM", run.child.id());
    let (.., folder) = run.end();
    protected(&[&other, "-o", &folder.path("out")]);
}
