// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a worker is told, and what it tells: a line of JSON each.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::container::Container;
use super::settings::Settings;
use crate::analysis::Marks;

/// What a worker is to do, besides the files, which are among its arguments.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// What the file is protected with.
    pub settings: Settings,
    /// What video is written into.
    pub container: Container,
    /// Whether the checksums of input and output are wanted.
    pub hashes: bool,
    /// Who is where, from an analysis; the filter looks for faces itself where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub marks: Option<Marks>,
}

/// The files of a job.
#[derive(Debug)]
pub struct Files {
    /// What is read.
    pub input: PathBuf,
    /// What is written.
    pub output: PathBuf,
    /// Where a picture of a frame before and after is written, if one is wanted.
    pub picture: Option<PathBuf>,
}

/// What a worker tells.
#[derive(Debug, Serialize, Deserialize)]
pub enum Message {
    /// It has begun.
    Begun(Begun),
    /// It has come so far.
    Progress(Progress),
    /// The output is whole.
    Done(Box<Outcome>),
    /// There is no output: what was wrong, and what to do next.
    Failed(String),
}

/// What is being protected.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Begun {
    /// The stream, as people call it.
    pub stream: String,
    /// How long it is, in seconds, if the file says so.
    pub seconds: Option<f64>,
}

/// How far a worker has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Frames that are done.
    pub frames: u64,
    /// Faces in all of them together.
    pub faces: u64,
    /// Of these, faces that are covered.
    pub covered: u64,
    /// Where in the video it is, in seconds.
    pub at: f64,
    /// Whether the last frame is done and the file is being completed.
    pub ended: bool,
}

/// What became of a stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stream {
    /// `video`, `sound`, `subtitles`, `data` or `picture`.
    pub kind: String,
    /// Its format and language.
    pub format: String,
    /// What became of it.
    pub fate: Fate,
    /// Why, or into what.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// What became of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Protected and encoded anew.
    Protected,
    /// Taken over as it was.
    Copied,
    /// Encoded anew.
    Reencoded,
    /// Not in the output.
    LeftOut,
}

/// A part of a video, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Span {
    pub from: f64,
    pub until: f64,
}

/// What was done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// What became of every stream.
    pub streams: Vec<Stream>,
    /// Changes to the picture other than to faces.
    pub changes: Vec<String>,
    /// Frames that were protected.
    pub frames: u64,
    /// Faces in all frames together.
    pub faces: u64,
    /// Of these, faces that are protected.
    pub protected: u64,
    /// Of these, faces that are covered.
    pub covered: u64,
    /// Of these, faces that are left as they are, by choice: people by photograph.
    #[serde(default)]
    pub faces_kept: u64,
    /// Frames that did not go out, for a face in them was not protected.
    pub frames_dropped: u64,
    /// Frames that went out as they came, for the element was switched off.
    pub frames_passed: u64,
    /// Mean cosine of the protected faces to the clean ones, before.
    pub similarity_before: f64,
    /// The same, after.
    pub similarity_after: f64,
    /// Where in the main video a face is covered.
    pub covered_spans: Vec<Span>,
    /// The people who are left as they are, by choice.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub kept: Vec<String>,
    /// What is not as it should be.
    pub warnings: Vec<String>,
    /// Whether there is a picture of before and after.
    pub has_picture: bool,
    /// The second of the frame in the picture of before and after.
    pub shown_at: f64,
    /// SHA-256 of the input, where asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub input_sha256: Option<String>,
    /// SHA-256 of the output, where asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub output_sha256: Option<String>,
}

impl Outcome {
    /// Adds what an element did, by its property `stats`.
    pub fn add(&mut self, stats: &gst::StructureRef) {
        let count = |field: &str| stats.get::<u64>(field).unwrap_or_default();
        let similarity = |field: &str| stats.get::<f64>(field).unwrap_or_default();
        let (before, now) = (self.protected as f64, count("protected") as f64);
        let mean =
            |old: f64, new: f64| if before + now > 0.0 { (before * old + now * new) / (before + now) } else { 0.0 };
        self.similarity_before = mean(self.similarity_before, similarity("similarity-before"));
        self.similarity_after = mean(self.similarity_after, similarity("similarity-after"));
        self.frames += frames(stats);
        self.faces += count("faces");
        self.protected += count("protected");
        self.covered += count("covered");
        self.faces_kept += count("kept");
        self.frames_dropped += count("frames-dropped");
        self.frames_passed += count("frames-passed");
    }
}

/// Frames that went through an element, by its property `stats`.
pub fn frames(stats: &gst::StructureRef) -> u64 {
    ["frames", "frames-passed"].iter().map(|field| stats.get::<u64>(*field).unwrap_or_default()).sum()
}
