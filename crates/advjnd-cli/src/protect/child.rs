// SPDX-License-Identifier: MIT OR Apache-2.0
//! A worker, as the run sees it: started, listened to, watched, ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use advjnd::{Error, Result};

use super::identity;
use super::message::{Begun, Files, Job, Message, Outcome, Progress};
use super::stop::Stop;
use super::worker;

/// How often to check whether the run should stop.
const TICK: Duration = Duration::from_millis(100);

/// How a worker ended without an output.
#[derive(Debug)]
pub enum Failure {
    /// What was wrong, and what to do next.
    Failed(String),
    /// The run was to end.
    Interrupted,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// A worker that runs; ended when it is dropped.
struct Worker {
    child: Child,
    messages: Receiver<Message>,
    last_words: Option<JoinHandle<String>>,
    /// The worker ends when this does.
    _leash: ChildStdin,
}

/// Protects a file in a worker process and reports progress; fails after `patience` without a new frame.
///
/// # Errors
/// [`Failure`]: why there is no output.
pub fn protect(
    files: &Files,
    job: &Job,
    patience: Duration,
    stop: &Stop,
    tell: &dyn Fn(&Begun, Progress),
) -> std::result::Result<Outcome, Failure> {
    let mut worker = Worker::start(files, job)?;
    let (mut begun, mut progress) = (None, Progress::default());
    // Time that this process was stopped itself does not count.
    let (mut waited, mut turn) = (Duration::ZERO, Instant::now());
    loop {
        waited += turn.elapsed().min(2 * TICK);
        turn = Instant::now();
        match worker.messages.recv_timeout(TICK) {
            Ok(Message::Begun(of)) => {
                waited = Duration::ZERO;
                begun = Some(of);
            }
            Ok(Message::Progress(now)) => {
                if now != progress {
                    waited = Duration::ZERO;
                }
                progress = now;
            }
            Ok(Message::Done(outcome)) => return Ok(*outcome),
            Ok(Message::Failed(reason)) => return Err(Failure::Failed(reason)),
            Err(RecvTimeoutError::Disconnected) => return Err(worker.fate(stop)),
            Err(RecvTimeoutError::Timeout) => (),
        }
        if stop.signal().is_some() {
            return Err(Failure::Interrupted);
        }
        // What is done after the last frame takes as long as the file is large.
        if !progress.ended && waited >= patience {
            return Err(Failure::Failed(stuck(begun.as_ref(), progress, patience)));
        }
        if let Some(begun) = &begun {
            tell(begun, progress);
        }
    }
}

impl Worker {
    fn start(files: &Files, job: &Job) -> Result<Self> {
        let failed = |error: std::io::Error| Error::input(format!("the worker cannot be started: {error}"));
        let mut command = Command::new(identity::this_program().map_err(failed)?);
        command.arg(worker::NAME);
        if let Some(picture) = &files.picture {
            command.arg("--picture").arg(picture);
        }
        command.arg("--").arg(&files.input).arg(&files.output);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let streams = child.stdin.take().zip(child.stdout.take()).zip(child.stderr.take());
        let ((mut leash, output), errors) = streams.ok_or_else(|| Error::input("the worker has no streams"))?;
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            // What is no message comes from a library.
            let lines = BufReader::new(output).split(b'\n').map_while(std::result::Result::ok);
            for message in lines.filter_map(|line| serde_json::from_slice(&line).ok()) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let last_words = Some(std::thread::spawn(move || last_line(errors)));
        let job = serde_json::to_string(job).map_err(|error| failed(error.into()))?;
        // One that has ended already does not read it; its fate is told below.
        let _ = writeln!(leash, "{job}");
        Ok(Self { child, messages, last_words, _leash: leash })
    }

    /// Why it said nothing more.
    fn fate(&mut self, stop: &Stop) -> Failure {
        let Ok(status) = self.child.wait() else { return Failure::Failed("the worker was lost".to_owned()) };
        if stop.signal().is_some() {
            return Failure::Interrupted;
        }
        let end = status.signal().map_or_else(|| status.to_string(), |signal| format!("signal {signal}"));
        let words = self.last_words.take().and_then(|words| words.join().ok()).unwrap_or_default();
        let said = if words.is_empty() { String::new() } else { format!("; last output: {words}") };
        Failure::Failed(format!(
            "a decoder or filter crashed on it ({end}{said}); convert the file with another program first, ffmpeg say"
        ))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last line of what is read, to its end.
fn last_line(from: impl Read) -> String {
    let mut last = String::new();
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        if !text.is_empty() && !text.starts_with("note: ") {
            last = text;
        }
        line.clear();
    }
    last
}

fn stuck(begun: Option<&Begun>, progress: Progress, patience: Duration) -> String {
    let of = begun.map_or("its first stream".to_owned(), |begun| begun.stream.clone());
    format!(
        "no frame of {of} came for {} s, after {} frames, at {:.2} s; the file is damaged there, or this machine too \
         slow for it: --timeout waits longer",
        patience.as_secs_f64(),
        progress.frames,
        progress.at
    )
}
