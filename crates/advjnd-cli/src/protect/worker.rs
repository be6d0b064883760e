// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process that protects one file: what a damaged file makes of a decoder ends this process and not the run.
//!
//! Its standard input gives it a `Job` and stays open as long as the run lasts; its standard output gives
//! `Message`s.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use advjnd::{Error, Result};
use clap::Args;

use super::identity::checksum;
use super::kind::{Kind, Refusal, kind};
use super::message::{Files, Job, Message, Outcome};
use super::side_by_side::side_by_side;
use super::{film, start, still};

/// The name of the subcommand.
pub const NAME: &str = "protect-one";

/// Protects one file for `advjnd protect`.
#[derive(Args)]
pub struct Work {
    /// The file to be protected
    input: PathBuf,
    /// What is written
    output: PathBuf,
    /// Where the picture of a frame before and after is written
    #[arg(long)]
    picture: Option<PathBuf>,
}

impl Work {
    /// Does the job that comes by standard input.
    ///
    /// # Errors
    /// [`Error::Input`] where no job comes; what is wrong with the file is a message.
    pub fn run(self) -> Result<ExitCode> {
        let files = Files { input: self.input, output: self.output, picture: self.picture };
        let job = job()?;
        follow_the_run(&files);
        let message = match protect(&files, &job) {
            Ok(outcome) => Message::Done(Box::new(outcome)),
            Err(error) => Message::Failed(error.to_string()),
        };
        tell(&message);
        Ok(ExitCode::SUCCESS)
    }
}

fn job() -> Result<Job> {
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    let job = read.ok().and_then(|_| serde_json::from_str(&line).ok());
    job.ok_or_else(|| Error::input("this subcommand is for `advjnd protect` alone; use that"))
}

/// Ends this process, and what it has written, when the run has ended.
fn follow_the_run(files: &Files) {
    let written: Vec<_> = files.picture.iter().chain([&files.output]).cloned().collect();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        written.iter().for_each(|path| {
            let _ = std::fs::remove_file(path);
        });
        std::process::exit(1);
    });
}

/// Tells the run; one that has ended hears nothing, and this process ends as well.
fn tell(message: &Message) {
    if let Ok(line) = serde_json::to_string(message) {
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

fn protect(files: &Files, job: &Job) -> Result<Outcome> {
    start()?;
    let mut outcome = match kind(&files.input)? {
        Ok(Kind::Film(caps)) => film::protect(files, job, &caps, &tell)?,
        Ok(Kind::Still(format)) => still::protect(files, job, format, &tell)?,
        Err(Refusal::Other(reason) | Refusal::Unfit(reason)) => return Err(Error::Input(reason)),
    };
    if let Some(picture) = &files.picture {
        let shown_at = Duration::from_secs_f64(outcome.shown_at);
        match side_by_side(&files.input, &files.output, shown_at, picture) {
            Ok(()) => outcome.has_picture = true,
            Err(error) => outcome.warnings.push(format!("no picture of before and after: {error}")),
        }
    }
    if job.hashes {
        outcome.input_sha256 = Some(checksum(&files.input)?);
        outcome.output_sha256 = Some(checksum(&files.output)?);
    }
    Ok(outcome)
}
