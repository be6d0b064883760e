// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where and of what a row was made.

#[cfg(feature = "measure")]
use std::process::Command;

use crate::proc::processor;

/// The commit of the working folder, with `-dirty` behind it where files differ; none outside a checkout of git.
#[cfg(feature = "measure")]
pub fn commit() -> Option<String> {
    let arguments = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
    let done = Command::new("git").args(arguments).output().ok().filter(|done| done.status.success())?;
    Some(String::from_utf8(done.stdout).ok()?.trim().to_owned()).filter(|commit| !commit.is_empty())
}

/// The processor's name, as Linux tells it, and the number of threads.
pub fn machine(threads: usize) -> String {
    let name = processor("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    format!("{name}, {threads} {}", if threads == 1 { "thread" } else { "threads" })
}
