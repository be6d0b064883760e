// SPDX-License-Identifier: MIT OR Apache-2.0
//! What became of every file: for people, and as lines of JSON.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::message::{Fate, Outcome, Stream};
use super::settings::Settings;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Its output is written, and every face in it is protected, covered, or left as it is by choice.
    Written,
    /// Its output is written, but something is missing in it, or went out unprotected.
    WrittenWithWarnings,
    /// It was passed over.
    Skipped,
    /// There is no output of it.
    Failed,
    /// The run ended before it was done.
    Interrupted,
}

/// A file of a run.
#[derive(Debug, Serialize)]
pub struct Record {
    /// What was read.
    pub input: String,
    /// What was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// What became of it.
    pub status: Status,
    /// Why it was passed over or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What was done.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// A line of JSON: a record, and with what it was made.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    record: &'a Record,
    settings: &'a Settings,
    version: &'static str,
    /// SHA-256 of the program, in which the networks lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    program_sha256: Option<&'a str>,
}

impl Record {
    /// Of a file without an output.
    pub fn without_output(input: &Path, status: Status, reason: Option<String>) -> Self {
        Self { input: input.display().to_string(), output: None, status, reason, seconds: 0.0, outcome: None }
    }

    /// Of a file that was written in so many `seconds`.
    pub fn written(input: &Path, output: &Path, outcome: Outcome, seconds: f64) -> Self {
        let is_whole = outcome.frames_passed == 0 && outcome.frames_dropped == 0 && outcome.warnings.is_empty();
        Self {
            output: Some(output.display().to_string()),
            seconds,
            outcome: Some(outcome),
            ..Self::without_output(input, if is_whole { Status::Written } else { Status::WrittenWithWarnings }, None)
        }
    }

    /// Itself as a line of JSON, with the checksum of the program that made it.
    pub fn json(&self, settings: &Settings, program_sha256: Option<&str>) -> String {
        let line = Line { record: self, settings, version: env!("CARGO_PKG_VERSION"), program_sha256 };
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Itself for people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let input = &self.input;
        let reason = self.reason.as_deref().unwrap_or_default();
        // Writing to a string does not fail.
        let _ = match self.status {
            Status::Skipped => writeln!(text, "{input}: skipped: {reason}"),
            Status::Failed => writeln!(text, "{input}: not protected: {reason}"),
            Status::Interrupted => writeln!(text, "{input}: interrupted; nothing was written"),
            Status::Written | Status::WrittenWithWarnings => {
                self.outcome.as_ref().map_or(Ok(()), |outcome| self.tell(outcome, &mut text))
            }
        };
        text
    }

    fn tell(&self, outcome: &Outcome, text: &mut String) -> std::fmt::Result {
        let Outcome { frames, faces, protected, covered, .. } = outcome;
        let (input, seconds) = (&self.input, self.seconds);
        let rate = *frames as f64 / seconds.max(1e-3);
        writeln!(text, "{input}: {frames} frames in {seconds:.1} s ({rate:.1} fps)")?;
        writeln!(text, "  faces: {faces} in all frames together; {protected} protected, {covered} covered")?;
        if *protected > 0 {
            writeln!(
                text,
                "  mean similarity of protected faces to the clean ones: {:.3} before, {:.3} after (1 = the same)\n  \
                 the recognisers in use no longer match protected faces as they left the filter; others may",
                outcome.similarity_before, outcome.similarity_after
            )?;
        }
        if outcome.faces_kept > 0 {
            let kept = outcome.faces_kept;
            writeln!(text, "  left as they are, RECOGNISABLE, by choice: {kept} faces of people known by photograph")?;
        }
        if !outcome.kept.is_empty() {
            writeln!(text, "  left as they are, RECOGNISABLE, by choice: {}", outcome.kept.join(", "))?;
        }
        for stream in &outcome.streams {
            writeln!(text, "  {}", fate(stream))?;
        }
        for change in &outcome.changes {
            writeln!(text, "  changed: {change}")?;
        }
        if outcome.frames_passed > 0 {
            writeln!(text, "  warning: {} frames went out unchanged, NOT protected", outcome.frames_passed)?;
        }
        if outcome.frames_dropped > 0 {
            writeln!(
                text,
                "  warning: {} frames were dropped because a face was not protected",
                outcome.frames_dropped
            )?;
        }
        for warning in &outcome.warnings {
            writeln!(text, "  warning: {warning}")?;
        }
        writeln!(text, "  written: {}", self.output.as_deref().unwrap_or_default())
    }
}

fn fate(stream: &Stream) -> String {
    let Stream { kind, format, fate, detail } = stream;
    let detail = detail.as_deref().unwrap_or_default();
    match fate {
        Fate::Protected if detail.is_empty() => format!("{kind}: protected ({format})"),
        Fate::Protected => format!("{kind}: protected ({format}, written as {detail})"),
        Fate::Copied => format!("{kind}: kept as it was ({format})"),
        Fate::Reencoded => format!("{kind}: kept ({format}, written as {detail})"),
        Fate::LeftOut => format!("{kind}: LEFT OUT ({format}): {detail}"),
    }
}

/// A run in one line.
pub fn summary(records: &[Record]) -> String {
    let count = |status| records.iter().filter(|record| record.status == status).count();
    let sum = |field: fn(&Outcome) -> u64| records.iter().filter_map(|record| record.outcome.as_ref()).map(field).sum();
    let [frames, faces, protected, covered, kept]: [u64; 5] = [
        sum(|outcome| outcome.frames),
        sum(|outcome| outcome.faces),
        sum(|outcome| outcome.protected),
        sum(|outcome| outcome.covered),
        sum(|outcome| outcome.faces_kept),
    ];
    let kept = if kept > 0 { format!(", {kept} left as they are") } else { String::new() };
    let written = count(Status::Written) + count(Status::WrittenWithWarnings);
    format!(
        "{} files: {written} written ({} with warnings), {} skipped, {} not protected, {} interrupted; {frames} frames, \
         {faces} faces, {protected} protected, {covered} covered{kept}\n",
        records.len(),
        count(Status::WrittenWithWarnings),
        count(Status::Skipped),
        count(Status::Failed),
        count(Status::Interrupted)
    )
}

/// The exit code of a run that was not interrupted.
pub fn code(records: &[Record]) -> u8 {
    let any = |status| records.iter().any(|record| record.status == status);
    match () {
        () if any(Status::Failed) || any(Status::Interrupted) => 1,
        () if any(Status::WrittenWithWarnings) => 3,
        () => 0,
    }
}
